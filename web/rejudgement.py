"""What a draft of the guidelines would change on past requests, rule by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, Policy
from pertimage.cds.territory import Territory
from pertimage.guidelines.base import GuidelineBase
from pertimage.web.frequency import Frequent
from pertimage.web.plain_table import counted, number, percent, plain_table

EXAMPLES = 5
NO_RULE = "(aucune règle)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What matters of an answer to whoever receives it, and the rule that gave it."""

    outcome: str
    emergency: bool
    rule: str

    @property
    def french(self) -> str:
        """Return the words a reader sees."""
        return f"{Outcome(self.outcome).french}{' + urgences' if self.emergency else ''}" if self.outcome else "(examen non lu)"


@dataclass(frozen=True, slots=True)
class Change:
    """An answer that becomes another."""

    before: Answer
    after: Answer

    @property
    def gravity(self) -> int:
        """Return 0 for an emergency no longer told, 1 for an emergency told anew, 2 for the rest."""
        return 0 if self.before.emergency and not self.after.emergency else 1 if self.after.emergency and not self.before.emergency else 2

    @property
    def rules(self) -> str:
        """Return the rule that answers, or both when it changes."""
        return self.before.rule if self.before.rule == self.after.rule else f"{self.before.rule} → {self.after.rule}"


class Rejudgement:
    """Judges requests by a base and by its draft, and counts what differs; examples are kept by their id alone."""

    def __init__(self, base: GuidelineBase, draft: GuidelineBase) -> None:
        self._base, self._draft = base, draft
        self.requests = self.exams = self.moved = 0
        self._changes: Frequent[Change] = Frequent()
        self._rules_only: Counter[tuple[str, str]] = Counter()
        self._examples: dict[Change, list[str]] = {}

    def add(
        self,
        identifier: str,
        request: ImagingRequest,
        policy: Policy | None = None,
        on: date | None = None,
        territory: Territory | None = None,
    ) -> None:
        """Judge a request twice, by the rules of the same day: ``on``, else the day it was written."""
        self.requests += 1
        before = assess(request, self._base, policy, on, territory)
        after = assess(request, self._draft, policy, on, territory)
        changed = False
        for old, new in pairs_of(before, after):
            self.exams += 1
            change = Change(answer_of(old), answer_of(new))
            if (change.before.outcome, change.before.emergency) != (change.after.outcome, change.after.emergency):
                changed = True
                self._count(change, identifier)
            elif change.before.rule != change.after.rule:
                self._rules_only[change.before.rule, change.after.rule] += 1
        self.moved += changed

    def _count(self, change: Change, identifier: str) -> None:
        self._changes.add(change)
        known = self._examples.setdefault(change, [])
        if len(known) < EXAMPLES:
            known.append(identifier)

    def changes(self) -> list[tuple[Change, int]]:
        """Return what changes and how often: emergencies no longer told first, then the most frequent."""
        return sorted(self._changes.top(10_000), key=lambda pair: (pair[0].gravity, -pair[1], pair[0].rules))

    def to_json(self) -> dict[str, Any]:
        """Return the whole as JSON."""
        return {
            "base": self._base.version, "draft": self._draft.version, "requests": self.requests, "exams": self.exams, "requests_changed": self.moved,
            "changes": [
                {
                    "rule_before": change.before.rule, "rule_after": change.after.rule, "from": _json(change.before), "to": _json(change.after),
                    "count": count, "examples": self._examples[change],
                }
                for change, count in self.changes()
            ],
            "same_answer_other_rule": [{"before": pair[0], "after": pair[1], "count": count} for pair, count in self._rules_only.most_common()],
        }  # fmt: skip

    def report(self) -> Iterator[str]:
        """Yield the lines that a reader sees."""
        share = percent(self.moved, self.requests)
        again = counted(self.requests, "demande rejugée", "demandes rejugées")
        changing = counted(self.moved, "change d'avis", "changent d'avis")
        yield f"{again} ({counted(self.exams, 'examen', 'examens')}), {changing} ({share})"
        found = self.changes()
        lost = sum(count for change, count in found if change.gravity == 0)
        if lost:
            yield f"ATTENTION : {counted(lost, 'urgence ne serait plus dite', 'urgences ne seraient plus dites')}"
        rows = [
            (number(count), change.rules, f"{change.before.french} → {change.after.french}", ", ".join(self._examples[change]))
            for change, count in found
        ]
        if rows:
            yield from ("", *plain_table(("Fois", "Règle", "Avis", "Exemples"), rows, numbers=frozenset((0,))))
        if self._rules_only:
            yield from ("", f"Même avis, par une autre règle : {number(self._rules_only.total())} examens")


def pairs_of(before: tuple[Assessment, ...], after: tuple[Assessment, ...]) -> Iterator[tuple[Assessment | None, Assessment | None]]:
    """Yield the answers on the same exam together, in the order of the request; None where one of the bases read no such exam."""
    if len(before) == len(after):
        yield from zip(before, after, strict=True)
        return
    waiting = list(after)
    for old in before:
        new = next((one for one in waiting if one.exam == old.exam), None)
        if new is not None:
            waiting.remove(new)
        yield old, new
    yield from ((None, new) for new in waiting)


def answer_of(given: Assessment | None) -> Answer:
    """Return what matters of an assessment, None being an exam that was not read."""
    if given is None:
        return Answer("", False, NO_RULE)
    return Answer(str(given.outcome), given.pathway == "emergency", given.rule or _situation(given))


def _situation(given: Assessment) -> str:
    """Return the sheet of an answer that no rule gave yet: a question decides."""
    return f"{given.situations[0]}/?" if given.situations else NO_RULE


def _json(answer: Answer) -> dict[str, Any]:
    return {"outcome": answer.outcome or None, "emergency": answer.emergency}
