"""Funnels between sites: exact limits, overdispersion, words."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

from pertimage.audit.intervals import ALARM, WARNING, Place, Share, funnel, place
from pertimage.audit.methods.funnel import Funnel, Rate, funnel_of_rates, funnel_of_shares, overdispersion, poisson_limits
from pertimage.audit.methods.result import Refusal


def test_poisson_limits_are_those_of_the_law():
    """Between two whole counts the limit moves so that the cumulated probability is the tail."""
    for expected in (0.4, 3.0, 25.0, 400.0):
        for level in (WARNING, ALARM):
            low, high = poisson_limits(expected / 50, 50, level)
            assert poisson.cdf(math.ceil(high * 50), expected) > (1 + level) / 2 > poisson.cdf(math.ceil(high * 50) - 2, expected)
            assert low == 0 or poisson.cdf(math.ceil(low * 50), expected) > (1 - level) / 2
    assert poisson_limits(2.0, 10_000.0, WARNING) == pytest.approx((2 - 1.96 * math.sqrt(2e-4), 2 + 1.96 * math.sqrt(2e-4)), abs=2e-4)


def test_shares_without_overdispersion_keep_the_known_places():
    """The limits are those of `intervals.funnel`, and so are the places."""
    shares = {"A": Share(30, 60), "B": Share(150, 300), "C": Share(48, 100), "D": Share(26, 50)}
    found = funnel_of_shares(shares)
    assert isinstance(found, Funnel)
    assert found.applied == 1
    for spot in found.spots:
        share = shares[spot.site]
        assert spot.warning == pytest.approx(funnel(found.target, share.whole, WARNING))
        assert spot.place is place(share, found.target)


def test_overdispersion_is_the_mean_square_of_winsorised_scores():
    """One site in ten at each end is brought back to the next; nothing is with fewer than ten."""
    assert overdispersion([3.0, -2.0]) == pytest.approx(6.5)
    scores = [-9.0, -2, -1, -1, 0, 0, 1, 1, 2, 9]
    assert overdispersion(scores) == pytest.approx((4 + 4 + 1 + 1 + 0 + 0 + 1 + 1 + 4 + 4) / 10)


def test_overdispersion_widens_limits_around_the_target():
    """Sites that differ among themselves are held to √φ times wider limits; one far from them all stays outside."""
    counts = np.linspace(60, 140, 30)
    rates = {f"site {rank}": Rate(int(count), 100.0) for rank, count in enumerate(counts)} | {"loin": Rate(320, 100.0)}
    found = funnel_of_rates(rates)
    low, high = poisson_limits(found.target, 100.0, ALARM)
    assert found.applied == found.dispersion > 3
    assert found.spots[0].alarm == pytest.approx([found.target + (end - found.target) * math.sqrt(found.dispersion) for end in (low, high)])
    assert [spot.site for spot in found.outside] == ["loin"]
    assert "nettement au-dessus de ce que le hasard explique (99,8 %), à comprendre." in found.outside[0].french
    assert any("limites élargies" in told for told in found.warnings)


def test_a_little_overdispersion_is_taken_for_chance():
    """Under 1 + 2√(2/k) limits stay those of the law, never narrower."""
    even = funnel_of_rates({str(rank): Rate(100, 100.0) for rank in range(12)})
    assert (even.dispersion, even.applied) == (0.0, 1.0)
    assert even.spots[0].warning == pytest.approx(poisson_limits(1.0, 100.0, WARNING))


def test_words_and_empty_sites():
    """A site without data is left out and told; the sentence gives both numbers."""
    found = funnel_of_shares({"Nord": Share(2, 80), "Sud": Share(40, 80), "Est": Share(0, 0)})
    assert [spot.site for spot in found.spots] == ["Nord", "Sud"]
    assert found.spots[0].french.startswith("Nord : 2,5 % (2 sur 80), ")
    assert found.warnings[0] == "1 site sans données, absent de l’entonnoir."
    assert found.spots[0].place in (Place.BELOW, Place.FAR_BELOW, Place.INSIDE)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (funnel_of_shares({"A": Share(1, 2)}), "Un seul site"),
        (funnel_of_shares({"A": Share(0, 2), "B": Share(0, 0)}), "Un seul site"),
        (funnel_of_shares({"A": Share(0, 2), "B": Share(0, 9)}), "0 %"),
        (funnel_of_rates({"A": Rate(0, 2.0), "B": Rate(0, 9.0)}), "Aucun examen"),
    ],
)
def test_nothing_to_compare_is_refused(found, words):
    """One site, or no event anywhere."""
    assert isinstance(found, Refusal)
    assert words in found.why
