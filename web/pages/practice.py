"""« Mon bilan » : a prescriber's own practice, confidential, opt-in, against peers without names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.consents import Consent, Consents, Setting
from pertimage.audit.instants import PARIS
from pertimage.audit.intervals import Place, Share
from pertimage.audit.practice import Asked, Practice
from pertimage.cds.model import Outcome
from pertimage.web import charts
from pertimage.web.access import page_user
from pertimage.web.pages import csrf, french
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.evaluation import SVG_POLICY as SVG_POLICY
from pertimage.web.pages.evaluation import Figure
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.practice import LEAST_PEERS, LEAST_REQUESTS, LEAST_TO_IMPROVE, Compared, Report, report
from pertimage.web.practice_charts import MonthShare, funnel_plot, month_plot, month_shares
from pertimage.web.service import Service

router = APIRouter(prefix="/mon-bilan", include_in_schema=False)

ROLE = "prescripteur"
NAMES = {"complet": "complete", "pertinent": "appropriate"}
TITLES = {"complet": "Demandes complètes", "pertinent": "Examens pertinents"}
UNITS = {"complet": "des examens que le référentiel couvre", "pertinent": "des examens sur lesquels il se prononce"}
PLACES = {
    Place.INSIDE: ("inside", "Dans les limites que le hasard suffit à expliquer : on ne peut pas dire que votre pratique diffère de celle de vos pairs."),
    Place.BELOW: ("below", "Sous la limite à 95 %. Le hasard y place un prescripteur sur quarante : à regarder, pas encore une conclusion."),
    Place.FAR_BELOW: ("below", "Sous la limite à 99,8 %. Le hasard seul l'explique rarement (une fois sur mille) ; une patientèle ou une rédaction différentes le peuvent."),
    Place.ABOVE: ("above", "Au-dessus de la limite à 95 %. Le hasard y place un prescripteur sur quarante."),
    Place.FAR_ABOVE: ("above", "Au-dessus de la limite à 99,8 %. Le hasard seul l'explique rarement (une fois sur mille)."),
}  # fmt: skip
TOO_FEW = "trop peu pour conclure"
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Tile:
    """A share as the page shows it, its interval, what peers do, and where it stands."""

    name: str
    title: str
    unit: str
    value: str
    counted: str
    peers: str
    tone: str
    sentence: str
    figure: Figure | None


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month in words, its number of requests, and its shares or why there are none."""

    month: str
    requests: int
    cells: tuple[str, ...]


@router.get("", response_class=HTMLResponse)
def practice(request: Request, mois: str = "") -> HTMLResponse:
    """Show the report of whoever is signed in, or ask for their agreement; nobody else's can be asked for."""
    service, me = _me(request)
    consent = Consents(service.journal).of(me)
    if consent is None:
        return _consent_page(request, None)
    last = _last(mois, service)
    found = report(service, consent, last)
    return page(request, "practice/report.html", section="mon-bilan", **_shown(found, service, last))


@router.get("/accord", response_class=HTMLResponse)
def agreement(request: Request) -> HTMLResponse:
    """Show who sees what, and the choice made."""
    service, me = _me(request)
    return _consent_page(request, Consents(service.journal).of(me))


@router.post("/accord")
def agree(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Record the agreement, the setting declared and whether a monthly mail is wished."""
    service, me = _me(request)
    setting = csrf.text(form, "cadre")
    if setting not in set(Setting) or csrf.text(form, "accord") != "oui":
        fault = "Choisissez votre cadre d'exercice." if setting not in set(Setting) else "Cochez la case pour donner votre accord."
        return _consent_page(request, Consents(service.journal).of(me), status=422, fault=fault, chosen=setting)
    Consents(service.journal).give(me, setting, mail=csrf.text(form, "courriel") == "oui", at=service.now())
    flash(request, "Votre accord est enregistré. Vous pouvez le retirer à tout moment.")
    return RedirectResponse("/mon-bilan", 303)


@router.post("/retrait")
def withdraw(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Record that the prescriber no longer wants to be measured."""
    service, me = _me(request)
    Consents(service.journal).withdraw(me, at=service.now())
    flash(request, "Votre accord est retiré : plus de bilan, plus de courriel, et vous n'entrez plus dans les chiffres de vos pairs.")
    return RedirectResponse("/mon-bilan", 303)


@router.get("/graphique/{kind}-{name}.svg")
def chart(request: Request, kind: str, name: str, mois: str = "") -> Response:
    """Draw a figure of the signed-in prescriber's report."""
    service, me = _me(request)
    consent = Consents(service.journal).of(me)
    if consent is None or name not in NAMES or kind not in ("entonnoir", "mois"):
        raise HTTPException(404)
    found = report(service, consent, _last(mois, service))
    share, months = getattr(found, NAMES[name]), month_shares(found.months, NAMES[name])
    if kind == "entonnoir" and _has_funnel(share):
        drawn = charts.svg(funnel_plot(share), _funnel_words(share), fictitious=service.settings.demo)
    elif kind == "mois" and _has_months(months):
        drawn = charts.svg(month_plot(months), _month_words(months), fictitious=service.settings.demo)
    else:
        raise HTTPException(404)
    return Response(drawn, media_type="image/svg+xml", headers={"Content-Security-Policy": SVG_POLICY, "Cache-Control": "no-store"})


def _me(request: Request) -> tuple[Service, str]:
    """Return the service and the pseudonym of whoever is signed in: the only one whose figures these pages read."""
    user, service = page_user(request, ROLE), service_of(request)
    return service, service.pseudonyms.prescriber(user.name)


def _last(asked: str, service: Service) -> date:
    """Return the first day of the last month looked at: the one asked for when it is past, else this month; 404 for no month."""
    today = service.now().astimezone(PARIS).date()
    if not asked:
        return today.replace(day=1)
    match = _MONTH.fullmatch(asked)
    if match is None or not date(2000, 1, 1) <= (found := date(int(match[1]), int(match[2]), 1)) <= today:
        raise HTTPException(404)
    return found


def _consent_page(request: Request, consent: Consent | None, *, status: int = 200, fault: str = "", chosen: str = "") -> HTMLResponse:
    context: dict[str, Any] = {
        "consent": consent, "settings": list(Setting), "fault": fault, "chosen": chosen or (consent.setting if consent else ""),
        "least_requests": LEAST_REQUESTS, "least_peers": LEAST_PEERS,
    }  # fmt: skip
    return page(request, "practice/consent.html", status=status, section="mon-bilan", **context)


def _shown(found: Report, service: Service, last: date) -> dict[str, Any]:
    base, this_month = service.base, service.now().astimezone(PARIS).strftime("%Y-%m")
    shares = {name: month_shares(found.months, attribute) for name, attribute in NAMES.items()}
    return {
        "report": found, "setting": found.consent.setting.french, "from": month_words(found.window.months[0]),
        "to": month_words(found.window.months[-1]), "unfinished": found.window.months[-1] == this_month,
        "tiles": [_tile(name, getattr(found, NAMES[name]), last) for name in NAMES], "unscored": _unscored(found.own),
        "months": [_month_row(month, one, shares) for month, one in reversed([*found.months.items()])],
        "month_figures": [_month_figure(name, shares[name], last) for name in NAMES if _has_months(shares[name])],
        "situations": [(base.sheets[one.sheet], one, _situation_words(one), _exam_words(one, service)) for one in found.situations],
        "exam_label": lambda name: base.catalogue.exams[name].label if name in base.catalogue.exams else name,
        "least_requests": LEAST_REQUESTS, "least_peers": LEAST_PEERS, "least_to_improve": LEAST_TO_IMPROVE, "too_few": TOO_FEW,
    }  # fmt: skip


def month_words(month: str) -> str:
    """Return a month (« 2026-10 ») in words: « octobre 2026 »."""
    return f"{french.MONTHS[int(month[5:]) - 1]} {month[:4]}"


def percent(value: float) -> str:
    """Return a share in whole percent; a share that is not all or none is never told as such."""
    rounded = round(value * 100)
    whole = 1 if value > 0 and rounded == 0 else 99 if value < 1 and rounded == 100 else rounded
    return f"{whole} %"


def _between(share: Share) -> str:
    interval = share.interval
    return f"entre {percent(interval[0]).removesuffix(' %')} et {percent(interval[1])}" if interval else ""


def _tile(name: str, found: Compared, last: date) -> Tile:
    own, title, unit = found.own, TITLES[name], UNITS[name]
    if found.peers is None:
        peers = f"Pas de comparaison : il faut au moins {LEAST_PEERS} pairs ayant chacun {LEAST_REQUESTS} examens."
    else:
        peers = f"Vos {len(found.points)} pairs, ensemble : {percent(found.peers.part / found.peers.whole)}."
    if own is None:
        return Tile(name, title, unit, "", f"{found.cases} examen{'s' if found.cases > 1 else ''} : {TOO_FEW}", peers, "", "", None)
    tone, sentence = PLACES[found.place] if found.place else ("", "")
    counted = f"{own.part} sur {own.whole} ; vraie valeur probablement {_between(own)}"
    source = f"/mon-bilan/graphique/entonnoir-{name}.svg?mois={last:%Y-%m}"
    figure = Figure(f"{title} : vous et vos pairs", source, _funnel_words(found)) if _has_funnel(found) else None
    return Tile(name, title, unit, percent(own.part / own.whole), counted, peers, tone, sentence, figure)


def _has_funnel(found: Compared) -> bool:
    return found.peers is not None and found.own is not None


def _has_months(months: Sequence[MonthShare]) -> bool:
    return sum(one.share is not None for one in months) > 1


def _funnel_words(found: Compared) -> str:
    if found.own is None or found.peers is None or found.place is None:
        return ""
    own, peers = percent(found.own.part / found.own.whole), percent(found.peers.part / found.peers.whole)
    return french.typography(
        f"Entonnoir : chaque anneau est un pair, le disque c'est vous ({own} de {found.own.whole} examens). Ensemble des pairs : {peers}. {PLACES[found.place][1]}"
    )


def _month_words(months: Sequence[MonthShare]) -> str:
    said = [f"{month_words(one.month)} {percent(one.share.part / one.share.whole)}" for one in months if one.share]
    return french.typography(f"Mois par mois : {', '.join(said)}. Les autres mois ont trop peu d'examens.")


def _month_figure(name: str, months: Sequence[MonthShare], last: date) -> Figure:
    return Figure(TITLES[name], f"/mon-bilan/graphique/mois-{name}.svg?mois={last:%Y-%m}", _month_words(months), UNITS[name])


def _month_row(month: str, one: Practice, shares: dict[str, list[MonthShare]]) -> MonthRow:
    of_month = [next(found.share for found in shares[name] if found.month == month) for name in NAMES]
    if not one.requests:
        return MonthRow(month_words(month), 0, ("–",) * len(of_month))
    cells = tuple(f"{percent(share.part / share.whole)} ({_between(share)})" if share else TOO_FEW for share in of_month)
    return MonthRow(month_words(month), one.requests, cells)


def _unscored(own: Practice) -> tuple[int, str]:
    """Return how many exams were never judged, and their share when there are enough to tell."""
    share = Share(own.unscored, own.exams)
    return own.unscored, percent(share.value or 0.0) if own.exams >= LEAST_REQUESTS else ""


def _situation_words(one: Asked) -> list[str]:
    words = {
        Outcome.NOT_INDICATED: "sans examen utile",
        Outcome.ALTERNATIVE: "où un autre examen était préférable",
        Outcome.INCOMPLETE: "à compléter",
    }
    return [f"{one.counts[outcome]} {said}" for outcome, said in words.items() if one.counts.get(outcome)]


def _exam_words(one: Asked, service: Service) -> str:
    """Return the label of the exam most often asked against the advice of a situation."""
    if not one.exams:
        return ""
    name = min(one.exams, key=lambda exam: (-one.exams[exam], exam))
    found = service.base.catalogue.exams.get(name)
    return found.label if found else ""
