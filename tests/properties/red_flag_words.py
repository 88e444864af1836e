"""The words of the emergency signs of each sheet, and the ways to deny them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.cds.text.reading import read
from pertimage.guidelines.base import Sheet
from pertimage.guidelines.conditions import FactTest, Wanted
from pertimage.guidelines.loader import DATA
from pertimage.guidelines.words import fold
from tests.properties.examples import BASE

DENIALS = ("pas de {}", "absence de {}", "sans {}", "aucun {}", "{} : non", "pas de vertige ni de {}")
# What a noun that names a sign ends with; a verb (« vomit », « ne marche plus ») is denied in other ways.
_NOUN = re.compile(
    r"^(?:\w+(?:gies?|ties?|sies?|xies?|plegies?|tions?|sions?|ites?|oses?|omes?|ismes?|ences?|ances?|ures?|eurs?|ments?|emes?|oxie|nees?)|deficits?|troubles?|pertes?|"
    r"fievre|syndrome|sd|signes?|choc|malaise|hemorragie|ischemie|oedeme|retention|crise|frissons|purpura|steppage|coma|sepsis|anurie)\b"
)
_NOT_NOUN_GROUP = re.compile(
    r"\b(?:ne|n|pas|plus|sans|non|jamais|impossible|qui|que|est|a|ont|peut|se|s|lui|elle|il|depuis|apres|si)\b|[+…=<>\d/]"
)


@cache
def _lexicon() -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = {}
    for path in sorted((DATA / "lexique").glob("*.yaml")):
        facts |= yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    return facts


def plain_flags(sheet: Sheet) -> Iterator[str]:
    """Yield the facts that are emergency signs by themselves."""
    for flag in sheet.flags:
        if flag.emergency and len(flag.condition) == 1 == len(flag.condition[0]):
            test = flag.condition[0][0]
            if isinstance(test, FactTest) and test.wanted is Wanted.YES:
                yield test.fact


@cache
def nouns(fact: str) -> tuple[str, ...]:
    """Return the nouns that state a fact by themselves (those of the facts that imply it too), in the order of the lexicon."""
    entry = _lexicon().get(fact, {})
    terms = [*entry.get("termes", ())]
    for one in entry.get("si", ()):
        if len(one) == 1 and next(iter(one.values())) in (True, "oui"):
            terms += _lexicon().get(next(iter(one)), {}).get("termes", ())
    return tuple(term for term in dict.fromkeys(map(str, terms)) if _is_noun(term) and stated(term, fact) is True)


def _is_noun(term: str) -> bool:
    folded = fold(term)
    return bool(_NOUN.match(folded)) and not _NOT_NOUN_GROUP.search(folded)


def stated(text: str, fact: str) -> bool | None:
    """Return what a text alone says of a fact."""
    return read(ImagingRequest("r", texts=(TextPart("reasonCode", text),)), BASE.lexicon, BASE.openers).truth.get(fact)


def denied(term: str, form: str) -> str:
    """Return a sign denied, elided where French elides."""
    text = form.format(term)
    return re.sub(r"\bde (?=[aeiouyhâéèêîôûAEIOUYHÉÈÊ])", "d'", text) if form.endswith("de {}") else text
