"""What the registers tell of requests left without judgement, on each engine."""

from datetime import date, timedelta

from pertimage.audit.past import past_requests
from pertimage.audit.unscored import rule_feedback, unscored, weekly_outcomes
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, Policy, TextPart
from tests.audit.scenes import record


def judged(register, at, *outcomes, patient=None, policy=None, text="zorglubite", request_id=None):
    """Record a request whose exams got these outcomes, and return its id."""
    request = ImagingRequest("ServiceRequest/1", "IRM", texts=(TextPart("reasonCode", text),), authored=at.date())
    lines = [
        Assessment(
            request.id, outcome, "irm-genou", "2026.11.0", "…", rule=f"fiche/regle-{rank}" if outcome is not Outcome.NO_GUIDANCE else None
        )
        for rank, outcome in enumerate(outcomes)
    ]
    return register.record_assessment(
        request, lines, site="cabinet", prescriber="p", at=at, patient=patient, policy=policy, request_id=request_id
    )


def test_outcomes_are_counted_by_week(register, now):
    """Each exam counts in the week of its request; weeks before the first asked are left out."""
    judged(register, now, Outcome.NO_GUIDANCE, Outcome.APPROPRIATE)
    judged(register, now - timedelta(weeks=5), Outcome.NO_GUIDANCE)
    store = register.journal.store
    assert [(one.week, dict(one.counts)) for one in weekly_outcomes(store, now.date())] == [
        (date(2026, 11, 23), {Outcome.NO_GUIDANCE: 1, Outcome.APPROPRIATE: 1})
    ]
    assert [one.week for one in weekly_outcomes(store, None)] == [date(2026, 10, 19), date(2026, 11, 23)]


def test_only_exams_outside_the_guidance_are_returned(register, now):
    """The request, its pseudonym and the answer then given, the latest first, up to a limit of requests."""
    judged(register, now - timedelta(days=1), Outcome.NO_GUIDANCE, patient="pseudonyme", text="ancienne")
    judged(register, now, Outcome.APPROPRIATE)
    judged(register, now, Outcome.NO_GUIDANCE, Outcome.APPROPRIATE, Outcome.NO_GUIDANCE, text="nouvelle")
    found = unscored(register.journal.store, None, 10)
    assert [one.request.narrative for one in found] == ["nouvelle", "nouvelle", "ancienne"]
    assert {one.answer.outcome for one in found} == {Outcome.NO_GUIDANCE}
    assert found[2].patient == "pseudonyme"
    assert len(unscored(register.journal.store, None, 1)) == 2


def test_a_request_judged_again_counts_as_it_is_now(register, now):
    """A draft that became judged leaves the queue."""
    known = judged(register, now, Outcome.NO_GUIDANCE, request_id="d" * 32)
    judged(register, now, Outcome.APPROPRIATE, request_id=known)
    assert unscored(register.journal.store, None, 10) == []


def test_reasons_to_set_aside_are_counted_by_rule(register, now):
    """The last word on a card counts, for the rule of the exam that the card was about."""
    known = judged(register, now, Outcome.NOT_INDICATED, Outcome.ALTERNATIVE)
    register.feedback(f"{known}:0", "overridden", at=now, reason="desaccord", request=known)
    register.feedback(f"{known}:1", "overridden", at=now, reason="", request=known)
    register.feedback(f"{known}:1", "accepted", at=now, request=known)
    other = record(register, now, outcome="not-indicated")
    register.feedback("carte-libre", "overridden", at=now, reason="refus-patient", request=other)
    register.feedback("sans-demande", "overridden", at=now, reason="desaccord")
    found = {one.rule: one for one in rule_feedback(register.journal.store, None)}
    assert dict(found["fiche/regle-0"].reasons) == {"desaccord": 1}
    assert (found["fiche/regle-1"].accepted, found["fiche/regle-1"].overridden) == (1, 0)
    assert dict(found["lombalgie-commune/recente"].reasons) == {"refus-patient": 1}
    assert found["fiche/regle-0"].answers == 1
    assert rule_feedback(register.journal.store, now.date() + timedelta(weeks=1)) == []


def test_past_requests_come_back_as_they_were_judged(register, now):
    """Request, local parameters, day in Paris and answers; the oldest first; a request judged twice once."""
    policy = Policy(dose_warning_msv=20, exams_unavailable=frozenset({"irm-genou"}))
    first = judged(register, now - timedelta(days=2), Outcome.APPROPRIATE, policy=policy)
    second = judged(register, now, Outcome.NO_GUIDANCE, request_id="d" * 32)
    judged(register, now, Outcome.APPROPRIATE, request_id=second)
    found = list(past_requests(register.journal.store))
    assert [one.id for one in found] == [first, second]
    assert (found[0].policy, found[0].day) == (policy, (now - timedelta(days=2)).date())
    assert found[1].answers[0].outcome is Outcome.APPROPRIATE
    assert [one.id for one in past_requests(register.journal.store, since=now.date())] == [second]
