"""The populations of the indicators in SQL: where each is read, when each unit falls, and what the vocabulary of the sheets means there.

Real and fictitious data never mix: activity says which it is, everything else is what its site is. An answer to a card whose
request the store does not know (another software's) is real.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, literal, null, or_, select, union_all

from pertimage.audit.periods import month_of, period_of
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.sql_words import hours_between, json_word
from pertimage.audit.tables import (
    activity,
    assessments,
    exchanges,
    feedback,
    journal,
    lesson_answers,
    lessons,
    patient_answers,
    requests,
    reviews,
    rule_opinions,
    sites,
)
from pertimage.guidelines.indicator_forms import Cadence, Delay, Population, Split
from pertimage.guidelines.indicators import CcamTest, Indicator, Test

NO_EXAM = "none"
# A series of questions is answered whole from so many answers on.
WHOLE_LESSON = 5
# A request and an exam of the same patient further apart are not held to be the same.
_SAME_EXAM_HOURS = 365 * 24
Condition = ColumnElement[bool]
Meaning = Callable[[tuple[Any, ...]], Condition]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a reading is about: which data, the first and last day of whole periods, and what the sites' catalogue says of access.

    ``accessible`` are the sites said to be accessible to a wheelchair, ``described`` those that the catalogue has.
    """

    fictitious: bool
    first: date
    last: date
    cadence: Cadence
    accessible: frozenset[str] = frozenset()
    described: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """A population: ``at`` (an instant) or ``month`` says when, ``unit`` what is counted once (None: each row).

    ``delays`` are hours, NULL when unknown or impossible; ``limit`` the days that the pathway of a row aims at; ``before`` and
    ``after`` exams (``none``: no exam any more). ``absent`` says in French why a split or a delay cannot be had.
    """

    table: FromClause
    where: tuple[Condition, ...]
    month: ColumnElement[Any]
    splits: Mapping[Split, ColumnElement[Any]]
    tests: Mapping[str, Meaning]
    at: ColumnElement[Any] | None = None
    delays: Mapping[Delay, ColumnElement[Any]] = field(default_factory=dict)
    limit: ColumnElement[Any] | None = None
    unit: ColumnElement[Any] | None = None
    before: ColumnElement[Any] | None = None
    after: ColumnElement[Any] | None = None
    absent: Mapping[str, str] = field(default_factory=dict)

    def condition(self, test: Test | CcamTest) -> Condition:
        """Return a test of a sheet in SQL."""
        if isinstance(test, CcamTest):
            return self.tests["ccam"]((test.codes, test.exams, test.others)) if "ccam" in self.tests else self.tests["exam"](test.exams)
        return self.tests[test.name](test.values)


def source_of(indicator: Indicator, setting: Setting) -> Source:
    """Return where the population of an indicator is read; what only some of them need is joined only for those."""
    return _SOURCES[indicator.population](setting, indicator)


def when_of(population: Population) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any], Callable[[bool], Condition]]:
    """Return, to know from when to when a population is known: its table, its instant, its site, and whether rows are fictitious."""
    if population is Population.EXAMS:
        return activity, activity.c.performed_at, activity.c.site, lambda fictitious: activity.c.fictitious == fictitious
    if population is Population.PATIENTS:
        return (
            patient_answers,
            patient_answers.c.month,
            patient_answers.c.site,
            lambda fictitious: _of_sites(patient_answers.c.site, fictitious),
        )
    return requests, requests.c.created_at, requests.c.site, lambda fictitious: _of_sites(requests.c.site, fictitious)


def _one_of(column: ColumnElement[Any]) -> Meaning:
    return lambda values: column.in_(values)


def _acts(c: Any, test: Sequence[Any]) -> Condition:
    """Return the exams of some acts: those that bear their codes; without a code, those of an exam that carries no other act."""
    codes, exams, others = test
    return or_(c.ccam.in_(codes), and_(c.ccam.is_(None), c.exam.in_(exams))) if not others else c.ccam.in_(codes)


def _is(column: ColumnElement[Any]) -> Meaning:
    return lambda values: column.is_(bool(values[0]))


def _of_sites(site: ColumnElement[Any], fictitious: bool) -> Condition:
    demonstration = site.in_(select(sites.c.id).where(sites.c.fictitious.is_(True)))
    return demonstration if fictitious else or_(site.is_(None), ~demonstration)


def _places(site: ColumnElement[Any], setting: Setting) -> dict[Split, ColumnElement[Any]]:
    access = case((site.in_(setting.accessible), "fauteuil"), (site.in_(setting.described), "autre"), else_=null())
    return {Split.SITE: site, Split.ACCESS: access}


def _absent_access(setting: Setting) -> dict[str, str]:
    return {} if setting.described else {str(Split.ACCESS): "donnée absente : le catalogue des sites n'est pas importé"}


def _later(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the hours between two instants; NULL in the wrong order, which is an error of data and not a short delay."""
    return case((end >= start, hours_between(start, end)), else_=null())


def _month(at: ColumnElement[Any], setting: Setting) -> ColumnElement[Any]:
    return month_of(at, setting.first, setting.last)


def _exams(setting: Setting, indicator: Indicator) -> Source:
    repeats = any(isinstance(test, Test) and test.name == "repeated" for test in indicator.numerator)
    table: Any = _with_previous(setting) if repeats else activity
    c = table.c
    where = [c.performed_at.is_not(None), c.fictitious == setting.fictitious]
    where += [c.patient.is_not(None), c.exam.is_not(None)] if repeats else []
    delays = {Delay.REQUEST_EXAM: c.wait_hours, Delay.EXAM_REPORT: _later(c.performed_at, c.reported_at)}
    splits = {
        **_places(c.site, setting), Split.TECHNIQUE: c.modality, Split.EXAM: c.exam, Split.REGION: c.region, Split.IRRADIATING: c.irradiating,
        Split.AGE: c.age_band, Split.OUTCOME: c.outcome,
    }  # fmt: skip
    tests = {
        "modality": _one_of(c.modality), "exam": _one_of(c.exam), "region": _one_of(c.region), "irradiating": _is(c.irradiating),
        "outcomes": _one_of(c.outcome), "ages": _one_of(c.age_band),
    }  # fmt: skip
    absent = _absent_access(setting)
    if repeats:
        tests["repeated"] = lambda values: and_(
            c.previous_at.is_not(None), hours_between(c.previous_at, c.performed_at) <= int(values[0]) * 24
        )
    if "ccam" in c:
        tests["ccam"] = lambda values: _acts(c, values)
    if "given_at" in c:
        delays |= {Delay.REPORT_PATIENT: _later(c.reported_at, c.given_at), Delay.REQUEST_PATIENT: _later(c.requested_at, c.given_at)}
    else:
        said = "donnée absente : l'activité ne porte pas la date de remise au patient"
        absent |= {str(Delay.REPORT_PATIENT): said, str(Delay.REQUEST_PATIENT): said}
    for split, name, words in ((Split.SEX, "sex", "le sexe"), (Split.RURAL, "rural", "le lieu de vie (rural ou urbain)")):
        if name in c:
            splits[split] = c[name]
        else:
            absent[str(split)] = f"donnée absente : l'activité ne porte pas {words}"
    month = _month(c.performed_at, setting)
    return Source(table, tuple(where), month, splits, tests, at=c.performed_at, delays=delays, before=c.exam, absent=absent)


def _with_previous(setting: Setting) -> FromClause:
    """Return activity with, on each exam, when the same patient last had the same one."""
    c = activity.c
    previous = func.lag(c.performed_at).over(partition_by=(c.patient, c.exam), order_by=c.performed_at).label("previous_at")
    known = (c.performed_at.is_not(None), c.patient.is_not(None), c.exam.is_not(None), c.fictitious == setting.fictitious)
    return select(*c, previous).where(*known).subquery("repeats")


def _requests(setting: Setting, indicator: Indicator) -> Source:
    lines, asked = assessments.c, requests.c
    done = _exams_found(setting)
    table = assessments.join(requests, asked.id == lines.request)
    if indicator.form.delay:
        table = table.outerjoin(done, and_(done.c.request == lines.request, done.c.rank == lines.rank))
    where = (asked.status == RequestStatus.SIGNED.value, _of_sites(asked.site, setting.fictitious))
    splits = {
        **_places(asked.site, setting), Split.TECHNIQUE: lines.modality, Split.EXAM: lines.exam, Split.IRRADIATING: lines.irradiating,
        Split.OUTCOME: lines.outcome, Split.PATHWAY: lines.fast_track, Split.MODE: asked.mode,
    }  # fmt: skip
    tests: dict[str, Meaning] = {
        "modality": _one_of(lines.modality), "exam": _one_of(lines.exam), "irradiating": _is(lines.irradiating), "outcomes": _one_of(lines.outcome),
        "mode": _one_of(asked.mode), "flagged": _is(lines.flagged),
        "emergency": lambda values: lines.pathway.is_not_distinct_from("emergency") == bool(values[0]),
        "fast_track": lambda values: lines.fast_track.is_not(None) == bool(values[0]),
    }  # fmt: skip
    delays = {Delay.REQUEST_EXAM: _later(asked.signed_at, done.c.performed_at)}
    month = _month(asked.signed_at, setting)
    return Source(
        table, where, month, splits, tests, at=asked.signed_at, delays=delays, limit=lines.target_days, absent=_absent_access(setting)
    )


def _exams_found(setting: Setting) -> Any:
    """Return when the exam of each line was first done for the same patient, after the signature and within a year."""
    lines, asked, done = assessments.c, requests.c, activity.c
    joined = assessments.join(requests, asked.id == lines.request).join(
        activity, and_(done.patient == asked.patient, done.exam == lines.exam)
    )
    same = (
        asked.status == RequestStatus.SIGNED.value, done.fictitious == setting.fictitious, done.performed_at >= asked.signed_at,
        hours_between(asked.signed_at, done.performed_at) <= _SAME_EXAM_HOURS,
    )  # fmt: skip
    found = select(lines.request, lines.rank, func.min(done.performed_at).label("performed_at")).select_from(joined).where(*same)
    return found.group_by(lines.request, lines.rank).subquery("done")


def _reviews(setting: Setting, indicator: Indicator) -> Source:
    read, asked = reviews.c, requests.c
    decided = case((read.state.in_((ReviewState.DECIDED.value, ReviewState.POSTPONED.value)), read.decision), else_=null())
    splits = {**_places(read.site, setting), Split.TECHNIQUE: read.modality, Split.DECISION: decided}
    delays = {Delay.SIGNATURE_DECISION: case((decided.is_not(None), _later(read.signed_at, read.decided_at)), else_=null())}
    tests = {"modality": _one_of(read.modality), "decisions": _one_of(decided)}
    table = reviews.join(requests, asked.id == read.request)
    return Source(
        table, (_of_sites(read.site, setting.fictitious),), _month(read.opened_at, setting), splits, tests, at=read.opened_at, delays=delays,
        absent=_absent_access(setting),
    )  # fmt: skip


def _opinions(setting: Setting, indicator: Indicator) -> Source:
    said = rule_opinions.c
    last = select(func.max(said.seq)).group_by(said.request, said.rule, said.radiologist)
    where = (said.seq.in_(last), _of_sites(said.site, setting.fictitious))
    splits = {**_places(said.site, setting), Split.RULE: said.rule}
    tests = {"opinions": _one_of(said.opinion)}
    return Source(rule_opinions, where, _month(said.at, setting), splits, tests, at=said.at, absent=_absent_access(setting))


def _last_of_cards() -> Select[Any]:
    return select(func.max(feedback.c.seq)).group_by(feedback.c.card)


def _cards(setting: Setting, indicator: Indicator) -> Source:
    told = feedback.c
    table = feedback.outerjoin(requests, requests.c.id == told.request)
    where = (told.seq.in_(_last_of_cards()), _of_sites(requests.c.site, setting.fictitious))
    splits = {**_places(requests.c.site, setting), Split.REASON: func.nullif(told.reason, "")}
    tests = {"answers": _one_of(told.outcome), "reasons": _one_of(told.reason)}
    return Source(table, where, _month(told.at, setting), splits, tests, at=told.at, absent=_absent_access(setting))


def _replacements(setting: Setting, indicator: Indicator) -> Source:
    c = union_all(_taken(), _substituted()).subquery("replaced").c
    table = c.at.table
    splits = {**_places(c.site, setting), Split.BY: c.by}
    where = (_of_sites(c.site, setting.fictitious), c.before != c.after)
    tests = {"by": _one_of(c.by)}
    return Source(
        table, where, _month(c.at, setting), splits, tests, at=c.at, before=c.before, after=c.after, absent=_absent_access(setting)
    )


def _taken() -> Select[Any]:
    """Return the exams given up for one that was offered, when the request was signed with it, and those given up for none."""
    before, after = (json_word(journal.c.payload, "detail", name) for name in ("from", "to"))
    line = select(assessments.c.request).where(assessments.c.request == feedback.c.request, assessments.c.exam == after).exists()
    signed = and_(requests.c.status == RequestStatus.SIGNED.value, line)
    taken = select(
        requests.c.site.label("site"),
        feedback.c.at.label("at"),
        before.label("before"),
        after.label("after"),
        literal("prescripteur").label("by"),
    ).select_from(feedback.join(requests, requests.c.id == feedback.c.request).join(journal, journal.c.seq == feedback.c.seq))
    return taken.where(
        feedback.c.outcome == "accepted", feedback.c.seq.in_(_last_of_cards()), before.is_not(None), or_(after == NO_EXAM, signed)
    )


def _substituted() -> Select[Any]:
    """Return the exams that a radiologist replaced."""
    found = select(
        requests.c.site, reviews.c.decided_at, requests.c.exam, reviews.c.exam, literal("radiologue")
    ).select_from(reviews.join(requests, requests.c.id == reviews.c.request))  # fmt: skip
    decided = (reviews.c.state == ReviewState.DECIDED.value, reviews.c.decision == Decision.SUBSTITUTE.value)
    return found.where(*decided, requests.c.exam.is_not(None), reviews.c.exam.is_not(None))


def _patients(setting: Setting, indicator: Indicator) -> Source:
    said = patient_answers.c
    splits = {**_places(said.site, setting), Split.LANGUAGE: said.language}
    reasons = literal(",") + said.reasons + literal(",")
    tests: dict[str, Meaning] = {
        "understanding": lambda values: said.understanding >= values[0], "delay_suits": _one_of(said.delay), "explained": _one_of(said.explained),
        "renounced": lambda values: said.renounced.is_not(None) if values[0] == "repondu" else said.renounced.is_(values[0] == "oui"),
        "why_renounced": lambda values: or_(*(reasons.like(f"%,{value},%") for value in values)),
    }  # fmt: skip
    where = (_of_sites(said.site, setting.fictitious),)
    return Source(patient_answers, where, said.month, splits, tests, absent=_absent_access(setting))


def _second_opinions(setting: Setting, indicator: Indicator) -> Source:
    table = exchanges.join(requests, requests.c.id == exchanges.c.request)
    where = (exchanges.c.kind == "opinion", _of_sites(requests.c.site, setting.fictitious))
    splits = {**_places(requests.c.site, setting), Split.TECHNIQUE: requests.c.modality}
    tests = {"modality": _one_of(requests.c.modality)}
    at = exchanges.c.at
    return Source(table, where, _month(at, setting), splits, tests, at=at, absent=_absent_access(setting))


def _prescribers(setting: Setting, indicator: Indicator) -> Source:
    asked, trained = requests.c, _trained()
    table = requests.outerjoin(trained, trained.c.owner == asked.prescriber)
    where = (asked.status == RequestStatus.SIGNED.value, _of_sites(asked.site, setting.fictitious))
    month = _month(asked.signed_at, setting)
    by_then = period_of(_month(trained.c.at, setting), setting.cadence) <= period_of(month, setting.cadence)
    tests: dict[str, Meaning] = {"trained": lambda values: and_(trained.c.at.is_not(None), by_then) == bool(values[0])}
    return Source(
        table, where, month, _places(asked.site, setting), tests, at=asked.signed_at, unit=asked.prescriber, absent=_absent_access(setting)
    )


def _trained() -> Any:
    """Return when each prescriber first answered a whole self-assessment."""
    whole = (
        select(lessons.c.owner, func.max(lesson_answers.c.at).label("at"))
        .join(lesson_answers, and_(lesson_answers.c.lesson == lessons.c.id, lesson_answers.c.who == lessons.c.owner))
        .where(lessons.c.until.is_(None))
        .group_by(lessons.c.id, lessons.c.owner)
        .having(func.count() >= WHOLE_LESSON)
        .subquery("whole")
    )
    return select(whole.c.owner, func.min(whole.c.at).label("at")).group_by(whole.c.owner).subquery("trained")


_SOURCES: Mapping[Population, Callable[[Setting, Indicator], Source]] = {
    Population.EXAMS: _exams,
    Population.REQUESTS: _requests,
    Population.REVIEWS: _reviews,
    Population.OPINIONS: _opinions,
    Population.CARDS: _cards,
    Population.REPLACEMENTS: _replacements,
    Population.PATIENTS: _patients,
    Population.SECOND_OPINIONS: _second_opinions,
    Population.PRESCRIBERS: _prescribers,
}
