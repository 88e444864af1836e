"""The command line of the programme's calendar: put one in force, show it, say which group prescribers are in."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pertimage.web.policy_cli import USUAL, Database

app = typer.Typer(help="Le calendrier du programme : silencieux, en service, éteint, site par site.", no_args_is_help=True)
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


@app.command("import")
def import_calendar(
    file: Annotated[Path, typer.Argument(help="Fichier CSV : site,silent_from,on_from,off_from et, au besoin, group.")],
    author: Annotated[str, typer.Option("--auteur", help="Qui met ce calendrier en vigueur.")],
    reason: Annotated[str, typer.Option("--motif", help="Pourquoi.")],
    groups: Annotated[
        Path | None, typer.Option("--groupes", help="Fichier CSV : prescripteur,groupe (nom du compte, ou logiciel|Practitioner/12).")
    ] = None,
    database: Database = USUAL,
    demo: Annotated[bool, typer.Option("--demo", help="Base de démonstration.")] = False,
    check: Annotated[bool, typer.Option("--verifier", "--check", help="Vérifier sans rien enregistrer.")] = False,
) -> None:
    """Mettre un calendrier en vigueur à la place de celui qui l'est ; un seul défaut et rien n'est enregistré."""
    from pertimage.audit.programme import read_calendar
    from pertimage.audit.programme_register import Programme
    from pertimage.web.service import Service
    from pertimage.web.settings import Settings, UnsafeSettingsError

    entries, faults = read_calendar(read_text(file))
    members, wrong = _members(read_text(groups), {entry.group for entry in entries}) if groups else ({}, [])
    said = [f"{file}:{fault.line} : {fault.message}" for fault in faults] + [f"{groups}:{line} : {message}" for line, message in wrong]
    if said:
        err.print("\n".join(said), markup=False)
        err.print(f"{len(said)} défaut{'s' if len(said) > 1 else ''} : rien n'est enregistré.", markup=False)
        raise typer.Exit(1)
    if check:
        out.print(f"{file} : {len(entries)} lignes correctes, rien n'est enregistré.", markup=False)
        return
    given: dict[str, object] = ({"demo": True} if demo else {}) | ({"database": database} if database else {})
    try:
        service = Service(Settings(**given).checked())  # type: ignore[arg-type]
    except UnsafeSettingsError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(2) from None
    try:
        hashed = {service.pseudonyms.prescriber(name): group for name, group in members.items()} if groups else None
        Programme(service.journal).put(entries, groups=hashed, author=author, reason=reason, at=datetime.now(UTC))
    except ValueError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None
    finally:
        service.close()
    out.print(f"Calendrier en vigueur : {len(entries)} ligne{'s' if len(entries) > 1 else ''}.", markup=False)


@app.command()
def show(database: Database = USUAL) -> None:
    """Écrire le calendrier en vigueur, tel qu'il se relit."""
    from pertimage.audit.programme import to_csv
    from pertimage.audit.programme_register import Programme
    from pertimage.web.policy_cli import open_register

    with open_register(database, existing=True) as register:
        entries = Programme(register.journal).calendar().entries
    if not entries:
        err.print("Aucun calendrier : tous les sites sont en service.", markup=False)
        return
    typer.echo(to_csv(entries), nl=False)


def read_text(file: Path) -> str:
    """Return the text of a file, UTF-8 or Windows-1252; one that cannot be read ends the command."""
    try:
        content = file.read_bytes()
    except OSError as error:
        err.print(f"{file} : fichier illisible : {error.strerror}", markup=False)
        raise typer.Exit(2) from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _members(text: str, known: set[str]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Return the group of each prescriber named, and what is wrong, by line."""
    members: dict[str, str] = {}
    wrong: list[tuple[int, str]] = []
    for number, cells in enumerate(csv.reader(StringIO(text.removeprefix("\ufeff"))), start=1):
        row = [cell.strip() for cell in cells]
        if not any(row) or (number == 1 and row[:1] == ["prescripteur"]):
            continue
        if len(row) != 2 or not all(row):
            wrong.append((number, "« prescripteur,groupe » est attendu."))
        elif row[1] not in known:
            wrong.append((number, f"le groupe « {row[1]} » n'est pas au calendrier."))
        elif members.setdefault(row[0], row[1]) != row[1]:
            wrong.append((number, f"« {row[0]} » est déjà dans le groupe « {members[row[0]]} »."))
    return members, wrong
