"""Intervals and funnel limits, against figures computed elsewhere."""

import pytest

from pertimage.audit.intervals import ALARM, WARNING, Place, Share, funnel, place, wilson

# statsmodels 0.15.0, proportion_confint(part, whole, method="wilson").
WILSON = [
    (0, 20, (0.0, 0.161125158053)),
    (1, 20, (0.008881448801, 0.236131193447)),
    (13, 20, (0.432854276685, 0.818808175899)),
    (20, 20, (0.838874841947, 1.0)),
    (37, 61, (0.48117252629, 0.71931648547)),
    (512, 900, (0.536309066839, 0.600883135167)),
]
# scipy.stats.binom (ppf and cdf) put into the formula of Spiegelhalter's appendix.
FUNNEL = [
    (0.8, 20, 0.95, (0.5838845205, 0.9383159566)),
    (0.8, 20, 0.998, (0.4607458737, 0.9956631913)),
    (0.62, 57, 0.95, (0.4826388454, 0.7351249027)),
    (0.62, 57, 0.998, (0.4076384799, 0.802762607)),
    (0.9, 400, 0.95, (0.8683703549, 0.927188844)),
    (0.9, 400, 0.998, (0.8496839711, 0.9421188027)),
]


@pytest.mark.parametrize(("part", "whole", "expected"), WILSON)
def test_wilson_is_that_of_statsmodels(part, whole, expected):
    """The interval agrees with an independent implementation, at the ends too."""
    assert wilson(part, whole) == pytest.approx(expected, abs=1e-12)
    assert Share(part, whole).interval == wilson(part, whole)


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion_is_refused(part, whole):
    """An interval of nothing is an error, not a number."""
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(part, whole)
    assert (Share(0, 0).interval, Share(0, 0).value) == (None, None)


@pytest.mark.parametrize(("target", "whole", "level", "expected"), FUNNEL)
def test_limits_are_those_of_the_exact_binomial_law(target, whole, level, expected):
    """The limits agree with an independent computation, at 95 % and at 99.8 %."""
    assert funnel(target, whole, level) == pytest.approx(expected, abs=1e-9)


def test_limits_narrow_with_the_number_and_widen_with_the_level():
    """A larger practice is held to a narrower band; 99.8 % is wider than 95 %."""
    widths = [high - low for low, high in (funnel(0.7, whole, WARNING) for whole in (20, 60, 200, 900))]
    assert widths == sorted(widths, reverse=True)
    assert funnel(0.7, 60, ALARM)[0] < funnel(0.7, 60, WARNING)[0] < 0.7 < funnel(0.7, 60, WARNING)[1] < funnel(0.7, 60, ALARM)[1]


@pytest.mark.parametrize(
    ("part", "expected"),
    [(70, Place.INSIDE), (62, Place.INSIDE), (58, Place.BELOW), (50, Place.FAR_BELOW), (81, Place.ABOVE), (90, Place.FAR_ABOVE)],
)
def test_a_practice_is_outside_only_beyond_the_limits(part, expected):
    """Below the target is not yet below the limits."""
    assert place(Share(part, 100), 0.7) is expected


def test_a_target_of_none_or_all_has_no_band():
    """When every peer has the same extreme share, the limits are the target itself."""
    assert funnel(1.0, 30, WARNING) == (1.0, 1.0)
    assert place(Share(30, 30), 1.0) is Place.INSIDE
