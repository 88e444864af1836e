"""Every form carries a token bound to the session: a page of another site cannot post in the user's name."""

from __future__ import annotations

import hmac
import secrets

from fastapi import HTTPException, Request
from starlette.datastructures import FormData

from pertimage.web.guard import TooLargeError

FIELD = "_jeton"
EXPIRED = "Cette page est restée ouverte trop longtemps. Rechargez-la, puis recommencez : rien n'a été enregistré."


def token(request: Request) -> str:
    """Return the session's token, made when the session has none."""
    found: str = request.session.setdefault("csrf", secrets.token_urlsafe(32))
    return found


def renew(request: Request) -> None:
    """Forget the session and its token: after signing in or out, earlier pages may post no more."""
    request.session.clear()


async def checked_form(request: Request) -> FormData:
    """Return the form posted; 403 when its token is not the session's."""
    return _checked(request, await request.form(max_files=0, max_fields=400))


def _checked(request: Request, form: FormData) -> FormData:
    given, expected = form.get(FIELD), request.session.get("csrf", "")
    if not isinstance(given, str) or not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(403, EXPIRED)
    return form


async def checked_upload(request: Request) -> FormData:
    """Return the form posted with its file; 403 when its token is not the session's, 413 when it is too large."""
    try:
        form = await request.form(max_files=1, max_fields=20)
    except TooLargeError:
        most = request.app.state.service.settings.max_import >> 20
        raise HTTPException(413, f"Fichier de plus de {most} Mio : compressez-le (gz), ou importez-le en ligne de commande.") from None
    return _checked(request, form)


def text(form: FormData, name: str, limit: int = 400) -> str:
    """Return a field as trimmed text, at most ``limit`` characters; empty when absent."""
    value = form.get(name, "")
    return value.strip()[:limit] if isinstance(value, str) else ""


def texts(form: FormData, name: str) -> list[str]:
    """Return every value of a repeated field."""
    return [value for value in form.getlist(name) if isinstance(value, str)]
