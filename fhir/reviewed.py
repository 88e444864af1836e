"""FHIR resources of a review: its Task as it stands, what a decision leaves behind, and what a client asks by writing a Task.

People are the register's pseudonyms (``Practitioner/<pseudonym>``): identity was never kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pertimage.fhir.corrections import exam_concept
from pertimage.fhir.publisher import ExamInfo, ExamOf, Publisher
from pertimage.fhir.resources import concept_of, instant, kept, reference_to, replacement_request
from pertimage.fhir.traces import Access, audit_event, provenance
from pertimage.fhir.values import BadRequest, items, mapping, text
from pertimage.fhir.vocabularies import DECISIONS, EXAM, REVIEWS

# State of a review → status of its Task. A request that nobody has opened is to be reviewed.
STATUSES: Mapping[str, str] = {
    "a-relire": "requested", "en-cours": "accepted", "question": "on-hold", "avis-demande": "on-hold", "reportee": "on-hold", "decidee": "completed",
    "retiree": "cancelled",
}  # fmt: skip
# What a request becomes for who carries it out, by the decision on it.
_ENDED = {"refuser": "revoked", "substituer": "revoked", "reporter": "on-hold", "demander-complement": "on-hold"}
REPLACEMENT = "-remplacement"
DECISION, EXAM_WANTED, REPLACED_BY = "décision", "examen", "demande de remplacement"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Where the review of a request stands: states and decisions are the register's words, people its pseudonyms."""

    request: str
    state: str
    at: datetime
    version: int = 0
    radiologist: str = ""
    decision: str = ""
    reason: str = ""
    exam: str = ""
    question: str = ""
    until: str = ""
    guidelines: str = ""
    subject: str = ""

    @property
    def owner(self) -> str:
        """Return the reference of the radiologist."""
        return f"Practitioner/{self.radiologist}" if self.radiologist else ""

    @property
    def replacement(self) -> str:
        """Return the id of the request that replaces this one; empty when none does."""
        return f"{self.request}{REPLACEMENT}" if self.decision == "substituer" and self.state == "decidee" else ""


def review_of(task: dict[str, Any], reviewed: Reviewed, publisher: Publisher, exam_of: ExamOf) -> dict[str, Any]:
    """Return the Task of a request as its review stands; its version is what ``If-Match`` is held against."""
    exam = exam_of(reviewed.exam) if reviewed.exam else None
    words = reviewed.question if reviewed.state == "question" else reviewed.reason
    changed = {
        "meta": {"versionId": str(reviewed.version), "lastUpdated": instant(reviewed.at)},
        "status": STATUSES[reviewed.state],
        "businessStatus": concept_of(REVIEWS.coding(reviewed.state, publisher)),
        "statusReason": {"text": words} if words else {},
        "lastModified": instant(reviewed.at),
        "owner": reference_to(reviewed.owner),
        "restriction": {"period": {"start": reviewed.until}} if reviewed.until and reviewed.state == "reportee" else {},
        "output": list(_outputs(reviewed, exam, publisher)),
    }
    return kept({**deepcopy(task), **changed})


def _outputs(reviewed: Reviewed, exam: ExamInfo | None, publisher: Publisher) -> Iterator[dict[str, Any]]:
    decision = "demander-complement" if reviewed.state == "question" else reviewed.decision
    if decision:
        yield {"type": {"text": DECISION}, "valueCodeableConcept": concept_of(DECISIONS.coding(decision, publisher))}
    if exam is not None:
        yield {"type": {"text": EXAM_WANTED}, "valueCodeableConcept": exam_concept(exam, publisher)}
    if reviewed.replacement:
        yield {"type": {"text": REPLACED_BY}, "valueReference": {"reference": f"ServiceRequest/{reviewed.replacement}"}}


def decided_request(order: dict[str, Any], reviewed: Reviewed) -> dict[str, Any]:
    """Return the ServiceRequest with the status that its review gives it: a request refused or replaced is revoked."""
    if reviewed.state == "retiree":
        return order | {"status": "revoked"}
    decision = (
        reviewed.decision if reviewed.state in ("decidee", "reportee") else "demander-complement" if reviewed.state == "question" else ""
    )
    return order | {"status": _ENDED[decision]} if decision in _ENDED else order


def replaced_by(order: dict[str, Any], reviewed: Reviewed, publisher: Publisher, exam_of: ExamOf) -> dict[str, Any] | None:
    """Return the request that a substitution makes, None when there is none."""
    exam = exam_of(reviewed.exam) if reviewed.replacement else None
    if exam is None:
        return None
    return replacement_request(order, exam, publisher, reviewed.replacement, at=reviewed.at, requester=reviewed.owner)


def traces_of(reviewed: Reviewed, publisher: Publisher) -> list[dict[str, Any]]:
    """Return who decided what, when and under which rules: Provenance of the request (and of its replacement), AuditEvent of the act."""
    if not reviewed.decision:
        return []
    policy = publisher.page("referentiel") + f"#{reviewed.guidelines}" if reviewed.guidelines else ""
    made = [provenance(f"ServiceRequest/{reviewed.request}", reviewed.at, publisher, author=reviewed.owner, policy=policy)]
    if reviewed.replacement:
        sources = [f"ServiceRequest/{reviewed.request}"]
        target = f"ServiceRequest/{reviewed.replacement}"
        made.append(provenance(target, reviewed.at, publisher, author=reviewed.owner, sources=sources, policy=policy, activity="CREATE"))
    access = Access(
        "U", "update", client="relecture", user=reviewed.owner, request=f"ServiceRequest/{reviewed.request}", subject=reviewed.subject,
        details=(("decision", reviewed.decision),),
    )  # fmt: skip
    audited = audit_event(access, reviewed.at, publisher)
    named = [(f"{reviewed.request}-{rank}", one) for rank, one in enumerate(made)]
    return [{**one, "id": name} for name, one in (*named, (f"{reviewed.request}-audit", audited))]


def mitigated(issue: dict[str, Any], reviewed: Reviewed, publisher: Publisher) -> dict[str, Any]:
    """Return the DetectedIssue with what the radiologist did about it."""
    if not reviewed.decision:
        return issue
    action = {"coding": [DECISIONS.coding(reviewed.decision, publisher)], "text": reviewed.reason} if reviewed.reason else None
    done = kept({
        "action": action or concept_of(DECISIONS.coding(reviewed.decision, publisher)), "date": instant(reviewed.at), "author": reference_to(reviewed.owner),
    })  # fmt: skip
    return {**issue, "status": "final", "mitigation": [done]}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks by writing a Task: ``claim``, ``release`` or ``decide`` with the decision's words."""

    act: str
    decision: str = ""
    reason: str = ""
    exam: str = ""
    until: date | None = None


def asked_by(task: Any, publisher: Publisher) -> Asked:
    """Return what a written Task asks; raises BadRequest with the place of what cannot be done by writing a Task."""
    body = mapping(task)
    if text(body.get("resourceType")) != "Task":
        raise BadRequest("resourceType", "Une ressource Task est attendue.")
    decision = _output(body, DECISION, publisher.system(DECISIONS.slug))
    status = text(body.get("status"))
    if decision:
        if decision not in DECISIONS.displays:
            raise BadRequest("Task.output", f"« {decision} » n'est pas une décision ({', '.join(DECISIONS.displays)}).")
        if status not in ("completed", "on-hold"):
            raise BadRequest(
                "Task.status", "Une décision s'écrit avec le statut « completed », ou « on-hold » pour une question ou un report."
            )
        reason = text(mapping(body.get("statusReason")).get("text"))
        return Asked("decide", decision, reason, _output(body, EXAM_WANTED, publisher.system(EXAM)), _until(body))
    if status in ("accepted", "in-progress"):
        return Asked("claim")
    if status == "requested":
        return Asked("release")
    raise BadRequest(
        "Task.status", "Statut possible : « accepted » (prendre), « requested » (rendre), « completed » avec une décision en output."
    )


def _output(task: dict[str, Any], kind: str, system: str) -> str:
    """Return the code of that system among the outputs of a kind."""
    for one in map(mapping, items(task.get("output"))):
        if text(mapping(one.get("type")).get("text")) == kind:
            for coding in map(mapping, items(mapping(one.get("valueCodeableConcept")).get("coding"))):
                if text(coding.get("system")) == system:
                    return text(coding.get("code"))
    return ""


def _until(task: dict[str, Any]) -> date | None:
    start = text(mapping(mapping(task.get("restriction")).get("period")).get("start"))[:10]
    if not start:
        return None
    try:
        return date.fromisoformat(start)
    except ValueError:
        raise BadRequest("Task.restriction.period.start", f"« {start} » n'est pas une date.") from None
