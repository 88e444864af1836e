"""The radiologists' worklist: claim, decide, substitute, ask, hand over. The register alone says what is still possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData, QueryParams

from pertimage.audit.review import Decision, Refused, ReviewState, UnknownRequest
from pertimage.audit.worklist import RequestRow
from pertimage.web.access import User, page_user
from pertimage.web.local_policy import RADIOLOGIST
from pertimage.web.pages import advice
from pertimage.web.pages.csrf import checked_form, text
from pertimage.web.pages.draft import clean
from pertimage.web.pages.proposals import exam_named
from pertimage.web.pages.recorded import DECIDED, completed, exam_label, recorded, shown_advices
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/relecture", include_in_schema=False)

ROLE = "radiologue"
OPEN_STATES = (ReviewState.TO_REVIEW, ReviewState.IN_PROGRESS)
STATES = {"": "À faire", **{str(state): state.french.capitalize() for state in ReviewState}}
MODALITIES = {
    "DX": "Radiographie", "CT": "Scanner", "MR": "IRM", "US": "Échographie", "MG": "Mammographie", "NM": "Scintigraphie", "PT": "TEP",
    "BMD": "Densitométrie", "RF": "Radioscopie", "XA": "Angiographie",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What the radiologist looks at; empty means everything still to do."""

    site: str = ""
    modality: str = ""
    state: str = ""

    @property
    def query(self) -> str:
        """Return the filters as the end of an address, ``?…`` or nothing."""
        pairs = {"site": self.site, "modalite": self.modality, "etat": self.state}
        chosen = {key: value for key, value in pairs.items() if value}
        return f"?{urlencode(chosen)}" if chosen else ""


def read_filters(params: QueryParams) -> Filters:
    """Return the filters of an address; a word that is not one filters nothing."""
    state, modality = params.get("etat", ""), params.get("modalite", "")
    return Filters(params.get("site", "")[:80], modality if modality in MODALITIES else "", state if state in STATES else "")


@router.get("", response_class=HTMLResponse)
def worklist(request: Request) -> HTMLResponse:
    """List what there is to review, the most pressing first."""
    page_user(request, ROLE)
    service, filters = service_of(request), read_filters(request.query_params)
    shown = [recorded(row, service) for row in _rows(service, filters)]
    sites = service.register.sites()
    context: dict[str, Any] = {"requests": shown, "filters": filters, "sites": sites, "site_names": {site.id: site.name for site in sites}}
    return page(request, "review/list.html", section="relecture", states=STATES, modalities=MODALITIES, **context)


@router.get("/{identifier}", response_class=HTMLResponse)
def one_review(request: Request, identifier: str) -> HTMLResponse:
    """Show one request with everything a decision needs."""
    user = page_user(request, ROLE)
    return _one(request, user, _row(service_of(request), identifier))


@router.post("/{identifier}/prendre")
def claim(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Take the request, so that colleagues see that it is being reviewed."""
    user, service = page_user(request, ROLE), service_of(request)
    return _act(request, identifier, lambda: service.register.claim(identifier, radiologist=pseudonym(service, user), at=service.now()))


@router.post("/{identifier}/confier")
def hand_over(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Hand the request to a colleague for a second opinion, or back to everyone."""
    user, service = page_user(request, ROLE), service_of(request)
    colleague = text(form, "a")
    to = service.pseudonyms.prescriber(colleague) if colleague in colleagues(service, user) else ""
    return _act(
        request, identifier, lambda: service.register.hand_over(identifier, radiologist=pseudonym(service, user), to=to, at=service.now())
    )


@router.post("/{identifier}/decision")
def decide(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Decide, then go to the next request; what was decided meanwhile in another window is said, not overwritten."""
    user, service = page_user(request, ROLE), service_of(request)
    row, filters = _row(service, identifier), read_filters(request.query_params)
    following = _next(service, filters, row.id)
    try:
        decision, reason, exam = _decision(form, service)
        service.register.decide(row.id, decision, radiologist=pseudonym(service, user), at=service.now(), reason=reason, exam=exam)
    except ValueError as fault:
        return _one(request, user, row, status=422, fault=str(fault), attempted=text(form, "decision"))
    except Refused as refusal:
        return _one(request, user, _row(service, identifier), status=409, fault=str(refusal))
    flash(request, f"Décision enregistrée : {DECIDED[decision].lower()}.")
    return RedirectResponse(f"/relecture/{following}{filters.query}" if following else f"/relecture{filters.query}", 303)


def _decision(form: FormData, service: Service) -> tuple[Decision, str, str | None]:
    """Return the decision posted with its reason and exam; raises ValueError, in French, on what cannot be read."""
    word = text(form, "decision")
    if word not in set(map(str, Decision)):
        raise ValueError("Choisissez une décision.")
    exam = None
    if word == Decision.SUBSTITUTE:
        typed = text(form, "autre_examen", 200)
        exam = exam_named(typed, service) if typed else text(form, "examen_propose") or None
        if typed and exam is None:
            raise ValueError(f"« {typed} » n'est pas un examen du catalogue : choisissez-le dans la liste.")
        if exam is not None and exam not in service.base.catalogue.exams:
            raise ValueError("Cet examen n'est pas dans le catalogue.")
    return Decision(word), clean(form.get("raison")), exam


def _act(request: Request, identifier: str, act: Any) -> Response:
    service = service_of(request)
    row = _row(service, identifier)
    try:
        act()
    except Refused as refusal:
        return _one(request, page_user(request, ROLE), _row(service, row.id), status=409, fault=str(refusal))
    return RedirectResponse(f"/relecture/{row.id}{read_filters(request.query_params).query}", 303)


def pseudonym(service: Service, user: User) -> str:
    """Return the name under which the register knows a radiologist."""
    return service.pseudonyms.prescriber(user.name)


def colleagues(service: Service, user: User) -> list[str]:
    """Return the other radiologists who have an account."""
    return sorted({name for role, name in service.settings.accounts.values() if role == ROLE and name != user.name})


def _rows(service: Service, filters: Filters) -> Sequence[RequestRow]:
    states = (ReviewState(filters.state),) if filters.state else OPEN_STATES
    return service.register.worklist(states=states, site=filters.site or None, modality=filters.modality or None)


def _row(service: Service, identifier: str) -> RequestRow:
    try:
        return service.register.request(identifier)
    except UnknownRequest:
        raise HTTPException(404) from None


def _next(service: Service, filters: Filters, current: str) -> str | None:
    """Return the request that follows the current one in the list, or the first when it was the last."""
    rows = [row.id for row in _rows(service, filters) if row.state in OPEN_STATES or row.id == current]
    if current not in rows:
        return rows[0] if rows else None
    place = rows.index(current)
    rest = rows[place + 1 :] + rows[:place]
    return rest[0] if rest else None


def _one(request: Request, user: User, row: RequestRow, *, status: int = 200, fault: str = "", attempted: str = "") -> HTMLResponse:
    service, filters = service_of(request), read_filters(request.query_params)
    one = recorded(row, service)
    thread = service.register.thread(row.id)
    answers = [turn.text for turn in thread if turn.kind == "answer"]
    segments, facts = advice.reading(one.request.narrative, one.main.facts, service)
    me = pseudonym(service, user)
    context: dict[str, Any] = {
        "one": one, "thread": thread, "advices": shown_advices(one, service, RADIOLOGIST), "segments": segments, "facts": facts, "filters": filters,
        "questions": advice.questions(one.assessments, service), "mine": row.radiologist == me, "me": me, "following": _next(service, filters, row.id),
        "after_answer": advice.advices(service.judge(completed(one, answers)), service) if answers else [],
        "can_decide": row.status == "signed" and row.state is not ReviewState.DECIDED, "colleagues": colleagues(service, user),
        "exam_labels": sorted(exam.label for exam in service.base.catalogue.exams.values()), "exam_of": lambda exam: exam_label(exam, service),
        "proposed": _proposed(one.assessments, service), "fault": fault, "attempted": attempted,
    }  # fmt: skip
    return page(request, "review/one.html", status=status, section="relecture", **context)


def _proposed(assessments: Sequence[Any], service: Service) -> list[advice.Offer]:
    """Return the exams that the advice offers instead, once each."""
    offers = {offer.exam: offer for one in advice.advices(assessments, service) for offer in one.offers if offer.exam}
    return list(offers.values())
