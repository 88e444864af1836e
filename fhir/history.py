"""Which facts of the lexicon a coded antecedent, allergy, treatment or contraindication states.

The table below is the national value set of contraindications to imaging (ANS, JDV_Contre_indications_CISIS, OID
1.2.250.1.213.1.1.5.659), read as facts of our lexicon. All other codes (ICD-10, ICPC-2, SNOMED CT, ATC) are looked up in the
lexicon itself, which the caller indexes once with ``coded_facts``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from pertimage.cds.model import Code
from pertimage.fhir.systems import ICPC2, SNOMED, is_atc, is_icd10

# Codes of an entry of the record → ids of facts. Its words are not read: an antecedent is known by its code.
FactsOf = Callable[[Sequence[Code]], Iterable[str]]

CONTRAINDICATIONS: Mapping[str, tuple[str, ...]] = {
    "77386006": ("grossesse",),
    "1260078007": ("allaitement",),
    "MED-1105": ("allergie-contraste", "contre-indication-contraste"),
    "N18.9": ("insuffisance-renale",),
    "MED-1106": ("hyperthyroidie",),
    "MED-1108": ("allergie-contraste",),
    "MED-1109": ("contre-indication-irm",),
    "MED-1110": ("corps-etranger-oculaire", "contre-indication-irm"),
    "MED-1111": ("dispositif-implante",),
    "MED-1112": ("dispositif-implante", "contre-indication-irm"),
    "MED-1113": ("dispositif-implante", "contre-indication-irm"),
    "MED-1114": ("dispositif-implante",),
    "MED-1115": ("dispositif-implante",),
    "MED-1116": ("dispositif-implante",),
    "MED-1117": ("dispositif-implante", "contre-indication-irm"),
    "MED-1118": ("dispositif-implante",),
    "MED-1120": ("dispositif-implante",),
    "MED-1122": ("allergie-contraste",),
}
_CONTRAST_WORDS = ("contraste", "pdc", "gadolin", "contrast")


class CodedFact(Protocol):
    """A fact of the lexicon with the codes that state it; ICD-10 and ATC codes are prefixes."""

    @property
    def icd10(self) -> Sequence[str]:
        """Return its ICD-10 codes, read as prefixes."""

    @property
    def icpc2(self) -> Sequence[str]:
        """Return its ICPC-2 codes."""

    @property
    def snomed(self) -> Sequence[str]:
        """Return its SNOMED CT codes."""


def contraindications(codes: Sequence[Code]) -> Iterable[str]:
    """Return the facts that codes of the national value set of contraindications state."""
    return [fact for code in codes for fact in CONTRAINDICATIONS.get(code.code, ())]


def is_contrast_allergy(words: str) -> bool:
    """Say whether the words of an allergy name a contrast medium (iodine alone does not: it is not one)."""
    folded = words.casefold()
    return any(word in folded for word in _CONTRAST_WORDS)


def coded_facts(facts: Mapping[str, CodedFact], atc: Mapping[str, Sequence[str]] | None = None) -> FactsOf:
    """Index the lexicon's codes once; the result reads the codes of an entry in time linear in their length.

    ``atc`` maps facts to the ATC prefixes of the treatments that state them.
    """
    index: dict[tuple[str, str], list[str]] = {}
    for name, fact in facts.items():
        for kind, codes in (("icd10", fact.icd10), ("icpc2", fact.icpc2), ("snomed", fact.snomed), ("atc", (atc or {}).get(name, ()))):
            for code in codes:
                index.setdefault((kind, _bare(code)), []).append(name)

    def read(codes: Sequence[Code]) -> Iterable[str]:
        found = [fact for code in codes for key in _keys(code) for fact in index.get(key, ())]
        return dict.fromkeys((*contraindications(codes), *found))

    return read


def _bare(code: str) -> str:
    return code.replace(".", "").replace(" ", "").upper()


def _keys(code: Code) -> Iterable[tuple[str, str]]:
    """Yield the index keys of a code: every prefix where the system is read by prefix, the code itself elsewhere."""
    bare = _bare(code.code)
    if code.system == SNOMED:
        return [("snomed", bare)]
    if is_icd10(code.system) or is_atc(code.system):
        kind = "atc" if is_atc(code.system) else "icd10"
        return [(kind, bare[:length]) for length in range(1, min(len(bare), 8) + 1)]
    if code.system == ICPC2 or "icpc" in code.system.lower() or "cisp" in code.system.lower():
        return [("icpc2", bare[:3])]
    return []
