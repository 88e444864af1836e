"""French words made comparable: folding, tokens, stems.

The same functions read the base's terms when it is compiled and the prescriber's text when it is judged, so that both
sides lose accents, case, plural and small words in the same way. Folding keeps the length of the string: an offset in the
folded text is an offset in the original.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple


def _fold_table() -> dict[int, str]:
    table: dict[int, str] = {}
    for point in range(0x80, 0x2100):
        base = unicodedata.normalize("NFKD", chr(point))[:1]
        if base.isascii() and (base.isalnum() or base == " "):
            table[point] = base.lower()
    table |= {ord(mark): "'" for mark in "’‘ʼ`´"} | {ord(mark): "-" for mark in "‐‑‒–—−"} | {ord("œ"): "e", ord("Œ"): "e"}
    table |= {
        ord("æ"): "e",
        ord("Æ"): "e",
        ord("ß"): "s",
        ord("Ø"): "ø",
        ord("∅"): "ø",
        ord("≥"): ">",
        ord("≤"): "<",
        ord("°"): "°",
        ord("º"): "°",
        ord("«"): '"',
        ord("»"): '"',
    }
    return table | {point: chr(point).lower() for point in range(ord("A"), ord("Z") + 1)}


_FOLD = _fold_table()
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|[a-z]+(?:\d+(?![.,]?\d))?|[^\sa-z0-9]|\n")
STOP_WORDS = frozenset("de du la le les des d l un une au aux a en son sa ses mon ma mes leur ce cet cette qu que".split())
# Marks that may stand inside a term without parting its words: « post-traumatique », « d'effort », « t. crânien ».
JOINERS = frozenset("-'/.")


def fold(text: str) -> str:
    """Return the text without accents and capitals, character for character (text must be NFC)."""
    return _folded(text) if len(text) < _REMEMBERED else text.translate(_FOLD)


_REMEMBERED = 4_000  # characters


@lru_cache(maxsize=512)
def _folded(text: str) -> str:
    """Do as ``fold``: one judgement folds the same words half a dozen times."""
    return text.translate(_FOLD)


# Words that the rules would confuse with others: a child who limps does not drink, « tant » is no aunt.
_APART = dict.fromkeys(("boite", "boites", "boitent"), "boite") | dict.fromkeys(("tante", "tantes"), "tante")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the comparable form of a folded word: no plural, no feminine, no doubled final consonant.

    Crude on purpose: it only has to send the spellings of one word to one form ("sphinctérien(ne)s", "oedème/œdème").
    """
    if word in _APART:
        return _APART[word]
    word = word.replace("oe", "e").replace("ae", "e") if len(word) > 3 else word
    if len(word) <= 3 or not word.isalpha():
        return word
    if word.endswith("aux") and len(word) > 5:
        return word[:-3] + "al"
    word = word.rstrip("sx" if len(word) > 4 else "s") if not word.endswith("ss") else word
    word = word.rstrip("e") if len(word) > 4 else word
    if len(word) > 4 and word[-1] == word[-2] and word[-1] in "nlt":
        word = word[:-1]
    return word


class Token(NamedTuple):
    """A word, number or mark of the text. ``form`` is what is compared; offsets are in the original text."""

    form: str
    folded: str
    start: int
    end: int
    is_word: bool
    is_stop: bool
    is_joiner: bool


def tokens(text: str, abbreviations: Mapping[str, str] | None = None) -> list[Token]:
    """Return the tokens of an NFC text, abbreviations read as their full word."""
    short = abbreviations or _NO_ABBREVIATIONS
    found: list[Token] = []
    previous_number = False
    new = tuple.__new__  # what Token() ends with, without its detour by keyword arguments
    for match in _TOKEN.finditer(fold(text)):
        folded = match.group()
        if folded in short:
            found.append(new(Token, (stem(fold(short[folded])), folded, *match.span(), True, False, False)))
            previous_number = False
            continue
        form, is_word, is_stop, is_joiner, is_number = _kind(folded)
        if is_stop and previous_number and folded == "sa":
            is_stop = False
        if folded in _MOMENTS and found and found[-1][1] in _THIS:
            form = f"ce {form}"  # « ce matin » is today's, « le matin » every day's
        if folded == "." and not _abbreviates(found, match.start(), text):
            is_joiner = False
        found.append(new(Token, (form, folded, *match.span(), is_word, is_stop, is_joiner)))
        previous_number = is_number
    return found


def _abbreviates(before: list[Token], dot: int, text: str) -> bool:
    """Say whether a dot, at this offset, ends an abbreviation (« t. crânien ») and not a sentence (« pas de TC. Fièvre »)."""
    if not before or not before[-1].is_word or before[-1].end != dot:
        return False
    word = before[-1].folded
    if word in _TITLES:
        return True
    if not ((word.isalpha() and len(word) <= 2) or word in _CUT_WORDS) or word in _SIDES_ALONE:
        return False
    written = text[before[-1].start : dot]
    if (len(word) > 1 and written.isupper()) or (len(before) > 1 and before[-2].folded == "+"):
        return False
    following = text[dot + 1 :].lstrip(" \t\xa0\u202f")[:1]
    return following != "" and following != "\n" and (len(word) == 1 or not following.isupper())


_NO_ABBREVIATIONS: Mapping[str, str] = {}
# Words that are written with a dot wherever they stand, and sides, which end a sentence as well (« genou D. »).
_TITLES = frozenset(("dr", "pr", "mr", "me", "st"))
_CUT_WORDS = frozenset(
    "abd aig ant art cerv cf chron cons dlr dors doul env ex exam ext fct fract hosp inf int irrad lat lomb med neg pos post prob prof rech sup susp thor trt ttt".split()
)
_SIDES_ALONE = frozenset(("d", "g"))
_MOMENTS = frozenset(("matin", "nuit", "soir"))
_THIS = frozenset(("ce", "cette"))


@lru_cache(maxsize=65536)
def _kind(folded: str) -> tuple[str, bool, bool, bool, bool]:
    """Return form, is word, is small word, is joining mark, is number, of a folded token."""
    is_word = folded[0].isalnum()
    return stem(folded) if is_word else folded, is_word, folded in STOP_WORDS, folded in JOINERS, folded[0].isdigit()


# Small words without which the one word that follows or precedes says something else: « en jet », « à plat », « ce matin », « que la nuit ».
_TELLING = frozenset("en à au aux ce cet cette que qu".split())
_SUDDENLY = ["d", "un", "coup"]  # « un coup » is a blow


def term_forms(term: str, abbreviations: Mapping[str, str] | None = None, *, keep_small: bool = False) -> tuple[str, ...]:
    """Return the compared forms of a term's words, small words and joining marks left out; « … » becomes "…".

    When one word alone is left, the small words that make its sense stay with it.
    """
    written = unicodedata.normalize("NFC", term)
    found = [token for token in tokens(written, abbreviations) if not token.is_joiner and token.folded not in "\"'()."]
    folded = [token.folded for token in found]
    kept = {at + step for at in range(len(found) - 2) if folded[at : at + 3] == _SUDDENLY for step in (0, 1)}
    forms = tuple(token.form for at, token in enumerate(found) if keep_small or at in kept or not token.is_stop)
    if len(forms) == 1 and len(found) > 1:
        return tuple(token.form for token in found if not token.is_stop or _tells(token, written))
    return forms


def _tells(token: Token, written: str) -> bool:
    """Say whether a small word of a term makes the sense of its other word: of « à » and « a », only the first does."""
    said = written[token.start : token.end]
    return said.casefold() in _TELLING or said in ("D", "CE") or (said.isalpha() and token.start > 0 and written[token.start - 1].isdigit())
