"""Exports to import: as text, as workbooks, and a reader of their first table."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import xlsxwriter

from pertimage.audit.imports.columns import vocabulary
from pertimage.audit.imports.delimited import read_delimited
from pertimage.audit.imports.mapping import guess_mapping
from pertimage.audit.imports.rejects import Rejects
from pertimage.audit.imports.run import Importer
from pertimage.audit.imports.source import source
from pertimage.audit.imports.table import Table
from pertimage.audit.imports.workbook import read_workbook
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.register import Register
from pertimage.guidelines.loader import load_base

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HEADER = ("N° examen", "IPP", "Nom", "Modalité", "Libellé examen", "Date demande", "Date examen", "Date validation CR")
ROWS = (
    ("E1", "77001", "DURAND", "Scanner", "TDM TAP avec injection", "02/01/2026 10:00", "12/01/2026 08:45", "12/01/2026 11:00"),
    ("E2", "77002", "MARTIN", "IRM", "IRM lombaire", "05/01/2026 09:00", "20/01/2026 08:45", "21/01/2026 11:00"),
    ("E3", "77003", "PETIT", "RX", "Radio thorax face", "05/01/2026 09:00", "20/01/2026 08:45", ""),
)


def text_of(rows: Sequence[Sequence[str]] = (HEADER, *ROWS), delimiter: str = ";") -> str:
    """Return rows as delimited text."""
    return "".join(delimiter.join(row) + "\r\n" for row in rows)


def workbook_of(sheets: dict[str, Sequence[Sequence[object]]], merged: dict[str, str] | None = None) -> bytes:
    """Return an XLSX file; datetimes are written as such; ``merged`` gives ranges of the first sheet and their text."""
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True, "default_date_format": "dd/mm/yyyy hh:mm"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
        for area, words in (merged or {}).items():
            book.worksheets()[0].merge_range(area, words)
    return held.getvalue()


def ods_of(rows: Sequence[Sequence[str]]) -> bytes:
    """Return an ODS file of one sheet of strings."""
    cells = "".join(
        "<table:table-row>" + "".join(f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row) + "</table:table-row>"
        for row in rows
    )  # fmt: skip
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text"))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/"/></manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="Feuille1">{cells}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return held.getvalue()


def table_of(folder: Path, content: bytes | str, name: str = "export.csv", sheet: str = "") -> Table:
    """Return the first table of a file written with that content."""
    return tables_of(folder, content, name, sheet)[0]


def tables_of(folder: Path, content: bytes | str, name: str = "export.csv", sheet: str = "") -> list[Table]:
    """Return the tables of a file written with that content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = source(path)
    return read_workbook(found, vocabulary(), sheet) if found.kind == "classeur" else [read_delimited(found, vocabulary())]


def importer(register: Register, **more: object) -> Importer:
    """Return an importer of the real catalogue."""
    return Importer(register, load_base().catalogue, Pseudonyms("k" * 16), "Équipe", NOW, **more)  # type: ignore[arg-type]


def import_into(register: Register, table: Table, rejects: Path | None = None, site: str = "chu", **more: object):
    """Import a table by its guessed mapping."""
    mapping, _ = guess_mapping(table, vocabulary(), site)
    with Rejects(rejects) as kept:
        return importer(register, **more).run([(table, mapping.checked())], kept)
