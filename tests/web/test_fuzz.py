"""Whatever JSON is sent, the service answers clearly: cards or a 4xx, never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.web.service_fixture import client_of
from tests.web.test_hooks import URL, hook, order

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "coding", "code", "system", "resourceType", "reference", "extension", "entry", "resource"]),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = [
    "code",
    "reasonCode",
    "reasonReference",
    "note",
    "extension",
    "authoredOn",
    "bodySite",
    "subject",
    "priority",
    "status",
    "orderDetail",
    "contained",
    "id",
    "category",
]
FRENCH = st.lists(
    st.sampled_from(
        "pas de fièvre , . ? déficit depuis 3 j mère : ATCD K sein ni mais lombalgie toux céphalée brutale ( ) / - + 38°5 SpO2 91 % non 12/2024 \n".split(
            " "
        )
    ),
    max_size=25,
).map(" ".join)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Yield one client for all examples."""
    yield from client_of(tmp_path_factory.mktemp("fuzz"))


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), JSON)
def test_any_order_is_answered(client: TestClient, about: dict[str, Any], prefetch: Any) -> None:
    """An order with arbitrary values anywhere gets cards."""
    body = hook(order("lumbago depuis 5 j", "radio rachis lombaire") | about, name="order-select") | {"prefetch": prefetch}
    assert client.post(URL, content=orjson.dumps(body)).status_code == 200


@given(JSON)
def test_any_json_is_answered_or_refused(client: TestClient, body: Any) -> None:
    """A body of any shape is read or refused with a 4xx, on every way in."""
    for path in (URL, f"{URL}/feedback", "/fhir/ServiceRequest/$assess"):
        assert client.post(path, content=orjson.dumps(body)).status_code in (200, 400, 422)


@given(FRENCH, FRENCH)
def test_any_words_are_judged(client: TestClient, text: str, exam: str) -> None:
    """Any sequence of medical words is judged, with a reason."""
    answer = client.post("/fhir/ServiceRequest/$assess", content=orjson.dumps(order(text, exam)))
    assert answer.status_code == 200
