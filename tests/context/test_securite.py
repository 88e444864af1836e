"""Safety: each row of the table with its innocent twin, told by the prescriber's words or by the record."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pertimage.cds.alerts import only_lacking
from pertimage.cds.assess import assess
from pertimage.cds.logic import Facts
from pertimage.cds.model import Alternative, Assessment
from pertimage.cds.safety import Safeguard
from pertimage.fhir.context_words import record_facts
from pertimage.fhir.requests import read
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.safety import PLACEHOLDER, SafetyRow

BASE = load_base()
DAY = date(2026, 11, 22)
FACTS_OF = record_facts(BASE.lexicon)
CASES = yaml.safe_load(Path(__file__).with_name("securite.yaml").read_text(encoding="utf-8"))
SEXES = {"femme": "female", "homme": "male"}
SYSTEMS = {
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "atc": "http://www.whocc.no/atc",
    "cim10": "https://smt.esante.gouv.fr/terminologie-cim-10",
    "national": "https://mos.esante.gouv.fr/NOS/TRE_R65/FHIR/TRE-R65",
}
ROWS: tuple[SafetyRow, ...] = BASE.tables.safety.rows if BASE.tables.safety else ()


def _resource(short: dict[str, Any], rank: int) -> dict[str, Any]:
    """Return a FHIR resource from its short form: « {Condition: {cim10: Z95.0}} » ; « irm » is a device's safety in MRI (NCI Thesaurus)."""
    ((kind, said),) = short.items()
    concept: dict[str, Any] = {"coding": [{"system": SYSTEMS[name], "code": said[name]} for name in SYSTEMS if name in said]}
    if "texte" in said:
        concept["text"] = said["texte"]
    found = {
        "resourceType": kind,
        "id": f"r{rank}",
        "subject": {"reference": "Patient/p1"},
        "status": "final" if kind == "Observation" else "active",
    }
    key = "medicationCodeableConcept" if kind.startswith("Medication") else "type" if kind == "Device" else "code"
    found[key] = concept
    if "irm" in said:
        found["safety"] = [{"coding": [{"code": said["irm"]}]}]
    if kind == "Observation":
        found["effectiveDateTime"] = (DAY - timedelta(days=12)).isoformat()
    if "ml_min" in said:
        found["valueQuantity"] = {"value": said["ml_min"], "unit": "mL/min"}
    if "vaut" in said:
        found["valueCodeableConcept"] = {"coding": [{"system": SYSTEMS["snomed"], "code": said["vaut"]}]}
    return found


def judged(case: dict[str, Any]) -> Assessment:
    """Return the answer to a vignette, read from the call that a GP's software would send."""
    order = {
        "resourceType": "ServiceRequest", "id": "sr1", "status": "draft", "intent": "order", "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"system": SYSTEMS["snomed"], "code": "363679005"}]}], "code": {"text": case["examen"]},
        "authoredOn": DAY.isoformat(), "reasonCode": [{"text": case["texte"]}], "priority": case.get("priorite", "routine"),
    }  # fmt: skip
    patient = {"resourceType": "Patient", "id": "p1"}
    if "age" in case:
        patient["birthDate"] = (DAY - timedelta(days=round(case["age"] * 365.25) + 20)).isoformat()
    if "sexe" in case:
        patient["gender"] = SEXES[case["sexe"]]
    record = [{"resource": _resource(short, rank)} for rank, short in enumerate(case.get("dossier", ()))]
    call = {
        "hook": "order-sign", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/gp1", "patientId": "p1", "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]}},
        "prefetch": {"patient": patient, "dossier": {"resourceType": "Bundle", "type": "searchset", "entry": record}},
    }  # fmt: skip
    (read_order,) = read(call, DAY, FACTS_OF)
    return assess(read_order.request, BASE)[0]


def _pattern(row: SafetyRow) -> re.Pattern[str]:
    return re.compile(".+?".join(re.escape(part) for part in PLACEHOLDER.split(row.message)[::2]))


PATTERNS = {row.id: _pattern(row) for row in ROWS}


def spoken(answer: Assessment) -> dict[str, Any]:
    """Return the rows that speak, each with its alert."""
    told = [alert for alert in answer.alerts if not only_lacking(alert)]
    return {name: alert for name, pattern in PATTERNS.items() for alert in told if pattern.match(alert.message)}


def problems(case: dict[str, Any]) -> list[str]:
    """Return what the answer to a vignette has wrong."""
    answer, expected = judged(case), case["attendu"]
    rows = spoken(answer)
    found = [] if set(rows) == set(expected["lignes"]) else [f"rows {sorted(rows)}"]
    for name, alert in rows.items():
        row = next(one for one in ROWS if one.id == name)
        if (str(alert.kind), str(alert.severity), alert.basis) != (row.kind, row.severity, str(row.basis)):
            found.append(f"{name}: {alert}")
    said = " ".join(alert.message for alert in answer.alerts)
    found += [f"« {words} » not in « {said} »" for words in expected.get("dit", ()) if words not in said]
    if "avis" in expected and str(answer.outcome) != expected["avis"]:
        found.append(f"outcome {answer.outcome}, rule {answer.rule}")
    if "circuit" in expected and answer.pathway != "emergency":
        found.append("no emergency")
    offers = {one.exam: one.when for one in answer.alternatives}
    wanted = expected.get("propose", [])
    if wanted and list(offers)[: len(wanted)] != wanted:
        found.append(f"offers {list(offers)}")
    for excluded, instead in expected.get("repli", {}).items():
        if answer.exam != excluded or instead not in offers:
            found.append(f"no {instead} for {excluded}: {answer.exam}, {list(offers)}")
    found += [f"{exam} is offered" for exam in expected.get("pas_propose", ()) if exam in offers]
    found += [
        f"{exam} is offered with « {offers.get(exam)} »"
        for exam, words in expected.get("quand", {}).items()
        if words not in (offers.get(exam) or "")
    ]
    found += [f"{item} is asked" for item in expected.get("pas_manque", ()) if item in {one.item for one in answer.missing}]
    found += [f"{item} is not asked" for item in expected.get("manque", ()) if item not in {one.item for one in answer.missing}]
    return found


@pytest.mark.parametrize("case", CASES, ids=[f"{rank}-{case['texte'][:45]}" for rank, case in enumerate(CASES)])
def test_a_patient_is_kept_safe_as_expected(case):
    """The rows that speak, their levels, the outcome and what is offered are those expected, and nothing else."""
    assert problems(case) == []


def test_each_row_speaks_in_a_vignette():
    """No row is without an example."""
    assert {row.id for row in ROWS} - {name for case in CASES for name in case["attendu"]["lignes"]} == set()


def test_each_row_has_an_innocent_twin():
    """For the exams and the words near those of each row, a vignette shows the silence."""
    assert {row.id for row in ROWS} - {name for case in CASES for name in case.get("jumeau", ())} == set()


@pytest.mark.parametrize("case", CASES, ids=[f"{rank}-{case['texte'][:45]}" for rank, case in enumerate(CASES)])
def test_nothing_excluded_is_ever_offered(case):
    """No exam that a row excludes for the patient is among the alternatives."""
    answer = judged(case)
    excluding = [row for row in ROWS if row.id in spoken(answer) and str(row.effect) == "excluded"]
    offered = [BASE.catalogue.exams[one.exam] for one in answer.alternatives if one.exam != "none"]
    assert [exam.id for exam in offered for row in excluding if row.group.accepts(exam)] == []


ROWS_THAT_EXCLUDE = [row for row in ROWS if str(row.effect) == "excluded"]
FALLBACKS = [(row, exam) for row in ROWS_THAT_EXCLUDE for exam in row.fallbacks]
# No sheet both supports the exam and leaves room for what replaces it: the next test alone holds these.
NEVER_REACHED = {"angioscanner-membres-inferieurs", "asp"}


def test_each_excluded_exam_is_replaced_in_a_vignette():
    """No fall-back is without an example, save those that no sheet leaves room for."""
    shown = {exam for case in CASES for exam in case["attendu"].get("repli", {})}
    assert {exam for _, exam in FALLBACKS} - shown == NEVER_REACHED


@pytest.mark.parametrize(("row", "exam"), FALLBACKS, ids=[f"{row.id}-{exam}" for row, exam in FALLBACKS])
def test_a_fallback_suits_the_patient_for_whom_it_is_written(row, exam):
    """The row excludes the exam and none of its fall-backs, which are all offered, in its order."""
    assert row.group.accepts(BASE.catalogue.exams[exam])
    guard = Safeguard(BASE, Facts({}, {}))
    offers = guard.fallbacks(exam, [row], {}, lambda name, when: Alternative(name, name, when))
    assert [one.exam for one in offers] == list(row.fallbacks[exam])
    assert [one.exam for one in offers if row.group.accepts(BASE.catalogue.exams[one.exam])] == []


def test_an_injection_said_by_a_condition_is_an_injection():
    """A scanner offered « injecté, si… » is not offered to whom the injection is excluded."""
    guard = Safeguard(BASE, Facts({"reaction-contraste-grave": True}, {}))
    offers = [
        Alternative("scanner-cerebral", "Scanner", "injecté, si l'IRM est indisponible"),
        Alternative("scanner-thorax", "Scanner", "sans injection"),
    ]
    assert [one.exam for one in guard.guarded(offers, {}, lambda name, when: Alternative(name, name, when))] == ["scanner-thorax"]


def test_a_vital_emergency_is_never_delayed():
    """What excludes the exam leaves the outcome of an emergency as it is, and says so."""
    told = {
        "texte": "sepsis sur péritonite, défense, fièvre 39,5, DFG 22",
        "examen": "scanner abdomino-pelvien injecté",
        "age": 70,
        "sexe": "homme",
    }
    answer, innocent = judged(told), judged(told | {"texte": told["texte"].replace(", DFG 22", "")})
    assert (answer.outcome, answer.pathway) == (innocent.outcome, "emergency")
    assert "ne pas retarder" in " ".join(alert.message for alert in answer.alerts)


def test_without_a_table_nothing_is_said_of_safety():
    """A base that has no table of safety judges without it."""
    bare = GuidelineBase(BASE.sheets, BASE.lexicon, BASE.catalogue, BASE.version)
    guard = Safeguard(bare, Facts({"stimulateur-cardiaque": True}, {}))
    assert list(guard.alerts(BASE.catalogue.exams["irm-genou"], emergency=False)) == []
