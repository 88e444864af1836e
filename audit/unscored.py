"""Read from the registers what the guidelines left without judgement, and why prescribers set advice aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select

from pertimage.audit.past import PAGE
from pertimage.audit.store import Store
from pertimage.audit.tables import assessments, feedback, journal, requests
from pertimage.cds.model import Assessment, ImagingRequest, Outcome
from pertimage.cds.records import assessment_of, request_of


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcomes of the exams asked in one week (its Monday)."""

    week: date
    counts: Mapping[Outcome, int]


@dataclass(frozen=True, slots=True)
class Unscored:
    """One exam left outside the guidance: the request, and the answer given then. ``patient`` is a pseudonym."""

    patient: str
    request: ImagingRequest
    answer: Assessment


@dataclass(frozen=True, slots=True)
class RuleFeedback:
    """How often a rule answered, and what became of its advice: accepted, or set aside for each reason (empty: none given)."""

    rule: str
    answers: int
    accepted: int
    reasons: Mapping[str, int]

    @property
    def overridden(self) -> int:
        """Return how often the advice was set aside."""
        return sum(self.reasons.values())


def weekly_outcomes(store: Store, since: date | None) -> list[Tally]:
    """Return the outcomes per week, in order of time."""
    query = select(requests.c.created_week, assessments.c.outcome, func.count()).join(requests, requests.c.id == assessments.c.request)
    query = query.where(*_since(since)).group_by(requests.c.created_week, assessments.c.outcome)
    found: dict[str, dict[Outcome, int]] = {}
    with store.reader.connect() as connection:
        for week, outcome, count in connection.execute(query):
            found.setdefault(week, {})[Outcome(outcome)] = count
    return [Tally(date.fromisoformat(week), found[week]) for week in sorted(found)]


def unscored(store: Store, since: date | None, limit: int) -> list[Unscored]:
    """Return the exams outside the guidance, of the latest ``limit`` requests that have one."""
    outside = select(assessments.c.request).where(assessments.c.outcome == Outcome.NO_GUIDANCE.value)
    query = (
        select(requests.c.id, requests.c.patient, journal.c.payload)
        .join(journal, journal.c.seq == requests.c.seq)
        .where(requests.c.id.in_(outside), *_since(since))
        .order_by(requests.c.created_at.desc(), requests.c.id)
        .limit(limit)
    )
    with store.reader.connect() as connection:
        rows = connection.execution_options(yield_per=PAGE).execute(query)
        return [one for row in rows for one in _outside(row.patient or row.id, orjson.loads(row.payload))]


def _outside(patient: str, data: Mapping[str, Any]) -> list[Unscored]:
    lines = [line for line in data["assessments"] if line["outcome"] == Outcome.NO_GUIDANCE]
    request = request_of(data["request"])
    return [Unscored(patient, request, assessment_of(line)) for line in lines]


def rule_feedback(store: Store, since: date | None) -> list[RuleFeedback]:
    """Return what became of the advice of each rule that somebody set aside or followed, the most often set aside first.

    The last word on a card counts. Cards are named ``<request>:<rank>``; one named otherwise counts for each exam of its request.
    """
    last = select(func.max(feedback.c.seq)).where(feedback.c.request.is_not(None)).group_by(feedback.c.card)
    own, any_rank = requests.c.id + ":" + cast(assessments.c.rank, Text), requests.c.id + ":%"
    joined = assessments.join(requests, requests.c.id == assessments.c.request)
    told = (
        select(assessments.c.rule, feedback.c.outcome, feedback.c.reason, func.count())
        .select_from(
            joined.join(
                feedback, and_(feedback.c.request == requests.c.id, or_(feedback.c.card == own, feedback.c.card.not_like(any_rank)))
            )
        )
        .where(feedback.c.seq.in_(last), assessments.c.rule.is_not(None), *_since(since))
        .group_by(assessments.c.rule, feedback.c.outcome, feedback.c.reason)
    )
    answered = (
        select(assessments.c.rule, func.count())
        .select_from(joined)
        .where(assessments.c.rule.is_not(None), *_since(since))
        .group_by(assessments.c.rule)
    )
    accepted: dict[str, int] = {}
    reasons: dict[str, dict[str, int]] = {}
    with store.reader.connect() as connection:
        answers = {row[0]: row[1] for row in connection.execute(answered)}
        for rule, outcome, reason, count in connection.execute(told):
            if outcome == "accepted":
                accepted[rule] = accepted.get(rule, 0) + count
            else:
                reasons.setdefault(rule, {})[reason] = count
    found = [RuleFeedback(rule, answers[rule], accepted.get(rule, 0), reasons.get(rule, {})) for rule in accepted.keys() | reasons.keys()]
    return sorted(found, key=lambda one: (-one.overridden, -one.answers, one.rule))


def _since(since: date | None) -> list[ColumnElement[bool]]:
    return [requests.c.created_week >= since.isoformat()] if since else []
