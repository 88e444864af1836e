"""How often the guidelines answer as humans expect: missed emergencies first, then false ones, then the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, Outcome
from pertimage.guidelines.base import GuidelineBase
from pertimage.web.labelled import Labelled
from pertimage.web.plain_table import counted, number, percent, plain_table


@dataclass(frozen=True, slots=True)
class Marked:
    """A labelled request with its answer. ``outcome_right`` and ``rule_right`` leave the pathway aside."""

    asked: Labelled
    answer: Assessment
    outcome_right: bool
    rule_right: bool
    missed: bool
    false_emergency: bool

    @property
    def right(self) -> bool:
        """Say whether the answer is the one expected."""
        return self.outcome_right and self.rule_right and not self.missed and not self.false_emergency

    @property
    def sentence(self) -> str:
        """Return what differs, in one line."""
        wanted = " ou ".join(self.asked.outcomes) + (" + urgences" if self.asked.emergency else "")
        given = f"{self.answer.outcome}{' + urgences' if self.answer.pathway == 'emergency' else ''}"
        about = ", ".join(f"{name} {value}" for name, value in (("règle", self.answer.rule), ("examen", self.answer.exam)) if value)
        rule = f" ; règle attendue : {self.asked.rule}" if not self.rule_right else ""
        return f"{self.asked.place} : {given} au lieu de {wanted}{f' ({about})' if about else ''}{rule}"


def mark(asked: Labelled, base: GuidelineBase) -> Marked:
    """Return the answer to a labelled request, held against what is expected; of several exams, the nearest one counts.

    An emergency is missed only if none of the answers tells it.
    """
    answers = assess(asked.request, base)
    told = any(answer.pathway == "emergency" for answer in answers)
    marks = [_mark(asked, answer, told) for answer in answers]
    return min(marks, key=lambda one: (not one.outcome_right, one.false_emergency, not one.rule_right))


def _mark(asked: Labelled, answer: Assessment, told: bool) -> Marked:
    return Marked(
        asked, answer, str(answer.outcome) in asked.outcomes, asked.rule in (None, answer.rule), asked.emergency is True and not told,
        asked.emergency is False and answer.pathway == "emergency",
    )  # fmt: skip


class Score:
    """Counts marked requests; those with a known doubt (``xfail``) are kept apart."""

    def __init__(self, base: GuidelineBase) -> None:
        self._base = base
        self.total = self.right = self.unscored = 0
        self.confusion: Counter[tuple[str, str]] = Counter()
        self.missed: list[Marked] = []
        self.false_emergencies: list[Marked] = []
        self.others: list[Marked] = []
        self.doubtful: list[Marked] = []

    def add(self, asked: Labelled) -> Marked:
        """Mark a labelled request and count it."""
        marked = mark(asked, self._base)
        if asked.doubt:
            self.doubtful.append(marked)
            return marked
        self.total += 1
        self.right += marked.right
        self.unscored += marked.answer.outcome is Outcome.NO_GUIDANCE
        given = str(marked.answer.outcome)
        self.confusion[given if marked.outcome_right else asked.outcomes[0], given] += 1
        if not marked.right:
            (self.missed if marked.missed else self.false_emergencies if marked.false_emergency else self.others).append(marked)
        return marked

    def to_json(self) -> dict[str, Any]:
        """Return the whole as JSON."""
        return {
            "guidelines": self._base.version, "total": self.total, "right": self.right, "agreement": self.right / self.total if self.total else None,
            "unscored": self.unscored, "unscored_share": self.unscored / self.total if self.total else None,
            "missed_emergencies": [one.sentence for one in self.missed], "false_emergencies": [one.sentence for one in self.false_emergencies],
            "others": [one.sentence for one in self.others],
            "confusion": [{"expected": pair[0], "given": pair[1], "count": count} for pair, count in sorted(self.confusion.items())],
            "xfail": {"total": len(self.doubtful), "right": sum(one.right for one in self.doubtful), "missed_emergencies": sum(one.missed for one in self.doubtful)},
        }  # fmt: skip

    def report(self) -> Iterator[str]:
        """Yield the lines that a reader sees: what is most dangerous first."""
        for title, marks in (
            ("URGENCES MANQUÉES", self.missed),
            ("Urgences à tort", self.false_emergencies),
            ("Autres désaccords", self.others),
        ):
            if marks:
                yield f"{title} : {len(marks)}"
                yield from (f"  {one.sentence}\n      « {_short(one.asked.request.narrative)} »" for one in marks)
        if self.total:
            yield from self._confusion()
        yield (
            f"{number(self.total)} demandes étiquetées : {percent(self.right, self.total)} d'accord, "
            f"{percent(self.unscored, self.total)} hors référentiel, {counted(len(self.missed), 'urgence manquée', 'urgences manquées')}, "
            f"{counted(len(self.false_emergencies), 'urgence à tort', 'urgences à tort')}, "
            f"{counted(len(self.others), 'autre désaccord', 'autres désaccords')}"
        )
        if self.doubtful:
            right = sum(one.right for one in self.doubtful)
            missed = sum(one.missed for one in self.doubtful)
            told = f"{right} désormais {'juste' if right < 2 else 'justes'}, {counted(missed, 'urgence non dite', 'urgences non dites')}"
            yield f"à part, {len(self.doubtful)} en attente (xfail) : {told}"

    def _confusion(self) -> Iterator[str]:
        names = [str(outcome) for outcome in Outcome]
        rows = [
            (name, *(self.confusion[name, given] or "·" for given in names))
            for name in names
            if any(self.confusion[name, one] for one in names)
        ]
        yield from ("", *plain_table(("attendu ↓  rendu →", *names), rows, numbers=frozenset(range(1, 6))), "")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 160 else f"{words[:157]}…"
