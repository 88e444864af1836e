"""Interrupted series: identical to statsmodels, right on known truth, refusing what cannot be said."""

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pertimage.audit.methods.interrupted import Interrupted, harmonics_for, interrupted
from pertimage.audit.methods.result import Refusal
from pertimage.audit.methods.series import Series, Unit, choose_unit
from pertimage.audit.methods.simulation import Truth, simulate
from tests.audit.methods.scenes import GO_LIVE, monthly

USUAL = Truth(100, level=0.8, slope=0.97, seasons=0.1, variation=0.2, correlation=0.3)
DIRECT = "y ~ t + after + after:t + np.sin(a) + np.cos(a) + np.sin(2 * a) + np.cos(2 * a)"


def drawn(truth=USUAL, unit=Unit.MONTH, before=24, after=12, seed=1):
    """Return a simulated series and its go-live."""
    return simulate(truth, unit, before, after, np.random.default_rng(seed))


def frame(series, go_live):
    """Return the data of the model as one would write them by hand, without the period of the go-live."""
    rows = pd.DataFrame({"y": series.counts, "days": series.working_days, "start": pd.to_datetime(list(series.starts))})
    ends = rows.start.shift(-1).fillna(pd.Timestamp(series.end(len(series) - 1)))
    rows["t"] = ((rows.start - pd.Timestamp(go_live)).dt.days + (ends - rows.start).dt.days / 2) / (365.25 / 12)
    rows["after"], rows["a"] = (rows.start >= pd.Timestamp(go_live)).astype(int), 2 * math.pi * rows.t / 12
    return rows[(ends <= pd.Timestamp(go_live)) | (rows.after == 1)]


@pytest.mark.parametrize(("unit", "before", "after"), [(Unit.MONTH, 24, 12), (Unit.WEEK, 104, 52)])
def test_it_is_what_statsmodels_gives_on_the_same_data(unit, before, after):
    """Estimates, dispersion, fitted and expected values are those of a direct call; so are its intervals in the run that keeps them."""
    series, go_live = drawn(unit=unit, before=before, after=after)
    data = frame(series, go_live)
    direct = smf.glm(DIRECT, data, family=sm.families.Poisson(), offset=np.log(data.days)).fit(scale="X2", use_t=True)
    found = interrupted(series, go_live)
    assert found.harmonics == 2
    assert [found.level.value, found.slope.value] == pytest.approx(np.exp(direct.params[["after", "after:t"]]).tolist())
    assert found.dispersion == pytest.approx(direct.scale)
    used = [point for point in found.points if point.fitted is not None]
    assert [point.fitted for point in used] == pytest.approx(direct.fittedvalues.tolist())
    without = direct.predict(data.assign(after=0), offset=np.log(data.days))[data.after == 1]
    assert [point.expected.value for point in used if point.expected] == pytest.approx(without.tolist())
    assert found.avoided.value == pytest.approx(without.sum() - data.y[data.after == 1].sum())
    assert found.overall.value == pytest.approx(data.y[data.after == 1].sum() / without.sum())
    plain = next(run for run in found.sensitivity if run.choice == "sans tenir compte de l’autocorrélation")
    bounds = np.exp(direct.conf_int())
    assert [plain.level.low, plain.level.high] == pytest.approx(bounds.loc["after"].tolist())
    assert [plain.slope.low, plain.slope.high] == pytest.approx(bounds.loc["after:t"].tolist())


def test_the_negative_binomial_run_is_statsmodels_too():
    """Its estimates come from the likelihood of sm.NegativeBinomial, when counts vary more than chance."""
    series, go_live = drawn(Truth(200, level=0.8, slope=0.97, variation=0.3))
    data = frame(series, go_live)
    direct = smf.negativebinomial(DIRECT, data, offset=np.log(data.days)).fit(method="bfgs", maxiter=2000, disp=0)
    run = next(run for run in interrupted(series, go_live).sensitivity if run.choice == "loi binomiale négative")
    assert run.level.value == pytest.approx(math.exp(direct.params["after"]), rel=1e-3)
    assert run.slope.value == pytest.approx(math.exp(direct.params["after:t"]), rel=1e-3)


def test_the_negative_binomial_is_not_tried_without_overdispersion():
    """It would not converge: the run says why there is none."""
    run = next(run for run in interrupted(*drawn(Truth(100))).sensitivity if run.choice == "loi binomiale négative")
    assert run.level is None
    assert run.note.startswith("dispersion compatible avec le hasard seul")


@pytest.mark.parametrize("truth", [USUAL, Truth(100, seasons=0.1, variation=0.2, correlation=0.5)], ids=["effect", "no-effect"])
def test_intervals_cover_the_truth(truth):
    """On 150 series (fixed seeds) about 95 % of the intervals hold it, level and slope; docs/simulations.md has the measure."""
    found = [interrupted(*drawn(truth, seed=seed), sensitivity=False) for seed in range(150)]
    for name in ("level", "slope"):
        value = getattr(truth, name)
        assert 0.9 < np.mean([getattr(one, name).low <= value <= getattr(one, name).high for one in found]) <= 1


def test_a_great_change_is_found_and_counted():
    """Exams halved at the go-live: level, total and exams avoided say so, all intervals clear."""
    found = interrupted(*drawn(Truth(400, level=0.5)))
    assert found.level.value == pytest.approx(0.5, abs=0.06)
    assert found.level.is_clear
    assert not found.slope.is_clear
    assert found.overall.high < 0.6
    assert found.avoided.low > 0
    assert found.avoided.low < found.avoided.value < found.avoided.high
    assert found.avoided.value == pytest.approx(12 * 200, rel=0.2)


def test_the_period_of_the_go_live_and_closed_ones_are_left_out():
    """Neither has a fitted value, and a warning names those without working day."""
    whole, go_live = drawn()
    closed = Series(whole.unit, whole.starts, (0, *whole.counts[1:]), (0, *whole.working_days[1:]))
    found = interrupted(closed, go_live)
    assert [place for place, point in enumerate(found.points) if point.fitted is None] == [0, 24]
    assert found.warnings[0] == "Sans jour ouvré, donc laissé de côté : mois du 01/01/2021."
    assert (found.before.periods, found.after.periods) == (23, 12)


def test_after_ends_the_day_the_service_is_switched_off():
    """What follows changes nothing."""
    series, go_live = drawn(after=20)
    until = series.starts[24 + 1 + 12]
    other = Series(series.unit, series.starts, (*series.counts[:37], *[9999] * 8), series.working_days)
    assert interrupted(series, go_live, until).level == interrupted(other, go_live, until).level
    assert interrupted(series, go_live, until).after.periods == 12


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([40] * 9 + [30] * 2, "2 mois seulement après la mise en service : il en faut au moins 3."),
        ([0] * 20, "Aucun examen, ni avant ni après la mise en service."),
        ([40] * 9 + [0] * 8, "Aucun examen après la mise en service : le rapport n’est pas défini."),
    ],
)
def test_what_cannot_be_estimated_is_refused(counts, why):
    """With the words of the simple before/after."""
    assert interrupted(monthly(counts), GO_LIVE).why == why


def test_too_few_points_for_a_slope_refuse_it():
    """Three months on each side are six points for four parameters: only the simple before/after is left; one more is enough."""
    series = monthly([40, 44, 41, 39, 43, 40, 42, 41, 0, 30, 33, 31, 30])
    six = Series(series.unit, series.starts[5:12], series.counts[5:12], series.working_days[5:12])
    seven = Series(series.unit, series.starts[4:12], series.counts[4:12], series.working_days[4:12])
    assert interrupted(six, GO_LIVE).why.startswith("6 points pour 4 paramètres : trop peu")
    assert isinstance(interrupted(seven, GO_LIVE), Interrupted)


def test_harmonics_are_chosen_by_length_then_dropped_for_want_of_points():
    """None under 18 months, one pair under two years, two from there; fewer when many periods have no working day."""
    assert [harmonics_for(months) for months in (12, 17, 18, 23, 24, 60)] == [0, 0, 1, 1, 2, 2]
    series, go_live = drawn(before=12, after=12)
    assert interrupted(series, go_live).harmonics == 2
    sparse = Series(
        series.unit,
        series.starts,
        series.counts,
        tuple(d if k < 4 or 10 < k < 16 or k > 23 else 0 for k, d in enumerate(series.working_days)),
    )
    assert interrupted(sparse, go_live).harmonics == 1


def test_warnings_name_what_weakens_the_result():
    """Short, small, with empty months, seasons unseen: each has its sentence."""
    found = interrupted(monthly([3, 0, 5, 2, 4, 1, 3, 2, 0, 1, 2, 0, 1]), GO_LIVE)
    assert found.warnings == (
        "4 points après la mise en service : au-dessous de 12, niveau et pente sont très incertains.",
        "La série couvre 13 mois, sans saisons : un effet de saison peut passer pour un effet du service.",
        "2,0 examens par mois en moyenne : au-dessous de 8, le résultat est approché.",
        "2 mois sans aucun examen : à vérifier, un export incomplet s’y lirait comme une baisse.",
    )


def test_counts_too_regular_for_chance_are_said():
    """The same rate every day: no interval narrower than chance, and a warning."""
    series, go_live = drawn()
    found = interrupted(Series(series.unit, series.starts, tuple(10 * d for d in series.working_days), series.working_days), go_live)
    assert found.level.value == pytest.approx(1)
    assert found.level.low < 0.95
    assert found.warnings[-1].startswith("Les effectifs varient moins que le hasard ne le voudrait")


def test_strong_autocorrelation_is_said():
    """Beyond what the intervals were measured to allow for, the result says it."""
    found = interrupted(*drawn(Truth(200, variation=0.3, correlation=0.9), unit=Unit.WEEK, before=104, after=52))
    assert found.retained > 0.5
    assert any(warning.startswith("Autocorrélation forte (0,") for warning in found.warnings)


def test_sensitivity_runs_change_one_choice_each():
    """All are there, the other unit of time included, and the answer does not depend on them."""
    truth = Truth(200, level=0.7, variation=0.1)
    series, go_live = drawn(truth, unit=Unit.WEEK, before=104, after=52)
    other, _ = drawn(truth)
    found = interrupted(series, go_live, other=other)
    assert [run.choice for run in found.sensitivity] == [
        "saisons par une paire d’harmoniques",
        "saisons par 3 paires d’harmoniques",
        "sans changement de pente",
        "loi binomiale négative",
        "moindres carrés sur les logarithmes",
        "sans le premier mois après la mise en service",
        "sans tenir compte de l’autocorrélation",
        "par mois",
    ]
    assert all(0.5 < run.level.value < 0.9 for run in found.sensitivity)
    assert [run.choice for run in found.sensitivity if run.slope is None] == ["sans changement de pente"]
    alone = interrupted(series, go_live, sensitivity=False)
    assert (alone.level, alone.slope, alone.sensitivity) == (found.level, found.slope, ())


def test_another_unit_that_is_refused_says_why():
    """The run has a note instead of figures."""
    series, go_live = drawn(unit=Unit.WEEK, before=30, after=8)
    short = monthly([40] * 4)
    assert interrupted(series, go_live, other=short).sensitivity[-1].note.startswith("La mise en service du")


def test_nothing_of_the_future_changes_the_unit():
    """Ten exams a week or more on average are counted by week, fewer by month."""
    first = date(2024, 1, 1)
    assert choose_unit(100, first, first + timedelta(days=69)) is Unit.WEEK
    assert choose_unit(99, first, first + timedelta(days=69)) is Unit.MONTH
    assert choose_unit(0, first, first) is Unit.MONTH


def test_one_exam_only_on_a_side_is_estimated_or_refused_never_an_error():
    """The emptiest series: whatever the place of the few exams, a result or a sentence."""
    for place in range(9, 17):
        counts = [0] * 17
        counts[place], counts[2] = 1, 1
        assert isinstance(interrupted(monthly(counts), GO_LIVE), Interrupted | Refusal)
