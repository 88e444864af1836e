"""The worklist by a plain FHIR client: search, claim, decide, and what a decision leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pertimage.fhir.checks import problems
from tests.web.pages import PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, person, service_at
from tests.web.service_fixture import client_of
from tests.web.test_hooks import order

CANONICAL = "https://pertimage.example/fhir/CodeSystem"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of a demonstration service."""
    yield from client_of(tmp_path)


def made(client: TestClient, text: str = "lumbago depuis 5 j", exam: str = "radio rachis lombaire", **more: Any) -> str:
    """Create a signed request and return its id."""
    answer = client.post("/fhir/ServiceRequest", json=order(text, exam, status="active") | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def read(client: TestClient, name: str) -> dict[str, Any]:
    """Return a Task, valid and with its version."""
    answer = client.get(f"/fhir/Task/{name}")
    assert answer.headers["etag"] == f'W/"{answer.json()["meta"]["versionId"]}"'
    assert problems(answer.json()) == []
    return dict(answer.json())


def write(client: TestClient, task: dict[str, Any], **changes: Any) -> Any:
    """Write a Task against the version read."""
    headers = {"If-Match": f'W/"{task["meta"]["versionId"]}"'}
    return client.put(f"/fhir/Task/{task['id']}", json=task | changes, headers=headers)


def decided(decision: str, reason: str = "", exam: str = "", status: str = "completed", **more: Any) -> dict[str, Any]:
    """Return what a client writes to decide."""
    output = [
        {
            "type": {"text": "décision"},
            "valueCodeableConcept": {"coding": [{"system": f"{CANONICAL}/decision-radiologue", "code": decision}]},
        }
    ]
    if exam:
        coded = {"coding": [{"system": f"{CANONICAL}/examen-imagerie", "code": exam}]}
        output.append({"type": {"text": "examen"}, "valueCodeableConcept": coded})
    return {"status": status, "output": output, "statusReason": {"text": reason}} | more


def test_a_request_is_claimed_released_and_decided(client: TestClient) -> None:
    """Each step is a version; the decided request, its Task, its traces and its issues are valid R4 and agree."""
    name = made(client)
    task = read(client, name)
    assert task["status"] == "requested"
    claimed = write(client, task, status="accepted")
    assert (claimed.status_code, claimed.json()["status"]) == (200, "accepted")
    assert claimed.json()["owner"]["reference"].startswith("Practitioner/")
    released = write(client, claimed.json(), status="requested").json()
    assert (released["status"], released.get("owner")) == ("requested", None)
    done = write(client, released, **decided("refuser", "Imagerie inutile à ce stade."))
    assert (done.status_code, done.json()["status"], done.json()["statusReason"]["text"]) == (
        200,
        "completed",
        "Imagerie inutile à ce stade.",
    )
    assert int(done.json()["meta"]["versionId"]) == int(task["meta"]["versionId"]) + 3
    request = client.get(f"/fhir/ServiceRequest/{name}").json()
    assert request["status"] == "revoked"
    issues = client.get("/fhir/DetectedIssue", params={"implicated": f"ServiceRequest/{name}"}).json()
    assert all(entry["resource"]["mitigation"][0]["action"]["text"] == "Imagerie inutile à ce stade." for entry in issues["entry"])
    provenances = client.get("/fhir/Provenance", params={"target": f"ServiceRequest/{name}"}).json()
    audits = client.get("/fhir/AuditEvent", params={"entity": f"ServiceRequest/{name}"}).json()
    assert (issues["total"] > 0, provenances["total"], audits["total"]) == (True, 1, 1)
    for resource in (done.json(), request, issues, provenances, audits):
        assert problems(resource) == []


def test_a_substitution_makes_a_request_that_replaces(client: TestClient) -> None:
    """The new request names the exam chosen and the one it replaces; the Task points to it."""
    name = made(client, "lombalgie depuis 4 mois, jamais d'imagerie")
    done = write(client, read(client, name), **decided("substituer", "IRM d'abord.", "irm-rachis-lombaire")).json()
    reference = done["output"][-1]["valueReference"]["reference"]
    replacement = client.get(f"/fhir/{reference}").json()
    assert replacement["replaces"] == [{"reference": f"ServiceRequest/{name}"}]
    assert "irm-rachis-lombaire" in {coding["code"] for coding in replacement["code"]["coding"]}
    assert client.get("/fhir/Provenance", params={"target": reference}).json()["total"] == 2
    assert problems(replacement) == []
    assert client.get(f"/fhir/ServiceRequest/{made(client)}-remplacement").status_code == 404


def test_of_two_writers_the_second_is_told(client: TestClient) -> None:
    """A version that is no longer the last is a 412; a decision on what is decided a 409; no version a 400."""
    task = read(client, made(client))
    assert write(client, task, status="accepted").status_code == 200
    late = write(client, task, **decided("valider"))
    assert (late.status_code, problems(late.json())) == (412, [])
    fresh = read(client, task["id"])
    assert write(client, fresh, **decided("valider")).status_code == 200
    again = write(client, read(client, task["id"]), **decided("refuser", "non"))
    assert (again.status_code, problems(again.json())) == (409, [])
    assert client.put(f"/fhir/Task/{task['id']}", json=task).status_code == 400


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        (decided("refuser"), 422, "motivée"), (decided("substituer", "mieux", "examen-inconnu"), 422, "catalogue"), (decided("peut-être"), 400, "peut-être"),
        (decided("valider", status="rejected"), 400, "Task.status"), ({"status": "banana"}, 400, "Statut possible"), ({"resourceType": "Patient"}, 400, "Task est attendue"),
        (decided("reporter", "kiné", status="on-hold", restriction={"period": {"start": "demain"}}), 400, "n'est pas une date"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_explained(client: TestClient, changes: dict[str, Any], status: int, said: str) -> None:
    """An OperationOutcome in French names the place; nothing is recorded."""
    task = read(client, made(client))
    answer = write(client, task, **changes)
    assert (answer.status_code, said in answer.text, problems(answer.json())) == (status, True, [])
    assert read(client, task["id"]) == task


def test_a_question_and_a_postponement_hold_the_task(client: TestClient) -> None:
    """On hold: the question's words, or the day of return."""
    asked = write(client, read(client, made(client)), **decided("demander-complement", "Depuis quand ?", status="on-hold")).json()
    assert (asked["status"], asked["statusReason"]["text"]) == ("on-hold", "Depuis quand ?")
    later = write(
        client, read(client, made(client)), **decided("reporter", "kiné", status="on-hold", restriction={"period": {"start": "2035-01-05"}})
    )
    assert (later.json()["status"], later.json()["restriction"]["period"]["start"]) == ("on-hold", "2035-01-05")


def test_the_worklist_is_searched_in_its_own_order(client: TestClient) -> None:
    """Emergencies first whatever their age, then the priority, then the oldest; what is decided is found by its status."""
    routine, urgent = made(client), made(client, priority="urgent")
    emergency = made(client, "lombalgie depuis hier, ne peut plus uriner", "IRM lombaire")
    found = client.get("/fhir/Task", params={"_sort": "priority,authored-on"}).json()
    assert [entry["resource"]["focus"]["reference"].split("/")[1] for entry in found["entry"]] == [emergency, urgent, routine]
    assert client.get("/fhir/Task", params={"priority": "urgent"}).json()["total"] == 1
    write(client, read(client, routine), **decided("valider"))
    assert [client.get("/fhir/Task", params={"status": status}).json()["total"] for status in ("requested", "completed", "accepted")] == [
        2,
        1,
        0,
    ]
    assert problems(found) == []


def test_a_page_links_to_the_next_and_includes_what_is_asked(client: TestClient) -> None:
    """Following « next » reads everything once; included resources are told from matches."""
    names = {made(client) for _ in range(5)}
    seen, address = [], "/fhir/Task?_count=2&_include=Task:focus&_revinclude=DetectedIssue:implicated"
    while address:
        page = client.get(address).json()
        assert page["total"] == 5
        seen += [entry["resource"]["id"] for entry in page["entry"] if entry["search"]["mode"] == "match"]
        included = {entry["resource"]["resourceType"] for entry in page["entry"] if entry["search"]["mode"] == "include"}
        assert included == {"ServiceRequest", "DetectedIssue"}
        links = {link["relation"]: link["url"] for link in page["link"]}
        address = "/fhir/Task?" + links["next"].partition("?")[2] if "next" in links else ""
    assert sorted(seen) == sorted(names)


@pytest.mark.parametrize("query", ["status=banana", "priority=demain", "_count=beaucoup", "_offset=-1"])
def test_a_search_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    """A word that FHIR does not know is a 400, not an empty list."""
    answer = client.get(f"/fhir/Task?{query}")
    assert (answer.status_code, problems(answer.json())) == (400, [])


def test_a_parameter_not_served_is_told_to_who_wants_to_know(client: TestClient) -> None:
    """Ignored by default, as FHIR wants; refused when the client asks for strictness."""
    assert client.get("/fhir/Task?banane=1").status_code == 200
    assert client.get("/fhir/Task?banane=1", headers={"Prefer": "handling=strict"}).status_code == 400


def test_only_a_radiologist_writes_tasks(tmp_path: Path) -> None:
    """A prescriber reads the Task of a request and cannot decide it."""
    tokens = f"prescripteur:Dr A:{PRESCRIBER_TOKEN},radiologue:Dr R:{RADIOLOGIST_TOKEN}"
    service = service_at(tmp_path, demo=False, secret="s" * 40, tokens=tokens)
    client = person(service).client
    gp, radiologist = ({"Authorization": f"Bearer {token}"} for token in (PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN))
    name = client.post(
        "/fhir/ServiceRequest", json=order("lumbago depuis 5 j", "radio rachis lombaire", status="active"), headers=gp
    ).json()["id"]
    task = client.get(f"/fhir/Task/{name}", headers=gp).json()
    version = {"If-Match": f'W/"{task["meta"]["versionId"]}"'}
    assert client.put(f"/fhir/Task/{name}", json=task | {"status": "accepted"}, headers=gp | version).status_code == 403
    assert client.put(f"/fhir/Task/{name}", json=task | {"status": "accepted"}, headers=radiologist | version).status_code == 200
    service.close()
