"""The FHIR R4 base: judge a request, keep it, read back the request, its guidance and its review task."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response

from pertimage import __version__
from pertimage.audit.programme import Mode
from pertimage.audit.review import UnknownRequest
from pertimage.fhir.requests import Order, read, read_service_request
from pertimage.fhir.resources import Evaluation, assess_output, bundle, detected_issues, guidance_response
from pertimage.fhir.subscriptions import GUIDE, topic
from pertimage.fhir.values import BadRequest, mapping, text
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, object_of, refused
from pertimage.web.fhir_tasks import judged, order_of, replacement_of
from pertimage.web.service import Service

HUSHED = "Les avis ne sont pas montrés à ce site pour le moment : rien n'est répondu, ce n'est pas une approbation."

router = APIRouter(prefix="/fhir", tags=["FHIR R4"], responses=ERRORS)


@router.get("/metadata")
def metadata(request: Request) -> Response:
    """Return the CapabilityStatement."""
    service: Service = request.app.state.service
    operations_of = [
        {"name": name, "definition": f"{service.settings.canonical}/OperationDefinition/{name}"} for name in ("assess", "document")
    ]
    interactions = {
        "ServiceRequest": (["create", "read"], operations_of), "DocumentReference": (["read", "search-type"], []), "Binary": (["read"], []),
        "Task": (["read", "search-type", "update"], []), "GuidanceResponse": (["search-type"], []), "DetectedIssue": (["search-type"], []),
        "Provenance": (["search-type"], []), "AuditEvent": (["search-type"], []),
        "DiagnosticReport": (["create", "read", "search-type"], []), "Communication": (["search-type"], []), "PlanDefinition": (["read", "search-type"], []),
        "Subscription": (["create", "read", "update", "delete", "search-type"], []),
        "Measure": (["read", "search-type"], []), "MeasureReport": (["search-type"], []),
    }  # fmt: skip
    rest = [
        {"type": kind, "interaction": [{"code": code} for code in codes]} | ({"operation": operations} if operations else {})
        for kind, (codes, operations) in interactions.items()
    ]
    next(one for one in rest if one["type"] == "Subscription")["extension"] = [
        {"url": f"{GUIDE}/capabilitystatement-subscriptiontopic-canonical", "valueCanonical": topic(service.publisher)}
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
    if any(service.mode(user.name, _prescriber(service, user, order)) is not Mode.ON for order in orders):
        return refused(422, "not-supported", HUSHED)
    return fhir(assess_output([part for order in orders for part in _evaluated(service, order)]))


def _prescriber(service: Service, user: User, order: Order) -> str:
    """Return the pseudonym of whoever asks for an order."""
    return service.prescriber(user.name, text(mapping(order.resource.get("requester")).get("reference")))


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
    prescriber = _prescriber(service, user, order)
    mode = service.mode(user.name, prescriber)
    if not mode.judges:
        return refused(422, "not-supported", "Le service n'est pas en service pour ce site : rien n'a été jugé ni enregistré.")
    assessments = service.judge(order.request)
    about: dict[str, Any] = {
        "prescriber": prescriber,
        "site": service.settings.site_of(user.name),
        "mode": mode,
        "hook": "fhir",
        "client": service.client(user.name),
        "patient": order.subject,
        "external": order.subject,
        "signed": order.resource.get("status") != "draft",
    }
    name = await service.record(order.request, assessments, **about)
    stored = await asyncio.to_thread(service.register.request, name)
    headers = {"Location": f"{service.settings.base_url.rstrip('/')}/fhir/ServiceRequest/{name}", "ETag": 'W/"1"'}
    return fhir(order_of(stored, service), 201, headers)


@router.get("/ServiceRequest/{name}")
def read_request(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return a request that the register keeps, as its review stands, or the one by which a radiologist replaced it."""
    service: Service = request.app.state.service
    if (replacement := replacement_of(service, name)) is not None:
        return fhir(replacement)
    try:
        row = service.register.request(name)
    except UnknownRequest:
        return refused(404, "not-found", "Demande inconnue.", f"ServiceRequest/{name}")
    return fhir(order_of(row, service), headers={"ETag": f'W/"{1 + (row.version or 0)}"'})


@router.get("/GuidanceResponse")
def guidance(request: Request, user: User = Depends(api_user)) -> Response:
    """Search the guidance of one request: ``?request=ServiceRequest/…``."""
    return _search(request, "GuidanceResponse", request.query_params.get("request", ""))


def _search(request: Request, kind: str, reference: str) -> Response:
    service: Service = request.app.state.service
    try:
        row = service.register.request(reference.rpartition("/")[2])
    except UnknownRequest:
        return _searchset(service, [])
    return _searchset(service, [one for one in judged(row, service) if one["resourceType"] == kind])


def _searchset(service: Service, resources: list[dict[str, Any]]) -> Response:
    found = bundle(resources, service.now(), service.publisher) | {"type": "searchset", "total": len(resources)}
    return fhir(found)
