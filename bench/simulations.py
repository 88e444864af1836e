"""`make simulations`: what the methods of the evaluation find again of a truth that is known, written in docs/simulations.md.

Each table is a function that returns Markdown, listed in TABLES: adding one there is all that another method needs. Each scenario draws
from its own generators, seeded by SEED and its name: adding a scenario changes no other line.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import date
from importlib.metadata import version
from pathlib import Path

from bench import chart_simulations, method_simulations
from bench.simulated_series import before_after_table, interrupted_table, waits_table
from bench.tables import SEED, french

SERIES = 1000
PAGE = Path(__file__).parents[1] / "docs" / "simulations.md"
HEAD = """# Ce que valent les méthodes, sur des séries dont la vérité est connue

Page écrite par `make simulations` le {today} (ne pas la modifier à la main) : {series} séries tirées par scénario, graine {seed},
statsmodels {statsmodels}, scipy {scipy}, numpy {numpy}.

Le tirage est dans `audit/methods/simulation.py`, les scénarios dans `bench/`.

- Couverture : part des séries dont l'intervalle à 95 % contient la vérité. Une méthode exacte en donne, sur {series} séries, de {low} à
  {high} %.
- Biais : écart moyen entre l'estimation et la vérité (logarithmes), en % de l'effet, ou, sans effet, en points de % du rapport ; suivi de
  son erreur de simulation à 95 %, il n'est établi que s'il la dépasse (chaque série y est doublée de son miroir, tiré des hasards opposés).
- Effet déclaré : part des séries dont l'intervalle exclut 1. Sans effet, c'est une fausse alarme (5 % attendus) ; avec, la puissance.
"""


# Each takes a number of series and a pool of processes, and returns a section in Markdown.
TABLES: list[Callable[[int, Executor], str]] = [
    *(interrupted_table, before_after_table, waits_table),
    *method_simulations.TABLES,
    *chart_simulations.TABLES,
]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="écrit docs/simulations.md")
    parser.add_argument("--series", type=int, default=SERIES, help="séries par scénario")
    parser.add_argument("--vers", type=Path, default=PAGE)
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    half = 196 * (0.95 * 0.05 / chosen.series) ** 0.5
    page = HEAD.format(
        series=chosen.series,
        seed=SEED,
        today=f"{date.today():%d/%m/%Y}",  # noqa: DTZ011 - the day of whoever runs it
        low=french(95 - half),
        high=french(95 + half),
        **{name: version(name) for name in ("statsmodels", "scipy", "numpy")},
    )
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        page += "".join("\n" + part(chosen.series, pool) for part in TABLES)
    chosen.vers.write_text(page)
    print(f"→ {chosen.vers}")


if __name__ == "__main__":
    main()
