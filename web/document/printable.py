"""Text made fit for the fonts of the document: what cannot be drawn is replaced by a visible sign, what hides or reorders letters is left out."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

UNDRAWN = "▯"
# Blocks that the fonts of typst draw whole: Latin, Greek, Cyrillic, punctuation, currencies, arrows and mathematical operators.
DRAWN = (
    "\u0020-\u007e\u00a0-\u00ac\u00ae-\u024f\u02b0-\u02ff\u0391-\u03a1\u03a3-\u03c9\u0400-\u0482\u048a-\u04ff\u1e00-\u1eff\u2010-\u2027\u202f"
    "\u2030-\u2040\u2044-\u2052\u2070\u2071\u2074-\u208e\u20a0-\u20bf\u2150\u2151\u2153-\u2184\u2190-\u22ff\u25a0-\u25ff\ufb00-\ufb06"
)
_NOT_DRAWN = re.compile(f"[^{DRAWN}\n]+")
_LINE_ENDS = re.compile("\r\n?|[\u000b\u000c\u0085\u2028\u2029]")
_LONG_WORD = re.compile(r"\S{32,}")
_EVERY = 16  # characters
BREAK = "\u200b"


def printable(text: str) -> str:
    """Return the text with what the fonts cannot draw replaced, controls and invisible marks left out, and long words that can be cut."""
    composed = unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text))
    return _LONG_WORD.sub(_cut, _NOT_DRAWN.sub(lambda run: _replaced(run.group()), composed))


def printable_all(value: Any) -> Any:
    """Return a JSON value with all its strings printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: printable_all(item) for key, item in value.items()}
    return [printable_all(item) for item in value] if isinstance(value, list | tuple) else value


def without_controls(text: str) -> str:
    """Return the text without what XML cannot hold, and without marks that are not seen and reorder what is."""
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Cn"))


def _replaced(run: str) -> str:
    """Return one sign for letters and drawings, one space for spaces, nothing for marks that are not seen."""
    kinds = {unicodedata.category(character) for character in run}
    if kinds <= {"Cc", "Cf", "Mn", "Me", "Mc"}:
        return " " if "\t" in run else ""
    return " " if kinds <= {"Zs", "Cc", "Cf"} else UNDRAWN


def _cut(word: re.Match[str]) -> str:
    said = word.group()
    return BREAK.join(said[start : start + _EVERY] for start in range(0, len(said), _EVERY))
