"""No input breaks the reader, and none makes it slow."""

import contextlib
import copy
import time

from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.model import ImagingRequest
from pertimage.fhir.requests import read
from pertimage.fhir.values import BadRequest
from tests.fhir.cases import ICD10, R5_REASON, SCT, TODAY, bundle, condition, hook_call, observation, patient, service_request

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
            observation("29463-7", (70, "kg")),
            observation(
                "73569-6", None, component=[{"code": {"coding": [{"code": "113839"}]}, "valueQuantity": {"value": 2, "unit": "mSv"}}]
            ),
            {
                "resourceType": "DiagnosticReport",
                "id": "r",
                "category": [{"coding": [{"code": "RAD"}]}],
                "conclusion": "x",
                "imagingStudy": [{"reference": "ImagingStudy/s"}],
            },
            {
                "resourceType": "Device",
                "id": "d",
                "type": {"text": "Pacemaker"},
                "safety": [{"coding": [{"code": "C106047"}]}],
                "deviceName": [{"name": "A"}],
            },
            {"resourceType": "DeviceUseStatement", "id": "u", "status": "active", "device": {"reference": "Device/d", "display": "PM"}},
            {
                "resourceType": "Procedure",
                "id": "g",
                "status": "completed",
                "code": {"text": "Scanner"},
                "complication": [{"text": "x"}],
                "performedDateTime": "2026-01",
            },
            {
                "resourceType": "AllergyIntolerance",
                "id": "a",
                "code": {"text": "iode"},
                "reaction": [{"substance": {"text": "gadolinium"}}],
            },
            {
                "resourceType": "MedicationRequest",
                "id": "m",
                "medicationReference": {"reference": "#k"},
                "contained": [{"resourceType": "Medication", "id": "k", "code": {"text": "x"}}],
            },
            service_request(id="old", status="active", meta={"versionId": "2"}),
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
