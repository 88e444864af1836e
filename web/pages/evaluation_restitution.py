"""Do results reach patients? Counts and waits per site, from the report to its explanation, for the project team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from pertimage.audit.restitution import Explainer
from pertimage.audit.restitution_measures import by_site, published
from pertimage.audit.restitution_reading import signed_between
from pertimage.web.access import page_user
from pertimage.web.answers import json
from pertimage.web.pages import french
from pertimage.web.pages.restitution import paris_today
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/evaluation", include_in_schema=False)

ROLE = "equipe-projet"
PERIODS = {"90": "trois derniers mois", "180": "six derniers mois", "365": "douze derniers mois"}
USUAL = "180"


@dataclass(frozen=True, slots=True)
class Period:
    """The days of signature looked at, both included."""

    days: str
    first: date
    last: date


@router.get("/restitution", response_class=HTMLResponse)
def restitution(request: Request) -> HTMLResponse:
    """Show, per site, how many results were there, sent and explained, how fast and by whom."""
    page_user(request, ROLE)
    service = service_of(request)
    period = _period(request, service)
    names = {site.id: site.name for site in service.register.sites()}
    sites = [(names.get(site, site), figures) for site, figures in _figures(service, period).items()]
    context: dict[str, Any] = {
        "period": period, "periods": PERIODS, "rows": sites, "explainers": [(str(one), french.capital(one.french)) for one in Explainer],
        "percent": _percent, "days": _days,
    }  # fmt: skip
    return page(request, "evaluation/restitution.html", section="evaluation", **context)


@router.get("/restitution.json")
def restitution_json(request: Request) -> Response:
    """Send the same figures: counts as text (« ≤ 7 », « n.c. »), shares from 0 to 1, waits in days."""
    page_user(request, ROLE)
    service = service_of(request)
    period = _period(request, service)
    return json(
        {
            "from": period.first.isoformat(),
            "to": period.last.isoformat(),
            "fictitious": service.settings.demo,
            "sites": _figures(service, period),
        }
    )


def _period(request: Request, service: Service) -> Period:
    wanted = request.query_params.get("jours", USUAL)
    days, today = wanted if wanted in PERIODS else USUAL, paris_today(service)
    return Period(days, today - timedelta(days=int(days) - 1), today)


def _figures(service: Service, period: Period) -> dict[str, dict[str, Any]]:
    asked = signed_between(service.store.reader, period.first, period.last, fictitious=service.settings.demo)
    found = by_site(asked, service.base.tables.restitution, period.last)
    since = {one.site: one.site_since for one in asked}
    return {site: {"tracked_since": (since[site] or "")[:10] or None, **published(figures)} for site, figures in found.items()}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{french.number(100 * share, 0)}\u00a0%"


def _days(delay: dict[str, float | None]) -> str:
    median, p90 = delay["median_days"], delay["p90_days"]
    return "–" if median is None or p90 is None else f"{french.number(median)} ({french.number(p90)})"
