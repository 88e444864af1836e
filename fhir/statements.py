"""Sentences that one click adds to an order: the prescriber reads the very words, and our reader must read them right.

A sentence built from a label is offered only when the reader takes it exactly as meant: the fact stated, and nothing else made
true. A click that would be misread is worse than no click.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from pertimage.cds.model import ImagingRequest, Missing, TextPart
from pertimage.cds.text.reading import read
from pertimage.fhir.card_text import in_sentence
from pertimage.fhir.publisher import LabelOf
from pertimage.guidelines.completeness import Completeness
from pertimage.guidelines.lexicon import Lexicon

# What a sentence states: fact → true or false, nothing for what it does not state.
ReadsAs = Callable[[str], Mapping[str, bool]]

_OPEN_QUESTION = re.compile(r"^(depuis|quel|combien|de quel|pour quel|pourquoi|que |qu['’]|où|quand|à quel|précis)", re.IGNORECASE)
_ASPIRATED = ("hernie", "hanche", "haut", "handicap", "hallux")


def reads_with(lexicon: Lexicon) -> ReadsAs:
    """Return the reading of one sentence by the core with this lexicon; each sentence is read once."""

    @lru_cache(maxsize=4096)
    def reads(sentence: str) -> Mapping[str, bool]:
        return read(ImagingRequest("", texts=(TextPart("note", sentence),)), lexicon).truth

    return reads


def answers(item: Missing, label_of: LabelOf, reads_as: ReadsAs, table: Completeness) -> list[str]:
    """Return the sentences that answer a missing item: one of the table of completeness, all when a sheet asks, else yes and no."""
    if row := table.items.get(item.item):
        offered = [answer.sentence for answer in row.answers] if row.on_card else []
        return offered[:1] if item.question == row.question else offered
    if _OPEN_QUESTION.match(item.question):
        return []
    label = label_of(item.item)
    yes, no = f"{label[:1].upper()}{label[1:]}.", denial([label])
    affirmed = reads_as(yes).get(item.item) is True
    return ([yes] if affirmed else []) + ([no] if denies(no, [item.item], reads_as) else [])


def verified(items: Sequence[Missing], label_of: LabelOf, reads_as: ReadsAs) -> str:
    """Return the sentence that denies the red flags that nothing states, those at least that it denies without ambiguity."""
    return _verified(tuple(item.item for item in items), label_of, reads_as) if items else ""


@lru_cache(maxsize=4096)
def _verified(facts: tuple[str, ...], label_of: LabelOf, reads_as: ReadsAs) -> str:
    safe = [fact for fact in facts if denies(denial([label_of(fact)]), [fact], reads_as)]
    sentence = denial([label_of(fact) for fact in safe])
    if sentence and not denies(sentence, safe, reads_as):
        sentence = denial([label_of(safe[0])])
    return sentence


def denies(sentence: str, facts: Sequence[str], reads_as: ReadsAs) -> bool:
    """Say whether the reader takes a sentence as denying each of these facts and affirming none."""
    truth = reads_as(sentence)
    return all(truth.get(fact) is False for fact in facts) and not any(truth.values())


def denial(labels: Sequence[str]) -> str:
    """Return the sentence that denies facts in turn: « Pas de fièvre, pas d'antécédent de cancer. »."""
    said = [f"pas d'{label}" if _elides(label) else f"pas de {label}" for label in (in_sentence(label) for label in labels)]
    sentence = ", ".join(said)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _elides(label: str) -> bool:
    return label[:1] in "aàâeéèêiîoôuyœAÀÉEIO" or (label.startswith("h") and not label.startswith(_ASPIRATED))
