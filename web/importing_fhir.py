"""FHIR exports as a table: one line per exam, its resources joined."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice

import orjson

from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.source import Source
from pertimage.audit.imports.table import SAMPLE, Line, Table
from pertimage.fhir.timelines import FIELDS, Timelines, parts

_LONGEST = 64 << 20  # bytes of a JSON document, which is held in memory: a line of NDJSON, or a whole Bundle
_MOST_FAULTS = 10_000
_OPENING = 20  # bytes: « {} » or « {"a":1} » alone tells of no exam


def fhir_table(source: Source) -> Table:
    """Return the exams of an NDJSON file or of a Bundle; raises FileRefused when it tells of none."""
    joined, faults = Timelines(), list[Line]()
    with source.opened() as stream:
        for number, text in _documents(io.BufferedReader(stream, 1 << 18), source.name):
            try:
                document = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                faults.append(Line(number, [text[:2000].decode("utf-8", "replace")], f"JSON illisible (colonne {error.colno})"))
                if len(faults) > _MOST_FAULTS:
                    raise FileRefused(
                        f"{source.name} : plus de {_MOST_FAULTS} lignes JSON illisibles, dont la ligne {faults[0].number}"
                    ) from None
                continue
            for part in parts(document, number):
                joined.add(part)
    joined.join()

    def lines() -> Iterator[Line]:
        yield from faults
        for number, exam in joined.exams():
            yield Line(number, [exam.get(name, "") for name in FIELDS])

    sample = tuple(line.cells for line in islice(lines(), len(faults) + SAMPLE) if not line.fault)
    if not sample:
        where = f" (ligne {faults[0].number} : {faults[0].fault})" if faults else ""
        raise FileRefused(f"{source.name} : aucune ressource ServiceRequest, Appointment, ImagingStudy ou DiagnosticReport{where}")
    return Table(source.name, "ressources FHIR jointes par examen", FIELDS, 1, sample, lines, source.size, lambda: source.size)


def _documents(stream: io.BufferedReader, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the documents of a file with the line where they start: one a line, or one for the whole file."""
    first = stream.readline(_LONGEST).removeprefix(b"\xef\xbb\xbf")
    if not _is_whole(first):
        rest = stream.read(_LONGEST)
        if len(first) + len(rest) >= _LONGEST:
            raise FileRefused(f"{name} : document JSON de plus de {_LONGEST >> 20} Mio, donnez une ressource par ligne (NDJSON)")
        yield 1, first + rest
        return
    number, line = 1, first
    while line:
        if len(line) >= _LONGEST:
            raise FileRefused(f"{name}, ligne {number} : plus de {_LONGEST >> 20} Mio")
        if line.strip():
            yield number, line
        number, line = number + 1, stream.readline(_LONGEST)


def _is_whole(line: bytes) -> bool:
    """Say whether a first line is a document by itself, even a damaged one, and not the start of one laid out over many lines."""
    text = line.strip()
    return len(text) > _OPENING and text.startswith(b"{") and text.endswith(b"}")
