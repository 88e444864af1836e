"""Read the registers: the radiologists' worklist, a prescriber's requests, the thread of one request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Engine, Row, Select, case, select

from pertimage.audit.review import Decision, RequestStatus, ReviewState, UnknownRequest
from pertimage.audit.tables import exchanges, journal, requests, reviews

# FHIR request priorities, the most pressing first.
PRIORITIES = ("stat", "asap", "urgent")


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
    payload: str

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
    """One thing said or done on a request: ``signature``, ``question``, ``answer``, ``handover`` or ``decision``."""

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


def worklist(
    engine: Engine,
    states: Collection[ReviewState],
    *,
    site: str | None,
    modality: str | None,
    radiologist: str | None,
    limit: int,
    offset: int,
) -> list[RequestRow]:
    """Return the requests under review in these states: emergency pathway, then urgency, then age."""
    query = _requests().where(reviews.c.state.in_([str(state) for state in states]))
    for column, value in ((requests.c.site, site), (requests.c.modality, modality), (reviews.c.radiologist, radiologist)):
        if value is not None:
            query = query.where(column == value)
    emergency = case((requests.c.pathway == "emergency", 0), else_=1)
    urgency = case({word: rank for rank, word in enumerate(PRIORITIES)}, value=requests.c.priority, else_=len(PRIORITIES))
    return _rows(engine, query.order_by(emergency, urgency, requests.c.signed_at, requests.c.id).limit(limit).offset(offset))


def my_requests(engine: Engine, prescriber: str, *, limit: int, offset: int) -> list[RequestRow]:
    """Return a prescriber's requests: a question to answer first, then the latest."""
    waiting = case((reviews.c.state == ReviewState.QUESTION.value, 0), else_=1)
    query = _requests().where(requests.c.prescriber == prescriber)
    return _rows(engine, query.order_by(waiting, requests.c.created_at.desc(), requests.c.id).limit(limit).offset(offset))


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


_OF_REVIEW = {"state", "decision", "reason", "radiologist", "question", "answer", "claimed_at", "decided_at"}
_RENAMED = {
    "substituted_exam": reviews.c.exam.label("substituted_exam"),
    "payload": journal.c.payload,
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
    values["decision"] = Decision(row.decision) if row.decision else None
    return RequestRow(**values)
