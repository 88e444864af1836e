"""What a record of activity changes in the summary: the exams that it replaces are taken away, those that it brings are added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, Row, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from pertimage.audit.instants import paris_day
from pertimage.audit.tables import activity

FIELDS = ("fictitious", "performed_week", "site", "modality", "region", "irradiating", "outcome", "performed_at", "wait_hours")
# Fictitious, Monday, site, technique: what a cell of the summary is.
CellKey = tuple[bool, str, str, str]
# Site and number of an exam.
ExamKey = tuple[str, str]
# How many exams more (or fewer) of each region, irradiation and outcome, of each day, of each wait in hours.
Change = dict[str, list[list[Any]]]

_CELL = 4
_PARTS = {"counts": slice(4, 7), "days": slice(7, 8), "hours": slice(8, 9)}


def exams_known(connection: Connection, names: Sequence[str], keys: Collection[ExamKey]) -> Iterator[Row[Any]]:
    """Yield columns of the register for the exams of these keys that it holds."""
    numbers: Any = bindparam("numbers")
    query = select(*(activity.c[name] for name in names))
    query = query.where(activity.c.site == bindparam("of"), _among(connection.dialect, numbers))
    for site, members in groupby(sorted(keys), key=itemgetter(0)):
        wanted = [number for _, number in members]
        given = orjson.dumps(wanted).decode() if connection.dialect.name == "sqlite" else wanted
        yield from connection.execute(query, {"of": site, "numbers": given})


def _among(dialect: Dialect, numbers: Any) -> Any:
    """Return the condition on the number of an exam: one parameter, however many numbers."""
    if dialect.name == "sqlite":
        return activity.c.accession.in_(select(func.json_each(numbers).table_valued("value").c.value))
    return activity.c.accession == any_(bindparam("numbers", type_=ARRAY(Text)))


def change_document(gone: Iterable[Sequence[Any]], come: Iterable[Sequence[Any]]) -> str:
    """Return what changes when exams (values in the order of ``FIELDS``) replace others, as JSON; empty when nothing does."""
    found: dict[CellKey, Change] = {}
    left, brought = _performed(gone), _performed(come)
    for part, place in _PARTS.items():
        for key, count in _differences(left, brought, place).items():
            found.setdefault(key[:_CELL], {name: [] for name in _PARTS})[part].append([*key[_CELL:], count])
    return orjson.dumps([[*cell, change] for cell, change in found.items()]).decode() if found else ""


def read_changes(document: str) -> Iterator[tuple[CellKey, Change]]:
    """Yield the cells that a document changes, and how."""
    for *cell, change in orjson.loads(document):
        yield (cell[0], cell[1], cell[2], cell[3]), change


def _performed(exams: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return the exams that were performed, their instant made a day."""
    return [(*row[:7], paris_day(row[7]), row[8]) for row in exams if row[1] is not None]


def _differences(gone: list[tuple[Any, ...]], come: list[tuple[Any, ...]], place: slice) -> Counter[tuple[Any, ...]]:
    """Return how many more there are of each value at a place, by cell; a wait that is not known has no place."""
    pick = itemgetter(*range(_CELL), *range(place.start, place.stop))
    counts = Counter(map(pick, come))
    counts.subtract(Counter(map(pick, gone)))
    single = place.stop - place.start == 1
    return Counter({key: count for key, count in counts.items() if count and not (single and key[_CELL] is None)})
