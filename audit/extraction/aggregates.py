"""The counts of an extract, month by month, protected together: what a table hides, no other gives away.

A month has its totals by site; those that are shown break down into classes, and some classes into finer ones. The totals are
protected first, for who knows the others to the unit; a breakdown then takes the totals that are shown as known, and merges the others,
of which only the sum is. Whatever the month, the protection looks at all the sites of the store: an extract of a few sites, or of a
few months, is a part of the whole extract, and comparing the two teaches nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pertimage.audit.disclosure import Cell, breakdown, protect_row, quantile_is_shown
from pertimage.audit.extraction.catalogue import ALL, NOT_BROKEN_DOWN

Row = tuple[str, tuple[str | int | float | None, ...]]
# Counts by (site, class, finer class).
Counts = Mapping[tuple[str, str, str], int]
_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Split:
    """One breakdown of a month: the table of its classes, those of its finer classes; ``label`` is a first column of its own."""

    table: str
    counts: Counts
    finer: Mapping[str, Counts] = field(default_factory=dict)
    label: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Month:
    """The counts of one month: ``table`` of its totals by site, and its breakdowns; ``hours`` are waits by (site, technique)."""

    month: str
    table: str
    totals: Mapping[str, int]
    splits: Sequence[Split]
    hours: Mapping[tuple[str, str], Counter[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The totals that break down: their counts, those hidden, whether the total of all is shown."""

    rows: tuple[str, ...]
    hidden: frozenset[str]
    total: bool


def month_rows(month: Month, *, restricted: bool = False) -> Iterator[Row]:
    """Yield the lines of a month: the table and its values. A count of zero has no line."""
    sites = sorted(month.totals)
    cells, total = protect_row([month.totals[site] for site in sites], exact=True, restricted=restricted)
    totals = {**dict(zip(sites, cells, strict=True)), ALL: total}
    yield from _lines(month.table, (month.month,), {(site,): cell for site, cell in totals.items()})
    shown = _shown(totals, month.totals)
    for split in month.splits:
        published = _broken(split.counts, shown, restricted)
        front = split.label
        yield from _lines(split.table, (month.month,), {(site, *front, name): cell for (site, name), cell in published.items()})
        for table, counts in split.finer.items():
            yield from _finer(month.month, table, counts, published, restricted)
        if month.hours and split.table == "activite_technique":
            yield from _quantiles(month, published, restricted)


def _finer(month: str, table: str, counts: Counts, published: Mapping[tuple[str, str], Cell | None], restricted: bool) -> Iterator[Row]:
    """Yield how each class breaks down, where it is shown."""
    by_class: dict[str, dict[tuple[str, str, str], int]] = {}
    for (site, name, finer), count in counts.items():
        by_class.setdefault(name, {})[site, finer, ""] = by_class.setdefault(name, {}).get((site, finer, ""), 0) + count
    for name, of_class in sorted(by_class.items()):
        present: Counter[str] = Counter()
        for (site, _, _), count in of_class.items():
            present[site] += count
        cells = {site: published.get((site, name)) for site in (*present, ALL)}
        broken = _broken(of_class, _shown({site: cell or Cell(None) for site, cell in cells.items()}, present), restricted)
        yield from _lines(table, (month,), {(site, name, finer): cell for (site, finer), cell in broken.items()})


def _shown(cells: Mapping[str, Cell], counts: Mapping[str, int]) -> _Shown:
    present = [site for site, count in counts.items() if count]
    rows = tuple(sorted(site for site in present if cells[site].value is not None))
    return _Shown(rows, frozenset(present) - set(rows), cells[ALL].value is not None)


def _broken(counts: Counts, shown: _Shown, restricted: bool) -> dict[tuple[str, str], Cell | None]:
    """Return the published breakdown by (site or ``*``, class); one that is withheld has one entry, ``*``, of None."""
    table: Counter[tuple[str, str]] = Counter()
    for (site, name, _), count in counts.items():
        table[site, name] += count
    names = sorted({name for (_, name), count in table.items() if count})
    found: dict[tuple[str, str], Cell | None] = {(site, ALL): None for site in (*shown.hidden, *([] if shown.total else [ALL]))}
    if not names or not (shown.rows or shown.total):
        return found
    rows = [[table[site, name] for name in names] for site in shown.rows]
    hidden = [sum(table[site, name] for site in shown.hidden) for name in names] if shown.hidden and shown.total else None
    made = breakdown(rows, hidden=hidden, columns=shown.total, restricted=restricted)
    for site, cells in zip(shown.rows, made.rows, strict=True):
        found |= {(site, ALL): None} if cells is None else {(site, name): cell for name, cell in zip(names, cells, strict=True)}
    if made.columns is not None:
        found |= {(ALL, name): cell for name, cell in zip(names, made.columns, strict=True)}
    return found


def _lines(table: str, front: tuple[str, ...], cells: Mapping[tuple[str, ...], Cell | None]) -> Iterator[Row]:
    for key, cell in sorted(cells.items()):
        if cell is None:
            yield table, (*front, *key, None, NOT_BROKEN_DOWN)
        elif cell.value != 0:
            yield table, (*front, *key, cell.value, cell.masked and cell.masked.value)


def _quantiles(month: Month, published: Mapping[tuple[str, str], Cell | None], restricted: bool) -> Iterator[Row]:
    hours: dict[tuple[str, str], Counter[int]] = {}
    for (site, name), counted in month.hours.items():
        for key in ((site, name), (ALL, name)):
            hours.setdefault(key, Counter()).update(counted)
    for (site, name), counted in sorted(hours.items()):
        cell, known = published.get((site, name)), counted.total()
        if cell is None or cell.value is None:
            continue
        values = [_quantile(counted, level) if restricted or quantile_is_shown(known, level) else None for level in (0.5, 0.9)]
        if values != [None, None]:
            yield "activite_quantiles", (month.month, site, name, *values)


def _quantile(counted: Mapping[int, int], level: float) -> float | None:
    """Return the lowest wait, in days to the tenth, that a share of the values does not pass."""
    reached, wanted = 0, level * sum(counted.values())
    for value, count in sorted(counted.items()):
        reached += count
        if reached >= wanted:
            return round(value / _HOURS, 1)
    return None
