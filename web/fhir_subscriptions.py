"""Subscriptions by the FHIR API: a prescription program asks to be told of radiologists' answers, and sees its own subscriptions only."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response

from pertimage.audit.review import Refused
from pertimage.audit.subscriptions import Status, Subscription, Subscriptions
from pertimage.fhir.resources import bundle
from pertimage.fhir.subscriptions import MOST_EVENTS, Asked, notification, read_subscription, statuses, subscription
from pertimage.fhir.values import BadRequest
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, fhir, object_of, refused
from pertimage.web.service import Service
from pertimage.web.subscriptions import document_of, kept_of, may_go_to, told_of

router = APIRouter(prefix="/fhir/Subscription", tags=["FHIR R4"], responses=ERRORS)

_UNKNOWN = "Abonnement inconnu."


@router.post("", status_code=201)
async def create(request: Request, user: User = Depends(api_user)) -> Response:
    """Subscribe to radiologists' answers; the handshake follows, and the status is then ``active``."""
    service: Service = request.app.state.service
    try:
        asked = _read(await request.body(), service)
    except BadRequest as error:
        return refused(422 if error.place.startswith("Subscription") else 400, "not-supported", error.message_fr, error.place)
    about = _about(asked, service, user)
    try:
        name = await asyncio.to_thread(_of(service).create, service.client(user.name), document_of(asked, service), **about)
    except Refused as refusal:
        return refused(409, "too-costly", str(refusal), "Subscription")
    made = await asyncio.to_thread(_mine, service, user, name)
    headers = {"Location": service.publisher.page("fhir", "Subscription", name)}
    return fhir(_shown(made, service) if made else {}, 201, headers)


@router.get("")
def search(request: Request, user: User = Depends(api_user)) -> Response:
    """List the client's subscriptions that are not off."""
    service: Service = request.app.state.service
    found = [_shown(one, service) for one in _of(service).of_client(service.client(user.name))]
    return fhir(bundle(found, service.now(), service.publisher) | {"type": "searchset", "total": len(found)})


@router.get("/$status")
def all_statuses(request: Request, user: User = Depends(api_user)) -> Response:
    """Say where each of the client's subscriptions stands."""
    service: Service = request.app.state.service
    found = [kept_of(one, service) for one in _of(service).of_client(service.client(user.name))]
    return fhir(statuses(found, service.now(), service.publisher, _new_id))


@router.get("/{name}")
def read(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Return one of the client's subscriptions, without its headers."""
    service: Service = request.app.state.service
    found = _mine(service, user, name)
    return fhir(_shown(found, service)) if found else _missing(name)


@router.put("/{name}")
async def write(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Change a subscription, or stop it with the status ``off``."""
    service: Service = request.app.state.service
    try:
        asked = _read(await request.body(), service)
    except BadRequest as error:
        return refused(422 if error.place.startswith("Subscription") else 400, "not-supported", error.message_fr, error.place)
    if await asyncio.to_thread(_mine, service, user, name) is None:
        return _missing(name)
    await asyncio.to_thread(_write, service, user, name, asked)
    found = await asyncio.to_thread(_mine, service, user, name)
    return fhir(_shown(found, service)) if found else _missing(name)


@router.delete("/{name}", status_code=204)
def stop(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Stop a subscription for good; its secret is forgotten."""
    service: Service = request.app.state.service
    found = _mine(service, user, name)
    if found is None:
        return _missing(name)
    if found.status is not Status.OFF:
        _of(service).mark(name, Status.OFF, why="arrêté par le logiciel", at=service.now())
    return Response(status_code=204)


@router.get("/{name}/$status")
def status(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Say where a subscription stands, and how many events there were."""
    service: Service = request.app.state.service
    found = _mine(service, user, name)
    return fhir(statuses([kept_of(found, service)], service.now(), service.publisher, _new_id)) if found else _missing(name)


@router.get("/{name}/$events")
def events(name: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Tell again events that were told: ``eventsSinceNumber`` and ``eventsUntilNumber``, at most twenty at a time."""
    service: Service = request.app.state.service
    found = _mine(service, user, name)
    if found is None:
        return _missing(name)
    numbers = [request.query_params.get(key, "") for key in ("eventsSinceNumber", "eventsUntilNumber")]
    if not all(number == "" or (number.isdecimal() and len(number) < 10) for number in numbers):
        return refused(400, "value", "eventsSinceNumber et eventsUntilNumber sont des nombres entiers.")
    first = max(int(numbers[0] or 1), 1)
    last = min(int(numbers[1] or found.events), found.events, first + MOST_EVENTS - 1)
    told = [told_of(number, event, service) for number, event in _of(service).told(found, first, last)]
    return fhir(notification(kept_of(found, service), "query-event", told, service.now(), service.publisher, _new_id))


def _of(service: Service) -> Subscriptions:
    return Subscriptions(service.journal)


def _new_id() -> str:
    return str(uuid4())


def _missing(name: str) -> Response:
    return refused(404, "not-found", _UNKNOWN, f"Subscription/{name}"[:80])


def _mine(service: Service, user: User, name: str) -> Subscription | None:
    """Return a subscription of the client; nothing says that another's exists."""
    found = _of(service).one(name)
    return found if found is not None and found.client == service.client(user.name) else None


def _shown(one: Subscription, service: Service) -> dict[str, Any]:
    return subscription(kept_of(one, service, _of(service).channel(one.id).error), service.publisher)


def _read(body: bytes, service: Service) -> Asked:
    asked = read_subscription(object_of(body), service.publisher)
    if asked.status != "off" and not may_go_to(asked.channel.endpoint, service.settings.subscription_allowed):
        raise BadRequest("Subscription.channel.endpoint", "L'exploitant n'admet pas cette adresse (PERTIMAGE_SUBSCRIPTION_HOSTS).")
    if asked.status != "off" and asked.end is not None and asked.end <= service.now():
        raise BadRequest("Subscription.end", "Le terme est passé.")
    return asked


def _about(asked: Asked, service: Service, user: User) -> dict[str, Any]:
    requesters = [service.prescriber(user.name, reference) for reference in asked.requesters]
    return {"requesters": requesters, "headers": asked.channel.headers, "at": service.now()}


def _write(service: Service, user: User, name: str, asked: Asked) -> None:
    if asked.status == "off":
        found = _of(service).one(name)
        if found is not None and found.status is not Status.OFF:
            _of(service).mark(name, Status.OFF, why="arrêté par le logiciel", at=service.now())
        return
    _of(service).change(name, document_of(asked, service), **_about(asked, service, user))
