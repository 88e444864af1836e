"""The append-only journal: durable before acknowledged, chained by hashes, committed in groups.

Callers hand a record to one writer thread and wait. Whatever has arrived while the previous commit was on its way to the
disk goes into the next one: one synchronisation per batch, not per record, without any delay added. Several processes may
append to one chain: each batch starts by locking the head row.

A record and its effect on the registers are on disk together or not at all, with one exception for the most frequent and
simplest of them: a judgement on a request not seen before (``Entry.deferred``) is acknowledged alone, and its register rows
follow in bulk when the journal is idle, when enough of them wait, or when somebody is about to read (see ``backlog``).
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from pertimage.audit.backlog import Backlog, as_it_is
from pertimage.audit.chain import Head, Record, canonical, read_head
from pertimage.audit.ending import Ending
from pertimage.audit.instants import utc_text
from pertimage.audit.projection import Prepared, new_request, note_position, project
from pertimage.audit.review import Refused
from pertimage.audit.rows import Rows
from pertimage.audit.store import Store
from pertimage.audit.verification import Fault, verify
from pertimage.audit.waiting import Guard, Result, Waiting, deliver

__all__ = ["Entry", "Fault", "Head", "Journal", "Record", "Refused", "verify"]

BATCH = 512
# Records acknowledged that the registers may lack before the journal sees to it, and how long it must be idle to do so earlier.
BACKLOG, IDLE_SECONDS = 256, 0.02


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be. ``guard`` is called inside the transaction, after the lock; it only reads, and raises ``Refused``.

    ``deferred`` is for an ``assessment`` of a request not seen before whose register rows cannot fail to be written: they may
    follow after the acknowledgement.
    """

    kind: str
    payload: Any
    at: datetime
    tenant: str = ""
    guard: Guard | None = None
    deferred: bool = False


class _NotWrittenError(Exception):
    """A batch that failed before its commit was sent: nothing of it is on disk."""


class Journal:
    """Append to the journal of a store. One per process; thread-safe; call ``close`` at the end."""

    def __init__(self, store: Store, *, batch: int = BATCH, backlog: int = BACKLOG, idle: float = IDLE_SECONDS) -> None:
        self.store = store
        self._batch, self._idle = batch, idle
        self._backlog = Backlog(store.writer, backlog)
        self._queue: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._turns: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, kind: str, payload: Any, at: datetime, *, tenant: str = "") -> Record:
        """Append one record and return it once it is on disk. ``at`` is an aware datetime; ``payload`` is JSON."""
        return self.submit(Entry(kind, payload, at, tenant)).result()

    async def append_async(self, kind: str, payload: Any, at: datetime, *, tenant: str = "") -> Record:
        """Append one record without blocking the event loop; return it once it is on disk."""
        return await self.submit_async(Entry(kind, payload, at, tenant))

    def submit(self, entry: Entry) -> Future[Record]:
        """Queue a record; the future holds it once it is on disk, or the exception that prevented it.

        After an exception that is not ``Refused`` the record may exist all the same, if the connection broke while the
        commit was being acknowledged.
        """
        future: Future[Record] = Future()
        self._put([_waiting(entry, future)])
        return future

    def submit_async(self, entry: Entry) -> asyncio.Future[Record]:
        """Do as ``submit`` for a coroutine: the future belongs to the running event loop.

        What the coroutines of one turn of the loop submit goes to the writer together: it is woken once.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Record] = loop.create_future()
        waiting = _waiting(entry, future)
        if loop not in self._turns:
            self._turns[loop] = []
            loop.call_soon(self._end_turn, loop)
        self._turns[loop].append(waiting)
        return future

    def _end_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        group = self._turns.pop(loop)
        try:
            self._put(group)
        except RuntimeError as failure:
            deliver(group, [failure] * len(group))

    def _put(self, group: list[Waiting]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the journal is closed")
            self._queue.put(group)

    def head(self) -> Head:
        """Return the head of the chain, to be noted outside the store and given to ``verify`` later as its anchor."""
        with as_it_is(self.store.reader).connect() as connection:
            return read_head(connection)

    def close(self) -> None:
        """Write what is queued and stop. The store stays open."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            taken, more = self._take()
            batch = [waiting for waiting in taken if waiting.taken()]
            if batch:
                self._settle(batch)
            if self._backlog.waits and (not taken or not more or self._backlog.full):
                self._backlog.catch_up()

    def _take(self) -> tuple[list[Waiting], bool]:
        """Wait for one record, then take all that came with it; none when idle, False once the journal is closed."""
        taken: list[Waiting] = []
        try:
            group = self._queue.get(timeout=self._idle if self._backlog.waits else None)
            while group is not None:
                taken += group
                if len(taken) >= self._batch:
                    break
                group = self._queue.get_nowait()
        except queue.Empty:
            return taken, True
        return taken, group is not None

    def _settle(self, batch: Sequence[Waiting]) -> None:
        """Write a batch and wake its callers; one bad record of a batch does not make the others fail."""
        results: Sequence[Result]
        try:
            results = self._write(batch)
        except _NotWrittenError as failure:
            if len(batch) > 1 and not self._out_of_order(failure.__cause__):
                for waiting in batch:
                    self._settle([waiting])
                return
            results = [failure.__cause__ or failure] * len(batch)
        except BaseException as failure:
            results = [failure] * len(batch)
        deliver(batch, results)

    def _out_of_order(self, failure: BaseException | None) -> bool:
        """Say whether it is the database that fails, and not one of the records."""
        driver = self.store.writer.dialect.loaded_dbapi
        return isinstance(failure, (OperationalError, driver.OperationalError))

    def _write(self, batch: Sequence[Waiting]) -> list[Result]:
        if all(waiting.rows is not None for waiting in batch):
            records = self._write_alone(batch)
            self._backlog.add(Prepared(record.seq, waiting.rows or []) for record, waiting in zip(records, batch, strict=True))
            return [*records]
        results = self._write_with_registers(batch)
        self._backlog.clear()
        return results

    def _write_alone(self, batch: Sequence[Waiting]) -> list[Record]:
        """Write records whose effect on the registers can wait."""
        dialect = self.store.writer.dialect
        with contextlib.closing(self.store.writer.raw_connection()) as connection:
            try:
                cursor = connection.cursor()
                if dialect.name == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")  # psycopg begins by itself
                ending = Ending(cursor, dialect)
                for waiting in batch:
                    ending.link(waiting)
                ending.write()
            except BaseException as failure:
                raise _NotWrittenError from failure  # closing rolls back
            connection.commit()
        return ending.records

    def _write_with_registers(self, batch: Sequence[Waiting]) -> list[Result]:
        """Write records and their effect on the registers, brought up to date before."""
        with self.store.writer.connect() as connection:
            try:
                transaction = connection.begin()
                ending = Ending(connection.connection.cursor(), connection.dialect)
                self._backlog.project(connection)
                results = _projected(connection, ending, batch)
                if ending.records:
                    ending.write()
                    note_position(connection, ending.head.seq)
            except BaseException as failure:
                raise _NotWrittenError from failure  # leaving the block rolls back
            transaction.commit()
        return results


def _waiting(entry: Entry, future: Future[Record] | asyncio.Future[Record]) -> Waiting:
    payload, at = canonical(entry.payload), utc_text(entry.at)
    rows = new_request(entry.payload, at) if entry.deferred else None
    return Waiting(entry.kind, payload, at, entry.tenant, entry.guard, rows, future)


def _projected(connection: Connection, ending: Ending, batch: Sequence[Waiting]) -> list[Result]:
    changes = Rows(connection)
    results: list[Result] = []
    for waiting in batch:
        try:
            if waiting.guard:
                changes.flush()
                waiting.guard(connection)
        except Refused as refusal:
            results.append(refusal)
            continue
        record = ending.link(waiting)
        project(changes, record)
        results.append(record)
    changes.flush()
    return results
