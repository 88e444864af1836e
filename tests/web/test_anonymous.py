"""What is shown of a request names nobody."""

from __future__ import annotations

import pytest

from pertimage.guidelines.loader import load_base
from pertimage.web.anonymous import Anonymiser, phrases


@pytest.fixture(scope="module")
def anonymiser():
    """Know the words of the shipped base."""
    return Anonymiser(load_base())


@pytest.mark.parametrize(
    "text",
    [
        "Mme Dupont Jeanne, lombalgie",
        "M. KOWALSKI souffre de lombalgie",
        "lombalgie, née le 12/03/1950",
        "lombalgie, né le 3 mars 1950",
        "lombalgie. Tél. 06 12 34 56 78 ou +33612345678",
        "NIR 2 50 03 75 116 001 22, lombalgie",
        "lombalgie, écrire à jeanne.dupont@exemple.fr",
        "lombalgie, 12 rue Gambetta 59000 Lille",
        "Kowalski Piotr lombalgie",
        "PIERRE lombalgie",
        "lombalgie chez Petit Blanc",
        "patiente de 97 ans, lombalgie",
    ],
)
def test_identity_is_hidden_and_the_complaint_stays(anonymiser, text):
    """Names, dates, telephone, national number, mail, address and age go; the words of the lexicon stay."""
    shown = anonymiser.masked(text)
    assert "lombalgie" in shown
    for (
        hidden
    ) in "dupont jeanne kowalski piotr gambetta lille 1950 12/03 mars 06 12 34 612 2 50 75 001 exemple 59000 97 pierre petit blanc".split():
        assert hidden not in shown.replace("…", " ").split(), shown
    assert not any(mark.isdigit() for mark in shown), shown


def test_known_words_keep_their_accents_and_small_numbers(anonymiser):
    """A clinical phrase can still be read."""
    assert anonymiser.masked("Céphalée depuis 3 semaines, pas de fièvre") == "céphalée depuis 3 semaines pas de fièvre"


def test_only_words_that_cannot_be_a_name_are_listed(anonymiser):
    """An unknown word is listed when it is written small and follows no title; capitals and titles announce names."""
    assert anonymiser.unknown("zorglubite chez Mme dupont, vue par Kowalski, KOWALSKI") == {"zorglubite"}


def test_a_phrase_without_a_known_word_says_nothing(anonymiser):
    """What is left of a name alone is not worth showing."""
    assert not anonymiser.says_something(anonymiser.masked("Jeanne Dupont"))
    assert anonymiser.says_something(anonymiser.masked("lombalgie de Jeanne Dupont"))


def test_phrases_are_the_pieces_between_marks():
    """A request is cut at its marks and its lines."""
    assert list(phrases("lombalgie, fièvre.\nmerci : IRM ?")) == ["lombalgie", "fièvre", "merci", "IRM"]
