"""The command line of those who follow the guidelines: coverage, score, replay of a draft, differences, archive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pertimage.web.guidelines_cli import Folder, app, err

if TYPE_CHECKING:  # reading the base takes a moment that the other commands need not wait
    from pertimage.audit.past import Past
    from pertimage.guidelines.base import GuidelineBase
    from pertimage.web.batch import Read
    from pertimage.web.rejudgement import Rejudgement

AsJson = Annotated[bool, typer.Option("--json", help="Écrire du JSON au lieu d'un texte.")]
Requests = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Fichiers de demandes : NDJSON (FHIR, CDS Hooks), CDA, HL7 v2, CSV (texte, examen, age, sexe) ou une demande par ligne ; « - » : entrée standard."
    ),
]
_TOLD_EVERY = 10_000  # requests between two lines of progress, when the error output is a file


@app.command()
def coverage(
    files: Requests = None,
    size: Annotated[int, typer.Option("--lignes", help="Lignes de chaque tableau.")] = 30,
    plain: Annotated[
        bool, typer.Option("--en-clair", help="Montrer les phrases telles qu'écrites : elles peuvent nommer des personnes.")
    ] = False,
    as_json: AsJson = False,
    directory: Folder = None,
) -> None:
    """Mesurer ce que le référentiel juge de demandes réelles : jugées, à compléter, hors référentiel, par examen et par phrase."""
    from pertimage.web.coverage import Coverage

    found = Coverage(base_of(directory), plain=plain)
    failed = 0
    for read in read_all(files or [Path("-")]):
        if read.error:
            found.unreadable += read.line > 0
            failed += 1
        for request in read.requests:
            found.add(request)
    tell(found.to_json(size) if as_json else found.report(size))
    if failed:
        raise typer.Exit(1)


@app.command()
def score(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Demandes étiquetées : YAML, NDJSON ou CSV (par défaut, les vignettes des fiches).")
    ] = None,
    with_sheets: Annotated[bool, typer.Option("--avec-fiches", help="Ajouter les vignettes des fiches aux fichiers donnés.")] = False,
    as_json: AsJson = False,
    directory: Folder = None,
) -> None:
    """Noter les avis contre les réponses attendues ; code de sortie 1 si une urgence est manquée, 2 si une ligne n'a pas pu être lue."""
    from pertimage.web import labelled
    from pertimage.web.score import Score

    base = base_of(directory)
    found, failed = Score(base), 0
    if with_sheets or not files:
        for sheet in base.sheets.values():
            for one in labelled.of_sheet(sheet):
                found.add(one)
    for path in files or ():
        try:
            for entry in labelled.of_file(path):
                if isinstance(entry, labelled.Unreadable):
                    failed += _say(f"{entry.place} : {entry.error}")
                else:
                    found.add(entry)
        except OSError as error:
            failed += _say(f"{path} : fichier illisible : {error.strerror}")
    tell(found.to_json() if as_json else found.report())
    if found.missed or failed:
        raise typer.Exit(1 if found.missed else 2)


@app.command()
def replay(
    draft: Annotated[Path, typer.Option("--brouillon", help="Dossier (ou archive) du référentiel en projet.")],
    files: Requests = None,
    database: Annotated[
        str | None, typer.Option("--database", envvar="PERTIMAGE_DATABASE", help="Base de données dont rejouer les demandes.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--depuis", formats=["%Y-%m-%d"], help="Ne rejouer que les demandes reçues depuis ce jour.")
    ] = None,
    as_json: AsJson = False,
    directory: Folder = None,
) -> None:
    """Dire ce qu'un brouillon changerait aux avis sur des demandes passées, règle par règle."""
    from pertimage.web.rejudgement import Rejudgement

    if not files and not database:
        err.print("donner des fichiers de demandes ou --database", markup=False)
        raise typer.Exit(2)
    proposed = base_of(draft)
    found = Rejudgement(base_of(directory), proposed)
    failed = 0
    if files:
        failed = _rejudge_files(found, files)
    else:
        for past in past_of(str(database), since.date() if since else None):
            found.add(past.id, past.request, past.policy, past.request.authored or past.day, past.territory)
    tell(found.to_json() if as_json else found.report())
    if failed:
        raise typer.Exit(1)


def _rejudge_files(found: Rejudgement, files: list[Path]) -> int:
    failed = 0
    for read in read_all(files):
        failed += bool(read.error)
        for request in read.requests:
            found.add(f"{Path(read.file).name}:{read.line}", request)
    return failed


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="Dossier ou archive de l'ancienne version.")],
    new: Annotated[Path, typer.Argument(help="Dossier ou archive de la nouvelle.")],
    as_json: AsJson = False,
) -> None:
    """Dire en français ce qui change, et pour qui, d'une version du référentiel à l'autre."""
    from pertimage.guidelines.source import GuidelineError
    from pertimage.web.archive import read_folder, unpacked
    from pertimage.web.differences import Differences

    with ExitStack() as stack:
        try:
            folders = [stack.enter_context(unpacked(place)) for place in (old, new)]
            bases = [read_folder(folder) for folder in folders]
        except GuidelineError as error:
            _refuse(error.faults)
        found = Differences(bases[0], bases[1], folders[0], folders[1])
        sections, versions = found.sections(), [base.version for base in bases]
    if as_json:
        tell({"old": versions[0], "new": versions[1], "changes": {section.title: section.lines for section in sections}})
    else:
        tell(_told(sections, versions))


def _told(sections: list[Any], versions: list[str]) -> Iterator[str]:
    yield f"De {versions[0]} à {versions[1]} : {'' if sections else 'rien ne change.'}".rstrip()
    for section in sections:
        yield from ("", f"{section.title} ({len(section.lines)})", *(f"  - {line}" for line in section.lines))


@app.command()
def archive(directory: Folder = None) -> None:
    """Écrire tout le référentiel en un seul fichier JSON, à garder pour « diff » et « replay »."""
    from pertimage.guidelines.loader import DATA
    from pertimage.web.archive import archive as packed

    sys.stdout.buffer.write(packed(directory or DATA))


def base_of(place: Path | None) -> GuidelineBase:
    """Return the base of a folder or of an archive, the one installed by default; says every fault and stops on one that cannot be used."""
    from pertimage.guidelines.loader import load_base
    from pertimage.guidelines.source import GuidelineError
    from pertimage.web.archive import read_folder, unpacked

    try:
        if place is None:
            return load_base()
        with unpacked(place) as folder:
            return read_folder(folder)
    except GuidelineError as error:
        _refuse(error.faults)


def _refuse(faults: list[Any]) -> NoReturn:
    for fault in faults:
        _say(str(fault))
    raise typer.Exit(2)


def read_all(files: list[Path]) -> Iterator[Read]:
    """Yield what the files hold, with the progress on the error output; what cannot be read is said there too."""
    from pertimage.web.batch import Read
    from pertimage.web.prescriptions import read_requests

    today = datetime.now(UTC).date()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:.0f} demandes"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as bar:
        task, done = bar.add_task("", total=None), 0
        for path in files:
            try:
                with _opened(path) as stream:
                    for read in read_requests(stream, str(path), today):
                        if read.error:
                            _say(f"{read.file}:{read.line} : {read.error}")
                        yield read
                        done += len(read.requests)
                        bar.update(task, completed=done)
                        if not err.is_terminal and read.requests and done % _TOLD_EVERY == 0:
                            _say(f"{done} demandes lues…")
            except OSError as error:
                _say(f"{path} : fichier illisible : {error.strerror}")
                yield Read(str(path), 0, 0, error=str(error.strerror))


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    if str(path) == "-":
        with open(0, "rb", closefd=False) as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def past_of(database: str, since: date | None, *, until: date | None = None, site: str = "") -> Iterator[Past]:
    """Yield the requests that a store holds, those of a period or a site; ends the command when there is no store."""
    from pertimage.audit.past import past_requests
    from pertimage.audit.policies import UnknownPolicyError
    from pertimage.audit.store import open_store
    from pertimage.web.settings import Settings

    target = Settings(demo=True, database=database).database_url
    if target.startswith("sqlite:///") and not Path(target.removeprefix("sqlite:///")).exists():
        _say(f"base introuvable : {target.removeprefix('sqlite:///')}")
        raise typer.Exit(2)
    store = open_store(target, migrate=False)
    try:
        yield from past_requests(store, since=since, until=until, site=site)
    except UnknownPolicyError as error:
        _say(f"le journal ne contient pas la politique d'empreinte {error} : la demande ne peut pas être rejouée à l'identique")
        raise typer.Exit(2) from None
    finally:
        store.close()


def _say(message: str) -> int:
    err.print(message, markup=False)
    return 1


def tell(found: Any) -> None:
    """Write an object as JSON, or lines as they are."""
    out = sys.stdout.buffer
    if isinstance(found, dict):
        out.write(orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2))
    else:
        out.writelines(f"{line}\n".encode() for line in found)
    out.flush()


__all__ = ["app"]
