"""Bring the summary up to date: what records of activity changed is merged into it; without a summary, it is computed from the exams.

Whoever reads the summary brings it up to date first, so that it is never behind the registers. Of several processes one does the
work: on PostgreSQL the others wait for its row, on SQLite for its transaction. A process killed in the middle leaves what there was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Text, case, cast, delete, func, select, update

from pertimage.audit.backlog import as_it_is
from pertimage.audit.instants import paris_day
from pertimage.audit.store import Store
from pertimage.audit.summary import cells as store_of_cells
from pertimage.audit.summary.cells import Cell, Disagreement
from pertimage.audit.summary.changes import CellKey, Change, read_changes
from pertimage.audit.summary_tables import FORGET, SUMMARY, activity_changes, activity_summary
from pertimage.audit.tables import activity, projection

# Records merged in one transaction: a hundred thousand exams at most, so that other writers do not wait long.
AT_ONCE = 20
_ROWS = 5_000
_DAY, _HOUR = len("YYYY-MM-DD"), len("YYYY-MM-DDTHH")
# From this hour in UTC on, the day may have changed in France.
_EVENING = "22"

_turn = Lock()
log = logging.getLogger("pertimage")


@dataclass(frozen=True, slots=True)
class _Whole:
    """All cells, as of a record of the journal; what was forgotten since makes them worthless."""

    seq: int
    forgotten: int
    cells: dict[CellKey, Cell]


def refresh(store: Store) -> None:
    """Bring the summary up to date with the registers."""
    if not _behind(store):
        return
    with _turn:
        while _behind(store):
            try:
                if not _advance(store):
                    _fill(store)
            except Disagreement:
                log.error("the summary of activity disagrees with the exams: it is computed again")
                forget(store)


def forget(store: Store) -> None:
    """Have the summary computed again from the exams when it is next read."""
    with store.writer.begin() as connection:
        connection.execute(FORGET)


def _behind(store: Store) -> bool:
    state = select(activity_summary.c.seq, select(func.max(activity_changes.c.seq)).scalar_subquery())
    with store.reader.connect() as connection:
        reached, last = connection.execute(state).one()
    return reached is None or (last is not None and last > reached)


def _reached(connection: Connection) -> int | None:
    """Return the record that the summary shows, and hold the right to change it until the transaction ends."""
    found: int | None = connection.execute(select(activity_summary.c.seq).with_for_update()).scalar_one()
    return found


def _forgotten(connection: Connection) -> int:
    found: int = connection.execute(select(activity_summary.c.forgotten)).scalar_one()
    return found


def _advance(store: Store) -> bool:
    """Merge the next changes; False when there is no summary to merge them into."""
    with store.writer.begin() as connection:
        reached = _reached(connection)
        if reached is None:
            return False
        waiting = select(activity_changes).where(activity_changes.c.seq > reached).order_by(activity_changes.c.seq).limit(AT_ONCE)
        changes: dict[CellKey, list[Change]] = {}
        for row in connection.execute(waiting).all():
            reached = row.seq
            for key, change in read_changes(row.document):
                changes.setdefault(key, []).append(change)
        _merge(connection, changes)
        _note(connection, reached)
    return True


def _merge(connection: Connection, changes: dict[CellKey, list[Change]]) -> None:
    cells = store_of_cells.load(connection, sorted({(fictitious, week) for fictitious, week, _, _ in changes}))
    for key, several in changes.items():
        cell = cells.setdefault(key, Cell())
        for change in several:
            cell.change(change)
    touched = {key: {kind[0] for change in several for kind in change["counts"]} for key, several in changes.items()}
    store_of_cells.write(connection, cells, touched)


def _note(connection: Connection, seq: int) -> None:
    connection.execute(update(activity_summary).values(seq=seq))
    connection.execute(delete(activity_changes).where(activity_changes.c.seq <= seq))


def _fill(store: Store) -> None:
    """Compute the summary from the exams; SQLite's only writer is not held meanwhile: the loser of a race throws its work away."""
    whole = _read(store) if store.writer.dialect.name == "sqlite" else None
    with store.writer.begin() as connection:
        if _reached(connection) is not None:
            return
        whole = whole or _read(store)
        if whole.forgotten != _forgotten(connection):
            return
        for table in SUMMARY:
            if table is not activity_changes:
                connection.execute(delete(table))
        store_of_cells.write(connection, whole.cells, {key: {region for region, _, _ in cell.counts} for key, cell in whole.cells.items()})
        _note(connection, whole.seq)


def _read(store: Store) -> _Whole:
    """Count all exams, in one snapshot of the registers."""
    cells: dict[CellKey, Cell] = {}
    c = activity.c
    with as_it_is(store.reader).connect() as connection:
        seq, forgotten = connection.execute(select(projection.c.seq)).scalar_one(), _forgotten(connection)
        for row in _grouped(connection, [c.region, c.irradiating, c.outcome], func.count()):
            cells.setdefault(_key(row), Cell()).counts[row[4], row[5], row[6]] += row[7]
        length = case((func.substr(c.performed_at, _DAY + 2, 2) >= _EVENING, _HOUR), else_=_DAY)
        for row in _grouped(connection, [func.substr(c.performed_at, 1, length)], func.count()):
            cells[_key(row)].days[paris_day(row[4] if len(row[4]) == _HOUR else f"{row[4]}T12")] += row[5]
        for row in _grouped(connection, [], func.aggregate_strings(cast(c.wait_hours, Text), ",")):
            if row[4]:
                cells[_key(row)].hours = np.sort(np.array(row[4].split(","), np.int64))
    return _Whole(seq, forgotten, cells)


def _grouped(connection: Connection, more: list[ColumnElement[Any]], value: ColumnElement[Any]) -> Iterator[Any]:
    """Yield the cells of the exams performed, each with its groups of ``more`` and the value of the group."""
    c = activity.c
    keys = [c.fictitious, c.performed_week, c.site, c.modality, *more]
    query = select(*keys, value).where(c.performed_week.is_not(None)).group_by(*keys)
    yield from connection.execution_options(yield_per=_ROWS).execute(query)


def _key(row: Sequence[Any]) -> CellKey:
    return row[0], row[1], row[2], row[3]
