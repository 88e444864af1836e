"""`make bench-import`: a million lines of activity imported from a CSV file, then again, on SQLite or PostgreSQL.

The file is made here, of fictitious exams; the command measured is that of an operator, in its own process, the start included.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

HEADER = (
    "N° examen",
    "IPP",
    "Site",
    "Date naissance",
    "Modalité",
    "Libellé examen",
    "Date demande",
    "Date RDV",
    "Date examen",
    "Date validation CR",
    "Remis le",
)
EXAMS = (
    ("Scanner", "TDM TAP avec injection"), ("Scanner", "TDM cérébral sans injection"), ("IRM", "IRM lombaire"), ("IRM", "IRM genou droit"),
    ("RX", "Radio thorax face"), ("RX", "Radio bassin face"), ("Echo", "Écho abdominale"), ("Mammo", "Mammographie bilatérale"),
)  # fmt: skip
SITES = ("ch-valbrune", "clinique-du-lac", "centre-imagerie-nord", "ch-saint-roch", "cabinet-des-halles", "maison-de-sante")
START = datetime(2024, 1, 1, 8)  # noqa: DTZ001 - a RIS writes the time of its wall


def main() -> None:
    """Make the file, import it twice, print how long each took and the memory it needed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="lignes (1 000 000)")
    parser.add_argument(
        "--database", default="", help="base PostgreSQL vide, postgresql://… ; par défaut SQLite, dans un dossier temporaire"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "activite.csv"
        size = _write(path, chosen.lines)
        database = chosen.database or f"sqlite:///{folder}/bench.db"
        print(f"{chosen.lines} lignes, {size >> 20} Mio, {database.split(':')[0]}")
        for words in ("premier import", "le même, encore"):
            took, peak = _import(path, database)
            print(f"{words:<18} {took:7.1f} s {chosen.lines / took:9.0f} lignes/s {peak:6.0f} Mio au plus")


def _write(path: Path, lines: int) -> int:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(HEADER)
        out.writerows(_exams(lines))
    return path.stat().st_size


def _exams(lines: int) -> Iterator[list[str]]:
    chance = Random(1)
    for number in range(lines):
        modality, label = chance.choice(EXAMS)
        requested = START + timedelta(minutes=number * 1_000_000 / lines + chance.random() * 600)
        scheduled = requested + timedelta(hours=chance.expovariate(1 / 300))
        performed = scheduled + timedelta(minutes=chance.gauss(5, 10))
        reported = performed + timedelta(hours=chance.expovariate(1 / 10))
        given = reported + timedelta(hours=chance.expovariate(1 / 30))
        dates = [f"{at:%d/%m/%Y %H:%M}" for at in (requested, scheduled, performed, reported, given)]
        birth = f"{chance.randint(1, 28):02d}/{chance.randint(1, 12):02d}/{chance.randint(1930, 2020)}"
        yield [f"E{number:08d}", f"{chance.randrange(lines):08d}", chance.choice(SITES), birth, modality, label, *dates]


def _import(path: Path, database: str) -> tuple[float, float]:
    """Return the seconds and the memory (MiB) of one import."""
    command = [sys.executable, "-m", "pertimage.web", "import-activity", str(path), "--yes", "--database", database]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PERTIMAGE_SECRET": "b" * 32})
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"l'import a échoué ({os.waitstatus_to_exitcode(status)})")
    return time.perf_counter() - start, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
