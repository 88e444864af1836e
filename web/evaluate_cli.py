"""``pertimage evaluate``: what changed at the go-live of each site, by the methods stated in docs/evaluer.md. It runs unattended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from pertimage.web.calendar_cli import read_text
from pertimage.web.policy_cli import USUAL, Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pertimage.audit.programme import Entry
    from pertimage.audit.register import Register

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


def evaluate(
    calendar: Annotated[
        Path | None,
        typer.Option("--calendar", "--calendrier", help="CSV : site,silent_from,on_from,off_from. Sans lui, le calendrier en vigueur."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Le résultat en JSON sur la sortie.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Effectifs exacts, sans masquage : diffusion restreinte.")] = False,
    quick: Annotated[bool, typer.Option("--quick", "--rapide", help="Sans les essais où un choix change.")] = False,
    database: Database = USUAL,
    demo: Annotated[bool, typer.Option("--demo", help="Les examens fictifs de la démonstration.")] = False,
) -> None:
    """Mesurer, examen par examen et site par site, ce qui a changé à la mise en service : volumes, tendances, délais."""
    from pertimage.audit.evaluation.document import document
    from pertimage.audit.evaluation.evaluate import evaluate as evaluated
    from pertimage.audit.evaluation.exams import read_exams
    from pertimage.audit.programme_register import events_of
    from pertimage.web.policy_cli import open_register

    with open_register(database, existing=True) as register:
        store = register.journal.store
        entries = _entries(register, calendar)
        exams = read_exams(store, fictitious=demo)
        if not len(exams):
            _stop("Aucun examen dans la base : importez d'abord l'activité (pertimage import-activity).", 2)
        found = evaluated(exams, entries, events_of(store.reader), sensitivity=not quick)
    written = document(found, entries, exact=exact, fictitious=demo)
    if as_json:
        typer.echo(orjson.dumps(written, option=orjson.OPT_INDENT_2).decode())
    else:
        _tell(written)


def _entries(register: Register, calendar: Path | None) -> Sequence[Entry]:
    """Return the calendar of a file, or the one in force; each fault of a file names its line and ends the command."""
    from pertimage.audit.evaluation.current import entries_in_force
    from pertimage.audit.imports.history import site_codes
    from pertimage.audit.programme import read_calendar

    engine = register.journal.store.reader
    if calendar is None:
        return entries_in_force(engine) or _stop("Aucun calendrier en vigueur : donnez-en un (--calendar FICHIER).", 2)
    entries, faults = read_calendar(read_text(calendar), code=site_codes(register), comparators=True)
    if faults:
        _stop("\n".join(f"{calendar}:{fault.line} : {fault.message}" for fault in faults) + "\nRien n'est évalué.", 1)
    return entries


def _tell(written: dict[str, Any]) -> None:
    """Write the evaluation for a person: a line per site and exam, then what must be known to read it."""
    table = Table("Examen", "Site", "Examens avant → après", "Niveau", "Pente par mois", "Délai médian", box=None, pad_edge=False)
    for kind, found in [(None, written["pooled"]), *written["per_exam"].items()]:
        sites = written["per_site"] if kind is None else found["per_site"]
        for name, one in [("tous", found), *sites.items()]:
            counts = " → ".join("n.c." if one["n"][side] is None else str(one["n"][side]) for side in ("before", "after"))
            ratios = (one[key] for key in ("level_rate_ratio", "slope_rate_ratio_per_month", "wait_ratio"))
            table.add_row(kind or "tous", name, counts, *map(_interval, ratios))
    out.print("Rapports après/avant, intervalle à 95 % (1 : rien ne change).", markup=False)
    out.print(table)
    told = [(site["site"], one) for site in written["sites"] for one in site["warnings"]]
    refused = [
        (f"{one['site']}, {kind or 'tous examens'}", why) for kind, one in _each(written) for why in dict.fromkeys(one["refusals"].values())
    ]
    for where, sentence in [*(("", one) for one in written["warnings"]), *told, *refused]:
        err.print(f"{where} : {sentence}" if where else sentence, markup=False)


def _each(written: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield the results of one site, with their exam."""
    yield from ((None, one) for one in written["per_site"].values())
    for kind, found in written["per_exam"].items():
        yield from ((kind, one) for one in found["per_site"].values())


def _interval(found: dict[str, float] | None) -> str:
    if found is None:
        return "–"
    ratio, low, high = (f"{found[key]:.2f}".replace(".", ",") for key in ("ratio", "low", "high"))
    return f"{ratio} ({low} à {high})"


def _stop(why: str, code: int) -> Any:
    err.print(why, markup=False)
    raise typer.Exit(code)
