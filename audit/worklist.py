"""Read the registers: the radiologists' worklist, a prescriber's requests, the thread of one request."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Engine, Row, Select, and_, case, func, or_, select

from pertimage.audit.instants import utc_text
from pertimage.audit.programme import Mode
from pertimage.audit.review import ALIVE, Decision, RequestStatus, ReviewState, UnknownRequest
from pertimage.audit.tables import exchanges, feedback, journal, requests, reviews

# What a radiologist may work on now: what was postponed joins them on its day.
PRIORITY_CODES = ("stat", "asap", "urgent", "routine")
OPEN_STATES = (ReviewState.TO_REVIEW, ReviewState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as the register knows it, with its review when there is one. Instants are UTC text.

    ``reason``, ``radiologist``, ``substituted_exam``, ``question`` and ``answer`` are the review's; ``exam``, ``outcome`` and
    ``modality`` are those of the line to look at when several exams were requested; ``payload`` is that of the journal record.
    """

    id: str
    reference: str
    site: str
    prescriber: str
    hook: str
    exam_text: str
    text: str
    exam: str | None
    modality: str | None
    outcome: str
    pathway: str | None
    priority: str
    flagged: bool
    guidelines: str
    status: RequestStatus
    created_at: str
    signed_at: str | None
    state: ReviewState | None
    decision: Decision | None
    reason: str | None
    radiologist: str | None
    substituted_exam: str | None
    question: str | None
    answer: str | None
    claimed_at: str | None
    decided_at: str | None
    consulted: str | None
    pool: str | None
    until: str | None
    act: str | None
    version: int | None
    changed_at: str | None
    mode: Mode
    payload: str

    @property
    def silent(self) -> bool:
        """Say whether it was judged in silence: nobody was shown the advice, nobody is to be."""
        return self.mode is Mode.SILENT

    @property
    def request(self) -> dict[str, Any]:
        """Return the request recorded, as its JSON object; ``subject`` is the caller's reference to the patient, when it gave one."""
        data = orjson.loads(self.payload)
        return dict(data["request"]) | ({"subject": data["subject"]} if data.get("subject") else {})

    @property
    def assessments(self) -> list[dict[str, Any]]:
        """Return the assessments recorded, as contract objects."""
        return list(orjson.loads(self.payload)["assessments"])


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said or done on a request.

    ``kind`` is ``signature``, ``question``, ``answer``, ``handover``, ``opinion-request``, ``opinion``, ``decision``, ``withdrawal`` or
    ``succession``.
    """

    seq: int
    at: str
    kind: str
    author: str
    text: str
    decision: Decision | None
    exam: str | None


@dataclass(frozen=True, slots=True)
class Site:
    """A place where requests are written; ``go_live`` is the day its prescribers start to see the advice."""

    id: str
    name: str
    go_live: date | None
    fictitious: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at in the worklist; what is empty filters nothing.

    ``states`` are those of reviews, ``today`` brings back what was postponed until then. ``consulted`` is who was asked for a second
    opinion, pools included. ``outcome`` and ``pathway`` are the request's; ``text`` is looked for in its words and in those of the exam.
    """

    states: tuple[ReviewState, ...] = OPEN_STATES
    today: date | None = None
    site: str = ""
    modality: str = ""
    radiologist: str = ""
    consulted: str = ""
    outcome: str = ""
    pathway: str = ""
    text: str = ""
    priority: str = ""


def worklist(engine: Engine, wanted: Wanted, *, limit: int, offset: int = 0) -> list[RequestRow]:
    """Return the requests under review that are wanted: emergency pathway, then urgency, then age.

    The page is chosen in the small table first; only its requests are read whole.
    """
    order = (reviews.c.rank, reviews.c.signed_at, reviews.c.request)
    chosen = _chosen(select(reviews.c.request), wanted).order_by(*order).limit(limit).offset(offset).subquery("chosen")
    return _rows(engine, _requests().join(chosen, chosen.c.request == requests.c.id).order_by(*order))


def count(engine: Engine, wanted: Wanted) -> int:
    """Return how many requests are wanted."""
    with engine.connect() as connection:
        found: int = connection.execute(_chosen(select(func.count()).select_from(reviews), wanted)).scalar_one()
    return found


def _chosen(query: Select[Any], wanted: Wanted) -> Select[Any]:
    """Return a query of reviews with what is wanted; requests are looked at only when a condition is theirs."""
    if wanted.outcome or wanted.pathway or wanted.text or wanted.priority:
        query = query.join(requests, requests.c.id == reviews.c.request)
    for condition in _conditions(wanted):
        query = query.where(condition)
    return query


def latest_change(engine: Engine) -> str:
    """Return when a review last changed, an instant in UTC; empty when there is none."""
    with engine.connect() as connection:
        return connection.execute(select(func.max(reviews.c.at))).scalar_one() or ""


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    state = reviews.c.state.in_([str(state) for state in wanted.states])
    due = and_(reviews.c.state == ReviewState.POSTPONED.value, reviews.c.until <= wanted.today.isoformat()) if wanted.today else None
    yield or_(state, due) if due is not None else state
    if set(wanted.states) <= set(ALIVE):
        yield reviews.c.alive.is_(True)
    for column, value in (
        (reviews.c.site, wanted.site), (reviews.c.modality, wanted.modality), (reviews.c.radiologist, wanted.radiologist),
        (requests.c.outcome, wanted.outcome), (requests.c.pathway, wanted.pathway), (requests.c.priority, wanted.priority),
    ):  # fmt: skip
        if value:
            yield column == value
    if wanted.consulted:
        yield or_(reviews.c.consulted == wanted.consulted, reviews.c.pool.is_not(None))
    for word in wanted.text.split():
        yield or_(requests.c.text.icontains(word, autoescape=True), requests.c.exam_text.icontains(word, autoescape=True))


def my_requests(engine: Engine, prescriber: str, *, limit: int, offset: int) -> list[RequestRow]:
    """Return a prescriber's requests: a question to answer first, then the latest."""
    waiting = case((reviews.c.state == ReviewState.QUESTION.value, 0), else_=1)
    query = _requests().where(requests.c.prescriber == prescriber)
    return _rows(engine, query.order_by(waiting, requests.c.created_at.desc(), requests.c.id).limit(limit).offset(offset))


def answered(engine: Engine, prescriber: str, patients: Collection[str], *, since: datetime) -> list[RequestRow]:
    """Return a prescriber's requests for a patient (any of these pseudonyms) to which a radiologist answered something to be told.

    A question or a postponement, as long as it stands; a decision other than plain approval, when taken ``since``. The latest first.
    """
    standing = reviews.c.state.in_((ReviewState.QUESTION.value, ReviewState.POSTPONED.value))
    decided = and_(reviews.c.state == ReviewState.DECIDED.value, reviews.c.decision != Decision.APPROVE.value)
    query = _requests().where(
        requests.c.prescriber == prescriber,
        requests.c.patient.in_(patients),
        requests.c.status == RequestStatus.SIGNED.value,
        or_(standing, and_(decided, reviews.c.decided_at >= utc_text(since))),
    )
    return _rows(engine, query.order_by(requests.c.created_at.desc(), requests.c.id))


def about_patient(engine: Engine, prescriber: str, patients: Collection[str], those: Collection[str]) -> list[RequestRow]:
    """Return those of a prescriber's requests, by id, that are for a patient (any of these pseudonyms); the latest first."""
    query = _requests().where(requests.c.prescriber == prescriber, requests.c.patient.in_(patients), requests.c.id.in_(list(those)))
    return _rows(engine, query.order_by(requests.c.created_at.desc(), requests.c.id))


def noted(engine: Engine, cards: Collection[str]) -> frozenset[str]:
    """Return those of the cards of which the prescriber said something: they were read."""
    with engine.connect() as connection:
        return frozenset(connection.execute(select(feedback.c.card).where(feedback.c.card.in_(list(cards)))).scalars())


def requests_named(engine: Engine, names: Sequence[str]) -> list[RequestRow]:
    """Return requests by their ids, in the order of the ids; those that do not exist are left out."""
    found = {row.id: row for row in _rows(engine, _requests().where(requests.c.id.in_(names)))}
    return [found[name] for name in names if name in found]


def one_request(engine: Engine, request: str) -> RequestRow:
    """Return one request; raise ``UnknownRequest``."""
    found = _rows(engine, _requests().where(requests.c.id == request))
    if not found:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    return found[0]


def thread(engine: Engine, request: str) -> list[Turn]:
    """Return the exchanges of a request, in order."""
    columns = [exchanges.c[name] for name in ("seq", "at", "kind", "author", "text", "decision", "exam")]
    query = select(*columns).where(exchanges.c.request == request).order_by(exchanges.c.seq)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [_turn(row) for row in rows]


def _turn(row: Row[Any]) -> Turn:
    decision = Decision(row.decision) if row.decision else None
    return Turn(row.seq, row.at, row.kind, row.author, row.text, decision, row.exam)


_OF_REVIEW = {
    "state", "decision", "reason", "radiologist", "question", "answer", "claimed_at", "decided_at", "consulted", "pool", "until", "act", "version",
}  # fmt: skip
_RENAMED = {
    "substituted_exam": reviews.c.exam.label("substituted_exam"),
    "payload": journal.c.payload,
    "changed_at": reviews.c.at.label("changed_at"),
}


def _requests() -> Select[Any]:
    columns = []
    for name in RequestRow.__dataclass_fields__:
        columns.append(_RENAMED[name] if name in _RENAMED else reviews.c[name] if name in _OF_REVIEW else requests.c[name])
    recorded = requests.join(journal, journal.c.seq == requests.c.seq)
    return select(*columns).select_from(recorded.outerjoin(reviews, reviews.c.request == requests.c.id))


def _rows(engine: Engine, query: Select[Any]) -> list[RequestRow]:
    with engine.connect() as connection:
        return [_request_row(row) for row in connection.execute(query)]


def _request_row(row: Row[Any]) -> RequestRow:
    values: dict[str, Any] = dict(row._mapping)
    values["status"] = RequestStatus(row.status)
    values["state"] = ReviewState(row.state) if row.state else None
    values["mode"] = Mode(row.mode)
    values["decision"] = Decision(row.decision) if row.decision else None
    return RequestRow(**values)
