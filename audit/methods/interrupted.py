"""Interrupted time series: what changed at a go-live beyond the trend and the seasons that were there before.

The rule, set before any data:

1. Model: log E(exams) = log(working days) + intercept + trend + level + slope + seasons (segmented Poisson regression with an offset:
   J. Lopez Bernal, S. Cummins, A. Gasparrini, Int. J. Epidemiol. 2017;46:348-355), estimated by statsmodels as a quasi-Poisson GLM
   (dispersion: Pearson's X²). Time is in months from the go-live: « level » is the ratio at the go-live, « slope » the ratio by which
   the trend changes each month after.
2. Seasons: sines and cosines of one year, chosen by the length of the series, never by its fit: no pair under 18 months, one pair under
   24, two pairs from 24. Pairs are dropped while fewer than 3 points more than parameters remain; when that is not enough, no slope is
   estimated and the method refuses: `before_after` remains.
3. Periods: the one that contains the go-live is left out, those without a working day too; the silent phase is « before ».
4. Autocorrelation: `autocorrelation.variance`, always, whatever the residuals show; Student's intervals.
5. The answer of the model does not depend on the sensitivity runs, which change one choice each.

What is expected without the service (counterfactual) is the model with level and slope put to zero; its interval is that of the expected
number, not of a count to be observed. Exams avoided are the expected total less the observed one over the periods after; their interval
follows from that of the ratio of the two totals (delta method on its logarithm).
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pertimage.audit.methods.autocorrelation import LEAST_DISPERSION, Array, Variance, variance
from pertimage.audit.methods.before_after import Side, side_of, usable
from pertimage.audit.methods.result import FEW_POINTS, MINIMUM_POINTS, Estimate, Refusal
from pertimage.audit.methods.series import Series, Unit

# Length of the series in months from which a pair of harmonics is estimated.
PAIRS_FROM = (18.0, 24.0)
LEAST_FREEDOM = 3
# What earns a warning: exams per period on average, correlation of neighbouring periods.
FEW_EXAMS, STRONG = 8.0, 0.5
# What a series too empty for its model gives, and is refused: a fitted number of exams near zero, columns that cannot be told apart, an
# interval from a thousand times less to a thousand times more.
LEAST_EXPECTED, WORST_CONDITION, WIDEST = 1e-4, 1e6, 1000.0
_LEVEL, _SLOPE = 2, 3


@dataclass(frozen=True, slots=True)
class Point:
    """A period of the chart: what was observed, what the model fits, what it expects without the service (with its 95 % interval).

    ``expected`` is None before the go-live; the period of the go-live and those left out have no fitted value.
    """

    start: date
    observed: int
    working_days: int
    fitted: float | None = None
    expected: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A sensitivity run: the choice that it changes, and what level and slope (ratio per month) become; ``note`` when it gives none."""

    choice: str
    level: Estimate | None = None
    slope: Estimate | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What an interrupted series says.

    ``level`` is the ratio at the go-live, ``slope`` the ratio per month after, ``overall`` observed/expected over all periods after,
    ``avoided`` the exams avoided over them (negative: exams added) as an Estimate in exams; ``dispersion`` is Pearson's (1: chance
    alone), ``correlation`` the lag-1 autocorrelation of the residuals, ``retained`` the one that the intervals allow for;
    ``harmonics`` is a number of pairs.
    """

    method: str
    unit: Unit
    level: Estimate
    slope: Estimate
    overall: Estimate
    avoided: Estimate
    before: Side
    after: Side
    dispersion: float
    correlation: float
    retained: float
    harmonics: int
    points: tuple[Point, ...]
    warnings: tuple[str, ...]
    sensitivity: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class _Data:
    """The periods used: arrays of one length; ``after`` is 0 or 1, ``months`` are counted from the go-live."""

    counts: Array
    days: Array
    months: Array
    after: Array
    ranks: Array

    def design(self, harmonics: int, *, served: bool = True) -> Array:
        """Return the columns intercept, trend, level, slope (both null if not ``served``), then sine and cosine of each pair."""
        after = self.after if served else 0 * self.after
        columns = [np.ones_like(self.months), self.months, after, after * self.months]
        for pair in range(1, harmonics + 1):
            angle = 2 * math.pi * pair * self.months / 12
            columns += [np.sin(angle), np.cos(angle)]
        return np.column_stack(columns)

    def only(self, kept: NDArray[np.bool_]) -> _Data:
        return _Data(*(values[kept] for values in (self.counts, self.days, self.months, self.after, self.ranks)))


@dataclass(frozen=True, slots=True)
class _Fit:
    params: Array
    expected: Array
    spread: Variance

    def ratio(self, direction: Array) -> Estimate:
        return Estimate.of_log(float(direction @ self.params), self.spread.error(direction), self.spread.quantile)

    def coefficient(self, index: int) -> Estimate:
        return self.ratio(np.eye(len(self.params))[index])

    def says_something(self) -> bool:
        """Say whether no interval is absurdly wide: that of a series too empty for its model."""
        widths = [self.spread.quantile * self.spread.error(row) for row in np.eye(len(self.params))[_LEVEL : _SLOPE + 1]]
        return max(widths) < math.log(WIDEST)


@dataclass(frozen=True, slots=True)
class _Main:
    sides: tuple[tuple[int, ...], tuple[int, ...]]
    data: _Data
    harmonics: int
    fit: _Fit


def interrupted(
    series: Series, go_live: date, until: date | None = None, other: Series | None = None, *, sensitivity: bool = True
) -> Interrupted | Refusal:
    """Return what changed in a series at a go-live; « after » ends on ``until``, when the service was switched off.

    ``other`` is the same activity in the other unit of time, for a sensitivity run. Without ``sensitivity`` there is none, and the rest
    is the same, some ten times faster.
    """
    main = _main(series, go_live, until)
    if isinstance(main, Refusal):
        return main
    runs = list(_runs(main)) if sensitivity else []
    if sensitivity and other is not None:
        again = _main(other, go_live, until)
        runs.append(_shown(f"par {other.unit}", again.why if isinstance(again, Refusal) else again.fit))
    return _result(series, main, tuple(runs))


def _main(series: Series, go_live: date, until: date | None) -> _Main | Refusal:
    """Return the model of the rule, fitted."""
    sides = usable(series, go_live, until)
    if isinstance(sides, Refusal):
        return sides
    data = _data(series, go_live, *sides)
    harmonics = _harmonics(data)
    if harmonics is None:
        return Refusal(
            f"{len(data.counts)} points pour 4 paramètres : trop peu pour séparer niveau, pente et tendance ; reste l’avant/après simple."
        )
    fit = _quasi_poisson(data, data.design(harmonics))
    if fit is None:
        return Refusal(
            "Trop peu d’examens, ou trop de périodes sans examen, pour séparer niveau, pente et tendance ; reste l’avant/après simple."
        )
    return _Main(sides, data, harmonics, fit)


def harmonics_for(months: float) -> int:
    """Return the pairs of harmonics that a series of this length gets; half a month of tolerance, since months differ."""
    return sum(months + 0.5 >= least for least in PAIRS_FROM)


def _harmonics(data: _Data) -> int | None:
    """Return the pairs of harmonics, or None when even without them too few points remain."""
    n, pairs = len(data.counts), harmonics_for(_length(data))
    while pairs and n - 4 - 2 * pairs < LEAST_FREEDOM:
        pairs -= 1
    return pairs if n - 4 - 2 * pairs >= LEAST_FREEDOM else None


def _length(data: _Data) -> float:
    """Return the months from the first period to the last, both included."""
    steps = np.diff(data.months) / np.diff(data.ranks)
    return float(data.months[-1] - data.months[0] + np.median(steps))


def _data(series: Series, go_live: date, before: tuple[int, ...], after: tuple[int, ...]) -> _Data:
    ranks = np.array(before + after)
    return _Data(
        np.array(series.counts, float)[ranks],
        np.array(series.working_days, float)[ranks],
        np.array(series.months_from(go_live))[ranks],
        (ranks >= after[0]).astype(float),
        ranks.astype(float),
    )


def _quasi_poisson(data: _Data, design: Array) -> _Fit | None:
    import statsmodels.api as sm

    return _glm(data, design, sm.families.Poisson())


def _glm(data: _Data, design: Array, family: Any) -> _Fit | None:
    """Return the fit of a family with logarithmic link, or None when it does not converge or determines nothing."""
    import statsmodels.api as sm

    with _quiet():
        try:
            fit = sm.GLM(data.counts, design, family, offset=np.log(data.days)).fit()
        except (ValueError, np.linalg.LinAlgError):
            return None
    expected = np.asarray(fit.fittedvalues)
    if not fit.converged or expected.min() < LEAST_EXPECTED:
        return None
    deviation = np.sqrt(family.variance(expected))
    weighted = design * (expected / deviation)[:, None]
    if np.linalg.cond(weighted / np.linalg.norm(weighted, axis=0)) > WORST_CONDITION:
        return None
    found = _Fit(np.asarray(fit.params), expected, variance(weighted, (data.counts - expected) / deviation, data.ranks))
    return found if found.says_something() else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what statsmodels says on the way of series that are then refused: what it found is judged, not its warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _negative_binomial(data: _Data, design: Array, poisson: _Fit) -> _Fit | str:
    """Return the negative binomial fit, or why there is none: it needs a dispersion beyond chance, and must converge."""
    import statsmodels.api as sm
    from scipy.stats import chi2

    if poisson.spread.dispersion * poisson.spread.freedom <= chi2.ppf(0.95, poisson.spread.freedom):
        return "dispersion compatible avec le hasard seul : la loi binomiale négative n’apporte rien"
    with _quiet():
        found = sm.NegativeBinomial(data.counts, design, offset=np.log(data.days)).fit(
            start_params=[*poisson.params, 0.1], method="bfgs", maxiter=500, disp=0
        )
    alpha = float(found.params[-1])
    if not found.mle_retvals["converged"] or not alpha > 0:
        return "l’estimation n’a pas convergé"
    return _glm(data, design, sm.families.NegativeBinomial(alpha=alpha)) or "l’estimation n’a pas convergé"


def _log_linear(data: _Data, design: Array) -> _Fit | str:
    """Return ordinary least squares on the logarithm of the rate."""
    import statsmodels.api as sm

    if data.counts.min() <= 0:
        return "une période sans examen n’a pas de logarithme"
    fit = sm.OLS(np.log(data.counts / data.days), design).fit()
    # The floor of the dispersion is one of counts: the residuals are brought to their scale.
    scale = np.sqrt(data.counts)
    spread = variance(design * np.median(scale), np.asarray(fit.resid) * np.median(scale), data.ranks)
    return _Fit(np.asarray(fit.params), np.exp(np.asarray(fit.fittedvalues)) * data.days, spread)


def _runs(main: _Main) -> Iterator[Run]:
    data, design = main.data, main.data.design(main.harmonics)
    n = len(data.counts)
    for pairs in (main.harmonics - 1, main.harmonics + 1):
        if pairs >= 0 and n - 4 - 2 * pairs >= LEAST_FREEDOM:
            yield _shown(_pairs(pairs), _quasi_poisson(data, data.design(pairs)))
    yield _shown("sans changement de pente", _quasi_poisson(data, np.delete(design, _SLOPE, axis=1)), slope=False)
    yield _shown("loi binomiale négative", _negative_binomial(data, design, main.fit))
    yield _shown("moindres carrés sur les logarithmes", _log_linear(data, design))
    late = (data.after == 0) | (data.months >= 1)
    if late.sum() < n and data.after[late].sum() >= MINIMUM_POINTS and late.sum() - design.shape[1] >= LEAST_FREEDOM:
        yield _shown("sans le premier mois après la mise en service", _quasi_poisson(data.only(late), design[late]))
    yield _shown("sans tenir compte de l’autocorrélation", _independent(main.fit, design))


def _shown(choice: str, fit: _Fit | str | None, *, slope: bool = True) -> Run:
    if not isinstance(fit, _Fit):
        return Run(choice, note=fit or "l’estimation n’a pas convergé")
    return Run(choice, fit.coefficient(_LEVEL), fit.coefficient(_SLOPE) if slope else None)


def _independent(fit: _Fit, design: Array) -> _Fit:
    """Return the same fit with the covariance of a quasi-Poisson GLM, that of statsmodels."""
    bread: Array = np.linalg.inv(design.T @ (design * fit.expected[:, None]))
    return replace(fit, spread=fit.spread.under(bread * fit.spread.dispersion))


def _result(series: Series, main: _Main, runs: tuple[Run, ...]) -> Interrupted:
    data, harmonics, fit = main.data, main.harmonics, main.fit
    overall, avoided = _totals(main)
    return Interrupted(
        f"série interrompue par {series.unit} : régression segmentée quasi-Poisson, décalage log(jours ouvrés), {_pairs(harmonics)}, "
        "intervalles de Student élargis selon l’autocorrélation",
        series.unit,
        fit.coefficient(_LEVEL),
        fit.coefficient(_SLOPE),
        overall,
        avoided,
        side_of(series, main.sides[0]),
        side_of(series, main.sides[1]),
        fit.spread.dispersion,
        fit.spread.residual,
        fit.spread.correlation,
        harmonics,
        _points(series, data, data.design(harmonics, served=False), fit),
        tuple(_warnings(series, main)),
        runs,
    )


def _totals(main: _Main) -> tuple[Estimate, Estimate]:
    """Return observed/expected over the periods after, and expected less observed."""
    data, fit = main.data, main.fit
    after = data.after == 1
    served, alone = data.design(main.harmonics)[after], data.design(main.harmonics, served=False)[after]
    fitted, expected = fit.expected[after], np.exp(alone @ fit.params) * data.days[after]
    # A Poisson regression with a level for « after » fits the observed total exactly: fitted and observed are the same sum.
    gradient = fitted @ served / fitted.sum() - expected @ alone / expected.sum()
    observed = float(data.counts[after].sum())
    ratio = Estimate.of_log(math.log(observed / expected.sum()), fit.spread.error(gradient), fit.spread.quantile)
    return ratio, Estimate(observed / ratio.value - observed, observed / ratio.high - observed, observed / ratio.low - observed)


def _points(series: Series, data: _Data, alone: Array, fit: _Fit) -> tuple[Point, ...]:
    found = {int(rank): place for place, rank in enumerate(data.ranks)}
    points = []
    for rank, start in enumerate(series.starts):
        point = Point(start, series.counts[rank], series.working_days[rank])
        if (place := found.get(rank)) is not None:
            expected = _scaled(fit.ratio(alone[place]), float(data.days[place])) if data.after[place] else None
            point = replace(point, fitted=float(fit.expected[place]), expected=expected)
        points.append(point)
    return tuple(points)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(estimate.value * factor, estimate.low * factor, estimate.high * factor)


def _warnings(series: Series, main: _Main) -> Iterator[str]:
    sides, data, harmonics, fit = main.sides, main.data, main.harmonics, main.fit
    unit = series.unit
    closed = [series.starts[rank] for rank in range(len(series)) if not series.working_days[rank]]
    if closed:
        yield f"Sans jour ouvré, donc laissé de côté : {unit} du {', '.join(f'{day:%d/%m/%Y}' for day in closed)}."
    few = min(sides, key=len)
    if len(few) < FEW_POINTS:
        where = "avant" if few is sides[0] else "après"
        yield f"{len(few)} points {where} la mise en service : au-dessous de {FEW_POINTS}, niveau et pente sont très incertains."
    length = _length(data)
    if harmonics < len(PAIRS_FROM):
        yield f"La série couvre {length:.0f} mois, {_pairs(harmonics)} : un effet de saison peut passer pour un effet du service."
    if data.counts.mean() < FEW_EXAMS:
        yield f"{_french(data.counts.mean())} examens par {unit} en moyenne : au-dessous de {FEW_EXAMS:.0f}, le résultat est approché."
    if empty := int((data.counts == 0).sum()):
        yield f"{empty} {_plural(unit, empty)} sans aucun examen : à vérifier, un export incomplet s’y lirait comme une baisse."
    if fit.spread.correlation > STRONG:
        found = _french(fit.spread.correlation)
        yield f"Autocorrélation forte ({found}) : au-delà de {_french(STRONG)}, les intervalles peuvent être trop étroits."
    if fit.spread.dispersion < LEAST_DISPERSION:
        yield "Les effectifs varient moins que le hasard ne le voudrait : données à vérifier ; l’intervalle est celui du hasard seul."


def _pairs(number: int) -> str:
    return ("sans saisons", "saisons par une paire d’harmoniques")[number] if number < 2 else f"saisons par {number} paires d’harmoniques"


def _french(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")


def _plural(unit: Unit, number: int) -> str:
    return f"{unit}s" if number > 1 and unit is Unit.WEEK else str(unit)
