"""The committee's queue: what the guidelines did not judge, and what prescribers set aside."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from pertimage.audit.unscored import RuleFeedback
from pertimage.fhir.vocabularies import OVERRIDES
from pertimage.web.access import page_user
from pertimage.web.anonymous import SHOWN_FROM
from pertimage.web.follow_up import PERIODS, follow_up
from pertimage.web.pages.french import MONTHS
from pertimage.web.pages.view import page, service_of
from pertimage.web.plain_table import percent

ROLE = "equipe-projet"

router = APIRouter(prefix="/referentiel", include_in_schema=False)


@router.get("/suivi", response_class=HTMLResponse)
def follow_up_page(request: Request, periode: str = "trimestre") -> HTMLResponse:
    """Show what to write next: requests without judgement by exam and reason, sheets and positions to write, advice set aside."""
    page_user(request, ROLE)
    if periode not in PERIODS:
        raise HTTPException(404)
    service = service_of(request)
    found = follow_up(service, periode)
    return page(
        request, "reference/follow_up.html", section="referentiel", found=found, period=periode, periods=PERIODS, percent=percent,
        least=SHOWN_FROM, month=month, rules=[(one, *_of_sheet(one)) for one in found.feedback], reason_words=_reason_words, sheets=service.base.sheets,
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
