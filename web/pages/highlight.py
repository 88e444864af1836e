"""The prescriber's words with what was read in them: segments of text, each with the facts it states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pertimage.cds.model import FactFound, Status

STATUS_WORDS = {
    Status.PRESENT: "présent",
    Status.ABSENT: "nié",
    Status.HYPOTHETICAL: "évoqué",
    Status.PAST: "antécédent",
    Status.FAMILY: "antécédent familial",
}
LabelOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the text. ``status`` is None where nothing was read; ``said`` says in words what was."""

    text: str
    status: Status | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A fact for the list: its label, its status in words, its value, and where it comes from."""

    label: str
    status: Status
    words: str
    value: float | None
    evidence: str


def segments(text: str, facts: Iterable[FactFound], label_of: LabelOf) -> list[Segment]:
    """Return the text cut at the evidence; where evidences overlap the longest is shown, the others are said with it."""
    cut: list[Segment] = []
    place = 0
    for start, end, group in _groups(text, facts):
        if start > place:
            cut.append(Segment(text[place:start]))
        said = " ; ".join(dict.fromkeys(f"{label_of(fact.fact)} : {STATUS_WORDS[fact.status]}" for fact in group))
        cut.append(Segment(text[start:end], group[0].status, said))
        place = end
    if place < len(text):
        cut.append(Segment(text[place:]))
    return cut


def _groups(text: str, facts: Iterable[FactFound]) -> Iterator[tuple[int, int, list[FactFound]]]:
    placed = sorted((f for f in facts if 0 <= f.start < f.end <= len(text)), key=lambda f: (f.start, -f.end))
    while placed:
        first = placed[0]
        group = [fact for fact in placed if fact.start < first.end]
        words = text[first.start : first.end]
        yield first.start + len(words) - len(words.lstrip()), first.end - len(words) + len(words.rstrip()), group
        placed = [fact for fact in placed if fact.start >= first.end]


def listed(facts: Iterable[FactFound], label_of: LabelOf) -> list[Read]:
    """Return the facts once each, those of the text first."""
    found = {
        (fact.fact, fact.status): Read(label_of(fact.fact), fact.status, STATUS_WORDS[fact.status], fact.value, _evidence(fact, label_of))
        for fact in facts
    }
    return list(found.values())


def _evidence(fact: FactFound, label_of: LabelOf) -> str:
    if fact.start >= 0:
        return fact.evidence
    if fact.evidence == "formulaire":
        return "répondu en un clic"
    derived = ", ".join(label_of(name.strip()) for name in fact.evidence.split(",") if name.strip())
    return f"déduit de : {derived}" if derived else "formulaire"
