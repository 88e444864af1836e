"""The prescription page: thirty seconds, advice while typing, one click to do better, nothing that blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.programme import Mode
from pertimage.audit.review import AlreadySigned
from pertimage.cds.model import Assessment, ImagingRequest
from pertimage.fhir.vocabularies import OVERRIDES
from pertimage.web.access import User, page_user
from pertimage.web.pages import advice, patient_links
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.draft import PRIORITIES, SEXES, Draft, read_draft
from pertimage.web.pages.examples import example
from pertimage.web.pages.proposals import exams_for, reasons_for
from pertimage.web.pages.replies import Question, question
from pertimage.web.pages.view import page, service_of, templates
from pertimage.web.service import Service

router = APIRouter(include_in_schema=False)

ROLE = "prescripteur"
HOOK = "page"
IN_TEXT = "dans le texte"
OUT_OF_SERVICE = "Le service n'est pas en service pour votre site : rien n'a été jugé ni enregistré."
HUSHED = "Les avis ne sont pas montrés à votre site pour le moment : il n'y a pas d'avis à suivre."
EMPTY = "Écrivez d'abord le motif ou l'examen."


@router.get("/prescrire", response_class=HTMLResponse)
def new_request(request: Request, ordre: str = "motif", exemple: str = "") -> HTMLResponse:
    """Show an empty form, the exam first when asked so, or an example of the guidelines to try."""
    page_user(request, ROLE)
    draft = example(exemple, service_of(request).base) if exemple else Draft()
    return _form_page(request, replace(draft, id=uuid4().hex), exam_first=ordre == "examen")


@router.post("/prescrire", response_class=HTMLResponse)
def without_script(request: Request, form: FormData = Depends(checked_form)) -> HTMLResponse:
    """Judge the form and show it again with its advice: what browsers without JavaScript use."""
    page_user(request, ROLE)
    draft = read_draft(form, service_of(request).base)
    return _form_page(request, draft, exam_first=form.get("ordre") == "examen")


@router.post("/prescrire/avis", response_class=HTMLResponse)
def live_advice(request: Request, form: FormData = Depends(checked_form)) -> HTMLResponse:
    """Return the advice alone, while the prescriber types."""
    user, service = page_user(request, ROLE), service_of(request)
    draft = read_draft(form, service.base)
    context = _advice_context(draft, service, mode_of(service, user)) | {"fragment": True}
    return templates.TemplateResponse(request, "prescribe/advice.html", context)


@router.post("/prescrire/signer")
async def sign(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Record and sign the request with the advice given, then show the receipt."""
    user, service = page_user(request, ROLE), service_of(request)
    draft, mode = read_draft(form, service.base), mode_of(service, user)
    if not mode.judges:
        return _form_page(request, draft, status=409, fault=OUT_OF_SERVICE)
    if draft.is_empty or draft.faults:
        return _form_page(request, draft, status=422, fault=EMPTY if draft.is_empty else "")
    judged = _judged(draft, service)
    identifier, again = await _record(service, user, judged, signed=True, mode=mode)
    if mode is Mode.SILENT:
        return RedirectResponse(f"/mes-demandes/{identifier}", 303)
    if not again:
        await asyncio.to_thread(_feedback, service, replace(judged, draft=replace(draft, id=identifier)))
    await asyncio.to_thread(patient_links.ensure_page, service, identifier, author=service.pseudonyms.prescriber(user.name))
    return RedirectResponse(f"/mes-demandes/{identifier}", 303)


@router.post("/prescrire/renoncer")
async def give_up(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Follow the advice not to image: the request is kept unsigned, and the advice as accepted."""
    user, service = page_user(request, ROLE), service_of(request)
    draft = read_draft(form, service.base)
    if draft.is_empty or draft.faults:
        return _form_page(request, draft, status=422, fault=EMPTY if draft.is_empty else "")
    if mode_of(service, user) is not Mode.ON:
        return _form_page(request, draft, status=409, fault=HUSHED)
    judged = _judged(draft, service)
    identifier, _ = await _record(service, user, judged, signed=False)
    detail = {"from": judged.assessments[0].exam, "to": "none"}
    await asyncio.to_thread(service.register.feedback, f"{identifier}:0", "accepted", at=service.now(), request=identifier, detail=detail)
    await asyncio.to_thread(patient_links.ensure_page, service, identifier, author=service.pseudonyms.prescriber(user.name))
    return RedirectResponse(f"/mes-demandes/{identifier}", 303)


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft, the request it stands for, and the answer."""

    draft: Draft
    request: ImagingRequest
    assessments: tuple[Assessment, ...]


def _judged(draft: Draft, service: Service) -> Judged:
    request = draft.request(service.base.lexicon, service.today())
    return Judged(draft, request, service.judge(request))


def mode_of(service: Service, user: User) -> Mode:
    """Return what the calendar says of a prescriber who uses the pages."""
    return service.mode(user.name, service.pseudonyms.prescriber(user.name))


async def _record(service: Service, user: User, judged: Judged, *, signed: bool, mode: Mode = Mode.ON) -> tuple[str, bool]:
    """Record, and say whether it was already: a form sent twice is one request, a form changed once signed is another."""
    prescriber = service.pseudonyms.prescriber(user.name)
    about: dict[str, Any] = {
        "prescriber": prescriber,
        "hook": HOOK,
        "signed": signed,
        "site": service.settings.site_of(user.name),
        "mode": mode,
    }
    try:
        return await service.record(judged.request, judged.assessments, request_id=judged.draft.id, **about), False
    except AlreadySigned:
        kept = await asyncio.to_thread(service.register.request, judged.draft.id)
        same = kept.text == judged.draft.text and kept.exam_text == judged.draft.exam and kept.prescriber == prescriber
        if same:
            return judged.draft.id, True
        fresh = uuid4().hex
        renamed = replace(judged.request, id=f"ServiceRequest/{fresh}")
        return await service.record(renamed, judged.assessments, request_id=fresh, **about), False


def _feedback(service: Service, judged: Judged) -> None:
    """Keep what became of the advice: an exam replaced by a better one, or kept against it with the reason given."""
    draft, now = judged.draft, service.now()
    if draft.initial and (taken := _taken(service, judged)):
        service.register.feedback(f"{draft.id}:0", "accepted", at=now, request=draft.id, detail=taken)
    reason = draft.reason if draft.reason in OVERRIDES.displays else ""
    for rank, one in enumerate(judged.assessments):
        if one.outcome in advice.AGAINST:
            detail = {"exam": one.exam, "outcome": str(one.outcome), "rule": one.rule, "comment": draft.comment}
            service.register.feedback(f"{draft.id}:{rank}", "overridden", at=now, reason=reason, request=draft.id, detail=detail)


def _taken(service: Service, judged: Judged) -> dict[str, str | None] | None:
    """Return the exam given up and the one taken, when the advice on the first exam did offer the second."""
    first = "" if judged.draft.initial == IN_TEXT else judged.draft.initial
    asked = {one.exam for one in judged.assessments}
    for one in service.judge(replace(judged.request, exam_text=first)):
        for offer in one.alternatives:
            if offer.exam in asked and one.exam not in asked:
                return {"from": one.exam, "to": offer.exam}
    return None


def _form_page(request: Request, draft: Draft, *, status: int = 200, exam_first: bool = False, fault: str = "") -> HTMLResponse:
    service = service_of(request)
    labels = sorted(exam.label for exam in service.base.catalogue.exams.values())
    context = _advice_context(draft, service, mode_of(service, page_user(request, ROLE))) | {
        "exam_first": exam_first,
        "exam_labels": labels,
        "priorities": PRIORITIES,
        "sexes": SEXES,
        "fault": fault,
    }
    return page(request, "prescribe/form.html", status=status, section="prescrire", **context)


def _advice_context(draft: Draft, service: Service, mode: Mode) -> dict[str, Any]:
    context: dict[str, Any] = {"draft": draft, "advices": [], "proposal": None, "reasons": (), "override_reasons": OVERRIDES.displays}
    context |= {"hushed": mode is not Mode.ON, "closed": not mode.judges}
    if draft.is_empty or context["hushed"]:
        return context
    judged = _judged(draft, service)
    judged = replace(judged, assessments=service.told(judged.assessments, HOOK))
    asked = advice.questions(judged.assessments, service)
    first = judged.assessments[0]
    segments, facts = advice.reading(draft.text, first.facts, service)
    context |= {
        "advices": advice.advices(judged.assessments, service), "emergency": any(one.pathway == "emergency" for one in judged.assessments),
        "segments": segments, "facts": facts, "draft_advice": advice.is_draft_advice(judged.assessments),
    }  # fmt: skip
    if _names_no_exam(first) and draft.text:
        proposal = exams_for(judged.request, service)
        context |= {"proposal": proposal, "emergency": context["emergency"] or bool(proposal and proposal.emergency)}
        asked = _merged(proposal.asked if proposal else (), asked, service)
    if first.exam and any(item.item == "motif" for item in asked):
        context["reasons"] = reasons_for(first.exam, service)
    return context | {"questions": asked}


def _names_no_exam(one: Assessment) -> bool:
    return one.exam is None and not one.exam_label


def _merged(first: Sequence[Any], asked: list[Question], service: Service) -> list[Question]:
    """Put the questions that decide of any exam before those about the exam not named yet."""
    leading = [question(item, service.base) for item in first]
    return [*leading, *(one for one in asked if one.item not in {other.item for other in leading})]
