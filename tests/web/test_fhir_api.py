"""The FHIR base over HTTP: create, read back, assess, tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pertimage.fhir.checks import problems
from tests.web.service_fixture import client_of
from tests.web.test_hooks import order


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a demonstration service."""
    yield from client_of(tmp_path)


def test_a_created_request_is_read_back_with_its_guidance_and_task(client: TestClient) -> None:
    """What is flagged becomes a Task; every resource read back is valid R4."""
    created = client.post("/fhir/ServiceRequest", json=order("lumbago depuis 5 j", "radio rachis lombaire", status="active"))
    assert created.status_code == 201
    name = created.json()["id"]
    assert created.headers["location"].endswith(f"/fhir/ServiceRequest/{name}")
    tasks = client.get("/fhir/Task", params={"focus": f"ServiceRequest/{name}"}).json()
    (task,) = [entry["resource"] for entry in tasks["entry"]]
    assert (task["status"], task["focus"]["reference"]) == ("requested", f"ServiceRequest/{name}")
    guidance = client.get("/fhir/GuidanceResponse", params={"request": f"ServiceRequest/{name}"}).json()
    for resource in (
        created.json(),
        tasks,
        guidance,
        client.get(f"/fhir/ServiceRequest/{name}").json(),
        client.get(f"/fhir/Task/{task['id']}").json(),
        client.get("/fhir/metadata").json(),
    ):
        assert problems(resource) == []


def test_an_appropriate_request_has_no_task(client: TestClient) -> None:
    """Nothing to review, nothing in the worklist."""
    created = client.post(
        "/fhir/ServiceRequest", json=order("lombalgie depuis 6 mois malgré kiné, jamais d'imagerie", "IRM rachis lombaire", status="active")
    ).json()
    assert client.get("/fhir/Task", params={"focus": f"ServiceRequest/{created['id']}"}).json()["total"] == 0


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: one,
        lambda one: {"resourceType": "Bundle", "entry": [{"resource": one}]},
        lambda one: {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": one}]},
    ],
)
def test_assess_reads_what_it_is_given_and_keeps_nothing(client: TestClient, wrap: object) -> None:
    """A ServiceRequest, a Bundle or Parameters: the outcome comes back, the register stays empty."""
    answer = client.post("/fhir/ServiceRequest/$assess", json=wrap(order("lumbago depuis 5 j", "radio rachis lombaire")))  # type: ignore[operator]
    assert answer.status_code == 200
    assert problems(answer.json()) == []
    assert "not-indicated" in answer.text
    assert client.get("/fhir/Task").json()["total"] == 0


@pytest.mark.parametrize("path", ["/fhir/ServiceRequest/inconnu", "/fhir/Task/inconnu", "/fhir/Patient/1"])
def test_what_does_not_exist_is_a_404(client: TestClient, path: str) -> None:
    """Unknown resources are not found."""
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("body", [{}, {"resourceType": "Patient"}, {"resourceType": None}, [], 3])
def test_what_is_no_request_is_refused(client: TestClient, body: object) -> None:
    """Neither create nor assess takes anything else."""
    for path in ("/fhir/ServiceRequest", "/fhir/ServiceRequest/$assess"):
        answer = client.post(path, json=body)
        assert answer.status_code == 400
        assert problems(answer.json()) == []
