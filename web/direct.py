"""The judgement of orders, reached before the framework's routing.

A prescriber waits for this call and nothing else: FastAPI's layers would cost it as much as reading the orders does. Everything else
passes through to the application.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pertimage.fhir.discovery import SERVICE_ID
from pertimage.web.access import api_user
from pertimage.web.answers import api_error
from pertimage.web.hooks import cards_for

PATH = f"/cds-services/{SERVICE_ID}"


class Direct:
    """Pure ASGI middleware: a POST to our CDS service is answered here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await cards_for(request, await api_user(request))
        except HTTPException as refusal:
            answer = api_error(refusal)
        await answer(scope, receive, send)
