"""The end of the chain, where records are added: straight through the driver, which costs a small batch half as much.

The same code serves both engines: only the mark of a parameter and the lock of the head row differ.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Dialect, select

from pertimage.audit.chain import Head, Record, digest
from pertimage.audit.rows import insert_rows, mark
from pertimage.audit.tables import journal, journal_head
from pertimage.audit.waiting import Waiting

_COLUMNS = ("seq", "at", "kind", "tenant", "payload", "prev_hash", "hash")
_values = attrgetter(*_COLUMNS)


class Ending:
    """The end of the chain, locked until the transaction of ``cursor`` ends. ``records`` are those linked to it, for ``write``."""

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor, self._dialect = cursor, dialect
        self.records: list[Record] = []
        cursor.execute(_locked_head(dialect))
        row = cursor.fetchone()
        if row is None:
            raise RuntimeError("the head of the chain is missing: nothing can be appended")
        self.head = Head(*row)

    def link(self, waiting: Waiting) -> Record:
        """Return the record that follows the last one."""
        seq, before = self.head.seq + 1, self.head.hash
        value = digest(seq, waiting.at, waiting.kind, waiting.tenant, waiting.payload, before)
        record = Record(seq, waiting.at, waiting.kind, waiting.tenant, waiting.payload, before, value)
        self.records.append(record)
        self.head = Head(seq, value)
        return record

    def write(self) -> None:
        """Insert the records and move the head."""
        insert_rows(self._cursor.execute, self._dialect, journal, _COLUMNS, list(map(_values, self.records)))
        self._cursor.execute(_moved_head(self._dialect), (self.head.seq, self.head.hash))


@lru_cache(maxsize=8)
def _locked_head(dialect: Dialect) -> str:
    head = select(journal_head.c.seq, journal_head.c.hash).where(journal_head.c.id == 1).with_for_update()
    return str(head.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _moved_head(dialect: Dialect) -> str:
    return f"UPDATE journal_head SET seq = {mark(dialect)}, hash = {mark(dialect)} WHERE id = 1"  # noqa: S608 - marks only
