"""The values that enter and leave the core: a request in, assessments out.

Everything here is frozen and made of tuples, so that an assessment is a function of its inputs. Nothing here knows
FHIR, the clock, the disk or the network.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from pertimage.cds.policy import Policy as Policy


class Outcome(StrEnum):
    """What the guidance says of the exam requested (« avis »)."""

    APPROPRIATE = "appropriate"
    ALTERNATIVE = "alternative"
    NOT_INDICATED = "not-indicated"
    INCOMPLETE = "incomplete"
    NO_GUIDANCE = "no-guidance"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _OUTCOME_WORDS[self]


_OUTCOME_WORDS = {
    Outcome.APPROPRIATE: "pertinent",
    Outcome.ALTERNATIVE: "autre examen préférable",
    Outcome.NOT_INDICATED: "pas d'imagerie utile à ce stade",
    Outcome.INCOMPLETE: "à compléter",
    Outcome.NO_GUIDANCE: "hors référentiel",
}


class Status(StrEnum):
    """How a mention stands for the patient of the request."""

    PRESENT = "present"
    ABSENT = "absent"
    HYPOTHETICAL = "hypothetical"
    PAST = "past"
    FAMILY = "family"


class AlertKind(StrEnum):
    """The closed list of alerts."""

    REDUNDANCY = "redundancy"
    CUMULATIVE_DOSE = "cumulative-dose"
    PREGNANCY = "pregnancy"
    BREASTFEEDING = "breastfeeding"
    CONTRAST_RENAL = "contrast-renal"
    CONTRAST_REACTION = "contrast-reaction"
    MRI_DEVICE = "mri-device"
    MRI_FOREIGN_BODY = "mri-foreign-body"
    METFORMIN = "metformin"
    THYROID = "thyroid"
    ANTICOAGULANT = "anticoagulant"
    LEGAL_ITEM = "legal-item"
    LATERALITY = "laterality"
    CONTRADICTION = "contradiction"
    AVAILABILITY = "availability"


class Severity(StrEnum):
    """How loudly an alert speaks."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Sex(StrEnum):
    """Administrative sex as FHIR writes it."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept as it came: system URI (or OID), code, display."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of the prescriber's words and where in the request it stood (``reasonCode``, ``note``…)."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact that structured data state (prefetch, form, answer to a question), by its id in the lexicon.

    ``value`` is in the unit that the lexicon gives that fact; ``origin`` says where it was read, without identity.
    """

    fact: str
    status: Status = Status.PRESENT
    value: float | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class PriorExam:
    """An exam already done, or ordered and not done yet (``ordered``): what, when, where, and the reference by which it can be opened.

    ``conclusion`` is what its report concluded, as written; ``msv`` the effective dose that its report states, in mSv.
    """

    text: str
    codes: tuple[Code, ...] = ()
    modality: str = ""
    performed: date | None = None
    place: str = ""
    reference: str = ""
    conclusion: str = ""
    ordered: bool = False
    msv: float | None = None


@dataclass(frozen=True, slots=True)
class ImagingRequest:
    """One prescribed exam and what is known of the patient; holds no identity.

    ``narrative`` joins all ``texts`` with newlines; every span of an assessment is an offset into it, in characters.
    ``age`` is in years (fractions for infants), None when unknown. ``authored`` is the day the request was written.
    """

    id: str
    exam_text: str = ""
    exam_codes: tuple[Code, ...] = ()
    texts: tuple[TextPart, ...] = ()
    reason_codes: tuple[Code, ...] = ()
    body_sites: tuple[Code, ...] = ()
    laterality: str = ""
    age: float | None = None
    sex: Sex | None = None
    authored: date | None = None
    priority: str = "routine"
    known: tuple[KnownFact, ...] = ()
    prior_exams: tuple[PriorExam, ...] = ()
    unknown_context: tuple[str, ...] = ()

    @property
    def narrative(self) -> str:
        """Return the prescriber's words in one string, the one that spans refer to."""
        return unicodedata.normalize("NFC", "\n".join(part.text for part in self.texts))


@dataclass(frozen=True, slots=True)
class FactFound:
    """A fact of the request with the words that state it; offsets in the narrative, -1 when it came from data."""

    fact: str
    status: Status
    evidence: str
    start: int = -1
    end: int = -1
    value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object (``value`` only when there is one)."""
        out: dict[str, Any] = {
            "fact": self.fact, "status": str(self.status), "evidence": self.evidence, "start": self.start, "end": self.end,
        }  # fmt: skip
        if self.value is not None:
            out["value"] = self.value
        return out


@dataclass(frozen=True, slots=True)
class Missing:
    """An item the request lacks: its word, the question to ask, whether law or safety demands it.

    ``level`` says whose matter it is: ``legal``, ``clinical``, ``safety`` or ``logistics``.
    """

    item: str
    question: str
    blocking: bool = False
    level: str = "clinical"

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object."""
        return {"item": self.item, "question": self.question, "blocking": self.blocking, "level": self.level}


@dataclass(frozen=True, slots=True)
class Alternative:
    """What to do instead. ``exam`` is a catalogue id, or ``none`` (no imaging, or something other than imaging first)."""

    exam: str
    label: str
    when: str = ""
    dose_class: str | None = None
    msv: float | None = None
    tariff_eur: float | None = None
    wait_days: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object; dose, tariff and wait only for an exam."""
        out: dict[str, Any] = {"exam": self.exam, "label": self.label}
        if self.when:
            out["when"] = self.when
        if self.exam != "none":
            out |= {"dose_class": self.dose_class, "msv": self.msv, "tariff_eur": self.tariff_eur, "wait_days": self.wait_days}
        return out


@dataclass(frozen=True, slots=True)
class Alert:
    """A matter apart from the outcome: safety, redundancy, law, contradiction.

    ``basis`` says what it rests on: ``verified``, ``knowledge`` or ``proposed`` (see ``guidelines.tables.Basis``).
    """

    kind: AlertKind
    severity: Severity
    message: str
    refers_to: str | None = None
    basis: str = "verified"

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object."""
        return {
            "kind": str(self.kind), "severity": str(self.severity), "message": self.message, "refers_to": self.refers_to, "basis": self.basis,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceCited:
    """A verified source of the rule that concluded."""

    organisation: str
    title: str
    year: int | None
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object."""
        return {"organisation": self.organisation, "title": self.title, "year": self.year, "where": self.where}


@dataclass(frozen=True, slots=True)
class Dose:
    """Dose of the exam requested: class of the guide (0, I…IV) and typical effective dose in mSv; then the known exams done before it.

    The sums, in mSv, are estimates; their ranges add the lowest and the highest doses of each exam (60 months, then 12). All are
    None when no earlier exam is known. ``exams_without_dose`` counts the exams of 60 months whose dose or date is unknown.
    """

    dose_class: str | None = None
    msv: float | None = None
    cumulative_12m_msv: float | None = None
    cumulative_60m_msv: float | None = None
    cumulative_12m_range_msv: tuple[float, float] | None = None
    cumulative_range_msv: tuple[float, float] | None = None
    exams_without_dose: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object."""
        year, years = self.cumulative_12m_range_msv, self.cumulative_range_msv
        return {
            "class": self.dose_class, "msv": self.msv, "cumulative_12m_msv": self.cumulative_12m_msv,
            "cumulative_60m_msv": self.cumulative_60m_msv, "cumulative_12m_range_msv": list(year) if year else None,
            "cumulative_range_msv": list(years) if years else None, "exams_without_dose": self.exams_without_dose,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assessment:
    """The service's answer on one exam of one request: a total, explained function of the inputs.

    ``pathway`` is ``emergency`` or None. ``rule`` is ``<sheet>/<rule>``. ``absent_flags`` names the two or three red flags
    that the text does not mention and that would change the answer (« en l'absence de… »). ``silenced`` is the outcome of a rule
    that the local policy put to silence: nothing of it is told, and the outcome is ``no-guidance``. ``policy`` is the digest of the
    document that judged (see ``Policy``); the journal keeps it beside the assessment.
    """

    request: str
    outcome: Outcome
    exam: str | None
    guidelines: str
    reason: str
    pathway: str | None = None
    exam_label: str = ""
    situations: tuple[str, ...] = ()
    rule: str | None = None
    facts: tuple[FactFound, ...] = ()
    missing: tuple[Missing, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    alerts: tuple[Alert, ...] = ()
    sources: tuple[SourceCited, ...] = ()
    dose: Dose = field(default_factory=Dose)
    flagged: bool = False
    flag_reasons: tuple[str, ...] = ()
    absent_flags: tuple[Missing, ...] = ()
    review_state: str = "draft"
    silenced: Outcome | None = None
    policy: str = field(default="", compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON object (see the design's « Assessment »); ``silenced`` only when a rule is."""
        out: dict[str, Any] = {
            "request": self.request,
            "outcome": str(self.outcome),
            "pathway": self.pathway,
            "exam": self.exam,
            "exam_label": self.exam_label,
            "situations": list(self.situations),
            "rule": self.rule,
            "reason": self.reason,
            "facts": [fact.to_json() for fact in self.facts],
            "missing": [item.to_json() for item in self.missing],
            "absent_flags": [item.to_json() for item in self.absent_flags],
            "alternatives": [alternative.to_json() for alternative in self.alternatives],
            "alerts": [alert.to_json() for alert in self.alerts],
            "sources": [source.to_json() for source in self.sources],
            "dose": self.dose.to_json(),
            "flagged": self.flagged,
            "flag_reasons": list(self.flag_reasons),
            "guidelines": self.guidelines,
            "review_state": self.review_state,
        }
        if self.silenced is not None:
            out["silenced"] = str(self.silenced)
        return out
