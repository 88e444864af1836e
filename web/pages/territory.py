"""The territory: where an exam is done, how long one waits there, how one gets in. Public: it holds nothing of any patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from pertimage.audit.places import ACCESS, LANGUAGES, Place
from pertimage.audit.waits import LEAST_EXAMS, WINDOW_DAYS
from pertimage.cds.territory import Wait
from pertimage.guidelines.schema import ExamForm, Modality
from pertimage.web.answers import json
from pertimage.web.pages.french import tariff
from pertimage.web.pages.reference import MODALITIES, exams_by_technique
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

router = APIRouter(include_in_schema=False)

ORDERS = {"delai": "du plus proche rendez-vous", "distance": "du plus près"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: an exam or a technique (DICOM code), near which town, what access and language, in which order."""

    exam: ExamForm | None = None
    technique: str = ""
    near: str = ""
    access: tuple[str, ...] = ()
    language: str = ""
    order: str = "delai"

    @property
    def modality(self) -> str:
        """Return the technique looked for, that of the exam when there is one; empty for any."""
        return str(self.exam.modality) if self.exam else self.technique


@dataclass(frozen=True, slots=True)
class Site:
    """A site that answers: its waits (of the technique looked for, else of all), and its distance in km when it can be told."""

    place: Place
    waits: tuple[Wait, ...]
    km: float | None

    @property
    def soonest(self) -> float:
        """Return what ranks it by wait: unknown comes last."""
        return min((wait.median for wait in self.waits), default=float("inf"))


@router.get("/territoire", response_class=HTMLResponse)
def territory_page(request: Request) -> HTMLResponse:
    """Show the sites that do an exam, soonest or nearest first."""
    service = service_of(request)
    wanted, places = _wanted(request, service), described(service)
    found = sites(wanted, places, _waits(service))
    undescribed = sorted({wait.name for wait in _waits(service) if wait.modality == wanted.modality} - {place.name for place in places})
    return page(
        request, "territory/page.html", section="territoire", wanted=wanted, sites=found, towns=sorted({place.town for place in places}), described=bool(places),
        undescribed=undescribed if wanted.modality else (), accesses=ACCESS, languages={code: LANGUAGES[code] for place in places for code in place.languages},
        orders=ORDERS, techniques=MODALITIES, exam_names=exams_by_technique(service.base), window=WINDOW_DAYS, least=LEAST_EXAMS,
        price=tariff(wanted.exam.tariff_eur, wanted.modality) if wanted.exam else "", modality_words=_modality_words,
    )  # fmt: skip


@router.get("/territoire.json")
def territory_json(request: Request) -> Response:
    """Return the same as JSON."""
    service = service_of(request)
    wanted = _wanted(request, service)
    found = sites(wanted, described(service), _waits(service))
    return json({
        "exam": wanted.exam.id if wanted.exam else None, "modality": wanted.modality or None, "tariff_eur": wanted.exam.tariff_eur if wanted.exam else None,
        "window_days": WINDOW_DAYS, "sites": [_as_json(one) for one in found],
    })  # fmt: skip


def described(service: Service) -> list[Place]:
    """Return the sites of the catalogue."""
    return [Place.model_validate(document) for document in service.register.places()]


def sites(wanted: Wanted, places: list[Place], waits: tuple[Wait, ...]) -> list[Site]:
    """Return the sites that do what is looked for and meet every need, in the order asked; distances are from the town named."""
    centre = next((place for place in places if place.town == wanted.near and place.latitude is not None), None)
    found = []
    for place in places:
        if wanted.modality and wanted.modality not in place.techniques:
            continue
        if not set(wanted.access) <= set(place.access) or (wanted.language and wanted.language not in place.languages):
            continue
        own = tuple(wait for wait in waits if wait.site == place.id and wanted.modality in ("", wait.modality))
        found.append(Site(place, own, place.distance_to(centre) if centre else None))
    by_distance = wanted.order == "distance" and centre is not None
    return sorted(found, key=lambda one: ((_far(one), one.soonest) if by_distance else (one.soonest, _far(one)), one.place.name))


def _far(one: Site) -> float:
    return float("inf") if one.km is None else one.km


def _waits(service: Service) -> tuple[Wait, ...]:
    known = service.places.territory
    return known.waits if known.digest else service.places.learn().waits


def _wanted(request: Request, service: Service) -> Wanted:
    """Return what the address asks for; what is unknown is left out."""
    asked = request.query_params
    technique, order = asked.get("technique", ""), asked.get("tri", "")
    return Wanted(
        service.base.catalogue.exams.get(asked.get("examen", "")),
        technique if technique in {str(modality) for modality in Modality} else "",
        asked.get("pres_de", "")[:100],
        tuple(dict.fromkeys(one for one in asked.getlist("acces") if one in ACCESS)),
        asked.get("langue", "") if asked.get("langue", "") in LANGUAGES else "",
        order if order in ORDERS else "delai",
    )


def _modality_words(modality: str) -> str:
    return MODALITIES[Modality(modality)]


def _as_json(one: Site) -> dict[str, Any]:
    return one.place.document() | {
        "distance_km": None if one.km is None else round(one.km, 1),
        "waits": [wait.to_json() for wait in one.waits],
    }
