"""Exams already done or already asked for: studies, reports, gestures of imaging, earlier orders, with the dose they state.

A study, its report and the order it answers are one exam when they refer to one another; without a link each stands by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pertimage.cds.model import PriorExam
from pertimage.fhir.context_facts import DISCARDED, Facts, code_set, first_day, french
from pertimage.fhir.downconversion import as_r4
from pertimage.fhir.imaging import shows_imaging
from pertimage.fhir.systems import code_values, codings, words
from pertimage.fhir.values import day, items, mapping, number, tail, text

# HL7 table 0074, SNOMED CT radiology and imaging, LOINC imaging study (the code of French reports) and radiology part.
_IMAGING_REPORT = frozenset(("RAD", "RX", "CT", "RUS", "NMR", "NMS", "394914008", "363679005", "18748-4", "LP29684-5"))
_NUCLEAR = frozenset(("PT", "NM"))
_NOT_A_TECHNIQUE = frozenset(("SR", "KO", "PR", "DOC", "OT", "SC"))
_ASKED = frozenset(("", "active", "completed", "on-hold"))
_ONLY_THOUGHT = frozenset(("proposal", "plan", "option"))
_NOT_DONE = frozenset(("preparation", "not-done", "intended", "unknown"))
# LOINC: radiation exposure summary (HL7 FHIR Radiation Dose Summary); DICOM: effective dose, CT effective dose total. A
# dose-length product is no effective dose: it is left alone.
DOSE_SUMMARY, _EFFECTIVE_DOSE = "73569-6", frozenset(("113839", "113814"))
_MILLISIEVERTS = {"msv": 1.0, "sv": 1000.0, "usv": 0.001, "µsv": 0.001, "μsv": 0.001}
_DOSE_WRITTEN = re.compile(r"dose efficace[^.;\n\d]{0,40}(\d{1,4}(?:[.,]\d{1,3})?)\s*(mSv|µSv|μSv)", re.IGNORECASE)
MSV_POSSIBLE = 200.0
LONGEST_CONCLUSION = 2000
_STUDIES, _REPORTS, _GESTURES, _ORDERS = "ImagingStudy", "DiagnosticReport", "Procedure", "ServiceRequest"
KINDS = (_STUDIES, _REPORTS, _GESTURES, _ORDERS)
ByKind = Mapping[str, Sequence[dict[str, Any]]]


@dataclass(slots=True)
class _Exams:
    """Exams being gathered; ``named`` gives the place of each by every reference under which it is known."""

    found: list[PriorExam] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)

    def add(self, exam: PriorExam, names: Sequence[str]) -> None:
        """Add an exam, or complete with it the one that it refers to."""
        kind = exam.reference.partition("/")[0]
        known = (self.named[name] for name in names if name in self.named)
        # Two studies of one order are two exams: only resources of different kinds are joined.
        place = next((place for place in known if self.found[place].reference.partition("/")[0] != kind), None)
        if place is None:
            place = len(self.found)
            self.found.append(exam)
        else:
            self.found[place] = _joined(self.found[place], exam)
        for name in names:
            self.named.setdefault(name, place)


def read_exams(by_kind: ByKind, facts: Facts, drafts: frozenset[str] = frozenset()) -> tuple[PriorExam, ...]:
    """Return the earlier exams of a patient; ``drafts`` are the ids of the orders being written, which are no earlier ones."""
    exams = _Exams()
    doses = _doses(by_kind.get("Observation", ()), facts)
    for kind in KINDS:
        for resource in by_kind.get(kind, ()):
            if (exam := _exam(kind, resource, facts, drafts)) is not None:
                names = _names(kind, resource)
                msv = next((doses[name] for name in names if name in doses), exam.msv)
                exams.add(exam if msv == exam.msv else replace(exam, msv=msv), names)
    return tuple(exams.found)


def _joined(known: PriorExam, more: PriorExam) -> PriorExam:
    """Return an exam completed by what another resource says of it; what was done is no longer merely asked for."""
    return replace(
        known,
        text=known.text or more.text,
        codes=known.codes or more.codes,
        modality=known.modality or more.modality,
        performed=known.performed or more.performed,
        place=known.place or more.place,
        conclusion=known.conclusion or more.conclusion,
        msv=more.msv if known.msv is None else known.msv,
    )


def _names(kind: str, resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the references under which a resource and what it answers are known, as ``Kind/id``."""
    links = ("imagingStudy", "study", "basedOn", "procedureReference", "report", "partOf")
    name = text(resource.get("id"))
    linked = [
        f"{reference[-2]}/{reference[-1]}"
        for key in links
        if key in resource
        for reference in map(_parts, items(resource[key]))
        if reference
    ]
    own = [f"{kind}/{name}"] if name else []
    return tuple(dict.fromkeys((*own, *(link for link in linked if link.split("/")[0] in KINDS))))


def _parts(reference: Any) -> list[str] | None:
    parts = text(mapping(reference).get("reference")).split("/_history/")[0].split("/")
    return parts if len(parts) > 1 else None


def _exam(kind: str, resource: dict[str, Any], facts: Facts, drafts: frozenset[str]) -> PriorExam | None:
    if text(resource.get("status")) in DISCARDED:
        return None
    if kind == _ORDERS:
        return _asked_exam(resource, facts, drafts)
    if (kind == _REPORTS and not _is_imaging_report(resource)) or (kind == _GESTURES and not _is_imaging_gesture(resource)):
        return None
    exam = prior_exam(resource)
    days = facts.days_since(exam.performed)
    if days is not None and days < -1:
        facts.say("examen antérieur daté d'après la demande : non retenu")
        return None
    return exam


def _asked_exam(resource: dict[str, Any], facts: Facts, drafts: frozenset[str]) -> PriorExam | None:
    """Return the exam of an earlier order of imaging, None when it is none, or one of those being written."""
    order = as_r4(resource)
    asked = text(order.get("status")) in _ASKED and text(order.get("intent")) not in _ONLY_THOUGHT and order.get("doNotPerform") is not True
    if not asked or text(order.get("id")) in drafts or not shows_imaging(order):
        return None
    when = first_day(order, "authoredOn", "occurrenceDateTime", "occurrencePeriod")
    if (days := facts.days_since(when)) is not None and days < -1:
        return None
    return replace(prior_exam(order), performed=when, ordered=True)


def prior_exam(resource: dict[str, Any]) -> PriorExam:
    """Return the exam that a study, a report, a gesture or an order (R4 shape) shows."""
    kind, name = text(resource.get("resourceType")), text(resource.get("id"))
    keys = ("procedureCode", "procedure") if kind == _STUDIES else ("code",)
    concepts = [_concept(item) for key in keys if key in resource for item in items(resource[key])]
    series = [mapping(item) for item in items(resource["series"])] if "series" in resource else []
    conclusion = _conclusion(resource) if kind == _REPORTS else ""
    return PriorExam(
        text=_said(resource, concepts, series),
        codes=tuple(code for concept in concepts for code in codings(concept)) if concepts else (),
        modality=_modality(items(resource.get("modality")) or [item.get("modality") for item in series]),
        performed=_performed(resource),
        place=text(mapping(resource.get("location")).get("display")),
        reference=f"{kind}/{name}" if name else "",
        conclusion=conclusion,
        msv=_written_dose(conclusion) if conclusion else None,
    )


def _performed(resource: dict[str, Any]) -> date | None:
    written = (resource.get("started"), resource.get("effectiveDateTime"), mapping(resource.get("effectivePeriod")).get("start"))
    found = next((found for value in written if value and (found := day(value))), None)
    return found or first_day(resource, "performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod")


def _said(resource: dict[str, Any], concepts: list[Any], series: list[dict[str, Any]]) -> str:
    """Return the first words that name an exam: its description, its procedures, its series."""
    if described := text(resource.get("description")):
        return described
    said = [word for concept in concepts for word in words(concept)] + [text(item.get("description")) for item in series]
    return next((word for word in said if word), "")


def _concept(value: Any) -> Any:
    """Return the concept of an R5 CodeableReference, or the value itself."""
    return mapping(value).get("concept", value)


def _modality(values: list[Any]) -> str:
    """Return the technique of a study: PET or scintigraphy before the CT that comes with it, never a document object."""
    found = ""
    for value in values:
        for written in code_values(value):
            code = written.upper()
            if code in _NUCLEAR:
                return code
            if not found and code not in _NOT_A_TECHNIQUE:
                found = code
    return found


def _is_imaging_report(report: dict[str, Any]) -> bool:
    codes = {code for concept in (*items(report.get("category")), report.get("code")) for code in code_set(concept)}
    return bool(codes & _IMAGING_REPORT)


def _is_imaging_gesture(gesture: dict[str, Any]) -> bool:
    return text(gesture.get("status")) not in _NOT_DONE and shows_imaging(gesture)


def _conclusion(report: dict[str, Any]) -> str:
    """Return what a report concludes: its words, else those of its conclusion codes."""
    said = text(report.get("conclusion")) or " ; ".join(
        word for concept in items(report.get("conclusionCode")) for word in words(concept)[:1]
    )
    return said[:LONGEST_CONCLUSION]


def _written_dose(conclusion: str) -> float | None:
    found = _DOSE_WRITTEN.search(conclusion)
    return _possible(number(found[1]), found[2]) if found else None


def _possible(value: float | None, unit: str) -> float | None:
    factor = _MILLISIEVERTS.get(unit.lower())
    msv = round(value * factor, 3) if value is not None and factor else None
    return msv if msv is not None and 0 < msv <= MSV_POSSIBLE else None


def _doses(observations: Iterable[dict[str, Any]], facts: Facts) -> dict[str, float]:
    """Return the effective doses in mSv that dose summaries state, by the reference of what they are about."""
    found: dict[str, float] = {}
    for observation in observations:
        codes = code_set(observation.get("code"))
        if DOSE_SUMMARY not in codes and not codes & _EFFECTIVE_DOSE:
            continue
        for part in (observation, *map(mapping, items(observation.get("component")))):
            if not code_set(part.get("code")) & _EFFECTIVE_DOSE or text(observation.get("status")) in DISCARDED:
                continue
            quantity = mapping(part.get("valueQuantity"))
            value, unit = number(quantity.get("value")), text(quantity.get("code")) or text(quantity.get("unit"))
            msv = _possible(value, unit)
            if msv is None:
                facts.say(f"dose efficace de {french(value)} {unit[:10]} : non retenue" if value is not None else "dose efficace illisible")
                continue
            for reference in _about(observation):
                found.setdefault(reference, msv)
    return found


def _about(observation: dict[str, Any]) -> Iterable[str]:
    for key in ("partOf", "focus", "derivedFrom", "basedOn"):
        for reference in items(observation.get(key)):
            parts = _parts(reference)
            if parts and parts[-2] in KINDS:
                yield f"{parts[-2]}/{tail(mapping(reference).get('reference'))}"
