"""A series of counts in equal periods (weeks or months), with the working days of each: what the methods estimate from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from pertimage.audit.working_days import is_working

DAYS_OF_MONTH = 365.25 / 12
# Exams a week on average from which a series is counted by week.
MINIMUM_WEEKLY = 10
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class Unit(StrEnum):
    """The period of a series."""

    WEEK = "semaine"
    MONTH = "mois"

    def start(self, day: date) -> date:
        """Return the first day of the period that a day is in."""
        return day - timedelta(days=day.weekday()) if self is Unit.WEEK else day.replace(day=1)

    def next(self, start: date) -> date:
        """Return the first day of the period after the one that starts on a day."""
        return start + _WEEK if self is Unit.WEEK else (start + timedelta(days=31)).replace(day=1)

    @property
    def per_year(self) -> float:
        """Return how many of these periods a year has."""
        return 365.25 / 7 if self is Unit.WEEK else 12.0


@dataclass(frozen=True, slots=True)
class Series:
    """Counts of complete periods in order of time, without gap: three tuples of one length.

    ``starts`` are first days, ``counts`` whole numbers of exams, ``working_days`` those of each period (the offset of the models).
    """

    unit: Unit
    starts: tuple[date, ...]
    counts: tuple[int, ...]
    working_days: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def end(self, index: int) -> date:
        """Return the first day after a period."""
        return self.unit.next(self.starts[index])

    def split(self, go_live: date, until: date | None = None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the indexes of the periods wholly before a go-live and of those wholly after it, before ``until`` when given.

        The period that contains the go-live is on neither side, unless it starts on that day.
        """
        before = tuple(index for index in range(len(self)) if self.end(index) <= go_live)
        after = tuple(index for index, start in enumerate(self.starts) if start >= go_live and (until is None or self.end(index) <= until))
        return before, after

    def months_from(self, day: date) -> tuple[float, ...]:
        """Return the time of the middle of each period, in months from a day."""
        return tuple(((start - day).days + (self.end(index) - start).days / 2) / DAYS_OF_MONTH for index, start in enumerate(self.starts))


def series_of(daily: Mapping[date, int], first: date, last: date, unit: Unit) -> Series:
    """Return the series of counts by day, from the first to the last day that the data cover; a day that is not there counts zero.

    A period at either end whose working days are not all covered is left out.
    """
    starts, counts, working = [], [], []
    start = unit.start(first)
    while start <= last:
        following = unit.next(start)
        days = list(_days(start, following))
        if not any(is_working(day) for day in days if day < first or day > last):
            starts.append(start)
            counts.append(sum(daily.get(day, 0) for day in days))
            working.append(sum(is_working(day) for day in days))
        start = following
    return Series(unit, tuple(starts), tuple(counts), tuple(working))


def choose_unit(exams: int, first: date, last: date) -> Unit:
    """Return the period to count by, from the exams of the whole series and the first and last day that the data cover.

    Weeks with 10 exams a week or more on average (few weeks are then empty, and counts are nearly normal), months otherwise. Only the
    total decides, never what happened after a go-live.
    """
    return Unit.WEEK if exams * 7 >= MINIMUM_WEEKLY * ((last - first).days + 1) else Unit.MONTH


def _days(first: date, end: date) -> Iterator[date]:
    while first < end:
        yield first
        first += _DAY
