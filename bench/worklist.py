"""`make bench-relecture`: the worklist with tens of thousands of open requests, page by page, on SQLite or PostgreSQL.

Times are those of the application answering in its own process, templates included, network left out; beside each, the same page
on a worklist of 50 requests, in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from starlette.testclient import TestClient

from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.web.app import create_app
from pertimage.web.demo.sites import SITES
from pertimage.web.service import Service
from pertimage.web.settings import Settings

FEW, ROUNDS = 50, 15
PAGES = (
    ("première page", "/relecture"),
    ("page 200", "/relecture?page=200"),
    ("un site, une technique", "/relecture?site=ch-valbrune&modalite=DX"),
    ("recherche de mots", "/relecture?q=lombalgie"),
    ("Task, 50 par page", "/fhir/Task?_count=50&_include=Task:focus"),
)
TEXTS = (
    ("lombalgie depuis 5 jours, pas de déficit", "radio rachis lombaire"),
    ("gonalgie depuis 2 mois sans traumatisme", "IRM du genou"),
    ("céphalées habituelles, migraine connue, examen normal", "IRM cérébrale"),
    ("sinusite depuis 4 jours", "radio des sinus"),
)


def main() -> None:
    """Fill a worklist, ask for its pages, print how long they take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000, help="demandes à relire (50 000)")
    parser.add_argument(
        "--database", default="", help="base PostgreSQL vide, postgresql://… ; par défaut SQLite, dans un dossier temporaire"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = _filled(f"sqlite:///{folder}/small.db", FEW)
        large = _filled(chosen.database or f"sqlite:///{folder}/large.db", chosen.items)
        print(f"{chosen.items} demandes à relire, {large.store.writer.dialect.name} ; médiane et 95e centile de {ROUNDS} appels, en ms")
        print(f"{'page':<24} {'50 demandes':>12} {f'{chosen.items} demandes':>16} {'p95':>8} {'rapport':>8}")
        with TestClient(create_app(service=small)) as first, TestClient(create_app(service=large)) as second:
            for words, address in PAGES:
                few, many = _times(first, address), _times(second, address)
                slow = sorted(many)[int(len(many) * 0.95)]
                print(
                    f"{words:<24} {statistics.median(few):>12.1f} {statistics.median(many):>16.1f} {slow:>8.1f} {statistics.median(many) / statistics.median(few):>8.2f}"
                )


def _filled(database: str, items: int) -> Service:
    """Return a service whose worklist holds so many open requests."""
    service = Service(Settings(demo=True, database=database))
    if service.journal.head().seq > 1000:
        sys.exit(f"{database} : base vide attendue")
    for site in SITES:
        service.register.set_site(site.id, site.name, at=service.now(), fictitious=True)
    entries = [service.journal.submit(entry) for entry in _entries(service, items)]
    for entry in entries:
        entry.result()
    while service.register.count() < items:
        time.sleep(0.2)
    return service


def _entries(service: Service, items: int) -> Iterator[object]:
    chance, start = Random(items), service.now() - timedelta(days=40)
    judged = []
    for words, exam in TEXTS:
        request = ImagingRequest("x", exam_text=exam, texts=(TextPart("reasonCode", words),), age=47)
        judged.append((request, tuple(replace(one, flagged=True) for one in service.judge(request))))
    for number in range(items):
        request, assessments = chance.choice(judged)
        yield service.register.assessment_entry(
            replace(request, id=f"ServiceRequest/{number}", priority=chance.choice(("routine", "routine", "routine", "urgent"))), assessments,
            site=chance.choice(SITES).id, prescriber=f"p{number % 300}", patient=f"x{number}", at=start + timedelta(seconds=number * 60), hook="order-sign",
            request_id=f"{number:032x}", modalities=service.modalities(assessments), policy=service.policy, signed=True,
        )  # fmt: skip


def _times(client: TestClient, address: str) -> list[float]:
    """Return how long a page takes, in ms, once warm."""
    found = []
    for _ in range(ROUNDS + 2):
        start = time.perf_counter()
        answer = client.get(address)
        found.append((time.perf_counter() - start) * 1000)
        if answer.status_code != 200:
            sys.exit(f"{address} : {answer.status_code}")
    return found[2:]


if __name__ == "__main__":
    main()
