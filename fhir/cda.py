"""Requests read from the French CDA document « demande d'actes d'imagerie » (CI-SIS, volet IMG-DA-IMG).

One request per exam asked in the plan of care (LOINC 18776-5). A document that declares a DOCTYPE is refused before anything
is expanded: no entity, no external reference, no deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pertimage.cds.model import Code, ImagingRequest, KnownFact, Sex, TextPart
from pertimage.fhir.history import CONTRAINDICATIONS
from pertimage.fhir.requests import laterality
from pertimage.fhir.systems import DICOM, SIDES, distinct, is_icd10, uri_of
from pertimage.fhir.values import BadRequest, age_in_years, day, text

NS = "{urn:hl7-org:v3}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
REQUEST, HISTORY, PLAN, RESULTS = "55115-0", "11329-0", "18776-5", "30954-2"
MEDICAL_HISTORY, SURGICAL_HISTORY, CONTRAINDICATION, COMMENT = "11348-0", "47519-4", "64100-1", "48767-8"
URGENT = "MED-1095"
_MAX_DEPTH, _PLACEHOLDER = 200, "(texte libre)"


@dataclass(frozen=True, slots=True)
class _Document:
    """What all the exams of one document share."""

    id: str
    texts: tuple[TextPart, ...]
    reasons: tuple[Code, ...]
    age: float | None
    sex: Sex | None
    authored: date | None
    urgent: bool
    known: tuple[KnownFact, ...]
    narrative: dict[str, str]


def read_document(document: str | bytes, today: date | None = None) -> tuple[ImagingRequest, ...]:
    """Return one request per exam asked; ``BadRequest`` when the XML is unreadable, unsafe, or asks for no exam."""
    root = _parse(document)
    if root.tag != f"{NS}ClinicalDocument":
        raise BadRequest("ClinicalDocument", "Ce document XML n'est pas un document CDA.")
    plans = [section for section in root.iter(f"{NS}section") if _code(section) == PLAN]
    asked = [item for plan in plans for item in plan.iter(f"{NS}observation") if item.get("moodCode") == "INT"]
    if not asked:
        raise BadRequest("section 18776-5", "Ce document ne demande aucun acte d'imagerie (section « Plan de soins »).")
    shared = _shared(root, today)
    return tuple(_request(item, shared, rank if len(asked) > 1 else 0) for rank, item in enumerate(asked, 1))


def _parse(document: str | bytes) -> Element:
    """Return the root of the document, built by a parser that refuses any DOCTYPE and deep nesting."""
    builder, depth = TreeBuilder(), 0
    parser = expat.ParserCreate("utf-8" if isinstance(document, str) else None, namespace_separator="}")
    parser.buffer_text = True

    def qualified(name: str) -> str:
        return "{" + name if "}" in name else name

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise BadRequest("", "Document XML refusé : imbrication trop profonde.")
        builder.start(qualified(tag), {qualified(name): value for name, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(qualified(tag))

    def doctype(*_: object) -> None:
        raise BadRequest("DOCTYPE", "Document XML refusé : il déclare un DOCTYPE.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(document.encode("utf-8", "replace") if isinstance(document, str) else document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, BadRequest):
            raise
        raise BadRequest("", "Document XML illisible.") from error
    return builder.close()


def _shared(root: Element, today: date | None) -> _Document:
    authored = _day(root.find(f"{NS}effectiveTime")) or _day(root.find(f"{NS}author/{NS}time")) or today
    patient = root.find(f"{NS}recordTarget/{NS}patientRole/{NS}patient")
    birth = _day(patient.find(f"{NS}birthTime")) if patient is not None else None
    gender = patient.find(f"{NS}administrativeGenderCode") if patient is not None else None
    narrative = {item.get("ID", ""): _said(item) for item in root.iter(f"{NS}content") if item.get("ID")}
    events = [_coded(code) for code in root.iterfind(f"{NS}documentationOf/{NS}serviceEvent/{NS}code")]
    reasons = tuple(code for code in events if code and is_icd10(code.system))
    order = root.find(f"{NS}documentationOf/{NS}serviceEvent/{NS}id")
    texts = [TextPart("documentationOf", code.display) for code in reasons if code.display]
    return _Document(
        id=re.sub(r"[^A-Za-z0-9.-]", "-", (order.get("extension") or "") if order is not None else "")[:60],
        texts=(*texts, *_texts(root, narrative)),
        reasons=reasons,
        age=age_in_years(birth, authored) if birth and authored else None,
        sex={"F": Sex.FEMALE, "M": Sex.MALE}.get(gender.get("code", "") if gender is not None else ""),
        authored=authored,
        urgent=any(code and code.code == URGENT for code in events),
        known=tuple(_known(root)),
        narrative=narrative,
    )


def _texts(root: Element, narrative: dict[str, str]) -> Iterator[TextPart]:
    """Yield the prescriber's words by section: justification and purpose, antecedents, earlier results."""
    for section in root.iter(f"{NS}section"):
        code, block = _code(section), section.find(f"{NS}text")
        if code == REQUEST and block is not None:
            yield from (TextPart(place, said) for place, said in _cells(block))
        elif code == HISTORY:
            yield from _history(section, narrative)
        elif code == RESULTS and block is not None and _said(block):
            yield TextPart("examens-anterieurs", f"Examens antérieurs : {_said(block)}")


def _cells(block: Element) -> Iterator[tuple[str, str]]:
    """Yield (place, words) of a narrative: one per table, named by its header; the whole block when it has no table."""
    tables = list(block.iter(f"{NS}table"))
    if not tables and _said(block):
        yield "justification", _said(block)
    for table in tables:
        header = " ".join(_said(cell) for cell in table.iter(f"{NS}th")).casefold()
        for cell in table.iter(f"{NS}td"):
            if _said(cell):
                yield "finalite" if "finalité" in header and "justification" not in header else "justification", _said(cell)


def _history(section: Element, narrative: dict[str, str]) -> Iterator[TextPart]:
    """Yield antecedents marked as past, and the comments of contraindications."""
    block = section.find(f"{NS}text")
    if section.find(f"{NS}entry") is None and block is not None:
        yield from (TextPart("antecedents", f"ATCD : {said}") for _, said in _cells(block))
    for item in section.iter(f"{NS}observation"):
        code, said = _code(item), _referenced(item.find(f"{NS}text"), narrative)
        value = item.find(f"{NS}value")
        names = distinct([said, value.get("displayName", "") if value is not None else ""])
        if code in (MEDICAL_HISTORY, SURGICAL_HISTORY):
            yield from (TextPart("antecedents", f"ATCD : {line}") for name in names for line in re.split(r"[\n;]+", name) if line.strip())
        elif code == CONTRAINDICATION:
            yield from (TextPart("contre-indications", name) for name in names)


def _known(root: Element) -> Iterator[KnownFact]:
    """Yield the facts that coded contraindications state."""
    for item in root.iter(f"{NS}observation"):
        value = item.find(f"{NS}value")
        if _code(item) == CONTRAINDICATION and value is not None:
            yield from (KnownFact(fact, origin="64100-1") for fact in CONTRAINDICATIONS.get(value.get("code", ""), ()))


def _request(item: Element, shared: _Document, rank: int) -> ImagingRequest:
    exam, original = _coded(item.find(f"{NS}code")), item.find(f"{NS}code/{NS}originalText")
    asked = _said(original) if original is not None else ""
    sites = [(_coded(site), site) for site in item.iterfind(f"{NS}targetSiteCode")]
    sides = [code for _, site in sites for value in site.iterfind(f"{NS}qualifier/{NS}value") if (code := _coded(value))]
    comments = [_referenced(act.find(f"{NS}text"), shared.narrative) for act in item.iter(f"{NS}act") if _code(act) == COMMENT]
    site_words = [code.display for code, _ in sites if code]
    exam_text = ", ".join(
        distinct([asked, exam.display if exam else "", *site_words, *(side.display for side in sides if side.code in SIDES)])
    )
    priority = item.find(f"{NS}priorityCode")
    urgent = shared.urgent or (priority is not None and priority.get("code") in ("UR", "EM", "S"))
    return ImagingRequest(
        id=f"ServiceRequest/{shared.id or 'sans-id'}{f'-{rank}' if rank else ''}",
        exam_text=exam_text,
        exam_codes=(exam,) if exam else (),
        texts=(*shared.texts, *(TextPart("orderDetail", said) for said in comments if said)),
        reason_codes=shared.reasons,
        body_sites=tuple(code for code, _ in sites if code),
        laterality=laterality(sides, [exam_text]),
        age=shared.age,
        sex=shared.sex,
        authored=shared.authored,
        priority="urgent" if urgent else "routine",
        known=shared.known,
        unknown_context=() if shared.age is not None else ("âge du patient",),
    )


def _coded(element: Element | None) -> Code | None:
    """Return the code of a CD element; DICOM codes keep their system whatever the way it is written."""
    if element is None or not element.get("code"):
        return None
    system = uri_of(element.get("codeSystem", ""))
    return Code(DICOM if element.get("codeSystemName") == "DCM" else system, element.get("code", ""), text(element.get("displayName", "")))


def _code(element: Element) -> str:
    found = element.find(f"{NS}code")
    return found.get("code", "") if found is not None else ""


def _referenced(block: Element | None, narrative: dict[str, str]) -> str:
    """Return the words of an entry: what its reference points to in the narrative, else its own."""
    if block is None:
        return ""
    reference = block.find(f"{NS}reference")
    return narrative.get(reference.get("value", "").lstrip("#"), "") if reference is not None else _said(block)


def _said(element: Element) -> str:
    """Return the words of an element on one line; the placeholder of the official templates is nothing."""
    said = text(re.sub(r"\s+", " ", "".join(element.itertext())))
    return "" if said == _PLACEHOLDER else said


def _day(element: Element | None) -> date | None:
    written = (element.get("value") or "") if element is not None else ""
    digits = re.match(r"\d{4,8}", written)
    if not digits:
        return None
    found = digits.group()
    return day("-".join(part for part in (found[:4], found[4:6], found[6:8]) if part))
