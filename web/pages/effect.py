"""What changed at the go-live, by the methods stated in advance: exam by exam and site by site, with the series that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from pertimage.audit.disclosure import SMALL
from pertimage.audit.programme import EventKind
from pertimage.audit.programme_register import events_of
from pertimage.audit.suppression import ROUND
from pertimage.web.access import page_user
from pertimage.web.charts import svg
from pertimage.web.effect import Effect, Reading, effect
from pertimage.web.effect_words import said as said_ratio
from pertimage.web.effect_words import sentences, tone, verdict
from pertimage.web.pages.evaluation import ROLE, SVG_POLICY
from pertimage.web.pages.evaluation_drawings import technique
from pertimage.web.pages.filters import MODALITIES
from pertimage.web.pages.view import page, service_of
from pertimage.web.service import Service

if TYPE_CHECKING:
    from pertimage.audit.evaluation.evaluate import Change

router = APIRouter(prefix="/evaluation/effet", include_in_schema=False)

COMING = "2"  # seconds before a page that waits for its figures asks again
_FEWEST_LIMITS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """What the team looks at; None means all."""

    site: str | None
    exam: str | None

    def query(self, **more: str | None) -> str:
        """Return the choice, with changes, as the end of an address."""
        pairs = {"site": self.site, "examen": self.exam} | more
        return urlencode({name: value for name, value in pairs.items() if value})


@router.get("", response_class=HTMLResponse)
def changed(request: Request) -> HTMLResponse:
    """Show what changed for the exam and the site chosen."""
    page_user(request, ROLE)
    service = service_of(request)
    reading = effect(service)
    if reading.effect is None:
        headers = {"Refresh": COMING} if reading.coming else {}
        return page(request, "evaluation/effect_coming.html", section="evaluation", headers=headers, failed=reading.failed)
    found = reading.effect
    if not found.current.evaluation.exams:
        return page(request, "evaluation/empty.html", section="evaluation")
    choice = _choice(request, found)
    return page(request, "evaluation/effect.html", section="evaluation", **_shown(service, reading, found, choice))


@router.get("/resultat.json")
def data(request: Request) -> Response:
    """Send the whole evaluation as JSON, as the command line writes it."""
    page_user(request, ROLE)
    found = _ready(request)
    headers = {"Content-Disposition": 'attachment; filename="pertimage-evaluation.json"'}
    return Response(orjson.dumps(found.document, option=orjson.OPT_INDENT_2), media_type="application/json", headers=headers)


@router.get("/{name}.svg")
def chart(request: Request, name: str) -> Response:
    """Draw the interrupted series or the control chart of an exam at a site."""
    from pertimage.audit.methods.result import Refusal
    from pertimage.web import effect_charts

    page_user(request, ROLE)
    found = _ready(request)
    choice = _choice(request, found)
    change = found.current.evaluation.of(choice.site, choice.exam) if choice.site else None
    if change is None or change.site.on is None or change.series is None:
        raise HTTPException(404)
    if name == "serie" and not isinstance(change.interrupted, Refusal):
        spec = effect_charts.interrupted(change.interrupted, change.site.on)
    elif name == "controle" and (drawn := _control(service_of(request), change)) is not None:
        spec = effect_charts.control(change.series, drawn.values, drawn.chart)
    else:
        raise HTTPException(404)
    image = svg(spec, _described(change), fictitious=found.fictitious)
    return Response(image, media_type="image/svg+xml", headers={"Content-Security-Policy": SVG_POLICY, "Cache-Control": "no-store"})


def _ready(request: Request) -> Effect:
    reading = effect(service_of(request))
    if reading.effect is None:
        raise HTTPException(503, headers={"Retry-After": COMING})
    return reading.effect


def _choice(request: Request, found: Effect) -> Choice:
    """Return what the address asks for; 404 for a site or an exam that has no data."""
    site, exam = (request.query_params.get(name) or None for name in ("site", "examen"))
    evaluation = found.current.evaluation
    if site not in (None, *(one.code for one in evaluation.sites)) or exam not in (None, *evaluation.kinds):
        raise HTTPException(404)
    return Choice(site, exam)


def _shown(service: Service, reading: Reading, found: Effect, choice: Choice) -> dict[str, Any]:
    document, names = found.document, _site_names(service)
    exam = _exam_name(service, choice.exam)
    result = _result(document, choice)
    change = found.current.evaluation.of(choice.site, choice.exam) if choice.site else None
    drawn = _control(service, change) if change is not None else None
    return {
        "choice": choice, "reading": reading, "exam": exam, "place": names.get(choice.site or "", choice.site) or "tous les sites",
        "sites": [(one["site"], names.get(one["site"], one["site"])) for one in document["sites"]],
        "exams": sorted(((kind, _exam_name(service, kind)) for kind in document["per_exam"]), key=lambda one: one[1]),
        "result": result, "sentences": sentences(result, exam) if result else [], "change": change, "control": drawn,
        "figures": _figures(found, choice, names), "rows": _rows(service, document, choice), "by_site": _by_site(document, choice, names),
        "described": _described(change) if change is not None else "", "site_warnings": _warnings(document, choice, names),
        "warnings": document["warnings"], "basis": found.current.evaluation.basis.french, "verdict": verdict, "tone": tone, "said": said_ratio,
        "small": SMALL, "step": ROUND, "spans": document["sites"], "names": names,
    }  # fmt: skip


def _result(document: dict[str, Any], choice: Choice) -> dict[str, Any] | None:
    whole = document["per_exam"].get(choice.exam) if choice.exam else document
    if whole is None:
        return None
    found: dict[str, Any] | None = (
        (whole["pooled"] if choice.exam is None else whole) if choice.site is None else whole["per_site"].get(choice.site)
    )
    return found


def _rows(service: Service, document: dict[str, Any], choice: Choice) -> list[tuple[str, str, dict[str, Any]]]:
    """Return each exam at the place chosen: its words, its address, its result; the most frequent first."""
    rows = []
    for kind, whole in document["per_exam"].items():
        found = whole if choice.site is None else whole["per_site"].get(choice.site)
        if found is not None:
            rows.append((_exam_name(service, kind), choice.query(examen=kind), found))
    return sorted(rows, key=lambda row: -(row[2]["n"]["before"] or 0))


def _by_site(document: dict[str, Any], choice: Choice, names: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    if choice.site is not None:
        return []
    whole = document["per_exam"].get(choice.exam, document)
    return [(names.get(site, site), choice.query(site=site), found) for site, found in whole["per_site"].items()]


def _figures(found: Effect, choice: Choice, names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return the interrupted series to draw: title, address, description."""
    from pertimage.audit.methods.result import Refusal

    changes = [one for one in found.current.evaluation.across(choice.exam) if choice.site in (None, one.site.code)]
    return [
        (names.get(one.site.code, one.site.code), f"/evaluation/effet/serie.svg?{choice.query(site=one.site.code)}", _described(one))
        for one in changes
        if not isinstance(one.interrupted, Refusal)
    ]


def _warnings(document: dict[str, Any], choice: Choice, names: dict[str, str]) -> list[str]:
    return [
        f"{names.get(one['site'], one['site'])} : {told}"
        for one in document["sites"]
        if choice.site in (None, one["site"])
        for told in one["warnings"]
    ]


@dataclass(frozen=True, slots=True)
class Control:
    """A control chart: values are exams per working day."""

    values: tuple[float, ...]
    chart: Any


def _control(service: Service, change: Change | None) -> Control | None:
    """Return the control chart of a change: its limits are those of the periods before; None without enough of them."""
    from pertimage.audit.methods.control_chart import Rebase, control_chart
    from pertimage.audit.methods.result import Refusal

    if change is None or change.series is None or change.site.on is None:
        return None
    series = change.series
    values = tuple(count / (days or 1) for count, days in zip(series.counts, series.working_days, strict=True))
    decided = [
        Rebase(one.since, one.words)
        for one in events_of(service.store.reader)
        if one.kind is EventKind.LIMITS and one.site in ("", change.site.code)
    ]
    if change.periods_before < _FEWEST_LIMITS:
        return None
    found = control_chart(values, series.starts, series.unit, change.periods_before, decided)
    return None if isinstance(found, Refusal) else Control(values, found)


def _described(change: Change) -> str:
    """Return the sentence that stands for the chart of a change."""
    from pertimage.audit.methods.result import Refusal

    found = change.interrupted
    if isinstance(found, Refusal):
        return found.why
    level, slope = ({"ratio": one.value, "low": one.low, "high": one.high} for one in (found.level, found.slope))
    return (
        f"Examens par {found.unit}, observés, ajustés et attendus sans le service : niveau {verdict(level)}, {said_ratio(level)} ; "
        f"tendance {verdict(slope)}, {said_ratio(slope, 1)} par mois."
    )


def _exam_name(service: Service, kind: str | None) -> str:
    if kind is None:
        return "tous les examens"
    known = service.base.catalogue.exams.get(kind)
    return known.label if known else f"{technique(kind)}, examen non reconnu" if kind in MODALITIES else kind


def _site_names(service: Service) -> dict[str, str]:
    return {site.id: site.name for site in service.register.sites(fictitious=service.settings.demo)}
