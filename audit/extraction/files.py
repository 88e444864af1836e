"""Write an extract in the form asked for: the SQLite file, CSV (a folder or a zip), Parquet (the same)."""

from __future__ import annotations

import csv
import hashlib
import importlib
import io
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from pertimage.audit.extraction.catalogue import TableSpec, Type

SUMS = "SHA256SUMS"
_FETCHED = 5000
# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # zip files have no earlier date, and the same content gives the same bytes


class Form(StrEnum):
    """The forms of an extract."""

    SQLITE = "sqlite"
    CSV = "csv"
    PARQUET = "parquet"


class NoParquetError(ValueError):
    """The library that writes Parquet is not installed."""


def cell(value: str | int | float | None) -> str:
    """Return a value as a CSV file for French spreadsheets holds it: decimal comma, nothing for None, and never a formula."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value}".replace(".", ",")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return str(value)


def write(built: Path, target: Path, form: Form, tables: tuple[TableSpec, ...]) -> str:
    """Write the extract built in ``built`` to ``target``, which does not exist; return its digest (SHA-256, hexadecimal).

    The digest is that of the file, or of the list of digests (``SHA256SUMS``) of a folder. Raises ``NoParquetError``.
    """
    if form is Form.SQLITE:
        shutil.copyfile(built, target)
        return digest_of(target)
    writer = _parquet_writer() if form is Form.PARQUET else _write_csv
    with closing(sqlite3.connect(f"file:{built}?mode=ro", uri=True)) as source:
        if target.suffix == ".zip":
            _write_zip(source, target, form, tables, writer)
            return digest_of(target)
        return _write_folder(source, target, form, tables, writer)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


Writer = Callable[[sqlite3.Connection, TableSpec, IO[bytes]], None]


def _write_folder(source: sqlite3.Connection, target: Path, form: Form, tables: tuple[TableSpec, ...], writer: Writer) -> str:
    target.mkdir()
    lines = []
    for table in tables:
        path = target / f"{table.name}.{form}"
        with path.open("wb") as out:
            writer(source, table, out)
        lines.append(f"{digest_of(path)}  {path.name}\n")
    (target / SUMS).write_text("".join(lines), encoding="utf-8")
    return digest_of(target / SUMS)


def _write_zip(source: sqlite3.Connection, target: Path, form: Form, tables: tuple[TableSpec, ...], writer: Writer) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in tables:
            member = zipfile.ZipInfo(f"{table.name}.{form}", _FIRST_DAY)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            with archive.open(member, "w", force_zip64=True) as out:
                writer(source, table, out)


def _write_csv(source: sqlite3.Connection, table: TableSpec, out: IO[bytes]) -> None:
    out.write("\ufeff".encode())
    for rows in (iter([table.names]), _rows(source, table)):
        while batch := [row for _, row in zip(range(_FETCHED), rows, strict=False)]:
            text = io.StringIO()
            csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([cell(value) for value in row] for row in batch)
            out.write(text.getvalue().encode())


def _rows(source: sqlite3.Connection, table: TableSpec) -> Iterator[tuple[Any, ...]]:
    yield from source.execute(f"SELECT * FROM [{table.name}] ORDER BY rowid")  # noqa: S608


def _parquet_writer() -> Writer:
    """Return what writes Parquet, with pyarrow; it is not installed with the project."""
    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise NoParquetError("Le format Parquet demande pyarrow, qui n'est pas installé : pip install 'pertimage[parquet]'.") from None

    def write_parquet(source: sqlite3.Connection, table: TableSpec, out: IO[bytes]) -> None:
        kinds = {Type.WHOLE: arrow.int64(), Type.FLAG: arrow.int64(), Type.NUMBER: arrow.float64()}
        schema = arrow.schema([(column.name, kinds.get(column.type, arrow.string())) for column in table.columns])
        with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
            rows = _rows(source, table)
            while batch := [row for _, row in zip(range(_FETCHED * 20), rows, strict=False)]:
                columns = [arrow.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)]
                writer.write_table(arrow.Table.from_arrays(columns, schema=schema))

    return write_parquet
