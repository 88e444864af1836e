"""What the records of notifications do to the registers; the words are those of ``notifications.How`` and ``State``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete, select, update

from pertimage.audit.chain import Record
from pertimage.audit.rows import Rows
from pertimage.audit.telling_tables import notification_choices, notification_reminders, notifications

Data = Mapping[str, Any]


def _choice(rows: Rows, record: Record, data: Data) -> None:
    """Enter a wish; the first one starts with what comes next, another keeps what was already told."""
    of_one = notification_choices.c.prescriber == data["prescriber"]
    if data["how"] == "jamais":
        rows.change(delete(notification_choices).where(of_one))
    elif not rows.change(update(notification_choices).where(of_one).values(how=data["how"], since=record.at)):
        row = {"prescriber": data["prescriber"], "how": data["how"], "told": record.seq, "since": record.at}
        rows.insert_new(notification_choices, row)


def _leaving(rows: Rows, record: Record, data: Data) -> None:
    row = {name: data[name] for name in ("prescriber", "after", "through")}
    rows.insert_new(notifications, row | {"seq": record.seq, "at": record.at, "state": "depart", "why": ""})
    _move(rows, data["prescriber"], data["after"], data["through"])
    for question in data["reminders"]:
        rows.insert_new(notification_reminders, {"question": question, "notification": record.seq})


def _outcome(rows: Rows, record: Record, data: Data) -> None:
    of_one = notifications.c.seq == data["notification"]
    mail = rows.execute(select(notifications).where(of_one)).one()
    rows.change(update(notifications).where(of_one).values(state=data["state"], why=data["why"]))
    if data["state"] == "echec":
        _move(rows, mail.prescriber, mail.through, mail.after)
        rows.change(delete(notification_reminders).where(notification_reminders.c.notification == mail.seq))


def _move(rows: Rows, prescriber: str, before: int, after: int) -> None:
    """Move what a prescriber was told up to, unless they chose anew meanwhile."""
    choices = notification_choices
    rows.change(update(choices).where(choices.c.prescriber == prescriber, choices.c.told == before).values(told=after))


NOTIFICATIONS: Mapping[str, Callable[[Rows, Record, Data], None]] = {
    "notification-choice": _choice,
    "notification": _leaving,
    "notification-outcome": _outcome,
}
