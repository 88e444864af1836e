"""Values that the tests of fhir/ share: a publisher, exams, assessments, orders, and the reading of golden files."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from pertimage.cds.model import (
    Alert,
    AlertKind,
    Alternative,
    Assessment,
    Dose,
    FactFound,
    Missing,
    Outcome,
    Severity,
    SourceCited,
    Status,
)
from pertimage.fhir.card_text import fact_labels
from pertimage.fhir.cards import CardMaker
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.requests import read
from pertimage.guidelines.loader import load_base
from tests.project import ROOT

TODAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 12, 30, 1, tzinfo=UTC)
PUBLISHER = Publisher("https://imagerie.exemple.fr", "https://imagerie.exemple.fr/fhir")
GOLDEN = ROOT / "tests" / "golden" / "fhir"
SCT, LOINC = "http://snomed.info/sct", "http://loinc.org"


@dataclass(frozen=True)
class Exam:
    """An exam as the catalogue gives it."""

    id: str
    label: str
    ccam: tuple[str, ...] = ()
    loinc: tuple[str, ...] = ()


EXAMS = {
    exam.id: exam
    for exam in (
        Exam("irm-rachis-lombaire", "IRM du rachis lombaire", ("LHQN001",), ("24968-0",)),
        Exam("echo-epaule", "Échographie de l'épaule"),
        Exam("irm-epaule", "IRM de l'épaule"),
        Exam("radio-epaule", "Radiographie de l'épaule"),
    )
}
LABELS = fact_labels({"deficit-moteur": "déficit moteur", "fievre": "fièvre", "antecedent-cancer": "antécédent de cancer"})


def counter():
    """Return a source of identifiers that look like uuids and never change."""
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


def reads_as(sentence):
    """Return what a sentence states to a reader that knows three facts and « pas de »."""
    known = {"deficit-moteur": "déficit moteur", "fievre": "fièvre", "antecedent-cancer": "antécédent de cancer"}
    return {
        fact: f"pas d{'e' if words[0] in 'df' else chr(39)}" not in sentence.lower()
        for fact, words in known.items()
        if words in sentence.lower()
    }


def card_maker(hook="order-sign"):
    """Return a maker of cards with the exams above and counted identifiers."""
    return CardMaker(PUBLISHER, hook, EXAMS.get, LABELS, reads_as, counter(), completeness=load_base().tables.completeness)


def service_request(**changes):
    """Return a lumbar spine X-ray order as a French GP's software sends it."""
    order = {
        "resourceType": "ServiceRequest",
        "id": "sr1",
        "status": "draft",
        "intent": "order",
        "priority": "routine",
        "category": [{"coding": [{"system": SCT, "code": "363679005", "display": "Imaging"}]}],
        "code": {"coding": [{"system": LOINC, "code": "30766-4", "display": "XR Lumbar spine"}], "text": "Radiographie du rachis lombaire"},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-11-20T10:12:00+01:00",
        "reasonCode": [{"text": "Lombalgie commune depuis 10 jours"}],
        "note": [{"text": "Pas de déficit neurologique."}],
    } | changes
    return {key: value for key, value in order.items() if value is not None}


def patient(**changes):
    """Return the patient of that order."""
    return {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1979-03-14"} | changes


def bundle(*resources, **changes):
    """Return a searchset of resources."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources]} | changes


def observation(code, value, **changes):
    """Return a result: a quantity (value, unit) or a SNOMED code."""
    coded = {"valueCodeableConcept": {"coding": [{"system": SCT, "code": value}]}} if isinstance(value, str) else {}
    measured = {"valueQuantity": {"value": value[0], "unit": value[1]}} if isinstance(value, tuple) else {}
    return (
        {
            "resourceType": "Observation",
            "id": f"o-{code}",
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2026-11-10",
        }
        | coded
        | measured
        | changes
    )


def condition(system, code, words="", **changes):
    """Return an active entry of the problem list, old unless dated otherwise."""
    return {
        "resourceType": "Condition",
        "id": f"c-{code}",
        "subject": {"reference": "Patient/p1"},
        "onsetDateTime": "2015-05-01",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": system, "code": code}], "text": words},
    } | changes


def hook_call(*orders, hook="order-sign", prefetch=None, **context):
    """Return a CDS Hooks call with these draft orders."""
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order} for order in orders]}
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/gp1", "patientId": "p1", "draftOrders": drafts} | context,
        "prefetch": prefetch if prefetch is not None else {"patient": patient()},
    }


ICD10 = "https://smt.esante.gouv.fr/terminologie-cim-10"
R5_REASON = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ServiceRequest.reason"


def one(body, **options):
    """Return the only request of a body."""
    (order,) = read(body, TODAY, **options)
    return order.request


def with_context(*resources, **changes):
    """Return the request of the shared order with these resources as prefetch."""
    return one(hook_call(service_request(**changes), prefetch={"patient": patient(), "autre": bundle(*resources)}))


class Coded:
    """A fact of the lexicon with its codes."""

    def __init__(self, icd10=(), icpc2=(), snomed=()):
        self.icd10, self.icpc2, self.snomed = icd10, icpc2, snomed


NOT_INDICATED = Assessment(
    request="ServiceRequest/sr1",
    outcome=Outcome.NOT_INDICATED,
    exam="radio-rachis-lombaire",
    exam_label="Radiographie du rachis lombaire",
    guidelines="2026.11.0",
    reason="Sans signe d'alerte, l'imagerie d'une lombalgie récente ne change pas la prise en charge.",
    situations=("lombalgie-commune",),
    rule="lombalgie-commune/recente",
    facts=(
        FactFound("deficit-moteur", Status.ABSENT, "Pas de déficit", 34, 48),
        FactFound("duree", Status.PRESENT, "10 jours", 25, 33, 10.0),
    ),
    missing=(Missing("grossesse", "La patiente est-elle enceinte ou peut-elle l'être ?", True),),
    alternatives=(Alternative("none", "Pas d'imagerie : rassurer et maintenir l'activité ; réévaluer à 4 semaines"),),
    sources=(SourceCited("HAS", "Prise en charge du patient présentant une lombalgie commune", 2019, "fiche mémo, imagerie"),),
    dose=Dose("II", 1.5),
    flagged=True,
    flag_reasons=("not-indicated",),
    absent_flags=(
        Missing("fievre", "Le patient a-t-il de la fièvre ?"),
        Missing("antecedent-cancer", "Y a-t-il un antécédent de cancer ?"),
    ),
)
ALTERNATIVE = replace(
    NOT_INDICATED,
    outcome=Outcome.ALTERNATIVE,
    exam="radio-epaule",
    exam_label="Radiographie de l'épaule",
    reason="Un autre examen répond mieux à la question.",
    situations=("epaule-douloureuse",),
    rule="epaule-douloureuse/coiffe",
    missing=(),
    absent_flags=(),
    alternatives=(
        Alternative("echo-epaule", "Échographie de l'épaule", "", "0", 0.0, 37.8, 4.0),
        Alternative("irm-epaule", "IRM de l'épaule", "si une réparation est envisagée", "0", 0.0, 69.0, 23.0),
        Alternative("irm-rachis-lombaire", "IRM du rachis lombaire", "", "0", 0.0),
        Alternative("examen-inconnu", "Examen hors catalogue"),
    ),
    alerts=(Alert(AlertKind.REDUNDANCY, Severity.WARNING, "Radiographie de l'épaule il y a 12 jours.", "ImagingStudy/s9"),),
    flag_reasons=("alternative",),
)
APPROPRIATE = replace(
    NOT_INDICATED,
    outcome=Outcome.APPROPRIATE,
    exam="irm-rachis-lombaire",
    exam_label="IRM du rachis lombaire",
    reason="Une lombalgie de plus de trois mois justifie une IRM.",
    rule="lombalgie-commune/chronique",
    missing=(),
    absent_flags=(),
    alternatives=(),
    flagged=False,
    flag_reasons=(),
    review_state="reviewed",
)
EMERGENCY = replace(APPROPRIATE, pathway="emergency", reason="Urgences : suspicion de queue de cheval.", rule="lombalgie-commune/urgence")
INCOMPLETE = replace(
    NOT_INDICATED,
    outcome=Outcome.INCOMPLETE,
    rule=None,
    sources=(),
    alternatives=(),
    absent_flags=(),
    reason="L'avis dépend d'une précision : Y a-t-il un déficit moteur ?",
    missing=(
        Missing("deficit-moteur", "Y a-t-il un déficit moteur ?"),
        Missing("duree", "Depuis combien de temps la douleur dure-t-elle ?"),
    ),
)
NO_GUIDANCE = replace(
    APPROPRIATE,
    outcome=Outcome.NO_GUIDANCE,
    exam=None,
    exam_label="exploration <b>du</b> _genou_",
    situations=(),
    rule=None,
    sources=(),
    dose=Dose(),
    reason="L'examen demandé n'a pas été reconnu : le référentiel ne se prononce pas. Ce n'est pas une approbation.",
)
ASSESSMENTS = {
    "not-indicated": NOT_INDICATED,
    "alternative": ALTERNATIVE,
    "appropriate": APPROPRIATE,
    "emergency": EMERGENCY,
    "incomplete": INCOMPLETE,
    "no-guidance": NO_GUIDANCE,
}


def assert_golden(name, value):
    """Hold a JSON value against its golden file; UPDATE_GOLDEN=1 writes the file instead."""
    written = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(written, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == written
