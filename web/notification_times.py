"""When a notification may leave: quiet hours, week-ends, the daily digest, one mail in ten minutes. Pure: the instant is an argument.

Hours are those of clocks in Paris; gaps between mails are real time, whatever clocks do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from pertimage.audit.instants import PARIS
from pertimage.audit.notifications import Event, How, Mail, State

GAP = timedelta(minutes=10)
# After this, a mail whose fate is not recorded belongs to a run that was killed.
LOST_AFTER = timedelta(minutes=10)
_LONGEST_WAIT = timedelta(days=1)
_HOURS = re.compile(r"(\d{1,2})\s*-\s*(\d{1,2})")
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """When mails may leave. ``quiet`` are hours of the day; ``reminder`` is how long a question told waits, None for ever."""

    quiet: frozenset[int] = frozenset()
    weekend: bool = False
    urgent: bool = True
    digest_hour: int = 8
    reminder: timedelta | None = None


def quiet_hours(text: str) -> frozenset[int] | None:
    """Return the hours of « 20-7 » (20, 21 … 6), none for an empty text; None when it cannot be read."""
    if not text.strip():
        return frozenset()
    match = _HOURS.fullmatch(text.strip())
    if match is None or not all(0 <= int(hour) <= 23 for hour in match.groups()) or match[1] == match[2]:
        return None
    first, last = int(match[1]), int(match[2])
    return frozenset(hour % 24 for hour in range(first, last if last > first else last + 24))


def is_quiet(now: datetime, rules: Rules) -> bool:
    """Say whether ordinary mails wait."""
    local = now.astimezone(PARIS)
    return local.hour in rules.quiet or (local.weekday() >= _SATURDAY and not rules.weekend)


def last_digest(now: datetime, rules: Rules) -> datetime:
    """Return the last instant of a daily digest, on a day when mails leave; an hour that clocks skip is the one that follows."""
    day = now.astimezone(PARIS).date()
    while True:
        at = datetime.combine(day, time(rules.digest_hour), PARIS).astimezone(UTC)
        if at <= now and (day.weekday() < _SATURDAY or rules.weekend):
            return at
        day -= timedelta(days=1)


def is_due(how: How, events: Sequence[Event], mails: Sequence[Mail], now: datetime, rules: Rules) -> bool:
    """Say whether a prescriber is to be told now of what happened; ``mails`` are those made to them, the latest first."""
    if not events or now < free_at(mails):
        return False
    if rules.urgent and any(event.urgent for event in events):
        return True
    if is_quiet(now, rules):
        return False
    return how is How.EACH or any(_known_at(event, rules) < last_digest(now, rules) for event in events)


def _known_at(event: Event, rules: Rules) -> datetime:
    """Return when there was something to tell: a reminder, once the question had waited long enough."""
    return event.at + (rules.reminder or timedelta()) if event.reminder else event.at


def free_at(mails: Sequence[Mail]) -> datetime:
    """Return when the next mail may leave: ten minutes after the last; after one that failed at once, then later and later."""
    failures = 0
    for mail in mails:
        if mail.state is not State.FAILED:
            return max(mail.at + GAP, mails[0].at + _patience(failures))
        failures += 1
    return mails[0].at + _patience(failures) if mails else datetime.min.replace(tzinfo=UTC)


def _patience(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: not at all, 10 minutes, 20, 40… a day at most."""
    return timedelta() if failures < 2 else min(GAP * 2 ** min(failures - 2, 12), _LONGEST_WAIT)
