"""One-click answers: for each thing the request does not say, the sentences that say it.

A click writes its sentence into the prescriber's text, where everybody can read and change it. The fact that the sentence
states travels beside it, and counts only while the sentence is still in the text: nothing is known that is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pertimage.cds.model import KnownFact, Missing, Status
from pertimage.guidelines.lexicon import FactDef, Lexicon
from pertimage.web.pages.french import capital, denial

ORIGIN = "formulaire"
DAYS = {"jours": 1.0, "semaines": 7.0, "mois": 28.0, "ans": 336.0}


@dataclass(frozen=True, slots=True)
class Option:
    """A chip: what it shows, the sentence it writes, the fact that the sentence states (``value`` in the lexicon's unit)."""

    label: str
    sentence: str
    fact: str = ""
    status: Status = Status.PRESENT
    value: float | None = None

    @property
    def token(self) -> str:
        """Return the option as one form value."""
        return "|".join((self.fact, str(self.status), "" if self.value is None else f"{self.value:g}", self.sentence))


@dataclass(frozen=True, slots=True)
class Blank:
    """A field to fill: ``lead`` comes before the words typed, ``tail`` after; ``units`` offers a choice of them."""

    lead: str
    tail: str = "."
    placeholder: str = ""
    numeric: bool = False
    units: tuple[str, ...] = ()

    def sentence(self, words: str, unit: str = "") -> str:
        """Return the sentence made of the words typed."""
        tail = f" {unit}." if unit in self.units else self.tail
        return f"{self.lead}{words.strip().rstrip('.')}{tail}"


@dataclass(frozen=True, slots=True)
class Question:
    """Something the request does not say, with the ways to say it."""

    item: str
    text: str
    blocking: bool
    options: tuple[Option, ...] = ()
    blank: Blank | None = None


def _stated(label: str, sentence: str, fact: str, status: Status = Status.PRESENT) -> Option:
    return Option(label, sentence, fact, status)


def _said(label: str, sentence: str) -> Option:
    return Option(label, sentence)


_DURATIONS = tuple(
    Option(words, f"Depuis {words}.", "duree", value=count * DAYS[unit])
    for words, count, unit in (
        ("3 jours", 3, "jours"),
        ("2 semaines", 2, "semaines"),
        ("6 semaines", 6, "semaines"),
        ("4 mois", 4, "mois"),
        ("plus d'un an", 1.1, "ans"),
    )
)
# Items of the contract, in their order there; any other item is a fact of the lexicon.
_ITEMS: dict[str, tuple[tuple[Option, ...], Blank | None]] = {
    "motif": ((), Blank("Motif : ", placeholder="lombalgie depuis 5 jours, pas de déficit")),
    "finalite": ((), Blank("Recherche : ", placeholder="fracture, récidive, extension…")),
    "duree": (_DURATIONS, Blank("Depuis ", placeholder="10", numeric=True, units=("jours", "semaines", "mois", "ans"))),
    "grossesse": (
        (_stated("Pas de grossesse", "Pas de grossesse en cours.", "grossesse", Status.ABSENT), _stated("Enceinte", "Grossesse en cours.", "grossesse")),
        None,
    ),
    "examens-anterieurs": ((_said("Aucun", "Pas d'imagerie antérieure."),), Blank("Examens antérieurs : ", placeholder="IRM 2024, normale")),
    "antecedents": ((_said("Aucun notable", "Sans antécédent notable."),), Blank("Antécédents : ", placeholder="cancer du sein 2019")),
    "dfg": ((), Blank("DFG ", " mL/min.", "75", numeric=True)),
    "allergie-contraste": (
        (
            _stated("Aucune réaction", "Pas de réaction antérieure à un produit de contraste.", "allergie-contraste", Status.ABSENT),
            _stated("Réaction antérieure", "Réaction antérieure à un produit de contraste.", "allergie-contraste"),
        ),
        None,
    ),
    "dispositif-implante": (
        (
            _stated("Aucun", "Aucun dispositif implanté, pas de corps étranger métallique.", "dispositif-implante", Status.ABSENT),
            _stated("Dispositif implanté", "Porteur d'un dispositif implanté.", "dispositif-implante"),
        ),
        Blank("Dispositif implanté : ", placeholder="marque, modèle, date de pose"),
    ),
    "lateralite": ((_said("Droite", "Côté droit."), _said("Gauche", "Côté gauche."), _said("Les deux", "Des deux côtés.")), None),
    "region": ((), None),
    "justification-urgence": ((), Blank("Urgent car ", placeholder="aggravation rapide")),
    "poids": ((), Blank("Poids ", " kg.", "72", numeric=True)),
}  # fmt: skip


def question(missing: Missing, lexicon: Lexicon) -> Question:
    """Return a missing item with the ways to answer it."""
    options, blank = _ITEMS.get(missing.item) or _of_fact(lexicon.facts.get(missing.item))
    if missing.item == "age":
        blank = Blank("Âge ", " ans.", "45", numeric=True)
    return Question(missing.item, missing.question, missing.blocking, options, blank)


def _of_fact(fact: FactDef | None) -> tuple[tuple[Option, ...], Blank | None]:
    if fact is None:
        return (), None
    if fact.is_number:
        return (), Blank(f"{capital(fact.label)} ", f" {fact.unit}." if fact.unit else ".", "", numeric=True)
    return yes_no(fact), None


def yes_no(fact: FactDef) -> tuple[Option, ...]:
    """Return the two answers to a yes/no fact, each with the sentence it writes."""
    no = _stated("Non", f"{capital(denial(fact.label))}.", fact.id, Status.ABSENT)
    return no, _stated("Oui", f"{capital(fact.label)}.", fact.id)


def known_facts(tokens: Iterable[str], text: str, facts: Callable[[str], bool]) -> Iterator[KnownFact]:
    """Yield the facts of the answers whose sentence still stands in the text; the last answer on a fact counts."""
    latest: dict[str, KnownFact] = {}
    for token in tokens:
        parts = token.split("|", 3)
        if len(parts) != 4 or not parts[3] or parts[3] not in text or not facts(parts[0]):
            continue
        if parts[1] in (Status.PRESENT, Status.ABSENT):
            latest[parts[0]] = KnownFact(parts[0], Status(parts[1]), _value(parts[2]), ORIGIN)
    yield from latest.values()


def _value(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def appended(text: str, sentence: str) -> str:
    """Return the text with one more sentence, once."""
    if not sentence or sentence in text:
        return text
    body = text.rstrip()
    if not body:
        return sentence
    mark = "" if body[-1] in ".!?;:" else "."
    return f"{body}{mark} {sentence}"
