"""The prescriber's words: why the exam is asked, wherever the order carries it.

A French order may hold its reason in five places: ``reasonCode``, ``reasonReference``, ``note``, the R5 ``reason`` cross-version
extension and the ANS ``fr-imaging-request-extension``. All are read, with ``orderDetail``. Instructions to the patient are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pertimage.cds.model import Code, TextPart
from pertimage.fhir.systems import codings, words
from pertimage.fhir.values import items, mapping, text

R5_REASON = "extension-ServiceRequest.reason"
FR_IMAGING = "fr-imaging-request-extension"
_MAX_DEPTH = 8
# A reference and the resource it points to (empty when it did not come with the request).
Resolver = Callable[[Any], dict[str, Any]]


def motif(order: dict[str, Any], resolve: Resolver) -> tuple[tuple[TextPart, ...], tuple[Code, ...]]:
    """Return the words of the order by place, each said once, and the codes of its reasons."""
    parts: list[TextPart] = []
    codes: list[Code] = []
    for place, said, coded in _said(order, resolve):
        codes += coded
        parts += [TextPart(place, each) for each in said if each]
    return _once(parts), tuple(dict.fromkeys(codes))


def _said(order: dict[str, Any], resolve: Resolver) -> Iterator[tuple[str, list[str], list[Code]]]:
    for concept in items(order.get("reasonCode")):
        yield "reasonCode", words(concept), list(codings(concept))
    for reference in items(order.get("reasonReference")):
        yield "reasonReference", *_referenced(mapping(reference), resolve)
    for extension in items(order.get("extension")):
        url = text(mapping(extension).get("url"))
        if url.endswith((R5_REASON, FR_IMAGING)):
            yield url.rpartition("/")[2], *_below(mapping(extension), resolve)
    for detail in items(order.get("orderDetail")):
        yield "orderDetail", words(detail), []
    for note in items(order.get("note")):
        yield "note", [text(mapping(note).get("text"))], []


def _referenced(reference: dict[str, Any], resolve: Resolver) -> tuple[list[str], list[Code]]:
    """Return what the resource behind a reason says: name, notes, value or conclusion; else the reference's own display."""
    resource = resolve(reference.get("reference"))
    said = words(resource.get("code"))
    said += [text(mapping(note).get("text")) for note in items(resource.get("note"))]
    said += [*words(resource.get("valueCodeableConcept")), text(resource.get("valueString")), text(resource.get("conclusion"))]
    return [each for each in said if each] or [text(reference.get("display"))], list(codings(resource.get("code")))


def _below(extension: dict[str, Any], resolve: Resolver, depth: int = 0) -> tuple[list[str], list[Code]]:
    """Return every word and code at or below an extension."""
    concept = extension.get("valueCodeableConcept") or mapping(extension.get("valueCodeableReference")).get("concept")
    said = [text(extension.get("valueString")), text(extension.get("valueMarkdown")), *words(concept)]
    codes = list(codings(concept))
    reference = mapping(extension.get("valueReference")) or mapping(mapping(extension.get("valueCodeableReference")).get("reference"))
    nested = [_referenced(reference, resolve)] if reference else []
    if depth < _MAX_DEPTH:
        nested += [_below(mapping(inner), resolve, depth + 1) for inner in items(extension.get("extension"))]
    for more_said, more_codes in nested:
        said, codes = said + more_said, codes + more_codes
    return said, codes


def _once(parts: list[TextPart]) -> tuple[TextPart, ...]:
    """Return the parts without those that repeat an earlier one word for word."""
    seen: dict[str, TextPart] = {}
    for part in parts:
        seen.setdefault(part.text.casefold(), part)
    return tuple(seen.values())
