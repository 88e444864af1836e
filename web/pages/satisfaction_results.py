"""Campaigns of satisfaction for the project team: opening and closing them, what they say, and what patients said meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.disclosure import MASKED, SMALL_SHOWN, rounded, share, shown, shown_row
from pertimage.audit.patient_answers import NO, UNANSWERED, YES, Counts, MonthOfAnswers, answers_by_quarter
from pertimage.audit.patient_links import Explained
from pertimage.audit.patient_links import Reason as GivenUp
from pertimage.audit.programme import read_day
from pertimage.audit.review import Refused
from pertimage.audit.survey import QUESTIONS, Answer, Campaign, Overriding, Reason, Role, Subject, Surveys
from pertimage.audit.survey_results import CLASSES, LEAST, Agreement, Difference, Score, difference, results
from pertimage.web.access import page_user
from pertimage.web.findings import percent
from pertimage.web.pages import csrf, french
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.satisfaction import OWN, today
from pertimage.web.pages.view import flash, page, service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/evaluation/satisfaction", include_in_schema=False)

ROLE = "equipe-projet"
_ENDED = "finie"
_EXPLAINED = {
    Explained.DOCTOR: "leur médecin", Explained.RADIOLOGIST: "le radiologue", Explained.OTHER: "quelqu'un d'autre", Explained.NOBODY: "personne",
    Explained.NOT_YET: "pas encore de résultat",
}  # fmt: skip
_GIVEN_UP = {
    GivenUp.COST: "le coût", GivenUp.DISTANCE: "la distance", GivenUp.DELAY: "le délai", GivenUp.FEAR: "la peur", GivenUp.ORGANISATION: "l'organisation",
    GivenUp.OTHER: "une autre raison",
}  # fmt: skip
# A row of a table: words, then cells as published.
Row = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A class of scores: its words, its count as published, and the length of its bar, 0 to 100; None when it is hidden."""

    words: str
    count: str
    length: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A campaign and what may be told of it; ``state`` is « à venir », « ouverte » or « finie ».

    Before its end only the number of answers is told: a mean read before and after an answer would give that answer.
    """

    campaign: Campaign
    state: str
    answers: str
    score: Score | None
    classes: tuple[Bar, ...]
    own: tuple[Row, ...]
    overriding: tuple[Row, ...]
    past: str
    reasons: tuple[Row, ...]
    roles: tuple[Row, ...]
    sites: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two campaigns that follow each other, and the difference of their means; None when it may not be told."""

    before: Campaign
    after: Campaign
    found: Difference | None


@router.get("", response_class=HTMLResponse)
def satisfaction(request: Request) -> HTMLResponse:
    """Show the campaigns, the latest first, and what patients answered."""
    page_user(request, ROLE)
    return _page(request)


@router.post("", response_model=None)
def open_campaign(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Open a campaign."""
    user, service = page_user(request, ROLE), service_of(request)
    written = {name: csrf.text(form, name, 120) for name in ("nom", "objet", "debut", "fin")}
    try:
        opens, closes = read_day(written["debut"], "Premier jour"), read_day(written["fin"], "Dernier jour")
        subject = next((one for one in Subject if one.value == written["objet"]), None)
        if opens is None or closes is None or subject is None:
            raise ValueError("Dites ce que la campagne juge, son premier et son dernier jour.")
        if closes < today(service):
            raise ValueError("La campagne serait déjà finie.")
        Surveys(service.journal).open(written["nom"], subject, opens=opens, closes=closes, author=user.name, at=service.now())
    except ValueError as error:
        return _page(request, status=422, fault=str(error), written=written)
    except Refused as refusal:
        return _page(request, status=409, fault=str(refusal), written=written)
    flash(request, "Campagne enregistrée : donnez l'adresse /satisfaction aux professionnels.")
    return RedirectResponse("/evaluation/satisfaction", 303)


@router.post("/{campaign}/fermer", response_model=None)
def close_campaign(request: Request, campaign: str, form: FormData = Depends(checked_form)) -> Response:
    """Close a campaign before its end: no answer is taken from this day on."""
    user, service = page_user(request, ROLE), service_of(request)
    try:
        Surveys(service.journal).close(campaign, day=today(service), author=user.name, at=service.now())
    except Refused as refusal:
        return _page(request, status=409, fault=str(refusal))
    flash(request, "Campagne fermée.")
    return RedirectResponse("/evaluation/satisfaction", 303)


def _page(request: Request, *, status: int = 200, fault: str = "", written: Mapping[str, str] | None = None) -> HTMLResponse:
    service = service_of(request)
    surveys, day = Surveys(service.journal), today(service)
    held = [(one, surveys.answers(one.id)) for one in surveys.campaigns() if one.opens <= one.closes]
    ended = [(one, answers) for one, answers in held if one.closes < day]
    names = {site.id: site.name for site in service.register.sites()}
    about: dict[str, Any] = {
        "campaigns": [_campaign(one, answers, names, day) for one, answers in reversed(held)], "compared": [_compared(*pair) for pair in pairwise(ended)],
        "fault": fault, "written": written or {}, "subjects": tuple(Subject), "questions": QUESTIONS, "least": LEAST, "small": SMALL_SHOWN, "day": day,
        "quarters": _quarters(service), "address": service.settings.base_url.rstrip("/") + "/satisfaction",
    }  # fmt: skip
    return page(request, "evaluation/satisfaction.html", status=status, section="evaluation", **about)


def _compared(before: tuple[Campaign, list[Answer]], after: tuple[Campaign, list[Answer]]) -> Compared:
    return Compared(before[0], after[0], difference(before[1], after[1]))


def _campaign(campaign: Campaign, answers: list[Answer], names: Mapping[str, str], day: date) -> Shown:
    state = "à venir" if day < campaign.opens else "ouverte" if campaign.is_open(day) else _ENDED
    found = results(answers)
    if found.score is None or state != _ENDED:
        return Shown(campaign, state, shown(found.answers), None, (), (), (), "", (), (), ())
    own = tuple((words, _agreed(one)) for words, one in zip(OWN.values(), (found.speed, found.usefulness, found.trust), strict=True))
    frequency = [found.overriding.get(one, 0) for one in Overriding]
    overriding = tuple((french.capital(one.french), (text,)) for one, text in zip(Overriding, shown_row(frequency), strict=True))
    reasons = sorted(Reason, key=lambda reason: -found.reasons.get(reason, 0))
    return Shown(
        campaign, state, shown(found.answers), found.score, _bars(found.classes), own, overriding if any(frequency) else (), shown(found.past),
        tuple((french.capital(one.french), (shown(found.reasons.get(one, 0)),)) for one in reasons) if found.past >= LEAST else (),
        _groups(found.roles, {role.value: french.capital(role.french) for role in Role}), _groups(found.sites, {**names, "": "Site non dit"}),
    )  # fmt: skip


def _bars(counts: tuple[int, ...]) -> tuple[Bar, ...]:
    starts = (0.0, *(end + 2.5 for end in CLASSES))
    longest = max(counts)
    return tuple(
        Bar(f"{french.number(start)} à {french.number(end)}", text, round(100 * count / longest) if text.isdecimal() else None)
        for start, end, count, text in zip(starts, CLASSES, counts, shown_row(counts), strict=False)
    )


def _agreed(one: Agreement) -> tuple[str, str]:
    return percent(share(one.agreed, one.answered)), shown(one.answered)


def _groups(scores: Mapping[str, Score | None], words: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the groups whose score may be told; nothing when there is only one: it is the whole."""
    told = [(name, score) for name, score in scores.items() if score is not None]
    if len(scores) < 2 or not told:
        return ()
    return tuple((words.get(name, name), (french.number(score.mean), _interval(score), shown(score.answers))) for name, score in told)


def _interval(score: Score) -> str:
    return f"{french.number(score.low)} à {french.number(score.high)}"


def _quarters(service: Service) -> list[tuple[str, str, tuple[Row, ...]]]:
    """Return what patients answered: each quarter in words, its answers, and a row of counts per question."""
    found = answers_by_quarter(service.store.reader)
    return [(_quarter(one.month), _count(one.answers), _patient_rows(one) if one.answers is not None else ()) for one in reversed(found)]


def _patient_rows(one: MonthOfAnswers) -> tuple[Row, ...]:
    explained = {reason.value: words for reason, words in _EXPLAINED.items()}
    reasons = {reason.value: words for reason, words in _GIVEN_UP.items()}
    understood = {str(mark): str(mark) for mark in range(1, 6)} | {"1": "1 (pas du tout)", "5": "5 (tout à fait)"}
    return (
        ("Ont compris pourquoi, de 1 à 5", _counts(one.understanding, understood)),
        ("Résultat expliqué par", _counts(one.explained, explained)),
        ("Ont renoncé à l'examen", _counts(one.renounced, {YES: "oui", NO: "non"})),
        ("Raisons de renoncer", _counts(one.reasons, reasons)),
    )


def _counts(counts: Counts, words: Mapping[str, str]) -> tuple[str, ...]:
    said = {**words, UNANSWERED: "sans réponse"}
    told = tuple(f"{said[name]} : {rounded(count)}" for name, count in counts.items() if count is not None)
    return told or (MASKED,)


def _count(count: int | None) -> str:
    return SMALL_SHOWN if count is None else str(rounded(count))


def _quarter(written: str) -> str:
    year, rank = written.split("-T")
    return f"{rank}{'er' if rank == '1' else 'e'} trimestre {year}"
