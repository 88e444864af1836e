"""Files being imported through the page: each in a folder of its own, readable by the service alone, destroyed after its time.

Rows of an export are health data: they stay here, on the disk of the service, until the import is discarded or expires; nothing
of them goes to the store or to a log.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

READY, RUNNING, DONE, FAILED, STOPPED = "pret", "en-cours", "fini", "echec", "interrompu"
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_SILENT_SECONDS = 60  # a running import tells its progress every second: one that is silent was stopped
_CHUNK = 1 << 20
_NAME = re.compile(r"[^\w .()+-]")
_KEPT_NAME = 80


@dataclass(frozen=True, slots=True)
class Work:
    """An import of the page: its file's name, who sent it and when, its site and sheet, its mapping, where it stands."""

    id: str
    name: str
    author: str
    at: str
    site: str = ""
    sheet: str = ""
    status: str = READY
    why: str = ""
    mapping: dict[str, Any] | None = None
    share: float = 0.0
    lines: int = 0
    told: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def stands(self) -> str:
        """Return the status, a running import that fell silent being one that was stopped."""
        return STOPPED if self.status == RUNNING and time.time() - self.told > _SILENT_SECONDS else self.status


class Workspace:
    """The imports of a folder. ``hours`` is how long each is kept."""

    def __init__(self, folder: Path, hours: int) -> None:
        self._folder, self._seconds = folder, hours * 3600
        self._lock = threading.Lock()

    def receive(self, stream: BinaryIO, name: str, **about: Any) -> Work:
        """Keep a file that was sent; ``about`` are fields of ``Work``."""
        identity = secrets.token_urlsafe(16)
        place = self._folder / identity
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.mkdir(mode=0o700)
        with os.fdopen(os.open(place / "export", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            shutil.copyfileobj(stream, file, _CHUNK)
        kept = _NAME.sub("_", Path(name.replace("\\", "/")).name)[-_KEPT_NAME:] or "export"
        return self.keep(Work(identity, kept, at=datetime.now(UTC).isoformat(), **about))

    def keep(self, work: Work) -> Work:
        """Write where an import stands."""
        place = self._folder / work.id
        with self._lock:
            if place.is_dir():  # it may have been discarded meanwhile
                fresh = place / "etat.tmp"
                with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    file.write(orjson.dumps(asdict(work)))
                fresh.replace(place / "etat.json")
        return work

    def find(self, identity: str) -> Work | None:
        """Return an import; None when it is not known, discarded or expired."""
        if not _ID.fullmatch(identity):
            return None
        try:
            return Work(**orjson.loads((self._folder / identity / "etat.json").read_bytes()))
        except (OSError, orjson.JSONDecodeError, TypeError):
            return None

    def begin(self, work: Work) -> Work | None:
        """Mark an import as running, once; None when it runs already or is over."""
        with self._lock:
            now = self.find(work.id)
            if now is None or now.stands in (RUNNING, DONE):
                return None
        return self.keep(replace(now, status=RUNNING, why="", share=0.0, lines=0, told=time.time()))

    def path(self, work: Work, what: str) -> Path:
        """Return where a file of an import is: ``export``, ``rejets.csv`` or ``rapport.json``."""
        return self._folder / work.id / what

    def discard(self, work: Work) -> None:
        """Destroy the file and all that came of it."""
        with self._lock:
            shutil.rmtree(self._folder / work.id, ignore_errors=True)

    def all(self) -> list[Work]:
        """Return the imports that are there, the latest first, after destroying those that expired."""
        found = []
        for place in self._folder.iterdir() if self._folder.is_dir() else ():
            if not _ID.fullmatch(place.name):
                continue
            work = self.find(place.name)
            if time.time() - place.stat().st_mtime > self._seconds and (work is None or work.stands != RUNNING):
                shutil.rmtree(place, ignore_errors=True)
            elif work is not None:
                found.append(work)
        return sorted(found, key=lambda work: work.at, reverse=True)
