"""URIs of the code systems met on the wire, and of our own under one canonical base.

The URIs are those of HL7 and of the French terminology server (ANS); the OIDs are the same systems as CDA and HL7 v2 write them.
"""

from __future__ import annotations

import re
from typing import Any

from pertimage.cds.model import Code
from pertimage.fhir.values import items, mapping, text

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
CCAM = "https://smt.esante.gouv.fr/terminologie-ccam"
ICD10 = "https://smt.esante.gouv.fr/terminologie-cim-10"
ICPC2 = "https://smt.esante.gouv.fr/terminologie-cisp"
CISIS = "https://smt.esante.gouv.fr/fhir/CodeSystem/terminologie-cisis"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
ATC = "http://www.whocc.no/atc"
URI = "urn:ietf:rfc:3986"
IMAGING_CATEGORY = "363679005"
LEFT, RIGHT, BILATERAL = "left", "right", "bilateral"
SIDES = {"7771000": LEFT, "24028007": RIGHT, "51440002": BILATERAL}

_OIDS = {
    "2.16.840.1.113883.6.96": SNOMED,
    "2.16.840.1.113883.6.1": LOINC,
    "1.2.250.1.215.300.1": CCAM,
    "2.16.840.1.113883.6.3": ICD10,
    "1.2.250.1.213.1.1.4.322": CISIS,
    "1.2.840.10008.2.16.4": DICOM,
    "2.16.840.1.113883.6.73": ATC,
}
# Names of coding systems in the third component of an HL7 v2 coded element (table 0396), and those met in French messages.
_V2_NAMES = {
    "SCT": SNOMED, "SNM": SNOMED, "LN": LOINC, "LOINC": LOINC, "CCAM": CCAM, "I10": ICD10, "I10FR": ICD10, "CIM10": ICD10, "CIM-10": ICD10,
    "ICD10": ICD10, "DCM": DICOM, "ATC": ATC, "TA_ASIP": CISIS,
}  # fmt: skip


def uri_of(system: str) -> str:
    """Return the URI of a system written as an OID or by its HL7 v2 name; anything else comes back as it is."""
    if system.startswith("http"):
        return system
    bare = system.removeprefix("urn:oid:")
    return _OIDS.get(bare) or _V2_NAMES.get(bare.upper()) or system


def oid_of(system: str) -> str:
    """Return the OID of a system, as CDA writes it; one that came as an OID stays; empty when it has none known."""
    if re.fullmatch(r"(urn:oid:)?[0-2](\.\d+)+", system):
        return system.removeprefix("urn:oid:")
    return next((oid for oid, uri in _OIDS.items() if uri == system), "")


def is_atc(system: str) -> bool:
    """Say whether a URI is one of the ways ATC is written."""
    return system == ATC or "whocc" in system or system.endswith("terminologie-atc")


def is_icd10(system: str) -> bool:
    """Say whether a URI is one of the ways ICD-10 is written (French edition, WHO, GM…)."""
    folded = system.lower()
    return system == ICD10 or "icd-10" in folded or "cim-10" in folded


def codings(concept: Any) -> list[Code]:
    """Return the readable codings of a CodeableConcept, or of a Coding given in its place."""
    found = []
    for coding in _coding_objects(concept):
        if code := text(coding.get("code")):
            found.append(Code(uri_of(text(coding.get("system"))), code, text(coding.get("display"))))
    return found


def code_values(concept: Any) -> list[str]:
    """Return the codes alone, as ``codings`` reads them."""
    return [code for coding in _coding_objects(concept) if (code := text(coding.get("code")))]


def _coding_objects(concept: Any) -> list[dict[str, Any]]:
    if not isinstance(concept, dict):
        return []
    given = items(concept.get("coding"))
    return [mapping(coding) for coding in given] if given else [concept] if "code" in concept else []


def words(concept: Any) -> list[str]:
    """Return what a CodeableConcept says in words: its text, then the displays that add something."""
    found = mapping(concept)
    said = [text(found.get("text"))] + [text(mapping(coding).get("display")) for coding in items(found.get("coding"))]
    return distinct(said)


def distinct(texts: list[str]) -> list[str]:
    """Return the texts that are not empty and not already said by an earlier one."""
    kept: list[str] = []
    for said in texts:
        if said and not any(said.casefold() in other.casefold() for other in kept):
            kept.append(said)
    return kept
