"""What a campaign of satisfaction says: mean score with its 95 % interval, distribution, own questions, groups, change between campaigns.

The mean gets Student's interval, the difference of two campaigns Welch's (see ``change``): who answered both cannot be known, so that
pairs cannot be made; the interval is then rather too wide. Neither is drawn from a random sample: who answers chose to.
Nothing is told of fewer than ``LEAST`` answers, nor of what would give them by subtraction.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

from pertimage.audit.change import student_quantile
from pertimage.audit.disclosure import SMALL
from pertimage.audit.survey import NEVER_PAST, Answer, Overriding, Reason

LEAST = SMALL + 1
# Upper ends of the classes of scores, included; the score goes by steps of 2.5.
CLASSES = (20.0, 40.0, 60.0, 80.0, 100.0)
AGREEING = 4  # a mark of 4 or 5 agrees


@dataclass(frozen=True, slots=True)
class Score:
    """A mean score (0 to 100), its 95 % interval, and the standard deviation of the answers."""

    answers: int
    mean: float
    low: float
    high: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many agreed (4 or 5) of those who answered one of the project's own questions."""

    agreed: int
    answered: int


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a campaign. ``score`` is None under ``LEAST`` answers; ``roles`` and ``sites`` hold None where nothing may be told.

    ``classes`` counts the scores of each of ``CLASSES``; the counts here are exact: hide the small ones on showing them.
    ``past`` counts those who at least rarely go past the advice: the denominator of ``reasons``.
    """

    answers: int
    score: Score | None
    classes: tuple[int, ...]
    speed: Agreement
    usefulness: Agreement
    trust: Agreement
    overriding: Mapping[Overriding, int]
    past: int
    reasons: Mapping[Reason, int]
    roles: Mapping[str, Score | None]
    sites: Mapping[str, Score | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two mean scores, in points, with its 95 % interval."""

    points: float
    low: float
    high: float


def results(answers: Sequence[Answer]) -> Results:
    """Return the results of the answers to a campaign."""
    scores = [answer.score for answer in answers]
    past = [answer for answer in answers if answer.overriding is not None and answer.overriding not in NEVER_PAST]
    speed, usefulness, trust = (_agreement([answer.marks[rank] for answer in answers]) for rank in range(3))
    return Results(
        len(answers), score_of(scores), tuple(map(Counter(map(_class, scores)).__getitem__, range(len(CLASSES)))), speed, usefulness, trust,
        overriding=Counter(answer.overriding for answer in answers if answer.overriding is not None), past=len(past),
        reasons=Counter(reason for answer in past for reason in answer.reasons),
        roles=_by(answers, lambda answer: answer.role.value), sites=_by(answers, lambda answer: answer.site),
    )  # fmt: skip


def score_of(scores: Sequence[float]) -> Score | None:
    """Return the mean of scores with Student's interval, kept within 0 and 100; None under ``LEAST`` scores."""
    if len(scores) < LEAST:
        return None
    mean, deviation = fmean(scores), stdev(scores)
    half = student_quantile(0.975, len(scores) - 1) * deviation / math.sqrt(len(scores))
    return Score(len(scores), mean, max(mean - half, 0.0), min(mean + half, 100.0), deviation)


def difference(before: Sequence[Answer], after: Sequence[Answer]) -> Difference | None:
    """Return how the mean score of ``after`` differs, with Welch's interval; None when one has fewer than ``LEAST`` answers, or no spread."""
    first, second = ([answer.score for answer in answers] for answers in (before, after))
    if min(len(first), len(second)) < LEAST:
        return None
    terms = [(variance(scores) / len(scores), len(scores)) for scores in (first, second)]
    spread = sum(square for square, _ in terms)
    if not spread:
        return None
    freedom = 1 / sum((square / spread) ** 2 / (size - 1) for square, size in terms)
    points, half = fmean(second) - fmean(first), student_quantile(0.975, freedom) * math.sqrt(spread)
    return Difference(points, points - half, points + half)


def _class(score: float) -> int:
    return next(rank for rank, end in enumerate(CLASSES) if score <= end)


def _agreement(marks: Sequence[int | None]) -> Agreement:
    given = [mark for mark in marks if mark is not None]
    return Agreement(sum(mark >= AGREEING for mark in given), len(given))


def _by(answers: Sequence[Answer], group: Callable[[Answer], str]) -> dict[str, Score | None]:
    """Return the score of each group, the largest first; None for small ones, and for the next as long as those hidden are few together."""
    groups: dict[str, list[float]] = {}
    for answer in answers:
        groups.setdefault(group(answer), []).append(answer.score)
    ordered = sorted(groups, key=lambda name: (-len(groups[name]), name))
    told = [name for name in ordered if len(groups[name]) >= LEAST]
    while told and 0 < sum(len(groups[name]) for name in ordered if name not in told) < LEAST:
        told.pop()
    return {name: score_of(groups[name]) if name in told else None for name in ordered}
