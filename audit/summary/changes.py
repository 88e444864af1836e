"""What a record of activity changes in the summary: the exams that it replaces are taken away, those that it brings are added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, Text, any_, bindparam, func, select
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
_PARTS = ("counts", "days", "hours")


def exams_known(connection: Connection, names: Sequence[str], keys: Collection[ExamKey]) -> Iterator[Sequence[Any]]:
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
    left, brought = _counted(gone), _counted(come)
    found: dict[CellKey, Change] = {}
    for part, before, after in zip(_PARTS, left, brought, strict=True):
        after.subtract(before)
        for key, count in after.items():
            if count:
                found.setdefault(key[:_CELL], {name: [] for name in _PARTS})[part].append([*key[_CELL:], count])
    return orjson.dumps([[*cell, change] for cell, change in found.items()]).decode() if found else ""


def read_changes(document: str) -> Iterator[tuple[CellKey, Change]]:
    """Yield the cells that a document changes, and how."""
    for *cell, change in orjson.loads(document):
        yield (cell[0], cell[1], cell[2], cell[3]), change


def _counted(exams: Iterable[Sequence[Any]]) -> tuple[Counter[tuple[Any, ...]], ...]:
    """Count the exams performed by cell and kind, day, and wait; a wait that is not known has no place."""
    performed = [row for row in exams if row[1] is not None]
    if not performed:
        return Counter(), Counter(), Counter()
    *kinds, instants, waits = zip(*performed, strict=True)
    whole = Counter(zip(*kinds, map(paris_day, instants), strict=True))
    hours = Counter(zip(*kinds[:_CELL], waits, strict=True))
    counts, days = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    for (*kind, day), count in whole.items():
        counts[tuple(kind)] += count
        days[(*kind[:_CELL], day)] += count
    return counts, days, Counter({key: count for key, count in hours.items() if key[_CELL] is not None})
