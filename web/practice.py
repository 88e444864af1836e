"""The practice report of one prescriber: their own figures, those of anonymous peers, and when there is too little to conclude."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pertimage.audit.consents import Consent, Consents
from pertimage.audit.indicators import Outcomes
from pertimage.audit.intervals import Place, Share, place
from pertimage.audit.practice import (
    Asked,
    Practice,
    Replaced,
    Window,
    monthly,
    practices_of,
    replacements,
    situations,
    twelve_months,
)
from pertimage.cds.dose import dose_of
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.catalogue import Catalogue
from pertimage.web.service import Service

LEAST_REQUESTS = 20
LEAST_PEERS = 5
SITUATIONS, LEAST_TO_IMPROVE = 3, 3


@dataclass(frozen=True, slots=True)
class Compared:
    """One share of a prescriber; ``peers`` is the pooled share of the others, ``points`` one per peer, in no order that names anybody.

    ``own`` is None under twenty cases; ``peers`` and ``place`` are None with fewer than five peers of twenty cases each.
    """

    own: Share | None
    cases: int
    peers: Share | None
    points: tuple[Share, ...]
    place: Place | None


@dataclass(frozen=True, slots=True)
class Swap:
    """How often an exam was replaced by another, and the difference of their typical doses, in mSv (positive: avoided; None: unknown)."""

    before: str
    after: str
    by: str
    count: int
    msv: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Avoided:
    """Doses avoided by the exams replaced by a less irradiating one, with the sum of their bounds; and what was added, in mSv."""

    swaps: tuple[Swap, ...]

    @property
    def less(self) -> list[Swap]:
        """Return the replacements by a less irradiating exam."""
        return [one for one in self.swaps if one.msv is not None and one.msv > 0]

    @property
    def more(self) -> list[Swap]:
        """Return the replacements by a more irradiating exam."""
        return [one for one in self.swaps if one.msv is not None and one.msv < 0]

    @property
    def unknown(self) -> int:
        """Return how many replacements have no known dose on one side."""
        return sum(one.count for one in self.swaps if one.msv is None)

    @property
    def msv(self) -> float:
        """Return the sum of the doses avoided, in mSv."""
        return sum((one.msv or 0.0) * one.count for one in self.less)

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the narrowest and the widest that this sum can be; a lower bound under zero is told as zero."""
        return max(sum(one.low * one.count for one in self.less), 0.0), sum(one.high * one.count for one in self.less)

    @property
    def added(self) -> float:
        """Return the sum of the doses added, in mSv."""
        return -sum((one.msv or 0.0) * one.count for one in self.more)


@dataclass(frozen=True, slots=True)
class Report:
    """What a prescriber reads of twelve months."""

    window: Window
    consent: Consent
    own: Practice
    peers: int
    complete: Compared
    appropriate: Compared
    months: Mapping[str, Practice]
    situations: tuple[Asked, ...]
    avoided: Avoided

    @property
    def enough(self) -> bool:
        """Say whether there are enough requests to conclude on anything."""
        return self.own.requests >= LEAST_REQUESTS


def report(service: Service, consent: Consent, last: date) -> Report:
    """Return the report of a prescriber who agreed to it, on the twelve months that end with that of a day."""
    engine, window, me = service.store.reader, twelve_months(last), consent.prescriber
    others = [one for one in Consents(service.journal).of_setting(consent.setting) if one != me]
    counted = practices_of(engine, [me, *others], window)
    own = counted.pop(me, None) or Practice(0, Outcomes({}))
    peers = sorted((one for one in counted.values() if one.requests >= LEAST_REQUESTS), key=lambda one: (one.exams, one.requests))
    return Report(
        window, consent, own, len(peers), compared(own.complete, [one.complete for one in peers]),
        compared(own.appropriate, [one.appropriate for one in peers]), monthly(engine, me, window),
        to_improve(situations(engine, me, window), service.base), avoided(replacements(engine, me, window), service.base.catalogue),
    )  # fmt: skip


def compared(own: Share, others: Iterable[Share]) -> Compared:
    """Compare a share with those of peers; what is too small to conclude is not shown."""
    points = tuple(one for one in others if one.whole >= LEAST_REQUESTS)
    shown = own if own.whole >= LEAST_REQUESTS else None
    if len(points) < LEAST_PEERS:
        return Compared(shown, own.whole, None, (), None)
    pooled = Share(sum(one.part for one in points), sum(one.whole for one in points))
    return Compared(shown, own.whole, pooled, points, place(shown, pooled.part / pooled.whole) if shown else None)


def to_improve(asked: Iterable[Asked], base: GuidelineBase) -> tuple[Asked, ...]:
    """Return the three situations of the base where the most exams could have been better; one or two exams are no habit."""
    known = [one for one in asked if one.sheet in base.sheets and one.to_improve >= LEAST_TO_IMPROVE]
    return tuple(sorted(known, key=lambda one: (-one.to_improve, -one.total, one.sheet))[:SITUATIONS])


def avoided(replaced: Iterable[Replaced], catalogue: Catalogue) -> Avoided:
    """Return the doses of exams replaced; each dose is the typical one of the catalogue, not that of the machine."""
    counts = Counter((one.before, one.after, one.by) for one in replaced)
    swaps = [_swap(before, after, by, count, catalogue) for (before, after, by), count in counts.items()]
    return Avoided(tuple(sorted(swaps, key=lambda one: (-(one.msv or 0.0) * one.count, one.before, one.after, one.by))))


def _swap(before: str, after: str, by: str, count: int, catalogue: Catalogue) -> Swap:
    first, last = (dose_of(catalogue.exams.get(exam), catalogue) for exam in (before, after))
    if first is None or last is None:
        return Swap(before, after, by, count, None, 0.0, 0.0)
    return Swap(before, after, by, count, first.msv - last.msv, first.low - last.high, first.high - last.low)
