"""What stepped roll-outs, controlled series, pooled ratios, control charts and power find again of a truth that is known.

Each table is listed in `bench.simulations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from bench.tables import french, generator, table
from pertimage.audit.methods.autocorrelation import Array
from pertimage.audit.methods.controlled import Controlled, controlled
from pertimage.audit.methods.pooled import RANDOM_FROM, Pooled, SiteEffect, pooled
from pertimage.audit.methods.result import Estimate
from pertimage.audit.methods.series import Series, Unit
from pertimage.audit.methods.simulation import autoregressive
from pertimage.audit.methods.stepped import Site, Stepped, stepped

LEVEL = 0.8
MONTHS = 36
# Each draw is used with its mirror.
SIGNS = (1, -1)
_FIRST = date(2022, 1, 1)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A stepped roll-out: sites, exams a month at each, effect, its standard deviation between sites (log), autocorrelation within."""

    name: str
    sites: int
    exams: float = 60
    level: float = LEVEL
    varied: float = 0.0
    correlation: float = 0.3
    shocks: float = 0.05


ROLLOUTS = [
    Rollout("12 sites, autocorrélation 0,3", 12),
    Rollout("12 sites, effet différent d'un site à l'autre (écart type 0,1)", 12, varied=0.1),
    Rollout("12 sites, sans effet", 12, level=1.0),
    Rollout("6 sites, autocorrélation 0,3", 6),
    Rollout("6 sites, effet différent d'un site à l'autre", 6, varied=0.1),
    Rollout("6 sites, sans effet, 10 par mois", 6, level=1.0, exams=10),
    Rollout("3 sites, autocorrélation 0,3", 3),
    Rollout("3 sites, autocorrélation 0,6", 3, correlation=0.6),
    Rollout("3 sites, effet différent d'un site à l'autre", 3, varied=0.1),
    Rollout("2 sites, autocorrélation 0,3, rien d'autre en commun que les saisons", 2, shocks=0.0),
    Rollout("2 sites, chocs communs de 5 % par mois", 2),
]


def stepped_table(series: int, pool: Executor) -> str:
    """Return the table of the stepped roll-outs."""
    rows = list(pool.map(_stepped, ROLLOUTS, [series] * len(ROLLOUTS)))
    head = ("scénario", "couverture %", "biais %", "effet déclaré %", "demi-largeur médiane %", "refusé %")
    return (
        f"## Déploiement par étapes\n\nEffet simulé : × 0,8, sauf « sans effet » ; {MONTHS} mois, mises en service réparties du 11e au 27e mois ; 60 examens "
        "par mois et par site (à 20 % près selon le site), tendance et saisons communes, chocs communs de 5 % chaque mois, surdispersion de "
        "15 % autocorrélée dans chaque site.\n\n" + table(head, rows)
    )


def _stepped(rollout: Rollout, series: int) -> tuple[str, ...]:
    found: list[Estimate] = []
    for number in range(series):
        for sign in SIGNS:
            result = stepped(_sites(rollout, Drawn(generator(f"{rollout}", number), sign)))
            if isinstance(result, Stepped):
                found.append(result.ratio)
    return _cells(rollout.name, found, rollout.level, series)


def _cells(name: str, found: list[Estimate], truth: float, series: int) -> tuple[str, ...]:
    half = float(np.median([one.high / one.value for one in found]))
    return (name, *_found(found, truth), french(100 * (half - 1), 0), french(100 * (1 - len(found) / len(SIGNS) / series)))


def _found(found: Sequence[Estimate], ratio: float) -> tuple[str, str, str]:
    """Return coverage, bias in % of the effect, and share of declared effects; logarithms throughout.

    The estimates come by pairs, from chance and from its mirror: the mean of a pair varies less, hence the error of the bias.
    """
    value, low, high = np.log([(one.value, one.low, one.high) for one in found]).T
    truth = math.log(ratio)
    declared = french(100 * float(((low > 0) | (high < 0)).mean()))
    covered = french(100 * float(((low <= truth) & (truth <= high)).mean()))
    if not truth:
        return covered, "—", declared
    pairs = value[: len(value) // 2 * 2].reshape(-1, 2).mean(axis=1)
    bias, error = (float(pairs.mean()) - truth) / abs(truth), 1.96 * float(pairs.std()) / math.sqrt(len(pairs)) / abs(truth)
    return covered, f"{french(100 * bias)} ± {french(100 * error)}", declared


@dataclass(frozen=True, slots=True)
class Drawn:
    """Chance, or its mirror: each normal draw with a sign."""

    chance: np.random.Generator
    sign: int

    def normal(self, size: int) -> Array:
        """Return independent standard normal draws."""
        return self.sign * self.chance.standard_normal(size)

    def process(self, length: int, correlation: float, variation: float = 0.15) -> Array:
        """Return the logarithm of an autocorrelated activity of mean 1."""
        spread = math.sqrt(math.log1p(variation**2))
        return self.sign * spread * autoregressive(length, correlation, self.chance) - spread**2 / 2

    def counts(self, expected: Array) -> Array:
        """Return Poisson counts."""
        from scipy.stats import norm, poisson

        return np.asarray(poisson.ppf(norm.cdf(self.normal(len(expected))), expected))


def _sites(rollout: Rollout, drawn: Drawn) -> list[Site]:
    months = np.arange(MONTHS)
    common = 0.003 * months + 0.1 * np.cos(2 * math.pi * months / 12) + rollout.shocks * drawn.normal(MONTHS)
    lives = np.linspace(10, 26, rollout.sites).astype(int)
    blank = _series(np.zeros(MONTHS))
    sites = []
    for number, live in enumerate(lives):
        effect = math.log(rollout.level) + rollout.varied * float(drawn.normal(1)[0])
        base = math.log(rollout.exams) + 0.2 * float(drawn.normal(1)[0])
        log = base + common + np.where(months >= live, effect, 0.0) + drawn.process(MONTHS, rollout.correlation)
        sites.append(Site(f"site {number}", _series(drawn.counts(np.exp(log) * np.array(blank.working_days) / 21)), blank.starts[live]))
    return sites


def _series(counts: Sequence[Any] | Array) -> Series:
    starts = [_FIRST]
    while len(starts) < len(counts):
        starts.append(Unit.MONTH.next(starts[-1]))
    return Series(Unit.MONTH, tuple(starts), tuple(int(count) for count in counts), tuple(map(_days, starts)))


def _days(start: date) -> int:
    return sum((start + timedelta(days=day)).weekday() < 5 for day in range((Unit.MONTH.next(start) - start).days))


@dataclass(frozen=True, slots=True)
class Pair:
    """A series and its comparator: months before and after, exams a month of each, autocorrelation of each, effect (level, slope)."""

    name: str
    before: int
    after: int
    exams: float = 100
    comparator: float = 100
    correlation: float = 0.3
    level: float = LEVEL
    slope: float = 0.97


PAIRS = [
    Pair("24 + 12 mois, autocorrélation 0,3", 24, 12),
    Pair("24 + 12 mois, sans autocorrélation", 24, 12, correlation=0.0),
    Pair("24 + 12 mois, autocorrélation 0,5", 24, 12, correlation=0.5),
    Pair("24 + 12 mois, sans effet", 24, 12, level=1.0, slope=1.0),
    Pair("24 + 12 mois, 15 par mois, témoin de 60", 24, 12, exams=15, comparator=60),
    Pair("12 + 12 mois, autocorrélation 0,3", 12, 12),
    Pair("12 + 12 mois, sans effet", 12, 12, level=1.0, slope=1.0),
]


def controlled_table(series: int, pool: Executor) -> str:
    """Return the table of the controlled series."""
    rows = list(pool.map(_controlled, PAIRS, [series] * len(PAIRS)))
    head = (
        "scénario",
        "couv. niveau %",
        "biais niveau %",
        "effet déclaré %",
        "couv. pente %",
        "biais pente %",
        "effet déclaré %",
        "refusé %",
    )
    return (
        "## Série interrompue avec témoin\n\nEffet simulé : niveau × 0,8 et pente × 0,97 par mois, sauf « sans effet » ; tendance, saisons et chocs communs de "
        "20 % chaque mois, qui touchent les deux séries ; surdispersion de 15 % propre à chacune.\n\n" + table(head, rows)
    )


def _controlled(pair: Pair, series: int) -> tuple[str, ...]:
    length = pair.before + 1 + pair.after
    go_live = _series([0] * length).starts[pair.before] + timedelta(days=14)
    months = np.array(_series([0] * length).months_from(go_live))
    effect = np.where(months > 0, math.log(pair.level) + math.log(pair.slope) * months, 0.0)
    found: list[Controlled] = []
    for number in range(series):
        for sign in SIGNS:
            drawn = Drawn(generator(f"{pair}", number), sign)
            common = 0.01 * months + 0.1 * np.cos(2 * math.pi * months / 12) + 0.2 * drawn.normal(length)
            interest, comparator = (
                _series(drawn.counts(exams * np.exp(common + added + drawn.process(length, pair.correlation))))
                for exams, added in ((pair.exams, effect), (pair.comparator, np.zeros(length)))
            )
            result = controlled(interest, comparator, go_live)
            if isinstance(result, Controlled):
                found.append(result)
    level, slope = _found([one.level for one in found], pair.level), _found([one.slope for one in found], pair.slope)
    return (pair.name, *level, *slope, french(100 * (1 - len(found) / len(SIGNS) / series)))


# Sites, standard deviation of the true effects (log), whether the precisions of the sites differ (standard errors from 0.05 to 0.2, else 0.1).
POOLS: dict[str, tuple[int, float, bool]] = {
    "12 sites, même effet": (12, 0.0, True),
    "12 sites, effets différents (écart type 0,1)": (12, 0.1, True),
    "6 sites, même effet": (6, 0.0, True),
    "6 sites, effets différents": (6, 0.1, True),
    "3 sites, même effet": (3, 0.0, True),
    "3 sites, effets différents": (3, 0.1, True),
    "3 sites, effets différents, précisions égales": (3, 0.1, False),
    "2 sites, effets différents": (2, 0.1, True),
}


def pooled_table(series: int, pool: Executor) -> str:
    """Return the table of the pooled ratios."""
    rows = list(pool.map(_pooled, POOLS, [series] * len(POOLS)))
    return (
        "## Ensemble des sites\n\nRapport moyen simulé : 0,8 ; erreurs types des sites de 0,05 à 0,2, sur 30 degrés de liberté. Jusqu’à "
        "quatre sites, la vérité est la moyenne pondérée de ces sites ; à partir de cinq, celle de tous les sites possibles.\n\n"
        + table(("scénario", "couverture %", "biais %", "effet déclaré %", "demi-largeur médiane %", "refusé %"), rows)
    )


def _pooled(name: str, series: int) -> tuple[str, ...]:
    sites, varied, unequal = POOLS[name]
    found = []
    from scipy.stats import t

    quantile = float(t.ppf(0.975, 30))
    for number in range(series):
        for sign in SIGNS:
            drawn = Drawn(generator(name, number), sign)
            errors = drawn.chance.uniform(0.05, 0.2, sites) if unequal else np.full(sites, 0.1)
            seen = errors * np.sqrt(drawn.chance.chisquare(30, sites) / 30)
            true = math.log(LEVEL) + varied * drawn.normal(sites)
            logs = true + errors * drawn.normal(sites)
            if sites < RANDOM_FROM:  # what is estimated is the weighted mean of these sites: it is brought to the same truth
                logs += math.log(LEVEL) - np.average(true, weights=1 / seen**2)
            ratios = [Estimate.of_log(float(log), float(error), quantile) for log, error in zip(logs, seen, strict=True)]
            result = pooled([SiteEffect(f"{rank}", ratio, 30) for rank, ratio in enumerate(ratios)])
            assert isinstance(result, Pooled), result
            found.append(result.ratio)
    return _cells(name, found, LEVEL, series)


TABLES: list[Callable[[int, Executor], str]] = [stepped_table, controlled_table, pooled_table]
