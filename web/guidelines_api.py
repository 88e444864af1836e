"""The guidelines for programs, public: JSON as the authors write it, and FHIR PlanDefinitions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from pertimage.fhir.plans import PlanWriter
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.resources import bundle
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.edition import Edition, editions, written
from pertimage.web.answers import fhir, json, refused
from pertimage.web.pages.condition_words import ConditionWords
from pertimage.web.service import Service

router = APIRouter(tags=["Référentiel"])
_NO_SHEET = {"erreur": "Fiche inconnue."}


@router.get("/referentiel.json")
def whole_base(request: Request) -> Response:
    """Return the whole base: its version, its sheets as their authors write them, the facts and exams that they name."""
    service: Service = request.app.state.service
    return Response(_base_bytes(service.base), media_type="application/json")


@router.get("/referentiel/{sheet}.json")
def one_sheet(sheet: str, request: Request) -> Response:
    """Return a sheet of today's base."""
    service: Service = request.app.state.service
    found = editions(service.base).get(sheet)
    return json(_with_base(found, service.base.version)) if found else json(_NO_SHEET, 404)


@router.get("/referentiel/{sheet}/versions/{digest}.json")
def one_version(sheet: str, digest: str, request: Request) -> Response:
    """Return a sheet in a version that the service has served."""
    service: Service = request.app.state.service
    current = editions(service.base).get(sheet)
    if current is not None and current.digest == digest:
        return json(_with_base(current, service.base.version))
    kept = service.register.edition(sheet, digest)
    if kept is None:
        return json(_NO_SHEET, 404)
    facts = {fact: name["label"] for fact, name in kept["facts"].items()}
    return json(
        _sheet(orjson.loads(kept["form"]), kept["chapter"], digest)
        | {"referentiel": kept["guidelines"], "faits": facts, "examens": kept["exams"]}
    )


@lru_cache(maxsize=2)
def _base_bytes(base: GuidelineBase) -> bytes:
    return orjson.dumps(base_json(base))


def base_json(base: GuidelineBase) -> dict[str, Any]:
    """Return a base as JSON with stable keys (see docs/fiches.md): ``fiches`` and ``examens`` in the form that authors write."""
    facts = {
        name: {"libelle": fact.label, "question": fact.question, "type": "nombre" if fact.is_number else "oui-non"}
        | ({"unite": fact.unit} if fact.unit else {}) | {"cim10": fact.icd10, "cisp2": fact.icpc2, "snomed": fact.snomed}
        for name, fact in base.lexicon.facts.items()
    }  # fmt: skip
    exams = {name: exam.model_dump(mode="json", by_alias=True, exclude_defaults=True) for name, exam in base.catalogue.exams.items()}
    sheets = {name: _sheet(written(one.form), one.chapter, one.digest) for name, one in editions(base).items()}
    return {
        "version": base.version,
        "etat": "brouillon" if base.review_state == "draft" else "publie",
        "fiches": sheets,
        "faits": facts,
        "examens": exams,
    }


def _with_base(edition: Edition, version: str) -> dict[str, Any]:
    facts = {fact: name.label for fact, name in edition.facts.items()}
    return _sheet(written(edition.form), edition.chapter, edition.digest) | {
        "referentiel": version,
        "faits": facts,
        "examens": dict(edition.exams),
    }


def _sheet(form: dict[str, Any], chapter: str, digest: str) -> dict[str, Any]:
    return {"version": digest, "chapitre": chapter, "fiche": form}


@router.get("/fhir/PlanDefinition/{name}")
def plan(name: str, request: Request) -> Response:
    """Return a sheet as a FHIR R4 PlanDefinition."""
    service: Service = request.app.state.service
    found = plans(service.base, service.publisher).get(name)
    return fhir(found) if found else refused(404, "not-found", "Fiche inconnue.", f"PlanDefinition/{name}")


@router.get("/fhir/PlanDefinition")
def search_plans(
    request: Request, url: str | None = None, identifiers: str | None = Query(None, alias="_id"), title: str | None = None
) -> Response:
    """Search the sheets by canonical address, by ids separated by commas, by the beginning of a title; all of them without criteria."""
    service: Service = request.app.state.service
    found = list(plans(service.base, service.publisher).values())
    if url is not None:
        found = [one for one in found if one["url"] == url.partition("|")[0] and url.partition("|")[2] in ("", one["version"])]
    if identifiers is not None:
        found = [one for one in found if one["id"] in identifiers.split(",")]
    if title is not None:
        found = [one for one in found if one["title"].casefold().startswith(title.casefold())]
    return fhir(bundle(found, service.now(), service.publisher) | {"type": "searchset", "total": len(found)})


@lru_cache(maxsize=4)
def plans(base: GuidelineBase, publisher: Publisher) -> dict[str, dict[str, Any]]:
    """Return the PlanDefinition of each sheet of a base, by id."""
    exams = base.catalogue.exams
    words = ConditionWords(base.lexicon, lambda exam: exams[exam].label)
    writer = PlanWriter(publisher, exams.get, lambda condition: " ; ou ".join(words.alternatives(condition)))
    return {name: writer.plan(base.sheets[name], one.digest) for name, one in editions(base).items()}
