"""Cluster-robust standard error of one coefficient when clusters (sites) are few.

CR2, the bias-reduced linearisation of R. M. Bell and D. F. McCaffrey (Survey Methodology 2002;28:169-181), with Satterthwaite's degrees of
freedom, under a working model of independent errors and with generalised inverses as site effects ask for (J. E. Pustejovsky and
E. Tipton, J. Bus. Econ. Stat. 2018;36:672-683). The usual sandwich (CR1) is too narrow with few clusters. statsmodels has CR1 only;
tests/audit/methods checks that the two agree when each is the other's special case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pertimage.audit.methods.autocorrelation import Array

# Under this eigenvalue of I − H a direction is one that the model fits exactly.
_NULL = 1e-9


@dataclass(frozen=True, slots=True)
class Robust:
    """A standard error, and the degrees of freedom of Student's law that go with it."""

    error: float
    freedom: float

    @property
    def quantile(self) -> float:
        """Return the quantile of Student's law for a 95 % interval."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom))


def robust(weighted: Array, residuals: Array, clusters: NDArray[np.int_], index: int) -> Robust:
    """Return the CR2 error of the coefficient ``index``.

    ``weighted`` (n × p) is the design times the square root of the weights, ``residuals`` (n) the Pearson residuals, ``clusters`` (n) the
    number of the cluster of each row, 0 to G − 1.
    """
    bread = np.linalg.inv(weighted.T @ weighted)
    hat = weighted @ bread @ weighted.T
    direction = weighted @ bread[index]
    total, projected = 0.0, []
    for cluster in range(int(clusters.max()) + 1):
        rows = clusters == cluster
        adjusted = _root(np.eye(int(rows.sum())) - hat[np.ix_(rows, rows)]) @ direction[rows]
        total += float(adjusted @ residuals[rows]) ** 2
        share = -hat[:, rows] @ adjusted
        share[rows] += adjusted
        projected.append(share)
    products = np.array(projected) @ np.array(projected).T
    return Robust(float(np.sqrt(total)), float(np.trace(products) ** 2 / (products**2).sum()))


def _root(matrix: Array) -> Array:
    """Return the square root of the generalised inverse of a symmetric matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.where(values > _NULL, 1 / np.sqrt(np.maximum(values, _NULL)), 0.0) @ vectors.T)
