"""The patient page: no account, no cookie, no script, no identity; its address is its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup, escape

from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.patient_links import Closed, Delay, Explained, PatientAnswer, PatientLink, Reason, TooManyChanges
from pertimage.audit.review import RequestStatus
from pertimage.audit.worklist import RequestRow
from pertimage.web.local_policy import PAGE, PRESCRIBER
from pertimage.web.pages import french
from pertimage.web.pages.recorded import recorded
from pertimage.web.pages.view import service_of, templates
from pertimage.web.patient.explanation import Explanation, explain
from pertimage.web.patient.languages import FRENCH, Language, languages
from pertimage.web.patient.tokens import answer_key, is_token, link_digest
from pertimage.web.service import Service

router = APIRouter(prefix="/patient", include_in_schema=False)

# A form of this page has a few short fields: what is larger is not one.
LARGEST_FORM, MOST_FIELDS = 4096, 20
BIG = "oui"
Fields = Mapping[str, list[str]]


class UnreadableFormError(ValueError):
    """What was posted is not a form of this page."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How somebody reads the page: in which language, how large."""

    language: Language
    big: bool = False

    @property
    def query(self) -> str:
        """Return the part of the address that says so; empty for French in its normal size."""
        wanted = {"langue": "" if self.language.code == FRENCH else self.language.code, "grand": BIG if self.big else ""}
        return urlencode({name: value for name, value in wanted.items() if value})


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that a token opens."""

    token: str
    link: PatientLink
    row: RequestRow


@router.get("/{token}", response_class=HTMLResponse)
def patient_page(request: Request, token: str, langue: str = "", grand: str = "", merci: str = "") -> HTMLResponse:
    """Show the page; whatever does not open it gets the same calm answer."""
    reading = _reading(langue, grand)
    opened = _opened(service_of(request), token)
    if opened is None:
        return _closed(request, reading, token)
    return _page(request, opened, reading, thanks=merci == BIG)


async def posted(request: Request) -> Fields | None:
    """Return the fields posted, by name; None when what was posted is too large or is no form of this page."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            return None
    try:
        return parse_qs(body.decode(), max_num_fields=MOST_FIELDS)
    except ValueError:
        return None


@router.post("/{token}/information")
def informed(request: Request, token: str, fields: Fields | None = Depends(posted)) -> Response:
    """Keep that the patient has received the information; twice is once."""
    reading, service = _reading_of(fields), service_of(request)
    opened = _opened(service, token)
    if opened is None:
        return _closed(request, reading, token)
    if fields is None:
        return _page(request, opened, reading, status=422, fault="illisible")
    try:
        service.patients.inform(opened.link, language=reading.language.code, at=service.now())
    except Closed:
        return _closed(request, reading, token)
    return RedirectResponse(_address(token, reading, "information"), 303)


@router.post("/{token}/reponses")
def answered(request: Request, token: str, fields: Fields | None = Depends(posted)) -> Response:
    """Keep what the patient answers, in the place of an earlier answer."""
    reading, service = _reading_of(fields), service_of(request)
    opened = _opened(service, token)
    if opened is None:
        return _closed(request, reading, token)
    try:
        answer = read_answer(fields)
    except UnreadableFormError:
        return _page(request, opened, reading, status=422, fault="illisible")
    if answer.is_empty:
        return _page(request, opened, reading, status=422, fault="vide")
    try:
        service.patients.answer(
            opened.link, answer_key(token), answer, site=opened.row.site, language=reading.language.code, at=service.now()
        )
    except Closed:
        return _closed(request, reading, token)
    except TooManyChanges:
        return _page(request, opened, reading, status=429, fault="trop")
    return RedirectResponse(_address(token, reading, "questions", merci=BIG), 303)


def read_answer(fields: Fields | None) -> PatientAnswer:
    """Return the answer that a form holds; raises UnreadableFormError on a choice that the form does not offer."""
    if fields is None:
        raise UnreadableFormError
    one = {name: values[-1] for name, values in fields.items()}
    try:
        renounced = {"": None, "oui": True, "non": False}[one.get("renonce", "")]
        return PatientAnswer(
            int(one["compris"]) if one.get("compris") else None, Delay(one["delai"]) if one.get("delai") else None,
            Explained(one["explique"]) if one.get("explique") else None, renounced,
            tuple(dict.fromkeys(map(Reason, fields.get("raisons", ())))) if renounced else (),
        )  # fmt: skip
    except (KeyError, ValueError):
        raise UnreadableFormError from None


def _opened(service: Service, token: str) -> Opened | None:
    """Return what a token opens now; None for any token that opens nothing."""
    link = service.patients.opened_by(link_digest(token)) if is_token(token) else None
    if link is None or utc_datetime(link.expires_at) <= service.now():
        return None
    row = service.register.request(link.request)
    return None if row.status is RequestStatus.WITHDRAWN else Opened(token, link, row)


def _reading(language: str, big: str) -> Reading:
    known = languages()
    return Reading(known.get(language, known[FRENCH]), big == BIG)


def _reading_of(fields: Fields | None) -> Reading:
    return _reading(*((fields or {}).get(name, [""])[-1] for name in ("langue", "grand")))


def _address(token: str, reading: Reading, part: str = "", **more: str) -> str:
    query = "&".join(filter(None, (reading.query, urlencode(more))))
    return f"/patient/{token}" + (f"?{query}" if query else "") + (f"#{part}" if part else "")


def _page(request: Request, opened: Opened, reading: Reading, *, status: int = 200, fault: str = "", thanks: bool = False) -> HTMLResponse:
    service = service_of(request)
    explained = _explanation(opened.row, service)
    context: dict[str, Any] = {
        "explained": explained, "link": opened.link, "fault": fault, "thanks": thanks,
        "answer": service.patients.answer_of(answer_key(opened.token)) or PatientAnswer(), "delays": _pairs(Delay), "who": _pairs(Explained),
        "reasons": _pairs(Reason), "until": _date(explained.until, reading.language) if explained.until else "",
    }  # fmt: skip
    return templates.TemplateResponse(request, "patient/page.html", _shared(request, reading, opened.token) | context, status_code=status)


def _closed(request: Request, reading: Reading, token: str) -> HTMLResponse:
    """Return the same page, whether the token is false, too old or that of a request withdrawn: 410 where there was a page, else 404."""
    service = service_of(request)
    was_there = is_token(token) and service.patients.opened_by(link_digest(token)) is not None
    context = _shared(request, reading, token[:64])
    return templates.TemplateResponse(request, "patient/closed.html", context, status_code=410 if was_there else 404)


def _explanation(row: RequestRow, service: Service) -> Explanation:
    one = recorded(row, service)
    return explain(row, one.request, service.told(one.assessments, PAGE, PRESCRIBER), service.base, service.preparations)


def _shared(request: Request, reading: Reading, token: str) -> dict[str, Any]:
    service, language = service_of(request), reading.language
    return {
        "t": _sayer(language), "all_of": lambda key: [_typeset(text, language) for text in language.list(key)], "language": language,
        "languages": languages().values(), "big": reading.big, "token": token, "demo": service.settings.demo,
        "brouillon": service.base.review_state == "draft",
        "on": lambda moment: _date(moment, language), "address": lambda **how: _address(token, _with(reading, **how)),
    }  # fmt: skip


def _with(reading: Reading, *, language: Language | None = None, big: bool | None = None) -> Reading:
    return Reading(language or reading.language, reading.big if big is None else big)


def _sayer(language: Language) -> Callable[..., Markup]:
    return lambda key, **values: _typeset(language.say(key, **values), language)


def _typeset(text: str, language: Language) -> Markup:
    safe = escape(text)
    return Markup(french.typography(safe)) if language.code == FRENCH else safe  # noqa: S704 - escaped just before


def _pairs(vocabulary: type[StrEnum]) -> list[tuple[str, str]]:
    """Return the choices of a question, each with the key of its words, which is the same."""
    return [(str(one), str(one)) for one in vocabulary]


def _date(moment: str | date, language: Language) -> Markup:
    """Return a day, or that of an instant (UTC text) in Paris: in words in French, else in figures that no script turns around."""
    day = utc_datetime(moment).astimezone(PARIS).date() if isinstance(moment, str) else moment
    said = french.day(day) if language.code == FRENCH else f"{day:%d/%m/%Y}"
    return Markup('<time datetime="{}"><bdi>{}</bdi></time>').format(day.isoformat(), said)
