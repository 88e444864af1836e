"""The FHIR document of a signed request: its resources gathered, its PDF composed. It names nobody and opens no patient page."""

from __future__ import annotations

import re
from typing import Any

from pertimage.audit.instants import utc_datetime
from pertimage.audit.overrides import overrides
from pertimage.audit.review import RequestStatus
from pertimage.audit.worklist import RequestRow
from pertimage.fhir.document import Filed, Maintained, document
from pertimage.fhir.reviewed import replaced_by, traces_of
from pertimage.web.document.pdf import composed
from pertimage.web.fhir_tasks import judged, order_of, reviewed_of
from pertimage.web.pages.document_content import content_of, require_signed, stands_since
from pertimage.web.pages.recorded import state_words
from pertimage.web.service import Service

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


def dossier(row: RequestRow, service: Service) -> dict[str, Any]:
    """Return the Bundle of a request; raises NotSigned and NotComposedError."""
    return document(filed(row, service), service.publisher)


def filed(row: RequestRow, service: Service) -> Filed:
    """Return all that was made of a signed request; raises NotSigned and NotComposedError."""
    require_signed(row)
    return Filed(
        request=row.id, version=row.version or 0, at=stands_since(row), signed_at=utc_datetime(row.signed_at or row.created_at),
        author=_author(row, service), state=state_words(row), resources=_resources(row, service), pdf=composed(content_of(row, service), stands_since(row)),
        gender=str(row.request.get("sex") or ""), withdrawn=row.status is RequestStatus.WITHDRAWN,
        maintained=[
            Maintained(rank, said.reason, said.comment, utc_datetime(said.at))
            for rank, said in overrides(service.store.reader, row.id, len(row.assessments)).items()
        ],
    )  # fmt: skip


def _resources(row: RequestRow, service: Service) -> list[dict[str, Any]]:
    order, reviewed = order_of(row, service), reviewed_of(row)
    replacement = replaced_by(order, reviewed, service.publisher, service.exam)
    traces = [one for one in traces_of(reviewed, service.publisher) if one["resourceType"] == "Provenance"]
    return [order, *([replacement] if replacement else []), *judged(row, service), *traces]


def _author(row: RequestRow, service: Service) -> str:
    """Return the prescriber's pseudonym: programs that send requests name people in their own way."""
    return row.prescriber if _PSEUDONYM.fullmatch(row.prescriber) else service.pseudonyms.prescriber(row.prescriber or "inconnu")
