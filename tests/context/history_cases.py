"""Short requests with earlier exams, sent as CDS Hooks calls and judged; what a vignette expects is compared with the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import yaml

from pertimage.cds.assess import assess
from pertimage.cds.model import AlertKind, ImagingRequest, Policy, PriorExam
from pertimage.fhir.requests import read
from pertimage.guidelines.loader import load_base

BASE = load_base()
DAY = date(2026, 11, 22)
HERE = Path(__file__).parent
LEVELS = {"information": "info", "attention": "warning", "importante": "critical"}
SEXES = {"femme": "female", "homme": "male"}


def cases(name):
    """Return the vignettes of a file of this folder."""
    return yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))


def request_of(case) -> ImagingRequest:
    """Return the request of a vignette, read from the call that a GP's software would send.

    What a report concluded, the dose that it states and an order not done yet are put beside the exams read.
    """
    order = {
        "resourceType": "ServiceRequest", "id": "sr1", "status": "draft", "intent": "order", "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "363679005"}]}], "code": {"text": case["examen"]},
        "authoredOn": DAY.isoformat(), "reasonCode": [{"text": case["texte"]}],
    }  # fmt: skip
    patient = {"resourceType": "Patient", "id": "p1"}
    if "age" in case:
        patient["birthDate"] = (DAY - timedelta(days=round(case["age"] * 365.25) + 20)).isoformat()
    if "sexe" in case:
        patient["gender"] = SEXES[case["sexe"]]
    studies = [_study(one, rank) for rank, one in enumerate(case.get("avant", ()))]
    prefetch = {
        "patient": patient,
        "imagerie": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in studies]},
    }
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]}
    hook = {"hook": "order-sign", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "prefetch": prefetch}
    (read_order,) = read(hook | {"context": {"userId": "Practitioner/gp1", "patientId": "p1", "draftOrders": drafts}}, DAY)
    told = {f"ImagingStudy/{rank}": one for rank, one in enumerate(case.get("avant", ()))}
    priors = tuple(_completed(prior, told[prior.reference]) for prior in read_order.request.prior_exams)
    return replace(read_order.request, prior_exams=priors)


def _study(one, rank):
    study = {"resourceType": "ImagingStudy", "id": str(rank), "status": "available", "description": one["examen"]}
    if "jours" in one:
        study["started"] = (DAY - timedelta(days=one["jours"])).isoformat()
    return study | ({"location": {"display": one["lieu"]}} if "lieu" in one else {})


def _completed(prior: PriorExam, one) -> PriorExam:
    return replace(prior, conclusion=one.get("conclusion", ""), msv=one.get("msv"), ordered=one.get("demande") == "oui")


def judged(case):
    """Return the assessment of a vignette."""
    return assess(request_of(case), BASE, Policy(**case.get("politique", {})))[0]


def told(assessment, kind: AlertKind):
    """Return the alerts of a kind."""
    return [alert for alert in assessment.alerts if alert.kind is kind]


def problems(case, kind: AlertKind) -> list[str]:
    """Return what the answer to a vignette has wrong: level of the loudest alert of a kind, words, basis, outcome, first alternatives."""
    answer, expected = judged(case), case["attendu"]
    alerts = told(answer, kind)
    levels = [str(alert.severity) for alert in alerts]
    found = []
    if "alerte" in expected:
        wanted = LEVELS.get(expected["alerte"])
        loudest = max(levels, key=list(LEVELS.values()).index, default=None)
        if loudest != wanted:
            found.append(f"alert {loudest} instead of {wanted}: {[alert.message for alert in alerts]}")
    said = " ".join(alert.message for alert in alerts)
    found += [f"« {words} » not in « {said} »" for words in expected.get("dit", ()) if words not in said]
    found += [f"« {words} » in « {said} »" for words in expected.get("ne_dit_pas", ()) if words in said]
    if "fonde" in expected and {alert.basis for alert in alerts} != set(expected["fonde"]):
        found.append(f"basis {[alert.basis for alert in alerts]}")
    if "refere" in expected and expected["refere"] not in [alert.refers_to for alert in alerts]:
        found.append(f"refers to {[alert.refers_to for alert in alerts]}")
    if "avis" in expected and str(answer.outcome) != expected["avis"]:
        found.append(f"outcome {answer.outcome}, rule {answer.rule}")
    if (
        "alternatives" in expected
        and [one.exam for one in answer.alternatives][: len(expected["alternatives"])] != expected["alternatives"]
    ):
        found.append(f"alternatives {[one.exam for one in answer.alternatives]}")
    dose = answer.dose.to_json()
    found += [f"{key} is {dose[key]}, not {value}" for key, value in expected.get("dose", {}).items() if dose[key] != value]
    return found
