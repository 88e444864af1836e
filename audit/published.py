"""The versions of the guideline sheets that the service has served: which, since when, and each of them whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from pertimage.audit.review import Refused
from pertimage.audit.tables import editions, journal


class AlreadyKept(Refused):
    """This version of the sheet is in the journal."""


@dataclass(frozen=True, slots=True)
class EditionRow:
    """A version of a sheet: ``guidelines`` is the base that first held it, ``since`` when it was first served (UTC text)."""

    sheet: str
    digest: str
    guidelines: str
    since: str


def require_new(connection: Connection, *, sheet: str, digest: str) -> None:
    """Raise ``AlreadyKept`` when the journal holds this version; a guard of the journal."""
    mine = (editions.c.sheet == sheet) & (editions.c.digest == digest)
    if connection.execute(select(editions.c.seq).where(mine)).first():
        raise AlreadyKept(f"La fiche {sheet} est déjà conservée dans cette version.")


def known(engine: Engine) -> set[tuple[str, str]]:
    """Return the sheet and the digest of each version kept."""
    with engine.connect() as connection:
        return {(row.sheet, row.digest) for row in connection.execute(select(editions.c.sheet, editions.c.digest))}


def editions_of(engine: Engine, sheet: str) -> list[EditionRow]:
    """Return the versions of a sheet, the latest first."""
    columns = (editions.c.sheet, editions.c.digest, editions.c.guidelines, editions.c.since)
    query = select(*columns).where(editions.c.sheet == plain(sheet)).order_by(editions.c.seq.desc())
    with engine.connect() as connection:
        return [EditionRow(**row) for row in connection.execute(query).mappings()]


def plain(word: str) -> str:
    """Return a word of an address without what no engine can compare."""
    return word.replace("\0", "")


def edition(engine: Engine, sheet: str, digest: str) -> dict[str, Any] | None:
    """Return a version of a sheet as the journal holds it; None when there is none."""
    query = select(journal.c.payload).join(editions, editions.c.seq == journal.c.seq)
    query = query.where(editions.c.sheet == plain(sheet), editions.c.digest == plain(digest))
    with engine.connect() as connection:
        payload = connection.execute(query).scalar_one_or_none()
    return None if payload is None else dict(orjson.loads(payload))
