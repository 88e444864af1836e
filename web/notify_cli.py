"""``pertimage notify``: the mails that say that an answer waits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pertimage.web.service import Service

err = Console(stderr=True, soft_wrap=True, highlight=False)


def notify(
    send: Annotated[bool, typer.Option("--send", help="Envoyer par PERTIMAGE_SMTP.")] = False,
    folder: Annotated[Path | None, typer.Option("--into", file_okay=False, help="Écrire les courriels dans ce dossier (.eml).")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Lister les derniers courriels refusés ou incertains, sans rien envoyer.")
    ] = False,
    database: Annotated[str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Base de démonstration.")] = False,
) -> None:
    """Prévenir par courriel les prescripteurs qu'une réponse attend ; sans --send ni --into, dire seulement combien sont à prévenir."""
    from pertimage.web.service import Service
    from pertimage.web.settings import Settings, UnsafeSettingsError

    given: dict[str, object] = ({"demo": True} if demo else {}) | ({"database": database} if database else {})
    try:
        service = Service(Settings(**given).checked())  # type: ignore[arg-type]
        try:
            faulty = _list_failed(service) if failed else _tell(service, send, folder)
        finally:
            service.close()
    except UnsafeSettingsError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(2) from None
    if faulty:
        raise typer.Exit(1)


def _tell(service: Service, send: bool, folder: Path | None) -> bool:
    """Do a run and say what it did; return whether something failed."""
    from pertimage.web import notify as mailing
    from pertimage.web.settings import UnsafeSettingsError

    if send and not service.settings.smtp:
        raise UnsafeSettingsError("PERTIMAGE_SMTP manque : sans serveur d'envoi, employez --into DOSSIER.")
    way = mailing.by_smtp(service.settings.smtp) if send else None
    done = mailing.notify(service, mailing.into(folder, way) if folder else way)
    made = "courriel(s) parti(s)" if send else "courriel(s) écrit(s)" if folder else "prescripteur(s) à prévenir"
    typer.echo(f"{done.made} {made}, {done.before} prévenu(s) par ailleurs, {done.later} pour plus tard.")
    if done.without_address:
        typer.echo(f"Sans adresse dans PERTIMAGE_MAILS : {', '.join(done.without_address)}.")
    for failure in done.failures:
        err.print(failure, markup=False)
    return bool(done.failures)


def _list_failed(service: Service) -> bool:
    """List the last mails that did not leave, or may not have."""
    from pertimage.audit.notifications import Notifications, State
    from pertimage.web.notify import names_of
    from pertimage.web.pages.french import instant

    names = names_of(service)
    for mail in Notifications(service.journal).mails(states=[State.FAILED, State.UNSURE]):
        words = "refusé, à refaire" if mail.state is State.FAILED else "incertain, non refait"
        typer.echo(f"{instant(mail.at)} · {names.get(mail.prescriber, mail.prescriber[:12])} · {words} · {mail.why}")
    return False
