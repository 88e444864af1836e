"""Which advice a prescriber has already been given."""

from __future__ import annotations

from datetime import date, timedelta

from pertimage.audit.programme import Mode
from pertimage.audit.repetition import told_before
from pertimage.cds.model import Assessment, ImagingRequest, Outcome

ADVICE = ("irm-genou", "genou/recent", "not-indicated")


def signed(
    register,
    at,
    *,
    reference="ServiceRequest/1",
    prescriber="p1",
    hook="order-sign",
    patient=None,
    rule="genou/recent",
    drafted=False,
    mode=Mode.ON,
):
    """Record an advice and wait until the registers show it."""
    line = Assessment(reference, Outcome.NOT_INDICATED, "irm-genou", "2026.1", "Non.", rule=rule)
    about = {"site": "s", "prescriber": prescriber, "hook": hook, "patient": patient, "signed": not drafted, "mode": mode}
    register.record_assessment(ImagingRequest(reference), [line], at=at, **about)
    register.my_requests(prescriber)


def told(store, now, **about):
    """Return the day of the advice for the prescriber who now sends request 9."""
    asked = {
        "since": now - timedelta(days=30),
        "before": now,
        "hook": "order-sign",
        "reference": "ServiceRequest/9",
        "patient": None,
    } | about
    return told_before(store.reader, "p1", [ADVICE], **asked).get(ADVICE)


def test_the_last_day_of_the_same_advice_is_known(store, register, now):
    """Of two requests with the same advice, the latest counts."""
    assert told(store, now) is None
    signed(register, now - timedelta(days=20))
    signed(register, now - timedelta(days=3), reference="ServiceRequest/2")
    assert told(store, now) == date(2026, 11, 20)


def test_only_the_same_advice_to_the_same_person_counts(store, register, now):
    """Another rule, another prescriber, a draft, a page, a day too old or still to come are not the same advice, nor one judged in silence."""
    day = now - timedelta(days=3)
    signed(register, day, rule="genou/ancien")
    signed(register, day, prescriber="p2")
    signed(register, day, drafted=True)
    signed(register, day, hook="page")
    signed(register, day, mode=Mode.SILENT)
    signed(register, now - timedelta(days=31))
    signed(register, now)
    assert told(store, now) is None


def test_the_request_itself_is_not_another_one(store, register, now):
    """Signed again for the same patient, it does not count; the same reference for another patient does."""
    signed(register, now - timedelta(hours=1), reference="ServiceRequest/9", patient="a")
    assert told(store, now, patient="a") is None
    assert told(store, now, patient="b") == date(2026, 11, 23)
