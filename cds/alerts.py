"""Alerts: safety, redundancy, contradiction. They stand beside the outcome and never change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pertimage.cds.model import Alert, AlertKind, ImagingRequest, Missing, Policy, PriorExam, Severity
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.lexicon import Lexicon
from pertimage.guidelines.schema import ExamForm, Modality

# Same exam of the same region: project parameters (not a published rule), in days.
REPEAT_WARNING_DAYS = 90
REPEAT_STRONG_DAYS = 30

_OF_MISSING = {
    "grossesse": (AlertKind.PREGNANCY, Severity.WARNING, "Utérus dans le champ : grossesse possible à préciser avant l'examen."),
    "lateralite": (AlertKind.LATERALITY, Severity.WARNING, "Le côté n'est pas précisé."),
    "dispositif-implante": (AlertKind.MRI_DEVICE, Severity.INFO, "Avant une IRM, préciser les dispositifs implantés (ou « aucun »)."),
    "dfg": (AlertKind.CONTRAST_RENAL, Severity.WARNING, "Injection iodée et facteur de risque rénal : DFG à préciser."),
    "allergie-contraste": (AlertKind.CONTRAST_REACTION, Severity.INFO, "Injection : préciser une réaction antérieure (ou « aucune »)."),
}


def alerts(
    request: ImagingRequest,
    reading: Reading,
    exam: ExamForm | None,
    missing: tuple[Missing, ...],
    lexicon: Lexicon,
    named: Callable[[PriorExam], str | None],
    catalogue: Catalogue,
    policy: Policy,
) -> tuple[Alert, ...]:
    """Return the alerts of a request, critical first. ``named`` gives the catalogue id of an earlier exam."""
    found = [Alert(*_OF_MISSING[item.item]) for item in missing if item.item in _OF_MISSING]
    if exam is not None:
        found.extend(_safety(reading, exam, policy))
        found.extend(_repeats(request, exam, named, catalogue, policy))
    found.extend(_contradictions(reading, lexicon))
    order = list(reversed(list(Severity)))
    return tuple(sorted(found, key=lambda alert: order.index(alert.severity)))


def _safety(reading: Reading, exam: ExamForm, policy: Policy) -> Iterator[Alert]:
    truth, dfg = reading.truth, reading.values.get("dfg")
    if exam.modality.irradiating and exam.uterus_in_field and truth.get("grossesse"):
        yield Alert(
            AlertKind.PREGNANCY,
            Severity.CRITICAL,
            "Patiente enceinte et utérus dans le champ : préférer un examen sans rayons ou en discuter avec le radiologue.",
        )
    if exam.modality is Modality.MRI and truth.get("dispositif-implante"):
        yield Alert(
            AlertKind.MRI_DEVICE,
            Severity.WARNING,
            "Dispositif implanté : vérifier sa compatibilité avec l'IRM (marque, modèle, date de pose).",
        )
    if exam.modality is Modality.MRI and truth.get("corps-etranger-oculaire"):
        yield Alert(AlertKind.MRI_FOREIGN_BODY, Severity.CRITICAL, "Corps étranger métallique oculaire possible : à éliminer avant l'IRM.")
    if exam.contrast and exam.modality is Modality.CT:
        yield from _iodine(
            truth.get("allergie-contraste") is True, dfg, truth.get("metformine") is True, truth.get("hyperthyroidie") is True,
            policy.threshold("dfg_iode", 30),
        )
    if exam.modality in (Modality.SCINTIGRAPHY, Modality.PET) and truth.get("allaitement"):
        yield Alert(AlertKind.BREASTFEEDING, Severity.WARNING, "Allaitement : suspension à adapter au radiopharmaceutique.")


def _iodine(reaction: bool, dfg: float | None, metformin: bool, thyroid: bool, least: float) -> Iterator[Alert]:
    if reaction:
        yield Alert(
            AlertKind.CONTRAST_REACTION,
            Severity.WARNING,
            "Réaction antérieure signalée : préciser le produit, le délai et la gravité. L'« allergie à l'iode » (Bétadine, fruits de mer) n'est pas une contre-indication.",
        )
    if dfg is not None and dfg < least:
        yield Alert(
            AlertKind.CONTRAST_RENAL, Severity.CRITICAL, f"DFG à {dfg:g} mL/min : injection iodée à discuter avec le radiologue (seuil {least:g})."
        )
        if metformin:
            yield Alert(
                AlertKind.METFORMIN,
                Severity.WARNING,
                f"Metformine et DFG < {least:g} : à arrêter à l'injection, reprise à 48 h si la fonction rénale est stable.",
            )
    if thyroid:
        yield Alert(AlertKind.THYROID, Severity.WARNING, "Hyperthyroïdie : injection iodée à discuter.")


def _repeats(request: ImagingRequest, exam: ExamForm, named: Callable[[PriorExam], str | None], catalogue: Catalogue, policy: Policy) -> Iterator[Alert]:
    within = policy.threshold("redondance_jours", REPEAT_WARNING_DAYS, exam.modality)
    strong = policy.threshold("redondance_forte_jours", REPEAT_STRONG_DAYS, exam.modality)
    for earlier in request.prior_exams:
        days = (request.authored - earlier.performed).days if request.authored and earlier.performed else -1
        name = named(earlier) if 0 <= days < within else None
        if name is None:
            continue
        done = catalogue.exams[name]
        if done.modality is exam.modality and done.region == exam.region:
            severity = Severity.WARNING if days < strong else Severity.INFO
            where = f" ({earlier.place})" if earlier.place else ""
            yield Alert(AlertKind.REDUNDANCY, severity, f"{done.label} il y a {ago(days)}{where}.", earlier.reference or None)


def ago(days: int) -> str:
    """Return a lapse of time in plain French: « 5 semaines », « 12 jours »."""
    if days < 14:
        return f"{days} jour{'s' if days > 1 else ''}"
    return f"{round(days / 7)} semaines" if days < 70 else f"{round(days / 30.4)} mois"


def _contradictions(reading: Reading, lexicon: Lexicon) -> Iterator[Alert]:
    for fact in reading.contradictions:
        label = lexicon.facts[fact].label
        yield Alert(AlertKind.CONTRADICTION, Severity.INFO, f"Le texte affirme et nie « {label} » : il a été tenu pour présent.")
