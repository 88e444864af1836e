"""Opening a file to import: what it is by its first bytes, unpacked within limits, never trusted for its name."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

from pertimage.audit.imports.refusal import FileRefused

MOST_UNPACKED = 4 << 30  # bytes of a text, once unpacked
MOST_WORKBOOK = 1 << 30  # bytes of the parts of a workbook, once unpacked: it is held in memory
MOST_RATIO = 200
_RATIO_FROM = 64 << 20
_HEAD = 1 << 16
_FOREIGN = {
    b"%PDF": "un PDF",
    b"\x89PNG": "une image",
    b"\xff\xd8\xff": "une image",
    b"Rar!": "une archive RAR",
    b"7z\xbc\xaf": "une archive 7z",
    b"SQLi": "une base SQLite",
}


class Kind(StrEnum):
    """What a file is."""

    TEXT = "texte"
    JSON = "FHIR"
    WORKBOOK = "classeur"


@dataclass(frozen=True, slots=True)
class Source:
    """A file on disk: its kind, whether it is packed (gzip), its size in bytes and its first bytes, unpacked."""

    path: Path
    name: str
    kind: Kind
    packed: bool
    size: int
    head: bytes

    @contextmanager
    def opened(self) -> Iterator[Counted]:
        """Yield the bytes of the file, unpacked; raises FileRefused past the limits or when it is damaged."""
        with self.path.open("rb") as raw:
            yield Counted(raw, packed=self.packed, name=self.name)


class Counted(io.RawIOBase):
    """Bytes read through a limit; ``position`` is how far the file itself was read."""

    def __init__(self, raw: BinaryIO, *, packed: bool, name: str) -> None:
        self._raw, self._name, self._packed = raw, name, packed
        self._stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
        self._total = 0

    @property
    def position(self) -> int:
        """Return how many bytes of the file were read."""
        return self._raw.tell()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read some bytes; raises FileRefused for a damaged or too voluminous file."""
        try:
            got = self._stream.read(len(buffer))
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise FileRefused(f"{self._name} : archive gz abîmée ou incomplète") from None
        self._total += len(got)
        if self._packed and self._total > _RATIO_FROM and self._total > MOST_RATIO * max(1, self._raw.tell()):
            raise FileRefused(f"{self._name} : l'archive gonfle de plus de {MOST_RATIO} fois, elle n'est pas lue plus loin")
        if self._total > MOST_UNPACKED:
            raise FileRefused(f"{self._name} : plus de {MOST_UNPACKED >> 30} Gio de texte, partagez l'export par période")
        buffer[: len(got)] = got
        return len(got)


def source(path: Path, name: str = "") -> Source:
    """Return what a file is; raises FileRefused for what cannot hold a table, OSError when it cannot be opened."""
    name = name or path.name
    size = path.stat().st_size
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        head = _head(Counted(raw, packed=packed, name=name))
    if not head.strip():
        raise FileRefused(f"{name} : fichier vide")
    foreign = next((what for mark, what in _FOREIGN.items() if head.startswith(mark)), None)
    if foreign:
        raise FileRefused(f"{name} : c'est {foreign}, pas un tableau. CSV, XLSX, XLS, ODS, NDJSON ou Bundle FHIR est attendu.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        if packed:
            raise FileRefused(f"{name} : un classeur est déjà compressé, donnez-le sans gz")
        _check_workbook(path, name, head)
        return Source(path, name, Kind.WORKBOOK, packed, size, head)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return Source(path, name, Kind.JSON if start.startswith((b"{", b"[")) else Kind.TEXT, packed, size, head)


def _head(stream: Counted) -> bytes:
    found = bytearray()
    while len(found) < _HEAD and (got := stream.read(_HEAD - len(found))):
        found += got
    return bytes(found)


def _check_workbook(path: Path, name: str, head: bytes) -> None:
    if not head.startswith(b"PK"):
        if path.stat().st_size > MOST_WORKBOOK // 4:
            raise FileRefused(f"{name} : classeur XLS de plus de {MOST_WORKBOOK >> 22} Mio, exportez en CSV")
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise FileRefused(f"{name} : archive abîmée, ce n'est pas un classeur lisible") from None
    names = {part.filename for part in parts}
    if not names & {"[Content_Types].xml", "content.xml", "mimetype"}:
        raise FileRefused(f"{name} : c'est une archive ZIP, pas un classeur. Donnez les fichiers qu'elle contient.")
    whole = sum(part.file_size for part in parts)
    if whole > MOST_WORKBOOK or whole > MOST_RATIO * max(1 << 20, sum(part.compress_size for part in parts)):
        raise FileRefused(f"{name} : classeur de {whole >> 20} Mio une fois ouvert ({MOST_WORKBOOK >> 20} au plus), exportez en CSV")
