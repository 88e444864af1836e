"""Read past requests back from the journal, to judge them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import select

from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.policies import Recorded
from pertimage.audit.store import Store
from pertimage.audit.tables import journal, requests
from pertimage.audit.territories import RecordedTerritories
from pertimage.cds.model import Assessment, ImagingRequest, Policy
from pertimage.cds.records import assessment_of, request_of
from pertimage.cds.territory import Territory

PAGE = 500


@dataclass(frozen=True, slots=True)
class Past:
    """A request as it was last judged: its id in the register, the day it was received, what judged it and what was answered."""

    id: str
    day: date
    request: ImagingRequest
    policy: Policy
    territory: Territory
    answers: tuple[Assessment, ...]


def past_requests(store: Store, *, since: date | None = None, until: date | None = None, site: str = "") -> Iterator[Past]:
    """Yield the requests of the register, the oldest first, a page at a time; ``since`` and ``until`` are days.

    Without ``site``, those of all sites.
    """
    query = select(requests.c.seq, requests.c.id, requests.c.created_at, journal.c.payload).join(journal, journal.c.seq == requests.c.seq)
    if since is not None:
        query = query.where(requests.c.created_at >= since.isoformat())
    if until is not None:
        query = query.where(requests.c.created_at < (until + timedelta(days=1)).isoformat())
    if site:
        query = query.where(requests.c.site == site)
    after, policies, territories = 0, Recorded(store.reader), RecordedTerritories(store.reader)
    while True:
        with store.reader.connect() as connection:
            page = connection.execute(query.where(requests.c.seq > after).order_by(requests.c.seq).limit(PAGE)).all()
        for row in page:
            yield _past(row.id, row.created_at, orjson.loads(row.payload), policies, territories)
        if len(page) < PAGE:
            return
        after = page[-1].seq


def latest_requests(store: Store, limit: int) -> list[Past]:
    """Return the last requests of the register, the latest first."""
    columns = (requests.c.seq, requests.c.id, requests.c.created_at, journal.c.payload)
    query = select(*columns).join(journal, journal.c.seq == requests.c.seq).order_by(requests.c.seq.desc()).limit(limit)
    policies, territories = Recorded(store.reader), RecordedTerritories(store.reader)
    with store.reader.connect() as connection:
        rows = connection.execute(query).all()
    return [_past(row.id, row.created_at, orjson.loads(row.payload), policies, territories) for row in rows]


def _past(identifier: str, at: str, data: dict[str, Any], policies: Recorded, territories: RecordedTerritories) -> Past:
    day = utc_datetime(at).astimezone(PARIS).date()
    return Past(
        identifier,
        day,
        request_of(data["request"]),
        policy_of(data["policy"], policies),
        territories.territory(data.get("territory", "")),
        tuple(map(assessment_of, data["assessments"])),
    )


def policy_of(record: object, policies: Recorded | None = None) -> Policy:
    """Return the policy that a record holds, or names by its digest; the usual one when it does neither."""
    if not isinstance(record, dict):
        return Policy()
    if policies is not None and record.get("digest"):
        return policies.policy(record["digest"])
    sets: dict[str, Any] = {name: frozenset(record[name]) for name in ("exams_unavailable", "silenced_rules") if name in record}
    sets |= {name: tuple((key, value) for key, value in record[name]) for name in ("dose_thresholds",) if name in record}
    return Policy(**{name: record[name] for name in ("dose_warning_msv", "dose_window_months") if name in record} | sets)
