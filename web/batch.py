"""Read requests from files of any size, one at a time: NDJSON of FHIR or CDS Hooks, a JSON document, CDA, HL7 v2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import orjson

from pertimage.cds.model import ImagingRequest
from pertimage.fhir import cda, hl7v2, requests
from pertimage.fhir.values import BadRequest

MAX_DOCUMENT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read:
    """Requests read from one place of a file, or why none could be; ``size`` is the number of bytes consumed."""

    file: str
    line: int
    size: int
    requests: tuple[ImagingRequest, ...] = ()
    error: str = ""


Reader = Callable[[bytes, date | None], tuple[ImagingRequest, ...]]


def read_file(stream: BinaryIO, name: str, today: date | None) -> Iterator[Read]:
    """Yield what a file holds, line by line for NDJSON; a bad line or document is an error of its own, never an exception."""
    first = stream.readline(MAX_DOCUMENT)
    start = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"MSH"):
        yield from _messages(first, stream, name, today)
    elif start.startswith(b"<") or (Path(name).suffix == ".json" and not _whole_object(start)):
        document = first + stream.read(MAX_DOCUMENT)
        yield _read(document, name, 1, today, cda.read_document if start.startswith(b"<") else _fhir)
    else:
        yield from _lines(first, stream, name, today)


def _whole_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _lines(first: bytes, stream: BinaryIO, name: str, today: date | None) -> Iterator[Read]:
    number, line = 1, first
    while line:
        if line.strip():
            yield _read(line, name, number, today, _fhir)
        number, line = number + 1, stream.readline(MAX_DOCUMENT)


def _messages(first: bytes, stream: BinaryIO, name: str, today: date | None) -> Iterator[Read]:
    """Yield the HL7 v2 messages of a file: each begins at a segment MSH."""
    content = (first + stream.read(MAX_DOCUMENT)).replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    line = 1
    for message in (b"MSH" + part for part in content.split(b"MSH") if part.strip()):
        yield _read(message, name, line, today, hl7v2.read_message)
        line += message.count(b"\r")


def _fhir(content: bytes, today: date | None) -> tuple[ImagingRequest, ...]:
    return tuple(order.request for order in requests.read(orjson.loads(content), today))


def _read(content: bytes, name: str, line: int, today: date | None, reader: Reader) -> Read:
    try:
        return Read(name, line, len(content), reader(content, today))
    except orjson.JSONDecodeError as error:
        return Read(name, line, len(content), error=f"JSON illisible (colonne {error.colno}) : {error.msg}")
    except (BadRequest, RecursionError) as error:
        return Read(name, line, len(content), error=str(error) or "document trop profond")
