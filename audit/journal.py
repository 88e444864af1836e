"""The append-only journal: durable before acknowledged, chained by hashes, committed in groups.

Callers hand a record to one writer thread and wait. Whatever has arrived while the previous commit was on its way to the
disk goes into the next one: one synchronisation per batch, not per record, without any delay added. The registers are
brought up to date in the same transaction, so that a record and its effect are on disk together or not at all.
Several processes may append to one chain: each batch starts by locking the head row.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update
from sqlalchemy.exc import OperationalError

from pertimage.audit.chain import Head, Record, canonical, digest, read_head
from pertimage.audit.projection import project
from pertimage.audit.review import Refused
from pertimage.audit.rows import Rows
from pertimage.audit.store import Store, utc_text
from pertimage.audit.tables import journal, journal_head
from pertimage.audit.verification import Fault, verify

__all__ = ["Entry", "Fault", "Head", "Journal", "Record", "Refused", "verify"]

BATCH = 512
_COLUMNS = tuple(column.name for column in journal.c)
# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_ADD_RECORDS = insert(journal)
_MOVE_HEAD = update(journal_head).where(journal_head.c.id == 1).values(seq=bindparam("seq"), hash=bindparam("hash"))

Guard = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be. ``guard`` is called inside the transaction, after the lock; it only reads, and raises ``Refused``."""

    kind: str
    payload: Any
    at: datetime
    tenant: str = ""
    guard: Guard | None = None


@dataclass(slots=True)
class _Waiting:
    kind: str
    payload: str
    at: str
    tenant: str
    guard: Guard | None
    future: Future[Record] = field(default_factory=Future)


class _NotWrittenError(Exception):
    """A batch that failed before its commit was sent: nothing of it is on disk."""


class Journal:
    """Append to the journal of a store. One per process; thread-safe; call ``close`` at the end."""

    def __init__(self, store: Store, *, batch: int = BATCH) -> None:
        self.store = store
        self._batch = batch
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, kind: str, payload: Any, at: datetime, *, tenant: str = "") -> Record:
        """Append one record and return it once it is on disk. ``at`` is an aware datetime; ``payload`` is JSON."""
        return self.submit(Entry(kind, payload, at, tenant)).result()

    async def append_async(self, kind: str, payload: Any, at: datetime, *, tenant: str = "") -> Record:
        """Append one record without blocking the event loop; return it once it is on disk."""
        return await asyncio.wrap_future(self.submit(Entry(kind, payload, at, tenant)))

    def submit(self, entry: Entry) -> Future[Record]:
        """Queue a record; the future holds it once it is on disk, or the exception that prevented it.

        After an exception that is not ``Refused`` the record may exist all the same, if the connection broke while the
        commit was being acknowledged.
        """
        waiting = _Waiting(entry.kind, canonical(entry.payload), utc_text(entry.at), entry.tenant, entry.guard)
        with self._lock:
            if self._closed:
                raise RuntimeError("the journal is closed")
            self._queue.put(waiting)
        return waiting.future

    def head(self) -> Head:
        """Return the head of the chain, to be noted outside the store and given to ``verify`` later as its anchor."""
        with self.store.reader.connect() as connection:
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
            batch = [waiting for waiting in taken if waiting.future.set_running_or_notify_cancel()]
            if batch:
                self._settle(batch)

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Wait for one record, then take all that came with it; False once the journal is closed."""
        taken: list[_Waiting] = []
        item = self._queue.get()
        while item is not None:
            taken.append(item)
            if len(taken) == self._batch:
                break
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
        return taken, item is not None

    def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Write a batch and wake its callers; one bad record of a batch does not make the others fail."""
        try:
            results = self._write(batch)
        except _NotWrittenError as failure:
            if len(batch) > 1 and not isinstance(failure.__cause__, OperationalError):
                for waiting in batch:
                    self._settle([waiting])
                return
            results = [failure.__cause__ or failure] * len(batch)
        except BaseException as failure:
            results = [failure] * len(batch)
        for waiting, result in zip(batch, results, strict=True):
            if isinstance(result, Record):
                waiting.future.set_result(result)
            else:
                waiting.future.set_exception(result)

    def _write(self, batch: Sequence[_Waiting]) -> list[Record | BaseException]:
        with self.store.writer.connect() as connection:
            try:
                transaction = connection.begin()
                results = _extend_chain(connection, batch)
            except BaseException as failure:
                raise _NotWrittenError from failure  # leaving the block rolls back
            transaction.commit()
        return results


def _extend_chain(connection: Connection, batch: Sequence[_Waiting]) -> list[Record | BaseException]:
    start = head = read_head(connection, lock=True)
    changes = Rows(connection)
    results: list[Record | BaseException] = []
    rows: list[dict[str, Any]] = []
    for waiting in batch:
        try:
            if waiting.guard:
                changes.flush()
                waiting.guard(connection)
        except Refused as refusal:
            results.append(refusal)
            continue
        record = _chained(head, waiting)
        project(changes, record)
        results.append(record)
        rows.append(_row(record))
        head = Head(record.seq, record.hash)
    if head != start:
        changes.flush()
        connection.execute(_ADD_RECORDS, rows)
        connection.execute(_MOVE_HEAD, {"seq": head.seq, "hash": head.hash})
    return results


def _chained(head: Head, waiting: _Waiting) -> Record:
    seq = head.seq + 1
    value = digest(seq, waiting.at, waiting.kind, waiting.tenant, waiting.payload, head.hash)
    return Record(seq, waiting.at, waiting.kind, waiting.tenant, waiting.payload, head.hash, value)


def _row(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _COLUMNS}
