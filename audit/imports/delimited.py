"""Reading delimited text: its encoding, its delimiter and its header are found, its lines come one after the other."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, cast

from pertimage.audit.imports.columns import Vocabulary
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.source import Counted, Source
from pertimage.audit.imports.table import LONGEST_CELL, SAMPLE, Line, Table, find_header

DELIMITERS = {";": "point-virgule", "\t": "tabulation", ",": "virgule", "|": "barre verticale"}
_LONGEST_LINE = 1 << 20  # characters
_LOOK = 60
csv.field_size_limit(LONGEST_CELL)


def _as_western(error: UnicodeError) -> tuple[str, int]:
    """Read as Windows-1252 the bytes that are not UTF-8: exports glued together mix both."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("pertimage-western", _as_western)


def read_delimited(source: Source, vocabulary: Vocabulary) -> Table:
    """Return the table of a text file; raises FileRefused with the place of what cannot be read."""
    encoding = _encoding(source)
    delimiter = _delimiter(source, encoding)
    progress = _Progress()
    first = []
    for line in _lines(source, encoding, delimiter, progress):
        first.append(line)
        if len(first) == SAMPLE:
            break
    index, columns = find_header(first, source.name, vocabulary)
    start = first[index].number
    sample = tuple(line.cells for line in first[index + 1 :] if not line.fault)
    if len(first) == index + 1:
        raise FileRefused(f"{source.name} : un en-tête (ligne {start}) et aucune ligne de données")

    def lines() -> Iterator[Line]:
        found = _lines(source, encoding, delimiter, progress)
        return (line for line in found if line.number > start)

    return Table(
        source.name,
        f"{_ENCODINGS.get(encoding, encoding)}, séparateur : {DELIMITERS[delimiter]}",
        columns,
        start,
        sample,
        lines,
        source.size,
        progress.read,
    )


_ENCODINGS = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


class _Progress:
    """How far the file being read was read."""

    stream: Counted | None = None
    last = 0

    def read(self) -> int:
        if self.stream is not None and not self.stream.closed:
            self.last = self.stream.position
        return self.last


def _encoding(source: Source) -> str:
    head = source.head
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = head[:2000].count(0)
    if zeros > 0.3 * len(head[:2000]):
        return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    if zeros > 4 or sum(byte < 9 or 13 < byte < 32 for byte in head[:2000]) > 0.05 * len(head[:2000]):
        raise FileRefused(f"{source.name} : fichier binaire, pas un texte. CSV, XLSX, XLS, ODS, NDJSON ou Bundle FHIR est attendu.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _delimiter(source: Source, encoding: str) -> str:
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(source.head)
    if len(source.head) == 1 << 16:  # the last line is cut
        text = text.rpartition("\n")[0] or text
    best, score = "", 0.0
    for delimiter in DELIMITERS:
        counts: Counter[int] = Counter()
        with contextlib.suppress(csv.Error):  # a line that cannot be read says nothing; those before it do
            for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), _LOOK):
                counts[len(row)] += bool(row)
        width, rows = max(((width, rows) for width, rows in counts.items() if width > 1), key=lambda one: one[1] * one[0], default=(1, 0))
        found = rows / max(1, counts.total()) * min(width, 12)
        if width > 1 and found > score:
            best, score = delimiter, found
    if not best:
        raise FileRefused(f"{source.name} : aucun séparateur reconnu (point-virgule, virgule, tabulation ou barre verticale)")
    return best


def _lines(source: Source, encoding: str, delimiter: str, progress: _Progress) -> Iterator[Line]:
    with source.opened() as stream:
        progress.stream = stream
        errors = "pertimage-western" if encoding == "utf-8-sig" else "replace"
        buffered = cast("BinaryIO", io.BufferedReader(stream, 1 << 18))
        text = io.TextIOWrapper(buffered, encoding=encoding, errors=errors, newline="")
        yield from _records(_bounded(text, source.name), delimiter)
        progress.last = source.size


def _bounded(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise FileRefused(f"{name}, ligne {number} : plus d'un million de caractères sans fin de ligne, ce n'est pas un tableau")
        yield line


def _records(lines: Iterator[str], delimiter: str) -> Iterator[Line]:
    """Yield what the lines hold; a record that cannot be read is a line with its fault, and reading goes on after it."""
    reader = csv.reader(lines, delimiter=delimiter)
    before = 0
    while True:
        try:
            for cells in reader:
                start, before = before + 1, reader.line_num
                if cells and any(cells):
                    yield Line(start, cells)
            return
        except csv.Error as error:
            start, before = before + 1, reader.line_num
            long = "limit" in str(error)
            reason = (
                f"cellule de plus de {LONGEST_CELL} caractères, ou guillemet jamais refermé"
                if long
                else "ligne illisible (guillemets ou caractère nul)"
            )
            yield Line(start, (), reason)
