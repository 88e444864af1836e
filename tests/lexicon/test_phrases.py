"""Each fact of the lexicon is heard in the many ways GPs and patients say it, and not in those that only look like it.

The files hold one « fait|phrase » to a line: « ! » before the fact when the phrase must not state it, « ? » when it is not heard
yet, « ?! » when it still is though it should not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.cds.text.reading import read
from pertimage.guidelines.loader import load_base

DAY = date(2026, 11, 22)
FILES = sorted(Path(__file__).parent.glob("*.txt"))


class Phrase(NamedTuple):
    """A phrase, the fact it is about, and whether it states it."""

    fact: str
    mark: str
    words: str


def phrases(file: Path) -> Iterator[Phrase]:
    """Yield the phrases of a file."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            fact, words = line.split("|", 1)
            name = fact.strip().lstrip("!?")
            yield Phrase(name, fact.strip().removesuffix(name), words.strip())


def heard(phrase: Phrase) -> bool:
    """Say whether the phrase alone states the fact."""
    base = load_base()
    assert phrase.fact in base.lexicon.facts, phrase
    reading = read(ImagingRequest("r", texts=(TextPart("note", phrase.words),), authored=DAY), base.lexicon, base.openers)
    return reading.truth.get(phrase.fact) is True or phrase.fact in reading.values


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_fact_is_heard_however_it_is_said(file: Path) -> None:
    """Every way of saying a fact states it."""
    assert [phrase for phrase in phrases(file) if not phrase.mark and not heard(phrase)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_words_that_only_look_alike_state_nothing(file: Path) -> None:
    """An innocent phrase near a fact does not state it."""
    assert [phrase for phrase in phrases(file) if phrase.mark == "!" and heard(phrase)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_not_right_yet_is_listed_as_such(file: Path) -> None:
    """A phrase that comes to be read rightly loses its « ? »: the list can only shrink."""
    right = {"?": True, "?!": False}
    assert [phrase for phrase in phrases(file) if phrase.mark in right and heard(phrase) is right[phrase.mark]] == []
