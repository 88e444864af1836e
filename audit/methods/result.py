"""What every method returns: an estimate with its 95 % interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEVEL = 0.95
# Points needed on each side of a go-live: the least that shows a spread.
MINIMUM_POINTS = 3
# Under this number of points on a side a result carries a warning.
FEW_POINTS = 12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio (1: no change) and the two ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of_log(cls, log: float, error: float, quantile: float) -> Estimate:
        """Return the ratio whose logarithm was estimated, from its standard error and the quantile of the interval."""
        return cls(math.exp(log), math.exp(log - quantile * error), math.exp(log + quantile * error))

    @property
    def is_clear(self) -> bool:
        """Say whether the interval leaves out 1, « no change »."""
        return self.low > 1 or self.high < 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a method gives no result, in French, one sentence ending with a full stop."""

    why: str
