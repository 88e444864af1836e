"""The prescriber's requests: the receipt, the radiologist's answer, the question to answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.restitution import Side
from pertimage.audit.review import Refused, RequestStatus, ReviewState, UnknownRequest
from pertimage.audit.worklist import RequestRow
from pertimage.cds.model import Assessment, Outcome
from pertimage.web.access import page_user
from pertimage.web.local_policy import PRESCRIBER
from pertimage.web.pages import advice, patient_links, restitution
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.draft import clean
from pertimage.web.pages.recorded import completed, exam_label, recorded, shown_advices
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/mes-demandes", include_in_schema=False)

ROLE = "prescripteur"
PER_PAGE = 50
MOST_RECALLED = 20


@router.get("", response_class=HTMLResponse)
def my_requests(request: Request) -> HTMLResponse:
    """List the prescriber's requests: a question to answer first, then the results that wait, then the latest."""
    user, service = page_user(request, ROLE), service_of(request)
    me = service.pseudonyms.prescriber(user.name)
    latest, late = service.register.my_requests(me, limit=PER_PAGE), restitution.recalls(service, me)
    asked = [row for row in latest if row.state is ReviewState.QUESTION]
    first = [one.followed.id for one in late[:MOST_RECALLED]]
    shown = {row.id: recorded(row, service) for row in (*asked, *service.register.requests(first), *latest)}
    today = restitution.paris_today(service)
    context: dict[str, Any] = {
        "requests": shown.values(), "links": service.patients.links_of(shown), "late_count": len(late), "late_shown": len(first),
        "late": {one.followed.id: (one, restitution.recall_words(one, today)) for one in late if one.followed.id in first},
    }  # fmt: skip
    return page(request, "mine/list.html", section="mes-demandes", **context)


@router.get("/{identifier}", response_class=HTMLResponse)
def one_request(request: Request, identifier: str) -> HTMLResponse:
    """Show one request: its receipt, the advice, what the radiologist answered."""
    return _one(request, own_request(request, identifier))


@router.post("/{identifier}/reponse")
def answer(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Answer the radiologist's question; the page then shows the advice on the completed request."""
    row, service = own_request(request, identifier), service_of(request)
    words = clean(form.get("reponse"))
    if not words:
        return _one(request, row, status=422, fault="Écrivez votre réponse.")
    try:
        service.register.answer(row.id, words, author=row.prescriber, at=service.now())
    except Refused as refusal:
        return _one(request, own_request(request, identifier), status=409, fault=str(refusal))
    flash(request, "Votre réponse est transmise au radiologue.")
    return RedirectResponse(f"/mes-demandes/{row.id}", 303)


@router.post("/{identifier}/restitution")
def note_result(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Note that the report is there, who explained the result to the patient, or that there is nothing to explain."""
    row, service = own_request(request, identifier), service_of(request)
    try:
        kind = restitution.note(service, row.id, form, row.prescriber, Side.PRESCRIBER)
    except (ValueError, Refused) as fault:
        status = 409 if isinstance(fault, Refused) else 422
        return _one(request, own_request(request, identifier), status=status, result_fault=str(fault))
    flash(request, restitution.SAID[kind])
    return RedirectResponse("/mes-demandes" if form.get("retour") == "liste" else f"/mes-demandes/{row.id}#resultat", 303)


@router.post("/{identifier}/restitution/annuler")
def cancel_result(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Cancel an entry of the prescriber's side; it stays readable."""
    row, service = own_request(request, identifier), service_of(request)
    try:
        restitution.cancel(service, row.id, form, row.prescriber, Side.PRESCRIBER)
    except (ValueError, Refused) as fault:
        return _one(request, row, status=409 if isinstance(fault, Refused) else 422, result_fault=str(fault))
    flash(request, "Saisie annulée.")
    return RedirectResponse(f"/mes-demandes/{row.id}#resultat", 303)


@router.post("/{identifier}/lien-patient")
def patient_link(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Give the patient an address, in the place of the one there was."""
    row, service = own_request(request, identifier), service_of(request)
    try:
        patient_links.open_page(service, row.id, author=row.prescriber)
    except Refused as refusal:
        return _one(request, own_request(request, identifier), status=409, fault=str(refusal))
    return RedirectResponse(f"/mes-demandes/{row.id}#page-patient", 303)


@router.post("/{identifier}/retirer")
def withdraw(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Take a signed request back; a radiologist who has it in hands is told."""
    row, service = own_request(request, identifier), service_of(request)
    try:
        service.register.withdraw(row.id, author=row.prescriber, reason=clean(form.get("raison_retrait"))[:400], at=service.now())
    except Refused as refusal:
        return _one(request, own_request(request, identifier), status=409, fault=str(refusal))
    flash(request, "Demande retirée.")
    return RedirectResponse(f"/mes-demandes/{row.id}", 303)


def own_request(request: Request, identifier: str) -> RequestRow:
    """Return the prescriber's own request; 404 for any other, so that nothing says that it exists."""
    user, service = page_user(request, ROLE), service_of(request)
    try:
        row = service.register.request(identifier)
    except UnknownRequest:
        raise HTTPException(404) from None
    if row.prescriber != service.pseudonyms.prescriber(user.name):
        raise HTTPException(404)
    return row


def _one(request: Request, row: RequestRow, *, status: int = 200, fault: str = "", result_fault: str = "") -> HTMLResponse:
    service = service_of(request)
    one = recorded(row, service)
    thread = [turn for turn in service.register.thread(row.id) if turn.kind != "handover"]
    answers = [turn.text for turn in thread if turn.kind == "answer"]
    text = one.request.narrative
    segments, facts = advice.reading(text, one.main.facts, service)
    context: dict[str, Any] = {
        "one": one, "thread": thread, "advices": shown_advices(one, service, PRESCRIBER), "segments": segments, "facts": facts,
        "substituted": exam_label(row.substituted_exam, service), "exam_of": lambda exam: exam_label(exam, service),
        "after_answer": advice.advices(service.judge(completed(one, answers)), service) if answers else [],
        "patient_words": "" if row.silent else _patient_words(one.main, service), "patient_page": patient_links.shown(service, row),
        "mssante": service.settings.mssante_export and row.status is RequestStatus.SIGNED,
        "can_withdraw": row.status is RequestStatus.SIGNED and row.state is not ReviewState.DECIDED,
        "result": restitution.result_of(service, row, Side.PRESCRIBER), "result_fault": result_fault, "choices": restitution.choices(),
    }  # fmt: skip
    return page(request, "mine/one.html", status=status, section="mes-demandes", fault=fault, **context)


def _patient_words(given: Assessment, service: Service) -> str:
    """Return what to tell a patient who needs no imaging; nothing in any other case: these words reassure."""
    sheet = service.base.sheets.get(given.situations[0]) if given.situations else None
    calm = given.outcome is Outcome.NOT_INDICATED and given.pathway is None
    return sheet.form.patient_words if sheet and calm else ""
