"""A demonstration database, made once for all the tests of a session and copied for each module."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from pertimage.web.demo import populate
from pertimage.web.service import Service
from pertimage.web.settings import Settings

LAST_DAY = date(2026, 11, 20)


@cache
def _made() -> Path:
    path = Path(tempfile.mkdtemp(prefix="pertimage-demo-")) / "demo.db"
    service = Service(Settings(demo=True, database=str(path)))
    populate(service, LAST_DAY)
    service.close()
    return path


def demonstration(folder: Path, **settings: object) -> Service:
    """Return a service on a copy of the demonstration that ends on ``LAST_DAY``."""
    copy = folder / "demo.db"
    shutil.copy(_made(), copy)
    return Service(Settings(**({"demo": True, "database": str(copy)} | settings)))
