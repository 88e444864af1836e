"""The registers of the patient page: links, information, answers and their counts, on each engine."""

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from pertimage.audit.patient_answers import FLOOR, HIDDEN, answers_by_month, answers_by_quarter, shown
from pertimage.audit.patient_links import MOST_CHANGES, Closed, Delay, Explained, PatientAnswer, Reason, TooManyChanges
from pertimage.audit.patients import PatientRegister
from pertimage.audit.review import NotSigned, UnknownRequest, Withdrawn
from pertimage.audit.tables import journal as journal_table
from pertimage.audit.tables import patient_answers
from tests.audit.scenes import REQUEST, assessment, record

DIGEST, OTHER, KEY = "a" * 64, "b" * 64, "c" * 64
DAYS = timedelta(days=90)


@pytest.fixture
def patients(journal):
    """Return the registers of patient pages."""
    return PatientRegister(journal)


@pytest.fixture
def link(register, patients, now):
    """Open the page of a signed request."""
    return opened(register, patients, now)


def opened(register, patients, now, digest=DIGEST):
    """Sign a request and open its page."""
    request = record(register, now, signed=True)
    patients.open(request, digest, expires=now + DAYS, author="p1", at=now)
    return patients.opened_by(digest)


def test_a_link_opens_its_request(patients, link):
    """A token, known by its digest, opens one request; another opens nothing."""
    assert patients.link_of(link.request) == link
    assert patients.opened_by(OTHER) is None


def test_a_new_link_closes_the_one_before(patients, link, now):
    """One address at a time; that the page was read stays known."""
    patients.inform(link, language="uk", at=now)
    patients.open(link.request, OTHER, expires=now + DAYS, author="p1", at=now)
    assert patients.opened_by(DIGEST) is None
    again = patients.opened_by(OTHER)
    assert (again.informed_in, again.informed_at is not None) == ("uk", True)


def test_what_is_not_signed_has_no_page(register, patients, now):
    """Neither an unknown request, nor a draft of a software, nor a request withdrawn has a page; an exam given up on our page has one."""
    draft, given_up, withdrawn = record(register, now), _given_up(register, now), record(register, now, signed=True)
    register.withdraw(withdrawn, author="p1", at=now)
    for request, refusal in (("inconnue", UnknownRequest), (draft, NotSigned), (withdrawn, Withdrawn)):
        with pytest.raises(refusal):
            patients.open(request, DIGEST, expires=now + DAYS, author="p1", at=now)
    patients.open(given_up, DIGEST, expires=now + DAYS, author="p1", at=now)
    assert patients.opened_by(DIGEST).request == given_up


def _given_up(register, at):
    return register.record_assessment(REQUEST, [assessment("not-indicated")], site="cabinet", prescriber="p1", at=at, hook="page")


def test_information_is_kept_once(store, patients, link, now):
    """The button pressed twice is one record, of the first day."""
    patients.inform(link, language="ar", at=now)
    patients.inform(link, language="fr", at=now + timedelta(days=1))
    assert patients.link_of(link.request).informed_in == "ar"
    assert len(_records(store, "patient-information")) == 1


def test_a_closed_page_keeps_nothing(register, patients, link, now):
    """Once expired or withdrawn, neither information nor answer is taken."""
    late = now + DAYS
    with pytest.raises(Closed):
        patients.inform(link, language="fr", at=late)
    register.withdraw(link.request, author="p1", at=now)
    with pytest.raises(Closed):
        patients.answer(link, KEY, PatientAnswer(3), site="cabinet", language="fr", at=now)


def test_an_answer_replaces_the_one_before(store, patients, link, now):
    """One answer a token; the same again is not written."""
    first, second = PatientAnswer(2, Delay.TOO_LONG, Explained.NOT_YET, True, (Reason.COST, Reason.FEAR)), PatientAnswer(5, renounced=False)
    for answer in (first, first, second):
        patients.answer(link, KEY, answer, site="cabinet", language="fr", at=now)
    assert patients.answer_of(KEY) == second
    assert len(_records(store, "patient-answer")) == 2


def test_an_answer_is_not_changed_without_end(patients, link, now):
    """A script that posts again and again is stopped; the last answer is kept."""
    for turn in range(MOST_CHANGES):
        patients.answer(link, KEY, PatientAnswer(1 + turn % 2), site="cabinet", language="fr", at=now)
    with pytest.raises(TooManyChanges):
        patients.answer(link, KEY, PatientAnswer(5), site="cabinet", language="fr", at=now)
    assert patients.answer_of(KEY).understanding == 2


def test_an_answer_leads_to_no_request(store, patients, link, now):
    """Neither the register nor the record of an answer names a request, a patient, a prescriber or the link."""
    patients.answer(link, KEY, PatientAnswer(4), site="cabinet", language="fr", at=now)
    (said,) = _records(store, "patient-answer")
    assert set(said) == {"key", "site", "language", "answer"}
    assert not {link.request, link.digest, "p1"} & set(map(str, said.values()))
    assert not {"request", "patient", "prescriber", "at"} & {column.name for column in patient_answers.c}


@pytest.mark.parametrize("said", [{"understanding": 0}, {"understanding": 6}, {"reasons": (Reason.COST,)}])
def test_an_impossible_answer_is_refused(said):
    """Understanding goes from 1 to 5; who did not give up has no reason to."""
    with pytest.raises(ValueError, match=r"compréhension|raison"):
        PatientAnswer(**said)


def _records(store, kind):
    with store.reader.connect() as connection:
        rows = connection.execute(select(journal_table.c.payload).where(journal_table.c.kind == kind)).scalars().all()
    return [orjson.loads(row) for row in rows]


def _answer_all(patients, link, answers, at, site="cabinet"):
    for number, answer in enumerate(answers):
        patients.answer(link, f"{site}{at:%Y%m}{number:03}".ljust(64, "0"), answer, site=site, language="fr", at=at)


def test_answers_are_counted_by_site_and_month(store, patients, link, now):
    """A month of a site has its counts; the next month and the next site have theirs."""
    _answer_all(patients, link, [PatientAnswer(5)] * 6 + [PatientAnswer(2)] * 8, now)
    _answer_all(patients, link, [PatientAnswer(1)] * 9, now + timedelta(days=30))
    _answer_all(patients, link, [PatientAnswer(4)] * 7, now, site="chu")
    found = {(one.site, one.month): one for one in answers_by_month(store.reader)}
    assert {key: one.answers for key, one in found.items()} == {
        ("cabinet", "2026-11"): 14,
        ("cabinet", "2026-12"): 9,
        ("chu", "2026-11"): 7,
    }
    assert (found["cabinet", "2026-11"].understanding["5"], found["cabinet", "2026-11"].understanding["2"]) == (6, 8)


def test_no_cell_is_smaller_than_five(store, patients, link, now):
    """A month of four answers shows nothing; in a larger one, what four patients said is hidden."""
    _answer_all(patients, link, [PatientAnswer(5)] * (FLOOR - 1), now, site="petit")
    reasons = [PatientAnswer(renounced=True, reasons=(Reason.COST,))] * 4 + [PatientAnswer(renounced=False)] * 20
    _answer_all(patients, link, reasons, now, site="grand")
    large, small = sorted(answers_by_month(store.reader), key=lambda one: one.site)
    assert (small.answers, small.understanding, shown(small.answers)) == (None, {}, HIDDEN)
    counts = [
        count for group in (large.understanding, large.delay, large.explained, large.renounced, large.reasons) for count in group.values()
    ]
    assert all(count is None or count >= FLOOR for count in counts)
    assert large.reasons["cout"] is None


def test_a_hidden_count_cannot_be_had_by_subtraction(store, patients, link, now):
    """When one choice alone is hidden, the total would give it away: the next smallest is hidden too."""
    said = [(1, 7), (2, 8), (3, 9), (4, 10), (5, 11), (None, 2)]
    _answer_all(patients, link, [PatientAnswer(value, Delay.SUITS) for value, times in said for _ in range(times)], now)
    (month,) = answers_by_month(store.reader)
    assert {choice for choice, count in month.understanding.items() if count is None} == {"1", "sans-reponse"}


def test_those_hidden_are_never_few_together(store, patients, link, now):
    """Two choices hidden whose counts add up to three would both be told by the total: a larger one is hidden with them."""
    said = [(1, 1), (2, 2), (3, 9), (4, 10), (5, 11)]
    _answer_all(patients, link, [PatientAnswer(value, Delay.SUITS) for value, times in said for _ in range(times)], now)
    (month,) = answers_by_month(store.reader)
    assert {choice for choice, count in month.understanding.items() if count is None} == {"1", "2", "3", "sans-reponse"}


def test_quarters_add_sites_and_hide_more(store, patients, link, now):
    """Counts up to seven are hidden; a quarter of seven answers shows nothing."""
    _answer_all(patients, link, [PatientAnswer(5)] * 9 + [PatientAnswer(2)] * 8, now)
    _answer_all(patients, link, [PatientAnswer(5)] * 3, now, site="chu")
    _answer_all(patients, link, [PatientAnswer(4)] * 7, now + timedelta(days=60))
    first, second = answers_by_quarter(store.reader)
    assert (first.site, first.month, first.answers, first.understanding["5"], first.understanding["2"]) == ("", "2026-T4", 20, 12, 8)
    assert (second.month, second.answers) == ("2027-T1", None)
