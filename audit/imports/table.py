"""A table to import, wherever it comes from: its columns, a sample, and its lines one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pertimage.audit.imports.columns import Vocabulary, guessed
from pertimage.audit.imports.refusal import FileRefused

MOST_COLUMNS = 200
LONGEST_CELL = 32_768  # characters: what a spreadsheet cell holds
SAMPLE = 300
_PREAMBLE = 40
_HEADER_WORDS = 2


class Line(NamedTuple):
    """A line of a table: its number in the file (from 1), its cells, and why it cannot be read (empty: it can)."""

    number: int
    cells: Sequence[str]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A file, or a sheet of one, whose header was found. ``lines`` reads it again from its first line of data.

    ``written`` says in French how it is written (encoding, delimiter…); ``read`` gives the bytes read so far of ``size``.
    """

    name: str
    written: str
    columns: tuple[str, ...]
    header: int
    sample: tuple[Sequence[str], ...]
    lines: Callable[[], Iterator[Line]]
    size: int = 0
    read: Callable[[], int] = lambda: 0


def find_header(rows: Sequence[Line], place: str, vocabulary: Vocabulary, *, merged: bool = False) -> tuple[int, tuple[str, ...]]:
    """Return where the header is among the first rows (its index) and the names of the columns; raises FileRefused.

    The row that names the most known columns is the header. With ``merged`` a header may take two rows, the first of them
    written once above several columns.
    """
    best: tuple[int, int, tuple[str, ...]] | None = None
    for index, row in enumerate(rows[:_PREAMBLE]):
        for names in _candidates(rows, index) if merged else (tuple(row.cells),):
            known = len(guessed(names, (), vocabulary))
            if known >= _HEADER_WORDS and (best is None or known > best[0]):
                best = known, index, names
    if best is None:
        raise FileRefused(
            f"{place} : aucune ligne d'en-tête reconnue dans les {min(len(rows), _PREAMBLE)} premières lignes. "
            "Il faut au moins une date et un examen (modalité, code ou libellé), nommés dans une ligne d'en-tête (voir docs/import-activite.md)."
        )
    _, index, names = best
    while names and not names[-1].strip():
        names = names[:-1]
    if len(names) > MOST_COLUMNS:
        raise FileRefused(
            f"{place}, ligne {rows[index].number} : {len(names)} colonnes, {MOST_COLUMNS} au plus. N'exportez que ce qui est décrit dans docs/import-activite.md."
        )
    return index, _distinct(names)


def _candidates(rows: Sequence[Line], index: int) -> Iterator[tuple[str, ...]]:
    own = tuple(rows[index].cells)
    yield own
    if index == 0:
        return
    above = rows[index - 1].cells
    if len([cell for cell in above if cell.strip()]) < _HEADER_WORDS:
        return
    names, group = [], ""
    for place, cell in enumerate(own):
        over = above[place].strip() if place < len(above) else ""
        group = over or group
        names.append(f"{group} {cell}".strip() if cell.strip() else over)
    yield tuple(names)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    found = []
    for place, name in enumerate(names, start=1):
        short = " ".join(name.split())[:80] or f"colonne {place}"
        seen[short] = seen.get(short, 0) + 1
        found.append(short if seen[short] == 1 else f"{short} ({seen[short]})")
    return tuple(found)
