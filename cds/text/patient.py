"""The patient's age and sex as GPs write them: « F 47a », « nourrisson 3 mois », « patiente de 30 ans »."""

from __future__ import annotations

import re

from pertimage.cds.text.patterns import DAYS, compiled
from pertimage.cds.text.quantities import Quantity
from pertimage.guidelines.words import fold

_AGE = compiled(
    r"(?<![\d/.,])(?P<n>\d{1,3})\s*(?P<half>1/2\s*)?(?P<unit>ans?\b|a(?=[\s,.;:)]|$|\s*1/2)|annees?\b)"
    r"|\bage[e]?\s*(?:de|:)?\s*(?P<n2>\d{1,3})(?!\s*(?:mois|m\b|j|sem))"
    r"|\b(?P<who>h|f|homme|femme|patiente?|mme|mr|m|monsieur|madame|pte?)[\s,:.]{0,2}(?P<n3>\d{2,3})(?!\s*(?:mois|m\b|j\b|sem|sa\b|kg|cm|%|/|°|[.,]\d))"
)
_INFANT = compiled(r"\b(?P<n>\d{1,2})\s*(?P<unit>mois|m|semaines?|sem|jours?|j)\b(?:\s+de\s+vie)?")
_CHILD = compiled(r"\b(nourrisson|nne|nrs|nour|bb|bebe|nouveau[- ]ne|nn|enfant|garcon|fille|fillette|age de|agee de)\b[^.;\n]{0,14}$")
_NOT_AGE = compiled(
    r"\b(depuis|dps|dep|il y a|pendant|durant|sur|evolu\w*|d'evolution|depuis plus de|duree|tous les|apres|avant|x|vers"
    r"|opere\w*|operation|post[- ]?op\w*|tabac\w*|fum\w+|recul|a"
    r"|a l'age de|des l'age de|traite\w* il y a|suivi\w* depuis|de plus de|avant l'age de)\s*(?:environ|plus de|pres de|~|les)?\s*$"
)
_SEX = {
    "female": compiled(
        r"\b(?:femme|mme|madame|patiente|pte|fille|fillette|dame|enceinte|menopausee|gestante|primipare|multipare|g\dp\d)\b"
        r"|(?:^|[\n,.;(])\s*f(?=[\s,.]{0,2}\d|\s+de\s+\d)|\d\s*(?:ans?|a)[\s,]{0,2}f\b"
    ),
    "male": compiled(
        r"\b(?:homme|mr|monsieur|garcon|masculin)\b|(?:^|[\n,.;(])\s*h(?=[\s,.]{0,2}\d|\s+de\s+\d)|\d\s*(?:ans?|a)[\s,]{0,2}h\b"
    ),
}


def age(text: str, *, newborn: bool = False) -> Quantity | None:
    """Return the age in years that the text states for the patient, infants by fraction of a year.

    ``newborn``: the patient is known to be less than a year old, an item such as « 1 mois » is then the age.
    """
    folded = fold(text)
    for match in _AGE.finditer(folded):
        number = match.group("n") or match.group("n2") or match.group("n3")
        if _NOT_AGE.search(folded[max(0, match.start() - 24) : match.start()]) or _evolution_after(folded, match.end()):
            continue
        if 0 < int(number) <= 115:
            return Quantity("age", float(number), match.start(), match.end())
    for match in _INFANT.finditer(folded):
        before, after = folded[: match.start()].strip(), folded[match.end() : match.end() + 1]
        if (
            _CHILD.search(folded[max(0, match.start() - 30) : match.start()])
            or "de vie" in match.group()
            or ((not before or (newborn and before[-1] in ",;:(")) and after in (",", ":", ";", ")", "."))
        ):
            return Quantity("age", float(match.group("n")) * DAYS[match.group("unit")[0]] / DAYS["a"], match.start(), match.end())
    return None


_NOT_AGED = re.compile(r"\s*(?:(?:d'|d )?evolution|de suivi|de recul|qu(?:e |')|d'anciennete)")


def _evolution_after(folded: str, end: int) -> bool:
    return bool(_NOT_AGED.match(folded, end))


def sex(text: str) -> str | None:
    """Return ``female`` or ``male`` when the text says one and not the other."""
    folded = fold(text)
    found = [name for name, pattern in _SEX.items() if pattern.search(folded)]
    return found[0] if len(found) == 1 else None
