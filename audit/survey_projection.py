"""What the records of the satisfaction survey do to its registers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import update

from pertimage.audit.chain import Record
from pertimage.audit.evaluation_tables import survey_answers, surveys
from pertimage.audit.rows import Rows


def enter_survey(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Enter a campaign."""
    said = {name: data[name].replace("\0", "") for name in ("title", "author")}
    rows.insert_new(surveys, {**data, **said, "seq": record.seq})


def close_survey(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """End a campaign on the eve of a day."""
    eve = date.fromisoformat(data["day"]) - timedelta(days=1)
    rows.change(update(surveys).where(surveys.c.id == data["id"]).values(closes=eve.isoformat()))


def enter_survey_answer(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Enter an answer; its instant stays in the journal."""
    rows.insert_new(survey_answers, {**data, "site": data["site"].replace("\0", "")})


SURVEY = {"survey": enter_survey, "survey-closed": close_survey, "survey-answer": enter_survey_answer}
