"""Reports said by a plain FHIR client: there, amended, taken back; the same again is one; the text is nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pertimage.audit.restitution import By, Channel, Explainer, Recipient, Side
from pertimage.fhir.checks import problems
from tests.web.pages import OTHER_TOKEN, closed_service, person
from tests.web.service_fixture import client_of
from tests.web.test_hooks import order

SECRET = "Fracture de L3, Mme Untel"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a demonstration service."""
    yield from client_of(tmp_path)


@pytest.fixture
def name(client: TestClient) -> str:
    """Create a signed request."""
    answer = client.post("/fhir/ServiceRequest", json=order("lumbago depuis 5 j", "radio rachis lombaire", status="active"))
    return str(answer.json()["id"])


def said(name: str, status: str = "final", number: str = "CR-1", **more: Any) -> dict[str, Any]:
    """Return a DiagnosticReport as a department sends it, text and name included."""
    return {
        "resourceType": "DiagnosticReport", "status": status, "basedOn": [{"reference": f"ServiceRequest/{name}"}], "code": {"text": "Radiographie"},
        "identifier": [{"system": "urn:oid:1.2.3", "value": number}], "conclusion": SECRET, "text": {"status": "generated", "div": f"<div>{SECRET}</div>"},
        "presentedForm": [{"contentType": "text/plain", "data": "RnJhY3R1cmU="}], "effectiveDateTime": datetime.now(UTC).date().isoformat(),
    } | more  # fmt: skip


def post(client: TestClient, body: dict[str, Any], **headers: str) -> Any:
    """Post a report; whatever is answered is valid R4."""
    answer = client.post("/fhir/DiagnosticReport", json=body, headers=headers)
    assert problems(answer.json()) == [], answer.text
    return answer


def known(client: TestClient, name: str, kind: str = "DiagnosticReport") -> list[dict[str, Any]]:
    """Return what is read back of a request."""
    found = client.get(f"/fhir/{kind}", params={"based-on": f"ServiceRequest/{name}"}).json()
    assert problems(found) == []
    return [entry["resource"] for entry in found.get("entry", ())]


def test_a_report_is_said_once_then_amended_then_taken_back(client: TestClient, name: str) -> None:
    """201 with an address, 200 for the same again; one resource throughout, whose status follows."""
    first, again = post(client, said(name)), post(client, said(name))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"].endswith(f"/fhir/DiagnosticReport/{first.json()['id']}")
    assert client.get(f"/fhir/DiagnosticReport/{first.json()['id']}").json() == first.json()
    assert first.json()["basedOn"] == [{"reference": f"ServiceRequest/{name}"}]
    amended = post(client, said(name, "corrected"))
    assert (amended.status_code, amended.json()["id"], amended.json()["status"]) == (201, first.json()["id"], "amended")
    for _ in range(2):
        back = post(client, said(name, "entered-in-error"))
        assert (back.status_code, [one["status"] for one in known(client, name)]) == (200, ["entered-in-error"])


def test_a_report_not_final_is_not_counted(client: TestClient, name: str) -> None:
    """Registered, partial and preliminary ones are taken note of by nobody, and the sender is told."""
    for status in ("registered", "partial", "preliminary"):
        answer = post(client, said(name, status))
        assert (answer.status_code, "non définitif" in answer.text) == (200, True)
    assert known(client, name) == []
    assert "Rien n'était noté" in post(client, said(name, "entered-in-error")).text


def test_the_number_may_come_from_elsewhere(client: TestClient, name: str) -> None:
    """``If-None-Exist`` names the report too; without any number it is refused, for it would count twice."""
    bare = {key: value for key, value in said(name).items() if key != "identifier"}
    answers = [post(client, bare, **{"If-None-Exist": "identifier=urn:oid:1.2.3|CR-1"}) for _ in range(2)]
    assert [answer.status_code for answer in [*answers, post(client, said(name))]] == [201, 200, 200]
    assert post(client, bare).status_code == 400


def test_nothing_of_the_text_nor_the_number_is_kept(client: TestClient, name: str) -> None:
    """Neither the answer, nor the register, nor the journal holds a word of the report or its number."""
    answer = post(client, said(name, number="ACCESSION-77"))
    service = client.app.state.service  # type: ignore[attr-defined]
    with service.store.reader.connect() as connection:
        tables = ("journal", "restitutions")
        held = "".join(str(row) for table in tables for row in connection.exec_driver_sql(f"SELECT * FROM {table}"))
    assert not [word for word in ("Fracture", "Untel", "RnJhY3R1cmU", "ACCESSION-77") if word in held + answer.text]


@pytest.mark.parametrize(
    ("changes", "status", "place"),
    [
        ({"resourceType": "Observation"}, 400, "resourceType"), ({"status": "fini"}, 400, "DiagnosticReport.status"), ({"basedOn": []}, 400, "DiagnosticReport.basedOn"),
        ({"basedOn": [{"reference": "Patient/1"}]}, 400, "basedOn[0]"), ({"basedOn": [{"reference": "ServiceRequest/inconnue"}]}, 422, "basedOn[0]"),
        ({"issued": "2026-11-23"}, 400, "DiagnosticReport.issued"), ({"issued": "2999-01-01T00:00:00Z"}, 422, "DiagnosticReport.issued"),
        ({"issued": "2001-01-01T00:00:00Z", "effectiveDateTime": None}, 422, "DiagnosticReport.issued"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_explained(client: TestClient, name: str, changes: dict[str, Any], status: int, place: str) -> None:
    """An OperationOutcome names the place: unknown request, report older than its request, from the future…; nothing is kept."""
    answer = post(client, said(name) | changes)
    assert (answer.status_code, answer.json()["resourceType"], place in answer.text) == (status, "OperationOutcome", True)
    assert known(client, name) == []


def test_of_two_requests_one_unknown_nothing_is_kept(client: TestClient, name: str) -> None:
    """A report that answers two requests is noted on both, or on none when one is not of this server."""
    both = [{"reference": f"ServiceRequest/{one}"} for one in (name, "inconnue")]
    assert post(client, said(name) | {"basedOn": both}).status_code == 422
    assert known(client, name) == []


def test_a_near_future_is_now(client: TestClient, name: str) -> None:
    """A clock that is three minutes fast does not lose a report."""
    soon = datetime.now(UTC) + timedelta(minutes=3)
    assert post(client, said(name, issued=soon.isoformat())).status_code == 201


def test_who_was_told_is_read_back(client: TestClient, name: str) -> None:
    """A sending and an explanation are Communications: roles and channels, no name."""
    service = client.app.state.service  # type: ignore[attr-defined]
    post(client, said(name))
    by, at = By("r1", Side.RADIOLOGIST), service.now()
    service.results.report_sent(name, Recipient.PRESCRIBER, Channel.MSSANTE, by, happened=at, at=at)
    service.results.explained(name, Explainer.RADIOLOGIST, by, happened=at, at=at)
    service.results.cancel(name, service.journal.head().seq, by, at=at)
    sent, told = known(client, name, "Communication")
    assert (sent["status"], sent["recipient"], sent["medium"]) == (
        "completed",
        [{"display": "le médecin demandeur"}],
        [{"text": "messagerie sécurisée de santé"}],
    )
    assert (told["status"], told["sender"]) == ("entered-in-error", {"display": "le radiologue"})
    assert client.get("/fhir/Communication").status_code == 400


def test_only_the_imaging_side_says_that_a_report_is_there(tmp_path: Path) -> None:
    """A prescriber's token is refused, no token too."""
    service = closed_service(tmp_path)
    try:
        client = person(service).client
        refused = client.post("/fhir/DiagnosticReport", json=said("x"), headers={"Authorization": f"Bearer {OTHER_TOKEN}"})
        assert (refused.status_code, problems(refused.json())) == (403, [])
        assert client.post("/fhir/DiagnosticReport", json=said("x")).status_code == 401
    finally:
        service.close()
