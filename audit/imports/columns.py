"""Which column of an export says what: guessed from the words of its header and the look of its cells, with a confidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pertimage.audit.imports.moments import is_date, is_nothing, is_serial, is_time, is_written_date
from pertimage.guidelines.words import fold

_FILE = Path(__file__).with_name("colonnes.yaml")
_SMALL = frozenset("de du des la le les l d un une a au et the of en par pour sur".split())
_CCAM = re.compile(r"[A-Z]{4}\d{3}.{0,6}", re.IGNORECASE)
_AGE = re.compile(r"\d{1,3}(?:[.,]\d+)?\s*(?:ans?|a|y|mois|m|jours?|j)?", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Words of the cells that say the sex, and whether the patient lives in the country; a plain « oui » answers the header.
SEXES = {
    "f": "F",
    "femme": "F",
    "feminin": "F",
    "female": "F",
    "w": "F",
    "2": "F",
    "m": "M",
    "h": "M",
    "homme": "M",
    "masculin": "M",
    "male": "M",
    "1": "M",
}
RURAL = {
    "rural": True,
    "rurale": True,
    "oui": True,
    "o": True,
    "true": True,
    "vrai": True,
    "urbain": False,
    "urbaine": False,
    "non": False,
    "n": False,
    "false": False,
    "faux": False,
}
# Words of the header alone, then with cells that look right or wrong.
_LEAST = 0.35
_SURE = 0.75
_EXTRA_WORD, _LATER_TERM = 0.22, 0.015


class Field(StrEnum):
    """What a column can say; the words are those of a mapping file. ``heure_…`` is the time of a date written apart."""

    NUMBER = "numero"
    PATIENT = "patient"
    SITE = "site"
    MODALITY = "modalite"
    LABEL = "examen"
    CODE = "code"
    REQUESTED = "demande"
    SCHEDULED = "rendez_vous"
    PERFORMED = "realisation"
    REPORTED = "compte_rendu"
    GIVEN = "remise"
    REQUESTED_TIME = "heure_demande"
    SCHEDULED_TIME = "heure_rendez_vous"
    PERFORMED_TIME = "heure_realisation"
    REPORTED_TIME = "heure_compte_rendu"
    GIVEN_TIME = "heure_remise"
    AGE = "age"
    BIRTH = "naissance"
    SEX = "sexe"
    RURAL = "rural"
    STATUS = "statut"


# The steps of an exam, in their order in time.
STEPS = (Field.REQUESTED, Field.SCHEDULED, Field.PERFORMED, Field.REPORTED, Field.GIVEN)
TIME_OF: Mapping[Field, Field] = {step: Field(f"heure_{step}") for step in STEPS}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of headers: ``terms`` pairs a set of words with its rank, by field; the other words are those of cells."""

    labels: Mapping[Field, str]
    looks: Mapping[Field, str]
    terms: Mapping[Field, tuple[frozenset[str], ...]]
    never: frozenset[frozenset[str]]
    abbreviations: Mapping[str, str]
    modalities: Mapping[str, str]
    cancelled: frozenset[str]

    def words(self, header: str) -> frozenset[str]:
        """Return what a header says, as comparable words."""
        spread = _CAMEL.sub(" ", unicodedata.normalize("NFC", header).replace("°", " ").replace("º", " "))
        found = [word for word in re.split(r"[^a-z0-9]+", fold(spread)) if word and word not in _SMALL and not word.isdigit()]
        return frozenset(part for word in found for part in self.abbreviations.get(word, word).split("-"))


@dataclass(frozen=True, slots=True)
class Guess:
    """A column (its index) for a field, and how sure that is, from 0 to 1."""

    field: Field
    column: int
    confidence: float

    @property
    def sure(self) -> bool:
        """Say whether nobody need look at it."""
        return self.confidence >= _SURE


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the words of ``colonnes.yaml``."""
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    abbreviations = {word: str(full) for word, full in data["abreviations"].items()}

    def words(term: str) -> frozenset[str]:
        parts = [part for word in term.replace("-", " ").split() for part in abbreviations.get(word, word).split("-")]
        return frozenset(part for part in parts if part not in _SMALL)

    terms = {Field(name): tuple(words(term) for term in form["termes"]) for name, form in data["champs"].items()}
    for step, time in TIME_OF.items():
        terms[time] = tuple(term - {"date"} | {"heure"} for term in terms[step] if term != frozenset(["date"]))
    labels = {Field(name): str(form["libelle"]) for name, form in data["champs"].items()}
    looks = {Field(name): str(form["valeurs"]) for name, form in data["champs"].items()}
    return Vocabulary(
        labels | {time: f"{labels[step]} (heure)" for step, time in TIME_OF.items()},
        looks | dict.fromkeys(TIME_OF.values(), "heure"),
        terms,
        frozenset(words(term) for term in data["jamais"]),
        abbreviations,
        {fold(word): code for code, known in data["modalites"].items() for word in known},
        frozenset(data["statuts"]),
    )


def guessed(names: Sequence[str], sample: Sequence[Sequence[str]], words: Vocabulary) -> tuple[Guess, ...]:
    """Return the best column of each field, the surest first; a column serves one field."""
    looks = [_looks([row[place] for row in sample if place < len(row)], words) for place in range(len(names))] if sample else []
    found = []
    for place, name in enumerate(names[:400]):
        said = words.words(name)
        for field, terms in words.terms.items():
            confidence = _said(said, terms, words.never)
            if looks:
                confidence = _with_look(confidence, looks[place], words.looks[field], field)
            if confidence >= _LEAST:
                found.append(Guess(field, place, round(min(confidence, 1.0), 2)))
    chosen: dict[Field, Guess] = {}
    taken: set[int] = set()
    for guess in sorted(found, key=lambda one: (-one.confidence, one.column)):
        if guess.field not in chosen and guess.column not in taken and _has_date(guess.field, chosen, found):
            chosen[guess.field] = guess
            taken.add(guess.column)
    return tuple(sorted(chosen.values(), key=lambda guess: list(Field).index(guess.field)))


def _has_date(field: Field, chosen: Mapping[Field, Guess], found: Sequence[Guess]) -> bool:
    """Say whether a time has a date to go with."""
    step = next((step for step, time in TIME_OF.items() if time is field), None)
    return step is None or step in chosen or any(guess.field is step for guess in found)


def _said(said: frozenset[str], terms: Sequence[frozenset[str]], never: frozenset[frozenset[str]]) -> float:
    if not said or said in never:
        return 0.0
    forbidden = any(
        words <= said for words in never if len(words) > 1 or words & {"nom", "prenom", "medecin", "prescripteur", "radiologue"}
    )
    best = 0.0
    for rank, term in enumerate(terms):
        if term == said:
            best = max(best, 1.0 - _LATER_TERM * rank)
        elif term <= said and not forbidden:
            best = max(best, 0.85 - _EXTRA_WORD * len(said - term) - _LATER_TERM * rank)
    return best


def _with_look(said: float, look: Mapping[str, float], expected: str, field: Field) -> float:
    """Return a confidence once the cells were looked at; cells all empty say nothing."""
    if not look:
        return said
    fits = look.get(expected, 0.0)
    if said == 0.0:  # only what is unmistakable is known by its look alone
        return 0.6 * fits if field in (Field.CODE, Field.MODALITY) and fits > 0.9 else 0.0
    if expected in ("texte", "statut"):
        return said * (0.5 if max(look.get("date", 0.0), look.get("heure", 0.0)) > 0.5 else 1.0)
    if expected == "numero":
        return said * (0.3 if look["ecrite"] > 0.5 or look.get("ccam", 0.0) > 0.5 else 0.6 + 0.4 * look["distinct"] ** 0.25)
    if expected == "ccam":
        return said * (1.0 if fits > 0.5 else 0.8 if look.get("date", 0.0) < 0.5 else 0.2)
    return said * (0.2 + 0.8 * min(1.0, fits * 1.25))


def _looks(cells: Sequence[str], words: Vocabulary) -> Mapping[str, float]:
    """Return the share of cells that look like each kind of value; empty when no cell says anything."""
    full = [cell.strip() for cell in cells if not is_nothing(cell)]
    if not full:
        return {}
    tests: dict[str, Callable[[str], object]] = {
        "date": lambda cell: is_date(cell) or is_serial(cell), "ecrite": is_written_date,
        "heure": lambda cell: is_time(cell) or cell.startswith("0."), "ccam": _CCAM.fullmatch,
        "modalite": lambda cell: fold(cell) in words.modalities, "age": _AGE.fullmatch, "sexe": lambda cell: fold(cell) in SEXES,
        "rural": lambda cell: fold(cell) in RURAL,
    }  # fmt: skip
    return {name: sum(map(bool, map(test, full))) / len(full) for name, test in tests.items()} | {"distinct": len(set(full)) / len(full)}


def kind_words(cells: Sequence[str], words: Vocabulary) -> str:
    """Return in French what the cells of a column look like, without any of their values."""
    look = dict(_looks(cells, words))
    if not look:
        return "vide"
    distinct = look.pop("distinct")
    look["date"] = look.pop("ecrite")
    name = max(look, key=lambda one: look[one])
    if look[name] > 0.6:
        return {
            "date": "dates",
            "heure": "heures",
            "ccam": "codes CCAM",
            "modalite": "modalités",
            "age": "nombres",
            "sexe": "sexe",
            "rural": "rural ou urbain",
        }[name]
    digits = sum(any(char.isdigit() for char in cell) for cell in cells if not is_nothing(cell))
    full = sum(not is_nothing(cell) for cell in cells)
    kind = "numéros" if digits > 0.8 * full else "mots"
    return f"{kind}, {'tous différents' if distinct == 1 else 'répétés'}"
