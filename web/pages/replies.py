"""One-click answers: for each thing the request does not say, the sentences that say it.

A click writes its sentence into the prescriber's text, where everybody can read and change it. The fact that the sentence
states travels beside it, and counts only while the sentence is still in the text: nothing is known that is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pertimage.cds.model import KnownFact, Missing, Status
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.completeness import Answer, Blank, Item
from pertimage.guidelines.lexicon import FactDef
from pertimage.guidelines.tables import Basis
from pertimage.web.pages.french import capital, denial

ORIGIN = "formulaire"


@dataclass(frozen=True, slots=True)
class Option:
    """A chip: what it shows, the sentence it writes, the fact that the sentence states (``value`` in the lexicon's unit)."""

    label: str
    sentence: str
    fact: str = ""
    status: Status = Status.PRESENT
    value: float | None = None

    @property
    def token(self) -> str:
        """Return the option as one form value."""
        return "|".join((self.fact, str(self.status), "" if self.value is None else f"{self.value:g}", self.sentence))


@dataclass(frozen=True, slots=True)
class Question:
    """Something the request does not say, with the ways to say it; ``hint`` says what makes it needless."""

    item: str
    text: str
    blocking: bool
    options: tuple[Option, ...] = ()
    blank: Blank | None = None
    hint: str = ""


def question(missing: Missing, base: GuidelineBase) -> Question:
    """Return a missing item with the ways to answer it: those of the table of completeness, else those of its fact."""
    row = base.tables.completeness.items.get(missing.item)
    if row is None:
        options, blank = _of_fact(base.lexicon.facts.get(missing.item))
        return Question(missing.item, missing.question, missing.blocking, options, blank)
    options = tuple(map(_option, row.answers))
    return Question(missing.item, missing.question, missing.blocking, options, row.blank, _hint(row))


def filled(blank: Blank, words: str, unit: str = "") -> str:
    """Return the sentence made of the words typed in a field."""
    tail = f" {unit}." if unit in blank.units else blank.tail
    return f"{blank.lead}{words.strip().rstrip('.')}{tail}"


def _option(answer: Answer) -> Option:
    status = Status.PRESENT if answer.holds else Status.ABSENT
    return Option(answer.label, answer.sentence, answer.fact, status, answer.value)


def _hint(row: Item) -> str:
    """Return what a user must know of a row: that it is a proposal, and what makes its question needless."""
    proposed = f"Question : {row.basis.french}." if row.basis is Basis.PROPOSED else ""
    if not row.lifts:
        return proposed
    lifts = ", ".join(lift.label for lift in row.lifts)
    said = f"Inutile si c'est écrit : {lifts}"
    bases = {lift.basis for lift in row.lifts}
    return f"{proposed} {said}{' (proposé par le projet)' if Basis.PROPOSED in bases else ''}.".strip()


def _of_fact(fact: FactDef | None) -> tuple[tuple[Option, ...], Blank | None]:
    if fact is None:
        return (), None
    if fact.is_number:
        return (), Blank(f"{capital(fact.label)} ", f" {fact.unit}." if fact.unit else ".", "", numeric=True)
    return yes_no(fact), None


def yes_no(fact: FactDef) -> tuple[Option, ...]:
    """Return the two answers to a yes/no fact, each with the sentence it writes."""
    no = Option("Non", f"{capital(denial(fact.label))}.", fact.id, Status.ABSENT)
    return no, Option("Oui", f"{capital(fact.label)}.", fact.id)


def known_facts(tokens: Iterable[str], text: str, facts: Callable[[str], bool]) -> Iterator[KnownFact]:
    """Yield the facts of the answers whose sentence still stands in the text; the last answer on a fact counts."""
    latest: dict[str, KnownFact] = {}
    for token in tokens:
        parts = token.split("|", 3)
        if len(parts) != 4 or not parts[3] or parts[3] not in text or not facts(parts[0]):
            continue
        if parts[1] in (Status.PRESENT, Status.ABSENT):
            latest[parts[0]] = KnownFact(parts[0], Status(parts[1]), _value(parts[2]), ORIGIN)
    yield from latest.values()


def _value(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def appended(text: str, sentence: str) -> str:
    """Return the text with one more sentence, once."""
    if not sentence or sentence in text:
        return text
    body = text.rstrip()
    if not body:
        return sentence
    mark = "" if body[-1] in ".!?;:" else "."
    return f"{body}{mark} {sentence}"
