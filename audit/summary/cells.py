"""The cells of the summary: one week, site and technique, whose counts and waits can be added to, taken from and merged exactly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, Table, bindparam, delete, select

from pertimage.audit.rows import Rows
from pertimage.audit.summary.changes import CellKey, Change
from pertimage.audit.summary_tables import activity_cells, activity_regions, activity_weeks

Numbers = np.ndarray[Any, np.dtype[Any]]
# Region, whether the technique irradiates, outcome.
Kind = tuple[str | None, bool | None, str | None]

_EMPTY: Numbers = np.empty(0, np.int64)
_SHORT = 1 << 16
_MEDIAN, _P90 = 0.5, 0.9


class Disagreement(Exception):  # noqa: N818 - a fact, not a fault of the caller
    """A change takes away what the summary does not hold: it must be computed again from the exams."""


@dataclass(slots=True)
class Cell:
    """The exams of a cell: how many of each kind, on each day (``YYYY-MM-DD``), and their waits in hours, in order."""

    counts: Counter[Kind] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)
    hours: Numbers = field(default_factory=lambda: _EMPTY)

    def change(self, change: Change) -> None:
        """Add and take away exams; raises Disagreement."""
        _add(self.counts, ((tuple(kind), count) for *kind, count in change["counts"]))
        _add(self.days, ((day, count) for day, count in change["days"]))
        self.hours = _changed(self.hours, change["hours"])


@dataclass(frozen=True, slots=True)
class _Tally:
    exams: int
    irradiating: int
    known: int
    outcomes: Mapping[str, int]
    first: str
    last: str
    hours: Numbers


def load(connection: Connection, weeks: Iterable[tuple[bool, str]]) -> dict[CellKey, Cell]:
    """Return all cells of some weeks (fictitious or not, Monday)."""
    c, found = activity_cells.c, {}
    query = select(activity_cells).where(c.fictitious == bindparam("of"), c.week == bindparam("monday"))
    for fictitious, monday in weeks:
        for row in connection.execute(query, {"of": fictitious, "monday": monday}):
            counts = Counter({(region, rays, outcome): count for region, rays, outcome, count in orjson.loads(row.counts)})
            found[row.fictitious, row.week, row.site, row.modality] = Cell(counts, Counter(orjson.loads(row.days)), unpacked(row.hours))
    return found


def write(connection: Connection, cells: Mapping[CellKey, Cell], touched: Mapping[CellKey, Collection[str | None]]) -> None:
    """Write the cells touched, and what is shown of them and of all that they are part of.

    ``cells`` are all those of their weeks; ``touched`` gives the regions of the body whose counts changed.
    """
    levels = {level for key in touched for level in _levels(key)}
    tallies = {key: _tally(cell) for key, cell in cells.items() if cell.days}
    members: dict[CellKey, list[_Tally]] = {}
    for key, tally in tallies.items():
        for level in _levels(key):
            if level in levels:
                members.setdefault(level, []).append(tally)
    stored = ((*key, *_packed(cells[key])) for key in touched if key in tallies)
    _replace(connection, activity_cells, stored, (key for key in touched if key not in tallies))
    shown = ((*level, *_shown(of_level)) for level, of_level in members.items())
    _replace(connection, activity_weeks, shown, (level for level in levels if level not in members))
    _write_regions(connection, cells, touched)


def quantile_of(ordered: Numbers, probability: float) -> float | None:
    """Return a quantile of values whose places around it are in order; linear between neighbours (Hyndman & Fan's type 7)."""
    if not len(ordered):
        return None
    place = (len(ordered) - 1) * probability
    low, high = int(ordered[math.floor(place)]), int(ordered[math.ceil(place)])
    return low + (high - low) * (place - math.floor(place))


def packed(hours: Numbers) -> bytes:
    """Return waits as they are stored."""
    width = 2 if not len(hours) or hours[-1] < _SHORT else 4
    return bytes((width,)) + hours.astype(f"<u{width}").tobytes()


def unpacked(stored: bytes) -> Numbers:
    """Return stored waits."""
    return np.frombuffer(stored, f"<u{stored[0]}", offset=1).astype(np.int64)


def _add(counts: Counter[Any], changes: Iterable[tuple[Any, int]]) -> None:
    for key, count in changes:
        total = counts[key] + count
        if total < 0:
            raise Disagreement
        if total:
            counts[key] = total
        else:
            del counts[key]


def _changed(hours: Numbers, changes: Sequence[Sequence[int]]) -> Numbers:
    added = np.array([value for value, count in changes for _ in range(count)], np.int64)
    found = np.sort(np.concatenate((hours, added))) if len(added) else hours
    for value, count in changes:
        if count < 0:
            start, end = np.searchsorted(found, value, "left"), np.searchsorted(found, value, "right")
            if end - start < -count:
                raise Disagreement
            found = np.delete(found, np.s_[start : start - count])
    return found


def _packed(cell: Cell) -> tuple[str, str, bytes]:
    counts = [[*kind, count] for kind, count in cell.counts.items()]
    return orjson.dumps(counts).decode(), orjson.dumps(cell.days).decode(), packed(cell.hours)


def _levels(key: CellKey) -> Iterator[CellKey]:
    """Yield what a cell is part of: itself, its site, its technique, its week."""
    fictitious, week, site, modality = key
    yield key
    yield fictitious, week, site, ""
    yield fictitious, week, "", modality
    yield fictitious, week, "", ""


def _tally(cell: Cell) -> _Tally:
    exams = irradiating = known = 0
    outcomes: dict[str, int] = {}
    for (_, rays, outcome), count in cell.counts.items():
        exams += count
        if rays is not None:
            known += count
            irradiating += count if rays else 0
        if outcome is not None:
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    return _Tally(exams, irradiating, known, outcomes, min(cell.days), max(cell.days), cell.hours)


def _shown(tallies: Sequence[_Tally]) -> tuple[Any, ...]:
    outcomes: dict[str, int] = {}
    for tally in tallies:
        for outcome, count in tally.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    hours = tallies[0].hours if len(tallies) == 1 else _merged([tally.hours for tally in tallies])
    return (
        sum(tally.exams for tally in tallies), sum(tally.irradiating for tally in tallies), sum(tally.known for tally in tallies),
        len(hours), quantile_of(hours, _MEDIAN), quantile_of(hours, _P90), orjson.dumps(outcomes).decode(),
        min(tally.first for tally in tallies), max(tally.last for tally in tallies),
    )  # fmt: skip


def _merged(parts: Sequence[Numbers]) -> Numbers:
    """Return all waits of several cells, the places around both quantiles in order."""
    whole = np.concatenate(parts)
    if not len(whole):
        return whole
    places = {side((len(whole) - 1) * probability) for probability in (_MEDIAN, _P90) for side in (math.floor, math.ceil)}
    return np.partition(whole, sorted(places))


def _write_regions(connection: Connection, cells: Mapping[CellKey, Cell], touched: Mapping[CellKey, Collection[str | None]]) -> None:
    """Write the counts of the regions touched."""
    rows, gone = [], []
    for key, regions in touched.items():
        found: dict[str | None, list[int]] = {}
        for (region, rays, _), count in cells[key].counts.items():
            if region in regions:
                row = found.setdefault(region, [0, 0, 0])
                row[0] += count
                row[1] += count if rays else 0
                row[2] += count if rays is not None else 0
        for region in regions:
            if region in found:
                rows.append((*key, region, *found[region]))
            elif region is not None:
                gone.append((*key, region))
    _replace(connection, activity_regions, (row for row in rows if row[4] is not None), gone)


def _replace(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]], gone: Iterable[tuple[Any, ...]]) -> None:
    """Write whole rows, and delete those of some keys."""
    names = [column.name for column in table.primary_key]
    if keys := [dict(zip((f"k_{name}" for name in names), key, strict=True)) for key in gone]:
        connection.execute(delete(table).where(*(table.c[name] == bindparam(f"k_{name}") for name in names)), keys)
    Rows(connection).upsert_many(table, tuple(column.name for column in table.columns), list(rows))
