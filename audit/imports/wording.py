"""An import told in French: the mapping found, what was done, the quality report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pertimage.audit.activity import Import
from pertimage.audit.imports.columns import Field, Guess, Vocabulary, kind_words
from pertimage.audit.imports.exam_names import How
from pertimage.audit.imports.lines import CANCELLED
from pertimage.audit.imports.mapping import FileMapping
from pertimage.audit.imports.table import Table

HOW_WORDS: Mapping[str, str] = {
    How.CODE: "reconnus par un code", How.SITE: "reconnus par une correspondance du site", How.LABEL: "reconnus par leur libellé",
    How.MODALITY: "non reconnus (la modalité seule est connue)", How.NOTHING: "sans code ni libellé (la modalité seule est connue)",
}  # fmt: skip
RULE = "règle proposée par le projet : médianes de 8 semaines avant et après, écart d'au moins 30 % et de trois écarts habituels"


def number(count: int) -> str:
    """Return a count as written in French."""
    return f"{count:,}".replace(",", "\u202f")


def percent(part: int, whole: int) -> str:
    """Return a share in percent, with one decimal."""
    return f"{100 * part / whole:.1f} %".replace(".", ",") if whole else "—"


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of a table as it is shown: its header, its field (None: not read), the confidence, the look of its cells."""

    header: str
    field: Field | None
    confidence: float | None
    look: str


def mapped_columns(table: Table, mapping: FileMapping, guesses: Sequence[Guess], words: Vocabulary) -> list[MappedColumn]:
    """Return every column of a table with what it is read as; the values of cells are not shown, only what they look like."""
    fields = {header: name for name, header in mapping.headers.items()}
    sure = {(guess.field, guess.column): guess.confidence for guess in guesses}
    found = []
    for place, header in enumerate(table.columns):
        name = fields.get(header)
        look = kind_words([row[place] for row in table.sample if place < len(row)], words)
        found.append(MappedColumn(header, name, sure.get((name, place)) if name else None, look))
    return found


def told_mapping(table: Table, mapping: FileMapping, guesses: Sequence[Guess], words: Vocabulary) -> Iterator[str]:
    """Yield the mapping of a table, column by column."""
    yield f"{table.name} : {table.written}, en-tête ligne {table.header}, {len(table.columns)} colonnes"
    for column in mapped_columns(table, mapping, guesses, words):
        said = words.labels[column.field] if column.field else "(non lue)"
        trust = f" — confiance {column.confidence * 100:.0f} %" if column.confidence is not None else ""
        yield f"  « {column.header} » → {said}{trust} [{column.look}]"
    clocks = mapping.clocks(table)
    if any(clock.month_first for clock in clocks.values()):
        yield "  Attention : dates lues mois d'abord (MM/JJ/AAAA)."
    days = [words.labels[name] for name, clock in clocks.items() if clock.days_only]
    if days:
        yield f"  Minuit y veut dire « sans heure » : {', '.join(days)}."
    if mapping.site:
        yield f"  Site de toutes les lignes : {mapping.site}"


def told_import(done: Import, report: Mapping[str, Any], *, dry: bool = False) -> Iterator[str]:
    """Yield what was done, in a line or two."""
    cancelled = report["rejected"].get(CANCELLED, 0)
    rejected = sum(report["rejected"].values()) - cancelled
    if dry:
        yield f"Essai : {number(report['lines'])} lignes lues, {number(report['kept'])} importables, {number(rejected)} rejetées ; rien n'est enregistré."
    else:
        yield (
            f"{number(report['lines'])} lignes lues : {number(done.added)} examens ajoutés, {number(done.updated)} mis à jour, "
            f"{number(done.unchanged)} inchangés, {number(rejected)} lignes rejetées."
        )
    if cancelled:
        yield f"{number(cancelled)} lignes d'examens annulés laissées de côté."


def told_quality(report: Mapping[str, Any], words: Vocabulary, count: Callable[[int], str] = number) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of the quality report: a title and its sentences. ``count`` writes a count, masked when it must be."""
    kept = report["kept"]
    yield (
        "Examens reconnus",
        [f"{HOW_WORDS[how]} : {_with_share(found, kept, count)}" for how, found in report["recognised"].items() if found],
    )
    yield "Lignes rejetées", [f"{reason} : {count(found)}" for reason, found in report["rejected"].items()]
    yield (
        "Données absentes",
        [
            f"{words.labels[Field(name)]} : {_with_share(found, report['lines'], count)}"
            for name, found in report["missing"].items()
            if found
        ],
    )
    yield "Données impossibles, mises de côté", [f"{what} : {count(found)}" for what, found in report["impossible"].items()]
    yield "À savoir", [f"{what} : {count(found)}" for what, found in report["notes"].items()]
    same, other = report["duplicates"]["identical"], report["duplicates"]["different"]
    yield (
        "Doublons",
        ([f"lignes répétées à l'identique : {count(same)}"] if same else [])
        + ([f"même numéro d'examen, contenu différent (la dernière ligne compte) : {count(other)}"] if other else []),
    )
    yield "Ruptures des séries", [_break(one, count) for one in report["breaks"]]
    yield "Codages apparus ou disparus", [_coding(one, count) for one in report["coding"]]
    if report.get("unknown"):
        yield (
            "Codes et libellés non reconnus, du plus fréquent au plus rare",
            [f"« {one['word']} » : {count(one['lines'])}" for one in report["unknown"]],
        )


def _with_share(part: int, whole: int, count: Callable[[int], str]) -> str:
    """Return a count and its share; the share is left out when it would tell a count that is masked."""
    said = count(part)
    return f"{said} ({percent(part, whole)})" if said == number(part) and count(whole - part) == number(whole - part) else said


def _break(one: Mapping[str, Any], count: Callable[[int], str]) -> str:
    where = f"{one['site']}, {one['modality']}"
    if one["kind"] == "empty":
        return f"{where} : {one['weeks']} semaine{'s' if one['weeks'] > 1 else ''} sans aucun examen à partir du {_day(one['week'])}"
    return f"{where} : le niveau change la semaine du {_day(one['week'])}, de {count(round(one['before']))} à {count(round(one['after']))} examens par semaine"


def _day(day: str) -> str:
    return f"{day[8:]}/{day[5:7]}/{day[:4]}"


def _coding(one: Mapping[str, Any], count: Callable[[int], str]) -> str:
    what = f"« {one['word']} »" if one.get("word") else one["exam"] or "un libellé non reconnu"
    return f"{what} : {'apparaît' if one['change'] == 'appears' else 'disparaît'} la semaine du {_day(one['week'])} ({count(one['lines'])} lignes)"
