"""The tiny closed condition language of the sheets, parsed into immutable tests.

A condition is a tuple of alternatives (*or*), each a tuple of tests (*and*). It says what to test, never how: truth in three
values is the judge's business. No expression is ever evaluated.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

DAYS = {"j": 1, "jour": 1, "sem": 7, "semaine": 7, "mois": 28, "an": 336, "h": 1 / 24, "heure": 1 / 24}


class Wanted(StrEnum):
    """What a test asks of a fact."""

    YES = "oui"
    NO = "non"
    UNKNOWN = "inconnu"


@dataclass(frozen=True, slots=True)
class FactTest:
    """The fact is present, is not, or is unknown."""

    fact: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class RangeTest:
    """The measure lies between bounds, in the lexicon's unit (durations in days, ages in years)."""

    fact: str
    low: float | None = None
    high: float | None = None
    low_included: bool = True
    high_included: bool = False


@dataclass(frozen=True, slots=True)
class FlagTest:
    """A red flag of this level is raised (``any``: of whatever level), or none is."""

    level: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class ExamTest:
    """The exam requested is one of these."""

    exams: frozenset[str]


@dataclass(frozen=True, slots=True)
class SexTest:
    """The patient's sex, ``female`` or ``male``."""

    sex: str


Test = FactTest | RangeTest | FlagTest | ExamTest | SexTest
Condition = tuple[tuple[Test, ...], ...]
ALWAYS: Condition = ((),)

SEXES = {"femme": "female", "homme": "male"}
BOUNDS = ("moins_de", "au_plus", "au_moins", "plus_de")
_QUANTITY = re.compile(r"^\s*(-?\d+(?:[.,]\d+)?)\s*(.*?)\s*$")


class ConditionError(ValueError):
    """A condition that cannot be read; the message says, in French, what to write instead."""


@dataclass(frozen=True, slots=True)
class Names:
    """What conditions may name: the facts (id → unit, None for yes/no facts) and the exams."""

    units: Mapping[str, str | None]
    exams: frozenset[str]


def parse(form: Any, names: Names) -> Condition:
    """Parse a ``si`` as an author wrote it; raises ConditionError."""
    if form == "toujours":
        return ALWAYS
    if isinstance(form, list):
        return tuple(_parse_all(entry, names) for entry in form)
    return (_parse_all(form, names),)


def facts_of(condition: Condition) -> frozenset[str]:
    """Return the facts and measures that a condition names."""
    return frozenset(test.fact for tests in condition for test in tests if isinstance(test, FactTest | RangeTest))


def watched(tests: tuple[Test, ...]) -> str | None:
    """Return a fact that must be known for all the tests to hold, the most telling one; None when they may hold on silence."""
    named = [test.fact for test in tests if isinstance(test, RangeTest) or (isinstance(test, FactTest) and test.wanted is Wanted.YES)]
    return min(named, key=lambda fact: fact in ("age", "duree")) if named else None


def quantity(text: Any, fact: str, unit: str | None) -> float:
    """Return a threshold in the unit of its fact: days for durations, years for ages; raises ConditionError."""
    if isinstance(text, int | float):
        return float(text)
    match = _QUANTITY.match(str(text))
    if not match:
        raise ConditionError(f"« {text} » n'est pas une valeur pour « {fact} » : écrire par exemple « 3 mois » ou « 38 °C »")
    number, written = float(match.group(1).replace(",", ".")), match.group(2)
    if unit == "jours":
        return number * _days(written, fact)
    if unit == "ans":
        return number if written in ("", "an", "ans") else number * _days(written, fact) / DAYS["an"]
    if written and unit and written.replace(" ", "") != unit.replace(" ", ""):
        raise ConditionError(f"« {fact} » se mesure en {unit}, pas en « {written} »")
    return number


def _days(written: str, fact: str) -> float:
    word = written if written in DAYS else written.rstrip("s")
    if word not in DAYS:
        raise ConditionError(f"durée illisible pour « {fact} » : « {written} » ; écrire jours, semaines, mois ou ans")
    return DAYS[word]


def _parse_all(form: Any, names: Names) -> tuple[Test, ...]:
    if not isinstance(form, Mapping):
        raise ConditionError("un « si » s'écrit « fait: oui », une ligne par fait, ou « toujours »")
    return tuple(_parse_test(str(key), value, names) for key, value in form.items())


def _parse_test(key: str, value: Any, names: Names) -> Test:
    special: dict[str, Callable[[Any, Names], Test]] = {"drapeau_rouge": _flag, "examen": _exam, "sexe": _sex}
    if key in special:
        return special[key](value, names)
    if key not in names.units:
        near = difflib.get_close_matches(key, names.units, n=1)
        raise ConditionError(f"fait inconnu « {key} »" + (f" : vouliez-vous écrire « {near[0]} » ?" if near else " : l'ajouter au lexique"))
    if isinstance(value, Mapping):
        return _range(key, value, names.units[key])
    if value in (True, False):
        value = "oui" if value else "non"
    if value not in ("oui", "non", "inconnu"):
        raise ConditionError(f"« {key}: {value} » : écrire oui, non, inconnu, ou une borne comme « {{au_moins: 3}} »")
    return FactTest(key, Wanted(value))


def _range(key: str, value: Mapping[str, Any], unit: str | None) -> RangeTest:
    unknown = set(value) - set(BOUNDS)
    if unknown or not value:
        raise ConditionError(f"borne inconnue pour « {key} » : {', '.join(sorted(unknown)) or 'vide'} ; écrire {', '.join(BOUNDS)}")
    if unit is None:
        raise ConditionError(f"« {key} » n'est pas une mesure : écrire oui, non ou inconnu")
    read = {bound: quantity(text, key, unit) for bound, text in value.items()}
    low, high = read.get("au_moins", read.get("plus_de")), read.get("au_plus", read.get("moins_de"))
    return RangeTest(key, low, high, "plus_de" not in read, "au_plus" in read)


def _flag(value: Any, names: Names) -> Test:
    levels = {"urgence": ("emergency", True), "imagerie": ("imaging", True), "oui": ("any", True), "non": ("any", False)}
    levels |= {True: levels["oui"], False: levels["non"]}  # type: ignore[dict-item]
    if value not in levels:
        raise ConditionError(f"« drapeau_rouge: {value} » : écrire urgence, imagerie, oui ou non")
    return FlagTest(*levels[value])


def _exam(value: Any, names: Names) -> Test:
    wanted = value.get("parmi") if isinstance(value, Mapping) else [value]
    if not isinstance(wanted, list) or not wanted:
        raise ConditionError("« examen » s'écrit « examen: {parmi: [irm-genou, …]} »")
    for exam in wanted:
        if exam not in names.exams:
            near = difflib.get_close_matches(str(exam), names.exams, n=1)
            raise ConditionError(f"examen inconnu « {exam} »" + (f" : vouliez-vous écrire « {near[0]} » ?" if near else ""))
    return ExamTest(frozenset(wanted))


def _sex(value: Any, names: Names) -> Test:
    if value not in SEXES:
        raise ConditionError(f"« sexe: {value} » : écrire femme ou homme")
    return SexTest(SEXES[value])
