"""Indicators: volumes, waits and outcomes per ISO week, by site and modality.

Exams are read from their summary, requests counted by the database: what comes back is one line per week and group.
Fictitious data never mixes with real: a call sees one or the other. Shares are of what was judged, « hors référentiel »
included, so that what the service cannot score is never left out of a denominator.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, case, func, select

from pertimage.audit.review import RequestStatus
from pertimage.audit.store import Store
from pertimage.audit.summary.reading import week_rows
from pertimage.audit.summary_tables import activity_weeks
from pertimage.audit.tables import assessments, requests, sites
from pertimage.cds.model import Outcome

GROUPS = ("site", "modality")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many exams got each outcome."""

    counts: Mapping[Outcome, int]

    @property
    def judged(self) -> int:
        """Return the number of exams judged, whatever the outcome."""
        return sum(self.counts.values())

    def share(self, outcome: Outcome) -> float | None:
        """Return the share (0 to 1) of an outcome among the exams judged; None when there are none."""
        return self.counts.get(outcome, 0) / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class ExamWeek:
    """The exams performed in one week. Waits are from request to performance, in days; ``waits`` counts those known."""

    week: date
    site: str | None
    modality: str | None
    exams: int
    irradiating: int
    irradiation_known: int
    waits: int
    wait_median: float | None
    wait_p90: float | None
    outcomes: Outcomes

    @property
    def irradiating_share(self) -> float | None:
        """Return the share (0 to 1) of irradiating exams among those whose technique says it."""
        return self.irradiating / self.irradiation_known if self.irradiation_known else None


@dataclass(frozen=True, slots=True)
class RequestWeek:
    """The exams asked through the service in one week, one per line of assessment."""

    week: date
    site: str | None
    modality: str | None
    requests: int
    flagged: int
    emergency: int
    outcomes: Outcomes


def exam_weeks(
    store: Store,
    *,
    by: Collection[str] = GROUPS,
    site: str | None = None,
    modality: str | None = None,
    since: date | None = None,
    until: date | None = None,
    fictitious: bool = False,
) -> list[ExamWeek]:
    """Return the exams performed, per week and per ``by`` (``site``, ``modality``, both or neither), in order of time.

    ``since`` and ``until`` are days; a week belongs to its Monday. Weeks without exams have no line.
    """
    _check(by)
    chosen = {"site": site, "modality": modality}
    level = set(by) | {name for name, value in chosen.items() if value is not None}
    where = [activity_weeks.c[name] == value for name, value in chosen.items() if value is not None]
    where += _between(activity_weeks.c.week, since, until)
    return [_exam_week(row, by) for row in week_rows(store, level, *where, fictitious=fictitious)]


def request_weeks(
    store: Store,
    *,
    by: Collection[str] = GROUPS,
    site: str | None = None,
    since: date | None = None,
    until: date | None = None,
    fictitious: bool = False,
    signed_only: bool = True,
) -> list[RequestWeek]:
    """Return the exams asked through the service, per week and per ``by``; drafts only with ``signed_only`` False.

    Requests are fictitious when their site is.
    """
    _check(by)
    groups: list[ColumnElement[Any]] = [requests.c.site] * ("site" in by) + [assessments.c.modality] * ("modality" in by)
    keys = [requests.c.created_week, *groups]
    demonstration = requests.c.site.in_(select(sites.c.id).where(sites.c.fictitious.is_(True)))
    where = [demonstration if fictitious else ~demonstration, *_between(requests.c.created_week, since, until)]
    where += [requests.c.site == site] if site is not None else []
    where += [requests.c.status == RequestStatus.SIGNED.value] if signed_only else []
    flagged = func.count(case((assessments.c.flagged.is_(True), 1)))
    emergency = func.count(case((assessments.c.pathway == "emergency", 1)))
    query = select(*keys, func.count(), flagged, emergency, *_outcome_counts(assessments.c.outcome))
    query = query.select_from(assessments.join(requests, requests.c.id == assessments.c.request)).where(*where)
    with store.reader.connect() as connection:
        rows = connection.execute(query.group_by(*keys).order_by(*keys)).all()
    return [_request_week(tuple(row), by) for row in rows]


def quantile(histogram: Sequence[tuple[int, int]], probability: float) -> float | None:
    """Return a quantile of (value, count) pairs sorted by value; linear between neighbours (Hyndman & Fan's type 7)."""
    size = sum(count for _, count in histogram)
    if size == 0:
        return None
    place = (size - 1) * probability
    low = _value_at(histogram, math.floor(place))
    high = _value_at(histogram, math.ceil(place))
    return low + (high - low) * (place - math.floor(place))


def _value_at(histogram: Sequence[tuple[int, int]], rank: int) -> int:
    seen = 0
    for value, count in histogram:
        seen += count
        if rank < seen:
            return value
    raise IndexError(rank)


def _check(by: Collection[str]) -> None:
    if unknown := set(by) - set(GROUPS):
        raise ValueError(f"unknown group {sorted(unknown)}: expected {GROUPS}")


def _between(week: ColumnElement[Any], since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    limits = [week >= since.isoformat()] if since else []
    return limits + ([week <= until.isoformat()] if until else [])


def _outcome_counts(column: ColumnElement[Any]) -> list[ColumnElement[int]]:
    return [func.count(case((column == outcome.value, 1))) for outcome in Outcome]


def _outcomes(counts: Sequence[int]) -> Outcomes:
    return Outcomes(dict(zip(Outcome, counts, strict=True)))


def _key(row: tuple[Any, ...], by: Collection[str]) -> tuple[date, str | None, str | None, tuple[Any, ...]]:
    """Return the week, site and modality of a line, and the rest of it."""
    rest = row[1:]
    site, rest = (rest[0], rest[1:]) if "site" in by else (None, rest)
    modality, rest = (rest[0], rest[1:]) if "modality" in by else (None, rest)
    return date.fromisoformat(row[0]), site, modality, rest


def _exam_week(row: Row[Any], by: Collection[str]) -> ExamWeek:
    site, modality = row.site if "site" in by else None, row.modality if "modality" in by else None
    median, p90 = (hours / 24 if hours is not None else None for hours in (row.wait_median, row.wait_p90))
    counts = (row.exams, row.irradiating, row.irradiation_known, row.waits)
    return ExamWeek(date.fromisoformat(row.week), site, modality, *counts, median, p90, _outcomes_told(row.outcomes))


@lru_cache(maxsize=4096)
def _outcomes_told(text: str) -> Outcomes:
    counted = orjson.loads(text)
    return Outcomes(MappingProxyType({outcome: counted.get(outcome.value, 0) for outcome in Outcome}))


def _request_week(row: tuple[Any, ...], by: Collection[str]) -> RequestWeek:
    week, site, modality, (count, flagged, emergency, *counts) = _key(row, by)
    return RequestWeek(week, site, modality, count, flagged, emergency, _outcomes(counts))
