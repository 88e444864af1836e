"""The indicators over FHIR: their definitions (Measure) and their values (MeasureReport), small counts hidden."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from pertimage.audit.periods import Period
from pertimage.fhir.resources import bundle
from pertimage.guidelines.indicators import Indicator
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, refused
from pertimage.web.indicator_readings import indicators_of
from pertimage.web.measure_reports import reports, writer
from pertimage.web.service import Service

ROLES = frozenset(("equipe-projet", "exploitant", "api"))

router = APIRouter(prefix="/fhir", tags=["FHIR R4"], responses=ERRORS | {403: {"description": "Rôle sans droit sur les indicateurs"}})


@router.get("/Measure")
def search_measures(request: Request, user: User = Depends(api_user)) -> Response:
    """Search the indicators: all of them, or the one of ``?_id=`` or ``?url=``."""
    service = _allowed(request, user)
    made, wanted = (
        writer(service),
        request.query_params.get("_id") or request.query_params.get("url", "").rpartition("/")[2].partition("|")[0],
    )
    found = [one for one in indicators_of(service).values() if wanted in ("", one.id)]
    return _searchset(service, [made.measure(one) for one in found])


@router.get("/Measure/{name}")
def read_measure(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return the definition of an indicator."""
    service = _allowed(request, user)
    indicator = indicators_of(service).get(name)
    return fhir(writer(service).measure(indicator)) if indicator else refused(404, "not-found", "Indicateur inconnu.", f"Measure/{name}")


@router.get("/MeasureReport")
def search_reports(request: Request, measure: str = "", period: str = "", user: User = Depends(api_user)) -> Response:
    """Search the values of an indicator: ``?measure=`` its id or its address, ``&period=2026-10`` (2026-T3, 2026) for one period."""
    service = _allowed(request, user)
    if not measure:
        return refused(400, "required", "Dites quel indicateur : ?measure=total-imagerie", "measure")
    indicator = indicators_of(service).get(measure.partition("|")[0].rpartition("/")[2])
    if indicator is None:
        return refused(404, "not-found", "Indicateur inconnu.", "measure")
    if period and not _is_period(period, indicator):
        return refused(
            400, "value", f"Période illisible pour cet indicateur ({indicator.form.cadence}) : 2026-10, 2026-T3 ou 2026.", "period"
        )
    made = writer(service)
    return _searchset(service, [made.report(indicator, told, service.now()) for told in reports(service, indicator, period)])


def _is_period(label: str, indicator: Indicator) -> bool:
    try:
        return bool(Period.named(label, indicator.form.cadence))
    except ValueError:
        return False


def _allowed(request: Request, user: User) -> Service:
    service: Service = request.app.state.service
    if user.role not in ROLES and not service.settings.demo:
        raise HTTPException(403, "Les indicateurs sont à l'équipe projet.")
    return service


def _searchset(service: Service, resources: list[dict[str, Any]]) -> Response:
    return fhir(bundle(resources, service.now(), service.publisher) | {"type": "searchset", "total": len(resources)})
