"""Search among the sheets: by symptom, disease, exam, code or plain words, with a letter wrong.

A sheet is *about* what its title, its opening words and codes, its chapter, or one of its exams say; it only *cites* its red
flags, the facts of its rules and its questions. What is about the query comes first.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, Status, TextPart
from pertimage.guidelines.base import GuidelineBase, Sheet
from pertimage.guidelines.conditions import facts_of
from pertimage.guidelines.words import STOP_WORDS, fold, stem
from pertimage.web.pages.sheet_view import chapter_words

_CODE = re.compile(r"[A-Z]\d{2}(?:\.?\d{1,2})?", re.IGNORECASE)
# What may be mistyped, and how close a known word must be: one letter of five, two of nine.
_TYPED, _CLOSE = 5, 0.79
_SHORT = 4
_WORD = re.compile(r"\w+")
_SUGGESTIONS = 6


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader keeps of the list: a chapter in words, an exam by id, a state; empty: all."""

    chapter: str = ""
    exam: str = ""
    state: str = ""

    def keep(self, sheet: Sheet, base: GuidelineBase) -> bool:
        """Say whether a sheet is in the list; one that positions a parent of the exam positions the exam."""
        if self.exam and {self.exam, *base.catalogue.parents(self.exam)}.isdisjoint(sheet.exams):
            return False
        return self.chapter in ("", chapter_words(sheet.chapter)) and self.state in ("", sheet.state)

    def __bool__(self) -> bool:
        return bool(self.chapter or self.exam or self.state)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, each sheet once: about the query, positioning an exam so named, only citing it.

    When there are none, the nearest sheets; ``read_as`` tells the words that were corrected.
    """

    about: list[Sheet]
    positioning: list[Sheet]
    citing: list[Sheet]
    nearest: list[Sheet]
    read_as: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Query:
    """What is looked for: for each word, the known words that begin with it; codes; facts meant."""

    words: list[frozenset[str]]
    codes: list[str]
    meant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A sheet and the words by which a search finds it. ``exams`` holds the words of each exam apart."""

    sheet: Sheet
    own: frozenset[str]
    exams: tuple[frozenset[str], ...]
    cited: frozenset[str]
    cited_facts: frozenset[str]
    codes: tuple[str, ...]

    def opens_on(self, query: _Query) -> bool:
        """Say whether the sheet is about the query by its own words, codes or facts."""
        if self.sheet.trigger_facts & query.meant:
            return True
        coded = all(any(known.startswith(code) or code.startswith(known) for known in self.codes) for code in query.codes)
        return coded and all(words & self.own for words in query.words)

    def positions(self, query: _Query) -> bool:
        """Say whether the words that are not the sheet's own are all the words of one of its exams."""
        rest = [words for words in query.words if not words & self.own]
        return not query.codes and any(all(words & exam for words in rest) for exam in self.exams)

    def cites(self, query: _Query) -> bool:
        """Say whether a red flag or a question names a fact that the query means, or the sheet holds each of the words somewhere."""
        return not query.codes and (bool(self.cited_facts & query.meant) or self.held(query) == len(query.words))

    def held(self, query: _Query) -> int:
        """Return how many of the words it holds."""
        return sum(bool(words & (self.own | self.cited)) or any(words & exam for exam in self.exams) for words in query.words)


def search(base: GuidelineBase, query: str, filters: Filters = Filters()) -> Found:
    """Return the sheets about a query, then those that cite it; all of them when there is no query."""
    index = _index(base)
    entries = [entry for entry in index.entries if filters.keep(entry.sheet, base)]
    typed = _words(query, base, codes=False)
    codes = [code.replace(".", "").upper() for code in _CODE.findall(query)]
    if not typed and not codes:
        return Found([entry.sheet for entry in entries], [], [], [], {})
    read_as = {word: near for word in typed if (near := index.correction(word))}
    asked = _Query([index.beginning(read_as.get(word, word)) for word in typed], codes, _meant(query, base))
    about: list[Sheet] = []
    positioning: list[Sheet] = []
    citing: list[Sheet] = []
    for entry in entries:
        group = about if entry.opens_on(asked) else positioning if entry.positions(asked) else citing if entry.cites(asked) else None
        if group is not None:
            group.append(entry.sheet)
    nearest = [] if about or positioning or citing else _nearest(entries, asked)
    corrected = {word: index.shown.get(near, near) for word, near in read_as.items()}
    return Found(about, positioning, citing, nearest, corrected)


def _nearest(entries: Iterable[Entry], query: _Query) -> list[Sheet]:
    """Return the sheets that hold the most of the words, when they hold any."""
    ranked = sorted(((entry.held(query), entry.sheet) for entry in entries), key=lambda one: (-one[0], fold(one[1].title)))
    best = ranked[0][0] if ranked else 0
    return [sheet for count, sheet in ranked if count == best][:_SUGGESTIONS] if best else []


def _meant(query: str, base: GuidelineBase) -> frozenset[str]:
    """Return the facts that the query names in a prescriber's words: « lumbago » is « lombalgie »."""
    request = ImagingRequest("recherche", texts=(TextPart("recherche", unicodedata.normalize("NFC", query)),))
    return frozenset(fact.fact for one in assess(request, base) for fact in one.facts if fact.status is Status.PRESENT)


class _Index:
    """The entries of a base and the words that they hold."""

    def __init__(self, base: GuidelineBase) -> None:
        exams = {name: frozenset(_all_words((exam.label, *exam.names), base)) for name, exam in base.catalogue.exams.items()}
        self.entries = tuple(_entry(sheet, base, exams) for sheet in base.sheets.values())
        self.vocabulary = frozenset[str]().union(*(one.own | one.cited for one in self.entries), *exams.values())
        self._read = base.lexicon.automaton.vocabulary  # what the lexicon reads by itself needs no correction here
        self.shown = {stem(fold(word)): word.lower() for sheet in base.sheets.values() for word in _WORD.findall(sheet.title)}
        self.beginning = lru_cache(maxsize=1024)(self._beginning)
        self.correction = lru_cache(maxsize=1024)(self._correction)

    def _beginning(self, part: str) -> frozenset[str]:
        """Return the known words that begin with a part of a word; a short word is taken whole when it is one."""
        if len(part) < _SHORT and part in self.vocabulary:
            return frozenset((part,))
        return frozenset(word for word in self.vocabulary if word.startswith(part))

    def _correction(self, word: str) -> str:
        """Return the known word nearest to one that begins none; empty when it needs none, or none is near."""
        if len(word) < _TYPED or word in self._read or self.beginning(word):
            return ""
        near = difflib.get_close_matches(word, self.vocabulary, n=1, cutoff=_CLOSE)
        return near[0] if near else ""


@lru_cache(maxsize=2)
def _index(base: GuidelineBase) -> _Index:
    return _Index(base)


def _entry(sheet: Sheet, base: GuidelineBase, exams: dict[str, frozenset[str]]) -> Entry:
    form, facts = sheet.form, base.lexicon.facts
    opens = [facts[fact] for fact in form.triggers.facts if fact in facts]
    own = [sheet.title, sheet.id.replace("-", " "), chapter_words(sheet.chapter), *form.triggers.terms, *(fact.label for fact in opens)]
    asked = frozenset(sheet.questions).union(*(facts_of(flag.condition) for flag in sheet.flags))
    cited = [*(flag.label for flag in sheet.flags), *sheet.questions.values()]
    cited += [facts[fact].label for fact in sheet.vocabulary if fact in facts]
    codes = {*sheet.trigger_icd10, *sheet.trigger_icpc2, *(code for fact in opens for code in (*fact.icd10, *fact.icpc2))}
    words = tuple({exams[exam]: None for exam in sheet.exams})
    return Entry(sheet, frozenset(_all_words(own, base)), words, frozenset(_all_words(cited, base)), asked, tuple(sorted(codes)))


def _all_words(texts: Iterable[str], base: GuidelineBase) -> set[str]:
    return {part for text in texts for part in _words(text, base)}


def _words(text: str, base: GuidelineBase, *, codes: bool = True) -> list[str]:
    """Return the compared words of a text, each once, abbreviations in full."""
    if not codes:
        text = _CODE.sub(" ", text)
    words = "".join(mark if mark.isalnum() else " " for mark in fold(unicodedata.normalize("NFC", text))).split()
    full = base.lexicon.abbreviations
    return list(dict.fromkeys(stem(part) for word in words if word not in STOP_WORDS for part in fold(full.get(word, word)).split()))
