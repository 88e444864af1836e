"""XmR control charts say whether a series has changed, and when.

Individuals and moving ranges of two: centre x̄, limits x̄ ± 2.66·mR̄, upper limit of the ranges 3.267·mR̄, where 2.66 = 3/d₂ and 3.267 = D₄ with
d₂ = 1.128 (NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2). mR̄/d₂ is σ: it is read on neighbours, so that a slow change does
not hide itself by widening the limits.

The four rules are those of the Western Electric handbook (Statistical Quality Control Handbook, 1956), in the variant that C. W. Champ and
W. H. Woodall studied (Technometrics 1987;29:393-399): strictly beyond, always on one side; a point exactly on a line is not beyond it:

1. one point beyond 3σ;  2. two of three in a row beyond 2σ;  3. four of five in a row beyond 1σ;  4. eight in a row on one side of the centre.

A signal is dated from the period that completes the rule, and that period is itself beyond the line: a point that comes back signals nothing.
Limits come from a stated number of first periods and stay; they change only by a decision recorded with its date and its reason, and the
rules start afresh there. With known limits and normal independent values a point starts a false alarm 1.1 times in 100, and 22 charts in 100
have one within 24 points; limits read on a reference make it FALSE_ALARMS, and neighbours that are alike twice as many (docs/simulations.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from itertools import pairwise

from pertimage.audit.methods.result import Refusal
from pertimage.audit.methods.series import Unit

D2 = 1.128
RANGE_LIMIT = 3.267
# Periods of reference: under LEAST limits mean nothing, under ENOUGH they are uncertain enough for a warning.
LEAST, ENOUGH = 8, 20
# Points of reference, then the share of charts without any change that signal within the 24 points that follow (simulated: normal law,
# independent points; docs/simulations.md), and the correlation of neighbours in the reference from which it is far higher.
FALSE_ALARMS = ((36, 0.33), (24, 0.37), (12, 0.47), (LEAST, 0.51))
ALIKE = 0.25
_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


class Rule(IntEnum):
    """The four rules."""

    BEYOND_LIMIT = 1
    TWO_OF_THREE = 2
    FOUR_OF_FIVE = 3
    EIGHT_IN_A_ROW = 4


@dataclass(frozen=True, slots=True)
class _Zone:
    """``least`` points among the last ``window`` beyond ``sigmas``, and what it means."""

    window: int
    least: int
    sigmas: float
    french: str
    meaning: str


_ZONES = {
    Rule.BEYOND_LIMIT: _Zone(1, 1, 3, "hors de la limite {side}", "un écart isolé et fort : chercher ce qui s’est passé alors"),
    Rule.TWO_OF_THREE: _Zone(3, 2, 2, "deux points sur trois {beyond} de deux sigmas", "un changement assez fort, sans doute récent"),
    Rule.FOUR_OF_FIVE: _Zone(5, 4, 1, "quatre points sur cinq {beyond} d’un sigma", "un déplacement modéré qui dure"),
    Rule.EIGHT_IN_A_ROW: _Zone(
        8, 8, 0, "huit points de suite {beyond} de la ligne centrale", "le niveau a changé, même de peu, et s’y tient"
    ),
}


@dataclass(frozen=True, slots=True)
class Rebase:
    """A recorded decision to reckon the limits again from a day on, with its reason."""

    since: date
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force over the periods ``first`` to ``last`` (indexes, both included), in the unit of the values.

    ``points`` is the number of periods they were reckoned on, ``sigma`` mR̄/1.128, ``range_high`` the upper limit of the moving ranges.
    """

    first: int
    last: int
    points: int
    centre: float
    sigma: float
    low: float
    high: float
    range_mean: float
    range_high: float
    reason: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A rule met from the period ``seen`` (index) to ``last`` without a break, by points that begin at ``first``."""

    rule: Rule
    above: bool
    first: int
    seen: int
    last: int
    french: str


@dataclass(frozen=True, slots=True)
class Chart:
    """An XmR chart; ``ranges`` has None where there is no neighbour on the same limits, ``jumps`` the indexes of ranges over their limit.

    ``jumps`` are shown and signal nothing by themselves. ``chance`` says in French how often such a chart signals when nothing changes.
    """

    ranges: tuple[float | None, ...]
    limits: tuple[Limits, ...]
    signals: tuple[Signal, ...]
    jumps: tuple[int, ...]
    chance: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """A rule met in scores: indexes as in Signal."""

    rule: Rule
    above: bool
    first: int
    seen: int
    last: int


def control_chart(
    values: Sequence[float], starts: Sequence[date], unit: Unit, baseline: int, rebases: Sequence[Rebase] = (), floor: float | None = 0.0
) -> Chart | Refusal:
    """Return the chart of values of complete periods in order of time.

    ``baseline`` is the number of first periods that make the limits, also after each re-basing; ``floor`` the least value that can be (no
    limit is drawn under it), None when there is none. Raises ValueError unless there are as many starts as values, all finite.
    """
    if len(values) != len(starts) or not all(math.isfinite(value) for value in values):
        raise ValueError("a value is missing or is not a number")
    if baseline < LEAST or len(values) < LEAST:
        return Refusal(f"{min(baseline, len(values))} points de référence : il en faut au moins {LEAST} pour des limites.")
    if any(not rebase.reason.strip() for rebase in rebases):
        return Refusal("Un recalage des limites sans motif n’est pas une décision : il n’est pas appliqué.")
    limits, told = [], []
    for first, last, reason in _segments(starts, rebases):
        found = _limits(values, first, last, baseline, reason, floor)
        if isinstance(found, Limits):
            limits.append(found)
            if found.points < ENOUGH:
                told.append(
                    f"Limites de {named(starts[first], unit)} : {found.points} points de référence seulement, les fausses alarmes sont plus fréquentes."
                )
        elif first == 0:
            return Refusal(found)
        else:
            told.append(f"Recalage de {named(starts[first], unit)} : {found}")
    told += [
        f"Recalage du {rebase.since:%d/%m/%Y} hors des données : sans effet."
        for rebase in rebases
        if not starts[0] < rebase.since <= starts[-1]
    ]
    ranges, jumps = _ranges(values, limits)
    signals = tuple(signal for one in limits for signal in _signals(values, starts, unit, one))
    return Chart(ranges, tuple(limits), signals, jumps, _chance(values, limits), tuple(told))


def runs(scores: Sequence[float]) -> tuple[_Run, ...]:
    """Return the rules met in values counted in sigmas from the centre, in order of time then of rule."""
    found = [run for rule in Rule for above in (True, False) for run in _of(rule, above, scores)]
    return tuple(sorted(found, key=lambda run: (run.seen, run.rule)))


def named(start: date, unit: Unit) -> str:
    """Return the name of a period in French."""
    return f"{_MONTHS[start.month - 1]} {start.year}" if unit is Unit.MONTH else f"semaine du {start:%d/%m/%Y}"


def _of(rule: Rule, above: bool, scores: Sequence[float]) -> Iterator[_Run]:
    zone = _ZONES[rule]
    beyond = [(score if above else -score) > zone.sigmas for score in scores]
    current: _Run | None = None
    for index, is_beyond in enumerate(beyond):
        window = range(max(index - zone.window + 1, 0), index + 1)
        if is_beyond and sum(beyond[i] for i in window) >= zone.least:
            start = next(i for i in window if beyond[i])
            current = _Run(rule, above, current.first if current else start, current.seen if current else index, index)
        elif current:
            yield current
            current = None
    if current:
        yield current


def _segments(starts: Sequence[date], rebases: Sequence[Rebase]) -> Iterator[tuple[int, int, str]]:
    """Return the first and last index of each set of limits, and why it is there; the last of two decisions in one period holds."""
    opened = {0: ""}
    for rebase in sorted(rebases, key=lambda rebase: rebase.since):
        if starts[0] < rebase.since <= starts[-1]:
            opened[next(index for index, start in enumerate(starts) if start >= rebase.since)] = rebase.reason
    for first, following in pairwise((*sorted(opened), len(starts))):
        yield first, following - 1, opened[first]


def _limits(values: Sequence[float], first: int, last: int, baseline: int, reason: str, floor: float | None) -> Limits | str:
    points = values[first : min(first + baseline, last + 1)]
    if len(points) < LEAST:
        return f"{len(points)} point{'s' if len(points) > 1 else ''} depuis, il en faut {LEAST} pour de nouvelles limites ; rien n’est jugé d’ici là."
    centre = sum(points) / len(points)
    spread = sum(abs(after - before) for before, after in pairwise(points)) / (len(points) - 1)
    if not spread:
        return "Les points de référence sont tous égaux : aucune limite ne s’en déduit."
    sigma = spread / D2
    low = centre - 3 * sigma if floor is None else max(centre - 3 * sigma, floor)
    return Limits(first, last, len(points), centre, sigma, low, centre + 3 * sigma, spread, RANGE_LIMIT * spread, reason)


def _chance(values: Sequence[float], limits: Sequence[Limits]) -> str:
    points = min(one.points for one in limits)
    share = next(share for least, share in FALSE_ALARMS if points >= least)
    words = f"Sans aucun changement, une carte dont la référence a {points} points donne au moins un signal sur 24 points dans {100 * share:.0f} cas sur 100 environ"
    if any(_likeness(values[one.first : one.first + one.points]) > ALIKE for one in limits):
        words += ", et bien plus souvent ici, où les points voisins de la référence se ressemblent"
    return f"{words}."


def _likeness(points: Sequence[float]) -> float:
    """Return the correlation of neighbours."""
    centre = sum(points) / len(points)
    moved = [point - centre for point in points]
    return sum(before * after for before, after in pairwise(moved)) / sum(one * one for one in moved)


def _ranges(values: Sequence[float], limits: Sequence[Limits]) -> tuple[tuple[float | None, ...], tuple[int, ...]]:
    ranges: list[float | None] = [None] * len(values)
    jumps = []
    for one in limits:
        for index in range(one.first + 1, one.last + 1):
            moved = abs(values[index] - values[index - 1])
            ranges[index] = moved
            if moved > one.range_high:
                jumps.append(index)
    return tuple(ranges), tuple(jumps)


def _signals(values: Sequence[float], starts: Sequence[date], unit: Unit, one: Limits) -> Iterator[Signal]:
    scores = [(value - one.centre) / one.sigma for value in values[one.first : one.last + 1]]
    for run in runs(scores):
        first, seen, last = (one.first + index for index in (run.first, run.seen, run.last))
        yield Signal(run.rule, run.above, first, seen, last, _words(run, starts, unit, first, seen, last))


def _words(run: _Run, starts: Sequence[date], unit: Unit, first: int, seen: int, last: int) -> str:
    zone = _ZONES[run.rule]
    fact = zone.french.format(side="haute" if run.above else "basse", beyond="au-dessus" if run.above else "au-dessous")
    when = named(starts[seen], unit)
    if first < seen:
        when += f" (depuis {named(starts[first], unit)})"
    until = f", jusqu’à {named(starts[last], unit)}" if last > seen else ""
    return f"{when[0].upper()}{when[1:]}{until} : {fact} — {zone.meaning}."
