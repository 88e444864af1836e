"""Shares of what requests lack and of their alerts: their denominators, their months, silent and in service apart."""

from datetime import UTC, date, datetime

import pytest

from pertimage.audit import completeness
from pertimage.audit.completeness import Wanted
from pertimage.audit.programme import Mode
from tests.audit.scenes import record

MARCH = datetime(2026, 3, 15, 12, tzinfo=UTC)


def _read(store, name, wanted=Wanted(), **about):  # noqa: B008 - a frozen value
    """Return what a function of completeness finds."""
    with store.reader.connect() as connection:
        return getattr(completeness, name)(connection, wanted, **about)


def _told(found):
    return [(one.name, one.mode, one.found, one.weighty, one.exams) for one in found]


def test_what_lacks_is_counted_among_the_exams_signed_of_its_mode(register, store, now):
    """Drafts, requests withdrawn and fictitious ones are in neither term; blocking items are counted apart."""
    for missing in (["motif!", "grossesse"], ["grossesse"], []):
        record(register, now, signed=True, missing=missing)
    record(register, now, signed=True, missing=["motif"], mode=Mode.SILENT)
    record(register, now, missing=["motif!"])
    register.withdraw(record(register, now, signed=True, missing=["motif!"]), author="p1", at=now)
    register.set_site("faux", "Faux", at=now, fictitious=True)
    record(register, now, signed=True, site="faux", missing=["duree"])
    assert _told(_read(store, "missing_shares", by=())) == [
        ("grossesse", Mode.ON, 2, 0, 3),
        ("motif", Mode.ON, 1, 1, 3),
        ("motif", Mode.SILENT, 1, 0, 1),
    ]
    assert [one.share for one in _read(store, "missing_shares", by=())] == [2 / 3, 1 / 3, 1]
    assert _told(_read(store, "missing_shares", Wanted(fictitious=True), by=())) == [("duree", Mode.ON, 1, 0, 1)]


def test_what_was_told_before_signing_lacks_no_more(register, store, now):
    """A draft judged again, then signed, counts as it was signed."""
    record(register, now, request_id="d", missing=["motif!", "duree"], alerts=[("redundancy", "warning")])
    record(register, now, request_id="d", missing=["duree"], signed=True)
    assert _told(_read(store, "missing_shares", by=())) == [("duree", Mode.ON, 1, 0, 1)]
    assert _read(store, "alert_shares") == []


def test_an_exam_with_several_alerts_of_a_kind_is_one_exam(register, store, now):
    """Its loudest one says whether it was loud; groups without any redundancy are told too."""
    record(register, now, signed=True, alerts=[("redundancy", "info"), ("redundancy", "warning"), ("redundancy", "warning")])
    record(register, now, signed=True, alerts=[("redundancy", "info"), ("laterality", "critical")])
    record(register, now, signed=True, site="autre")
    assert _told(_read(store, "alert_shares", by=())) == [("laterality", Mode.ON, 1, 1, 3), ("redundancy", Mode.ON, 2, 1, 3)]
    assert [(one.site, one.found, one.weighty_share) for one in _read(store, "redundancy", by=("site",))] == [
        ("autre", 0, 0.0),
        ("cabinet", 2, 0.5),
    ]


@pytest.mark.parametrize(
    ("signed", "month"),
    [
        (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), "2026-03"),
        (datetime(2026, 3, 31, 22, 0, tzinfo=UTC), "2026-04"),
        (datetime(2026, 1, 31, 22, 30, tzinfo=UTC), "2026-01"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "2027-01"),
    ],
)
def test_months_are_those_of_paris(register, store, signed, month):
    """Summer and winter time included."""
    record(register, signed, signed=True, missing=["motif"])
    assert [(one.month, one.exams) for one in _read(store, "missing_shares")] == [(month, 1)]


def test_groups_and_limits(register, store):
    """By site and month, or all together; limits are days in Paris, both included."""
    for day, site in ((MARCH, "a"), (MARCH, "b"), (MARCH.replace(month=4), "a")):
        record(register, day, signed=True, site=site, missing=["motif"])
    assert [(one.month, one.site) for one in _read(store, "missing_shares")] == [("2026-03", "a"), ("2026-03", "b"), ("2026-04", "a")]
    assert [one.exams for one in _read(store, "missing_shares", Wanted(site="a"), by=())] == [2]
    assert _read(store, "exams_signed", Wanted(since=date(2026, 3, 15), until=date(2026, 3, 15))) == {(Mode.ON, None, None): 2}
    assert _read(store, "exams_signed", Wanted(since=date(2026, 3, 16))) == {(Mode.ON, None, None): 1}
    with pytest.raises(ValueError, match="region"):
        _read(store, "missing_shares", by=("region",))
