"""Does the service help? Advice, volumes, waits and irradiation, before and after the go-live, for the project team."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from pertimage.audit.disclosure import SMALL, shown
from pertimage.audit.suppression import ROUND
from pertimage.web.access import page_user
from pertimage.web.lacking import lacking
from pertimage.web.measures import Measures, asked, measures
from pertimage.web.pages import evaluation_tables as tables
from pertimage.web.pages.completeness_tables import completeness
from pertimage.web.pages.evaluation_drawings import (
    DRAWINGS,
    draw,
    irradiating_points,
    is_shown,
    place,
    technique,
    volume_points,
    wait_points,
)  # fmt: skip
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

ROLE = "equipe-projet"
REGION = "rachis-lombaire"
# A drawing opened alone is an SVG page whose only style is its own.
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the team looks at; None means all of it."""

    site: str | None
    modality: str | None
    region: str

    @property
    def query(self) -> str:
        """Return the choice as the end of an address, without its mark."""
        pairs = {"site": self.site, "technique": self.modality}
        return urlencode({name: value for name, value in pairs.items() if value})


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of the page: its title, its address, the description that stands for it; no address when it may not be drawn."""

    title: str
    source: str
    description: str
    unit: str = ""


@asynccontextmanager
async def warmed(app: FastAPI) -> AsyncIterator[None]:
    """Read the measures and draw one chart while the service starts: the first drawing loads the renderer, which takes a second."""
    warming = Thread(target=_warm, args=(app.state.service,), name="dessins")
    warming.start()
    yield
    warming.join()


def _warm(service: Service) -> None:
    measured = measures(service)
    if measured.weeks:
        _shown(service, measured, Choice(None, None, REGION))
        measured.chart(("volume", "", ""), lambda: draw(measured, "volume", None, None))


router = APIRouter(prefix="/evaluation", include_in_schema=False, lifespan=warmed)


@router.get("", response_class=HTMLResponse)
def evaluation(request: Request) -> HTMLResponse:
    """Show what changed, or did not, for the sites and techniques chosen."""
    page_user(request, ROLE)
    service = service_of(request)
    measured = measures(service)
    choice = _choice(request, measured)
    shared: dict[str, Any] = {
        "choice": choice,
        "measured": measured,
        "technique": technique,
        "place": place(measured, choice.site),
        "small": SMALL,
        "step": ROUND,
    }
    if not measured.weeks:
        return page(request, "evaluation/empty.html", section="evaluation", **shared)
    return page(request, "evaluation/page.html", section="evaluation", **shared, **_shown(service, measured, choice))


@router.get("/serie.csv")
def series(request: Request) -> Response:
    """Send the aggregated series as a CSV file that a French spreadsheet opens: semicolons, decimal commas, UTF-8 with its mark."""
    page_user(request, ROLE)
    measured = measures(service_of(request))
    choice = _choice(request, measured)
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(tables.csv_rows(measured, choice.site, choice.modality))
    name = "-".join(filter(None, ("pertimage-serie", choice.site, choice.modality)))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/graphique/{name}.svg")
def chart(request: Request, name: str, v: int | None = None) -> Response:
    """Draw a chart; ``v`` names the state of the data that the page showed."""
    page_user(request, ROLE)
    measured = measures(service_of(request), v)
    choice = _choice(request, measured)
    if name not in DRAWINGS or not measured.weeks:
        raise HTTPException(404)
    key = (name, choice.site or "", choice.modality or "")
    drawn = measured.chart(key, lambda: draw(measured, name, choice.site, choice.modality))
    headers = {"Content-Security-Policy": SVG_POLICY, "Cache-Control": "private, max-age=3600" if v == measured.version else "no-store"}
    return Response(drawn, media_type="image/svg+xml", headers=headers)


def _choice(request: Request, measured: Measures) -> Choice:
    """Return what the address asks for; 404 for a site or a technique that has no data."""
    wanted = {name: request.query_params.get(name, "") for name in ("site", "technique", "region")}
    site, modality = wanted["site"] or None, wanted["technique"] or None
    if site not in (None, *(one.id for one in measured.sites)) or modality not in (None, *measured.modalities):
        raise HTTPException(404)
    if modality not in (None, *measured.modalities_of(site)):
        modality = None  # another site was chosen, which does not have this technique
    region = wanted["region"] if wanted["region"] in measured.regions else REGION
    return Choice(site, modality, region)


def _shown(service: Service, measured: Measures, choice: Choice) -> dict[str, Any]:
    site, modality = choice.site, choice.modality
    own = [modality] if modality else measured.modalities_of(site)
    judged = measured.outcomes(site, modality)
    regions = service.base.catalogue.regions
    return {
        "sites": measured.sites, "modalities": measured.modalities, "span": measured.span,
        "go_live": measured.go_lives.get(site or ""), "judged": tables.spaced(shown(judged.judged)),
        "advice": tables.advice_shares(measured, site, modality), "advice_figure": _figure(measured, "avis", choice, modality, "Avis rendus"),
        "conclusions": tables.conclusions(measured, site, modality), "waited": "" if site else technique(modality or measured.longest),
        "changes": tables.change_rows(measured, site, modality), "forests": _forests(measured, choice),
        "volumes": _volumes(measured, choice, own), "volume_weeks": tables.volume_weeks(measured, site),
        "waits": _waits(measured, choice, own), "wait_weeks": tables.wait_weeks(measured, site, own),
        "volume_headings": ["Total", *map(technique, measured.modalities_of(site))], "wait_headings": [technique(one) for one in own],
        "irradiation": _irradiation(measured, choice), "irradiating_weeks": tables.irradiating_weeks(measured, site),
        "substitution": tables.substitution_rows(measured, site, choice.region), "seen": tables.seen(asked(service), site),
        "completeness": completeness(service, lacking(service), site),
        "regions": {region: regions[region].label if region in regions else region for region in measured.regions},
    }  # fmt: skip


def _volumes(measured: Measures, choice: Choice, own: list[str]) -> list[Figure]:
    wanted: list[str | None] = [None, *own] if choice.modality is None else [*own]
    return [
        _figure(
            measured,
            "volume",
            choice,
            one,
            technique(one),
            "examens par semaine",
            shown=is_shown(volume_points(measured, choice.site, one)),
        )
        for one in wanted
    ]


def _waits(measured: Measures, choice: Choice, own: list[str]) -> list[Figure]:
    return [
        _figure(measured, "delai", choice, one, technique(one), "jours", shown=is_shown(wait_points(measured, choice.site, one)))
        for one in own
    ]


def _irradiation(measured: Measures, choice: Choice) -> Figure | None:
    if choice.modality is not None:
        return None
    shown = is_shown(irradiating_points(measured, choice.site))
    return _figure(measured, "irradiation", choice, None, "Part des examens irradiants", "% des examens", shown=shown)


def _forests(measured: Measures, choice: Choice) -> list[Figure]:
    volume = _figure(measured, "ecarts-volume", choice, choice.modality, "Volume", "écart en % du volume avant")
    waited = "" if choice.site or choice.modality else f", {technique(measured.longest)}"
    return [volume, _figure(measured, "ecarts-delai", choice, choice.modality, f"Délai médian{waited}", "écart en jours")]


def _figure(
    measured: Measures, name: str, choice: Choice, modality: str | None, title: str, unit: str = "", *, shown: bool = True
) -> Figure:
    if not shown:
        return Figure(title, "", "", unit)
    pairs = {"site": choice.site, "technique": modality, "v": str(measured.version)}
    query = urlencode({key: value for key, value in pairs.items() if value})
    return Figure(title, f"/evaluation/graphique/{name}.svg?{query}", _description(measured, name, choice.site, modality), unit)


def _description(measured: Measures, name: str, site: str | None, modality: str | None) -> str:
    return DRAWINGS[name](measured, site, modality).description
