"""Who speaks: the addresses and names that every card and resource we emit carries. One value, given by the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

# A fresh identifier each time it is called (uuid4 in service, a counter in tests): nothing here draws chance.
NewId = Callable[[], str]
# The French label of a fact, by its id in the lexicon.
LabelOf = Callable[[str], str]


class ExamInfo(Protocol):
    """What the boundary needs of an exam of the catalogue."""

    @property
    def id(self) -> str:
        """Return its id in the catalogue."""

    @property
    def label(self) -> str:
        """Return its French label."""

    @property
    def ccam(self) -> Sequence[str]:
        """Return its CCAM codes, the usual one first."""

    @property
    def loinc(self) -> Sequence[str]:
        """Return its LOINC codes, the usual one first."""


# The exam of a catalogue id, None when the catalogue does not know it.
ExamOf = Callable[[str], ExamInfo | None]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Public address of the service, canonical base of its code systems, and the device that signs what it emits."""

    base_url: str
    canonical: str
    device: str = "Device/pertimage"
    name: str = "pertimage"

    def page(self, *path: str) -> str:
        """Return the absolute address of a page of the service."""
        return "/".join((self.base_url.rstrip("/"), *path))

    def system(self, slug: str) -> str:
        """Return the URI of one of our code systems."""
        return f"{self.canonical.rstrip('/')}/CodeSystem/{slug}"

    def sheet_page(self, sheet: str) -> str:
        """Return the address of a sheet's public page; of the whole base when no sheet is named."""
        return self.page("referentiel", sheet) if sheet else self.page("referentiel")
