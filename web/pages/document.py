"""The signed request as a document for its prescriber: the PDF to hand over, the FHIR file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

import orjson
import segno
from fastapi import APIRouter, HTTPException, Request, Response

from pertimage.audit.review import NotSigned, RequestStatus
from pertimage.audit.worklist import RequestRow
from pertimage.web.access import User, page_user
from pertimage.web.answers import FHIR_JSON
from pertimage.web.document.pdf import NotComposedError, composed
from pertimage.web.mssante import FILE_NAME, archive, handover
from pertimage.web.pages import patient_links
from pertimage.web.pages.document_content import PatientPage, content_of, require_signed, stands_since
from pertimage.web.pages.dossier import dossier
from pertimage.web.pages.my_requests import ROLE, own_request
from pertimage.web.pages.recorded import recorded
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/mes-demandes", include_in_schema=False)


@router.get("/{identifier}/ordonnance.pdf")
def paper(request: Request, identifier: str) -> Response:
    """Give the PDF of a signed request, stamped when it is no longer to be carried out."""
    user, service = page_user(request, ROLE), service_of(request)

    def pdf(row: RequestRow) -> Response:
        require_signed(row)
        return _file(_pdf(row, service, user), "application/pdf", "inline", row, "pdf")

    return _given(request, own_request(request, identifier), pdf)


@router.get("/{identifier}/dossier.json")
def record(request: Request, identifier: str) -> Response:
    """Give the FHIR document of a signed request."""
    service = service_of(request)
    row = own_request(request, identifier)
    return _given(request, row, lambda own: _file(orjson.dumps(dossier(own, service)), FHIR_JSON, "attachment", own, "json"))


@router.get("/{identifier}/mssante.zip")
def mssante_file(request: Request, identifier: str) -> Response:
    """Give the file to join to an MSSanté message, with the PDF when it can be composed; 404 unless it is offered and the request is signed."""
    user, service = page_user(request, ROLE), service_of(request)
    row = own_request(request, identifier)
    if not service.settings.mssante_export or row.status is not RequestStatus.SIGNED:
        raise HTTPException(404)
    pdf = None
    with suppress(NotComposedError):
        pdf = _pdf(row, service, user)
    packed = archive(handover(recorded(row, service), service.register.thread(row.id), user.name, service), pdf)
    return Response(packed, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'})


def _pdf(row: RequestRow, service: Service, user: User) -> bytes:
    return composed(content_of(row, service, author=user.name, link=_link(row, service)), stands_since(row))


def _given(request: Request, row: RequestRow, made: Callable[[RequestRow], Response]) -> Response:
    """Return a document, or the page that says why there is none."""
    try:
        return made(row)
    except NotSigned as refusal:
        return _said(request, 409, "Cette demande n'a pas de document", str(refusal))
    except NotComposedError:
        sentence = "Votre demande reste signée et enregistrée : rien n'est perdu. Réessayez, ou imprimez la page de la demande."
        return _said(request, 503, "Le document n'a pas pu être composé", sentence)


def _said(request: Request, code: int, title: str, sentence: str) -> Response:
    return page(request, "errors/page.html", status=code, section="mes-demandes", code=code, title=title, sentence=sentence)


def _link(row: RequestRow, service: Service) -> PatientPage | None:
    """Return the patient page that is open."""
    shown = patient_links.shown(service, row)
    return PatientPage(shown.address, _qr(shown.address), shown.expires_at) if shown and shown.address else None


def _qr(address: str) -> str:
    """Return an address as a QR code in a whole SVG file."""
    drawn = BytesIO()
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", xmldecl=False, border=4, light="#fff", dark="#000")
    return drawn.getvalue().decode()


def _file(body: bytes, media: str, disposition: str, row: RequestRow, extension: str) -> Response:
    """Return a file named after the request's number: nothing of the patient goes into a folder of downloads."""
    name = f"demande-imagerie-{row.id[:12]}.{extension}"
    headers = {"Content-Disposition": f'{disposition}; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, 200, headers, media)
