"""The signed request as a document, for FHIR clients: what points to its PDF, the PDF, and the whole as a Bundle of type ``document``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from pertimage.audit.review import NotSigned, RequestStatus, UnknownRequest
from pertimage.audit.worklist import RequestRow
from pertimage.fhir.document import DOCUMENT, PDF, binary, document, document_reference
from pertimage.fhir.resources import bundle
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, refused
from pertimage.web.document.pdf import NotComposedError
from pertimage.web.fhir_tasks import named_request
from pertimage.web.pages.dossier import filed
from pertimage.web.service import Service

REFUSALS: dict[int | str, dict[str, Any]] = {409: {"description": "Pas encore signée"}, 503: {"description": "PDF non composé"}}
PDF_TYPE = "application/pdf"

router = APIRouter(prefix="/fhir", tags=["FHIR R4"], responses=ERRORS | REFUSALS)


@router.get("/ServiceRequest/{name}/$document")
def whole(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return the Bundle of a signed request: the request, the advice, the review, who did what, and the PDF."""
    service: Service = request.app.state.service
    return _answered(name, f"ServiceRequest/{name}", service, lambda row: fhir(document(filed(row, service), service.publisher)))


@router.get("/DocumentReference")
def references(request: Request, user: User = Depends(api_user)) -> Response:
    """Search what points to the PDF of one request: ``?related=ServiceRequest/…``; nothing for one that is not signed."""
    service: Service = request.app.state.service
    related = request.query_params.get("related", "")
    if not related:
        return refused(400, "required", "Le paramètre « related » est attendu.", "related")
    row = _row(named_request(related.rpartition("/")[2]), service)
    if row is None or row.status is RequestStatus.DRAFT:
        return fhir(_searchset([], service))
    return _made(row, related, lambda one: fhir(_searchset([document_reference(filed(one, service), service.publisher)], service)))


@router.get("/DocumentReference/{name}")
def reference(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return what points to the PDF of a signed request."""
    service: Service = request.app.state.service
    known = name.removesuffix(DOCUMENT) if name.endswith(DOCUMENT) else ""
    place = f"DocumentReference/{name}"
    return _answered(known, place, service, lambda row: fhir(document_reference(filed(row, service), service.publisher)))


@router.get("/Binary/{name}", responses={200: {"content": {PDF_TYPE: {}}}})
def content(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return the PDF of a signed request, or the resource that holds it when FHIR is asked for."""
    service: Service = request.app.state.service
    known = name.removesuffix(PDF) if name.endswith(PDF) else ""
    as_resource = "json" in request.headers.get("accept", "")

    def answer(row: RequestRow) -> Response:
        held = filed(row, service)
        return fhir(binary(held)) if as_resource else Response(held.pdf, media_type=PDF_TYPE)

    return _answered(known, f"Binary/{name}", service, answer)


def _answered(known: str, place: str, service: Service, answer: Callable[[RequestRow], Response]) -> Response:
    row = _row(known, service)
    return refused(404, "not-found", "Demande inconnue.", place) if row is None else _made(row, place, answer)


def _made(row: RequestRow, place: str, answer: Callable[[RequestRow], Response]) -> Response:
    try:
        return answer(row)
    except NotSigned as refusal:
        return refused(409, "business-rule", str(refusal), place)
    except NotComposedError:
        return refused(503, "exception", "Le PDF n'a pas pu être composé ; la demande reste signée.", place)


def _row(name: str, service: Service) -> RequestRow | None:
    try:
        return service.register.request(name)
    except UnknownRequest:
        return None


def _searchset(resources: list[dict[str, Any]], service: Service) -> dict[str, Any]:
    return bundle(resources, service.now(), service.publisher) | {"type": "searchset", "total": len(resources)}
