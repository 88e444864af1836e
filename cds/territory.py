"""The territory as a judgement sees it: which techniques can be had, and how long one waits for them. A frozen value, as of a day.

It never changes what the guidance says of an exam; it ranks what the guidance puts level, after the dose, and tells the wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pertimage.cds.model import Alternative
from pertimage.guidelines.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Wait:
    """How long exams of a technique (DICOM code) waited at a site: median and 90th percentile in days, over ``exams`` exams."""

    site: str
    name: str
    modality: str
    median: float
    p90: float
    exams: int

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "site": self.site,
            "name": self.name,
            "modality": self.modality,
            "median": self.median,
            "p90": self.p90,
            "exams": self.exams,
        }


@dataclass(frozen=True, slots=True)
class Territory:
    """What is known of the territory. ``offered`` are the techniques that some site has, None when no site is described.

    ``digest`` names the snapshot in the journal; empty when nothing is known.
    """

    waits: tuple[Wait, ...] = ()
    offered: frozenset[str] | None = None
    digest: str = ""

    def __hash__(self) -> int:
        """Return the hash of its name: judgements are remembered by the territory that judged."""
        return hash(self.digest)

    def soonest(self, modality: str) -> Wait | None:
        """Return the shortest wait for a technique, by its median; None when none is known."""
        known = [wait for wait in self.waits if wait.modality == modality]
        return min(known, key=lambda wait: (wait.median, wait.p90, wait.site), default=None)

    def lacks(self, modality: str) -> bool:
        """Say whether no site has a technique; False when no site is described."""
        return self.offered is not None and modality not in self.offered

    def to_json(self) -> dict[str, Any]:
        """Return what the journal keeps."""
        return {"waits": [wait.to_json() for wait in self.waits], "offered": sorted(self.offered) if self.offered is not None else None}


def territory_of(record: Mapping[str, Any], digest: str = "") -> Territory:
    """Return the territory that a record of the journal holds."""
    waits = tuple(Wait(one["site"], one["name"], one["modality"], one["median"], one["p90"], one["exams"]) for one in record["waits"])
    offered = record.get("offered")
    return Territory(waits, frozenset(offered) if offered is not None else None, digest)


def with_waits(offers: Iterable[Alternative], territory: Territory, catalogue: Catalogue) -> tuple[Alternative, ...]:
    """Return offers with the shortest wait of each, and where; the order is unchanged."""
    return tuple(_with_wait(offer, territory, catalogue) for offer in offers)


def _with_wait(offer: Alternative, territory: Territory, catalogue: Catalogue) -> Alternative:
    entry = catalogue.exams.get(offer.exam)
    wait = territory.soonest(str(entry.modality)) if entry else None
    return replace(offer, wait_days=wait.median, wait_site=wait.name) if wait else offer


def by_wait(territory: Territory, catalogue: Catalogue, exam: str) -> float:
    """Return what ranks an exam among those of the same dose: its shortest median wait in days; unknown comes last."""
    wait = territory.soonest(str(catalogue.exams[exam].modality))
    return wait.median if wait else float("inf")
