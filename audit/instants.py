"""Instants as the store writes them: text in UTC, ``YYYY-MM-DDTHH:MM:SS.ffffffZ``, and the weeks they belong to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# A Monday at midnight in Paris is still Sunday in UTC: weeks are counted where people live.
PARIS = ZoneInfo("Europe/Paris")
_TO_THE_HOUR = len("YYYY-MM-DDTHH")


def utc_text(moment: datetime) -> str:
    """Return an aware datetime as the store writes instants; raise ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def utc_datetime(instant: str) -> datetime:
    """Return the aware datetime of a stored instant."""
    return datetime.fromisoformat(instant)


def monday(instant: str) -> str:
    """Return the Monday (``YYYY-MM-DD``) of the ISO week of a stored instant, on the calendar of metropolitan France."""
    return _monday_of_hour(instant[:_TO_THE_HOUR])


def paris_day(instant: str) -> str:
    """Return the day (``YYYY-MM-DD``) of a stored instant, on the calendar of metropolitan France."""
    return _day_of_hour(instant[:_TO_THE_HOUR])


@lru_cache(maxsize=16_384)
def _monday_of_hour(hour: str) -> str:
    day = date.fromisoformat(_day_of_hour(hour))
    return (day - timedelta(days=day.weekday())).isoformat()


@lru_cache(maxsize=16_384)
def _day_of_hour(hour: str) -> str:
    """Return the day of an hour in UTC: midnight in Paris falls on a whole hour, so all its instants share it."""
    return utc_datetime(f"{hour}:00:00Z").astimezone(PARIS).date().isoformat()
