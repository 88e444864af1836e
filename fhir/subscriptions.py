"""Subscriptions as FHIR R4 says them with the « Subscriptions R5 Backport » guide: read, written, and their notifications.

Notifications hold ids only (``id-only``): where to read, never what is said. The handshake, heartbeats and events are Bundles of
type ``history`` whose first entry is a Parameters with the status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pertimage.fhir.publisher import NewId, Publisher
from pertimage.fhir.resources import instant, kept
from pertimage.fhir.values import BadRequest, items, mapping, text

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TOPIC = "reponse-relecture"
FHIR_JSON = "application/fhir+json"
ID_ONLY = "id-only"
MOST_EVENTS = 20
LONGEST_HEARTBEAT = 7 * 86400  # seconds
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}):[ \t]*([\x21-\x7e][\x20-\x7e]{0,4000})")
_FORBIDDEN = frozenset(("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"))
_FILTER = re.compile(r"(?:Task\?)?requester=([A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:,[A-Za-z]+/[A-Za-z0-9.-]{1,64}){0,199})")
_WRITABLE = ("requested", "active", "off")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications go. ``headers`` hold a secret: they are never shown again. Durations are in seconds, 0 for none."""

    endpoint: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    heartbeat: int = 0
    timeout: int = 0
    most: int = MOST_EVENTS


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription as its client wrote it. ``requesters`` are the references of prescribers (none: all of the client's)."""

    channel: Channel
    status: str = "requested"
    requesters: tuple[str, ...] = ()
    reason: str = ""
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a subscription: its number from 1, when it happened, what it is about."""

    number: int
    at: datetime
    focus: str
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A subscription as the store knows it; ``events`` counts those since it started, ``error`` says what went wrong last, in French."""

    id: str
    asked: Asked
    status: str
    events: int
    error: str = ""


def topic(publisher: Publisher) -> str:
    """Return the canonical address of the only topic: a radiologist answered, or the request was withdrawn."""
    return f"{publisher.canonical.rstrip('/')}/SubscriptionTopic/{TOPIC}"


def read_subscription(body: Any, publisher: Publisher) -> Asked:
    """Return what a Subscription asks for; raises BadRequest with the place of what is not served."""
    if not isinstance(body, dict) or body.get("resourceType") != "Subscription":
        raise BadRequest("resourceType", "Une Subscription est attendue.")
    status = text(body.get("status")) or "requested"
    if status not in _WRITABLE:
        raise BadRequest("Subscription.status", "« requested », ou « off » pour l'arrêter, est attendu.")
    if text(body.get("criteria")) != topic(publisher):
        raise BadRequest("Subscription.criteria", f"Un seul sujet est servi : {topic(publisher)}.")
    return Asked(_channel(mapping(body.get("channel")), mapping(mapping(body.get("channel")).get("_payload"))), status,
                 _requesters(mapping(body.get("_criteria"))), text(body.get("reason"))[:400], _end(text(body.get("end"))))  # fmt: skip


def _channel(channel: dict[str, Any], payload: dict[str, Any]) -> Channel:
    if text(channel.get("type")) != "rest-hook":
        raise BadRequest("Subscription.channel.type", "Seul « rest-hook » est servi.")
    if text(channel.get("payload")) != FHIR_JSON:
        raise BadRequest("Subscription.channel.payload", f"Seul « {FHIR_JSON} » est servi.")
    content = text(_extension(payload, "backport-payload-content").get("valueCode"))
    if content != ID_ONLY:
        raise BadRequest(
            "Subscription.channel.payload.extension",
            f"Seul le contenu « {ID_ONLY} » est servi : aucune donnée de santé ne part en notification.",
        )
    endpoint = text(channel.get("endpoint"))
    if not endpoint or len(endpoint) > 1000 or not endpoint.isascii() or not endpoint.isprintable():
        raise BadRequest("Subscription.channel.endpoint", "Une adresse est attendue.")
    return Channel(
        endpoint, tuple(map(_header, channel.get("header") or [])) if isinstance(channel.get("header"), list | None) else _bad_headers(),
        _number(channel, "backport-heartbeat-period", "valueUnsignedInt", 0, LONGEST_HEARTBEAT),
        _number(channel, "backport-timeout", "valueUnsignedInt", 0, 60), _number(channel, "backport-max-count", "valuePositiveInt", MOST_EVENTS, MOST_EVENTS),
    )  # fmt: skip


def _bad_headers() -> tuple[tuple[str, str], ...]:
    raise BadRequest("Subscription.channel.header", "Une liste d'en-têtes « Nom: valeur » est attendue.")


def _header(written: Any) -> tuple[str, str]:
    match = _HEADER.fullmatch(written) if isinstance(written, str) else None
    if match is None or match[1].lower() in _FORBIDDEN:
        raise BadRequest("Subscription.channel.header", "Un en-tête « Nom: valeur » est attendu, d'un nom permis.")
    return match[1], match[2]


def _extension(element: dict[str, Any], slug: str) -> dict[str, Any]:
    return next((mapping(one) for one in items(element.get("extension")) if mapping(one).get("url") == f"{GUIDE}/{slug}"), {})


def _number(channel: dict[str, Any], slug: str, key: str, usual: int, most: int) -> int:
    value = _extension(channel, slug).get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRequest("Subscription.channel.extension", f"{slug} : un nombre entier est attendu.")
    return min(value, most)


def _requesters(criteria: dict[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for one in items(criteria.get("extension")):
        if mapping(one).get("url") != f"{GUIDE}/backport-filter-criteria":
            continue
        match = _FILTER.fullmatch(text(mapping(one).get("valueString")))
        if match is None:
            raise BadRequest("Subscription.criteria.extension", "Seul le filtre « Task?requester=Practitioner/… » est servi.")
        found += match[1].split(",")
    return tuple(dict.fromkeys(found))


def _end(written: str) -> datetime | None:
    if not written:
        return None
    try:
        end = datetime.fromisoformat(written)
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise BadRequest("Subscription.end", "Un instant avec son fuseau est attendu.")
    return end


def subscription(one: Kept, publisher: Publisher) -> dict[str, Any]:
    """Return the resource of a subscription; its headers are not in it."""
    asked, channel = one.asked, one.asked.channel
    filters = (
        [{"url": f"{GUIDE}/backport-filter-criteria", "valueString": f"Task?requester={','.join(asked.requesters)}"}]
        if asked.requesters
        else []
    )
    durations = [("backport-heartbeat-period", channel.heartbeat), ("backport-timeout", channel.timeout)]
    extensions: list[dict[str, Any]] = [{"url": f"{GUIDE}/{slug}", "valueUnsignedInt": value} for slug, value in durations if value]
    extensions.append({"url": f"{GUIDE}/backport-max-count", "valuePositiveInt": channel.most})
    return kept({
        "resourceType": "Subscription", "id": one.id, "meta": {"profile": [f"{GUIDE}/backport-subscription"]}, "status": one.status,
        "end": instant(asked.end) if asked.end else "", "reason": asked.reason or "Être prévenu des réponses du radiologue", "criteria": topic(publisher),
        "_criteria": {"extension": filters} if filters else {}, "error": one.error,
        "channel": {
            "type": "rest-hook", "endpoint": channel.endpoint, "payload": FHIR_JSON,
            "_payload": {"extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": ID_ONLY}]}, "extension": extensions,
        },
    })  # fmt: skip


def notification(one: Kept, kind: str, events: Sequence[Told], at: datetime, publisher: Publisher, new_id: NewId) -> dict[str, Any]:
    """Return a notification: ``handshake``, ``heartbeat``, ``event-notification``, or the ``query-event`` that repeats events."""
    status = _status(one, kind, events, publisher, new_id())
    first = {
        "fullUrl": f"urn:uuid:{status['id']}", "resource": status,
        "request": {"method": "GET", "url": f"{_address(one, publisher)}/$status"}, "response": {"status": "200"},
    }  # fmt: skip
    about = dict.fromkeys(reference for event in events for reference in (event.focus, *event.beside))
    others = [
        {"fullUrl": publisher.page("fhir", name), "request": {"method": "PUT", "url": name}, "response": {"status": "200"}}
        for name in about
    ]
    profile = [f"{GUIDE}/backport-subscription-notification-r4"]
    return kept({
        "resourceType": "Bundle", "id": new_id(), "meta": {"profile": profile}, "type": "history", "timestamp": instant(at), "entry": [first, *others],
    })  # fmt: skip


def statuses(found: Iterable[Kept], at: datetime, publisher: Publisher, new_id: NewId) -> dict[str, Any]:
    """Return the answer to ``$status``."""
    entries = [
        {"fullUrl": f"urn:uuid:{status['id']}", "resource": status, "search": {"mode": "match"}}
        for status in (_status(one, "query-status", (), publisher, new_id()) for one in found)
    ]
    return kept({"resourceType": "Bundle", "type": "searchset", "timestamp": instant(at), "total": len(entries), "entry": entries})


def _address(one: Kept, publisher: Publisher) -> str:
    return publisher.page("fhir", "Subscription", one.id)


def _status(one: Kept, kind: str, events: Sequence[Told], publisher: Publisher, name: str) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": _address(one, publisher)}},
        {"name": "topic", "valueCanonical": topic(publisher)},
        {"name": "status", "valueCode": one.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(one.events)},
        *({"name": "notification-event", "part": _event(event, publisher)} for event in events),
    ]
    profile = [f"{GUIDE}/backport-subscription-status-r4"]
    return {"resourceType": "Parameters", "id": name, "meta": {"profile": profile}, "parameter": parameters}


def _event(event: Told, publisher: Publisher) -> list[dict[str, Any]]:
    beside = [{"name": "additional-context", "valueReference": {"reference": publisher.page("fhir", name)}} for name in event.beside]
    return [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant(event.at)},
        {"name": "focus", "valueReference": {"reference": publisher.page("fhir", event.focus)}},
        *beside,
    ]
