"""The two things that SQLite and PostgreSQL say differently: the hours between two instants, and a text inside JSON."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class hours_between(FunctionElement[int]):  # noqa: N801 - written like a function of SQL
    """Hours from an instant of the store to a later one, to the nearest hour; NULL when one of them is."""

    type = Integer()
    inherit_cache = True
    name = "hours_between"


class json_word(FunctionElement[str]):  # noqa: N801 - written like a function of SQL
    """The text under two keys of a JSON object, one inside the other; NULL without them."""

    type = Text()
    inherit_cache = True
    name = "json_word"


@compiles(hours_between, "sqlite")
def _sqlite_hours(element: hours_between, compiler: SQLCompiler, **about: Any) -> str:
    start, end = _written(element, compiler, about)
    return f"((strftime('%s', {end}) - strftime('%s', {start}) + 1800) / 3600)"


@compiles(hours_between, "postgresql")
def _postgresql_hours(element: hours_between, compiler: SQLCompiler, **about: Any) -> str:
    start, end = (f"floor(extract(epoch FROM CAST({one} AS timestamptz)))" for one in _written(element, compiler, about))
    return f"CAST(floor(({end} - {start} + 1800) / 3600) AS INTEGER)"


@compiles(json_word, "sqlite")
def _sqlite_json(element: json_word, compiler: SQLCompiler, **about: Any) -> str:
    column, outer, inner = _written(element, compiler, about)
    return f"json_extract({column}, '$.' || {outer} || '.' || {inner})"


@compiles(json_word, "postgresql")
def _postgresql_json(element: json_word, compiler: SQLCompiler, **about: Any) -> str:
    column, outer, inner = _written(element, compiler, about)
    return f"(CAST({column} AS json) -> CAST({outer} AS text) ->> CAST({inner} AS text))"


def _written(element: Any, compiler: SQLCompiler, about: dict[str, Any]) -> list[str]:
    clauses: list[ColumnElement[Any]] = list(element.clauses)
    return [compiler.process(one, **about) for one in clauses]
