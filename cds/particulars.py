"""What a request must say of an exam, said or not, with the words that say it: for a document that shows both.

Questions and answers are those of the table of completeness, with what the law wants of any irradiating exam. An emergency hides none
of them here: what was not asked was not answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pertimage.cds.assess import Asked, as_asked, bounded_text, recogniser, requested
from pertimage.cds.completeness import Dossier, bound_by_law, concerned, is_lifted, is_stated
from pertimage.cds.model import FactFound, ImagingRequest, Status
from pertimage.cds.text.reading import read
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.completeness import Item
from pertimage.guidelines.schema import ExamForm
from pertimage.guidelines.words import fold

_ENDS = ".;,\n"
_LONGEST_CLAUSE = 160  # characters
_PART_STATUSES = {"hypothese": Status.HYPOTHETICAL, "antecedents": Status.PAST}


@dataclass(frozen=True, slots=True)
class Particular:
    """A question of the table for one exam, and whether the request answers it.

    ``facts`` are those that answer, ``words`` the clause of the request that does, ``lifted`` what makes the question needless.
    """

    item: str
    question: str
    stated: bool
    facts: tuple[FactFound, ...] = ()
    words: str = ""
    lifted: str = ""


@dataclass(frozen=True, slots=True)
class Particulars:
    """An exam as a request asks for it. ``contrast`` is what words or codes say (None: nothing), ``laterality`` as FHIR's words or empty."""

    exam: ExamForm | None
    laterality: str
    contrast: bool | None
    items: tuple[Particular, ...]


def particulars(request: ImagingRequest, base: GuidelineBase, exam: str | None, on: date | None = None) -> Particulars:
    """Return what a request must say of an exam of the catalogue (None: not recognised), by the rules of a day.

    The exam need not be one that the request names: then only the side is taken from its words.
    """
    request, _ = bounded_text(request)
    day = on or request.authored
    dated = base.at(day) if day else base
    asked = _asked_for(exam, requested(request, recogniser(dated.catalogue)))
    reading = read(request, dated.lexicon, dated.openers, exam)
    form = dated.catalogue.exams.get(exam or "")
    entry = as_asked(form, asked) if form else None
    dossier = Dossier(request, reading, entry, fold(request.narrative), asked.laterality)
    table = dated.tables.completeness
    rows = {row.id: row for row in (*bound_by_law(dossier, table), *concerned(dossier, table))}
    items = tuple(_particular(row, dossier) for row in sorted(rows.values(), key=lambda row: row.rank))
    return Particulars(entry, asked.laterality, asked.contrast, items)


def _asked_for(exam: str | None, named: tuple[Asked, ...]) -> Asked:
    """Return what the request asks of an exam; of one that it does not name, the side alone."""
    found = next((asked for asked in named if exam in (asked.exam, *asked.candidates)), None)
    return found or Asked(exam, laterality=named[0].laterality)


def _particular(row: Item, dossier: Dossier) -> Particular:
    if not is_stated(row, dossier):
        return Particular(row.id, row.question, stated=False)
    lifted = ", ".join(lift.label for lift in row.lifts if is_lifted(lift, dossier))
    words = _words(row, dossier)
    return Particular(row.id, row.question, True, tuple(dict.fromkeys(_facts(row, dossier, alone=not words))), words, lifted)


def _facts(row: Item, dossier: Dossier, *, alone: bool) -> Iterator[FactFound]:
    """Yield the facts that answer a question; when they answer ``alone``, without words, also those of the status that it asks for."""
    stated = row.stated
    named = stated.facts | stated.true | stated.false
    statuses = {_PART_STATUSES.get(part) for part in stated.parts} if alone else set()
    for found in dossier.reading.found:
        if found.fact in named or found.status in statuses:
            yield found


def _words(row: Item, dossier: Dossier) -> str:
    """Return the clause of the text in which words answer a question, else the words of the exam when they do."""
    pattern = row.stated.words
    if pattern is None:
        return ""
    if match := pattern.search(dossier.folded):
        return _clause(dossier.request.narrative, match)
    return dossier.request.exam_text if row.stated.in_exam and pattern.search(fold(dossier.request.exam_text)) else ""


def _clause(text: str, match: re.Match[str]) -> str:
    """Return the clause around a match; folding keeps every character in its place."""
    start = max(text.rfind(mark, 0, match.start()) for mark in _ENDS) + 1
    ends = [place for mark in _ENDS if (place := text.find(mark, match.end())) >= 0]
    return text[start : min(ends, default=len(text))].strip()[:_LONGEST_CLAUSE]
