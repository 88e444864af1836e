"""Self-assessments and group sessions: the questions drawn, and the answers, through the journal.

A question is named by its sheet and the digest of its vignette. A self-assessment belongs to a prescriber (a pseudonym); a group
session to whoever opened it, and its participants are numbers drawn at random: nobody is named.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from pertimage.audit.instants import utc_text
from pertimage.audit.journal import Entry, Journal, Record
from pertimage.audit.review import Refused
from pertimage.audit.tables import lesson_answers, lessons

SESSION_LASTS = timedelta(days=1)
MOST_PARTICIPANTS = 200
QuestionName = tuple[str, str]


class UnknownLesson(Refused):
    """No self-assessment or session has this name."""


class AlreadyAnswered(Refused):
    """The first answer counts."""


class NameTaken(Refused):
    """Other questions bear this name."""


class SessionClosed(Refused):
    """The session is over, or full."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Questions drawn together. ``until`` is None for a self-assessment, which has no end; instants are UTC text."""

    id: str
    owner: str
    scope: str
    guidelines: str
    questions: tuple[QuestionName, ...]
    at: str
    until: str | None

    @property
    def is_session(self) -> bool:
        """Say whether a group answers it."""
        return self.until is not None

    def is_over(self, now: datetime) -> bool:
        """Say whether it takes no more answers."""
        return self.until is not None and utc_text(now) >= self.until


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: the question's place from 0, the option chosen, and whether it was right."""

    rank: int
    choice: str
    right: bool
    at: str


class Lessons:
    """The lessons of a store, written through its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = journal.store.reader

    def open(
        self, name: str, questions: tuple[QuestionName, ...], *, owner: str, scope: str, guidelines: str, at: datetime, group: bool = False
    ) -> Record:
        """Record the questions drawn under a name; raises ``NameTaken``, or ValueError without question.

        ``scope`` is what they were drawn from (a chapter, or ``mes-situations``); a ``group`` session lasts a day.
        """
        if not questions:
            raise ValueError("a lesson has at least one question")
        until = utc_text(at + SESSION_LASTS) if group else None
        payload = {
            "id": name,
            "owner": owner,
            "scope": scope,
            "guidelines": guidelines,
            "questions": [*map(list, questions)],
            "until": until,
        }
        return self._submit(Entry("lesson", payload, at, guard=partial(_require_new, lesson=name)))

    def answer(self, name: str, rank: int, choice: str, *, right: bool, who: str, at: datetime) -> Record:
        """Record an answer; of several by one person to one question, the first counts and the others raise ``AlreadyAnswered``.

        Raises ``UnknownLesson`` (no such lesson or question), ``SessionClosed`` (over, or too many participants).
        """
        payload = {"lesson": name, "rank": rank, "who": who, "choice": choice, "right": right}
        guard = partial(_require_answerable, lesson=name, rank=rank, who=who, now=utc_text(at))
        return self._submit(Entry("lesson-answer", payload, at, guard=guard))

    def lesson(self, name: str) -> Lesson:
        """Return a lesson; raise ``UnknownLesson``."""
        with self._reader.connect() as connection:
            return _lesson(_row(connection, name.replace("\0", "")))

    def answers(self, name: str, who: str) -> dict[int, Answer]:
        """Return the answers of one person, by the place of the question."""
        query = select(lesson_answers).where(lesson_answers.c.lesson == name, lesson_answers.c.who == who)
        with self._reader.connect() as connection:
            return {row.rank: Answer(row.rank, row.choice, row.right, row.at) for row in connection.execute(query)}

    def done_by(self, owner: str, *, limit: int = 20) -> list[Lesson]:
        """Return somebody's self-assessments, the latest first."""
        query = select(lessons).where(lessons.c.owner == owner, lessons.c.until.is_(None)).order_by(lessons.c.at.desc()).limit(limit)
        with self._reader.connect() as connection:
            return [_lesson(row) for row in connection.execute(query)]

    def sessions_of(self, owner: str, now: datetime) -> list[Lesson]:
        """Return the group sessions that somebody opened and that still run, the latest first."""
        query = select(lessons).where(lessons.c.owner == owner, lessons.c.until > utc_text(now)).order_by(lessons.c.at.desc())
        with self._reader.connect() as connection:
            return [_lesson(row) for row in connection.execute(query)]

    def distribution(self, name: str) -> dict[int, Counter[str]]:
        """Return how many participants chose each option, by the place of the question."""
        query = select(lesson_answers.c.rank, lesson_answers.c.choice, func.count()).where(lesson_answers.c.lesson == name)
        found: dict[int, Counter[str]] = {}
        with self._reader.connect() as connection:
            for rank, choice, count in connection.execute(query.group_by(lesson_answers.c.rank, lesson_answers.c.choice)):
                found.setdefault(rank, Counter())[choice] = count
        return found

    def participants(self, name: str) -> int:
        """Return how many people answered at least one question."""
        with self._reader.connect() as connection:
            return _participants(connection, name)

    def _submit(self, entry: Entry) -> Record:
        return self._journal.submit(entry).result()


def _row(connection: Connection, name: str) -> Any:
    row = connection.execute(select(lessons).where(lessons.c.id == name)).first()
    if row is None:
        raise UnknownLesson("Cette série de questions n'existe pas, ou n'existe plus.")
    return row


def _lesson(row: Any) -> Lesson:
    questions = tuple((sheet, digest) for sheet, digest in orjson.loads(row.questions))
    return Lesson(row.id, row.owner, row.scope, row.guidelines, questions, row.at, row.until)


def _participants(connection: Connection, name: str) -> int:
    query = select(func.count(lesson_answers.c.who.distinct())).where(lesson_answers.c.lesson == name)
    return int(connection.execute(query).scalar_one())


def _require_new(connection: Connection, *, lesson: str) -> None:
    if connection.execute(select(lessons.c.id).where(lessons.c.id == lesson)).first() is not None:
        raise NameTaken("Ce nom est déjà pris : recommencez.")


def _require_answerable(connection: Connection, *, lesson: str, rank: int, who: str, now: str) -> None:
    found = _lesson(_row(connection, lesson))
    if not 0 <= rank < len(found.questions):
        raise UnknownLesson("Cette question n'existe pas.")
    if found.until is not None and now >= found.until:
        raise SessionClosed("La séance est terminée : elle ne reçoit plus de réponse.")
    mine = select(lesson_answers.c.rank).where(lesson_answers.c.lesson == lesson, lesson_answers.c.who == who)
    ranks = set(connection.execute(mine).scalars())
    if rank in ranks:
        raise AlreadyAnswered("Vous avez déjà répondu à cette question : la première réponse compte.")
    if found.is_session and not ranks and _participants(connection, lesson) >= MOST_PARTICIPANTS:
        raise SessionClosed(f"La séance est complète : {MOST_PARTICIPANTS} participants au plus.")
