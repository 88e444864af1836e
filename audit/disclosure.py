"""Small counts: what may be published of groups so small that a person could be recognised.

Counts from 1 to 7 are suppressed, the others rounded to the nearest 5; zero is said. Where totals are published, more is masked,
and what is left is audited exactly (see ``suppression``). ``docs/divulgation.md`` says what is protected and what is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pertimage.audit.suppression import COMPLEMENT, PLAUSIBLE, SMALL, Grid, Key, rounded

__all__ = [
    "MASKED", "PLAUSIBLE", "SMALL", "SMALL_SHOWN", "Breakdown", "Cell", "Mask", "Table", "breakdown", "protect_row", "protect_table", "publish",
    "quantile_is_shown", "rounded", "share", "share_is_shown", "shown", "shown_row",
]  # fmt: skip

SMALL_SHOWN = "≤\u00a07"
MASKED = "n.c."


class Mask(StrEnum):
    """Why a count is not published."""

    SMALL = "petit-effectif"
    COMPLEMENTARY = "secondaire"


@dataclass(frozen=True, slots=True)
class Cell:
    """A count as published: ``value`` (rounded, or exact in a restricted extract), or None and why."""

    value: int | None
    masked: Mask | None = None

    @property
    def french(self) -> str:
        """Return what a reader sees: the number, « ≤ 7 » or « n.c. » (non communiqué)."""
        if self.masked is None:
            return str(self.value)
        return SMALL_SHOWN if self.masked is Mask.SMALL else MASKED

    def to_json(self) -> dict[str, Any]:
        """Return what a machine reads: ``valeur`` (null when masked) and ``masque`` (null, or the reason)."""
        return {"valeur": self.value, "masque": self.masked and self.masked.value}


@dataclass(frozen=True, slots=True)
class Table:
    """A two-way table as published: ``cells`` by row then column, the total of each row, of each column, and of all."""

    cells: tuple[tuple[Cell, ...], ...]
    rows: tuple[Cell, ...]
    columns: tuple[Cell, ...]
    total: Cell


def publish(count: int, *, restricted: bool = False) -> Cell:
    """Return a count that no published total holds; exact when the extract is ``restricted``. Raises ValueError under zero."""
    if count < 0:
        raise ValueError(f"a count is not negative: {count}")
    if restricted:
        return Cell(count)
    return Cell(None, Mask.SMALL) if 1 <= count <= SMALL else Cell(rounded(count))


def protect_table(counts: Sequence[Sequence[int]], *, restricted: bool = False) -> Table:
    """Return a table (at least one row, of equal lengths) of which rows, columns and totals are all published.

    Whatever is computed from the published, rounded numbers leaves each count from 1 to 7 at least ``PLAUSIBLE`` values.
    """
    grid = Grid(counts)
    if not restricted:
        grid.protect()
    height, width = len(grid.counts), len(grid.counts[0])
    cells = tuple(tuple(_cell(grid, (row, column), restricted) for column in range(width)) for row in range(height))
    rows = tuple(_cell(grid, (row, None), restricted) for row in range(height))
    columns = tuple(_cell(grid, (None, column), restricted) for column in range(width))
    return Table(cells, rows, columns, _cell(grid, (None, None), restricted))


def protect_row(counts: Sequence[int], *, exact: bool = False, restricted: bool = False) -> tuple[tuple[Cell, ...], Cell]:
    """Return counts that exclude each other, and their total, all published.

    With ``exact`` the protection does not lean on the rounding: it holds for who knows each published count to the unit.
    """
    grid = Grid([counts], columns_published=False, exact=exact)
    if counts and not restricted:
        grid.protect()
    cells = tuple(_cell(grid, (0, column), restricted) for column in range(len(counts)))
    return cells, _cell(grid, (0, None), restricted)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How totals that are published elsewhere break down; a row of None is withheld, zeros included."""

    rows: tuple[tuple[Cell, ...] | None, ...]
    columns: tuple[Cell, ...] | None


def breakdown(
    counts: Sequence[Sequence[int]], *, hidden: Sequence[int] | None = None, columns: bool = True, restricted: bool = False
) -> Breakdown:
    """Return how known totals break down into classes, as safe as if everything published were known to the unit.

    ``counts`` has a row for each total published, ``hidden`` is the sum of the rows whose total is masked (None: there are none);
    ``columns`` says whether the total of each class is published too. Breakdowns of the same totals can be published together:
    each leaves its secrets their values without moving a total.
    """
    grid = Grid(
        [*counts, *([hidden] if hidden is not None else [])], columns_published=columns, rows_known=True, exact=True,
        withheld=[len(counts)] if hidden is not None else [],
    )  # fmt: skip
    if not restricted:
        grid.protect()
    width = len(grid.counts[0])
    rows = tuple(
        None if row in grid.withheld else tuple(_cell(grid, (row, column), restricted) for column in range(width))
        for row in range(len(counts))
    )
    return Breakdown(rows, tuple(_cell(grid, (None, column), restricted) for column in range(width)) if columns else None)


def _cell(grid: Grid, key: Key, restricted: bool) -> Cell:
    count = grid.value(key)
    if restricted:
        return Cell(count)
    return Cell(None, Mask.COMPLEMENTARY) if grid.masked(key) == COMPLEMENT else publish(count)


def shown(count: int) -> str:
    """Return a count as published: « ≤ 7 » from 1 to 7, the number rounded to the nearest 5 otherwise."""
    return publish(count).french


def shown_row(counts: Sequence[int]) -> list[str]:
    """Return the counts of a row whose total is published: what would give a small count by subtraction is masked (« n.c. »)."""
    if not any(1 <= count <= SMALL for count in counts):
        return [shown(count) for count in counts]
    return [cell.french for cell in protect_row(counts)[0]]


def share_is_shown(part: int, whole: int) -> bool:
    """Say whether a share may be published: neither the part nor the rest may be a small count."""
    return whole > 0 and not 1 <= part <= SMALL and not 1 <= whole - part <= SMALL


def share(part: int, whole: int) -> float | None:
    """Return a share, from 0 to 1, of the rounded counts; None when it may not be published.

    A share of the exact counts would give them back.
    """
    return min(1.0, rounded(part) / rounded(whole)) if share_is_shown(part, whole) else None


def quantile_is_shown(count: int, level: float = 0.5) -> bool:
    """Say whether a quantile of ``count`` values may be published: more than 7 of them lie on each side (a median: 16, a ninth decile: 80)."""
    return count * min(level, 1 - level) + 1e-9 >= SMALL + 1
