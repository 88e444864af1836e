"""Series whose truth is known, drawn at random: what the methods are measured on, never data of an evaluation.

Expected exams of a period: working days × rate × trend^t × season(t) × (level × slope^t after the go-live), t in months from the go-live.
Around it counts follow a negative binomial law of coefficient of variation ``variation`` beyond chance (0: Poisson), correlated in time
in one of two ways: the counts themselves, through a Gaussian copula of an autoregressive process of order 1; or, ``latent``, a log-normal
autoregressive activity on which chance is added (S. L. Zeger, Biometrika 1988;75:621-629), whose counts are then less correlated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pertimage.audit.methods.autocorrelation import Array
from pertimage.audit.methods.series import Series, Unit
from pertimage.audit.working_days import is_working

_FIRST = date(2021, 1, 1)


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth to find again: ratios (``level``, ``slope`` and ``trend`` per month) around ``exams`` per period at the go-live.

    ``seasons``: relative amplitude of the first pair of harmonics, the second being 40 % of it; ``summer``: relative fall in August, and
    half of it in the last ten days of December, which no harmonic follows.
    """

    exams: float
    level: float = 1.0
    slope: float = 1.0
    trend: float = 1.003
    seasons: float = 0.0
    summer: float = 0.0
    correlation: float = 0.0
    variation: float = 0.0
    latent: bool = False


def simulate(
    truth: Truth, unit: Unit, before: int, after: int, generator: np.random.Generator, *, mirrored: bool = False
) -> tuple[Series, date]:
    """Return a series with ``before`` and ``after`` periods on each side of that of the go-live, and the go-live, in its middle.

    ``mirrored`` turns every chance into its opposite: from the same generator, the mean of the two shows a bias with fewer series
    (antithetic variates: J. M. Hammersley and K. W. Morton, Proc. Camb. Phil. Soc. 1956;52:449-475).
    """
    starts = [unit.start(_FIRST + timedelta(days=6))]
    while len(starts) < before + 1 + after:
        starts.append(unit.next(starts[-1]))
    days = [_days(start, unit.next(start)) for start in starts]
    working = tuple(sum(map(is_working, period)) for period in days)
    go_live = starts[before] + (unit.next(starts[before]) - starts[before]) // 2
    blank = Series(unit, tuple(starts), (0,) * len(starts), working)
    months = np.array(blank.months_from(go_live))
    usual = np.array(working) * len(working) / sum(working)
    angle = 2 * math.pi * (np.array([start.timetuple().tm_yday for start in starts]) + 15) / 365.25
    seasons = truth.seasons * (np.cos(angle) + 0.4 * np.sin(2 * angle)) + np.log1p([-truth.summer * _low(period) for period in days])
    effect = np.where(months > 0, math.log(truth.level) + math.log(truth.slope) * months, 0.0)
    expected = truth.exams * usual * np.exp(math.log(truth.trend) * months + seasons + effect)
    counts = _draw(truth, expected, generator, -1 if mirrored else 1)
    return Series(unit, tuple(starts), tuple(int(count) for count in counts), working), go_live


def autoregressive(length: int, correlation: float, generator: np.random.Generator) -> Array:
    """Return a stationary normal process of order 1, of variance 1."""
    noise = generator.standard_normal(length)
    process: Array = noise.copy()
    for place in range(1, length):
        process[place] = correlation * process[place - 1] + math.sqrt(1 - correlation**2) * noise[place]
    return process


def _draw(truth: Truth, expected: Array, generator: np.random.Generator, sign: int) -> Array:
    from scipy import stats

    process = sign * autoregressive(len(expected), truth.correlation, generator)
    if truth.latent:
        spread = math.sqrt(math.log1p(truth.variation**2))
        rank = stats.norm.cdf(sign * generator.standard_normal(len(expected)))
        return np.asarray(stats.poisson.ppf(rank, expected * np.exp(spread * process - spread**2 / 2)))
    rank = stats.norm.cdf(process)
    if not truth.variation:
        return np.asarray(stats.poisson.ppf(rank, expected))
    size = truth.variation**-2
    return np.asarray(stats.nbinom.ppf(rank, size, size / (size + expected)))


def _days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=day) for day in range((end - start).days)]


def _low(days: list[date]) -> float:
    """Return the share of a period in August, days at the end of December counting one half."""
    return sum(1.0 if day.month == 8 else 0.5 if (day.month, day.day) >= (12, 22) else 0.0 for day in days) / len(days)
