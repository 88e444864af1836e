"""A service on a throw-away SQLite database, and a client of its whole application."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from pertimage.web.app import create_app
from pertimage.web.service import Service
from pertimage.web.settings import Settings


def client_of(folder: Path, **about: object) -> Iterator[TestClient]:
    """Yield a client of a demonstration service; settings can be given."""
    service = Service(Settings(**({"demo": True, "database": str(folder / "t.db")} | about)))  # type: ignore[arg-type]
    try:
        with TestClient(create_app(service=service)) as client:
            yield client
    finally:
        service.close()


def run_apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine gives, run in a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, coroutine).result()
