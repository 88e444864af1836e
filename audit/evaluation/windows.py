"""Which days the data of a site cover, and by which date its exams are counted.

The service acts when an exam is asked for: exams are counted on the day of their request, when nearly all have one, else on the day they
were done. An export may hold what was *asked* in a period, or what was *done* in it. In the second case the requests of its last days are
not all there yet, and those before its first day are there in part: both ends are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from pertimage.audit.evaluation.exams import Exams, Numbers, day_of

# The share of exams whose request must be dated for exams to be counted by it.
REQUESTS_KNOWN = 0.95
# What lies outside these shares of the days, and a season away from the rest, is a mistake of date.
_STRAY, _SEASON = 0.0005, 92
_LONGEST_CUT = 180
# The share of waits that the days left out at the end cover, and from how many waits an exam has its own.
_COVERED, _ENOUGH_WAITS = 0.99, 100
_HOURS = 24


class Basis(StrEnum):
    """The date by which exams are counted."""

    REQUESTED = "demande"
    PERFORMED = "realisation"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {"demande": "date de la demande", "realisation": "date de réalisation"}[self.value]


@dataclass(frozen=True, slots=True)
class Window:
    """The days that the data of a site cover, both included. ``stray`` exams lie outside; ``cut`` days were left out at the end."""

    first: date
    last: date
    stray: int = 0
    cut: int = 0


def basis_of(exams: Exams) -> Basis:
    """Return the date by which exams can be counted."""
    return Basis.REQUESTED if len(exams) and (exams.requested > 0).mean() >= REQUESTS_KNOWN else Basis.PERFORMED


def days_of(exams: Exams, basis: Basis) -> Numbers:
    """Return the day of each exam by a date, ``UNKNOWN`` where it has none."""
    return exams.requested if basis is Basis.REQUESTED else exams.performed


def window(exams: Exams, basis: Basis, waits: Numbers | None = None) -> Window | None:
    """Return the days that the exams of one site cover; None when none has a day.

    ``waits`` are those of the exams to be counted, when they are only some of the site's: some exams wait longer than others.
    """
    own = _ends(days_of(exams, basis))
    if own is None:
        return None
    first, last, stray = own
    done = _ends(exams.performed)
    if basis is Basis.PERFORMED or done is None:
        return Window(day_of(first), day_of(last), stray)
    own_waits = waits if waits is not None and (waits >= 0).sum() >= _ENOUGH_WAITS else exams.wait
    first, cut = _asked_before(exams.wait, first, done[0]), _not_done_yet(exams.wait, own_waits, last, done[1])
    return Window(day_of(first), day_of(max(last - cut, first)), stray, cut)


def _ends(days: Numbers) -> tuple[int, int, int] | None:
    """Return the first and the last day that are no mistakes, and how many are."""
    known = days[days > 0]
    if not len(known):
        return None
    low, high = (int(end) for end in np.quantile(known, (_STRAY, 1 - _STRAY), method="nearest"))
    first, last = int(known.min()), int(known.max())
    first, last = (low if low - first > _SEASON else first), (high if last - high > _SEASON else last)
    return first, last, int(((known < first) | (known > last)).sum())


def _asked_before(waits: Numbers, first: int, done: int) -> int:
    """Return from which day on requests are all there: the first exam done, when long waits alone lead to requests before it."""
    return done if done - first >= _usual(waits) else first


def _not_done_yet(all_waits: Numbers, own_waits: Numbers, last: int, done: int) -> int:
    """Return how many last days lack requests that are still waiting: none when exams asked until the end are there, done later."""
    own = own_waits[own_waits >= 0]
    if not len(own) or done - last >= _usual(all_waits):
        return 0
    return min(round(float(np.quantile(own, _COVERED)) / _HOURS), _LONGEST_CUT)


def _usual(waits: Numbers) -> float:
    """Return the wait that three exams out of four do not exceed, in days; 0 when none is known."""
    known = waits[waits >= 0]
    return float(np.quantile(known, 0.75)) / _HOURS if len(known) else 0.0
