"""Signing in with an access token, and out."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.web.access import account_of
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import flash, page, service_of

router = APIRouter(include_in_schema=False)

HOMES = {"prescripteur": "/prescrire", "radiologue": "/relecture", "equipe-projet": "/evaluation", "exploitant": "/"}


def safe_target(address: str) -> str:
    """Return the address when it is a page of this service, else nothing: no form leads elsewhere."""
    inside = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if inside and address.isprintable() else ""


@router.get("/connexion", response_class=HTMLResponse)
def sign_in_page(request: Request, vers: str = "") -> HTMLResponse:
    """Ask for an access token."""
    return page(request, "signin.html", target=safe_target(vers), fault="")


@router.post("/connexion")
def sign_in(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Open the session of a token's account; the page comes back, with a sentence, when the token is unknown."""
    target = safe_target(csrf.text(form, "vers"))
    user = account_of(service_of(request).settings, csrf.text(form, "jeton_acces", 500))
    if user is None or user.role not in HOMES:
        fault = "Ce jeton n'est pas reconnu." if user is None else "Ce jeton est réservé aux logiciels."
        return page(request, "signin.html", status=422, target=target, fault=fault)
    csrf.renew(request)
    request.session["user"] = {"name": user.name, "role": user.role}
    return RedirectResponse(target or HOMES[user.role], 303)


@router.post("/deconnexion")
def sign_out(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Close the session."""
    csrf.renew(request)
    flash(request, "Vous êtes déconnecté.")
    return RedirectResponse("/", 303)
