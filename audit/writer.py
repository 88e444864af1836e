"""Writing batches of records to the journal, and to the registers with them or after them (see ``journal``)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from pertimage.audit.backlog import Backlog
from pertimage.audit.chain import Record
from pertimage.audit.ending import Ending
from pertimage.audit.projection import Prepared, note_position, project
from pertimage.audit.review import Refused
from pertimage.audit.rows import Rows
from pertimage.audit.waiting import Result, Waiting

BATCH = 512
# Records acknowledged that the registers may lack before the journal sees to it, and how long it must be idle to do so earlier.
BACKLOG, IDLE_SECONDS = 256, 0.02


class _NotWrittenError(Exception):
    """A batch that failed before its commit was sent: nothing of it is on disk."""


class Writer:
    """Writes for one thread, through the writer engine of a store."""

    def __init__(self, engine: Engine, backlog: int = BACKLOG) -> None:
        self._engine = engine
        self._backlog = Backlog(engine, backlog)

    @property
    def behind(self) -> bool:
        """Say whether the registers may lack records."""
        return self._backlog.waits

    @property
    def far_behind(self) -> bool:
        """Say whether it is time to bring the registers up to date, however busy the journal is."""
        return self._backlog.full

    def catch_up(self) -> None:
        """Bring the registers up to date."""
        self._backlog.catch_up()

    def write(self, batch: Sequence[Waiting]) -> list[Result]:
        """Write a batch and return what became of each record; one bad record does not make the others fail."""
        try:
            return self._write(batch)
        except _NotWrittenError as failure:
            if len(batch) > 1 and not self._out_of_order(failure.__cause__):
                return [result for waiting in batch for result in self.write([waiting])]
            return [failure.__cause__ or failure] * len(batch)
        except BaseException as failure:
            return [failure] * len(batch)

    def _out_of_order(self, failure: BaseException | None) -> bool:
        """Say whether it is the database that fails, and not one of the records."""
        return isinstance(failure, (OperationalError, self._engine.dialect.loaded_dbapi.OperationalError))

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
        dialect = self._engine.dialect
        with contextlib.closing(self._engine.raw_connection()) as connection:
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
        with self._engine.connect() as connection:
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
