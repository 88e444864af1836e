"""The shapes in which a record arrives: null, partial, nested, erroneous, doubled, in R5, of somebody else."""

import time

import orjson
import pytest

from bench.bodies import order_sign
from pertimage.fhir.context_words import record_facts
from pertimage.fhir.requests import read_bundle, read_hook
from pertimage.guidelines.loader import load_base
from tests.fhir.cases import ICD10, LOINC, SCT, TODAY, bundle, condition, hook_call, observation, one, patient, service_request

FACTS_OF = record_facts(load_base().lexicon)


def read(prefetch, **order):
    """Return the request of a hook call with that prefetch, read with the whole lexicon."""
    call = hook_call(service_request(**order), prefetch={"patient": patient()} | prefetch)
    return read_hook(call, TODAY, FACTS_OF).orders[0].request


def facts(prefetch, **order):
    """Return fact → status or value."""
    return {fact.fact: fact.value if fact.value is not None else str(fact.status) for fact in read(prefetch, **order).known}


def said(prefetch, **order):
    """Return all that is said not to be known, in one line."""
    return " ; ".join(read(prefetch, **order).unknown_context)


CKD = condition(ICD10, "N18.9")


@pytest.mark.parametrize(
    "value",
    [
        CKD,
        [CKD],
        bundle(CKD),
        {"entry": [{"resource": CKD}]},
        {"resourceType": "Bundle", "entry": [CKD]},
        bundle(bundle(CKD)),
        [bundle(CKD)],
        bundle(None, CKD, 3, "x"),
    ],
    ids=["resource", "list", "bundle", "untyped", "bare entry", "nested", "list of bundles", "with junk"],
)
def test_a_resource_is_found_in_every_shape(value):
    """A resource alone, in a list, in a Bundle, with or without type, inside another, or beside junk is read alike."""
    assert facts({"conditions": value})["insuffisance-renale"] == "present"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("pas du FHIR", "données « conditions » illisibles"),
        (12, "données « conditions » illisibles"),
        ({"code": "x"}, "données « conditions » illisibles"),
        ({"resourceType": "OperationOutcome", "issue": []}, "données « conditions » non obtenues"),
        (bundle({"resourceType": "OperationOutcome"}), "données « conditions » non obtenues"),
        (bundle(CKD, link=[{"relation": "next", "url": "x"}]), "liste « conditions » incomplète (suite non transmise)"),
        (bundle(CKD, total=12), "liste « conditions » incomplète (1 sur 12)"),
        (bundle(bundle(bundle(bundle(bundle(bundle(CKD)))))), "données « conditions » trop imbriquées"),
    ],
)
def test_what_cannot_be_read_or_is_partial_is_said(value, words):
    """A text, a number, an error, a further page, fewer entries than announced, a Bundle too deep: each is said, none fails."""
    assert words in said({"conditions": value})


@pytest.mark.parametrize("value", [None, {}, [], bundle(), bundle(total=0)])
def test_nothing_found_is_not_an_error(value):
    """A null or an empty list is an answer: nothing was found."""
    assert "conditions" not in said({"conditions": value})
    assert "antécédents" not in said({"conditions": value})


def test_the_last_results_asked_for_are_not_a_partial_list():
    """The server has more creatinines than the two that were asked for: nothing is lost."""
    page = bundle(observation("2160-0", (9, "mg/L")), total=40, link=[{"relation": "next", "url": "x"}])
    assert "incomplète" not in said({"creatinine": page})


def test_what_was_not_sent_is_said_in_one_remark():
    """The kinds of data that the call lacks are named once; a kind that came under another key is not lacking."""
    assert said({}).startswith(
        "antécédents, allergies, traitements, dispositifs implantés, fonction rénale, examens antérieurs (non transmis)"
    )
    assert said({"tout": bundle(CKD, observation("2160-0", (9, "mg/L")))}) == (
        "allergies, traitements, dispositifs implantés, examens antérieurs (non transmis)"
    )


def test_a_resource_sent_twice_is_read_once():
    """The same study in two keys is one earlier exam; of two versions the later counts."""
    study = {
        "resourceType": "ImagingStudy",
        "id": "s1",
        "started": "2026-01-02",
        "description": "Scanner",
        "subject": {"reference": "Patient/p1"},
    }
    assert len(read({"a": bundle(study), "b": [study]}).prior_exams) == 1
    first, second = study | {"meta": {"versionId": "9"}}, study | {"meta": {"versionId": "10"}, "description": "Scanner relu"}
    for pages in (bundle(first, second), bundle(second, first)):
        assert [exam.text for exam in read({"a": pages}).prior_exams] == ["Scanner relu"]


def test_two_results_of_one_id_without_version_are_both_read():
    """Without a version nothing tells that the second replaces the first: both are kept, and the latest day counts."""
    old, new = observation("62238-1", (90, "mL/min"), effectiveDateTime="2026-10-01"), observation("62238-1", (25, "mL/min"))
    assert facts({"dfg": bundle(old, new)})["dfg"] == 25.0


@pytest.mark.parametrize(
    ("birth", "words"),
    [
        ("2030-01-01", "date de naissance postérieure à la demande"),
        ("1880-01-01", "date de naissance donnant plus de 125 ans"),
        ("12/03/1980", "date de naissance illisible"),
        (19800312, "date de naissance illisible"),
    ],
)
def test_an_impossible_birth_is_not_retained_and_said(birth, words):
    """Born in the future, too long ago, or unreadable: no age, and why."""
    request = read({"patient": patient(birthDate=birth)})
    assert request.age is None
    assert words in " ; ".join(request.unknown_context)


@pytest.mark.parametrize(
    ("gender", "sex"), [("female", "female"), ("F", "female"), ("Masculin", "male"), ("other", None), (3, None), (None, None)]
)
def test_sex_as_french_software_writes_it(gender, sex):
    """The FHIR code, or the French word or letter; anything else is unknown."""
    assert read({"patient": patient(gender=gender)}).sex == sex


def test_a_dead_patient_is_said():
    """A patient noted as dead is a doubt on identity."""
    assert "noté décédé" in said({"patient": patient(deceasedDateTime="2020-01-01")})


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (observation("2160-0", (9, "")), "créatininémie sans unité"),
        (observation("2160-0", (80, "mmHg")), "créatininémie en « mmHg »"),
        (observation("2160-0", (90000, "µmol/L")), "créatininémie de 90000 µmol/L : impossible"),
        (observation("62238-1", (-5, "mL/min")), "DFG de -5 mL/min : impossible"),
        (observation("62238-1", (60, "%")), "DFG en « % »"),
        (observation("62238-1", (90, "mL/min"), effectiveDateTime="2027-10-01"), "DFG postérieur à la demande"),
        (observation("62238-1", (90, "mL/min"), effectiveDateTime=None), "DFG non daté"),
        (observation("62238-1", (90, "mL/min"), effectiveDateTime="2026-01-01"), "DFG de plus de trois mois"),
        (observation("29463-7", (70, "")), "poids sans unité"),
        (observation("29463-7", (70, "stone")), "poids en « stone »"),
        (observation("29463-7", (5, "kg")), "poids de 5 kg : impossible"),
        (observation("29463-7", (70, "kg"), effectiveDateTime="2030-10-01"), "poids postérieur à la demande"),
        (observation("29463-7", (70, "kg"), effectiveDateTime=None), "poids non daté"),
    ],
)
def test_a_result_that_cannot_be_is_not_retained_and_said(result, words):
    """No unit, an unknown one, an impossible value, a day to come, no day at all: not retained, and said in French."""
    assert facts({"x": result}) == {}
    assert words in said({"x": result})


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        ({"valueString": "9,5 mg/L"}, 74.4),
        ({"valueString": "84 µmol/L"}, 74.3),
        ({"valueQuantity": {"value": "9,5", "unit": "mg/L"}}, 74.4),
        ({"valueString": "normale"}, None),
        ({"valueQuantity": {"value": None, "unit": "mg/L"}}, None),
        ({"dataAbsentReason": {"text": "hémolysé"}}, None),
    ],
)
def test_a_creatinine_written_in_words_is_read(value, rate):
    """A number and its unit in a string are a result; words are not."""
    assert facts({"x": observation("2160-0", None, **value)}).get("dfg") == rate


def test_a_rate_below_a_threshold_stays_below():
    """« < 30 » is not 30."""
    result = observation("62238-1", None, valueQuantity={"value": 30, "unit": "mL/min", "comparator": "<"})
    assert facts({"x": result})["dfg"] < 30


def test_no_rate_is_computed_for_a_child_or_without_sex_and_that_is_said():
    """The equation holds for adults of known sex only."""
    result = observation("2160-0", (9, "mg/L"))
    assert "avant 18 ans" in said({"patient": patient(birthDate="2015-01-01"), "x": result})
    assert "âge ou sexe inconnu" in said({"patient": patient(gender="unknown"), "x": result})


def test_close_results_of_one_day_are_no_contradiction():
    """A rate given by the laboratory and the one of its creatinine differ a little: the lower is kept in silence."""
    pair = bundle(observation("62238-1", (75, "mL/min")), observation("2160-0", (9.5, "mg/L"), id="c"))
    assert facts({"x": pair})["dfg"] == 74.4
    assert "différents" not in said({"x": pair})


def test_the_later_pregnancy_status_counts_and_one_day_s_contradiction_is_said():
    """« Not pregnant » after « pregnant » counts; the two on one day count as pregnant."""
    yes, no = observation("82810-3", "77386006", effectiveDateTime="2026-08-01"), observation("82810-3", "60001007", id="n")
    assert facts({"x": bundle(yes, no)}) == {"grossesse": "absent"}
    both = {"x": bundle(yes | {"effectiveDateTime": "2026-11-10"}, no)}
    assert facts(both) == {"grossesse": "present"}
    assert "contradictoires" in said(both)


def test_remarks_are_bounded():
    """A thousand unreadable results do not make a thousand remarks."""
    many = [observation("2160-0", (9, f"unité{rank}"), id=f"o{rank}") for rank in range(1000)]
    assert len(read({"x": bundle(*many)}).unknown_context) < 30


def test_an_r5_record_is_read():
    """MedicationStatement with a CodeableReference, DeviceUsage, R5 device names and occurrence dates."""
    drug = {"resourceType": "MedicationRequest", "status": "active", "medication": {"concept": {"text": "PREVISCAN 20 mg"}}}
    device = {"resourceType": "Device", "id": "d1", "type": [{"text": "Implant"}], "name": [{"value": "Pacemaker Azure XT"}]}
    usage = {
        "resourceType": "DeviceUsage",
        "status": "active",
        "patient": {"reference": "Patient/p1"},
        "device": {"reference": {"reference": "Device/d1"}},
    }
    gesture = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"text": "Radiographie du bassin"},
        "occurrenceDateTime": "2026-02-03",
    }
    request = read({"x": bundle(drug, device, usage, gesture)})
    assert {"anticoagulant", "dispositif-implante"} <= {fact.fact for fact in request.known}
    assert [(exam.text, exam.performed.isoformat()) for exam in request.prior_exams] == [("Radiographie du bassin", "2026-02-03")]


def test_a_loop_of_contained_resources_ends():
    """A medicine that refers to itself is read and ends."""
    drug = {
        "resourceType": "MedicationRequest",
        "medicationReference": {"reference": "#m"},
        "contained": [
            {"resourceType": "Medication", "id": "m", "ingredient": [{"itemReference": {"reference": "#m"}}], "code": {"text": "Xarelto"}}
        ],
    }
    assert facts({"x": drug}) == {"anticoagulant": "present"}


def test_somebody_else_s_device_is_not_the_patient_s():
    """A pacemaker of another patient gives no fact, and the answer says that it was left out."""
    device = {"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/p2"}, "type": {"text": "Pacemaker"}}
    assert facts({"implants": bundle(device)}) == {}
    assert "données d'un autre patient ignorées" in said({"implants": bundle(device)})


def test_the_orders_being_written_are_no_earlier_ones():
    """An order that the record returns while it is written is not an earlier exam, nor is a draft or a proposal."""

    def asked(name, **changes):
        return service_request(id=name, status="active", code={"text": "Scanner lombaire"}, authoredOn="2026-11-01", **changes)

    found = bundle(asked("sr1"), asked("a"), asked("b", intent="proposal"), asked("c") | {"status": "draft"}, asked("d", doNotPerform=True))
    assert [(exam.reference, exam.ordered) for exam in read({"demandes": found}).prior_exams] == [("ServiceRequest/a", True)]


def test_two_studies_of_one_order_are_two_exams():
    """Studies that answer the same order are not joined; their common report completes the first it refers to."""
    order = [{"reference": "ServiceRequest/a"}]
    studies = [
        {"resourceType": "ImagingStudy", "id": name, "started": "2026-03-01", "description": name, "basedOn": order}
        for name in ("thorax", "abdomen")
    ]
    report = {
        "resourceType": "DiagnosticReport", "id": "r", "category": [{"coding": [{"code": "RAD"}]}], "code": {"text": "Scanner"},
        "imagingStudy": [{"reference": "ImagingStudy/abdomen"}], "conclusion": "Normal",
    }  # fmt: skip
    found = read({"x": bundle(*studies, report)}).prior_exams
    assert [(exam.text, exam.conclusion) for exam in found] == [("thorax", ""), ("abdomen", "Normal")]


def test_an_exam_dated_after_the_request_is_not_earlier():
    """A study of next year is not retained, and said."""
    study = {"resourceType": "ImagingStudy", "id": "s", "started": "2027-05-01", "description": "Scanner"}
    assert read({"x": study}).prior_exams == ()
    assert "examen antérieur daté d'après la demande" in said({"x": study})


def test_a_dose_that_cannot_be_is_said():
    """Nine hundred millisieverts is no dose of an exam."""
    dose = {
        "resourceType": "Observation", "code": {"coding": [{"system": LOINC, "code": "73569-6"}]}, "partOf": [{"reference": "ImagingStudy/s"}],
        "component": [{"code": {"coding": [{"code": "113839"}]}, "valueQuantity": {"value": 900, "unit": "mSv"}}],
    }  # fmt: skip
    assert "dose efficace de 900 mSv : non retenue" in said({"x": dose})


def test_conclusion_codes_stand_for_words():
    """A report that concludes by codes alone concludes by their displays."""
    report = {
        "resourceType": "DiagnosticReport", "id": "r", "category": [{"coding": [{"code": "RAD"}]}], "code": {"text": "Radiographie"},
        "conclusionCode": [{"coding": [{"system": SCT, "code": "17621005", "display": "Normal"}]}],
    }  # fmt: skip
    assert [exam.conclusion for exam in read({"x": report}).prior_exams] == ["Normal"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Allergie à l'iode", True),
        ("Bétadine", True),
        ("Pénicilline", False),
        ("Période pollinique", False),
    ],
)
def test_an_allergy_to_iodine_is_told_apart(words, expected):
    """It is the fact « fausse allergie à l'iode » where the lexicon has it, else a reaction to be specified."""
    found = facts({"x": {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}, "code": {"text": words}}})
    iodine = "fausse-allergie-iode" if FACTS_OF.knows("fausse-allergie-iode") else "allergie-contraste"
    assert set(found) == ({iodine} if expected else set())


def test_a_record_without_lexicon_still_reads_the_national_codes():
    """Without a lexicon, implants and contraindications are known by their codes."""
    device = {"resourceType": "Device", "id": "d", "type": {"coding": [{"system": SCT, "code": "43252007"}]}}
    call = hook_call(service_request(), prefetch={"patient": patient(), "x": device})
    assert {fact.fact for fact in one(call).known} == {"dispositif-implante", "contre-indication-irm"}


def test_nothing_known_grows_old():
    """« No known device » of three years ago does not reassure before an MRI; one that is over neither."""
    none = {"resourceType": "DeviceUseStatement", "status": "active", "device": {"concept": {"coding": [{"code": "no-known-devices"}]}}}
    assert facts({"x": none | {"recordedOn": "2026-06-01"}}) == {"dispositif-implante": "absent"}
    assert facts({"x": none | {"recordedOn": "2023-06-01"}}) == {}
    assert "de plus d'un an" in said({"x": none | {"recordedOn": "2023-06-01"}})
    over = {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [{"code": "inactive"}]},
        "code": {"coding": [{"code": "716186003"}]},
    }
    assert facts({"x": over}) == {}


def test_a_pregnancy_at_eighty_is_kept_and_doubted():
    """What warns is kept, and said to be checked."""
    body = {"patient": patient(birthDate="1946-01-01"), "x": observation("82810-3", "77386006")}
    assert facts(body) == {"grossesse": "present"}
    assert "grossesse notée à 80 ans" in said(body)


def test_a_reference_that_did_not_come_is_said():
    """A device or a medicine that is only a reference to something not sent is not silence."""
    use = {"resourceType": "DeviceUseStatement", "status": "active", "device": {"reference": "Device/ailleurs"}}
    drug = {"resourceType": "MedicationRequest", "status": "active", "medicationReference": {"reference": "Medication/ailleurs"}}
    assert "dispositif noté au dossier mais non transmis" in said({"x": use})
    assert "traitement noté au dossier mais non transmis" in said({"x": drug})


def test_the_substance_of_a_reaction_is_read():
    """An allergy without code names its substance in its reaction."""
    entry = {"resourceType": "AllergyIntolerance", "id": "a", "reaction": [{"substance": {"text": "Gadobutrol"}, "severity": "severe"}]}
    assert facts({"x": entry}) == {"allergie-contraste": "present"}


def test_words_beyond_the_limit_are_not_read():
    """The words of an entry are read to a bound: a letter pasted in a problem list is no problem."""
    assert facts({"x": condition("urn:local", "1", "x " * 150 + "diabète")}) == {}
    assert facts({"x": condition("urn:local", "1", "diabète" + " x" * 5000)}) == {"diabete": "present"}


def test_an_order_and_its_bundle_read_the_same_record():
    """What a Bundle holds beside an order is read as what the prefetch of a call holds."""
    device = {"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/p1"}, "type": {"text": "Pacemaker"}}
    orders = read_bundle(bundle(service_request(), patient(), device), TODAY, FACTS_OF)
    known = {fact.fact for fact in orders[0].request.known}
    assert {"dispositif-implante", "stimulateur-cardiaque"} <= known
    assert known == set(facts({"x": device}))


def test_reading_every_kind_is_linear():
    """A thousand resources of every kind cost about ten times a hundred."""

    def spent(count):
        body = orjson.loads(order_sign(count))
        start = time.process_time()
        read_hook(body, TODAY, FACTS_OF)
        return time.process_time() - start

    spent(100)
    small, large = min(spent(100) for _ in range(5)), min(spent(1000) for _ in range(5))
    assert large < 25 * small + 0.005
