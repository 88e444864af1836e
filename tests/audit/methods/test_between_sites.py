"""Stepped roll-outs, controlled series and pooled ratios: statsmodels' own figures, known truths, and refusals in French."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm, t
from statsmodels.stats.meta_analysis import combine_effects

from pertimage.audit.methods.clusters import robust
from pertimage.audit.methods.controlled import Controlled, controlled
from pertimage.audit.methods.pooled import Pooled, SiteEffect, pooled
from pertimage.audit.methods.result import Estimate, Refusal
from pertimage.audit.methods.series import Series, Unit
from pertimage.audit.methods.stepped import Site, Stepped, stepped


def series(counts, days=None):
    """Return a monthly series from January 2022."""
    starts = tuple(date(2022 + rank // 12, rank % 12 + 1, 1) for rank in range(len(counts)))
    return Series(Unit.MONTH, starts, tuple(int(count) for count in counts), tuple(days or (21,) * len(counts)))


def month(rank):
    """Return the first day of a month by its rank from January 2022."""
    return date(2022 + rank // 12, rank % 12 + 1, 1)


LIVES = (8, 12, 16, 20)


def rollout(lives=LIVES, length=30, ratio=0.7, seed=1, exams=200):
    """Return sites whose volumes share a calendar, with shocks, and fall at each go-live."""
    chance = np.random.default_rng(seed)
    common = np.exp(0.01 * np.arange(length) + 0.2 * chance.standard_normal(length))
    sites = []
    for rank, live in enumerate(lives):
        base = exams * (1 + rank / 2)
        effect = np.where(np.arange(length) >= (live or length), ratio, 1.0)
        sites.append(Site(f"site {rank}", series(chance.poisson(base * common * effect)), None if live is None else month(live)))
    return sites


def test_a_stepped_rollout_is_the_glm_of_statsmodels():
    """Ratio, dispersion and counts are those of a Poisson regression with site and month effects, called directly."""
    sites = rollout()
    found = stepped(sites)
    assert isinstance(found, Stepped)
    counts, design = [], []
    for rank, site in enumerate(sites):
        for place, count in enumerate(site.series.counts):
            counts.append(count)
            design.append([place >= LIVES[rank], *(rank == other for other in range(4)), *(place == other for other in range(1, 30))])
    design = np.array(design, float)
    fit = sm.GLM(counts, design, sm.families.Poisson(), offset=np.full(120, math.log(21))).fit(scale="X2")
    assert found.ratio.value == pytest.approx(math.exp(fit.params[0]), rel=1e-8)
    assert found.dispersion == pytest.approx(fit.scale, rel=1e-8)
    assert (found.sites, found.live, found.periods) == (4, 4, 30)
    assert found.before + found.after == sum(counts)
    assert found.ratio.low < 0.7 < found.ratio.high < 1


def test_a_shock_that_strikes_all_sites_changes_nothing():
    """Months when every site makes twice less leave the ratio where it was: the calendar takes them."""
    sites = rollout(exams=4000)
    struck = [
        replace(site, series=series([count // (2 if place in (9, 17, 25) else 1) for place, count in enumerate(site.series.counts)]))
        for site in sites
    ]
    assert stepped(struck).ratio.value == pytest.approx(stepped(sites).ratio.value, rel=0.01)


def test_cluster_robust_error_has_its_known_special_cases():
    """With one row per cluster CR2 is HC2 of statsmodels; on balanced means it is the classical t test on n − 1 degrees of freedom."""
    chance = np.random.default_rng(4)
    design = np.column_stack([np.ones(30), chance.standard_normal(30)])
    answer = design @ [1, 2] + chance.standard_normal(30)
    fit = sm.OLS(answer, design).fit(cov_type="HC2")
    assert robust(design, fit.resid, np.arange(30), 1).error == pytest.approx(fit.bse[1], rel=1e-10)
    means = np.repeat(chance.standard_normal(5), 6)
    found = robust(np.ones((30, 1)), means - means.mean(), np.repeat(np.arange(5), 6), 0)
    assert found.error == pytest.approx(np.std(means[::6], ddof=1) / math.sqrt(5), rel=1e-10)
    assert found.freedom == pytest.approx(4)


def test_sites_not_yet_live_are_controls():
    """A site without go-live is kept, and counts in the sites but not among the live ones."""
    found = stepped(rollout((8, 14, None)))
    assert (found.sites, found.live) == (3, 2)
    assert found.ratio.low < 0.7 < found.ratio.high
    assert any("3 sites" in told and "degrés de liberté" in told for told in found.warnings)


def test_two_sites_are_read_with_a_warning():
    """With two sites the calendar is a smooth one, and what the interval supposes is told."""
    found = stepped(rollout((8, 18)))
    assert "deux sites" in found.method
    assert found.warnings[-1].startswith("Deux sites seulement")
    assert found.ratio.low < 0.7 < found.ratio.high


def test_an_interval_is_never_narrower_than_that_of_chance():
    """Counts that follow the model too closely to be true keep the interval of Poisson's law."""
    sites = [Site(str(live), series([100 if place < live else 80 for place in range(30)]), month(live)) for live in LIVES]
    found = stepped(sites)
    assert found.dispersion < 0.01
    assert found.ratio.value == pytest.approx(0.8, rel=0.01)
    assert found.ratio.high / found.ratio.low > 1.1


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        (rollout((8,)), "Un seul site"),
        (rollout((8, 8, 8)), "en même temps"),
        (rollout((None, None)), "en même temps"),
        ([*rollout((8,)), Site("vide", series([0] * 30), month(12))], "Site « vide » laissé de côté : aucun examen."),
        ([*rollout((8,)), Site("tard", series([9] * 30), date(2030, 1, 1))], "La mise en service du 01/01/2030 est hors des données."),
        ([*rollout((8,)), Site("court", series([9] * 30), month(28))], "2 mois seulement après la mise en service"),
        ([*rollout((8,)), Site("semaines", Series(Unit.WEEK, (date(2022, 1, 3),), (3,), (5,)), None)], "même période"),
    ],
)
def test_a_rollout_that_says_nothing_is_refused(sites, words):
    """One site, one date, no exam, a go-live outside the data, too few months, weeks among months."""
    found = stepped(sites)
    assert isinstance(found, Refusal)
    assert words in found.why


def test_an_unusable_site_is_left_out_and_told():
    """The others are estimated without it."""
    sites = rollout()
    found = stepped([*sites, Site("vide", series([0] * 30), month(12))])
    assert found.ratio == stepped(sites).ratio
    assert "Site « vide » laissé de côté : aucun examen." in found.warnings


def test_a_site_emptied_by_its_go_live_is_kept():
    """No exam after is the strongest of effects: leaving that site out would hide it."""
    sites = rollout()
    counts = sites[0].series.counts
    emptied = replace(sites[0], series=series([*counts[:8], *[0] * 22]))
    found = stepped([emptied, *sites[1:]])
    assert found.sites == 4
    assert found.ratio.value < stepped(sites).ratio.value
    everywhere = [
        replace(site, series=series([n if p < live else 0 for p, n in enumerate(site.series.counts)]))
        for site, live in zip(sites, LIVES, strict=True)
    ]
    assert "trop peu d’examens" in stepped(everywhere).why


def pair(level=0.7, slope=1.0, before=24, after=12, exams=400, seed=3):
    """Return a series and its comparator under the same shocks, the first changed from the go-live on."""
    chance = np.random.default_rng(seed)
    time = np.arange(before + after) - before + 0.5
    common = np.exp(0.3 * chance.standard_normal(before + after))
    effect = np.where(time > 0, level * slope**time, 1.0)
    return series(chance.poisson(exams * common * effect)), series(chance.poisson(exams / 2 * common))


def test_a_controlled_series_cancels_what_both_share():
    """Shocks of 30 % a month vanish; the change of level is found, and that of the comparator alone is its inverse."""
    interest, comparator = pair()
    found, inverse = controlled(interest, comparator, month(24)), controlled(comparator, interest, month(24))
    assert isinstance(found, Controlled)
    assert found.level.low < 0.7 < found.level.high < 1
    assert found.dispersion < 2
    assert inverse.level.value == pytest.approx(1 / found.level.value, rel=1e-6)
    assert (found.before, found.after) == (24, 12)


def test_a_controlled_series_is_both_series_with_group_by_time_terms():
    """Level and slope are those of the Poisson regression of both series with group × terms and an effect of each month."""
    interest, comparator = pair(slope=0.98)
    found = controlled(interest, comparator, month(24))
    time = np.array(interest.months_from(month(24)))
    served = time > 0
    group = np.column_stack([np.ones(36), time, served, served * time, np.sin(2 * np.pi * time / 12), np.cos(2 * np.pi * time / 12)])
    design = np.vstack([np.hstack([group, np.eye(36)]), np.hstack([0 * group, np.eye(36)])])
    fit = sm.GLM(interest.counts + comparator.counts, design, sm.families.Poisson()).fit()
    assert (found.level.value, found.slope.value) == pytest.approx(tuple(np.exp(fit.params[2:4])), rel=1e-6)


def test_a_comparator_that_already_diverged_is_told():
    """Trends that differ before the go-live make a poor comparator."""
    interest, comparator = pair(1.0)
    drifting = series([round(count * 1.03**place) for place, count in enumerate(interest.counts)])
    assert any("divergeaient déjà (+" in told for told in controlled(drifting, comparator, month(24)).warnings)


@pytest.mark.parametrize(
    ("comparator", "go_live", "words"),
    [
        (None, month(24), "Pas de série témoin"),
        (series([0] * 36), month(24), "Pas de série témoin"),
        (series([9] * 36), date(2031, 1, 1), "hors des données"),
        (series([9] * 36), month(2), "2 mois seulement avant"),
        (series([9] * 24 + [0] * 12), month(24), "Témoin : Aucun examen après"),
        (Series(Unit.WEEK, (date(2022, 1, 3),), (3,), (5,)), month(24), "même période"),
    ],
)
def test_without_a_usable_comparator_it_is_refused(comparator, go_live, words):
    """The refusal says which series is at fault."""
    found = controlled(pair()[0], comparator, go_live)
    assert isinstance(found, Refusal)
    assert words in found.why


def test_a_series_of_zeros_is_refused():
    """No exam on one side leaves no ratio."""
    found = controlled(series([9] * 24 + [0] * 12), series([9] * 36), month(24))
    assert isinstance(found, Refusal)


EFFECTS = [
    SiteEffect(name, Estimate.of_log(log, error, float(t.ppf(0.975, 20))), 20)
    for name, log, error in (("A", -0.3, 0.1), ("B", -0.1, 0.05), ("C", -0.5, 0.2))
]


MANY = [(-0.3, 0.1), (-0.1, 0.05), (-0.5, 0.2), (-0.25, 0.08), (0.02, 0.06)]


def of_logs(pairs):
    """Return sites from the logarithms of their ratios and the standard errors."""
    return [SiteEffect(str(rank), Estimate.of_log(log, error, float(norm.ppf(0.975)))) for rank, (log, error) in enumerate(pairs)]


def test_five_sites_have_random_effects_those_of_statsmodels():
    """Mean, τ², I² and interval (Paule-Mandel, Hartung-Knapp-Sidik-Jonkman) agree with a direct call."""
    found = pooled(of_logs(MANY))
    assert isinstance(found, Pooled)
    logs, errors = np.array(MANY).T
    direct = combine_effects(logs, errors**2, method_re="pm", use_t=True)
    low, high = np.exp(direct.conf_int()[3])
    assert [found.ratio.value, found.ratio.low, found.ratio.high] == pytest.approx([math.exp(direct.mean_effect_re), low, high], rel=1e-6)
    assert (found.tau, found.heterogeneity) == pytest.approx((math.sqrt(direct.tau2), direct.i2), rel=1e-6)
    assert any("lire aussi chaque site" in told for told in found.warnings)


def test_fewer_sites_have_the_weighted_mean_of_those_sites():
    """Inverse variances, whatever the sites differ by; what it would be for other sites is said."""
    found = pooled(of_logs(MANY[:3]))
    assert isinstance(found, Pooled)
    weights = np.array([100, 400, 25])
    mean = float(weights @ [-0.3, -0.1, -0.5] / weights.sum())
    assert math.log(found.ratio.value) == pytest.approx(mean, rel=1e-6)
    assert math.log(found.ratio.high) - mean == pytest.approx(norm.ppf(0.975) / math.sqrt(weights.sum()), rel=1e-5)
    assert found.warnings[0].startswith("3 sites seulement : la moyenne ne vaut que pour eux ; pour d’autres, le rapport irait de 0,")
    assert any("lire aussi chaque site" in told for told in found.warnings)


def test_sites_that_agree_too_well_do_not_narrow_the_interval():
    """Identical ratios never give less than the interval of a single common effect."""
    same = pooled([SiteEffect(str(rank), Estimate.of_log(-0.2, 0.1, float(norm.ppf(0.975)))) for rank in range(6)])
    assert math.log(same.ratio.high / same.ratio.value) == pytest.approx(norm.ppf(0.975) * 0.1 / math.sqrt(6), rel=1e-6)


def test_one_site_is_not_pooled():
    """There is nothing to reunite; an interval without width is an error."""
    assert isinstance(pooled(EFFECTS[:1]), Refusal)
    with pytest.raises(ValueError, match="width"):
        pooled([SiteEffect("A", Estimate(0.8, 0.8, 0.8)), *EFFECTS])
