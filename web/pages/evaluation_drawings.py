"""Which charts the evaluation draws, from which measures, and the sentence that says what each one shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pertimage.audit.comparison import Metric
from pertimage.audit.disclosure import SMALL, rounded, share, shown_row
from pertimage.audit.indicators import ExamWeek
from pertimage.audit.worklist import Site
from pertimage.web import charts
from pertimage.web.charts import Point, Row, Spec
from pertimage.web.findings import SCALES, Finding, finding, said
from pertimage.web.measures import Measures
from pertimage.web.pages import french
from pertimage.web.pages.filters import MODALITIES

_LEAST_SHOWN = 0.5  # a series with more hidden weeks than this is not drawn


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart to draw and its description."""

    spec: Spec
    description: str


def technique(modality: str | None) -> str:
    """Return the French name of a technique; « Toutes techniques » for None."""
    return MODALITIES.get(modality, modality) if modality else "Toutes techniques"


def place(measured: Measures, site: str | None) -> str:
    """Return the name of a site; « tous les sites » for None."""
    return next((one.name for one in measured.sites if one.id == site), "tous les sites")


def volume_texts(measured: Measures, site: str | None) -> list[list[str]]:
    """Return, week by week, the number of exams of each technique of a site, small counts hidden."""
    columns = [measured.series(site, modality) for modality in measured.modalities_of(site)]
    return [shown_row([week.exams if week else 0 for week in row]) for row in zip(*columns, strict=True)]


def volume_points(measured: Measures, site: str | None, modality: str | None) -> list[Point]:
    """Return the number of exams of each week, rounded as published; a hidden count, or a week before the site's data begin, has no point."""
    totals = measured.series(site, None)
    if modality is None:
        return [Point(monday, _total(week)) for monday, week in zip(measured.weeks, totals, strict=True)]
    rank = measured.modalities_of(site).index(modality)
    texts = [row[rank] for row in volume_texts(measured, site)]
    return [
        Point(monday, float(text) if week and text.isdecimal() else None)
        for monday, week, text in zip(measured.weeks, totals, texts, strict=True)
    ]


def _total(week: ExamWeek | None) -> float | None:
    return None if week is None or week.exams <= SMALL else float(rounded(week.exams))


def wait_points(measured: Measures, site: str | None, modality: str | None) -> list[Point]:
    """Return the median and ninth decile of each week's waits, in days, where enough of them are known."""
    return [
        Point(monday, week.wait_median, week.wait_p90) if week and week.waits > SMALL else Point(monday, None)
        for monday, week in zip(measured.weeks, measured.series(site, modality), strict=True)
    ]


def irradiating_points(measured: Measures, site: str | None) -> list[Point]:
    """Return the share of irradiating exams of each week, of rounded counts, where it may be published."""
    return [
        Point(monday, share(week.irradiating, week.irradiation_known) if week else None)
        for monday, week in zip(measured.weeks, measured.series(site, None), strict=True)
    ]


def is_shown(points: Sequence[Point]) -> bool:
    """Say whether enough weeks of a series can be shown for a chart to tell the truth."""
    return sum(point.value is not None for point in points) > _LEAST_SHOWN * len(points)


def findings_of(measured: Measures, metric: Metric, site: str | None, modality: str | None) -> dict[tuple[str, str | None], Finding]:
    """Return the findings of a metric by site and technique, for one site or all of them, one technique or all together."""
    changes = measured.changes(metric, by_modality=modality is not None)
    kept = [one for one in changes if site in (None, one.site) and one.modality == modality]
    return {(one.site, one.modality): finding(metric, one.change) for one in kept}


def _volume(measured: Measures, site: str | None, modality: str | None) -> Drawing:
    points = volume_points(measured, site, modality)
    return _trend(measured, Metric.VOLUME, points, site, modality, "examens par semaine", percent=False)


def _irradiation(measured: Measures, site: str | None, modality: str | None) -> Drawing:
    return _trend(measured, Metric.IRRADIATING, irradiating_points(measured, site), site, None, "part des examens irradiants", percent=True)


def _trend(
    measured: Measures, metric: Metric, points: list[Point], site: str | None, modality: str | None, what: str, *, percent: bool
) -> Drawing:
    found = findings_of(measured, metric, site, modality).get((site, modality)) if site else None
    change = found.change if found else None
    means = (change.before, change.after) if change and site in measured.go_lives else (None, None)
    spec = charts.trend(points, _lines(measured, site), means=means, percent=percent)
    return Drawing(spec, f"{technique(modality)}, {place(measured, site)}, {what} : {_range(points, metric)}{_sides(found)}.")


def _waits(measured: Measures, site: str | None, modality: str | None) -> Drawing:
    points = wait_points(measured, site, modality)
    found = findings_of(measured, Metric.WAIT_MEDIAN, site, modality).get((site, modality)) if site else None
    described = (
        f"{technique(modality)}, {place(measured, site)}, délai médian en jours : {_range(points, Metric.WAIT_MEDIAN)}{_sides(found)}."
    )
    return Drawing(charts.waits(points, _lines(measured, site)), described)


def _outcomes(measured: Measures, site: str | None, modality: str | None) -> Drawing:
    found = measured.outcomes(site, modality)
    published = {outcome: share(found.counts.get(outcome, 0), found.judged) for outcome in charts.COLOURS}
    shown = [f"{outcome.french} {said(value, SCALES[Metric.IRRADIATING])}" for outcome, value in published.items() if value is not None]
    return Drawing(
        charts.outcomes({outcome: value or 0.0 for outcome, value in published.items()}),
        f"Avis rendus, {place(measured, site)}, {technique(modality).lower()} : {', '.join(shown)}.",
    )


def _forest_of(metric: Metric, what: str, *, relative: bool) -> Callable[[Measures, str | None, str | None], Drawing]:
    def draw(measured: Measures, site: str | None, modality: str | None) -> Drawing:
        rows = [row for label, found in compared(measured, metric, site, modality) if (row := _row(label, found, relative=relative))]
        said_rows = [f"{label} : {found.verdict}" for label, found in compared(measured, metric, site, modality) if found.tone != "refused"]
        return Drawing(charts.forest(rows, percent=relative), f"{what}, différence avec son intervalle à 95 %. {' ; '.join(said_rows)}.")

    return draw


def compared(measured: Measures, metric: Metric, site: str | None, modality: str | None) -> list[tuple[str, Finding]]:
    """Return the findings of a metric with their labels: every site when none is chosen, else every technique of the site.

    Waits are never those of several techniques together, and one technique alone has no share of irradiating exams.
    """
    waits = metric in (Metric.WAIT_MEDIAN, Metric.WAIT_P90)
    if metric is Metric.IRRADIATING and modality is not None:
        return []
    if site is None:
        told = modality or (measured.longest if waits else None)
        found = findings_of(measured, metric, None, told)
        ordered = sorted(measured.sites, key=lambda one: one.go_live is None)
        return [(site_label(one), found[one.id, told]) for one in ordered if (one.id, told) in found]
    wanted = (
        [modality] if modality else [*([] if waits else [None]), *([] if metric is Metric.IRRADIATING else measured.modalities_of(site))]
    )
    pairs = ((one, findings_of(measured, metric, site, one).get((site, one))) for one in wanted)
    return [(technique(one), found) for one, found in pairs if found is not None]


def site_label(site: Site) -> str:
    """Return the name of a site, a witness said to be one."""
    return site.name if site.go_live else f"{site.name} (témoin)"


def _row(label: str, found: Finding, *, relative: bool) -> Row | None:
    change = found.change
    if relative:
        return Row(label, *found.relative) if found.relative else None
    if change is None or change.difference is None or change.low is None or change.high is None:
        return None
    return Row(label, change.difference, change.low, change.high)


def _lines(measured: Measures, site: str | None) -> list[date]:
    return [day for name, day in measured.go_lives.items() if site in (None, name)]


def _range(points: Sequence[Point], metric: Metric) -> str:
    values = [point.value for point in points if point.value is not None]
    return (
        f"de {said(min(values), SCALES[metric])} à {said(max(values), SCALES[metric])} selon les semaines"
        if values
        else "aucune valeur à montrer"
    )


def _sides(found: Finding | None) -> str:
    if found is None or found.tone == "refused":
        return ""
    return f" ; en moyenne {found.before} avant la mise en service, {found.after} après"


DRAWINGS: Mapping[str, Callable[[Measures, str | None, str | None], Drawing]] = {
    "volume": _volume,
    "delai": _waits,
    "irradiation": _irradiation,
    "avis": _outcomes,
    "ecarts-volume": _forest_of(Metric.VOLUME, "Volume, en part du volume avant", relative=True),
    "ecarts-delai": _forest_of(Metric.WAIT_MEDIAN, "Délai médian, en jours", relative=False),
}


def draw(measured: Measures, name: str, site: str | None, modality: str | None) -> bytes:
    """Return a chart as SVG; raises KeyError for a name that is not one."""
    made = DRAWINGS[name](measured, site, modality)
    return charts.svg(made.spec, french.typography(made.description), fictitious=measured.fictitious)
