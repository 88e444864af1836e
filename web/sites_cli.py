"""The command line of the site catalogue: describe the sites of the territory, show them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from pertimage.web.policy_cli import USUAL, Database, open_register

app = typer.Typer(help="Décrire les sites d'imagerie du territoire, et les montrer.", no_args_is_help=True)
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


@app.command("import")
def import_sites(
    file: Annotated[Path, typer.Argument(help="Fichier CSV (avec en-tête) ou YAML des sites.")],
    database: Database = USUAL,
    check: Annotated[bool, typer.Option("--verifier", "--check", help="Vérifier sans rien enregistrer.")] = False,
) -> None:
    """Remplacer le catalogue des sites par celui d'un fichier ; un seul défaut et rien n'est enregistré."""
    from pertimage.audit.places import read_places

    try:
        content = file.read_bytes()
    except OSError as error:
        err.print(f"{file} : fichier illisible : {error.strerror}", markup=False)
        raise typer.Exit(2) from None
    places, faults = read_places(content, str(file))
    if faults:
        err.print("\n".join(map(str, faults)), markup=False)
        err.print(f"{len(faults)} défaut{'s' if len(faults) > 1 else ''} : rien n'est enregistré.", markup=False)
        raise typer.Exit(1)
    if check:
        out.print(f"{file} : {len(places)} sites corrects, rien n'est enregistré.", markup=False)
        return
    documents = [place.document() for place in places]
    with open_register(database) as register:
        known = {site.id for site in register.sites()}
        same = sorted(register.places(), key=_by_id) == sorted(documents, key=_by_id)
        if not same:
            register.set_places(documents, at=datetime.now(UTC))
    out.print(f"{len(places)} sites {'déjà enregistrés ainsi' if same else 'enregistrés'}.", markup=False)
    if known and (silent := [place.id for place in places if place.id not in known]):
        err.print(f"Sans activité importée sous leur id, donc sans délai : {', '.join(silent)}.", markup=False)


@app.command()
def show(database: Database = USUAL, as_json: Annotated[bool, typer.Option("--json", help="Tout le catalogue, en JSON.")] = False) -> None:
    """Montrer le catalogue des sites."""
    with open_register(database, existing=True) as register:
        places = register.places()
    if as_json:
        typer.echo(orjson.dumps(places, option=orjson.OPT_INDENT_2))
        return
    for place in places:
        out.print(
            f"{place['id']} : {place['name']}, {place['town']} ({place['postcode']}) — {', '.join(place['techniques'])}", markup=False
        )
    if not places:
        err.print("Aucun site décrit : « pertimage sites import FICHIER ».", markup=False)


def _by_id(document: dict[str, str]) -> str:
    return document["id"]
