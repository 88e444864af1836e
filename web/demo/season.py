"""How busy an imaging department is on a given day: week-ends, holidays, August, Christmas, winter coughs."""

from __future__ import annotations

from datetime import date

_WEEKDAYS = (0.21, 0.2, 0.19, 0.2, 0.2)
_HOLIDAYS = frozenset(((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)))
_EMERGENCY_TECHNIQUES = frozenset(("DX", "CT"))


def share_of_week(day: date, *, hospital: bool, modality: str) -> float:
    """Return the part of an ordinary week's exams that is done on that day."""
    if day.weekday() >= len(_WEEKDAYS) or (day.month, day.day) in _HOLIDAYS:
        return _closed(day, hospital, modality)
    return _WEEKDAYS[day.weekday()] * _holiday_season(day, hospital)


def _closed(day: date, hospital: bool, modality: str) -> float:
    if hospital:
        return 0.035 if modality in _EMERGENCY_TECHNIQUES else 0.0
    saturday = day.weekday() == len(_WEEKDAYS)
    return 0.03 if saturday and modality in ("DX", "US") and (day.month, day.day) not in _HOLIDAYS else 0.0


def _holiday_season(day: date, hospital: bool) -> float:
    if day.month == 8:
        return 0.82 if hospital else 0.66
    if (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 3):
        return 0.72 if hospital else 0.5
    return 0.93 if day.month == 7 else 1.0


def of_exam(exam: str, day: date) -> float:
    """Return what the season makes of one exam's demand: chests and sinuses in winter."""
    if exam in ("radio-thorax", "radio-sinus", "scanner-sinus"):
        return 1.2 if day.month in (12, 1, 2) else 0.85 if day.month in (6, 7, 8) else 1.0
    return 1.0
