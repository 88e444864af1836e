"""What the record that comes with a request changes: facts, earlier exams, alerts, and what is said not to be known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, ImagingRequest, Status
from pertimage.fhir.context_words import record_facts
from pertimage.fhir.requests import read_hook
from pertimage.guidelines.loader import load_base

BASE = load_base()
FACTS_OF = record_facts(BASE.lexicon)
TODAY = date(2026, 11, 20)
SYSTEMS = {
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "atc": "http://www.whocc.no/atc",
    "ccam": "https://smt.esante.gouv.fr/terminologie-ccam",
    "cim10": "https://smt.esante.gouv.fr/terminologie-cim-10",
}


def _resource(short: dict[str, Any], rank: int) -> dict[str, Any]:
    """Return a FHIR resource from its short form."""
    found = {"resourceType": short["kind"], "id": f"x{rank}", "subject": {"reference": "Patient/p1"}}
    key = "type" if short["kind"] == "Device" else "code"
    concept: dict[str, Any] = {"coding": [{"system": SYSTEMS[name], "code": code} for name, code in short.items() if name in SYSTEMS]}
    if said := short.get("texte") or short.get("type_texte"):
        concept["text"] = said
    if concept["coding"] or said:
        found[key] = concept
    if "atc_medicament" in short:
        found["medicationCodeableConcept"] = {"coding": [{"system": SYSTEMS["atc"], "code": short["atc_medicament"]}]}
    ours = {"kind", "texte", "type_texte", "atc_medicament", *SYSTEMS}
    return found | {name: value for name, value in short.items() if name not in ours}


def _call(case: dict[str, Any]) -> dict[str, Any]:
    order = {
        "resourceType": "ServiceRequest", "id": "sr1", "status": "draft", "intent": "order", "subject": {"reference": "Patient/p1"},
        "authoredOn": TODAY.isoformat(), "code": {"text": case["examen"]}, "reasonCode": [{"text": case["texte"]}],
    }  # fmt: skip
    gender = "male" if case.get("sexe") == "homme" else "female"
    patient = {"resourceType": "Patient", "id": "p1", "gender": gender, "birthDate": case.get("naissance", "1981-03-14")}
    record = [_resource(short, rank) for rank, short in enumerate(case["dossier"])]
    return {
        "hook": "order-sign", "hookInstance": "x", "context": {"patientId": "p1", "draftOrders": {"entry": [{"resource": order}]}},
        "prefetch": {"patient": patient, "dossier": {"resourceType": "Bundle", "entry": [{"resource": one} for one in record]}},
    }  # fmt: skip


def _cases() -> Iterator[Any]:
    cases = yaml.safe_load(Path(__file__).with_name("contexte.yaml").read_text(encoding="utf-8"))
    yield from (pytest.param(case, id=case["nom"]) for case in cases)


def _of_facts(expected: dict[str, Any], request: ImagingRequest) -> list[str]:
    known = {fact.fact: fact for fact in request.known}
    problems = [f"{name} is known" for name in expected.get("sans", ()) if name in known]
    for name, wanted in expected.get("faits", {}).items():
        found = known.get(name)
        got = None if found is None else str(found.status) if isinstance(wanted, str) else found.value
        if got != wanted:
            problems.append(f"{name}: {got} instead of {wanted}")
    return problems


def _of_exams(expected: dict[str, Any], request: ImagingRequest) -> list[str]:
    found = {
        "anterieurs": [exam.text for exam in request.prior_exams],
        "demandes": [exam.text for exam in request.prior_exams if exam.ordered],
        "conclusion": next((exam.conclusion for exam in request.prior_exams if exam.conclusion), ""),
        "msv": next((exam.msv for exam in request.prior_exams if exam.msv), None),
    }
    return [f"{key}: {found[key]!r}" for key in found if key in expected and found[key] != expected[key]]


def _of_answer(expected: dict[str, Any], request: ImagingRequest, answer: Assessment) -> list[str]:
    said, alerts, missing = (
        " ; ".join(request.unknown_context),
        {str(one.kind) for one in answer.alerts},
        {one.item for one in answer.missing},
    )
    return [
        *(f"not said: {words}" for words in expected.get("dit", ()) if words not in said),
        *(f"no alert {kind}" for kind in expected.get("alertes", ()) if kind not in alerts),
        *(f"alert {kind}" for kind in expected.get("pas_alertes", ()) if kind in alerts),
        *(f"{item} is not asked" for item in expected.get("manque", ()) if item not in missing),
        *(f"{item} is asked" for item in expected.get("pas_manque", ()) if item in missing),
    ]


@pytest.mark.parametrize("case", list(_cases()))
def test_what_the_record_changes(case: dict[str, Any]) -> None:
    """Facts, earlier exams, alerts and questions are those expected, and what is not retained is said."""
    (order,) = read_hook(_call(case), TODAY, FACTS_OF).orders
    answer = assess(order.request, BASE, on=TODAY)[0]
    expected = case["attendu"]
    assert _of_facts(expected, order.request) + _of_exams(expected, order.request) + _of_answer(expected, order.request, answer) == []


@pytest.mark.parametrize("case", list(_cases()))
def test_the_record_opens_no_situation(case: dict[str, Any]) -> None:
    """What the record holds never becomes the reason of the request: the situation is that of the bare request."""
    (order,) = read_hook(_call(case), TODAY, FACTS_OF).orders
    (bare,) = read_hook(_call(case | {"dossier": []}), TODAY, FACTS_OF).orders
    assert order.request.narrative == bare.request.narrative
    assert {fact.status for fact in order.request.known} <= {Status.PRESENT, Status.ABSENT, Status.PAST, Status.HYPOTHETICAL}
