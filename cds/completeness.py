"""What the request lacks, by the table of completeness: the items of CSP R.1333-53, and what safety asks of each technique.

« Aucun », « non connu », « pas d'allergie » count as stated: the item is a question answered, not a finding. A missing item never
changes the outcome; it is listed, ``blocking`` when the law (irradiating exam) or safety demands it. In an emergency only what
safety demands is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from pertimage.cds.logic import holds
from pertimage.cds.model import FactFound, ImagingRequest, Missing, Status
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.completeness import Case, Completeness, Dated, Item, Level, Lift, Stated, Weak
from pertimage.guidelines.schema import ExamForm
from pertimage.guidelines.words import fold

_MOTIVE = "Pour quel motif demandez-vous cet examen ?"
_UNIT_DAYS = {"h": 1 / 24, "j": 1.0, "s": 7.0, "m": 28.0}
# How long ago, just after what it is said of: « il y a 3 j », « < 72 h », « du 15/11 », « hier ».
_AGO = re.compile(
    r"[\s:=(,]*(?:datant |fait\w* |ce |le |la |de |du |d'|= )*"
    r"(?:(?P<today>jour|matin|aujourd'hui)|(?P<yesterday>hier)|(?P<before>avant[- ]hier)"
    r"|(?P<day>\d{1,2})[/.](?P<month>\d{1,2})(?:[/.](?P<year>\d{4}|\d{2}))?"
    r"|(?:il y a |depuis |moins de |< ?|a )*(?P<count>\d{1,3}) ?(?P<unit>h|heures?|j|jrs?|jours?|sem\w*|s|mois|m)\b)"
)


@dataclass(frozen=True, slots=True)
class Dossier:
    """What completeness looks at: the request, its reading, the exam, and the text made comparable."""

    request: ImagingRequest
    reading: Reading
    exam: ExamForm | None
    folded: str
    laterality: str

    @property
    def irradiating(self) -> bool:
        """Say whether the exam uses ionising radiation."""
        return self.exam is not None and self.exam.modality.irradiating


def missing_items(
    request: ImagingRequest, reading: Reading, exam: ExamForm | None, laterality: str, table: Completeness, *, asked: Iterable[Missing] = (), emergency: bool = False
) -> tuple[Missing, ...]:  # fmt: skip
    """Return what the request lacks: the questions ``asked`` by the judgement first, then the table's for that exam, blocking first."""
    dossier = Dossier(request, reading, exam, fold(request.narrative), laterality)
    found = {row.id: _missing(row, dossier) for row in concerned(dossier, table) if not is_stated(row, dossier)}
    if emergency:
        found = {name: item for name, item in found.items() if item.blocking and table.items[name].emergency}
    first = [replace(item, blocking=item.blocking or (item.item in found and found[item.item].blocking)) for item in asked]
    named = {item.item for item in first}
    rest = [item for item in found.values() if item.item not in named]
    return (*first, *sorted(rest, key=lambda item: (not item.blocking, table.rank(item.item))))


def concerned(dossier: Dossier, table: Completeness) -> Iterator[Item]:
    """Yield the rows whose question is one for this request, this exam and this patient, whether it is answered or not."""
    return (row for row in table.items.values() if _concerns(row, dossier))


def bound_by_law(dossier: Dossier, table: Completeness) -> Iterator[Item]:
    """Yield the rows that the law wants of any irradiating exam, whatever part of the body the table asks them for.

    A patient of whom too little is known to leave a question out keeps it.
    """
    if dossier.irradiating:
        for row in table.items.values():
            if row.level is Level.LEGAL and row.asked is None and any(_may_hold(case, dossier) for case in row.cases):
                yield row


def _may_hold(case: Case, dossier: Dossier) -> bool:
    return holds(case.condition, dossier.reading.facts) is not False


def motive(table: Completeness, question: str = "") -> Missing:
    """Return the question of the reason of the request, in the words of the table unless others are given."""
    row = table.items.get("motif")
    return Missing("motif", question or (row.question if row else _MOTIVE), True, str(Level.LEGAL))


def _missing(row: Item, dossier: Dossier) -> Missing:
    blocking = row.blocking == "oui" or (row.blocking == "irradiant" and dossier.irradiating)
    binding = row.level is not Level.LEGAL or dossier.exam is None or dossier.irradiating
    return Missing(row.id, row.question, blocking, str(row.level if binding else Level.CLINICAL))


def _concerns(row: Item, dossier: Dossier) -> bool:
    """Say whether the question is one for this request, this exam and this patient."""
    if row.asked is not None and not _opened(row.asked, dossier):
        return False
    exam, facts = dossier.exam, dossier.reading.facts
    return any(
        (not case.exams or (exam is not None and any(which.accepts(exam) for which in case.exams))) and holds(case.condition, facts) is True
        for case in row.cases
    )


def _opened(asked: str, dossier: Dossier) -> bool:
    """Say whether the request itself opens a question that its table makes depend on it."""
    if asked == "urgente":
        return dossier.request.priority not in ("", "routine")
    if asked == "sexe_inconnu":
        return dossier.reading.sex is None
    return asked == "sans_examen" and dossier.exam is None


def is_stated(row: Item, dossier: Dossier) -> bool:
    """Say whether the request answers a question, or makes it needless."""
    stated, reading = row.stated, dossier.reading
    return (
        any(_known(fact, row, dossier) for fact in stated.facts)
        or any(reading.truth.get(fact) is True for fact in stated.true)
        or any(reading.truth.get(fact) is False for fact in stated.false)
        or any(_given(part, dossier) for part in stated.parts)
        or _worded(stated, dossier)
        or any(is_lifted(lift, dossier) for lift in row.lifts)
    )


def _known(fact: str, row: Item, dossier: Dossier) -> bool:
    """Say whether a fact is known, one way or the other; a denial that proves nothing is no answer."""
    if fact in dossier.reading.values or dossier.reading.truth.get(fact) is True:
        return True
    if fact not in dossier.reading.truth:
        return False
    denials = [found for found in dossier.reading.found if found.fact == fact and found.status is Status.ABSENT]
    return not denials or any(not _proves_nothing(denial, row, dossier) for denial in denials)


def _proves_nothing(denial: FactFound, row: Item, dossier: Dossier) -> bool:
    said = fold(denial.evidence)
    return any(weak.evidence.search(said) and _weakened(weak, dossier) for weak in row.weak)


def _weakened(weak: Weak, dossier: Dossier) -> bool:
    if weak.always or (weak.words and weak.words.search(dossier.folded)):
        return True
    if any(dossier.reading.truth.get(fact) is True for fact in weak.true):
        return True
    return weak.dated is not None and (ages := list(_ages(weak.dated, dossier))) != [] and min(ages) > weak.dated.days


def _given(part: str, dossier: Dossier) -> bool:
    """Say whether a part of the request answers by itself."""
    if part == "cote":
        return bool(dossier.laterality)
    if part == "examens_anterieurs":
        return any(not earlier.ordered for earlier in dossier.request.prior_exams)
    status = Status.HYPOTHETICAL if part == "hypothese" else Status.PAST
    return any(fact.status is status for fact in dossier.reading.found)


def _worded(stated: Stated, dossier: Dossier) -> bool:
    words = stated.words
    if words is None:
        return False
    return bool(words.search(dossier.folded) or (stated.in_exam and words.search(fold(dossier.request.exam_text))))


def is_lifted(lift: Lift, dossier: Dossier) -> bool:
    """Say whether something makes the question needless."""
    if holds(lift.condition, dossier.reading.facts) is True or (lift.words and lift.words.search(dossier.folded)):
        return True
    return lift.dated is not None and any(age <= lift.dated.days for age in _ages(lift.dated, dossier))


def _ages(dated: Dated, dossier: Dossier) -> Iterator[float]:
    """Yield how old, in days on the day of the request, each thing of the text is that says when it was."""
    for subject in dated.subject.finditer(dossier.folded):
        ago = _AGO.match(dossier.folded, subject.end())
        if ago is not None and (days := _days(ago, dossier.request.authored)) is not None:
            yield days


def _days(ago: re.Match[str], on: date | None) -> float | None:
    if ago.group("count"):
        return float(ago.group("count")) * _UNIT_DAYS[ago.group("unit")[0]]
    if not ago.group("day"):
        return 0.0 if ago.group("today") else 1.0 if ago.group("yesterday") else 2.0
    if on is None:
        return None
    day, month, year = int(ago.group("day")), int(ago.group("month")), ago.group("year")
    try:
        when = date(int(year) + (2000 if len(year) == 2 else 0) if year else on.year, month, day)
        when = when if year or when <= on else date(on.year - 1, month, day)
    except ValueError:
        return None
    return float((on - when).days) if when <= on else None
