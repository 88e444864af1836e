"""Requests in the formats of everybody: those of ``batch`` (FHIR, CDS Hooks, CDA, HL7 v2), a CSV table, or one request a line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from io import BufferedReader
from typing import BinaryIO

from pertimage.cds.model import ImagingRequest, Sex, TextPart
from pertimage.guidelines.words import fold
from pertimage.web.batch import Read, read_file

MAX_LINE = 256 * 1024
# Heading, folded → what the column holds.
COLUMNS = {
    "texte": "text", "motif": "text", "demande": "text", "indication": "text", "examen": "exam", "age": "age", "sexe": "sex", "date": "date", "id": "id",
    "avis": "outcome", "attendu": "outcome", "circuit": "pathway", "regle": "rule", "xfail": "xfail",
}  # fmt: skip
_SEXES = {"f": Sex.FEMALE, "femme": Sex.FEMALE, "feminin": Sex.FEMALE, "female": Sex.FEMALE, "2": Sex.FEMALE}
_SEXES |= {"h": Sex.MALE, "m": Sex.MALE, "homme": Sex.MALE, "masculin": Sex.MALE, "male": Sex.MALE, "1": Sex.MALE}
_AGE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(mois|m|semaines?|sem|jours?|j)?")
_YEARS = {"m": 12.0, "s": 365.25 / 7, "j": 365.25}

Row = Mapping[str, str]


def read_requests(stream: BufferedReader, name: str, today: date) -> Iterator[Read]:
    """Yield the requests of a file, one at a time; what cannot be read is an error of its own, never an exception."""
    start = stream.peek(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"{", b"[", b"<") or start.startswith(b"MSH") or not start:
        yield from read_file(stream, name, today)
    elif delimiter := table_delimiter(start):
        for number, size, row, error in table_rows(stream, delimiter):
            yield _row(row, name, number, size, today) if row is not None else Read(name, number, size, error=error)
    else:
        yield from _one_a_line(stream, name, today)


def table_delimiter(start: bytes) -> str:
    """Return the mark between the columns of a table whose heading begins these bytes; empty when they begin no table of requests."""
    heading = _decoded(start.splitlines()[0]) if start else ""
    for delimiter in (";", "\t", ","):
        found = {COLUMNS.get(cell) for cell in _names(heading.split(delimiter))}
        if "text" in found and (len(found) > 1 or "exam" in found):
            return delimiter
    return "," if _names([heading]) == ["texte"] else ""


def table_rows(stream: BinaryIO, delimiter: str) -> Iterator[tuple[int, int, Row | None, str]]:
    """Yield the line number, the bytes consumed, and the cells of each row by what they hold; or None and the error."""
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter)
    names = [COLUMNS.get(cell, "") for cell in _names(next(reader))]
    while True:
        number = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, lines.taken(), None, f"ligne de tableau illisible : {error}"
            continue
        if any(cells):
            yield number, lines.taken(), dict(zip(names, (cell.strip() for cell in cells), strict=False)), ""


def request_of_row(row: Row, identifier: str, today: date) -> ImagingRequest:
    """Return the request that a row holds; raises ValueError, in French, on a row without request."""
    if not row.get("text") and not row.get("exam"):
        raise ValueError("ni texte ni examen")
    written = row.get("date")
    try:
        day = date.fromisoformat(written[:10]) if written else today
    except ValueError:
        raise ValueError(f"date illisible « {written} » : écrire AAAA-MM-JJ") from None
    return ImagingRequest(
        id=row.get("id") or identifier, exam_text=row.get("exam", ""), texts=(TextPart("reasonCode", row.get("text", "")),),
        age=age_in_years(row.get("age", "")), sex=_SEXES.get(fold(row.get("sex", ""))), authored=day,
    )  # fmt: skip


def age_in_years(written: str) -> float | None:
    """Return an age written « 38 », « 38 ans » or « 8 mois »; None when it is not one."""
    match = _AGE.match(fold(written).strip())
    if match is None:
        return None
    number, unit = float(match.group(1).replace(",", ".")), (match.group(2) or "")[:1]
    return number / _YEARS.get(unit, 1.0)


def _row(row: Row, name: str, number: int, size: int, today: date) -> Read:
    try:
        return Read(name, number, size, (request_of_row(row, f"ligne-{number}", today),))
    except ValueError as error:
        return Read(name, number, size, error=str(error))


def _one_a_line(stream: BinaryIO, name: str, today: date) -> Iterator[Read]:
    """Yield a request for each line of plain text: the exam is read in the words."""
    lines = _Lines(stream)
    for line in lines:
        if words := line.strip():
            request = ImagingRequest(f"ligne-{lines.number}", texts=(TextPart("reasonCode", words),), authored=today)
            yield Read(name, lines.number, lines.taken(), (request,))


class _Lines(Iterator[str]):
    """The lines of a stream decoded one by one (UTF-8, else the Windows code page), cut at ``MAX_LINE``."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = 0
        self.number = 0

    def __next__(self) -> str:
        line = self._stream.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        self._size += len(line)
        return _decoded(line.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else line)

    def taken(self) -> int:
        """Return the bytes read since the last call."""
        size, self._size = self._size, 0
        return size


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _names(cells: list[str]) -> list[str]:
    return [fold(cell.strip().strip('"')) for cell in cells]
