from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pertimage.audit.activity import add_activity
from pertimage.audit.evaluation.document import document
from pertimage.audit.evaluation.evaluate import evaluate
from pertimage.audit.evaluation.exams import read_exams
from pertimage.audit.evaluation.together import against, together
from pertimage.audit.methods.result import Refusal
from pertimage.audit.methods.series import Unit
from pertimage.audit.programme import Entry, Event, EventKind
from pertimage.audit.pseudonym import Pseudonyms
from tests.audit.evaluation.drawn import drawn, exams_of
from tests.audit.test_activity import exam

LIVE = date(2025, 7, 1)
SITES = {"chu": LIVE, "port": date(2025, 10, 1), "temoin": None}
CALENDAR = [Entry(site, on_from=day) for site, day in SITES.items() if day]
DRAWN = drawn(SITES, {"radio-rachis-lombaire": (8.0, 0.7), "irm-genou": (5.0, 1.0)}, wait=15, shorter=0.8)


@pytest.fixture(scope="module")
def evaluated():
    """Return the evaluation of the exams drawn."""
    return evaluate(DRAWN, CALENDAR, sensitivity=False)


def test_a_known_change_is_found_and_none_where_there_is_none(evaluated):
    """The exam that loses 30 % and the one that loses nothing, at each site and together; waits lose a fifth."""
    fewer, same = (together(evaluated, kind) for kind in ("radio-rachis-lombaire", "irm-genou"))
    assert fewer.level.ratio.low < 0.7 < fewer.level.ratio.high < 0.85
    assert same.level.ratio.low < 1 < same.level.ratio.high
    assert fewer.slope.ratio.low < 1 < fewer.slope.ratio.high
    for one in (*fewer.changes, *same.changes):
        assert one.wait.ratio.low < 0.8 < one.wait.ratio.high < 0.95
    assert fewer.stepped.ratio.low < 0.7 < fewer.stepped.ratio.high
    assert [one.site.code for one in fewer.changes] == ["chu", "port"]


def test_counts_are_those_of_whole_periods_on_each_side(evaluated):
    """Counted again, directly: weeks wholly before, weeks wholly after."""
    one = evaluated.of("chu", "irm-genou")
    mine = DRAWN.requested[(DRAWN.site == 0) & (DRAWN.kind == 1)]
    assert one.unit is Unit.WEEK
    assert one.before == ((mine >= date(2024, 1, 1).toordinal()) & (mine < date(2025, 6, 30).toordinal())).sum()
    assert one.after == ((mine >= date(2025, 7, 7).toordinal()) & (mine < date(2026, 6, 29).toordinal())).sum()


def test_what_happens_at_the_comparator_too_is_taken_off(evaluated):
    """Against the site never live, the loss is the same; a comparator alone has no change."""
    found = against(evaluated, evaluated.of("chu", "radio-rachis-lombaire"))
    assert found.level.low < 0.7 < found.level.high
    assert isinstance(against(evaluated, evaluated.of("temoin", "irm-genou")), Refusal)
    assert "témoin" in evaluated.of("temoin", "irm-genou").interrupted.why


def test_silence_is_before_and_the_switch_off_ends_after():
    """Only the days between « on » and « off » are after."""
    entry = Entry("chu", silent_from=date(2025, 3, 3), on_from=LIVE, off_from=date(2026, 1, 5))
    one = evaluate(DRAWN, [entry], sensitivity=False).of("chu", "irm-genou")
    assert (one.periods_before, one.periods_after) == (78, 26)


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (date(2023, 5, 1), "hors des données"),
        (date(2027, 5, 3), "hors des données"),
        (date(2024, 1, 15), "il en faut au moins 3"),
        (date(2026, 6, 22), "il en faut au moins 3"),
    ],
)
def test_a_go_live_without_three_points_on_each_side_is_refused(on, words):
    """Outside the data, or too near an end: every method says why."""
    one = evaluate(DRAWN, [Entry("chu", on_from=on)], sensitivity=False).of("chu", None)
    assert all(isinstance(found, Refusal) for found in (one.simple, one.interrupted))
    assert words in one.interrupted.why


def test_an_exam_that_disappears_or_is_not_there_is_refused_not_infinite():
    """Nothing after: no ratio; empty months in the middle count zero and are said."""
    requested = DRAWN.requested
    gone = DRAWN.only((DRAWN.kind == 1) | (requested < LIVE.toordinal()))
    one = evaluate(gone, CALENDAR, sensitivity=False).of("chu", "radio-rachis-lombaire")
    assert "Aucun examen après" in one.interrupted.why
    march = DRAWN.only((requested < date(2025, 3, 3).toordinal()) | (requested >= date(2025, 3, 31).toordinal()))
    holed = evaluate(march, CALENDAR, sensitivity=False).of("chu", "irm-genou")
    assert any("4 semaines sans aucun examen" in one for one in holed.interrupted.warnings)


def test_what_makes_a_result_fragile_is_said():
    """One site, exams before their request, groups that start apart, another event, a site of the calendar without data."""
    alone = drawn({"chu": LIVE}, {"irm-genou": (2.0, 1.0)})
    performed = alone.performed.copy()
    performed[:3] -= 30
    alone = replace(alone, performed=performed)
    entries = [Entry("chu", "a", on_from=LIVE), Entry("chu", "b", on_from=date(2025, 9, 1)), Entry("ailleurs", on_from=LIVE)]
    event = Event("1", EventKind.STRIKE, "", date(2025, 5, 5), None, "Manipulateurs en grève.", "Équipe", "")
    found = evaluate(alone, entries, [event], sensitivity=False)
    assert any("Un seul site" in one for one in found.warnings)
    assert any(one.startswith("3 examens sont réalisés avant leur demande") for one in found.warnings)
    elsewhere, site = found.sites
    assert elsewhere.warnings == ("Aucun examen de ce site dans les données.",)
    assert site.on == LIVE
    assert any("groupes" in one for one in site.warnings)
    assert any(one.startswith("Grève le 05/05/2025 : Manipulateurs") for one in site.warnings)


def test_a_site_known_only_by_performed_exams_is_counted_by_them():
    """Without requests the basis is said, and waits are refused."""
    one = exams_of(
        ("chu",), ("CT",), [(0, 0, -1, day, -1) for day in range(LIVE.toordinal() - 300, LIVE.toordinal() + 300) for _ in range(3)]
    )
    found = evaluate(one, CALENDAR[:1], sensitivity=False)
    assert "date de réalisation" in found.warnings[0]
    assert isinstance(found.of("chu", "CT").wait, Refusal)


def test_small_counts_leave_with_their_results():
    """An exam of some cases after is not published, nor what rests on them, unless « exact »; the other counts are rounded."""
    after = np.flatnonzero((DRAWN.site == 0) & (DRAWN.kind == 1) & (DRAWN.requested >= LIVE.toordinal()))
    kept = np.ones(len(DRAWN), bool)
    kept[after] = False
    kept[after[60:600:100]] = True
    found = evaluate(DRAWN.only(kept), CALENDAR, sensitivity=False)
    exact = found.of("chu", "irm-genou")
    assert 1 <= exact.after <= 7
    told = document(found, CALENDAR)["per_exam"]["irm-genou"]
    hidden = told["per_site"]["chu"]
    assert (hidden["n"]["after"], hidden["level_rate_ratio"], hidden["wait_ratio"]) == (None, None, None)
    assert "trop petit" in hidden["refusals"]["level"]
    assert told["n"]["before"] % 5 == 0
    assert document(found, CALENDAR, exact=True)["per_exam"]["irm-genou"]["per_site"]["chu"]["n"]["after"] == exact.after


def test_the_document_gives_each_ratio_with_its_interval(evaluated):
    """Per exam, per site and pooled: method, counts, level, slope, wait."""
    told = document(evaluated, CALENDAR)
    results = [told["pooled"], *told["per_site"].values(), *told["per_exam"].values(), *told["per_exam"]["irm-genou"]["per_site"].values()]
    for one in results:
        assert one["method"]
        for key in ("level_rate_ratio", "slope_rate_ratio_per_month", "wait_ratio"):
            assert one[key]["low"] < one[key]["ratio"] < one[key]["high"]
    assert set(told["per_site"]) == {"chu", "port"}
    assert told["sites"][2]["on_from"] is None


def test_exams_are_read_from_the_store_on_the_day_in_france(register, now):
    """A request of 23:30 in Paris is of that day, in winter and in summer; fictitious exams stay apart."""
    at = now.replace(month=7, hour=22, minute=30)
    rows = [exam(1, performed_at=at, requested_at=now.replace(month=1, hour=22, minute=30)), exam(2, performed_at=now, fictitious=True)]
    add_activity(register.journal, rows, Pseudonyms("k" * 16), at=now)
    (found,) = [read_exams(register.journal.store)]
    assert len(found) == 1
    assert found.requested[0] == date(2026, 1, now.day).toordinal()
    assert found.performed[0] == date(2026, 7, now.day + 1).toordinal()
    assert len(read_exams(register.journal.store, fictitious=True)) == 1
