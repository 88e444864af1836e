"""Other ways to write the same request: typography, typing slips, order of sentences, words that say nothing of the complaint.

A variation returns None for a text to which it does not apply; each says by which rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from random import Random
from zlib import crc32

Variation = Callable[[str], str | None]

# A word cut short (« Lomb. aig. ») ends no sentence where a small letter follows.
_CUT_SHORT = "".join(rf"(?<!\b{word}\.)" for word in ("lomb", "doul", "cerv", "dors", "abd", "aig", "exam", "irrad", "chron"))
_SENTENCE = re.compile(rf"(?<=[a-zà-ÿ)0-9]{{3}})\.(?:\s+(?=[A-ZÀ-Ÿ])|(?i:{_CUT_SHORT})\s+(?=[a-zà-ÿ]))|\n+")
_LONG_WORD = re.compile(r"(?<![\w'’-])[a-zà-ÿ]{7,}(?![\w-])", re.IGNORECASE)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sentences(text: str) -> list[str]:
    """Return the sentences of a text: cut at line breaks and at full stops that end a word of three letters or more."""
    return [part.strip().rstrip(".") for part in _SENTENCE.split(text) if part and part.strip(" .-")]


def _without_accents(text: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return plain.replace("œ", "oe").replace("Œ", "OE").replace("’", "'")


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _one_a_line(text: str) -> str | None:
    parts = sentences(text)
    return "\n".join(parts) if len(parts) > 1 else None


def _bulleted(text: str) -> str:
    return "\n".join(f"- {part}" for part in sentences(text))


# — one slip of the finger —
def _slip(kind: str, draw: int) -> Variation:
    """Return a variation that mistypes one word of seven letters or more, never its first letter; which one is drawn from the text.

    It does not apply to a text without such a word.
    """

    def slipped(text: str) -> str | None:
        words = list(_LONG_WORD.finditer(text))
        if not words:
            return None
        chance = Random(crc32(f"{kind} {draw} {text}".encode()))
        word = chance.choice(words)
        return text[: word.start()] + _mistyped(word.group(), kind, chance) + text[word.end() :]

    return slipped


def _mistyped(word: str, kind: str, chance: Random) -> str:
    place = chance.randrange(1, len(word) - 1)
    if kind == "doublée":
        return word[:place] + word[place] + word[place:]
    if kind == "oubliée":
        return word[:place] + word[place + 1 :]
    if kind == "changée":
        return word[:place] + chance.choice(_LETTERS.replace(word[place].lower(), "")) + word[place + 1 :]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


# — order of sentences —
# A sentence that begins so speaks of the one before it: moved, it would speak of another.
_LEANS = re.compile(
    r"^(?:-\s*)?(?:il|elle|ils|elles|ce|cet|cette|ces|celle|celui|ceci|cela|ça|depuis|puis|ensuite|alors|donc|mais|or|et|ou|aussi|également|malgré|non|oui|"
    r"son|sa|ses|lui|y|en|dont|qui|que|aggrav\w*|am[ée]lior\w*|soulag\w*|persist\w*|apparu\w*|à|au|sans|avec|pas|ni|même|contexte|"
    r"évolu\w*|irradi\w*|r[ée]sist\w*|d[ée]but\w*|surven\w*|brutale?|le|la|les|l'|trois|deux|une?|\d+)\b|^.*\?",
    re.IGNORECASE,
)  # fmt: skip
# Words that place an event in time: with two of them in a text, which complaint each dates depends on the order.
_WHEN = re.compile(
    r"\b(?:depuis|dps|dep|il y a|j ?\d+|hier|ce matin|cette nuit|aujourd'hui|ce jour|en (?:19|20)\d\d|\d+ ?(?:j|jours?|sem|semaines?|mois|ans?|h)|"
    r"lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|post|avant|après)\b",
    re.IGNORECASE,
)  # fmt: skip


def movable(text: str) -> list[str] | None:
    """Return the sentences of a text whose order says nothing, else None.

    Order is left alone when there is one sentence, when a sentence leans on the one before (pronoun, connective, participle without its
    subject, question), or when two of them give a date or a duration.
    """
    parts = sentences(text)
    leaning = any(_LEANS.search(part) for part in parts)
    dated = sum(bool(_WHEN.search(part)) for part in parts)
    return None if len(parts) < 2 or leaning or dated > 1 else parts


def _reversed(text: str) -> str | None:
    parts = movable(text)
    return ". ".join(map(_capitalised, reversed(parts))) if parts else None


def _rotated(text: str) -> str | None:
    parts = movable(text)
    return ".\n".join([*parts[1:], parts[0]]) if parts and len(parts) > 2 else None


# — words that say nothing of the complaint —
HISTORY = "Presbytie corrigée, amygdalectomie à 12 ans, vit seul"

TYPOGRAPHY: dict[str, Variation] = {
    "sans accents": _without_accents, "majuscules": str.upper, "minuscules": str.lower,
    "espaces doublées": lambda text: "  " + text.replace(" ", "  ") + " ", "tabulations": lambda text: text.replace(" ", "\t"),
    "espaces insécables": lambda text: text.replace(" ", "\u00a0"), "espaces fines": lambda text: re.sub(r" (?=[:;?!%])", "\u202f", text),
    "deux-points serrés": lambda text: text.replace(" :", ":"), "virgules serrées": lambda text: re.sub(r"(?<=[^\d]), (?=\D)", ",", text),
    "point final": lambda text: text.rstrip(" .") + ".", "sans point final": lambda text: text.rstrip(" ."),
    "points de suspension": lambda text: text.rstrip(" .") + "...", "point d'exclamation": lambda text: text.rstrip(" .") + " !",
    "saut de ligne final": lambda text: text + "\n\n", "fins de ligne de Windows": lambda text: "\r\n" + text.replace("\n", "\r\n") + "\r\n",
    "une phrase par ligne": _one_a_line, "puces": _bulleted, "points-virgules": lambda text: " ; ".join(sentences(text)),
    "entre guillemets": lambda text: f"« {text} »", "forme décomposée": lambda text: unicodedata.normalize("NFD", text),
    "apostrophe courbe": lambda text: text.replace("'", "’"), "tiret long": lambda text: text.replace(" - ", " – "),
}  # fmt: skip
SLIPS: dict[str, Variation] = {
    f"lettre {kind}, tirage {draw}": _slip(kind, draw) for kind in ("changée", "doublée", "oubliée", "inversée") for draw in range(2)
}
ORDER: dict[str, Variation] = {"phrases à l'envers": _reversed, "première phrase à la fin": _rotated}
SURROUNDINGS: dict[str, Variation] = {
    "antécédents avant": lambda text: f"{HISTORY}. {text}", "antécédents après": lambda text: f"{text}. {HISTORY}",
    "antécédents titrés avant": lambda text: f"ATCD : presbytie, amygdalectomie en 1990.\n{text}",
    "antécédents titrés après": lambda text: f"{text}. ATCD : presbytie, amygdalectomie en 1990",
    "antécédents à la ligne": lambda text: f"{text}\n- {HISTORY}\n",
    "salutations": lambda text: f"Bonjour cher confrère. {text}. Merci, bien confraternellement",
    "formule d'appel": lambda text: f"Madame, Monsieur,\nje vous adresse ce jour ce patient pour : {text}",
    "remerciements": lambda text: f"{text}\nJe vous remercie de votre aide et vous prie de croire, cher confrère, à mes sentiments confraternels.",
    "merci d'avance": lambda text: f"{text}, merci d'avance",
}  # fmt: skip
