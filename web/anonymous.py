"""Show words of requests without showing anybody: what the guidelines know is kept, everything else is hidden.

A free text may hold a name anywhere. A word is shown only when the lexicon or the catalogue has it; the others are counted alone,
out of their sentence, and published from ``SHOWN_FROM`` requests on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.words import STOP_WORDS, fold, stem

SHOWN_FROM = 3
HIDDEN = "…"
_LONGEST = 90  # characters of a phrase shown
_TITLES = frozenset("m mr mm mme mmes mlle monsieur madame mademoiselle dr docteur pr professeur prof nom prenom epouse".split())
# First names that are also words of medicine (« syndrome de Claude Bernard-Horner », « selles claires »).
_FIRST_NAMES = frozenset(
    "bernard blanche claire claude guillain jean louis marie marguerite olive paul pierre rose victoire violette".split()
)
_MONTHS = "janvier|f[ée]vrier|mars|avril|mai|juin|juillet|ao[uû]t|septembre|octobre|novembre|d[ée]cembre"
# Numbers that designate somebody: mail, telephone, national number, dates, ages, anything of four digits or more.
_DESIGNATING = re.compile(
    r"\S+@\S+|https?://\S+|\b\d{1,2}(?:er)?\s+(?:" + _MONTHS + r")\b(?:\s+\d{2,4})?|\b\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b"
    r"|\b\d{1,4}\s*(?:bis|ter)?,?\s*(?:rue|avenue|av|bd|boulevard|all[ée]e|chemin|impasse|route|quai)\b"
    r"|\+?\d(?:[ .-]?\d){5,}(?:\s?[AB])?[\d ]*|\d{4,}|\b\d{1,3}\s*ans?\b",
    re.IGNORECASE,
)
_PIECE = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)?|" + HIDDEN + r"|[%+><°=/'’-]")
_SEGMENT = re.compile(r"[.;,:?!()\n\r\t]+")
# Small words that the lexicon need not know, and that say nothing of anybody.
_PLAIN = frozenset(
    (
        "pas avec pour sans sur dans depuis chez par est sont il elle ou et ni mais si je vous nous on ne se y ya plus tres trop peu bien mal fait faire avoir "
        "etre ete suite apres avant lors puis entre vers sous contre toujours encore deja rien aussi comme quand dont qui quoi cause ras svp merci prevoir "
        "demande bilan avis recherche controle suivi surveillance jour jours semaine semaines sem mois ans annee annees heures matin soir nuit hier droit "
        "droite gauche bilateral patient patiente enfant examen imagerie douleur douleurs cher chere confrere conseur bonjour remercie cordialement confraternellement"
    ).split()
)


class Anonymiser:
    """Knows the words of a base."""

    def __init__(self, base: GuidelineBase) -> None:
        self._known = base.lexicon.automaton.vocabulary | {stem(word) for word in _catalogue_words(base)}
        self._short = {*base.lexicon.abbreviations, *STOP_WORDS, *_PLAIN}

    def knows(self, word: str) -> bool:
        """Say whether a word, folded, is one of the guidelines' or a small word of the language."""
        return word in self._short or (stem(word) in self._known and word not in _FIRST_NAMES)

    def unknown(self, text: str) -> set[str]:
        """Return the words of a text that the guidelines do not know, those that may name somebody left out.

        A name is written with a capital, or after a title: only words written small, elsewhere, are returned.
        """
        pieces = list(_pieces(text))
        found = (fold(piece) for piece, named in pieces if not named and len(piece) > 2 and piece.isalpha() and piece.islower())
        return {word for word in found if not self.knows(word)}

    def masked(self, text: str) -> str:
        """Return a text in small letters with its known words alone; what is hidden is one « … ».

        A word with a capital inside a phrase is hidden even when it is known.
        """
        out: list[str] = []
        for piece, named in _pieces(text):
            keep = not named and (not piece.isalpha() or (self.knows(fold(piece)) and not (out and piece.istitle() and len(piece) > 2)))
            if keep and piece != HIDDEN:
                out.append(piece.lower())
            elif not out or out[-1] != HIDDEN:
                out.append(HIDDEN)
        said = re.sub(r"\s*(['’/-])\s*", r"\1", " ".join(out))
        return said if len(said) <= _LONGEST else said[:_LONGEST].rsplit(" ", 1)[0] + f" {HIDDEN}"

    def says_something(self, phrase: str) -> bool:
        """Say whether a masked phrase still holds a word worth reading."""
        return any(len(word) > 3 and word not in _PLAIN and word not in STOP_WORDS for word in fold(phrase).split() if word.isalpha())


def phrases(text: str) -> Iterator[str]:
    """Yield the pieces of a text between its marks: what is said again and again is said in the same short pieces."""
    for part in _SEGMENT.split(unicodedata.normalize("NFC", text)):
        if words := part.split():
            yield " ".join(words)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield words, numbers and marks, with whether a title just before makes them somebody's name."""
    after_title, named = False, 0
    for match in _PIECE.finditer(_DESIGNATING.sub(f" {HIDDEN} ", unicodedata.normalize("NFC", text))):
        piece = match.group()
        named = 2 if after_title else named - 1 if named and piece[:1].isupper() else 0
        after_title = fold(piece) in _TITLES and not (piece.isupper() and len(piece) > 4)
        yield piece, named > 0


def _catalogue_words(base: GuidelineBase) -> Iterator[str]:
    catalogue = base.catalogue
    for exam in catalogue.exams.values():
        for name in (exam.label, *exam.names):
            yield from _letters(name)
    for entry in (*catalogue.regions.values(), *catalogue.techniques.values()):
        for name in (entry.label, *entry.terms):
            yield from _letters(name)


def _letters(name: str) -> list[str]:
    return re.findall(r"[a-z]+", fold(unicodedata.normalize("NFC", name)))


__all__ = ["SHOWN_FROM", "Anonymiser", "phrases"]
