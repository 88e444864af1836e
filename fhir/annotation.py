"""The rating attached to the order itself, after the Argonaut PAMA pattern: for clients that ask for it, never by default.

A system action that changes no meaning: it adds extensions and nothing else. An incomplete request has no rating at all.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pertimage.cds.model import Assessment, Outcome
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.requests import Order
from pertimage.fhir.values import items
from pertimage.fhir.vocabularies import OUTCOMES

RATING = "http://fhir.org/argonaut/Extension/pama-rating"
RATING_SYSTEM = "http://fhir.org/argonaut/CodeSystem/pama-rating"
_RATINGS = {
    Outcome.APPROPRIATE: "appropriate",
    Outcome.ALTERNATIVE: "not-appropriate",
    Outcome.NOT_INDICATED: "not-appropriate",
    Outcome.NO_GUIDANCE: "no-criteria-apply",
}


def rating_extensions(assessment: Assessment, consult_id: str, publisher: Publisher) -> list[dict[str, Any]]:
    """Return the extensions that rate an order; ``consult_id`` is the URI by which the consultation is found again."""
    rating = _RATINGS.get(assessment.outcome)
    if rating is None:
        return []
    coding = [{"system": RATING_SYSTEM, "code": rating}, OUTCOMES.coding(str(assessment.outcome), publisher)]
    found: list[dict[str, Any]] = [
        {"url": RATING, "valueCodeableConcept": {"coding": coding}},
        {"url": f"{RATING}-qcdsm-consulted", "valueString": f"{publisher.name} {assessment.guidelines}"},
        {"url": f"{RATING}-consult-id", "valueUri": consult_id},
    ]
    if assessment.rule:
        found.append({"url": f"{RATING}-auc-applied", "valueUri": publisher.sheet_page(assessment.rule.split("/")[0])})
    return found


def annotated(response: dict[str, Any], order: Order, assessment: Assessment, consult_id: str, publisher: Publisher) -> dict[str, Any]:
    """Return a CDS Hooks answer with the order's rating as a system action, at both places that clients read."""
    extensions = rating_extensions(assessment, consult_id, publisher)
    if not extensions:
        return response
    resource = deepcopy(order.resource)
    kept = [item for item in items(resource.get("extension")) if not str(item.get("url", "")).startswith(RATING)]
    resource["extension"] = [*kept, *extensions]
    action = {"type": "update", "description": "Ajouter l'avis du référentiel à la prescription", "resource": resource}
    actions = [*response.get("systemActions", []), action]
    extension = {**response.get("extension", {}), "systemActions": actions}
    return {**response, "systemActions": actions, "extension": extension}
