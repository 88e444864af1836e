"""The hash chain of the journal: what a record is, how it is hashed, how the chain is read.

The hash of a record is the SHA-256 of the canonical JSON (sorted keys, UTF-8) of ``at``, ``kind``, ``payload`` (the text as
stored), ``prev_hash``, ``seq`` and ``tenant``. Anyone can compute it again with fifteen lines of any language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, select

from pertimage.audit.tables import journal, journal_head

GENESIS = "0" * 64
PAGE = 1000
_FIRST_PAGE, _HEAVY = 16, 8 << 20  # records; characters of a page: imports of activity weigh a megabyte each
_HEAD = select(journal_head.c.seq, journal_head.c.hash).where(journal_head.c.id == 1)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends. Noted outside the store, it also convicts whoever rewrites the whole chain."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal; ``payload`` is the canonical JSON text, ``at`` the instant in UTC."""

    seq: int
    at: str
    kind: str
    tenant: str
    payload: str
    prev_hash: str
    hash: str

    @property
    def data(self) -> Any:
        """Return the payload, parsed."""
        return orjson.loads(self.payload)

    def digest(self, seq: int) -> str:
        """Return the hash that this record would have at place ``seq``."""
        return digest(seq, self.at, self.kind, self.tenant, self.payload, self.prev_hash)


def canonical(payload: Any) -> str:
    """Return the JSON text, keys sorted, that is stored and hashed; raise TypeError for what JSON cannot say.

    Dataclasses become objects, sets sorted lists.
    """
    return orjson.dumps(payload, default=_sorted, option=orjson.OPT_SORT_KEYS).decode()


def as_json(payload: Any) -> bytes:
    """Return the JSON of a payload, its keys in any order, to be made canonical by who reads it."""
    return orjson.dumps(payload, default=_sorted)


def _sorted(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def digest(seq: int, at: str, kind: str, tenant: str, payload: str, prev_hash: str) -> str:
    """Return the hash of a record, in hexadecimal."""
    body = {"seq": seq, "at": at, "kind": kind, "tenant": tenant, "payload": payload, "prev_hash": prev_hash}
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_head(connection: Connection) -> Head:
    """Return the stored head of the chain."""
    row = connection.execute(_HEAD).one_or_none()
    return Head(row.seq, row.hash) if row else Head(0, "")


def records(connection: Connection, after: int = 0) -> Iterator[Record]:
    """Read the journal in order from the record that follows ``after``, a page at a time; heavy records make short pages."""
    size = _FIRST_PAGE
    while True:
        page = connection.execute(select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(size)).all()
        for row in page:
            yield Record(*row)
        if len(page) < size:
            return
        after = page[-1].seq
        heavy = sum(len(row.payload) for row in page) > _HEAVY
        size = max(1, size // 4) if heavy else min(PAGE, size * 4)
