"""Help for whoever has only half of a request: exams for a reason, reasons for an exam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pertimage.cds.model import Assessment, ImagingRequest, Missing, Outcome, Status
from pertimage.guidelines.base import Sheet
from pertimage.guidelines.words import fold
from pertimage.web.pages.advice import Offer, exam_offer
from pertimage.web.pages.french import capital
from pertimage.web.pages.replies import Option
from pertimage.web.service import Service

EXAMS_SHOWN, EXAMS_TRIED, REASONS_SHOWN = 4, 60, 8


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the guidance says of a reason without exam: exams it supports, or why none, or what it must know first."""

    sheets: tuple[tuple[str, str], ...]
    offers: tuple[Offer, ...]
    against: Assessment | None
    asked: tuple[Missing, ...]
    emergency: bool


def exams_for(request: ImagingRequest, service: Service) -> Proposal | None:
    """Return what may be asked for the reason given; None when no sheet covers it.

    Each exam of the sheets opened is judged exactly as if it had been asked: no second way of reasoning.
    """
    answers = list(_judged(request, _opened(request, service), service))
    sheets = dict.fromkeys(name for one in answers for name in one.situations)
    if not sheets:
        return None
    supported = [one for one in answers if one.outcome is Outcome.APPROPRIATE]
    asked = {item.item: item for one in answers if one.outcome is Outcome.INCOMPLETE for item in one.missing[:1]}
    against = next((one for one in answers if one.outcome is Outcome.NOT_INDICATED), None)
    against = against or next((one for one in answers if one.outcome is Outcome.ALTERNATIVE), None)
    return Proposal(
        tuple((name, service.base.sheets[name].title) for name in sheets if name in service.base.sheets), tuple(_offers(supported, service)),
        None if supported or asked else against, tuple(asked.values()) if not supported else (),
        any(one.pathway == "emergency" for one in answers),
    )  # fmt: skip


def _opened(request: ImagingRequest, service: Service) -> list[Sheet]:
    """Return the sheets that the facts read in the request open, in the order in which they were named."""
    base = service.base.at(request.authored or service.today())
    named = [fact.fact for fact in service.judge(request)[0].facts if fact.status in (Status.PRESENT, Status.HYPOTHETICAL)]
    return list({sheet.id: sheet for fact in named for sheet in base.by_fact.get(fact, ())}.values())


def _judged(request: ImagingRequest, sheets: list[Sheet], service: Service) -> Iterator[Assessment]:
    exams = list(dict.fromkeys(exam for sheet in sheets for exam in sheet.exams))[:EXAMS_TRIED]
    for exam in exams:
        label = service.base.catalogue.exams[exam].label
        yield from (one for one in service.judge(replace(request, exam_text=label)) if one.exam == exam)


def _offers(supported: list[Assessment], service: Service) -> Iterator[Offer]:
    exams = [service.base.catalogue.exams[one.exam] for one in supported if one.exam]
    exams.sort(key=lambda exam: (exam.modality.irradiating, exam.dose.msv or 0.0))
    yield from map(exam_offer, exams[:EXAMS_SHOWN])


def reasons_for(exam: str, service: Service) -> tuple[Option, ...]:
    """Return the usual reasons of an exam, those whose sheet names it first before the others."""
    lineage = {exam, *service.base.catalogue.parents(exam)}
    ranked = []
    for sheet in service.base.at(service.today()).sheets.values():
        places = [place for place, name in enumerate(sheet.exams) if name in lineage]
        if places and sheet.form.triggers.facts:
            ranked.append((places[0], sheet.id, sheet.form.triggers.facts[0]))
    facts = dict.fromkeys(fact for _, _, fact in sorted(ranked))
    known = [service.base.lexicon.facts[fact] for fact in facts if fact in service.base.lexicon.facts]
    return tuple(Option(capital(fact.label), f"{capital(fact.label)}.", fact.id) for fact in known if not fact.is_number)[:REASONS_SHOWN]


def exam_named(words: str, service: Service) -> str | None:
    """Return the exam of the catalogue that has this label or name, whatever the case and accents; None when there is none."""
    wanted = fold(words).strip()
    exams = service.base.catalogue.exams.values()
    by_label = next((exam.id for exam in exams if fold(exam.label) == wanted), None)
    return by_label or next((exam.id for exam in exams if wanted in map(fold, exam.names)), None)
