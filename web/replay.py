"""What the service would have said, or would say differently, of the requests of a past period: before going live, or after a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, Policy
from pertimage.cds.territory import Territory
from pertimage.guidelines.base import GuidelineBase
from pertimage.web.plain_table import counted, number, percent, plain_table
from pertimage.web.rejudgement import Answer, answer_of, pairs_of

_MOST_EXAMS = 20
_UNDATED = "sans date"


@dataclass(frozen=True, slots=True)
class Given:
    """A request of the past: the day it was received (None: unknown), what judges it, what was answered then (empty: nothing was)."""

    request: ImagingRequest
    day: date | None = None
    policy: Policy | None = None
    territory: Territory | None = None
    answers: tuple[Assessment, ...] = ()


class Replay:
    """Judges past requests by a base and counts the answers; nothing of a request is kept."""

    def __init__(self, base: GuidelineBase) -> None:
        self._base = base
        self.requests = self.exams = self.flagged = self.emergencies = self.compared = self.changed = 0
        self._months: dict[str, Counter[Outcome]] = {}
        self._by_exam: dict[str, Counter[Outcome]] = {}
        self._changes: Counter[tuple[Answer, Answer]] = Counter()

    def add(self, given: Given) -> None:
        """Judge a request, by the rules of the day when it was received."""
        self.requests += 1
        month = f"{given.day:%Y-%m}" if given.day else _UNDATED
        found = assess(given.request, self._base, given.policy, given.day, given.territory)
        for one in found:
            self.exams += 1
            self.flagged += one.flagged
            self.emergencies += one.pathway == "emergency"
            self._months.setdefault(month, Counter())[one.outcome] += 1
            self._by_exam.setdefault(one.exam or "(examen non lu)", Counter())[one.outcome] += 1
        for then, now in pairs_of(given.answers, found) if given.answers else ():
            self.compared += 1
            before, after = answer_of(then), answer_of(now)
            if (before.outcome, before.emergency) != (after.outcome, after.emergency):
                self.changed += 1
                self._changes[before, after] += 1

    @property
    def outcomes(self) -> Counter[Outcome]:
        """Return the answers of all months."""
        return sum(self._months.values(), Counter())

    def to_json(self) -> dict[str, Any]:
        """Return the whole as JSON."""
        return {
            "base": self._base.version, "review_state": self._base.review_state, "requests": self.requests, "exams": self.exams,
            "outcomes": _named(self.outcomes), "flagged": self.flagged, "emergency": self.emergencies,
            "months": {month: _named(counts) for month, counts in sorted(self._months.items())},
            "per_exam": {exam: _named(counts) for exam, counts in self._ordered()},
            "compared": self.compared, "changed": self.changed,
            "changes": [
                {"from": _json(before), "to": _json(after), "rules": [before.rule, after.rule], "count": count}
                for (before, after), count in self._most_changed()
            ],
        }  # fmt: skip

    def report(self) -> Iterator[str]:
        """Yield the lines that a reader sees."""
        draft = ", référentiel en brouillon" if self._base.review_state == "draft" else ""
        yield (
            f"{counted(self.requests, 'demande rejouée', 'demandes rejouées')}, {counted(self.exams, 'examen', 'examens')}, "
            f"par le référentiel {self._base.version}{draft}"
        )
        yield (
            f"Signalés au radiologue : {number(self.flagged)} ({percent(self.flagged, self.exams)}) ; "
            f"orientés vers les urgences : {number(self.emergencies)} ({percent(self.emergencies, self.exams)})"
        )
        rows = [("ensemble", self.outcomes), *sorted(self._months.items())]
        yield from ("", *_table("Mois", rows))
        yield from ("", *_table("Examen", self._ordered()[:_MOST_EXAMS]))
        if self.compared:
            yield from ("", f"Comparés à ce qui fut répondu : {number(self.compared)} ; réponses différentes : {number(self.changed)}")
            told = [
                (number(count), f"{before.french} → {after.french}", after.rule)
                for (before, after), count in self._most_changed()[:_MOST_EXAMS]
            ]
            if told:
                yield from plain_table(("Fois", "Avis", "Règle"), told, numbers=frozenset((0,)))

    def _ordered(self) -> list[tuple[str, Counter[Outcome]]]:
        return sorted(self._by_exam.items(), key=lambda pair: (-pair[1].total(), pair[0]))

    def _most_changed(self) -> list[tuple[tuple[Answer, Answer], int]]:
        """Return what changes: emergencies no longer told first, then the most frequent."""
        return sorted(self._changes.items(), key=lambda pair: (not (pair[0][0].emergency and not pair[0][1].emergency), -pair[1]))


def _table(heading: str, rows: Sequence[tuple[str, Counter[Outcome]]]) -> list[str]:
    cells = [(name, number(counts.total()), *(percent(counts[one], counts.total()) for one in Outcome)) for name, counts in rows]
    return plain_table((heading, "Examens", *(one.french for one in Outcome)), cells, numbers=frozenset(range(1, 2 + len(Outcome))))


def _named(counts: Counter[Outcome]) -> dict[str, int]:
    return {str(outcome): counts[outcome] for outcome in Outcome}


def _json(answer: Answer) -> dict[str, Any]:
    return {"outcome": answer.outcome or None, "emergency": answer.emergency}
