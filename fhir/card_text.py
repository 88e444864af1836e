"""The French of a card: a summary of one line, a detail in Markdown. What the prescriber wrote is quoted, never interpreted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pertimage.cds.dose import cumulated_words, natural_words
from pertimage.cds.model import AlertKind, Alternative, Assessment, FactFound, Outcome, SourceCited, Status
from pertimage.cds.speech import once
from pertimage.fhir.publisher import LabelOf

SUMMARY_LIMIT = 139
_FACTS_SHOWN, _OFFERS_SHOWN, _QUOTE_LIMIT, _UNKNOWN_LIMIT = 8, 4, 80, 300
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_STATUS = {
    Status.PRESENT: "présent",
    Status.ABSENT: "absent",
    Status.HYPOTHETICAL: "évoqué",
    Status.PAST: "antécédent",
    Status.FAMILY: "antécédent familial",
}
_NONE = "none"
# The origins that structured facts carry as their evidence.
_RECORD = frozenset((
    "Condition", "Observation", "AllergyIntolerance", "MedicationStatement", "MedicationRequest", "MedicationUsage", "Procedure", "Device",
    "DeviceUseStatement", "DeviceUsage", "DeviceAssociation", "OBX", "64100-1",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a card."""

    summary: str
    detail: str


WordsOf = Callable[[Assessment, LabelOf, tuple[str, ...]], Words]


def words(assessment: Assessment, label_of: LabelOf, unknown: tuple[str, ...] = ()) -> Words:
    """Return the summary and the detail of a card."""
    return Words(summary(assessment), detail(assessment, label_of, unknown))


class RecentWords:
    """Writes the words of cards, and remembers those of the last assessments: an assessment given again is the same object."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[tuple[int, tuple[str, ...]], tuple[Assessment, Words]] = {}

    def __call__(self, assessment: Assessment, label_of: LabelOf, unknown: tuple[str, ...] = ()) -> Words:
        """Return the summary and the detail of a card."""
        key = id(assessment), unknown
        known = self._known.get(key)  # it holds the assessment: no other takes its identity meanwhile
        if known is None:
            known = self._known[key] = assessment, words(assessment, label_of, unknown)
            if len(self._known) > self._size:
                self._known.pop(next(iter(self._known)))
        return known[1]


def shorten(words: str, limit: int = SUMMARY_LIMIT) -> str:
    """Return the words on one line, cut at a space with « … » when they are longer than the limit."""
    line = " ".join(words.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[limit // 2 :] else cut).rstrip(" ,;:—") + "…"


def quoted(words: str, limit: int = _QUOTE_LIMIT) -> str:
    """Return foreign words as inert Markdown on one line."""
    return _MARKS.sub(r"\\\1", shorten(words, limit)).replace("\\<", "&lt;").replace("\\>", "&gt;")


def in_sentence(label: str) -> str:
    """Return a label ready for the middle of a sentence: « Radiographie » loses its capital, « IRM » keeps it."""
    return label[:1].lower() + label[1:] if label[1:2].islower() or label[1:2] == "'" else label


def fact_labels(labels: Mapping[str, str]) -> LabelOf:
    """Return the function that names facts: by their label, else by their id without hyphens."""
    known = {"age": "âge", "duree": "durée", "sexe": "sexe"} | dict(labels)
    return lambda fact: known.get(fact, fact.replace("-", " "))


def exam_label(assessment: Assessment) -> str:
    """Return how to name the exam requested."""
    label = assessment.exam_label.strip()
    return label[:1].upper() + label[1:] if label else "Examen demandé"


def summary(assessment: Assessment) -> str:
    """Return the card's summary: what is asked, and what the guidance says of it."""
    label, outcome = shorten(exam_label(assessment), 70), assessment.outcome
    if assessment.pathway == "emergency":
        return shorten(f"Urgence : adresser aux urgences ou appeler le 15, sans attendre. {label} : {outcome.french}")
    if outcome is Outcome.ALTERNATIVE and assessment.alternatives:
        first = assessment.alternatives[0]
        if first.exam == _NONE:
            return shorten(f"{label} : {outcome.french}. {first.label}")
        asked = in_sentence(label) if assessment.exam_label.strip() else "l'examen demandé"
        return shorten(f"{first.label} plutôt que {asked}")
    if outcome is Outcome.INCOMPLETE and assessment.missing:
        return shorten(f"{label} : à compléter. {assessment.missing[0].question}")
    if outcome is Outcome.NO_GUIDANCE:
        return shorten(f"{label} : hors référentiel, aucun avis rendu (ce n'est pas une approbation)")
    if outcome is Outcome.APPROPRIATE and any(item.blocking for item in assessment.missing):
        return shorten(f"{label} : pertinent, mais une information exigée manque")
    return shorten(f"{label} : {outcome.french}")


def detail(assessment: Assessment, label_of: LabelOf, unknown: Sequence[str] = ()) -> str:
    """Return the card's detail: the reason, its hypotheses, what is missing, what to do instead, what was read, the sources.

    ``unknown`` is what could not be had of the context, in French.
    """
    return "\n\n".join(part for part in _parts(assessment, label_of, unknown) if part)


def _parts(assessment: Assessment, label_of: LabelOf, unknown: Sequence[str]) -> Iterator[str]:
    if assessment.pathway == "emergency":
        yield "**Urgences ou appel du 15, sans attendre un rendez-vous d'imagerie.**"
    yield f"**{exam_label_quoted(assessment)} : {assessment.outcome.french}.** {assessment.reason}"
    yield f"**{assessment.fast_track.french}**" if assessment.fast_track else ""
    yield _hypotheses(assessment, label_of)
    # What the law wants written is asked for below.
    yield _bullets("Alertes", [alert.message for alert in once(assessment.alerts) if alert.kind is not AlertKind.LEGAL_ITEM])
    yield _bullets("À préciser", [f"{item.question}{' *(exigé)*' if item.blocking else ''}" for item in assessment.missing])
    yield _bullets("À la place" if assessment.outcome is not Outcome.APPROPRIATE else "Autre possibilité", _offers(assessment))
    yield _bullets("Ce qui a été lu", _facts(assessment.facts, label_of))
    yield f"Non disponible, tenu pour inconnu : {quoted(' ; '.join(unknown), _UNKNOWN_LIMIT)}." if unknown else ""
    yield _dose(assessment)
    yield _bullets("Sources", [cited(source) for source in assessment.sources])
    yield _foot(assessment)


def _bullets(title: str, lines: list[str]) -> str:
    return "\n".join([f"**{title}**", "", *(f"- {line}" for line in lines)]) if lines else ""


def exam_label_quoted(assessment: Assessment) -> str:
    """Return the exam's name as inert Markdown: it may be the prescriber's own words."""
    return quoted(exam_label(assessment))


def _hypotheses(assessment: Assessment, label_of: LabelOf) -> str:
    """Return « en l'absence de… »: the red flags that nothing states and that would change the answer."""
    if not assessment.absent_flags:
        return ""
    names = [in_sentence(label_of(item.item)) for item in assessment.absent_flags]
    return f"Avis rendu **en l'absence de** : {', '.join(names)} (la demande n'en dit rien ; à vérifier)."


def _offers(assessment: Assessment) -> list[str]:
    shown = [_offer(alternative) for alternative in assessment.alternatives[:_OFFERS_SHOWN]]
    more = len(assessment.alternatives) - len(shown)
    return [*shown, f"et {more} autre{'s' if more > 1 else ''}, selon le cas : voir la fiche"] if more > 0 else shown


def _offer(alternative: Alternative) -> str:
    said = [alternative.label + (f" — {alternative.when}" if alternative.when else "")]
    if alternative.exam == _NONE:
        return said[0]
    if alternative.msv == 0:
        said.append("sans rayons")
    elif alternative.msv is not None:
        said.append(f"environ {_msv(alternative.msv)}{_class(alternative.dose_class)}, soit {natural_words(alternative.msv)}")
    if alternative.tariff_eur is not None:
        said.append(f"{french_number(alternative.tariff_eur, 2)} € (acte, hors forfait technique)")
    if alternative.wait_days is not None:
        where = f" à {alternative.wait_site}" if alternative.wait_site else ""
        said.append(f"prochain délai médian {french_number(alternative.wait_days, 0)} j{where}")
    return " ; ".join(said)


def _facts(facts: tuple[FactFound, ...], label_of: LabelOf) -> list[str]:
    """Return what was read in the words or the record; what was deduced from it is not shown as read."""
    read = [fact for fact in facts if fact.start >= 0 or fact.value is not None or fact.evidence in _RECORD]
    shown = [_fact(fact, label_of) for fact in read[:_FACTS_SHOWN]]
    more = len(read) - len(shown)
    return [*shown, f"et {more} autre{'s' if more > 1 else ''}"] if more > 0 else shown


def _fact(fact: FactFound, label_of: LabelOf) -> str:
    quote = f"« {quoted(fact.evidence)} »" if fact.evidence and fact.start >= 0 else ""
    if fact.value is not None and fact.status is Status.PRESENT:
        return f"{label_of(fact.fact)} : {quote or f'{french_number(fact.value)} (dossier)'}"
    return f"{label_of(fact.fact)} : {_STATUS[fact.status]} ({quote or 'dossier'})"


def _dose(assessment: Assessment) -> str:
    """Return the dose of the exam asked in plain words, and what the exams known before it gave, with its uncertainty."""
    dose = assessment.dose
    before = cumulated_words(dose) if dose.exams_without_dose or dose.cumulative_60m_msv else ""
    if dose.msv is None:
        return before
    if dose.msv == 0:
        own = "Examen demandé : sans rayons."
    else:
        own = f"Dose de l'examen demandé : environ {_msv(dose.msv)}{_class(dose.dose_class)}, soit {natural_words(dose.msv)} (2,9 mSv par an en France)."
    return " ".join(part for part in (own, before) if part)


def _class(dose_class: str | None) -> str:
    return f" (classe {dose_class})" if dose_class else ""


def _msv(msv: float) -> str:
    """Return a dose in mSv; the smallest keep their decimals."""
    return f"{french_number(msv) if msv >= 0.1 else f'{msv:g}'.replace('.', ',')} mSv"


def cited(source: SourceCited) -> str:
    """Return a source as a reader finds it: organisation, title, year, place in the document."""
    year = f", {source.year}" if source.year else ""
    return f"{source.organisation}, *{source.title}*{year}{f' ({source.where})' if source.where else ''}"


def _foot(assessment: Assessment) -> str:
    draft = (
        "**Brouillon non relu** : cette règle n'a pas encore été validée par un comité clinique. "
        if assessment.review_state == "draft"
        else ""
    )
    rule = f", règle {assessment.rule}" if assessment.rule else ""
    return f"{draft}Référentiel {assessment.guidelines}{rule}. Avis indicatif : la décision reste la vôtre et celle du radiologue."


def french_number(value: float, decimals: int = 1) -> str:
    """Return a number as the French write it, without useless decimals."""
    written = f"{value:.{decimals}f}"
    return (written.rstrip("0").rstrip(".") if "." in written and decimals == 1 else written).replace(".", ",")
