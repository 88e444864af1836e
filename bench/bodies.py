"""Request bodies of growing size: one order and a prefetch of n resources of every kind that is read, most of them conditions and studies."""

from __future__ import annotations

from typing import Any

import orjson

SNOMED, LOINC, ATC = "http://snomed.info/sct", "http://loinc.org", "http://www.whocc.no/atc"
PATIENT = {"reference": "Patient/p1"}
_CONDITIONS = (
    ("38341003", "Hypertension artérielle"),
    ("44054006", "Diabète de type 2"),
    ("414916001", "Obésité"),
    ("396275006", "Arthrose"),
)
_STUDIES = (("CT", "Scanner abdominal"), ("DX", "Radiographie du thorax"), ("MR", "IRM du genou"), ("US", "Échographie abdominale"))
_MEDICINES = (("C09AA05", "Ramipril"), ("A10BA02", "Metformine"), ("B01AF02", "Apixaban"), ("", "Doliprane 1 g"))
_ALLERGIES = ("Pénicilline", "Arachide", "Latex", "Pollen de bouleau")
_GESTURES = ("Appendicectomie", "Cholécystectomie par cœlioscopie", "Coloscopie totale", "Extraction de cataracte droite")
_RESULTS = (("14682-9", 74, "umol/L"), ("29463-7", 68, "kg"), ("8480-6", 132, "mm[Hg]"), ("4548-4", 6.4, "%"))
# Out of ten resources: what a French record holds most of comes most.
_MIX = ("conditions", "imagerie", "resultats", "conditions", "traitements", "imagerie", "comptes-rendus", "allergies", "actes", "demandes")


def order(number: int = 1) -> dict[str, Any]:
    """Return a draft order in the words of a GP."""
    return {
        "resourceType": "ServiceRequest", "id": f"sr{number}", "status": "draft", "intent": "order", "priority": "routine", "subject": PATIENT,
        "authoredOn": "2026-11-20T10:12:00+01:00", "requester": {"reference": "Practitioner/mg1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "30766-4"}], "text": "Radiographie du rachis lombaire face et profil"},
        "reasonCode": [{"text": f"Lombalgie commune depuis {number % 60 + 1} jours, sans signe d'alerte, EVA {number % 10}/10 (dossier {number})"}],
        "note": [{"text": "Pas de traumatisme, pas de fièvre, pas de déficit neurologique."}],
    }  # fmt: skip


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "total": len(resources), "entry": [{"resource": one} for one in resources]}


def _day(number: int) -> str:
    return f"20{12 + number % 14}-0{1 + number % 9}-11"


def _coded(system: str, code: str, said: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": said}]} if code else {"text": said}


def _condition(number: int) -> dict[str, Any]:
    code, said = _CONDITIONS[number % len(_CONDITIONS)]
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    return {"resourceType": "Condition", "clinicalStatus": active, "code": _coded(SNOMED, code, said)}


def _study(number: int) -> dict[str, Any]:
    modality, said = _STUDIES[number % len(_STUDIES)]
    coding = [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": modality}]
    return {
        "resourceType": "ImagingStudy",
        "status": "available",
        "started": f"{_day(number)}T09:30:00+01:00",
        "modality": coding,
        "description": said,
    }


def _report(number: int) -> dict[str, Any]:
    section = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]}]
    said = _STUDIES[number % len(_STUDIES)][1]
    return {
        "resourceType": "DiagnosticReport", "status": "final", "category": section, "code": {"text": said}, "effectiveDateTime": _day(number),
        "conclusion": f"Pas d'anomalie décelable (compte rendu {number}).",
    }  # fmt: skip


def _result(number: int) -> dict[str, Any]:
    code, value, unit = _RESULTS[number % len(_RESULTS)]
    quantity = {"value": value, "unit": unit}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": _coded(LOINC, code, ""),
        "valueQuantity": quantity,
        "effectiveDateTime": _day(number),
    }


def _treatment(number: int) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "medicationCodeableConcept": _coded(ATC, *_MEDICINES[number % len(_MEDICINES)]),
    }


def _allergy(number: int) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "code": {"text": _ALLERGIES[number % len(_ALLERGIES)]}, "patient": PATIENT}


def _gesture(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"text": _GESTURES[number % len(_GESTURES)]},
        "performedDateTime": _day(number),
    }


def _earlier(number: int) -> dict[str, Any]:
    said = _STUDIES[number % len(_STUDIES)][1]
    return {"resourceType": "ServiceRequest", "status": "completed", "intent": "order", "code": {"text": said}, "authoredOn": _day(number)}


_MAKERS = {
    "conditions": _condition, "imagerie": _study, "resultats": _result, "traitements": _treatment, "comptes-rendus": _report,
    "allergies": _allergy, "actes": _gesture, "demandes": _earlier,
}  # fmt: skip


def order_sign(resources: int, number: int = 1) -> bytes:
    """Return an order-sign call whose prefetch has that many resources besides the patient; ``number`` varies its words."""
    lists: dict[str, list[dict[str, Any]]] = {label: [] for label in _MAKERS}
    for rank in range(resources):
        label = _MIX[rank % len(_MIX)]
        lists[label].append({"id": f"r{rank}", "subject": PATIENT} | _MAKERS[label](rank))
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1979-03-14"}
    device = {"resourceType": "Device", "id": "d1", "patient": PATIENT, "type": _coded(SNOMED, "67270000", "Prothèse de hanche")}
    implants = [device] if resources else []
    return orjson.dumps({
        "hook": "order-sign", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/mg1", "patientId": "p1", "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order(number)}]}},
        "prefetch": {"patient": patient, "implants": _bundle(implants)} | {label: _bundle(found) for label, found in lists.items()},
    })  # fmt: skip
