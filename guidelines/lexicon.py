"""The lexicon compiled: facts by id, and one automaton over word forms that finds all their French terms in a text.

The automaton is a trie of stems. One pass over the words of a text follows every term at once; small words and joining marks
(hyphen, apostrophe, slash) are transparent on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from pertimage.guidelines.conditions import Condition, Names, Test, facts_of, parse, watched
from pertimage.guidelines.equivalents import Equivalents, Jump
from pertimage.guidelines.schema import Bounds, Fact
from pertimage.guidelines.words import Token, fold, stem, term_forms

# Facts that are always there, with their unit (None: yes/no).
BUILT_IN: Mapping[str, str | None] = MappingProxyType({"age": "ans", "duree": "jours"})
GAP = 3
SMALL = 12  # small words and marks that a term may cross in a row, at most
LONGEST_WORD = 40  # letters; longer is no word with a slip in it
_NEGATIONS = frozenset(("pas", "non", "sans", "aucun", "aucune", "absence", "jamais", "nie"))
_NOT_MISTYPED = frozenset(("pa", "aps", "ps", "apas"))  # « pas »
# Sides stand between the words of any term: « pied droit tombant », « jambe G paralysée ».
SIDES = frozenset(map(stem, "droit droite gauche dt dte drt gche gch g d bilateral bilaterale bilateraux".split()))


@dataclass(frozen=True, slots=True)
class FactDef:
    """A fact as the reader and the judge need it."""

    id: str
    label: str
    question: str
    is_number: bool
    unit: str | None
    needs_unit: bool
    bare: tuple[float, float] | None
    over: tuple[float, float] | None
    minus_leads: bool
    keeps: str
    low: float | None
    high: float | None
    past_counts: bool
    family_counts: bool
    hypothesis_counts: bool
    derived: Condition
    denied: Condition
    icd10: tuple[str, ...]
    icpc2: tuple[str, ...]
    snomed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """One way to derive a fact: when all the tests hold it is ``value``.

    ``rank`` puts it after those it builds on (no two have the same); ``basis`` names the facts it rests on.
    """

    rank: int
    fact: str
    tests: tuple[Test, ...]
    value: bool
    basis: str


class Entry(NamedTuple):
    """What a term states: a fact (affirmed or denied), the lead of a measure, or a cue of the context."""

    kind: str
    name: str
    exact: tuple[str, ...] = ()


class Match(NamedTuple):
    """A term found over tokens ``first`` to ``last`` (inclusive)."""

    entry: Entry
    first: int
    last: int


def _range(bounds: Bounds | None) -> tuple[float, float] | None:
    return (bounds.min or 0.0, bounds.max or 0.0) if bounds else None


def bare_code(code: str) -> str:
    """Return a code without dots and spaces, in capitals: « m54.5 » and « M545 » are one."""
    return code.replace(".", "").replace(" ", "").upper()


# A state of the automaton: where each next word leads, and under the empty word the terms that end here.
_Node = dict[str, Any]
_ENDING = ""
_Jumps = Mapping[int, list[Jump]]


class Automaton:
    """Find terms in tokens, longest first at each place; built once, then only read."""

    def __init__(self, equivalents: Equivalents, aspects: Iterable[str] = ()) -> None:
        self._root: _Node = {}
        self._equivalents = equivalents
        self._aspects = frozenset(form for word in aspects for form in term_forms(word))
        self.vocabulary: set[str] = set(equivalents.vocabulary)

    def add(self, term: str, kind: str, name: str, abbreviations: Mapping[str, str]) -> bool:
        """Add a term; return False when nothing of it can be recognised (only small words or a bare number)."""
        exact: tuple[str, ...] = ()
        if term.startswith("="):
            term = term[1:]
            parts = term.split()
            exact = tuple(part for part in parts if part.isupper()) or tuple(parts)
        forms = term_forms(term, abbreviations) or term_forms(term, abbreviations, keep_small=True)
        if not any(form[0].isalpha() for form in forms if form != "…") and kind != "after":
            return False
        entry = Entry(kind, name, exact)
        self._state(forms, entry)
        if kind == "fact" and not exact:  # a denial is heard only as it is written
            for variant in self._equivalents.variants(forms):
                self._state(variant, entry)
        self.vocabulary.update(form for form in forms if form.isalpha())
        return True

    def _state(self, forms: tuple[str, ...], entry: Entry) -> None:
        node = self._root
        for form in forms:
            node = node.setdefault(form, {})
        ending = node.setdefault(_ENDING, [])
        if entry not in ending:
            ending.append(entry)

    def find(self, words: list[Token], text: str) -> list[Match]:
        """Return every match, in order of first token, longest first among those starting at one token."""
        found: list[Match] = []
        jumps = self._equivalents.found(words)
        for index in range(len(words)):
            ends: list[Match] = []
            for child, last in _children(self._root, words, index, jumps):
                self._follow(child, words, index, last, text, ends, jumps)
            if ends:
                found.extend(sorted(ends, key=lambda match: -match.last))
        return found

    def _follow(self, node: _Node, words: list[Token], first: int, last: int, text: str, ends: list[Match], jumps: _Jumps) -> None:
        for entry in node.get(_ENDING, ()):
            if not entry.exact or all(part in text[words[first].start : words[last].end] for part in entry.exact):
                ends.append(Match(entry, first, last))
        if len(node) == (_ENDING in node):
            return
        self._follow_small(node, words, first, last, text, ends, jumps)
        following = self._next_word(words, last)
        if following is None:
            return
        children = _children(node, words, following, jumps)
        while not children and words[following].form in SIDES:
            if "…" in node:
                self._follow_small(node["…"], words, first, following, text, ends, jumps)
            following = self._next_word(words, following)
            if following is None:
                return
            children = _children(node, words, following, jumps)
        for child, end in children:
            self._follow(child, words, first, end, text, ends, jumps)
        if "…" in node:
            self._follow_small(node["…"], words, first, last, text, ends, jumps)
            self._follow_gap(node["…"], words, first, following, text, ends, jumps)

    def _follow_small(self, node: _Node, words: list[Token], first: int, last: int, text: str, ends: list[Match], jumps: _Jumps) -> None:
        """Try the small words that come next: a few terms hold one."""
        step = last + 1
        while step < min(len(words), last + SMALL) and (words[step].is_stop or words[step].is_joiner):
            if words[step].is_stop:
                for child, end in _children(node, words, step, jumps):
                    self._follow(child, words, first, end, text, ends, jumps)
            step += 1

    def _follow_gap(self, after: _Node, words: list[Token], first: int, step: int, text: str, ends: list[Match], jumps: _Jumps) -> None:
        """Try the words that may come after « … », up to three further, never across a negation."""
        for _ in range(GAP + 1):
            for child, last in _children(after, words, step, jumps):
                self._follow(child, words, first, last, text, ends, jumps)
            if words[step].folded in _NEGATIONS or (words[step].folded == "ni" and not _denied(words, first, step)):
                return
            self._follow_small(after, words, first, step, text, ends, jumps)
            following = self._next_word(words, step)
            if following is None:
                return
            step = following

    def _next_word(self, words: list[Token], index: int) -> int | None:
        """Return the index of the next word that a term may continue with, None when something parts them.

        A comma does, but between the aspects of one thing: « poignet gonflé, rouge, chaud ».
        """
        step = index + 1
        while step < min(len(words), index + SMALL):
            token = words[step]
            if token.is_word and not token.is_stop:
                return step
            aspect = token.folded == "," and step + 1 < len(words) and words[step + 1].form in self._aspects
            if not (token.is_stop or token.is_joiner or aspect) and token.folded not in "+%><°:=":
                return None
            if not token.is_word and token.folded in "+%><°":
                return step
            step += 1
        return None


def _children(node: _Node, words: list[Token], index: int, jumps: _Jumps) -> list[tuple[_Node, int]]:
    """Return where a word leads: by its own form, and by the classes of words to which it belongs, with the last token read."""
    child = node.get(words[index].form)
    found = [] if child is None else [(child, index)]
    if index in jumps:
        found += [(node[symbol], last) for symbol, last in jumps[index] if symbol in node]
    return found


_NO_CLASSES: Mapping[str, Mapping[str, Iterable[str]]] = MappingProxyType({})


class Lexicon:
    """Facts by id and the automaton of their terms; immutable once built."""

    def __init__(
        self,
        facts: Mapping[str, Fact],
        cues: Mapping[str, Iterable[str]],
        abbreviations: Mapping[str, str],
        exams: frozenset[str],
        equivalents: Mapping[str, Mapping[str, Iterable[str]]] = _NO_CLASSES,
    ) -> None:
        self.abbreviations = MappingProxyType({key: str(value) for key, value in abbreviations.items()})
        units: dict[str, str | None] = {name: (fact.unit or "") if fact.kind == "nombre" else None for name, fact in facts.items()}
        self.names = Names(MappingProxyType(units | dict(BUILT_IN)), exams)
        self.automaton = Automaton(Equivalents(equivalents, self.abbreviations), cues.get("aspects", ()))
        self.facts: Mapping[str, FactDef] = MappingProxyType({name: self._define(name, fact) for name, fact in facts.items()})
        self.bare_measures = tuple(fact for fact in self.facts.values() if fact.bare)
        self.atc: Mapping[str, tuple[str, ...]] = MappingProxyType({name: tuple(fact.atc) for name, fact in facts.items() if fact.atc})
        self.unusable = tuple(self._add_terms(facts, cues))
        self.glued_leads: Mapping[str, tuple[str, ...]] = MappingProxyType(_glued_leads(facts))
        self.derivations = _derivations(self.facts)
        self._corrections = _corrections(self.automaton.vocabulary)

    def _define(self, name: str, fact: Fact) -> FactDef:
        return FactDef(
            id=name, label=fact.label, question=fact.question or f"Précisez : {fact.label} ?", is_number=fact.kind == "nombre",
            unit=fact.unit, needs_unit=fact.needs_unit, minus_leads="-" in fact.before, keeps=fact.keeps,
            bare=_range(fact.bare), over=_range(fact.over), low=fact.bounds.min, high=fact.bounds.max, past_counts=fact.past == "compte",
            family_counts=fact.family == "compte", hypothesis_counts=fact.hypothesis == "compte",
            derived=parse(fact.when, self.names), denied=parse(fact.unless, self.names),
            icd10=tuple(map(bare_code, fact.icd10)), icpc2=tuple(map(bare_code, fact.icpc2)), snomed=tuple(fact.snomed),
        )  # fmt: skip

    def _add_terms(self, facts: Mapping[str, Fact], cues: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
        for name, fact in facts.items():
            groups = (
                ("fact", fact.terms),
                ("denied", fact.absent_terms),
                ("before", [lead for lead in fact.before if lead != "-"]),
                ("after", fact.after),
            )
            yield from ((name, term) for kind, terms in groups for term in terms if not self.add(term, kind, name))
        for cue, terms in cues.items():
            if cue == "aspects":
                continue
            yield from ((cue, term) for term in terms if not self.add(term, "cue", cue))

    def add(self, term: str, kind: str, name: str) -> bool:
        """Add one term to the automaton (used while compiling only)."""
        return self.automaton.add(term, kind, name, self.abbreviations)

    def with_origins(self, names: Iterable[str]) -> set[str]:
        """Return facts with all those from which they are derived."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                fact = self.facts.get(name)
                if fact is not None:
                    waiting.extend(facts_of(fact.derived) | facts_of(fact.denied))
        return found

    def corrected(self, words: list[Token]) -> list[Token]:
        """Return the tokens with long unknown words read as the one known word a single letter away."""
        known = self.automaton.vocabulary
        for index, token in enumerate(words):
            if 5 < len(token.form) <= LONGEST_WORD:
                if token.is_word and token.form not in known:
                    words[index] = self._correct(token)
            elif token.folded in _NOT_MISTYPED and _before_of(words, index):
                words[index] = token._replace(form="pas", folded="pas")
        return words

    def _correct(self, token: Token) -> Token:
        for key in _deletions(token.form):
            target = self._corrections.get(key)
            if target and target != token.form and _one_edit(token.form, target):
                return Token(target, token.folded, token.start, token.end, True, False, False)
        return token


def _denied(words: list[Token], first: int, ni: int) -> bool:
    """Say whether « ni » goes on a denial that belongs to the term: « ne contrôle plus ni les gaz ni les selles »."""
    return any(token.folded in ("ne", "n", "plus") for token in words[max(first - 2, 0) : ni])


def _before_of(words: list[Token], index: int) -> bool:
    """Say whether « de » or « d' » and a word follow (« pa de déficit », but « PA de 150 »)."""
    following = words[index + 1 : index + 4]
    return len(following) > 1 and following[0].folded in ("de", "d") and not any(token.folded[0].isdigit() for token in following)


def _glued_leads(facts: Mapping[str, Fact]) -> dict[str, tuple[str, ...]]:
    """Index the one-word leads of measures by their folded letters: « CRP120 », « T38 »."""
    leads: dict[str, tuple[str, ...]] = {}
    for name, fact in facts.items():
        for lead in fact.before:
            word = fold(lead.lstrip("=")).rstrip("°: ")
            if word.isalpha() and word.isascii() and " " not in word:
                leads[word] = tuple(dict.fromkeys((*leads.get(word, ()), name)))
    return leads


def _deletions(word: str) -> Iterator[str]:
    yield word
    for index in range(1, len(word)):
        yield word[:index] + word[index + 1 :]


def _corrections(vocabulary: Iterable[str]) -> dict[str, str]:
    """Index the words of six letters and more by themselves less one letter; an ambiguous key corrects nothing."""
    index: dict[str, str] = {}
    ambiguous: set[str] = set()
    for word in sorted(vocabulary):
        if len(word) > 5:
            for key in _deletions(word):
                if index.setdefault(key, word) != word:
                    ambiguous.add(key)
    return {key: word for key, word in index.items() if key not in ambiguous}


def _one_edit(a: str, b: str) -> bool:
    """Say whether two words differ by one letter changed, added, removed, or two neighbours swapped."""
    if abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[2:] == rest_b[2:] and rest_a[:2] == rest_b[1::-1])
    )


def _derivations(facts: Mapping[str, FactDef]) -> Mapping[str | None, tuple[Derivation, ...]]:
    """Index the derivations by a fact that must be known for them to hold (None: those that may hold on silence)."""
    index: dict[str | None, list[Derivation]] = {}
    order = _in_order({name: fact for name, fact in facts.items() if fact.derived or fact.denied})
    rank = 0
    for name in order:
        for condition, value in ((facts[name].derived, True), (facts[name].denied, False)):
            for tests in condition:
                derivation = Derivation(rank, name, tests, value, ", ".join(sorted(facts_of((tests,)))))
                index.setdefault(watched(tests), []).append(derivation)
                rank += 1
    return MappingProxyType({fact: tuple(found) for fact, found in index.items()})


def _in_order(defined: Mapping[str, FactDef]) -> Iterator[str]:
    """Yield derived facts after those they are derived from (cycles end where they began)."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in done or name not in defined:
            return
        done.add(name)
        for other in sorted(facts_of(defined[name].derived) | facts_of(defined[name].denied)):
            yield from visit(other)
        yield name

    for name in defined:
        yield from visit(name)


__all__ = ["Automaton", "Entry", "FactDef", "Lexicon", "Match"]
