"""The committee's queue: what the guidelines did not judge, and what prescribers set aside."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.agreement import LEAST, SILENT_BELOW, Verdict, rule_decisions_of
from pertimage.audit.policies import AnotherInForce
from pertimage.audit.store import utc_datetime
from pertimage.audit.unscored import RuleFeedback
from pertimage.fhir.vocabularies import OVERRIDES
from pertimage.web.access import page_user
from pertimage.web.anonymous import SHOWN_FROM
from pertimage.web.follow_up import PERIODS, first_week, follow_up
from pertimage.web.pages.csrf import checked_form, text
from pertimage.web.pages.french import MONTHS
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.plain_table import percent
from pertimage.web.rule_review import LEAST_TOLD, UndecidableError, decide, reviewed_rules

ROLE = "equipe-projet"

router = APIRouter(prefix="/referentiel", include_in_schema=False)


@router.get("/suivi", response_class=HTMLResponse)
def follow_up_page(request: Request, periode: str = "trimestre") -> HTMLResponse:
    """Show what to write next: requests without judgement by exam and reason, rules doubted, advice set aside."""
    page_user(request, ROLE)
    if periode not in PERIODS:
        raise HTTPException(404)
    return _shown(request, periode)


@router.post("/suivi/decision", response_model=None)
def decided(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Take a decision of the committee on a rule; refused, said where it was typed, without author or reason."""
    user = page_user(request, ROLE)
    service, rule, period = service_of(request), text(form, "regle"), text(form, "periode")
    period = period if period in PERIODS else "trimestre"
    author, reason, chosen = text(form, "auteur"), text(form, "motif", 1000), text(form, "verdict")
    typed = {"rule": rule, "author": author, "reason": reason, "verdict": chosen}
    if chosen not in set(Verdict):
        return _shown(request, period, fault="Choisissez une décision.", typed=typed, status=422)
    signed = author if not author or author == user.name or service.settings.demo else f"{author} (compte {user.name})"
    try:
        decide(service, rule, Verdict(chosen), author=signed, reason=reason)
    except (UndecidableError, AnotherInForce) as refused:
        return _shown(request, period, fault=str(refused), typed=typed, status=409 if isinstance(refused, AnotherInForce) else 422)
    flash(request, f"Décision enregistrée : règle {rule} {Verdict(chosen).french}.")
    return RedirectResponse(f"/referentiel/suivi?periode={period}#t-accord", 303)


def _shown(request: Request, period: str, *, status: int = 200, **typed: Any) -> HTMLResponse:
    service = service_of(request)
    found = follow_up(service, period)
    since = first_week(service.today(), PERIODS[period][1])
    return page(
        request, "reference/follow_up.html", status=status, section="referentiel", found=found, period=period, periods=PERIODS, percent=percent,
        least=SHOWN_FROM, month=month, rules=[(one, *_of_sheet(one)) for one in found.feedback], reason_words=_reason_words, sheets=service.base.sheets,
        doubts=reviewed_rules(service, datetime.combine(since, time()) if since else None),
        decisions=[(one, utc_datetime(one.at)) for one in rule_decisions_of(service.store, limit=20)],
        verdicts=Verdict, least_told=LEAST_TOLD, least_opinions=LEAST, silent_below=SILENT_BELOW, **({"fault": "", "typed": {}} | typed),
    )  # fmt: skip


def month(name: str) -> str:
    """Return a month (« 2026-11 ») in words."""
    year, _, rank = name.partition("-")
    return f"{MONTHS[int(rank) - 1]} {year}"


def _of_sheet(one: RuleFeedback) -> tuple[str, str]:
    """Return the sheet and the rule of a rule's name."""
    sheet, _, rule = one.rule.partition("/")
    return sheet, rule


def _reason_words(reason: str) -> str:
    return OVERRIDES.displays.get(reason, reason or "sans motif donné")
