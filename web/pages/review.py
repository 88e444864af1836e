"""One request under review: claim, decide, substitute, ask, get a second opinion. The register alone says what is still possible."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.restitution import Side
from pertimage.audit.review import CLAIM_LASTS, Changed, Decision, Refused, ReviewState, RuleOpinion, RuleVerdict, UnknownRequest
from pertimage.audit.store import utc_datetime
from pertimage.audit.worklist import OPEN_STATES, RequestRow
from pertimage.web.access import User, page_user
from pertimage.web.local_policy import RADIOLOGIST
from pertimage.web.pages import advice, restitution
from pertimage.web.pages.csrf import checked_form, text
from pertimage.web.pages.draft import clean
from pertimage.web.pages.filters import Filters, read_filters
from pertimage.web.pages.people import colleagues, name_of, pseudonym
from pertimage.web.pages.proposals import exam_named
from pertimage.web.pages.recorded import DECIDED, completed, exam_label, recorded, shown_advices
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/relecture", include_in_schema=False)

ROLE = "radiologue"
NEIGHBOURS = 200
LONGEST_POSTPONEMENT = timedelta(days=400)


@router.get("/{identifier}", response_class=HTMLResponse)
def one_review(request: Request, identifier: str) -> HTMLResponse:
    """Show one request with everything a decision needs."""
    user = page_user(request, ROLE)
    return _one(request, user, _row(service_of(request), identifier))


@router.get("/{identifier}/etat", response_class=HTMLResponse)
def standing(request: Request, identifier: str, version: int = 0) -> HTMLResponse:
    """Say what happened to the request since the version that a page shows; nothing when nothing did."""
    user, service = page_user(request, ROLE), service_of(request)
    row = _row(service, identifier)
    changed = (row.version or 0) != version and not _is_mine(row, pseudonym(service, user))
    return page(request, "review/standing.html", row=row, changed=changed, who=name_of(service, row.radiologist))


def _is_mine(row: RequestRow, me: str) -> bool:
    return row.state is ReviewState.IN_PROGRESS and row.radiologist == me


@router.post("/{identifier}/prendre")
def claim(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Take the request, so that colleagues see that it is being reviewed."""
    return _act(request, identifier, lambda me, service: service.register.claim(identifier, radiologist=me, at=service.now()))


@router.post("/{identifier}/confier")
def hand_over(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Hand the request to a colleague, to oneself (taken over from whoever holds it), or back to everyone."""
    chosen = text(form, "a")

    def hand(me: str, service: Service) -> None:
        user = page_user(request, ROLE)
        to = me if chosen == "moi" else service.pseudonyms.prescriber(chosen) if chosen in colleagues(service, user) else ""
        service.register.hand_over(identifier, radiologist=me, to=to, at=service.now())

    return _act(request, identifier, hand)


@router.post("/{identifier}/second-avis")
def ask_opinion(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Ask a colleague or a group for a second opinion."""
    to, question = text(form, "a"), clean(form.get("question"))

    def ask(me: str, service: Service) -> None:
        named = to in colleagues(service, page_user(request, ROLE))
        about = {"to": service.pseudonyms.prescriber(to)} if named else {"pool": to if to in service.settings.pool_names else ""}
        service.register.ask_opinion(identifier, question, radiologist=me, at=service.now(), **about)

    return _act(request, identifier, ask, said="Second avis demandé : la demande vous reviendra avec la réponse.")


@router.post("/{identifier}/donner-avis")
def give_opinion(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Give the second opinion asked for; the request goes back to who asked."""
    words = clean(form.get("avis_donne"))
    return _act(
        request, identifier, lambda me, service: service.register.give_opinion(identifier, words, radiologist=me, at=service.now()),
        said="Votre avis est transmis à votre confrère.",
    )  # fmt: skip


def _act(request: Request, identifier: str, act: Callable[[str, Service], object], said: str = "") -> Response:
    """Do something short of deciding; what is refused, or lacks something, is explained on the page of the request."""
    user, service = page_user(request, ROLE), service_of(request)
    row = _row(service, identifier)
    try:
        act(pseudonym(service, user), service)
    except ValueError as fault:
        return _one(request, user, row, status=422, fault=str(fault))
    except Refused as refusal:
        return _one(request, user, _row(service, row.id), status=409, fault=str(refusal))
    if said:
        flash(request, said)
    return RedirectResponse(f"/relecture/{row.id}{read_filters(request.query_params).query}", 303)


@router.post("/{identifier}/decision")
def decide(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Decide, then go to the next request; what was decided meanwhile elsewhere is said, not overwritten; sent again is not twice."""
    user, service = page_user(request, ROLE), service_of(request)
    row, filters, act = _row(service, identifier), read_filters(request.query_params), text(form, "acte")
    following = _next(service, user, filters, row.id)
    try:
        decision, about = _decision(form, service, row)
        if not service.register.is_recorded(row.id, act):
            service.register.decide(row.id, decision, radiologist=pseudonym(service, user), at=service.now(), act=act, **about)
    except ValueError as fault:
        return _one(request, user, row, status=422, fault=str(fault), form=form)
    except Refused as refusal:
        return _one(request, user, _row(service, identifier), status=409, fault=_told(refusal, service, row), form=form)
    flash(request, f"Décision enregistrée : {DECIDED[decision].lower()}.")
    return RedirectResponse(f"/relecture/{following}{filters.query}" if following else f"/relecture{filters.query}", 303)


@router.post("/{identifier}/restitution")
def note_result(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Note that the report is there, to whom it was sent, who explained it, or that there is nothing to explain."""
    return _restituted(
        request, identifier, lambda me, service: restitution.SAID[restitution.note(service, identifier, form, me, Side.RADIOLOGIST)]
    )


@router.post("/{identifier}/restitution/annuler")
def cancel_result(request: Request, identifier: str, form: FormData = Depends(checked_form)) -> Response:
    """Cancel an entry of the imaging side; it stays readable."""

    def cancel(me: str, service: Service) -> str:
        restitution.cancel(service, identifier, form, me, Side.RADIOLOGIST)
        return "Saisie annulée."

    return _restituted(request, identifier, cancel)


def _restituted(request: Request, identifier: str, act: Callable[[str, Service], str]) -> Response:
    user, service = page_user(request, ROLE), service_of(request)
    row = _row(service, identifier)
    try:
        said = act(pseudonym(service, user), service)
    except (ValueError, Refused) as fault:
        return _one(request, user, row, status=409 if isinstance(fault, Refused) else 422, result_fault=str(fault))
    flash(request, said)
    return RedirectResponse(f"/relecture/{row.id}{read_filters(request.query_params).query}#resultat", 303)


def _told(refusal: Refused, service: Service, row: RequestRow) -> str:
    if isinstance(refusal, Changed):
        return f"{refusal} Relisez-la, puis décidez : vos mots sont gardés."
    return f"{refusal} Rien n'a été enregistré."


def _decision(form: FormData, service: Service, row: RequestRow) -> tuple[Decision, dict[str, Any]]:
    """Return the decision posted with what it says; raises ValueError, in French, on what cannot be read."""
    word = text(form, "decision")
    if word not in set(map(str, Decision)):
        raise ValueError("Choisissez une décision.")
    version = text(form, "version")
    return Decision(word), {
        "reason": clean(form.get(f"raison-{word}")) or clean(form.get("raison")),
        "exam": _substituted(form, service) if word == Decision.SUBSTITUTE else None,
        "until": _until(text(form, "jusqu_au"), service.today()) if word == Decision.POSTPONE else None,
        "rule": _rule_opinion(form, recorded(row, service).main.rule),
        "version": int(version) if version.isdecimal() and len(version) < 9 else None,
    }  # fmt: skip


def _substituted(form: FormData, service: Service) -> str | None:
    typed = text(form, "autre_examen", 200)
    exam = exam_named(typed, service) if typed else text(form, "examen_propose") or None
    if typed and exam is None:
        raise ValueError(f"« {typed} » n'est pas un examen du catalogue : choisissez-le dans la liste.")
    if exam is not None and exam not in service.base.catalogue.exams:
        raise ValueError("Cet examen n'est pas dans le catalogue.")
    return exam


def _until(given: str, today: date) -> date | None:
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise ValueError(f"« {given} » n'est pas une date.") from None
    if not today < day <= today + LONGEST_POSTPONEMENT:
        raise ValueError("La demande peut revenir entre demain et dans treize mois.")
    return day


def _rule_opinion(form: FormData, rule: str | None) -> RuleOpinion | None:
    verdict = text(form, "regle")
    if not rule or verdict not in set(map(str, RuleVerdict)):
        return None
    return RuleOpinion(rule, RuleVerdict(verdict), clean(form.get("regle_mots")))


def _row(service: Service, identifier: str) -> RequestRow:
    try:
        return service.register.request(identifier)
    except UnknownRequest:
        raise HTTPException(404) from None


def _next(service: Service, user: User, filters: Filters, current: str) -> str | None:
    """Return the request that follows the current one in the list, or the first when it was the last."""
    listed = service.register.worklist(filters.wanted(pseudonym(service, user), service.today()), limit=NEIGHBOURS)
    alive = (*OPEN_STATES, ReviewState.POSTPONED, ReviewState.OPINION)
    rows = [row.id for row in listed if row.state in alive or row.id == current]
    if current not in rows:
        return rows[0] if rows else None
    place = rows.index(current)
    rest = rows[place + 1 :] + rows[:place]
    return rest[0] if rest else None


def _one(
    request: Request,
    user: User,
    row: RequestRow,
    *,
    status: int = 200,
    fault: str = "",
    form: FormData | None = None,
    result_fault: str = "",
) -> HTMLResponse:
    service, filters = service_of(request), read_filters(request.query_params)
    one = recorded(row, service)
    thread = service.register.thread(row.id)
    answers = [turn.text for turn in thread if turn.kind == "answer"]
    segments, facts = advice.reading(one.request.narrative, one.main.facts, service)
    me, now = pseudonym(service, user), service.now()
    held = row.state is ReviewState.IN_PROGRESS and row.claimed_at is not None
    lease = utc_datetime(row.claimed_at) + CLAIM_LASTS if held and row.claimed_at else None
    consulted = row.state is ReviewState.OPINION and row.radiologist != me and (row.consulted == me or bool(row.pool))
    context: dict[str, Any] = {
        "one": one, "thread": thread, "advices": shown_advices(one, service, RADIOLOGIST), "segments": segments, "facts": facts, "filters": filters,
        "questions": advice.questions(one.assessments, service), "mine": row.radiologist == me, "me": me, "following": _next(service, user, filters, row.id),
        "after_answer": advice.advices(service.judge(completed(one, answers)), service) if answers else [],
        "can_decide": row.status == "signed" and row.state is not ReviewState.DECIDED, "colleagues": colleagues(service, user),
        "pools": service.settings.pool_names, "who": name_of(service, row.radiologist), "name_of": lambda who: name_of(service, who), "consulted": consulted,
        "lease_over": lease is not None and lease <= now, "lease": lease, "act": text(form, "acte") if form else secrets.token_urlsafe(12),
        "exam_labels": sorted(exam.label for exam in service.base.catalogue.exams.values()), "exam_of": lambda exam: exam_label(exam, service),
        "proposed": _proposed(one.assessments, service), "fault": fault, "form": form or {}, "attempted": text(form, "decision") if form else "",
        "context": _context(one.request, service), "verdicts": RuleVerdict,
        "result": restitution.result_of(service, row, Side.RADIOLOGIST), "result_fault": result_fault, "choices": restitution.choices(),
        "tomorrow": service.today() + timedelta(days=1),
    }  # fmt: skip
    return page(request, "review/one.html", status=status, section="relecture", **context)


def _context(asked: Any, service: Service) -> dict[str, Any]:
    """Return what is known of the patient beside the words: facts of the record, earlier exams, what could not be had."""
    facts = [(service.label(known.fact), known) for known in asked.known]
    return {"facts": facts, "exams": asked.prior_exams, "unknown": asked.unknown_context}


def _proposed(assessments: Sequence[Any], service: Service) -> list[advice.Offer]:
    """Return the exams that the advice offers instead, once each."""
    offers = {offer.exam: offer for one in advice.advices(assessments, service) for offer in one.offers if offer.exam}
    return list(offers.values())
