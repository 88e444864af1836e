"""Help for whoever has only half of a request: exams for a reason, reasons for an exam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pertimage.cds.model import Assessment, ImagingRequest, Missing, Outcome
from pertimage.cds.situations import opened
from pertimage.cds.text.reading import read
from pertimage.guidelines.base import GuidelineBase, Sheet
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


def exams_for(request: ImagingRequest, service: Service) -> Proposal | None:
    """Return what may be asked for the reason given; None when no sheet covers it.

    Each exam of the sheets opened is judged exactly as if it had been asked: no second way of reasoning.
    """
    sheets = _opened(request, service)
    if not sheets:
        return None
    answers = list(_judged(request, sheets, service))
    supported = [one for one in answers if one.outcome is Outcome.APPROPRIATE]
    asked = {item.item: item for one in answers if one.outcome is Outcome.INCOMPLETE for item in one.missing[:1]}
    against = next((one for one in answers if one.outcome is Outcome.NOT_INDICATED), None)
    against = against or next((one for one in answers if one.outcome is Outcome.ALTERNATIVE), None)
    return Proposal(
        tuple((sheet.id, sheet.title) for sheet in sheets), tuple(_offers(supported, service)),
        None if supported or asked else against, tuple(asked.values()) if not supported else (),
    )  # fmt: skip


def _dated(request: ImagingRequest, service: Service) -> GuidelineBase:
    return service.base.at(request.authored or service.today())


def _opened(request: ImagingRequest, service: Service) -> list[Sheet]:
    base = _dated(request, service)
    reading = read(request, base.lexicon, frozenset(base.by_fact))
    return [sheet for sheet, _ in sorted(opened(base, reading), key=lambda pair: pair[1])]


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
