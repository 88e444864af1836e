"""Request bodies of growing size: one order and a prefetch of n resources, a third of them conditions, the rest studies."""

from __future__ import annotations

from typing import Any

import orjson

SNOMED = "http://snomed.info/sct"
_CONDITIONS = (
    ("38341003", "Hypertension artérielle"),
    ("44054006", "Diabète de type 2"),
    ("414916001", "Obésité"),
    ("396275006", "Arthrose"),
)
_STUDIES = (("CT", "Scanner abdominal"), ("DX", "Radiographie du thorax"), ("MR", "IRM du genou"), ("US", "Échographie abdominale"))


def order(number: int = 1) -> dict[str, Any]:
    """Return a draft order in the words of a GP."""
    return {
        "resourceType": "ServiceRequest", "id": f"sr{number}", "status": "draft", "intent": "order", "priority": "routine", "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-11-20T10:12:00+01:00", "requester": {"reference": "Practitioner/mg1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "30766-4"}], "text": "Radiographie du rachis lombaire face et profil"},
        "reasonCode": [{"text": f"Lombalgie commune depuis {number % 60 + 1} jours, sans signe d'alerte, EVA {number % 10}/10 (dossier {number})"}],
        "note": [{"text": "Pas de traumatisme, pas de fièvre, pas de déficit neurologique."}],
    }  # fmt: skip


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"resource": resource} for resource in resources],
    }


def _condition(number: int) -> dict[str, Any]:
    code, display = _CONDITIONS[number % len(_CONDITIONS)]
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    return {
        "resourceType": "Condition",
        "id": f"c{number}",
        "clinicalStatus": active,
        "code": {"coding": [{"system": SNOMED, "code": code, "display": display}]},
        "subject": {"reference": "Patient/p1"},
    }


def _study(number: int) -> dict[str, Any]:
    modality, said = _STUDIES[number % len(_STUDIES)]
    started = f"20{12 + number % 14}-0{1 + number % 9}-11T09:30:00+01:00"
    coding = [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": modality}]
    return {
        "resourceType": "ImagingStudy",
        "id": f"s{number}",
        "status": "available",
        "subject": {"reference": "Patient/p1"},
        "started": started,
        "modality": coding,
        "description": said,
    }


def order_sign(resources: int, number: int = 1) -> bytes:
    """Return an order-sign call whose prefetch has that many resources besides the patient; ``number`` varies its words."""
    conditions = [_condition(number) for number in range(resources // 3)]
    studies = [_study(number) for number in range(resources - len(conditions))]
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1979-03-14"}
    return orjson.dumps({
        "hook": "order-sign", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/mg1", "patientId": "p1", "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order(number)}]}},
        "prefetch": {"patient": patient, "conditions": _bundle(conditions), "imagerie": _bundle(studies)},
    })  # fmt: skip
