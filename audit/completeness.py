"""What signed requests lack, and the alerts they raise: how many, of how many exams signed, silent and in service apart.

The unit is the exam asked for (a line of assessment), like that of ``indicators.request_weeks``; drafts and requests withdrawn are left
out. The denominator of every share is **all the exams signed** of the same group, mode included. It is not those for which the item
was asked: that something was asked *and* told is not recorded, only that it lacks. A share of 6 % for pregnancy therefore counts men in
its denominator: shares compare from one period to another for a like mix of exams and patients, not from one item to another.

Every function reads through the caller's connection to the store's reader: figures read through one of them are of one state.
Months are those of Paris, by the instant of signature. In ``silent`` mode nothing was shown: those requests are the reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal_column, select

from pertimage.audit.instants import PARIS, utc_datetime, utc_text
from pertimage.audit.programme import Mode
from pertimage.audit.review import RequestStatus
from pertimage.audit.tables import alerts, assessments, missing_items, requests, sites
from pertimage.cds.model import AlertKind, Severity

GROUPS = ("site", "month")
LOUD = (Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Found:
    """In how many exams signed something was found; ``month`` is ``YYYY-MM``. Groups not asked for are None.

    ``name`` is an item or a kind of alert; ``weighty`` counts those that were blocking, or louder than information.
    """

    name: str
    mode: Mode
    site: str | None
    month: str | None
    found: int
    weighty: int
    exams: int

    @property
    def share(self) -> float:
        """Return the share, 0 to 1, of the exams signed."""
        return self.found / self.exams

    @property
    def weighty_share(self) -> float:
        """Return the share, 0 to 1, of the exams signed in which it was blocking, or loud."""
        return self.weighty / self.exams


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which exams: ``since`` and ``until`` are days of signature in Paris, both included; fictitious ones are those of fictitious sites."""

    site: str | None = None
    since: date | None = None
    until: date | None = None
    fictitious: bool = False


Key = tuple[Mode, str | None, str | None]
# The month in UTC; in its last two hours, when it may be another month in Paris, the hour. Written out: a parameter would make of one
# expression two in the eyes of PostgreSQL.
_MONTH: ColumnElement[Any] = literal_column(
    "CASE WHEN substr(requests.signed_at, 9, 2) >= '28' AND substr(requests.signed_at, 12, 2) >= '22' "
    "THEN substr(requests.signed_at, 1, 13) ELSE substr(requests.signed_at, 1, 7) END"
)


def missing_shares(connection: Connection, wanted: Wanted = Wanted(), *, by: Collection[str] = GROUPS) -> list[Found]:
    """Return each item that lacks somewhere, per mode and per ``by`` (``site``, ``month``, both or neither)."""
    weighty = func.count(case((missing_items.c.blocking.is_(True), 1)))
    found = select(missing_items.c.item, func.count(), weighty).join_from(requests, missing_items, missing_items.c.seq == requests.c.seq)
    return _shares(connection, wanted, by, found, missing_items.c.item)


def alert_shares(connection: Connection, wanted: Wanted = Wanted(), *, by: Collection[str] = GROUPS) -> list[Found]:
    """Return each kind of alert raised somewhere: in how many exams, whatever its severity, and in how many louder than information."""
    loud = func.max(case((alerts.c.severity.in_([one.value for one in LOUD]), 1), else_=0)).label("loud")
    exam = (alerts.c.seq, alerts.c.rank, alerts.c.kind)
    of = select(*exam, loud).group_by(*exam).subquery()  # an exam with two severities of a kind is one exam
    found = select(of.c.kind, func.count(), func.sum(of.c.loud)).join_from(requests, of, of.c.seq == requests.c.seq)
    return _shares(connection, wanted, by, found, of.c.kind)


def redundancy(connection: Connection, wanted: Wanted = Wanted(), *, by: Collection[str] = GROUPS) -> list[Found]:
    """Return the exams signed with an alert of redundancy; ``weighty_share`` is the redundancy share, zero included.

    A group of exams signed without any such alert has its line: nothing found is a result.
    """
    raised = {(one.mode, one.site, one.month): one for one in alert_shares(connection, wanted, by=by) if one.name == AlertKind.REDUNDANCY}
    exams = exams_signed(connection, wanted, by=by)
    name = str(AlertKind.REDUNDANCY)
    return [raised.get(key) or Found(name, *key, 0, 0, exams[key]) for key in sorted(exams, key=_order)]


def exams_signed(connection: Connection, wanted: Wanted = Wanted(), *, by: Collection[str] = ()) -> dict[Key, int]:
    """Return the denominators: how many exams were signed, by (mode, site, month)."""
    if unknown := set(by) - set(GROUPS):
        raise ValueError(f"unknown group {sorted(unknown)}: expected {GROUPS}")
    keys = _keys(by)
    query = select(func.count(), *keys).join_from(requests, assessments, assessments.c.request == requests.c.id)
    exams: Counter[Key] = Counter()
    for count, *rest in connection.execute(query.where(*_where(wanted)).group_by(*keys)):
        exams[_key(rest, by)] += count
    return dict(exams)


def _shares(connection: Connection, wanted: Wanted, by: Collection[str], found: Select[Any], name: ColumnElement[str]) -> list[Found]:
    exams = exams_signed(connection, wanted, by=by)
    counted: Counter[tuple[str, Key]] = Counter()
    weighty: Counter[tuple[str, Key]] = Counter()
    keys = _keys(by)
    query = found.add_columns(*keys).where(*_where(wanted)).group_by(name, *keys)
    for what, count, heavy, *rest in connection.execute(query):
        counted[what, _key(rest, by)] += count
        weighty[what, _key(rest, by)] += int(heavy)
    ordered = sorted(counted, key=lambda pair: (pair[0], *_order(pair[1])))
    return [Found(what, *key, counted[what, key], weighty[what, key], exams[key]) for what, key in ordered]


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    demonstration = requests.c.site.in_(select(sites.c.id).where(sites.c.fictitious.is_(True)))
    where = [requests.c.status == RequestStatus.SIGNED.value, demonstration if wanted.fictitious else ~demonstration]
    where += [requests.c.site == wanted.site] if wanted.site is not None else []
    where += [requests.c.signed_at >= _midnight(wanted.since)] if wanted.since else []
    return where + ([requests.c.signed_at < _midnight(wanted.until + timedelta(days=1))] if wanted.until else [])


def _midnight(day: date) -> str:
    return utc_text(datetime.combine(day, time(), PARIS))


def _keys(by: Collection[str]) -> list[ColumnElement[Any]]:
    columns: list[ColumnElement[Any]] = [requests.c.mode]
    columns += [requests.c.site] if "site" in by else []
    return columns + ([_MONTH] if "month" in by else [])


def _key(values: list[Any], by: Collection[str]) -> Key:
    rest = iter(values[1:])
    site = next(rest) if "site" in by else None
    return Mode(values[0]), site, _month(next(rest)) if "month" in by else None


def _month(written: str) -> str:
    """Return the month in Paris of a month, or of an hour, in UTC."""
    if len(written) == len("2026-01"):
        return written
    return utc_datetime(f"{written}:00:00.000000Z").astimezone(PARIS).strftime("%Y-%m")


def _order(key: Key) -> tuple[str, str, str]:
    mode, site, month = key
    return month or "", site or "", str(mode)
