"""Working days: week-ends and the public holidays of France, the moving ones too."""

from datetime import date, timedelta

import pytest

from pertimage.audit.working_days import after, easter, holidays, is_working


@pytest.mark.parametrize(
    "day", [date(1961, 4, 2), date(2000, 4, 23), date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2038, 4, 25)]
)
def test_easter_is_where_the_calendar_has_it(day):
    """Early, late and ordinary Easters."""
    assert easter(day.year) == day


def test_the_eleven_holidays_of_a_year():
    """Those of 2026, as the calendar prints them."""
    said = "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"
    assert sorted(f"{day:%m-%d}" for day in holidays(2026)) == said.split()


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-20", 1, "2026-11-23"), ("2026-11-21", 0, "2026-11-23"), ("2026-11-10", 1, "2026-11-12"), ("2026-05-07", 1, "2026-05-11"),
        ("2026-12-24", 1, "2026-12-28"), ("2026-12-31", 2, "2027-01-05"), ("2026-04-03", 1, "2026-04-07"), ("2026-11-23", 10, "2026-12-07"),
    ],
)  # fmt: skip
def test_days_off_are_not_counted(start, days, due):
    """Over a week-end, 11 November, a bridge, Christmas, New Year, Easter Monday."""
    assert after(date.fromisoformat(start), days, working=True) == date.fromisoformat(due)


def test_calendar_days_are_all_counted():
    """Without « working », a Sunday counts."""
    assert after(date(2026, 11, 20), 2, working=False) == date(2026, 11, 22)


def test_a_working_delay_is_never_shorter_than_its_days():
    """Whatever the day, so many working days after it is a working day, and exactly so many are between."""
    for offset in range(0, 800, 7):
        start = date(2026, 1, 1) + timedelta(days=offset)
        due = after(start, 5, working=True)
        assert is_working(due)
        assert sum(is_working(start + timedelta(days=n)) for n in range(1, (due - start).days + 1)) == 5
