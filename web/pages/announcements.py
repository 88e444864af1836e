"""The reports that are there and that nobody sent or explained yet, for the imaging department."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pertimage.audit.restitution_reading import unannounced
from pertimage.web.access import page_user
from pertimage.web.pages.recorded import recorded
from pertimage.web.pages.restitution import paris_today
from pertimage.web.pages.view import page, service_of

router = APIRouter(prefix="/relecture", include_in_schema=False)

ROLE = "radiologue"
MOST = 100


@router.get("/restitutions", response_class=HTMLResponse)
def announcements(request: Request, site: str = "") -> HTMLResponse:
    """List the reports to announce, the oldest first; ``site`` keeps those of one site."""
    page_user(request, ROLE)
    service = service_of(request)
    sites = service.register.sites()
    chosen = site if site in {one.id for one in sites} else ""
    found = {one.id: one for one in unannounced(service.store.reader, site=chosen, limit=MOST + 1)}
    names = list(found)[:MOST]
    context: dict[str, Any] = {
        "requests": [recorded(row, service) for row in service.register.requests(names)], "reported": {name: found[name].reported_at for name in names},
        "more": len(found) > MOST, "most": MOST, "sites": sites, "site": chosen, "site_names": {one.id: one.name for one in sites},
        "today": paris_today(service),
    }  # fmt: skip
    return page(request, "review/announcements.html", section="relecture", **context)
