"""Reports of imaging as FHIR: what a DiagnosticReport says of a request without its text, and what is given back of it.

No word, image or conclusion of a report is read: its status, its number, its dates and the requests it answers are enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from pertimage.fhir.resources import instant, kept
from pertimage.fhir.stored import PATIENT
from pertimage.fhir.values import BadRequest, day, items, mapping, tail, text

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class ReportState(StrEnum):
    """What a DiagnosticReport means for who waits for it."""

    FINAL = "final"
    AMENDED = "amended"
    NOT_YET = "preliminary"
    TAKEN_BACK = "entered-in-error"


STATES: Mapping[str, ReportState] = {
    "final": ReportState.FINAL, "amended": ReportState.AMENDED, "corrected": ReportState.AMENDED, "appended": ReportState.AMENDED,
    "registered": ReportState.NOT_YET, "partial": ReportState.NOT_YET, "preliminary": ReportState.NOT_YET,
    "cancelled": ReportState.TAKEN_BACK, "entered-in-error": ReportState.TAKEN_BACK,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What is read of a DiagnosticReport: the ids of its requests, its number (``system|value``), when it was issued, the day of the exam."""

    requests: tuple[str, ...]
    state: ReportState
    number: str
    issued: datetime | None = None
    performed: date | None = None


def read_report(resource: Any, if_none_exist: str = "") -> Report:
    """Read a DiagnosticReport; raises BadRequest. Without identifier, its number is that of ``If-None-Exist``, else its own id."""
    body = mapping(resource)
    if body.get("resourceType") != "DiagnosticReport":
        raise BadRequest("resourceType", "Une ressource DiagnosticReport est attendue.")
    status = text(body.get("status"))
    if status not in STATES:
        raise BadRequest("DiagnosticReport.status", f"Statut inconnu : « {status[:40]} ». Attendu : {', '.join(STATES)}.")
    requests = [_request(one, rank) for rank, one in enumerate(items(body.get("basedOn")))]
    if not requests:
        raise BadRequest(
            "DiagnosticReport.basedOn", "La demande à laquelle le compte rendu répond est attendue : basedOn ServiceRequest/…."
        )
    number = next(filter(None, map(_number, items(body.get("identifier")))), "") or _asked_number(if_none_exist) or text(body.get("id"))
    if not number:
        raise BadRequest("DiagnosticReport.identifier", "Le compte rendu n'a pas de numéro : envoyé deux fois, il compterait deux fois.")
    period = mapping(body.get("effectivePeriod"))
    performed = day(body.get("effectiveDateTime")) or day(period.get("end")) or day(period.get("start"))
    return Report(tuple(dict.fromkeys(requests)), STATES[status], number, _issued(body.get("issued")), performed)


def _request(reference: Any, rank: int) -> str:
    said = text(mapping(reference).get("reference"))
    name = tail(said)
    if not _ID.fullmatch(name) or f"ServiceRequest/{name}" not in said:
        raise BadRequest(f"DiagnosticReport.basedOn[{rank}].reference", "Une référence « ServiceRequest/… » de ce serveur est attendue.")
    return name


def _number(identifier: Any) -> str:
    said = mapping(identifier)
    value = text(said.get("value"))
    return f"{text(said.get('system'))}|{value}" if value else ""


def _asked_number(query: str) -> str:
    given = parse_qs(query.removeprefix("?")).get("identifier", [""])[0].strip()
    return given if "|" in given or not given else f"|{given}"


def _issued(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest("DiagnosticReport.issued", "Un instant avec son fuseau est attendu : 2026-11-23T10:30:00+01:00.")
    return moment


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as the register knows it."""

    id: str
    request: str
    state: ReportState
    issued: datetime
    exam: str = ""
    performed: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class KeptWord:
    """A report sent, or a result explained: what it was, to whom or by whom, how, in the words of users."""

    id: str
    request: str
    words: str
    at: datetime
    sender: str = ""
    recipient: str = ""
    medium: str = ""
    cancelled: bool = False
    subject: str = ""


def report_of(report: KeptReport) -> dict[str, Any]:
    """Return a report as a DiagnosticReport, without text; its number was not kept."""
    return kept({
        "resourceType": "DiagnosticReport",
        "id": report.id,
        "basedOn": [{"reference": f"ServiceRequest/{report.request}"}],
        "status": str(report.state),
        "code": {"text": f"Compte rendu : {report.exam}" if report.exam else "Compte rendu d'imagerie"},
        "subject": _subject(report.subject),
        "effectiveDateTime": report.performed,
        "issued": instant(report.issued),
    })  # fmt: skip


def communication_of(word: KeptWord) -> dict[str, Any]:
    """Return a sending or an explanation as a Communication: roles, never names."""
    return kept({
        "resourceType": "Communication",
        "id": word.id,
        "basedOn": [{"reference": f"ServiceRequest/{word.request}"}],
        "status": "entered-in-error" if word.cancelled else "completed",
        "category": [{"text": word.words}],
        "medium": [{"text": word.medium}] if word.medium else [],
        "subject": _subject(word.subject),
        "sent": instant(word.at),
        "recipient": [{"display": word.recipient}] if word.recipient else [],
        "sender": {"display": word.sender} if word.sender else {},
    })  # fmt: skip


def _subject(reference: str) -> dict[str, Any]:
    return {"reference": reference} if reference else dict(PATIENT)
