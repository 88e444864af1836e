"""Write register rows, many at a time: what a batch of records inserts goes to the database in one statement per table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Table, Update, insert
from sqlalchemy.dialects import postgresql, sqlite

from pertimage.audit.tables import assessments, exchanges, feedback, requests, reviews

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_FLUSH_ORDER = (requests, assessments, reviews, exchanges, feedback)
_INSERTS = {table: insert(table) for table in _FLUSH_ORDER}


class Rows:
    """Write register rows in one transaction. Rows added wait to be inserted together; any other statement sends them first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[Table, list[dict[str, Any]]] = {}

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Insert a row, at the latest when ``flush`` is called; all rows of a table have the same keys."""
        self._rows.setdefault(table, []).append(row)

    def change(self, statement: Update | Delete) -> int:
        """Update or delete, and return the number of rows."""
        return self.execute(statement).rowcount

    def execute(self, statement: Any, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        """Run any statement, after the inserts that wait."""
        self.flush()
        return self._connection.execute(statement, rows)

    def upsert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows, or replace those that have the same key."""
        build = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        statement = build(table)
        keys = [column.name for column in table.primary_key]
        others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
        self.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)

    def flush(self) -> None:
        """Insert the rows that wait, requests first: the others refer to them."""
        for table in _FLUSH_ORDER if self._rows else ():
            if table in self._rows:
                self._connection.execute(_INSERTS[table], self._rows[table])
        self._rows.clear()
