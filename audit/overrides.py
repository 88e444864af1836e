"""Why a prescriber kept a request against the advice, as told on signing."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Engine, select

from pertimage.audit.tables import feedback, journal

_OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class Override:
    """What was said of the advice on one exam: a code of the reasons (empty: none), words, when (UTC text)."""

    reason: str
    comment: str
    at: str


def overrides(engine: Engine, request: str, exams: int) -> dict[int, Override]:
    """Return what was said last of each advice that was kept against it, by the rank of the exam among the ``exams`` of a request."""
    cards = {f"{request}:{rank}": rank for rank in range(exams)}
    query = (
        select(feedback.c.card, feedback.c.reason, feedback.c.at, journal.c.payload)
        .join(journal, journal.c.seq == feedback.c.seq)
        .where(feedback.c.card.in_(cards), feedback.c.request == request, feedback.c.outcome == _OVERRIDDEN)
        .order_by(feedback.c.seq)
    )
    found: dict[int, Override] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            detail = orjson.loads(row.payload).get("detail") or {}
            found[cards[row.card]] = Override(row.reason, str(detail.get("comment") or ""), row.at)
    return found
