"""Series written by hand, shared by the tests of the methods."""

from __future__ import annotations

from datetime import date

from pertimage.audit.methods.series import Series, Unit, series_of

GO_LIVE = date(2024, 9, 16)


def monthly(counts: list[int]) -> Series:
    """Return a series by month from January 2024: the go-live is in the ninth."""
    starts = [date(2024, 1, 1)]
    while len(starts) <= len(counts):
        starts.append(Unit.MONTH.next(starts[-1]))
    blank = series_of({}, starts[0], starts[-1], Unit.MONTH)
    return Series(Unit.MONTH, blank.starts[: len(counts)], tuple(counts), blank.working_days[: len(counts)])
