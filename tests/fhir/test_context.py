"""What the record says of the patient: age, safety facts, antecedents, earlier exams."""

from datetime import date

import pytest

from pertimage.cds.model import KnownFact, Status
from pertimage.fhir.history import coded_facts
from pertimage.fhir.requests import read_bundle
from tests.fhir.cases import ICD10, TODAY, Coded, bundle, condition, hook_call, observation, one, patient, service_request, with_context


@pytest.mark.parametrize(
    ("birth", "on", "age"),
    [
        ("1979-03-14", "2026-11-20", 47.0),
        ("2008-11-20", "2026-11-20", 18.0),
        ("2008-11-21", "2026-11-20", 17.0),
        ("2026-05-20", "2026-11-20", 0.5),
        ("1979", "2026-11-20", 47.0),
        ("1979-03", "2026-11-20", 47.0),
        ("2026-13-45", "2026-11-20", None),
        ("2030-01-01", "2026-11-20", None),
        (1979, "2026-11-20", None),
        (None, "2026-11-20", None),
    ],
)
def test_age_on_the_day_of_the_request(birth, on, age):
    """Completed years, fractions for infants; partial dates are approached, impossible ones unknown and said to be."""
    request = one(hook_call(service_request(authoredOn=on), prefetch={"patient": patient(birthDate=birth)}))
    assert request.age == age
    assert ("âge du patient" in request.unknown_context) == (age is None)


def test_a_partial_birth_date_is_said_to_be_partial():
    """An approached age is listed as such."""
    assert (
        "date de naissance incomplète : âge approché"
        in one(hook_call(service_request(), prefetch={"p": patient(birthDate="1979")})).unknown_context
    )


def test_another_patient_s_data_are_not_mixed_in():
    """A record about somebody else gives neither age nor facts, and the answer says that it was left out."""
    stranger = condition(ICD10, "N18.9", subject={"reference": "Patient/p2"})
    request = with_context(stranger)
    assert request.known == ()
    assert "données d'un autre patient ignorées" in request.unknown_context
    assert one(hook_call(service_request(subject={"reference": "Patient/p2"}))).age is None


def test_a_bundle_of_two_patients_keeps_each_with_his_own():
    """In a Bundle, every order gets the age and facts of its own patient, by id or by fullUrl."""
    body = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:a", "resource": patient(id="x", birthDate="1950-01-01")},
            {"fullUrl": "urn:uuid:b", "resource": patient(id="y", birthDate="2010-01-01")},
            {"resource": service_request(subject={"reference": "urn:uuid:a"})},
            {"resource": service_request(id="sr2", subject={"reference": "Patient/y"})},
            {"resource": condition(ICD10, "N18.9", subject={"reference": "Patient/x"})},
        ],
    }
    first, second = (order.request for order in read_bundle(body, TODAY))
    assert (first.age, second.age) == (76.0, 16.0)
    assert [fact.fact for fact in first.known] == ["insuffisance-renale"]
    assert second.known == ()


@pytest.mark.parametrize(
    ("value", "when", "status"),
    [
        ("77386006", "2026-11-10", Status.PRESENT),
        ("60001007", "2026-11-10", Status.ABSENT),
        ("261665006", "2026-11-10", None),
        ("60001007", "2026-08-01", None),
        ("77386006", "2026-08-01", Status.PRESENT),
        ("77386006", "2025-08-01", None),
    ],
)
def test_pregnancy_status_is_three_valued_and_grows_old(value, when, status):
    """Pregnant, not pregnant, or unknown; « not pregnant » does not outlive a cycle, nor « pregnant » a term."""
    known = with_context(observation("82810-3", value, effectiveDateTime=when)).known
    assert [fact.status for fact in known if fact.fact == "grossesse"] == ([status] if status else [])


@pytest.mark.parametrize(
    ("code", "value", "rate"),
    [
        ("14682-9", (80, "µmol/L"), 78.8),
        ("14682-9", (80, "umol/L"), 78.8),
        ("2160-0", (0.9, "mg/dL"), 79.4),
        ("2160-0", (9, "mg/L"), 79.4),
        ("14682-9", (80, "furlongs"), None),
        ("14682-9", (80000, "µmol/L"), None),
        ("62238-1", (28, "mL/min/{1.73_m2}"), 28.0),
        ("62238-1", (28, "mmHg"), None),
    ],
)
def test_gfr_from_a_creatinine_or_as_measured(code, value, rate):
    """CKD-EPI 2021 from any usual unit; an unknown unit is an unknown value."""
    known = with_context(observation(code, value)).known
    assert [fact.value for fact in known if fact.fact == "dfg"] == ([rate] if rate else [])


def test_an_old_gfr_warns_but_does_not_reassure():
    """Beyond three months a normal GFR is dropped and a low one kept."""
    old = {"effectiveDateTime": "2026-01-10"}
    assert with_context(observation("62238-1", (90, "mL/min"), **old)).known == ()
    assert with_context(observation("62238-1", (28, "mL/min"), **old)).known[0].value == 28.0


def test_the_latest_gfr_counts():
    """Of two results, the more recent one is kept, whatever their order."""
    recent, old = observation("62238-1", (25, "mL/min")), observation("62238-1", (90, "mL/min"), effectiveDateTime="2026-10-01")
    assert with_context(recent, old).known == with_context(old, recent).known == (KnownFact("dfg", Status.PRESENT, 25.0, "Observation"),)


FACTS_OF = coded_facts(
    {"antecedent-cancer": Coded(["C", "Z85"]), "lombalgie": Coded(["M54.5"], ["L03"]), "anticoagulant": Coded()},
    {"anticoagulant": ["B01AA"]},
)


def known(*resources):
    """Return fact → status of a record read with the lexicon's codes."""
    request = one(hook_call(service_request(), prefetch={"patient": patient(), "x": bundle(*resources)}), facts_of=FACTS_OF)
    return {fact.fact: fact.status for fact in request.known}


def test_an_antecedent_is_a_fact_and_never_the_reason():
    """The problem list gives facts by its codes, and no word of it reaches the narrative."""
    request = with_context(condition(ICD10, "M54.5", "Lombalgie chronique"), reasonCode=[{"text": "toux"}], note=None)
    assert request.narrative == "toux"
    assert request.reason_codes == ()


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (condition(ICD10, "C50.9"), {"antecedent-cancer": Status.PRESENT}),
        (condition(ICD10, "C50.9", clinicalStatus={"coding": [{"code": "resolved"}]}), {"antecedent-cancer": Status.PAST}),
        (condition(ICD10, "M54.5"), {"lombalgie": Status.PAST}),
        (condition(ICD10, "M54.5", onsetDateTime="2026-11-15"), {"lombalgie": Status.PRESENT}),
        (condition("https://smt.esante.gouv.fr/terminologie-cisp", "L03"), {"lombalgie": Status.PAST}),
        (condition(ICD10, "C50.9", verificationStatus={"coding": [{"code": "refuted"}]}), {}),
        (condition(ICD10, "C50.9", verificationStatus={"coding": [{"code": "unconfirmed"}]}), {"antecedent-cancer": Status.HYPOTHETICAL}),
        (condition("urn:local", "C50.9"), {}),
    ],
)
def test_how_an_entry_of_the_problem_list_stands(entry, status):
    """Lasting states are present, old episodes past, doubts hypothetical, refuted entries nothing."""
    assert known(entry) == status


def test_treatments_and_allergies_give_safety_facts():
    """An ATC code tells an anticoagulant; an allergy to a contrast medium is one, an allergy to iodine is not."""
    drug = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "B01AA03"}]},
    }
    contrast = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}, "code": {"text": "Produit de contraste iodé"}}
    iodine = contrast | {"code": {"text": "Bétadine (iode)"}}
    assert known(drug, contrast) == {"anticoagulant": Status.PRESENT, "allergie-contraste": Status.PRESENT}
    assert known(iodine) == {}


def test_the_condition_given_as_reason_is_not_also_an_antecedent():
    """A Condition behind reasonReference is the reason; it does not come back as a past fact."""
    order = service_request(reasonReference=[{"reference": "Condition/c-M54.5"}])
    request = one(hook_call(order, prefetch={"x": bundle(condition(ICD10, "M54.5", "Lombalgie"))}), facts_of=FACTS_OF)
    assert request.known == ()
    assert "Lombalgie" in request.narrative


def test_exams_already_done():
    """Studies and imaging reports become prior exams, with what, when and where they can be opened."""
    study = {
        "resourceType": "ImagingStudy",
        "id": "s1",
        "status": "available",
        "subject": {"reference": "Patient/p1"},
        "started": "2026-10-11T09:30:00+01:00",
        "modality": [{"system": "x", "code": "CT"}, {"system": "x", "code": "PT"}],
        "description": "TEP-scanner",
        "location": {"display": "CHU"},
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "status": "final",
        "category": [{"coding": [{"code": "RAD"}]}],
        "code": {"text": "Échographie"},
        "effectiveDateTime": "2024-02",
    }
    biology = {
        "resourceType": "DiagnosticReport",
        "id": "d2",
        "status": "final",
        "category": [{"coding": [{"code": "LAB"}]}],
        "code": {"text": "NFS"},
    }
    first, second = with_context(study, report, biology, study | {"id": "s2", "status": "cancelled"}).prior_exams
    assert (first.text, first.modality, first.performed, first.place, first.reference) == (
        "TEP-scanner",
        "PT",
        date(2026, 10, 11),
        "CHU",
        "ImagingStudy/s1",
    )
    assert (second.text, second.performed) == ("Échographie", date(2024, 2, 15))
