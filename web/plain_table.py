"""Tables of plain text, for a terminal or a file."""

from __future__ import annotations

from collections.abc import Sequence


def plain_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: frozenset[int] = frozenset()) -> list[str]:
    """Return the lines of a table; the columns whose rank is in ``numbers`` are set to the right."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[rank]) for row in cells) for rank in range(len(headings))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if rank in numbers else cell.ljust(width) for rank, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()

    return [line(cells[0]), "  ".join("─" * width for width in widths), *map(line, cells[1:])]


def number(count: int) -> str:
    """Return a number with its thousands apart."""
    return f"{count:,}".replace(",", "\u202f")


def percent(part: int, whole: int) -> str:
    """Return a share as a percentage with its decimal; « – » of nothing."""
    return f"{part / whole * 100:.1f}\u00a0%".replace(".", ",") if whole else "–"


def counted(count: int, one: str, many: str) -> str:
    """Return a number with its noun: « 0 urgence manquée », « 2 urgences manquées »."""
    return f"{number(count)} {one if count < 2 else many}"
