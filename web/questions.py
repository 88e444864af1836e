"""The questions of the self-assessments: a vignette, a choice of exams that its own sheet positions, and the answer given by the rules.

Nothing is written by hand: each option is judged like a request. A vignette whose answer would be disputable (to complete, outside
the guidance, an exam that holds « in some cases » the letter does not tell) makes no question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, Outcome, SourceCited
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.schema import Vignette
from pertimage.web.vignettes import as_request

QUESTIONS = 5
MOST_EXAMS, MOST_EMERGENCIES = 4, 2
NONE, EMERGENCY = "aucun", "urgences"
_POSITIONS = (Outcome.APPROPRIATE, Outcome.ALTERNATIVE, Outcome.NOT_INDICATED)
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Option:
    """Something that one may do: an exam of the catalogue, no imaging, or the emergency department."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """A letter, what may be done, and what the sheet says. ``right`` names the options that it supports."""

    sheet: str
    digest: str
    title: str
    chapter: str
    text: str
    age: float | None
    sex: str | None
    options: tuple[Option, ...]
    right: frozenset[str]
    reason: str
    instead: tuple[str, ...]
    sources: tuple[SourceCited, ...]
    review_state: str

    @property
    def name(self) -> Name:
        """Return what names it in the store."""
        return self.sheet, self.digest

    def label(self, value: str) -> str:
        """Return the words of an option; empty when it is not one."""
        return next((one.label for one in self.options if one.value == value), "")


@lru_cache(maxsize=4)
def bank(base: GuidelineBase) -> Bank:
    """Return the questions of a base, each made when first asked for."""
    return Bank(base)


class Bank:
    """Makes questions from the vignettes of a base."""

    def __init__(self, base: GuidelineBase) -> None:
        self._base = base
        self._made: dict[Name, Question | None] = {}

    def question(self, name: Name) -> Question | None:
        """Return a question by its name; None when its sheet no longer has this vignette, or when it makes no question."""
        if name not in self._made:
            self._made[name] = self._make(*name)
        return self._made[name]

    def draw(self, seed: str, weights: Mapping[str, int], size: int = QUESTIONS) -> tuple[Question, ...]:
        """Return questions drawn from sheets, the likelier the heavier, each sheet once before any comes twice.

        The same seed, weights and base give the same questions. Fewer come when the sheets do not hold enough; at most two letters
        are emergencies.
        """
        chance = Random(f"questions {seed}")  # noqa: S311 - a draw of exercises, not a secret
        waiting = {sheet: self._shuffled(sheet, chance) for sheet in _ordered(weights, chance)}
        found: list[Question] = []
        while waiting and len(found) < size:
            for sheet in list(waiting):
                one = self._next(waiting[sheet], found)
                if one is None:
                    del waiting[sheet]
                elif len(found) < size:
                    found.append(one)
        return tuple(found)

    def _shuffled(self, sheet: str, chance: Random) -> Iterator[Name]:
        names = [(sheet, digest_of(one)) for one in self._base.sheets[sheet].form.vignettes]
        chance.shuffle(names)
        return iter(names)

    def _next(self, names: Iterator[Name], found: Sequence[Question]) -> Question | None:
        full = sum(EMERGENCY in one.right for one in found) >= MOST_EMERGENCIES
        for name in names:
            one = self.question(name)
            if one is not None and not (full and EMERGENCY in one.right):
                return one
        return None

    def _make(self, sheet_id: str, digest: str) -> Question | None:
        sheet = self._base.sheets.get(sheet_id)
        vignettes = sheet.form.vignettes if sheet and sheet.state != "retire" else []
        for number, vignette in enumerate(vignettes, 1):
            if digest_of(vignette) == digest:
                return self._of_vignette(sheet_id, number, vignette)
        return None

    def _of_vignette(self, sheet_id: str, number: int, vignette: Vignette) -> Question | None:
        request, sheet = as_request(vignette, sheet_id, number), self._base.sheets[sheet_id]
        answers = assess(request, self._base)
        if len(answers) != 1 or not _is_sure(answers[0], vignette, sheet_id):
            return None
        asked = answers[0]
        judged = {asked.exam or "": asked}
        for exam in self._candidates(asked, sheet.exams):
            one = next((a for a in assess(replace(request, exam_text=self._label(exam)), self._base) if a.exam == exam), None)
            if one is not None and one.outcome in _POSITIONS and one.rule == asked.rule and one.pathway == asked.pathway:
                judged[exam] = one
        right = _right(asked, judged)
        if not right:
            return None
        return Question(
            sheet_id, digest_of(vignette), sheet.title, sheet.chapter, vignette.text, vignette.age, vignette.sex,
            self._options(asked.exam or "", judged, right, Random(digest_of(vignette))), right, asked.reason,  # noqa: S311 - not a secret
            tuple(one.label for one in asked.alternatives if one.exam == "none"), asked.sources, asked.review_state,
        )  # fmt: skip

    def _candidates(self, asked: Assessment, exams: Sequence[str]) -> list[str]:
        """Return the exams that may stand beside the one asked: those offered, then those that the sheet positions.

        One that holds in some cases only is neither right nor wrong here.
        """
        open_cases = {one.exam for one in asked.alternatives if one.when}
        offered = [one.exam for one in asked.alternatives if one.exam != "none"]
        known = self._base.catalogue.exams
        return [one for one in dict.fromkeys((*offered, *exams)) if one in known and one != asked.exam and one not in open_cases]

    def _options(self, asked: str, judged: Mapping[str, Assessment], right: frozenset[str], chance: Random) -> tuple[Option, ...]:
        """Return the exam asked, the one that is right, and wrong ones to make four, by label; then none, then the emergency department."""
        wrong = [exam for exam, one in judged.items() if exam not in right and exam != asked and one.outcome is not Outcome.APPROPRIATE]
        chance.shuffle(wrong)
        kept = list(dict.fromkeys([asked, *(exam for exam in judged if exam in right), *wrong]))[:MOST_EXAMS]
        exams = sorted((Option(exam, self._label(exam)) for exam in kept), key=lambda one: one.label)
        return (*exams, Option(NONE, "Pas d'imagerie pour l'instant"), Option(EMERGENCY, "Adresser aux urgences, ou le 15"))

    def _label(self, exam: str) -> str:
        return self._base.catalogue.exams[exam].label


def digest_of(vignette: Vignette) -> str:
    """Return what names a vignette in its sheet: it changes with the letter, the patient or the exam."""
    said = "\x1f".join((vignette.text, vignette.exam, str(vignette.age), str(vignette.sex)))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def sheets_of(base: GuidelineBase, chapter: str) -> dict[str, int]:
    """Return the sheets of a chapter, all of the same weight."""
    return {sheet.id: 1 for sheet in base.sheets.values() if sheet.chapter == chapter}


def _ordered(weights: Mapping[str, int], chance: Random) -> list[str]:
    """Return the sheets in a drawn order, the heavier earlier on average (keys of Efraimidis and Spirakis: u^(1/w))."""
    keys = {sheet: chance.random() ** (1 / weights[sheet]) for sheet in sorted(weights) if weights[sheet] > 0}
    return sorted(keys, key=lambda sheet: (-keys[sheet], sheet))


def _is_sure(answer: Assessment, vignette: Vignette, sheet: str) -> bool:
    """Say whether the rules answer a vignette as its author expects, by a rule of its own sheet that takes a position."""
    expected = vignette.expected
    emergency = answer.pathway == "emergency"
    return (
        answer.exam is not None
        and answer.outcome in _POSITIONS
        and str(answer.outcome) in expected.outcomes
        and emergency is bool(expected.pathway)
        and (answer.rule or "").partition("/")[0] == sheet
    )


def _right(asked: Assessment, judged: Mapping[str, Assessment]) -> frozenset[str]:
    """Return the options that the rules support; empty when nothing among them is sure.

    Of several exams that suit, only the one that the author of the letter asked, or else the first that the rule offers, is shown:
    the others are not proposed at all.
    """
    if asked.pathway == "emergency":
        return frozenset({EMERGENCY})
    if asked.outcome is Outcome.NOT_INDICATED:
        return frozenset({NONE})
    suited = [asked.exam, *(one.exam for one in asked.alternatives)]
    best = next((exam for exam in suited if exam and exam in judged and judged[exam].outcome is Outcome.APPROPRIATE), None)
    waits = asked.outcome is Outcome.ALTERNATIVE and any(one.exam == "none" for one in asked.alternatives)
    return frozenset(filter(None, (best, NONE if waits else None)))
