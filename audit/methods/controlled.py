"""Controlled interrupted series: what changed at a go-live in an exam beyond what changed in a comparator over the same periods.

The comparator is an exam that the service does not target, or the same exam where the service is not live yet. The rule, set before any data:

1. Model: of the exams of both series in a period, the share that belongs to the series of interest follows logit = difference + difference of
   trends + level + slope [+ one pair of yearly harmonics from 24 months] (quasi-binomial GLM of statsmodels, Pearson's dispersion). This is the
   segmented regression of both series with group × terms (J. Lopez Bernal, S. Cummins, A. Gasparrini, Int. J. Epidemiol. 2018;47:2082-2093)
   where every period has its own effect, given the total of the period: what touches both series alike — seasons, strikes, working days —
   cancels exactly. exp(level) and exp(slope) are ratios of ratios: interest over comparator, after over before, at the go-live then per month.
2. Periods that are not in both series, those without any exam, and the one of the go-live are left out.
3. Autocorrelation: `autocorrelation.variance` on the series of the shares.

A comparator that takes the exams of the series of interest (substitution) exaggerates the effect: the caller chooses one that does not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pertimage.audit.methods.autocorrelation import Array, variance
from pertimage.audit.methods.before_after import usable
from pertimage.audit.methods.result import FEW_POINTS, MINIMUM_POINTS, Estimate, Refusal
from pertimage.audit.methods.series import Series

# Length in months from which a difference of seasons is estimated; exams a period under which a warning is due.
SEASONS_FROM, FEW_EXAMS = 24.0, 5.0
LEAST_FREEDOM = 3
_TREND, _LEVEL, _SLOPE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Controlled:
    """Ratios of ratios: ``level`` at the go-live, ``slope`` per month after, ``earlier`` per month before (1: the series ran parallel).

    ``before`` and ``after`` count periods; ``correlation`` is the lag-1 autocorrelation of the residuals, ``dispersion`` Pearson's.
    """

    level: Estimate
    slope: Estimate
    earlier: Estimate
    before: int
    after: int
    correlation: float
    dispersion: float
    warnings: tuple[str, ...]
    method: str = "série interrompue avec témoin : régression segmentée de la part de l’examen, intervalle élargi selon l’autocorrélation"


def controlled(interest: Series, comparator: Series | None, go_live: date, until: date | None = None) -> Controlled | Refusal:
    """Return what a go-live changed in a series beyond its comparator; « after » ends on ``until``, when the service was switched off."""
    if comparator is None or not any(comparator.counts):
        return Refusal("Pas de série témoin, ou témoin sans aucun examen : c’est la série interrompue simple qu’il faut lire.")
    if interest.unit is not comparator.unit:
        return Refusal("La série et son témoin n’ont pas la même période (semaine ou mois).")
    for series, words in ((interest, ""), (comparator, "Témoin : ")):
        sides = usable(series, go_live, until)
        if isinstance(sides, Refusal):
            return Refusal(words + sides.why)
    other = dict(zip(comparator.starts, comparator.counts, strict=True))
    used = [[i for i in side if interest.counts[i] + other.get(interest.starts[i], 0)] for side in interest.split(go_live, until)]
    before, after = ([i for i in side if interest.starts[i] in other] for side in used)
    if min(len(before), len(after)) < MINIMUM_POINTS:
        return Refusal(f"La série et son témoin ont moins de {MINIMUM_POINTS} périodes communes d’un côté de la mise en service.")
    kept = np.array(before + after)
    counts = np.array([(interest.counts[i], other[interest.starts[i]]) for i in kept], float)
    months = np.array(interest.months_from(go_live))[kept]
    return _estimate(counts, months, kept, len(before), interest)


def _estimate(counts: Array, months: Array, kept: Array, before: int, series: Series) -> Controlled | Refusal:
    import statsmodels.api as sm

    served = np.arange(len(kept)) >= before
    design = _design(months, served)
    if len(kept) - design.shape[1] < LEAST_FREEDOM:
        return Refusal(f"{len(kept)} périodes communes : trop peu pour un niveau et une pente.")
    for side, words in ((~served, "avant"), (served, "après")):
        if (counts[side].sum(axis=0) == 0).any():
            return Refusal(f"Aucun examen de la série ou de son témoin {words} la mise en service dans leurs périodes communes.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.GLM(counts, design, sm.families.Binomial()).fit()
    stable = fit.converged or np.allclose(fit.fittedvalues, counts[:, 0] / counts.sum(axis=1))  # statsmodels stops early on a perfect fit
    if not stable or not np.isfinite(fit.params).all() or np.abs(design @ fit.params).max() > math.log(1e6):
        return Refusal("Le modèle n’a pas de solution stable : trop de périodes sans examen d’un côté de la mise en service.")
    totals, share = counts.sum(axis=1), fit.fittedvalues
    root = np.sqrt(totals * share * (1 - share))
    spread = variance(design * root[:, None], (counts[:, 0] - totals * share) / root, kept.astype(float))
    unit = np.eye(design.shape[1])
    trend, level, slope = (Estimate.of_log(float(fit.params[i]), spread.error(unit[i]), spread.quantile) for i in (_TREND, _LEVEL, _SLOPE))
    told = tuple(_warnings(counts, served, trend, series))
    return Controlled(level, slope, trend, before, len(kept) - before, spread.residual, spread.dispersion, told)


def _design(months: Array, served: NDArray[np.bool_]) -> Array:
    """Return the columns difference, trend, level, slope, then sine and cosine of a year when the series is long enough."""
    columns = [np.ones_like(months), months, served, served * months]
    if float(np.ptp(months)) >= SEASONS_FROM - 1:
        columns += [np.sin(2 * math.pi * months / 12), np.cos(2 * math.pi * months / 12)]
    return np.column_stack(columns).astype(float)


def _warnings(counts: Array, served: NDArray[np.bool_], trend: Estimate, series: Series) -> Iterator[str]:
    if trend.is_clear:
        words = f"{100 * (trend.value - 1):+.1f}".replace(".", ",").replace("-", "−")
        yield f"Avant la mise en service, la série et son témoin divergeaient déjà ({words} % par mois) : ce témoin convient mal."
    few = min(int((~served).sum()), int(served.sum()))
    if few < FEW_POINTS:
        yield f"{few} points d’un côté de la mise en service : au-dessous de {FEW_POINTS}, niveau et pente sont très incertains."
    if counts.mean(axis=0).min() < FEW_EXAMS:
        yield f"Moins de {FEW_EXAMS:.0f} examens par {series.unit} en moyenne dans la série ou son témoin : l’intervalle est approché."
