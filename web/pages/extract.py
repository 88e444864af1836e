"""The extract for researchers: what it holds, taking the protected one, which were made; a restricted one is for the command line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.background import BackgroundTask
from starlette.datastructures import FormData

from pertimage import __version__
from pertimage.audit.disclosure import SMALL
from pertimage.audit.extraction.build import Order
from pertimage.audit.extraction.catalogue import AGGREGATES, LINES
from pertimage.audit.extraction.files import Form
from pertimage.audit.extraction.register import extracts_of, make
from pertimage.audit.extraction.source import Wanted
from pertimage.audit.suppression import ROUND
from pertimage.web.access import page_user
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import page, service_of

router = APIRouter(prefix="/evaluation/extrait", include_in_schema=False)

ROLE = "equipe-projet"
# Form of the file, its name, what it is served as.
FORMS = {"csv": (Form.CSV, "zip", "application/zip"), "sqlite": (Form.SQLITE, "db", "application/vnd.sqlite3")}
BUSY = "Un extrait est déjà en préparation : réessayez dans un moment."
_turn = Lock()


@router.get("", response_class=HTMLResponse)
def extract(request: Request) -> HTMLResponse:
    """Say what an extract is, offer the protected one, list those that were made."""
    page_user(request, ROLE)
    return _shown(request)


@router.post("", response_model=None)
def take(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Send the protected extract of the months asked for."""
    user, service = page_user(request, ROLE), service_of(request)
    chosen, since, until = csrf.text(form, "format", 10), csrf.text(form, "depuis", 10), csrf.text(form, "jusqu_a", 10)
    kind, suffix, media = FORMS.get(chosen, FORMS["csv"])
    try:
        order = Order(Wanted(since or None, until or None, None, service.settings.demo), author=user.name, version=__version__)
    except ValueError as error:
        return _shown(request, status=422, fault=str(error), chosen=chosen, since=since, until=until)
    if not _turn.acquire(blocking=False):
        return _shown(request, status=503, fault=BUSY, chosen=chosen, since=since, until=until)
    folder = tempfile.TemporaryDirectory(prefix="pertimage-extrait-")
    try:
        name = "-".join(filter(None, ("pertimage", "fictif" if service.settings.demo else "", "extrait", since, until)))
        made = make(service.journal, Path(folder.name) / f"{name}.{suffix}", kind, order, at=service.now())
    except BaseException:
        folder.cleanup()
        raise
    finally:
        _turn.release()
    headers = {"Cache-Control": "no-store"}
    return FileResponse(made.path, media_type=media, filename=made.path.name, headers=headers, background=BackgroundTask(folder.cleanup))


def _shown(request: Request, *, status: int = 200, fault: str = "", **given: Any) -> HTMLResponse:
    service = service_of(request)
    about = {"chosen": "csv", "since": "", "until": ""} | given
    made = extracts_of(service.store.reader, limit=50)
    return page(
        request, "evaluation/extract.html", status=status, section="evaluation", fault=fault, made=made, tables=AGGREGATES, lines=LINES,
        small=SMALL, step=ROUND, **about,
    )  # fmt: skip
