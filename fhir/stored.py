"""FHIR resources of what the register holds: the request, its judgement, its review. Identity was never kept, so none is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pertimage.cds.model import Assessment
from pertimage.fhir.publisher import ExamOf, NewId, Publisher
from pertimage.fhir.resources import Evaluation, detected_issues, guidance_response, kept, review_task
from pertimage.fhir.systems import SNOMED

PATIENT = {"display": "Patient de la demande (identité non conservée)"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A request of the register: its id, the JSON of the request, when it came."""

    id: str
    request: Mapping[str, Any]
    at: datetime
    signed: bool
    exam: str | None = None
    subject: str = ""


def service_request(stored: Kept, publisher: Publisher, exam_of: ExamOf) -> dict[str, Any]:
    """Return the ServiceRequest as the register knows it."""
    from pertimage.fhir.corrections import exam_concept

    exam = exam_of(stored.exam) if stored.exam else None
    said = str(stored.request.get("exam_text") or "")
    notes = [{"text": part["text"]} for part in stored.request.get("texts", ()) if str(part.get("text") or "").strip()]
    priority = stored.request.get("priority")
    return kept({
        "resourceType": "ServiceRequest",
        "id": stored.id,
        "status": "active" if stored.signed else "draft",
        "intent": "order",
        "priority": priority if priority in ("routine", "urgent", "asap", "stat") else "routine",
        "category": [{"coding": [{"system": SNOMED, "code": "363679005", "display": "Imaging"}]}],
        "code": exam_concept(exam, publisher) if exam else ({"text": said} if said else {}),
        "subject": {"reference": stored.subject} if stored.subject else dict(PATIENT),
        "authoredOn": stored.at.isoformat(timespec="seconds"),
        "note": notes,
    })  # fmt: skip


def judgement(stored: Kept, assessments: Sequence[Assessment], publisher: Publisher, new_id: NewId) -> list[dict[str, Any]]:
    """Return the GuidanceResponse, DetectedIssues and, for what is flagged, the review Task of each assessment."""
    found: list[dict[str, Any]] = []
    for rank, assessment in enumerate(assessments):
        evaluation = Evaluation(assessment, stored.at, stored.id, stored.subject, priority=str(stored.request.get("priority") or "routine"))
        guidance = guidance_response(evaluation, publisher, f"{stored.id}-{rank}")
        issues = detected_issues(evaluation, publisher, new_id, f"GuidanceResponse/{guidance['id']}")
        found.extend((guidance, *issues))
        if assessment.flagged:
            names = [f"DetectedIssue/{issue['id']}" for issue in issues]
            found.append(
                review_task(
                    evaluation,
                    publisher,
                    stored.id if rank == 0 else f"{stored.id}-{rank}",
                    issues=names,
                    guidance=f"GuidanceResponse/{guidance['id']}",
                )
            )
    return found
