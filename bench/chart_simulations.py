"""False alarms of the control charts and of the funnels, and power promised against power found."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np

from bench.tables import french, generator, table
from pertimage.audit.intervals import Place
from pertimage.audit.methods.autocorrelation import Array
from pertimage.audit.methods.before_after import BeforeAfter, before_after
from pertimage.audit.methods.control_chart import Chart, Rule, control_chart, runs
from pertimage.audit.methods.funnel import Funnel, Rate, funnel_of_rates
from pertimage.audit.methods.interrupted import Interrupted, interrupted
from pertimage.audit.methods.power import Design, Plan, months_needed, power_of, sentence
from pertimage.audit.methods.series import Series, Unit
from pertimage.audit.methods.simulation import autoregressive

POINTS = 24
# Average run length of the four rules together and of the first alone, known limits, normal law: Champ and Woodall 1987.
PUBLISHED = (91.75, 370.4)
_FIRST = date(2018, 1, 1)


def chart_table(series: int, pool: Executor) -> str:
    """Return the table of the false alarms."""
    scenarios = [*product((None, 8, 12, 24, 36), (0.0, 0.3), (None,)), *product((24,), (0.0, 0.3), (20.0, 5.0))]
    rows = list(pool.map(_alarms, scenarios, [series] * len(scenarios)))
    lengths = " et ".join(french(length, 0) for length in _lengths(series))
    published = " et ".join(french(length, 0) for length in PUBLISHED)
    head = (
        "scénario",
        "signal par point %",
        "≥ 1 signal sur 24 points %",
        *(f"règle {rule.value} seule %" for rule in Rule),
        "changement d'un sigma vu %",
    )
    return (
        "## Cartes de contrôle : fausses alarmes\n\nSéries sans aucun changement : part des points où commence un signal, part des cartes qui ont au moins un signal "
        f"sur {POINTS} points qui suivent la référence, avec les quatre règles puis chacune seule. Dernière colonne : part des cartes qui signalent, sur {POINTS} "
        "points, un changement de niveau d'un écart type. Limites connues et loi normale : longueur moyenne avant une fausse alarme, avec les quatre "
        f"règles puis la première seule, {lengths} points (publié : {published}, Champ et Woodall 1987).\n\n" + table(head, rows)
    )


def _lengths(series: int) -> tuple[float, float]:
    """Return the average run lengths found, all rules then the first."""
    chance, first, alone = generator("longueurs"), [], []
    for _ in range(series):
        scores = chance.standard_normal(1000)
        seen = runs(scores.tolist())
        first.append(min((run.seen + 1 for run in seen), default=1000))
        alone.append(sum(abs(scores) > 3))
    return float(np.mean(first)), 1000 * series / max(sum(alone), 1)


def _alarms(scenario: tuple[int | None, float, float | None], series: int) -> tuple[str, ...]:
    baseline, correlation, exams = scenario
    chance = generator(f"{scenario}")
    length = (baseline or 0) + POINTS
    started, charts, ruled, shifted = 0, 0, dict.fromkeys(Rule, 0), 0
    for _ in range(series):
        process = autoregressive(length, correlation, chance)
        met = _met(_drawn(process, exams), baseline)
        started += len(met)
        charts += bool(met)
        for rule in Rule:
            ruled[rule] += rule in met
        shifted += bool(_met(_drawn(process + (np.arange(length) >= (baseline or 0)), exams), baseline))
    law = "loi normale" if exams is None else f"Poisson, {exams:.0f} par mois"
    known = "limites connues" if baseline is None else f"référence de {baseline} points"
    name = f"{known}, {law}, autocorrélation {french(correlation)}"
    cells = (started / POINTS, charts, *ruled.values(), shifted)
    return (name, *(french(100 * cell / series) for cell in cells))


def _drawn(process: Array, exams: float | None) -> Array:
    from scipy.stats import norm, poisson

    if exams is None:
        return process
    return np.asarray(poisson.ppf(np.minimum(norm.cdf(process), 1 - 1e-12), exams))


def _met(values: Array, baseline: int | None) -> list[Rule]:
    """Return the rules of the signals that begin after the reference."""
    if baseline is None:
        return [run.rule for run in runs(values.tolist())]
    starts = [_FIRST]
    while len(starts) < len(values):
        starts.append(Unit.MONTH.next(starts[-1]))
    chart = control_chart(values.tolist(), starts, Unit.MONTH, baseline, floor=None)
    return [signal.rule for signal in chart.signals if signal.seen >= baseline] if isinstance(chart, Chart) else []


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites of a funnel: number, expected exams of the smallest and of the largest, coefficient of variation between them, one that differs."""

    name: str
    number: int
    low: float = 20
    high: float = 200
    varied: float = 0.0


FUNNELS = [
    Sites("30 sites, hasard seul", 30),
    Sites("30 sites, qui varient de 20 % entre eux", 30, varied=0.2),
    Sites("10 sites, hasard seul", 10),
    Sites("10 sites, qui varient de 20 % entre eux", 10, varied=0.2),
    Sites("5 sites, hasard seul, 5 à 20 examens", 5, 5, 20),
]


def funnel_table(series: int, pool: Executor) -> str:
    """Return the table of the funnels."""
    rows = list(pool.map(_funnels, FUNNELS, [series] * len(FUNNELS)))
    head = (
        "scénario",
        "site hors de 95 % (5 attendus)",
        "site hors de 99,8 % (0,2 attendu)",
        "limites élargies %",
        "site double des autres vu à 99,8 %",
    )
    return (
        "## Entonnoirs : fausses alarmes\n\nSites de 20 à 200 examens attendus, dont aucun ne diffère des autres si ce n'est par la variation dite ; dernière colonne : "
        "l'un d'eux fait le double.\n\n" + table(head, rows)
    )


def _funnels(sites: Sites, series: int) -> tuple[str, ...]:
    chance = generator(f"{sites}")
    beyond, far, applied, seen = 0, 0, 0, 0
    expected = np.linspace(sites.low, sites.high, sites.number)
    for _ in range(series):
        spread = math.sqrt(math.log1p(sites.varied**2))
        rates = np.exp(spread * chance.standard_normal(sites.number) - spread**2 / 2)
        chart = _rates(chance.poisson(expected * rates), expected)
        beyond += sum(spot.place is not Place.INSIDE for spot in chart.spots)
        far += len(chart.outside)
        applied += chart.applied > 1
        rates[sites.number // 2] = 2
        odd = _rates(chance.poisson(expected * rates), expected)
        seen += odd.spots[sites.number // 2].place is Place.FAR_ABOVE
    total = series * sites.number
    return (
        sites.name,
        *(french(100 * cell, 2) for cell in (beyond / total, far / total)),
        french(100 * applied / series),
        french(100 * seen / series),
    )


def _rates(counts: Array, expected: Array) -> Funnel:
    chart = funnel_of_rates(
        {f"{rank}": Rate(int(count), float(size)) for rank, (count, size) in enumerate(zip(counts, expected, strict=True))}
    )
    assert isinstance(chart, Funnel), chart
    return chart


PLANS = [
    Plan(14, 48),
    Plan(14, None),
    Plan(100, 24),
    Plan(100, 24, dispersion=2),
    Plan(100, 24, dispersion=2, correlation=0.3),
    Plan(100, 36, Design.INTERRUPTED),
    Plan(200, 36, Design.INTERRUPTED, dispersion=2),
    Plan(200, 36, Design.INTERRUPTED, dispersion=2, correlation=0.3),
]


def power_table(series: int, pool: Executor) -> str:
    """Return the table of power promised and found."""
    rows = list(pool.map(_power, PLANS, [series] * len(PLANS)))
    head = ("promesse pour −20 %", "promise %", "trouvée par la méthode de l'évaluation %")
    return (
        "## Puissance promise et puissance trouvée\n\nSéries tirées comme la promesse le suppose, effet × 0,8, nombre de mois promis ; « trouvée » : part des séries où la "
        "méthode de l'évaluation (avant/après simple, ou niveau de la série interrompue) exclut 1. La promesse connaît surdispersion et "
        "autocorrélation, la méthode les estime.\n\n" + table(head, rows)
    )


def _power(plan: Plan, series: int) -> tuple[str, ...]:
    after = months_needed(plan, 0.8)
    assert after is not None, plan
    before = after if plan.before is None else plan.before
    chance, found = generator(f"{plan}"), 0
    for _ in range(series):
        drawn = _promised(plan, before, after, chance)
        if plan.design is Design.BEFORE_AFTER:
            simple = before_after(drawn, drawn.starts[before])
            found += isinstance(simple, BeforeAfter) and simple.ratio.high < 1
        else:
            segmented = interrupted(drawn, drawn.starts[before], sensitivity=False)
            found += isinstance(segmented, Interrupted) and segmented.level.high < 1
    return (sentence(plan, 0.8), french(100 * power_of(plan, 0.8, after)), french(100 * found / series))


def _promised(plan: Plan, before: int, after: int, chance: np.random.Generator) -> Series:
    from scipy.stats import nbinom, norm, poisson

    starts = [_FIRST]
    while len(starts) < before + after:
        starts.append(Unit.MONTH.next(starts[-1]))
    expected = plan.per_month * np.where(np.arange(before + after) < before, 1.0, 0.8)
    rank = norm.cdf(autoregressive(before + after, plan.correlation, chance))
    size = expected / (plan.dispersion - 1) if plan.dispersion > 1 else None
    counts = poisson.ppf(rank, expected) if size is None else nbinom.ppf(rank, size, 1 / plan.dispersion)
    return Series(Unit.MONTH, tuple(starts), tuple(int(count) for count in counts), (21,) * len(starts))


TABLES: list[Callable[[int, Executor], str]] = [chart_table, funnel_table, power_table]
