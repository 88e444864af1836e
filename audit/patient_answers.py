"""What patients answered, counted per site and month, or per quarter, with no count small enough to recognise somebody.

A count under ``FLOOR`` (per quarter: up to ``disclosure.SMALL``) is None (« moins de 5 »), zero included. When the choices of a question exclude each other, one hidden count
could be had by subtraction from the total: the next smallest is then hidden too, and so on while those hidden are few together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, select

from pertimage.audit.disclosure import SMALL
from pertimage.audit.patient_links import Delay, Explained, Reason
from pertimage.audit.tables import patient_answers

FLOOR = 5
HIDDEN = "moins de 5"
UNANSWERED = "sans-reponse"
YES, NO = "oui", "non"

Counts = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class MonthOfAnswers:
    """The answers of a site in a month (``YYYY-MM``); a count is None when it is under ``FLOOR``.

    Each question counts its choices and ``sans-reponse``; ``reasons`` counts the reasons of those who gave up, several a patient.
    When ``answers`` is None every other count is too.
    """

    site: str
    month: str
    answers: int | None
    understanding: Counts = field(default_factory=dict)
    delay: Counts = field(default_factory=dict)
    explained: Counts = field(default_factory=dict)
    renounced: Counts = field(default_factory=dict)
    reasons: Counts = field(default_factory=dict)


def answers_by_month(engine: Engine) -> list[MonthOfAnswers]:
    """Return the counts, by site then month; ``engine`` is the store's reader."""
    with engine.connect() as connection:
        rows = connection.execute(select(patient_answers).order_by(patient_answers.c.site, patient_answers.c.month)).all()
    groups: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.site, row.month), []).append(row)
    return [_month(site, month, group) for (site, month), group in groups.items()]


def answers_by_quarter(engine: Engine) -> list[MonthOfAnswers]:
    """Return the counts of all sites together per quarter (``2026-T3``, in ``month``; ``site`` is empty), in order of time.

    Not to be published beside the counts by month: what those hide could be had by subtraction.
    """
    with engine.connect() as connection:
        rows = connection.execute(select(patient_answers).order_by(patient_answers.c.month)).all()
    groups: dict[str, list[Row[Any]]] = {}
    for row in rows:
        year, month = row.month.split("-")
        groups.setdefault(f"{year}-T{(int(month) + 2) // 3}", []).append(row)
    return [_month("", quarter, group, SMALL + 1) for quarter, group in groups.items()]


def shown(count: int | None) -> str:
    """Return a count as published."""
    return HIDDEN if count is None else str(count)


def _month(site: str, month: str, rows: list[Row[Any]], floor: int = FLOOR) -> MonthOfAnswers:
    if len(rows) < floor:
        return MonthOfAnswers(site, month, None)
    renounced = [None if row.renounced is None else YES if row.renounced else NO for row in rows]
    reasons = Counter(reason for row in rows for reason in row.reasons.split(",") if reason)
    return MonthOfAnswers(
        site, month, len(rows),
        understanding=_exclusive([None if row.understanding is None else str(row.understanding) for row in rows], "12345", floor),
        delay=_exclusive([row.delay for row in rows], Delay, floor), explained=_exclusive([row.explained for row in rows], Explained, floor),
        renounced=_exclusive(renounced, (YES, NO), floor), reasons={str(reason): _floored(reasons[reason], floor) for reason in Reason},
    )  # fmt: skip


def _exclusive(said: Iterable[str | None], choices: Iterable[str], floor: int) -> dict[str, int | None]:
    """Count choices that exclude each other and whose total is known."""
    counted = Counter(UNANSWERED if one is None else one for one in said)
    counts = {str(choice): _floored(counted[choice], floor) for choice in (*choices, UNANSWERED)}
    kept = sorted((choice for choice, count in counts.items() if count is not None), key=lambda choice: -counted[choice])
    while kept and (len(counts) - len(kept) == 1 or 0 < sum(counted.values()) - sum(counted[choice] for choice in kept) < floor):
        counts[kept.pop()] = None
    return counts


def _floored(count: int, floor: int) -> int | None:
    return count if count >= floor else None
