"""Variance of coefficients when neighbouring periods resemble each other: the one rule that every method on one series uses.

Point estimates are those of statsmodels, as if periods were independent (consistent under any autocorrelation: S. L. Zeger,
Biometrika 1988;75:621-629). Their variance is that of the same estimator under errors correlated by an autoregressive law of order 1:
A⁻¹ X'W½ R(ρ) W½X A⁻¹ s²(ρ), with A = X'WX and s²(ρ) the generalised residual variance on n − p degrees of freedom. ρ is not chosen: the
standard error is averaged over a fixed grid of ρ, the restricted likelihood being the weight (posterior of D. A. Harville, Biometrika
1974;61:383-385), so that what is not known of ρ, much in a short series, widens the interval. Intervals use Student's law with n − p
degrees of freedom. With 60 points or more the grid also holds errors of which half is autoregressive and half independent, as counts
are (Zeger's latent process): a shorter series cannot tell them apart.

Why this rule: in short series every method under-estimates ρ and gives intervals too narrow, Newey-West's most of all; the restricted
likelihood is the least biased (S. L. Turner et al., BMC Med. Res. Methodol. 2021;21:181). Averaging and the ends of the grid were settled
by simulation, before any real data; docs/simulations.md gives the coverage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

# Correlations of two neighbouring periods and their prior weights: even from -0.7 to 0.95 (the last cell is half as wide). The negative
# ones are there because the residuals of a fitted model are negatively correlated when the errors are not correlated at all.
GRID = {**{step / 10: 1.0 for step in range(-7, 10)}, 0.95: 0.5}
# The same for the autoregressive half of the errors, in a series long enough.
HALF_GRID = {step / 10: 0.5 for step in range(2, 9)}
LONG = 60
# Under this dispersion (1: chance alone) counts vary too little for their spread to be believed: Poisson's is used.
LEAST_DISPERSION = 0.2


@dataclass(frozen=True, slots=True)
class Variance:
    """What is retained of the errors of a fitted model.

    ``covariances`` of the coefficients (k × p × p) under each of k autocorrelations, their ``weights`` (k, of sum 1), ``correlation`` of
    two neighbouring periods averaged alike, ``residual`` correlation of the residuals as they are, ``dispersion`` (Pearson's, 1: chance
    alone), ``freedom`` n − p.
    """

    covariances: Array
    weights: Array
    correlation: float
    residual: float
    dispersion: float
    freedom: int

    @property
    def quantile(self) -> float:
        """Return the quantile of Student's law for a 95 % interval."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom))

    def error(self, direction: Array) -> float:
        """Return the standard error of a combination of the coefficients (p)."""
        return float(self.weights @ np.sqrt(self.covariances @ direction @ direction))

    def under(self, covariance: Array) -> Variance:
        """Return the same with one covariance (p × p)."""
        return replace(self, covariances=covariance[None], weights=np.ones(1))


def variance(weighted: Array, residuals: Array, positions: Array) -> Variance:
    """Return the variance of the coefficients of a fitted model.

    ``weighted`` (n × p) is the design times the square root of the weights, ``residuals`` (n) the Pearson residuals, ``positions`` (n)
    the rank of each period in time, whole and increasing, with gaps where a period was left out. n must exceed p.
    """
    n, p = weighted.shape
    bread = np.linalg.inv(weighted.T @ weighted)
    dispersion = float(residuals @ residuals) / (n - p)
    residual = lag_one(residuals, positions)
    if dispersion < LEAST_DISPERSION:
        return Variance(bread[None], np.ones(1), 0.0, residual, dispersion, n - p)
    likelihoods, variances, values = [], [], []
    for value, prior, correlation, whitener in _structures(tuple(positions.tolist())):
        design, errors = whitener @ weighted, whitener @ residuals
        information = design.T @ design
        errors = errors - design @ np.linalg.solve(information, design.T @ errors)
        scale = errors @ errors / (n - p)
        likelihoods.append(np.log(prior) + _restricted(whitener, information, scale, n - p))
        variances.append(scale * bread @ (weighted.T @ correlation @ weighted) @ bread)
        values.append(value)
    weights = np.exp(np.array(likelihoods) - max(likelihoods))
    weights /= weights.sum()
    return Variance(np.array(variances), weights, float(weights @ np.array(values)), residual, dispersion, n - p)


def lag_one(residuals: Array, positions: Array) -> float:
    """Return the autocorrelation of residuals one period apart, -1 to 1; 0 when they are all null."""
    neighbours = positions[1:] - positions[:-1] == 1
    total = float(residuals @ residuals)
    return float((residuals[1:] * residuals[:-1])[neighbours].sum()) / total if total > 0 else 0.0


@lru_cache(maxsize=2)
def _structures(positions: tuple[float, ...]) -> list[tuple[float, float, Array, Array]]:
    """Return (correlation of neighbours, prior weight, correlation matrix, the inverse of its Cholesky factor) of each point of the grid."""
    gaps = np.abs(np.subtract.outer(positions, positions))
    points = [(value, 1.0, prior) for value, prior in GRID.items()]
    if len(positions) >= LONG:
        points += [(value, 0.5, prior) for value, prior in HALF_GRID.items()]
    found: list[tuple[float, float, Array, Array]] = []
    for value, share, prior in points:
        correlation = share * np.sign(value) ** gaps * np.abs(value) ** gaps
        np.fill_diagonal(correlation, 1.0)
        found.append((share * value, prior, correlation, np.linalg.inv(np.linalg.cholesky(correlation))))
    return found


def _restricted(whitener: Array, information: Array, scale: Any, freedom: int) -> float:
    """Return the logarithm of the restricted likelihood, the scale at its best, up to a constant."""
    return float(np.log(np.diag(whitener)).sum() - np.linalg.slogdet(information)[1] / 2 - freedom / 2 * np.log(scale))
