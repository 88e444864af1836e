"""Render the HTML pages: one Jinja environment, its French filters, and what every page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from pertimage import __version__
from pertimage.web.access import User
from pertimage.web.pages import csrf, french
from pertimage.web.service import Service

TEMPLATES = Path(__file__).parent.parent / "templates"
# What the menu shows: section, address, words, role that may open it (None: anyone).
MENU = (
    ("prescrire", "/prescrire", "Prescrire", "prescripteur"),
    ("mes-demandes", "/mes-demandes", "Mes demandes", "prescripteur"),
    ("mon-bilan", "/mon-bilan", "Mon bilan", "prescripteur"),
    ("se-former", "/se-former", "Se former", "prescripteur"),
    ("relecture", "/relecture", "Relecture", "radiologue"),
    ("evaluation", "/evaluation", "Évaluation", "equipe-projet"),
    ("politique", "/politique", "Politique", "equipe-projet"),
    ("territoire", "/territoire", "Territoire", None),
    ("referentiel", "/referentiel", "Référentiel", None),
)


def _templates() -> Jinja2Templates:
    templates = Jinja2Templates(directory=TEMPLATES)  # .html files are escaped by default
    templates.env.trim_blocks = templates.env.lstrip_blocks = True
    templates.env.filters |= {
        "fr": french.typography, "nombre": french.number, "jour": french.day, "instant": french.instant, "duree_depuis": french.elapsed,
        "dose": french.dose, "tarif": french.tariff, "delai": french.wait, "age": french.age, "capitale": french.capital, "lignes": lines,
    }  # fmt: skip
    templates.env.globals["icon"] = getattr(templates.env.get_template("partials/icons.html").module, "icon")  # noqa: B009 - a macro, not a known attribute
    return templates


def lines(text: str) -> Markup:
    """Return text with its line breaks shown, everything else escaped."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


templates = _templates()


def service_of(request: Request) -> Service:
    """Return the running service."""
    service: Service = request.app.state.service
    return service


def signed_in(request: Request) -> User | None:
    """Return who is signed in; None in demo mode, where nobody needs to be."""
    user = request.session.get("user")
    return User(user["name"], user["role"]) if user else None


def page(
    request: Request, template: str, *, status: int = 200, section: str = "", headers: dict[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """Return a page; ``section`` is the entry of the menu it belongs to."""
    return templates.TemplateResponse(request, template, _shared(request, section) | context, status_code=status, headers=headers)


def _shared(request: Request, section: str) -> dict[str, Any]:
    service = service_of(request)
    user = signed_in(request)
    return {
        "section": section, "demo": service.settings.demo, "user": user, "jeton": csrf.token(request), "menu": _menu(service, user),
        "guidelines": service.base.version, "brouillon": service.base.review_state == "draft", "version": __version__, "now": service.now(),
        "message": request.session.pop("message", None),
    }  # fmt: skip


def _menu(service: Service, user: User | None) -> list[tuple[str, str, str]]:
    role = user.role if user else None
    everything = service.settings.demo or role == "exploitant"
    return [(section, address, words) for section, address, words, needed in MENU if everything or needed is None or needed == role]


def is_fragment(request: Request) -> bool:
    """Say whether htmx asks for a piece of the page it is on."""
    return request.headers.get("hx-request") == "true"


def flash(request: Request, message: str) -> None:
    """Keep a sentence for the next page shown."""
    request.session["message"] = message
