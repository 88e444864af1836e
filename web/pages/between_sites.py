"""Do sites differ more than chance? Funnels of shares since the go-live of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from pertimage.audit.disclosure import SMALL, rounded, share_is_shown
from pertimage.audit.indicators import ExamWeek
from pertimage.audit.intervals import Place, Share
from pertimage.audit.suppression import ROUND
from pertimage.cds.model import Outcome
from pertimage.web.access import page_user
from pertimage.web.charts import svg
from pertimage.web.measures import Measures, measures
from pertimage.web.pages.evaluation import ROLE, SVG_POLICY
from pertimage.web.pages.view import page, service_of

if TYPE_CHECKING:
    from pertimage.audit.methods.funnel import Funnel
    from pertimage.audit.methods.result import Refusal

router = APIRouter(prefix="/evaluation/sites", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """A share compared between sites: its words, and how a week counts in it."""

    title: str
    whole: str
    counts: Callable[[ExamWeek], tuple[int, int]]


def _outcome(outcome: Outcome) -> Callable[[ExamWeek], tuple[int, int]]:
    return lambda week: (week.outcomes.counts.get(outcome, 0), week.outcomes.judged)


SHARES = {
    "pertinents": Compared("Demandes pertinentes", "examens jugés", _outcome(Outcome.APPROPRIATE)),
    "hors-referentiel": Compared("Demandes hors référentiel", "examens jugés", _outcome(Outcome.NO_GUIDANCE)),
    "a-completer": Compared("Demandes à compléter", "examens jugés", _outcome(Outcome.INCOMPLETE)),
    "irradiants": Compared(
        "Examens irradiants", "examens dont la technique est connue", lambda week: (week.irradiating, week.irradiation_known)
    ),
}


@router.get("", response_class=HTMLResponse)
def between(request: Request) -> HTMLResponse:
    """Show a funnel for each share."""
    page_user(request, ROLE)
    measured = measures(service_of(request))
    names = {site.id: site.name for site in measured.sites}
    funnels = [(slug, one, *_read(measured, one)) for slug, one in SHARES.items()]
    outside = (Place.FAR_BELOW, Place.FAR_ABOVE)
    return page(
        request, "evaluation/between.html", section="evaluation", funnels=funnels, names=names, outside=outside, small=SMALL, step=ROUND,
        state=measured.version,
    )  # fmt: skip


@router.get("/{name}.svg")
def chart(request: Request, name: str) -> Response:
    """Draw the funnel of a share."""
    from pertimage.web.effect_charts import between as drawn

    page_user(request, ROLE)
    measured = measures(service_of(request))
    found = _read(measured, SHARES[name])[0] if name in SHARES else None
    if found is None:
        raise HTTPException(404)
    names = {site.id: site.name for site in measured.sites}
    image = svg(drawn(found, names), " ".join(_named(spot.french, names) for spot in found.spots), fictitious=measured.fictitious)
    return Response(image, media_type="image/svg+xml", headers={"Content-Security-Policy": SVG_POLICY, "Cache-Control": "no-store"})


def _read(measured: Measures, compared: Compared) -> tuple[Funnel | None, str]:
    """Return the funnel of the sites where the service is on, or why there is none; counts are those published."""
    from pertimage.audit.methods.funnel import funnel_of_shares
    from pertimage.audit.methods.result import Refusal

    shares = {}
    for site, go_live in measured.go_lives.items():
        weeks = [week for week in measured.series(site, None) if week is not None and week.week >= go_live]
        part, whole = (sum(counts) for counts in zip(*map(compared.counts, weeks), strict=True)) if weeks else (0, 0)
        if share_is_shown(part, whole):
            shares[site] = Share(min(rounded(part), rounded(whole)), rounded(whole))
    found: Funnel | Refusal = funnel_of_shares(shares)
    return (None, found.why) if isinstance(found, Refusal) else (found, "")


def _named(sentence: str, names: dict[str, str]) -> str:
    site, mark, rest = sentence.partition(" : ")
    return f"{names.get(site, site)}{mark}{rest}"
