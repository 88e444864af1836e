"""The command line of the guideline authors: check, show, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:  # reading the base takes a moment that the other commands need not wait
    from pertimage.guidelines.base import GuidelineBase, Sheet
    from pertimage.guidelines.source import Fault
    from pertimage.web.vignettes import Replay

app = typer.Typer(help="Vérifier et montrer le référentiel.", no_args_is_help=True)
out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
Folder = Annotated[Path | None, typer.Option("--dossier", help="Dossier du référentiel.")]


@app.command()
def check(
    only: Annotated[list[str] | None, typer.Argument(help="Chapitres ou fiches à vérifier (toutes par défaut).")] = None,
    directory: Folder = None,
    all_reasons: Annotated[bool, typer.Option("--tout", help="Montrer aussi les vignettes justes.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuser aussi ce qui n'est qu'un avertissement.")] = False,
) -> None:
    """Vérifier les fiches, le lexique et le catalogue, et rejouer les vignettes."""
    from pertimage.guidelines.checks import checked, untried
    from pertimage.guidelines.loader import DATA, read_written
    from pertimage.web.vignettes import replay

    written = read_written(directory or DATA)
    faults = [fault for fault in (*written.faults, *checked(written)) if _concerns(fault, only)]
    base = written.base
    sheets = _chosen(base, only) if base else []
    replays = {sheet.id: list(replay(sheet, base)) for sheet in sheets} if base else {}
    faults += untried(written, {name: frozenset().union(*(one.shown for one in results)) for name, results in replays.items()})
    for fault in sorted(faults, key=lambda fault: fault.warning):
        err.print(f"{fault.level} : {fault}", markup=False)
    if base is None:
        raise typer.Exit(1)
    wrong = sum(_report(result, all_reasons) for results in replays.values() for result in results)
    total, warnings = sum(map(len, replays.values())), sum(fault.warning for fault in faults)
    errors = len(faults) - warnings
    out.print(
        f"{_counted(len(sheets), 'fiche')}, {_counted(total, 'vignette')} dont {_counted(total - wrong, 'juste')} ; "
        f"{_counted(errors, 'erreur')}, {_counted(warnings, 'avertissement')} ; version {base.version}",
        markup=False,
    )
    if wrong or errors or (strict and warnings):
        raise typer.Exit(1)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}"


def _concerns(fault: Fault, only: list[str] | None) -> bool:
    """Say whether a fault is of the sheets chosen, or of what all sheets share."""
    place = Path(fault.file)
    names = {Path(name).stem for name in only or ()}
    return not names or place.parts[0] != "fiches" or not names.isdisjoint((place.stem, place.parent.name))


def _chosen(base: GuidelineBase, only: list[str] | None) -> list[Sheet]:
    names = {Path(name).stem for name in only or ()}
    return [sheet for sheet in base.sheets.values() if not names or sheet.id in names or sheet.chapter in names]


def _report(result: Replay, all_reasons: bool) -> bool:
    if result.problems or all_reasons:
        vignette = result.vignette
        who = ", ".join(part for part in (f"{vignette.age:g} ans" if vignette.age is not None else "", vignette.sex or "") if part)
        out.print(f"{result.sheet} n° {result.number} : {vignette.text} [{vignette.exam}] ({who})", markup=False)
        for problem in result.problems:
            out.print(f"    ✗ {problem}", markup=False)
        facts = ", ".join(
            f"{fact.fact}={fact.status}" + (f"({fact.value:g})" if fact.value is not None else "") for fact in result.assessment.facts
        )
        out.print(f"    lu : {facts}", markup=False)
    return bool(result.problems)


@app.command()
def show(sheet: Annotated[str, typer.Argument(help="Identifiant de la fiche.")], directory: Folder = None) -> None:
    """Montrer une fiche telle qu'elle est écrite."""
    from pertimage.guidelines.loader import DATA

    found = next(((directory or DATA) / "fiches").glob(f"*/{sheet}.yaml"), None)
    if found is None:
        err.print(f"fiche inconnue : {sheet}", markup=False)
        raise typer.Exit(1)
    out.print(found.read_text(encoding="utf-8"), markup=False)


@app.command()
def vignettes(
    only: Annotated[list[str] | None, typer.Argument(help="Chapitres ou fiches (toutes par défaut).")] = None, directory: Folder = None
) -> None:
    """Écrire les vignettes des fiches comme des demandes FHIR, une par ligne, pour « pertimage assess »."""
    import sys

    import orjson

    from pertimage.guidelines.loader import DATA, load_base
    from pertimage.web.vignettes import as_bundle

    for sheet in _chosen(load_base(directory or DATA), only):
        for number, vignette in enumerate(sheet.form.vignettes, 1):
            sys.stdout.buffer.write(orjson.dumps(as_bundle(vignette, sheet.id, number), option=orjson.OPT_APPEND_NEWLINE))
