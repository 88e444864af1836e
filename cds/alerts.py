"""Alerts: safety, contradiction. They stand beside the outcome and never change it."""

from __future__ import annotations

from collections.abc import Iterator

from pertimage.cds.model import Alert, AlertKind, ImagingRequest, Missing, Severity
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.lexicon import Lexicon
from pertimage.guidelines.schema import ExamForm, Modality

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
) -> tuple[Alert, ...]:
    """Return the alerts of a request, critical first."""
    found = [Alert(*_OF_MISSING[item.item]) for item in missing if item.item in _OF_MISSING]
    if exam is not None:
        found.extend(_safety(reading, exam))
    found.extend(_contradictions(reading, lexicon))
    order = list(reversed(list(Severity)))
    return tuple(sorted(found, key=lambda alert: order.index(alert.severity)))


def _safety(reading: Reading, exam: ExamForm) -> Iterator[Alert]:
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
            truth.get("allergie-contraste") is True, dfg, truth.get("metformine") is True, truth.get("hyperthyroidie") is True
        )
    if exam.modality in (Modality.SCINTIGRAPHY, Modality.PET) and truth.get("allaitement"):
        yield Alert(AlertKind.BREASTFEEDING, Severity.WARNING, "Allaitement : suspension à adapter au radiopharmaceutique.")


def _iodine(reaction: bool, dfg: float | None, metformin: bool, thyroid: bool) -> Iterator[Alert]:
    if reaction:
        yield Alert(
            AlertKind.CONTRAST_REACTION,
            Severity.WARNING,
            "Réaction antérieure signalée : préciser le produit, le délai et la gravité. L'« allergie à l'iode » (Bétadine, fruits de mer) n'est pas une contre-indication.",
        )
    if dfg is not None and dfg < 30:
        yield Alert(
            AlertKind.CONTRAST_RENAL, Severity.CRITICAL, f"DFG à {dfg:g} mL/min : injection iodée à discuter avec le radiologue (seuil 30)."
        )
        if metformin:
            yield Alert(
                AlertKind.METFORMIN,
                Severity.WARNING,
                "Metformine et DFG < 30 : à arrêter à l'injection, reprise à 48 h si la fonction rénale est stable.",
            )
    if thyroid:
        yield Alert(AlertKind.THYROID, Severity.WARNING, "Hyperthyroïdie : injection iodée à discuter.")


def _contradictions(reading: Reading, lexicon: Lexicon) -> Iterator[Alert]:
    for fact in reading.contradictions:
        label = lexicon.facts[fact].label
        yield Alert(AlertKind.CONTRADICTION, Severity.INFO, f"Le texte affirme et nie « {label} » : il a été tenu pour présent.")
