"""Open the store: SQLite in a file by default, PostgreSQL for shared deployments, one code path.

A store has two engines. The *writer* takes the write lock as its transaction begins (``BEGIN IMMEDIATE`` on SQLite) and
makes every commit durable; the *reader* only reads, from a snapshot. It shows the registers as of the last record acknowledged
when its connection is taken: it waits for the writer only when they are behind (see ``backlog``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text

from pertimage.audit.backlog import keep_up
from pertimage.audit.instants import PARIS, monday, utc_datetime, utc_text

__all__ = ["BUSY_TIMEOUT_MS", "MIGRATIONS", "PARIS", "Store", "monday", "open_store", "upgrade", "utc_datetime", "utc_text"]

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 10_000
_MIGRATION_LOCK = 7_366_218  # any constant: names the advisory lock held while the schema is migrated


@dataclass(frozen=True, slots=True)
class Store:
    """An open store: ``writer`` for the journal and the registers, ``reader`` for everything else."""

    writer: Engine
    reader: Engine

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()


def open_store(url: str, *, migrate: bool = True) -> Store:
    """Open the store at ``url`` (``sqlite:///path`` or ``postgresql://…``), creating or upgrading its schema.

    Raises ValueError for another engine or for SQLite in memory. Open it after a fork, once per process.
    """
    target = _normalised(url)
    store = _open_sqlite(target) if target.get_backend_name() == "sqlite" else _open_postgresql(target)
    if migrate:
        _upgrade(store.writer)
    keep_up(store.reader, store.writer)
    return store


def upgrade(url: str) -> None:
    """Create or upgrade the schema of the store at ``url``; do nothing when it is up to date."""
    open_store(url).close()


def _normalised(url: str) -> URL:
    target = make_url(url)
    backend = target.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return target.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ValueError(f"unknown store {backend!r}: expected sqlite or postgresql")
    if target.database in (None, "", ":memory:"):
        raise ValueError("the store must be a file: sqlite:///path/to/file.db")
    return target


def _open_sqlite(target: URL) -> Store:
    path = Path(str(target.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Health data: the file is its owner's only. SQLite gives its -wal and -shm companions the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return Store(_sqlite_engine(target, "BEGIN IMMEDIATE"), _sqlite_engine(target, "BEGIN", "PRAGMA query_only=on"))


def _sqlite_engine(target: URL, begin: str, *more: str) -> Engine:
    engine = create_engine(target)
    # FULL, not NORMAL: in WAL mode, NORMAL may lose the last acknowledged commits when power fails.
    pragmas = (f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA journal_mode=wal", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=on")
    event.listen(engine, "connect", _runner(pragmas + more))

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", start)
    return engine


def _runner(statements: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def run(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, not the sqlite3 module
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    return run


def _open_postgresql(target: URL) -> Store:
    # Two pools: readers, however many, never keep the journal's writer waiting for a connection.
    writer = create_engine(target, pool_pre_ping=True, pool_size=1, max_overflow=2, isolation_level="READ COMMITTED")
    event.listen(writer, "connect", _durable)
    reader = create_engine(target, pool_pre_ping=True, isolation_level="REPEATABLE READ")
    return Store(writer, reader.execution_options(postgresql_readonly=True))


def _durable(connection: Any, _record: Any) -> None:
    """Refuse a server default that acknowledges commits before they are on disk."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _upgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
