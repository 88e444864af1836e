"""Read what was noted of results with the requests they are of: one request, a prescriber's, the reports to announce, a period."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, exists, func, or_, select

from pertimage.audit.instants import PARIS, utc_text
from pertimage.audit.restitution import Kind, Side, noted
from pertimage.audit.restitution_due import Followed
from pertimage.audit.review import Decision, RequestStatus, ReviewState, UnknownRequest
from pertimage.audit.tables import assessments, requests, restitution_sites, restitutions, reviews, sites

_SIGNED = requests.c.status == RequestStatus.SIGNED.value


def followed(engine: Engine, request: str) -> Followed:
    """Return one request with what was noted of its result; raise ``UnknownRequest``."""
    found = _read(engine, _query().where(requests.c.id == request))
    if not found:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    return found[0]


def followed_of(engine: Engine, prescriber: str, since: date) -> list[Followed]:
    """Return a prescriber's signed requests that something may be awaited of.

    Those signed since a day and, whatever their age, those whose report nobody explained since it came, changed or was taken back.
    """
    wanted = or_(requests.c.signed_at >= _midnight(since), _unanswered((Kind.EXPLAINED, Kind.NOT_NEEDED)))
    return _read(engine, _query().where(requests.c.prescriber == prescriber, _SIGNED, wanted))


def unannounced(engine: Engine, *, site: str = "", limit: int = 500) -> list[Followed]:
    """Return the requests whose report is there and that nobody sent or explained since it came or changed, the oldest report first."""
    waits = _unanswered((Kind.SENT, Kind.EXPLAINED, Kind.NOT_NEEDED))
    live = [restitutions.c.kind == Kind.REPORT.value, restitutions.c.cancelled_at.is_(None)]
    oldest = select(restitutions.c.request, func.min(restitutions.c.happened_at).label("reported")).where(*live)
    reported = oldest.group_by(restitutions.c.request).subquery()
    query = _query().join(reported, reported.c.request == requests.c.id).where(_SIGNED, waits)
    query = query.where(requests.c.site == site) if site else query
    return _read(engine, query.order_by(reported.c.reported, requests.c.id).limit(limit))


def signed_between(engine: Engine, first: date, last: date, *, fictitious: bool) -> list[Followed]:
    """Return the requests signed from a day to another, both included, of the demonstration's sites or of the real ones."""
    demonstration = requests.c.site.in_(select(sites.c.id).where(sites.c.fictitious.is_(True)))
    bounds = (requests.c.signed_at >= _midnight(first), requests.c.signed_at < _midnight(last + timedelta(days=1)))
    return _read(engine, _query().where(_SIGNED, *bounds, demonstration if fictitious else ~demonstration))


def _query() -> Select[Any]:
    target = select(func.min(assessments.c.target_days)).where(assessments.c.request == requests.c.id).scalar_subquery()
    names = ("id", "site", "prescriber", "status", "signed_at", "pathway", "priority", "modality")
    columns = [requests.c[name] for name in names]
    columns += [reviews.c.state, reviews.c.decision, reviews.c.decided_at]
    together = requests.outerjoin(reviews, reviews.c.request == requests.c.id)
    together = together.outerjoin(restitution_sites, restitution_sites.c.site == requests.c.site)
    return select(*columns, target.label("target_days"), restitution_sites.c.since.label("site_since")).select_from(together)


def _unanswered(kinds: Iterable[Kind]) -> ColumnElement[bool]:
    """Say whether a report came, changed or was taken back after a software said it, and nothing of some kinds was noted since."""
    report, answer = restitutions.alias("report"), restitutions.alias("answer")
    since = func.coalesce(report.c.cancelled_at, report.c.at)
    later = (answer.c.request == report.c.request, answer.c.kind.in_([str(kind) for kind in kinds]), answer.c.cancelled_at.is_(None))
    answered = exists().where(*later, answer.c.at >= since).correlate(report)
    counts = or_(report.c.cancelled_at.is_(None), report.c.side == Side.SOFTWARE.value)
    return exists().where(report.c.request == requests.c.id, report.c.kind == Kind.REPORT.value, counts, ~answered).correlate(requests)


def _read(engine: Engine, query: Select[Any]) -> list[Followed]:
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    entries = noted(engine, [row.id for row in rows])
    return [_followed(row, entries.get(row.id, ())) for row in rows]


def _followed(row: Row[Any], entries: Any) -> Followed:
    return Followed(
        row.id, row.site, row.prescriber, RequestStatus(row.status), row.signed_at, row.pathway, row.priority, row.modality, row.target_days,
        ReviewState(row.state) if row.state else None, Decision(row.decision) if row.decision else None, row.decided_at, row.site_since, entries,
    )  # fmt: skip


def _midnight(day: date) -> str:
    return utc_text(datetime.combine(day, time(), PARIS))
