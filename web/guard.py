"""What stands before every route: body size, security headers, and errors that say nothing of the patient."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("pertimage")

_STATIC_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_HEADERS = (*_STATIC_HEADERS, (b"cache-control", b"no-store"))
# The address of a patient page is its key: it goes to no other site, no cache and no index.
PATIENT = "/patient/"
_PATIENT_HEADERS = (
    *(pair for pair in _HEADERS if pair[0] != b"referrer-policy"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow, noarchive"),
)
_TOO_LARGE = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "too-long", "diagnostics": "Le corps de la requête dépasse la taille permise."}],
}
_BROKEN = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "fatal", "code": "exception", "diagnostics": "Erreur interne : la demande n'a pas été évaluée."}],
}


class TooLargeError(Exception):
    """The body is larger than this service reads."""


class Guard:
    """Pure ASGI middleware. ``max_body`` is in bytes, for announced and for streamed bodies alike; ``larger`` says otherwise of paths."""

    def __init__(self, app: ASGIApp, max_body: int, larger: Mapping[str, int] | None = None) -> None:
        self._app, self._max_body, self._larger = app, max_body, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a failure of ours is a 500 that says so, never an empty answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        ours = _headers_of(scope["path"])

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in ours if pair[0] not in given)]
            await send(message)

        try:
            await self._app(scope, self._limited(scope, receive), answer)
        except TooLargeError:
            await _refuse(answer, 413, _TOO_LARGE)
        except Exception as error:
            log.error("unhandled %s on %s", type(error).__name__, _route(scope))  # the message could hold patient data
            if started:
                raise
            await _refuse(answer, 500, _BROKEN)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        total, most = 0, self._larger.get(scope["path"], self._max_body)
        if announced.isdigit() and int(announced) > most:

            async def refuse() -> Message:
                raise TooLargeError

            return refuse

        async def limited() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > most:
                raise TooLargeError
            return message

        return limited


def _headers_of(path: str) -> tuple[tuple[bytes, bytes], ...]:
    if path.startswith(PATIENT):
        return _PATIENT_HEADERS
    return _STATIC_HEADERS if path.startswith("/static/") else _HEADERS


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "?")


async def _refuse(send: Send, status: int, body: object) -> None:
    content = orjson.dumps(body)
    headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
