"""How much of what is prescribed the guidelines judge, and what they miss: by exam, by phrase, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, ImagingRequest, Outcome
from pertimage.guidelines.base import GuidelineBase
from pertimage.web.anonymous import SHOWN_FROM, Anonymiser, phrases
from pertimage.web.frequency import Frequent
from pertimage.web.plain_table import counted, number, percent, plain_table
from pertimage.web.unscored import Why, why

SHARES = ("judged", "incomplete", "unscored")
_FRENCH = {"judged": "jugés", "incomplete": "à compléter", "unscored": "hors référentiel"}
NO_EXAM = "(examen non reconnu)"
_PHRASES_OF_ONE = 40  # a letter of a hundred pages is one request: it does not make the list by itself


@dataclass(frozen=True, slots=True)
class Missed:
    """A phrase of requests without judgement: its exam, why, and how many times it was met."""

    phrase: str
    exam: str
    why: Why
    count: int


class Coverage:
    """Counts requests one after the other, in bounded memory. ``plain`` shows phrases as written instead of their known words alone."""

    def __init__(self, base: GuidelineBase, *, plain: bool = False) -> None:
        self._base, self._plain = base, plain
        self._anonymiser = Anonymiser(base)
        self.requests = self.unreadable = 0
        self.shares: Counter[str] = Counter()
        self.reasons: Counter[Why] = Counter()
        self._exams: dict[str, Counter[str]] = {}
        self._phrases: Frequent[tuple[str, str, Why]] = Frequent()
        self._words: Frequent[str] = Frequent()

    def add(self, request: ImagingRequest) -> None:
        """Judge a request by the rules of its day and count its exams."""
        self.requests += 1
        for answer in assess(request, self._base):
            share = share_of(answer.outcome)
            self.shares[share] += 1
            exam = self._label(answer)
            self._exams.setdefault(exam, Counter())[share] += 1
            if reason := why(answer, request, self._base):
                self.reasons[reason] += 1
                if share == "unscored" or reason is Why.NO_REASON:
                    self._miss(request, answer, exam, reason)

    def _label(self, answer: Assessment) -> str:
        return self._base.catalogue.exams[answer.exam].label if answer.exam else NO_EXAM

    def _miss(self, request: ImagingRequest, answer: Assessment, exam: str, reason: Why) -> None:
        for word in self._anonymiser.unknown(request.narrative) | self._anonymiser.unknown(request.exam_text.lower()):
            self._words.add(word)
        text = (answer.exam_label or request.exam_text or request.narrative) if reason is Why.UNKNOWN_EXAM else request.narrative
        said = (phrase if self._plain else self._anonymiser.masked(phrase) for phrase in phrases(text))
        for phrase in list(dict.fromkeys(filter(self._anonymiser.says_something, said)))[:_PHRASES_OF_ONE]:
            self._phrases.add((phrase, exam, reason))

    @property
    def exams_judged(self) -> int:
        """Return the number of exams seen, judged or not."""
        return self.shares.total()

    def by_exam(self) -> list[tuple[str, Counter[str]]]:
        """Return the counts of each exam, those with the most left unscored first."""
        return sorted(self._exams.items(), key=lambda pair: (-pair[1]["unscored"], -pair[1].total(), pair[0]))

    def missed(self, size: int) -> list[Missed]:
        """Return the most frequent phrases left without judgement."""
        return [Missed(*key, count) for key, count in self._phrases.top(size)]

    def unknown_words(self, size: int) -> list[tuple[str, int]]:
        """Return the words that the guidelines do not know, from ``SHOWN_FROM`` requests on."""
        return self._words.top(size, SHOWN_FROM)

    def to_json(self, size: int) -> dict[str, Any]:
        """Return the whole as JSON; shares are of the exams seen."""
        total = self.exams_judged
        return {
            "guidelines": self._base.version, "requests": self.requests, "unreadable": self.unreadable, "exams": total,
            "shares": {name: {"count": self.shares[name], "share": self.shares[name] / total if total else None} for name in SHARES},
            "why": {str(reason): count for reason, count in self.reasons.most_common()},
            "by_exam": [{"exam": exam} | {name: counts[name] for name in SHARES} for exam, counts in self.by_exam()],
            "phrases": [{"phrase": one.phrase, "exam": one.exam, "why": str(one.why), "count": one.count} for one in self.missed(size)],
            "unknown_words": [{"word": word, "count": count} for word, count in self.unknown_words(size)],
            "phrase_counts_may_lack": self._phrases.missed,
        }  # fmt: skip

    def report(self, size: int) -> Iterator[str]:
        """Yield the lines that a reader sees."""
        unread = f", {counted(self.unreadable, 'illisible', 'illisibles')}" if self.unreadable else ""
        exams = counted(self.exams_judged, "examen demandé", "examens demandés")
        yield f"{counted(self.requests, 'demande lue', 'demandes lues')}{unread} ; {exams}"
        if not self.exams_judged:
            return
        total = self.exams_judged
        rows = [(_FRENCH[name], number(self.shares[name]), percent(self.shares[name], total)) for name in SHARES]
        yield from ("", *plain_table(("Examens", "Nombre", "Part"), rows, numbers=frozenset((1, 2))))
        reasons = [(reason.french, number(count), percent(count, total)) for reason, count in self.reasons.most_common()]
        if reasons:
            yield from ("", *plain_table(("Pourquoi aucun avis", "Nombre", "Part"), reasons, numbers=frozenset((1, 2))))
        by_exam = [(exam, *(number(counts[name]) for name in SHARES)) for exam, counts in self.by_exam()[:size]]
        yield from ("", *plain_table(("Par examen", *map(_FRENCH.__getitem__, SHARES)), by_exam, numbers=frozenset((1, 2, 3))))
        missed = [(number(one.count), one.phrase, one.exam, one.why.french) for one in self.missed(size)]
        if missed:
            yield from ("", *plain_table(("Fois", "Ce qui n'a pas reçu d'avis", "Examen", "Pourquoi"), missed, numbers=frozenset((0,))))
        if words := self.unknown_words(size):
            yield from ("", "Mots inconnus du lexique : " + ", ".join(f"{word} ({number(count)})" for word, count in words))
        if self._phrases.missed:
            yield f"Phrases très nombreuses : chaque nombre peut manquer jusqu'à {number(self._phrases.missed)} occurrences."


def share_of(outcome: Outcome) -> str:
    """Return which of the three shares an outcome belongs to."""
    return {Outcome.NO_GUIDANCE: "unscored", Outcome.INCOMPLETE: "incomplete"}.get(outcome, "judged")
