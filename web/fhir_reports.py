"""Reports by FHIR: an imaging department posts a DiagnosticReport to say that it is there; what is known of a result is read back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from pertimage.audit.instants import utc_datetime
from pertimage.audit.restitution import By, Channel, Explainer, InFuture, Kind, Noted, Recipient, Side, TooEarly
from pertimage.audit.review import Refused, UnknownRequest
from pertimage.audit.worklist import RequestRow
from pertimage.fhir.reports import KeptReport, KeptWord, Report, ReportState, communication_of, read_report, report_of
from pertimage.fhir.resources import Issue, bundle, operation_outcome
from pertimage.fhir.values import BadRequest
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, object_of, refused
from pertimage.web.fhir_tasks import kept_of, named_request
from pertimage.web.service import Service

router = APIRouter(prefix="/fhir", tags=["FHIR R4"], responses=ERRORS)

WRITERS = ("api", "radiologue", "exploitant")
# Clocks of two machines differ a little: what comes from so near a future is of now.
CLOCKS_DIFFER = timedelta(minutes=5)


@router.post(
    "/DiagnosticReport", status_code=201,
    responses={200: {"description": "Déjà connu, ou non compté"}, 409: {"description": "Demande retirée ou non signée"}},
)  # fmt: skip
async def create(request: Request, user: User = Depends(api_user)) -> Response:
    """Note that a report is there (``final``), changed (``amended``…) or taken back (``entered-in-error``); a preliminary one is not counted.

    ``basedOn`` names the requests, ``identifier`` (or ``If-None-Exist``) the report: the same again is one. Its text is not kept.
    """
    service: Service = request.app.state.service
    if user.role not in WRITERS and not service.settings.demo:
        return refused(403, "forbidden", "Seul le service d'imagerie dit qu'un compte rendu est disponible.")
    try:
        report = read_report(object_of(await request.body()), request.headers.get("if-none-exist", ""))
    except BadRequest as error:
        return refused(400, "structure", error.message_fr, error.place)
    if report.state is ReportState.NOT_YET:
        words = "Compte rendu non définitif : il n'est pas compté comme disponible."
        return fhir(operation_outcome([Issue("informational", words, "DiagnosticReport.status", "information")]))
    return await asyncio.to_thread(_keep, service, report, user)


def _keep(service: Service, report: Report, user: User) -> Response:
    """Note a report on each of its requests; nothing when one of them is unknown."""
    names = [named_request(name) for name in report.requests]
    for rank, name in enumerate(names):
        try:
            service.register.request(name)
        except UnknownRequest as refusal:
            return refused(422, "not-found", str(refusal), f"DiagnosticReport.basedOn[{rank}].reference")
    by = By(service.pseudonyms.prescriber(user.name), Side.SOFTWARE, source=service.pseudonyms.accession("DiagnosticReport", report.number))
    written = False
    for rank, name in enumerate(names):
        try:
            written |= _noted(service, name, report, by)
        except (InFuture, TooEarly) as refusal:
            return refused(422, "business-rule", str(refusal), "DiagnosticReport.issued")
        except Refused as refusal:
            return refused(409, "conflict", str(refusal), f"DiagnosticReport.basedOn[{rank}].reference")
    found = [one for one in _reports(service, service.register.request(names[0])) if one[0] == by.source]
    if not found:
        return fhir(operation_outcome([Issue("informational", "Rien n'était noté de ce compte rendu.", severity="information")]))
    headers = {"Location": service.publisher.page("fhir", "DiagnosticReport", found[0][1]["id"])} if written else {}
    return fhir(found[0][1], 201 if written and report.state is not ReportState.TAKEN_BACK else 200, headers)


def _noted(service: Service, name: str, report: Report, by: By) -> bool:
    at = service.now()
    if report.state is ReportState.TAKEN_BACK:
        return service.results.retract(name, by, at=at)
    happened = _issued(report, at)
    amended = report.state is ReportState.AMENDED
    return service.results.report_available(name, by, happened=happened, at=at, amended=amended, performed=report.performed)


def _issued(report: Report, now: datetime) -> datetime:
    if report.issued is None or now < report.issued <= now + CLOCKS_DIFFER:
        return now
    return report.issued


@router.get("/DiagnosticReport")
def reports(request: Request, user: User = Depends(api_user)) -> Response:
    """Search the reports known of one request: ``?based-on=ServiceRequest/…``."""
    return _search(request, lambda service, row: [one for _, one in _reports(service, row)])


@router.get("/DiagnosticReport/{name}")
def report(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return one report, without its text."""
    service: Service = request.app.state.service
    for row in _rows(service, name):
        for _, one in _reports(service, row):
            if one["id"] == name:
                return fhir(one)
    return refused(404, "not-found", "Compte rendu inconnu.", f"DiagnosticReport/{name}")


@router.get("/Communication")
def communications(request: Request, user: User = Depends(api_user)) -> Response:
    """Search to whom the report of one request was sent and who explained it to the patient: ``?based-on=ServiceRequest/…``."""
    return _search(request, lambda service, row: list(_words(service, row)))


def _search(request: Request, found: Any) -> Response:
    service: Service = request.app.state.service
    reference = request.query_params.get("based-on", "")
    if not reference:
        return refused(400, "required", "Le paramètre « based-on » est attendu.", "based-on")
    resources = [one for row in _rows(service, reference) for one in found(service, row)]
    return fhir(bundle(resources, service.now(), service.publisher) | {"type": "searchset", "total": len(resources)})


def _rows(service: Service, reference: str) -> list[RequestRow]:
    try:
        return [service.register.request(named_request(reference.rpartition("/")[2]))]
    except UnknownRequest:
        return []


def _reports(service: Service, row: RequestRow) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the reports of a request, each with the hash of its number; those noted by hand have none."""
    groups: dict[str, list[Noted]] = {}
    for entry in service.results.entries_of([row.id]).get(row.id, ()):
        if entry.kind is Kind.REPORT:
            groups.setdefault(entry.source or str(entry.seq), []).append(entry)
    exam = service.exam(row.exam or "")
    for key, entries in groups.items():
        live = [entry for entry in entries if entry.is_live]
        amended = any(entry.amended for entry in live)
        state = ReportState.TAKEN_BACK if not live else ReportState.AMENDED if amended else ReportState.FINAL
        last = max(live or entries, key=lambda entry: entry.happened_at)
        yield key, report_of(KeptReport(
            f"{row.id}-cr{entries[0].seq}", row.id, state, utc_datetime(last.happened_at), exam.label if exam else "", last.performed_on or "", _subject(row),
        ))  # fmt: skip


def _words(service: Service, row: RequestRow) -> Iterator[dict[str, Any]]:
    for entry in service.results.entries_of([row.id]).get(row.id, ()):
        about: dict[str, Any] = {"at": utc_datetime(entry.happened_at), "cancelled": not entry.is_live, "subject": _subject(row)}
        name = f"{row.id}-mot{entry.seq}"
        if entry.kind is Kind.SENT:
            about |= {"recipient": Recipient(entry.who).french, "medium": Channel(entry.channel).french}
            yield communication_of(KeptWord(name, row.id, "Compte rendu transmis", **about))
        elif entry.kind is Kind.EXPLAINED:
            about |= {"sender": Explainer(entry.who).french, "recipient": "le patient"}
            yield communication_of(KeptWord(name, row.id, "Résultat expliqué au patient", **about))


def _subject(row: RequestRow) -> str:
    return kept_of(row).subject
