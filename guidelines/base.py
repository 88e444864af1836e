"""The guideline base compiled: immutable, indexed, dated.

``GuidelineBase.at(day)`` is the base as it stood on a day; its ``version`` is the calendar version with a digest of the
content, so that two bases with the same version say the same things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.conditions import Condition
from pertimage.guidelines.lexicon import Lexicon
from pertimage.guidelines.schema import SheetForm, Source, Verdict
from pertimage.guidelines.tables import Tables


@dataclass(frozen=True, slots=True)
class Flag:
    """A red flag: a condition that sends to the emergency department or makes imaging legitimate."""

    id: str
    label: str
    emergency: bool
    condition: Condition


@dataclass(frozen=True, slots=True)
class Position:
    """The guidance's position on one exam, with the condition under which it holds."""

    exam: str
    verdict: Verdict
    condition: Condition | None = None
    when: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a sheet. ``priority`` is ADERIM's: 1 emergency, 2 within days, 3 within weeks."""

    id: str
    condition: Condition
    emergency: bool
    priority: int | None
    positions: Mapping[str, Position]
    why: str
    instead: tuple[str, ...]
    first: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One clinical situation, compiled. ``form`` is the sheet as written, for pages and exports.

    ``vocabulary`` holds the facts that the sheet speaks of, with those from which they are derived.
    """

    id: str
    title: str
    state: str
    since: date
    until: date | None
    trigger_facts: frozenset[str]
    trigger_icd10: tuple[str, ...]
    trigger_icpc2: tuple[str, ...]
    trigger_condition: Condition | None
    age_min: float | None
    age_max: float | None
    sex: str | None
    refines: frozenset[str]
    questions: Mapping[str, str]
    flags: tuple[Flag, ...]
    rules: tuple[Rule, ...]
    exams: tuple[str, ...]
    vocabulary: frozenset[str]
    chapter: str
    form: SheetForm

    def holds_on(self, day: date) -> bool:
        """Say whether the sheet judges requests of that day."""
        return self.state != "retire" and self.since <= day and (self.until is None or day < self.until)


class GuidelineBase:
    """Sheets, lexicon and catalogue, with the indexes by which a request finds its sheets."""

    def __init__(
        self, sheets: Mapping[str, Sheet], lexicon: Lexicon, catalogue: Catalogue, version: str, tables: Tables | None = None
    ) -> None:
        self.sheets: Mapping[str, Sheet] = MappingProxyType(dict(sheets))
        self.lexicon = lexicon
        self.catalogue = catalogue
        self.version = version
        self.tables = tables or Tables()
        by_fact: dict[str, list[Sheet]] = {}
        for sheet in sheets.values():
            for fact in sheet.trigger_facts:
                by_fact.setdefault(fact, []).append(sheet)
        self.openers = frozenset(by_fact)
        self.by_fact: Mapping[str, tuple[Sheet, ...]] = MappingProxyType({fact: tuple(found) for fact, found in by_fact.items()})
        self.by_icd10: tuple[tuple[str, Sheet], ...] = tuple((p, s) for s in sheets.values() for p in s.trigger_icd10)
        self.by_icpc2: tuple[tuple[str, Sheet], ...] = tuple((p, s) for s in sheets.values() for p in s.trigger_icpc2)
        self._on = lru_cache(maxsize=64)(self._with)
        self.at = lru_cache(maxsize=4096)(self._at)

    def __reduce__(self) -> tuple[Any, ...]:
        """Tell how to make it again: its indexes are quickly made, and what it remembers is not worth keeping."""
        return GuidelineBase, (dict(self.sheets), self.lexicon, self.catalogue, self.version, self.tables)

    def _at(self, day: date) -> GuidelineBase:
        """Return the base as it judges on that day (the same object when nothing differs)."""
        return self._on(frozenset(name for name, sheet in self.sheets.items() if sheet.holds_on(day)))

    def _with(self, names: frozenset[str]) -> GuidelineBase:
        if len(names) == len(self.sheets):
            return self
        return GuidelineBase({n: s for n, s in self.sheets.items() if n in names}, self.lexicon, self.catalogue, self.version, self.tables)

    @property
    def review_state(self) -> str:
        """Return ``draft`` unless every sheet was published by its committee."""
        return "reviewed" if self.sheets and all(sheet.state == "publie" for sheet in self.sheets.values()) else "draft"
