"""Which facts of the lexicon a coded antecedent, allergy, treatment, device or contraindication states.

The first table below is the national value set of contraindications to imaging (ANS, JDV_Contre_indications_CISIS, OID
1.2.250.1.213.1.1.5.659), read as facts of our lexicon; the second adds the SNOMED CT codes of implants, contrast media and
hysterectomy, which the lexicon does not have. All other codes (ICD-10, ICPC-2, SNOMED CT, ATC) are looked up in the lexicon
itself, indexed once. What no code states is looked for in the words of the entry (``fhir.context_words``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from pertimage.cds.model import Code, Status
from pertimage.fhir.systems import ICPC2, SNOMED, is_atc, is_icd10

# Lasting states: an active entry of the record counts as present whatever its date. Others count as present only when recent.
TERRAIN = frozenset((
    "antecedent-cancer", "immunodepression", "corticotherapie", "anticoagulant", "trouble-hemostase", "insuffisance-renale", "diabete",
    "osteoporose", "dispositif-implante", "contre-indication-irm", "contre-indication-contraste", "allergie-contraste",
    "corps-etranger-oculaire", "hyperthyroidie", "metformine", "aspirine", "inhibiteur-p2y12", "tabagisme", "amiante", "dialyse",
    "mastocytose", "pheochromocytome", "myasthenie-nommee", "nodule-autonome", "antecedent-hyperthyroidie", "claustrophobie",
))  # fmt: skip
# The words of a short entry of the record → the facts they state, each with its status.
InWords = Callable[[str], tuple[tuple[str, Status], ...]]

_MRI_REFUSED = ("dispositif-implante", "contre-indication-irm")
CONTRAINDICATIONS: Mapping[str, tuple[str, ...]] = {
    "77386006": ("grossesse",),
    "1260078007": ("allaitement",),
    "MED-1105": ("allergie-contraste", "contre-indication-contraste"),
    "N18.9": ("insuffisance-renale",),
    "MED-1106": ("hyperthyroidie",),
    "MED-1108": ("allergie-contraste",),
    "MED-1109": ("contre-indication-irm",),
    "MED-1110": ("corps-etranger-oculaire", "contre-indication-irm"),
    "MED-1111": ("dispositif-implante", "clip-anevrisme"),
    "MED-1112": ("dispositif-implante", "implant-cochleaire", "contre-indication-irm"),
    "MED-1113": ("dispositif-implante", "neurostimulateur", "contre-indication-irm"),
    "MED-1114": ("dispositif-implante", "derivation-liquide"),
    "MED-1115": ("dispositif-implante",),
    "MED-1116": ("dispositif-implante", "pompe-implantee"),
    "MED-1117": ("dispositif-implante", "contre-indication-irm"),
    "MED-1118": ("dispositif-implante",),
    "MED-1120": ("dispositif-implante",),
    "MED-1122": ("allergie-contraste",),
}
# SNOMED CT: implants as the national value set reads them (pacemaker MED-1117, cochlear implant MED-1112, valve MED-1118…).
_SNOMED_FACTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("14106009", "360127006", "360128001", "424921004", "56961003", "360129009", "72506001"), _MRI_REFUSED),
    **dict.fromkeys(("43252007", "449840001", "360103009", "303618000"), _MRI_REFUSED),
    **dict.fromkeys(("360041000", "360058005", "25510005", "84683006", "102314001", "303619008"), ("dispositif-implante",)),
    **dict.fromkeys(("385420005", "293637006"), ("allergie-contraste",)),
}
HYSTERECTOMIES = frozenset(
    "236886002 116140006 116142003 116143008 116144002 236888001 236891001 307771009 35955002 361223008 414575003 446446002 446679008 "
    "473171009 708877008 708878003 767610009 767611008 767612001 27950001 31545000 59750000 86477000".split()
)
# ATC families that tell a lasting disease by its treatment, beside the codes of the lexicon.
_DRUG_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "immunodepression": ("L04A",), "hyperthyroidie": ("H03B",), "osteoporose": ("M05BA",), "diabete": ("A10",),
}  # fmt: skip
_CONTRAST_ATC = "V08"
_CONTRAST_WORDS = (
    "contraste", "pdc", "gadolin", "contrast", "iohexol", "omnipaque", "ioméprol", "iomeprol", "iomeron", "iopromide", "ultravist", "iobitridol",
    "xenetix", "iodixanol", "visipaque", "ioversol", "optiray", "iopamidol", "iopamiron", "gadotér", "gadoter", "dotarem", "gadobutrol", "gadovist",
    "clariscan",
)  # fmt: skip
_IODINE = re.compile(r"\b(iod(e|ée?s?|ine)\b|b[ée]tadine|pol[iy]?vidone|povidone)", re.IGNORECASE)
FALSE_IODINE, CONTRAST = "fausse-allergie-iode", "allergie-contraste"


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
    """Return the facts that codes state without a lexicon: the national value set of contraindications, implants of SNOMED CT."""
    return [fact for code in codes for fact in CONTRAINDICATIONS.get(code.code, ()) or _implants(code)]


def _implants(code: Code) -> tuple[str, ...]:
    return _SNOMED_FACTS.get(code.code, ()) if code.system == SNOMED else ()


def is_contrast_allergy(words: str, codes: Sequence[Code] = ()) -> bool:
    """Say whether an allergy is to a contrast medium (iodine alone does not tell: it is not one)."""
    folded = words.casefold()
    return any(word in folded for word in _CONTRAST_WORDS) or any(
        is_atc(code.system) and code.code.startswith(_CONTRAST_ATC) for code in codes
    )


def is_iodine_allergy(words: str) -> bool:
    """Say whether an allergy is said to be to iodine or to an antiseptic that holds some."""
    return bool(_IODINE.search(words))


def _silent(words: str) -> tuple[tuple[str, Status], ...]:
    return ()


class FactsOf:
    """What an entry of the record states: called with its codes, in time linear in their length, or asked about its words.

    ``atc`` maps facts to the ATC prefixes of the treatments that state them; without ``in_words`` no word is read.
    """

    def __init__(self, facts: Mapping[str, CodedFact], atc: Mapping[str, Sequence[str]] | None = None, in_words: InWords = _silent) -> None:
        self._facts = frozenset(facts)
        self.in_words = in_words
        self._index: dict[tuple[str, str], list[str]] = {}
        for name, fact in facts.items():
            treatments = (*(atc or {}).get(name, ()), *_DRUG_FAMILIES.get(name, ()))
            for kind, codes in (("icd10", fact.icd10), ("icpc2", fact.icpc2), ("snomed", fact.snomed), ("atc", treatments)):
                for code in codes:
                    self._index.setdefault((kind, _bare(code)), []).append(name)

    def __call__(self, codes: Sequence[Code]) -> list[str]:
        """Return the facts that codes state."""
        found = [fact for code in codes for key in _keys(code) for fact in self._index.get(key, ())]
        return list(dict.fromkeys((*contraindications(codes), *found)))

    def knows(self, fact: str) -> bool:
        """Say whether the lexicon has a fact."""
        return fact in self._facts


# Without a lexicon: the national value set and the implants alone.
NATIONAL = FactsOf({})


def coded_facts(facts: Mapping[str, CodedFact], atc: Mapping[str, Sequence[str]] | None = None) -> FactsOf:
    """Index the lexicon's codes once, without reading words."""
    return FactsOf(facts, atc)


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
