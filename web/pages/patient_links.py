"""The address of the patient page as the prescriber gives it: text, QR code, until when, and whether the patient says to have read it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import segno
from markupsafe import Markup

from pertimage.audit.instants import utc_datetime, utc_text
from pertimage.audit.patient_links import PatientLink
from pertimage.audit.review import Refused, RequestStatus
from pertimage.audit.worklist import RequestRow
from pertimage.web.patient.tokens import link_digest, token_of
from pertimage.web.service import Service


@dataclass(frozen=True, slots=True)
class PageShown:
    """What the prescriber sees of a patient page. Without ``address`` there is none open; ``informed_at`` is UTC text."""

    address: str = ""
    qr: str = ""
    expires_at: str = ""
    informed_at: str = ""


def open_page(service: Service, request: str, *, author: str) -> None:
    """Open the patient page of a request, and close the one it had; raises ``Refused``."""
    now = service.now()
    expires = now + timedelta(days=service.settings.patient_days)
    digest = link_digest(token_of(service.settings.key, request, utc_text(expires)))
    service.patients.open(request, digest, expires=expires, author=author, at=now)


def ensure_page(service: Service, request: str, *, author: str) -> None:
    """Open the patient page of a request that has none; what forbids it is not an error here: the request is signed all the same."""
    with suppress(Refused):
        if _address(service, service.patients.link_of(request)) is None:
            open_page(service, request, author=author)


def shown(service: Service, row: RequestRow) -> PageShown | None:
    """Return the patient page of a request for its prescriber; None when it can have none."""
    if row.silent or row.status is RequestStatus.WITHDRAWN or (row.status is RequestStatus.DRAFT and row.hook != "page"):
        return None
    link = service.patients.link_of(row.id)
    address = _address(service, link)
    informed = (link.informed_at or "") if link else ""
    if link is None or address is None:
        return PageShown(informed_at=informed)
    return PageShown(address, qr_code(address), link.expires_at, informed)


def qr_code(address: str) -> Markup:
    """Return an address as a QR code, black on white whatever the page's colours, to be put in an element that says what it is."""
    drawn = segno.make(address, error="m", micro=False)
    return Markup(drawn.svg_inline(border=4, light="#fff", dark="#000", omitsize=True))  # noqa: S704 - drawn by the library, from our address


def _address(service: Service, link: PatientLink | None) -> str | None:
    """Return the address of a link that is open; None when it has expired, or was made with another secret."""
    if link is None or utc_datetime(link.expires_at) <= service.now():
        return None
    token = token_of(service.settings.key, link.request, link.expires_at)
    return f"{service.settings.base_url.rstrip('/')}/patient/{token}" if link_digest(token) == link.digest else None
