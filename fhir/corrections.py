"""An order corrected: the entire original ServiceRequest with another exam, a side, or one more sentence.

The original is never modified, its id and status are kept, and its shape (R4 or R5) too. What described the former exam alone
(``orderDetail``) goes with it; the side stays, in words when only words carried it.
"""

from __future__ import annotations

from typing import Any

from pertimage.fhir.publisher import ExamInfo, Publisher
from pertimage.fhir.systems import BILATERAL, CCAM, LEFT, LOINC, RIGHT, SIDES, SNOMED
from pertimage.fhir.values import items, mapping
from pertimage.fhir.vocabularies import EXAM

SIDE_WORDS = {LEFT: "côté gauche", RIGHT: "côté droit", BILATERAL: "des deux côtés"}
_SIDE_CODES = {side: code for code, side in SIDES.items()}
_SIDE_DISPLAYS = {LEFT: "gauche", RIGHT: "droit", BILATERAL: "bilatéral"}


def with_exam(order: dict[str, Any], exam: ExamInfo, publisher: Publisher, side: str = "") -> dict[str, Any]:
    """Return the order asking for another exam, coded in our catalogue, CCAM and LOINC."""
    corrected = {key: value for key, value in order.items() if key not in ("orderDetail", "_orderDetail")}
    concept = exam_concept(exam, publisher, side)
    in_r5 = not mapping(order.get("code")).keys().isdisjoint(("concept", "reference"))
    corrected["code"] = {"concept": concept} if in_r5 else concept
    return corrected


def exam_concept(exam: ExamInfo, publisher: Publisher, side: str = "") -> dict[str, Any]:
    """Return the CodeableConcept of an exam of the catalogue."""
    coding = [{"system": publisher.system(EXAM), "code": exam.id, "display": exam.label}]
    coding += [{"system": CCAM, "code": code} for code in exam.ccam]
    coding += [{"system": LOINC, "code": code} for code in exam.loinc]
    return {"coding": coding, "text": f"{exam.label}, {SIDE_WORDS[side]}" if side in SIDE_WORDS else exam.label}


def with_note(order: dict[str, Any], sentence: str) -> dict[str, Any]:
    """Return the order with one more note, the prescriber's words kept."""
    return order | {"note": [*items(order.get("note")), {"text": sentence}]}


def with_side(order: dict[str, Any], side: str) -> dict[str, Any]:
    """Return the order with its side coded among its body sites."""
    coding = {"system": SNOMED, "code": _SIDE_CODES[side], "display": _SIDE_DISPLAYS[side]}
    return order | {"bodySite": [*items(order.get("bodySite")), {"coding": [coding], "text": SIDE_WORDS[side]}]}
