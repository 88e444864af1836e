"""What is overdue, and since when: by urgency, pathway and technique, over week-ends and holidays."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pertimage.audit.instants import utc_text
from pertimage.audit.restitution import Explainer, Kind, Noted, Side, Unneeded
from pertimage.audit.restitution_due import Followed, Stage, all_recalled, recalled, waiting
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.restitution import Awaited, RestitutionTable

TABLE = RestitutionTable(
    180,
    (
        Awaited("urgences", "urgences", 2, pathway="emergency"), Awaited("parcours", "parcours", 5, working=True, after_target=True, fast_track=True),
        Awaited("irm", "IRM", 90, modalities=frozenset({"MR"})), Awaited("autres", "programmée", 60),
    ),
    (
        Awaited("modifie", "modifié", 2, working=True, amended=True), Awaited("urgent", "urgente", 1, working=True, priorities=frozenset({"urgent"})),
        Awaited("programme", "programmée", 10, working=True),
    ),
)  # fmt: skip


def at(day, hour=12):
    """Return an instant of the store."""
    return utc_text(datetime.fromisoformat(f"{day}T{hour:02}:00:00").replace(tzinfo=UTC))


ASKED = Followed("d", "cabinet", "p1", RequestStatus.SIGNED, at("2026-09-01"), site_since=at("2026-01-01"))


def noted(kind, day, *, seq=1, hour=12, **more):
    """Return an entry of the register."""
    empty = {"who": "", "channel": "", "reason": "", "amended": False, "performed_on": None, "side": Side.RADIOLOGIST, "source": ""}
    return Noted(**{"seq": seq, "request": "d", "kind": kind, "happened_at": at(day, hour), "author": "r1", "at": at(day, hour), "cancelled_at": None,
                    "cancelled_side": None} | empty | more)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, "2026-10-31"), ({"modality": "MR"}, "2026-11-30"), ({"pathway": "emergency"}, "2026-09-03"), ({"target_days": 14}, "2026-09-22"),
        ({"target_days": 14, "modality": "MR"}, "2026-09-22"), ({"state": ReviewState.DECIDED, "decision": Decision.APPROVE, "decided_at": at("2026-09-08")}, "2026-11-07"),
    ],
)  # fmt: skip
def test_a_report_is_awaited_by_urgency_pathway_and_technique(changes, due):
    """From the decision, else the signature; a pathway sensitive to delay adds working days to its own target."""
    found = waiting(replace(ASKED, **changes), TABLE)
    assert (found.stage, found.due) == (Stage.REPORT, date.fromisoformat(due))
    assert [found.is_overdue(found.due), found.is_overdue(date.fromordinal(found.due.toordinal() + 1))] == [False, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": RequestStatus.DRAFT}, {"status": RequestStatus.WITHDRAWN}, {"state": ReviewState.TO_REVIEW}, {"state": ReviewState.QUESTION},
        {"state": ReviewState.DECIDED, "decision": Decision.REFUSE, "decided_at": at("2026-09-02")},
        {"state": ReviewState.POSTPONED, "decision": Decision.POSTPONE, "decided_at": at("2026-09-02")},
    ],
)  # fmt: skip
def test_no_report_is_awaited_of_what_is_not_done(changes):
    """Drafts, withdrawn, refused, postponed requests and those under review wait for no report."""
    assert waiting(replace(ASKED, **changes), TABLE) is None


@pytest.mark.parametrize(
    ("reported", "priority", "due"),
    [
        ("2026-11-20", "urgent", "2026-11-23"), ("2026-11-10", "urgent", "2026-11-12"), ("2026-11-20", "routine", "2026-12-04"),
        ("2026-12-18", "routine", "2027-01-05"), ("2026-04-02", "urgent", "2026-04-03"), ("2026-04-03", "urgent", "2026-04-07"),
    ],
)  # fmt: skip
def test_an_explanation_is_awaited_in_working_days(reported, priority, due):
    """Week-ends, 11 November, Easter Monday, Christmas and New Year are not counted."""
    asked = replace(ASKED, signed_at=at("2026-03-01"), priority=priority, entries=(noted(Kind.REPORT, reported),))
    found = waiting(asked, TABLE)
    assert (found.stage, found.due) == (Stage.EXPLANATION, date.fromisoformat(due))


def test_a_day_is_that_of_paris():
    """A report of 23:30 UTC on Thursday is there on Friday: one working day after it is Monday."""
    late = replace(ASKED, priority="urgent", entries=(noted(Kind.REPORT, "2026-11-19", hour=23),))
    assert waiting(late, TABLE).due == date(2026, 11, 23)


def test_where_nobody_speaks_of_reports_silence_is_not_recalled():
    """A report that does not come is recalled where the imaging side says when they do, since it does, and for six months."""
    today = date(2026, 11, 23)
    assert recalled(ASKED, TABLE, today).stage is Stage.REPORT
    assert recalled(replace(ASKED, site_since=None), TABLE, today) is None
    assert recalled(replace(ASKED, site_since=at("2026-11-01")), TABLE, today) is None
    assert recalled(ASKED, TABLE, date(2027, 3, 10)) is None
    old = replace(ASKED, site_since=None, entries=(noted(Kind.REPORT, "2026-09-10"),))
    assert recalled(old, TABLE, date(2028, 1, 3)).stage is Stage.EXPLANATION, "a result that is there is recalled until it is explained"


def test_an_oral_word_at_the_exam_leaves_the_report_awaited():
    """What a radiologist said before the report counts once the report is there; what another doctor explained closes the request."""
    said = noted(Kind.EXPLAINED, "2026-09-09", who=str(Explainer.RADIOLOGIST))
    assert replace(ASKED, entries=(said,)).stage is Stage.REPORT
    assert replace(ASKED, entries=(said, noted(Kind.REPORT, "2026-09-10", seq=2))).stage is Stage.EXPLAINED
    assert replace(ASKED, entries=(replace(said, who=str(Explainer.OTHER)),)).stage is Stage.EXPLAINED


def test_a_second_report_is_to_be_explained_too():
    """Two numbers are two reports; a report noted by hand and by its software is one."""
    by_hand, told = noted(Kind.REPORT, "2026-09-10"), noted(Kind.EXPLAINED, "2026-09-11", seq=2, who=str(Explainer.REQUESTER))
    one = noted(Kind.REPORT, "2026-09-12", seq=3, source="a")
    assert replace(ASKED, entries=(by_hand, told, one)).stage is Stage.EXPLAINED
    other = noted(Kind.REPORT, "2026-09-13", seq=4, source="b")
    assert replace(ASKED, entries=(by_hand, told, one, other)).stage is Stage.EXPLANATION


def test_a_death_is_never_recalled():
    """A report that comes afterwards does not call for an explanation."""
    entries = (noted(Kind.NOT_NEEDED, "2026-09-10", reason=str(Unneeded.DECEASED)), noted(Kind.REPORT, "2026-09-12", seq=2))
    assert replace(ASKED, entries=entries).stage is Stage.NOT_NEEDED


def test_what_is_there_comes_before_what_is_awaited():
    """A report taken back first, then a result to explain, then a report that does not come."""
    taken = noted(Kind.REPORT, "2026-09-10", source="a", cancelled_at=at("2026-11-23"), side=Side.SOFTWARE, cancelled_side=Side.RADIOLOGIST)
    told = noted(Kind.EXPLAINED, "2026-09-11", seq=2, who=str(Explainer.REQUESTER))
    those = [
        replace(ASKED, id="attendu"),
        replace(ASKED, id="la", entries=(noted(Kind.REPORT, "2026-11-02"),)),
        replace(ASKED, id="annule", entries=(taken, told)),
    ]
    assert [one.followed.id for one in all_recalled(those, TABLE, date(2026, 11, 23))] == ["annule", "la", "attendu"]


def test_the_shipped_rules_accept_every_request():
    """The table of the base always has a last word, and each of its delays is said to be proposed by the project."""
    table = load_base().tables.restitution
    for rows in (table.report, table.explanation):
        assert not rows[-1].chooses
        assert all("délai proposé par le projet" in row.french for row in rows)
    assert waiting(replace(ASKED, target_days=14), table).row.id == "cr-parcours"
