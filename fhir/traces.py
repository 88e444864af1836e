"""What was done, by whom, under which rules: Provenance of a version, AuditEvent of an access. No name, no NIR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pertimage.fhir.publisher import Publisher
from pertimage.fhir.resources import concept_of, instant, kept, reference_to

ACT_REASON_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def provenance(
    target: str, at: datetime, publisher: Publisher, *, author: str, sources: Sequence[str] = (), policy: str = "", activity: str = "UPDATE",
    role: str = "verifier",
) -> dict[str, Any]:  # fmt: skip
    """Return who made a version of a resource, as what (``role``), from what, under which version of the base (``policy``, a URI)."""
    participant = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    agents = [(role, author), ("assembler", publisher.device)]
    return kept({
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "occurredDateTime": instant(at),
        "recorded": instant(at),
        "policy": [policy] if policy else [],
        "reason": [concept_of({"system": ACT_REASON_SYSTEM, "code": "TREAT"})],
        "activity": concept_of({"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": activity}),
        "agent": [{"type": concept_of({"system": participant, "code": code}), "who": reference_to(who)} for code, who in agents],
        "entity": [{"role": "source", "what": {"reference": source}} for source in sources],
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """An access to trace: FHIR action (C R U D E), interaction, who (client identifier, user reference), on what.

    ``outcome`` is FHIR's: 0 success, 4 minor failure, 8 serious failure, 12 major failure. Never a name nor a NIR.
    """

    action: str
    interaction: str
    client: str
    user: str = ""
    request: str = ""
    subject: str = ""
    address: str = ""
    outcome: str = "0"
    details: tuple[tuple[str, str], ...] = ()


def audit_event(access: Access, at: datetime, publisher: Publisher) -> dict[str, Any]:
    """Return the AuditEvent of an access, after the IHE BALP pattern."""
    client = {"who": {"identifier": {"system": publisher.page("clients"), "value": access.client}}, "requestor": not access.user}
    network = {"network": {"address": access.address, "type": "2"}} if access.address else {}
    source_role = {"type": concept_of({"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110153"})}
    details = [{"type": kind, "valueString": value} for kind, value in access.details]
    entities = [_entity(access.request, "2", "4", details), _entity(access.subject, "1", "1", [])]
    return kept({
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": access.interaction}],
        "action": access.action,
        "recorded": instant(at),
        "outcome": access.outcome,
        "purposeOfEvent": [concept_of({"system": ACT_REASON_SYSTEM, "code": "TREAT"})],
        "agent": [{**source_role, **client, **network}] + ([{"who": reference_to(access.user), "requestor": True}] if access.user else []),
        "source": {
            "observer": reference_to(publisher.device),
            "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"}],
        },
        "entity": [entity for entity in entities if entity],
    })  # fmt: skip


def _entity(reference: str, kind: str, role: str, details: list[dict[str, str]]) -> dict[str, Any]:
    if not reference:
        return {}
    return kept({
        "what": {"reference": reference},
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": kind},
        "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": role},
        "detail": details,
    })  # fmt: skip
