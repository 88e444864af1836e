"""Counts and waits of restitution, and what of them may be published."""

from dataclasses import replace
from datetime import date

import pytest

from pertimage.audit.restitution import Explainer, Kind, Unneeded
from pertimage.audit.restitution_measures import Delay, by_site, measured, published
from pertimage.audit.review import RequestStatus
from tests.audit.test_restitution_due import ASKED, TABLE, noted

TODAY = date(2026, 11, 23)


def told(number, *, by=Explainer.REQUESTER, days=2):
    """Return a request whose report of 10 September was sent the next day and explained so many days after it came."""
    entries = (
        noted(Kind.REPORT, "2026-09-10"), noted(Kind.SENT, "2026-09-11", seq=2, who="patient", channel="portail"),
        noted(Kind.EXPLAINED, f"2026-09-{10 + days}", seq=3, who=str(by)),
    )  # fmt: skip
    return replace(ASKED, id=f"t{number}", entries=entries)


def group(explained, unexplained=0):
    """Return so many requests explained, and so many whose report nobody explained."""
    left = [replace(ASKED, id=f"u{n}", entries=(noted(Kind.REPORT, "2026-09-10"),)) for n in range(unexplained)]
    return [*(told(n) for n in range(explained)), *left]


def test_each_step_is_counted_and_timed():
    """What is explained, by whom, what is late; withdrawn requests and those with nothing to explain are apart."""
    gone = replace(ASKED, id="g", status=RequestStatus.WITHDRAWN)
    void = replace(ASKED, id="v", entries=(noted(Kind.NOT_NEEDED, "2026-09-10", reason=str(Unneeded.NOT_DONE)),))
    found = measured(
        [told(1), told(2, days=4), told(3, by=Explainer.RADIOLOGIST, days=0), *group(0, 1), replace(ASKED, id="a"), gone, void],
        TABLE,
        TODAY,
    )
    assert (found.expected, found.reported, found.sent, found.explained, found.overdue, found.unneeded) == (5, 4, 3, 3, 2, 1)
    assert found.explainers == {Explainer.REQUESTER: 2, Explainer.RADIOLOGIST: 1}
    assert (found.reporting, found.sending, found.explaining) == (Delay(4, 9.0, 9.0), Delay(3, 1.0, 1.0), Delay(3, 2.0, pytest.approx(3.6)))


def test_what_was_said_before_the_report_waited_for_nothing():
    """An explanation at the exam is a wait of zero, not a negative one."""
    entries = (noted(Kind.EXPLAINED, "2026-09-08", who=str(Explainer.RADIOLOGIST)), noted(Kind.REPORT, "2026-09-10", seq=2))
    assert measured([replace(ASKED, entries=entries)], TABLE, TODAY).explaining == Delay(1, 0.0, 0.0)


def test_sites_are_apart():
    """Each site has its own figures; one without requests is not there."""
    found = by_site([told(1), replace(told(2), site="chu"), replace(told(3), site="chu")], TABLE, TODAY)
    assert {site: one.explained for site, one in found.items()} == {"cabinet": 1, "chu": 2}


def test_small_counts_are_hidden_and_cannot_be_had_by_subtraction():
    """Neither a small count nor the rest of a known whole is shown; waits of few requests neither."""
    shown = published(measured(group(40, 3), TABLE, TODAY))
    assert (shown["expected"], shown["reported"], shown["explained"], shown["overdue"]) == ("45", "45", "n.c.", "≤\u00a07")
    assert (shown["explained_share"], shown["reported_share"]) == (None, 1.0)
    assert set(shown["explainers"].values()) == {"n.c."}, "their total would be the count hidden"
    few = published(measured(group(5), TABLE, TODAY))
    assert (few["expected"], few["explained"], few["reporting"]) == ("≤\u00a07", "≤\u00a07", {"median_days": None, "p90_days": None})


def test_large_counts_are_published():
    """Shares, waits and who explained, when each count is large enough."""
    those = [*group(20, 20), *(told(100 + n, by=Explainer.RADIOLOGIST) for n in range(12))]
    shown = published(measured(those, TABLE, TODAY))
    assert (shown["explained"], shown["explained_share"], shown["explaining"]) == ("30", 0.6, {"median_days": 2.0, "p90_days": 2.0})
    assert shown["explainers"] == {"medecin-demandeur": "20", "radiologue": "10", "manipulateur": "0", "autre": "0"}
