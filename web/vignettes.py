"""Replay the vignettes of the sheets: each is a request with the answer its author expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pertimage.cds.assess import assess
from pertimage.cds.logic import holds, unknowns
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, Sex, TextPart
from pertimage.cds.situations import conclude
from pertimage.cds.text.reading import read
from pertimage.guidelines.base import GuidelineBase, Sheet
from pertimage.guidelines.conditions import SEXES
from pertimage.guidelines.schema import Vignette

# Vignettes are dated so that « depuis mars » or « en 2019 » mean something stable.
WRITTEN = date(2026, 11, 22)


@dataclass(frozen=True, slots=True)
class Replay:
    """A vignette with its answer; ``problems`` says in French what differs from the answer expected.

    ``shown`` are the rules that it shows of its own sheet, whether or not another sheet answers better: the one that concludes, or
    those that the answer to a yes/no question will choose between.
    """

    sheet: str
    number: int
    vignette: Vignette
    assessment: Assessment
    problems: tuple[str, ...]
    shown: frozenset[str]


def as_request(vignette: Vignette, sheet: str, number: int) -> ImagingRequest:
    """Return the request that a vignette describes."""
    return ImagingRequest(
        id=f"ServiceRequest/{sheet}-{number}", exam_text=vignette.exam, texts=(TextPart("reasonCode", vignette.text),), age=vignette.age,
        sex=Sex(SEXES[vignette.sex]) if vignette.sex else None, authored=WRITTEN,
    )  # fmt: skip


def as_bundle(vignette: Vignette, sheet: str, number: int) -> dict[str, Any]:
    """Return the request that a vignette describes as FHIR: a Bundle of a ServiceRequest and, when its age or sex is known, a Patient."""
    order = {
        "resourceType": "ServiceRequest", "id": f"{sheet}-{number}", "status": "draft", "intent": "order", "subject": {"reference": "Patient/p"},
        "code": {"text": vignette.exam}, "authoredOn": f"{WRITTEN.isoformat()}T10:00:00+01:00", "reasonCode": [{"text": vignette.text}],
    }  # fmt: skip
    patient: dict[str, Any] = {"resourceType": "Patient", "id": "p"}
    if vignette.age is not None:
        patient["birthDate"] = (WRITTEN - timedelta(days=round(vignette.age * 365.25) + 3)).isoformat()
    if vignette.sex:
        patient["gender"] = SEXES[vignette.sex]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, {"resource": order}]}


def replay(sheet: Sheet, base: GuidelineBase) -> Iterator[Replay]:
    """Yield each vignette of a sheet with its answer; the best of several assessments counts for several exams asked."""
    for number, vignette in enumerate(sheet.form.vignettes, 1):
        request = as_request(vignette, sheet.id, number)
        answers = assess(request, base)
        outcomes = [(answer, tuple(_problems(vignette, answer, sheet.id))) for answer in answers]
        answer, problems = min(outcomes, key=lambda pair: len(pair[1]))
        shown = frozenset(rule for one in answers for rule in _shown(sheet, request, one.exam, base))
        yield Replay(sheet.id, number, vignette, answer, problems, shown)


def _shown(sheet: Sheet, request: ImagingRequest, exam: str | None, base: GuidelineBase) -> Iterator[str]:
    """Yield the rules of its sheet that a vignette shows on an exam."""
    lineage = (exam, *base.catalogue.parents(exam), *base.catalogue.variants(exam)) if exam else ()
    conclusion = conclude(sheet, 0, exam, lineage, read(request, base.lexicon, base.openers, exam))
    if conclusion is None or conclusion.outcome is None:
        return
    if conclusion.outcome is not Outcome.INCOMPLETE:
        yield conclusion.rule.id
        return
    chooses = False
    for rule in sheet.rules:
        if holds(rule.condition, conclusion.facts) is True:
            yield from (rule.id,) if chooses else ()
            return
        waiting = unknowns(rule.condition, conclusion.facts)
        if waiting and all(base.lexicon.names.units.get(fact) is None for fact in waiting):  # a measure can be written: let it be
            chooses = True
            yield rule.id


def _problems(vignette: Vignette, answer: Assessment, sheet: str) -> Iterator[str]:
    expected = vignette.expected
    if str(answer.outcome) not in expected.outcomes:
        yield f"avis « {answer.outcome} » au lieu de « {' ou '.join(expected.outcomes)} » (règle {answer.rule}, examen {answer.exam})"
    if expected.pathway and answer.pathway != "emergency":
        yield "le circuit « urgences » manque"
    if not expected.pathway and answer.pathway == "emergency":
        yield "circuit « urgences » de trop"
    if expected.rule and answer.rule != f"{sheet}/{expected.rule}":
        yield f"règle « {answer.rule} » au lieu de « {sheet}/{expected.rule} »"
