"""The exams of the activity registers as columns of numbers: a day is an ordinal, a site or an exam a rank. Ten million fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import func, select

from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.store import Store
from pertimage.audit.tables import activity

Numbers = np.ndarray[Any, np.dtype[Any]]

UNKNOWN = -1
_TO_THE_HOUR = len("YYYY-MM-DDTHH")
_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Exams:
    """Columns of one length: ``site`` and ``kind`` are ranks in ``sites`` and ``kinds``, days are ordinals in France, waits whole hours.

    ``kinds`` are catalogue ids, or the code of a technique (``CT``) for exams that were not recognised. ``UNKNOWN`` is no day, no wait.
    """

    sites: tuple[str, ...]
    kinds: tuple[str, ...]
    site: Numbers
    kind: Numbers
    requested: Numbers
    performed: Numbers
    wait: Numbers

    def __len__(self) -> int:
        return len(self.site)

    def only(self, chosen: Numbers) -> Exams:
        """Return the exams of a mask."""
        return Exams(
            self.sites, self.kinds, self.site[chosen], self.kind[chosen], self.requested[chosen], self.performed[chosen], self.wait[chosen]
        )


def read_exams(store: Store, *, fictitious: bool = False) -> Exams:
    """Return all exams that a day is known of, requested or performed."""
    sites: dict[str, int] = {}
    kinds: dict[str, int] = {}
    parts = []
    for rows in _pages(store, fictitious):
        part = np.empty((len(rows), 5), np.int32)
        for place, (site, exam, modality, requested, performed, wait) in enumerate(rows):
            part[place] = (
                sites.setdefault(site, len(sites)), kinds.setdefault(exam or modality, len(kinds)),
                _day(requested), _day(performed), UNKNOWN if wait is None else wait,
            )  # fmt: skip
        parts.append(part)
    whole = np.concatenate(parts) if parts else np.empty((0, 5), np.int32)
    _day.cache_clear()
    return Exams(tuple(sites), tuple(kinds), *(whole[:, column] for column in range(5)))


def _pages(store: Store, fictitious: bool) -> Iterator[list[Any]]:
    hour = (func.substr(instant, 1, _TO_THE_HOUR) for instant in (activity.c.requested_at, activity.c.performed_at))
    query = select(activity.c.site, activity.c.exam, activity.c.modality, *hour, activity.c.wait_hours)
    query = query.where(activity.c.fictitious == fictitious, func.coalesce(activity.c.requested_at, activity.c.performed_at).is_not(None))
    with store.reader.connect() as connection:
        for page in connection.execution_options(yield_per=_ROWS).execute(query).partitions():
            yield list(page)


@cache
def _day(hour: str | None) -> int:
    """Return the ordinal of the day in France of an hour in UTC."""
    return utc_datetime(f"{hour}:00:00.000000Z").astimezone(PARIS).date().toordinal() if hour else UNKNOWN


def day_of(ordinal: int) -> date:
    """Return the day of an ordinal of these columns."""
    return date.fromordinal(int(ordinal))
