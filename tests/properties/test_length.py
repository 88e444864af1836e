"""A text of any shape is read to its end, in a time that grows as its length."""

from __future__ import annotations

from cProfile import Profile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.assess import LONGEST_TEXT, assess
from pertimage.cds.model import ImagingRequest, Outcome, TextPart
from pertimage.web.vignettes import WRITTEN
from tests.properties.examples import BASE, EVERYTHING, EXAMPLES
from tests.properties.shapes import EASY, HARD, REPEATED, STRETCHED, request

LONG = LONGEST_TEXT
WORDS = sorted({word for example in EXAMPLES for word in example.request.narrative.split()})


def _shapes() -> list[str]:
    return [*REPEATED, *STRETCHED] if EVERYTHING else [*HARD, *EASY]


@pytest.mark.parametrize("name", _shapes())
def test_a_text_of_50_000_characters_is_judged(name: str) -> None:
    """Whatever its shape, a very long text gets an answer."""
    assert assess(request(name, LONG), BASE)


def test_the_end_of_an_endless_text_is_not_approved_unread() -> None:
    """Beyond what is read, the answer is incomplete and says so; an emergency heard before is still one."""
    calm, grave = (
        "lombalgie depuis 8 semaines malgré la kiné, pas de signe d'alerte. ",
        "lombalgie, anesthésie en selle et rétention d'urines. ",
    )
    for text, pathway in ((calm, None), (grave, "emergency")):
        endless = ImagingRequest(
            "r", exam_text="IRM lombaire", texts=(TextPart("note", text + "patient suivi. " * 40_000),), authored=WRITTEN
        )
        (answer,) = assess(endless, BASE)
        assert (answer.outcome, answer.pathway) == (Outcome.INCOMPLETE, pathway)
        assert "n'a pas été lue" in answer.reason


@pytest.mark.parametrize("name", _shapes())
def test_work_grows_as_length(name: str) -> None:
    """Ten times the text takes about ten times the calls, far from the hundred times of a square; clocks have no say in it."""
    assert _calls(name, 20_000) < 20 * _calls(name, 2_000)


def _calls(name: str, length: int) -> int:
    asked = request(name, length)
    profile = Profile()
    profile.runcall(assess, asked, BASE)
    return sum(entry.callcount for entry in profile.getstats())


@given(
    st.lists(
        st.tuples(st.sampled_from(WORDS) | st.sampled_from([*REPEATED.values()]) | st.text(max_size=8), st.integers(1, 40)),
        min_size=1,
        max_size=30,
    )
)
def test_words_in_any_order_are_judged(words: list[tuple[str, int]]) -> None:
    """The words of real requests, in any order and any number, with anything between, never stop the reading."""
    text = " ".join(word for word, times in words for _ in range(times))
    for one in assess(ImagingRequest("r", exam_text="IRM", texts=(TextPart("reasonCode", text),), authored=WRITTEN), BASE):
        assert one.reason
        assert all(fact.evidence == text_of(text)[fact.start : fact.end] for fact in one.facts if fact.start >= 0)


def text_of(text: str) -> str:
    """Return the text as the request gives it to be read."""
    return ImagingRequest("r", texts=(TextPart("reasonCode", text),)).narrative


def _numbers() -> list[tuple[str, str]]:
    frames = ["depuis {} ans", "T° {}", "CRP {}", "F {} ans", "depuis le 12/{}", "J{}", "-{} kg", "Glasgow {}/15", "fièvre il y a {} mois"]
    numbers = ["9" * 400, "0" * 400, "1," * 300, "1" * 5_000]
    return [(frame, number) for frame in frames for number in numbers]


@pytest.mark.parametrize(("frame", "number"), _numbers())
def test_numbers_without_sense_are_no_obstacle(frame: str, number: str) -> None:
    """A number of hundreds of digits is read or left aside, wherever it stands."""
    text = TextPart("reasonCode", frame.format(number))
    assert assess(ImagingRequest("r", exam_text="IRM", texts=(text,), authored=WRITTEN), BASE)
