"""Reading the dates of an export: French, ISO, compact, spreadsheet serials, with or without time, on the clock of a site.

A day without time is noon, so that its week is right everywhere. When clocks change, an hour that happens twice is read as the
first, and an hour that does not exist as the one that follows; both are said, for the quality report to count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pertimage.audit.imports.refusal import FileRefused, LineFault
from pertimage.guidelines.words import fold

AMBIGUOUS, MISSING_HOUR = "heure double", "heure inexistante"
EARLIEST = "1990-01-01"
_NOON = 12
_CENTURY = 100
# Two digits: 00–69 are of this century, as POSIX reads them.
_PIVOT = 69
_WRITTEN = re.compile(
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})|(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{4}|\d{2}))"
    r"(?:(?:T|\s+(?:à\s*)?)(?P<H>\d{1,2})(?:[:hH](?P<M>\d{2})?)(?::(?P<S>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<Z>Z|[+-]\d{2}:?\d{2})?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?(?:\.\d+)?(Z|[+-]\d{4})?)?")
_WORDS = re.compile(r"(?:[a-z]+\s+)?(\d{1,2})(?:er)?\s+([a-z]+)\.?\s+(\d{4})(?:\s+(?:a\s+)?(\d{1,2})[:h](\d{2})?)?")
_SERIAL = re.compile(r"[2-7]\d{4}(?:[.,]\d+)?")
_CLOCK = re.compile(r"(\d{1,2})(?:[:hH](\d{2})?(?::(\d{2})(?:[.,]\d+)?)?|(\d{2})(\d{2})?)")
_FRACTION = re.compile(r"0(?:[.,]\d+)?|[01][.,]\d+(?:[eE]-\d+)?")
_MONTHS = {
    "jan": 1, "fev": 2, "fevr": 2, "mar": 3, "avr": 4, "mai": 5, "jun": 6, "juin": 6, "jul": 7, "juil": 7, "aou": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
_SERIAL_ORIGIN = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet counts its days without a zone
_TO_MINUTES = len("31/12/2025 08:30")
_SIXTY = frozenset(f"{number:02d}" for number in range(60))
_MOST_REMEMBERED = 100_000
NOTHING = frozenset(
    ["", "-", "--", "/", ".", "?", "null", "none", "nan", "n/a", "na", "nc", "\\n", "#n/a", "0", "00/00/0000", "0000-00-00", "00/00/00"]
)


class Moment(NamedTuple):
    """An instant (UTC text of the store), its local day (``YYYY-MM-DD``), whether a time was written, and what the clock change did."""

    instant: str
    day: str
    timed: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """How the dates of a file are written: the zone of its clocks, months before days, midnights that stand for no time."""

    zone: str = "Europe/Paris"
    month_first: bool = False
    days_only: bool = False

    def read(self, text: str, time: str = "") -> Moment:
        """Return the moment that a cell, and the time of another cell, say; raises LineFault for what is no date."""
        parts = _parts(text, self.month_first)
        hour, minute, second, offset = parts[3:]
        if time:
            hour, minute, second = _clock(time)
        elif self.days_only and (hour, minute, second) == (0, 0, 0) and not offset:
            hour = None
        return _moment(self.zone, *parts[:3], hour, minute, second, offset)


class DateReader:
    """Reads the dates of one column by its clock; exams share their days and hours, which are worked out once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hours: dict[str, Moment] = {}
        self._days: dict[str, Moment] = {}

    def read(self, text: str, time: str = "") -> Moment:
        """Do as ``Clock.read``."""
        if time:
            return self._clock.read(text, time)
        if len(text) == _TO_MINUTES and text[13] == ":" and text[14:] in _SIXTY:
            minutes = text[14:]
            if minutes == "00" and self._clock.days_only:
                return self._day(text)
            hour = self._hours.get(text[:13])
            if hour is None:
                hour = self._clock.read(text[:14] + "00")
                _room(self._hours)[text[:13]] = hour
            return Moment(f"{hour.instant[:14]}{minutes}{hour.instant[16:]}", hour.day, True, hour.note)
        return self._day(text) if len(text) < _TO_MINUTES or self._clock.days_only else self._clock.read(text)

    def _day(self, text: str) -> Moment:
        found = self._days.get(text)
        if found is None:
            found = _room(self._days)[text] = self._clock.read(text)
        return found


def _room(known: dict[str, Moment]) -> dict[str, Moment]:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    return known


def checked_zone(name: str) -> str:
    """Return the name of a time zone whose clocks show whole hours from UTC; raises FileRefused."""
    try:
        zone = ZoneInfo(name)
        offset = datetime(2026, 1, 1, tzinfo=zone).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        offset = None
    if offset is None or offset % timedelta(hours=1):
        raise FileRefused(f"fuseau « {name[:40]} » inconnu : Europe/Paris, Indian/Reunion, America/Martinique… est attendu")
    return name


def clock_of(samples: Iterable[str], zone: str = "Europe/Paris") -> Clock:
    """Return how a column writes its dates, judging by samples: days first unless one of them can only be months first."""
    first, second, midnights, timed = 0, 0, 0, 0
    for text in samples:
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            continue
        if found["a"]:
            first, second = max(first, int(found["a"])), max(second, int(found["b"]))
        timed += found["H"] is not None
        midnights += found["H"] is not None and not int(found["H"]) + int(found["M"] or 0) + int(found["S"] or 0)
    return Clock(zone, month_first=second > 12 >= first, days_only=timed > 0 and midnights >= 0.9 * timed)


def is_date(text: str) -> bool:
    """Say whether a cell has the shape of a date (a spreadsheet serial aside)."""
    text = text.strip()
    return is_written_date(text) or _is_compact(text) or bool(_WORDS.fullmatch(fold(text)))


def is_written_date(text: str) -> bool:
    """Say whether a cell is a date beyond doubt: its parts are separated."""
    return bool(_WRITTEN.fullmatch(text.strip()))


def _is_compact(text: str) -> bool:
    found = _COMPACT.fullmatch(text)
    return found is not None and 1900 <= int(found[1]) < 2100 and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 31


def is_serial(text: str) -> bool:
    """Say whether a cell could be the day number of a spreadsheet."""
    return bool(_SERIAL.fullmatch(text.strip()))


def is_time(text: str) -> bool:
    """Say whether a cell has the shape of a time of day."""
    return bool(re.fullmatch(r"\d{1,2}[:hH]\d{2}(?::\d{2})?", text.strip()))


def is_nothing(text: str) -> bool:
    """Say whether a cell says nothing."""
    return text.strip().casefold() in NOTHING


def years_between(birth: str, day: str) -> int:
    """Return the age in whole years on a local day; both are ``YYYY-MM-DD``."""
    return int(day[:4]) - int(birth[:4]) - (day[5:] < birth[5:])


_Parts = tuple[int, int, int, int | None, int, int, str]


def _parts(text: str, month_first: bool) -> _Parts:
    """Return year, month, day, hour (None: no time), minute, second and offset of a written date."""
    text = text.strip()
    found = _WRITTEN.fullmatch(text)
    if found:
        y, m, d, a, b, c, hour, minute, second, offset = found.groups()
        if y is None:
            d, m = (b, a) if month_first else (a, b)
            y = c
        year = int(y)
        if year < _CENTURY:
            year += 2000 if year < _PIVOT else 1900
        return year, int(m), int(d), None if hour is None else int(hour), int(minute or 0), int(second or 0), offset or ""
    return _unusual(text)


def _unusual(text: str) -> _Parts:
    found = _COMPACT.fullmatch(text)
    if found:
        y, m, d, hour, minute, second, offset = found.groups()
        return int(y), int(m), int(d), None if hour is None else int(hour), int(minute or 0), int(second or 0), offset or ""
    if _SERIAL.fullmatch(text):
        number = float(text.replace(",", "."))
        at = _SERIAL_ORIGIN + timedelta(seconds=round(number * 86_400))
        return at.year, at.month, at.day, None if number.is_integer() else at.hour, at.minute, at.second, ""
    found = _WORDS.fullmatch(fold(text))
    month = _MONTHS.get(found[2][:4]) or _MONTHS.get(found[2][:3]) if found else None
    if found and month:
        return int(found[3]), month, int(found[1]), int(found[4]) if found[4] else None, int(found[5] or 0), 0, ""
    raise LineFault("date illisible")


@lru_cache(maxsize=8192)
def _clock(text: str) -> tuple[int, int, int]:
    text = text.strip()
    found = _CLOCK.fullmatch(text)
    if found:
        hour, minute, second = int(found[1]), int(found[2] or found[4] or 0), int(found[3] or found[5] or 0)
        if hour < 24 and minute < 60 and second < 60:
            return hour, minute, second
    elif _FRACTION.fullmatch(text):
        seconds = round(float(text.replace(",", ".")) * 86_400) % 86_400
        return seconds // 3600, seconds // 60 % 60, seconds % 60
    elif is_date(text):  # « 30/12/1899 08:30 »: a time of day that a spreadsheet gave a date
        return _parts(text, month_first=False)[3] or 0, *_parts(text, month_first=False)[4:6]
    raise LineFault("heure illisible")


def _moment(zone: str, year: int, month: int, day: int, hour: int | None, minute: int, second: int, offset: str) -> Moment:
    if minute > 59 or second > 59 or (hour or 0) > 24 or (hour == 24 and minute + second):
        raise LineFault("heure impossible")
    if offset:
        return _exact(zone, f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{offset}")
    prefix, written, note = _hour(zone, year, month, day, _NOON if hour is None else hour)
    return Moment(f"{prefix}:{minute:02d}:{second:02d}.000000Z", written, hour is not None, note)


def _exact(zone: str, text: str) -> Moment:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise LineFault("date qui n'existe pas") from None
    instant = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return Moment(instant, at.astimezone(ZoneInfo(zone)).date().isoformat(), timed=True)


@lru_cache(maxsize=1 << 17)
def _hour(zone: str, year: int, month: int, day: int, hour: int) -> tuple[str, str, str]:
    """Return the hour in UTC (``YYYY-MM-DDTHH``), the local day, and what is special about it. Zones are whole hours from UTC."""
    try:
        naive = datetime(year, month, day) + timedelta(hours=hour)  # noqa: DTZ001 - the zone follows
    except (ValueError, OverflowError):
        raise LineFault("date qui n'existe pas") from None
    local = naive.replace(tzinfo=ZoneInfo(zone))
    note = ""
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        there = local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == naive
        note = AMBIGUOUS if there else MISSING_HOUR
    # Before 1911 the clocks of Paris were 9 min 21 s ahead of UTC: such a date is set aside anyway, as out of range.
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H").rjust(13, "0"), naive.date().isoformat(), note
