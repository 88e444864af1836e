"""Words that GPs write for one another (« jambe », « membre inférieur »), so that a term written once is heard in all of them.

Each class has a symbol. When a term of several words is compiled, its words that belong to a class are replaced by the symbol;
when a text is read, each place where words of a class stand is also a place of its symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from pertimage.guidelines.words import Token, term_forms

Jump = tuple[str, int]
"""A symbol that a text may be read as, and the last token of the words that it stands for."""
_MOST_VARIANTS = 6  # of one term whose words belong to several classes


class Equivalents:
    """The classes of equivalent words; built once, then only read."""

    def __init__(self, classes: Mapping[str, Mapping[str, Iterable[str]]], abbreviations: Mapping[str, str]) -> None:
        self._said: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._written: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name, one in classes.items():
            for word in one.get("mots", ()):
                self._add(word, f"~{name}", abbreviations, both_ways=True)
            for word in one.get("aussi", ()):
                self._add(word, f"~{name}", abbreviations, both_ways=False)
        for index in (self._said, self._written):
            for found in index.values():
                found.sort(key=lambda one: -len(one[0]))
        self.vocabulary = frozenset(form for found in self._said.values() for forms, _ in found for form in forms if form.isalpha())

    def _add(self, word: str, symbol: str, abbreviations: Mapping[str, str], *, both_ways: bool) -> None:
        forms = term_forms(word, abbreviations, keep_small=True)
        if not forms:
            return
        self._said.setdefault(forms[0], []).append((forms, symbol))
        telling = term_forms(word, abbreviations)
        if both_ways and (len(telling) > 1 or len(forms) == 1):
            self._written.setdefault(telling[0], []).append((telling, symbol))

    def variants(self, forms: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the other ways to compile a term: its words replaced by their symbols; none for a term of one word."""
        pieces: list[tuple[str, ...]] = []
        index = 0
        while index < len(forms):
            found = [(words, symbol) for words, symbol in self._written.get(forms[index], ()) if forms[index : index + len(words)] == words]
            longest = len(found[0][0]) if found else 1
            pieces.append(tuple(dict.fromkeys(symbol for words, symbol in found if len(words) == longest)) or (forms[index],))
            index += longest
        if sum(piece != ("…",) for piece in pieces) < 2:
            return []
        whole = [tuple(choice) for _, choice in zip(range(_MOST_VARIANTS), product(*pieces), strict=False)]
        return [variant for variant in whole if variant != forms]

    def found(self, words: list[Token]) -> dict[int, list[Jump]]:
        """Return, by token, the symbols of the classes whose words start there."""
        jumps: dict[int, list[Jump]] = {}
        said = self._said
        for index, token in enumerate(words):
            for forms, symbol in said.get(token.form, ()):
                last = _last(words, index, forms) if len(forms) > 1 else index
                if last is not None:
                    jumps.setdefault(index, []).append((symbol, last))
        return jumps


def _last(words: list[Token], index: int, forms: tuple[str, ...]) -> int | None:
    """Return the token at which these forms end when they stand here one after the other, joining marks aside."""
    step = index
    for form in forms[1:]:
        step += 1
        while step < len(words) and words[step].is_joiner and words[step].folded != ".":
            step += 1
        if step >= len(words) or words[step].form != form:
            return None
    return step
