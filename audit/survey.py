"""The satisfaction of professionals: campaigns, what is asked, and what was answered, through the journal.

Ten questions after the System Usability Scale (J. Brooke, « SUS: a quick and dirty usability scale », 1996): the French words are the
project's own translation, **not a validated one**. An answer says a role and a site, as declared, and nothing of who gave it: it is kept
under a keyed digest of campaign and account, which only refuses a second answer. Whoever holds the secret of the service could compute
the digest of an account again; nobody else can. There is no free text.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, select

from pertimage.audit.evaluation_tables import survey_answers, surveys
from pertimage.audit.journal import Entry, Journal
from pertimage.audit.review import Refused

# Odd questions are worded for the tool, even ones against it.
QUESTIONS = (
    "J'aimerais utiliser cet outil souvent.",
    "Je trouve cet outil inutilement compliqué.",
    "Je trouve cet outil facile à utiliser.",
    "J'aurais besoin de l'aide d'un technicien pour me servir de cet outil.",
    "Je trouve que les différentes fonctions de cet outil vont bien ensemble.",
    "Je trouve qu'il y a trop d'incohérences dans cet outil.",
    "Je pense que la plupart des gens apprendraient très vite à se servir de cet outil.",
    "Je trouve cet outil très lourd à utiliser.",
    "Je me sens à l'aise et sûr de moi quand j'utilise cet outil.",
    "J'ai dû apprendre beaucoup de choses avant de pouvoir me servir de cet outil.",
)
LOWEST, HIGHEST = 1, 5
LONGEST_TITLE = 120


class Subject(StrEnum):
    """What a campaign asks to judge: the words « cet outil » stand for it."""

    USUAL = "habituel"
    SERVICE = "pertimage"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {Subject.USUAL: "votre façon habituelle de demander ou de recevoir un examen d'imagerie", Subject.SERVICE: "pertimage"}[self]


class Role(StrEnum):
    """What whoever answers does, as declared."""

    PRESCRIBER = "prescripteur"
    RADIOLOGIST = "radiologue"
    TECHNOLOGIST = "manipulateur"
    SECRETARY = "secretariat"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _ROLE_WORDS[self]


_ROLE_WORDS = {
    Role.PRESCRIBER: "prescripteur ou prescriptrice", Role.RADIOLOGIST: "radiologue", Role.TECHNOLOGIST: "manipulateur ou manipulatrice",
    Role.SECRETARY: "secrétariat", Role.OTHER: "autre métier",
}  # fmt: skip


class Overriding(StrEnum):
    """How often whoever answers goes past the advice."""

    NEVER = "jamais"
    RARELY = "rarement"
    SOMETIMES = "parfois"
    OFTEN = "souvent"
    NO_ADVICE = "sans-objet"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return "je ne reçois pas d'avis" if self is Overriding.NO_ADVICE else self.value


class Reason(StrEnum):
    """Why one goes past the advice."""

    UNFIT = "inadapte"
    UNTOLD = "information"
    WISH = "patient"
    ACCESS = "acces"
    COLLEAGUE = "confrere"
    DISAGREEMENT = "desaccord"
    TIME = "temps"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _REASON_WORDS[self]


_REASON_WORDS = {
    Reason.UNFIT: "l'avis ne convient pas à ce patient", Reason.UNTOLD: "je sais une chose que la demande ne dit pas",
    Reason.WISH: "le patient tient à l'examen demandé", Reason.ACCESS: "l'examen conseillé est trop loin ou trop long à obtenir",
    Reason.COLLEAGUE: "un confrère l'a demandé ainsi", Reason.DISAGREEMENT: "je ne suis pas d'accord avec le référentiel",
    Reason.TIME: "je n'ai pas le temps de lire l'avis", Reason.OTHER: "une autre raison",
}  # fmt: skip
NEVER_PAST = (Overriding.NEVER, Overriding.NO_ADVICE)


class NotOpen(Refused):
    """The campaign is not there, not begun, ended or closed."""


class AlreadyAnswered(Refused):
    """This account answered this campaign."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A time during which professionals are asked, first and last days included; « open » says of a day in Paris."""

    id: str
    title: str
    subject: Subject
    opens: date
    closes: date
    author: str

    def is_open(self, day: date) -> bool:
        """Say whether it can be answered on a day."""
        return self.opens <= day <= self.closes


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered: ten marks from 1 (not at all) to 5 (fully) in the order of ``QUESTIONS``; raises ValueError, in French.

    ``site`` may be empty (not said). ``speed``, ``usefulness`` and ``trust`` go from 1 to 5, None where nothing was said.
    """

    role: Role
    site: str
    sus: tuple[int, ...]
    speed: int | None = None
    usefulness: int | None = None
    trust: int | None = None
    overriding: Overriding | None = None
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        if len(self.sus) != len(QUESTIONS):
            raise ValueError("Les dix questions appellent chacune une réponse.")
        if any(not LOWEST <= mark <= HIGHEST for mark in (*self.sus, *filter(None, self.marks))):
            raise ValueError("Chaque réponse va de 1 à 5.")
        if self.reasons and (self.overriding is None or self.overriding in NEVER_PAST):
            raise ValueError("Une raison de passer outre n'a de sens que si vous passez outre.")

    @property
    def marks(self) -> tuple[int | None, int | None, int | None]:
        """Return the marks of the project's own questions."""
        return self.speed, self.usefulness, self.trust

    @property
    def score(self) -> float:
        """Return the score of these ten marks."""
        return sus_score(self.sus)


def sus_score(marks: Sequence[int]) -> float:
    """Return the score of ten marks (1 to 5), 0 to 100 by steps of 2.5: odd questions give mark − 1, even ones 5 − mark, the sum times 2.5.

    Brooke's scoring (1996). The score is not a percentage.
    """
    return 2.5 * sum(mark - 1 if rank % 2 == 0 else 5 - mark for rank, mark in enumerate(marks))


def answer_key(secret: str, campaign: str, account: str) -> str:
    """Return the key under which an account's answer to a campaign is kept: HMAC-SHA256, another one for each campaign."""
    return hmac.new(secret.encode(), "\x1f".join(("satisfaction", campaign, account)).encode(), sha256).hexdigest()


class Surveys:
    """The campaigns of a store, written through its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = journal.store.reader

    def open(self, title: str, subject: Subject, *, opens: date, closes: date, author: str, at: datetime, name: str = "") -> str:
        """Open a campaign and return its id; ``name`` gives one. Raises ValueError (French), and ``Refused`` when another is on these days."""
        if not title.strip():
            raise ValueError("Donnez un nom à la campagne.")
        if closes < opens:
            raise ValueError("La campagne finit avant de commencer.")
        identifier = name or secrets.token_hex(8)
        payload = {
            "id": identifier, "title": title.strip()[:LONGEST_TITLE], "subject": subject.value, "opens": opens.isoformat(),
            "closes": closes.isoformat(), "author": author,
        }  # fmt: skip
        guard = partial(_require_free, opens=opens.isoformat(), closes=closes.isoformat())
        self._journal.submit(Entry("survey", payload, at, guard=guard)).result()
        return identifier

    def close(self, campaign: str, *, day: date, author: str, at: datetime) -> None:
        """End a campaign: ``day`` (in Paris) is the first on which it can no longer be answered. Raises ``NotOpen``."""
        guard = partial(_require_unfinished, campaign=campaign, day=day.isoformat())
        self._journal.submit(Entry("survey-closed", {"id": campaign, "day": day.isoformat(), "author": author}, at, guard=guard)).result()

    def answer(self, campaign: str, key: str, answer: Answer, *, day: date, at: datetime) -> None:
        """Keep an answer, given on a ``day`` in Paris; raises ``NotOpen`` and ``AlreadyAnswered``. Nothing says who gave it."""
        said: dict[str, Any] = {
            "role": answer.role.value, "site": answer.site, "sus": "".join(map(str, answer.sus)), "speed": answer.speed,
            "usefulness": answer.usefulness, "trust": answer.trust, "overriding": answer.overriding and answer.overriding.value,
            "reasons": ",".join(reason.value for reason in Reason if reason in answer.reasons),
        }  # fmt: skip
        guard = partial(_require_answerable, campaign=campaign, key=key, day=day.isoformat())
        self._journal.submit(Entry("survey-answer", {"survey": campaign, "key": key, **said}, at, guard=guard)).result()

    def campaigns(self) -> list[Campaign]:
        """Return the campaigns, in order of time."""
        with self._reader.connect() as connection:
            rows = connection.execute(select(surveys).order_by(surveys.c.opens, surveys.c.seq)).all()
        return [_campaign(row) for row in rows]

    def current(self, day: date) -> Campaign | None:
        """Return the campaign that can be answered on a day."""
        return next((one for one in self.campaigns() if one.is_open(day)), None)

    def has_answered(self, campaign: str, key: str) -> bool:
        """Say whether an answer is kept under a key."""
        with self._reader.connect() as connection:
            return _answered(connection, campaign, key)

    def answers(self, campaign: str) -> list[Answer]:
        """Return the answers to a campaign, in an order that tells nothing of their time."""
        query = select(survey_answers).where(survey_answers.c.survey == campaign).order_by(survey_answers.c.key)
        with self._reader.connect() as connection:
            rows = connection.execute(query).all()
        return [_answer(row) for row in rows]


def _campaign(row: Row[Any]) -> Campaign:
    opens, closes = date.fromisoformat(row.opens), date.fromisoformat(row.closes)
    return Campaign(row.id, row.title, Subject(row.subject), opens, closes, row.author)


def _answer(row: Row[Any]) -> Answer:
    overriding = Overriding(row.overriding) if row.overriding else None
    reasons = tuple(Reason(reason) for reason in row.reasons.split(",") if reason)
    return Answer(Role(row.role), row.site, tuple(map(int, row.sus)), row.speed, row.usefulness, row.trust, overriding, reasons)


def _answered(connection: Connection, campaign: str, key: str) -> bool:
    given = select(survey_answers.c.key).where(survey_answers.c.survey == campaign, survey_answers.c.key == key)
    return connection.execute(given).first() is not None


def _require_free(connection: Connection, *, opens: str, closes: str) -> None:
    """Refuse a campaign on days of another: each would be asked twice at a time."""
    taken = select(surveys.c.title).where(surveys.c.opens <= closes, surveys.c.closes >= opens, surveys.c.opens <= surveys.c.closes)
    if (title := connection.execute(taken).scalar()) is not None:
        raise Refused(f"Une autre campagne occupe déjà ces jours : « {title} ».")


def _require_unfinished(connection: Connection, *, campaign: str, day: str) -> None:
    closes = connection.execute(select(surveys.c.closes).where(surveys.c.id == campaign)).scalar()
    if closes is None or closes < day:
        raise NotOpen("Cette campagne n'existe pas, ou elle est déjà finie.")


def _require_answerable(connection: Connection, *, campaign: str, key: str, day: str) -> None:
    row = connection.execute(select(surveys.c.opens, surveys.c.closes).where(surveys.c.id == campaign)).one_or_none()
    if row is None or not row.opens <= day <= row.closes:
        raise NotOpen("Cette campagne n'est pas ouverte.")
    if _answered(connection, campaign, key):
        raise AlreadyAnswered("Ce compte a déjà répondu à cette campagne.")
