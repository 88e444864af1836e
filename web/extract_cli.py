"""``pertimage extract``: counts for anybody, lines for who is authorised, and the list of what was given."""

from __future__ import annotations

import getpass
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from pertimage.audit.extraction.files import Form
from pertimage.web.policy_cli import USUAL, Database

if TYPE_CHECKING:
    from pertimage.audit.extraction.build import Order
    from pertimage.audit.extraction.register import Extract, Made
    from pertimage.audit.register import Register

SALT_BYTES = 32
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


def extract(
    target: Annotated[Path | None, typer.Option("--vers", help="Fichier à écrire (.db, .zip), ou dossier pour CSV et Parquet.")] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="sqlite (par défaut), csv ou parquet ; un nom en .zip donne du CSV.")
    ] = None,
    since: Annotated[str | None, typer.Option("--depuis", help="Premier mois, AAAA-MM.")] = None,
    until: Annotated[str | None, typer.Option("--jusqu-a", help="Dernier mois, AAAA-MM.")] = None,
    sites: Annotated[str, typer.Option("--sites", help="Identifiants de sites, séparés par des virgules ; tous par défaut.")] = "",
    restricted: Annotated[bool, typer.Option("--restreint", help="Lignes pseudonymisées et effectifs exacts, sur autorisation.")] = False,
    reason: Annotated[str, typer.Option("--motif", help="Pourquoi ; obligatoire pour un extrait restreint.")] = "",
    author: Annotated[str, typer.Option("--auteur", help="Qui le demande ; obligatoire pour un extrait restreint.")] = "",
    salt: Annotated[
        Path | None,
        typer.Option("--sel", help="Fichier du sel des pseudonymes (16 octets au moins), pour refaire le même extrait restreint."),
    ] = None,
    listed: Annotated[bool, typer.Option("--liste", help="Montrer les extraits déjà faits.")] = False,
    database: Database = USUAL,
    demo: Annotated[bool, typer.Option("--demo", help="Les données fictives d'une base de démonstration.")] = False,
) -> None:
    """Extraire des données pour la recherche : effectifs protégés, ou lignes pseudonymisées avec --restreint."""
    from pertimage.audit.extraction.build import Order
    from pertimage.audit.extraction.register import extracts_of, make
    from pertimage.audit.extraction.source import Wanted
    from pertimage.fhir.vocabularies import OVERRIDES
    from pertimage.web.policy_cli import open_register

    if listed:
        with open_register(database, existing=True) as register:
            _list(extracts_of(register.journal.store.reader))
        return
    if target is None:
        _stop("Dites où écrire l'extrait : --vers FICHIER. Pour voir ceux qui sont faits : --liste.")
    names = frozenset(filter(None, map(str.strip, sites.split(",")))) or None
    try:
        wanted = Wanted(since, until, names, demo, frozenset(OVERRIDES.displays))
        who = author.strip() or ("" if restricted else getpass.getuser())
        order = Order(wanted, restricted, who, reason.strip(), _salt(salt) if restricted else b"", _version())
        chosen = form or (Form.CSV if target.suffix == ".zip" else Form.SQLITE)
        _check_name(target, chosen)
        with open_register(database, existing=True) as register:
            _check_sites(register, names)
            made = make(register.journal, target, chosen, order, at=datetime.now(UTC))
    except (ValueError, OSError) as error:
        _stop(str(error) if isinstance(error, (ValueError, FileExistsError, FileNotFoundError)) else f"{target} : {error.strerror}")
    _say(made, order)


def _say(made: Made, order: Order) -> None:
    lines = sum(made.tables.values())
    out.print(f"{made.path} : {len(made.tables)} tables, {lines} lignes, empreinte {made.digest}", markup=False)
    if order.restricted:
        out.print(
            f"DONNÉES RESTREINTES : {made.tables['examens']} examens, {made.tables['lignes_demandes']} demandes. À ne remettre qu'à "
            "qui est autorisé ; lisez _lisez_moi et _anonymat avant.",
            markup=False,
        )
    if not made.tables["activite"] and not made.tables["demandes"]:
        other = "réelles : sans --demo" if order.wanted.fictitious else "fictives d'une démonstration : --demo"
        err.print(f"Rien à compter dans cette période. Pour les données {other}.", markup=False)


def _list(made: list[Extract]) -> None:
    if not made:
        err.print("Aucun extrait n'a été fait.", markup=False)
    for one in made:
        period = f"{one.since or 'début'} à {one.until or 'fin'}"
        kind = ("RESTREINT" if one.restricted else "protégé") + (", fictif" if one.fictitious else "")
        said = f" : {one.reason}" if one.reason else ""
        out.print(
            f"{one.at[:16].replace('T', ' ')}  {kind}  {one.name} ({one.form})  {period}, {one.sites or 'tous les sites'}, {one.lines} lignes"
            f"  {one.author}{said}  {one.digest}",
            markup=False,
        )


def _stop(message: str) -> NoReturn:
    err.print(message, markup=False)
    raise typer.Exit(2)


def _salt(file: Path | None) -> bytes:
    return secrets.token_bytes(SALT_BYTES) if file is None else file.read_bytes()


def _version() -> str:
    from pertimage import __version__

    return __version__


def _check_name(target: Path, form: Form) -> None:
    if form is Form.SQLITE and target.suffix == ".zip":
        raise ValueError("Un extrait SQLite est un fichier .db ; .zip est pour CSV et Parquet.")
    if form is not Form.SQLITE and target.suffix not in ("", ".zip"):
        raise ValueError(f"Un extrait {form} est un dossier ou un fichier .zip : « {target.name} » n'est ni l'un ni l'autre.")


def _check_sites(register: Register, names: frozenset[str] | None) -> None:
    from pertimage.audit.extraction.source import known_sites

    known = known_sites(register.journal.store.reader, names or ())
    unknown = sorted((names or frozenset()) - known)
    if unknown:
        raise ValueError(
            f"Site inconnu : {', '.join(unknown)}. Sites déclarés : {', '.join(one.id for one in register.sites()) or 'aucun'}."
        )
