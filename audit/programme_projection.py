"""What the records of the programme do to its registers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, update

from pertimage.audit.chain import Record
from pertimage.audit.programme_tables import programme, programme_events, programme_groups, programme_versions
from pertimage.audit.rows import Rows


def enter_calendar(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Project a calendar put in force."""
    rows.change(delete(programme))
    names = [column.name for column in programme.c]
    if data["entries"]:
        rows.execute(insert(programme), [dict(zip(names, entry, strict=True)) for entry in data["entries"]])
    if "groups" in data:
        rows.change(delete(programme_groups))
        if data["groups"]:
            rows.execute(insert(programme_groups), [{"prescriber": who, "group": group} for who, group in data["groups"].items()])
    said = {name: data[name].replace("\0", "") for name in ("author", "reason")}
    rows.insert_new(programme_versions, {"seq": record.seq, "at": record.at, **said})


def enter_event(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Project an event."""
    said = {name: data[name].replace("\0", "") for name in ("words", "author")}
    rows.insert_new(programme_events, {**data, **said, "at": record.at, "cancelled": False})


def cancel_event(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Project that an event was a mistake."""
    rows.change(update(programme_events).where(programme_events.c.id == data["id"]).values(cancelled=True))


PROGRAMME = {"programme": enter_calendar, "programme-event": enter_event, "programme-event-cancelled": cancel_event}
