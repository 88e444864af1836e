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
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pertimage.audit.backlog import as_it_is
from pertimage.audit.chain import Head, Record, canonical, read_head
from pertimage.audit.instants import utc_text
from pertimage.audit.projection import new_request
from pertimage.audit.review import Refused
from pertimage.audit.scribe import Scribe
from pertimage.audit.store import Store
from pertimage.audit.verification import Fault, verify
from pertimage.audit.waiting import Guard, Waiting, deliver
from pertimage.audit.writer import BACKLOG, BATCH, IDLE_SECONDS, Writer

__all__ = ["Entry", "Fault", "Head", "Journal", "Record", "Refused", "verify"]


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


class Journal:
    """Append to the journal of a store. One per process; thread-safe; call ``close`` at the end.

    ``scribe`` may be given a writing process, whose life is its giver's matter.
    """

    def __init__(self, store: Store, *, batch: int = BATCH, backlog: int = BACKLOG, idle: float = IDLE_SECONDS) -> None:
        self.store = store
        self.scribe: Scribe | None = None
        self._batch, self._idle = batch, idle
        self._writer = Writer(store.writer, backlog)
        self._queue: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._turns: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, kind: str, payload: Any, at: datetime, *, tenant: str = "") -> Record:
        """Append one record and return it once it is on disk. ``at`` is an aware datetime; ``payload`` is JSON."""
        return self.submit(Entry(kind, payload, at, tenant)).result()

    async def acknowledge(self, entry: Entry) -> None:
        """Append a record from a coroutine, by the scribe when there is one and the record may go there."""
        if entry.deferred and self.scribe is not None and self.scribe.alive:
            await self.scribe.write(entry.kind, entry.payload, utc_text(entry.at), entry.tenant)
        else:
            await self.submit_async(entry)

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
                deliver(batch, self._writer.write(batch))
            if self._writer.behind and (not taken or not more or self._writer.far_behind):
                self._writer.catch_up()

    def _take(self) -> tuple[list[Waiting], bool]:
        """Wait for one record, then take all that came with it; none when idle, False once the journal is closed."""
        taken: list[Waiting] = []
        try:
            group = self._queue.get(timeout=self._idle if self._writer.behind else None)
            while group is not None:
                taken += group
                if len(taken) >= self._batch:
                    break
                group = self._queue.get_nowait()
        except queue.Empty:
            return taken, True
        return taken, group is not None


def _waiting(entry: Entry, future: Future[Record] | asyncio.Future[Record]) -> Waiting:
    payload, at = canonical(entry.payload), utc_text(entry.at)
    rows = new_request(entry.payload, at) if entry.deferred else None
    return Waiting(entry.kind, payload, at, entry.tenant, entry.guard, rows, future)
