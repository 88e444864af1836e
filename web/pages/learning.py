"""« Se former » : five questions from the vignettes of the sheets, an answer at once, and a certificate of what was done."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from pertimage.audit.consents import Consents
from pertimage.audit.instants import PARIS
from pertimage.audit.lessons import AlreadyAnswered, Answer, Lesson, Lessons, UnknownLesson
from pertimage.audit.practice import situations, twelve_months
from pertimage.guidelines.base import GuidelineBase
from pertimage.web.access import User, page_user
from pertimage.web.pages import csrf
from pertimage.web.pages.csrf import checked_form
from pertimage.web.pages.sheet_view import chapter_words
from pertimage.web.pages.view import page, service_of
from pertimage.web.questions import QUESTIONS, Question, bank, sheets_of
from pertimage.web.service import Service

router = APIRouter(prefix="/se-former", include_in_schema=False)

ROLE = "prescripteur"
MINE = "mes-situations"
MOST_SHEETS = 12
GONE = "Cette lettre a changé ou a quitté le référentiel depuis le tirage : elle ne compte pas."


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a lesson with its place from 0 and the answer given; ``question`` is None when it left the guidelines."""

    rank: int
    question: Question | None
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where somebody stands in a lesson. Questions that left the guidelines are neither asked nor counted."""

    asked: tuple[Asked, ...]

    @property
    def counted(self) -> list[Asked]:
        """Return the questions that count."""
        return [one for one in self.asked if one.question is not None]

    @property
    def next(self) -> Asked | None:
        """Return the first question without answer."""
        return next((one for one in self.counted if one.answer is None), None)

    @property
    def score(self) -> int:
        """Return how many were right."""
        return sum(one.answer is not None and one.answer.right for one in self.counted)

    def at(self, rank: int) -> Asked | None:
        """Return the question of a place; None when there is none, or when it left the guidelines."""
        return next((one for one in self.counted if one.rank == rank), None)


@router.get("", response_class=HTMLResponse)
def learning(request: Request) -> HTMLResponse:
    """Offer five questions, and show what was done before."""
    user, service = page_user(request, ROLE), service_of(request)
    me = service.pseudonyms.prescriber(user.name)
    lessons = Lessons(service.journal)
    done = [(one, progress(service, one, lessons.answers(one.id, me)), scope_words(one.scope)) for one in lessons.done_by(me)]
    mine = own_sheets(service, me)
    titles = [service.base.sheets[name].title for name in list(mine)[:3]]
    return page(
        request, "learning/list.html", section="se-former", done=done, mine=mine, titles=titles, chapters=chapters(service.base),
        consented=Consents(service.journal).of(me) is not None, size=QUESTIONS,
    )  # fmt: skip


@router.post("/commencer")
def begin(request: Request, form: FormData = Depends(checked_form)) -> Response:
    """Draw five questions and open the first; the name of the lesson is the seed of the draw."""
    user, service = page_user(request, ROLE), service_of(request)
    me, scope = service.pseudonyms.prescriber(user.name), csrf.text(form, "themes", 60)
    weights = own_sheets(service, me) if scope == MINE else sheets_of(service.base, scope)
    name = secrets.token_hex(8)
    drawn = draw(service, name, weights)
    if not drawn:
        raise HTTPException(404)
    about: dict[str, Any] = {"owner": me, "scope": scope, "guidelines": service.base.version, "at": service.now()}
    Lessons(service.journal).open(name, tuple(one.name for one in drawn), **about)
    return RedirectResponse(f"/se-former/{name}", 303)


@router.get("/{name}", response_class=HTMLResponse)
def lesson(request: Request, name: str, question: int | None = None) -> HTMLResponse:
    """Show a question, the feedback on one just answered, or the result once all are."""
    _, found, steps, _ = _own(request, name)
    shown = steps.at(question - 1) if question is not None else steps.next
    if question is not None and (shown is None or (shown.answer is None and shown != steps.next)):
        raise HTTPException(404)
    if shown is None:
        return page(
            request, "learning/result.html", section="se-former", lesson=found, steps=steps, scope=scope_words(found.scope), gone=GONE
        )
    return _question_page(request, found, steps, shown)


@router.post("/{name}/{rank}")
def answer(request: Request, name: str, rank: int, form: FormData = Depends(checked_form)) -> Response:
    """Record an answer and show what the sheet says; the first answer counts."""
    service, found, steps, user = _own(request, name)
    asked = steps.at(rank - 1)
    if asked is None or asked.question is None:
        raise HTTPException(404)
    choice = csrf.text(form, "choix", 80)
    if not asked.question.label(choice):
        return _question_page(request, found, steps, asked, status=422, fault="Choisissez une réponse.")
    right, who = choice in asked.question.right, service.pseudonyms.prescriber(user.name)
    with suppress(AlreadyAnswered):  # sent twice, or answered in another window: the page shows the first answer
        Lessons(service.journal).answer(name, asked.rank, choice, right=right, who=who, at=service.now())
    return RedirectResponse(f"/se-former/{name}?question={rank}", 303)


@router.get("/{name}/attestation", response_class=HTMLResponse)
def certificate(request: Request, name: str) -> HTMLResponse:
    """Show, once all is answered, a page to print: who, when, which situations, how many right answers; nothing official."""
    _, found, steps, user = _own(request, name)
    if steps.next is not None or not steps.counted:
        raise HTTPException(404)
    ended = max(one.answer.at for one in steps.counted if one.answer)
    return page(
        request, "learning/certificate.html", section="se-former", lesson=found, steps=steps, who=user.name, ended=ended,
        scope=scope_words(found.scope),
    )  # fmt: skip


def own_sheets(service: Service, me: str) -> dict[str, int]:
    """Return the situations somebody asks most exams for, with how often; none without their agreement to be measured."""
    if Consents(service.journal).of(me) is None:
        return {}
    today = service.now().astimezone(PARIS).date()
    found = [one for one in situations(service.store.reader, me, twelve_months(today)) if one.sheet in service.base.sheets]
    return {one.sheet: one.total for one in found[:MOST_SHEETS]}


def draw(service: Service, seed: str, weights: Mapping[str, int]) -> tuple[Question, ...]:
    """Return five questions from sheets, completed from their chapters when these sheets do not hold as many."""
    questions = bank(service.base)
    drawn = questions.draw(seed, weights)
    if not drawn or len(drawn) == QUESTIONS:
        return drawn
    near = {name: 1 for chapter in {one.chapter for one in drawn} for name in sheets_of(service.base, chapter) if name not in weights}
    return drawn + questions.draw(seed, near, QUESTIONS - len(drawn))


def progress(service: Service, found: Lesson, answers: Mapping[int, Answer]) -> Progress:
    """Return where somebody stands in a lesson, given their answers."""
    questions = bank(service.base)
    return Progress(tuple(Asked(rank, questions.question(name), answers.get(rank)) for rank, name in enumerate(found.questions)))


def chapters(base: GuidelineBase) -> list[tuple[str, str]]:
    """Return the chapters and their words, in order of words."""
    return sorted(((one, chapter_words(one)) for one in {sheet.chapter for sheet in base.sheets.values()}), key=lambda pair: pair[1])


def scope_words(scope: str) -> str:
    """Return what questions were drawn from, in words."""
    return "Mes situations" if scope == MINE else chapter_words(scope)


def titles_of(asked: Sequence[Asked]) -> list[str]:
    """Return the situations of questions, each once."""
    return list(dict.fromkeys(one.question.title for one in asked if one.question))


def _own(request: Request, name: str) -> tuple[Service, Lesson, Progress, User]:
    """Return the prescriber's own self-assessment; 404 for any other, so that nothing says that it exists."""
    user, service = page_user(request, ROLE), service_of(request)
    me, lessons = service.pseudonyms.prescriber(user.name), Lessons(service.journal)
    try:
        found = lessons.lesson(name)
    except UnknownLesson:
        raise HTTPException(404) from None
    if found.owner != me or found.is_session:
        raise HTTPException(404)
    return service, found, progress(service, found, lessons.answers(name, me)), user


def _question_page(request: Request, found: Lesson, steps: Progress, shown: Asked, *, status: int = 200, fault: str = "") -> HTMLResponse:
    return page(
        request, "learning/question.html", status=status, section="se-former", base_address=f"/se-former/{found.id}", steps=steps, shown=shown,
        fault=fault, scope=scope_words(found.scope), over=False,
    )  # fmt: skip
