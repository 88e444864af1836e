"""Deliver the notifications of subscriptions: in order, at least once, by one process at a time, never on the path of a request.

A program that does not answer is tried again, later and later; after a day its subscription is in error, after a week it is off.
Nothing is lost meanwhile: the events are in the registers, and ``$events`` gives them again.
"""

from __future__ import annotations

import logging
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import orjson

from pertimage.audit.review import Refused, UnknownRequest
from pertimage.audit.subscriptions import Channel, Happened, Status, Subscription, Subscriptions
from pertimage.fhir.subscriptions import Asked, Kept, Told, notification, read_subscription, subscription
from pertimage.web.fhir_tasks import judged
from pertimage.web.service import Service

ROUND_EVERY = 2.0  # seconds
FIRST_RETRY, LAST_RETRY = timedelta(seconds=5), timedelta(hours=1)
IN_ERROR_AFTER, OFF_AFTER = timedelta(days=1), timedelta(days=7)
USUAL_TIMEOUT = 10.0  # seconds
_LEASE_BEYOND = timedelta(seconds=30)

# Posts a body to an address and returns the status; raises OSError, or what the library raises.
Send = Callable[[str, tuple[tuple[str, str], ...], bytes, float], int]
log = logging.getLogger("pertimage")


def retry_after(tries: int, chance: float) -> timedelta:
    """Return how long to wait after that many failures in a row (from 1): doubled each time, up to an hour, one fifth more or less.

    ``chance`` is from 0 to 1: programs that fail together are not all tried again together.
    """
    doubled = FIRST_RETRY * int(2 ** min(tries - 1, 20))
    return min(doubled, LAST_RETRY) * (0.8 + 0.4 * chance)


def kept_of(one: Subscription, service: Service, error: str = "") -> Kept:
    """Return a subscription as FHIR says it; its headers are not in it."""
    return Kept(one.id, asked_of(one, service), str(one.status), one.events, error)


def asked_of(one: Subscription, service: Service) -> Asked:
    """Return what was asked, as it was stored."""
    return read_subscription(one.document, service.publisher)


def document_of(asked: Asked, service: Service) -> dict[str, Any]:
    """Return what is stored of what was asked: the resource, without its headers."""
    return subscription(Kept("", asked, "requested", 0), service.publisher)


def may_go_to(endpoint: str, allowed: frozenset[str]) -> bool:
    """Say whether an address is under one of those that the settings allow."""
    path = endpoint.partition("://")[2].partition("/")[2]
    written = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint
    plain = written and ".." not in path and "%2e" not in path.lower() and "\\" not in endpoint and "#" not in endpoint
    return plain and any(endpoint == base or endpoint.startswith((f"{base}/", f"{base}?")) for base in allowed)


def told_of(number: int, event: Happened, service: Service) -> Told:
    """Return an event as it is told: the review Task when there is one, beside its request."""
    order = f"ServiceRequest/{event.request}"
    with suppress(UnknownRequest):
        tasks = [f"Task/{one['id']}" for one in judged(service.register.request(event.request), service) if one["resourceType"] == "Task"]
        if tasks:
            return Told(number, event.at, tasks[0], (*tasks[1:], order))
    return Told(number, event.at, order)


class Courier:
    """Delivers for one process. ``send`` and ``chance`` are given by tests."""

    def __init__(self, service: Service, send: Send | None = None, chance: Random | None = None) -> None:
        self._service, self._subscriptions = service, Subscriptions(service.journal)
        self._send = send or self._post
        self._chance = chance or Random()  # noqa: S311 - spreads retries
        self._name = secrets.token_hex(8)
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Deliver from now on, aside."""
        self._thread = Thread(target=self._run, name="abonnements", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop once the delivery under way is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(USUAL_TIMEOUT + 5)

    def _run(self) -> None:
        while not self._stop.wait(ROUND_EVERY):
            try:
                self.round()
            except Exception as failure:  # whatever the driver raises: the next round tries again
                log.error("subscriptions could not be delivered: %s", type(failure).__name__)

    def round(self) -> int:
        """Deliver once what is due to each subscription; return how many notifications left."""
        return sum(self._serve(one) for one in self._subscriptions.alive() if not self._stop.is_set())

    def _serve(self, one: Subscription) -> int:
        now, channel, asked = self._service.now(), self._subscriptions.channel(one.id), asked_of(one, self._service)
        if asked.end is not None and asked.end <= now:
            self._mark(one, Status.OFF, "terme atteint")
            return 0
        if channel.retry_at is not None and channel.retry_at > now:
            return 0
        waiting = self._subscriptions.waiting(one, asked.channel.most) if one.status is not Status.REQUESTED else []
        if one.status is not Status.REQUESTED and not waiting and not _silent_too_long(one, asked, channel, now):
            return 0
        timeout = float(asked.channel.timeout or USUAL_TIMEOUT)
        if not self._subscriptions.lease(one.id, self._name, now=now, lasts=timedelta(seconds=timeout) + _LEASE_BEYOND):
            return 0
        # Another process may have delivered between the look and the lease.
        current = self._subscriptions.one(one.id)
        if current is None or (current.status, current.cursor) != (one.status, one.cursor):
            self._subscriptions.release(one.id, self._name)
            return 0
        return self._deliver(one, asked, channel, waiting, timeout)

    def _deliver(self, one: Subscription, asked: Asked, channel: Channel, waiting: list[Happened], timeout: float) -> int:
        events = [told_of(number, event, self._service) for number, event in enumerate(waiting, start=one.events + 1)]
        kind = "handshake" if one.status is Status.REQUESTED else "event-notification" if events else "heartbeat"
        status = str(Status.REQUESTED if kind == "handshake" else Status.ACTIVE)
        about = Kept(one.id, asked, status, one.events + len(events))
        body = orjson.dumps(notification(about, kind, events, self._service.now(), self._service.publisher, lambda: str(uuid4())))
        failure = self._attempt(asked.channel.endpoint, channel.headers, body, timeout)
        now = self._service.now()
        if failure:
            self._failed(one, channel, failure, now)
            return 0
        try:
            if events:
                self._subscriptions.note_told(one, waiting[-1].seq, len(events), at=now)
            elif one.status is not Status.ACTIVE:
                self._subscriptions.mark(one.id, Status.ACTIVE, why="joint", at=now)
        except Refused:
            log.warning("a subscription was stopped while it was told")
        self._subscriptions.release(one.id, self._name, sent_at=now)
        return 1

    def _attempt(self, endpoint: str, headers: tuple[tuple[str, str], ...], body: bytes, timeout: float) -> str:
        """Post, and return what went wrong, in French; empty when nothing did."""
        if not may_go_to(endpoint, self._service.settings.subscription_allowed):
            return "adresse que l'exploitant n'admet plus"
        try:
            status = self._send(endpoint, headers, body, timeout)
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as failure:
            return f"injoignable ({type(failure).__name__})"
        return "" if 200 <= status < 300 else f"réponse {status}"

    def _failed(self, one: Subscription, channel: Channel, error: str, now: datetime) -> None:
        since, tries = channel.failing_since or now, channel.tries + 1
        retry_at = now + retry_after(tries, self._chance.random())
        self._subscriptions.fail(one.id, self._name, since=since, tries=tries, retry_at=retry_at, error=error)
        if now - since >= OFF_AFTER:
            self._mark(one, Status.OFF, f"sans réponse depuis {OFF_AFTER.days} jours : {error}")
        elif one.status is Status.ACTIVE and now - since >= IN_ERROR_AFTER:
            self._mark(one, Status.ERROR, error)

    def _mark(self, one: Subscription, status: Status, why: str) -> None:
        with suppress(Refused):
            self._subscriptions.mark(one.id, status, why=why, at=self._service.now())

    def _post(self, endpoint: str, headers: tuple[tuple[str, str], ...], body: bytes, timeout: float) -> int:
        sent = [("Content-Type", "application/fhir+json"), ("Accept-Encoding", "identity"), *headers]
        with (
            httpx.Client(verify=self._tls, follow_redirects=False, trust_env=False, timeout=timeout) as client,
            client.stream("POST", endpoint, content=body, headers=sent) as answer,  # what it says is not read
        ):
            return answer.status_code

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _silent_too_long(one: Subscription, asked: Asked, channel: Channel, now: datetime) -> bool:
    """Say whether a sign of life is due: a heartbeat asked for, or the first word to a program that was failing."""
    if one.status is Status.ERROR:
        return True
    every = asked.channel.heartbeat
    return bool(every) and channel.sent_at is not None and now - channel.sent_at >= timedelta(seconds=every)
