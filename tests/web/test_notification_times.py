"""When a notification may leave: quiet hours, week-ends, clocks that change, one mail in ten minutes, patience after failures."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.instants import PARIS
from pertimage.audit.notifications import Event, How, Mail, State
from pertimage.web.notification_times import GAP, Rules, free_at, is_due, is_quiet, last_digest, quiet_hours
from pertimage.web.settings import Settings, UnsafeSettingsError

USUAL = Settings(demo=True).notify_rules
MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def paris(text):
    """Return an instant from the clocks of Paris: « 2026-11-23 19:59 »."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


def event(at, **more):
    """Return something that happened."""
    return Event(1, at, **more)


def mail(at, state=State.SENT):
    """Return a mail made."""
    return Mail(1, "p1", at, state, "")


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        ("2026-11-23 19:59", False),
        ("2026-11-23 20:00", True),
        ("2026-11-24 06:59", True),
        ("2026-11-24 07:00", False),
        ("2026-11-28 12:00", True),
        ("2026-11-29 23:00", True),
        # Clocks change on these Sundays at night: seven o'clock is seven o'clock on both sides.
        ("2026-03-27 07:00", False),
        ("2026-03-30 06:59", True),
        ("2026-03-30 07:00", False),
        ("2026-10-26 06:59", True),
        ("2026-10-26 07:00", False),
    ],
)
def test_quiet_hours_are_those_of_clocks(at, quiet):
    """From 20 to 7 and on Saturdays and Sundays, in Paris, winter and summer."""
    assert is_quiet(paris(at), USUAL) is quiet


def test_only_a_question_on_an_urgent_request_leaves_in_quiet_hours():
    """At night and on Sundays, even for who wants a digest; unless the settings say no."""
    for at in ("2026-11-23 23:00", "2026-11-29 12:00"):
        now = paris(at)
        assert not is_due(How.EACH, [event(now)], [], now, USUAL)
        assert is_due(How.EACH, [event(now), event(now, urgent=True)], [], now, USUAL)
        assert is_due(How.DAILY, [event(now, urgent=True)], [], now, USUAL)
        assert not is_due(How.EACH, [event(now, urgent=True)], [], now, Rules(USUAL.quiet, urgent=False))


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-11-23 07:59", "2026-11-20 08:00"),
        ("2026-11-23 08:00", "2026-11-23 08:00"),
        ("2026-11-29 12:00", "2026-11-27 08:00"),
        ("2026-03-30 07:59", "2026-03-27 08:00"),
        ("2026-03-30 08:00", "2026-03-30 08:00"),
        ("2026-10-26 08:00", "2026-10-26 08:00"),
    ],
)
def test_the_digest_is_at_eight_by_the_clock_on_working_days(now, last):
    """The Monday after clocks change as any Monday."""
    assert last_digest(paris(now), USUAL) == paris(last)


@pytest.mark.parametrize(("day", "instants"), [("2026-03-29", 1), ("2026-10-25", 1)])
def test_a_digest_hour_that_clocks_skip_or_repeat_comes_once(day, instants):
    """At half past two on the night when clocks change, there is exactly one digest."""
    rules = Rules(weekend=True, digest_hour=2)
    start = paris(f"{day} 00:00")
    found = {last_digest(start + timedelta(minutes=10 * step), rules) for step in range(36)}
    assert len({at for at in found if at >= start}) == instants


def test_a_digest_tells_what_came_before_it():
    """What comes at nine waits for the next day, a late run still tells it, and a run at night waits."""
    before, after = event(paris("2026-11-23 07:30")), event(paris("2026-11-23 09:00"))
    assert is_due(How.DAILY, [before], [], paris("2026-11-23 08:00"), USUAL)
    assert is_due(How.DAILY, [before], [], paris("2026-11-23 15:00"), USUAL)
    assert not is_due(How.DAILY, [before], [], paris("2026-11-23 21:00"), USUAL)
    assert not is_due(How.DAILY, [after], [], paris("2026-11-23 19:00"), USUAL)
    assert is_due(How.DAILY, [after], [], paris("2026-11-24 08:00"), USUAL)
    reminder = event(paris("2026-11-20 09:00"), reminder=True)
    assert not is_due(How.DAILY, [reminder], [], paris("2026-11-23 10:00"), USUAL)
    assert is_due(How.DAILY, [reminder], [], paris("2026-11-24 08:00"), USUAL)


@given(st.integers(0, 2 * 365 * 24 * 60), st.integers(0, 23), st.booleans())
def test_a_digest_is_past_and_never_far(minutes, hour, weekend):
    """Whatever the minute of two years: not in the future, at its hour, no more than three days and an hour ago."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    at = last_digest(now, Rules(digest_hour=hour, weekend=weekend))
    assert timedelta() <= now - at <= timedelta(days=3, hours=1)
    assert at.astimezone(PARIS).hour in (hour, hour + 1)


def test_at_most_one_mail_in_ten_minutes():
    """Real minutes, even for an urgent question, and when clocks go back."""
    urgent = [event(MONDAY, urgent=True)]
    assert not is_due(How.EACH, urgent, [mail(MONDAY)], MONDAY + timedelta(minutes=9, seconds=59), USUAL)
    assert is_due(How.EACH, urgent, [mail(MONDAY)], MONDAY + GAP, USUAL)
    before = datetime(2026, 10, 25, 0, 55, tzinfo=UTC)
    assert not is_due(How.EACH, urgent, [mail(before)], before + timedelta(minutes=9), USUAL)


def test_patience_grows_with_failures():
    """The first failure is tried again at once, the next after 10 minutes, 20, 40… a day at most; success starts anew."""
    waits = [free_at([mail(MONDAY, State.FAILED)] * count) - MONDAY for count in (1, 2, 3, 4, 15)]
    assert waits == [timedelta(), GAP, 2 * GAP, 4 * GAP, timedelta(days=1)]
    assert free_at([mail(MONDAY, State.FAILED), mail(MONDAY - GAP)]) == MONDAY
    assert free_at([]) < MONDAY


def test_nothing_is_due_without_news():
    """No event, no mail."""
    assert not is_due(How.EACH, [], [], MONDAY, USUAL)


@pytest.mark.parametrize(("text", "hours"), [("20-7", {20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6}), ("0 - 6", set(range(6))), ("", set())])
def test_quiet_hours_are_read(text, hours):
    """Round midnight or not; nothing is none."""
    assert quiet_hours(text) == hours


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("notify_quiet", "la nuit"),
        ("notify_quiet", "20-24"),
        ("notify_quiet", "7-7"),
        ("notify_digest_hour", 6),
        ("notify_digest_hour", 24),
        ("notify_reminder_days", 31),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, value):
    """The service does not start; the message names the setting."""
    with pytest.raises(UnsafeSettingsError, match=f"PERTIMAGE_{name.upper()}"):
        Settings(demo=True, **{name: value}).checked()
