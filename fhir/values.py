"""Tolerant reading of decoded JSON: any value of any type goes in, the wanted type or its empty form comes out.

What arrives on the wire is a draft written by other software: keys are missing, null, or of the wrong type. These functions
never raise; what they cannot read is read as unknown. ``BadRequest`` is kept for what makes a whole body unreadable.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from typing import Any

_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?=$|[T ])")
_AFTER_DAY = frozenset(("", "T", " "))
_DAYS_OF_HALF_YEAR, _DAYS_OF_HALF_MONTH = 182, 15


class BadRequest(ValueError):  # noqa: N818 (the HTTP name, known to callers)
    """A body that cannot be read at all: where, and why in French for the person who sent it."""

    def __init__(self, place: str, message_fr: str) -> None:
        super().__init__(f"{place} : {message_fr}" if place else message_fr)
        self.place = place
        self.message_fr = message_fr


def mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return the value if it is a JSON array; an object alone counts as an array of one."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def text(value: Any) -> str:
    """Return a string stripped and in NFC, the form in which the core compares words; anything else is empty."""
    if not isinstance(value, str):
        return ""
    stripped = value.strip()
    return stripped if stripped.isascii() else unicodedata.normalize("NFC", stripped)


def number(value: Any) -> float | None:
    """Return a finite number; decimals written as strings are accepted, booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value.replace(",", ".")) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 1e12 else None


def tail(reference: Any) -> str:
    """Return the logical id at the end of a reference: ``Patient/p1/_history/2``, an absolute URL, ``urn:uuid:…``, ``#p1``."""
    said = text(reference)
    if "/_history/" in said:
        said = said.split("/_history/")[0]
    return said.rpartition("/")[2].lstrip("#")


def day(value: Any) -> date | None:
    """Return the day of a FHIR date or dateTime; a partial date stands for its middle, an impossible one is unknown."""
    said = text(value)
    try:
        if said[4:5] == said[7:8] == "-" and said[10:11] in _AFTER_DAY:
            return date.fromisoformat(said[:10])  # written in full, as nearly all are
    except ValueError:
        pass
    match = _PARTIAL_DATE.match(said)
    if not match:
        return None
    year, month, in_month = (int(part) if part else 0 for part in match.groups())
    try:
        start = date(year, month or 1, in_month or 1)
        if not month:
            return start + timedelta(days=_DAYS_OF_HALF_YEAR)
        return start if in_month else start + timedelta(days=_DAYS_OF_HALF_MONTH - 1)
    except (ValueError, OverflowError):
        return None


def whole(value: Any) -> bool:
    """Say whether a date is written to the day."""
    match = _PARTIAL_DATE.match(text(value))
    return bool(match and match.group(3))


def age_in_years(birth: date, on: date) -> float | None:
    """Return the age: completed years from 2 years on, a fraction before; None when the dates are impossible together."""
    years = on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
    if birth > on or years > 125:
        return None
    return float(years) if years >= 2 else int((on - birth).days / 365.25 * 100) / 100
