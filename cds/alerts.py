"""Alerts: safety, contradiction. They stand beside the outcome and never change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pertimage.cds.model import Alert, AlertKind, ImagingRequest, Missing, Severity
from pertimage.cds.safety import Safeguard
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.lexicon import Lexicon
from pertimage.guidelines.schema import ExamForm

_LACKING = {
    "grossesse": Alert(AlertKind.PREGNANCY, Severity.WARNING, "Utérus dans le champ : grossesse possible à préciser avant l'examen."),
    "lateralite": Alert(AlertKind.LATERALITY, Severity.WARNING, "Le côté n'est pas précisé."),
    "dispositif-implante": Alert(AlertKind.MRI_DEVICE, Severity.INFO, "Avant une IRM, préciser les dispositifs implantés (ou « aucun »)."),
    "dfg": Alert(AlertKind.CONTRAST_RENAL, Severity.WARNING, "Injection iodée et facteur de risque rénal : DFG à préciser."),
    "allergie-contraste": Alert(
        AlertKind.CONTRAST_REACTION, Severity.INFO, "Injection : préciser une réaction antérieure (ou « aucune »)."
    ),
}


# What CSP R.1333-53 wants in a request for an irradiating exam; pregnancy has its own alert.
_WORDS_OF_LEGAL = {"motif": "motif", "finalite": "finalité", "examens-anterieurs": "examens antérieurs"}
_ONLY_LACKING = frozenset(_LACKING.values())


def only_lacking(alert: Alert) -> bool:
    """Say whether an alert says no more than that something is not written yet."""
    return alert in _ONLY_LACKING or alert.kind is AlertKind.LEGAL_ITEM


def alerts(
    request: ImagingRequest,
    reading: Reading,
    exam: ExamForm | None,
    missing: tuple[Missing, ...],
    lexicon: Lexicon,
    safeguard: Safeguard,
    emergency: bool,
) -> tuple[Alert, ...]:
    """Return the alerts of a request that its own words and the patient's state raise, critical first."""
    found = [_LACKING[item.item] for item in missing if item.item in _LACKING]
    found.extend(safeguard.alerts(exam, emergency))
    found.extend(_unwritten(missing))
    found.extend(_contradictions(reading, lexicon))
    return most_serious_first(found)


def _unwritten(missing: Iterable[Missing]) -> Iterator[Alert]:
    """Yield the alert of what the law wants written and the request does not say; each has its question beside."""
    wanted = [_WORDS_OF_LEGAL[item.item] for item in missing if item.blocking and item.level == "legal" and item.item in _WORDS_OF_LEGAL]
    if wanted:
        yield Alert(
            AlertKind.LEGAL_ITEM, Severity.INFO, f"Mention exigée (code de la santé publique, R.1333-53) non écrite : {', '.join(wanted)}."
        )


def most_serious_first(found: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return alerts with the critical ones first, otherwise in their order."""
    order = list(reversed(list(Severity)))
    return tuple(sorted(found, key=lambda alert: order.index(alert.severity)))


def _contradictions(reading: Reading, lexicon: Lexicon) -> Iterator[Alert]:
    for fact in reading.contradictions:
        label = lexicon.facts[fact].label
        yield Alert(AlertKind.CONTRADICTION, Severity.INFO, f"Le texte affirme et nie « {label} » : il a été tenu pour présent.")
