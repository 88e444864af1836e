"""The file of rejected lines: number, reason, and the line as it was. It holds data of the export and stays with its owner."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from pertimage.audit.imports.table import Line

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
WARNING = "Ce fichier contient les lignes de l'export : données de santé, à garder avec lui puis à détruire."


class Rejects:
    """Writes the lines rejected, as a CSV file that only its owner reads; without a path, counts alone. A context manager."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self.count = 0

    def __enter__(self) -> Self:
        if self._path:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file, delimiter=";", lineterminator="\r\n")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def start(self, columns: Sequence[str]) -> None:
        """Write the header, once per table."""
        if self._file:
            self._writer.writerow(["ligne", "motif du rejet", *map(_safe, columns)])

    def add(self, line: Line, reason: str) -> None:
        """Write a line with the reason of its rejection."""
        self.count += 1
        if self._file:
            self._writer.writerow([line.number, reason, *map(_safe, line.cells)])


def _safe(cell: str) -> str:
    """Return a cell that a spreadsheet shows and does not run."""
    cell = cell.replace("\0", "")
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
