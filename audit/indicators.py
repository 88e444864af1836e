"""Indicators: volumes, waits and outcomes per ISO week, by site and modality.

The database groups and counts; what comes back is at most one line per week, group and hour of wait, from which exact
quantiles are read. Fictitious data never mixes with real: a call sees one or the other. Shares are of what was judged,
« hors référentiel » included, so that what the service cannot score is never left out of a denominator.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, case, func, select

from pertimage.audit.review import RequestStatus
from pertimage.audit.store import Store
from pertimage.audit.tables import activity, assessments, requests, sites
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
    groups = _groups(activity, by)
    where = [activity.c.performed_week.is_not(None), activity.c.fictitious == fictitious]
    where += _between(activity.c.performed_week, since, until)
    where += [column == value for column, value in ((activity.c.site, site), (activity.c.modality, modality)) if value is not None]
    keys = [activity.c.performed_week, *groups]
    irradiating = func.count(case((activity.c.irradiating.is_(True), 1)))
    counted = select(*keys, func.count(), irradiating, func.count(activity.c.irradiating), *_outcome_counts(activity.c.outcome))
    hours = select(*keys, activity.c.wait_hours, func.count()).where(activity.c.wait_hours.is_not(None))
    with store.reader.connect() as connection:
        waits = _histograms(connection.execute(hours.where(*where).group_by(*keys, activity.c.wait_hours)), len(keys))
        rows = connection.execute(counted.where(*where).group_by(*keys).order_by(*keys)).all()
    return [_exam_week(tuple(row), by, waits) for row in rows]


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
    _groups(activity, by)  # refuses unknown names
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


def _groups(table: Table, by: Collection[str]) -> list[ColumnElement[Any]]:
    if unknown := set(by) - set(GROUPS):
        raise ValueError(f"unknown group {sorted(unknown)}: expected {GROUPS}")
    return [table.c[name] for name in GROUPS if name in by]


def _between(week: ColumnElement[Any], since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    limits = [week >= since.isoformat()] if since else []
    return limits + ([week <= until.isoformat()] if until else [])


def _outcome_counts(column: ColumnElement[Any]) -> list[ColumnElement[int]]:
    return [func.count(case((column == outcome.value, 1))) for outcome in Outcome]


def _outcomes(counts: Sequence[int]) -> Outcomes:
    return Outcomes(dict(zip(Outcome, counts, strict=True)))


def _histograms(rows: Iterable[Row[Any]], width: int) -> dict[tuple[Any, ...], list[tuple[int, int]]]:
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        found[tuple(row[:width])].append((row[width], row[width + 1]))
    return {key: sorted(pairs) for key, pairs in found.items()}


def _key(row: tuple[Any, ...], by: Collection[str]) -> tuple[date, str | None, str | None, tuple[Any, ...]]:
    """Return the week, site and modality of a line, and the rest of it."""
    rest = row[1:]
    site, rest = (rest[0], rest[1:]) if "site" in by else (None, rest)
    modality, rest = (rest[0], rest[1:]) if "modality" in by else (None, rest)
    return date.fromisoformat(row[0]), site, modality, rest


def _exam_week(row: tuple[Any, ...], by: Collection[str], waits: Mapping[tuple[Any, ...], list[tuple[int, int]]]) -> ExamWeek:
    week, site, modality, (exams, irradiating, known, *counts) = _key(row, by)
    histogram = waits.get(row[: 1 + len(set(by))], [])
    median, p90 = ((hours / 24 if hours is not None else None) for hours in (quantile(histogram, 0.5), quantile(histogram, 0.9)))
    size = sum(count for _, count in histogram)
    return ExamWeek(week, site, modality, exams, irradiating, known, size, median, p90, _outcomes(counts))


def _request_week(row: tuple[Any, ...], by: Collection[str]) -> RequestWeek:
    week, site, modality, (count, flagged, emergency, *counts) = _key(row, by)
    return RequestWeek(week, site, modality, count, flagged, emergency, _outcomes(counts))
