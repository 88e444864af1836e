"""The noise budget over HTTP: one interruption per request, the same advice told once, something to click on every warning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pertimage.cds.model import Alert, AlertKind, Severity
from pertimage.cds.speech import once
from pertimage.fhir.requests import HOOKS
from pertimage.guidelines.policy import PolicyForm
from pertimage.web.demo.calls import cases
from tests.web.service_fixture import client_of
from tests.web.test_hooks import cards, hook, order

TODAY = date(2026, 11, 22)
ANKLE = "entorse de cheville droite hier, homme de 30 ans, Ottawa négatif"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a demonstration service."""
    yield from client_of(tmp_path)


def sent(patient: str, **about: Any) -> dict[str, Any]:
    """Return a call for a patient about a sprained ankle."""
    asked = order(ANKLE, "radio de cheville", subject={"reference": f"Patient/{patient}"})
    body = hook(
        asked, prefetch={"patient": {"resourceType": "Patient", "id": patient, "gender": "male", "birthDate": "1996-01-01"}}, **about
    )
    body["context"]["patientId"] = patient
    return body


def shown(client: TestClient, body: Any) -> dict[str, Any]:
    """Return the only card of a call, once the registers show what came before."""
    service = client.app.state.service  # type: ignore[attr-defined]
    service.register.worklist()
    (card,) = cards(client, body)
    return card


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.kind)
def test_every_warning_of_the_sandbox_has_something_to_click(client: TestClient, case: Any, name: str) -> None:
    """A card that interrupts has a suggestion, or reasons to override; a request has one at most; nothing is said twice."""
    found = cards(client, case.body(name, TODAY))
    loud = [card for card in found if card["indicator"] != "info"]
    assert all(card.get("suggestions") or card.get("overrideReasons") for card in loud)
    assert all(
        count == 1 for count in Counter(card["extension"]["davinci-crd.associated-resource"][0]["reference"] for card in loud).values()
    )
    for card in found:
        told = re.findall(r"^- (.+)$", card["detail"].partition("**Alertes**")[2].partition("\n\n**")[0], re.MULTILINE)
        sentences = [sentence for line in told for sentence in re.split(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý«])", line)]
        assert len(sentences) == len(set(sentences))


def test_the_same_advice_to_the_same_prescriber_interrupts_once(client: TestClient) -> None:
    """For a second patient it is an information that says so, with its click; for the same request signed again it is not."""
    first = shown(client, sent("a"))
    assert first["indicator"] == "warning"
    assert shown(client, sent("a"))["indicator"] == "warning"
    second = shown(client, sent("b"))
    assert second["indicator"] == "info"
    assert "Même avis que le" in second["detail"]
    assert second["suggestions"]
    assert "overrideReasons" not in second
    assert shown(client, sent("c", hook="order-select"))["indicator"] == "info"


def test_the_first_advice_was_only_proposed_while_the_order_was_selected(client: TestClient) -> None:
    """Nothing is kept of order-select: it makes nothing quieter."""
    shown(client, sent("a", hook="order-select"))
    assert shown(client, sent("b"))["indicator"] == "warning"


def test_another_prescriber_is_told_as_loudly(client: TestClient) -> None:
    """What one was told, the other was not."""
    shown(client, sent("a"))
    body = sent("b")
    body["context"]["userId"] = "Practitioner/other"
    assert shown(client, body)["indicator"] == "warning"


def test_an_emergency_told_before_is_told_as_loudly(client: TestClient) -> None:
    """The second cauda equina of the month interrupts like the first."""
    for patient in ("a", "b"):
        asked = order("sciatique depuis hier, ne peut plus uriner", "IRM lombaire", subject={"reference": f"Patient/{patient}"})
        assert shown(client, hook(asked))["indicator"] == "critical"


def test_two_orders_of_one_call_do_not_hush_each_other(client: TestClient) -> None:
    """Signed together, each interrupts."""
    two = [order(ANKLE, "radio de cheville", id=name) for name in ("sr1", "sr2")]
    assert [card["indicator"] for card in cards(client, hook(*two))] == ["warning", "warning"]
    client.app.state.service.register.worklist()  # type: ignore[attr-defined]


def test_a_project_may_want_every_advice_as_loud(client: TestClient) -> None:
    """With ``repetition_jours: 0`` the second is like the first; the record of each names the policy."""
    service = client.app.state.service  # type: ignore[attr-defined]
    form = PolicyForm.model_validate({"repetition_jours": 0})
    service.register.put_in_force(form, form.document, author="Dr A", reason="essai", at=service.now())
    service.local.look()
    assert [shown(client, sent(patient))["indicator"] for patient in "ab"] == ["warning", "warning"]


def test_what_an_alert_repeats_of_another_is_left_out() -> None:
    """Sentences said before go; an alert that says nothing else goes; the severity stays."""
    said = [
        Alert(AlertKind.CUMULATIVE_DOSE, Severity.WARNING, words)
        for words in ("Un. Repère 3,5 mSv.", "Deux. Repère 3,5 mSv.", "Un.", "Trois. Trois.")
    ]
    assert [alert.message for alert in once(said)] == ["Un. Repère 3,5 mSv.", "Deux.", "Trois."]
