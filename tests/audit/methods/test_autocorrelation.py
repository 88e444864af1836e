"""The variance of coefficients under autocorrelation, against statsmodels' generalised least squares."""

import numpy as np
import pytest
import statsmodels.api as sm

from pertimage.audit.methods.autocorrelation import GRID, HALF_GRID, lag_one, variance
from pertimage.audit.methods.simulation import autoregressive

CHANCE = np.random.default_rng(6)


def regression(n, correlation):
    """Return a design with trend and step, errors of a known autocorrelation, and their ranks with one gap."""
    ranks = np.delete(np.arange(n + 1), n // 2).astype(float)
    design = np.column_stack([np.ones(n), ranks / n, ranks > n // 2]).astype(float)
    return design, autoregressive(n, correlation, CHANCE), ranks


@pytest.mark.parametrize("n", [24, 70])
def test_it_averages_what_statsmodels_gives_for_each_autocorrelation(n):
    """Scale and restricted likelihood are those of sm.GLS at each point of the grid, the gap in time being seen."""
    design, errors, ranks = regression(n, 0.4)
    ordinary = sm.OLS(errors, design).fit()
    gaps = np.abs(np.subtract.outer(ranks, ranks))
    points = [(value, 1, prior) for value, prior in GRID.items()]
    points += [(value, 0.5, prior) for value, prior in HALF_GRID.items() if n >= 60]
    logs, covariances = [], []
    for value, share, prior in points:
        matrix = share * float(value) ** gaps + (1 - share) * np.eye(n)
        fit = sm.GLS(errors, design, sigma=matrix).fit()
        determinants = np.linalg.slogdet(matrix)[1] - np.linalg.slogdet(fit.normalized_cov_params)[1]
        logs.append(np.log(prior) - determinants / 2 - fit.df_resid / 2 * np.log(fit.scale))
        pinv = np.linalg.pinv(design)
        covariances.append(fit.scale * pinv @ matrix @ pinv.T)
    weights = np.exp(np.array(logs) - max(logs))
    level = np.array([0.0, 0.0, 1.0])
    expected = np.average([np.sqrt(covariance[2, 2]) for covariance in covariances], weights=weights)
    found = variance(design, ordinary.resid, ranks)
    assert found.error(level) == pytest.approx(expected, rel=1e-8)
    assert found.freedom == n - 3
    assert found.dispersion == pytest.approx(ordinary.scale)


def test_correlated_errors_widen_the_interval():
    """The same residuals in another order, correlated or not, do not give the same error."""
    design, errors, ranks = regression(120, 0.7)
    level = np.array([0.0, 0.0, 1.0])
    found, shuffled = (variance(design, sm.OLS(e, design).fit().resid, ranks) for e in (errors, CHANCE.permutation(errors)))
    assert found.correlation > 0.4 > abs(shuffled.correlation)
    assert found.error(level) > 1.5 * shuffled.error(level)


def test_residuals_without_spread_get_poisson_s_variance():
    """Counts that the model follows exactly say nothing of chance: its own variance stands, not zero."""
    design, _, ranks = regression(24, 0)
    found = variance(design, np.zeros(24), ranks)
    assert found.covariances == pytest.approx(np.linalg.inv(design.T @ design)[None])
    assert (found.dispersion, found.residual) == (0, 0)


def test_residual_autocorrelation_leaves_gaps_out():
    """Two residuals around a period left out are no neighbours."""
    assert lag_one(np.array([1.0, 1.0, 1.0]), np.array([0.0, 1.0, 3.0])) == pytest.approx(1 / 3)
