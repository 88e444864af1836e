"""What the record says of the patient, beyond the prescriber's words: age, sex, safety facts, antecedents, exams already done.

Antecedents never become the reason of the request: they are facts with a status, never text. A result too old to rely on is
unknown rather than reassuring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pertimage.cds.model import KnownFact, PriorExam, Sex, Status
from pertimage.fhir.history import FactsOf, is_contrast_allergy
from pertimage.fhir.renal import ckd_epi_2021, creatinine_mg_per_dl
from pertimage.fhir.systems import code_values, codings, words
from pertimage.fhir.values import age_in_years, day, items, mapping, number, text, whole

PREGNANCY = "82810-3"
CREATININE = frozenset(("14682-9", "2160-0"))
GFR = frozenset(("62238-1", "98979-8", "33914-3", "69405-9", "77147-7"))
_RENAL = CREATININE | GFR
# An absent pregnancy is not carried forward beyond a cycle, nor a present one beyond a term; a GFR beyond three months is
# kept only when it warns (SFR-CIRTACI: creatinine of less than three months).
PREGNANCY_ABSENT_DAYS, PREGNANCY_PRESENT_DAYS, GFR_DAYS, GFR_WARNS_BELOW = 31, 300, 92, 60.0
RECENT_DAYS = 31
# Lasting states: an active entry of the record counts as present whatever its date. Others count as present only when recent.
TERRAIN = frozenset((
    "antecedent-cancer", "immunodepression", "corticotherapie", "anticoagulant", "trouble-hemostase", "insuffisance-renale", "diabete",
    "osteoporose", "dispositif-implante", "contre-indication-irm", "contre-indication-contraste", "allergie-contraste",
    "corps-etranger-oculaire", "hyperthyroidie", "metformine", "aspirine", "inhibiteur-p2y12", "tabagisme", "amiante",
))  # fmt: skip
_DISCARDED = frozenset(("entered-in-error", "cancelled", "refuted", "not-taken"))
_OVER = frozenset(("inactive", "remission", "resolved", "stopped", "completed"))
_DOUBTED = frozenset(("unconfirmed", "provisional", "differential"))
_PREGNANT = {"77386006": Status.PRESENT, "LA15173-0": Status.PRESENT, "60001007": Status.ABSENT, "LA26683-5": Status.ABSENT}
_YES, _NO = ("oui", "enceinte", "y", "yes", "true", "pregnant"), ("non", "non enceinte", "pas enceinte", "n", "no", "false", "not pregnant")
# HL7 table 0074, SNOMED CT radiology and imaging, LOINC imaging study (the code of French reports) and radiology part.
_IMAGING_REPORT = frozenset(("RAD", "RX", "CT", "RUS", "NMR", "NMS", "394914008", "363679005", "18748-4", "LP29684-5"))
_REPORT_NAMES, _STUDY_NAMES = ("code",), ("procedureCode", "procedure")
_NUCLEAR = frozenset(("PT", "NM"))
_NOT_A_TECHNIQUE = frozenset(("SR", "KO", "PR", "DOC", "OT", "SC"))
_RANK = {Status.PRESENT: 3, Status.HYPOTHETICAL: 2, Status.PAST: 1, Status.ABSENT: 0, Status.FAMILY: 0}


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the patient on the day of the request; ``unknown`` says in French what is not."""

    age: float | None = None
    sex: Sex | None = None
    known: tuple[KnownFact, ...] = ()
    prior_exams: tuple[PriorExam, ...] = ()
    unknown: tuple[str, ...] = ()


def read_context(patient: dict[str, Any], resources: Iterable[dict[str, Any]], on: date | None, facts_of: FactsOf) -> Context:
    """Return the context of a request written on a day (None: unknown, then ages and freshness are unknown too)."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        by_kind.setdefault(text(resource.get("resourceType")), []).append(resource)
    sex = read_sex(patient)
    age, unknown = read_age(patient, on)
    facts = _Facts(on)
    for observation in by_kind.get("Observation", ()):
        facts.pregnancy(observation)
    facts.renal(by_kind.get("Observation", ()), age, sex)
    for kind in ("Condition", "AllergyIntolerance", "MedicationStatement", "MedicationRequest"):
        for resource in by_kind.get(kind, ()):
            facts.history(kind, resource, facts_of)
    studies = [prior for kind in ("ImagingStudy", "DiagnosticReport") for item in by_kind.get(kind, ()) if (prior := prior_exam(item))]
    return Context(age, sex, tuple(facts.found.values()), tuple(studies), (*unknown, *facts.unknown))


def read_sex(patient: dict[str, Any]) -> Sex | None:
    """Return the administrative sex; other and unknown are unknown."""
    written = patient.get("gender")
    return Sex(written) if written in ("female", "male") else None


def read_age(patient: dict[str, Any], on: date | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the age in years on a day, and what is missing to know it."""
    if not patient:
        return None, ("âge et sexe du patient",)
    birth = day(patient.get("birthDate"))
    age = age_in_years(birth, on) if birth and on else None
    if age is None:
        return None, ("âge du patient",)
    return age, () if whole(patient.get("birthDate")) else ("date de naissance incomplète : âge approché",)


class _Facts:
    """Facts being gathered, one per id: the most present wins."""

    def __init__(self, on: date | None) -> None:
        self.on = on
        self.found: dict[str, KnownFact] = {}
        self.unknown: list[str] = []

    def _keep(self, fact: KnownFact) -> None:
        held = self.found.get(fact.fact)
        if held is None or _RANK[fact.status] > _RANK[held.status]:
            self.found[fact.fact] = fact

    def _days_since(self, when: date | None) -> int | None:
        return (self.on - when).days if self.on and when else None

    def pregnancy(self, observation: dict[str, Any]) -> None:
        """Read a pregnancy status; one that is too old is unknown."""
        if text(observation.get("status")) in _DISCARDED or PREGNANCY not in _code_values(observation.get("code")):
            return
        status = pregnancy_status(observation)
        age = self._days_since(_observed(observation))
        limit = PREGNANCY_PRESENT_DAYS if status is Status.PRESENT else PREGNANCY_ABSENT_DAYS
        if status and (age is None or age <= limit):
            self._keep(KnownFact("grossesse", status, origin="Observation"))
        elif status:
            self.unknown.append("statut de grossesse trop ancien pour être retenu")

    def renal(self, observations: Sequence[dict[str, Any]], age: float | None, sex: Sex | None) -> None:
        """Read the latest glomerular filtration rate, measured or estimated from the creatinine."""
        dated = [(_observed(item) or date.min, rate) for item in observations if (rate := gfr(item, age, sex)) is not None]
        if not dated:
            return
        when, rate = max(dated, key=lambda found: found[0])
        days = self._days_since(when) if when != date.min else None
        if days is not None and days > GFR_DAYS and rate >= GFR_WARNS_BELOW:
            self.unknown.append("DFG de plus de trois mois : non retenu")
        else:
            self._keep(KnownFact("dfg", Status.PRESENT, rate, origin="Observation"))

    def history(self, kind: str, resource: dict[str, Any], facts_of: FactsOf) -> None:
        """Read an entry of the record (antecedent, allergy, treatment) into the facts it states."""
        concept = resource.get("medicationCodeableConcept") or mapping(resource.get("medication")).get("concept") or resource.get("code")
        facts = list(facts_of(codings(concept)))
        if kind == "AllergyIntolerance" and is_contrast_allergy(" ; ".join(words(concept))):
            facts.append("allergie-contraste")
        if not facts:  # most of a record
            return
        states = (
            {text(resource.get("status"))} | _code_values(resource.get("clinicalStatus")) | _code_values(resource.get("verificationStatus"))
        )
        if states & _DISCARDED:
            return
        when = (
            day(resource.get("onsetDateTime"))
            or day(mapping(resource.get("onsetPeriod")).get("start"))
            or day(resource.get("recordedDate"))
        )
        over = bool(states & _OVER) or any(key.startswith("abatement") and value for key, value in resource.items())
        for fact in facts:
            status = self._status(fact, over, bool(states & _DOUBTED), self._days_since(when))
            if status:
                self._keep(KnownFact(fact, status, origin=kind))

    def _status(self, fact: str, over: bool, doubted: bool, days: int | None) -> Status | None:
        """Return how an entry of the record stands: over, doubted, lasting, recent, or merely past."""
        if fact == "grossesse" and (over or (days is not None and days > PREGNANCY_PRESENT_DAYS)):
            return None
        if over:
            return Status.PAST
        if doubted:
            return Status.HYPOTHETICAL
        lasting = fact in TERRAIN or fact == "grossesse"
        return Status.PRESENT if lasting or (days is not None and days <= RECENT_DAYS) else Status.PAST


def pregnancy_status(observation: dict[str, Any]) -> Status | None:
    """Return present or absent as an Observation 82810-3 states it; None when it says neither."""
    for code in _code_values(observation.get("valueCodeableConcept")):
        if code in _PREGNANT:
            return _PREGNANT[code]
    value = observation.get("valueBoolean")
    if isinstance(value, bool):
        return Status.PRESENT if value else Status.ABSENT
    said = (text(observation.get("valueString")) or text(mapping(observation.get("valueCodeableConcept")).get("text"))).casefold()
    return Status.PRESENT if said in _YES else Status.ABSENT if said in _NO else None


def gfr(observation: dict[str, Any], age: float | None, sex: Sex | None) -> float | None:
    """Return the GFR in mL/min(/1.73 m²) that a result states, or that its creatinine gives by CKD-EPI 2021."""
    codes = _code_values(observation.get("code"))
    if codes.isdisjoint(_RENAL):
        return None
    quantity = mapping(observation.get("valueQuantity"))
    value, unit = number(quantity.get("value")), text(quantity.get("code")) or text(quantity.get("unit"))
    if value is None or text(observation.get("status")) in _DISCARDED:
        return None
    if codes & GFR:
        return value if 0 < value <= 200 and unit.lower().replace(" ", "").startswith("ml/min") else None
    if codes & CREATININE and age is not None and sex is not None:
        creatinine = creatinine_mg_per_dl(value, unit)
        return ckd_epi_2021(creatinine, age, sex) if creatinine else None
    return None


def prior_exam(resource: dict[str, Any]) -> PriorExam | None:
    """Return the exam that an ImagingStudy or an imaging DiagnosticReport shows as done; None when it is not one."""
    if text(resource.get("status")) in _DISCARDED:
        return None
    kind, name = text(resource.get("resourceType")), text(resource.get("id"))
    report = kind == "DiagnosticReport"
    if report and not _is_imaging_report(resource):
        return None
    concepts = [_concept(item) for key in (_REPORT_NAMES if report else _STUDY_NAMES) if key in resource for item in items(resource[key])]
    series = [mapping(item) for item in items(resource["series"])] if "series" in resource else []
    return PriorExam(
        text=_said(resource, concepts, series),
        codes=tuple(code for concept in concepts for code in codings(concept)) if concepts else (),
        modality=_modality(items(resource.get("modality")) or [item.get("modality") for item in series]),
        performed=day(resource.get("started"))
        or day(resource.get("effectiveDateTime"))
        or day(mapping(resource.get("effectivePeriod")).get("start")),
        place=text(mapping(resource.get("location")).get("display")),
        reference=f"{kind}/{name}" if name else "",
    )


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
    codes = {code for concept in (*items(report.get("category")), report.get("code")) for code in _code_values(concept)}
    return bool(codes & _IMAGING_REPORT)


def _observed(observation: dict[str, Any]) -> date | None:
    period = mapping(observation.get("effectivePeriod"))
    written = (
        observation.get("effectiveDateTime"),
        observation.get("effectiveInstant"),
        period.get("end"),
        period.get("start"),
        observation.get("issued"),
    )
    return next((found for value in written if (found := day(value))), None)


def _code_values(concept: Any) -> set[str]:
    return {concept} if isinstance(concept, str) else set(code_values(concept))
