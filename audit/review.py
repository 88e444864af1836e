"""The radiologist's review: its words, and what may be done when.

The checks run inside the journal's transaction, once the chain is locked: of two people acting at the same moment, on one
machine or on two, the second sees what the first did.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from pertimage.audit.instants import utc_datetime
from pertimage.audit.tables import requests, reviews

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


class RequestStatus(StrEnum):
    """Where a request stands for its prescriber."""

    DRAFT = "draft"
    SIGNED = "signed"


class ReviewState(StrEnum):
    """Where a review stands."""

    TO_REVIEW = "a-relire"
    IN_PROGRESS = "en-cours"
    QUESTION = "question"
    DECIDED = "decidee"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {"a-relire": "à relire", "en-cours": "en cours", "question": "question posée", "decidee": "décidée"}[self]


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


_DECISION_WORDS = {
    Decision.APPROVE: "valider",
    Decision.APPROVE_WITH_PROTOCOL: "valider avec un protocole",
    Decision.SUBSTITUTE: "substituer un autre examen",
    Decision.ASK: "demander un complément",
    Decision.REFUSE: "refuser",
    Decision.POSTPONE: "reporter",
}


def check_decision(decision: Decision, reason: str, exam: str | None) -> None:
    """Raise ValueError (in French) when a decision lacks its reason, or its exam when it substitutes one."""
    if decision is not Decision.APPROVE and not reason.strip():
        raise ValueError("Cette décision doit être motivée : le prescripteur lira votre phrase.")
    if (decision is Decision.SUBSTITUTE) != bool(exam):
        raise ValueError("Indiquez l'examen de substitution, et seulement si vous substituez.")


def require_draft(connection: Connection, request: str, *, known: bool) -> None:
    """Refuse a request already signed; with ``known``, refuse one that does not exist."""
    status = connection.execute(select(requests.c.status).where(requests.c.id == request)).scalar_one_or_none()
    if status is None and known:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    if status == RequestStatus.SIGNED:
        raise AlreadySigned("Cette demande est déjà signée.")


def require_claimable(connection: Connection, request: str, radiologist: str, at: datetime) -> None:
    """Refuse to claim what is decided, waits for an answer, or was claimed by another less than ``CLAIM_LASTS`` ago."""
    review = _open_review(connection, request)
    if review is None:
        return
    if review.state == ReviewState.QUESTION:
        raise AlreadyClaimed("Une question posée au prescripteur attend sa réponse.")
    fresh = review.claimed_at and at - utc_datetime(review.claimed_at) < CLAIM_LASTS
    if review.state == ReviewState.IN_PROGRESS and review.radiologist != radiologist and fresh:
        raise AlreadyClaimed("Un autre radiologue relit déjà cette demande.")


def require_undecided(connection: Connection, request: str, radiologist: str) -> None:
    """Refuse to decide twice. A claim does not forbid; a question asked by another does, until it is answered."""
    review = _open_review(connection, request)
    if review is not None and review.state == ReviewState.QUESTION and review.radiologist != radiologist:
        raise AlreadyDecided("Un autre radiologue a posé une question au prescripteur ; reprenez la demande pour décider.")


def require_open(connection: Connection, request: str) -> None:
    """Refuse what is not signed, or is decided."""
    _open_review(connection, request)


def require_question(connection: Connection, request: str) -> None:
    """Refuse unless a question waits for its answer."""
    review = _open_review(connection, request)
    if review is None or review.state != ReviewState.QUESTION:
        raise NoQuestion("Aucune question n'attend de réponse sur cette demande.")


def _open_review(connection: Connection, request: str) -> Row[Any] | None:
    """Return the review of a signed request that is not decided, None when nobody has opened one."""
    status = connection.execute(select(requests.c.status).where(requests.c.id == request)).scalar_one_or_none()
    if status is None:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    if status != RequestStatus.SIGNED:
        raise NotSigned("Cette demande n'est pas encore signée par le prescripteur.")
    review = connection.execute(select(reviews).where(reviews.c.request == request)).one_or_none()
    if review is not None and review.state == ReviewState.DECIDED:
        raise AlreadyDecided(f"Cette demande a déjà été décidée : {Decision(review.decision).french}.")
    return review
