import math
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.change import compare, student_cdf, student_quantile

WEEKS = st.lists(st.floats(-1000, 1000), min_size=3, max_size=40)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (10, 2.2281), (30, 2.0423), (120, 1.9799), (1e6, 1.95996)],
)
def test_student_quantiles_are_those_of_the_tables(freedom, quantile):
    """The 97.5 % quantiles agree with the printed tables."""
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, abs=1e-4)


@given(st.floats(0, 50), st.floats(0.5, 200))
def test_student_distribution_agrees_with_its_closed_form(t, freedom):
    """With one and two degrees of freedom the distribution function is known exactly; it always lies between 1/2 and 1."""
    assert student_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-10)
    assert student_cdf(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), abs=1e-10)
    assert 0.5 <= student_cdf(t, freedom) <= 1


def test_welch_interval_of_a_worked_example():
    """Two short series: the interval is the one that the formula gives by hand."""
    change = compare([10, 12, 14], [20, 26, 32])
    # variances 4 and 36; spread = 4/3 + 12; degrees of freedom = spread² / ((4/3)²/2 + 12²/2) = 2.4390
    half = student_quantile(0.975, 2.43902439) * math.sqrt(4 / 3 + 12)
    assert (change.before, change.after, change.difference) == (12, 26, 14)
    assert (change.low, change.high) == (pytest.approx(14 - half, abs=1e-6), pytest.approx(14 + half, abs=1e-6))
    assert (change.weeks_before, change.weeks_after, change.refusal) == (3, 3, None)


@pytest.mark.parametrize(
    ("before", "after", "words"), [([1, 2], [1, 2, 3], "2 avant"), ([1, 2, 3], [], "0 après"), ([1], [1], "1 avant et 1 après")]
)
def test_fewer_than_three_weeks_on_a_side_is_refused_and_said(before, after, words):
    """No difference is given, and the reason says how many weeks there are."""
    change = compare(before, after)
    assert (change.difference, change.low, change.high) == (None, None, None)
    assert change.refusal.startswith("Il faut au moins 3 semaines complètes de chaque côté")
    assert words in change.refusal


def test_constant_weeks_have_no_interval():
    """Without any variation the formula says nothing, and the result says so."""
    assert compare([5, 5, 5], [5, 5, 5]).refusal == "Toutes les semaines ont la même valeur : l'intervalle ne se calcule pas."


@given(WEEKS, WEEKS)
def test_the_interval_holds_the_difference_and_turns_with_it(before, after):
    """The difference is inside its interval; exchanging the periods changes its sign only."""
    change, back = compare(before, after), compare(after, before)
    if change.refusal:
        assert back.refusal
        return
    assert change.low <= change.difference <= change.high
    assert change.difference == pytest.approx(fmean(after) - fmean(before), abs=1e-9)
    assert (back.low, back.high) == (pytest.approx(-change.high, rel=1e-6, abs=1e-9), pytest.approx(-change.low, rel=1e-6, abs=1e-9))


def test_weeks_that_resemble_each_other_widen_the_interval():
    """A slow wave is worth fewer weeks than as many independent ones of the same spread."""
    wave = [math.sin(week / 4) for week in range(26)]
    shuffled = random.Random(1).sample(wave, len(wave))
    slow, quick = compare(wave, wave), compare(shuffled, shuffled)
    assert slow.autocorrelation > 0.8 > quick.autocorrelation
    assert slow.high - slow.low > 2 * (quick.high - quick.low)


def test_the_interval_covers_what_it_claims():
    """On four hundred simulated series without any change, about 95 % of the intervals hold zero, even with few weeks."""
    draw = random.Random(20261123)
    for size in (4, 20):
        held = 0
        for _ in range(400):
            change = compare([draw.gauss(100, 10) for _ in range(size)], [draw.gauss(100, 20) for _ in range(size)])
            held += change.low <= 0 <= change.high
        assert 0.91 <= held / 400 <= 0.99


def test_almost_constant_weeks_still_have_an_interval():
    """Variances whose squares vanish in floating point are weighed as shares, not lost."""
    change = compare([1e-90, 2e-90, 4e-90], [2e-90, 1e-90, 3e-90])
    assert change.low is not None
