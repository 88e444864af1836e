"""Requests read from FHIR and CDS Hooks, as values of the core: tolerant, total, linear in what is sent.

A body is refused (``BadRequest``) only when it cannot be read at all: not a JSON object, no ServiceRequest, the wrong kind of
resource. All else is tolerated: what cannot be read is unknown, and ``ImagingRequest.unknown_context`` says so in French.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import orjson

from pertimage.cds.model import Code, ImagingRequest
from pertimage.fhir.context import Context, read_context
from pertimage.fhir.downconversion import as_r4
from pertimage.fhir.history import NATIONAL, FactsOf
from pertimage.fhir.imaging import is_imaging
from pertimage.fhir.motif import motif
from pertimage.fhir.record import Record, contained_in, entries, not_sent
from pertimage.fhir.systems import BILATERAL, CCAM, LEFT, LOINC, RIGHT, SIDES, codings, distinct, words
from pertimage.fhir.values import BadRequest, day, items, mapping, tail, text
from pertimage.guidelines.codes import coded_sides

HOOKS = ("order-select", "order-sign")
PRIORITIES = frozenset(("routine", "urgent", "asap", "stat"))
_PAIRED = (
    r"(genou|[ée]paule|hanche|cheville|poignet|main|pied|coude|sein|bras|jambe|cuisse|f[ée]mur|tibia|hum[ée]rus|rein|orteil|doigt|pouce)"
)
_SIDE_WORDS = {
    LEFT: re.compile(rf"\b(gauches?|gche|left)\b|\b{_PAIRED} (?-i:G)\b", re.IGNORECASE),
    RIGHT: re.compile(rf"\b(droite?s?|drt|right)\b|\b{_PAIRED} (?-i:D)\b", re.IGNORECASE),
    BILATERAL: re.compile(
        r"\b(bilat\w*|(les|des) deux (côtés|genoux|hanches|épaules|mains|pieds|seins|poignets|chevilles|coudes))\b", re.IGNORECASE
    ),
}
_SIDE_HINTS = ("gauche", "gche", "left", "droit", "drt", "right", "bilat", "deux")
_SHORT_DETAIL = 80


@dataclass(frozen=True, slots=True)
class Order:
    """A request read, and the ServiceRequest it came from, untouched. ``subject`` and ``encounter`` are references as written."""

    request: ImagingRequest
    resource: dict[str, Any] = field(repr=False)
    imaging: bool = True
    subject: str = ""
    encounter: str = ""


@dataclass(frozen=True, slots=True)
class HookCall:
    """A CDS Hooks call: the orders to judge, and the references of those that are not ours to judge."""

    hook: str
    hook_instance: str
    orders: tuple[Order, ...]
    ignored: tuple[str, ...] = ()
    patient: str = ""
    user: str = ""


def read(body: Any, today: date | None = None, facts_of: FactsOf = NATIONAL) -> tuple[Order, ...]:
    """Return the orders of a ServiceRequest, a Bundle or a CDS Hooks call, told apart by their shape.

    Non-imaging orders of a hook call are left out; those of a Bundle are kept, marked ``imaging=False``.
    """
    found = _object(body)
    if "hook" in found or "draftOrders" in mapping(found.get("context")):
        return read_hook(found, today, facts_of).orders
    if found.get("resourceType") == "Bundle" or ("entry" in found and "resourceType" not in found):
        return read_bundle(found, today, facts_of)
    return (read_service_request(found, today, facts_of),)


def read_service_request(body: Any, today: date | None = None, facts_of: FactsOf = NATIONAL) -> Order:
    """Return the order of one ServiceRequest, R4 or R5; ``today`` dates an order that is not dated."""
    found = _object(body)
    kind = found.get("resourceType")
    if kind != "ServiceRequest":
        raise BadRequest("resourceType", f"« {_shown(kind)} » reçu ; un ServiceRequest, un Bundle ou un appel CDS Hooks est attendu.")
    return _Reader(Record(), today, facts_of).order(found)


def read_bundle(body: Any, today: date | None = None, facts_of: FactsOf = NATIONAL) -> tuple[Order, ...]:
    """Return one order per ServiceRequest of a Bundle of any type; its other resources are the patient's context."""
    found = _object(body)
    if found.get("resourceType", "Bundle") != "Bundle":
        raise BadRequest("resourceType", f"« {_shown(found.get('resourceType'))} » reçu ; un Bundle est attendu.")
    record = Record()
    orders: list[tuple[str, dict[str, Any]]] = []
    for full_url, resource in entries(found):
        if resource.get("resourceType") == "ServiceRequest":
            orders.append((full_url, resource))
        elif resource.get("resourceType") in ("Bundle", "OperationOutcome"):
            record.add_all(resource, "Bundle")
        else:
            record.add(resource, full_url)
    if not orders:
        raise BadRequest("entry", "Aucun ServiceRequest dans ce Bundle : il n'y a rien à évaluer.")
    reader = _Reader(record, today, facts_of)
    return tuple(reader.order(resource, full_url, rank) for rank, (full_url, resource) in enumerate(orders, 1))


def read_hook(
    body: Any, today: date | None = None, facts_of: FactsOf = NATIONAL, readings: Callable[[_Sent], Readings] | None = None
) -> HookCall:
    """Return a CDS Hooks call: on order-select the selected imaging orders only, on order-sign all of them.

    A call without imaging order is legitimate: it has no orders. ``readings`` may be a ``Recent``, used with one ``facts_of`` only.
    """
    found = _object(body)
    hook, context = text(found.get("hook")), mapping(found.get("context"))
    if hook not in HOOKS:
        raise BadRequest("hook", f"« {_shown(found.get('hook'))} » reçu ; ce service répond à order-select et à order-sign.")
    if not isinstance(context.get("draftOrders"), dict | list):
        raise BadRequest("context.draftOrders", "Aucune prescription transmise : un Bundle de ServiceRequest est attendu.")
    patient, drafts = text(context.get("patientId")), _drafts(context["draftOrders"])
    sent = _Sent(drafts, mapping(found.get("prefetch")), tail(patient), today, facts_of)
    service_requests = [draft for draft in drafts if draft[1].get("resourceType") == "ServiceRequest"]
    orders = {
        id(resource): order
        for (_, resource), (request, imaging) in zip(service_requests, (readings or _read_drafts)(sent), strict=True)
        if (order := _order(request, resource, sent.patient, imaging)).imaging and not _withdrawn(resource)
    }
    chosen = _selected(service_requests, context.get("selections")) if hook == "order-select" else service_requests
    kept = {id(resource): orders[id(resource)] for _, resource in chosen if id(resource) in orders}
    ignored = tuple(_name(resource, full_url, rank) for rank, (full_url, resource) in enumerate(drafts, 1) if id(resource) not in kept)
    return HookCall(hook, text(found.get("hookInstance")), tuple(kept.values()), ignored, patient, text(context.get("userId")))


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a hook call sends that its requests are read from: drafts by fullUrl, prefetch, the id of the patient, the day."""

    drafts: list[tuple[str, dict[str, Any]]]
    prefetch: dict[str, Any]
    patient: str
    today: date | None
    facts_of: FactsOf


# The request of each draft order, in order, and whether it is an imaging order.
Readings = tuple[tuple[ImagingRequest, bool], ...]


def _read_drafts(sent: _Sent) -> Readings:
    record = Record()
    for label, value in sent.prefetch.items():
        record.add_all(value, str(label))
    for full_url, resource in sent.drafts:
        if resource.get("resourceType") != "ServiceRequest":
            record.add(resource, full_url)
    record.remarks += not_sent(sent.prefetch, record)
    written = frozenset(text(resource.get("id")) for _, resource in sent.drafts) - {""}
    reader = _Reader(record, sent.today, sent.facts_of, sent.patient, written)
    drafts = (draft for draft in sent.drafts if draft[1].get("resourceType") == "ServiceRequest")
    return tuple(reader.request(resource, full_url, rank) for rank, (full_url, resource) in enumerate(drafts, 1))


class Recent:
    """Reads the requests of hook calls, and remembers the last ones: a call comes at each change, then once more to be signed.

    What was sent is kept as a digest only; what is remembered is the requests, which name nobody.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[bytes, Readings] = {}

    def __call__(self, sent: _Sent) -> Readings:
        """Return the request of each draft order."""
        key = sha256(orjson.dumps((sent.drafts, sent.prefetch, sent.patient, sent.today))).digest()
        known = self._known.pop(key, None)
        self._known[key] = readings = _read_drafts(sent) if known is None else known
        if len(self._known) > self._size:
            self._known.pop(next(iter(self._known)), None)
        return readings


class _Reader:
    """Reads orders against one record; the context of a patient on a day is read once."""

    def __init__(
        self, record: Record, today: date | None, facts_of: FactsOf, patient: str = "", drafts: frozenset[str] = frozenset()
    ) -> None:
        self.record, self.today, self.facts_of, self.patient, self.drafts = record, today, facts_of, patient, drafts
        self._contexts: dict[tuple[str, date | None], Context] = {}

    def order(self, resource: dict[str, Any], full_url: str = "", rank: int = 1) -> Order:
        """Return the order that a ServiceRequest makes."""
        request, imaging = self.request(resource, full_url, rank)
        return _order(request, resource, self.patient, imaging)

    def request(self, resource: dict[str, Any], full_url: str = "", rank: int = 1) -> tuple[ImagingRequest, bool]:
        """Return the request that a ServiceRequest makes, and whether it is an imaging order."""
        order = as_r4(resource)
        contained = contained_in(order)
        authored, unknown = self._authored(order)
        texts, reason_codes = motif(order, lambda reference: self.record.resolve(reference, contained))
        context = self._context(order, contained, authored)
        sites = items(order.get("bodySite"))
        exam_text, exam_codes = _exam_text(order), tuple(codings(order.get("code")))
        site_words = [word for site in sites for word in words(site)]
        request = ImagingRequest(
            id=_name(resource, full_url, rank),
            exam_text=exam_text,
            exam_codes=exam_codes,
            texts=texts,
            reason_codes=reason_codes,
            body_sites=tuple(code for site in sites for code in codings(site) if code.code not in SIDES),
            laterality=laterality([code for site in sites for code in codings(site)], [*site_words, exam_text]) or coded_side(exam_codes),
            age=context.age,
            sex=context.sex,
            authored=authored,
            priority=priority if (priority := text(order.get("priority"))) in PRIORITIES else "routine",
            known=context.known,
            prior_exams=context.prior_exams,
            unknown_context=tuple(dict.fromkeys((*unknown, *context.unknown, *self.record.remarks))),
        )  # fmt: skip
        return request, is_imaging(order)

    def _authored(self, order: dict[str, Any]) -> tuple[date | None, tuple[str, ...]]:
        """Return the day of the request: as written, unless it is unreadable or later than tomorrow; else today."""
        written = day(order.get("authoredOn"))
        if written and not (self.today and written > self.today + timedelta(days=1)):
            return written, ()
        unreadable = text(order.get("authoredOn")) or not self.today
        return self.today, ("date de la demande",) if unreadable else ()

    def _context(self, order: dict[str, Any], contained: dict[str, dict[str, Any]], authored: date | None) -> Context:
        """Return the patient's context, without the entries that the order gives as its reason."""
        subject = tail(mapping(order.get("subject")).get("reference")) or self.patient
        reasons = [self.record.resolve(mapping(item).get("reference"), contained) for item in items(order.get("reasonReference"))]
        if not contained and not any(reasons):
            key = (subject, authored)
            if key not in self._contexts:
                self._contexts[key] = self._read(subject, self.record.patient(subject), self.record.about(subject), authored)
            return self._contexts[key]
        patient = contained.get(subject, {}) or self.record.patient(subject)
        excluded = {id(resource) for resource in reasons}
        resources = (item for item in (*self.record.about(subject), *contained.values()) if id(item) not in excluded)
        return self._read(subject, patient if patient.get("resourceType") == "Patient" else {}, resources, authored)

    def _read(self, subject: str, patient: dict[str, Any], resources: Iterable[dict[str, Any]], authored: date | None) -> Context:
        context = read_context(patient, resources, authored, self.facts_of, self.record.resolve, self.drafts)
        if not self.record.speaks_of_others(subject):
            return context
        unknown = (*context.unknown, "données d'un autre patient ignorées")
        return Context(context.age, context.sex, context.known, context.prior_exams, unknown)


def _order(request: ImagingRequest, resource: dict[str, Any], patient: str, imaging: bool) -> Order:
    subject = text(mapping(resource.get("subject")).get("reference")) or (f"Patient/{patient}" if patient else "")
    return Order(request, resource, imaging, subject, text(mapping(resource.get("encounter")).get("reference")))


def laterality(codes: list[Code], said: list[str]) -> str:
    """Return ``left``, ``right``, ``bilateral`` or nothing, from SNOMED qualifiers first, then from the words."""
    sides = {SIDES[code.code] for code in codes if code.code in SIDES}
    if not sides:
        hinted = [word for word in said if _hints_at_side(word)]
        sides = {side for side, pattern in _SIDE_WORDS.items() if any(pattern.search(word) for word in hinted)}
    if BILATERAL in sides or len(sides) == 2:
        return BILATERAL
    return next(iter(sides), "")


def coded_side(codes: Iterable[Code]) -> str:
    """Return the side that the codes of the exam say (« RM genou - gauche »), nothing when they say none or contradict one another."""
    sides = {side for code in codes if code.system in (CCAM, LOINC) and (side := coded_sides().get(code.code))}
    return next(iter(sides)) if len(sides) == 1 else ""


def _hints_at_side(word: str) -> bool:
    """Say whether one of the patterns could match: looking for pieces of words is much faster, and few exams have a side."""
    folded = word.casefold()
    return any(hint in folded for hint in _SIDE_HINTS) or " G" in word or " D" in word


def _exam_text(order: dict[str, Any]) -> str:
    """Return the exam in words: its text (or its first display), then short details such as « sans injection »."""
    said = words(order.get("code"))[:1]
    details = [word for detail in items(order.get("orderDetail")) for word in words(detail)[:1] if len(word) <= _SHORT_DETAIL]
    return ", ".join(distinct(said + details))


def _drafts(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return (fullUrl, resource) of the draft orders: a Bundle, with or without type, or a bare list of resources."""
    return list(entries({"entry": value} if isinstance(value, list) else value))


def _selected(orders: list[tuple[str, dict[str, Any]]], selections: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the orders that are selected; all of them when the client sent no selection at all."""
    if not isinstance(selections, list):
        return orders
    wanted = {tail(selection) for selection in selections} - {""}
    chosen = [order for order in orders if {text(order[1].get("id")), tail(order[0])} & wanted]
    alone = len(orders) == 1 and not text(orders[0][1].get("id")) and any(text(item).startswith("ServiceRequest/") for item in selections)
    return orders if alone else chosen


def _withdrawn(resource: dict[str, Any]) -> bool:
    """Say whether an order asks for nothing: withdrawn, entered in error, or an instruction not to do."""
    return resource.get("status") in ("revoked", "entered-in-error") or resource.get("doNotPerform") is True


def _name(resource: dict[str, Any], full_url: str, rank: int) -> str:
    """Return the reference of an order: its id, else its fullUrl, else its rank in the body."""
    name = text(resource.get("id"))
    return f"{text(resource.get('resourceType'))}/{name}" if name else full_url or f"{text(resource.get('resourceType'))}/sans-id-{rank}"


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("", "Le corps de la requête n'est pas un objet JSON.")
    return body


def _shown(value: Any) -> str:
    """Return a foreign value fit to be quoted in a message."""
    return value[:40] if isinstance(value, str) and value.isprintable() else "valeur absente ou illisible"
