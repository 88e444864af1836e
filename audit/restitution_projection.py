"""What the records of restitution do to their registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, update

from pertimage.audit.chain import Record
from pertimage.audit.restitution import IMAGING_SIDES, Kind
from pertimage.audit.rows import Rows
from pertimage.audit.tables import requests, restitution_sites, restitutions

Data = Mapping[str, Any]
_SAID = ("kind", "happened_at", "who", "channel", "reason", "amended", "performed_on", "side", "author", "source", "act")


def _restitution(rows: Rows, record: Record, data: Data) -> None:
    said = {name: data[name] for name in _SAID}
    cancelled = {"cancelled_at": None, "cancelled_by": None, "cancelled_side": None}
    rows.insert_new(restitutions, {"seq": record.seq, "request": data["request_id"], "at": record.at, **said, **cancelled})
    if data["kind"] == Kind.REPORT and data["side"] in IMAGING_SIDES:
        site = rows.execute(select(requests.c.site).where(requests.c.id == data["request_id"])).scalar_one()
        rows.insert_new(restitution_sites, {"site": site, "since": record.at})


def _cancelled(rows: Rows, record: Record, data: Data) -> None:
    """Cancel the entry named, or all those of a report taken back by its software."""
    which = restitutions.c.source == data["source"] if data["source"] else restitutions.c.seq == data["seq"]
    live = restitutions.c.cancelled_at.is_(None)
    values = {"cancelled_at": record.at, "cancelled_by": data["author"], "cancelled_side": data["side"]}
    rows.change(update(restitutions).where(restitutions.c.request == data["request_id"], which, live).values(values))


RESTITUTION: Mapping[str, Callable[[Rows, Record, Data], None]] = {"restitution": _restitution, "restitution-cancelled": _cancelled}
