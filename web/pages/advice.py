"""An assessment made ready for the page: words, look, alternatives, questions. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pertimage.cds.dose import cumulated_words
from pertimage.cds.model import Alert, AlertKind, Alternative, Assessment, FactFound, Missing, Outcome, Severity
from pertimage.cds.speech import once
from pertimage.guidelines.schema import ExamForm
from pertimage.web.pages import french
from pertimage.web.pages.highlight import Read, Segment, listed, segments
from pertimage.web.pages.replies import Option, Question, question, yes_no
from pertimage.web.service import Service

# Outcome → name of its look in the style sheet, and of its icon. The words always stand beside them.
LOOKS = {
    Outcome.APPROPRIATE: ("pertinent", "coche"),
    Outcome.ALTERNATIVE: ("autre", "echange"),
    Outcome.NOT_INDICATED: ("sans", "pause"),
    Outcome.INCOMPLETE: ("completer", "question"),
    Outcome.NO_GUIDANCE: ("hors", "boussole"),
}
AGAINST = frozenset((Outcome.ALTERNATIVE, Outcome.NOT_INDICATED))
SEVERITIES = {Severity.CRITICAL: "Important", Severity.WARNING: "Attention", Severity.INFO: "À savoir"}
# These alerts only say that an item is missing; the question asks for it.
_OF_ITEM = {
    AlertKind.PREGNANCY: "grossesse", AlertKind.LATERALITY: "lateralite", AlertKind.MRI_DEVICE: "dispositif-implante",
    AlertKind.CONTRAST_RENAL: "dfg", AlertKind.CONTRAST_REACTION: "allergie-contraste",
}  # fmt: skip
FIRST_QUESTIONS = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to do instead. ``exam`` is empty when it is no imaging, and ``steps`` then says what to do.

    ``replacement`` is what the exam field becomes when the offer is taken.
    """

    exam: str
    label: str
    when: str = ""
    dose: str = ""
    dose_level: int = 0
    tariff: str = ""
    wait: str = ""
    replacement: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlagToConfirm:
    """A red flag that the text does not mention, with its two answers."""

    label: str
    question: str
    no: Option
    yes: Option


@dataclass(frozen=True, slots=True)
class Advice:
    """One assessment as the page shows it."""

    assessment: Assessment
    exam: str
    word: str
    look: str
    icon: str
    own_dose: str
    own_dose_level: int
    own_tariff: str
    received: str
    offers: tuple[Offer, ...]
    flags: tuple[FlagToConfirm, ...]
    alerts: tuple[tuple[str, Alert], ...]
    sheets: tuple[tuple[str, str], ...]

    @property
    def against(self) -> bool:
        """Say whether signing this exam goes against the guidance."""
        return self.assessment.outcome in AGAINST

    @property
    def emergency(self) -> bool:
        """Say whether the patient belongs in the emergency department."""
        return self.assessment.pathway == "emergency"


def advices(assessments: Sequence[Assessment], service: Service) -> list[Advice]:
    """Return the assessments ready for the page."""
    return [_advice(one, assessments, service) for one in assessments]


def _advice(one: Assessment, among: Sequence[Assessment], service: Service) -> Advice:
    look, icon = LOOKS[one.outcome]
    exam = service.base.catalogue.exams.get(one.exam or "")
    dose, level, tariff = _cost(exam) if exam else ("", 0, "")
    offers = tuple(_offer(offer, one, among, service) for offer in one.alternatives)
    return Advice(
        assessment=one, exam=french.capital(one.exam_label) or "Examen non précisé", word=french.capital(one.outcome.french), look=look, icon=icon,
        own_dose=dose, own_dose_level=level, own_tariff=tariff, received=_received(one), offers=offers, flags=_flags(one, service),
        alerts=alerts_shown(one), sheets=tuple((name, service.base.sheets[name].title) for name in one.situations if name in service.base.sheets),
    )  # fmt: skip


def _received(one: Assessment) -> str:
    """Return the doses already received, when some were."""
    return cumulated_words(one.dose) if one.dose.exams_without_dose or one.dose.cumulative_60m_msv else ""


def _cost(exam: ExamForm) -> tuple[str, int, str]:
    irradiating = exam.modality.irradiating
    return french.dose(exam.dose.msv, irradiating=irradiating), dose_level(exam), french.tariff(exam.tariff_eur, str(exam.modality))


def dose_level(exam: ExamForm) -> int:
    """Return how many of the four marks of the dose scale are filled: the class of the guide, else the thresholds of its classes."""
    classes = {"0": 0, "I": 1, "II": 2, "III": 3, "IV": 4}
    if not exam.modality.irradiating:
        return 0
    if exam.dose.dose_class in classes:
        return classes[exam.dose.dose_class]
    msv = exam.dose.msv
    return 0 if msv is None else 1 + sum(msv >= limit for limit in (1, 5, 10))


def _offer(offer: Alternative, one: Assessment, among: Sequence[Assessment], service: Service) -> Offer:
    exam = service.base.catalogue.exams.get(offer.exam)
    if exam is None:
        head, _, rest = offer.label.partition(" : ")
        return Offer("", head, offer.when, steps=tuple(french.capital(step.strip()) for step in rest.split(";") if step.strip()))
    dose, level, tariff = _cost(exam)
    # With several exams asked, replacing one keeps the others.
    others = [exam.label if other is one else other.exam_label for other in among]
    return Offer(
        exam.id,
        exam.label,
        offer.when,
        dose,
        level,
        tariff,
        french.wait(offer.wait_days, offer.wait_site),
        " + ".join(filter(None, others)),
    )


def exam_offer(exam: ExamForm) -> Offer:
    """Return an exam of the catalogue as something to ask for."""
    dose, level, tariff = _cost(exam)
    return Offer(exam.id, exam.label, "", dose, level, tariff, "", exam.label)


def _flags(one: Assessment, service: Service) -> tuple[FlagToConfirm, ...]:
    facts = service.base.lexicon.facts
    named = [(facts[flag.item], flag) for flag in one.absent_flags if flag.item in facts and not facts[flag.item].is_number]
    return tuple(FlagToConfirm(fact.label, flag.question, *yes_no(fact)) for fact, flag in named)


def alerts_shown(one: Assessment) -> tuple[tuple[str, Alert], ...]:
    """Return the alerts with the word of their severity, without those that only say again that an item is missing."""
    asked = {item.item for item in one.missing}
    told = {alert for alert in one.alerts if alert.kind is AlertKind.LEGAL_ITEM or _OF_ITEM.get(alert.kind) in asked}
    kept = (alert for alert in one.alerts if alert not in told or alert.severity is Severity.CRITICAL)
    return tuple((SEVERITIES[alert.severity], alert) for alert in once(kept))


def questions(assessments: Sequence[Assessment], service: Service) -> list[Question]:
    """Return what is missing, once each, what decides first, then what is demanded, then what matters most."""
    missing: dict[str, Missing] = {}
    for one in assessments:
        for item in one.missing:
            missing.setdefault(item.item, item)
    deciding = {item.item for one in assessments if one.outcome is Outcome.INCOMPLETE for item in one.missing[:2]}
    rank = service.base.tables.completeness.rank
    ordered = sorted(missing.values(), key=lambda item: (item.item not in deciding, not item.blocking, rank(item.item)))
    return [question(item, service.base) for item in ordered]


def reading(text: str, facts: Sequence[FactFound], service: Service) -> tuple[list[Segment], list[Read]]:
    """Return the text with its evidence, and the list of what was read."""
    return segments(text, facts, service.label), listed(facts, service.label)


def is_draft_advice(assessments: Sequence[Assessment]) -> bool:
    """Say whether a rule that no committee has read took part in the answer."""
    return any(one.review_state == "draft" for one in assessments)
