"""FHIR R4 resources we emit about a judgement: strict, complete, as plain JSON objects.

Times and identifiers are arguments. Elements without a value are left out, never null nor empty. ``checks`` proves in the tests
that everything written here is valid R4; nothing is validated at run time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pertimage.cds.model import Alert, AlertKind, Alternative, Assessment, Missing, Outcome, Severity
from pertimage.fhir.context import PREGNANCY
from pertimage.fhir.corrections import exam_concept, with_exam
from pertimage.fhir.publisher import ExamInfo, ExamOf, NewId, Publisher
from pertimage.fhir.systems import LOINC, SNOMED, URI
from pertimage.fhir.values import BadRequest, items, mapping, text
from pertimage.fhir.vocabularies import ISSUES, OUTCOMES, REVIEWS

TASK_CODE_SYSTEM = "http://hl7.org/fhir/CodeSystem/task-code"
ACT_CODE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
EVALUATION_RESULT_SYSTEM = "http://hl7.org/fhir/evaluation-result-code"
RADIOLOGIST = {"coding": [{"system": SNOMED, "code": "66862007", "display": "Radiologist"}]}
_GAO = {
    Outcome.APPROPRIATE: "within",
    Outcome.ALTERNATIVE: "outside",
    Outcome.NOT_INDICATED: "outside",
    Outcome.INCOMPLETE: "incomplete",
    Outcome.NO_GUIDANCE: "noguidelines",
}
_SEVERITIES = {Severity.CRITICAL: "high", Severity.WARNING: "moderate", Severity.INFO: "low"}
_REQUIRED_DATA: dict[str, dict[str, Any]] = {
    "grossesse": {"type": "Observation", "codeFilter": [{"path": "code", "code": [{"system": LOINC, "code": PREGNANCY}]}]},
    "dfg": {"type": "Observation", "codeFilter": [{"path": "code", "code": [{"system": LOINC, "code": "62238-1"}]}]},
    "examens-anterieurs": {"type": "ImagingStudy"},
    "antecedents": {"type": "Condition"},
    "allergie-contraste": {"type": "AllergyIntolerance"},
    "dispositif-implante": {"type": "Device"},
    "lateralite": {"type": "ServiceRequest", "mustSupport": ["bodySite"]},
    "region": {"type": "ServiceRequest", "mustSupport": ["code"]},
}
_REASON_WANTED = {"type": "ServiceRequest", "mustSupport": ["reasonCode", "note"]}
_PRIORITIES = ("routine", "urgent", "asap", "stat")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An assessment with what its resources need: when, the consultation's uuid, and whom it is about (references)."""

    assessment: Assessment
    at: datetime
    consult_id: str
    subject: str = ""
    encounter: str = ""
    priority: str = "routine"

    @property
    def urgent(self) -> str:
        """Return the priority of what follows: an emergency passes before all."""
        return "stat" if self.assessment.pathway == "emergency" else self.priority if self.priority in _PRIORITIES else "routine"


def guidance_response(evaluation: Evaluation, publisher: Publisher, name: str, result: str = "") -> dict[str, Any]:
    """Return the GuidanceResponse of an assessment, the contract's JSON among its output parameters.

    ``data-required`` when the verdict hinges on something missing, ``success`` otherwise; what is missing is listed either way.
    R4 gives a GuidanceResponse no reference to an order: it is the output parameter ``request``.
    """
    assessment = evaluation.assessment
    return kept({
        "resourceType": "GuidanceResponse",
        "id": name,
        "contained": [_outputs(assessment, publisher)],
        "requestIdentifier": _uuid(evaluation.consult_id),
        "identifier": [_uuid(name)],
        "moduleUri": publisher.sheet_page(assessment.rule.split("/")[0] if assessment.rule else ""),
        "status": "data-required" if assessment.outcome is Outcome.INCOMPLETE else "success",
        "subject": reference_to(evaluation.subject),
        "encounter": reference_to(evaluation.encounter),
        "occurrenceDateTime": instant(evaluation.at),
        "performer": reference_to(publisher.device),
        "note": [{"text": assessment.reason}] if assessment.reason else [],
        "outputParameters": {"reference": "#out"},
        "result": reference_to(result),
        "dataRequirement": data_requirements(assessment.missing),
    })  # fmt: skip


def _outputs(assessment: Assessment, publisher: Publisher) -> dict[str, Any]:
    rating = [OUTCOMES.coding(str(assessment.outcome), publisher), {"system": EVALUATION_RESULT_SYSTEM, "code": _GAO[assessment.outcome]}]
    parameters: list[dict[str, Any]] = [
        {"name": "request", "valueReference": {"reference": assessment.request}},
        {"name": "rating", "valueCodeableConcept": {"coding": rating, "text": assessment.outcome.french}},
    ]
    if assessment.rule:
        parameters.append({"name": "rule", "valueString": assessment.rule})
    parameters.append({"name": "rulebase-version", "valueString": assessment.guidelines})
    parameters += [{"name": "question", "valueString": item.question} for item in assessment.missing if item.question]
    parameters.append({"name": "assessment", "valueString": contract(assessment)})
    return {"resourceType": "Parameters", "id": "out", "parameter": parameters}


def contract(assessment: Assessment) -> str:
    """Return the contract's JSON of an assessment as one compact string."""
    return json.dumps(assessment.to_json(), ensure_ascii=False, separators=(",", ":"))


def data_requirements(missing: Iterable[Missing]) -> list[dict[str, Any]]:
    """Return the data that would complete a request, each kind once."""
    found = [_REQUIRED_DATA.get(item.item, _REASON_WANTED) for item in missing]
    return [deepcopy(item) for rank, item in enumerate(found) if item not in found[:rank]]


def detected_issues(evaluation: Evaluation, publisher: Publisher, new_id: NewId, guidance: str = "") -> list[dict[str, Any]]:
    """Return one DetectedIssue for an unfavourable outcome and one for each alert; none for a request that raises nothing."""
    assessment = evaluation.assessment
    found = []
    if str(assessment.outcome) in ISSUES.displays:
        severity = "high" if assessment.pathway == "emergency" else "low" if assessment.outcome is Outcome.INCOMPLETE else "moderate"
        found.append(_issue(evaluation, publisher, new_id(), str(assessment.outcome), severity, assessment.reason, guidance))
    for alert in assessment.alerts:
        issue = _issue(evaluation, publisher, new_id(), str(alert.kind), _SEVERITIES[alert.severity], alert.message, guidance)
        found.append(_with_alert(issue, alert))
    return found


def _issue(
    evaluation: Evaluation, publisher: Publisher, name: str, code: str, severity: str, said: str, guidance: str
) -> dict[str, Any]:  # fmt: skip
    assessment = evaluation.assessment
    return kept({
        "resourceType": "DetectedIssue",
        "id": name,
        "identifier": [_uuid(name)],
        "status": "final",
        "code": {"coding": [ISSUES.coding(code, publisher)], "text": ISSUES.displays[code]},
        "severity": severity,
        "patient": reference_to(evaluation.subject),
        "identifiedDateTime": instant(evaluation.at),
        "author": reference_to(publisher.device),
        "implicated": [{"reference": assessment.request}],
        "evidence": [{"detail": [{"reference": guidance}]}] if guidance else [],
        "detail": said,
        "reference": publisher.sheet_page(assessment.rule.split("/")[0]) if assessment.rule else "",
    })  # fmt: skip


def _with_alert(issue: dict[str, Any], alert: Alert) -> dict[str, Any]:
    """Return the issue with what the alert points to; a redundancy also has its HL7 code."""
    if alert.kind is AlertKind.REDUNDANCY:
        issue["code"]["coding"].append({"system": ACT_CODE_SYSTEM, "code": "DUPTHPY"})
    if alert.refers_to:
        issue["implicated"].append({"reference": alert.refers_to})
    return issue


def review_task(
    evaluation: Evaluation, publisher: Publisher, name: str, *, issues: Sequence[str] = (), guidance: str = "", owner: str = "",
    due: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the radiologist's worklist item for a flagged request; the radiologist decides, nothing is cancelled."""
    assessment = evaluation.assessment
    inputs = [("évaluation", guidance), *(("anomalie", issue) for issue in issues)]
    return kept({
        "resourceType": "Task",
        "id": name,
        "identifier": [_uuid(name)],
        "basedOn": [{"reference": assessment.request}],
        "groupIdentifier": _uuid(evaluation.consult_id),
        "status": "requested",
        "businessStatus": concept_of(REVIEWS.coding("a-relire", publisher)),
        "intent": "order",
        "priority": evaluation.urgent,
        "code": {"coding": [{"system": TASK_CODE_SYSTEM, "code": "approve"}], "text": "Relecture de pertinence par le radiologue"},
        "description": f"{assessment.exam_label or 'Examen demandé'} : {assessment.outcome.french}",
        "focus": {"reference": assessment.request},
        "for": reference_to(evaluation.subject),
        "encounter": reference_to(evaluation.encounter),
        "authoredOn": instant(evaluation.at),
        "lastModified": instant(evaluation.at),
        "requester": reference_to(publisher.device),
        "performerType": [deepcopy(RADIOLOGIST)],
        "owner": reference_to(owner),
        "reasonReference": reference_to(issues[0]) if issues else {},
        "restriction": {"period": {"end": instant(due)}} if due else {},
        "input": [{"type": {"text": kind}, "valueReference": {"reference": reference}} for kind, reference in inputs if reference],
    })  # fmt: skip


def request_group(evaluation: Evaluation, publisher: Publisher, name: str, exam_of: ExamOf) -> dict[str, Any]:
    """Return the alternatives as a RequestGroup of proposals: at most one is to be chosen, keeping the request included."""
    assessment = evaluation.assessment
    contained = [_proposal(evaluation, publisher, offer, exam_of, f"alt-{rank}") for rank, offer in enumerate(assessment.alternatives, 1)]
    create = concept_of({"system": "http://terminology.hl7.org/CodeSystem/action-type", "code": "create"})
    actions: list[dict[str, Any]] = [
        kept({"title": offer.label, "description": offer.when, "type": create, "resource": {"reference": f"#{proposal['id']}"}})
        for offer, proposal in zip(assessment.alternatives, contained, strict=True)
    ]
    actions.append({"title": "Maintenir la demande initiale", "resource": {"reference": assessment.request}})
    return kept({
        "resourceType": "RequestGroup",
        "id": name,
        "contained": contained,
        "identifier": [_uuid(name)],
        "groupIdentifier": _uuid(evaluation.consult_id),
        "status": "draft",
        "intent": "proposal",
        "subject": reference_to(evaluation.subject),
        "encounter": reference_to(evaluation.encounter),
        "authoredOn": instant(evaluation.at),
        "author": reference_to(publisher.device),
        "action": [{"title": "À la place", "groupingBehavior": "visual-group", "selectionBehavior": "at-most-one", "action": actions}],
    })  # fmt: skip


def _proposal(evaluation: Evaluation, publisher: Publisher, offer: Alternative, exam_of: ExamOf, name: str) -> dict[str, Any]:
    """Return an alternative as a proposed order: the exam, in words what is no exam, or not to do the one requested."""
    assessment = evaluation.assessment
    exam = exam_of(offer.exam) if offer.exam != "none" else None
    renounce = offer.exam == "none" and assessment.outcome is Outcome.NOT_INDICATED
    words = assessment.exam_label or "Examen demandé" if renounce else offer.label
    return kept(
        {
            "resourceType": "ServiceRequest",
            "id": name,
            "status": "draft",
            "intent": "proposal",
            "doNotPerform": True if renounce else None,
            "code": exam_concept(exam, publisher) if exam else {"text": words},
            "subject": reference_to(evaluation.subject) or {"display": "Patient de la demande initiale"},
        }
    )


def replacement_request(
    original: dict[str, Any], exam: ExamInfo, publisher: Publisher, name: str, *, at: datetime, requester: str, side: str = ""
) -> dict[str, Any]:
    """Return the new request by which a radiologist replaces another: same patient and reasons, its own identity.

    The original must have an id; its identifiers (placer, accession) stay with it.
    """
    dropped = ("id", "meta", "text", "identifier", "replaces", "status", "authoredOn", "requester", "_authoredOn", "_status")
    corrected = with_exam({key: value for key, value in original.items() if key not in dropped}, exam, publisher, side)
    return kept({
        "resourceType": "ServiceRequest",
        "id": name,
        **{key: value for key, value in corrected.items() if key != "resourceType"},
        "identifier": [_uuid(name)],
        "replaces": [{"reference": f"ServiceRequest/{text(original.get('id'))}"}],
        "status": "active",
        "authoredOn": instant(at),
        "requester": reference_to(requester),
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Issue:
    """One line of an OperationOutcome: severity and code as FHIR names them, words for the reader, where it is."""

    code: str
    words: str
    place: str = ""
    severity: str = "error"


def operation_outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """Return an OperationOutcome; one that has nothing to say says that all went well."""
    lines = issues or (Issue("informational", "Aucune erreur.", severity="information"),)
    found = [
        kept({
            "severity": issue.severity,
            "code": issue.code,
            "details": {"text": issue.words},
            "diagnostics": issue.place,
            "expression": [issue.place] if issue.place else [],
        })
        for issue in lines
    ]  # fmt: skip
    return {"resourceType": "OperationOutcome", "issue": found}


def refusal(error: BadRequest) -> dict[str, Any]:
    """Return the OperationOutcome of a body that could not be read."""
    return operation_outcome([Issue("structure", error.message_fr, error.place)])


def bundle(resources: Iterable[dict[str, Any]], at: datetime, publisher: Publisher) -> dict[str, Any]:
    """Return a collection of resources, each at its address under the FHIR base."""
    entries = [kept({"fullUrl": _full_url(resource, publisher), "resource": resource}) for resource in resources]
    return kept({"resourceType": "Bundle", "type": "collection", "timestamp": instant(at), "entry": entries})


def _full_url(resource: dict[str, Any], publisher: Publisher) -> str:
    name = text(resource.get("id"))
    return publisher.page("fhir", text(resource.get("resourceType")), name) if name else ""


def assess_output(evaluated: Iterable[tuple[Evaluation, dict[str, Any], Sequence[dict[str, Any]]]]) -> dict[str, Any]:
    """Return the output of ``$assess``: Parameters with one ``assessment`` per exam judged.

    Each has parts ``request`` (Reference), ``outcome`` (our code and GAO's), ``contract`` (the JSON contract, a string),
    ``guidance`` (the GuidanceResponse) and ``issue`` (one per DetectedIssue).
    """
    parameters = [{"name": "assessment", "part": _assessment_parts(*each)} for each in evaluated]
    return kept({"resourceType": "Parameters", "parameter": parameters})


def _assessment_parts(evaluation: Evaluation, guidance: dict[str, Any], issues: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rating = next(mapping(item) for item in items(mapping(guidance["contained"][0])["parameter"]) if item["name"] == "rating")
    return [
        {"name": "request", "valueReference": {"reference": evaluation.assessment.request}},
        {"name": "outcome", "valueCodeableConcept": deepcopy(rating["valueCodeableConcept"])},
        {"name": "contract", "valueString": contract(evaluation.assessment)},
        {"name": "guidance", "resource": guidance},
        *({"name": "issue", "resource": issue} for issue in issues),
    ]


def instant(at: datetime) -> str:
    """Return a time as FHIR writes it, zone included; ValueError for a time without zone."""
    if at.tzinfo is None:
        raise ValueError("a time without zone cannot be written in FHIR")
    return at.isoformat(timespec="seconds" if at.microsecond == 0 else "milliseconds")


def _uuid(value: str) -> dict[str, Any]:
    return {"system": URI, "value": value if value.startswith("urn:") else f"urn:uuid:{value}"}


def reference_to(reference: str) -> dict[str, Any]:
    """Return a Reference, nothing for an empty one."""
    return {"reference": reference} if reference else {}


def concept_of(coding: dict[str, Any]) -> dict[str, Any]:
    """Return a CodeableConcept of one coding."""
    return {"coding": [coding]}


def kept(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the object without its elements that have no value."""
    return {key: value for key, value in resource.items() if value not in ("", [], {}, None)}
