"""`make bench-evaluation`: the evaluation page over ten million exams, view by view, on SQLite or PostgreSQL.

Times are those of the application answering in its own process, templates and charts included, network left out. The exams are made
by the database itself, the same at each run, and left out of the journal: the base is to be thrown away.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Engine, func, select, text
from starlette.testclient import TestClient

from pertimage.audit.activity import COLUMNS
from pertimage.audit.instants import utc_text
from pertimage.audit.store import Store
from pertimage.audit.summary.refresh import forget, refresh
from pertimage.audit.tables import activity
from pertimage.web.app import create_app
from pertimage.web.service import Service
from pertimage.web.settings import Settings

START, WEEKS, SITES = datetime(2023, 1, 2, tzinfo=UTC), 156, 20
LINES, ROUNDS, FEW = 5_000, 5, 3
MODALITIES = ("DX",) * 40 + ("US",) * 22 + ("CT",) * 18 + ("MR",) * 14 + ("MG",) * 6
REGIONS = ("rachis-lombaire", "genou", "thorax", "abdomen", "crane", "sein", "epaule", "cheville", "bassin", "hanche", "main", "cou")
CHARTS = ("avis", "volume", "delai", "irradiation", "ecarts-volume", "ecarts-delai")

# Each value comes from the number ``n`` of the exam, by remainders of primes: the same on every engine.
_NUMBERS = {
    "postgresql": "SELECT CAST(generate_series(0, :size - 1) AS bigint) AS n",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < :size - 1) SELECT n FROM c",
}
_PADDED = {"postgresql": "lpad(CAST({0} AS text), {1}, '0')", "sqlite": "printf('%0{1}d', {0})"}
_INSTANT = {
    "postgresql": "to_char(timestamp '2023-01-02 07:00:00' + {seconds} * interval '1 second', 'YYYY-MM-DD\"T\"HH24:MI:SS\".000000Z\"')",
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2023-01-02 07:00:00', ({seconds}) || ' seconds')",
}
_WEEK = {
    "postgresql": "to_char(date '2023-01-02' + CAST(day / 7 * 7 AS integer), 'YYYY-MM-DD')",
    "sqlite": "date('2023-01-02', (day / 7 * 7) || ' days')",
}
_EXAMS = """
INSERT INTO activity (site, accession, modality, region, irradiating, requested_at, performed_at, reported_at, fictitious, outcome,
                      performed_week, wait_hours)
SELECT 'site-' || {place}, {number}, modality, region, {rays}, {requested}, {performed}, {reported},
       {true}, CASE WHEN place % 2 = 0 AND day > 546 THEN (CASE n % 4 WHEN 0 THEN 'no-guidance' WHEN 1 THEN 'incomplete' ELSE 'appropriate' END) END,
       {week}, hours
FROM (
  SELECT n, n * {days} / :size AS day, (n * 48271 % 65537) % {sites} AS place, (n * 31 % 600) * 60 AS second,
         (n * 40692 % 99971) * (n * 40692 % 99971) / 99971 * 1500 / 99971 AS hours,
         {modality} AS modality, {region} AS region
  FROM ({numbers}) AS numbers
) AS drawn
"""


def main() -> None:
    """Make the exams, compute their summary, ask for the views, print how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exams", type=int, default=10_000_000, help="examens (10 000 000)")
    parser.add_argument(
        "--database", default="", help="base PostgreSQL vide, postgresql://… ; par défaut SQLite, dans un dossier temporaire"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Settings(demo=True, database=chosen.database or f"sqlite:///{folder}/bench.db"))
        if service.journal.head().seq:
            sys.exit("base vide attendue")
        print(f"{chosen.exams} examens, {SITES} sites, {WEEKS} semaines, {service.store.writer.dialect.name}", flush=True)
        for rank in range(SITES):
            start = (START + timedelta(weeks=78)).date() if rank % 2 == 0 else None
            service.register.set_site(f"site-{rank:02d}", f"Site {rank:02d}", at=service.now(), fictitious=True, go_live=start)
        _say("fabrication des examens (base seule)", [_timed(lambda: make_exams(service.store, chosen.exams))])
        forget(service.store)
        _say("résumé calculé d'après les examens", [_timed(lambda: refresh(service.store))])
        _floors(service.store.reader)
        gc.collect()
        gc.set_threshold(20_000, 20, 100)  # as a service that starts does (see web/app.py)
        gc.freeze()
        with TestClient(create_app(service=service)) as client:
            _views(service, client)
        service.close()


def make_exams(store: Store, size: int) -> None:
    """Insert so many exams, by the database alone."""
    name = store.writer.dialect.name
    instant = _INSTANT[name].format(seconds="(day * 86400 + second{})")
    parts = {
        "days": WEEKS * 7, "sites": SITES, "true": "true" if name == "postgresql" else "1", "rays": "modality IN ('DX', 'CT', 'MG')",
        "place": _PADDED[name].format("place", 2), "number": _PADDED[name].format("n", 64), "numbers": _NUMBERS[name], "week": _WEEK[name],
        "requested": instant.format(" - hours * 3600"), "performed": instant.format(""), "reported": instant.format(" + 36000"),
        "modality": _among(MODALITIES, "n * 16807 % 99991"), "region": _among(REGIONS, "n * 69621 % 32749"),
    }  # fmt: skip
    statement = _EXAMS.format(**parts)
    with store.writer.begin() as connection:
        connection.execute(text(statement), {"size": size})
    if name == "postgresql":
        with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE activity"))


def _among(values: Iterable[str], number: str) -> str:
    """Return the SQL that draws one of some words."""
    listed = list(values)
    starts = [rank for rank, value in enumerate(listed) if rank == 0 or value != listed[rank - 1]]
    cases = [f"WHEN ({number}) % {len(listed)} >= {start} THEN '{listed[start]}'" for start in reversed(starts)]
    return f"CASE {' '.join(cases)} END"


def _floors(reader: Engine) -> None:
    c = activity.c
    keys = (c.performed_week, c.site, c.modality)
    raw = select(*keys, func.count(), func.count(c.outcome)).where(c.fictitious.is_(True)).group_by(*keys)

    def run(query: Any) -> None:
        with reader.connect() as connection:
            connection.execute(query).all()

    _say("plancher : SELECT 1", [_timed(lambda: run(select(1))) for _ in range(ROUNDS * 4)])
    _say("sans résumé : compter les examens", [_timed(lambda: run(raw)) for _ in range(2)])


def _views(service: Service, client: TestClient) -> None:
    def get(address: str) -> Callable[[], None]:
        def ask() -> None:
            answer = client.get(address)
            if answer.status_code != 200:
                sys.exit(f"{address} : {answer.status_code}")

        return ask

    page = get("/evaluation")
    _say("page, au démarrage", [_timed(page)])
    for words, weeks in (("4 semaines", 4), ("toutes les semaines", WEEKS)):
        taken: dict[str, list[float]] = {"les enregistrer": [], "les verser au résumé": [], "page ensuite": []}
        for turn in range(FEW):
            steps = (partial(_import, service, turn, weeks), partial(refresh, service.store), page)
            for step, times in zip(steps, taken.values(), strict=True):
                times.append(_timed(step))
        for step_words, times in taken.items():
            _say(f"{LINES} lignes sur {words} : {step_words}", times)
    _say("page, de nouveau", [_timed(page) for _ in range(ROUNDS)])
    sites = [get(f"/evaluation?site=site-{rank:02d}") for rank in range(SITES)]
    _say("un site, première vue (20 sites)", [_timed(site) for site in sites])
    _say("un site, de nouveau (20 sites)", [_timed(site) for site in sites])
    kinds = sorted(set(MODALITIES))
    _say("une technique, première vue (5)", [_timed(get(f"/evaluation?technique={kind}")) for kind in kinds])
    _say("une région, première vue (12)", [_timed(get(f"/evaluation?region={region}")) for region in REGIONS])
    for name in CHARTS:
        wanted = "&technique=MR" if name == "delai" else ""
        asked = [get(f"/evaluation/graphique/{name}.svg?site=site-{rank:02d}{wanted}") for rank in range(0, SITES, 4)]
        _say(f"graphique {name}, première fois (5 sites)", [_timed(one) for one in asked])
    _say("fichier CSV, tous sites", [_timed(get("/evaluation/serie.csv")) for _ in range(ROUNDS)])
    _say("fichier CSV, un site", [_timed(get("/evaluation/serie.csv?site=site-02")) for _ in range(ROUNDS)])


def _import(service: Service, turn: int, weeks: int) -> None:
    """Write exams to the journal as an import does, their summary left for later."""
    chance = Random(f"{turn}-{weeks}")
    blank = dict.fromkeys(COLUMNS) | {"fictitious": True}
    rows = []
    for number in range(LINES):
        performed = START + timedelta(weeks=WEEKS - weeks, days=chance.randrange(weeks * 7), hours=9, minutes=chance.randrange(480))
        requested = performed - timedelta(hours=chance.randrange(600))
        modality = chance.choice(MODALITIES)
        said = {"site": f"site-{chance.randrange(SITES):02d}", "accession": f"{weeks:032x}{turn:016x}{number:016x}", "modality": modality}
        said |= {"performed_at": utc_text(performed), "requested_at": utc_text(requested), "region": chance.choice(REGIONS)}
        rows.append(list((blank | said | {"irradiating": modality in ("DX", "CT", "MG")}).values()))
    service.journal.append("activity", {"columns": COLUMNS, "rows": rows}, service.now())


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _say(words: str, times: list[float]) -> None:
    print(f"{words:<58} {statistics.median(times):>10.1f} ms  au plus {max(times):>10.1f}  ({len(times)})", flush=True)


if __name__ == "__main__":
    main()
