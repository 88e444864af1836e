"""A prescriber's own requests counted: outcomes by month and by situation, exams really replaced; and the same totals of peers.

Only signed requests count, as they were judged when signed; those taken over from a prescriber who left are nobody's, and those
judged in silence are told to nobody, not even added up. The unit is the exam asked (one line of assessment), except for ``requests``, which counts requests. Months are those of
metropolitan France.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from sqlalchemy import ColumnElement, Engine, func, select

from pertimage.audit.indicators import Outcomes
from pertimage.audit.instants import PARIS, utc_datetime, utc_text
from pertimage.audit.intervals import Share
from pertimage.audit.programme import Mode
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.tables import assessments, exchanges, feedback, journal, requests, reviews
from pertimage.cds.model import Outcome

POSITIONS = (Outcome.APPROPRIATE, Outcome.ALTERNATIVE, Outcome.NOT_INDICATED)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Window:
    """The months looked at: from the first day of ``first`` to the end of the month of ``last`` (first days of months)."""

    first: date
    last: date

    @property
    def months(self) -> list[str]:
        """Return the months, ``2026-10``, in order."""
        found, day = [], self.first
        while day <= self.last:
            found.append(f"{day:%Y-%m}")
            day = next_month(day)
        return found

    @property
    def bounds(self) -> tuple[str, str]:
        """Return the first instant and the one just after the last, as the store writes them."""
        return _midnight(self.first), _midnight(next_month(self.last))


def next_month(day: date) -> date:
    """Return the first day of the next month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def twelve_months(last: date) -> Window:
    """Return the twelve months that end with that of a day."""
    return Window(next_month(date(last.year - 1, last.month, 1)), date(last.year, last.month, 1))


@dataclass(frozen=True, slots=True)
class Practice:
    """What somebody asked: how many requests, and the outcome of each exam."""

    requests: int
    outcomes: Outcomes

    @property
    def exams(self) -> int:
        """Return the number of exams asked."""
        return self.outcomes.judged

    @property
    def unscored(self) -> int:
        """Return how many exams were never judged: outside the guidance."""
        return self.outcomes.counts.get(Outcome.NO_GUIDANCE, 0)

    @property
    def complete(self) -> Share:
        """Return how many exams could be judged without asking more, among those that the guidance covers."""
        covered = self.exams - self.unscored
        return Share(covered - self.outcomes.counts.get(Outcome.INCOMPLETE, 0), covered)

    @property
    def appropriate(self) -> Share:
        """Return how many exams were supported, among those on which the guidance took a position."""
        return Share(self.outcomes.counts.get(Outcome.APPROPRIATE, 0), sum(self.outcomes.counts.get(one, 0) for one in POSITIONS))


@dataclass(frozen=True, slots=True)
class Asked:
    """How often an exam was asked in a situation (a sheet), by outcome."""

    sheet: str
    counts: Mapping[Outcome, int]
    exams: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return the number of exams."""
        return sum(self.counts.values())

    @property
    def to_improve(self) -> int:
        """Return how many could have been better: another exam, none, or more complete."""
        return sum(self.counts.get(one, 0) for one in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED, Outcome.INCOMPLETE))


@dataclass(frozen=True, slots=True)
class Replaced:
    """An exam given up for another one, both of the catalogue; ``by`` is ``prescripteur`` or ``radiologue``."""

    request: str
    before: str
    after: str
    by: str


def practices_of(engine: Engine, prescribers: Collection[str], window: Window) -> dict[str, Practice]:
    """Return what each prescriber asked in a window; those who asked for nothing have no entry."""
    known = sorted(prescribers)
    found: dict[str, Practice] = {}
    for start in range(0, len(known), _CHUNK):
        found |= _practices(engine, known[start : start + _CHUNK], window)
    return found


def _practices(engine: Engine, prescribers: Sequence[str], window: Window) -> dict[str, Practice]:
    where = [requests.c.prescriber.in_(prescribers), *_signed_in(window)]
    joined = assessments.join(requests, requests.c.id == assessments.c.request)
    counted = select(requests.c.prescriber, func.count()).where(*where).group_by(requests.c.prescriber)
    outcomes = select(requests.c.prescriber, assessments.c.outcome, func.count()).select_from(joined).where(*where)
    counts: dict[str, dict[Outcome, int]] = defaultdict(dict)
    with engine.connect() as connection:
        sizes = {row[0]: row[1] for row in connection.execute(counted)}
        for prescriber, outcome, count in connection.execute(outcomes.group_by(requests.c.prescriber, assessments.c.outcome)):
            counts[prescriber][Outcome(outcome)] = count
    return {prescriber: Practice(size, Outcomes(counts[prescriber])) for prescriber, size in sizes.items()}


def monthly(engine: Engine, prescriber: str, window: Window) -> dict[str, Practice]:
    """Return what a prescriber asked each month of a window, those without any request included."""
    query = (
        select(requests.c.id, requests.c.created_at, assessments.c.outcome)
        .select_from(assessments.join(requests, requests.c.id == assessments.c.request))
        .where(requests.c.prescriber == prescriber, *_signed_in(window))
    )
    ids: dict[str, set[str]] = defaultdict(set)
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    with engine.connect() as connection:
        for identifier, at, outcome in connection.execute(query):
            month = f"{utc_datetime(at).astimezone(PARIS):%Y-%m}"
            ids[month].add(identifier)
            counts[month][Outcome(outcome)] += 1
    return {month: Practice(len(ids[month]), Outcomes(dict(counts[month]))) for month in window.months}


def situations(engine: Engine, prescriber: str, window: Window) -> list[Asked]:
    """Return the situations that a prescriber asked exams for, the most frequent first."""
    joined = assessments.join(requests, requests.c.id == assessments.c.request)
    query = select(assessments.c.rule, assessments.c.outcome, assessments.c.exam, func.count()).select_from(joined)
    query = query.where(requests.c.prescriber == prescriber, assessments.c.rule.is_not(None), *_signed_in(window))
    outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)
    exams: dict[str, Counter[str]] = defaultdict(Counter)
    with engine.connect() as connection:
        for rule, said, exam, count in connection.execute(query.group_by(assessments.c.rule, assessments.c.outcome, assessments.c.exam)):
            sheet, outcome = rule.partition("/")[0], Outcome(said)
            outcomes[sheet][outcome] += count
            if exam and outcome not in (Outcome.APPROPRIATE, Outcome.NO_GUIDANCE):
                exams[sheet][exam] += count
    found = [Asked(sheet, dict(counts), dict(exams[sheet])) for sheet, counts in outcomes.items()]
    return sorted(found, key=lambda one: (-one.total, one.sheet))


def replacements(engine: Engine, prescriber: str, window: Window) -> list[Replaced]:
    """Return the exams really replaced by another one on a prescriber's signed requests.

    By the prescriber, who took an exam that a card offered, when the request was signed with it; by the radiologist, who decided
    a substitution. An exam replaced twice counts once, from the first to the last.
    """
    mine = [requests.c.prescriber == prescriber, *_signed_in(window)]
    taken = _taken(engine, mine)
    substituted = _substituted(engine, mine)
    found = []
    for request in sorted(taken.keys() | substituted.keys()):
        swaps = dict(taken.get(request, {}))
        if request in substituted:
            asked, final = substituted[request]
            found.append(Replaced(request, swaps.pop(asked, asked), final, "radiologue"))
        found += [Replaced(request, before, after, "prescripteur") for after, before in sorted(swaps.items())]
    return [one for one in found if one.before != one.after]


def _taken(engine: Engine, mine: Sequence[ColumnElement[bool]]) -> dict[str, dict[str, str]]:
    """Return, by request, the exam given up for each exam signed."""
    accepted = (
        select(feedback.c.request, journal.c.payload)
        .join(requests, requests.c.id == feedback.c.request)
        .join(journal, journal.c.seq == feedback.c.seq)
        .where(feedback.c.outcome == "accepted", *mine)
        .order_by(feedback.c.seq)
    )
    signed = select(assessments.c.request, assessments.c.exam).join(requests, requests.c.id == assessments.c.request).where(*mine)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with engine.connect() as connection:
        exams = {(row[0], row[1]) for row in connection.execute(signed)}
        for request, payload in connection.execute(accepted):
            detail = orjson.loads(payload).get("detail")
            before, after = (detail.get("from"), detail.get("to")) if isinstance(detail, dict) else (None, None)
            if isinstance(before, str) and isinstance(after, str) and (request, after) in exams:
                found[request][after] = before
    return found


def _substituted(engine: Engine, mine: Sequence[ColumnElement[bool]]) -> dict[str, tuple[str, str]]:
    decided = [reviews.c.state == ReviewState.DECIDED.value, reviews.c.decision == Decision.SUBSTITUTE.value]
    query = select(requests.c.id, requests.c.exam, reviews.c.exam.label("final")).join(reviews, reviews.c.request == requests.c.id)
    known = [requests.c.exam.is_not(None), reviews.c.exam.is_not(None)]
    with engine.connect() as connection:
        return {row.id: (row.exam, row.final) for row in connection.execute(query.where(*decided, *known, *mine))}


def _signed_in(window: Window) -> list[ColumnElement[bool]]:
    start, end = window.bounds
    taken_over = select(exchanges.c.request).where(exchanges.c.request == requests.c.id, exchanges.c.kind == "succession").exists()
    said = [requests.c.status == RequestStatus.SIGNED.value, requests.c.mode == Mode.ON.value]
    return [*said, requests.c.created_at >= start, requests.c.created_at < end, ~taken_over]


def _midnight(day: date) -> str:
    return utc_text(datetime(day.year, day.month, day.day, tzinfo=PARIS))
