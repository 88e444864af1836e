"""Power before promising: published formulas, statsmodels, simulation, French sentences."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.rates import power_poisson_ratio_2indep

from pertimage.audit.methods.power import Design, Plan, error, months_needed, power_of, sentence, smallest_effect, visible


def test_the_error_is_that_of_statsmodels_power():
    """The large-sample power of two Poisson rates follows from it exactly, overdispersion included."""
    for before, after, dispersion in ((48, 19, 1.0), (24, 12, 1.8)):
        direct = power_poisson_ratio_2indep(
            14 * 0.8,
            14,
            after,
            before / after,
            value=1,
            dispersion=dispersion,
            alternative="two-sided",
            method_var="alt",
            return_results=False,
        )
        shift, quantile = -math.log(0.8) / error(Plan(14, before, dispersion=dispersion), 0.8, after), norm.ppf(0.975)
        assert norm.cdf(shift - quantile) + norm.cdf(-shift - quantile) == pytest.approx(direct, rel=1e-9)


def test_matrix_and_closed_forms_agree():
    """A null autocorrelation reached by the general formula is the closed formula."""
    assert error(Plan(14, 20, correlation=1e-12), 0.8, 10) == pytest.approx(error(Plan(14, 20), 0.8, 10), rel=1e-9)


@pytest.mark.parametrize(("before", "months"), [(24, 29), (48, 20), (49, 19), (58, 19), (59, 18), (None, 27), (12, None)])
def test_fourteen_exams_a_month(before, months):
    """The example of the specification, by the months known before."""
    assert months_needed(Plan(14, before), 0.8) == months


def test_power_promised_is_found():
    """The t test of a Poisson regression declares a true −20 % as often as promised."""
    plan, after = Plan(30, 24), 14
    chance, draws = np.random.default_rng(6), 4000
    before, later = chance.poisson(30, (draws, 24)), chance.poisson(24, (draws, after))
    means = before.mean(axis=1), later.mean(axis=1)
    dispersion = (
        ((before - means[0][:, None]) ** 2).sum(axis=1) / means[0] + ((later - means[1][:, None]) ** 2).sum(axis=1) / means[1]
    ) / 36
    errors = np.sqrt(dispersion * (1 / before.sum(axis=1) + 1 / later.sum(axis=1)))
    from scipy.stats import t

    found = (np.abs(np.log(means[1] / means[0])) > t.ppf(0.975, 36) * errors).mean()
    assert found == pytest.approx(power_of(plan, 0.8, after), abs=0.025)


def test_more_is_seen_with_more():
    """More exams, months or effect never lower power; overdispersion, autocorrelation and a trend to estimate never raise it."""
    plan = Plan(50, 24)
    base = power_of(plan, 0.8, 6)
    assert power_of(plan, 0.8, 12) > base
    assert power_of(Plan(80, 24), 0.8, 6) > base
    assert power_of(plan, 0.7, 6) > base
    for worse in (Plan(50, 24, dispersion=2), Plan(50, 24, correlation=0.4), Plan(50, 24, Design.INTERRUPTED)):
        assert power_of(worse, 0.8, 6) < base


def test_smallest_effect_is_the_inverse_of_months_needed():
    """With the smallest visible effect, the months needed are those given."""
    for plan in (Plan(14, 36), Plan(100, 24, dispersion=2, correlation=0.3), Plan(200, 36, Design.INTERRUPTED)):
        limit = smallest_effect(plan, 18)
        assert power_of(plan, limit, 18) == pytest.approx(0.8, abs=1e-3)
        assert months_needed(plan, limit * 0.999) <= 18 < (months_needed(plan, limit * 1.02) or 999)


def test_the_promise_in_french():
    """Figures, terms, and what to say when no delay is enough."""
    assert sentence(Plan(14, 50), 0.8) == (
        "Avec 14 examens par mois et 50 mois de recul, il faut au moins 19 mois après la mise en service pour voir −20 % "
        "(avant/après simple, puissance 80 %, seuil 5 % bilatéral)."
    )
    assert ", et autant avant, pour voir −20 %" in sentence(Plan(14, None), 0.8)
    assert "dix ans après la mise en service ne suffisent pas à voir −20 % : le plus petit effet visible est alors de −2" in sentence(
        Plan(14, 12), 0.8
    )
    assert "surdispersion 1,5, autocorrélation 0,3)." in sentence(Plan(14.5, 12, dispersion=1.5, correlation=0.3), 0.8)
    assert "la plus petite baisse visible est de −29,7 %" in visible(Plan(14, 12), 12)
    assert "aucun effet n’est visible" in visible(Plan(0.1, 3), 3)


@pytest.mark.parametrize("wrong", [{"per_month": 0}, {"dispersion": 0}, {"correlation": 1}, {"before": 0}, {"power": 0.01}])
def test_what_is_no_plan_is_refused(wrong):
    """No exam, no spread, no month."""
    with pytest.raises(ValueError, match="not a plan"):
        Plan(**({"per_month": 14, "before": 12} | wrong))
    with pytest.raises(ValueError, match="not an effect"):
        months_needed(Plan(14, 12), 1)
