"""From a text to the mentions of facts, the cues of context and the leads of measures it contains."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, islice, takewhile
from typing import NamedTuple

from pertimage.guidelines.lexicon import SIDES, Lexicon, Match
from pertimage.guidelines.words import Token, tokens

_BREAKS = frozenset(".;!\n?")


class Mention(NamedTuple):
    """Words that name a fact, from token ``first`` to ``last``; ``denies`` for a term that states absence.

    ``narrows`` when such a term holds one that affirms: « dissection carotidienne » is not the dissection meant, denied or not.
    """

    fact: str
    first: int
    last: int
    denies: bool
    narrows: bool = False


@dataclass(slots=True)
class Scene:
    """A text prepared for reading. ``clause[i]`` numbers the clause of token i: it changes at every full stop.

    ``cues`` holds one cue for each token, with its last token; ``trailing`` those that say something of what precedes them
    (« TVP probable »), even where the same word also governs what follows.
    """

    text: str
    words: list[Token]
    clause: list[int]
    mentions: list[Mention]
    starts: dict[int, list[Mention]]
    cues: dict[int, tuple[str, int]]
    trailing: dict[int, tuple[str, int]]
    leads: list[Match]


def scene(text: str, lexicon: Lexicon) -> Scene:
    """Return the text cut into tokens and clauses, with what the lexicon recognises in it."""
    words = lexicon.corrected(tokens(text, lexicon.abbreviations))
    matches = lexicon.automaton.find(words, text)
    covered = _Cover(match for match in matches if match.entry.kind == "cue" and match.entry.name == "leurres")
    stated = [m for m in matches if m.entry.kind in ("fact", "denied") and not covered.holds(m)]
    mentions = _longest_per_fact(stated)
    starts: dict[int, list[Mention]] = {}
    for mention in mentions:
        starts.setdefault(mention.first, []).append(mention)
    said = [m for m in matches if m.entry.kind == "cue" and m.entry.name != "leurres"]
    cues = _cues(said, mentions, words)
    trailing = _trailing((m for m in said if m.entry.name.endswith("-apres")), mentions, words)
    cues = {start: cue for start, cue in cues.items() if start not in trailing or cue[0] not in _FORWARD}
    leads = [match for match in matches if match.entry.kind in ("before", "after")]
    return Scene(text, words, _clauses(words), mentions, starts, cues, trailing, leads)


class _Cover:
    """Where matches stand, to tell in no time whether one of them covers another, longer than it."""

    def __init__(self, matches: Iterable[Match]) -> None:
        ordered = sorted(matches, key=lambda match: match.first)
        self._firsts = [match.first for match in ordered]
        self._furthest = list(accumulate((match.last for match in ordered), max))

    def holds(self, match: Match) -> bool:
        """Say whether a longer match covers this one."""
        before, upto = bisect_left(self._firsts, match.first), bisect_right(self._firsts, match.first)
        return (before > 0 and self._furthest[before - 1] >= match.last) or (upto > 0 and self._furthest[upto - 1] > match.last)


def _longest_per_fact(matches: list[Match]) -> list[Mention]:
    """Return, for each fact, the mentions that no longer one of the same fact contains."""
    kept: list[Mention] = []
    by_fact: dict[str, list[Match]] = {}
    for match in matches:
        by_fact.setdefault(match.entry.name, []).append(match)
    for name, group in by_fact.items():
        furthest = -1
        group.sort(key=lambda m: (m.first, -m.last))
        for place, match in enumerate(group):
            if match.last > furthest:
                denies = match.entry.kind == "denied"
                kept.append(Mention(name, match.first, match.last, denies, denies and _holds_affirmed(group, place)))
                furthest = match.last
    return sorted(kept, key=lambda m: (m.first, -m.last))


def _holds_affirmed(group: list[Match], place: int) -> bool:
    """Say whether a match holds one that affirms, among the matches of one fact in order of first token, longest first."""
    last = group[place].last
    inside = takewhile(lambda match: match.first <= last, islice(group, place + 1, None))
    return any(match.entry.kind == "fact" and match.last <= last for match in inside)


def _cues(matches: list[Match], mentions: list[Mention], words: list[Token]) -> dict[int, tuple[str, int]]:
    """Return the longest cue that starts at each token; words that belong to a mention are no cue.

    The cues with which a mention begins (« pas d'ATCD », « ATCD fam », « pas de signe d'alerte ») still govern what other facts name
    inside it, and the list that follows it.
    """
    opening: dict[int, int] = {}
    for match in matches:
        if match.entry.name in _OPENING:
            opening[match.first] = max(match.last, opening.get(match.first, 0))
    taken: set[int] = set()
    for mention in mentions:
        taken.update(range(_after_cues(mention, opening, words), mention.last + 1))
    cues: dict[int, tuple[str, int]] = {}
    for match in matches:
        name, last = match.entry.name, match.last
        if not name.startswith("fausse") and not taken.isdisjoint(range(match.first, last + 1)):
            continue
        best = cues.get(match.first)
        if best is None or (last, _RANK.get(name, 0)) > (best[1], _RANK.get(best[0], 0)):
            cues[match.first] = (name, last)
    inside = {index for start, (name, last) in cues.items() if name.startswith("fausse") for index in range(start + 1, last + 1)}
    return {start: cue for start, cue in cues.items() if start not in inside}


def _trailing(matches: Iterable[Match], mentions: list[Mention], words: list[Token]) -> dict[int, tuple[str, int]]:
    """Return the cues that stand right after a mention and speak of it (« TVP probable », « hernie opérée »), by first token."""
    ends = {mention.last for mention in mentions}
    within = {index for mention in mentions for index in range(mention.first + 1, mention.last + 1)}
    found: dict[int, tuple[str, int]] = {}
    for match in matches:
        before = match.first - 1
        while before >= 0 and (words[before].form in SIDES or words[before].folded == "'"):
            before -= 1
        if before in ends and match.first not in within and match.last > found.get(match.first, ("", -1))[1]:
            found[match.first] = (match.entry.name, match.last)
    return found


def _after_cues(mention: Mention, opening: dict[int, int], words: list[Token]) -> int:
    """Return the first token of a mention that is neither of a cue with which it begins, nor a small word between two of them."""
    after = index = mention.first
    while index <= mention.last:
        if index in opening:
            after = index = opening[index] + 1
        elif words[index].is_stop or words[index].is_joiner:
            index += 1
        else:
            break
    return after


_FORWARD = frozenset(("hypothese-avant", "passe-avant"))
_OPENING = frozenset(("negation-avant", "double-negation", "hypothese-avant", "passe-avant", "famille"))
# Between cues of the same words: what protects a red flag first.
_RANK = {
    "double-negation": 5,
    "fausse-negation": 4,
    "fausse-famille": 4,
    "negation-apres": 2,
    "negation-avant": 3,
    "passe-avant": 1,
    "hypothese-avant": 1,
    "famille": 1,
}


def _clauses(words: list[Token]) -> list[int]:
    numbers: list[int] = []
    clause = 0
    for token in words:
        numbers.append(clause)
        if token.folded in _BREAKS and not token.is_joiner:
            clause += 1
    return numbers
