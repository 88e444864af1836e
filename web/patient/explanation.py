"""What the patient page says of a request: which exam or none, why, where it stands, the dose, what to do before and when to worry.

A sentence that reassures is said only when the guidance advises no imaging and none is asked for; one that warns is always said. No
word of the prescriber nor of the radiologist comes here: a free text may name somebody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.worklist import RequestRow
from pertimage.cds.model import Assessment, ImagingRequest, Outcome
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.schema import ExamForm
from pertimage.web.patient.preparations import LEVELS, Preparations

ADULT = 18
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WARNS = re.compile(
    r"urgence|\b15\b|\b112\b|\bmaternité|consulte|revenez|appele|montrez|montrée|tout de suite|sans attendre|aussitôt|rapidement|le jour même|dans la journée"
    r"|\bavis urgent|\bvite\b|voyez",
    re.IGNORECASE,
)
# A sentence that reassures as much as it warns is not said to a patient who has an exam to do.
_REASSURES = re.compile(
    r"bénin|pas d'urgence|sans danger|sans gravité|inutile|n'est utile que|ne sert|guéri|banal|normal|rassur|suffi|passe seul|\bécart|aucune? (?:radio|examen)|pas besoin",
    re.IGNORECASE,
)


# A sentence that cannot be understood without the one before.
_FOLLOWS = re.compile(
    r"(?:il|elle|ils|elles|ces|cela|c'est|si elles?|s'ils?|s'il|allez|appelez|restez|rendez|n'attendez|on)\b", re.IGNORECASE
)


class Plan(StrEnum):
    """What the patient has to do."""

    EXAM = "examen"
    NONE = "sans"


@dataclass(frozen=True, slots=True)
class ExamShown:
    """An exam as a patient knows it: its technique (DICOM code), its French name, its dose as a level of the drawing, 0 to 4, None if unknown."""

    modality: str
    french: str
    contrast: bool
    dose: str
    level: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the page says. Words are keys of the languages, except those of sheets, which are French.

    ``asked`` are the exams that the radiologist's choice replaced; ``advised`` is None where the guidance has nothing to say to the
    patient, else whether it advises the exam.
    """

    plan: Plan
    emergency: bool
    exams: tuple[ExamShown, ...]
    asked: tuple[ExamShown, ...]
    advised: bool | None
    progress: str
    until: date | None
    preparation: tuple[str, ...]
    child: bool
    sheet_words: tuple[str, ...]
    warnings: tuple[str, ...]
    signs: tuple[str, ...]


def explain(
    row: RequestRow, request: ImagingRequest, assessments: Sequence[Assessment], base: GuidelineBase, preparations: Preparations
) -> Explanation:
    """Return what the page says of a request; ``assessments`` are those that its prescriber was told."""
    replaced = row.decision is Decision.SUBSTITUTE and row.state is ReviewState.DECIDED
    asked = _known((one.exam for one in assessments), base)
    exams = _known((row.substituted_exam,), base) if replaced else asked
    refused = row.state is ReviewState.DECIDED and row.decision is Decision.REFUSE
    plan = Plan.NONE if refused or row.status is RequestStatus.DRAFT else Plan.EXAM
    silent = preparations.is_silent(assessments)
    sheet = next((name for one in assessments for name in one.situations), "")
    words = () if silent else sentences(base.sheets[sheet].form.patient_words if sheet in base.sheets else "")
    emergency = any(one.pathway == "emergency" for one in assessments)
    calm = plan is Plan.NONE and not emergency and all(one.outcome is Outcome.NOT_INDICATED for one in assessments)
    return Explanation(
        plan=plan, emergency=emergency,
        exams=tuple(_shown(exam, preparations) for exam in exams), asked=tuple(_shown(exam, preparations) for exam in asked) if replaced else (),
        advised=_advised(plan, assessments, replaced=replaced, emergency=emergency), progress=_progress(row), until=date.fromisoformat(row.until) if row.until else None,
        preparation=preparations.advice(exams, request.sex) if plan is Plan.EXAM and not emergency else (),
        child=request.age is not None and request.age < ADULT,
        sheet_words=words if calm else (),
        warnings=() if calm else warnings(words),
        signs=() if silent else preparations.emergency_signs(sheet, base),
    )  # fmt: skip


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text."""
    return tuple(part for part in _END_OF_SENTENCE.split(text.strip()) if part)


def warnings(words: Sequence[str]) -> tuple[str, ...]:
    """Return the sentences that warn, each with the one before when it leans on it; none that reassures."""
    kept: dict[str, None] = {}
    for before, one in zip(("", *words), words, strict=False):
        if _WARNS.search(one) and not _REASSURES.search(one):
            if before and _FOLLOWS.match(one) and not _REASSURES.search(before):
                kept[before] = None
            kept[one] = None
    return tuple(kept)


def _known(names: Iterable[str | None], base: GuidelineBase) -> list[ExamForm]:
    """Return the exams of the catalogue among names, each once."""
    exams = base.catalogue.exams
    return [exams[name] for name in dict.fromkeys(names) if name is not None and name in exams]


def _shown(exam: ExamForm, preparations: Preparations) -> ExamShown:
    name = exam.patient_name or exam.label
    if not exam.modality.irradiating:
        return ExamShown(str(exam.modality), name, exam.contrast, "aucune", 0)
    if exam.dose.msv is None:
        return ExamShown(str(exam.modality), name, exam.contrast, "inconnue", None)
    word = preparations.level(exam.dose.msv)
    return ExamShown(str(exam.modality), name, exam.contrast, word, LEVELS.index(word) + 1)


def _advised(plan: Plan, assessments: Sequence[Assessment], *, replaced: bool, emergency: bool) -> bool | None:
    """Return whether the guidance advises what was asked for, when it is clear and the plan agrees."""
    outcomes = {one.outcome for one in assessments}
    if replaced or emergency or len(outcomes) != 1:
        return None
    if plan is Plan.EXAM and outcomes == {Outcome.APPROPRIATE}:
        return True
    return False if plan is Plan.NONE and outcomes == {Outcome.NOT_INDICATED} else None


def _progress(row: RequestRow) -> str:
    """Return where the request stands, as a key of ``suite``; empty when nobody but the prescriber has a say."""
    if row.status is RequestStatus.DRAFT:
        return ""
    if row.state is ReviewState.DECIDED and row.decision:
        return _DECIDED[row.decision]
    if row.state is ReviewState.POSTPONED:
        return "reportee"
    return "question" if row.state is ReviewState.QUESTION else "relecture"


_DECIDED = {
    Decision.APPROVE: "validee",
    Decision.APPROVE_WITH_PROTOCOL: "validee",
    Decision.SUBSTITUTE: "remplacee",
    Decision.REFUSE: "refusee",
    Decision.POSTPONE: "reportee",
    Decision.ASK: "question",
}
