"""The radiologists' worklist as FHIR: search Tasks, read one, write one to claim or to decide; what a decision left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from pertimage.audit.review import AlreadyDecided, Changed, Decision, Refused, RequestStatus, ReviewState, UnknownRequest
from pertimage.audit.store import utc_datetime
from pertimage.audit.worklist import PRIORITY_CODES, RequestRow, Wanted
from pertimage.cds.records import assessment_of
from pertimage.fhir.resources import Issue, bundle, operation_outcome
from pertimage.fhir.reviewed import (
    REPLACEMENT,
    STATUSES,
    Asked,
    Reviewed,
    asked_by,
    decided_request,
    mitigated,
    replaced_by,
    review_of,
    traces_of,
)
from pertimage.fhir.stored import Kept, judgement, service_request
from pertimage.fhir.values import BadRequest
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, object_of, refused
from pertimage.web.service import Service

router = APIRouter(prefix="/fhir", tags=["FHIR R4"], responses=ERRORS)

ROLE = "radiologue"
USUAL_COUNT, MOST = 50, 200
OPEN_STATUSES = ("requested", "accepted")
INCLUDES = {"_include": ("Task:focus", "Task:based-on"), "_revinclude": ("DetectedIssue:implicated",)}
SEARCHED = frozenset(("status", "owner", "priority", "code", "focus", "based-on", "_id", "_count", "_offset", "_include", "_revinclude", "_sort", "_total", "_format"))  # fmt: skip


def named_request(name: str) -> str:
    """Return the id of the request that the id of a Task, a Provenance or a replacement names."""
    return name.removesuffix(REPLACEMENT).partition("-")[0]


def reviewed_of(row: RequestRow) -> Reviewed:
    """Return where the review of a request stands, as FHIR says it."""
    state = row.state or (ReviewState.WITHDRAWN if row.status is RequestStatus.WITHDRAWN else ReviewState.TO_REVIEW)
    at = row.changed_at or row.decided_at or row.signed_at or row.created_at
    return Reviewed(
        row.id, str(state), utc_datetime(at), row.version or 0, row.radiologist or "", str(row.decision or ""), row.reason or "", row.substituted_exam or "",
        row.question or "", row.until or "", row.guidelines, str(row.request.get("subject") or ""),
    )  # fmt: skip


def kept_of(row: RequestRow) -> Kept:
    """Return a request of the register as FHIR writes it."""
    about = row.request
    return Kept(row.id, about, utc_datetime(row.created_at), row.signed_at is not None, row.exam, str(about.get("subject") or ""))


def order_of(row: RequestRow, service: Service) -> dict[str, Any]:
    """Return the ServiceRequest of a row, with the status that its review gives it."""
    return decided_request(service_request(kept_of(row), service.publisher, service.exam), reviewed_of(row))


def judged(row: RequestRow, service: Service) -> list[dict[str, Any]]:
    """Return the GuidanceResponses, DetectedIssues and Tasks of a request, as its review stands; the same ids each time.

    There are none of a request judged in silence.
    """
    if row.silent:
        return []
    ranks = iter(range(1000))
    assessments = [_refocused(one, row.id) for one in row.assessments]
    found = judgement(kept_of(row), assessments, service.publisher, lambda: f"{row.id}-a{next(ranks)}")
    return list(_as_reviewed(found, reviewed_of(row), service))


def _as_reviewed(found: list[dict[str, Any]], reviewed: Reviewed, service: Service) -> Iterator[dict[str, Any]]:
    for one in found:
        if one["resourceType"] == "Task":
            yield review_of(one, reviewed, service.publisher, service.exam)
        elif one["resourceType"] == "DetectedIssue":
            yield mitigated(one, reviewed, service.publisher)
        else:
            yield one


def _refocused(record: Mapping[str, Any], name: str) -> Any:
    """Return the assessment about the request as this server names it."""
    return assessment_of({**record, "request": f"ServiceRequest/{name}"})


@router.get("/Task")
def tasks(request: Request, user: User = Depends(api_user)) -> Response:
    """Search the worklist, most pressing first (emergency pathway, then priority, then age), whatever ``_sort`` asks.

    ``status``, ``owner``, ``priority``, ``focus``; ``_include=Task:focus``, ``_revinclude=DetectedIssue:implicated``; ``_count``, ``_offset``.
    """
    service: Service = request.app.state.service
    params = request.query_params
    if (strange := sorted(set(params) - SEARCHED)) and "handling=strict" in request.headers.get("prefer", ""):
        return refused(400, "not-supported", f"Paramètres non pris en charge : {', '.join(strange)}.")
    try:
        wanted, count, offset = _wanted(params)
    except ValueError as fault:
        return refused(400, "value", str(fault))
    focus = params.get("focus") or params.get("based-on") or params.get("_id")
    if focus:
        rows = _one(service, named_request(focus.rpartition("/")[2]))
        total = sum(1 for row in rows for one in judged(row, service) if one["resourceType"] == "Task")
    else:
        total = service.register.count(wanted)
        rows = service.register.worklist(wanted, limit=count, offset=offset)
    return fhir(_searchset(request, service, rows, total, count, offset))


def _one(service: Service, name: str) -> list[RequestRow]:
    try:
        return [service.register.request(name)]
    except UnknownRequest:
        return []


def _wanted(params: Mapping[str, str]) -> tuple[Wanted, int, int]:
    """Return what is looked for, how many and from where; raises ValueError, in French."""
    statuses = [status for status in params.get("status", "").split(",") if status] or list(OPEN_STATUSES)
    if strange := [status for status in statuses if status not in {*STATUSES.values(), "in-progress", "received", "ready"}]:
        raise ValueError(f"Statut inconnu : {', '.join(strange)}.")
    statuses = ["accepted" if status == "in-progress" else status for status in statuses]
    states = tuple(ReviewState(state) for state, status in STATUSES.items() if status in statuses)
    priority = params.get("priority", "")
    if priority and priority not in PRIORITY_CODES:
        raise ValueError(f"Priorité inconnue : {priority}.")
    numbers = [params.get("_count", str(USUAL_COUNT)), params.get("_offset", "0")]
    if not all(number.isdecimal() and len(number) < 8 for number in numbers):
        raise ValueError("_count et _offset sont des nombres entiers.")
    owner = params.get("owner", "").removeprefix("Practitioner/")
    return Wanted(states or (ReviewState.TO_REVIEW,), radiologist=owner, priority=priority), min(int(numbers[0]), MOST), int(numbers[1])


def _searchset(request: Request, service: Service, rows: list[RequestRow], total: int, count: int, offset: int) -> dict[str, Any]:
    includes = {name: set(request.query_params.getlist(name)) & set(known) for name, known in INCLUDES.items()}
    matches, beside = [], []
    for row in rows:
        found = judged(row, service)
        own = [one for one in found if one["resourceType"] == "Task"]
        matches += own
        if own and includes["_include"]:
            beside.append(order_of(row, service))
        if own and includes["_revinclude"]:
            beside += [one for one in found if one["resourceType"] == "DetectedIssue"]
    base = service.publisher.page("fhir", "Task")
    links = [{"relation": "self", "url": f"{base}?{request.url.query}" if request.url.query else base}]
    if offset + count < total and not (request.query_params.get("focus") or request.query_params.get("_id")):
        following = [(key, value) for key, value in request.query_params.multi_items() if key != "_offset"]
        links.append({"relation": "next", "url": f"{base}?{urlencode([*following, ('_offset', str(offset + count))])}"})
    body = bundle([*matches, *beside], service.now(), service.publisher)
    for rank, entry in enumerate(body.get("entry", ())):
        entry["search"] = {"mode": "match" if rank < len(matches) else "include"}
    return {**body, "type": "searchset", "total": total, "link": links}


@router.get("/Task/{name}")
def task(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return one review task as it stands; its version is in ``ETag``."""
    service: Service = request.app.state.service
    found = _task(service, name)
    return _versioned(found) if found else refused(404, "not-found", "Tâche inconnue.", f"Task/{name}")


def _task(service: Service, name: str) -> dict[str, Any] | None:
    rows = _one(service, named_request(name))
    tasks_of = (one for row in rows for one in judged(row, service) if one["resourceType"] == "Task" and one["id"] == name)
    return next(tasks_of, None)


def _versioned(found: dict[str, Any]) -> Response:
    return fhir(found, headers={"ETag": f'W/"{found["meta"]["versionId"]}"'})


@router.put(
    "/Task/{name}", responses={409: {"description": "Déjà décidée, ou tenue par un autre"}, 412: {"description": "Version dépassée"}}
)
async def write(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Claim, release or decide by writing the Task, against the version read (``If-Match``); of two writers one is told 412 or 409."""
    service: Service = request.app.state.service
    if user.role not in (ROLE, "exploitant") and not service.settings.demo:
        return refused(403, "forbidden", "Seul un radiologue relit une demande.")
    try:
        version = _version(request.headers.get("if-match", ""))
        asked = asked_by(object_of(await request.body()), service.publisher)
    except BadRequest as error:
        return refused(400, "invalid", error.message_fr, error.place)
    if _task(service, name) is None:
        return refused(404, "not-found", "Tâche inconnue.", f"Task/{name}")
    try:
        _do(service, named_request(name), asked, service.pseudonyms.prescriber(user.name), version)
    except ValueError as fault:
        return refused(422, "business-rule", str(fault))
    except Changed as refusal:
        return refused(412, "conflict", str(refusal), f"Task/{name}")
    except Refused as refusal:
        code = "processing" if isinstance(refusal, AlreadyDecided) else "conflict"
        return fhir(operation_outcome([Issue(code, str(refusal), f"Task/{name}")]), 409)
    found = _task(service, name)
    return _versioned(found) if found else refused(404, "not-found", "Tâche inconnue.", f"Task/{name}")


def _version(etag: str) -> int:
    number = etag.strip().removeprefix("W/").strip('"')
    if not number.isdecimal() or len(number) > 9:
        raise BadRequest("If-Match", 'La version lue est attendue dans If-Match : W/"3".')
    return int(number)


def _do(service: Service, request: str, asked: Asked, radiologist: str, version: int) -> None:
    register, at = service.register, service.now()
    if asked.act == "claim":
        register.claim(request, radiologist=radiologist, at=at, version=version)
    elif asked.act == "release":
        register.hand_over(request, radiologist=radiologist, at=at, version=version)
    else:
        if asked.exam and asked.exam not in service.base.catalogue.exams:
            raise ValueError(f"« {asked.exam} » n'est pas un examen du catalogue.")
        register.decide(
            request, Decision(asked.decision), radiologist=radiologist, at=at, reason=asked.reason, exam=asked.exam or None, until=asked.until,
            version=version,
        )  # fmt: skip


@router.get("/DetectedIssue")
def issues(request: Request, user: User = Depends(api_user)) -> Response:
    """Search what was found in one request, with what the radiologist did about it: ``?implicated=ServiceRequest/…``."""
    return _about(
        request, "implicated", lambda row, service: [one for one in judged(row, service) if one["resourceType"] == "DetectedIssue"]
    )


@router.get("/Provenance")
def provenances(request: Request, user: User = Depends(api_user)) -> Response:
    """Search who decided one request: ``?target=ServiceRequest/…``."""
    return _about(request, "target", lambda row, service: [one for one in _traces(row, service) if one["resourceType"] == "Provenance"])


@router.get("/AuditEvent")
def audit_events(request: Request, user: User = Depends(api_user)) -> Response:
    """Search the trace of the decision on one request: ``?entity=ServiceRequest/…``."""
    return _about(request, "entity", lambda row, service: [one for one in _traces(row, service) if one["resourceType"] == "AuditEvent"])


def _traces(row: RequestRow, service: Service) -> list[dict[str, Any]]:
    return traces_of(reviewed_of(row), service.publisher)


def _about(request: Request, param: str, found: Any) -> Response:
    service: Service = request.app.state.service
    reference = request.query_params.get(param, "")
    if not reference:
        return refused(400, "required", f"Le paramètre « {param} » est attendu.", param)
    resources = [one for row in _one(service, named_request(reference.rpartition("/")[2])) for one in found(row, service)]
    return fhir(bundle(resources, service.now(), service.publisher) | {"type": "searchset", "total": len(resources)})


def replacement_of(service: Service, name: str) -> dict[str, Any] | None:
    """Return the request that replaces another, by its own id; None when there is none."""
    for row in _one(service, named_request(name)):
        found = replaced_by(order_of(row, service), reviewed_of(row), service.publisher, service.exam)
        if found is not None and found["id"] == name:
            return found
    return None
