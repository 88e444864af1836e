"""The scenarios of one series: interrupted series, simple before/after, median waits."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date

import numpy as np

from bench.tables import french, generator, table
from pertimage.audit.methods.before_after import before_after, wait_ratio
from pertimage.audit.methods.interrupted import Interrupted, interrupted
from pertimage.audit.methods.result import Estimate, Refusal
from pertimage.audit.methods.series import Series, Unit
from pertimage.audit.methods.simulation import Truth, autoregressive, simulate

MONTH, WEEK = Unit.MONTH, Unit.WEEK
EFFECT = {"level": 0.8, "slope": 0.97}
USUAL = {"seasons": 0.1, "variation": 0.15}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A truth, and how much of it is seen; ``outside``: beyond what the method claims to serve."""

    name: str
    unit: Unit
    before: int
    after: int
    truth: Truth
    outside: bool = False

    @property
    def words(self) -> str:
        """Return what is seen, then what it holds."""
        unit = "mois" if self.unit is MONTH else "semaines"
        return f"{self.before} + {self.after} {unit}, {self.truth.exams:.0f} par {self.unit}, {self.name}"


def _served(name: str, unit: Unit, before: int, after: int, exams: float, **truth: float) -> Scenario:
    return Scenario(name, unit, before, after, Truth(exams, **{**EFFECT, **truth}))  # type: ignore[arg-type]


def _outside(name: str, unit: Unit, before: int, after: int, exams: float, **truth: float) -> Scenario:
    return Scenario(name, unit, before, after, Truth(exams, **{**EFFECT, **truth}), outside=True)  # type: ignore[arg-type]


READING = """Ce qu'on en retient :

- Servi : 24 points ou plus, 8 examens par période ou plus en moyenne, autocorrélation de 0 à 0,5. La couverture visée est de 93 à 97 %,
  aux erreurs de simulation près, le biais de moins de 5 % de l'effet ; la couverture la plus basse est celle de la pente à 12 + 12 mois
  avec une autocorrélation de 0,5.
- La puissance est faible dès que les effectifs varient plus que le hasard : une baisse de 20 % échappe le plus souvent à 24 + 12 mois.
  « Effet non montré » n'est donc pas « pas d'effet ».
- Au-delà, le résultat porte un avertissement : peu d'examens (l'intervalle tient, mais la valeur penche vers une baisse trop forte),
  séries courtes, autocorrélation forte (intervalles trop étroits), saisons qu'une série de moins de 18 mois ne peut pas voir : un effet y
  est alors déclaré à tort bien plus souvent qu'une fois sur vingt.
- Un creux d'août que deux harmoniques suivent mal déplace l'estimation de quelques points de % sans fausser la couverture ; l'essai avec
  trois harmoniques, donné parmi les analyses de sensibilité, dit si le résultat en dépend.

"""
NONE = {"level": 1.0, "slope": 1.0}
INTERRUPTED = [
    _served("hasard seul", MONTH, 24, 12, 100),
    _served("avec saisons", MONTH, 24, 12, 100, seasons=0.1),
    _served("saisons, surdispersion", MONTH, 24, 12, 100, **USUAL),
    _served("saisons, surdispersion forte", MONTH, 24, 12, 100, seasons=0.1, variation=0.3),
    _served("autocorrélation 0,3", MONTH, 24, 12, 100, **USUAL, correlation=0.3),
    _served("autocorrélation 0,5", MONTH, 24, 12, 100, **USUAL, correlation=0.5),
    _served("autocorrélation 0,5 de l'activité latente", MONTH, 24, 12, 100, **USUAL, correlation=0.5, latent=True),
    _served("sans effet", MONTH, 24, 12, 100, **USUAL, **NONE),
    _served("sans effet, autocorrélation 0,5", MONTH, 24, 12, 100, **USUAL, **NONE, correlation=0.5),
    _served("autocorrélation 0,3", MONTH, 24, 12, 20, **USUAL, correlation=0.3),
    _served("autocorrélation 0,5", MONTH, 36, 24, 100, **USUAL, correlation=0.5),
    _served("saisons, surdispersion", MONTH, 12, 12, 100, **USUAL),
    _served("autocorrélation 0,3", MONTH, 12, 12, 100, **USUAL, correlation=0.3),
    _served("autocorrélation 0,5", MONTH, 12, 12, 100, **USUAL, correlation=0.5),
    _served("sans effet, autocorrélation 0,3", MONTH, 12, 12, 100, **USUAL, **NONE, correlation=0.3),
    _served("saisons, surdispersion", WEEK, 104, 52, 25, **USUAL),
    _served("autocorrélation 0,3", WEEK, 104, 52, 25, **USUAL, correlation=0.3),
    _served("autocorrélation 0,5", WEEK, 104, 52, 25, **USUAL, correlation=0.5),
    _served("autocorrélation 0,5 de l'activité latente", WEEK, 104, 52, 25, **USUAL, correlation=0.5, latent=True),
    _served("sans effet, autocorrélation 0,5", WEEK, 104, 52, 25, **USUAL, **NONE, correlation=0.5),
    _served("autocorrélation 0,3", WEEK, 104, 52, 10, **USUAL, correlation=0.3),
    _served("autocorrélation 0,3", WEEK, 52, 52, 25, **USUAL, correlation=0.3),
    _served("sans saisons, autocorrélation 0,3", WEEK, 26, 26, 25, variation=0.15, correlation=0.3),
    _outside("avec saisons", MONTH, 24, 12, 5, seasons=0.1),
    _outside("autocorrélation 0,3", MONTH, 24, 12, 5, **USUAL, correlation=0.3),
    _outside("hasard seul", MONTH, 24, 12, 2),
    _outside("sans saisons, autocorrélation 0,3", MONTH, 6, 6, 100, variation=0.15, correlation=0.3),
    _outside("sans saisons", MONTH, 4, 3, 100, variation=0.15),
    _outside("autocorrélation 0,8", MONTH, 24, 12, 100, **USUAL, correlation=0.8),
    _outside("creux de 30 % en août, sans effet", MONTH, 24, 12, 100, summer=0.3, variation=0.1, **NONE),
    _outside("creux de 30 % en août, sans effet", WEEK, 104, 52, 25, summer=0.3, variation=0.1, **NONE),
    _outside("saisons non vues, sans effet", WEEK, 26, 26, 25, **USUAL, **NONE),
]
SIMPLE = [
    _served("sans tendance, surdispersion", MONTH, 12, 12, 50, slope=1, trend=1, variation=0.15),
    _served("autocorrélation 0,5", MONTH, 12, 12, 50, slope=1, trend=1, variation=0.15, correlation=0.5),
    _served("sans effet, autocorrélation 0,5", MONTH, 12, 12, 50, level=1, slope=1, trend=1, variation=0.15, correlation=0.5),
    _served("sans tendance, surdispersion", MONTH, 3, 3, 50, slope=1, trend=1, variation=0.15),
    _served("sans tendance, autocorrélation 0,5", WEEK, 52, 52, 12, slope=1, trend=1, variation=0.15, correlation=0.5),
    _outside("sans effet, tendance de +1 % par mois", MONTH, 24, 12, 50, level=1, slope=1, trend=1.01),
]
# Periods on each side, waits in each, correlation of the weeks, ratio, mean wait before in days (whole days under 10).
WAITS = {
    "26 + 26 semaines, 20 délais par semaine, semaines indépendantes": (26, 20, 0.0, 0.8, 30),
    "26 + 26 semaines, 20 délais par semaine, autocorrélation 0,5": (26, 20, 0.5, 0.8, 30),
    "26 + 26 semaines, 20 délais par semaine, autocorrélation 0,5, sans effet": (26, 20, 0.5, 1.0, 30),
    "52 + 52 semaines, 5 délais par semaine, autocorrélation 0,3": (52, 5, 0.3, 0.8, 30),
    "12 + 12 mois, 10 délais par mois, autocorrélation 0,3": (12, 10, 0.3, 0.8, 30),
    "3 + 3 mois, 50 délais par mois": (3, 50, 0.0, 0.8, 30),
    "26 + 26 semaines, 40 délais par semaine, en jours entiers, médiane de 4 jours, sans effet": (26, 40, 0.3, 1.0, 6),
}


Logs = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a coefficient becomes over the series of a scenario: logarithms, one row per series (value, low, high), and their mirrors."""

    rows: Logs
    mirrors: Logs
    truth: float

    def cells(self) -> tuple[str, str, str]:
        """Return coverage, bias and share of declared effects."""
        _, low, high = self.rows.T
        declared = french(100 * float(((low > 0) | (high < 0)).mean()))
        covered = french(100 * float(((low <= self.truth) & (self.truth <= high)).mean()))
        errors = 100 * ((self.rows[:, 0] + self.mirrors[:, 0]) / 2 - self.truth) / (abs(self.truth) or 1)
        return covered, f"{french(float(errors.mean()))} ± {french(1.96 * float(errors.std()) / math.sqrt(len(errors)))}", declared


def _found(estimates: list[tuple[Estimate, Estimate]], truth: float) -> Found:
    rows, mirrors = (np.log([(pair[side].value, pair[side].low, pair[side].high) for pair in estimates]) for side in (0, 1))
    return Found(rows, mirrors, truth)


def interrupted_table(series: int, pool: Executor) -> str:
    """Return the table of the interrupted series."""
    rows = list(pool.map(_interrupted, INTERRUPTED, [series] * len(INTERRUPTED)))
    head = ("scénario", "couv. niveau %", "biais niveau %", "effet déclaré %", "couv. pente %", "biais pente %", "effet déclaré %")
    head += ("couv. total %", "averti %", "refusé %")
    served = [row for row, scenario in zip(rows, INTERRUPTED, strict=True) if not scenario.outside]
    outside = [row for row, scenario in zip(rows, INTERRUPTED, strict=True) if scenario.outside]
    return (
        "## Série interrompue\n\nEffet simulé : niveau × 0,8 et pente × 0,97 par mois, sauf « sans effet » ; tendance de +0,3 % par mois ; "
        "saisons de ± 10 % (deux harmoniques) ; surdispersion : coefficient de variation de 15 % (forte : 30 %) au-delà du hasard. "
        "Les scénarios d'autocorrélation et « sans effet » ont saisons et "
        "surdispersion, sauf mention contraire. "
        "« Total » est le rapport observé/attendu sur toute la période d'après ; « averti » : le résultat porte un avertissement.\n\n"
        + READING
        + "### Ce que la méthode prétend servir\n\n"
        + table(head, served)
        + "\n### Au-delà\n\n"
        + table(head, outside)
    )


def before_after_table(series: int, pool: Executor) -> str:
    """Return the table of the simple before/after."""
    rows = list(pool.map(_simple, SIMPLE, [series] * len(SIMPLE)))
    head = ("scénario", "couverture %", "biais %", "effet déclaré %")
    return (
        "## Avant/après simple\n\nRapport simulé : 0,8. Le dernier scénario n'a pas d'effet, mais une tendance : l'avant/après simple la prend "
        "pour un effet, ce que la série interrompue évite ; le résultat le dit toujours.\n\n" + table(head, rows)
    )


def waits_table(series: int, pool: Executor) -> str:
    """Return the table of the median waits."""
    rows = list(pool.map(_waits, WAITS, [series] * len(WAITS)))
    return (
        "## Délais médians\n\nDélais exponentiels, de médiane 21 jours avant (sauf mention contraire) ; rapport simulé 0,8 ; la moyenne de chaque "
        "semaine varie de 20 % (file d'attente commune). Sous 26 périodes par côté les "
        "intervalles sont plutôt trop larges.\n\n" + table(("scénario", "couverture %", "biais %", "effet déclaré %"), rows)
    )


def _interrupted(scenario: Scenario, series: int) -> tuple[str, ...]:
    truth, found = scenario.truth, []
    for number in range(series):
        pair = [interrupted(*_drawn(scenario, number, mirrored=mirrored), sensitivity=False) for mirrored in (False, True)]
        if all(isinstance(one, Interrupted) for one in pair):
            found.append(pair)
    refused = french(100 * (1 - len(found) / series))
    if not found:
        return (scenario.words, *["—"] * 8, refused)
    level = _found([(one.level, two.level) for one, two in found], math.log(truth.level))
    slope = _found([(one.slope, two.slope) for one, two in found], math.log(truth.slope))
    total = _found([(one.overall, two.overall) for one, two in found], _overall(scenario))
    warned = french(100 * sum(bool(one.warnings) for one, _ in found) / len(found))
    return (scenario.words, *level.cells(), *slope.cells(), total.cells()[0], warned, refused)


def _drawn(scenario: Scenario, number: int, *, mirrored: bool) -> tuple[Series, date]:
    chance = generator(f"{scenario}", number)
    return simulate(scenario.truth, scenario.unit, scenario.before, scenario.after, chance, mirrored=mirrored)


def _overall(scenario: Scenario) -> float:
    """Return the logarithm of the true ratio over the periods after, from series without chance."""
    totals = []
    for truth in (scenario.truth, Truth(**{**_fields(scenario.truth), "level": 1.0, "slope": 1.0})):
        big = Truth(**{**_fields(truth), "exams": 1e7, "variation": 0.0, "latent": True})
        drawn, _ = simulate(big, scenario.unit, scenario.before, scenario.after, np.random.default_rng(0))
        totals.append(sum(drawn.counts[scenario.before + 1 :]))
    return math.log(totals[0] / totals[1])


def _fields(truth: Truth) -> dict[str, float]:
    return {name: getattr(truth, name) for name in Truth.__dataclass_fields__}


def _simple(scenario: Scenario, series: int) -> tuple[str, ...]:
    found = []
    for number in range(series):
        one, two = (before_after(*_drawn(scenario, number, mirrored=mirrored)) for mirrored in (False, True))
        if isinstance(one, Refusal) or isinstance(two, Refusal):
            raise ValueError(f"a scenario that the method refuses: {one} {two}")
        found.append((one.ratio, two.ratio))
    return (scenario.words, *_found(found, math.log(scenario.truth.level)).cells())


def _waits(name: str, series: int) -> tuple[str, ...]:
    ratio, found = WAITS[name][3], []
    for number in range(series):
        one, two = (wait_ratio(*_drawn_waits(name, number, mirrored)) for mirrored in (False, True))
        if isinstance(one, Refusal) or isinstance(two, Refusal):
            raise ValueError(f"a scenario that the method refuses: {one} {two}")
        found.append((one.ratio, two.ratio))
    return (name, *_found(found, math.log(ratio)).cells())


def _drawn_waits(name: str, number: int, mirrored: bool) -> tuple[dict[int, Logs], dict[int, Logs]]:
    periods, size, correlation, ratio, mean = WAITS[name]
    chance = generator(name, number)
    backlog = mean * np.exp(0.2 * (-1 if mirrored else 1) * autoregressive(2 * periods + 1, correlation, chance))
    backlog[periods:] *= ratio
    rank = chance.random((len(backlog), size))
    waits = -np.log(rank if mirrored else 1 - rank) * backlog[:, None]
    waits = np.floor(waits) if mean < 10 else waits
    return {week: waits[week] for week in range(periods)}, {week: waits[week] for week in range(periods + 1, len(backlog))}
