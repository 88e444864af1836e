"""A request and the radiologist's answer written as a CDA R2 document, in the places where ``cda`` reads a request.

Nobody is named in what this program keeps: the patient's identity is absent (``nullFlavor``), for the software that sends the document
to fill in. The document therefore claims no template of the national framework (CI-SIS).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from pertimage.cds.model import Code, ImagingRequest, Sex, Status
from pertimage.fhir.cda import COMMENT, CONTRAINDICATION, HISTORY, MEDICAL_HISTORY, NS, PLAN, REQUEST, RESULTS, URGENT, XSI_TYPE
from pertimage.fhir.systems import CISIS, DICOM, LOINC, SIDES, SNOMED, oid_of

TITLE = "Demande d'examen d'imagerie et réponse du radiologue"
# Contraindications whose code says exactly what the fact says, no more.
_EXACT = {"grossesse": Code(SNOMED, "77386006", "enceinte"), "allaitement": Code(SNOMED, "1260078007", "allaitement")}
_SIDE_CODES = {side: Code(SNOMED, code, words) for (code, side), words in zip(SIDES.items(), ("gauche", "droit", "bilatéral"), strict=True)}
_HL7_GENDER, _CONFIDENTIALITY = "2.16.840.1.113883.5.1", "2.16.840.1.113883.5.25"
# What XML 1.0 cannot hold, escaped or not.
_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_APART = {"antecedents": "ATCD : ", "contre-indications": "", "examens-anterieurs": "Examens antérieurs : ", "orderDetail": ""}


@dataclass(frozen=True, slots=True)
class Handover:
    """What is handed over: a signed request (``number`` names it), its author's account, what else is known and the answer, in French lines."""

    request: ImagingRequest
    number: str
    signed_at: datetime
    prescriber: str
    context: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()


def write_document(given: Handover) -> bytes:
    """Return the document, in UTF-8; ``cda.read_document`` reads the request back from it."""
    register_namespace("", NS.strip("{}"))
    register_namespace("xsi", XSI_TYPE[1:].partition("}")[0])
    root = Element(f"{NS}ClinicalDocument")
    _header(root, given)
    body = _add(_add(root, "component"), "structuredBody")
    request, identifiers = given.request, _identifiers()
    _words_section(body, "Demande", REQUEST, _tables(request, given.context))
    _history_section(body, request, identifiers)
    _plan_section(body, request, identifiers)
    results = [said for place, said in _said(request) if place == "examens-anterieurs"]
    if results:
        _words_section(body, "Examens antérieurs", RESULTS, [("", said) for said in results])
    _words_section(body, "Réponse du radiologue", "", [("", said) for said in given.answer])
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _header(root: Element, given: Handover) -> None:
    unique, at = str(uuid5(NAMESPACE_URL, f"pertimage {given.number}").int), given.signed_at.strftime("%Y%m%d%H%M%S%z")
    _add(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    _add(root, "id", root=f"2.25.{unique}")
    _coded(root, "code", Code(LOINC, REQUEST))
    _add(root, "title", text=TITLE)
    _add(root, "effectiveTime", value=at)
    _add(root, "confidentialityCode", code="N", codeSystem=_CONFIDENTIALITY)
    _add(root, "languageCode", code="fr-FR")
    _patient(root, given.request)
    author = _add(root, "author")
    _add(author, "time", value=at)
    assigned = _add(author, "assignedAuthor")
    _absent(assigned, "id")
    _add(_add(assigned, "assignedPerson"), "name", text=given.prescriber)
    keeper = _add(_add(_add(root, "custodian"), "assignedCustodian"), "representedCustodianOrganization")
    _absent(keeper, "id")
    order = _event(root)
    _add(order, "id", root=f"2.25.{unique}", extension=given.number)
    _coded(order, "code", Code(LOINC, REQUEST))
    for reason in given.request.reason_codes:
        _coded(_event(root), "code", reason)
    if given.request.priority != "routine":
        _coded(_event(root), "code", Code(CISIS, URGENT, "Exécution en urgence"))


def _patient(root: Element, request: ImagingRequest) -> None:
    role = _add(_add(root, "recordTarget"), "patientRole")
    _absent(role, "id")
    patient = _add(role, "patient")
    _absent(patient, "name")
    if request.sex is None:
        _absent(patient, "administrativeGenderCode")
    else:
        _add(patient, "administrativeGenderCode", code="F" if request.sex is Sex.FEMALE else "M", codeSystem=_HL7_GENDER)
    _absent(patient, "birthTime")


def _event(root: Element) -> Element:
    return _add(_add(root, "documentationOf"), "serviceEvent", classCode="ACT")


def _said(request: ImagingRequest) -> Iterator[tuple[str, str]]:
    """Yield (place, words) of a request, less what its codes and sections say already."""
    displays = {reason.display for reason in request.reason_codes}
    for part in request.texts:
        if part.place == "documentationOf" and part.text in displays:
            continue
        yield part.place, part.text.removeprefix(_APART.get(part.place, ""))


def _tables(request: ImagingRequest, context: Sequence[str]) -> list[tuple[str, str]]:
    """Return (header, words) of the request itself: why, what for, what else is known."""
    found = [("Finalité" if place == "finalite" else "Justification", said) for place, said in _said(request) if place not in _APART]
    return found + [("Contexte", said) for said in context]


def _words_section(body: Element, title: str, code: str, lines: Iterable[tuple[str, str]]) -> None:
    """Add a section of words: a table for each line that has a header, a paragraph for each other."""
    block = _add(_section(body, title, code), "text")
    for header, said in lines:
        if header:
            table = _add(block, "table")
            _add(_add(_add(table, "thead"), "tr"), "th", text=header)
            _add(_add(_add(table, "tbody"), "tr"), "td", text=said)
        else:
            _add(block, "paragraph", text=said)


def _history_section(body: Element, request: ImagingRequest, identifiers: Iterator[str]) -> None:
    codes = {"antecedents": MEDICAL_HISTORY, "contre-indications": CONTRAINDICATION}
    lines: list[tuple[str, str, Code | None]] = [(codes[place], said, None) for place, said in _said(request) if place in codes]
    stated = {known.fact for known in request.known if known.status is Status.PRESENT}
    lines += [(CONTRAINDICATION, code.display, code) for fact, code in _EXACT.items() if fact in stated]
    if not lines:
        return
    section = _section(body, "Antécédents et contre-indications", HISTORY)
    block = _add(section, "text")
    for code, said, value in lines:
        item = _add(_add(section, "entry"), "observation", classCode="OBS", moodCode="EVN")
        _coded(item, "code", Code(LOINC, code))
        _reference(item, block, said, identifiers)
        if value is not None:
            _coded(item, "value", value).set(XSI_TYPE, "CD")


def _plan_section(body: Element, request: ImagingRequest, identifiers: Iterator[str]) -> None:
    section = _section(body, "Examen demandé", PLAN)
    block = _add(section, "text")
    _add(block, "paragraph", text=request.exam_text)
    item = _add(_add(section, "entry"), "observation", classCode="OBS", moodCode="INT")
    _exam(item, request)
    if request.priority != "routine":
        _add(item, "priorityCode", code="UR", codeSystem="2.16.840.1.113883.5.7")
    _sites(item, request)
    for place, said in _said(request):
        if place == "orderDetail":
            act = _add(_add(item, "entryRelationship", typeCode="SUBJ"), "act", classCode="ACT", moodCode="EVN")
            _coded(act, "code", Code(LOINC, COMMENT))
            _reference(act, block, said, identifiers)


def _exam(item: Element, request: ImagingRequest) -> None:
    """Write the exam: a technique when one is coded, its other codes beside it, the prescriber's words in any case."""
    codes = sorted(request.exam_codes, key=lambda code: code.system not in (DICOM, CISIS))
    exam = _coded(item, "code", codes[0]) if codes else _absent(item, "code")
    if request.exam_text:
        _add(exam, "originalText", text=request.exam_text)
    for code in codes[1:]:
        _coded(exam, "translation", code)


def _sites(item: Element, request: ImagingRequest) -> None:
    sites = [_coded(item, "targetSiteCode", site) for site in request.body_sites]
    side = _SIDE_CODES.get(request.laterality)
    for site in (sites or [_absent(item, "targetSiteCode")]) if side else []:
        qualifier = _add(site, "qualifier")
        _coded(qualifier, "name", Code(SNOMED, "106233006"))
        _coded(qualifier, "value", side or Code("", ""))


def _section(body: Element, title: str, code: str) -> Element:
    section = _add(_add(body, "component"), "section")
    if code:
        _coded(section, "code", Code(LOINC, code))
    _add(section, "title", text=title)
    return section


def _reference(item: Element, block: Element, said: str, identifiers: Iterator[str]) -> None:
    """Write words in the narrative, and point to them."""
    name = next(identifiers)
    _add(block, "content", text=said, ID=name)
    _add(_add(item, "text"), "reference", value=f"#{name}")


def _identifiers() -> Iterator[str]:
    rank = 0
    while True:
        rank += 1
        yield f"t{rank}"


def _coded(parent: Element, tag: str, code: Code) -> Element:
    attributes = {"code": code.code, "codeSystem": oid_of(code.system), "displayName": code.display}
    attributes["codeSystemName"] = "DCM" if code.system == DICOM else "" if attributes["codeSystem"] else code.system
    return _add(parent, tag, **{name: value for name, value in attributes.items() if value})


def _absent(parent: Element, tag: str) -> Element:
    return _add(parent, tag, nullFlavor="NI")


def _add(parent: Element, tag: str, *, text: str = "", **attributes: str) -> Element:
    child = SubElement(parent, f"{NS}{tag}", {name: _UNWRITABLE.sub("", value) for name, value in attributes.items()})
    child.text = _UNWRITABLE.sub("", text) or None
    return child
