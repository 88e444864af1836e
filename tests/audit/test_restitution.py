"""The register of restitutions: what may be noted when, by whom it is cancelled, and what is left of it, on each engine."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from pertimage.audit.journal import Journal
from pertimage.audit.restitution import (
    By,
    Channel,
    Explainer,
    InFuture,
    Kind,
    NoReport,
    NotCancellable,
    Recipient,
    ReportKnown,
    Side,
    TooEarly,
    Unneeded,
)
from pertimage.audit.restitution_due import Stage
from pertimage.audit.restitution_reading import followed, followed_of, unannounced
from pertimage.audit.restitutions import Restitutions
from pertimage.audit.review import NotSigned, UnknownRequest, Withdrawn
from pertimage.audit.store import open_store
from tests.audit.scenes import record

DAY = timedelta(days=1)
GP, RADIOLOGIST = By("p1", Side.PRESCRIBER), By("r1", Side.RADIOLOGIST)
SOFTWARE = By("ris", Side.SOFTWARE, source="a" * 64)


@pytest.fixture
def results(journal):
    """Return the register of restitutions."""
    return Restitutions(journal)


@pytest.fixture
def signed(register, now):
    """Sign a request ten days ago."""
    return record(register, now - 10 * DAY, signed=True)


def live(results, request):
    """Return the kinds of the entries that hold."""
    return [entry.kind for entry in results.entries_of([request]).get(request, ()) if entry.is_live]


def test_each_step_is_kept_with_its_role_and_its_day(store, results, signed, now):
    """Report, sending and explanation are three records: when, to whom or by whom, how, noted by which side."""
    assert followed(store.reader, signed).stage is Stage.REPORT
    assert results.report_available(signed, RADIOLOGIST, happened=now - 3 * DAY, at=now, performed=date(2026, 11, 19))
    assert results.report_sent(signed, Recipient.PRESCRIBER, Channel.MSSANTE, RADIOLOGIST, happened=now - 2 * DAY, at=now)
    assert followed(store.reader, signed).stage is Stage.EXPLANATION
    assert results.explained(signed, Explainer.REQUESTER, GP, happened=now, at=now)
    one = followed(store.reader, signed)
    assert [(entry.kind, entry.who, entry.channel, entry.side) for entry in one.entries] == [
        ("compte-rendu", "", "", "radiologue"), ("transmis", "prescripteur", "mssante", "radiologue"), ("explique", "medecin-demandeur", "", "prescripteur"),
    ]  # fmt: skip
    assert (one.stage, one.entries[0].performed_on) == (Stage.EXPLAINED, "2026-11-19")


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda r, one, now: r.report_available(one, RADIOLOGIST, happened=now + timedelta(seconds=1), at=now), InFuture),
        (lambda r, one, now: r.report_available(one, RADIOLOGIST, happened=now, at=now, performed=date(2026, 11, 24)), InFuture),
        (lambda r, one, now: r.report_available(one, RADIOLOGIST, happened=now - 11 * DAY, at=now), TooEarly),
        (lambda r, one, now: r.report_available(one, RADIOLOGIST, happened=now - DAY, at=now, performed=date(2026, 11, 23)), TooEarly),
        (lambda r, one, now: r.report_sent(one, Recipient.PATIENT, Channel.HAND, RADIOLOGIST, happened=now, at=now), NoReport),
        (lambda r, one, now: r.explained(one, Explainer.OTHER, GP, happened=now - 11 * DAY, at=now), TooEarly),
        (lambda r, one, now: r.explained("inconnue", Explainer.OTHER, GP, happened=now, at=now), UnknownRequest),
        (lambda r, one, now: r.cancel(one, 999, GP, at=now), NotCancellable),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(results, signed, now, act, refusal):
    """Nothing from the future, nothing before the signature or the exam, nothing sent before it is there; nothing is kept."""
    with pytest.raises(refusal):
        act(results, signed, now)
    assert results.entries_of([signed]) == {}


def test_nothing_is_noted_on_what_is_not_signed(register, results, now):
    """A draft and a withdrawn request have no result."""
    draft, gone = record(register, now - DAY), record(register, now - DAY, signed=True)
    register.withdraw(gone, author="p1", at=now)
    for request, refusal in ((draft, NotSigned), (gone, Withdrawn)):
        with pytest.raises(refusal):
            results.report_available(request, RADIOLOGIST, happened=now, at=now)


def test_the_report_comes_before_what_is_said_of_it(results, signed, now):
    """Sent or explained by the requester the day before the report is impossible; a radiologist may explain it at the exam."""
    results.report_available(signed, RADIOLOGIST, happened=now - DAY, at=now)
    early = {"happened": now - 2 * DAY, "at": now}
    with pytest.raises(TooEarly):
        results.report_sent(signed, Recipient.PATIENT, Channel.PORTAL, RADIOLOGIST, **early)
    with pytest.raises(TooEarly):
        results.explained(signed, Explainer.REQUESTER, GP, **early)
    with pytest.raises(ReportKnown):
        results.not_needed(signed, Unneeded.NOT_DONE, GP, happened=now, at=now)
    assert results.explained(signed, Explainer.RADIOLOGIST, RADIOLOGIST, **early)


def test_the_same_again_is_written_once(store, results, signed, now):
    """A form sent twice, a click repeated, a report that a software posts again: one record each."""
    form = By("p1", Side.PRESCRIBER, act="formulaire-1")
    before = results._journal.head().seq
    assert [results.explained(signed, Explainer.REQUESTER, form, happened=now, at=now + n * timedelta(minutes=1)) for n in range(2)] == [
        True,
        False,
    ]
    assert [results.explained(signed, Explainer.REQUESTER, GP, happened=now, at=now) for _ in range(2)] == [False, False]
    assert [results.report_available(signed, SOFTWARE, happened=now - DAY, at=now) for _ in range(2)] == [True, False]
    assert results.report_available(signed, RADIOLOGIST, happened=now, at=now) is False
    assert results._journal.head().seq == before + 2


def test_a_wrong_entry_is_cancelled_and_stays_readable(store, results, signed, now):
    """Cancelled by its side only, once; its row stays, with when and by whom; the form sent again does not bring it back."""
    form = By("p1", Side.PRESCRIBER, act="formulaire-1")
    results.explained(signed, Explainer.REQUESTER, form, happened=now, at=now)
    (entry,) = results.entries_of([signed])[signed]
    with pytest.raises(NotCancellable):
        results.cancel(signed, entry.seq, RADIOLOGIST, at=now)
    assert [results.cancel(signed, entry.seq, GP, at=now + n * DAY) for n in (1, 2)] == [True, False]
    (entry,) = results.entries_of([signed])[signed]
    assert (entry.is_live, entry.cancelled_side, entry.cancelled_at[:10]) == (False, "prescripteur", "2026-11-24")
    assert followed(store.reader, signed).stage is Stage.REPORT
    assert results.explained(signed, Explainer.REQUESTER, form, happened=now, at=now + 3 * DAY) is False
    assert results.explained(signed, Explainer.REQUESTER, GP, happened=now, at=now + 3 * DAY) is True


def test_an_amended_report_is_to_be_explained_again(store, results, signed, now):
    """What was explained was another text; the same day too, and the same words again are then a new entry."""
    results.report_available(signed, SOFTWARE, happened=now - DAY, at=now)
    results.explained(signed, Explainer.REQUESTER, GP, happened=now, at=now)
    assert followed(store.reader, signed).stage is Stage.EXPLAINED
    results.report_available(signed, SOFTWARE, happened=now + timedelta(hours=2), at=now + timedelta(hours=2), amended=True)
    assert followed(store.reader, signed).stage is Stage.EXPLANATION
    assert results.explained(signed, Explainer.REQUESTER, GP, happened=now + timedelta(hours=3), at=now + timedelta(hours=3))
    assert followed(store.reader, signed).stage is Stage.EXPLAINED


def test_a_report_taken_back_after_it_was_explained_is_said(store, results, signed, now):
    """The explanation no longer counts; the report that replaces it is to be explained; the same message again changes nothing."""
    results.report_available(signed, SOFTWARE, happened=now - DAY, at=now)
    results.explained(signed, Explainer.REQUESTER, GP, happened=now, at=now)
    assert [results.retract(signed, SOFTWARE, at=now + DAY) for _ in range(2)] == [True, False]
    assert followed(store.reader, signed).stage is Stage.RETRACTED
    assert results.report_available(signed, SOFTWARE, happened=now - DAY, at=now + DAY) is False, "the message taken back, sent again"
    results.report_available(signed, By("ris", Side.SOFTWARE, source="b" * 64), happened=now + 2 * DAY, at=now + 2 * DAY)
    assert followed(store.reader, signed).stage is Stage.EXPLANATION


def test_nothing_to_explain_until_a_report_says_otherwise(store, results, signed, now):
    """« Not done » closes the request; a report that comes all the same opens it again."""
    results.not_needed(signed, Unneeded.NOT_DONE, GP, happened=now, at=now)
    assert followed(store.reader, signed).stage is Stage.NOT_NEEDED
    results.report_available(signed, SOFTWARE, happened=now, at=now + DAY)
    assert followed(store.reader, signed).stage is Stage.EXPLANATION


def test_two_writers_at_once_are_both_kept(store_url, results, signed, now):
    """Two journals note explanations at the same moment: what differs stays, the same is there once, in one order for both."""
    results.report_available(signed, RADIOLOGIST, happened=now - DAY, at=now)
    second = Journal(open_store(store_url))
    try:
        others = Restitutions(second)
        acts = ((others, Explainer.RADIOLOGIST, RADIOLOGIST), (results, Explainer.REQUESTER, GP), (others, Explainer.REQUESTER, GP))
        with ThreadPoolExecutor(3) as together:
            told = [together.submit(one.explained, signed, who, by, happened=now, at=now) for one, who, by in acts]
        assert [one.result() for one in told].count(True) == 2, "of the same said twice, one is written"
        assert live(results, signed) == live(others, signed) == [Kind.REPORT, Kind.EXPLAINED, Kind.EXPLAINED]
    finally:
        second.close()
        second.store.close()


def test_what_is_read_is_what_may_be_awaited(store, register, results, now):
    """Old requests without news are left out; an old one whose report nobody explained is not; reports to announce come oldest first."""
    old, unread, fresh = (record(register, now - days * DAY, signed=True) for days in (300, 290, 5))
    other = record(register, now - 5 * DAY, signed=True, prescriber="p2")
    for request, days in ((unread, 280), (other, 1)):
        results.report_available(request, RADIOLOGIST, happened=now - days * DAY, at=now - days * DAY)
    assert {one.id for one in followed_of(store.reader, "p1", (now - 180 * DAY).date())} == {unread, fresh}
    assert [one.id for one in unannounced(store.reader)] == [unread, other]
    results.report_sent(other, Recipient.PRESCRIBER, Channel.DMP, RADIOLOGIST, happened=now, at=now)
    assert [one.id for one in unannounced(store.reader)] == [unread]
    at = now + DAY
    results.explained(unread, Explainer.REQUESTER, GP, happened=at, at=at)
    assert unread not in {one.id for one in followed_of(store.reader, "p1", (now - 180 * DAY).date())}
    results.report_available(unread, SOFTWARE, happened=at + DAY, at=at + DAY, amended=True)
    assert unread in {one.id for one in followed_of(store.reader, "p1", (now + 400 * DAY).date())}, "changed: to be explained, however old"
    assert [one.id for one in unannounced(store.reader)] == [unread]
    assert old not in {one.id for one in followed_of(store.reader, "p1", (now - 180 * DAY).date())}
