"""The front door, which asks who you are."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pertimage.web.pages.view import page, service_of

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
def home(request: Request) -> HTMLResponse:
    """Show the doors: general practitioner, radiologist, project team, and the public guidelines."""
    base = service_of(request).base
    return page(request, "home.html", sheets=len(base.sheets), exams=len(base.catalogue.exams))
