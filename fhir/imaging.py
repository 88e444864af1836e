"""Whether an order is an imaging order: its category first, then its codes, then its words.

A doubt is judged as imaging: an exam wrongly ignored would be a silence that nobody sees, an order wrongly kept is answered
« hors référentiel » in plain sight.
"""

from __future__ import annotations

import re
from typing import Any

from pertimage.cds.model import Code
from pertimage.fhir.systems import CCAM, DICOM, IMAGING_CATEGORY, codings, words
from pertimage.fhir.values import items

_IMAGING_CATEGORIES = frozenset((IMAGING_CATEGORY, "RAD", "RX", "RUS", "NMR", "NMS", "imaging", "394914008"))
# Laboratory, counselling, education, surgery (R4 servicerequest-category), and HL7 table 0074 sections that are not imaging.
_OTHER_CATEGORIES = frozenset(("108252007", "409063005", "409073007", "387713003", "LAB", "CH", "HM", "MB", "laboratory", "therapy"))
# CCAM: third letter Q (diagnostic act), fourth letter the technique: X-ray (H, K), ultrasound (J, M), isotopes (L), MRI (J, N).
_CCAM_IMAGING = re.compile(r"^[A-Z]{2}Q[HJKLMN]\d{3}$")
_IMAGING_WORDS = re.compile(
    r"imag|radio|\brx\b|\bxr\b|x-ray|scan|\btdm\b|\bct\b|irm|\bmri?\b|[ée]cho|doppler|ultraso|\bus\b|mammo|scinti|\btep\b|\bpet\b"
    r"|densito|\bdxa\b|arthro|angio|panoramique|clich[ée]|\bthorax\b|\basp\b|cystogra|hystéro|urogra|transit|tomogra|cone beam|\bcbct\b",
    re.IGNORECASE,
)
# Words that tell an exam beyond doubt: for what was done or asked before, a doubt is not an exam.
_SURE_WORDS = re.compile(
    r"\bradio(graphi\w+)?s?\b|\brx\b|scanner|\btdm\b|tomodensito|\bct\b|\birm\b|\bmri\b|[ée]chograph|\b[ée]cho\b|doppler|mammogra|scintigra|\btep\b"
    r"|\bpet\b|densitom|\bdxa\b|arthro-?scanner|arthro-?irm|panoramique dentaire|cone beam|\bcbct\b|cystograph|hyst[ée]rosalpingo|\btogd\b"
    r"|angiograph|art[ée]riograph|coroscanner|uroscanner|\bimagerie\b",
    re.IGNORECASE,
)
_OTHER_WORDS = re.compile(
    r"h[ée]mogramme|\bnfs\b|num[ée]ration|\bcrp\b|ionogramme|glyc[ée]mie|ecbu|cr[ée]atinin|\btsh\b|\binr\b|\bpsa\b|hba1c|troponine|s[ée]rologie"
    r"|h[ée]moculture|biolog|bilan (sanguin|lipidique|h[ée]patique|martial|thyro)|laborato"
    r"|blood|h[ae]+mo(gram|globin)|kin[ée]|r[ée][ée]ducation"
    r"|consultation|\becg\b|[ée]lectrocardio|holter|\befr\b|spirom[ée]tr|\beeg\b|\bemg\b|coloscop|gastroscop|fibroscop|endoscop|biopsie"
    r"|infirmi|pansement|orthophon|vaccin|transport|physiotherap",
    re.IGNORECASE,
)


def is_imaging(order: dict[str, Any]) -> bool:
    """Say whether a ServiceRequest (R4 shape) asks for an imaging exam."""
    categories = {code.code for category in items(order.get("category")) for code in codings(category)}
    if categories & _IMAGING_CATEGORIES:
        return True
    codes = list(codings(order.get("code")))
    if any(_codes_imaging(code) for code in codes):
        return True
    said = " ; ".join(words(order.get("code")))
    if _IMAGING_WORDS.search(said):
        return True
    return not (categories & _OTHER_CATEGORIES or _OTHER_WORDS.search(said))


def shows_imaging(resource: dict[str, Any]) -> bool:
    """Say whether a ServiceRequest or a Procedure is surely of imaging: by category, by code, or by plain words."""
    if any(code.code in _IMAGING_CATEGORIES for category in items(resource.get("category")) for code in codings(category)):
        return True
    concept = resource.get("code")
    return any(_codes_imaging(code) for code in codings(concept)) or bool(_SURE_WORDS.search(" ; ".join(words(concept))))


def _codes_imaging(code: Code) -> bool:
    return code.system == DICOM or (code.system == CCAM and bool(_CCAM_IMAGING.match(code.code)))
