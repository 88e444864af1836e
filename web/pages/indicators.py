"""The indicators of the programme: the list with their latest values, and each one with its definition, its values and its file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from pertimage.audit.disclosure import SMALL
from pertimage.audit.indicator_values import Groups, Reading, Status
from pertimage.audit.periods import Period
from pertimage.guidelines.indicator_forms import Split
from pertimage.guidelines.indicators import Indicator
from pertimage.web import charts
from pertimage.web.access import page_user
from pertimage.web.charts import Point
from pertimage.web.indicator_readings import Published, indicators_of, published, reading, readings
from pertimage.web.measures import measures
from pertimage.web.pages import french
from pertimage.web.pages import indicator_words as words
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

ROLE = "equipe-projet"
TREND_PERIODS, LEAST_DRAWN, TOGETHER_PERIODS = 12, 3, 13
_SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_COLUMNS = (
    "indicateur", "titre", "periode", "debut", "fin", "complete", "numerateur", "denominateur", "valeur", "unite", "n", "sans_dose", "reference", "cible",
    "statut", "motif", "fictif",
)  # fmt: skip

router = APIRouter(prefix="/evaluation/indicateurs", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Line:
    """An indicator of the list: its last complete period as published, the trend, and why there is nothing to show."""

    indicator: Indicator
    latest: Published | None
    trend: words.Spark
    absent: str
    pending: bool = False


@router.get("", response_class=HTMLResponse)
def indicators(request: Request) -> HTMLResponse:
    """Show every indicator by theme: its latest value, its trend, and where it stands."""
    page_user(request, ROLE)
    service = service_of(request)
    known = indicators_of(service)
    found = readings(service, list(known.values()))
    themes: dict[str, list[Line]] = {theme: [] for theme in words.THEMES}
    for name, indicator in known.items():
        themes[indicator.form.theme].append(_line(indicator, found[name]))
    shown = {words.THEMES[theme]: lines for theme, lines in themes.items() if lines}
    pending = sum(line.pending for lines in shown.values() for line in lines)
    return page(
        request, "evaluation/indicators.html", section="evaluation", themes=shown, total=len(known), pending=pending, small=SMALL, words=words,
        statuses=Status,
    )  # fmt: skip


@router.get("/{name}.csv")
def file(request: Request, name: str, par: str = "") -> Response:
    """Send the values as a CSV file that a French spreadsheet opens, small counts hidden."""
    page_user(request, ROLE)
    service, indicator = service_of(request), _indicator(request, name)
    found = reading(service, indicator, _split(indicator, par))
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(csv_rows(found, fictitious=service.settings.demo))
    headers = {"Content-Disposition": f'attachment; filename="pertimage-{name}{"-" + par if par else ""}.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{name}.svg")
def chart(request: Request, name: str) -> Response:
    """Draw the values of all sites together."""
    page_user(request, ROLE)
    service, indicator = service_of(request), _indicator(request, name)
    points = _points(indicator, _series(reading(service, indicator)))
    if sum(one.value is not None for one in points) < LEAST_DRAWN:
        raise HTTPException(404)
    drawn = charts.trend(points, sorted(measures(service).go_lives.values()))
    described = french.typography(_described(indicator, points))
    answer = charts.svg(drawn, described, fictitious=service.settings.demo)
    return Response(answer, media_type="image/svg+xml", headers={"Content-Security-Policy": _SVG_POLICY, "Cache-Control": "no-store"})


@router.get("/{name}", response_class=HTMLResponse)
def one_indicator(request: Request, name: str, par: str | None = None) -> HTMLResponse:
    """Show an indicator: the last value, the chart, the table by period and group, the definition."""
    page_user(request, ROLE)
    service, indicator = service_of(request), _indicator(request, name)
    usual = Split.SITE if Split.SITE in indicator.splits else None
    by = _split(indicator, par) if par is not None else (usual,) if usual else ()
    whole = reading(service, indicator)
    parted = reading(service, indicator, by) if by else None
    points = _points(indicator, _series(whole))
    return page(
        request, "evaluation/indicator.html", section="evaluation", one=indicator, form=indicator.form, line=_line(indicator, whole), words=words,
        statuses=Status, by=by[0] if by else None, absent=parted.absent if parted else "", table=_table(service, whole, parted), theme=words.THEMES[indicator.form.theme],
        drawn=_described(indicator, points) if sum(point.value is not None for point in points) >= LEAST_DRAWN else "",
        together=_together(service, indicator), small=SMALL, known=indicators_of(service),
    )  # fmt: skip


def csv_rows(found: Reading, *, fictitious: bool) -> Iterator[list[str]]:
    """Yield the lines of a file of values: the heading, then one line per period and group, small counts hidden."""
    at = _COLUMNS.index("numerateur")
    yield [*_COLUMNS[:at], *(str(split) for split in found.by), *_COLUMNS[at:]]
    indicator, form = found.indicator, found.indicator.form
    for (period, groups), one in published(found).items():
        value = one.value
        aimed = one.aimed if one.status in (Status.MET, Status.MISSED) else None
        yield [
            indicator.id, form.title, period.label, period.first.isoformat(), period.last.isoformat(), "oui" if value.complete else "non",
            *(group or "" for group in groups), one.numerator, one.denominator, *(_decimal(indicator, number) for number in (one.number,)), form.unit, one.n,
            str(value.unknown) if indicator.measure.is_dose and value.unknown > SMALL else "", _decimal(indicator, one.reference), _decimal(indicator, aimed),
            str(one.status), one.why, "oui" if fictitious else "non",
        ]  # fmt: skip


def _decimal(indicator: Indicator, value: float | None) -> str:
    if value is None:
        return ""
    scaled = value * 100 if indicator.measure.is_share else value
    return f"{scaled:.4f}".rstrip("0").rstrip(".").replace(".", ",")


def _indicator(request: Request, name: str) -> Indicator:
    found = indicators_of(service_of(request)).get(name)
    if found is None:
        raise HTTPException(404)
    return found


def _split(indicator: Indicator, name: str) -> tuple[Split, ...]:
    """Return the split of an address; 404 for one that the sheet does not name."""
    if not name:
        return ()
    if name not in set(indicator.splits):
        raise HTTPException(404)
    return (Split(name),)


def _line(indicator: Indicator, found: Reading | None) -> Line:
    if found is None:
        return Line(indicator, None, words.Spark((), None, ""), "", pending=True)
    series = _series(found)
    latest = next((one for one in reversed(series) if one.value.complete), None)
    return Line(
        indicator, latest, words.spark(indicator, [one for one in series if one.value.complete][-TREND_PERIODS:]), _absent(found, latest)
    )


def _absent(found: Reading, latest: Published | None) -> str:
    """Return why there is nothing to show, in a sentence's beginning; empty when there is something."""
    if found.absent:
        return found.absent
    if latest is None:
        return "aucune période complète"
    return latest.why if latest.value.value is None else ""


def _series(found: Reading) -> list[Published]:
    """Return the values of all groups together, in order of time."""
    return [one for (_, groups), one in published(found).items() if groups == ()]


def _points(indicator: Indicator, series: Sequence[Published]) -> list[Point]:
    scale = 100 if indicator.measure.is_share else 1
    return [Point(one.value.period.first, one.number * scale if one.number is not None else None) for one in series if one.value.complete]


def _described(indicator: Indicator, points: Sequence[Point]) -> str:
    known = [point.value for point in points if point.value is not None]
    if not known:
        return ""
    scale = 100 if indicator.measure.is_share else 1
    low, high = (words.written(indicator, value / scale) for value in (min(known), max(known)))
    told = f"{indicator.form.title}, tous les sites, par {words.CADENCES[indicator.form.cadence]}"
    return f"{told} : de {low} à {high}, dernière valeur {words.written(indicator, known[-1] / scale)}."


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in the table: its text, how many it rests on, its status when it has a target."""

    text: str
    n: str
    status: Status
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """The values by period, the latest first; the first column is everything together."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Period, bool, tuple[Cell | None, ...]], ...]


def _table(service: Service, whole: Reading, parted: Reading | None) -> Table:
    together = published(whole)
    apart = published(parted) if parted is not None and not parted.absent else {}
    split = parted.by[0] if parted is not None else None
    groups: list[Groups] = sorted({groups for _, groups in apart}, key=lambda one: (one[0] is None, one[0] or ""))
    headings = ("Ensemble", *(french.capital(words.group_words(service, split, one[0])) for one in groups)) if split else ("Ensemble",)
    rows = []
    for (period, _), one in reversed(together.items()):
        cells = [_cell(whole.indicator, one), *(_cell(whole.indicator, apart.get((period, group))) for group in groups)]
        rows.append((period, one.value.complete, tuple(cells)))
    return Table(headings, tuple(rows))


def _cell(indicator: Indicator, one: Published | None) -> Cell | None:
    if one is None:
        return None
    text = words.written(indicator, one.number, unit=False) if one.number is not None or one.hidden else "–"
    if indicator.measure.value == "nombre":
        text = words.counted(one.n)
    return Cell(text, one.n, one.status, one.why)


@dataclass(frozen=True, slots=True)
class Together:
    """Several indicators in the same periods: their titles with addresses, and their values."""

    titles: tuple[tuple[str, str, str], ...]
    rows: tuple[tuple[Period, tuple[str, ...]], ...]


def _together(service: Service, indicator: Indicator) -> Together | None:
    """Return an indicator beside those that its sheet asks to read with it, where their periods are the same."""
    known = indicators_of(service)
    others = [known[name] for name in indicator.form.beside if known[name].form.cadence is indicator.form.cadence]
    if not others:
        return None
    all_of_them = [indicator, *others]
    values = [{one.value.period: one for one in _series(reading(service, each))} for each in all_of_them]
    complete = sorted({period for found in values for period, one in found.items() if one.value.complete}, reverse=True)
    rows = [
        (period, tuple(_short(each, found.get(period)) for each, found in zip(all_of_them, values, strict=True)))
        for period in complete[:TOGETHER_PERIODS]
    ]
    return Together(tuple((each.id, each.form.title, each.form.unit) for each in all_of_them), tuple(rows)) if rows else None


def _short(indicator: Indicator, one: Published | None) -> str:
    cell = _cell(indicator, one) if one is not None and one.value.complete else None
    return cell.text if cell else "–"
