"""Errors of the pages, in French and in HTML; the API keeps its JSON."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pertimage.web.answers import api_error
from pertimage.web.pages.view import is_fragment, page, templates

log = logging.getLogger("pertimage")

# Addresses that programs call: their errors are not for people.
PROGRAMS = ("/fhir", "/cds-services", "/sante", "/metrics", "/openapi.json", "/static")
TITLES = {
    403: "Accès réservé",
    404: "Page introuvable",
    405: "Cette page ne s'ouvre pas ainsi",
    409: "Ce n'est plus possible",
    422: "Saisie incomplète",
    500: "Le service a rencontré une erreur",
}
SENTENCES = {
    404: "L'adresse est peut-être incomplète, ou la page a changé de place.",
    405: "Revenez à l'accueil et recommencez.",
    422: "Un champ n'a pas pu être lu. Revenez en arrière et vérifiez votre saisie.",
    500: "Rien n'a été enregistré et aucun avis n'a été rendu : ne prenez pas ce silence pour une approbation.",
}


def is_page(scope: Scope) -> bool:
    """Say whether a person, not a program, asks for this address."""
    return not str(scope["path"]).startswith(PROGRAMS)


def error_page(request: Request, status: int, detail: str = "") -> Response:
    """Return the page of an error; a fragment when htmx asked for one."""
    sentence = detail if status in (403, 409) and detail else SENTENCES.get(status, detail)
    context: dict[str, Any] = {"code": status, "title": TITLES.get(status, "La demande n'a pas abouti"), "sentence": sentence}
    if is_fragment(request):
        return templates.TemplateResponse(request, "errors/fragment.html", context, status_code=status)
    return page(request, "errors/page.html", status=status, **context)


def register_errors(app: FastAPI) -> None:
    """Give pages their error pages; to be called before the outermost middleware is added."""

    async def on_http(request: Request, error: HTTPException) -> Response:
        if not is_page(request.scope):
            return api_error(error)
        if 300 <= error.status_code < 400 and error.headers and "Location" in error.headers:
            return Response(status_code=error.status_code, headers=dict(error.headers))
        return error_page(request, error.status_code, str(error.detail))

    async def on_validation(request: Request, error: RequestValidationError) -> Response:
        if not is_page(request.scope):
            return await request_validation_exception_handler(request, error)
        return error_page(request, 422)

    app.add_exception_handler(HTTPException, on_http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, on_validation)  # type: ignore[arg-type]
    app.add_middleware(PageFailures)


class PageFailures:
    """Pure ASGI middleware: an unexpected failure of a page is an HTML 500, logged without a word of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what programs call is left to the guard."""
        if scope["type"] != "http" or not is_page(scope):
            await self._app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            if started or type(error).__name__ == "TooLargeError":
                raise
            log.error("unhandled %s on a page", type(error).__name__)  # the message could hold patient data
            await error_page(Request(scope), 500)(scope, receive, send)
