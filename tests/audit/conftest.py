"""Stores to test on: SQLite always, PostgreSQL when its server is installed or ``PERTIMAGE_TEST_POSTGRES`` gives a URL."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from pertimage.audit.journal import Journal
from pertimage.audit.register import Register
from pertimage.audit.store import Store, open_store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """Return a Monday at noon."""
    return NOON


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give the URL of a server: the one given, or a cluster started for the session in a temporary folder."""
    given = os.environ.get("PERTIMAGE_TEST_POSTGRES")
    if given:
        yield given
        return
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pertimage-pg-"))
    try:
        yield from _cluster(binaries, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


def _cluster(binaries: Path, folder: Path) -> Iterator[str]:
    """Start a server that listens on a socket of the folder only; PostgreSQL refuses to run as root."""
    become: list[str] = []
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        folder.chmod(0o755)
        become = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8"]
    subprocess.run([*become, *initdb], check=True, capture_output=True, cwd=folder)
    server = [*become, str(binaries / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
    process = subprocess.Popen(server, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    engine = create_engine(url)
    deadline = time.monotonic() + 60
    while True:
        try:
            with engine.connect():
                break
        except Exception:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty place for a store, on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server = make_url(request.getfixturevalue("postgres_url"))
    schema = f"test_{uuid4().hex}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield server.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Open a store with its schema, on each engine."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    """Open the journal of the store."""
    opened = Journal(store)
    yield opened
    opened.close()


@pytest.fixture
def register(journal: Journal) -> Register:
    """Return the registers of the store."""
    return Register(journal)
