"""Working days of metropolitan France: neither Saturday, nor Sunday, nor one of the eleven public holidays. Pure functions of days."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
# Easter Monday, Ascension, Whit Monday: days after Easter Sunday.
_AFTER_EASTER = (1, 39, 50)
_DAY = timedelta(days=1)


def easter(year: int) -> date:
    """Return Easter Sunday of a year of the Gregorian calendar (anonymous algorithm, in J. Meeus, Astronomical Algorithms, ch. 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[date]:
    """Return the public holidays of a year; those of Alsace and Moselle alone are left out."""
    sunday = easter(year)
    moving = (sunday + timedelta(days=days) for days in _AFTER_EASTER)
    return frozenset((*(date(year, month, day) for month, day in _FIXED), *moving))


def is_working(day: date) -> bool:
    """Say whether a day is a working day."""
    return day.weekday() < 5 and day not in holidays(day.year)


def after(day: date, days: int, *, working: bool) -> date:
    """Return the day that comes ``days`` days after a day; with ``working``, only working days are counted.

    Zero working days after a day off is the next working day.
    """
    if not working:
        return day + timedelta(days=days)
    reached = day
    for _ in range(days):
        reached = _next_working(reached + _DAY)
    return _next_working(reached)


def _next_working(day: date) -> date:
    while not is_working(day):
        day += _DAY
    return day
