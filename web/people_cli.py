"""The command line about people: giving the open requests of a prescriber who left to another."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

err = Console(stderr=True, soft_wrap=True, highlight=False)


def succession(
    leaving: Annotated[str, typer.Option("--de", help="Nom du prescripteur qui part, tel que son compte le dit.")],
    taking: Annotated[str, typer.Option("--a", help="Nom de celui qui reprend ses demandes.")],
    author: Annotated[str, typer.Option("--auteur", help="Qui le décide.")] = "exploitant",
    database: Annotated[str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Base de démonstration.")] = False,
) -> None:
    """Confier à un autre les demandes en cours d'un prescripteur qui part : questions, réponses, décisions et résultats lui reviennent désormais."""
    from pertimage.web.pages.restitution import awaited_of
    from pertimage.web.service import Service
    from pertimage.web.settings import Settings, UnsafeSettingsError

    if not leaving.strip() or not taking.strip() or leaving.strip() == taking.strip():
        err.print("Il faut deux prescripteurs différents.", markup=False)
        raise typer.Exit(2)
    given: dict[str, object] = ({"demo": True} if demo else {}) | ({"database": database} if database else {})
    try:
        service = Service(Settings(**given).checked())  # type: ignore[arg-type]
    except UnsafeSettingsError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(2) from None
    try:
        names = [service.pseudonyms.prescriber(name.strip()) for name in (leaving, taking)]
        also = awaited_of(service, names[0])
        given_over = service.register.succeed(*names, author=author, at=service.now(), also=also)
    finally:
        service.close()
    plural = "s" if given_over > 1 else ""
    typer.echo(
        f"{given_over} demande{plural} en cours confiée{plural}."
        if given_over
        else "Aucune demande en cours sous ce nom : rien n'a changé."
    )
