"""What the records of subscriptions do to their register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from pertimage.audit.chain import Record, canonical
from pertimage.audit.rows import Rows
from pertimage.audit.telling_tables import subscriptions


def enter(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Enter a subscription: what happens after this very record is told."""
    rows.insert_new(subscriptions, {
        "id": data["id"], "client": data["client"], "document": canonical(data["document"]), "requesters": canonical(data["requesters"]),
        "status": "requested", "start": record.seq, "cursor": record.seq, "events": 0, "created_at": record.at,
    })  # fmt: skip


def change(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Replace what is asked; what was told stays told."""
    values = {"document": canonical(data["document"]), "requesters": canonical(data["requesters"]), "status": "requested"}
    rows.change(update(subscriptions).where(subscriptions.c.id == data["id"]).values(values))


def mark(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Note where a subscription stands."""
    rows.change(update(subscriptions).where(subscriptions.c.id == data["id"]).values(status=data["status"]))


def told(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Move the cursor; a subscription that was failing works again."""
    values = {"cursor": data["through"], "events": subscriptions.c.events + data["count"], "status": "active"}
    rows.change(update(subscriptions).where(subscriptions.c.id == data["id"]).values(values))


SUBSCRIPTIONS = {"subscription": enter, "subscription-changed": change, "subscription-status": mark, "subscription-told": told}
