"""Indicators as FHIR R4 Measure, and their values as MeasureReport of type ``summary``: aggregated, no patient is in them.

What is counted is said in words: ``Expression.language`` is ``text/plain``, as in PlanDefinition, so that no engine mistakes the
sentence for an expression. A figure that may not be shown is absent, and says so (``data-absent-reason``, ``masked``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pertimage.fhir.publisher import Publisher
from pertimage.fhir.resources import instant, kept
from pertimage.guidelines.indicator_forms import Direction, Measure
from pertimage.guidelines.indicators import Indicator

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_POPULATION = f"{_TERMINOLOGY}/measure-population"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_UCUM = "http://unitsofmeasure.org"
_NOTATION = {Direction.UP: "increase", Direction.DOWN: "decrease"}
_WARNING = "Indicateur défini en langage clair ; les valeurs reposent sur des effectifs masqués de 1 à 7. Dispositif non marqué CE."


@dataclass(frozen=True, slots=True)
class Figure:
    """A value as published. ``value`` is a share from 0 to 1, days, mSv or a number; what is None is not known, or not to be shown.

    ``hidden`` says that there is a value, too small a count to be shown. ``numerator`` and ``size`` (what it rests on) are counts.
    """

    value: float | None
    size: int | None
    numerator: int | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Stratum:
    """A group of a split: its code, its name, its figure."""

    code: str
    name: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Report:
    """An indicator in one period: all groups together, then those of one split (named by ``split``)."""

    first: date
    last: date
    complete: bool
    figure: Figure
    split: str = ""
    strata: tuple[Stratum, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasureWriter:
    """Writes indicators as resources; ``fictitious`` data are said to be so in each report."""

    publisher: Publisher
    fictitious: bool = False

    def url(self, indicator: Indicator) -> str:
        """Return the canonical address of an indicator's Measure."""
        return f"{self.publisher.canonical.rstrip('/')}/Measure/{indicator.id}"

    def measure(self, indicator: Indicator) -> dict[str, Any]:
        """Return the Measure of an indicator; its version is the digest of its sheet."""
        form = indicator.form
        return kept({
            "resourceType": "Measure", "id": indicator.id, "language": "fr", "url": self.url(indicator), "version": indicator.digest,
            "name": _name(indicator.id), "title": form.title, "status": "draft", "experimental": True, "publisher": self.publisher.name,
            "description": form.question, "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "FR", "display": "France"}]}],
            "purpose": f"{form.data} Limites : {form.limits}", "disclaimer": _WARNING, "scoring": _concept("measure-scoring", _scoring(indicator.measure)),
            "rationale": f"Définition fondée sur : {indicator.basis.french}.", "improvementNotation": self._notation(indicator),
            "group": [kept({
                "code": {"text": form.title}, "population": list(_populations(indicator)),
                "stratifier": [{"code": {"text": str(split)}, "criteria": _expression(str(split))} for split in indicator.splits],
            })],
        })  # fmt: skip

    def report(self, indicator: Indicator, told: Report, at: datetime) -> dict[str, Any]:
        """Return the MeasureReport of one period; ``pending`` when the period is not complete."""
        group = self._figures(indicator, told.figure) | {"code": {"text": indicator.form.title}}
        if told.strata:
            strata = [
                {"value": {"coding": [{"code": one.code}], "text": one.name}} | self._figures(indicator, one.figure) for one in told.strata
            ]
            group["stratifier"] = [{"code": [{"text": told.split}], "stratum": strata}]
        return kept({
            "resourceType": "MeasureReport", "id": f"{indicator.id}-{told.first.isoformat()}"[:64], "language": "fr",
            "meta": {"tag": [{"system": f"{_TERMINOLOGY}/v3-ActReason", "code": "HTEST", "display": "Données fictives"}]} if self.fictitious else {},
            "status": "complete" if told.complete else "pending", "type": "summary", "measure": f"{self.url(indicator)}|{indicator.digest}",
            "date": instant(at), "reporter": {"display": self.publisher.name}, "improvementNotation": self._notation(indicator),
            "period": {"start": told.first.isoformat(), "end": told.last.isoformat()}, "group": [group],
        })  # fmt: skip

    def _notation(self, indicator: Indicator) -> dict[str, Any]:
        code = _NOTATION.get(indicator.form.direction)
        return _concept("measure-improvement-notation", code) if code else {}

    def _figures(self, indicator: Indicator, figure: Figure) -> dict[str, Any]:
        """Return the counts and the score of a group or of a stratum."""
        counts: list[tuple[str, int | None]] = [(_whole(indicator.measure), figure.size)]
        if indicator.measure.is_share:
            counts.append(("numerator", figure.numerator))
        populations = [kept({"code": _population(code), "count": count}) | ({} if count != 0 else {"count": 0}) for code, count in counts]
        return kept({"population": populations, "measureScore": _score(indicator, figure)})


def _score(indicator: Indicator, figure: Figure) -> dict[str, Any]:
    if figure.value is None:
        return {"extension": [{"url": _ABSENT, "valueCode": "masked" if figure.hidden else "not-applicable"}]}
    measure = indicator.measure
    value = round(figure.value, 6)
    if measure.is_share or measure is Measure.COUNT:
        return {"value": value, "unit": indicator.form.unit if measure is Measure.COUNT else "1", "system": _UCUM, "code": "1"}
    return {"value": value, "unit": indicator.form.unit, "system": _UCUM, "code": "d" if measure.is_quantile else "mSv"}


def _scoring(measure: Measure) -> str:
    return "proportion" if measure.is_share else "cohort" if measure is Measure.COUNT else "continuous-variable"


def _whole(measure: Measure) -> str:
    """Return the population that the size of a figure counts."""
    return "denominator" if measure.is_share else "initial-population" if measure is Measure.COUNT else "measure-population"


def _populations(indicator: Indicator) -> Iterator[dict[str, Any]]:
    form, measure = indicator.form, indicator.measure
    whole = form.denominator.say if form.denominator else form.numerator.say
    said: Sequence[tuple[str, str]] = ((_whole(measure), whole),)
    if measure.is_share:
        limit = f", {measure.value.replace('_', ' ')} du seuil" if form.limit is not None else ""
        said = (*said, ("numerator", f"{form.numerator.say}{limit}"))
    yield from ({"code": _population(code), "criteria": _expression(words)} for code, words in said)


def _population(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _POPULATION, "code": code}]}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _expression(words: str) -> dict[str, Any]:
    return {"language": "text/plain", "expression": words}


def _name(identifier: str) -> str:
    return "".join(part.capitalize() for part in identifier.split("-"))
