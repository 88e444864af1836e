"""What a radiologist looks at in the worklist: the words of an address, the query of the register, the views kept for later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pertimage.audit.review import ReviewState
from pertimage.audit.worklist import OPEN_STATES, Wanted
from pertimage.cds.model import Outcome

MODALITIES = {
    "DX": "Radiographie", "CT": "Scanner", "MR": "IRM", "US": "Échographie", "MG": "Mammographie", "NM": "Scintigraphie", "PT": "TEP",
    "BMD": "Densitométrie", "RF": "Radioscopie", "XA": "Angiographie",
}  # fmt: skip
STATES = {"": "À faire", **{str(state): state.french.capitalize() for state in ReviewState}}
OUTCOMES = {str(outcome): outcome.french.capitalize() for outcome in Outcome}
PATHWAYS = {"urgences": "emergency"}
LONGEST_WORDS = 80
# What every radiologist finds beside their own views.
COMMON_VIEWS = (
    ("À faire", ""), ("Urgences", "circuit=urgences"), ("Les miennes", "etat=en-cours&moi=1"), ("Avis demandés", "etat=avis-demande&moi=1"),
    ("Questions posées", "etat=question&moi=1"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked at; what is empty filters nothing. The names are those of the address."""

    etat: str = ""
    modalite: str = ""
    site: str = ""
    avis: str = ""
    circuit: str = ""
    moi: str = ""
    q: str = ""

    @property
    def pairs(self) -> dict[str, str]:
        """Return what filters, as the address says it."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    @property
    def address(self) -> str:
        """Return the filters as an address says them, without « ? »."""
        return urlencode(self.pairs)

    @property
    def query(self) -> str:
        """Return the filters as the end of an address, ``?…`` or nothing."""
        return f"?{self.address}" if self.pairs else ""

    def wanted(self, me: str, today: date) -> Wanted:
        """Return what to ask of the register for the radiologist ``me`` (a pseudonym)."""
        states = (ReviewState(self.etat),) if self.etat else OPEN_STATES
        asked = self.etat == ReviewState.OPINION
        return Wanted(
            states, None if self.etat else today, self.site, self.modalite, me if self.moi and not asked else "", me if self.moi and asked else "",
            self.avis, PATHWAYS.get(self.circuit, ""), self.q,
        )  # fmt: skip


def read_filters(params: Mapping[str, Any]) -> Filters:
    """Return the filters of an address; a word that is not one filters nothing."""
    given = Filters(**{field.name: str(params.get(field.name) or "")[:LONGEST_WORDS] for field in fields(Filters)})
    known = {"etat": STATES, "modalite": MODALITIES, "avis": OUTCOMES, "circuit": PATHWAYS, "moi": {"1": ""}}
    return replace(given, **{name: "" for name, words in known.items() if getattr(given, name) not in words})


def view_filters(address: str) -> Filters:
    """Return the filters of a view that was kept."""
    return read_filters(dict(parse_qsl(address)))
