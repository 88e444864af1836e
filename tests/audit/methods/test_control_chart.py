"""XmR charts: limits and rules against published figures, each rule at its index, limits that move by decision alone."""

from datetime import date

import numpy as np
import pytest

from pertimage.audit.methods.control_chart import Chart, Rebase, Rule, control_chart, named, runs
from pertimage.audit.methods.result import Refusal
from pertimage.audit.methods.series import Unit

# Flow rates of ten batches and their limits: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2.
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
# Average run lengths without change, by set of rules: C. W. Champ and W. H. Woodall, Technometrics 1987;29:393-399.
LENGTHS = {
    (1,): 370.40,
    (1, 2): 225.44,
    (1, 3): 166.05,
    (1, 4): 152.73,
    (1, 2, 3): 132.89,
    (1, 2, 4): 122.05,
    (1, 3, 4): 105.78,
    (1, 2, 3, 4): 91.75,
}


def months(number):
    """Return the first days of so many months."""
    return [date(2022 + rank // 12, rank % 12 + 1, 1) for rank in range(number)]


def chart(values, baseline, rebases=()):
    """Return the chart of monthly values."""
    return control_chart(values, months(len(values)), Unit.MONTH, baseline, rebases)


def test_limits_are_those_of_the_handbook():
    """The published example: centre, limits and mean range; no rule is met."""
    found = chart(FLOW, 10)
    assert isinstance(found, Chart)
    (limits,) = found.limits
    assert (limits.centre, limits.range_mean) == pytest.approx((50.81, 1.8778), abs=5e-5)
    assert (limits.low, limits.high) == pytest.approx((45.8159, 55.8041), abs=5e-5)
    assert limits.range_high == pytest.approx(3.267 * 1.8778, abs=2e-4)
    assert (found.signals, found.jumps) == ((), ())


def test_rules_alarm_as_often_as_published():
    """Each set of rules gives, on values that do not change, the run length that Champ and Woodall computed."""
    chance, length = np.random.default_rng(1), 300
    exposure, alarms = dict.fromkeys(LENGTHS, 0), dict.fromkeys(LENGTHS, 0)
    for _ in range(2000):
        met = [(run.rule, run.seen) for run in runs(chance.standard_normal(length).tolist())]
        for rules in LENGTHS:
            first = min((seen for rule, seen in met if rule in rules), default=None)
            exposure[rules] += length if first is None else first + 1
            alarms[rules] += first is not None
    for rules, published in LENGTHS.items():
        assert exposure[rules] / alarms[rules] == pytest.approx(published, rel=0.08), rules


def test_rules_agree_with_a_brute_force():
    """On random walks and noise, the periods where a rule holds are those that its sentence says, read literally."""
    chance = np.random.default_rng(2)
    for _ in range(100):
        scores = (chance.standard_normal(40) + chance.choice([0, 1.2]) * chance.standard_normal()).round(1).tolist()
        found = {(run.rule, run.above, index) for run in runs(scores) for index in range(run.seen, run.last + 1)}
        assert found == set(literal(scores))


def literal(scores):
    """Yield the rule, the side and the index of each completed rule."""
    for index in range(len(scores)):
        for sign in (1, -1):
            z = [sign * score for score in scores[: index + 1]]
            if z[-1] > 3:
                yield Rule(1), sign > 0, index
            if z[-1] > 2 and len([x for x in z[-3:] if x > 2]) in (2, 3):
                yield Rule(2), sign > 0, index
            if z[-1] > 1 and len([x for x in z[-5:] if x > 1]) in (4, 5):
                yield Rule(3), sign > 0, index
            if len(z) >= 8 and all(x > 0 for x in z[-8:]):
                yield Rule(4), sign > 0, index


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0, 0, 3.1, 0], [(1, True, 2, 2, 2)]),
        ([0, -3.1, -3.2, 0], [(1, False, 1, 1, 2), (2, False, 1, 2, 2)]),
        ([0, 2.1, 0, 2.2, 0], [(2, True, 1, 3, 3)]),
        ([0, 2.1, 0, -2.2, 0], []),
        ([1.1, -1, 1.2, 1.3, 1.4, 0], [(3, True, 0, 4, 4)]),
        ([0.1] * 7 + [0] + [0.1] * 7, []),
        ([-0.1] * 10 + [0.1], [(4, False, 0, 7, 9)]),
        ([3.0, 0, 2.0, 2.0, 0], []),
    ],
)
def test_each_rule_at_its_index(scores, expected):
    """Built by hand: rule, side, first point, period of the signal, last; a point on a line is not beyond it."""
    assert [(run.rule, run.above, run.first, run.seen, run.last) for run in runs(scores)] == expected


def test_a_signal_says_when_and_what():
    """The sentence names the month, the rule and what to look for."""
    values = [10, 12, 9, 11, 10, 12, 9, 11, 10, 12, 9, 11, 30, 11]
    found = chart(values, 12)
    (signal,) = found.signals
    assert signal.french == "Janvier 2023 : hors de la limite haute — un écart isolé et fort : chercher ce qui s’est passé alors."
    assert (signal.rule, signal.seen, found.jumps) == (Rule.BEYOND_LIMIT, 12, (12, 13))
    assert "12 points donne au moins un signal sur 24 points dans 47 cas sur 100" in found.chance
    assert any("12 points de référence seulement" in told for told in found.warnings)
    assert named(date(2026, 3, 2), Unit.WEEK) == "semaine du 02/03/2026"


STEP = [10.0, 12, 9, 11, 10, 12, 9, 11, 10, 12, 9, 11, 20.0, 22, 19, 21, 20, 22, 19, 21, 20, 22, 19, 21]


def test_limits_move_only_by_a_recorded_decision():
    """A lasting step signals as long as nobody decides; the decision makes new limits and keeps its reason."""
    kept, moved = chart(STEP, 12), chart(STEP, 12, [Rebase(date(2023, 1, 1), "second scanner")])
    assert len(kept.limits) == 1
    assert {signal.rule for signal in kept.signals} >= {Rule.BEYOND_LIMIT, Rule.EIGHT_IN_A_ROW}
    assert [(one.first, one.last, one.reason) for one in moved.limits] == [(0, 11, ""), (12, 23, "second scanner")]
    assert moved.signals == ()
    assert moved.ranges[12] is None


def test_after_a_rebase_nothing_is_judged_too_early():
    """With fewer than 8 points since the decision there are no limits, and the chart says so."""
    found = chart(STEP[:17], 12, [Rebase(date(2023, 1, 1), "second scanner")])
    assert [(one.first, one.last) for one in found.limits] == [(0, 11)]
    assert found.signals == ()
    assert any(told.startswith("Recalage de janvier 2023 : 5 points depuis") for told in found.warnings)


def test_neighbours_that_are_alike_are_said():
    """A reference that drifts slowly announces more false alarms."""
    assert "se ressemblent" in chart([10.0, 11, 12, 13, 12, 11, 10, 9, 8, 9, 10, 11], 12).chance


@pytest.mark.parametrize(
    ("values", "baseline", "rebases", "words"),
    [
        ([1.0, 2, 3], 12, (), "il en faut au moins 8"),
        ([5.0] * 12, 12, (), "tous égaux"),
        ([0.0] * 12, 12, (), "tous égaux"),
        (STEP, 12, (Rebase(date(2023, 1, 1), " "),), "sans motif"),
    ],
)
def test_what_makes_no_limits_is_refused(values, baseline, rebases, words):
    """Too few points, points that do not vary, a decision without a reason."""
    found = chart(values, baseline, rebases)
    assert isinstance(found, Refusal)
    assert words in found.why


def test_a_rebase_outside_the_data_is_said():
    """It changes nothing and the chart warns."""
    found = chart(STEP, 12, [Rebase(date(2030, 1, 1), "plus tard")])
    assert len(found.limits) == 1
    assert "Recalage du 01/01/2030 hors des données : sans effet." in found.warnings


def test_a_missing_value_is_an_error():
    """A chart of holes would draw ranges between periods that are not neighbours."""
    with pytest.raises(ValueError, match="missing"):
        chart([1.0, float("nan")] * 6, 12)
