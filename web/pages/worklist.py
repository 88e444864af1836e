"""The radiologists' worklist: what to review, the most pressing first; views kept for later; one decision on several requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.review import Decision, Refused
from pertimage.audit.worklist import RequestRow
from pertimage.web.access import User, page_user
from pertimage.web.pages.csrf import checked_form, text, texts
from pertimage.web.pages.draft import clean
from pertimage.web.pages.filters import COMMON_VIEWS, MODALITIES, OUTCOMES, STATES, read_filters, view_filters
from pertimage.web.pages.people import name_of, pseudonym
from pertimage.web.pages.recorded import Recorded, recorded
from pertimage.web.pages.view import flash, is_fragment, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/relecture", include_in_schema=False)

ROLE = "radiologue"
PER_PAGE = 50
MOST_VIEWS, LONGEST_NAME = 12, 40
# What may be decided of several requests at once: what needs no look at each.
AT_ONCE = {
    "valider": (Decision.APPROVE, "Valider"),
    "proposer": (Decision.SUBSTITUTE, "Remplacer par l'examen proposé"),
    "refuser": (Decision.REFUSE, "Refuser"),
    "reporter": (Decision.POSTPONE, "Reporter"),
}


@router.get("", response_class=HTMLResponse)
def worklist(request: Request) -> HTMLResponse:
    """List what there is to review, the most pressing first; htmx gets the list alone."""
    return _list(request, page_user(request, ROLE))


def _list(request: Request, user: User, *, status: int = 200, undone: Sequence[tuple[str, str]] = ()) -> HTMLResponse:
    service, filters = service_of(request), read_filters(request.query_params)
    me = pseudonym(service, user)
    wanted, number = filters.wanted(me, service.today()), _page_number(request)
    total = service.register.count(wanted)
    rows = service.register.worklist(wanted, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    sites = service.register.sites()
    context: dict[str, Any] = {
        "requests": [recorded(row, service) for row in rows], "filters": filters, "sites": sites, "site_names": {site.id: site.name for site in sites},
        "total": total, "number": number, "pages": max(1, -(-total // PER_PAGE)), "me": me, "name_of": lambda who: name_of(service, who),
        "since": service.register.latest_change(), "states": STATES, "modalities": MODALITIES, "outcomes": OUTCOMES, "at_once": AT_ONCE,
        "undone": undone, "can_decide": not filters.etat or filters.etat in ("a-relire", "en-cours"),
    }  # fmt: skip
    if is_fragment(request):
        return page(request, "review/rows.html", section="relecture", **context)
    views = [(name, view_filters(address), own) for name, address, own in _views(service, me)]
    return page(request, "review/list.html", status=status, section="relecture", views=views, **context)


def _page_number(request: Request) -> int:
    given = request.query_params.get("page", "1")
    return max(1, int(given)) if given.isdecimal() and len(given) < 6 else 1


def _views(service: Service, me: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the views of a radiologist, name and address: the common ones, then their own."""
    yield from ((name, address, False) for name, address in COMMON_VIEWS)
    yield from ((name, address, True) for name, address in _own_views(service, me).items())


def _own_views(service: Service, me: str) -> dict[str, str]:
    return dict(service.register.setting(f"vues:{me}", {}))


@router.post("/vues")
def keep_view(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Keep the filters on view under a name, or forget a view."""
    service, me = service_of(request), pseudonym(service_of(request), page_user(request, ROLE))
    views, name = _own_views(service, me), clean(form.get("nom"))[:LONGEST_NAME]
    filters = view_filters(text(form, "filtres", 600))
    if text(form, "oublier"):
        views.pop(text(form, "oublier"), None)
    elif not name or name in dict(COMMON_VIEWS):
        flash(request, "Donnez un nom à cette vue, autre que ceux des vues communes.")
    elif len(views) >= MOST_VIEWS and name not in views:
        flash(request, f"Douze vues au plus : oubliez-en une avant d'enregistrer « {name} ».")
    else:
        views[name] = filters.address
    service.register.set_setting(f"vues:{me}", views, at=service.now())
    return RedirectResponse(f"/relecture{filters.query}", 303)


@router.post("/lot")
def decide_several(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Decide the requests that are ticked, each for itself: what cannot be decided is said, and nothing else is held back by it."""
    user, service = page_user(request, ROLE), service_of(request)
    choice, reason = AT_ONCE.get(text(form, "lot")), clean(form.get("raison"))
    ticked = texts(form, "demande")[:PER_PAGE]
    if choice is None or not ticked:
        flash(request, "Cochez des demandes, puis choisissez une décision.")
        return RedirectResponse(f"/relecture{read_filters(request.query_params).query}", 303)
    undone = list(_decided_at_once(service, pseudonym(service, user), ticked, choice[0], reason))
    done = len(ticked) - len(undone)
    if not undone:
        flash(request, f"{done} demande{'s' if done > 1 else ''} : décision enregistrée.")
        return RedirectResponse(f"/relecture{read_filters(request.query_params).query}", 303)
    return _list(request, user, status=409, undone=undone)


def _decided_at_once(service: Service, me: str, ticked: Sequence[str], decision: Decision, reason: str) -> Iterator[tuple[str, str]]:
    """Decide each request; yield those that could not be, with the reason."""
    for identifier in dict.fromkeys(ticked):
        try:
            row = service.register.request(identifier)
            one = recorded(row, service)
            exam = _offered(one) if decision is Decision.SUBSTITUTE else None
            _check_obvious(one)
            service.register.decide(identifier, decision, radiologist=me, at=service.now(), reason=reason, exam=exam)
        except (Refused, ValueError) as refusal:
            yield _shown_name(service, identifier), str(refusal)


def _check_obvious(one: Recorded) -> None:
    if one.emergency:
        raise ValueError("Le patient relève des urgences : ouvrez cette demande pour la décider.")


def _offered(one: Recorded) -> str:
    """Return the first exam that the advice offers; ValueError when it offers none."""
    offered = next((offer.exam for offer in one.main.alternatives if offer.exam != "none"), "")
    if not offered:
        raise ValueError("Le référentiel ne propose pas d'autre examen.")
    return offered


def _shown_name(service: Service, identifier: str) -> str:
    try:
        row: RequestRow = service.register.request(identifier)
    except Refused:
        raise HTTPException(404) from None
    return recorded(row, service).exam
