"""Months, quarters and years as indicators count them: on the calendar of metropolitan France, in Python and in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func

from pertimage.audit.instants import PARIS, utc_text
from pertimage.guidelines.indicator_forms import Cadence

_MONTHS = {Cadence.MONTH: 1, Cadence.QUARTER: 3, Cadence.YEAR: 12}
_NAMES = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
# Days off that fall at the same date each year: data that begin on 2 January begin with the year.
_HOLIDAYS = frozenset(((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)))
_TO_THE_MONTH, _TO_THE_HOUR = len("YYYY-MM"), len("YYYY-MM-DDTHH")
_SATURDAY = 5


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A month, a quarter or a year, by its first day."""

    first: date
    cadence: Cadence

    @classmethod
    def of(cls, day: date, cadence: Cadence) -> Period:
        """Return the period that a day is in."""
        months = _MONTHS[cadence]
        return cls(date(day.year, (day.month - 1) // months * months + 1, 1), cadence)

    @classmethod
    def named(cls, label: str, cadence: Cadence) -> Period:
        """Return the period of a label: ``2026-03``, ``2026-T1`` or ``2026``; raises ValueError."""
        year, _, rest = label.partition("-")
        month = {Cadence.YEAR: "1", Cadence.QUARTER: str(3 * int(rest[1:] or 0) - 2) if rest[:1] == "T" else "", Cadence.MONTH: rest}[
            cadence
        ]
        found = cls(date(int(year), int(month), 1), cadence)
        if found.label != label:
            raise ValueError(label)
        return found

    @property
    def next(self) -> Period:
        """Return the period after this one."""
        return self._moved(_MONTHS[self.cadence])

    @property
    def previous(self) -> Period:
        """Return the period before this one."""
        return self._moved(-_MONTHS[self.cadence])

    @property
    def year_before(self) -> Period:
        """Return the same period of the year before."""
        return self._moved(-12)

    @property
    def last(self) -> date:
        """Return the last day."""
        return self.next.first - timedelta(days=1)

    @property
    def label(self) -> str:
        """Return the label, whose alphabetical order is the order in time."""
        year, month = self.first.year, self.first.month
        return {Cadence.MONTH: f"{year}-{month:02d}", Cadence.QUARTER: f"{year}-T{(month + 2) // 3}", Cadence.YEAR: f"{year}"}[self.cadence]

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        year, month = self.first.year, self.first.month
        if self.cadence is Cadence.YEAR:
            return str(year)
        rank = (month + 2) // 3
        return f"{_NAMES[month - 1]} {year}" if self.cadence is Cadence.MONTH else f"{rank}{'er' if rank == 1 else 'e'} trimestre {year}"

    def is_covered(self, first: date, last: date) -> bool:
        """Say whether data from a day to another miss none of its working days."""
        return not (
            any(_works(day) for day in _days(self.first, first))
            or any(_works(day) for day in _days(last + timedelta(days=1), self.next.first))
        )

    def _moved(self, months: int) -> Period:
        rank = self.first.year * 12 + self.first.month - 1 + months
        return Period(date(rank // 12, rank % 12 + 1, 1), self.cadence)


def periods(first: date, last: date, cadence: Cadence) -> Iterator[Period]:
    """Yield the periods from that of a day to that of another."""
    period = Period.of(first, cadence)
    while period.first <= last:
        yield period
        period = period.next


def midnight(day: date) -> str:
    """Return the instant at which a day begins in France, as the store writes instants."""
    return utc_text(datetime(day.year, day.month, day.day, tzinfo=PARIS))


def month_of(instant: ColumnElement[Any], first: date, last: date) -> ColumnElement[Any]:
    """Return the SQL of the month (``YYYY-MM``) in France of an instant of the store that lies between two days.

    The last hours in UTC of a month are already the next month in Paris; there are one or two of them a month, which are listed.
    """
    months = list(periods(first, last, Cadence.MONTH))
    late = [hour for month in months for hour in _late_hours(month)]
    following = case(*((func.substr(instant, 1, _TO_THE_MONTH) == month.label, month.next.label) for month in months))
    written = func.substr(instant, 1, _TO_THE_MONTH)
    return case((func.substr(instant, 1, _TO_THE_HOUR).in_(late), following), else_=written)


def period_of(month: ColumnElement[Any], cadence: Cadence) -> ColumnElement[Any]:
    """Return the SQL of the label of the period that a month (``YYYY-MM``) is in."""
    if cadence is Cadence.MONTH:
        return month
    year = func.substr(month, 1, 4)
    if cadence is Cadence.YEAR:
        return year
    rank = func.substr(month, 6, 2)
    return year + case((rank <= "03", "-T1"), (rank <= "06", "-T2"), (rank <= "09", "-T3"), else_="-T4")


def _late_hours(month: Period) -> Iterator[str]:
    """Yield the hours in UTC that are the next month in France."""
    start = midnight(month.next.first)
    first, end = int(start[_TO_THE_HOUR - 2 : _TO_THE_HOUR]), 24
    yield from (f"{start[: _TO_THE_HOUR - 2]}{hour:02d}" for hour in range(first, end))


def _days(first: date, end: date) -> Iterator[date]:
    """Yield the days from one to the day before another."""
    while first < end:
        yield first
        first += timedelta(days=1)


def _works(day: date) -> bool:
    return day.weekday() < _SATURDAY and (day.month, day.day) not in _HOLIDAYS
