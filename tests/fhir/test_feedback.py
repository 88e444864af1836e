"""CDS Hooks feedback."""

import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.fhir.feedback import CardOutcome, read_feedback
from pertimage.fhir.values import BadRequest

ACCEPTED = {"card": "c1", "outcome": "accepted", "acceptedSuggestions": [{"id": "s1"}], "outcomeTimestamp": "2026-11-22T11:30:05Z"}
REASON = {"system": "https://imagerie.exemple.fr/fhir/CodeSystem/motif-derogation", "code": "refus-patient"}
OVERRIDDEN = {
    "card": "c2",
    "outcome": "overridden",
    "overrideReason": {"reason": REASON, "userComment": "refuse l'IRM"},
    "outcomeTimestamp": "2026-11-22T12:31:00+01:00",
}


def test_feedback_is_read():
    """Outcome, suggestions, coded reason with its international code, comment and time in UTC."""
    accepted, overridden = read_feedback({"feedback": [ACCEPTED, OVERRIDDEN]})
    assert (accepted.card, accepted.outcome, accepted.suggestions) == ("c1", CardOutcome.ACCEPTED, ("s1",))
    assert overridden.reason.code == "refus-patient"
    assert overridden.standard_reason.code == "patient-refuses"
    assert overridden.comment == "refuse l'IRM"
    assert overridden.at.isoformat() == "2026-11-22T11:31:00+00:00"


def test_a_repeated_card_is_legal():
    """The same card may come back: the last outcome counts, and that is the store's matter."""
    assert len(read_feedback({"feedback": [OVERRIDDEN | {"card": "c1"}, ACCEPTED]})) == 2


def test_an_override_without_reason_is_legal():
    """A card may be overridden without a word."""
    assert read_feedback({"feedback": [OVERRIDDEN | {"overrideReason": None}]})[0].reason is None


def test_a_reason_of_another_system_has_no_standard_code():
    """A foreign reason is kept as it came."""
    foreign = OVERRIDDEN | {"overrideReason": {"reason": {"system": "https://x.fr", "code": "z"}}}
    (item,) = read_feedback({"feedback": [foreign]})
    assert (item.reason.code, item.standard_reason) == ("z", None)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], ""),
        ({}, "feedback"),
        ({"feedback": []}, "feedback"),
        ({"feedback": ["x"]}, "feedback[0]"),
        ({"feedback": [ACCEPTED, ACCEPTED | {"outcome": "ignored"}]}, "feedback[1].outcome"),  # cds-fb-1
        ({"feedback": [ACCEPTED | {"acceptedSuggestions": None}]}, "feedback[0].acceptedSuggestions"),  # cds-fb-2
        ({"feedback": [OVERRIDDEN | {"overrideReason": {}}]}, "feedback[0].overrideReason"),  # cds-fb-3
        ({"feedback": [ACCEPTED | {"card": ""}]}, "feedback[0].card"),
        ({"feedback": [ACCEPTED | {"acceptedSuggestions": [{}]}]}, "feedback[0].acceptedSuggestions[0].id"),
        ({"feedback": [ACCEPTED | {"outcomeTimestamp": "2026-11-22T11:30:05"}]}, "feedback[0].outcomeTimestamp"),
        ({"feedback": [ACCEPTED | {"outcomeTimestamp": None}]}, "feedback[0].outcomeTimestamp"),
        ({"feedback": [OVERRIDDEN | {"overrideReason": {"reason": "x"}}]}, "feedback[0].overrideReason.reason"),
    ],
)
def test_each_breach_is_named(body, place):
    """The three feedback invariants and the mandatory fields: the first breach is refused with its place."""
    with pytest.raises(BadRequest) as caught:
        read_feedback(body)
    assert caught.value.place == place


@given(
    st.sampled_from([*ACCEPTED, *OVERRIDDEN]),
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda x: st.lists(x, max_size=2) | st.dictionaries(st.sampled_from(["id", "reason", "code"]), x),
        max_leaves=4,
    ),
)
def test_no_junk_breaks_the_reader(key, junk):
    """Whatever stands for any value, feedback is read or refused with BadRequest."""
    line = copy.deepcopy(OVERRIDDEN) | {key: junk}
    with contextlib.suppress(BadRequest):
        read_feedback({"feedback": [line]})
