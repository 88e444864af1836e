"""Exams drawn by chance, on working days, with a known change at the go-live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from pertimage.audit.evaluation.exams import UNKNOWN, Exams
from pertimage.audit.working_days import is_working

FIRST, LAST = date(2024, 1, 1), date(2026, 6, 30)
HOURS = 24


def drawn(
    sites: Mapping[str, date | None], kinds: Mapping[str, tuple[float, float]], *, wait: float = 0, shorter: float = 1.0, seed: int = 1,
    days: tuple[date, date] = (FIRST, LAST),
) -> Exams:  # fmt: skip
    """Return exams of sites (their go-live) and kinds (exams per working day before, ratio after).

    ``wait`` is the median wait in days (lognormal; 0: none is known), multiplied by ``shorter`` after.
    """
    chance = np.random.default_rng(seed)
    rows = []
    open_days = [days[0] + timedelta(n) for n in range((days[1] - days[0]).days + 1)]
    for rank, go_live in enumerate(sites.values()):
        for kind, (rate, ratio) in enumerate(kinds.values()):
            for day in filter(is_working, open_days):
                live = go_live is not None and day >= go_live
                for _ in range(chance.poisson(rate * (ratio if live else 1.0))):
                    hours = int(chance.lognormal(np.log(wait * (shorter if live else 1.0) * HOURS), 0.4)) if wait else UNKNOWN
                    done = day.toordinal() + max(hours, 0) // HOURS
                    rows.append((rank, kind, day.toordinal(), done, hours))
    return exams_of(tuple(sites), tuple(kinds), rows)


def exams_of(sites: Sequence[str], kinds: Sequence[str], rows: Sequence[tuple[int, int, int, int, int]]) -> Exams:
    """Return exams from rows of ranks, days and hours."""
    columns = np.array(rows, np.int32).reshape(len(rows), 5)
    return Exams(tuple(sites), tuple(kinds), *(columns[:, column] for column in range(5)))
