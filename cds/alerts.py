"""Alerts: safety, redundancy, contradiction. They stand beside the outcome and never change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pertimage.cds.model import Alert, AlertKind, ImagingRequest, Missing, PriorExam, Severity
from pertimage.cds.safety import Safeguard
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.lexicon import Lexicon
from pertimage.guidelines.schema import ExamForm

# Same exam of the same region: project parameters (not a published rule), in days.
REPEAT_WARNING_DAYS = 90
REPEAT_STRONG_DAYS = 30

_LACKING = {
    "grossesse": Alert(AlertKind.PREGNANCY, Severity.WARNING, "Utérus dans le champ : grossesse possible à préciser avant l'examen."),
    "lateralite": Alert(AlertKind.LATERALITY, Severity.WARNING, "Le côté n'est pas précisé."),
    "dispositif-implante": Alert(AlertKind.MRI_DEVICE, Severity.INFO, "Avant une IRM, préciser les dispositifs implantés (ou « aucun »)."),
    "dfg": Alert(AlertKind.CONTRAST_RENAL, Severity.WARNING, "Injection iodée et facteur de risque rénal : DFG à préciser."),
    "allergie-contraste": Alert(
        AlertKind.CONTRAST_REACTION, Severity.INFO, "Injection : préciser une réaction antérieure (ou « aucune »)."
    ),
}


_ONLY_LACKING = frozenset(_LACKING.values())


def only_lacking(alert: Alert) -> bool:
    """Say whether an alert says no more than that something is not written yet."""
    return alert in _ONLY_LACKING


def alerts(
    request: ImagingRequest,
    reading: Reading,
    exam: ExamForm | None,
    missing: tuple[Missing, ...],
    lexicon: Lexicon,
    named: Callable[[PriorExam], str | None],
    catalogue: Catalogue,
    safeguard: Safeguard,
    emergency: bool,
) -> tuple[Alert, ...]:
    """Return the alerts of a request, critical first. ``named`` gives the catalogue id of an earlier exam."""
    found = [_LACKING[item.item] for item in missing if item.item in _LACKING]
    found.extend(safeguard.alerts(exam, emergency))
    if exam is not None:
        found.extend(_repeats(request, exam, named, catalogue))
    found.extend(_contradictions(reading, lexicon))
    order = list(reversed(list(Severity)))
    return tuple(sorted(found, key=lambda alert: order.index(alert.severity)))


def _repeats(request: ImagingRequest, exam: ExamForm, named: Callable[[PriorExam], str | None], catalogue: Catalogue) -> Iterator[Alert]:
    for earlier in request.prior_exams:
        days = (request.authored - earlier.performed).days if request.authored and earlier.performed else -1
        name = named(earlier) if 0 <= days < REPEAT_WARNING_DAYS else None
        if name is None:
            continue
        done = catalogue.exams[name]
        if done.modality is exam.modality and done.region == exam.region:
            severity = Severity.WARNING if days < REPEAT_STRONG_DAYS else Severity.INFO
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
