"""Patient-view: opening a record tells the prescriber, and nobody else, what radiologists answered about that patient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from pertimage.audit.instants import utc_text
from pertimage.audit.restitution import By, Explainer, Side
from pertimage.audit.review import Decision
from pertimage.fhir.checks import response_problems
from pertimage.web.service import Service
from pertimage.web.settings import Settings, UnsafeSettingsError
from tests.web.service_fixture import client_of
from tests.web.test_hooks import hook, order

ANSWERS = "/cds-services/imagerie-reponses"
SOFTWARE, OTHER, DOCTOR = ("jeton-logiciel-" + "x" * 20, "jeton-autre-" + "y" * 20, "jeton-medecin-" + "z" * 20)
ACCOUNTS = {
    "demo": False, "secret": "s" * 40, "tokens": f"api:logiciel:{SOFTWARE},api:autre:{OTHER},prescripteur:Dr A:{DOCTOR}",
    "practitioners": "Dr A=logiciel|Practitioner/mg",
}  # fmt: skip
RADIOLOGIST = "radio-1"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Return a client of a service with two prescription programs, one of which knows Dr A."""
    yield from client_of(tmp_path, **ACCOUNTS)


def service_of(client: TestClient) -> Service:
    """Return the service behind a client."""
    return client.app.state.service  # type: ignore[attr-defined,no-any-return]


def signed(client: TestClient, patient: str = "p1") -> str:
    """Sign a request that will be reviewed, through the first program; return its id."""
    asked = order(
        "lumbago depuis 5 j, pas de déficit", "radio rachis lombaire", subject={"reference": f"Patient/{patient}"}, id=f"sr-{patient}"
    )
    sent = hook(asked)
    sent["context"]["patientId"] = patient
    assert client.post("/cds-services/imagerie-pertinence", content=orjson.dumps(sent), headers=bearer(SOFTWARE)).status_code == 200
    return service_of(client).register.worklist(limit=50)[-1].id


def decide(client: TestClient, request: str, decision: Decision, reason: str = "", **more: Any) -> None:
    """Have a radiologist decide."""
    service = service_of(client)
    service.register.decide(request, decision, radiologist=RADIOLOGIST, at=service.now(), reason=reason, **more)


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}


def view(patient: str = "p1", user: str = "Practitioner/mg", **about: Any) -> dict[str, Any]:
    """Return a patient-view call."""
    return {"hook": "patient-view", "hookInstance": "d1577c69", "context": {"userId": user, "patientId": patient}} | about


def told(client: TestClient, call: dict[str, Any], token: str = SOFTWARE) -> list[dict[str, Any]]:
    """Return the cards of a call, valid."""
    answer = client.post(ANSWERS, content=orjson.dumps(call), headers=bearer(token))
    assert answer.status_code == 200, answer.text
    assert response_problems(answer.json()) == []
    found: list[dict[str, Any]] = answer.json()["cards"]
    return found


def test_a_question_is_told_until_it_is_answered(client: TestClient) -> None:
    """The link leads the prescriber's own account to the thread; once answered there, nothing is told any more."""
    request = signed(client)
    assert told(client, view()) == []
    decide(client, request, Decision.ASK, "Y a-t-il un <b>déficit</b> ?")
    (card,) = told(client, view())
    assert (card["indicator"], card["links"][0]["label"]) == ("warning", "Répondre au radiologue")
    assert "vous pose une question" in card["summary"]
    assert "&lt;b&gt;déficit" in card["detail"]
    service = service_of(client)
    assert service.register.request(request).prescriber == service.pseudonyms.prescriber("Dr A")
    address = card["links"][0]["url"].removeprefix(service.settings.base_url)
    assert address == f"/mes-demandes/{request}"
    service.register.answer(request, "Non.", author="x", at=service.now())
    assert told(client, view()) == []


@pytest.mark.parametrize(
    ("decision", "more", "said", "level"),
    [
        (Decision.SUBSTITUTE, {"reason": "IRM", "exam": "irm-rachis-lombaire"}, "remplacée par le radiologue : IRM", "info"),
        (Decision.REFUSE, {"reason": "inutile"}, "refusée par le radiologue", "warning"),
        (Decision.APPROVE_WITH_PROTOCOL, {"reason": "de face"}, "validée par le radiologue, avec un protocole", "info"),
        (Decision.POSTPONE, {"reason": "six semaines", "until": date(2030, 1, 9)}, "reportée par le radiologue au 09/01/2030", "info"),
    ],
)
def test_what_was_decided_is_told_until_it_is_noted(
    client: TestClient, decision: Decision, more: dict[str, Any], said: str, level: str
) -> None:
    """In the radiologist's words, with one click to be told no more."""
    request = signed(client)
    decide(client, request, decision, **more)
    (card,) = told(client, view())
    assert said in card["summary"]
    assert more["reason"] in card["detail"]
    assert card["indicator"] == level
    (noted,) = card["suggestions"]
    assert told(client, view())[0]["uuid"] == card["uuid"]
    line = {
        "card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [{"id": noted["uuid"]}], "outcomeTimestamp": "2026-11-23T10:00:00Z",
    }  # fmt: skip
    assert client.post(f"{ANSWERS}/feedback", content=orjson.dumps({"feedback": [line]}), headers=bearer(SOFTWARE)).status_code == 200
    assert told(client, view()) == []


def test_an_overdue_result_is_told(client: TestClient) -> None:
    """A result that is there and that nobody explained, until it is noted or explained."""
    request, service = signed(client), service_of(client)
    decide(client, request, Decision.APPROVE)
    there = service.now() - timedelta(days=60)
    software = By("ris", Side.SOFTWARE, source="d" * 64)
    with service.store.writer.begin() as connection:  # the request is an old one
        for column in ("signed_at", "created_at"):
            connection.exec_driver_sql(f"UPDATE requests SET {column} = '{utc_text(there)}'")
        connection.exec_driver_sql(f"UPDATE reviews SET decided_at = '{utc_text(there)}'")
    service.results.report_available(request, software, happened=there + timedelta(days=1), at=service.now())
    (card,) = told(client, view())
    assert "résultat à expliquer au patient" in card["summary"]
    assert (card["indicator"], card["links"][0]["url"].endswith(request)) == ("info", True)
    assert told(client, view("p2")) == []
    service.results.explained(request, Explainer.REQUESTER, By("p", Side.PRESCRIBER), happened=service.now(), at=service.now())
    assert told(client, view()) == []


def test_plain_approval_and_old_decisions_are_not_told(client: TestClient) -> None:
    """What changes nothing for the prescriber, or is a month old, stays on the page of the request."""
    decide(client, signed(client, "p1"), Decision.APPROVE)
    service = service_of(client)
    old = service.now() - timedelta(days=31)
    service.register.decide(signed(client, "p2"), Decision.REFUSE, radiologist=RADIOLOGIST, at=old, reason="inutile")
    assert told(client, view("p1")) == told(client, view("p2")) == []


def test_a_prescriber_without_account_is_told_without_a_link(client: TestClient) -> None:
    """The page would not open: the card says so instead."""
    asked = hook(order("lumbago depuis 5 j, pas de déficit", "radio rachis lombaire"))
    asked["context"]["userId"] = "Practitioner/inconnu"
    client.post("/cds-services/imagerie-pertinence", content=orjson.dumps(asked), headers=bearer(SOFTWARE))
    decide(client, service_of(client).register.worklist(limit=1)[0].id, Decision.ASK, "Depuis quand ?")
    (card,) = told(client, view(user="Practitioner/inconnu"))
    assert "links" not in card
    assert "n'est pas relié" in card["detail"]


def test_nobody_else_is_told(client: TestClient) -> None:
    """Neither about another patient, nor another user, nor the same words from another program."""
    decide(client, signed(client), Decision.REFUSE, "inutile")
    assert told(client, view("p2")) == []
    assert told(client, view(user="Practitioner/autre")) == []
    assert told(client, view(), OTHER) == []
    assert client.post(ANSWERS, content=orjson.dumps(view())).status_code == 401
    assert told(client, view("Patient/p1"))
    assert told(client, view(user="Practitioner/mg", fhirServer="https://dossier.exemple.fr/fhir/"))


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({"hook": "order-sign", "context": {}}, 422, "hook"),
        ({"hook": "patient-view", "context": {"userId": "Practitioner/mg"}}, 400, "context.patientId"),
        ({"hook": "patient-view", "context": {"patientId": "p1", "userId": 3}}, 400, "context.userId"),
        ([], 400, ""),
    ],
)
def test_a_call_that_cannot_be_read_is_refused(client: TestClient, body: Any, status: int, place: str) -> None:
    """With the place, in French."""
    answer = client.post(ANSWERS, content=orjson.dumps(body), headers=bearer(SOFTWARE))
    assert answer.status_code == status
    (issue,) = answer.json()["issue"]
    assert issue.get("expression", [""])[0] == place


@pytest.mark.parametrize("given", ["Dr A", "Dr A=logiciel", "Dr A=|Practitioner/1", "=logiciel|Practitioner/1"])
def test_an_unreadable_list_of_practitioners_stops_the_start(given: str) -> None:
    """The service says how to write it."""
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_PRACTITIONERS"):
        Settings(demo=True, practitioners=given).checked()
