"""CDS Hooks: discovery, the judgement of orders, feedback. A judgement acknowledged on order-sign is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from os import urandom
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from pertimage.audit.programme import Mode
from pertimage.cds.model import Assessment
from pertimage.fhir.answer_cards import ANSWERS_ID, read_patient_view
from pertimage.fhir.cards import CardMaker, ToldOn, may_be_quieter, never
from pertimage.fhir.discovery import SERVICE_ID, services
from pertimage.fhir.feedback import FeedbackItem, read_feedback
from pertimage.fhir.requests import HookCall, Order
from pertimage.fhir.values import BadRequest
from pertimage.web.access import User, api_user
from pertimage.web.answers import ERRORS, json, object_of, refused
from pertimage.web.patient_view import cards_of_view
from pertimage.web.service import Service, advice_of

_UNKNOWN = f"Service inconnu ; ceux-ci s'appellent {SERVICE_ID} et {ANSWERS_ID}."
# What the calendar hushes: no card at all, which no client may read as an approval.
_NOTHING: dict[str, Any] = {"cards": []}
Judged = tuple[Order, tuple[Assessment, ...]]

router = APIRouter(prefix="/cds-services", tags=["CDS Hooks"], responses=ERRORS)


@router.get("")
def discovery(request: Request) -> Response:
    """List the CDS services."""
    service: Service = request.app.state.service
    return json(services(service.publisher, service.base.version))


@router.post("/{service_id}")
async def call(service_id: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Judge the imaging orders of an order-select or order-sign call, or tell on patient-view what radiologists answered, with cards."""
    if service_id == ANSWERS_ID:
        return await answers_for(request, user)
    if service_id != SERVICE_ID:
        return refused(404, "not-found", _UNKNOWN)
    return await cards_for(request, user)


async def cards_for(request: Request, user: User) -> Response:
    """Return the cards of a call; on order-sign, once what was signed is on disk."""
    service: Service = request.app.state.service
    began = service.now()
    try:
        body = await service.fetcher.completed(object_of(await request.body()))
        found = service.read_call(body)
    except BadRequest as error:
        return refused(422 if error.place == "hook" else 400, "structure", error.message_fr, error.place)
    prescriber = service.prescriber(user.name, found.user)
    mode = service.mode(user.name, prescriber)
    if not mode.judges:
        return json(_NOTHING)
    judged = [(order, service.judge(order.request)) for order in found.orders]
    if found.hook == "order-sign" and judged:
        about: dict[str, Any] = {
            "prescriber": prescriber,
            "client": service.client(user.name),
            "site": service.settings.site_of(user.name),
            "mode": mode,
        }
        records = [service.record(order.request, assessments, **about, **_about(found, order)) for order, assessments in judged]
        await (asyncio.gather(*records) if len(records) > 1 else records[0])
    if mode is Mode.SILENT:
        return json(_NOTHING)
    if not _may_repeat(service, found, judged):
        return json(cards_of(service, found.hook, judged))
    told_on = partial(_told_on, service, found, prescriber, began)
    return json(await asyncio.to_thread(cards_of, service, found.hook, judged, told_on))


async def answers_for(request: Request, user: User) -> Response:
    """Return the cards of a patient-view call."""
    service: Service = request.app.state.service
    try:
        view = read_patient_view(object_of(await request.body()))
    except BadRequest as error:
        return refused(422 if error.place == "hook" else 400, "structure", error.message_fr, error.place)
    return json(await asyncio.to_thread(cards_of_view, service, view, user.name))


def cards_of(service: Service, hook: str, judged: list[Judged], told_on: ToldOn = never) -> dict[str, Any]:
    """Return the cards of a call, with the alerts that the policy tells prescribers at that hook."""
    told = [(order, service.told(assessments, hook)) for order, assessments in judged]
    return card_maker(service, hook).response(told, told_on)


def _may_repeat(service: Service, found: HookCall, judged: list[Judged]) -> bool:
    """Say whether the register must be asked if the prescriber has read an advice before."""
    return service.policy.quiet_days > 0 and any(may_be_quieter(one, found.hook) for _, assessments in judged for one in assessments)


def _told_on(service: Service, found: HookCall, prescriber: str, before: datetime, order: Order, assessment: Assessment) -> date | None:
    return service.told_before(prescriber, order, order.subject or found.patient, [assessment], before).get(advice_of(assessment))


def card_maker(service: Service, hook: str) -> CardMaker:
    """Return what makes the cards of a hook."""
    return CardMaker(
        service.publisher, hook, service.exam, service.label, service.reads_as, _new_id, service.words_of, service.base.tables.completeness
    )


def _about(found: HookCall, order: Order) -> dict[str, Any]:
    return {
        "hook": found.hook,
        "patient": order.subject or found.patient,
        "signed": True,
        "external": order.subject,
    }


def _new_id() -> str:
    """Return a random UUID (version 4); a card has several, and ``uuid.uuid4`` takes three times as long."""
    drawn = urandom(16).hex()
    return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{'89ab'[int(drawn[16], 16) & 3]}{drawn[17:20]}-{drawn[20:]}"


@router.post("/{service_id}/feedback")
async def feedback(service_id: str, request: Request, user: User = Depends(api_user)) -> Response:
    """Record what prescribers did with cards; every line is on disk when this answers."""
    service: Service = request.app.state.service
    if service_id not in (SERVICE_ID, ANSWERS_ID):
        return refused(404, "not-found", _UNKNOWN)
    try:
        items = read_feedback(object_of(await request.body()))
    except BadRequest as error:
        return refused(400, "structure", error.message_fr, error.place)
    await asyncio.to_thread(_keep, service, items)
    return Response(status_code=200)


def _keep(service: Service, items: Iterable[FeedbackItem]) -> None:
    for item in items:
        detail = {
            "at": item.at.isoformat(),
            "suggestions": list(item.suggestions),
            "comment": item.comment,
            "standard": item.standard_reason.code if item.standard_reason else None,
        }
        reason = item.reason.code if item.reason else ""
        service.register.feedback(item.card, str(item.outcome), at=service.now(), reason=reason, detail=detail)
