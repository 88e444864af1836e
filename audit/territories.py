"""The territory in the store: the places where exams are done, and each state of it that judged, by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from pertimage.audit.chain import canonical
from pertimage.audit.review import Refused
from pertimage.audit.tables import journal, places, territories
from pertimage.cds.territory import Territory, territory_of


class AlreadyKnown(Refused):
    """The journal holds this state of the territory already."""


class UnknownTerritoryError(LookupError):
    """The journal names a territory that it does not hold."""


def digest_of(territory: Territory) -> str:
    """Return the digest of what a territory says; two that say the same have the same."""
    return hashlib.sha256(canonical(territory.to_json()).encode()).hexdigest()


def require_new(connection: Connection, *, digest: str) -> None:
    """Raise ``AlreadyKnown`` when a territory is in the journal; a guard of the journal."""
    if connection.execute(select(territories.c.seq).where(territories.c.digest == digest).limit(1)).scalar_one_or_none() is not None:
        raise AlreadyKnown("Cet état du territoire est déjà au journal.")


def all_places(engine: Engine) -> list[dict[str, Any]]:
    """Return the places of the catalogue, by name, as it describes them."""
    with engine.connect() as connection:
        found = connection.execute(select(places.c.document).order_by(places.c.name, places.c.id)).scalars().all()
    return [orjson.loads(document) for document in found]


class RecordedTerritories:
    """Gives the territory that a record of the journal names by its digest, each read once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Territory] = {}

    def territory(self, digest: str) -> Territory:
        """Return the territory of a digest, an empty one for none; raises UnknownTerritoryError."""
        if not digest:
            return Territory()
        if digest not in self._known:
            query = select(journal.c.payload).join(territories, territories.c.seq == journal.c.seq).where(territories.c.digest == digest)
            with self._engine.connect() as connection:
                payload = connection.execute(query.limit(1)).scalar_one_or_none()
            if payload is None:
                raise UnknownTerritoryError(digest)
            held: Mapping[str, Any] = orjson.loads(payload)
            self._known[digest] = territory_of(held["territory"], digest)
        return self._known[digest]
