"""Before and after: the difference between two sets of weekly values, with its 95 % interval.

The unit is the week, not the exam: the exams of one week share the same scanner, staff and backlog, and an interval computed
as if they were independent would be far too narrow. The difference of the two means of weekly values gets Welch's interval
(B. L. Welch, Biometrika 1947;34:28-35; degrees of freedom after F. E. Satterthwaite, Biometrics Bulletin 1946;2:110-114):

    d ± t(0.975, ν) · √(s₁²/n₁ + s₂²/n₂),   ν = (s₁²/n₁ + s₂²/n₂)² / ((s₁²/n₁)²/(n₁−1) + (s₂²/n₂)²/(n₂−1))

Weeks resemble the week before. With enough of them, n is replaced by the effective number n(1−ρ)/(1+ρ), where ρ is the lag-1
autocorrelation within the periods (D. S. Wilks, *Statistical Methods in the Atmospheric Sciences*, effective sample size of an
AR(1) series). Nothing here removes a trend or a season: a difference is not yet an effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, variance

MINIMUM_WEEKS = 3
_WEEKS_FOR_AUTOCORRELATION = 8
_MAXIMUM_AUTOCORRELATION = 0.9


@dataclass(frozen=True, slots=True)
class Change:
    """A before/after difference (``after`` − ``before``) and its 95 % interval; None when ``refusal`` says why (French)."""

    weeks_before: int
    weeks_after: int
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    autocorrelation: float | None
    refusal: str | None = None


def compare(before: Sequence[float], after: Sequence[float]) -> Change:
    """Compare weekly values, in order of time; refuse with fewer than three weeks on a side."""
    short = [f"{len(weeks)} {name}" for weeks, name in ((before, "avant"), (after, "après")) if len(weeks) < MINIMUM_WEEKS]
    if short:
        return _refused(before, after, f"Il faut au moins {MINIMUM_WEEKS} semaines complètes de chaque côté : {' et '.join(short)}.")
    rho = _autocorrelation(before, after)
    terms = [(variance(weeks) / size, size) for weeks in (before, after) for size in (_effective(len(weeks), rho),)]
    spread = sum(square for square, _ in terms)
    difference = fmean(after) - fmean(before)
    if spread == 0:
        return _refused(before, after, "Toutes les semaines ont la même valeur : l'intervalle ne se calcule pas.")
    freedom = 1 / sum((square / spread) ** 2 / (size - 1) for square, size in terms)  # as shares: squares of tiny variances vanish
    half = student_quantile(0.975, freedom) * math.sqrt(spread)
    return Change(len(before), len(after), fmean(before), fmean(after), difference, difference - half, difference + half, rho)


def _refused(before: Sequence[float], after: Sequence[float], why: str) -> Change:
    first, second = (fmean(weeks) if weeks else None for weeks in (before, after))
    return Change(len(before), len(after), first, second, None, None, None, None, why)


def _autocorrelation(*periods: Sequence[float]) -> float | None:
    """Return the pooled lag-1 autocorrelation around the mean of each period; None when there are too few weeks to tell."""
    if min(map(len, periods)) < _WEEKS_FOR_AUTOCORRELATION:
        return None
    residuals = [[value - mean for value in weeks] for weeks in periods for mean in (fmean(weeks),)]
    total = sum(value * value for weeks in residuals for value in weeks)
    lagged = sum(a * b for weeks in residuals for a, b in pairwise(weeks))
    return min(max(lagged / total, 0.0), _MAXIMUM_AUTOCORRELATION) if total else None


def _effective(weeks: int, rho: float | None) -> float:
    """Return how many independent weeks these are worth, never fewer than two."""
    return weeks if rho is None else max(weeks * (1 - rho) / (1 + rho), 2.0)


def student_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t (``probability`` over one half), by Newton's method.

    The distribution function is concave there: from 0 on, each step comes closer and none goes too far.
    """
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    t, step = 0.0, 1.0
    while step > 1e-13 * t:
        step = (probability - student_cdf(t, freedom)) / (scale * math.exp(-(freedom + 1) / 2 * math.log1p(t * t / freedom)))
        t += step
    return t


def student_cdf(t: float, freedom: float) -> float:
    """Return P(T ≤ t) for t ≥ 0: 1 − I(ν/(ν+t²); ν/2, 1/2)/2 (Abramowitz & Stegun 26.7.1 and 26.5)."""
    return 1 - _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function by its continued fraction (Abramowitz & Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))  # modified Lentz
    fraction = d
    for m in range(1, 300):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + numerator * d)
            c = 1 + numerator / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * fraction
