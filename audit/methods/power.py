"""Power before promising: how many months until an effect can be seen, and what effect can be seen in so many months.

Variance of the logarithm of a rate ratio in a log-linear model of monthly counts, from expected counts: A⁻¹ X'W½ R(ρ) W½X A⁻¹ φ with
A = X'WX, W the expected counts, φ the overdispersion, R(ρ) the correlation of months (autoregressive of order 1). For a simple before/after
without autocorrelation it is φ(1/(λb) + 1/(λra)): exams a month λ, ratio r, b months before, a months after (K. Gu, H. K. T. Ng, M. L. Tang
and W. R. Schucany, Biometrical Journal 2008;50:283-298, Wald test on the logarithm; statsmodels' power_poisson_ratio_2indep is the same).
The test is that of the methods, two-sided, on Student's law with n − p degrees of freedom (non-central under the effect, by the normal approximation of N. L.
Johnson and S. Kotz, Continuous Univariate Distributions), and the interrupted series pays for the seasons that `interrupted` estimates.
What is promised knows φ and ρ, the methods estimate them: docs/simulations.md says how much less they find, hence « at least ».

« With 14 exams a month you need 19 months to see −20 % »: so it is for 80 % at 5 % two-sided, no overdispersion, no autocorrelation, and 49
to 58 months before (44 to 51 by the large-sample formula alone); with as many months before as after it takes 27.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from pertimage.audit.methods.autocorrelation import Array
from pertimage.audit.methods.interrupted import PAIRS_FROM

# Months after which a promise has no sense.
LONGEST = 120


class Design(StrEnum):
    """What will be compared."""

    BEFORE_AFTER = "avant/après simple"
    INTERRUPTED = "série interrompue"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known before: exams per month, months before, overdispersion (1: chance alone), correlation of neighbouring months.

    ``before`` None: as many months before as after. The effect is the rate ratio of a simple before/after, the ratio of level at the
    go-live of an interrupted series with trend, level and slope.
    """

    per_month: float
    before: int | None
    design: Design = Design.BEFORE_AFTER
    dispersion: float = 1.0
    correlation: float = 0.0
    power: float = 0.80
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.per_month <= 0 or self.dispersion <= 0 or not -1 < self.correlation < 1:
            raise ValueError(f"not a plan: {self.per_month} per month, dispersion {self.dispersion}, correlation {self.correlation}")
        if (self.before is not None and self.before < 1) or not 0 < self.alpha < self.power < 1:
            raise ValueError(f"not a plan: {self.before} months before, power {self.power} at {self.alpha}")


def power_of(plan: Plan, ratio: float, after: int) -> float:
    """Return the probability, 0 to 1, of declaring a true ratio after so many months."""
    from scipy.stats import t

    months = (after if plan.before is None else plan.before) + after
    freedom = months - (2 if plan.design is Design.BEFORE_AFTER else 4 + 2 * _pairs(months))
    if freedom < 1:
        return 0.0
    shift = abs(math.log(ratio)) / error(plan, ratio, after)
    quantile = float(t.ppf(1 - plan.alpha / 2, freedom))
    return _beyond(quantile, freedom, shift) + _beyond(quantile, freedom, -shift)


def months_needed(plan: Plan, ratio: float) -> int | None:
    """Return the least months after to see a ratio (0.8: −20 %) with the plan's power; None when ten years do not do.

    Raises ValueError when the ratio is not positive or is 1.
    """
    if ratio <= 0 or ratio == 1:
        raise ValueError(f"not an effect: {ratio}")
    least = 2 if plan.design is Design.INTERRUPTED else 1
    return next((after for after in range(least, LONGEST + 1) if power_of(plan, ratio, after) >= plan.power), None)


def smallest_effect(plan: Plan, after: int) -> float | None:
    """Return the ratio nearest to 1, under it, seen with the plan's power in so many months; None when even −95 % is not."""
    low, high = math.log(0.05), -1e-6
    if power_of(plan, math.exp(low), after) < plan.power:
        return None
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(plan, math.exp(middle), after) >= plan.power else (low, middle)
    return math.exp(low)


def error(plan: Plan, ratio: float, after: int) -> float:
    """Return the standard error of the logarithm of the ratio."""
    before = after if plan.before is None else plan.before
    if plan.design is Design.BEFORE_AFTER and not plan.correlation:
        return math.sqrt(plan.dispersion * (1 / (plan.per_month * before) + 1 / (plan.per_month * ratio * after)))
    ranks = np.arange(before + after, dtype=float)
    design = _design(plan.design, ranks, before)
    weighted = design * np.sqrt(plan.per_month * np.where(ranks < before, 1.0, ratio))[:, None]
    gaps = np.abs(np.subtract.outer(ranks, ranks))
    correlation = np.sign(plan.correlation) ** gaps * np.abs(plan.correlation) ** gaps
    bread = np.linalg.pinv(weighted.T @ weighted)
    return float(math.sqrt(plan.dispersion * (bread @ (weighted.T @ correlation @ weighted) @ bread)[1, 1]))


def sentence(plan: Plan, ratio: float) -> str:
    """Return the promise in French."""
    months = months_needed(plan, ratio)
    seen = f"voir {_percent(ratio)}"
    known = f"Avec {_figure(plan.per_month)} examens par mois"
    if plan.before is not None:
        known += f" et {plan.before} mois de recul"
    if months is None:
        if plan.before is None:
            found = f"dix ans ne suffisent pas à {seen}"
        else:
            limit = smallest_effect(plan, LONGEST)
            found = f"dix ans après la mise en service ne suffisent pas à {seen}"
            found += f" : le plus petit effet visible est alors de {_percent(limit)}" if limit else ""
    else:
        as_many = ", et autant avant," if plan.before is None else ""
        found = f"il faut au moins {months} mois après la mise en service{as_many} pour {seen}"
    return f"{known}, {found} ({_terms(plan)})."


def visible(plan: Plan, after: int) -> str:
    """Return in French the smallest fall that can be seen in so many months."""
    limit = smallest_effect(plan, after)
    known = f"Avec {_figure(plan.per_month)} examens par mois et {after} mois après la mise en service"
    if limit is None:
        return f"{known}, aucun effet n’est visible, pas même −95 % ({_terms(plan)})."
    return f"{known}, la plus petite baisse visible est de {_percent(limit)} ({_terms(plan)})."


def _beyond(quantile: float, freedom: int, shift: float) -> float:
    """Return the probability that a non-central Student variable exceeds a quantile."""
    return NormalDist().cdf((shift - quantile * (1 - 1 / (4 * freedom))) / math.sqrt(1 + quantile**2 / (2 * freedom)))


def _design(kind: Design, ranks: Array, before: int) -> Array:
    """Return the columns intercept, level [, trend, slope, seasons]; the time of a month is that of its middle, from the go-live."""
    after, time = ranks >= before, ranks - before + 0.5
    columns = [np.ones(len(ranks)), after]
    if kind is Design.INTERRUPTED:
        columns += [time, after * time]
        for pair in range(1, _pairs(len(ranks)) + 1):
            columns += [np.sin(2 * math.pi * pair * time / 12), np.cos(2 * math.pi * pair * time / 12)]
    return np.column_stack(columns).astype(float)


def _pairs(months: int) -> int:
    return sum(months >= least for least in PAIRS_FROM)


def _terms(plan: Plan) -> str:
    words = [plan.design.value, f"puissance {100 * plan.power:.0f} %", f"seuil {100 * plan.alpha:.0f} % bilatéral"]
    if plan.dispersion != 1:
        words.append(f"surdispersion {_figure(plan.dispersion)}")
    if plan.correlation:
        words.append(f"autocorrélation {_figure(plan.correlation)}")
    return ", ".join(words)


def _percent(ratio: float) -> str:
    change = 100 * (ratio - 1)
    words = f"{abs(change):.1f}".removesuffix(".0").replace(".", ",")
    return f"{'−' if change < 0 else '+'}{words} %"


def _figure(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".").replace(".", ",")
