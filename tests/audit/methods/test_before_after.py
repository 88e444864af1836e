"""Simple before/after: rates per working day and median waits."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
import statsmodels.api as sm

from pertimage.audit.methods.before_after import BLIND, before_after, wait_ratio
from pertimage.audit.methods.series import Series, Unit, series_of
from tests.audit.methods.scenes import GO_LIVE, monthly


def test_the_ratio_is_that_of_the_rates_per_working_day():
    """Saturated model: the estimate is the ratio of the rates, statsmodels' too; the period of the go-live is on neither side."""
    series = monthly([40] * 5 + [60] * 3 + [999] + [30] * 6)
    found = before_after(series, GO_LIVE)
    days = series.working_days
    before, after = 380 / sum(days[:8]), 180 / sum(days[9:])
    assert found.ratio.value == pytest.approx(after / before)
    assert (found.before.exams, found.before.periods, found.after.exams, found.after.periods) == (380, 8, 180, 6)
    assert found.after.rate == pytest.approx(after)
    used = [*range(8), *range(9, 15)]
    counts, design = np.array(series.counts)[used], sm.add_constant((np.array(used) > 8).astype(float))
    direct = sm.GLM(counts, design, sm.families.Poisson(), offset=np.log(np.array(days)[used])).fit(scale="X2")
    assert found.ratio.value == pytest.approx(math.exp(direct.params[1]))
    assert found.dispersion == pytest.approx(direct.scale)
    # Months of 40 then months of 60: neighbours are alike, and the interval must be wider than that of independent months.
    assert found.correlation > 0.2
    assert math.log(found.ratio.high / found.ratio.low) > 2 * 1.96 * direct.bse[1]


def test_it_says_what_it_cannot_see():
    """A trend or a season passes for an effect, always; few periods are said too."""
    assert before_after(monthly([40] * 30), date(2025, 3, 5)).warnings == (BLIND,)
    assert before_after(monthly([40] * 14), GO_LIVE).warnings == (
        BLIND,
        "5 périodes d’un côté : au-dessous de 12, le rapport est très incertain.",
    )


def test_after_ends_the_day_the_service_is_switched_off():
    """Nothing after ``until`` counts, nor the period that contains it."""
    series = monthly([40] * 8 + [0] + [20] * 4 + [500] * 4)
    assert before_after(series, GO_LIVE, until=series.starts[13]).after.exams == 80
    assert before_after(series, GO_LIVE, until=series.starts[13] + timedelta(days=3)).after.exams == 80


def test_a_period_without_working_day_is_left_out():
    """It has no rate: neither side holds it."""
    whole = monthly([40] * 8 + [0] + [20] * 4)
    closed = Series(whole.unit, whole.starts, (0, *whole.counts[1:]), (0, *whole.working_days[1:]))
    assert before_after(closed, GO_LIVE).before.periods == 7


@pytest.mark.parametrize(
    ("counts", "go_live", "why"),
    [
        ([40] * 8 + [0] + [20] * 2, GO_LIVE, "2 mois seulement après la mise en service : il en faut au moins 3."),
        ([40] * 12, date(2024, 3, 10), "2 mois seulement avant la mise en service : il en faut au moins 3."),
        ([40] * 9, GO_LIVE, "Aucun mois après la mise en service : il en faut au moins 3."),
        ([40] * 8, date(2023, 12, 31), "La mise en service du 31/12/2023 est hors des données."),
        ([40] * 8, date(2024, 9, 1), "La mise en service du 01/09/2024 est hors des données."),
        ([], GO_LIVE, "La mise en service du 16/09/2024 est hors des données."),
        ([0] * 16, GO_LIVE, "Aucun examen, ni avant ni après la mise en service."),
        ([40] * 9 + [0] * 6, GO_LIVE, "Aucun examen après la mise en service : le rapport n’est pas défini."),
        ([0] * 9 + [40] * 6, GO_LIVE, "Aucun examen avant la mise en service : le rapport n’est pas défini."),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_its_reason(counts, go_live, why):
    """Too few periods, a go-live outside the data, no exam: a sentence says which."""
    assert before_after(monthly(counts), go_live).why == why


def test_a_service_switched_off_before_it_began_is_refused():
    """``until`` must follow the go-live."""
    assert before_after(monthly([40] * 16), GO_LIVE, GO_LIVE).why == "L’arrêt du 16/09/2024 précède la mise en service."


def test_weeks_in_which_clocks_change_are_weeks():
    """Counts are by civil day: 31 March and 27 October 2024 have 23 and 25 hours, and count like any other day."""
    first = date(2024, 1, 1)
    series = series_of({first + timedelta(days=d): 3 for d in range(364)}, first, date(2024, 12, 29), Unit.WEEK)
    assert set(series.counts) == {21}
    assert before_after(series, date(2024, 7, 3)).before.periods == 26


def waits(periods, size, mean=30.0, start=0, seed=1):
    """Return exponential waits of independent exams by rank of period."""
    chance = np.random.default_rng(seed)
    return {start + rank: chance.exponential(mean, size) for rank in range(periods)}


def test_a_ratio_of_medians_with_the_width_of_the_theory():
    """Independent exponential waits: log(median) has standard error 1/(ln 2 √n); the interval is near it, or somewhat wider."""
    found = wait_ratio(waits(40, 100), waits(40, 100, 24, start=41, seed=2))
    error = math.sqrt(2 / 4000) / math.log(2)
    assert found.ratio.value == pytest.approx(0.8, abs=3 * error)
    assert 0.95 < math.log(found.ratio.high / found.ratio.low) / (2 * 1.96 * error) < 1.5
    assert (found.before.waits, found.before.periods) == (4000, 40)
    assert found.before.low < found.before.days < found.before.high


def test_exams_of_one_week_share_a_backlog():
    """The same number of waits says less when those of a week move together."""
    alone = wait_ratio(waits(30, 50), waits(30, 50, start=31, seed=2)).ratio
    backlog = np.exp(0.5 * np.random.default_rng(3).standard_normal(61))
    sides = ({k: v * backlog[k] for k, v in waits(30, 50, start=start, seed=seed).items()} for start, seed in ((0, 1), (31, 2)))
    shared = wait_ratio(*sides).ratio
    assert math.log(shared.high / shared.low) > 2 * math.log(alone.high / alone.low)


def test_no_change_gives_one():
    """The same waits on both sides."""
    side = waits(10, 20)
    found = wait_ratio(side, {rank + 10: list(values) for rank, values in side.items()}).ratio
    assert found.value == 1
    assert not found.is_clear


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (
            {0: [3.0], 1: [4.0]},
            {5: [1.0], 6: [1.0], 7: [1.0]},
            "Des délais sur 2 période(s) avant la mise en service : il en faut au moins 3.",
        ),
        (
            {0: [3.0], 1: [4.0], 2: [5.0]},
            {5: [1.0], 6: [], 7: [1.0]},
            "Des délais sur 2 période(s) après la mise en service : il en faut au moins 3.",
        ),
        (
            {k: [5.0] * 9 for k in range(4)},
            {k: [0.0] * 9 for k in range(5, 9)},
            "Le délai médian après la mise en service est nul : le rapport n’est pas défini.",
        ),
        (
            {k: [0.0, 0.0, 5.0] for k in range(4)},
            {k: [5.0] * 9 for k in range(5, 9)},
            "La borne basse du délai médian avant la mise en service est nulle : le rapport n’est pas défini.",
        ),
    ],
)
def test_waits_that_give_no_ratio_are_refused(before, after, why):
    """Too few periods with waits, or a median that may be zero."""
    assert wait_ratio(before, after).why.startswith(why)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_an_impossible_wait_is_an_error(bad):
    """A wait below zero or missing is for the import to reject, not for a median to hide."""
    with pytest.raises(ValueError, match="negative or missing"):
        wait_ratio({k: [3.0, 4.0] for k in range(3)}, {k: [3.0, bad] for k in range(3, 6)})


def test_periods_numbered_twice_are_an_error():
    """Sides that overlap in time would be neighbours of themselves."""
    with pytest.raises(ValueError, match="does not come later"):
        wait_ratio(waits(4, 9), waits(4, 9))


def test_whole_days_are_no_false_certainty():
    """Waits counted in days: ties are shared out, so that one more day on the median is not read as an exact ratio."""
    chance = np.random.default_rng(5)
    before, after = ({start + k: np.floor(chance.gamma(4, mean / 4, 40)) for k in range(26)} for start, mean in ((0, 6.2), (27, 6.2)))
    found = wait_ratio(before, after)
    assert found.ratio.low < 1 < found.ratio.high
    assert found.before.low < found.before.days < found.before.high
    assert found.before.days == pytest.approx(np.median(np.concatenate(list(before.values()))), abs=0.5)
    same = wait_ratio({k: [5.0] * 9 for k in range(4)}, {k: [5.0] * 9 for k in range(5, 9)})
    assert (same.ratio.value, same.before.days) == (1, 5)
