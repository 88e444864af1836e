"""Derive the registers from the journal: what each kind of record does to the tables.

A projection is a function of the record and of the registers before it, without clock or setting: replaying the journal
from the start gives the same rows. Kinds without a projection are legitimate: the journal may tell more than the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, delete, insert, select, update

from pertimage.audit.chain import PAGE, Record, canonical, records
from pertimage.audit.extraction.projection import EXTRACTS
from pertimage.audit.import_projection import IMPORTS
from pertimage.audit.instants import monday, utc_datetime
from pertimage.audit.notification_projection import NOTIFICATIONS
from pertimage.audit.patient_links import enter_answer, enter_information, enter_link
from pertimage.audit.practice_projection import PRACTICE
from pertimage.audit.programme import Mode
from pertimage.audit.programme_projection import PROGRAMME
from pertimage.audit.restitution_projection import RESTITUTION
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.rows import Rows
from pertimage.audit.subscription_projection import SUBSCRIPTIONS
from pertimage.audit.summary.changes import FIELDS, change_document, exams_known
from pertimage.audit.summary_tables import FORGET, SUMMARY, activity_changes
from pertimage.audit.survey_projection import SURVEY
from pertimage.audit.tables import (
    REGISTERS,
    activity,
    alerts,
    assessments,
    editions,
    exchanges,
    feedback,
    missing_items,
    places,
    policies,
    projection,
    requests,
    reviews,
    rule_decisions,
    rule_opinions,
    settings,
    sites,
    territories,
)
from pertimage.cds.model import ImagingRequest

IONISING = frozenset({"DX", "CR", "RF", "MG", "BMD", "CT", "NM", "PT", "XA"})
NON_IONISING = frozenset({"MR", "US"})

Data = Mapping[str, Any]
NewRows = list[tuple[Table, dict[str, Any]]]

# FHIR request priorities, the most pressing first.
PRIORITIES = ("stat", "asap", "urgent")
_DRAFT, _SIGNED, _TO_REVIEW = RequestStatus.DRAFT.value, RequestStatus.SIGNED.value, ReviewState.TO_REVIEW.value
_ALOUD = Mode.ON.value
_CLINICAL = "clinical"  # the level of what was missing before levels were told
_POSITION = select(projection.c.seq).where(projection.c.id == 1).with_for_update()
_MOVE_POSITION = update(projection).where(projection.c.id == 1).values(seq=bindparam("reached"))


def irradiating(modality: str | None) -> bool | None:
    """Say whether a modality (DICOM code) uses ionising radiation; None when the code is not known."""
    return True if modality in IONISING else False if modality in NON_IONISING else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record written to the journal alone, and the register rows that will follow."""

    seq: int
    rows: NewRows


def project(rows: Rows, record: Record) -> None:
    """Bring the registers up to date with one record, in the caller's transaction."""
    derive = _PROJECTIONS.get(record.kind)
    if derive:
        derive(rows, record, record.data)


def catch_up(connection: Connection, known: Iterable[Prepared] = ()) -> int:
    """Project the records that the registers do not show yet, in the caller's transaction; return how many there were.

    Whoever else projects waits until the transaction ends, then finds the work done: each record is projected exactly once.
    ``known`` are records of the journal, in order: they need not be read again.
    """
    reached: int | None = connection.execute(_POSITION).scalar_one_or_none()
    if reached is None:
        raise RuntimeError("the position of the registers is missing: rebuild them")
    start, rows = reached, Rows(connection)
    for one in known:
        if one.seq == reached + 1:
            _add(rows, one.seq, one.rows)
            reached = one.seq
    for count, record in enumerate(records(connection, reached), start=1):
        project(rows, record)
        reached = record.seq
        if count % PAGE == 0:
            rows.flush()
    if reached != start:
        rows.flush()
        note_position(connection, reached)
    return reached - start


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
        connection.execute(FORGET)  # before its tables: whoever brings it up to date holds this row first, too
        for table in (*REGISTERS, *SUMMARY):
            connection.execute(delete(table))
        note_position(connection, 0)
        return catch_up(connection)


def new_request(data: Data, at: str) -> NewRows:
    """Return the rows of a judgement on a request not seen before; ``seq`` is left to be filled, once the record has its place."""
    row = _request_row(data)
    row |= {"seq": None, "created_at": at, "created_week": monday(at), "status": _DRAFT, "signed_at": None}
    added: NewRows = [(requests, row), *_judged(data)]
    if data["signed"]:
        row |= _signed(at)
        added += _entered(at, row, data["prescriber"])
    return added


def _add(rows: Rows, seq: int, added: NewRows) -> None:
    for table, row in added:
        if "seq" in row:
            row["seq"] = seq
        rows.add(table, row)


def _assessment(rows: Rows, record: Record, data: Data) -> None:
    """Enter a request, or replace the judgement of a draft."""
    if data["first"] or not _replaced(rows, record, data):
        _add(rows, record.seq, new_request(data, record.at))


def _replaced(rows: Rows, record: Record, data: Data) -> bool:
    row = _request_row(data) | {"seq": record.seq} | (_signed(record.at) if data["signed"] else {})
    before = rows.execute(select(requests.c.seq).where(requests.c.id == row["id"])).scalar_one_or_none()
    if before is None:
        return False
    rows.change(update(requests).where(requests.c.id == row["id"]).values(row))
    rows.change(delete(assessments).where(assessments.c.request == row["id"]))
    for table in (missing_items, alerts):
        rows.change(delete(table).where(table.c.seq == before))
    _add(rows, record.seq, _judged(data) + (_entered(record.at, row, data["prescriber"]) if data["signed"] else []))
    return True


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
        "mode": data.get("mode", _ALOUD),
        "client": data.get("client", ""),
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
            "fast_track": (item.get("fast_track") or {}).get("pathway"), "target_days": (item.get("fast_track") or {}).get("days"),
            "flagged": bool(item.get("flagged")),
        })  # fmt: skip
    return lines


def _judged(data: Data) -> NewRows:
    """Return a row per exam, then one per item that an exam lacks and per kind and severity of its alerts."""
    added: NewRows = [(assessments, line) for line in _assessment_rows(data)]
    for rank, item in enumerate(data["assessments"]):
        if wanted := item.get("missing"):
            for name, one in {one["item"]: one for one in wanted}.items():
                level = one.get("level", _CLINICAL)
                added.append((missing_items, {"seq": None, "rank": rank, "item": name, "blocking": one["blocking"], "level": level}))
        if raised := item.get("alerts"):
            for kind, severity in dict.fromkeys((one["kind"], one["severity"]) for one in raised):
                added.append((alerts, {"seq": None, "rank": rank, "kind": kind, "severity": severity}))
    return added


def _pathway(given: list[Data]) -> str | None:
    pathways = [item["pathway"] for item in given if item.get("pathway")]
    return "emergency" if "emergency" in pathways else pathways[0] if pathways else None


def _signature(rows: Rows, record: Record, data: Data) -> None:
    signed = update(requests).where(requests.c.id == data["request_id"]).values(_signed(record.at))
    row = rows.execute(signed.returning(requests)).one()
    _add(rows, record.seq, _entered(record.at, dict(row._mapping), data["author"]))


def _signed(at: str) -> dict[str, Any]:
    return {"status": _SIGNED, "signed_at": at}


def _entered(at: str, row: Mapping[str, Any], author: str) -> NewRows:
    """Return what a signature adds: an exchange, and a review when the request is to be looked at; none when it was judged in silence."""
    signature = (exchanges, _turn(at, "signature", row["id"], author))
    reviewed = row["mode"] == _ALOUD and (row["flagged"] or row["pathway"] == "emergency")
    return [(reviews, _opened(at, {**row, "signed_at": at})), signature] if reviewed else [signature]


def rank_of(pathway: str | None, priority: str) -> int:
    """Return how early a request is reviewed: the emergency pathway first, then the urgency; 0 is the most pressing."""
    urgency = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return urgency + (0 if pathway == "emergency" else len(PRIORITIES) + 1)


def _opened(at: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the review of a request just opened; ``row`` is the request's."""
    return {
        "request": row["id"], "state": _TO_REVIEW, "alive": True, "rank": rank_of(row["pathway"], row["priority"]), "signed_at": row["signed_at"],
        "site": row["site"], "modality": row["modality"], "version": 1, "opened_at": at, "at": at,
    }  # fmt: skip


def _review(rows: Rows, record: Record, data: Data, **values: Any) -> None:
    """Change a review; the first act on a request that was not flagged opens it."""
    request = data["request_id"]
    change = update(reviews).where(reviews.c.request == request).values(at=record.at, version=reviews.c.version + 1, **values)
    if not rows.change(change):
        row = rows.execute(select(requests).where(requests.c.id == request)).one()
        rows.add(reviews, _opened(record.at, dict(row._mapping)) | {"version": 0})
        rows.change(change)


def _claim(rows: Rows, record: Record, data: Data) -> None:
    _review(rows, record, data, **_held_by(data["radiologist"], record))


def _held_by(radiologist: str, record: Record) -> dict[str, Any]:
    return {"state": ReviewState.IN_PROGRESS.value, "radiologist": radiologist, "claimed_at": record.at, "consulted": None, "pool": None}


def _handover(rows: Rows, record: Record, data: Data) -> None:
    values: dict[str, Any] = {"radiologist": data["to"] or None, "claimed_at": record.at if data["to"] else None}
    state = rows.execute(select(reviews.c.state).where(reviews.c.request == data["request_id"])).scalar_one_or_none()
    if state != ReviewState.QUESTION:
        values |= {"state": (ReviewState.IN_PROGRESS if data["to"] else ReviewState.TO_REVIEW).value, "consulted": None, "pool": None}
    _review(rows, record, data, **values)
    _exchange(rows, record, "handover", data["request_id"], data["radiologist"], data["to"])


def _opinion_request(rows: Rows, record: Record, data: Data) -> None:
    question = _clean(data["question"])
    values = {"state": ReviewState.OPINION.value, "consulted": data["to"] or None, "pool": data["pool"] or None}
    _review(rows, record, data, radiologist=data["radiologist"], **values)
    _exchange(rows, record, "opinion-request", data["request_id"], data["radiologist"], question)


def _opinion(rows: Rows, record: Record, data: Data) -> None:
    """Give the request back, with the opinion, to the radiologist who asked for it."""
    asker = rows.execute(select(reviews.c.radiologist).where(reviews.c.request == data["request_id"])).scalar_one()
    _review(rows, record, data, **_held_by(asker, record))
    _exchange(rows, record, "opinion", data["request_id"], data["radiologist"], _clean(data["text"]))


def _decision(rows: Rows, record: Record, data: Data) -> None:
    reason = _clean(data["reason"])
    if data["decision"] == Decision.ASK:
        values = {"state": ReviewState.QUESTION.value, "question": reason, "answer": None, "radiologist": data["radiologist"]}
        _review(rows, record, data, **values, act=data.get("act"))
        _exchange(rows, record, "question", data["request_id"], data["radiologist"], reason, decision=data["decision"])
    else:
        until = data.get("until")
        state = ReviewState.POSTPONED if until else ReviewState.DECIDED
        values = {
            "state": state.value,
            "alive": bool(until),
            "decision": data["decision"],
            "reason": reason,
            "exam": data["exam"],
            "until": until,
        }
        _review(rows, record, data, **values, radiologist=data["radiologist"], decided_at=record.at, act=data.get("act"))
        about = {"decision": data["decision"], "exam": data["exam"]}
        _exchange(rows, record, "decision", data["request_id"], data["radiologist"], reason, **about)
    _rule_opinion(rows, record, data)


def _rule_opinion(rows: Rows, record: Record, data: Data) -> None:
    said = data.get("rule")
    if not said:
        return
    site = rows.execute(select(requests.c.site).where(requests.c.id == data["request_id"])).scalar_one()
    rows.add(rule_opinions, {
        "seq": record.seq, "request": data["request_id"], "rule": _clean(said["rule"]), "site": site, "opinion": said["opinion"],
        "words": _clean(said["words"]), "radiologist": data["radiologist"], "at": record.at,
    })  # fmt: skip


def _answer(rows: Rows, record: Record, data: Data) -> None:
    answer = _clean(data["text"])
    _review(rows, record, data, state=ReviewState.TO_REVIEW.value, answer=answer)
    _exchange(rows, record, "answer", data["request_id"], data["author"], answer)


def _withdrawal(rows: Rows, record: Record, data: Data) -> None:
    """Take a signed request back; what a radiologist was doing with it ends."""
    rows.change(update(requests).where(requests.c.id == data["request_id"]).values(status=RequestStatus.WITHDRAWN.value))
    withdrawn = {
        "state": ReviewState.WITHDRAWN.value,
        "alive": False,
        "consulted": None,
        "pool": None,
        "at": record.at,
        "version": reviews.c.version + 1,
    }
    rows.change(update(reviews).where(reviews.c.request == data["request_id"]).values(withdrawn))
    _exchange(rows, record, "withdrawal", data["request_id"], data["author"], _clean(data["reason"]))


def _succession(rows: Rows, record: Record, data: Data) -> None:
    """Give the request of a prescriber who left to another."""
    rows.change(update(requests).where(requests.c.id == data["request_id"]).values(prescriber=data["to"]))
    rows.change(update(reviews).where(reviews.c.request == data["request_id"]).values(at=record.at, version=reviews.c.version + 1))
    _exchange(rows, record, "succession", data["request_id"], data["author"])


def _exchange(rows: Rows, record: Record, kind: str, request: str, author: str, said: str = "", **more: Any) -> None:
    _add(rows, record.seq, [(exchanges, _turn(record.at, kind, request, author, said) | more)])


def _turn(at: str, kind: str, request: str, author: str, said: str = "") -> dict[str, Any]:
    return {"seq": None, "request": request, "at": at, "kind": kind, "author": author, "text": said, "decision": None, "exam": None}


def _feedback(rows: Rows, record: Record, data: Data) -> None:
    row = {"seq": record.seq, "card": _clean(data["card"]), "request": data["request_id"], "outcome": data["outcome"], "at": record.at}
    rows.add(feedback, row | {"reason": _clean(data["reason"])})


def _activity(rows: Rows, record: Record, data: Data) -> None:
    """Enter exams, or what is said anew of them; what this changes in the summary is noted beside."""
    names = (*data["columns"], "performed_week", "wait_hours")
    performed, requested = names.index("performed_at"), names.index("requested_at")
    exams = [(*values, *_derived(values[performed], values[requested])) for values in data["rows"]]
    keys = set(map(itemgetter(names.index("site"), names.index("accession")), exams))
    before = list(exams_known(rows.connection, FIELDS, keys))
    rows.upsert_many(activity, names, exams)
    told = len(keys) == len(exams) and set(FIELDS) <= set(names)
    after = map(itemgetter(*map(names.index, FIELDS)), exams) if told else exams_known(rows.connection, FIELDS, keys)
    if document := change_document(before, after):
        rows.insert_new(activity_changes, {"seq": record.seq, "document": document})


def _derived(performed: str | None, requested: str | None) -> tuple[str | None, int | None]:
    """Return the week and the wait (hours) of an exam; a negative wait is an error of data, not a short wait."""
    if not performed:
        return None, None
    if not requested or performed < requested:
        return monday(performed), None
    return monday(performed), round((utc_datetime(performed) - utc_datetime(requested)).total_seconds() / 3600)


def _site(rows: Rows, record: Record, data: Data) -> None:
    rows.upsert(sites, [dict(data)])


def _setting(rows: Rows, record: Record, data: Data) -> None:
    rows.upsert(settings, [{"key": data["key"], "value": canonical(data["value"]), "at": record.at}])


def _guideline(rows: Rows, record: Record, data: Data) -> None:
    """Enter a version of a sheet; one that is there keeps the date of its first service."""
    row = {"sheet": data["sheet"], "digest": data["digest"], "seq": record.seq, "guidelines": data["guidelines"], "since": record.at}
    rows.insert_new(editions, row)


def _policy(rows: Rows, record: Record, data: Data) -> None:
    row = {"seq": record.seq, "digest": data["digest"], "author": _clean(data["author"]), "reason": _clean(data["reason"])}
    rows.insert_new(policies, row | {"at": record.at})


def _places(rows: Rows, record: Record, data: Data) -> None:
    """Enter places, or what is said anew of them; those that the catalogue no longer has leave it."""
    kept = [one["id"] for one in data["places"]]
    rows.change(delete(places).where(places.c.id.not_in(kept)))
    if kept:
        rows.upsert(places, [{"id": one["id"], "name": one["name"], "document": canonical(one), "at": record.at} for one in data["places"]])


def _territory(rows: Rows, record: Record, data: Data) -> None:
    rows.insert_new(territories, {"seq": record.seq, "digest": data["digest"], "at": record.at})


def _rule_decision(rows: Rows, record: Record, data: Data) -> None:
    said = {name: _clean(data[name]) for name in ("rule", "verdict", "author", "reason")}
    rows.insert_new(rule_decisions, {"seq": record.seq, "at": record.at, **said})


def _clean(text: str) -> str:
    """Drop NUL characters, which PostgreSQL cannot hold; the journal keeps them, escaped."""
    return text.replace("\0", "")


_PROJECTIONS: dict[str, Callable[[Rows, Record, Data], None]] = {
    "assessment": _assessment,
    "signature": _signature,
    "claim": _claim,
    "handover": _handover,
    "decision": _decision,
    "opinion-request": _opinion_request,
    "opinion": _opinion,
    "answer": _answer,
    "withdrawal": _withdrawal,
    "succession": _succession,
    "feedback": _feedback,
    "activity": _activity,
    "site": _site,
    "setting": _setting,
    "guideline": _guideline,
    "places": _places,
    "territory": _territory,
    "policy": _policy,
    "rule-decision": _rule_decision,
    **IMPORTS,
    **PRACTICE,
    **PROGRAMME,
    **NOTIFICATIONS,
    **SUBSCRIPTIONS,
    **RESTITUTION,
    **EXTRACTS,
    **SURVEY,
    "patient-link": enter_link,
    "patient-information": enter_information,
    "patient-answer": enter_answer,
}
