"""The satisfaction survey: professionals answer it in two minutes, without a free text and without a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.instants import PARIS
from pertimage.audit.review import Refused
from pertimage.audit.survey import NEVER_PAST, QUESTIONS, Answer, Campaign, Overriding, Reason, Role, Subject, Surveys, answer_key
from pertimage.web.access import professional
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/satisfaction", include_in_schema=False)

MARKS = ("pas du tout d'accord", "plutôt pas d'accord", "ni l'un ni l'autre", "plutôt d'accord", "tout à fait d'accord")
OWN = {
    "rapidite": "Cet outil est assez rapide pour mon travail.",
    "utilite": "Cet outil m'aide à obtenir le bon examen pour le patient.",
    "confiance": "J'ai confiance dans ce que cet outil m'indique.",
}
UNSAID = "non-dit"
_SUS = tuple(f"q{rank}" for rank in range(1, len(QUESTIONS) + 1))


@router.get("", response_class=HTMLResponse)
def survey(request: Request) -> HTMLResponse:
    """Show the questions of the campaign under way, or why there is nothing to answer."""
    return _shown(request)


@router.post("", response_model=None)
def answer(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Keep the answers; the questions left aside are named, and nothing typed is lost."""
    user, service = professional(request), service_of(request)
    said: dict[str, Any] = {name: csrf.text(form, name, 80) for name in ("campagne", "metier", "site", "outre", *_SUS, *OWN)}
    said["raisons"] = csrf.texts(form, "raison")
    missing = [name for name in ("metier", "site", *_SUS) if not said[name]]
    if missing:
        return _shown(request, said=said, missing=missing, status=422)
    try:
        given = _read(said, service)
        key = answer_key(service.settings.key, said["campagne"], user.name)
        Surveys(service.journal).answer(said["campagne"], key, given, day=today(service), at=service.now())
    except ValueError as error:
        return _shown(request, said=said, fault=str(error), status=422)
    except Refused as refusal:
        return _shown(request, said=said, fault=str(refusal), status=409)
    flash(request, "Vos réponses sont enregistrées, sans votre nom. Merci.")
    return RedirectResponse("/satisfaction", 303)


def today(service: Service) -> date:
    """Return the day in Paris."""
    return service.now().astimezone(PARIS).date()


def sites_of(service: Service) -> dict[str, str]:
    """Return the names of the sites that can be declared: fictitious ones in a demonstration only."""
    return {site.id: site.name for site in service.register.sites(fictitious=service.settings.demo)}


def _read(said: Mapping[str, Any], service: Service) -> Answer:
    """Return the answer of a form whose mandatory fields are filled; raises ValueError for what no button gives."""
    site = "" if said["site"] == UNSAID else said["site"]
    if site and site not in sites_of(service):
        raise ValueError("Choisissez un site de la liste.")
    role = next((role for role in Role if role.value == said["metier"]), None)
    if role is None:
        raise ValueError("Choisissez votre métier dans la liste.")
    overriding = next((one for one in Overriding if one.value == said["outre"]), None)
    past = overriding is not None and overriding not in NEVER_PAST
    reasons = tuple(reason for reason in Reason if past and reason.value in said["raisons"])
    speed, usefulness, trust = (_mark(said[name]) for name in OWN)
    sus = tuple(_mark(said[name]) or 0 for name in _SUS)
    return Answer(role, site, sus, speed, usefulness, trust, overriding, reasons)


def _mark(written: str) -> int | None:
    return int(written) if written in tuple("12345") else None


def _shown(
    request: Request, *, said: Mapping[str, Any] | None = None, missing: list[str] | None = None, fault: str = "", status: int = 200
) -> HTMLResponse:
    user, service = professional(request), service_of(request)
    surveys = Surveys(service.journal)
    campaign: Campaign | None = surveys.current(today(service))
    done = campaign is not None and surveys.has_answered(campaign.id, answer_key(service.settings.key, campaign.id, user.name))
    about: dict[str, Any] = {
        "campaign": campaign, "done": done, "said": said or {}, "missing": missing or [], "fault": fault, "questions": tuple(zip(_SUS, QUESTIONS, strict=True)),
        "own": OWN, "marks": MARKS, "roles": tuple(Role), "sites": sites_of(service), "overridings": tuple(Overriding), "reasons": tuple(Reason),
        "unsaid": UNSAID, "of_service": campaign is not None and campaign.subject is Subject.SERVICE,
    }  # fmt: skip
    return page(request, "satisfaction/form.html", status=status, section="satisfaction", **about)
