"""Build an extract as one SQLite file: its counts, its lines when it is restricted, what it is and what its columns mean.

Lines go through a second file, then are sorted by their own values: neither their order nor the free pages of the file tell in which
order the store had them, which would join two extracts in spite of their salts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlite_utils import Database

from pertimage.audit.extraction import catalogue
from pertimage.audit.extraction.aggregates import month_rows
from pertimage.audit.extraction.catalogue import AGGREGATES, ALL, LINES, VIEWS, TableSpec, dictionary_rows, specs
from pertimage.audit.extraction.lines import LEAST_SALT, leaving, line_rows, site_name
from pertimage.audit.extraction.source import Wanted, months
from pertimage.audit.programme_register import go_lives
from pertimage.audit.programme_tables import programme_events
from pertimage.audit.tables import journal, sites

RESTRICTED, PROTECTED = "DONNÉES RESTREINTES", "Agrégats protégés"
EXTRACT = "extract"
_BATCH = 5000
_RULES_PROTECTED = (
    "Effectifs de 1 à 7 masqués, les autres arrondis au multiple de 5 le plus proche ; effectifs masqués en plus pour qu'aucun ne se "
    "déduise. Un effectif absent vaut zéro. Aucune identité, aucun texte libre."
)
_RULES_RESTRICTED = (
    "Lignes pseudonymisées et effectifs exacts : réservé aux personnes autorisées, à ne pas publier ni recouper avec d'autres sources. "
    "Jours sans heure, tranches d'âge, pseudonymes propres à cet extrait. Aucune identité, aucun texte libre."
)
_SIZES = ((1, "1"), (4, "2-4"), (7, "5-7"), (19, "8-19"))
_COMBINATIONS = "SELECT count(*) AS n FROM examens GROUP BY site, mois, age, technique, examen"


@dataclass(frozen=True, slots=True)
class Order:
    """Which extract to build: what of, whether it is restricted, for whom and why; ``salt`` makes the pseudonyms of a restricted one."""

    wanted: Wanted
    restricted: bool = False
    author: str = ""
    reason: str = ""
    salt: bytes = b""
    version: str = ""

    def __post_init__(self) -> None:
        if self.restricted and not (self.author.strip() and self.reason.strip()):
            raise ValueError("Un extrait restreint a un auteur et un motif : --auteur, --motif.")
        if self.restricted and len(self.salt) < LEAST_SALT:
            raise ValueError(f"Le sel d'un extrait restreint a au moins {LEAST_SALT} octets.")


def build(engine: Engine, path: Path, order: Order) -> dict[str, int]:
    """Build the extract in a file that does not exist yet; return how many lines each table has. ``engine`` is the store's reader."""
    with closing(Database(path)) as db, engine.connect() as connection:
        for pragma in ("main.journal_mode = OFF", "main.synchronous = OFF", "temp_store = FILE"):
            db.execute(f"PRAGMA {pragma}")
        db.attach("brut", path.with_suffix(".brut"))
        for pragma in ("brut.journal_mode = OFF", "brut.synchronous = OFF"):
            db.execute(f"PRAGMA {pragma}")
        tables = specs(restricted=order.restricted)
        for table in tables:
            _create(db, table)
        _fill(db.conn, connection, engine, order)
        for table in tables:
            _sort(db.conn, table)
        db.conn.commit()
        db.conn.execute("DETACH brut")
        _finish(db, connection, order)
        for name, query in VIEWS.items():
            db.create_view(name, query)
        counts = {table.name: int(db.execute(f"SELECT count(*) FROM [{table.name}]").fetchone()[0]) for table in tables}  # noqa: S608
        db.conn.commit()
    path.with_suffix(".brut").unlink()
    return counts


def _create(db: Database, table: TableSpec) -> None:
    db.table(table.name).create({column.name: column.type.python for column in table.columns})
    db.conn.execute(f"CREATE TABLE brut.[{table.name}] ({', '.join(f'[{name}]' for name in table.names)})")


def _fill(out: sqlite3.Connection, store: Connection, engine: Engine, order: Order) -> None:
    wanted = order.wanted
    _insert(out, catalogue.DICTIONARY, dictionary_rows(restricted=order.restricted))
    for table, lines in zip(catalogue.CONTEXT, (_sites(store, engine, wanted), _events(store, wanted)), strict=True):
        _insert(out, table, lines)
    kept = None if wanted.sites is None else {*wanted.sites, ALL}
    by_name = {table.name: table for table in AGGREGATES}
    for month in months(store, wanted):
        found: dict[str, list[Sequence[Any]]] = {}
        for name, values in month_rows(month, restricted=order.restricted):
            if kept is None or values[1] in kept:
                found.setdefault(name, []).append(values)
        for name, rows in found.items():
            _insert(out, by_name[name], rows)
    if order.restricted:
        columns = leaving(order.salt, wanted.reasons)
        for table in LINES:
            _insert(out, table, line_rows(store, table.name, columns[table.name], wanted))


def _insert(out: sqlite3.Connection, table: TableSpec, rows: Iterable[Sequence[Any]]) -> None:
    statement = f"INSERT INTO brut.[{table.name}] VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        out.executemany(statement, batch)


def _sort(out: sqlite3.Connection, table: TableSpec) -> None:
    order = ", ".join(str(rank) for rank in range(1, len(table.columns) + 1))
    if table.name == catalogue.DICTIONARY.name:
        order = "rowid"
    out.execute(f"INSERT INTO main.[{table.name}] SELECT * FROM brut.[{table.name}] ORDER BY {order}")  # noqa: S608


def _sites(store: Connection, engine: Engine, wanted: Wanted) -> Iterator[tuple[str | None, ...]]:
    starts = go_lives(engine)
    for row in store.execute(select(sites).where(sites.c.fictitious == wanted.fictitious)):
        if wanted.sites is None or row.id in wanted.sites:
            start = starts.get(row.id)
            yield site_name(row.id), site_name(row.name), start.isoformat() if start else None


def _events(store: Connection, wanted: Wanted) -> Iterator[tuple[str | None, ...]]:
    for row in store.execute(select(programme_events).where(programme_events.c.cancelled.is_(False))):
        if not row.site or wanted.sites is None or row.site in wanted.sites:
            yield row.kind, site_name(row.site) or ALL, row.since, row.until


def _finish(db: Database, store: Connection, order: Order) -> None:
    """Write what the extract is, once its lines are there to be looked at."""
    least = None
    if order.restricted:
        whole = max(1, db.execute("SELECT count(*) FROM examens").fetchone()[0])
        cases = " ".join(f"WHEN n <= {most} THEN '{words}'" for most, words in _SIZES)
        query = f"SELECT CASE {cases} ELSE '20+' END AS taille, count(*), sum(n), min(n) FROM ({_COMBINATIONS}) GROUP BY taille ORDER BY 4"  # noqa: S608
        found = db.execute(query).fetchall()
        db.table(catalogue.ANONYMITY.name).insert_all(
            dict(zip(catalogue.ANONYMITY.names, (size, count, exams, round(exams / whole, 4)), strict=True))
            for size, count, exams, _ in found
        )
        least = found[0][3] if found else None
    about = catalogue.ABOUT
    db.table(about.name).insert_all(dict(zip(about.names, pair, strict=True)) for pair in _about(store, order, least))


def _about(store: Connection, order: Order, least: int | None) -> Iterator[tuple[str, str]]:
    wanted = order.wanted
    yield "niveau", RESTRICTED if order.restricted else PROTECTED
    yield "donnees", "FICTIVES : démonstration" if wanted.fictitious else "réelles"
    yield "regles", _RULES_RESTRICTED if order.restricted else _RULES_PROTECTED
    yield "periode", f"{wanted.since or 'depuis le début'} à {wanted.until or 'la fin des données'}, mois entiers"
    yield "sites", "tous" if wanted.sites is None else ", ".join(sorted(map(site_name, wanted.sites)))
    if order.author:
        yield "auteur", order.author
    if order.reason:
        yield "motif", order.reason
    if order.restricted:
        yield (
            "k_anonymat",
            "aucun examen" if least is None else f"k = {least} sur site, mois, tranche d'âge, technique et examen ; voir _anonymat",
        )
    yield "etat_de_la_base", f"enregistrement {state_of(store)} du journal"
    yield "logiciel", f"pertimage {order.version}".strip()
    yield "dictionnaire", "table _dictionnaire ; docs/extrait.md et docs/divulgation.md du projet"


def state_of(store: Connection) -> int:
    """Return the last record of the journal that is not itself an extract: the same data give the same number."""
    last = select(journal.c.seq).where(journal.c.kind != EXTRACT).order_by(journal.c.seq.desc()).limit(1)
    return store.execute(last).scalar_one_or_none() or 0
