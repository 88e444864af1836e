import random
import statistics
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.activity import add_activity
from pertimage.audit.comparison import Metric, before_after
from pertimage.audit.indicators import exam_weeks, quantile, request_weeks
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.cds.model import Outcome
from tests.audit.scenes import exam, record

NAMES = Pseudonyms("k" * 16)
MONDAY = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)


def _add(journal, exams):
    done = add_activity(journal, exams, NAMES, at=MONDAY)
    assert done.rejected == []


def _after(day, **wait):
    """Return the dates of an exam performed so many days after the first Monday."""
    performed = MONDAY + timedelta(days=day)
    return {"performed_at": performed, "requested_at": performed - timedelta(**wait)} if wait else {"performed_at": performed}


@given(st.lists(st.integers(0, 400), min_size=2, max_size=60), st.sampled_from([0.5, 0.9, 0.25]))
def test_a_quantile_of_a_histogram_is_that_of_its_values(values, probability):
    """Counting first loses nothing: the result is the one of the usual definition."""
    histogram = sorted({value: values.count(value) for value in values}.items())
    expected = statistics.quantiles(values, n=20, method="inclusive")[round(probability * 20) - 1]
    assert quantile(histogram, probability) == pytest.approx(expected)


def test_a_quantile_of_nothing_is_unknown():
    """No wait known is not a wait of zero."""
    assert quantile([], 0.5) is None


def test_waits_and_volumes_per_week_site_and_modality(journal):
    """Each line counts one week of one site and modality, with the median and 90th percentile of its waits in days."""
    waits = [1, 2, 3, 4, 15]
    _add(journal, [exam(n, **_after(n % 5, days=days)) for n, days in enumerate(waits)])
    _add(journal, [exam(10, modality="MR", **_after(1)), exam(11, site="clinique", **_after(7, hours=12))])
    first, second, third = exam_weeks(journal.store)
    assert (first.week, first.site, first.modality, first.exams, first.waits) == (date(2026, 1, 5), "chu", "CT", 5, 5)
    assert (first.wait_median, first.wait_p90) == (3, pytest.approx(statistics.quantiles(waits, n=10, method="inclusive")[8]))
    assert (second.modality, second.exams, second.waits, second.wait_median) == ("MR", 1, 0, None)
    assert (third.week, third.site, third.wait_median) == (date(2026, 1, 12), "clinique", 0.5)


def test_groups_can_be_merged(journal):
    """Medians of merged groups are computed from the exams, not from the medians."""
    _add(journal, [exam(n, **_after(0, days=1)) for n in range(3)])
    _add(journal, [exam(n, modality="MR", site="clinique", **_after(1, days=days)) for n, days in enumerate([10, 20])])
    (together,) = exam_weeks(journal.store, by=())
    assert (together.site, together.modality, together.exams, together.wait_median) == (None, None, 5, 1)
    assert [(week.site, week.modality) for week in exam_weeks(journal.store, by=("modality",))] == [(None, "CT"), (None, "MR")]
    assert [week.site for week in exam_weeks(journal.store, by=("site",), site="clinique")] == ["clinique"]
    assert [week.exams for week in exam_weeks(journal.store, modality="CT")] == [3]
    with pytest.raises(ValueError, match="region"):
        exam_weeks(journal.store, by=("region",))


def test_shares_are_of_what_was_judged(journal):
    """Exams outside the guidelines stay in the denominator; exams never judged do not enter it."""
    outcomes = ["appropriate", "appropriate", "no-guidance", "incomplete", None, None]
    _add(journal, [exam(n, outcome=outcome, **_after(0)) for n, outcome in enumerate(outcomes)])
    (week,) = exam_weeks(journal.store)
    assert week.outcomes.judged == 4
    assert [week.outcomes.share(outcome) for outcome in (Outcome.APPROPRIATE, Outcome.NO_GUIDANCE, Outcome.INCOMPLETE)] == [0.5, 0.25, 0.25]


def test_a_share_of_nothing_is_unknown(journal):
    """A week in which nothing was judged has no share, rather than zero."""
    _add(journal, [exam(1, **_after(0))])
    (week,) = exam_weeks(journal.store)
    assert week.outcomes.share(Outcome.APPROPRIATE) is None


def test_irradiating_share_ignores_unknown_techniques(journal):
    """An unknown modality is not counted as harmless."""
    _add(journal, [exam(n, modality=modality, **_after(0)) for n, modality in enumerate(["CT", "CT", "MR", "ZZ"])])
    (week,) = exam_weeks(journal.store, by=())
    assert (week.exams, week.irradiation_known, week.irradiating_share) == (4, 3, 2 / 3)


def test_fictitious_exams_never_mix_with_real_ones(journal):
    """The demonstration is seen only when it is asked for."""
    _add(journal, [exam(1, **_after(0)), exam(2, fictitious=True, **_after(0)), exam(3, fictitious=True, **_after(0))])
    assert [week.exams for week in exam_weeks(journal.store)] == [1]
    assert [week.exams for week in exam_weeks(journal.store, fictitious=True)] == [2]


def test_weeks_can_be_bounded(journal):
    """Only the weeks that start between the two days are given; exams not performed are in none."""
    _add(journal, [exam(n, **_after(7 * n)) for n in range(4)] + [exam(9, requested_at=MONDAY)])
    weeks = exam_weeks(journal.store, since=date(2026, 1, 12), until=date(2026, 1, 19))
    assert [week.week for week in weeks] == [date(2026, 1, 12), date(2026, 1, 19)]


def test_requests_are_counted_by_line_of_assessment(register):
    """Signed requests count by week, modality and outcome; drafts on demand; fictitious sites apart."""
    record(register, MONDAY, signed=True, flagged=True, outcome="not-indicated")
    record(register, MONDAY, signed=True, outcome="no-guidance", exam=None)
    record(register, MONDAY, signed=True, pathway="emergency", exam="scanner-cerebral")
    record(register, MONDAY)
    register.set_site("demo", "Démonstration", fictitious=True, at=MONDAY)
    record(register, MONDAY, signed=True, site="demo")
    (week,) = request_weeks(register.journal.store, by=("site",))
    assert (week.site, week.requests, week.flagged, week.emergency) == ("cabinet", 3, 1, 1)
    assert week.outcomes.share(Outcome.NO_GUIDANCE) == pytest.approx(1 / 3)
    assert {week.modality for week in request_weeks(register.journal.store, by=("modality",))} == {"MR", "CT", None}
    assert request_weeks(register.journal.store, by=(), signed_only=False)[0].requests == 4
    assert [week.site for week in request_weeks(register.journal.store, fictitious=True)] == ["demo"]


@pytest.fixture
def year(register):
    """Import twelve weeks of exams, Monday to Friday, whose waits fall by five days at the go-live of the seventh."""
    draw = random.Random(3)
    exams = []
    for day in [day for day in range(84) if day % 7 < 5]:
        for turn in range(4):
            wait = 24 * (10 if day < 42 else 5) + draw.randint(-24, 24)
            exams.append(exam(day * 10 + turn, modality="CT" if turn else "MR", **_after(day, hours=wait)))
    _add(register.journal, exams)
    register.set_site("chu", "CHU", go_live=date(2026, 2, 16), at=MONDAY)
    return register.journal.store


def test_a_fall_of_waits_at_go_live_is_found(year):
    """The difference of the weekly medians is about minus five days, and its interval excludes zero."""
    (found,) = before_after(year, Metric.WAIT_MEDIAN)
    change = found.change
    assert (found.site, found.modality, change.weeks_before, change.weeks_after) == ("chu", None, 6, 6)
    assert change.difference == pytest.approx(-5, abs=0.5)
    assert change.high < 0


def test_volumes_that_do_not_change_are_not_given_an_effect(year):
    """Constant volumes have no interval, and say so."""
    (found,) = before_after(year, Metric.VOLUME)
    assert (found.change.before, found.change.after, found.change.difference) == (20, 20, None)


def test_changes_are_given_by_modality_when_asked(year):
    """One line per modality."""
    assert [found.modality for found in before_after(year, Metric.WAIT_P90, by_modality=True)] == ["CT", "MR"]


def test_the_week_of_go_live_is_on_neither_side(register, year):
    """A go-live on a Wednesday leaves its week out."""
    register.set_site("chu", "CHU", go_live=date(2026, 2, 18), at=MONDAY)
    (found,) = before_after(year, Metric.WAIT_MEDIAN)
    assert (found.change.weeks_before, found.change.weeks_after) == (6, 5)


def test_incomplete_weeks_at_the_ends_are_left_out(register, year):
    """Exams of a Tuesday after the last Friday do not make a week."""
    _add(register.journal, [exam("late", **_after(85))])
    (found,) = before_after(year, Metric.WAIT_MEDIAN)
    assert found.change.weeks_after == 6


def test_a_week_without_exams_counts_as_zero(register, year):
    """Stopping an exam altogether is a fall of volume, not missing data."""
    _add(register.journal, [exam(f"us{day}", modality="US", **_after(day)) for day in (0, 7, 8, 14, 21, 28, 35)])
    found = {line.modality: line.change for line in before_after(year, Metric.VOLUME, by_modality=True)}
    assert (found["US"].weeks_after, found["US"].after) == (6, 0)
    assert found["US"].before == pytest.approx(7 / 6)


def test_a_site_without_go_live_says_so(register, year):
    """No date, no comparison, and the reason in French."""
    register.set_site("chu", "CHU", at=MONDAY)
    (found,) = before_after(year, Metric.VOLUME)
    assert found.change.refusal == "La date de mise en service du site n'est pas renseignée."


def test_too_few_weeks_after_go_live_is_refused(register, year):
    """Two weeks after the go-live are not an evaluation."""
    register.set_site("chu", "CHU", go_live=date(2026, 3, 16), at=MONDAY)
    (found,) = before_after(year, Metric.WAIT_MEDIAN)
    assert found.change.difference is None
    assert "2 après" in found.change.refusal
