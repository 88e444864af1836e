"""The values of the indicators as FHIR reports, small counts hidden as on the pages."""

from __future__ import annotations

from collections.abc import Iterator

from pertimage.audit.periods import Period
from pertimage.fhir.measures import Figure, MeasureWriter, Report, Stratum
from pertimage.guidelines.indicator_forms import Split
from pertimage.guidelines.indicators import Indicator
from pertimage.web.indicator_readings import Published, published, reading
from pertimage.web.pages.indicator_words import group_words
from pertimage.web.service import Service


def writer(service: Service) -> MeasureWriter:
    """Return who writes the resources of a service."""
    return MeasureWriter(service.publisher, service.settings.demo)


def reports(service: Service, indicator: Indicator, label: str = "") -> Iterator[Report]:
    """Yield the report of each period (of the one labelled ``2026-10``, ``2026-T3`` or ``2026``), by site where the sheet allows it."""
    whole = published(reading(service, indicator))
    by = Split.SITE if Split.SITE in indicator.splits else None
    parted = published(reading(service, indicator, (by,))) if by else {}
    for (period, _), one in whole.items():
        if label in ("", period.label):
            yield _report(service, period, one, by, {groups[0]: found for (other, groups), found in parted.items() if other == period})


def _report(service: Service, period: Period, one: Published, by: Split | None, parted: dict[str | None, Published]) -> Report:
    strata = tuple(
        Stratum(group or "inconnu", group_words(service, by, group), _figure(found)) for group, found in parted.items() if by is not None
    )
    return Report(period.first, period.last, one.value.complete, _figure(one), str(by or ""), strata)


def _figure(one: Published) -> Figure:
    numerator = int(one.numerator) if one.numerator.isdecimal() else None
    return Figure(one.number, int(one.n) if one.n.isdecimal() else None, numerator, one.hidden)
