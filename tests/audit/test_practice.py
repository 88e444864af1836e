"""Consents, mails, and what is counted of a prescriber's requests, on each engine."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pertimage.audit.consents import AlreadyMailed, Consents, Setting
from pertimage.audit.practice import Replaced, Window, monthly, practices_of, replacements, situations, twelve_months
from pertimage.audit.programme import Mode
from pertimage.audit.projection import rebuild
from pertimage.audit.review import Decision
from tests.audit.scenes import record

OCTOBER = Window(date(2026, 10, 1), date(2026, 10, 1))
IN_OCTOBER = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


def sign(register, *, at=IN_OCTOBER, **about):
    """Record a signed request."""
    return record(register, at, signed=True, **about)


def test_only_signed_requests_of_the_window_count(register):
    """Drafts, other months and other prescribers are left out; midnight is that of Paris."""
    for outcome in ("appropriate", "appropriate", "not-indicated", "incomplete", "no-guidance"):
        sign(register, outcome=outcome)
    record(register, IN_OCTOBER)
    sign(register, prescriber="p2")
    sign(register, at=datetime(2026, 9, 30, 21, 59, tzinfo=UTC))
    sign(register, at=datetime(2026, 9, 30, 22, 1, tzinfo=UTC))
    found = practices_of(register.journal.store.reader, ["p1", "nobody"], OCTOBER)
    assert list(found) == ["p1"]
    mine = found["p1"]
    assert (mine.requests, mine.exams, mine.unscored) == (6, 6, 1)
    assert (mine.complete.part, mine.complete.whole) == (4, 5), "what is outside the guidance is apart, not a fault"
    assert (mine.appropriate.part, mine.appropriate.whole) == (3, 4), "only positions taken count"


def test_a_withdrawn_request_no_longer_counts(register):
    """A request taken back was not asked."""
    kept, gone = sign(register), sign(register)
    register.withdraw(gone, author="p1", at=IN_OCTOBER)
    assert practices_of(register.journal.store.reader, ["p1"], OCTOBER)["p1"].requests == 1
    assert kept != gone


def test_what_was_judged_in_silence_is_told_to_nobody(register):
    """Neither its outcome, nor its situation, nor its month: the period of silence is the one compared with."""
    sign(register, outcome="not-indicated", mode=Mode.SILENT)
    engine = register.journal.store.reader
    assert practices_of(engine, ["p1"], OCTOBER) == {}
    assert situations(engine, "p1", OCTOBER) == []
    assert [one.requests for one in monthly(engine, "p1", OCTOBER).values()] == [0]


def test_a_request_taken_over_is_not_its_new_prescribers(register):
    """What somebody who left had asked is not held against the colleague who follows it up."""
    sign(register, flagged=True, outcome="not-indicated")
    sign(register, prescriber="p2")
    assert register.succeed("p1", "p2", author="exploitant", at=IN_OCTOBER) == 1
    assert practices_of(register.journal.store.reader, ["p1", "p2"], OCTOBER)["p2"].outcomes.judged == 1


def test_months_are_all_there_even_empty(register):
    """Twelve months in order, each with its own requests."""
    sign(register)
    sign(register, at=datetime(2026, 3, 2, 8, 0, tzinfo=UTC), outcome="alternative")
    months = monthly(register.journal.store.reader, "p1", twelve_months(date(2026, 11, 23)))
    first, *_, last = months
    assert (first, last, len(months)) == ("2025-12", "2026-11", 12)
    assert [(month, one.requests) for month, one in months.items() if one.requests] == [("2026-03", 1), ("2026-10", 1)]


def test_situations_say_what_could_be_better(register):
    """A sheet's exams are counted by outcome; those asked against its advice are named."""
    for outcome in ("appropriate", "not-indicated", "not-indicated", "alternative"):
        sign(register, outcome=outcome)
    (only,) = situations(register.journal.store.reader, "p1", OCTOBER)
    assert (only.sheet, only.total, only.to_improve, only.exams) == ("lombalgie-commune", 4, 3, {"irm-rachis-lombaire": 3})


def taken(register, request, before, after):
    """Record that the prescriber took the exam offered."""
    register.feedback(f"{request}:0", "accepted", at=IN_OCTOBER, request=request, detail={"from": before, "to": after})


def test_only_what_was_really_replaced_counts(register):
    """Not an offer left, nor one taken then not signed, nor an exam given up for none, nor a refusal."""
    left = sign(register, exam="scanner-cerebral", outcome="alternative", flagged=True)
    register.feedback(f"{left}:0", "overridden", at=IN_OCTOBER, reason="desaccord", request=left, detail={"exam": "scanner-cerebral"})
    draft = record(register, IN_OCTOBER)
    taken(register, draft, "scanner-rachis-lombaire", "irm-rachis-lombaire")
    taken(register, sign(register, exam="radio-bassin"), "scanner-rachis-lombaire", "irm-rachis-lombaire")
    taken(register, sign(register), "scanner-rachis-lombaire", "none")
    refused = sign(register, exam="scanner-cerebral", outcome="not-indicated", flagged=True)
    register.decide(refused, Decision.REFUSE, radiologist="r", reason="Inutile.", at=IN_OCTOBER)
    assert replacements(register.journal.store.reader, "p1", OCTOBER) == []


def test_an_exam_replaced_twice_counts_once(register):
    """From the first asked to the one done, whoever replaced it; a sent-back decision replaces nothing."""
    one = sign(register)
    taken(register, one, "scanner-rachis-lombaire", "irm-rachis-lombaire")
    two = sign(register, exam="scanner-cerebral", outcome="alternative", flagged=True)
    taken(register, two, "radio-bassin", "scanner-cerebral")
    register.decide(two, Decision.SUBSTITUTE, radiologist="r", reason="Plutôt une IRM.", exam="irm-cerebrale", at=IN_OCTOBER)
    assert set(replacements(register.journal.store.reader, "p1", OCTOBER)) == {
        Replaced(one, "scanner-rachis-lombaire", "irm-rachis-lombaire", "prescripteur"),
        Replaced(two, "radio-bassin", "irm-cerebrale", "radiologue"),
    }
    assert replacements(register.journal.store.reader, "p2", OCTOBER) == []


def test_consent_is_given_changed_and_withdrawn_through_the_journal(journal, now):
    """The register shows the last word, the journal all of them, and replaying gives the same rows."""
    consents = Consents(journal)
    assert consents.of("p1") is None
    consents.give("p1", Setting.SURGERY, mail=False, at=now)
    consents.give("p1", "hopital", mail=True, at=now)
    consents.give("p2", "hopital", mail=False, at=now)
    assert (consents.of("p1").setting, consents.of("p1").mail) == (Setting.HOSPITAL, True)
    assert [consents.of_setting(one) for one in (Setting.HOSPITAL, Setting.SURGERY)] == [["p1", "p2"], []]
    consents.withdraw("p1", at=now)
    assert consents.of("p1") is None
    assert consents.of_setting(Setting.HOSPITAL) == ["p2"]
    rebuild(journal.store.writer)
    assert (consents.of("p1"), consents.of_setting(Setting.HOSPITAL)) == (None, ["p2"])
    with pytest.raises(ValueError, match="bateau"):
        consents.give("p3", "bateau", mail=True, at=now)


def test_a_mail_is_made_once_and_only_if_wished(journal, now):
    """A second mail of the month is refused, another month is not, and withdrawing stops them."""
    consents = Consents(journal)
    consents.give("p1", Setting.SURGERY, mail=True, at=now)
    consents.give("p2", Setting.SURGERY, mail=False, at=now)
    consents.note_mail("p1", "2026-10", at=now)
    with pytest.raises(AlreadyMailed):
        consents.note_mail("p1", "2026-10", at=now + timedelta(days=3))
    consents.note_mail("p1", "2026-11", at=now)
    for unwilling in ("p2", "nobody"):
        with pytest.raises(AlreadyMailed):
            consents.note_mail(unwilling, "2026-10", at=now)
    consents.withdraw("p1", at=now)
    consents.give("p1", Setting.SURGERY, mail=True, at=now)
    with pytest.raises(AlreadyMailed):
        consents.note_mail("p1", "2026-10", at=now)
    assert consents.mailed("2026-10") == {"p1"}
    with pytest.raises(ValueError, match="mois"):
        consents.note_mail("p1", "octobre", at=now)
