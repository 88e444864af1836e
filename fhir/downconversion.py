"""R5 ServiceRequest read as R4: the internal shape is R4, and R5 is recognised by its shape, not by what it claims.

R5 wraps ``code``, ``reason`` and ``supportingInfo`` in CodeableReference, makes ``orderDetail`` a list of parameters and adds
``bodyStructure``. A resource that is already R4 comes back unchanged (the same object).
"""

from __future__ import annotations

from typing import Any

from pertimage.fhir.values import items, mapping, text


def is_r5(order: dict[str, Any]) -> bool:
    """Say whether a ServiceRequest uses an R5 shape anywhere that we read."""
    return (
        "reason" in order
        or not mapping(order.get("code")).keys().isdisjoint(("concept", "reference"))
        or any("parameter" in mapping(detail) for detail in items(order.get("orderDetail")))
        or "bodyStructure" in order
    )


def as_r4(order: dict[str, Any]) -> dict[str, Any]:
    """Return the ServiceRequest in R4 shape; elements without an R4 home are left out."""
    if not is_r5(order):
        return order
    down = {key: value for key, value in order.items() if key not in ("reason", "bodyStructure")}
    code = mapping(order.get("code"))
    if "concept" in code:
        down["code"] = code["concept"]
    elif "reference" in code:
        down["code"] = {"text": text(mapping(code["reference"]).get("display"))}
    reasons = [mapping(reason) for reason in items(order.get("reason"))]
    down["reasonCode"] = items(order.get("reasonCode")) + [reason["concept"] for reason in reasons if "concept" in reason]
    down["reasonReference"] = items(order.get("reasonReference")) + [reason["reference"] for reason in reasons if "reference" in reason]
    down["orderDetail"] = [concept for detail in items(order.get("orderDetail")) for concept in _details(mapping(detail))]
    down["bodySite"] = items(order.get("bodySite")) + _structures(order)
    return down


def _details(detail: dict[str, Any]) -> list[Any]:
    """Return the CodeableConcepts that an R5 order detail holds; an R4 one is itself."""
    if "parameter" not in detail:
        return [detail]
    found: list[Any] = []
    for parameter in items(detail.get("parameter")):
        value = mapping(parameter)
        if "valueCodeableConcept" in value:
            found.append(value["valueCodeableConcept"])
        elif text(value.get("valueString")):
            found.append({"text": text(value["valueString"])})
    return found


def _structures(order: dict[str, Any]) -> list[Any]:
    """Return what the contained BodyStructure says of the place and side."""
    wanted = text(mapping(order.get("bodyStructure")).get("reference")).lstrip("#")
    found: list[Any] = []
    for resource in items(order.get("contained")):
        body = mapping(resource)
        if body.get("resourceType") != "BodyStructure" or text(body.get("id")) != wanted:
            continue
        for included in items(body.get("includedStructure")):
            found += [mapping(included).get("structure"), mapping(included).get("laterality")]
        found += [body.get("location"), *items(body.get("locationQualifier"))]
    return [concept for concept in found if isinstance(concept, dict)]
