"""The radiologist's review: its words, and what may be done when.

The checks run inside the journal's transaction, once the chain is locked: of two people acting at the same moment, on one
machine or on two, the second sees what the first did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from pertimage.audit.instants import utc_datetime
from pertimage.audit.tables import requests, reviews

_WITHDRAWN = "Le prescripteur a retiré cette demande."
# A radiologist called away must not keep a request: after this, another may claim it.
CLAIM_LASTS = timedelta(minutes=30)


class Refused(Exception):  # noqa: N818 - a refusal is an answer to the user, not an error of the program
    """An act that the state of the request forbids; the message is French, for the user. Nothing was recorded.

    A guard of the journal raises it: its record is not written, the others of the batch are.
    """


class UnknownRequest(Refused):
    """No request has this id."""


class AlreadySigned(Refused):
    """The request is signed: it can neither be signed nor assessed again."""


class NotSigned(Refused):
    """The request is still a draft: there is nothing to review."""


class AlreadyDecided(Refused):
    """A radiologist has decided, or waits for the answer to a question."""


class AlreadyClaimed(Refused):
    """Another radiologist is working on the request."""


class NoQuestion(Refused):
    """No question waits for an answer."""


class Withdrawn(Refused):
    """The prescriber took the request back: there is nothing to decide any more."""


class NotYours(Refused):
    """The second opinion was asked of somebody else, or of nobody."""


class Changed(Refused):
    """The review is no longer what the caller looked at."""


class RequestStatus(StrEnum):
    """Where a request stands for its prescriber."""

    DRAFT = "draft"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"


class ReviewState(StrEnum):
    """Where a review stands."""

    TO_REVIEW = "a-relire"
    IN_PROGRESS = "en-cours"
    QUESTION = "question"
    OPINION = "avis-demande"
    POSTPONED = "reportee"
    DECIDED = "decidee"
    WITHDRAWN = "retiree"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _STATE_WORDS[self]


class Decision(StrEnum):
    """What a radiologist may decide. ``ASK`` keeps the review open until the prescriber answers."""

    APPROVE = "valider"
    APPROVE_WITH_PROTOCOL = "valider-avec-protocole"
    SUBSTITUTE = "substituer"
    ASK = "demander-complement"
    REFUSE = "refuser"
    POSTPONE = "reporter"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _DECISION_WORDS[self]


class RuleVerdict(StrEnum):
    """Whether the rule was right for this request, in the eyes of whoever decides."""

    AGREE = "accord"
    DISAGREE = "desaccord"
    NOT_APPLICABLE = "sans-objet"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {
            "accord": "d'accord avec la règle",
            "desaccord": "pas d'accord avec la règle",
            "sans-objet": "la règle ne s'applique pas ici",
        }[self]


@dataclass(frozen=True, slots=True)
class RuleOpinion:
    """What a radiologist says of a rule (``<sheet>/<rule>``) on deciding."""

    rule: str
    verdict: RuleVerdict
    words: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as the journal holds it."""
        return {"rule": self.rule, "opinion": str(self.verdict), "words": self.words}


# A request that somebody is still expected to do something about.
ALIVE = (ReviewState.TO_REVIEW, ReviewState.IN_PROGRESS, ReviewState.QUESTION, ReviewState.OPINION, ReviewState.POSTPONED)
_STATE_WORDS = {
    ReviewState.TO_REVIEW: "à relire",
    ReviewState.IN_PROGRESS: "en cours",
    ReviewState.QUESTION: "question posée",
    ReviewState.OPINION: "second avis demandé",
    ReviewState.POSTPONED: "reportée",
    ReviewState.DECIDED: "décidée",
    ReviewState.WITHDRAWN: "retirée",
}
_DECISION_WORDS = {
    Decision.APPROVE: "valider",
    Decision.APPROVE_WITH_PROTOCOL: "valider avec un protocole",
    Decision.SUBSTITUTE: "substituer un autre examen",
    Decision.ASK: "demander un complément",
    Decision.REFUSE: "refuser",
    Decision.POSTPONE: "reporter",
}


def check_decision(decision: Decision, reason: str, exam: str | None, until: date | None = None) -> None:
    """Raise ValueError (in French) when a decision lacks its reason, or its exam when it substitutes one."""
    if decision is not Decision.APPROVE and not reason.strip():
        raise ValueError("Cette décision doit être motivée : le prescripteur lira votre phrase.")
    if (decision is Decision.SUBSTITUTE) != bool(exam):
        raise ValueError("Indiquez l'examen de substitution, et seulement si vous substituez.")
    if until is not None and decision is not Decision.POSTPONE:
        raise ValueError("La date de retour n'a de sens que pour un report.")


def require_draft(connection: Connection, request: str, *, known: bool) -> None:
    """Refuse a request already signed; with ``known``, refuse one that does not exist."""
    status = connection.execute(select(requests.c.status).where(requests.c.id == request)).scalar_one_or_none()
    if status is None and known:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    if status == RequestStatus.WITHDRAWN:
        raise Withdrawn(_WITHDRAWN)
    if status == RequestStatus.SIGNED:
        raise AlreadySigned("Cette demande est déjà signée.")


@dataclass(frozen=True, slots=True)
class Act:
    """An act on a review as its guard sees it: on which request, by whom, when, and the version its author looked at (None: any)."""

    request: str
    by: str
    at: datetime
    version: int | None = None


def require_claimable(connection: Connection, act: Act) -> None:
    """Refuse to claim what is decided, waits for somebody, or was claimed by another less than ``CLAIM_LASTS`` ago."""
    review = _open_review(connection, act)
    if review is None:
        return
    if review.state == ReviewState.QUESTION:
        raise AlreadyClaimed("Une question posée au prescripteur attend sa réponse.")
    if review.state == ReviewState.OPINION:
        raise AlreadyClaimed("Un second avis est demandé sur cette demande.")
    if _is_held(review, act):
        raise AlreadyClaimed("Un autre radiologue relit déjà cette demande.")


def require_undecided(connection: Connection, act: Act) -> None:
    """Refuse to decide twice, or in the place of who holds the request, waits for an answer or was asked for an opinion."""
    review = _open_review(connection, act)
    if review is None:
        return
    if review.state == ReviewState.QUESTION and review.radiologist != act.by:
        raise AlreadyDecided("Un autre radiologue a posé une question au prescripteur ; reprenez la demande pour décider.")
    if review.state == ReviewState.OPINION and act.by not in (review.radiologist, review.consulted) and not review.pool:
        raise AlreadyClaimed("Un second avis est demandé à un autre radiologue ; reprenez la demande pour décider.")
    if _is_held(review, act):
        raise AlreadyClaimed("Un autre radiologue relit cette demande ; reprenez-la pour décider.")


def require_open(connection: Connection, act: Act) -> None:
    """Refuse what is not signed, or is decided."""
    _open_review(connection, act)


def require_question(connection: Connection, act: Act) -> None:
    """Refuse unless a question waits for its answer."""
    review = _open_review(connection, act)
    if review is None or review.state != ReviewState.QUESTION:
        raise NoQuestion("Aucune question n'attend de réponse sur cette demande.")


def require_consulted(connection: Connection, act: Act) -> None:
    """Refuse an opinion that was not asked, or was asked of somebody else."""
    review = _open_review(connection, act)
    if review is None or review.state != ReviewState.OPINION:
        raise NotYours("Aucun second avis n'est demandé sur cette demande.")
    if act.by == review.radiologist or (review.consulted and act.by != review.consulted):
        raise NotYours("Ce second avis est demandé à un autre radiologue.")


def _is_held(review: Row[Any], act: Act) -> bool:
    """Say whether another radiologist claimed the request less than ``CLAIM_LASTS`` ago."""
    fresh = review.claimed_at and act.at - utc_datetime(review.claimed_at) < CLAIM_LASTS
    return bool(review.state == ReviewState.IN_PROGRESS and review.radiologist != act.by and fresh)


def _open_review(connection: Connection, act: Act) -> Row[Any] | None:
    """Return the review of a signed request that is not decided, None when nobody has opened one."""
    status = connection.execute(select(requests.c.status).where(requests.c.id == act.request)).scalar_one_or_none()
    if status is None:
        raise UnknownRequest(f"Demande inconnue : {act.request}.")
    if status == RequestStatus.WITHDRAWN:
        raise Withdrawn(_WITHDRAWN)
    if status != RequestStatus.SIGNED:
        raise NotSigned("Cette demande n'est pas encore signée par le prescripteur.")
    review = connection.execute(select(reviews).where(reviews.c.request == act.request)).one_or_none()
    if review is not None and review.state == ReviewState.DECIDED:
        raise AlreadyDecided(f"Cette demande a déjà été décidée : {Decision(review.decision).french}.")
    if act.version is not None and act.version != (review.version if review is not None else 0):
        raise Changed("Cette demande a changé depuis que vous l'avez ouverte.")
    return review
