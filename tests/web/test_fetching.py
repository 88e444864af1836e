"""What a call did not send is asked of an allowed FHIR server, in time, and every failure is said: against a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from pertimage.fhir.context_words import record_facts
from pertimage.fhir.discovery import PREFETCH
from pertimage.fhir.requests import read_hook
from pertimage.guidelines.loader import load_base
from pertimage.web.fetching import MAX_PAGES, Fetcher
from pertimage.web.settings import Settings, UnsafeSettingsError
from tests.fhir.cases import ICD10, TODAY, bundle, condition, hook_call, observation, patient, service_request
from tests.web.service_fixture import client_of, run_apart

TOKEN = "jeton-du-dossier-0123456789"
FACTS_OF = record_facts(load_base().lexicon)
Answer = tuple[int, bytes, dict[str, str]]


class Record:
    """A FHIR server on this machine: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, Callable[[dict[str, list[str]]], Any]] = {}
        record = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                record.asked.append((self.path, self.headers.get("Authorization", "")))
                parts = urlsplit(self.path)
                answer = record.answers.get(parts.path.removeprefix("/fhir/"), lambda query: bundle())(parse_qs(parts.query))
                status, body, headers = answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode(), {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass  # clients that stop listening are what is tried here

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}/fhir"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def record() -> Iterator[Record]:
    """Yield a server that knows the patient and has nothing else."""
    served = Record()
    served.answers["Patient/p1"] = lambda query: patient()
    yield served
    served.close()


def completed(
    record: Record, body: dict[str, Any] | None = None, budget: float = 8.0, servers: frozenset[str] | None = None
) -> dict[str, Any]:
    """Return a call completed from the server."""
    sent = call(record, **(body or {}))
    found: dict[str, Any] = asked(frozenset((record.base,)) if servers is None else servers, budget, sent)
    return found


def asked(servers: frozenset[str], budget: float, body: Any) -> Any:
    """Return what a fetcher makes of a body."""
    return run_apart(Fetcher(servers, budget).completed(body))


def call(record: Record, **changes: Any) -> dict[str, Any]:
    """Return a hook call that names the server, with its token and no prefetch."""
    about = {
        "fhirServer": record.base,
        "fhirAuthorization": {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"},
    }
    return hook_call(service_request(), prefetch={}) | about | changes


def known(body: dict[str, Any]) -> dict[str, Any]:
    """Return the facts read of a call."""
    return {fact.fact: fact.value or str(fact.status) for fact in read_hook(body, TODAY, FACTS_OF).orders[0].request.known}


def said(body: dict[str, Any]) -> str:
    """Return what the request of a call says not to know."""
    return " ; ".join(read_hook(body, TODAY, FACTS_OF).orders[0].request.unknown_context)


def test_what_is_missing_is_fetched(record: Record) -> None:
    """Patient, antecedents and results come from the server, with the token, by the published templates."""
    record.answers["Condition"] = lambda query: bundle(condition(ICD10, "E05.0"))
    record.answers["Observation"] = lambda query: (
        bundle(observation("62238-1", (25, "mL/min"))) if "62238-1" in query["code"][0] else bundle()
    )
    found = completed(record)
    assert known(found)["hyperthyroidie"] == "present"
    assert known(found)["dfg"] == 25.0
    assert read_hook(found, TODAY).orders[0].request.age == 47.0
    assert said(found) == ""
    assert len(record.asked) == len(PREFETCH)
    assert {token for _, token in record.asked} == {f"Bearer {TOKEN}"}


def test_what_was_sent_is_not_asked_again(record: Record) -> None:
    """A key that came is kept as it is; a null one and one in error are asked for."""
    sent = dict.fromkeys(PREFETCH, bundle()) | {"patient": patient(), "conditions": None, "allergies": {"resourceType": "OperationOutcome"}}
    completed(record, {"prefetch": sent})
    assert sorted(urlsplit(path).path for path, _ in record.asked) == ["/fhir/AllergyIntolerance", "/fhir/Condition"]


def test_pages_are_followed(record: Record) -> None:
    """A list goes on from page to page, whether its first page was sent or fetched."""

    def pages(query: dict[str, list[str]]) -> Any:
        page = int(query.get("page", ["1"])[0])
        link = [{"relation": "next", "url": f"{record.base}/Condition?page={page + 1}"}] if page < 3 else []
        return bundle(condition(ICD10, ("E05.0", "E11.9", "N18.9")[page - 1]), link=link)

    record.answers["Condition"] = pages
    assert {"hyperthyroidie", "diabete", "insuffisance-renale"} <= known(completed(record)).keys()
    first = bundle(condition(ICD10, "E05.0"), link=[{"relation": "next", "url": "Condition?page=2"}])
    found = completed(record, {"prefetch": {"conditions": first}})
    assert {"hyperthyroidie", "diabete", "insuffisance-renale"} <= known(found).keys()
    assert "incomplète" not in said(found)


def test_pages_without_end_are_left_and_said(record: Record) -> None:
    """After a few pages the list is held to be partial."""
    record.answers["Condition"] = lambda query: bundle(link=[{"relation": "next", "url": "Condition?page=1"}])
    found = completed(record)
    assert sum(path.startswith("/fhir/Condition") for path, _ in record.asked) == MAX_PAGES + 1
    assert "liste « conditions » incomplète" in said(found)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/fhir/x", "https://exemple.fr/fhir", "//exemple.fr/x", "../../admin", "file:///etc/passwd", "/autre", 7]
)
def test_a_page_elsewhere_is_not_followed(record: Record, url: Any) -> None:
    """The next page stays under the base of the server; anywhere else it is not asked for, and the list is said to be partial."""
    first = bundle(condition(ICD10, "E05.0"), link=[{"relation": "next", "url": url}])
    found = completed(record, {"prefetch": dict.fromkeys(PREFETCH, bundle()) | {"conditions": first}})
    assert record.asked == []
    assert "hyperthyroidie" in known(found)
    assert "liste « conditions » incomplète" in said(found)


def _slow(query: dict[str, list[str]]) -> Any:
    time.sleep(7)
    return bundle()


FAILURES: dict[str, Callable[[dict[str, list[str]]], Any]] = {
    "slow": _slow,
    "401": lambda query: (401, b"{}", {}),
    "404": lambda query: (404, b"", {}),
    "500": lambda query: (500, b"panne", {}),
    "redirect": lambda query: (302, b"", {"Location": "http://127.0.0.1:9/fhir/Condition"}),
    "garbage": lambda query: (200, b"<html>pas du JSON</html>", {}),
    "deep": lambda query: (200, b"[" * 100_000, {}),
    "a list": lambda query: (200, b"[]", {}),
    "an error": lambda query: {"resourceType": "OperationOutcome"},
    "another kind": lambda query: patient(),
    "too long": lambda query: (200, b'{"resourceType": "Bundle", "x": "' + b"a" * 9_000_000 + b'"}', {}),
    "compressed": lambda query: (200, b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_said_and_fails_nothing(record: Record, failure: Callable[[dict[str, list[str]]], Any]) -> None:
    """Late, refused, broken, redirected, unreadable, foreign or endless: the key is not obtained, the others are."""
    record.answers["Condition"] = failure
    record.answers["AllergyIntolerance"] = lambda query: bundle(
        {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}, "code": {"text": "gadolinium"}}
    )
    started = time.monotonic()
    found = completed(record, budget=2.0)
    assert time.monotonic() - started < 6
    assert "données « conditions » non obtenues" in said(found)
    assert known(found) == {"allergie-contraste": "present"}


def test_a_server_that_is_down_costs_no_more_than_the_budget(record: Record) -> None:
    """Nothing answers: everything is said not to be known, and the order is judged."""
    base, sent = record.base, call(record)
    record.close()
    found = asked(frozenset((base,)), 0.5, sent)
    assert "données « patient » non obtenues" in said(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"fhirServer": "http://169.254.169.254/latest"},
        {"fhirServer": None},
        {"fhirAuthorization": None},
        {"fhirAuthorization": {"access_token": ""}},
        {"fhirAuthorization": {"access_token": "a b\r\nHost: x"}},
        {"fhirAuthorization": {"access_token": 3}},
        {"context": {"patientId": "../Patient", "draftOrders": {"entry": [{"resource": service_request()}]}}},
        {"context": {"patientId": "p1?x=1", "draftOrders": {"entry": [{"resource": service_request()}]}}},
        {"context": {"patientId": "p1", "draftOrders": {"entry": [{"resource": {"resourceType": "MedicationRequest"}}]}}},
        {"context": "x"},
    ],
)
def test_nothing_is_asked_without_right_and_reason(record: Record, changes: dict[str, Any]) -> None:
    """Another server, no token or one that cannot be, a patient that is no id, no order: the call stays as it came."""
    sent = call(record) | changes
    assert asked(frozenset((record.base,)), 1.0, sent) is sent
    assert record.asked == []


@pytest.mark.parametrize("suffix", ["/", "x", "/../fhir", "@exemple.fr", "?a=b"])
def test_the_address_is_compared_whole(record: Record, suffix: str) -> None:
    """Only the very base address of the settings is asked, a final slash aside."""
    completed(record, {"fhirServer": record.base + suffix})
    assert bool(record.asked) is (suffix == "/")


@pytest.mark.parametrize("body", [None, [], 3, {"hook": 3}, {"prefetch": "x"}])
def test_any_body_passes(record: Record, body: Any) -> None:
    """What is not a call comes back as it is."""
    assert asked(frozenset((record.base,)), 1.0, body) == body


def test_without_servers_nothing_is_asked(record: Record) -> None:
    """By default no server is ever asked, in demonstration as elsewhere."""
    assert Settings(demo=True).fhir_allowed == frozenset()
    assert completed(record, servers=frozenset())["prefetch"] == {}
    assert record.asked == []


@pytest.mark.parametrize(
    ("servers", "demo"),
    [
        ("http://dpi.exemple.fr/fhir", False),
        ("ftp://dpi.exemple.fr", True),
        ("dpi.exemple.fr", False),
        ("https://user:pw@dpi.exemple.fr", False),
        ("https://dpi.exemple.fr/fhir?x=1", False),
        ("https://dpi.exemple.fr/a/../fhir", False),
    ],
)
def test_an_address_that_is_no_safe_base_is_refused_at_start(servers: str, demo: bool) -> None:
    """Clear text outside a demonstration, another protocol, an identity or a query in the address: the service does not start."""
    settings = Settings(demo=demo, secret="s" * 40, tokens="api:dpi:" + "t" * 32, fhir_servers=servers)
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_FHIR_SERVERS"):
        settings.checked()


def test_several_servers_may_be_named() -> None:
    """Addresses are separated by commas, a final slash aside."""
    settings = Settings(demo=False, secret="s" * 40, tokens="api:dpi:" + "t" * 32, fhir_servers=" https://a.fr/fhir/ , https://b.fr/r4,")
    assert settings.checked().fhir_allowed == {"https://a.fr/fhir", "https://b.fr/r4"}


@pytest.mark.parametrize("budget", [-1, 60])
def test_a_budget_out_of_reason_is_refused_at_start(budget: float) -> None:
    """The prescriber waits for the answer."""
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_FETCH_BUDGET"):
        Settings(demo=True, fetch_budget=budget).checked()


def test_a_signed_order_is_judged_with_what_was_fetched_and_neither_token_nor_record_is_kept(
    record: Record, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The card knows the pacemaker of the server; the token and the fetched resources are in no log and no file."""
    device = {"resourceType": "Device", "id": "d1", "patient": {"reference": "Patient/p1"}, "type": {"text": "Pacemaker SECRETMODELE"}}
    record.answers["Device"] = lambda query: bundle(device)
    order = service_request(code={"text": "IRM lombaire"}, reasonCode=[{"text": "lombalgie depuis 4 mois malgré kiné"}])
    body = hook_call(order, prefetch={}) | {"fhirServer": record.base, "fhirAuthorization": {"access_token": TOKEN}}
    with caplog.at_level("DEBUG"):
        for client in client_of(tmp_path, fhir_servers=record.base, fetch_budget=8.0):
            answer = client.post("/cds-services/imagerie-pertinence", content=orjson.dumps(body))
    assert answer.status_code == 200
    assert "Stimulateur ou défibrillateur cardiaque" in answer.text
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert TOKEN not in caplog.text
    assert "Patient/p1" not in caplog.text
    assert TOKEN.encode() not in stored
    assert b"SECRETMODELE" not in stored
