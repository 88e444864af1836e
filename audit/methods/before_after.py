"""Simple before/after: the ratio of two rates per working day, and the ratio of two median waits, each with its 95 % interval.

Neither knows of a trend or of seasons: what changed besides the service is in the ratio too. `interrupted` is the method that does.

- Rates: Poisson regression on « after » with the logarithm of the working days as offset, dispersion by Pearson's X² (quasi-Poisson),
  estimated by statsmodels; the standard error by `autocorrelation`.
- Waits: medians of the mid-distribution, in which ties (waits in whole days) are shared out, so that a median moves with the data and not
  by jumps of a day (Y. Ma, M. G. Genton, E. Parzen, Ann. Inst. Stat. Math. 2011;63:227-243). A median's interval is read on that
  distribution, between the quantiles ½ ± t·e (R. S. Woodruff, J. Am. Stat. Assoc. 1952;47:635-646), where e is the standard error of the
  share of exams under the median; exams of one week share a backlog, so that e is reckoned between periods, by `autocorrelation`, and
  never under that of independent exams. The two intervals are joined on the logarithmic scale by recovery of the variance from the limits
  (G. Y. Zou and A. Donner, Statistics in Medicine 2008;27:1693-1702).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from pertimage.audit.methods.autocorrelation import Array, variance
from pertimage.audit.methods.result import FEW_POINTS, MINIMUM_POINTS, Estimate, Refusal
from pertimage.audit.methods.series import Series

BLIND = "L’avant/après simple prend une tendance ou une saison pour un effet : la série interrompue, quand elle est possible, est préférée."


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a go-live: exams, periods used, and their rate per working day."""

    exams: int
    periods: int
    working_days: int

    @property
    def rate(self) -> float:
        """Return the exams per working day."""
        return self.exams / self.working_days


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """The ratio of the rates after/before.

    ``correlation``: lag-1 autocorrelation found in the residuals; ``dispersion``: Pearson's (1: what chance alone gives); ``warnings``
    in French.
    """

    ratio: Estimate
    before: Side
    after: Side
    correlation: float
    dispersion: float
    warnings: tuple[str, ...]
    method: str = (
        "avant/après simple : taux par jour ouvré, quasi-Poisson, sans tendance ni saisons, intervalle élargi selon l’autocorrélation"
    )


@dataclass(frozen=True, slots=True)
class Median:
    """A median wait in days (ties shared out: 5.3 when waits are whole days), with its 95 % interval, and what it rests on."""

    days: float
    low: float
    high: float
    waits: int
    periods: int


@dataclass(frozen=True, slots=True)
class WaitRatio:
    """The ratio of the median waits after/before."""

    ratio: Estimate
    before: Median
    after: Median
    warnings: tuple[str, ...]
    method: str = "rapport des délais médians, intervalle tenant compte des examens d’une même période"


def before_after(series: Series, go_live: date, until: date | None = None) -> BeforeAfter | Refusal:
    """Return the ratio of the rates per working day after and before a go-live; the period that contains it is on neither side.

    « After » ends on ``until``, when the service was switched off.
    """
    sides = usable(series, go_live, until)
    if isinstance(sides, Refusal):
        return sides
    before, after = sides
    import statsmodels.api as sm

    indexes = np.array(before + after)
    counts, days = np.array(series.counts, float)[indexes], np.array(series.working_days, float)[indexes]
    design = np.column_stack([np.ones(len(indexes)), indexes >= after[0]]).astype(float)
    fit = sm.GLM(counts, design, sm.families.Poisson(), offset=np.log(days)).fit()
    expected = fit.fittedvalues
    spread = variance(design * np.sqrt(expected)[:, None], (counts - expected) / np.sqrt(expected), indexes.astype(float))
    return BeforeAfter(
        Estimate.of_log(float(fit.params[1]), spread.error(np.array([0.0, 1.0])), spread.quantile),
        side_of(series, before),
        side_of(series, after),
        spread.residual,
        spread.dispersion,
        _warnings(len(before), len(after)),
    )


def usable(series: Series, go_live: date, until: date | None = None) -> tuple[tuple[int, ...], tuple[int, ...]] | Refusal:
    """Return the indexes before and after that have working days, or why nothing can be estimated from them."""
    if not len(series) or not series.starts[0] < go_live < series.end(len(series) - 1):
        return Refusal(f"La mise en service du {go_live:%d/%m/%Y} est hors des données.")
    if until is not None and until <= go_live:
        return Refusal(f"L’arrêt du {until:%d/%m/%Y} précède la mise en service.")
    before, after = (tuple(rank for rank in ranks if series.working_days[rank]) for ranks in series.split(go_live, until))
    for ranks, words in ((before, "avant"), (after, "après")):
        if len(ranks) < MINIMUM_POINTS:
            return Refusal(f"{_periods(series, len(ranks))} {words} la mise en service : il en faut au moins {MINIMUM_POINTS}.")
    totals = [side_of(series, ranks).exams for ranks in (before, after)]
    if not any(totals):
        return Refusal("Aucun examen, ni avant ni après la mise en service.")
    for total, words in zip(totals, ("avant", "après"), strict=True):
        if not total:
            return Refusal(f"Aucun examen {words} la mise en service : le rapport n’est pas défini.")
    return before, after


def wait_ratio(before: Mapping[int, Sequence[float]], after: Mapping[int, Sequence[float]]) -> WaitRatio | Refusal:
    """Return the ratio of the median waits after and before; each side gives the waits in days (arrays are fastest) by rank of period.

    Raises ValueError unless every period after comes later than every one before, and for a negative or missing wait (zero is a wait).
    """
    sides = [{rank: np.sort(np.asarray(side[rank], float)) for rank in sorted(side) if len(side[rank])} for side in (before, after)]
    for side, words in zip(sides, ("avant", "après"), strict=True):
        if len(side) < MINIMUM_POINTS:
            return Refusal(f"Des délais sur {len(side)} période(s) {words} la mise en service : il en faut au moins {MINIMUM_POINTS}.")
    if max(sides[0]) >= min(sides[1]):
        raise ValueError("a period after does not come later than those before")
    curves = [_Curve(np.concatenate(list(side.values()))) for side in sides]
    errors = _errors(sides, curves)
    medians = [
        Median(curve.quantile(0.5), curve.quantile(0.5 - error), curve.quantile(0.5 + error), sum(map(len, side.values())), len(side))
        for side, curve, error in zip(sides, curves, errors, strict=True)
    ]
    for median, words in zip(medians, ("avant", "après"), strict=True):
        if median.low <= 0:
            what, null = ("Le délai médian", "nul") if median.days <= 0 else ("La borne basse du délai médian", "nulle")
            return Refusal(f"{what} {words} la mise en service est {null} : le rapport n’est pas défini.")
    first, second = medians
    log = math.log(second.days / first.days)
    down = math.hypot(math.log(second.days / second.low), math.log(first.high / first.days))
    up = math.hypot(math.log(second.high / second.days), math.log(first.days / first.low))
    return WaitRatio(
        Estimate(math.exp(log), math.exp(log - down), math.exp(log + up)), first, second, _warnings(first.periods, second.periods)
    )


class _Curve:
    """The distribution of waits: at each value, the share under it plus half of that equal to it, straight in between."""

    def __init__(self, waits: Array) -> None:
        self.values, counts = np.unique(waits, return_counts=True)
        if not self.values[0] >= 0 or not math.isfinite(self.values[-1]):
            raise ValueError("a wait is negative or missing")
        self.shares = (np.cumsum(counts) - counts / 2) / len(waits)

    def quantile(self, share: float) -> float:
        return float(np.interp(share, self.shares, self.values))

    def under_median(self, waits: Array) -> float:
        """Return how many of some sorted waits are under the median of the curve, reckoned as the curve is."""
        place = int(np.clip(np.searchsorted(self.shares, 0.5), 1, len(self.values) - 1)) if len(self.values) > 1 else 0
        ends = self.values[[max(place - 1, 0), place]]
        counts = (np.searchsorted(waits, ends, "left") + np.searchsorted(waits, ends, "right")) / 2
        return float(np.interp(0.5, self.shares[[max(place - 1, 0), place]], counts))


def _errors(sides: list[dict[int, Array]], curves: list[_Curve]) -> list[float]:
    """Return the half-widths of the 95 % intervals of the share of waits under the median on each side, exams of one period being alike.

    Both sides are one series, which has one dispersion and one autocorrelation.
    """
    sizes = np.array([float(len(waits)) for side in sides for waits in side.values()])
    under = np.array([curve.under_median(waits) for side, curve in zip(sides, curves, strict=True) for waits in side.values()])
    after = np.repeat([0.0, 1.0], [len(side) for side in sides])
    design = np.column_stack([1 - after, after])
    shares = design @ ((design.T @ under) / (design.T @ sizes))
    ranks = np.array([float(rank) for side in sides for rank in side])
    # A share of n independent exams has the variance ¼ / n: a dispersion of 1 is theirs.
    spread = variance(design * np.sqrt(4 * sizes)[:, None], (under - shares * sizes) / np.sqrt(sizes / 4), ranks)
    return [max(spread.quantile * spread.error(side), 1.96 * 0.5 / math.sqrt(side @ design.T @ sizes)) for side in np.eye(2)]


def _warnings(before: int, after: int) -> tuple[str, ...]:
    few = f"{min(before, after)} périodes d’un côté : au-dessous de {FEW_POINTS}, le rapport est très incertain."
    return (BLIND, few) if min(before, after) < FEW_POINTS else (BLIND,)


def side_of(series: Series, indexes: tuple[int, ...]) -> Side:
    """Return what some periods of a series hold."""
    return Side(sum(series.counts[i] for i in indexes), len(indexes), sum(series.working_days[i] for i in indexes))


def _periods(series: Series, number: int) -> str:
    if not number:
        return f"Aucun{'e' if series.unit == 'semaine' else ''} {series.unit}"
    return f"{number} {series.unit}{'s' if number > 1 and series.unit == 'semaine' else ''} seulement"
