"""Stepped roll-out: one rate ratio from several sites that went live at different times.

The rule, set before any data:

1. Model: log E(exams) = log(working days) + site + calendar + treated, Poisson regression estimated by statsmodels (quasi-Poisson). A site
   is its own control before and after, and the sites not yet live are the control of those that are (M. A. Hussey and J. P. Hughes,
   Contemp. Clin. Trials 2007;28:182-191; log-linear model with fixed effects).
2. Calendar: one effect per period from 3 sites, so that whatever strikes all the sites at once (seasons, strike, epidemic) cancels. With
   2 sites, a straight trend and two pairs of yearly harmonics instead (one pair under 24 months, none under 18).
3. Interval: from 3 sites, robust to any correlation and any difference between sites (`clusters`: CR2 and Satterthwaite's degrees of
   freedom), and never narrower than what chance alone gives to counts (Poisson). With 2 sites nothing robust exists: autocorrelation
   within sites is allowed for (`autocorrelation`), and a warning says that the effect is taken to be the same in both.
4. The period that contains a go-live is left out at its site. A site that cannot serve is left out with a warning; with fewer than two
   sites, or when all of them went live together, the method refuses.

One ratio for all months after: an effect that grows with time is averaged, and is then better read on the interrupted series.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pertimage.audit.methods.autocorrelation import Array, variance
from pertimage.audit.methods.before_after import usable
from pertimage.audit.methods.clusters import robust
from pertimage.audit.methods.result import MINIMUM_POINTS, Estimate, Refusal
from pertimage.audit.methods.series import Series

# Sites from which calendar effects are one per period and the interval is cluster-robust.
ENOUGH_SITES = 3
# Degrees of freedom under which a cluster-robust interval is hardly informative (Pustejovsky and Tipton 2018).
FEW_FREEDOM = 4.0
# Length in months from which a pair of yearly harmonics is estimated, with two sites.
PAIRS_FROM = (18.0, 24.0)
_APART = 10_000
# A logarithm of ratio, or half an interval, beyond this one comes from a side that is nearly empty.
_ABSURD = math.log(1000)


@dataclass(frozen=True, slots=True)
class Site:
    """The series of a site, and its go-live; None for a site that is not live yet, a control throughout."""

    name: str
    series: Series
    go_live: date | None


@dataclass(frozen=True, slots=True)
class Stepped:
    """The ratio of the rates with and without the service, all sites together.

    ``before`` and ``after`` count exams, ``periods`` the calendar periods used, ``live`` the sites that went live among ``sites``;
    ``dispersion`` is Pearson's (1: chance alone), ``freedom`` the degrees of freedom of the interval.
    """

    method: str
    ratio: Estimate
    sites: int
    live: int
    periods: int
    before: int
    after: int
    dispersion: float
    freedom: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """One row per site and period: arrays of one length; ``site`` and ``period`` are ranks, ``months`` the calendar time."""

    counts: Array
    days: Array
    treated: Array
    months: Array
    site: NDArray[np.int_]
    period: NDArray[np.int_]

    def only(self, kept: NDArray[np.bool_]) -> _Rows:
        counts, days, treated, months = (values[kept] for values in (self.counts, self.days, self.treated, self.months))
        return _Rows(counts, days, treated, months, self.site[kept], self.period[kept])


def stepped(sites: Sequence[Site]) -> Stepped | Refusal:
    """Return the rate ratio of a stepped roll-out."""
    if len(sites) < 2:
        return Refusal("Un seul site : un déploiement par étapes en compare au moins deux ; c’est la série interrompue qu’il faut lire.")
    if len({site.series.unit for site in sites}) > 1:
        return Refusal("Les séries des sites n’ont pas toutes la même période (semaine ou mois).")
    faults = {site.name: fault for site in sites if (fault := _fault(site))}
    kept = [site for site in sites if site.name not in faults]
    told = [f"Site « {name} » laissé de côté : {why}" for name, why in faults.items()]
    if len(kept) < 2:
        return Refusal(f"Moins de deux sites utilisables. {' '.join(told)}")
    if len({site.go_live for site in kept}) < 2:
        return Refusal("Tous les sites ont été mis en service en même temps : l’effet ne s’y distingue pas du calendrier.")
    rows = _rows(kept)
    design = _design(rows, len(kept))
    if len(rows.counts) <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return Refusal("Les périodes des sites se recoupent trop peu : l’effet ne s’y distingue pas du calendrier.")
    return _estimate(kept, rows, design, told)


def _fault(site: Site) -> str:
    """Return why a site cannot serve, empty when it can."""
    if not any(site.series.counts):
        return "aucun examen."
    if site.go_live is not None:
        # Whatever the counts: a site left without any exam after its go-live is a result, and leaving it out would hide it.
        sides = usable(replace(site.series, counts=(1,) * len(site.series)), site.go_live)
        return sides.why if isinstance(sides, Refusal) else ""
    few = sum(days > 0 for days in site.series.working_days) < 2 * MINIMUM_POINTS
    return f"témoin de moins de {2 * MINIMUM_POINTS} périodes." if few else ""


def _rows(sites: Sequence[Site]) -> _Rows:
    """Return the rows of all sites; with calendar effects, a period without any exam anywhere says nothing and is left out."""
    starts = sorted({start for site in sites for start in site.series.starts})
    rank = {start: place for place, start in enumerate(starts)}
    found = []
    for number, site in enumerate(sites):
        series = site.series
        before, after = series.split(site.go_live) if site.go_live else (tuple(range(len(series))), ())
        months = series.months_from(starts[0])
        for index in before + after:
            if series.working_days[index]:
                treated = float(index in after)
                place = rank[series.starts[index]]
                found.append((series.counts[index], series.working_days[index], treated, months[index], number, place))
    columns = list(zip(*found, strict=True))
    counts, days, served, times = (np.array(column, float) for column in columns[:4])
    rows = _Rows(counts, days, served, times, np.array(columns[4]), np.array(columns[5]))
    if len(sites) < ENOUGH_SITES:
        return rows
    return rows.only(np.bincount(rows.period, rows.counts)[rows.period] > 0)


def _design(rows: _Rows, sites: int) -> Array:
    """Return the columns treated, one per site, then the calendar."""
    columns = [rows.treated, *(rows.site == number for number in range(sites))]
    if sites >= ENOUGH_SITES:
        columns += [rows.period == period for period in np.unique(rows.period)[1:]]
    else:
        columns.append(rows.months - rows.months.mean())
        length = float(np.ptp(rows.months))
        for pair in range(1, 1 + sum(length >= least - 1 for least in PAIRS_FROM)):
            columns += [np.sin(2 * math.pi * pair * rows.months / 12), np.cos(2 * math.pi * pair * rows.months / 12)]
    return np.column_stack(columns).astype(float)


def _estimate(sites: Sequence[Site], rows: _Rows, design: Array, told: Sequence[str]) -> Stepped | Refusal:
    import statsmodels.api as sm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.GLM(rows.counts, design, sm.families.Poisson(), offset=np.log(rows.days)).fit()
    stable = fit.converged or np.allclose(fit.fittedvalues, rows.counts)  # statsmodels stops early on a perfect fit
    if not stable or not np.isfinite(fit.params).all() or abs(fit.params[0]) > _ABSURD:
        return Refusal("Le modèle n’a pas de solution stable sur ces séries : trop peu d’examens.")
    expected = np.maximum(fit.fittedvalues, 1e-9)
    weighted, residuals = design * np.sqrt(expected)[:, None], (rows.counts - expected) / np.sqrt(expected)
    if len(sites) >= ENOUGH_SITES:
        clustered = robust(weighted, residuals, rows.site, 0)
        by_chance = NormalDist().inv_cdf(0.975) * math.sqrt(np.linalg.inv(weighted.T @ weighted)[0, 0])
        half, freedom = max(clustered.quantile * clustered.error, by_chance), clustered.freedom
        method = (
            "déploiement par étapes : effets fixes de site et de période, quasi-Poisson, intervalle robuste par site (CR2, Satterthwaite)"
        )
    else:
        # Sites are set far apart in time: no correlation between them.
        spread = variance(weighted, residuals, rows.period + float(_APART) * rows.site)
        half, freedom = spread.quantile * spread.error(np.eye(design.shape[1])[0]), float(spread.freedom)
        method = "déploiement par étapes, deux sites : effets fixes de site, tendance et saisons, intervalle élargi selon l’autocorrélation"
    if not half < _ABSURD:
        return Refusal("L’intervalle n’aurait pas de sens (plus de mille fois, dans chaque sens) : trop peu d’examens ou de sites.")
    treated = rows.treated == 1
    return Stepped(
        method,
        Estimate.of_log(float(fit.params[0]), half, 1.0),
        len(sites),
        sum(site.go_live is not None for site in sites),
        len(np.unique(rows.period)),
        int(rows.counts[~treated].sum()),
        int(rows.counts[treated].sum()),
        float(residuals @ residuals) / (len(residuals) - design.shape[1]),
        freedom,
        (*told, *_warnings(len(sites), freedom)),
    )


def _warnings(sites: int, freedom: float) -> Iterator[str]:
    if sites < ENOUGH_SITES:
        yield "Deux sites seulement : l’intervalle suppose que l’effet est le même dans les deux et que rien d’autre ne les a touchés ensemble."
    elif freedom < FEW_FREEDOM:
        words = f"{freedom:.1f}".replace(".", ",")
        yield f"{sites} sites ({words} degrés de liberté) : l’intervalle est très large, seul un effet franc peut s’y voir."
