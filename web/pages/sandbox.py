"""The sandbox of integrators: send a CDS Hooks call, see the cards as a prescription software would show them. Nothing is recorded."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.datastructures import FormData

from pertimage.fhir.requests import HOOKS
from pertimage.fhir.values import BadRequest
from pertimage.web.access import page_user
from pertimage.web.answers import object_of
from pertimage.web.demo.calls import Case, cases
from pertimage.web.hooks import cards_of
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

router = APIRouter(include_in_schema=False)

ROLE = "exploitant"
MOST = 200_000  # characters of a call typed here
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@router.get("/bac-a-sable", response_class=HTMLResponse)
def sandbox(request: Request, cas: str = "", hook: str = HOOKS[1]) -> HTMLResponse:
    """Show a case to try and the cards that answer it."""
    page_user(request, ROLE)
    chosen = next((case for case in cases() if case.kind == cas), cases()[0])
    body = chosen.body(hook if hook in HOOKS else HOOKS[1], service_of(request).today())
    return _shown(request, orjson.dumps(body, option=orjson.OPT_INDENT_2).decode(), chosen)


@router.post("/bac-a-sable", response_class=HTMLResponse)
def tried(request: Request, form: FormData = Depends(checked_form)) -> HTMLResponse:
    """Judge the call typed; nothing of it is kept."""
    page_user(request, ROLE)
    written = form.get("appel")
    return _shown(request, written[:MOST] if isinstance(written, str) else "", None)


def _shown(request: Request, call: str, chosen: Case | None) -> HTMLResponse:
    cards, fault = _cards(service_of(request), call)
    context: dict[str, Any] = {"call": call, "cards": cards, "fault": fault, "cases": cases(), "chosen": chosen}
    return page(request, "sandbox/page.html", status=422 if fault else 200, section="", **context)


def _cards(service: Service, call: str) -> tuple[list[dict[str, Any]], str]:
    """Return the cards, their detail as HTML; or none and what is wrong with the call."""
    try:
        found = service.read_call(object_of(call.encode()))
    except BadRequest as error:
        return [], f"{error.place} : {error.message_fr}" if error.place else error.message_fr
    judged = [(order, service.judge(order.request)) for order in found.orders]
    cards: list[dict[str, Any]] = cards_of(service, found.hook, judged)["cards"]
    return [card | {"html": Markup(_MARKDOWN.render(card["detail"]))} for card in cards], ""  # noqa: S704 - tags in it are escaped
