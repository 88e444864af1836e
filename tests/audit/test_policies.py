"""The policies put in force: journaled, found again by their digest, replaced by one author at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from pertimage.audit.past import latest_requests, past_requests
from pertimage.audit.policies import AnotherInForce, UnknownPolicyError, last_seq
from pertimage.audit.projection import rebuild
from pertimage.audit.tables import journal
from pertimage.audit.verification import verify
from pertimage.cds.policy import Policy, policy_of
from pertimage.guidelines.policy import PolicyForm
from tests.audit.scenes import values


def form(days: int) -> PolicyForm:
    """Return a policy that differs by its days."""
    return PolicyForm.model_validate({"repetition_jours": days})


def put(register, days, at, **about):
    """Put a policy in force."""
    return register.put_in_force(form(days), f"repetition_jours: {days}\n", author="Dr A", reason="essai", at=at, **about)


def test_the_last_policy_is_in_force(register, store, now):
    """Each policy keeps its author, its day, its reason and its text; the last one holds."""
    assert register.policy() is None
    assert last_seq(store.reader) == 0
    for days in (7, 9):
        put(register, days, now + timedelta(days=days))
    row = register.policy()
    assert (row.digest, row.author, row.reason, row.text) == (form(9).digest, "Dr A", "essai", "repetition_jours: 9\n")
    assert row.at == "2026-12-02T12:00:00.000000Z"
    assert row.policy == policy_of(form(9))
    assert [one.digest for one in register.policies()] == [form(9).digest, form(7).digest]
    assert last_seq(store.reader) == row.seq


def test_a_past_policy_is_found_by_the_start_of_its_digest(register, now):
    """The start of a digest is enough for people; what nothing begins with is None, wildcards included."""
    put(register, 7, now)
    assert register.policy(form(7).digest[:8]).digest == form(7).digest
    assert register.policy("%") is None
    assert register.policy("inconnue\0") is None


def test_of_two_authors_one_must_read_again(register, now):
    """A policy written over one that is no longer in force is refused, and nothing is recorded."""
    first = put(register, 7, now, after=0)
    with pytest.raises(AnotherInForce, match="entre-temps"):
        put(register, 9, now, after=0)
    assert register.policy().digest == form(7).digest
    put(register, 9, now, after=first.seq)
    assert register.policy().digest == form(9).digest


def test_a_policy_has_an_author_and_a_reason(register, now):
    """Without one or the other nothing is recorded."""
    with pytest.raises(ValueError, match="un auteur et un motif"):
        register.put_in_force(form(7), "", author=" ", reason="essai", at=now)
    assert register.policy() is None


def test_an_assessment_names_the_policy_that_judged_it(register, store, now):
    """The record names the digest; reading it back gives the policy of that time, though another is in force since."""
    put(register, 7, now)
    request, lines = values()
    register.record_assessment(request, lines, site="cabinet", prescriber="p1", at=now, policy=policy_of(form(7)))
    put(register, 9, now)
    register.record_assessment(request, lines, site="cabinet", prescriber="p1", at=now, policy=Policy(dose_warning_msv=40))
    with store.reader.connect() as connection:
        payload = (
            connection.execute(select(journal.c.payload).where(journal.c.kind == "assessment").order_by(journal.c.seq)).scalars().first()
        )
    assert f'"policy":{{"digest":"{form(7).digest}"}}' in payload
    named, own = past_requests(store)
    assert named.policy == policy_of(form(7))
    assert own.policy == Policy(dose_warning_msv=40)
    assert [one.id for one in latest_requests(store, 1)] == [own.id]


def test_a_digest_that_the_journal_does_not_hold_is_an_error(register, store, now):
    """A judgement cannot be replayed under another policy than its own without saying so."""
    request, lines = values()
    register.record_assessment(request, lines, site="cabinet", prescriber="p1", at=now, policy=policy_of(form(7)))
    with pytest.raises(UnknownPolicyError):
        list(past_requests(store))


def test_policies_come_back_from_the_journal(register, store, now):
    """Rebuilding the registers finds every policy again, in an intact chain."""
    put(register, 7, now)
    put(register, 9, now)
    before = register.policies()
    with store.writer.begin() as connection:
        connection.execute(text("DELETE FROM policies"))
    rebuild(store.writer)
    assert register.policies() == before
    assert verify(store.reader) == []
