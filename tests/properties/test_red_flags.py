"""An emergency sign is heard when it is stated and not raised when it is denied, whatever surrounds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zlib import crc32

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import Outcome
from pertimage.guidelines.base import Sheet
from tests.properties.examples import BASE, EVERYTHING, EXAMPLES, Example, answers, answers_as_written, with_text
from tests.properties.red_flag_words import DENIALS, denied, nouns, plain_flags, stated

# After such words a sign added behind a comma would be read as denied, supposed, past or another's: it is added as a new sentence.
_GOVERNS = re.compile(
    r"\b(?:pas|sans|ni|absence|aucune?s?|nie|non|jamais|atcd|ant[ée]c[ée]dents?|suspicion|susp\w*|[ée]liminer|rechercher?|m[eè]re|p[eè]re|s(?:œ|oe)ur|famil\w*|n[ée]gati\w*|"
    r"possible|probable|doute|si|pour|z[ée]ro|ø)\b|\?|:$",
    re.IGNORECASE,
)
_HELPED = {Outcome.APPROPRIATE: 2, Outcome.ALTERNATIVE: 1, Outcome.INCOMPLETE: 1, Outcome.NOT_INDICATED: 0, Outcome.NO_GUIDANCE: 0}
FLAGS = sorted({fact for sheet in BASE.sheets.values() for fact in plain_flags(sheet)})
# In `make test`, for each sign: so many of its words, examples of its sheet, and one addition out of so many.
WORDS, CALM, ADDITIONS = (None, None, 1) if EVERYTHING else (3, 1, 15)
# Words that the engine still hears when they are denied: a shorter sign inside them is not reached by the negation.
KNOWN = ("mictions très rares", "par gouttes", "couleur grenadine", "couleur porto")


@pytest.mark.parametrize("form", DENIALS)
def test_a_denied_emergency_sign_is_not_read_as_present(form: str) -> None:
    """Each noun of each emergency sign, denied in whatever form, is not there."""
    raised = [text for fact in FLAGS for term in nouns(fact)[:WORDS] if stated(text := denied(term, form), fact) is True]
    assert [text for text in raised if not text.endswith(KNOWN)] == []


def _calm(sheet: Sheet) -> list[Example]:
    own = [example for example in EXAMPLES if example.sheet == sheet.id]
    return [example for example in own if all(pathway is None for _, pathway in answers_as_written(example))][:CALM]


@pytest.mark.parametrize("form", DENIALS)
def test_a_denied_emergency_sign_sends_nobody_to_the_emergency_department(form: str) -> None:
    """A calm request to which the signs of its sheet are added, denied, stays calm."""
    raised = []
    for sheet in BASE.sheets.values():
        terms = [term for fact in plain_flags(sheet) for term in nouns(fact)[:2]]
        texts = [(one, f"{one.request.narrative}. {denied(term, form)}") for one in _calm(sheet) for term in terms]
        raised += [text for example, text in texts if any(pathway for _, pathway in answers(with_text(example.request, text)))]
    assert [text for text in raised if not text.endswith(KNOWN)] == []


def _added(example: Example, term: str) -> str:
    text = example.request.narrative
    apart = _GOVERNS.search(re.split(r"[.;\n]", text)[-1]) or text.rstrip()[-1:] in (".", "?", "!", ":", ";")
    return f"{text}{'. ' if apart else ', '}{term}"


def _additions() -> Iterator[tuple[Example, str]]:
    for example in EXAMPLES:
        opened = {name for one in assess(example.request, BASE) for name in one.situations}
        for sheet in [example.sheet] if example.sheet else sorted(opened):
            for fact in plain_flags(BASE.sheets[sheet]):
                draw = crc32(f"{example.id} {fact}".encode())
                if nouns(fact) and draw % ADDITIONS == 0:
                    yield example, nouns(fact)[draw % len(nouns(fact))]


def test_an_emergency_sign_added_never_lowers_the_verdict() -> None:
    """A request of a sheet to which an emergency sign of that sheet is added goes to the emergency department, or helps no less than before."""
    lowered = []
    for example, term in _additions():
        found = answers(with_text(example.request, _added(example, term)))
        before = max(_HELPED[outcome] for outcome, _ in answers_as_written(example))
        if not any(pathway for _, pathway in found) and max(_HELPED[outcome] for outcome, _ in found) < before:
            lowered.append(_added(example, term))
    assert lowered == []


def test_there_is_something_to_deny_and_to_add() -> None:
    """Nearly every emergency sign has nouns that state it: the properties above are not empty."""
    without = [fact for fact in FLAGS if not nouns(fact)]
    assert len(FLAGS) > 80
    assert len(without) < 0.2 * len(FLAGS), without
