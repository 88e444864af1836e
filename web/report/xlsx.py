"""The tables of a report as a spreadsheet (XLSX): a sheet each, numbers as numbers, and a first sheet that says what they are."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from pertimage.web.document.printable import without_controls
from pertimage.web.pages import french
from pertimage.web.report.model import Report, Table

_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME = 31
_WIDEST = 60


def xlsx(report: Report) -> bytes:
    """Return the spreadsheet of a report; the same report gives the same bytes. A text is never a formula."""
    import xlsxwriter  # a service that makes no report does not load it

    buffer = BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": report.title, "author": "pertimage", "created": report.made_at.replace(tzinfo=None)})
    styles = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "title": book.add_format({"bold": True, "font_size": 14}),
    }
    tables = list(report.tables())
    names = _sheet_names(tables)
    _about(book.add_worksheet("Lisez-moi"), report, tables, names, styles)
    for table, name in zip(tables, names, strict=True):
        _sheet(book.add_worksheet(name), table, report, styles)
    book.close()
    return buffer.getvalue()


def _about(sheet: Any, report: Report, tables: list[Table], names: list[str], styles: dict[str, Any]) -> None:
    sheet.write_string(0, 0, _said(report.title), styles["title"])
    sheet.write_string(1, 0, _said(report.subtitle))
    row = 3
    for mark in report.marks:
        sheet.write_string(row, 0, _said(mark), styles["head"])
        row += 1
    for name, value in (*report.about, ("Fait le", french.instant(report.made_at))):
        sheet.write_string(row, 0, _said(name))
        sheet.write_string(row, 1, _said(value))
        row += 1
    row += 1
    for heading in ("Feuille", "Contenu"):
        sheet.write_string(row, ("Feuille", "Contenu").index(heading), heading, styles["head"])
    for name, table in zip(names, tables, strict=True):
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        sheet.write_string(row, 1, _said(table.caption))
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 90)


def _sheet(sheet: Any, table: Table, report: Report, styles: dict[str, Any]) -> None:
    sheet.write_string(0, 0, _said(" ".join((table.caption, *report.marks))), styles["title"])
    for column, name in enumerate(table.header):
        sheet.write_string(2, column, _said(name), styles["head"])
    for rank, row in enumerate(table.rows, start=3):
        for column, cell in enumerate(row):
            if cell.number is None:
                sheet.write_string(rank, column, _said(cell.text))
            else:
                sheet.write_number(rank, column, cell.number)
    if table.note:
        sheet.write_string(len(table.rows) + 4, 0, _said(table.note))
    for column, name in enumerate(table.header):
        longest = max([len(name) / 1.5, *(len(row[column].text) for row in table.rows)], default=8)
        sheet.set_column(column, column, min(longest + 2, _WIDEST))
    sheet.freeze_panes(3, 1)


def _sheet_names(tables: list[Table]) -> list[str]:
    """Return a name per sheet, each once."""
    names: list[str] = []
    for table in tables:
        name = _FORBIDDEN.sub(" ", table.name)[:_LONGEST_NAME].strip() or "Tableau"
        rank = 2
        while name.lower() in {known.lower() for known in (*names, "Lisez-moi")}:
            suffix = f" {rank}"
            name, rank = f"{_FORBIDDEN.sub(' ', table.name)[: _LONGEST_NAME - len(suffix)].strip()}{suffix}", rank + 1
        names.append(name)
    return names


def _said(text: str) -> str:
    return without_controls(french.typography(text))
