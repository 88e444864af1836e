"""What a share observed on few cases can say: Wilson's interval, and the limits of a funnel plot.

Interval of a proportion: E. B. Wilson, J. Am. Stat. Assoc. 1927;22:209-212. Funnel plot of proportions: D. J. Spiegelhalter,
Statistics in Medicine 2005;24:1185-1202, with the exact limits of the binomial law, interpolated between whole numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

# Two-sided probabilities of the limits: one practice in twenty, then one in five hundred, is outside by chance alone.
WARNING, ALARM = 0.95, 0.998
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` cases among ``whole``."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """Return the share, 0 to 1; None when there are no cases."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> Interval | None:
        """Return the 95 % interval; None when there are no cases."""
        return wilson(self.part, self.whole) if self.whole else None

    def plus(self, other: Share) -> Share:
        """Return the share of both together."""
        return Share(self.part + other.part, self.whole + other.whole)


class Place(StrEnum):
    """Where a practice stands in a funnel."""

    INSIDE = "inside"
    BELOW = "below"
    ABOVE = "above"
    FAR_BELOW = "far-below"
    FAR_ABOVE = "far-above"


def wilson(part: int, whole: int, level: float = 0.95) -> Interval:
    """Return Wilson's interval of a proportion; raises ValueError unless 0 ≤ part ≤ whole and whole > 0."""
    if not 0 <= part <= whole or whole <= 0:
        raise ValueError(f"not a proportion: {part} of {whole}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, weight = part / whole, z * z / whole
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / whole + weight / (4 * whole))
    return (0.0 if part == 0 else middle - half, 1.0 if part == whole else middle + half)


def funnel(target: float, whole: int, level: float) -> Interval:
    """Return between which shares a practice of ``whole`` cases stays by chance alone when its true share is ``target``, 0 to 1.

    Each limit is Spiegelhalter's (r − α)/n: r is the smallest count whose cumulated probability exceeds the tail, and
    α = (P(R ≤ r) − tail) / P(R = r).
    """
    if not 0 < target < 1:
        return target, target
    tail = (1 - level) / 2
    return _limit(target, whole, tail), _limit(target, whole, 1 - tail)


def place(share: Share, target: float) -> Place:
    """Return where a share of at least one case stands around a target."""
    value = share.part / share.whole
    for level, below, above in ((ALARM, Place.FAR_BELOW, Place.FAR_ABOVE), (WARNING, Place.BELOW, Place.ABOVE)):
        low, high = funnel(target, share.whole, level)
        if value < low or value > high:
            return below if value < low else above
    return Place.INSIDE


def _limit(target: float, whole: int, probability: float) -> float:
    cumulated = 0.0
    for count in range(whole + 1):
        mass = _binomial(count, whole, target)
        cumulated += mass
        if cumulated > probability:
            return min(max((count - (cumulated - probability) / mass) / whole, 0.0), 1.0)
    return 1.0


def _binomial(count: int, whole: int, share: float) -> float:
    ways = math.lgamma(whole + 1) - math.lgamma(count + 1) - math.lgamma(whole - count + 1)
    return math.exp(ways + count * math.log(share) + (whole - count) * math.log1p(-share))
