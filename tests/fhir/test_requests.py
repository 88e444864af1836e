"""Reading requests from FHIR and CDS Hooks."""

import copy
from datetime import date

import orjson
import pytest

from pertimage.cds.model import Sex, TextPart
from pertimage.fhir.requests import read, read_bundle, read_hook, read_service_request
from pertimage.fhir.values import BadRequest
from tests.fhir.cases import ICD10, LOINC, SCT, TODAY, bundle, hook_call, one, patient, service_request


def test_a_french_order_is_read_whole():
    """The exam, the words, the codes, the patient and the day all reach the core."""
    request = one(hook_call(service_request(reasonCode=[{"coding": [{"system": ICD10, "code": "M54.5"}], "text": "Lombalgie"}])))
    assert request.id == "ServiceRequest/sr1"
    assert request.exam_text == "Radiographie du rachis lombaire"
    assert [code.code for code in request.exam_codes] == ["30766-4"]
    assert request.texts == (TextPart("reasonCode", "Lombalgie"), TextPart("note", "Pas de déficit neurologique."))
    assert [code.code for code in request.reason_codes] == ["M54.5"]
    assert (request.age, request.sex, request.authored) == (47.0, Sex.FEMALE, date(2026, 11, 20))
    assert request.unknown_context == (
        "antécédents, allergies, traitements, dispositifs implantés, fonction rénale, examens antérieurs (non transmis)",
    )


def test_the_raw_order_comes_back_untouched():
    """The ServiceRequest that a request came from is the very one that was sent."""
    order = service_request()
    before = copy.deepcopy(order)
    call = read_hook(hook_call(order), TODAY)
    assert call.orders[0].resource is order
    assert order == before


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


def test_what_the_client_could_not_give_is_said():
    """A prefetch error, a further page and a missing patient are listed as unknown context, and nothing fails."""
    error = {"resourceType": "OperationOutcome", "issue": []}
    page = bundle(link=[{"relation": "next", "url": "https://exemple.fr/2"}])
    request = one(hook_call(service_request(), prefetch={"patient": None, "allergies": error, "imagerie": page}))
    assert request.unknown_context == (
        "âge et sexe du patient",
        "données « allergies » non obtenues",
        "liste « imagerie » incomplète (suite non transmise)",
        "antécédents, traitements, dispositifs implantés, fonction rénale (non transmis)",
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


def test_a_bytes_body_survives_the_journey():
    """The order that comes back is JSON: what was decoded can be encoded again."""
    body = orjson.loads(orjson.dumps(hook_call(service_request())))
    assert orjson.loads(orjson.dumps(read_hook(body, TODAY).orders[0].resource)) == service_request()


def test_an_order_alone_needs_no_bundle():
    """A single ServiceRequest is one order, with its subject as written."""
    order = read_service_request(service_request(), TODAY)
    assert (order.subject, order.imaging) == ("Patient/p1", True)
