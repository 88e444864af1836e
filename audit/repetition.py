"""Which advice a prescriber has already been given, so that the same words interrupt once and not at each request."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import Engine, bindparam, select

from pertimage.audit.backlog import as_it_is
from pertimage.audit.instants import PARIS, utc_datetime, utc_text
from pertimage.audit.programme import Mode
from pertimage.audit.published import plain
from pertimage.audit.review import RequestStatus
from pertimage.audit.tables import assessments, requests

# Of a prescriber's requests, those among which the same advice is looked for: the cost of a call is bounded.
LOOKED_AT = 200
# The exam, the rule that spoke of it and what it said.
Advice = tuple[str | None, str | None, str]

_LATEST = (
    select(requests.c.id, requests.c.created_at, requests.c.reference, requests.c.patient)
    .where(requests.c.prescriber == bindparam("prescriber"), requests.c.hook == bindparam("hook"))
    .where(requests.c.created_at >= bindparam("since"), requests.c.created_at < bindparam("before"))
    .where(requests.c.status == RequestStatus.SIGNED.value, requests.c.mode == Mode.ON.value)
    .order_by(requests.c.created_at.desc())
    .limit(LOOKED_AT)
    .subquery()
)
_TOLD = (
    select(assessments.c.exam, assessments.c.rule, assessments.c.outcome, _LATEST.c.created_at, _LATEST.c.reference, _LATEST.c.patient)
    .join(_LATEST, _LATEST.c.id == assessments.c.request)
    .where(assessments.c.rule.in_(bindparam("rules", expanding=True)))
    .order_by(_LATEST.c.created_at)
)


def told_before(
    engine: Engine,
    prescriber: str,
    advice: Collection[Advice],
    *,
    since: datetime,
    before: datetime,
    hook: str,
    reference: str,
    patient: str | None,
) -> dict[Advice, date]:
    """Return the day (Paris) on which each advice was last given at a hook, among a prescriber's signed requests between two instants.

    The request of that reference and patient is left out: signed again, it is not another one; so is what was judged in silence,
    which nobody was told. The registers are read as they are, without waiting for the requests of the last seconds.
    """
    asked = {
        "prescriber": plain(prescriber),
        "hook": hook,
        "since": utc_text(since),
        "before": utc_text(before),
        "rules": list({rule for _, rule, _ in advice}),
    }
    with as_it_is(engine).connect() as connection:
        rows = connection.execute(_TOLD, asked).all()
    others = [row for row in rows if (row.reference, row.patient) != (reference, patient)]
    found = {(row.exam, row.rule, row.outcome): utc_datetime(row.created_at).astimezone(PARIS).date() for row in others}
    return {one: found[one] for one in advice if one in found}
