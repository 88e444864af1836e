"""Editions of sheets: each version of a sheet, with the names of the facts and exams it speaks of, so that it stays readable.

A sheet changes with its authors, the lexicon and the catalogue; what was published must be read as it was. An edition is
self-contained: it can be kept as JSON and read back when the base has moved on. ``digest`` names what the authors wrote: two
editions with the same digest say the same things.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from pertimage.guidelines.base import GuidelineBase, Sheet
from pertimage.guidelines.conditions import Condition, ExamTest, Names
from pertimage.guidelines.schema import SheetForm

DIGEST_LENGTH = 12


class FactName(NamedTuple):
    """How an edition names a fact: its label, the question that asks for it, its unit (None: a yes/no fact)."""

    label: str
    question: str = ""
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a sheet. ``facts`` and ``exams`` name what it speaks of; ``titles`` the sheets that it refines."""

    form: SheetForm
    chapter: str
    digest: str
    facts: Mapping[str, FactName]
    exams: Mapping[str, str]
    titles: Mapping[str, str]

    @property
    def names(self) -> Names:
        """Return what its conditions may name."""
        return Names({fact: name.unit for fact, name in self.facts.items()}, frozenset(self.exams))

    def to_json(self) -> dict[str, Any]:
        """Return all there is to keep, as JSON that ``read_edition`` reads back.

        The form is a text: the order in which its authors wrote exams and conditions survives a keeper that sorts keys.
        """
        form = json.dumps(written(self.form), ensure_ascii=False, separators=(",", ":"))
        return {
            "sheet": self.form.id, "digest": self.digest, "title": self.form.title, "chapter": self.chapter, "form": form,
            "facts": {fact: name._asdict() for fact, name in self.facts.items()}, "exams": dict(self.exams), "titles": dict(self.titles),
        }  # fmt: skip


def written(form: SheetForm) -> dict[str, Any]:
    """Return a sheet as its authors write it: French keys, without what is left at its default."""
    return form.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def digest_of(form: SheetForm) -> str:
    """Return the digest of what a sheet says, whatever the order of its keys and the age of this program."""
    said = json.dumps(written(form), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()[:DIGEST_LENGTH]


@lru_cache(maxsize=2)
def editions(base: GuidelineBase) -> Mapping[str, Edition]:
    """Return the edition of each sheet of a base, by id."""
    return {sheet.id: _edition(sheet, base) for sheet in base.sheets.values()}


def read_edition(kept: Mapping[str, Any]) -> Edition:
    """Return an edition from its JSON; raises pydantic's ValidationError when this program no longer reads its form."""
    facts = {fact: FactName(**name) for fact, name in kept["facts"].items()}
    return Edition(SheetForm.model_validate_json(kept["form"]), kept["chapter"], kept["digest"], facts, kept["exams"], kept["titles"])


def _edition(sheet: Sheet, base: GuidelineBase) -> Edition:
    units = base.lexicon.names.units
    facts = {fact: _name(fact, base) for fact in sorted(sheet.vocabulary) if fact in units}
    exams = dict.fromkeys((*sheet.exams, *sorted(exam for condition in _conditions(sheet) for exam in _tested(condition))))
    labels = {exam: base.catalogue.exams[exam].label for exam in exams}
    titles = {name: base.sheets[name].title for name in sorted(sheet.refines) if name in base.sheets}
    return Edition(sheet.form, sheet.chapter, digest_of(sheet.form), facts, labels, titles)


def _name(fact: str, base: GuidelineBase) -> FactName:
    found, unit = base.lexicon.facts.get(fact), base.lexicon.names.units[fact]
    if found is None:
        return FactName({"age": "âge", "duree": "durée"}.get(fact, fact), unit=unit)
    return FactName(found.label, found.question, unit)


def _conditions(sheet: Sheet) -> Iterator[Condition]:
    yield from (flag.condition for flag in sheet.flags)
    yield sheet.trigger_condition or ()
    for rule in sheet.rules:
        yield rule.condition
        yield from (position.condition for position in rule.positions.values() if position.condition)


def _tested(condition: Condition) -> Iterable[str]:
    return {exam for tests in condition for test in tests if isinstance(test, ExamTest) for exam in test.exams}
