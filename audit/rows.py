"""Write register rows, many at a time: what a batch of records inserts goes to the database in few statements per table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Table, Update
from sqlalchemy.dialects import postgresql, sqlite

from pertimage.audit.tables import alerts, assessments, exchanges, feedback, missing_items, requests, reviews, rule_opinions

_FLUSH_ORDER = (requests, assessments, missing_items, alerts, reviews, exchanges, feedback, rule_opinions)
# Runs a statement written in the driver's own style, with its values.
Execute = Callable[[str, tuple[Any, ...]], Any]
# Rows per INSERT. Few sizes, so that the drivers keep the statements prepared.
_SIZES = (64, 16, 4, 1)
# From how many rows on PostgreSQL takes them faster through a temporary table.
_COPIED_FROM = 200


class Rows:
    """Write register rows in one transaction. Rows added wait to be inserted together; any other statement sends them first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[Table, list[dict[str, Any]]] = {}

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Insert a row, at the latest when ``flush`` is called; all rows of a table have the same keys."""
        self._rows.setdefault(table, []).append(row)

    @property
    def connection(self) -> Connection:
        """Return the connection, for a query of another module; the inserts that wait are sent first."""
        self.flush()
        return self._connection

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

    def upsert_many(self, table: Table, names: tuple[str, ...], values: list[tuple[Any, ...]]) -> None:
        """Do as ``upsert`` for thousands of rows, whose values follow ``names`` and go to the driver as they are."""
        self.flush()
        if self._connection.dialect.name == "postgresql" and len(values) >= _COPIED_FROM:
            self._copied(table, names, values)
        elif values:
            marks = ", ".join([mark(self._connection.dialect)] * len(names))
            self._connection.exec_driver_sql(_upsert(self._connection.dialect, table, names, f"VALUES ({marks})"), values)

    def _copied(self, table: Table, names: tuple[str, ...], values: list[tuple[Any, ...]]) -> None:
        """Copy rows to a temporary table, and from there to theirs: PostgreSQL takes a hundred thousand a second that way."""
        quote = self._connection.dialect.identifier_preparer.quote
        target, listed = quote(table.name), ", ".join(map(quote, names))
        self._connection.exec_driver_sql(f"CREATE TEMPORARY TABLE rows_in ON COMMIT DROP AS SELECT {listed} FROM {target} LIMIT 0")  # noqa: S608 - our own names
        cursor: Any = self._connection.connection.cursor()
        with cursor, cursor.copy(f"COPY rows_in ({listed}) FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
        from_copy = f"SELECT {listed} FROM rows_in"  # noqa: S608 - same
        self._connection.exec_driver_sql(_upsert(self._connection.dialect, table, names, from_copy))
        self._connection.exec_driver_sql("DROP TABLE rows_in")

    def insert_new(self, table: Table, row: dict[str, Any]) -> None:
        """Insert a row, unless one has its key already."""
        build = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        self.execute(build(table).on_conflict_do_nothing(), [row])

    def flush(self) -> None:
        """Insert the rows that wait, requests first: the others refer to them."""
        for table in _FLUSH_ORDER if self._rows else ():
            if waiting := self._rows.pop(table, None):
                names = tuple(waiting[0])
                insert_rows(
                    self._connection.exec_driver_sql, self._connection.dialect, table, names, list(map(itemgetter(*names), waiting))
                )


def insert_rows(execute: Execute, dialect: Dialect, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows whose values follow ``names``; ``execute`` is the driver's, and values go to it as they are.

    Several rows per statement, written as text: SQLAlchemy would spend more on a row than the database does.
    """
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            execute(_insert(dialect, table, names, size), tuple(chain.from_iterable(rows[start : start + size])))
            start += size


def mark(dialect: Dialect) -> str:
    """Return how a driver marks a parameter in the text of a statement."""
    return "?" if dialect.paramstyle == "qmark" else "%s"


def _upsert(dialect: Dialect, table: Table, names: tuple[str, ...], rows: str) -> str:
    quote = dialect.identifier_preparer.quote
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
    into = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))}) {rows}"
    return f"{into} ON CONFLICT ({', '.join(map(quote, keys))}) DO UPDATE SET {changes}"


@lru_cache(maxsize=256)
def _insert(dialect: Dialect, table: Table, names: tuple[str, ...], size: int) -> str:
    quote = dialect.identifier_preparer.quote
    row = f"({', '.join([mark(dialect)] * len(names))})"
    return f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))}) VALUES {', '.join([row] * size)}"  # noqa: S608 - our own names
