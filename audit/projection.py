"""Derive the registers from the journal: what each kind of record does to the tables.

A projection is a function of the record and of the registers before it, without clock or setting: replaying the journal
from the start gives the same rows. Kinds without a projection are legitimate: the journal may tell more than the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from pertimage.audit.chain import PAGE, Record, canonical, records
from pertimage.audit.instants import monday, utc_datetime
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.rows import Rows
from pertimage.audit.tables import REGISTERS, activity, assessments, exchanges, feedback, projection, requests, reviews, settings, sites
from pertimage.cds.model import ImagingRequest

IONISING = frozenset({"DX", "CR", "RF", "MG", "BMD", "CT", "NM", "PT", "XA"})
NON_IONISING = frozenset({"MR", "US"})

Data = Mapping[str, Any]

_POSITION = select(projection.c.seq).where(projection.c.id == 1).with_for_update()
_MOVE_POSITION = update(projection).where(projection.c.id == 1).values(seq=bindparam("reached"))


def irradiating(modality: str | None) -> bool | None:
    """Say whether a modality (DICOM code) uses ionising radiation; None when the code is not known."""
    return True if modality in IONISING else False if modality in NON_IONISING else None


def project(rows: Rows, record: Record, data: Data) -> None:
    """Bring the registers up to date with one record and its payload, in the caller's transaction."""
    derive = _PROJECTIONS.get(record.kind)
    if derive:
        derive(rows, record, data)


def catch_up(connection: Connection, known: Iterable[tuple[Record, Data]] = ()) -> int:
    """Project the records that the registers do not show yet, in the caller's transaction; return how many there were.

    Whoever else projects waits until the transaction ends, then finds the work done: each record is projected exactly once.
    ``known`` are records of the journal, in order, with their payload: they need not be read and parsed again.
    """
    reached = connection.execute(_POSITION).scalar_one_or_none()
    if reached is None:
        raise RuntimeError("the position of the registers is missing: rebuild them")
    count, rows = 0, Rows(connection)
    for count, (record, data) in enumerate(_following(connection, reached, known), start=1):
        project(rows, record, data)
        reached = record.seq
        if count % PAGE == 0:
            rows.flush()
    if count:
        rows.flush()
        note_position(connection, reached)
    return count


def _following(connection: Connection, reached: int, known: Iterable[tuple[Record, Data]]) -> Iterator[tuple[Record, Data]]:
    """Yield the records after ``reached``: those known as long as none is lacking, then those of the journal."""
    for record, data in known:
        if record.seq == reached + 1:
            yield record, data
            reached += 1
    for record in records(connection, reached):
        yield record, record.data


def note_position(connection: Connection, seq: int) -> None:
    """Write that the registers show all records up to ``seq``, in the transaction that made it true."""
    connection.execute(_MOVE_POSITION, {"reached": seq})


def rebuild(engine: Engine) -> int:
    """Empty the registers and compute them again from the journal, in one transaction; return the number of records.

    ``engine`` is the store's writer. Verify the chain first: the registers are only as true as it is.
    """
    with engine.begin() as connection:
        if connection.execute(_POSITION).scalar_one_or_none() is None:
            connection.execute(insert(projection), {"id": 1, "seq": 0})
        for table in REGISTERS:
            connection.execute(delete(table))
        note_position(connection, 0)
        return catch_up(connection)


def _assessment(rows: Rows, record: Record, data: Data) -> None:
    row = _request_row(data) | {"seq": record.seq}
    if data["first"] or not rows.change(update(requests).where(requests.c.id == row["id"]).values(row)):
        row |= {"created_at": record.at, "created_week": monday(record.at), "status": RequestStatus.DRAFT.value, "signed_at": None}
        if data["signed"]:
            row |= _signed(record)
        rows.add(requests, row)
    else:
        rows.change(delete(assessments).where(assessments.c.request == row["id"]))
        if data["signed"]:
            rows.change(update(requests).where(requests.c.id == row["id"]).values(_signed(record)))
    for line in _assessment_rows(data):
        rows.add(assessments, line)
    if data["signed"]:
        _enter_worklist(rows, record, row, data["prescriber"])


def _request_row(data: Data) -> dict[str, Any]:
    given = data["assessments"]
    reference, exam_text, texts, priority = _words(data["request"])
    # What the worklist shows of a request with several exams: the emergency, else the one flagged, else the first.
    main = min(given, key=lambda item: (item.get("pathway") != "emergency", not item.get("flagged")))
    return {
        "id": data["request_id"], "reference": _clean(reference), "site": data["site"], "prescriber": data["prescriber"],
        "patient": data["patient"], "hook": data["hook"], "exam_text": _clean(exam_text), "text": _clean("\n".join(texts)), "guidelines": main["guidelines"],
        "outcome": main["outcome"], "exam": main.get("exam"), "modality": data["modalities"].get(main.get("exam")),
        "pathway": _pathway(given), "priority": _clean(priority), "flagged": any(item.get("flagged") for item in given),
    }  # fmt: skip


def _words(request: ImagingRequest | Data) -> tuple[str, str, list[str], str]:
    """Return reference, exam, texts and priority of a request: the value that was recorded, or its JSON read back."""
    if isinstance(request, ImagingRequest):
        return request.id, request.exam_text, [part.text for part in request.texts], request.priority or "routine"
    texts = [part["text"] for part in request.get("texts", ())]
    return request.get("id", ""), request.get("exam_text", ""), texts, request.get("priority") or "routine"


def _assessment_rows(data: Data) -> list[dict[str, Any]]:
    lines = []
    for rank, item in enumerate(data["assessments"]):
        modality = data["modalities"].get(item.get("exam"))
        lines.append({
            "request": data["request_id"], "rank": rank, "outcome": item["outcome"], "exam": item.get("exam"), "modality": modality,
            "irradiating": irradiating(modality), "rule": item.get("rule"), "pathway": item.get("pathway"),
            "flagged": bool(item.get("flagged")),
        })  # fmt: skip
    return lines


def _pathway(given: list[Data]) -> str | None:
    pathways = [item["pathway"] for item in given if item.get("pathway")]
    return "emergency" if "emergency" in pathways else pathways[0] if pathways else None


def _signature(rows: Rows, record: Record, data: Data) -> None:
    signed = update(requests).where(requests.c.id == data["request_id"]).values(_signed(record))
    row = rows.execute(signed.returning(requests.c.id, requests.c.flagged, requests.c.pathway)).one()
    _enter_worklist(rows, record, dict(row._mapping), data["author"])


def _signed(record: Record) -> dict[str, Any]:
    return {"status": RequestStatus.SIGNED.value, "signed_at": record.at}


def _enter_worklist(rows: Rows, record: Record, row: Mapping[str, Any], author: str) -> None:
    if row["flagged"] or row["pathway"] == "emergency":
        _open_review(rows, record, row["id"])
    _exchange(rows, record, "signature", row["id"], author)


def _open_review(rows: Rows, record: Record, request: str) -> None:
    opened = {"request": request, "state": ReviewState.TO_REVIEW.value, "opened_at": record.at, "at": record.at}
    rows.add(reviews, opened)


def _review(rows: Rows, record: Record, data: Data, **values: Any) -> None:
    """Change a review; the first act on a request that was not flagged opens it."""
    request = data["request_id"]
    change = update(reviews).where(reviews.c.request == request).values(at=record.at, **values)
    if not rows.change(change):
        _open_review(rows, record, request)
        rows.change(change)


def _claim(rows: Rows, record: Record, data: Data) -> None:
    values = {"state": ReviewState.IN_PROGRESS.value, "radiologist": data["radiologist"], "claimed_at": record.at}
    _review(rows, record, data, **values)


def _handover(rows: Rows, record: Record, data: Data) -> None:
    values: dict[str, Any] = {"radiologist": data["to"] or None, "claimed_at": record.at if data["to"] else None}
    state = rows.execute(select(reviews.c.state).where(reviews.c.request == data["request_id"])).scalar_one_or_none()
    if state != ReviewState.QUESTION:
        values["state"] = (ReviewState.IN_PROGRESS if data["to"] else ReviewState.TO_REVIEW).value
    _review(rows, record, data, **values)
    _exchange(rows, record, "handover", data["request_id"], data["radiologist"], data["to"])


def _decision(rows: Rows, record: Record, data: Data) -> None:
    reason = _clean(data["reason"])
    if data["decision"] == Decision.ASK:
        values = {"state": ReviewState.QUESTION.value, "question": reason, "answer": None, "radiologist": data["radiologist"]}
        _review(rows, record, data, **values)
        _exchange(rows, record, "question", data["request_id"], data["radiologist"], reason, decision=data["decision"])
        return
    values = {"state": ReviewState.DECIDED.value, "decision": data["decision"], "reason": reason, "exam": data["exam"]}
    _review(rows, record, data, **values, radiologist=data["radiologist"], decided_at=record.at)
    about = {"decision": data["decision"], "exam": data["exam"]}
    _exchange(rows, record, "decision", data["request_id"], data["radiologist"], reason, **about)


def _answer(rows: Rows, record: Record, data: Data) -> None:
    answer = _clean(data["text"])
    _review(rows, record, data, state=ReviewState.TO_REVIEW.value, answer=answer)
    _exchange(rows, record, "answer", data["request_id"], data["author"], answer)


def _exchange(rows: Rows, record: Record, kind: str, request: str, author: str, said: str = "", **more: Any) -> None:
    row = {"seq": record.seq, "request": request, "at": record.at, "kind": kind, "author": author, "text": said}
    rows.add(exchanges, {"decision": None, "exam": None} | row | more)


def _feedback(rows: Rows, record: Record, data: Data) -> None:
    row = {"seq": record.seq, "card": _clean(data["card"]), "request": data["request_id"], "outcome": data["outcome"], "at": record.at}
    rows.add(feedback, row | {"reason": _clean(data["reason"])})


def _activity(rows: Rows, record: Record, data: Data) -> None:
    exams = [dict(zip(data["columns"], values, strict=True)) for values in data["rows"]]
    rows.upsert(activity, [exam | _derived(exam) for exam in exams])


def _derived(row: Data) -> dict[str, Any]:
    performed, requested = row["performed_at"], row["requested_at"]
    hours = None
    if performed and requested and performed >= requested:  # a negative wait is an error of data, not a short wait
        hours = round((utc_datetime(performed) - utc_datetime(requested)).total_seconds() / 3600)
    return {"performed_week": monday(performed) if performed else None, "wait_hours": hours}


def _site(rows: Rows, record: Record, data: Data) -> None:
    rows.upsert(sites, [dict(data)])


def _setting(rows: Rows, record: Record, data: Data) -> None:
    rows.upsert(settings, [{"key": data["key"], "value": canonical(data["value"]), "at": record.at}])


def _clean(text: str) -> str:
    """Drop NUL characters, which PostgreSQL cannot hold; the journal keeps them, escaped."""
    return text.replace("\0", "")


_PROJECTIONS: dict[str, Callable[[Rows, Record, Data], None]] = {
    "assessment": _assessment,
    "signature": _signature,
    "claim": _claim,
    "handover": _handover,
    "decision": _decision,
    "answer": _answer,
    "feedback": _feedback,
    "activity": _activity,
    "site": _site,
    "setting": _setting,
}
