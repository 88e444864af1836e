"""Subscriptions of prescription programs to what becomes of their requests, written through the journal.

The journal says what was subscribed, and up to where each was told: of two processes, one tells. Only what is operational stays
out of it: the secret of the channel, who is delivering now, when to try again after a failure.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, or_, select, update

from pertimage.audit.chain import canonical
from pertimage.audit.instants import utc_datetime, utc_text
from pertimage.audit.journal import Entry, Journal
from pertimage.audit.review import Refused
from pertimage.audit.tables import exchanges, requests
from pertimage.audit.telling_tables import subscription_channels, subscriptions

# What a prescriber's software is told of.
TOLD = ("question", "decision", "withdrawal")
MOST_OF_A_CLIENT = 20


class Status(StrEnum):
    """Where a subscription stands, in the words of FHIR."""

    REQUESTED = "requested"
    ACTIVE = "active"
    ERROR = "error"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription. ``client`` and ``requesters`` are pseudonyms; ``document`` is what its client asked, without any secret.

    ``start`` is the record from which events count, ``cursor`` the last one told, ``events`` how many were.
    """

    id: str
    client: str
    document: dict[str, Any]
    requesters: tuple[str, ...]
    status: Status
    start: int
    cursor: int
    events: int
    created_at: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Something to tell: its record, when, about which request."""

    seq: int
    at: datetime
    request: str


@dataclass(frozen=True, slots=True)
class Channel:
    """What is operational of a subscription: its secret headers, failures in a row and since when, when to try again, the last sign sent."""

    headers: tuple[tuple[str, str], ...]
    tries: int
    failing_since: datetime | None
    retry_at: datetime | None
    sent_at: datetime | None
    error: str


class Stopped(Refused):
    """The subscription is not what the caller looked at: stopped, or told by another."""


class TooMany(Refused):
    """The client has as many subscriptions as it may."""


class Subscriptions:
    """The subscriptions of a store."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._store = journal.store

    def create(
        self, client: str, document: Mapping[str, Any], *, requesters: Collection[str], headers: Collection[tuple[str, str]], at: datetime
    ) -> str:
        """Record a subscription of a client; return its id. Raises ``TooMany``."""
        name = secrets.token_hex(16)
        payload = {"id": name, "client": client, "document": dict(document), "requesters": sorted(requesters)}
        self._keep_channel(name, headers)
        guard = partial(_require_room, client=client)
        try:
            self._journal.submit(Entry("subscription", payload, at, guard=guard)).result()
        except Refused:
            self._drop_channel(name)
            raise
        return name

    def change(
        self, name: str, document: Mapping[str, Any], *, requesters: Collection[str], headers: Collection[tuple[str, str]], at: datetime
    ) -> None:
        """Record what a client now asks of its subscription, which is greeted anew; raises ``Stopped`` for one that is not there."""
        payload = {"id": name, "document": dict(document), "requesters": sorted(requesters)}
        self._journal.submit(Entry("subscription-changed", payload, at, guard=partial(_require_known, name=name))).result()
        self._keep_channel(name, headers)

    def mark(self, name: str, status: Status, *, why: str, at: datetime) -> None:
        """Record that a subscription starts, fails or stops; a stopped one forgets its secret. Raises ``Stopped`` for one that is off."""
        payload = {"id": name, "status": status.value, "why": why}
        self._journal.submit(Entry("subscription-status", payload, at, guard=partial(_require_alive, name=name))).result()
        if status is Status.OFF:
            self._drop_channel(name)

    def note_told(self, one: Subscription, through: int, count: int, *, at: datetime) -> None:
        """Record that ``count`` more events were told, up to a record; raises ``Stopped`` when another told them, or it is off."""
        payload = {"id": one.id, "after": one.cursor, "through": through, "count": count}
        guard = partial(_require_cursor, name=one.id, cursor=one.cursor)
        self._journal.submit(Entry("subscription-told", payload, at, guard=guard)).result()

    def one(self, name: str) -> Subscription | None:
        """Return a subscription."""
        return next(iter(self._rows(subscriptions.c.id == name)), None)

    def of_client(self, client: str) -> list[Subscription]:
        """Return the subscriptions of a client that are not off, the oldest first."""
        return self._rows(and_(subscriptions.c.client == client, subscriptions.c.status != Status.OFF.value))

    def alive(self) -> list[Subscription]:
        """Return the subscriptions of everybody that are not off."""
        return self._rows(subscriptions.c.status != Status.OFF.value)

    def waiting(self, one: Subscription, limit: int) -> list[Happened]:
        """Return what is still to be told of a subscription, in order."""
        return self._events(one, after=one.cursor, limit=limit)

    def told(self, one: Subscription, first: int, last: int) -> list[tuple[int, Happened]]:
        """Return the events of those numbers, from 1, with their number; only what was told."""
        found = self._events(one, after=one.start, limit=last, before=one.cursor)
        return [(number, event) for number, event in enumerate(found, start=1) if first <= number <= last]

    def channel(self, name: str) -> Channel:
        """Return what is operational of a subscription."""
        with self._store.reader.connect() as connection:
            row = connection.execute(select(subscription_channels).where(subscription_channels.c.id == name)).first()
        if row is None:
            return Channel((), 0, None, None, None, "")
        since, retry_at, sent_at = (utc_datetime(value) if value else None for value in (row.failing_since, row.retry_at, row.sent_at))
        return Channel(tuple((key, value) for key, value in orjson.loads(row.headers)), row.tries, since, retry_at, sent_at, row.error)

    def lease(self, name: str, by: str, *, now: datetime, lasts: timedelta) -> bool:
        """Take a subscription to deliver it, unless another process has it or it is not time to try again; say whether it was taken."""
        free = or_(subscription_channels.c.lease_until.is_(None), subscription_channels.c.lease_until <= utc_text(now))
        due = or_(subscription_channels.c.retry_at.is_(None), subscription_channels.c.retry_at <= utc_text(now))
        taken = update(subscription_channels).where(subscription_channels.c.id == name, free, due)
        with self._store.writer.begin() as connection:
            return bool(connection.execute(taken.values(lease_by=by, lease_until=utc_text(now + lasts))).rowcount)

    def release(self, name: str, by: str, *, sent_at: datetime | None = None) -> None:
        """Give a subscription back after a delivery that went well, or that had nothing to do."""
        values: dict[str, Any] = {"lease_by": None, "lease_until": None}
        if sent_at is not None:
            values |= {"tries": 0, "failing_since": None, "retry_at": None, "error": "", "sent_at": utc_text(sent_at)}
        self._operate(name, by, values)

    def fail(self, name: str, by: str, *, since: datetime, tries: int, retry_at: datetime, error: str) -> None:
        """Give a subscription back after a failure."""
        values = {
            "lease_by": None, "lease_until": None, "tries": tries, "failing_since": utc_text(since), "retry_at": utc_text(retry_at), "error": error,
        }  # fmt: skip
        self._operate(name, by, values)

    def _operate(self, name: str, by: str, values: dict[str, Any]) -> None:
        mine = update(subscription_channels).where(subscription_channels.c.id == name, subscription_channels.c.lease_by == by)
        with self._store.writer.begin() as connection:
            connection.execute(mine.values(values))

    def _keep_channel(self, name: str, headers: Collection[tuple[str, str]]) -> None:
        row = {"id": name, "headers": canonical([list(pair) for pair in headers]), "tries": 0, "error": ""}
        with self._store.writer.begin() as connection:
            connection.execute(delete(subscription_channels).where(subscription_channels.c.id == name))
            connection.execute(insert(subscription_channels), row)

    def _drop_channel(self, name: str) -> None:
        with self._store.writer.begin() as connection:
            connection.execute(delete(subscription_channels).where(subscription_channels.c.id == name))

    def _rows(self, condition: Any) -> list[Subscription]:
        query = select(subscriptions).where(condition).order_by(subscriptions.c.created_at, subscriptions.c.id)
        with self._store.reader.connect() as connection:
            return [_subscription(row) for row in connection.execute(query)]

    def _events(self, one: Subscription, *, after: int, limit: int, before: int | None = None) -> list[Happened]:
        theirs = [requests.c.client == one.client]
        if one.requesters:
            theirs.append(requests.c.prescriber.in_(one.requesters))
        query = select(exchanges.c.seq, exchanges.c.at, exchanges.c.request).join(requests, requests.c.id == exchanges.c.request)
        query = query.where(exchanges.c.seq > after, exchanges.c.kind.in_(TOLD), *theirs)
        if before is not None:
            query = query.where(exchanges.c.seq <= before)
        with self._store.reader.connect() as connection:
            rows = connection.execute(query.order_by(exchanges.c.seq).limit(limit)).all()
        return [Happened(row.seq, utc_datetime(row.at), row.request) for row in rows]


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        row.id, row.client, orjson.loads(row.document), tuple(orjson.loads(row.requesters)), Status(row.status), row.start, row.cursor, row.events,
        row.created_at,
    )  # fmt: skip


def _require_room(connection: Connection, *, client: str) -> None:
    mine = select(func.count()).where(subscriptions.c.client == client, subscriptions.c.status != Status.OFF.value)
    if connection.execute(mine).scalar_one() >= MOST_OF_A_CLIENT:
        raise TooMany(f"Ce logiciel a déjà {MOST_OF_A_CLIENT} abonnements : arrêtez-en un.")


def _require_known(connection: Connection, *, name: str) -> None:
    if not connection.execute(select(exists().where(subscriptions.c.id == name))).scalar_one():
        raise Stopped("Cet abonnement n'existe pas.")


def _require_alive(connection: Connection, *, name: str) -> None:
    status = connection.execute(select(subscriptions.c.status).where(subscriptions.c.id == name)).scalar_one_or_none()
    if status in (None, Status.OFF.value):
        raise Stopped("Cet abonnement est arrêté.")


def _require_cursor(connection: Connection, *, name: str, cursor: int) -> None:
    _require_alive(connection, name=name)
    if connection.execute(select(subscriptions.c.cursor).where(subscriptions.c.id == name)).scalar_one() != cursor:
        raise Stopped("Ces événements ont déjà été transmis.")
