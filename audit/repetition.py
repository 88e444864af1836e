"""Which advice a prescriber has already been given, so that the same words interrupt once and not at each request."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import Engine, and_, not_, select

from pertimage.audit.backlog import as_it_is
from pertimage.audit.instants import PARIS, utc_datetime, utc_text
from pertimage.audit.review import RequestStatus
from pertimage.audit.tables import assessments, requests

# Of a prescriber's requests, those among which the same advice is looked for: the cost of a call is bounded.
LOOKED_AT = 200
# The exam, the rule that spoke of it and what it said.
Advice = tuple[str | None, str | None, str]


def told_before(
    engine: Engine,
    prescriber: str,
    advice: Collection[Advice],
    *,
    since: datetime,
    before: datetime,
    hooks: Collection[str],
    reference: str,
    patient: str | None,
) -> dict[Advice, date]:
    """Return the day (Paris) on which each advice was last given, among a prescriber's signed requests between two instants.

    The request of that reference and patient is left out: signed again, it is not another one. The registers are read as they
    are, without waiting for the requests of the last seconds.
    """
    itself = and_(requests.c.reference == reference, requests.c.patient == patient if patient else requests.c.patient.is_(None))
    latest = (
        select(requests.c.id, requests.c.created_at)
        .where(
            requests.c.prescriber == prescriber,
            requests.c.created_at >= utc_text(since),
            requests.c.created_at < utc_text(before),
            requests.c.hook.in_(hooks),
        )
        .where(requests.c.status == RequestStatus.SIGNED.value, not_(itself))
        .order_by(requests.c.created_at.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    columns = (assessments.c.exam, assessments.c.rule, assessments.c.outcome, latest.c.created_at)
    query = (
        select(*columns).join(latest, latest.c.id == assessments.c.request).where(assessments.c.rule.in_({rule for _, rule, _ in advice}))
    )
    with as_it_is(engine).connect() as connection:
        rows = connection.execute(query.order_by(latest.c.created_at)).all()
    found = {(row.exam, row.rule, row.outcome): utc_datetime(row.created_at).astimezone(PARIS).date() for row in rows}
    return {one: found[one] for one in advice if one in found}
