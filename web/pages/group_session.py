"""A group session: the project opens a code, everybody answers the same questions on their phone, the answers are counted without names."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.lessons import AlreadyAnswered, Lesson, Lessons, NameTaken, SessionClosed, UnknownLesson
from pertimage.web.access import page_user
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.learning import GONE, Asked, Progress, chapters, draw, progress, scope_words
from pertimage.web.pages.view import is_fragment, page, service_of, templates
from pertimage.web.questions import Question, bank, sheets_of
from pertimage.web.service import Service

router = APIRouter(include_in_schema=False)

ROLE = "equipe-projet"
# Without the letters and digits that are read for one another on a screen at the end of a room.
_LETTERS, CODE_LENGTH = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 6
# Under so many answers to a question, their distribution would say who answered what.
SHOWN_FROM = 3
UNKNOWN = "Aucune séance en cours ne porte ce code. Vérifiez-le auprès de l'animateur."


@dataclass(frozen=True, slots=True)
class Counted:
    """A question of a session: how many answered it, how many each option got (none yet under three answers)."""

    rank: int
    question: Question
    answers: int
    bars: tuple[tuple[str, int, bool], ...]


@router.get("/se-former/animer", response_class=HTMLResponse)
def sessions(request: Request) -> HTMLResponse:
    """Offer to open a session, and show those that run."""
    user, service = page_user(request, ROLE), service_of(request)
    running = Lessons(service.journal).sessions_of(service.pseudonyms.prescriber(user.name), service.now())
    return page(
        request, "learning/sessions.html", section="se-former", running=[(one, scope_words(one.scope)) for one in running],
        chapters=chapters(service.base),
    )  # fmt: skip


@router.post("/se-former/animer")
def open_session(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Draw the questions of a chapter and open their code for a day."""
    user, service = page_user(request, ROLE), service_of(request)
    scope = csrf.text(form, "themes", 60)
    about: dict[str, Any] = {"owner": service.pseudonyms.prescriber(user.name), "scope": scope, "guidelines": service.base.version}
    for _ in range(5):
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
        drawn = draw(service, code, sheets_of(service.base, scope))
        if not drawn:
            raise HTTPException(404)
        try:
            Lessons(service.journal).open(code, tuple(one.name for one in drawn), at=service.now(), group=True, **about)
        except NameTaken:
            continue
        return RedirectResponse(f"/se-former/animer/{code}", 303)
    raise HTTPException(500)


@router.get("/se-former/animer/{code}", response_class=HTMLResponse)
def session_counted(request: Request, code: str) -> Response:
    """Show the code to the room, and how the answers spread; only to whoever opened the session."""
    user, service = page_user(request, ROLE), service_of(request)
    found = _session(service, code)
    if found is None or found.owner != service.pseudonyms.prescriber(user.name):
        raise HTTPException(404)
    context: dict[str, Any] = {
        "session": found, "over": found.is_over(service.now()), "participants": Lessons(service.journal).participants(found.id),
        "counted": _counted(service, found), "least": SHOWN_FROM, "scope": scope_words(found.scope), "gone": GONE,
        "address": f"{service.settings.base_url.rstrip('/')}/seance",
    }  # fmt: skip
    if is_fragment(request):
        return templates.TemplateResponse(request, "learning/counted.html", context)
    return page(request, "learning/session.html", section="se-former", **context)


@router.get("/seance", response_class=HTMLResponse)
def join(request: Request, code: str = "") -> Response:
    """Ask for the code of a session; open it when there is one."""
    service, wanted = service_of(request), _clean(code)
    found = _session(service, wanted) if wanted else None
    if found is not None and not found.is_over(service.now()):
        return RedirectResponse(f"/seance/{found.id}", 303)
    fault = UNKNOWN if code.strip() else ""
    return page(request, "learning/join.html", status=422 if fault else 200, section="se-former", fault=fault, code=code.strip()[:20])


@router.get("/seance/{code}", response_class=HTMLResponse)
def take_part(request: Request, code: str, question: int | None = None) -> HTMLResponse:
    """Show a participant the next question, the feedback on one answered, or the end."""
    service, found = _running(request, code)
    steps = _steps(request, service, found)
    shown = steps.at(question - 1) if question is not None else steps.next
    if question is not None and (shown is None or (shown.answer is None and shown != steps.next)):
        raise HTTPException(404)
    return _participant_page(request, service, found, steps, shown)


@router.post("/seance/{code}/{rank}")
def answer(request: Request, code: str, rank: int, form: FormData = Depends(checked_form)) -> Response:
    """Count an answer; the first one of a participant counts."""
    service, found = _running(request, code)
    steps = _steps(request, service, found)
    asked = steps.at(rank - 1)
    if asked is None or asked.question is None:
        raise HTTPException(404)
    choice = csrf.text(form, "choix", 80)
    if not asked.question.label(choice):
        return _participant_page(request, service, found, steps, asked, status=422, fault="Choisissez une réponse.")
    try:
        Lessons(service.journal).answer(
            found.id, asked.rank, choice, right=choice in asked.question.right, who=_participant(request), at=service.now()
        )
    except AlreadyAnswered:
        pass  # sent twice: the page shows the first answer
    except SessionClosed as closed:
        return _participant_page(request, service, found, steps, asked, status=409, fault=str(closed))
    return RedirectResponse(f"/seance/{found.id}?question={rank}", 303)


def _participant(request: Request) -> str:
    """Return the number of whoever holds this browser: drawn at random, kept in its session, linked to no name."""
    found: str = request.session.setdefault("participant", secrets.token_hex(8))
    return found


def _clean(code: str) -> str:
    return "".join(code.upper().split()).replace("-", "")[:CODE_LENGTH]


def _session(service: Service, code: str) -> Lesson | None:
    try:
        found = Lessons(service.journal).lesson(_clean(code))
    except UnknownLesson:
        return None
    return found if found.is_session else None


def _running(request: Request, code: str) -> tuple[Service, Lesson]:
    service = service_of(request)
    found = _session(service, code)
    if found is None:
        raise HTTPException(404)
    return service, found


def _steps(request: Request, service: Service, found: Lesson) -> Progress:
    return progress(service, found, Lessons(service.journal).answers(found.id, _participant(request)))


def _counted(service: Service, found: Lesson) -> list[Counted]:
    spread, questions = Lessons(service.journal).distribution(found.id), bank(service.base)
    shown = ((rank, questions.question(name)) for rank, name in enumerate(found.questions))
    return [_count(rank, question, spread.get(rank, {})) for rank, question in shown if question]


def _count(rank: int, question: Question, choices: Mapping[str, int]) -> Counted:
    total = sum(choices.values())
    bars = tuple((one.label, choices.get(one.value, 0), one.value in question.right) for one in question.options)
    return Counted(rank, question, total, bars if total >= SHOWN_FROM else ())


def _participant_page(
    request: Request, service: Service, found: Lesson, steps: Progress, shown: Asked | None, *, status: int = 200, fault: str = ""
) -> HTMLResponse:
    over = found.is_over(service.now())
    context: dict[str, Any] = {"steps": steps, "over": over, "scope": scope_words(found.scope), "fault": fault}
    if shown is None or (over and shown.answer is None):
        return page(request, "learning/session_end.html", status=status, section="se-former", session=found, gone=GONE, **context)
    return page(
        request, "learning/question.html", status=status, section="se-former", base_address=f"/seance/{found.id}", shown=shown, **context
    )
