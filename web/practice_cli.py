"""``pertimage bilan``: the monthly mails of the practice report."""

from __future__ import annotations

import smtplib
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

app = typer.Typer(help="Le bilan de pratique des prescripteurs.", no_args_is_help=True)
err = Console(stderr=True, soft_wrap=True, highlight=False)


@app.callback()
def main() -> None:
    """Le bilan de pratique des prescripteurs."""


@app.command()
def courriels(
    month: Annotated[str, typer.Option("--mois", help="Mois terminé, AAAA-MM.")],
    folder: Annotated[Path, typer.Option("--vers", file_okay=False, help="Dossier où écrire les fichiers .eml.")],
    database: Annotated[str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Base de démonstration.")] = False,
) -> None:
    """Écrire, et envoyer si PERTIMAGE_SMTP est donné, le courriel du mois de chaque prescripteur qui le souhaite : un lien, une seule fois."""
    from pertimage.web.mails import mail_server
    from pertimage.web.report_mails import checked_month, make_mails
    from pertimage.web.service import Service
    from pertimage.web.settings import Settings, UnsafeSettingsError

    given: dict[str, object] = ({"demo": True} if demo else {}) | ({"database": database} if database else {})
    try:
        service = Service(Settings(**given).checked())  # type: ignore[arg-type]
    except UnsafeSettingsError as error:
        _stop(str(error))
    try:
        wanted = checked_month(month, service.now())
        with mail_server(service.settings.smtp) as send:
            done = make_mails(service, wanted, folder, send)
    except (UnsafeSettingsError, ValueError) as error:
        _stop(str(error))
    except (smtplib.SMTPException, OSError) as error:
        _stop(f"Rien n'a été envoyé : {type(error).__name__}. Vérifiez PERTIMAGE_SMTP et le dossier « {folder} ».", code=1)
    finally:
        service.close()
    sent = "" if service.settings.smtp else " (écrits, non envoyés : PERTIMAGE_SMTP est vide)"
    typer.echo(f"{wanted} : {done.made} courriel(s) fait(s){sent}, {done.before} déjà fait(s), {done.without_address} sans adresse connue.")
    for failure in done.failures:
        err.print(failure, markup=False)
    if done.failures:
        raise typer.Exit(1)


def _stop(why: str, code: int = 2) -> NoReturn:
    err.print(why, markup=False)
    raise typer.Exit(code)
