"""What the records of practice reports and of lessons do to the registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete

from pertimage.audit.chain import Record, canonical
from pertimage.audit.rows import Rows
from pertimage.audit.tables import lesson_answers, lessons, practices, report_mails

Data = Mapping[str, Any]


def _consent(rows: Rows, record: Record, data: Data) -> None:
    row = {"prescriber": data["prescriber"], "setting": data["setting"], "mail": data["mail"], "terms": data["terms"]}
    rows.upsert(practices, [row | {"since": record.at}])


def _withdrawal(rows: Rows, record: Record, data: Data) -> None:
    rows.change(delete(practices).where(practices.c.prescriber == data["prescriber"]))


def _mail(rows: Rows, record: Record, data: Data) -> None:
    rows.insert_new(report_mails, {"prescriber": data["prescriber"], "month": data["month"], "at": record.at})


def _lesson(rows: Rows, record: Record, data: Data) -> None:
    row = {name: data[name] for name in ("id", "owner", "scope", "guidelines", "until")}
    rows.insert_new(lessons, row | {"questions": canonical(data["questions"]), "at": record.at})


def _answer(rows: Rows, record: Record, data: Data) -> None:
    row = {name: data[name] for name in ("lesson", "rank", "who", "choice", "right")}
    rows.insert_new(lesson_answers, row | {"at": record.at})


PRACTICE: Mapping[str, Callable[[Rows, Record, Data], None]] = {
    "practice-consent": _consent,
    "practice-withdrawal": _withdrawal,
    "report-mail": _mail,
    "lesson": _lesson,
    "lesson-answer": _answer,
}
