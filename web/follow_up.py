"""What the guideline committee has to look at: requests left without judgement, sheets to write, advice set aside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from pertimage.audit.unscored import RuleFeedback, Tally, Unscored, rule_feedback, unscored, weekly_outcomes
from pertimage.cds.model import Outcome, Status
from pertimage.guidelines.base import GuidelineBase
from pertimage.web.anonymous import SHOWN_FROM, Anonymiser, phrases
from pertimage.web.coverage import NO_EXAM, share_of
from pertimage.web.service import Service
from pertimage.web.unscored import Why, why

LATEST = 3000
PHRASES_SHOWN, GROUPS_SHOWN, WORDS_SHOWN = 3, 40, 60
# Address → (words, weeks; None: everything).
PERIODS = {
    "mois": ("4 dernières semaines", 4),
    "trimestre": ("13 dernières semaines", 13),
    "annee": ("52 dernières semaines", 52),
    "tout": ("Depuis le début", None),
}
# A phrase that may name what a sheet would be about: a few words, not a denial nor a circumstance.
_SHORT = re.compile(
    r"(?!(?:pas|sans|ni|aucun\w*|non|avant|apres|après|depuis|demande|avis|bilan|merci)\b)[^\W\d_]+(?:[ '’-][^\W\d_]+){0,5}"
)


@dataclass(frozen=True, slots=True)
class Period:
    """The exams asked in a while: judged, incomplete, outside the guidance."""

    name: str
    judged: int
    incomplete: int
    unscored: int

    @property
    def total(self) -> int:
        """Return all of them."""
        return self.judged + self.incomplete + self.unscored


@dataclass(frozen=True, slots=True)
class Group:
    """Exams left without judgement for one reason, with a few phrases where only known words are left."""

    exam: str
    why: Why
    count: int
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something to write: a sheet about a fact, or the position of a sheet (``sheet``) on an exam. ``exams`` are those asked."""

    subject: str
    count: int
    exams: tuple[tuple[str, int], ...] = ()
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One page's worth of follow-up. ``seen`` is the number of exams outside the guidance that were looked at, ``partial`` when not all."""

    total: Period
    months: list[Period]
    seen: int
    partial: bool
    groups: list[Group]
    sheets_to_write: list[Proposal]
    positions_to_write: list[Proposal]
    unknown_words: list[tuple[str, int]]
    feedback: list[RuleFeedback]


def follow_up(service: Service, period: str) -> FollowUp:
    """Return the follow-up of a period (a key of ``PERIODS``), whole weeks up to today."""
    since = first_week(service.today(), PERIODS[period][1])
    tallies = weekly_outcomes(service.store, since)
    found = unscored(service.store, since, LATEST)
    queue = Queue(service.base)
    for one in found:
        queue.add(one)
    total = _period("", tallies)
    return FollowUp(
        total, list(_months(tallies)), len(found), len(found) < total.unscored, queue.groups(), queue.sheets_to_write(), queue.positions_to_write(),
        queue.unknown_words(), rule_feedback(service.store, since)[:GROUPS_SHOWN],
    )  # fmt: skip


def first_week(today: date, weeks: int | None) -> date | None:
    """Return the Monday of the first of the last weeks, this one included; None for everything."""
    return today - timedelta(days=today.weekday(), weeks=weeks - 1) if weeks else None


class Queue:
    """Sorts exams left without judgement by exam and reason, without keeping who they were for."""

    def __init__(self, base: GuidelineBase) -> None:
        self._base = base
        self._anonymiser = Anonymiser(base)
        self._groups: Counter[tuple[str, Why]] = Counter()
        self._phrases: dict[tuple[str, Why], Counter[str]] = {}
        self._subjects_missing: Counter[str] = Counter()
        self._exams_of_subjects: dict[str, Counter[str]] = {}
        self._positions: Counter[tuple[str, str]] = Counter()
        self._patients_of_words: dict[str, set[str]] = {}

    def add(self, one: Unscored) -> None:
        """Count an exam."""
        reason = why(one.answer, one.request, self._base) or Why.NO_SHEET
        exam = self._exam(one.answer.exam)
        self._groups[exam, reason] += 1
        text = (one.answer.exam_label or one.request.exam_text) if reason is Why.UNKNOWN_EXAM else one.request.narrative
        said = {self._anonymiser.masked(phrase) for phrase in phrases(text)}
        self._phrases.setdefault((exam, reason), Counter()).update(filter(self._anonymiser.says_something, said))
        if reason is Why.SILENT_SHEET:
            self._positions[one.answer.situations[0], exam] += 1
        elif reason is Why.NO_SHEET:
            for subject in self._subjects(one, said):
                self._subjects_missing[subject] += 1
                self._exams_of_subjects.setdefault(subject, Counter())[exam] += 1
        for word in self._anonymiser.unknown(one.request.narrative) | self._anonymiser.unknown(one.request.exam_text.lower()):
            self._patients_of_words.setdefault(word, set()).add(one.patient)

    def _exam(self, exam: str | None) -> str:
        if exam is None:
            return NO_EXAM
        found = self._base.catalogue.exams.get(exam)
        return found.label if found else exam

    def _subjects(self, one: Unscored, said: set[str]) -> set[str]:
        """Return what the request is about: the diseases and symptoms that it states (they have a code), else its short phrases."""
        facts = self._base.lexicon.facts
        stated = (fact.fact for fact in one.answer.facts if fact.start >= 0 and fact.status in (Status.PRESENT, Status.HYPOTHETICAL))
        coded = {facts[fact].label for fact in stated if fact in facts and (facts[fact].icd10 or facts[fact].icpc2)}
        return coded or {phrase for phrase in said if _SHORT.fullmatch(phrase) and self._anonymiser.says_something(phrase)}

    def groups(self) -> list[Group]:
        """Return the groups, the largest first."""
        return [
            Group(exam, reason, count, tuple(phrase for phrase, _ in self._phrases[exam, reason].most_common(PHRASES_SHOWN)))
            for (exam, reason), count in self._groups.most_common(GROUPS_SHOWN)
        ]

    def sheets_to_write(self) -> list[Proposal]:
        """Return what requests without a sheet are most often about."""
        return [
            Proposal(subject, count, tuple(self._exams_of_subjects[subject].most_common(3)))
            for subject, count in self._subjects_missing.most_common(GROUPS_SHOWN)
        ]

    def positions_to_write(self) -> list[Proposal]:
        """Return the exams asked most often of a sheet that says nothing of them."""
        titles = self._base.sheets
        return [
            Proposal(titles[sheet].title if sheet in titles else sheet, count, ((exam, count),), sheet if sheet in titles else "")
            for (sheet, exam), count in self._positions.most_common(GROUPS_SHOWN)
        ]

    def unknown_words(self) -> list[tuple[str, int]]:
        """Return the words that the guidelines do not know, met for ``SHOWN_FROM`` patients or more, with how many."""
        counted = ((word, len(patients)) for word, patients in self._patients_of_words.items())
        shown = [(word, count) for word, count in counted if count >= SHOWN_FROM]
        return sorted(shown, key=lambda pair: (-pair[1], pair[0]))[:WORDS_SHOWN]


def _months(tallies: Iterable[Tally]) -> Iterator[Period]:
    """Yield the exams of each month, the latest first; a week belongs to the month of its Monday."""
    months: dict[str, list[Tally]] = {}
    for tally in tallies:
        months.setdefault(tally.week.strftime("%Y-%m"), []).append(tally)
    for month in sorted(months, reverse=True):
        yield _period(month, months[month])


def _period(name: str, tallies: Iterable[Tally]) -> Period:
    counts: Counter[str] = Counter()
    for tally in tallies:
        for outcome, count in tally.counts.items():
            counts[share_of(Outcome(outcome))] += count
    return Period(name, counts["judged"], counts["incomplete"], counts["unscored"])
