"""Funnel plots between sites: which ones differ from the mean of all more than chance explains.

Limits at 95 % and 99.8 % around the mean (or a stated target), exact and interpolated, binomial for shares (`intervals.funnel`) and Poisson for
rates (D. J. Spiegelhalter, Statistics in Medicine 2005;24:1185-1202). Sites differ by more than chance for reasons that nobody recorded:
the multiplicative overdispersion φ is the mean of the squares of the z-scores, the tenth most extreme at each end brought back to the next
(winsorised), and each limit is moved away from the target by √φ (same source; D. J. Spiegelhalter, Qual. Saf. Health Care 2005;14:347-351).
φ is applied only above 1 + 2√(2/k) for k sites, two standard errors of φ when there is chance alone: limits are never narrowed.

A site outside is a question, not a judgement: patients, equipment and coding differ too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pertimage.audit.intervals import ALARM, WARNING, Interval, Place, Share
from pertimage.audit.intervals import funnel as binomial_limits
from pertimage.audit.methods.result import Refusal

WINSORISED = 0.1
# Sites under which winsorising changes nothing and φ is little known.
FEW_SITES = 10


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` exams for an ``exposure``: working days, inhabitants, or the exams that the site was expected to make."""

    count: int
    exposure: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A site on the funnel: its value, the limits at its size (95 % then 99.8 %, adjusted), its place, and a French sentence."""

    site: str
    value: float
    size: float
    warning: Interval
    alarm: Interval
    place: Place
    french: str


@dataclass(frozen=True, slots=True)
class Funnel:
    """``target`` is the centre line, ``dispersion`` φ as found, ``applied`` the one that the limits use (1: none)."""

    target: float
    dispersion: float
    applied: float
    spots: tuple[Spot, ...]
    warnings: tuple[str, ...]

    @property
    def outside(self) -> tuple[Spot, ...]:
        """Return the sites beyond 99.8 %."""
        return tuple(spot for spot in self.spots if spot.place in (Place.FAR_BELOW, Place.FAR_ABOVE))


@dataclass(frozen=True, slots=True)
class _Point:
    site: str
    value: float
    size: float
    score: float
    words: str


Limits = Callable[[float, float], Interval]


def funnel_of_shares(shares: Mapping[str, Share], target: float | None = None) -> Funnel | Refusal:
    """Return the funnel of the shares of sites, around ``target`` (0 to 1) or their mean."""
    known = {site: share for site, share in shares.items() if share.whole}
    if fault := _fault(len(known)):
        return fault
    centre = sum(share.part for share in known.values()) / sum(share.whole for share in known.values()) if target is None else target
    if not 0 < centre < 1:
        return Refusal("La part est de 0 % ou de 100 % partout : rien à comparer.")
    spread = centre * (1 - centre)
    points = [
        _Point(
            site,
            share.part / share.whole,
            share.whole,
            (share.part - centre * share.whole) / math.sqrt(spread * share.whole),
            _share(share),
        )
        for site, share in known.items()
    ]
    return _funnel(points, centre, lambda size, level: binomial_limits(centre, int(size), level), 1.0, len(shares) - len(known))


def funnel_of_rates(rates: Mapping[str, Rate], target: float | None = None) -> Funnel | Refusal:
    """Return the funnel of the rates of sites, around ``target`` (same unit) or their mean; with expected exams as exposure, of the ratios."""
    known = {site: rate for site, rate in rates.items() if rate.exposure > 0}
    if fault := _fault(len(known)):
        return fault
    centre = sum(rate.count for rate in known.values()) / sum(rate.exposure for rate in known.values()) if target is None else target
    if centre <= 0:
        return Refusal("Aucun examen dans aucun site : rien à comparer.")
    points = []
    for site, rate in known.items():
        expected = centre * rate.exposure
        words = f"{rate.count} examens pour {_figure(expected)} attendus"
        points.append(_Point(site, rate.count / rate.exposure, rate.exposure, (rate.count - expected) / math.sqrt(expected), words))
    return _funnel(points, centre, lambda size, level: poisson_limits(centre, size, level), math.inf, len(rates) - len(known))


def poisson_limits(target: float, exposure: float, level: float) -> Interval:
    """Return between which rates a site stays by chance alone when its true rate is ``target``: (r − α)/exposure, as `intervals.funnel`."""
    tail = (1 - level) / 2
    return _poisson_limit(target * exposure, tail) / exposure, _poisson_limit(target * exposure, 1 - tail) / exposure


def overdispersion(scores: list[float]) -> float:
    """Return φ, the mean of the squares of winsorised z-scores (at least one)."""
    ordered = sorted(scores)
    moved = int(WINSORISED * len(ordered))
    low, high = ordered[moved], ordered[len(ordered) - 1 - moved]
    return sum(min(max(score, low), high) ** 2 for score in ordered) / len(ordered)


def _fault(sites: int) -> Refusal | None:
    return Refusal("Un seul site avec des données : un entonnoir en compare plusieurs.") if sites < 2 else None


def _funnel(points: list[_Point], target: float, limits: Limits, ceiling: float, empty: int) -> Funnel:
    found = overdispersion([point.score for point in points])
    applied = found if found > 1 + 2 * math.sqrt(2 / len(points)) else 1.0

    def widened(size: float, level: float) -> Interval:
        low, high = limits(size, level)
        return max(target + (low - target) * math.sqrt(applied), 0.0), min(target + (high - target) * math.sqrt(applied), ceiling)

    spots = tuple(_spot(point, widened(point.size, WARNING), widened(point.size, ALARM)) for point in points)
    return Funnel(target, found, applied, spots, tuple(_warnings(len(points), applied, empty)))


def _spot(point: _Point, warning: Interval, alarm: Interval) -> Spot:
    place = Place.INSIDE
    for (low, high), below, above in ((alarm, Place.FAR_BELOW, Place.FAR_ABOVE), (warning, Place.BELOW, Place.ABOVE)):
        if not low <= point.value <= high:
            place = below if point.value < low else above
            break
    return Spot(point.site, point.value, point.size, warning, alarm, place, f"{point.site} : {point.words}, {_WORDS[place]}.")


_WORDS = {
    Place.INSIDE: "dans ce que le hasard explique",
    Place.BELOW: "un peu au-dessous de ce que le hasard explique (95 %)",
    Place.ABOVE: "un peu au-dessus de ce que le hasard explique (95 %)",
    Place.FAR_BELOW: "nettement au-dessous de ce que le hasard explique (99,8 %), à comprendre",
    Place.FAR_ABOVE: "nettement au-dessus de ce que le hasard explique (99,8 %), à comprendre",
}


def _warnings(sites: int, applied: float, empty: int) -> Iterator[str]:
    if empty:
        yield f"{empty} site{'s' if empty > 1 else ''} sans données, absent{'s' if empty > 1 else ''} de l’entonnoir."
    if applied > 1:
        yield f"Les sites diffèrent entre eux plus que le hasard ne l’explique : limites élargies de {_figure(math.sqrt(applied))} fois (φ = {_figure(applied)})."
    if sites < FEW_SITES:
        yield f"{sites} sites seulement : ce qui varie d’un site à l’autre est mal connu, et les extrêmes y pèsent."


def _share(share: Share) -> str:
    return f"{_figure(100 * share.part / share.whole)} % ({share.part} sur {share.whole})"


def _figure(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def _poisson_limit(expected: float, probability: float) -> float:
    """Return r − α: r is the smallest count whose cumulated probability exceeds ``probability``, α = (P(R ≤ r) − probability) / P(R = r)."""
    from scipy.stats import poisson

    count = int(poisson.ppf(probability, expected))
    if poisson.cdf(count, expected) <= probability:
        count += 1
    excess = (poisson.cdf(count, expected) - probability) / poisson.pmf(count, expected)
    return max(float(count - excess), 0.0)
