"""``pertimage import-activity``: exams requested and done, from the exports of a RIS. Exit code 0 only when every line was imported."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:  # reading the base takes a moment that --help need not wait
    from pertimage.audit.imports.mapping import FileMapping
    from pertimage.audit.register import Register
    from pertimage.web.importing import Planned

err = Console(stderr=True, soft_wrap=True, highlight=False)


def import_activity(
    files: Annotated[list[Path], typer.Argument(help="Exports : CSV, XLSX, XLS, ODS, NDJSON ou Bundle FHIR, compressés (gz) ou non.")],
    site: Annotated[str, typer.Option("--site", help="Code du site de toutes les lignes, pour un fichier sans cette colonne.")] = "",
    mapping: Annotated[Path | None, typer.Option("--mapping", "--correspondance", help="Correspondance des colonnes (YAML).")] = None,
    sheet: Annotated[str, typer.Option("--sheet", "--feuille", help="Feuille d'un classeur.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "--oui", help="Ne rien demander.")] = False,
    save: Annotated[
        bool,
        typer.Option("--save/--no-save", "--garder/--ne-pas-garder", help="Garder pour ce site la correspondance donnée par --mapping."),
    ] = True,
    rejects: Annotated[Path | None, typer.Option("--rejects", "--rejets", help="CSV des lignes rejetées (contient des données).")] = None,
    report: Annotated[Path | None, typer.Option("--report", "--rapport", help="Rapport de qualité, en JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Le résultat en JSON sur la sortie.")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", "--essai", help="Tout lire et vérifier, ne rien enregistrer.")] = False,
    database: Annotated[
        str, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données.")
    ] = "sqlite:///var/pertimage.db",
    demo: Annotated[bool, typer.Option("--demo", help="Base de démonstration : les examens importés sont dits fictifs.")] = False,
) -> None:
    """Lire l'activité d'imagerie des exports d'un SIR ; importer deux fois ne change rien, un examen qui a avancé est mis à jour."""
    from pertimage.audit.imports.refusal import FileRefused

    try:
        with _opened(database, demo=demo) as (register, key):
            _import(register, key, files, site, mapping, sheet, yes, save, rejects, report, as_json, dry, demo)
    except FileRefused as refusal:
        _stop(str(refusal))
    except OSError as error:
        _stop(f"{error.filename or 'fichier'} : illisible ({error.strerror})")


def _import(
    register: Register, key: str, files: list[Path], site: str, given: Path | None, sheet: str, yes: bool, save: bool, rejects: Path | None,
    report: Path | None, as_json: bool, dry: bool, demo: bool,
) -> None:  # fmt: skip
    from pertimage.audit.imports.columns import vocabulary
    from pertimage.audit.imports.history import save_mapping
    from pertimage.audit.imports.lines import CANCELLED
    from pertimage.audit.imports.rejects import WARNING, Rejects
    from pertimage.audit.imports.run import Importer
    from pertimage.audit.imports.wording import told_import, told_mapping, told_quality
    from pertimage.audit.pseudonym import Pseudonyms
    from pertimage.guidelines.loader import load_base

    plans = _plans(register, files, site, given, sheet)
    asking = sys.stdin.isatty() and not yes and not dry
    if asking or (not as_json and not yes):
        for planned in plans:
            err.print("\n".join(told_mapping(planned.table, planned.mapping, planned.guesses, vocabulary())), markup=False)
    if asking and not typer.confirm("Importer ainsi ?", default=False, err=True):
        _stop("Rien n'est importé. Corrigez la correspondance dans un fichier (--mapping), voir docs/import-activite.md.", 1)
    base, pseudonyms, now = load_base(), Pseudonyms(key), datetime.now(UTC)
    importer = Importer(register, base.catalogue, pseudonyms, getpass.getuser(), now, fictitious=demo, dry=dry)
    with Rejects(rejects) as rejected, _progress(sum(one.table.size for one in plans)) as progress:
        done, found = importer.run([(one.table, one.mapping) for one in plans], rejected, progress)
    if save and not dry:
        for planned in (one for one in plans if one.origin == "given"):
            with contextlib.suppress(ValueError):  # a header that looks like a value is used, and not kept
                save_mapping(register, planned.mapping, author=getpass.getuser(), pseudonyms=pseudonyms, at=now)
    lost = sum(count for reason, count in found["rejected"].items() if reason != CANCELLED)
    counts = {"lines": found["lines"], "added": done.added, "updated": done.updated, "unchanged": done.unchanged, "rejected": lost}
    result = {"files": [str(path) for path in files], "dry_run": dry, **counts, "quality": found}
    if report:
        report.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    if as_json:
        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(told_import(done, found, dry=dry)))
        for title, sentences in told_quality(found, vocabulary()):
            if sentences:
                typer.echo(f"\n{title}\n" + "\n".join(f"  {one}" for one in sentences[:20]))
    if lost and rejects:
        err.print(f"Lignes rejetées : {rejects}. {WARNING}", markup=False)
    elif lost:
        err.print("Pour lire les lignes rejetées et leur motif : --rejects FICHIER.csv", markup=False)
    if lost:
        raise typer.Exit(1)


def _plans(register: Register, files: list[Path], site: str, given: Path | None, sheet: str) -> list[Planned]:
    from pertimage.audit.imports.history import saved_mapping
    from pertimage.audit.imports.mapping import read_mapping
    from pertimage.web.importing import plan, tables_of

    written: FileMapping | None = None
    if given is not None:
        try:
            written = read_mapping(given.read_text(encoding="utf-8"), str(given))
        except UnicodeDecodeError:
            _stop(f"{given} : UTF-8 attendu")
    saved = [found for found in [saved_mapping(register, site)] if found]
    tables = [table for path in files for table in tables_of(path, str(path), sheet)]
    return [plan(table, site, written, saved).checked() for table in tables]


@contextmanager
def _opened(database: str, *, demo: bool) -> Iterator[tuple[Register, str]]:
    from pertimage.web.policy_cli import open_register

    with open_register(database) as register:
        yield register, _key(database, demo=demo)


def _key(database: str, *, demo: bool) -> str:
    """Return the key of pseudonyms: the secret, or for a SQLite file without one, a key kept beside it."""
    from pertimage.web.settings import Settings

    settings = Settings(demo=True, database=database) if demo else Settings(database=database)
    if demo or settings.secret:
        return settings.key
    if not settings.database_url.startswith("sqlite:///"):
        _stop("PERTIMAGE_SECRET manque : sans cette clé, aucun numéro ne peut être pseudonymisé.")
    path = Path(settings.database_url.removeprefix("sqlite:///") + ".cle")
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        err.print(
            f"PERTIMAGE_SECRET est vide : clé des pseudonymes créée dans {path}. Gardez-la : sans elle, les examens seraient comptés deux fois.",
            markup=False,
        )
    return path.read_text()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int, int], None]]:
    if not err.is_terminal or not total:
        yield lambda size, lines: None
        return
    columns: list[Any] = [
        TextColumn("Import"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %, {task.fields[lines]} lignes"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("", total=total, lines=0)
        yield lambda size, lines: bar.update(task, completed=size, lines=lines)


def _stop(why: str, code: int = 2) -> NoReturn:
    err.print(why, markup=False)
    raise typer.Exit(code)
