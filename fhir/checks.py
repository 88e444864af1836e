"""Proof that what we write is valid: FHIR R4 resources by their models and required codes, CDS Hooks bodies by their invariants.

Used by the tests of every writer and by the commands that export resources; never on the way of a request. ``fhir.resources``
checks structure but not required codes, empty arrays nor nulls: those are checked here. The R4B models have the same structure
as R4 for all the resources named below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

_REQUEST_STATUS = "draft active on-hold revoked completed entered-in-error unknown"
_REQUEST_INTENT = "proposal plan directive order original-order reflex-order filler-order instance-order option"
_PRIORITY = "routine urgent asap stat"
_PUBLICATION = "draft active retired unknown"
_GROUPING = "visual-group logical-group sentence-group"
_SELECTION = "any all all-or-none exactly-one at-most-one one-or-more"
_ARTIFACT = "documentation justification citation predecessor successor derived-from depends-on composed-of"
_TASK_STATUS = "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed entered-in-error"
# Required bindings of R4 (4.0.1) for the elements of the resources that we emit, by path without indices.
REQUIRED_CODES: dict[str, frozenset[str]] = {
    path: frozenset(codes.split())
    for path, codes in {
        "AuditEvent.action": "C R U D E",
        "AuditEvent.outcome": "0 4 8 12",
        "AuditEvent.agent.network.type": "1 2 3 4 5",
        "Bundle.type": "document message transaction transaction-response batch batch-response history searchset collection",
        "CodeSystem.status": _PUBLICATION,
        "CodeSystem.content": "not-present example fragment complete supplement",
        "CodeSystem.hierarchyMeaning": "grouped-by is-a part-of classified-with",
        "Communication.status": "preparation in-progress not-done on-hold stopped completed entered-in-error unknown",
        "Composition.status": "preliminary final amended entered-in-error",
        "Composition.section.text.status": "generated extensions additional empty",
        "DetectedIssue.status": "preliminary final entered-in-error mitigated",
        "DetectedIssue.severity": "high moderate low",
        "Device.deviceName.type": "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name other",
        "DiagnosticReport.status": "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
        "DocumentReference.status": "current superseded entered-in-error",
        "GuidanceResponse.status": "success data-requested data-required in-progress failure entered-in-error",
        "GuidanceResponse.dataRequirement.type": "Observation ImagingStudy Condition AllergyIntolerance Device ServiceRequest",
        "Measure.status": _PUBLICATION,
        "MeasureReport.status": "complete pending error",
        "MeasureReport.type": "individual subject-list summary data-collection",
        "OperationOutcome.issue.severity": "fatal error warning information",
        "OperationOutcome.issue.code": (
            "invalid structure required value invariant security login unknown expired forbidden suppressed processing not-supported "
            "duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule conflict transient "
            "lock-error no-store exception timeout incomplete throttled informational"
        ),
        "Patient.gender": "male female other unknown",
        "PlanDefinition.status": _PUBLICATION,
        "PlanDefinition.relatedArtifact.type": _ARTIFACT,
        "PlanDefinition.action.documentation.type": _ARTIFACT,
        "PlanDefinition.action.priority": _PRIORITY,
        "PlanDefinition.action.condition.kind": "applicability start stop",
        "PlanDefinition.action.trigger.type": (
            "named-event periodic data-changed data-added data-modified data-removed data-accessed data-access-ended"
        ),
        "PlanDefinition.action.groupingBehavior": _GROUPING,
        "PlanDefinition.action.selectionBehavior": _SELECTION,
        "Provenance.entity.role": "derivation revision quotation source removal",
        "RequestGroup.status": _REQUEST_STATUS,
        "RequestGroup.intent": _REQUEST_INTENT,
        "RequestGroup.priority": _PRIORITY,
        "RequestGroup.action.priority": _PRIORITY,
        "RequestGroup.action.groupingBehavior": _GROUPING,
        "RequestGroup.action.selectionBehavior": _SELECTION,
        "RequestGroup.action.requiredBehavior": "must could must-unless-documented",
        "ServiceRequest.status": _REQUEST_STATUS,
        "ServiceRequest.intent": _REQUEST_INTENT,
        "ServiceRequest.priority": _PRIORITY,
        "Task.status": _TASK_STATUS,
        "Task.intent": "unknown proposal plan order original-order reflex-order filler-order instance-order option",
        "Task.priority": _PRIORITY,
    }.items()
}
# Codes that R4 requires to be present (1..1) among those above; a missing one must not pass.
MANDATORY = (
    "Bundle.type", "CodeSystem.status", "CodeSystem.content", "Communication.status", "Composition.status", "DetectedIssue.status", "DiagnosticReport.status",
    "DocumentReference.status",
    "GuidanceResponse.status", "PlanDefinition.status",
    "RequestGroup.status", "RequestGroup.intent", "ServiceRequest.status", "ServiceRequest.intent", "Task.status", "Task.intent",
)  # fmt: skip
_USES = {"use": frozenset("usual official temp secondary old".split())}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_INDEX = re.compile(r"\[\d+\]")
_INDICATORS, _ACTIONS, _BEHAVIOURS = ("info", "warning", "critical"), ("create", "update", "delete"), ("at-most-one", "any")


def problems(resource: dict[str, Any]) -> list[str]:
    """Return what makes a resource invalid R4, each with its path; empty when it is valid."""
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        return ["resourceType: absent"]
    try:
        model = get_fhir_model_class(kind)
    except ValueError:
        return [f"{kind}: unknown resource"]
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return [f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    return [*_values(resource, kind, kind), *_mandatory(resource)]


def document_problems(body: dict[str, Any]) -> list[str]:
    """Return what breaks the rules of a Bundle of type ``document`` (bdl-9 to 11, one entry an address), and each reference that leads out of it."""
    entries = body.get("entry", [])
    found = problems(body)
    found += [f"Bundle.{key}: absent" for key in ("identifier", "timestamp") if key not in body]
    if body.get("type") != "document" or not entries or entries[0]["resource"]["resourceType"] != "Composition":
        found.append("Bundle: a document starts with its Composition")
    addresses = [entry["fullUrl"] for entry in entries]
    found += [f"{address}: twice" for address in set(addresses) if addresses.count(address) > 1]
    names = {"/".join(address.split("/")[-2:]) for address in addresses}
    return found + [f"{named}: not in the document" for named in _named(entries) if named not in names and not named.startswith("#")]


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(named := value.get("reference"), str) and "resourceType" not in value:
            yield named
        for item in value.values():
            yield from _named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)


def _mandatory(resource: dict[str, Any]) -> Iterator[str]:
    for path in MANDATORY:
        kind, _, element = path.partition(".")
        if resource["resourceType"] == kind and element not in resource:
            yield f"{path}: absent"


def _values(value: Any, path: str, root: str) -> Iterator[str]:
    """Yield the faults that the models let pass: null, emptiness, ids, required codes."""
    if value is None or value in ("", [], {}):
        yield f"{path}: empty"
    elif isinstance(value, dict):
        inner = value.get("resourceType")
        if isinstance(inner, str) and path != root:
            yield from problems(value)
            return
        if re.fullmatch(r"RequestGroup(\.action\[\d+\])+", path) and ("resource" in value) == ("action" in value):
            yield f"{path}: rqg-1: a resource or actions, not both"
        if re.fullmatch(r"PlanDefinition(\.action\[\d+\])*(\.action\[\d+\])\.condition\[\d+\]\.expression", path) and not (
            value.keys() & {"expression", "reference"}
        ):
            yield f"{path}: exp-1: an expression or a reference"
        for key, item in value.items():
            yield from _code(f"{path}.{key}", key, item)
            yield from _values(item, f"{path}.{key}", root)
    elif isinstance(value, list):
        for rank, item in enumerate(value):
            yield from _values(item, f"{path}[{rank}]", root)


def _code(path: str, key: str, value: Any) -> Iterator[str]:
    bare = _INDEX.sub("", path)
    bare = re.sub(r"^(RequestGroup|PlanDefinition)(\.action)+", r"\1.action", bare)
    allowed = REQUIRED_CODES.get(bare) or (_USES["use"] if bare.endswith("identifier.use") else None)
    if allowed is not None and value not in allowed:
        yield f"{path}: code {value!r} is not in the required binding"
    if key == "id" and bare.count(".") == 1 and not (isinstance(value, str) and _ID.fullmatch(value)):
        yield f"{path}: not an id"


def response_problems(body: dict[str, Any]) -> list[str]:
    """Return what breaks CDS Hooks in an answer: mandatory fields, lengths, and the invariants cds-resp-1 to 7."""
    found = [] if isinstance(body.get("cards"), list) else ["cards: absent"]
    for rank, card in enumerate(body.get("cards", [])):
        found += [f"cards[{rank}].{fault}" for fault in _card(card)]
    for rank, action in enumerate(body.get("systemActions", [])):
        found += [f"systemActions[{rank}].{fault}" for fault in _action(action, described=False)]
    found += [f"{key}: empty" for key, value in body.items() if key != "cards" and value in ("", [], {}, None)]
    return found


def _card(card: dict[str, Any]) -> Iterator[str]:
    summary, suggestions = card.get("summary"), card.get("suggestions", [])
    if not isinstance(summary, str) or not 0 < len(summary) < 140 or "\n" in summary:
        yield "summary: one line of less than 140 characters"
    if card.get("indicator") not in _INDICATORS:
        yield "indicator: unknown"
    if not isinstance(card.get("source"), dict) or not card["source"].get("label"):
        yield "source.label: absent"
    if not card.get("uuid"):
        yield "uuid: absent, no feedback would come"
    if suggestions and card.get("selectionBehavior") not in _BEHAVIOURS:
        yield "cds-resp-6: suggestions without selectionBehavior"
    if card.get("selectionBehavior") == "at-most-one" and sum(bool(one.get("isRecommended")) for one in suggestions) > 1:
        yield "cds-resp-1: more than one recommended suggestion"
    if any(not reason.get("display") for reason in card.get("overrideReasons", [])):
        yield "cds-resp-4: override reason without display"
    for rank, suggestion in enumerate(suggestions):
        yield from (f"suggestions[{rank}].{fault}" for fault in _suggestion(suggestion))
    for link in card.get("links", []):
        yield from _link(link)
    yield from (f"{key}: empty" for key, value in card.items() if value in ("", [], {}, None))


def _suggestion(suggestion: dict[str, Any]) -> Iterator[str]:
    if not suggestion.get("label"):
        yield "label: absent"
    if suggestion.get("actionSelectionBehavior", "all") not in ("all", "any", "at-most-one"):
        yield "cds-resp-7: unknown actionSelectionBehavior"
    for action in suggestion.get("actions", []):
        yield from _action(action, described=True)


def _action(action: dict[str, Any], *, described: bool) -> Iterator[str]:
    kind = action.get("type")
    if kind not in _ACTIONS:
        yield "action.type: unknown"
    if described and not action.get("description"):
        yield "cds-resp-5: action without description"
    if kind == "delete" and (not action.get("resourceId") or "resource" in action):
        yield "cds-resp-2: a delete names a resourceId and carries no resource"
    if kind in ("create", "update") and not isinstance(action.get("resource"), dict):
        yield "action.resource: absent"


def _link(link: dict[str, Any]) -> Iterator[str]:
    if (
        link.get("type") not in ("absolute", "smart")
        or not str(link.get("url", "")).startswith(("https://", "http://"))
        or not link.get("label")
    ):
        yield "links: label, absolute url and type are required"
    if "appContext" in link and link.get("type") != "smart":
        yield "cds-resp-3: appContext on a link that is not smart"


def call_problems(body: dict[str, Any]) -> list[str]:
    """Return which invariants of a CDS Hooks request (cds-r-1, cds-r-2) a body breaks; none makes it unreadable."""
    found = []
    authorization = body.get("fhirAuthorization")
    if authorization is not None and not body.get("fhirServer"):
        found.append("cds-r-1: fhirAuthorization without fhirServer")
    if isinstance(authorization, dict) and "patient/" in str(authorization.get("scope", "")) and not authorization.get("patient"):
        found.append("cds-r-2: patient scope without patient")
    return found
