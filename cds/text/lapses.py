"""How long ago an exam was done, as GPs write it: « il y a 5 semaines », « hier », « du 12/10 », « en mars 2025 ».

These are lapses of the calendar (a month is 30.4 days), not durations of illness.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from pertimage.cds.text.durations import MONTHS
from pertimage.cds.text.patterns import compiled
from pertimage.guidelines.words import fold

_DAYS = {"j": 1.0, "s": 7.0, "m": 30.4, "a": 365.0, "h": 1 / 24}
_WORDS = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "douze": 12, "quinze": 15, "quelques": 3,
}  # fmt: skip
_AMOUNT = (
    r"(?:(?:env(?:iron)?\.?|~|plus de|pres de|a peu pres|moins de|deja|presque)\s*){0,2}(?P<n>\d{1,3}(?:[.,]\d)?|"
    + "|".join(sorted(_WORDS, key=len, reverse=True))
    + r")\s*(?P<unit>jours?|jrs?|j|semaines?|sems?|mois|annees?|ans?|heures?|h)(?![a-z])"
)
_MONTH = "janvier|janv|fevrier|fevr|fev|mars|avril|avr|mai|juin|juillet|juil|aout|septembre|octobre|oct|novembre|nov|decembre|dec"
_AHEAD = compiled(r"(?:control\w*|surveill\w*|examen|recontrol\w*)[^.;\n]{0,60}?\b(?:a|dans|d'ici|apres) " + _AMOUNT)


def lapse(folded: str, on: date | None, start: int = 0, end: int | None = None) -> tuple[float, int, int] | None:
    """Return the first lapse told between two places of a folded text: days before ``on``, and its place; None when none is told.

    A date needs ``on``, the day of the request; one that comes after it is no lapse.
    """
    found: list[tuple[float, int, int]] = []
    for pattern, read in _TOLD:
        match = pattern.search(folded, start, len(folded) if end is None else end)
        days = read(match, on) if match else None
        if match and days is not None and days >= 0:
            found.append((days, match.start(), match.end()))
    return min(found, key=lambda one: (one[1], -one[2]), default=None)


def ahead(text: str) -> float | None:
    """Return in how many days a report advises a control (« contrôle à 3 mois »); None when it says no delay."""
    match = _AHEAD.search(fold(text))
    return _amount(match) if match else None


def _amount(match: re.Match[str], _on: date | None = None) -> float:
    number = match.group("n")
    return (_WORDS[number] if number in _WORDS else float(number.replace(",", "."))) * _DAYS[match.group("unit")[0]]


def _calendar(match: re.Match[str], on: date | None) -> float | None:
    if on is None:
        return None
    parts = match.groupdict()
    month_word = parts.get("word")
    month = next(rank for rank, name in enumerate(MONTHS, 1) if name.startswith(month_word[:4])) if month_word else int(parts["month"] or 1)
    year = int(parts["year"]) if parts.get("year") else on.year
    year += 2000 if year < 100 else 0
    try:
        when = date(year, month, int(parts.get("day") or 1))
        if when > on and not parts.get("year"):
            when = when.replace(year=year - 1)
    except ValueError:
        return None
    return float((on - when).days)


def _year(match: re.Match[str], on: date | None) -> float | None:
    """Return the lapse since the middle of a year, the only date told."""
    if on is None:
        return None
    year = int(match.group("year"))
    return 30.4 * on.month / 2 if year == on.year else float((on - date(year, 7, 1)).days)


_TOLD: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date | None], float | None]], ...] = (
    (compiled(r"\b(?:il y a|ya|y a|datant de|date de|vieux de|vieille de) (?:deja )?" + _AMOUNT), _amount),
    (compiled(r"(?<!avant[- ])\bhier\b"), lambda _match, _on: 1.0),
    (compiled(r"\bavant[- ]hier\b"), lambda _match, _on: 2.0),
    (compiled(r"\b(?:ce matin|ce jour|aujourd'hui|cette nuit)\b"), lambda _match, _on: 0.0),
    (compiled(r"\b(?:la )?(?:semaine|sem) (?:derniere|passee)\b"), lambda _match, _on: 7.0),
    (compiled(r"\b(?:le )?mois (?:dernier|passe)\b"), lambda _match, _on: 30.0),
    (compiled(r"\b(?:l'an|l'annee|an|annee) (?:dernier|derniere|passe|passee)\b"), lambda _match, _on: 365.0),
    (compiled(r"(?<![\d/.-])(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})(?:[/.-](?P<year>\d{4}|\d{2}))?(?![\d/])"), _calendar),
    (compiled(rf"(?<![\d/])(?P<day>\d{{1,2}})?\s*\b(?P<word>{_MONTH})\b(?: (?P<year>20\d\d))?"), _calendar),
    (compiled(r"(?<![\d/.])(?P<month>\d{1,2})/(?P<year>20\d\d)\b"), _calendar),
    (compiled(r"(?<![\d/.])\b(?P<year>20[0-3]\d)\b"), _year),
)
