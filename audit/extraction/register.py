"""Make an extract and keep trace of it: who, when, why, what of, how many lines, which digest. The journal says it before the file is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from pertimage.audit.evaluation_tables import extracts
from pertimage.audit.extraction.build import EXTRACT, Order, build
from pertimage.audit.extraction.catalogue import specs
from pertimage.audit.extraction.files import Form, write
from pertimage.audit.journal import Journal

MARK = "RESTREINT"
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Made:
    """An extract: where it is, how many lines each table has, its digest (SHA-256)."""

    path: Path
    tables: Mapping[str, int]
    digest: str


@dataclass(frozen=True, slots=True)
class Extract:
    """An extract as the journal keeps it; ``at`` is an instant (UTC text), ``sites`` names parted by commas, empty for all."""

    seq: int
    at: str
    restricted: bool
    form: str
    name: str
    since: str
    until: str
    sites: str
    author: str
    reason: str
    lines: int
    digest: str
    fictitious: bool


def marked(target: Path, *, restricted: bool) -> Path:
    """Return where an extract goes: the name of a restricted one says that it is."""
    if not restricted or MARK.lower() in target.name.lower():
        return target
    return target.with_name(f"{target.stem}-{MARK}{target.suffix}")


def make(journal: Journal, target: Path, form: Form, order: Order, *, at: datetime) -> Made:
    """Build an extract, write it to the journal, put it in its place; return it, its name marked when it is restricted.

    Raises FileExistsError when something is there, FileNotFoundError when the folder is not, ``NoParquetError``.
    """
    target = marked(target, restricted=order.restricted)
    if target.exists():
        raise FileExistsError(f"{target} existe déjà : choisissez un autre nom.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"Le dossier {target.parent} n'existe pas.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".extrait-") as folder:
        built, ready = Path(folder) / "extrait.db", Path(folder) / f"pret{target.suffix}"
        tables = build(journal.store.reader, built, order)
        digest = write(built, ready, form, specs(restricted=order.restricted))
        if ready.is_file():
            ready.chmod(0o600)
        else:
            ready.chmod(0o700)
        journal.append(EXTRACT, _payload(target, form, order, tables, digest), at)
        os.replace(ready, target)
    return Made(target, tables, digest)


def _payload(target: Path, form: Form, order: Order, tables: Mapping[str, int], digest: str) -> dict[str, Any]:
    wanted = order.wanted
    return {
        "restricted": order.restricted, "form": str(form), "name": target.name[:_LONGEST], "since": wanted.since or "", "until": wanted.until or "",
        "sites": sorted(wanted.sites or ()), "author": order.author[:_LONGEST], "reason": order.reason[:_LONGEST], "tables": dict(tables),
        "digest": digest, "fictitious": wanted.fictitious,
    }  # fmt: skip


def extracts_of(engine: Engine, *, restricted: bool | None = None, limit: int = 200) -> list[Extract]:
    """Return the extracts made, the latest first."""
    query = select(extracts).order_by(extracts.c.seq.desc()).limit(limit)
    if restricted is not None:
        query = query.where(extracts.c.restricted == restricted)
    with engine.connect() as connection:
        return [Extract(**row._mapping) for row in connection.execute(query)]
