"""Who wants to be told of answers by mail, what they were told up to, and what became of each mail; all through the journal.

A prescriber is a pseudonym here; mail addresses are never stored. A mail is recorded when it is about to leave, then again once its
fate is known: between the two it may have left, so it is never made again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from pertimage.audit.instants import utc_datetime, utc_text
from pertimage.audit.journal import Entry, Journal
from pertimage.audit.projection import PRIORITIES
from pertimage.audit.review import Decision, Refused, RequestStatus, ReviewState
from pertimage.audit.tables import exchanges, requests, reviews
from pertimage.audit.telling_tables import notification_choices, notification_reminders, notifications

# What a prescriber is told of; a plain approval changes nothing for them.
TOLD = (Decision.APPROVE_WITH_PROTOCOL, Decision.SUBSTITUTE, Decision.REFUSE, Decision.POSTPONE)


class How(StrEnum):
    """When a prescriber wants to be told."""

    NEVER = "jamais"
    EACH = "chaque"
    DAILY = "jour"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {
            "jamais": "aucun courriel",
            "chaque": "un courriel à chaque réponse",
            "jour": "un courriel par jour, s'il y a du nouveau",
        }[self]


class State(StrEnum):
    """What became of a mail. ``UNSURE``: nobody knows whether it left, it is not made again."""

    LEAVING = "depart"
    SENT = "parti"
    FAILED = "echec"
    UNSURE = "incertain"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a prescriber chose, and since when (UTC text)."""

    how: How
    since: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be told: ``seq`` is that of its journal record; ``urgent`` a question on an urgent request.

    ``at`` is when it happened; of a ``reminder``, when the question was told, or asked when no mail told it.
    """

    seq: int
    at: datetime
    urgent: bool = False
    reminder: bool = False


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What a prescriber has not been told yet; ``told`` is the record up to which they were."""

    prescriber: str
    how: How
    told: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail made: the journal record that says so, when, and what became of it (``why`` names a failure, without any address)."""

    seq: int
    prescriber: str
    at: datetime
    state: State
    why: str


class AlreadyTold(Refused):
    """Another run told this prescriber, or is about to; or they no longer wish it."""


class AlreadySettled(Refused):
    """The fate of this mail is known."""


class Notifications:
    """The notifications of a store, written through its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = journal.store.reader

    def choose(self, prescriber: str, how: How | str, *, at: datetime) -> None:
        """Record what a prescriber wants; what happened before a first wish is not told. ValueError for an unknown choice."""
        self._journal.append("notification-choice", {"prescriber": prescriber, "how": How(how)}, at)

    def choice(self, prescriber: str) -> Choice:
        """Return what a prescriber chose; nothing, unless they said otherwise."""
        with self._reader.connect() as connection:
            row = connection.execute(select(notification_choices).where(notification_choices.c.prescriber == prescriber)).first()
        return Choice(How(row.how), row.since) if row else Choice(How.NEVER, "")

    def awaiting(self, remind_before: datetime | None = None) -> list[Awaiting]:
        """Return what is still to be told, by prescriber; a question told, unanswered since ``remind_before``, once more."""
        with self._reader.connect() as connection:
            rows = list(connection.execute(_news()))
            if remind_before is not None:
                rows += connection.execute(_reminders(utc_text(remind_before)))
        return [_awaiting(of_one) for of_one in _by_prescriber(rows)]

    def leave(self, told: Awaiting, *, at: datetime) -> int:
        """Record that a mail is about to leave, and return the number of the record; raises ``AlreadyTold``."""
        through = max([told.told, *(event.seq for event in told.events if not event.reminder)])
        reminders = [event.seq for event in told.events if event.reminder]
        payload = {"prescriber": told.prescriber, "after": told.told, "through": through, "reminders": reminders}
        entry = Entry("notification", payload, at, guard=partial(_require_untold, told=told))
        return self._journal.submit(entry).result().seq

    def settle(self, seq: int, state: State, *, at: datetime, why: str = "") -> None:
        """Record what became of a mail; of one that failed, all is to be told again. Raises ``AlreadySettled``."""
        payload = {"notification": seq, "state": state, "why": why}
        self._journal.submit(Entry("notification-outcome", payload, at, guard=partial(_require_unsettled, seq=seq))).result()

    def mails(self, prescriber: str = "", *, states: Iterable[State] = State, limit: int = 50) -> list[Mail]:
        """Return the mails made, the latest first."""
        query = select(notifications).where(notifications.c.state.in_([str(state) for state in states]))
        if prescriber:
            query = query.where(notifications.c.prescriber == prescriber)
        with self._reader.connect() as connection:
            rows = connection.execute(query.order_by(notifications.c.seq.desc()).limit(limit)).all()
        return [Mail(row.seq, row.prescriber, utc_datetime(row.at), State(row.state), row.why) for row in rows]


def _news() -> Any:
    """Return the query of what happened to a prescriber's signed requests since they were last told."""
    asked = and_(exchanges.c.kind == "question", reviews.c.state == ReviewState.QUESTION.value)
    decided = and_(exchanges.c.kind == "decision", exchanges.c.decision.in_([str(one) for one in TOLD]))
    happened = or_(asked, decided, exchanges.c.kind == "succession")
    return _of_wishers(exchanges.c.at).where(exchanges.c.seq > notification_choices.c.told, happened)


def _reminders(before: str) -> Any:
    """Return the query of the last question of each request that was told before an instant and still waits, reminded of never."""
    later = exchanges.alias("later")
    newer = select(later.c.seq).where(later.c.request == exchanges.c.request, later.c.kind == "question", later.c.seq > exchanges.c.seq)
    reminded = select(notification_reminders.c.question).where(notification_reminders.c.question == exchanges.c.seq)
    told_at = select(func.max(notifications.c.at)).where(
        notifications.c.prescriber == requests.c.prescriber,
        notifications.c.after < exchanges.c.seq,
        notifications.c.through >= exchanges.c.seq,
        notifications.c.state != State.FAILED.value,
    )
    since = func.coalesce(told_at.scalar_subquery(), exchanges.c.at)
    return _of_wishers(since).where(
        exchanges.c.kind == "question",
        reviews.c.state == ReviewState.QUESTION.value,
        exchanges.c.seq <= notification_choices.c.told,
        since <= before,
        ~newer.exists(),
        ~reminded.exists(),
    )


def _of_wishers(since: ColumnElement[str]) -> Any:
    """Return the query of what happened to the requests of those who wish to be told; ``since`` is the instant that it counts from."""
    columns = (
        *notification_choices.c,
        exchanges.c.seq,
        since.label("counts_from"),
        requests.c.priority,
        requests.c.pathway,
        reviews.c.state,
    )
    joined = exchanges.join(requests, requests.c.id == exchanges.c.request).join(
        notification_choices, notification_choices.c.prescriber == requests.c.prescriber
    )
    query = select(*columns).select_from(joined.outerjoin(reviews, reviews.c.request == requests.c.id))
    return query.where(requests.c.status == RequestStatus.SIGNED.value).order_by(exchanges.c.seq)


def _by_prescriber(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.prescriber, []).append(row)
    return [found[prescriber] for prescriber in sorted(found)]


def _awaiting(rows: list[Row[Any]]) -> Awaiting:
    first = rows[0]
    return Awaiting(first.prescriber, How(first.how), first.told, tuple(_event(row) for row in rows))


def _event(row: Row[Any]) -> Event:
    pressing = row.priority in PRIORITIES or row.pathway == "emergency"
    waits = row.state == ReviewState.QUESTION
    return Event(row.seq, utc_datetime(row.counts_from), urgent=pressing and waits, reminder=row.seq <= row.told)


def _require_untold(connection: Connection, *, told: Awaiting) -> None:
    """Raise ``AlreadyTold`` unless the prescriber still wishes mails, was told nothing since, and no mail to them is under way."""
    choices = notification_choices
    now = connection.execute(select(choices.c.told).where(choices.c.prescriber == told.prescriber)).scalar_one_or_none()
    under_way = select(notifications.c.seq).where(
        notifications.c.prescriber == told.prescriber, notifications.c.state == State.LEAVING.value
    )
    again = select(notification_reminders.c.question).where(
        notification_reminders.c.question.in_([event.seq for event in told.events if event.reminder])
    )
    if now != told.told or connection.execute(under_way).first() or connection.execute(again).first():
        raise AlreadyTold("Ce prescripteur vient d'être prévenu, ou ne souhaite plus de courriel.")


def _require_unsettled(connection: Connection, *, seq: int) -> None:
    """Raise ``AlreadySettled`` unless nobody knows yet what became of a mail."""
    state = connection.execute(select(notifications.c.state).where(notifications.c.seq == seq)).scalar_one_or_none()
    if state not in (State.LEAVING, State.UNSURE):
        raise AlreadySettled("Le sort de ce courriel est déjà connu.")
