from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.imports.moments import AMBIGUOUS, MISSING_HOUR, Clock, DateReader, checked_zone, clock_of, is_date
from pertimage.audit.imports.refusal import FileRefused, LineFault
from pertimage.audit.instants import utc_text

PARIS = ZoneInfo("Europe/Paris")
WAYS = (
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%d-%m-%Y %Hh%M",
    "%d.%m.%Y à %H:%M",
    "%Y%m%d%H%M",
    "%d/%m/%y %H:%M",
)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 12, 31)), st.sampled_from(WAYS))  # noqa: DTZ001 - the time of a wall
def test_every_way_of_writing_a_date_gives_the_same_instant(at, way):
    """An instant written and read again is the same, to the minute, whatever the way; the fast reading agrees with the slow one."""
    text = at.strftime(way)
    seconds = at.second if "%S" in way else 0
    expected = at.replace(second=seconds, microsecond=0, tzinfo=PARIS)
    moment = Clock().read(text)
    assert moment.instant == utc_text(expected)
    reader = DateReader(Clock())
    assert reader.read(text) == reader.read(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "31/12/2025",
        "31/12/25",
        "2025-12-31",
        "20251231",
        "31 décembre 2025",
        "mercredi 31 déc. 2025",
        "31-12-2025",
        "46022",
        " 31/12/2025 ",
    ],
)
def test_a_day_without_time_is_noon(text):
    """A day alone is noon in Paris, so that its week is right everywhere."""
    assert Clock().read(text)[:3] == ("2025-12-31T11:00:00.000000Z", "2025-12-31", False)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("31/12/2025", "08:30"),
        ("31/12/2025 00:00:00", "8h30"),
        ("31/12/2025", "0830"),
        ("31/12/2025", "0,354166667"),
        ("46022", "08:30:00"),
        ("46022.3541666667", ""),
    ],
)
def test_the_time_may_be_in_another_column_or_a_fraction(text, time):
    """Date and time written apart, or as the numbers of a spreadsheet, make one instant."""
    assert Clock().read(text, time).instant == "2025-12-31T07:30:00.000000Z"


def test_an_offset_in_the_text_is_obeyed():
    """What says its own offset needs no clock."""
    assert Clock().read("2025-12-31T08:30:00+04:00").instant == "2025-12-31T04:30:00.000000Z"
    assert Clock("Indian/Reunion").read("31/12/2025 08:30").instant == "2025-12-31T04:30:00.000000Z"


@pytest.mark.parametrize(
    ("text", "instant", "note"),
    [
        ("26/10/2025 02:30", "2025-10-26T00:30:00.000000Z", AMBIGUOUS),
        ("26/10/2025 03:30", "2025-10-26T02:30:00.000000Z", ""),
        ("30/03/2025 02:30", "2025-03-30T01:30:00.000000Z", MISSING_HOUR),
        ("30/03/2025 03:00", "2025-03-30T01:00:00.000000Z", ""),
    ],
)
def test_hours_of_a_clock_change_are_read_and_said(text, instant, note):
    """The hour that happens twice is the first, the one that does not exist the following: both are said."""
    moment = Clock().read(text)
    assert (moment.instant, moment.note) == (instant, note)


@pytest.mark.parametrize("text", ["31/02/2025", "2025-13-01", "12/2025", "demain", "31/12/2025 25:00", "31/12/2025 08:61", "20251332"])
def test_what_is_no_date_is_refused_with_its_reason(text):
    """A date that does not exist is never taken for its neighbour."""
    with pytest.raises(LineFault, match=r"date|heure"):
        Clock().read(text)


def test_a_column_tells_months_first_and_midnights():
    """Days are first unless a date can only be months first; midnights everywhere stand for no time."""
    assert clock_of(["12/31/2025", "01/02/2026"]).month_first
    assert not clock_of(["31/12/2025", "01/02/2026", "12/31/2025"]).month_first
    assert clock_of(["31/12/2025 00:00:00"] * 5).days_only
    assert not clock_of(["31/12/2025 00:00:00", "31/12/2025 08:00:00"]).days_only
    reader = DateReader(clock_of(["31/12/2025 00:00"] * 3))
    assert reader.read("31/12/2025 00:00").instant == "2025-12-31T11:00:00.000000Z"
    assert reader.read("31/12/2025 09:15").instant == "2025-12-31T08:15:00.000000Z"


def test_a_number_of_eight_digits_is_not_always_a_date():
    """A patient's number is not a day."""
    assert is_date("20251231")
    assert not is_date("00048213")


def test_zones_are_checked():
    """A zone that does not exist, or that is half an hour off, is refused by name."""
    assert checked_zone("America/Martinique")
    for name in ("Mars/Olympus", "../etc/passwd", "Asia/Kolkata"):
        with pytest.raises(FileRefused, match="fuseau"):
            checked_zone(name)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1991, 1, 1), max_value=datetime(2050, 1, 1)))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_an_instant_with_its_zone_comes_back(at):
    """What a FHIR resource says is stored as it is, to the second."""
    at = at.replace(microsecond=0)
    assert Clock().read(at.isoformat()).instant == utc_text(at)
