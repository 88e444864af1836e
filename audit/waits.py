"""How long exams wait today, site by site and technique by technique, learnt from what was done lately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from sqlalchemy import Engine, func, select

from pertimage.audit.tables import activity

WINDOW_DAYS = 90
LEAST_EXAMS = 10
_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class SiteWait:
    """The waits of a technique (DICOM code) at a site: median and 90th percentile in days, over ``exams`` exams."""

    site: str
    modality: str
    median: float
    p90: float
    exams: int


def current_waits(engine: Engine, today: date, *, window: int = WINDOW_DAYS, least: int = LEAST_EXAMS) -> list[SiteWait]:
    """Return the waits between request and exam of the exams done in the last ``window`` days (whole weeks), by site and technique.

    Fewer than ``least`` exams say nothing. Quantiles are the lowest wait that the share reaches, in days to the tenth.
    """
    first = (today - timedelta(days=window)).isoformat()
    columns = (activity.c.site, activity.c.modality, activity.c.wait_hours)
    query = select(*columns, func.count()).where(activity.c.performed_week >= first, activity.c.wait_hours.is_not(None))
    with engine.connect() as connection:
        rows = connection.execute(query.group_by(*columns).order_by(*columns)).all()
    groups = groupby(rows, key=lambda row: (row[0], row[1]))
    found = (_wait(site, modality, [(row[2], row[3]) for row in members]) for (site, modality), members in groups)
    return [wait for wait in found if wait.exams >= least]


def _wait(site: str, modality: str, hours: Sequence[tuple[int, int]]) -> SiteWait:
    median, p90 = (round(value / _HOURS, 1) for value in _quantiles(hours, (0.5, 0.9)))
    return SiteWait(site, modality, median, p90, sum(count for _, count in hours))


def _quantiles(counted: Sequence[tuple[int, int]], shares: Sequence[float]) -> Iterator[int]:
    """Yield the lowest value that each share of the weights reaches; ``counted`` are values in order with their weights."""
    total = sum(count for _, count in counted)
    for share in shares:
        reached = 0
        for value, count in counted:
            reached += count
            if reached >= share * total:
                yield value
                break
