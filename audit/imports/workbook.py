"""Reading workbooks (XLSX, XLS, ODS): the sheets that hold exams, headers on any row, merged or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from pertimage.audit.imports.columns import Vocabulary
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.source import Source
from pertimage.audit.imports.table import LONGEST_CELL, SAMPLE, Line, Table, find_header

_UNREAD = (CalamineError, OSError, ValueError, OverflowError)


def read_workbook(source: Source, vocabulary: Vocabulary, sheet: str = "") -> list[Table]:
    """Return the tables of a workbook: the sheet named, or every sheet that has the header of the one that says the most.

    Raises FileRefused when no sheet has a header.
    """
    try:
        workbook = CalamineWorkbook.from_path(str(source.path))
    except _UNREAD:
        raise FileRefused(f"{source.name} : classeur illisible (abîmé, ou protégé par un mot de passe)") from None
    names = workbook.sheet_names
    if sheet and sheet not in names:
        raise FileRefused(f"{source.name} : pas de feuille « {sheet[:60]} » ; feuilles présentes : {', '.join(names[:20])}")
    tables, refusals = [], []
    for name in [sheet] if sheet else names:
        try:
            tables.append(_table(source, workbook, name, vocabulary))
        except FileRefused as refusal:
            refusals.append(refusal)
    if not tables:
        raise refusals[0] if refusals else FileRefused(f"{source.name} : classeur sans feuille")
    best = max(tables, key=lambda table: (len(table.columns), len(table.sample)))
    return [table for table in tables if table.columns == best.columns]


def _table(source: Source, workbook: CalamineWorkbook, name: str, vocabulary: Vocabulary) -> Table:
    place = f"{source.name}, feuille « {name} »"
    first = list(islice(_lines(workbook, name, place), SAMPLE))
    if not first:
        raise FileRefused(f"{place} : feuille vide")
    index, columns = find_header(first, place, vocabulary, merged=True)
    start = first[index].number
    if len(first) == index + 1:
        raise FileRefused(f"{place} : un en-tête (ligne {start}) et aucune ligne de données")
    done = _Done(source.size)

    def lines() -> Iterator[Line]:
        for line in _lines(workbook, name, place, done):
            if line.number > start:
                yield line

    sample = tuple(line.cells for line in first[index + 1 :])
    return Table(place, f"classeur, feuille « {name} »", columns, start, sample, lines, source.size, lambda: done.bytes)


class _Done:
    """How far a sheet was read, as if its rows took equal shares of the file."""

    def __init__(self, size: int) -> None:
        self.size, self.bytes = size, 0


def _lines(workbook: CalamineWorkbook, name: str, place: str, done: _Done | None = None) -> Iterator[Line]:
    try:
        sheet: CalamineSheet = workbook.get_sheet_by_name(name)
        height = max(1, sheet.height)
        for number, row in enumerate(sheet.iter_rows(), start=1):
            cells = [_text(cell) for cell in row]
            if done and number % 500 == 0:
                done.bytes = done.size * min(number, height) // height
            if any(cells):
                long = any(len(cell) > LONGEST_CELL for cell in cells)
                yield Line(number, cells, f"cellule de plus de {LONGEST_CELL} caractères" if long else "")
        if done:
            done.bytes = done.size
    except _UNREAD:
        raise FileRefused(f"{place} : feuille illisible") from None


def _text(cell: Any) -> str:
    """Return a cell as text that the readers of dates and codes know."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "oui" if cell else "non"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep="T", timespec="seconds")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds() / 86_400)
    return str(cell)
