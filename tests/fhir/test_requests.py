"""Reading requests from FHIR and CDS Hooks."""

import contextlib
import copy
import time
from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.model import ImagingRequest, KnownFact, Sex, Status, TextPart
from pertimage.fhir.history import coded_facts
from pertimage.fhir.requests import read, read_bundle, read_hook, read_service_request
from pertimage.fhir.values import BadRequest
from tests.fhir.cases import LOINC, SCT, TODAY, bundle, condition, hook_call, observation, patient, service_request

ICD10 = "https://smt.esante.gouv.fr/terminologie-cim-10"
R5_REASON = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ServiceRequest.reason"
FR_IMAGING = "https://interop.esante.gouv.fr/ig/fhir/document-core/StructureDefinition/fr-imaging-request-extension"


def one(body, **options):
    """Return the only request of a body."""
    (order,) = read(body, TODAY, **options)
    return order.request


def with_context(*resources, **changes):
    """Return the request of the shared order with these resources as prefetch."""
    return one(hook_call(service_request(**changes), prefetch={"patient": patient(), "autre": bundle(*resources)}))


def test_a_french_order_is_read_whole():
    """The exam, the words, the codes, the patient and the day all reach the core."""
    request = one(hook_call(service_request(reasonCode=[{"coding": [{"system": ICD10, "code": "M54.5"}], "text": "Lombalgie"}])))
    assert request.id == "ServiceRequest/sr1"
    assert request.exam_text == "Radiographie du rachis lombaire"
    assert [code.code for code in request.exam_codes] == ["30766-4"]
    assert request.texts == (TextPart("reasonCode", "Lombalgie"), TextPart("note", "Pas de déficit neurologique."))
    assert [code.code for code in request.reason_codes] == ["M54.5"]
    assert (request.age, request.sex, request.authored) == (47.0, Sex.FEMALE, date(2026, 11, 20))
    assert request.unknown_context == ()


def test_the_raw_order_comes_back_untouched():
    """The ServiceRequest that a request came from is the very one that was sent."""
    order = service_request()
    before = copy.deepcopy(order)
    call = read_hook(hook_call(order), TODAY)
    assert call.orders[0].resource is order
    assert order == before


@pytest.mark.parametrize(
    "changes",
    [
        {"reasonCode": [{"text": "douleur du genou"}]},
        {"reasonCode": [{"coding": [{"display": "douleur du genou", "code": "x"}]}]},
        {
            "reasonReference": [{"reference": "#c"}],
            "contained": [{"resourceType": "Condition", "id": "c", "code": {"text": "douleur du genou"}}],
        },
        {"reasonReference": [{"reference": "Condition/c-1"}]},
        {"reasonReference": [{"display": "douleur du genou"}]},
        {"note": [{"text": "douleur du genou"}]},
        {"extension": [{"url": R5_REASON, "extension": [{"url": "concept", "valueCodeableConcept": {"text": "douleur du genou"}}]}]},
        {"extension": [{"url": R5_REASON, "valueCodeableConcept": {"text": "douleur du genou"}}]},
        {
            "extension": [
                {"url": FR_IMAGING, "extension": [{"url": "finalite", "extension": [{"url": "x", "valueString": "douleur du genou"}]}]}
            ]
        },
        {"extension": [{"url": FR_IMAGING, "extension": [{"url": "finalite", "valueMarkdown": "douleur du genou"}]}]},
        {"orderDetail": [{"text": "douleur du genou"}]},
        {"reason": [{"concept": {"text": "douleur du genou"}}]},
        {"reason": [{"reference": {"reference": "Condition/c-1"}}]},
    ],
)
def test_the_reason_is_found_wherever_the_order_carries_it(changes):
    """The five places of a French order, references, and the R5 forms all give the prescriber's words."""
    order = service_request(**({"reasonCode": None, "note": None} | changes))
    request = one(hook_call(order, prefetch={"problemes": bundle(condition(SCT, "1", "douleur du genou"))}))
    assert "douleur du genou" in request.narrative


def test_the_reason_is_not_sought_where_the_patient_is_addressed():
    """Instructions to the patient and the generated narrative are not the prescriber's reason."""
    order = service_request(
        reasonCode=None, note=None, patientInstruction="Venir à jeun", text={"status": "generated", "div": "<div>x</div>"}
    )
    assert one(order).narrative == ""


def test_words_said_twice_are_read_once():
    """A note that repeats the reason does not count twice."""
    request = one(service_request(note=[{"text": "lombalgie commune depuis 10 jours"}]))
    assert len(request.texts) == 1


def test_words_are_in_nfc():
    """Decomposed accents are composed, since the core compares words in NFC."""
    assert one(service_request(note=[{"text": "fie\u0300vre"}])).texts[-1].text == "fièvre"


def test_an_r5_order_is_read_like_its_r4_form():
    """Code, reason, body structure and order detail of R5 say the same as in R4."""
    r5 = service_request(
        code={"concept": {"text": "IRM du genou"}},
        reasonCode=None,
        reason=[{"concept": {"coding": [{"system": ICD10, "code": "M23"}], "text": "blocage"}}],
        orderDetail=[{"parameter": [{"code": {"text": "détail"}, "valueString": "sans injection"}]}],
        bodyStructure={"reference": "#bs"},
        contained=[
            {
                "resourceType": "BodyStructure",
                "id": "bs",
                "includedStructure": [
                    {
                        "structure": {"coding": [{"system": SCT, "code": "361291001"}]},
                        "laterality": {"coding": [{"system": SCT, "code": "7771000"}]},
                    }
                ],
            }
        ],
    )
    request = one(r5)
    assert request.exam_text == "IRM du genou, sans injection"
    assert [code.code for code in request.reason_codes] == ["M23"]
    assert [code.code for code in request.body_sites] == ["361291001"]
    assert request.laterality == "left"


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        ({"bodySite": [{"coding": [{"system": SCT, "code": "7771000"}]}]}, "left"),
        ({"bodySite": [{"coding": [{"system": SCT, "code": "24028007"}]}]}, "right"),
        ({"bodySite": [{"coding": [{"system": SCT, "code": "51440002"}]}]}, "bilateral"),
        ({"bodySite": [{"text": "genou gauche"}]}, "left"),
        ({"code": {"text": "Radio du genou droit"}}, "right"),
        ({"code": {"text": "Radio genou D face + profil"}}, "right"),
        ({"code": {"text": "Radio des deux genoux"}}, "bilateral"),
        ({"code": {"text": "Radio genou droit et gauche"}}, "bilateral"),
        ({"code": {"text": "Scanner 3D du rachis"}}, ""),
        ({"code": {"text": "Radio du genou droit"}, "bodySite": [{"coding": [{"system": SCT, "code": "7771000"}]}]}, "left"),
    ],
)
def test_the_side_is_read_from_codes_then_from_words(changes, side):
    """SNOMED qualifiers come first, then the exam's own words."""
    assert one(service_request(**changes)).laterality == side


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


def test_an_undated_order_is_of_today():
    """Without authoredOn the day given by the caller is the day of the request; an unreadable or future one is said to be."""
    assert one(service_request(authoredOn=None)).authored == TODAY
    for written in ("2099-01-01", "hier", "2026-02-31"):
        request = one(service_request(authoredOn=written))
        assert request.authored == TODAY
        assert "date de la demande" in request.unknown_context


def test_an_order_without_subject_is_judged():
    """A ServiceRequest with no subject at all is still a request; the single patient of the call is its patient."""
    assert one(service_request(subject=None)).age is None
    assert one(hook_call(service_request(subject=None))).age == 47.0
    assert one(bundle(service_request(subject=None), patient())).age == 47.0


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


class Coded:
    """A fact of the lexicon with its codes."""

    def __init__(self, icd10=(), icpc2=(), snomed=()):
        self.icd10, self.icpc2, self.snomed = icd10, icpc2, snomed


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


def test_what_the_client_could_not_give_is_said():
    """A prefetch error, a further page and a missing patient are listed as unknown context, and nothing fails."""
    error = {"resourceType": "OperationOutcome", "issue": []}
    page = bundle(link=[{"relation": "next", "url": "https://exemple.fr/2"}])
    request = one(hook_call(service_request(), prefetch={"patient": None, "allergies": error, "imagerie": page}))
    assert request.unknown_context == (
        "âge et sexe du patient",
        "données « allergies » non obtenues",
        "liste « imagerie » incomplète (suite non transmise)",
    )


def test_order_select_judges_the_selection_only():
    """On order-select only the orders selected are ours; on order-sign all the imaging orders are."""
    body = hook_call(service_request(), service_request(id="sr2"), hook="order-select", selections=["ServiceRequest/sr2"])
    call = read_hook(body, TODAY)
    assert [order.request.id for order in call.orders] == ["ServiceRequest/sr2"]
    assert call.ignored == ("ServiceRequest/sr1",)
    assert len(read_hook(body | {"hook": "order-sign"}, TODAY).orders) == 2
    assert read_hook(hook_call(service_request(), hook="order-select", selections=[]), TODAY).orders == ()


def test_a_draft_bundle_without_type_nor_full_url_is_read():
    """The draft orders of real clients lack Bundle.type and fullUrl; a bare list of resources is read too."""
    assert len(read_hook(hook_call(draftOrders={"entry": [{"resource": service_request()}]}), TODAY).orders) == 1
    assert len(read_hook(hook_call(draftOrders=[service_request()]), TODAY).orders) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"resourceType": "MedicationRequest", "id": "m1"},
        service_request(id="b1", category=[{"coding": [{"system": SCT, "code": "108252007"}]}], code={"text": "Bilan"}),
        service_request(id="b1", category=None, code={"text": "NFS, CRP"}),
        service_request(id="b1", category=None, code={"text": "Séances de kinésithérapie"}),
        service_request(id="b1", doNotPerform=True),
        service_request(id="b1", status="revoked"),
    ],
)
def test_orders_that_are_not_ours_are_ignored_in_a_hook(other):
    """Medicines, laboratory, physiotherapy and withdrawn orders get no card; the call is legitimate even without imaging order."""
    call = read_hook(hook_call(other), TODAY)
    assert call.orders == ()
    assert len(call.ignored) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"category": None, "code": {"coding": [{"system": LOINC, "code": "30766-4"}]}},
        {"category": None, "code": {"text": "Exploration du genou"}},
        {
            "category": None,
            "code": {"coding": [{"system": "https://smt.esante.gouv.fr/terminologie-ccam", "code": "ACQH004"}], "text": "acte"},
        },
        {"category": [{"coding": [{"code": "108252007"}]}], "code": {"text": "Échographie rénale"}},
        {"code": None},
    ],
)
def test_a_doubtful_order_is_judged(changes):
    """An order that may be imaging is judged: to ignore it would be a silence that nobody sees."""
    assert len(read_hook(hook_call(service_request(**changes)), TODAY).orders) == 1


def test_a_bundle_gives_one_order_per_service_request():
    """In a Bundle every ServiceRequest is answered, and those that are not imaging are marked."""
    orders = read_bundle(bundle(service_request(), service_request(id="b", category=None, code={"text": "NFS"}), patient()), TODAY)
    assert [order.imaging for order in orders] == [True, False]


def test_orders_without_id_have_distinct_names():
    """Two orders without id can be told apart, by fullUrl or by rank."""
    names = [order.request.id for order in read_bundle(bundle(service_request(id=None), service_request(id=None)), TODAY)]
    assert names == ["ServiceRequest/sans-id-1", "ServiceRequest/sans-id-2"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], ""),
        (None, ""),
        ("ServiceRequest", ""),
        ({}, "resourceType"),
        ({"resourceType": "Patient"}, "resourceType"),
        ({"resourceType": "Bundle"}, "entry"),
        (bundle(patient()), "entry"),
        ({"hook": "patient-view", "context": {}}, "hook"),
        ({"hook": "order-sign"}, "context.draftOrders"),
        ({"hook": "order-sign", "context": {"draftOrders": "x"}}, "context.draftOrders"),
    ],
)
def test_an_unreadable_body_is_refused_in_french(body, place):
    """What cannot be read at all is refused, with the place and a French sentence."""
    with pytest.raises(BadRequest) as caught:
        read(body, TODAY)
    assert caught.value.place == place
    assert caught.value.message_fr.endswith(".")


def test_a_refusal_never_quotes_more_than_a_word():
    """A foreign value in a message is short and printable: a body is not echoed."""
    with pytest.raises(BadRequest) as caught:
        read({"resourceType": "A" * 5000}, TODAY)
    assert len(caught.value.message_fr) < 200


VALID = hook_call(
    service_request(
        bodySite=[{"coding": [{"system": SCT, "code": "7771000"}]}],
        orderDetail=[{"text": "face"}],
        contained=[condition(ICD10, "J18", "toux")],
        reasonReference=[{"reference": "#c-J18"}],
        extension=[{"url": R5_REASON, "extension": [{"url": "concept", "valueCodeableConcept": {"text": "x"}}]}],
    ),
    hook="order-select",
    selections=["ServiceRequest/sr1"],
    prefetch={
        "patient": patient(),
        "x": bundle(
            condition(ICD10, "N18.9"),
            observation("82810-3", "77386006"),
            observation("2160-0", (0.9, "mg/dL")),
            {"resourceType": "ImagingStudy", "id": "s", "started": "2026-01-01", "series": [{"modality": {"code": "CT"}}]},
        ),
    },
)


def places(value, path=()):
    """Yield the path of every value of a JSON tree."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


PLACES = [path for path in places(VALID) if path]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["#x", "9999-99-99", "ServiceRequest", "Bundle", "http://"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["resourceType", "coding", "code", "entry", "text", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def mutated(path, junk):
    """Return the valid call with one value replaced."""
    body = copy.deepcopy(VALID)
    node = body
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = junk
    return body


@given(st.sampled_from(PLACES), JUNK)
def test_no_wrong_value_anywhere_breaks_the_reader(path, junk):
    """Whatever stands in place of any value, the call is read, or refused with BadRequest: no other error."""
    try:
        for order in read(mutated(path, junk), TODAY):
            assert isinstance(order.request, ImagingRequest)
            hash(order.request)
    except BadRequest:
        pass


@given(JUNK)
def test_no_json_at_all_breaks_the_reader(junk):
    """Arbitrary JSON is read or refused."""
    with contextlib.suppress(BadRequest):
        read(junk, TODAY)


def test_reading_is_linear_in_the_prefetch():
    """Ten times the record takes about ten times as long, not a hundred."""

    def spent(count):
        body = hook_call(
            service_request(), prefetch={"p": patient(), "x": bundle(*(condition(ICD10, "N18.9", id=f"c{rank}") for rank in range(count)))}
        )
        start = time.process_time()
        read(body, TODAY)
        return time.process_time() - start

    spent(100)
    small, large = min(spent(300) for _ in range(5)), min(spent(3000) for _ in range(5))
    assert large < 40 * small + 0.005


def test_a_bytes_body_survives_the_journey():
    """The order that comes back is JSON: what was decoded can be encoded again."""
    body = orjson.loads(orjson.dumps(hook_call(service_request())))
    assert orjson.loads(orjson.dumps(read_hook(body, TODAY).orders[0].resource)) == service_request()


def test_an_order_alone_needs_no_bundle():
    """A single ServiceRequest is one order, with its subject as written."""
    order = read_service_request(service_request(), TODAY)
    assert (order.subject, order.imaging) == ("Patient/p1", True)
