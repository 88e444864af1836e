"""Why an exam was left without a judgement: what the authors of the guidelines have to write next."""

from __future__ import annotations

from enum import StrEnum

from pertimage.cds.assess import recogniser, requested
from pertimage.cds.model import Assessment, ImagingRequest, Outcome
from pertimage.guidelines.base import GuidelineBase


class Why(StrEnum):
    """Why no position was taken. The first five are « hors référentiel », the others « à compléter »."""

    NO_SHEET = "no-sheet"
    SILENT_SHEET = "silent-sheet"
    UNKNOWN_EXAM = "unknown-exam"
    OUTSIDE = "outside"
    SILENCED = "silenced"
    NO_REASON = "no-reason"
    NO_EXAM = "no-exam"
    PRECISION = "precision"

    @property
    def french(self) -> str:
        """Return the words a reader sees."""
        return _WORDS[self]

    @property
    def to_write(self) -> bool:
        """Say whether the authors can do something about it; the rest is asked of the prescriber."""
        return self in (Why.NO_SHEET, Why.SILENT_SHEET, Why.UNKNOWN_EXAM)


_WORDS = {
    Why.NO_SHEET: "aucune fiche pour ce motif",
    Why.SILENT_SHEET: "fiche muette sur cet examen",
    Why.UNKNOWN_EXAM: "examen non reconnu",
    Why.OUTSIDE: "code hors du périmètre",
    Why.SILENCED: "règle mise en silence localement",
    Why.NO_REASON: "motif absent",
    Why.NO_EXAM: "aucun examen nommé",
    Why.PRECISION: "précision demandée",
}


def why(answer: Assessment, request: ImagingRequest, base: GuidelineBase) -> Why | None:
    """Return why an answer takes no position; None when it does."""
    if answer.outcome is Outcome.INCOMPLETE:
        if answer.situations:
            return Why.PRECISION
        return Why.NO_REASON if any(item.item == "motif" for item in answer.missing) else Why.NO_EXAM
    if answer.outcome is not Outcome.NO_GUIDANCE:
        return None
    if answer.silenced is not None:
        return Why.SILENCED
    for asked in requested(request, recogniser(base.catalogue)):
        if asked.exam == answer.exam or answer.exam in asked.candidates:
            if asked.codes.outside:
                return Why.OUTSIDE
            if asked.exam is None and not asked.candidates:
                return Why.UNKNOWN_EXAM
    return Why.SILENT_SHEET if answer.situations else Why.NO_SHEET
