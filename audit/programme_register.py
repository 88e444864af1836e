"""The calendar of the programme in the store, written through the journal: each one put in force, by whom and why, and the other events."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, select

from pertimage.audit.backlog import as_it_is
from pertimage.audit.chain import Record, canonical
from pertimage.audit.instants import utc_text
from pertimage.audit.journal import Entry as JournalEntry
from pertimage.audit.journal import Journal
from pertimage.audit.programme import Calendar, Entry, Event, EventKind, problems
from pertimage.audit.programme_tables import programme, programme_events, programme_groups, programme_versions
from pertimage.audit.review import Refused
from pertimage.audit.tables import sites

_LONGEST = 400


class AnotherCalendar(Refused):
    """The calendar in force is no longer the one that its author saw."""


@dataclass(frozen=True, slots=True)
class Version:
    """A calendar put in force; ``at`` is an instant (UTC text)."""

    seq: int
    author: str
    reason: str
    at: str


class Programme:
    """The calendar of a store."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = journal.store.reader

    def put(
        self, entries: Collection[Entry], *, groups: Mapping[str, str] | None = None, author: str, reason: str, at: datetime, after: int | None = None
    ) -> Record:  # fmt: skip
        """Put a calendar in force in the place of the one there was; ``groups`` gives the group of prescribers, by pseudonym.

        Without ``groups`` those in force stay. With ``after`` (the ``seq`` of the version looked at) a calendar put in force meanwhile
        raises ``AnotherCalendar``. Raises ValueError, in French, for dates that cannot be, or without author or reason.
        """
        if not author.strip() or not reason.strip():
            raise ValueError("Dites qui change le calendrier, et pourquoi.")
        for entry in entries:
            for problem in problems(entry):
                raise ValueError(f"{entry.site} : {problem}")
        rows = [[entry.site, entry.group, *(day.isoformat() if day else None for day in entry.dates)] for entry in entries]
        payload: dict[str, Any] = {"entries": rows, "author": author.strip()[:_LONGEST], "reason": reason.strip()[:_LONGEST]}
        if groups is not None:
            payload["groups"] = dict(sorted(groups.items()))
        guard = partial(_require_last, seq=after) if after is not None else None
        return self._journal.submit(JournalEntry("programme", payload, at, guard=guard)).result()

    def note(
        self, kind: EventKind | str, words: str, *, site: str = "", since: date, until: date | None = None, author: str, at: datetime
    ) -> str:
        """Record that something else happened; return its id. Raises ValueError, in French."""
        if not words.strip():
            raise ValueError("Dites en quelques mots ce qui est arrivé.")
        if until is not None and until < since:
            raise ValueError("L'événement finit avant de commencer.")
        payload: dict[str, Any] = {
            "kind": EventKind(kind).value, "site": site, "since": since.isoformat(),
            "until": until.isoformat() if until else None, "words": words.strip()[:_LONGEST], "author": author,
        }  # fmt: skip
        identifier = hashlib.sha256(canonical({**payload, "at": utc_text(at)}).encode()).hexdigest()[:16]
        self._journal.append("programme-event", payload | {"id": identifier}, at)
        return identifier

    def cancel(self, event: str, *, author: str, at: datetime) -> None:
        """Record that an event was written by mistake; the journal keeps it. Raises ``Refused`` for one that is not there."""
        guard = partial(_require_event, event=event)
        self._journal.submit(JournalEntry("programme-event-cancelled", {"id": event, "author": author}, at, guard=guard)).result()

    def calendar(self) -> Calendar:
        """Return the calendar in force."""
        return calendar_of(self._reader)

    def versions(self) -> list[Version]:
        """Return the calendars put in force, the latest first."""
        with self._reader.connect() as connection:
            rows = connection.execute(select(programme_versions).order_by(programme_versions.c.seq.desc()).limit(100)).all()
        return [Version(row.seq, row.author, row.reason, row.at) for row in rows]

    def events(self, *, cancelled: bool = False) -> list[Event]:
        """Return the events, in order of time; those written by mistake only when asked for."""
        return events_of(self._reader, cancelled=cancelled)


def last_change(engine: Engine) -> int:
    """Return the record of the calendar in force, 0 when there is none; the registers are read as they are, without waiting."""
    with as_it_is(engine).connect() as connection:
        return (
            connection.execute(select(programme_versions.c.seq).order_by(programme_versions.c.seq.desc()).limit(1)).scalar_one_or_none()
            or 0
        )


def calendar_of(engine: Engine) -> Calendar:
    """Return the calendar in force of a store."""
    with engine.connect() as connection:
        rows = connection.execute(select(programme).order_by(programme.c.site, programme.c.group)).all()
        groups = connection.execute(select(programme_groups)).all()
    entries = tuple(Entry(row.site, row.group, _day(row.silent_from), _day(row.on_from), _day(row.off_from)) for row in rows)
    return Calendar(entries, {row.prescriber: row.group for row in groups})


def events_of(engine: Engine, *, cancelled: bool = False) -> list[Event]:
    """Return what else happened, in order of time."""
    query = select(programme_events).order_by(programme_events.c.since, programme_events.c.id)
    with engine.connect() as connection:
        rows = connection.execute(query if cancelled else query.where(programme_events.c.cancelled.is_(False))).all()
    return [
        Event(
            row.id,
            EventKind(row.kind),
            row.site,
            date.fromisoformat(row.since),
            _day(row.until),
            row.words,
            row.author,
            row.at,
            row.cancelled,
        )
        for row in rows
    ]


def go_lives(engine: Engine) -> dict[str, date]:
    """Return the day from which prescribers of each site see the advice: the calendar's first, else the one that the site declares."""
    with engine.connect() as connection:
        declared = connection.execute(select(sites.c.id, sites.c.go_live).where(sites.c.go_live.is_not(None))).all()
        planned = connection.execute(select(programme.c.site, programme.c.on_from)).all()
    found = {site: date.fromisoformat(day) for site, day in declared}
    named = {site for site, _ in planned}
    starts = {site: sorted(day for one, day in planned if one == site and day) for site in named}
    return {site: day for site, day in found.items() if site not in named} | {
        site: date.fromisoformat(days[0]) for site, days in starts.items() if days
    }


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def _require_last(connection: Connection, *, seq: int) -> None:
    last = connection.execute(select(programme_versions.c.seq).order_by(programme_versions.c.seq.desc()).limit(1)).scalar_one_or_none()
    if (last or 0) != seq:
        raise AnotherCalendar("Le calendrier a été changé entre-temps : relisez-le, puis recommencez.")


def _require_event(connection: Connection, *, event: str) -> None:
    known = select(programme_events.c.id).where(programme_events.c.id == event, programme_events.c.cancelled.is_(False))
    if connection.execute(known).first() is None:
        raise Refused("Cet événement n'est pas au calendrier, ou n'y est plus.")
