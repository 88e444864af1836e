"""Reading the words of an exam request: techniques, regions, sides, contrast, known names, with their place in the text.

A token trie holds every term of the catalogue; the longest term wins. A long word with one letter wrong is read as the
word it resembles. What the words mean together is the matter of ``exams``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pertimage.guidelines.lexicon import LONGEST_WORD
from pertimage.guidelines.schema import WordsForm
from pertimage.guidelines.words import Token, fold, tokens

# Entries of techniques.yaml that the grammar must know by name.
SIDES = {"gauche": "left", "droite": "right", "bilateral": "bilateral"}
CUES = frozenset(
    (
        "incidences face-et-profil de-controle motif hors-imagerie injection-au-choix "
        "anterieur-avant anterieurs-liste anterieur-apres refus-avant refus-apres"
    ).split()
)
_LINKS = frozenset(["+", "et", ",", "/", "ou", "&", "puis", "±", "ainsi", "avec"])
_SENTENCE_ENDS = frozenset(["\n", ";", "!"])
_LEAF = ""
_SHORTEST_TYPO = 5


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a term says; several at once when it says several (« MID »: lower limb, right)."""

    technique: str = ""
    regions: tuple[str, ...] = ()
    side: str = ""
    contrast: bool | None = None
    qualities: frozenset[str] = frozenset()
    cues: frozenset[str] = frozenset()
    exams: tuple[str, ...] = ()
    exact: str = ""

    def joined(self, other: Meaning) -> Meaning:
        """Return both meanings in one. A term free of case in either is free of case."""
        return Meaning(
            self.technique or other.technique,
            tuple(dict.fromkeys(self.regions + other.regions)),
            self.side or other.side,
            self.contrast if self.contrast is not None else other.contrast,
            self.qualities | other.qualities,
            self.cues | other.cues,
            tuple(dict.fromkeys(self.exams + other.exams)),
            self.exact if self.exact == other.exact else "",
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands between two terms: unknown words, a joining word, the end of a sentence, a colon, a parenthesis."""

    words: int = 0
    linked: bool = False
    comma: bool = False
    ended: bool = False
    colon: bool = False
    opened: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Atom:
    """A term found: its meaning, its place in the text (characters), and the gap since the previous one."""

    meaning: Meaning
    start: int
    end: int
    surface: str
    gap: Gap


NO_GAP = Gap()


def meanings(regions: Mapping[str, WordsForm], techniques: Mapping[str, WordsForm]) -> Iterable[tuple[str, Meaning]]:
    """Yield every term of regions and techniques with what it means."""
    for slug, entry in regions.items():
        for term in entry.terms:
            yield term, Meaning(regions=(slug,))
    for slug, entry in techniques.items():
        meaning = _technique_meaning(slug, entry)
        for term in entry.terms:
            yield term, meaning


def _technique_meaning(slug: str, entry: WordsForm) -> Meaning:
    if entry.modality is not None:
        return Meaning(technique=slug)
    if slug in SIDES:
        return Meaning(side=SIDES[slug])
    if slug in CUES:
        return Meaning(cues=frozenset([slug]))
    if entry.contrast is not None:
        return Meaning(contrast=entry.contrast)
    return Meaning(qualities=frozenset([slug]))


class Lexer:
    """Finds terms in a text. Terms are added first; reading never changes it."""

    def __init__(self, abbreviations: Mapping[str, str] | None = None) -> None:
        self._abbreviations = dict(abbreviations or {})
        self._root: dict[str, Any] = {}
        self._vocabulary: set[str] = set()
        self._near: dict[str, set[str]] = defaultdict(set)
        self._corrected = lru_cache(maxsize=8192)(self._correct)

    def add(self, term: str, meaning: Meaning) -> None:
        """Add a term; « = » before it asks for its exact case in free text."""
        exact = term.startswith("=")
        term = term.removeprefix("=")
        self.add_forms(self.forms(term), replace(meaning, exact=term) if exact else meaning, term)

    def add_forms(self, forms: Sequence[str], meaning: Meaning, term: str = "") -> None:
        """Add a term already cut into its compared forms. ``term`` tells apart words that share them (« côlon », « colonne »)."""
        node = self._root
        for form in forms:
            node = node.setdefault(form, {})
            self._learn(form)
        said = " ".join(fold(term).split())
        senses: dict[str, Meaning] = node.setdefault(_LEAF, {})
        own = next((word for word, sense in senses.items() if word == said or not _apart(sense, meaning)), said)
        senses[own] = senses[own].joined(meaning) if own in senses else meaning

    def forms(self, term: str) -> tuple[str, ...]:
        """Return the compared forms of a term: without small words (save « D »); « IV- » and « +/- » keep their marks."""
        found = [*tokens(term, self._abbreviations)]
        return tuple(token.form for place, token in enumerate(found) if _kept(found, place, term))

    def atoms(self, text: str, exams: Mapping[str, Meaning] | None = None, narrative: bool = False) -> list[Atom]:
        """Return the terms of a text in order. ``exams`` are ids that count when written whole (« irm-genou »)."""
        found = tokens(text, self._abbreviations)
        forms = [token.form if token.form in self._vocabulary else self._spelling(token) for token in found]
        atoms: list[Atom] = []
        place = after = 0
        while place < len(found):
            end, meaning = self._identifier(found, place, text, exams) if exams else (place, None)
            if meaning is None:
                end, meaning = self._longest(found, forms, place, text, narrative)
            if meaning is None:
                place += 1
                continue
            start_at, end_at = found[place].start, found[end - 1].end
            gap = NO_GAP if after == place else _gap(found, after, place, text)
            atoms.append(Atom(meaning, start_at, end_at, text[start_at:end_at], gap))
            place = after = end
        return atoms

    def _longest(self, found: list[Token], forms: list[str], place: int, text: str, narrative: bool) -> tuple[int, Meaning | None]:
        if found[place].is_stop and _elided(found[place], text):
            return place, None
        node, best, at = self._root, None, place
        reached = place
        while at < len(found):
            child = node.get(forms[at])
            if child is not None:
                node = child
                at += 1
                if _LEAF in node:
                    surface = text[found[place].start : found[at - 1].end]
                    meaning = _sense(node[_LEAF], surface)
                    if _case_fits(meaning, surface, narrative):
                        best, reached = meaning, at
            elif at > place and (found[at].is_stop or found[at].is_joiner):
                at += 1
            else:
                break
        return reached, best

    @staticmethod
    def _identifier(found: list[Token], place: int, text: str, exams: Mapping[str, Meaning]) -> tuple[int, Meaning | None]:
        """Return the exam whose id is written here with its hyphens, if any."""
        if place and found[place - 1].folded == "-":
            return place, None
        end = place + 1
        while end + 1 < len(found) and found[end].folded == "-" and found[end - 1].end + 1 == found[end].end == found[end + 1].start:
            end += 2
        if end == place + 1:
            return place, None
        return end, exams.get("".join(token.folded for token in found[place:end]))

    def _spelling(self, token: Token) -> str:
        if not _SHORTEST_TYPO < len(token.folded) <= LONGEST_WORD or len(token.form) < _SHORTEST_TYPO or not token.form.isalpha():
            return token.form
        return self._corrected(token.form)

    def _learn(self, form: str) -> None:
        if form not in self._vocabulary:
            self._vocabulary.add(form)
            if len(form) >= _SHORTEST_TYPO and form.isalpha():
                for key in _shortened(form):
                    self._near[key].add(form)

    def _correct(self, form: str) -> str:
        """Return the known word at one slip from this one (same first letter), or the word itself."""
        for key in _shortened(form):
            for known in sorted(self._near.get(key, ())):
                if known[0] == form[0] and _one_slip(form, known):
                    return known
        return form


def _kept(found: list[Token], place: int, term: str) -> bool:
    token = found[place]
    if token.is_stop:
        return term[token.start : token.end].isupper()
    if token.is_joiner:
        after_mark = place > 0 and not found[place - 1].is_word
        return after_mark or (token.folded == "-" and place == len(found) - 1)
    return token.folded not in "\"'()"


def _shortened(word: str) -> list[str]:
    return [word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))]


def _one_slip(word: str, known: str) -> bool:
    """Say whether one letter added, dropped, changed, or two neighbours swapped make one word the other."""
    if abs(len(word) - len(known)) > 1:
        return False
    start = _shared_start(word, known)
    rest, other = word[start:], known[start:]
    if len(rest) != len(other):
        return rest[1:] == other if len(rest) > len(other) else rest == other[1:]
    return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:])


def _apart(sense: Meaning, other: Meaning) -> bool:
    """Say whether two terms of one compared form are different words (« côtes droites », « côté droit »)."""
    return sense.regions != other.regions and not (sense.exams or other.exams)


def _sense(senses: Mapping[str, Meaning], surface: str) -> Meaning:
    if len(senses) == 1:
        return next(iter(senses.values()))
    said = " ".join(fold(surface).split())
    return senses[min(senses, key=lambda word: (-_shared_start(word, said), abs(len(word) - len(said))))]


def _shared_start(word: str, other: str) -> int:
    return next((place for place, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))


def _case_fits(meaning: Meaning, surface: str, narrative: bool) -> bool:
    return not (narrative and meaning.exact) or surface == meaning.exact


def _elided(token: Token, text: str) -> bool:
    """Say whether a small word is elided (« d'épaule ») or written small: only « D » or « d » alone may open a term."""
    return token.folded != "d" or text[token.end : token.end + 1] in ("'", "’")


def _gap(found: list[Token], start: int, end: int, text: str) -> Gap:
    words = 0
    linked = comma = ended = colon = opened = closed = False
    for token in found[start:end]:
        mark = token.folded
        if mark in _LINKS:
            linked = True
            comma = comma or mark == ","
        elif mark in _SENTENCE_ENDS or (mark == "." and text[token.end : token.end + 1] in ("", " ", "\n")):
            ended = True
        elif mark == ":":
            colon = True
        elif mark in "()":
            opened, closed = mark == "(", mark == ")"
        elif token.is_word and not token.is_stop:
            words += 1
    return Gap(words, linked, comma, ended, colon, opened, closed)
