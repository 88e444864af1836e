"""Simulated series hold the truth that they claim, and the page of results knows every scenario."""

from datetime import date

import numpy as np
import pytest

from bench.simulated_series import INTERRUPTED, SIMPLE, WAITS
from pertimage.audit.methods.autocorrelation import lag_one
from pertimage.audit.methods.series import Unit
from pertimage.audit.methods.simulation import Truth, autoregressive, simulate
from tests.project import ROOT


def test_the_expected_counts_are_those_of_the_truth():
    """Without chance but Poisson's on millions: trend, step and slope are found by hand."""
    truth = Truth(10_000_000, level=0.8, slope=0.97, trend=1.01)
    series, go_live = simulate(truth, Unit.MONTH, 12, 6, np.random.default_rng(1))
    rates = np.array(series.counts) / np.array(series.working_days)
    months = np.array(series.months_from(go_live))
    log = np.log(1.01) * months + np.where(months > 0, np.log(0.8) + np.log(0.97) * months, 0)
    kept = np.arange(len(series)) != 12
    assert np.diff(np.log(rates) - log)[kept[1:] & kept[:-1]] == pytest.approx(0, abs=0.002)
    assert series.starts[12] < go_live < series.end(12)


def test_the_summer_fall_is_in_august():
    """No harmonic: August alone falls, and the end of December by half."""
    series, _ = simulate(Truth(10_000_000, trend=1, summer=0.3), Unit.MONTH, 12, 12, np.random.default_rng(1))
    rates = {start: count / days for start, count, days in zip(series.starts, series.counts, series.working_days, strict=True)}
    assert rates[date(2021, 8, 1)] / rates[date(2021, 7, 1)] == pytest.approx(0.7, abs=0.01)
    assert rates[date(2021, 12, 1)] / rates[date(2021, 11, 1)] == pytest.approx(1 - 0.15 * 10 / 31, abs=0.01)


@pytest.mark.parametrize("latent", [False, True])
def test_chance_is_as_wide_and_as_correlated_as_asked(latent):
    """Variation and autocorrelation are those of the truth, where counts are so large that Poisson's chance is nothing."""
    truth = Truth(1_000_000, trend=1, variation=0.2, correlation=0.6, latent=latent)
    series, _ = simulate(truth, Unit.WEEK, 2000, 1, np.random.default_rng(2))
    rates = np.array(series.counts) / np.array(series.working_days)
    assert rates.std() / rates.mean() == pytest.approx(0.2, abs=0.02)
    assert lag_one(rates - rates.mean(), np.arange(len(rates))) == pytest.approx(0.6, abs=0.05)


def test_a_mirror_is_of_opposite_chance():
    """What one series has above its expectation, its mirror has below."""
    one, two = (
        simulate(Truth(1000, trend=1, variation=0.1), Unit.MONTH, 60, 1, np.random.default_rng(3), mirrored=m)[0] for m in (False, True)
    )
    assert np.corrcoef(np.array(one.counts) / one.working_days, np.array(two.counts) / two.working_days)[0, 1] < -0.8


def test_the_process_is_stationary():
    """Its variance is 1 from the first value on."""
    starts = [autoregressive(5, 0.9, np.random.default_rng(seed)) for seed in range(2000)]
    assert np.var(starts, axis=0) == pytest.approx(1, abs=0.15)


def test_the_page_has_every_scenario():
    """A scenario added or renamed asks for `make simulations`."""
    page = (ROOT / "docs" / "simulations.md").read_text()
    assert [words for words in (*(s.words for s in (*INTERRUPTED, *SIMPLE)), *WAITS) if f"| {words} |" not in page] == []
