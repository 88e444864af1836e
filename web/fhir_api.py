"""The FHIR R4 base: judge a request, keep it, read back the request, its guidance and its review task."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response

from pertimage import __version__
from pertimage.audit.review import ReviewState, UnknownRequest
from pertimage.audit.store import utc_datetime
from pertimage.audit.worklist import RequestRow
from pertimage.cds.model import Assessment
from pertimage.cds.records import assessment_of
from pertimage.fhir.requests import Order, read, read_service_request
from pertimage.fhir.resources import Evaluation, assess_output, bundle, decided_task, detected_issues, guidance_response
from pertimage.fhir.stored import Kept, judgement, service_request
from pertimage.fhir.values import BadRequest
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, object_of, refused
from pertimage.web.service import Service

router = APIRouter(prefix="/fhir", tags=["FHIR R4"], responses=ERRORS)


@router.get("/metadata")
def metadata(request: Request) -> Response:
    """Return the CapabilityStatement."""
    service: Service = request.app.state.service
    interactions = {
        "ServiceRequest": (["create", "read"], [{"name": "assess", "definition": f"{service.settings.canonical}/OperationDefinition/assess"}]),
        "Task": (["read", "search-type"], []), "GuidanceResponse": (["search-type"], []), "PlanDefinition": (["read", "search-type"], []),
    }  # fmt: skip
    rest = [
        {"type": kind, "interaction": [{"code": code} for code in codes]} | ({"operation": operations} if operations else {})
        for kind, (codes, operations) in interactions.items()
    ]
    body = {
        "resourceType": "CapabilityStatement", "status": "active", "date": service.now().isoformat(timespec="seconds"), "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["application/fhir+json"], "software": {"name": "pertimage", "version": __version__},
        "implementation": {"description": "Pertinence des demandes d'imagerie", "url": f"{service.settings.base_url.rstrip('/')}/fhir"},
        "rest": [{"mode": "server", "resource": rest}],
    }  # fmt: skip
    return fhir(body)


@router.post("/ServiceRequest/$assess")
@router.post("/$assess")
async def assess(request: Request, user: User = Depends(api_user)) -> Response:
    """Judge a ServiceRequest, a Bundle or a CDS Hooks call without keeping it; Parameters with one part per exam."""
    service: Service = request.app.state.service
    try:
        orders = read(_unwrapped(object_of(await request.body())), service.today(), service.coded_facts)
    except BadRequest as error:
        return refused(400, "structure", error.message_fr, error.place)
    return fhir(assess_output([part for order in orders for part in _evaluated(service, order)]))


def _unwrapped(body: Any) -> Any:
    """Return the resource inside the Parameters of an operation, or the body itself."""
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        parts = body.get("parameter")
        inside = [part.get("resource") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        return next((resource for resource in inside if isinstance(resource, dict)), body)
    return body


def _evaluated(service: Service, order: Order) -> list[tuple[Evaluation, dict[str, Any], list[dict[str, Any]]]]:
    found = []
    for assessment in service.judge(order.request):
        evaluation = Evaluation(assessment, service.now(), str(uuid4()), order.subject, order.encounter, order.request.priority)
        guidance = guidance_response(evaluation, service.publisher, str(uuid4()))
        found.append((evaluation, guidance, detected_issues(evaluation, service.publisher, lambda: str(uuid4()))))
    return found


@router.post("/ServiceRequest", status_code=201)
async def create(request: Request, user: User = Depends(api_user)) -> Response:
    """Judge a signed ServiceRequest and keep it; what is flagged has its Task. Durable when this answers."""
    service: Service = request.app.state.service
    try:
        order = read_service_request(object_of(await request.body()), service.today(), service.coded_facts)
    except BadRequest as error:
        return refused(400, "structure", error.message_fr, error.place)
    assessments = service.judge(order.request)
    signed = order.resource.get("status") != "draft"
    name = await service.record(
        order.request, assessments, prescriber=user.name, hook="fhir", patient=order.subject, external=order.subject, signed=signed
    )
    stored = await asyncio.to_thread(service.register.request, name)
    headers = {"Location": f"{service.settings.base_url.rstrip('/')}/fhir/ServiceRequest/{name}", "ETag": 'W/"1"'}
    return fhir(service_request(_kept(stored), service.publisher, service.exam), 201, headers)


@router.get("/ServiceRequest/{name}")
def read_request(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return a request that the register keeps."""
    service: Service = request.app.state.service
    try:
        return fhir(service_request(_kept(service.register.request(name)), service.publisher, service.exam))
    except UnknownRequest:
        return refused(404, "not-found", "Demande inconnue.", f"ServiceRequest/{name}")


@router.get("/GuidanceResponse")
def guidance(request: Request, user: User = Depends(api_user)) -> Response:
    """Search the guidance of one request: ``?request=ServiceRequest/…``."""
    return _search(request, "GuidanceResponse", request.query_params.get("request", ""))


@router.get("/Task")
def tasks(request: Request, user: User = Depends(api_user)) -> Response:
    """Search review tasks: ``?focus=ServiceRequest/…`` for one request's, else the worklist, most pressing first."""
    service: Service = request.app.state.service
    focus = request.query_params.get("focus") or request.query_params.get("based-on")
    if focus:
        return _search(request, "Task", focus)
    return _searchset(service, [task for row in service.register.worklist() for task in _resources(service, row, "Task")])


@router.get("/Task/{name}")
def task(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return one review task, with the radiologist's decision when there is one."""
    service: Service = request.app.state.service
    try:
        found = [one for one in _resources(service, service.register.request(name.partition("-")[0]), "Task") if one["id"] == name]
    except UnknownRequest:
        found = []
    return fhir(found[0]) if found else refused(404, "not-found", "Tâche inconnue.", f"Task/{name}")


def _search(request: Request, kind: str, reference: str) -> Response:
    service: Service = request.app.state.service
    try:
        row = service.register.request(reference.rpartition("/")[2])
    except UnknownRequest:
        return _searchset(service, [])
    return _searchset(service, _resources(service, row, kind))


def _searchset(service: Service, resources: list[dict[str, Any]]) -> Response:
    found = bundle(resources, service.now(), service.publisher) | {"type": "searchset", "total": len(resources)}
    return fhir(found)


def _kept(row: RequestRow) -> Kept:
    about = row.request
    return Kept(row.id, about, utc_datetime(row.created_at), row.signed_at is not None, row.exam, str(about.get("subject") or ""))


def _resources(service: Service, row: RequestRow, kind: str) -> list[dict[str, Any]]:
    stored = _kept(row)
    assessments = [_refocused(assessment_of(one), row.id) for one in row.assessments]
    found = [one for one in judgement(stored, assessments, service.publisher, lambda: str(uuid4())) if one["resourceType"] == kind]
    if kind == "Task" and row.decision is not None and row.state is not ReviewState.TO_REVIEW:
        at = utc_datetime(row.decided_at) if row.decided_at else datetime.now(UTC)
        return [decided_task(one, str(row.decision), at, "", service.publisher, reason=row.reason or row.question or "") for one in found]
    return found


def _refocused(assessment: Assessment, name: str) -> Assessment:
    """Return the assessment about the request as this server names it."""
    return replace(assessment, request=f"ServiceRequest/{name}")
