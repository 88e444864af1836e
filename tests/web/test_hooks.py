"""CDS Hooks over HTTP: cards, replacement in one click, feedback, and what bad input gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from pertimage.fhir.checks import problems, response_problems
from tests.web.service_fixture import client_of

URL = "/cds-services/imagerie-pertinence"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a demonstration service."""
    yield from client_of(tmp_path)


def order(text: str, exam: str, **about: Any) -> dict[str, Any]:
    """Return a draft ServiceRequest."""
    resource = {
        "resourceType": "ServiceRequest",
        "id": "sr1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": exam},
        "authoredOn": "2026-11-20T10:00:00+01:00",
    }
    return resource | ({"reasonCode": [{"text": text}]} if text else {}) | about


def hook(*orders: Any, name: str = "order-sign", **about: Any) -> dict[str, Any]:
    """Return a CDS Hooks call whose draftOrders is a Bundle without type, as the public sandbox sends."""
    context = {
        "userId": "Practitioner/mg",
        "patientId": "p1",
        "selections": ["ServiceRequest/sr1"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in orders]},
    }
    return {"hook": name, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context} | about


def cards(client: TestClient, body: Any) -> list[dict[str, Any]]:
    """Return the cards of a call that must succeed and be valid."""
    answer = client.post(URL, content=orjson.dumps(body))
    assert answer.status_code == 200, answer.text
    assert response_problems(answer.json()) == []
    found: list[dict[str, Any]] = answer.json()["cards"]
    return found


def test_discovery_names_one_service_on_two_hooks_and_one_for_answers(client: TestClient) -> None:
    """The same id serves order-select and order-sign; what radiologists answer is another's."""
    services = client.get("/cds-services").json()["services"]
    assert {(one["id"], one["hook"]) for one in services} == {
        ("imagerie-pertinence", "order-select"),
        ("imagerie-pertinence", "order-sign"),
        ("imagerie-reponses", "patient-view"),
    }


def test_a_useless_exam_gets_a_warning_with_something_to_click(client: TestClient) -> None:
    """A recent low back pain: no imaging, one click to renounce, reasons to override, a link to the sheet."""
    (card,) = cards(client, hook(order("lumbago depuis 5 j, pas de déficit, apyrétique", "radio rachis lombaire")))
    assert card["indicator"] == "warning"
    assert [action["type"] for action in card["suggestions"][0]["actions"]] == ["delete"]
    assert len(card["overrideReasons"]) > 3
    assert card["links"][0]["url"].endswith("/referentiel/lombalgie-commune")


def test_a_better_exam_is_one_click_away_and_the_click_is_judged_appropriate(client: TestClient) -> None:
    """The suggestion carries the entire corrected ServiceRequest, which is valid and then gets no warning."""
    body = hook(
        order(
            "lombalgie depuis 6 mois malgré kiné, jamais d'imagerie, pas de pacemaker, sans antécédent",
            "radio rachis lombaire",
            note=[{"text": "âge 45 ans"}],
        )
    )
    (card,) = cards(client, body)
    (action,) = card["suggestions"][0]["actions"]
    assert card["suggestions"][0]["isRecommended"]
    assert problems(action["resource"]) == []
    assert action["resource"]["id"] == "sr1"
    (after,) = cards(client, hook(action["resource"]))
    assert after["indicator"] == "info"


def test_an_emergency_is_a_critical_card(client: TestClient) -> None:
    """Cauda equina: « urgences », whatever the exam."""
    (card,) = cards(client, hook(order("sciatique depuis hier, ne peut plus uriner", "IRM lombaire")))
    assert card["indicator"] == "critical"
    assert "rgences" in card["summary"] + card["detail"]


def test_outside_the_guidance_is_said_in_words(client: TestClient) -> None:
    """No guidance is a card that says so, never silence."""
    (card,) = cards(client, hook(order("suivi de greffe de cornée", "échographie oculaire")))
    assert "hors référentiel" in card["summary"]


def test_no_reason_at_all_is_asked_for(client: TestClient) -> None:
    """An order without any reason gets the question."""
    (card,) = cards(client, hook(order("", "IRM genou droit")))
    assert "à compléter" in card["summary"]


def test_orders_that_are_not_imaging_get_no_card(client: TestClient) -> None:
    """A medication among the drafts is none of our business."""
    assert cards(client, hook({"resourceType": "MedicationRequest", "id": "m1"})) == []


@pytest.mark.parametrize(
    "prefetch",
    [
        None,
        {},
        {"patient": None},
        {"patient": {"resourceType": "OperationOutcome"}},
        {"imagerie": {"resourceType": "Bundle", "entry": [None, {"resource": 3}]}},
        {"patient": {"resourceType": "Patient", "birthDate": "2026-13-45"}},
    ],
)
def test_a_missing_or_broken_prefetch_is_normal(client: TestClient, prefetch: Any) -> None:
    """Null, empty, erroneous or absurd prefetch is judged with what is known."""
    assert cards(client, hook(order("lumbago depuis 5 j", "radio rachis lombaire"), prefetch=prefetch))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b'{"hook": 3}', 422), (b'{"hook":"order-sign"}', 400),
        (b'{"hook":"patient-view","context":{"draftOrders":{}}}', 422),
        (b'{"hook":"order-sign","context":{"draftOrders":"x"}}', 400), (b"\xff\xfe\x00", 400), (b"[" * 100_000, 400), (b" " * 5_000_000, 413),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(client: TestClient, body: bytes, status: int) -> None:
    """A 4xx with an OperationOutcome in French, and the service goes on."""
    answer = client.post(URL, content=body)
    assert answer.status_code == status
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert problems(outcome) == []
    assert client.get("/sante").json()["status"] == "ok"


def test_an_unknown_service_is_a_404(client: TestClient) -> None:
    """Another service id does not exist here."""
    assert client.post("/cds-services/autre", content=b"{}").status_code == 404


def test_a_signed_order_that_is_flagged_enters_the_worklist_once_per_signature(client: TestClient) -> None:
    """order-select leaves no trace in the worklist; order-sign does."""
    body = hook(order("lumbago depuis 5 j", "radio rachis lombaire"), name="order-select")
    cards(client, body)
    assert client.get("/fhir/Task").json()["total"] == 0
    cards(client, body | {"hook": "order-sign"})
    assert client.get("/fhir/Task").json()["total"] == 1


def test_feedback_is_recorded_and_checked(client: TestClient) -> None:
    """Accepted and overridden cards are kept; a malformed line is refused with its place."""
    (card,) = cards(client, hook(order("lumbago depuis 5 j", "radio rachis lombaire")))
    line = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": card["overrideReasons"][0]},
        "outcomeTimestamp": "2026-11-22T10:00:00Z",
    }
    assert client.post(f"{URL}/feedback", json={"feedback": [line]}).status_code == 200
    refused = client.post(f"{URL}/feedback", json={"feedback": [line, {**line, "outcome": "peut-être"}]})
    assert refused.status_code == 400
    assert "feedback[1].outcome" in refused.text


def test_without_demo_a_token_is_needed(tmp_path: Path) -> None:
    """Outside demo mode no call is answered without a known token."""
    token = "t" * 32
    for client in client_of(tmp_path, demo=False, secret="s" * 40, tokens=f"api:dpi:{token}"):
        body = orjson.dumps(hook(order("lumbago depuis 5 j", "radio rachis lombaire")))
        assert client.post(URL, content=body).status_code == 401
        assert client.post(URL, content=body, headers={"Authorization": "Bearer autre"}).status_code == 401
        assert client.post(URL, content=body, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_logs_and_errors_hold_no_patient_content(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is sent, its words stay out of the logs."""
    with caplog.at_level("DEBUG"):
        client.post(URL, content=orjson.dumps(hook(order("secretmedical depuis 5 j", "radio rachis lombaire"))))
        client.post(URL, content=b'{"hook": "secretmedical')
    assert "secretmedical" not in caplog.text
