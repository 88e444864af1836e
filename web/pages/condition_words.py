"""The conditions of the sheets in French sentences, as a radiologist reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pertimage.guidelines.conditions import Condition, ExamTest, FactTest, FlagTest, Names, RangeTest, SexTest, Test, Wanted
from pertimage.web.pages.french import denial, number

_FLAGS = {
    "emergency": "un signe d'alerte qui relève des urgences",
    "imaging": "un signe d'alerte qui justifie l'imagerie",
    "any": "un signe d'alerte",
}
_SEX = {"female": "femme", "male": "homme"}
_BUILT_IN = {"age": "âge", "duree": "durée", "grossesse": "grossesse"}
# Longest first: a duration is said in the largest unit that divides it (a month is four weeks, a year twelve months).
_UNITS = ((336, "an", "ans"), (28, "mois", "mois"), (7, "semaine", "semaines"), (1, "jour", "jours"))


class Labelled(Protocol):
    """What has a label."""

    @property
    def label(self) -> str:
        """Return how to name it."""


class Vocabulary(Protocol):
    """Facts with their labels, and their units: the lexicon, or what an edition kept of it."""

    @property
    def facts(self) -> Mapping[str, Labelled]:
        """Return the facts by id."""

    @property
    def names(self) -> Names:
        """Return what conditions may name."""


class ConditionWords:
    """Say conditions with the lexicon's labels and the catalogue's."""

    def __init__(self, lexicon: Vocabulary, exam_label: Callable[[str], str]) -> None:
        self._lexicon, self._exam_label = lexicon, exam_label

    def alternatives(self, condition: Condition) -> list[str]:
        """Return each way for the condition to hold, in words; « dans tous les autres cas » when it always does."""
        if any(not tests for tests in condition):
            return ["dans tous les autres cas"]
        return [" et ".join(self._test(test) for test in tests) for tests in condition]

    def label(self, fact: str) -> str:
        """Return how to name a fact."""
        found = self._lexicon.facts.get(fact)
        return found.label if found else _BUILT_IN.get(fact, fact.replace("-", " "))

    def _test(self, test: Test) -> str:
        if isinstance(test, FactTest):
            return self._fact(test)
        if isinstance(test, RangeTest):
            return self._range(test)
        if isinstance(test, FlagTest):
            return _FLAGS[test.level] if test.wanted else f"sans {_FLAGS[test.level].removeprefix('un ')}"
        if isinstance(test, ExamTest):
            return "examen demandé : " + " ou ".join(sorted(map(self._exam_label, test.exams)))
        assert isinstance(test, SexTest)
        return _SEX[test.sex]

    def _fact(self, test: FactTest) -> str:
        label = self.label(test.fact)
        if test.wanted is Wanted.UNKNOWN:
            return f"{label} : non précisé"
        return label if test.wanted is Wanted.YES else denial(label)

    def _range(self, test: RangeTest) -> str:
        unit = self._lexicon.names.units.get(test.fact) or ""
        said = []
        if test.low is not None:
            said.append(f"{'au moins' if test.low_included else 'plus de'} {_quantity(test.low, unit)}")
        if test.high is not None:
            said.append(f"{'au plus' if test.high_included else 'moins de'} {_quantity(test.high, unit)}")
        return f"{self.label(test.fact)} : {' et '.join(said)}"


def _quantity(value: float, unit: str) -> str:
    if unit == "ans":
        return f"{round(value * 12)} mois" if value < 2 and value % 1 else f"{number(value)} an{'s' if value >= 2 else ''}"
    if unit != "jours":
        return f"{number(value, 2)} {unit}".strip()
    if 0 < value < 1:
        return f"{number(value * 24, 0)} h"
    size, one, many = next(((size, one, many) for size, one, many in _UNITS if value % size == 0 and value >= size), (1, "jour", "jours"))
    count = value / size
    return f"{number(count)} {one if count < 2 else many}"
