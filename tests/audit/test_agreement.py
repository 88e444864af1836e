"""What radiologists say of a rule: counted once each, by site, since the committee last decided."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pertimage.audit.agreement import Agreement, Verdict, agreements, rule_decisions_of
from pertimage.audit.intervals import Share
from pertimage.audit.projection import rebuild
from pertimage.audit.review import Decision, RuleOpinion, RuleVerdict
from tests.audit.scenes import record

RULE = "lombalgie-commune/recente"


def say(register, at, verdict, *, site="cabinet", radiologist="r1", words="", count=1):
    """Have a radiologist decide of requests and say something of their rule."""
    for _ in range(count):
        request = record(register, at, site=site, signed=True, flagged=True, outcome="not-indicated")
        said = RuleOpinion(RULE, RuleVerdict(verdict), words)
        register.decide(request, Decision.APPROVE, radiologist=radiologist, at=at, reason="", rule=said)


def test_opinions_are_counted_by_site(register, store, now):
    """Agreements over those who agreed or not; « sans objet » apart; comments kept, the latest first."""
    say(register, now, "accord", count=2)
    say(register, now + timedelta(minutes=1), "desaccord", site="chu", words="Protocole local.")
    say(register, now + timedelta(minutes=2), "sans-objet", words="Contexte.")
    (one,) = agreements(store, None)
    assert (one.rule, one.agreed, one.not_applicable) == (RULE, Share(2, 3), 1)
    assert one.sites == {"cabinet": Share(2, 2), "chu": Share(0, 1)}
    assert one.words == ("Contexte.", "Protocole local.")
    assert agreements(store, (now + timedelta(days=1)).date()) == []


def test_a_decision_starts_the_count_again(register, store, now):
    """After the committee has decided only what is said since counts; its decisions are kept, and rebuilt from the journal."""
    say(register, now, "desaccord", count=3)
    register.decide_rule(RULE, Verdict.KEEP, author="Comité", reason="Recommandation HAS inchangée", at=now)
    assert agreements(store, None) == []
    say(register, now + timedelta(hours=1), "accord")
    assert agreements(store, None)[0].agreed == Share(1, 1)
    before = rule_decisions_of(store)
    assert [(one.rule, one.verdict, one.author) for one in before] == [(RULE, Verdict.KEEP, "Comité")]
    rebuild(store.writer)
    assert rule_decisions_of(store) == before


def test_a_decision_has_an_author_and_a_reason(register, store, now):
    """Without one or the other nothing is recorded."""
    with pytest.raises(ValueError, match="un auteur et un motif"):
        register.decide_rule(RULE, Verdict.KEEP, author="Comité", reason=" ", at=now)
    assert rule_decisions_of(store) == []


@pytest.mark.parametrize(
    ("part", "whole", "doubted"), [(0, 9, False), (2, 12, True), (5, 10, False), (60, 100, True), (65, 100, False), (0, 0, False)]
)
def test_only_a_sure_doubt_is_proposed(part, whole, doubted):
    """Few opinions propose nothing, nor does an interval that reaches the threshold."""
    assert Agreement(RULE, Share(part, whole)).doubted is doubted


def test_a_site_apart_from_the_others_is_named():
    """A site is in conflict when its interval and that of the others are apart; a small one never is."""
    sites = {"a": Share(1, 15), "b": Share(28, 30), "c": Share(0, 4)}
    assert Agreement(RULE, Share(29, 49), 0, sites).conflicts == ("a", "b")
    assert Agreement(RULE, Share(9, 9), 0, {"a": Share(9, 9)}).conflicts == ()
