"""A prescription program is told, by ids only, that a radiologist answered: greeted, told in order, told again after a failure, stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.subscription import Subscription as Model
from starlette.testclient import TestClient
from typer.testing import CliRunner

from pertimage.audit.review import Decision
from pertimage.audit.subscriptions import Subscriptions
from pertimage.fhir.subscriptions import GUIDE
from pertimage.web.cli import app
from pertimage.web.service import Service
from pertimage.web.settings import Settings, UnsafeSettingsError
from pertimage.web.subscriptions import IN_ERROR_AFTER, LAST_RETRY, OFF_AFTER, Courier, may_go_to, retry_after
from tests.web.service_fixture import client_of
from tests.web.test_hooks import hook, order

BASE, SECRET = "https://dpi.exemple.fr/avis", "Bearer tres-secret-12345"
SOFTWARE, OTHER = "jeton-logiciel-" + "x" * 20, "jeton-autre-" + "y" * 20
ACCOUNTS = {
    "demo": False, "secret": "s" * 40, "tokens": f"api:logiciel:{SOFTWARE},api:autre:{OTHER}", "subscription_hosts": BASE,
}  # fmt: skip


class Clock(Service):
    """A service whose clock is moved by the test."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the instant of the test."""
        return super().now() + self.ahead


class Program:
    """A prescription program: what it received, and what it answers."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.headers: list[tuple[tuple[str, str], ...]] = []
        self.answers: list[int] = []

    def __call__(self, endpoint: str, headers: tuple[tuple[str, str], ...], body: bytes, timeout: float) -> int:
        """Receive a notification."""
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise ConnectionRefusedError
        if status < 300:
            Bundle.model_validate_json(body)
            self.received.append(orjson.loads(body))
            self.headers.append(headers)
        return status

    def kinds(self) -> list[str]:
        """Return the kinds of the notifications received."""
        return [parameter(one, "type") for one in self.received]


def parameter(notification: dict[str, Any], name: str) -> Any:
    """Return a value of the status of a notification."""
    found = next(one for one in notification["entry"][0]["resource"]["parameter"] if one["name"] == name)
    return next(value for key, value in found.items() if key.startswith("value"))


def numbers(notification: dict[str, Any]) -> list[str]:
    """Return the numbers of the events of a notification."""
    events = [one["part"] for one in notification["entry"][0]["resource"]["parameter"] if one["name"] == "notification-event"]
    return [part["valueString"] for event in events for part in event if part["name"] == "event-number"]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Return a client of a service with two programs."""
    yield from client_of(tmp_path, **ACCOUNTS)


@pytest.fixture
def program(client: TestClient) -> Program:
    """Return a program that answers."""
    return Program()


@pytest.fixture
def courier(client: TestClient, program: Program, monkeypatch: pytest.MonkeyPatch) -> Courier:
    """Return what delivers to it, on a clock that can be moved."""
    service_of(client).__class__ = Clock
    return Courier(service_of(client), program, Random(1))


def service_of(client: TestClient) -> Any:
    """Return the service behind a client."""
    return client.app.state.service  # type: ignore[attr-defined]


def bearer(token: str = SOFTWARE) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}


def resource(**about: Any) -> dict[str, Any]:
    """Return a Subscription; ``channel`` and ``criteria`` can be changed."""
    channel = {
        "type": "rest-hook", "endpoint": f"{BASE}/entree", "header": [f"Authorization: {SECRET}"], "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": "id-only"}]},
    } | about.pop("channel", {})  # fmt: skip
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "réponses",
        "criteria": "https://pertimage.example/fhir/SubscriptionTopic/reponse-relecture", "channel": channel,
    } | about  # fmt: skip


def subscribe(client: TestClient, token: str = SOFTWARE, **about: Any) -> str:
    """Subscribe; return the id."""
    answer = client.post("/fhir/Subscription", content=orjson.dumps(resource(**about)), headers=bearer(token))
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"].rsplit("/", 1)[1])


def read(client: TestClient, name: str) -> dict[str, Any]:
    """Return a subscription as the program reads it, valid."""
    answer = client.get(f"/fhir/Subscription/{name}", headers=bearer())
    Model.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


def signed(client: TestClient, user: str = "Practitioner/mg", token: str = SOFTWARE) -> str:
    """Sign a request that will be reviewed; return its id."""
    sent = hook(order("lumbago depuis 5 j, pas de déficit", "radio rachis lombaire"))
    sent["context"]["userId"] = user
    assert client.post("/cds-services/imagerie-pertinence", content=orjson.dumps(sent), headers=bearer(token)).status_code == 200
    rows = service_of(client).register.worklist(limit=100)
    return str(max(rows, key=lambda row: row.signed_at).id)


def refuse(client: TestClient, request: str) -> None:
    """Have a radiologist refuse."""
    service = service_of(client)
    service.register.decide(request, Decision.REFUSE, radiologist="r", at=service.now(), reason="inutile à ce stade")


def test_greeted_then_told_by_ids_alone(client: TestClient, courier: Courier, program: Program) -> None:
    """The handshake first, with the secret; then what happened since the subscription, nothing clinical in it."""
    early = signed(client)
    refuse(client, early)
    name = subscribe(client)
    assert read(client, name)["status"] == "requested"
    assert courier.round() == 1
    assert program.kinds() == ["handshake"]
    assert program.headers == [(("Authorization", SECRET),)]
    assert read(client, name)["status"] == "active"
    assert courier.round() == 0
    request = signed(client)
    refuse(client, request)
    assert courier.round() == 1
    told = program.received[-1]
    assert (parameter(told, "type"), numbers(told), parameter(told, "events-since-subscription-start")) == (
        "event-notification",
        ["1"],
        "1",
    )
    about = [entry["fullUrl"].rsplit("/fhir/", 1)[1] for entry in told["entry"][1:]]
    assert about[0].startswith("Task/")
    assert f"ServiceRequest/{request}" in about
    assert client.get(f"/fhir/{about[0]}", headers=bearer()).json()["status"] == "completed"
    words = orjson.dumps(told).decode().lower()
    assert not [word for word in ("lumbago", "lombaire", "inutile", "practitioner/mg", "patient", "refus") if word in words]
    assert courier.round() == 0


def test_the_secret_is_neither_shown_nor_journalled(client: TestClient) -> None:
    """Not in the resource, not in the journal; forgotten once stopped."""
    name = subscribe(client)
    assert SECRET not in client.get(f"/fhir/Subscription/{name}", headers=bearer()).text
    service = service_of(client)
    with service.store.reader.connect() as connection:
        assert not connection.exec_driver_sql("SELECT 1 FROM journal WHERE payload LIKE '%tres-secret%'").all()
        assert len(connection.exec_driver_sql("SELECT 1 FROM subscription_channels WHERE headers LIKE '%tres-secret%'").all()) == 1
    assert client.delete(f"/fhir/Subscription/{name}", headers=bearer()).status_code == 204
    with service.store.reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT headers FROM subscription_channels").all() == []
    assert read(client, name)["status"] == "off"


def test_a_program_that_fails_is_tried_again_and_loses_nothing(client: TestClient, courier: Courier, program: Program) -> None:
    """Later and later; the events come once it answers, in order, with their numbers."""
    name = subscribe(client)
    courier.round()
    for _ in range(3):
        refuse(client, signed(client))
    program.answers = [500, 0, 302]
    clock = service_of(client)
    for error in ("réponse 500", "injoignable (ConnectionRefusedError)", "réponse 302"):
        assert courier.round() == 0
        assert read(client, name)["error"] == error
        assert courier.round() == 0  # not before its time
        clock.ahead += timedelta(minutes=2)
    assert courier.round() == 1
    assert numbers(program.received[-1]) == ["1", "2", "3"]
    assert "error" not in read(client, name)


def test_after_a_day_in_error_after_a_week_off(client: TestClient, courier: Courier, program: Program) -> None:
    """An error is told in the resource, and ends with the first word that passes; off is for good."""
    name = subscribe(client)
    courier.round()
    refuse(client, signed(client))
    program.answers = [500] * 3
    clock = service_of(client)
    courier.round()
    clock.ahead += IN_ERROR_AFTER
    courier.round()
    assert read(client, name)["status"] == "error"
    clock.ahead += LAST_RETRY * 2
    program.answers = []
    courier.round()
    assert (read(client, name)["status"], numbers(program.received[-1])) == ("active", ["1"])
    refuse(client, signed(client))
    program.answers = [500] * 9
    courier.round()
    clock.ahead += OFF_AFTER
    courier.round()
    assert read(client, name)["status"] == "off"
    assert courier.round() == 0


def test_a_killed_process_repeats_rather_than_forgets(client: TestClient, courier: Courier, program: Program, monkeypatch: Any) -> None:
    """Killed between the sending and its record, the same numbers are sent again by whoever comes next, once the lease is over."""
    subscribe(client)
    courier.round()
    refuse(client, signed(client))

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Subscriptions, "note_told", killed)
        with pytest.raises(KeyboardInterrupt):
            courier.round()
    other = Courier(service_of(client), program, Random(2))
    assert other.round() == 0  # the other one may still be at it
    service_of(client).ahead += timedelta(minutes=1)
    assert other.round() == 1
    assert [numbers(one) for one in program.received[1:]] == [["1"], ["1"]]


def test_of_two_processes_one_delivers(client: TestClient, courier: Courier, program: Program) -> None:
    """Whoever comes while the other is sending goes on its way."""
    subscribe(client)
    courier.round()
    refuse(client, signed(client))
    inside: list[int] = []
    second = Courier(service_of(client), program, Random(2))

    def sending(*about: Any) -> int:
        inside.append(second.round())
        return program(*about)

    assert Courier(service_of(client), sending, Random(3)).round() == 1
    assert inside == [0]
    assert program.kinds() == ["handshake", "event-notification"]


def test_a_filter_keeps_the_requests_of_the_prescribers_named(client: TestClient, courier: Courier, program: Program) -> None:
    """By the reference that this program gives them."""
    criteria = {"extension": [{"url": f"{GUIDE}/backport-filter-criteria", "valueString": "Task?requester=Practitioner/a,Practitioner/b"}]}
    name = subscribe(client, _criteria=criteria)
    courier.round()
    refuse(client, signed(client, "Practitioner/mg"))
    assert courier.round() == 0
    refuse(client, signed(client, "Practitioner/b"))
    assert courier.round() == 1
    assert read(client, name)["_criteria"] == criteria


def test_another_program_sees_nothing(client: TestClient, courier: Courier, program: Program) -> None:
    """Neither the subscription, nor what happens to the requests of the first."""
    name = subscribe(client)
    courier.round()
    refuse(client, signed(client, token=OTHER))
    assert courier.round() == 0
    for method, path in (("GET", ""), ("GET", "/$status"), ("GET", "/$events"), ("DELETE", "")):
        assert client.request(method, f"/fhir/Subscription/{name}{path}", headers=bearer(OTHER)).status_code == 404
    body = orjson.dumps(resource(status="off"))
    assert client.put(f"/fhir/Subscription/{name}", content=body, headers=bearer(OTHER)).status_code == 404
    assert client.get("/fhir/Subscription", headers=bearer(OTHER)).json()["total"] == 0
    assert client.get("/fhir/Subscription", headers=bearer()).json()["total"] == 1
    assert client.post("/fhir/Subscription", content=body).status_code == 401


def test_events_are_told_again_on_demand(client: TestClient, courier: Courier) -> None:
    """By their numbers; a number that was not told yet is not there."""
    name = subscribe(client)
    courier.round()
    for _ in range(3):
        refuse(client, signed(client))
    courier.round()
    refuse(client, signed(client))
    answer = client.get(f"/fhir/Subscription/{name}/$events?eventsSinceNumber=2&eventsUntilNumber=9", headers=bearer()).json()
    assert (parameter(answer, "type"), numbers(answer)) == ("query-event", ["2", "3"])
    assert client.get(f"/fhir/Subscription/{name}/$events?eventsSinceNumber=deux", headers=bearer()).status_code == 400
    status = client.get(f"/fhir/Subscription/{name}/$status", headers=bearer()).json()
    assert parameter(status, "events-since-subscription-start") == "3"
    Bundle.model_validate(status)
    assert client.get("/fhir/Subscription/$status", headers=bearer()).json()["total"] == 1


def test_heartbeats_and_the_end(client: TestClient, courier: Courier, program: Program) -> None:
    """A sign of life when one was asked for; nothing after the end."""
    clock = service_of(client)
    end = (clock.now() + timedelta(hours=3)).isoformat()
    every = {"extension": [{"url": f"{GUIDE}/backport-heartbeat-period", "valueUnsignedInt": 3600}]}
    name = subscribe(client, channel=every, end=end)
    courier.round()
    clock.ahead += timedelta(minutes=59)
    assert courier.round() == 0
    clock.ahead += timedelta(minutes=2)
    assert courier.round() == 1
    assert program.kinds() == ["handshake", "heartbeat"]
    clock.ahead += timedelta(hours=2)
    courier.round()
    assert read(client, name)["status"] == "off"


def test_a_subscription_changed_is_greeted_anew(client: TestClient, courier: Courier, program: Program) -> None:
    """With its new secret; stopped by the status off, it is told nothing more."""
    name = subscribe(client)
    courier.round()
    changed = resource(channel={"header": ["Authorization: Bearer autre"]})
    assert client.put(f"/fhir/Subscription/{name}", content=orjson.dumps(changed), headers=bearer()).json()["status"] == "requested"
    courier.round()
    assert program.kinds() == ["handshake", "handshake"]
    assert program.headers[-1] == (("Authorization", "Bearer autre"),)
    off = client.put(f"/fhir/Subscription/{name}", content=orjson.dumps(resource(status="off")), headers=bearer())
    assert off.json()["status"] == "off"
    refuse(client, signed(client))
    assert courier.round() == 0


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://dpi.exemple.fr/avis/entree", "https://dpi.exemple.fr.pirate.fr/avis/", "https://dpi.exemple.fr/avistout", "https://dpi.exemple.fr/avis/../admin",
        "https://dpi.exemple.fr/avis/%2e%2e/admin", "https://moi@dpi.exemple.fr/avis/", "https://dpi.exemple.fr@pirate.fr/avis/", "file:///etc/passwd",
        "https://127.0.0.1/avis/", "https://[::ffff:127.0.0.1]/avis/", "https://2130706433/avis", "https://dpi.exemple.fr:444/avis/x", "https://dpi.exemple.fr\\avis",
        "", "javascript:alert(1)", "https://dpi.exemple.fr/avis/é", "https://dpi.exemple.fr/avis/\r\nX: y",
    ],
)  # fmt: skip
def test_an_address_that_the_operator_did_not_allow_is_refused(client: TestClient, endpoint: str) -> None:
    """At the place where it stands, and nothing is kept."""
    answer = client.post("/fhir/Subscription", content=orjson.dumps(resource(channel={"endpoint": endpoint})), headers=bearer())
    assert answer.status_code == 422, answer.text
    assert answer.json()["issue"][0]["expression"] == ["Subscription.channel.endpoint"]
    assert not may_go_to(endpoint, frozenset((BASE,)))
    assert Subscriptions(service_of(client).journal).alive() == []


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ({"criteria": "Task?status=completed"}, "Subscription.criteria"),
        ({"_criteria": {"extension": [{"url": f"{GUIDE}/backport-filter-criteria", "valueString": "Task?owner=x"}]}}, "Subscription.criteria.extension"),
        ({"channel": {"type": "email"}}, "Subscription.channel.type"),
        ({"channel": {"payload": "text/plain"}}, "Subscription.channel.payload"),
        ({"channel": {"_payload": {"extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": "full-resource"}]}}}, "Subscription.channel.payload.extension"),
        ({"channel": {"_payload": {}}}, "Subscription.channel.payload.extension"),
        ({"channel": {"header": ["Host: pirate.fr"]}}, "Subscription.channel.header"),
        ({"channel": {"header": ["X: a\r\nY: b"]}}, "Subscription.channel.header"),
        ({"channel": {"header": "X: a"}}, "Subscription.channel.header"),
        ({"channel": {"extension": [{"url": f"{GUIDE}/backport-timeout", "valueUnsignedInt": -1}]}}, "Subscription.channel.extension"),
        ({"status": "error"}, "Subscription.status"),
        ({"end": "demain"}, "Subscription.end"),
        ({"end": "2020-01-01T00:00:00Z"}, "Subscription.end"),
    ],
)  # fmt: skip
def test_what_is_not_served_is_refused_at_its_place(client: TestClient, about: dict[str, Any], place: str) -> None:
    """In French, with the place."""
    answer = client.post("/fhir/Subscription", content=orjson.dumps(resource(**about)), headers=bearer())
    assert answer.status_code == 422, answer.text
    assert answer.json()["issue"][0]["expression"] == [place]


def test_a_program_may_not_have_any_number_of_them(client: TestClient) -> None:
    """The twenty-first is refused; another program is not concerned."""
    for _ in range(20):
        subscribe(client)
    assert client.post("/fhir/Subscription", content=orjson.dumps(resource()), headers=bearer()).status_code == 409
    subscribe(client, OTHER)


def test_over_the_wire(tmp_path: Path) -> None:
    """A real program on a port, a real sending; a redirection is not followed."""
    got: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, self.headers["authorization"], body))
            self.send_response(307 if self.path.endswith("ailleurs") else 204)
            self.send_header("Location", "/ici")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    for client in client_of(tmp_path, subscription_hosts=base):
        for path in ("ici", "ailleurs"):
            made = client.post("/fhir/Subscription", content=orjson.dumps(resource(channel={"endpoint": f"{base}/{path}"})))
            assert made.status_code == 201, made.text
        assert Courier(service_of(client)).round() == 1
    assert sorted((path, secret) for path, secret, _ in got) == [("/ailleurs", SECRET), ("/ici", SECRET)]
    server.shutdown()
    server.server_close()


def test_retries_are_spread_and_bounded() -> None:
    """From five seconds to an hour, one fifth more or less."""
    waits = [retry_after(tries, 0.5).total_seconds() for tries in range(1, 30)]
    assert waits[:3] == [5, 10, 20]
    assert max(waits) == 3600
    assert (retry_after(1, 0.0).total_seconds(), retry_after(1, 1.0).total_seconds()) == (4, 6)


def test_the_operator_sees_and_stops(tmp_path: Path) -> None:
    """By the command line; an unknown one is told."""
    base = f"sqlite:///{tmp_path}/t.db"
    for client in client_of(tmp_path, **ACCOUNTS):
        name = subscribe(client)
    run = CliRunner()
    assert f"{name} : requested, 0 événements, {BASE}/entree" in run.invoke(app, ["subscriptions", "list", "--database", base]).output
    assert run.invoke(app, ["subscriptions", "off", name, "--motif", "essai", "--database", base]).exit_code == 0
    assert run.invoke(app, ["subscriptions", "off", name, "--motif", "essai", "--database", base]).exit_code == 1
    assert "Aucun abonnement" in run.invoke(app, ["subscriptions", "list", "--database", base]).output


def test_addresses_in_clear_are_for_the_demonstration() -> None:
    """Outside of it the service does not start with one."""
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_SUBSCRIPTION_HOSTS"):
        Settings(**(ACCOUNTS | {"subscription_hosts": "http://dpi.exemple.fr"})).checked()  # type: ignore[arg-type]
