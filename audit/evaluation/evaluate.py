"""What changed at the go-live of each site: every exam by the same methods, set before any data; then all sites together.

For a site and an exam: the interrupted series (level at the go-live, change of the trend per month); when it cannot be had, the ratio
after/before remains; and the ratio of the median waits. Nothing chooses a method by its result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from pertimage.audit.evaluation.exams import UNKNOWN, Exams, Numbers
from pertimage.audit.evaluation.windows import Basis, Window, basis_of, days_of, window
from pertimage.audit.methods.before_after import BeforeAfter, WaitRatio, before_after, wait_ratio
from pertimage.audit.methods.interrupted import Interrupted, interrupted
from pertimage.audit.methods.result import Refusal
from pertimage.audit.methods.series import Series, Unit, choose_unit, series_of
from pertimage.audit.programme import Entry, Event, EventKind

_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Site:
    """A site: its code, the days that the service was on (None: never), those that its data cover, what to know when reading it."""

    code: str
    on: date | None
    until: date | None
    window: Window | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What changed for an exam (None: all of them) at a site.

    ``before`` and ``after`` are exams, ``periods_*`` the periods of ``unit`` that they fill; ``series`` is what was estimated from, ``other`` the
    same exams in the other unit.
    """

    site: Site
    kind: str | None
    unit: Unit
    series: Series | None
    other: Series | None
    before: int
    after: int
    periods_before: int
    periods_after: int
    simple: BeforeAfter | Refusal
    interrupted: Interrupted | Refusal
    wait: WaitRatio | Refusal

    def counted_by(self, unit: Unit) -> Series | None:
        """Return the series of the exams by a unit."""
        return self.series if self.unit is unit else self.other


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A whole evaluation: by which date exams were counted, the sites, and the changes in order of site then of exam (None first)."""

    basis: Basis
    exams: int
    sites: tuple[Site, ...]
    changes: tuple[Change, ...]
    kinds: tuple[str, ...]
    warnings: tuple[str, ...]

    def of(self, site: str, kind: str | None) -> Change | None:
        """Return the change of an exam at a site, None when there is none."""
        return next((one for one in self.changes if one.site.code == site and one.kind == kind), None)

    def across(self, kind: str | None) -> tuple[Change, ...]:
        """Return the changes of an exam at the sites where the service was on."""
        return tuple(one for one in self.changes if one.kind == kind and one.site.on is not None)


def evaluate(exams: Exams, entries: Sequence[Entry], events: Sequence[Event] = (), *, sensitivity: bool = True) -> Evaluation:
    """Evaluate each exam at each site against its calendar; sites of the calendar without data are there, with the reason.

    ``entries`` name sites by their codes. ``sensitivity`` makes the runs in which one choice changes; without them it is ten times faster.
    """
    basis = basis_of(exams)
    named = {entry.site for entry in entries}
    sites = [
        _site(code, _own(exams, code), basis, [one for one in entries if one.site == code], events)
        for code in sorted(named | {*exams.sites})
    ]
    changes = [change for site in sites for change in _changes(exams, basis, site, sensitivity)]
    return Evaluation(basis, len(exams), tuple(sites), tuple(changes), tuple(sorted(exams.kinds)), tuple(_said(exams, basis)))


def _own(exams: Exams, code: str) -> Exams | None:
    return exams.only(exams.site == exams.sites.index(code)) if code in exams.sites else None


def _site(code: str, own: Exams | None, basis: Basis, entries: Sequence[Entry], events: Sequence[Event]) -> Site:
    starts = sorted(entry.on_from for entry in entries if entry.on_from is not None)
    ends = [entry.off_from for entry in entries if entry.on_from is not None]
    stops = [end for end in ends if end is not None]
    until = max(stops) if stops and len(stops) == len(ends) else None
    covered = window(own, basis) if own is not None else None
    said = _known(covered, starts, [event for event in events if event.site in ("", code)])
    return Site(code, starts[0] if starts else None, until, covered, tuple(said))


def _known(covered: Window | None, starts: Sequence[date], events: Sequence[Event]) -> Iterator[str]:
    """Yield what whoever reads the figures of a site should know."""
    if covered is None:
        yield "Aucun examen de ce site dans les données."
        return
    if covered.stray:
        yield f"{covered.stray} examens datés loin de tous les autres sont laissés de côté."
    if covered.cut:
        yield f"Les {covered.cut} derniers jours sont laissés de côté : des demandes de ces jours attendent encore leur examen."
    if len(set(starts)) > 1:
        yield f"Ses groupes de prescripteurs ont commencé entre le {starts[0]:%d/%m/%Y} et le {starts[-1]:%d/%m/%Y} : la première date compte."
    for event in (one for one in events if one.kind is not EventKind.LIMITS):
        if event.since <= covered.last and (event.until is None or event.until >= covered.first):
            yield f"{event.kind.french.capitalize()} le {event.since:%d/%m/%Y} : {event.words.rstrip('.')}."


def _said(exams: Exams, basis: Basis) -> Iterator[str]:
    if basis is Basis.PERFORMED and len(exams):
        share = (exams.requested > 0).mean()
        yield f"Une date de demande n'est connue que pour {round(100 * float(share))} % des examens : ils sont comptés à leur date de réalisation."
    inverted = int(((exams.requested > 0) & (exams.performed > 0) & (exams.performed < exams.requested)).sum())
    if inverted:
        yield f"{inverted} examens sont réalisés avant leur demande : ils comptent dans les volumes, pas dans les délais."
    if len(exams.sites) == 1:
        yield "Un seul site : rien ne distingue ce que fait le service de ce qui arrive partout en même temps."


def _changes(exams: Exams, basis: Basis, site: Site, sensitivity: bool) -> Iterator[Change]:
    if site.window is None or site.code not in exams.sites:
        if site.on is not None:
            yield _refused(site, None, Refusal("Aucun examen de ce site dans les données."))
        return
    here = exams.site == exams.sites.index(site.code)
    own = exams.only(here)
    when = days_of(own, basis)
    wanted = [None, *(kind for kind in sorted(exams.kinds) if (own.kind == exams.kinds.index(kind)).any())]
    for kind in wanted:
        chosen = np.ones(len(own), bool) if kind is None else own.kind == exams.kinds.index(kind)
        covered = window(own, basis, own.wait[chosen]) or site.window
        chosen &= (when >= covered.first.toordinal()) & (when <= covered.last.toordinal())
        yield _change(site, covered, kind, when[chosen], own.wait[chosen], sensitivity)


def _change(site: Site, covered: Window, kind: str | None, days: Numbers, waits: Numbers, sensitivity: bool) -> Change:
    daily = _daily(days)
    unit = choose_unit(len(days), covered.first, covered.last)
    series, other = (series_of(daily, covered.first, covered.last, one) for one in (unit, Unit.MONTH if unit is Unit.WEEK else Unit.WEEK))
    if site.on is None:
        return _refused(site, kind, Refusal("Le service n'y a jamais été en service : ce site sert de témoin."), unit, series, other)
    before, after = series.split(site.on, site.until)
    return Change(
        site, kind, unit, series, other, sum(series.counts[i] for i in before), sum(series.counts[i] for i in after), len(before), len(after),
        before_after(series, site.on, site.until), interrupted(series, site.on, site.until, other, sensitivity=sensitivity),
        _waits(series, before, after, days, waits),
    )  # fmt: skip


def _refused(
    site: Site, kind: str | None, why: Refusal, unit: Unit = Unit.MONTH, series: Series | None = None, other: Series | None = None
) -> Change:
    return Change(site, kind, unit, series, other, 0, 0, 0, 0, why, why, why)


def _daily(days: Numbers) -> Mapping[date, int]:
    values, counts = np.unique(days, return_counts=True)
    return {date.fromordinal(int(value)): int(count) for value, count in zip(values, counts, strict=True)}


def _waits(series: Series, before: Sequence[int], after: Sequence[int], days: Numbers, waits: Numbers) -> WaitRatio | Refusal:
    """Return the ratio of the median waits, in days, each exam in the period of its day."""
    if not len(series):
        return Refusal("Aucune période complète dans les données.")
    starts = np.array([start.toordinal() for start in series.starts])
    known = waits != UNKNOWN
    ranks = np.where(days < series.end(len(series) - 1).toordinal(), np.searchsorted(starts, days, "right") - 1, UNKNOWN)
    order = np.argsort(ranks[known], kind="stable")
    sorted_ranks, in_days = ranks[known][order], waits[known][order] / _HOURS
    sides = []
    for side in (before, after):
        bounds = {rank: np.searchsorted(sorted_ranks, (rank, rank + 1)) for rank in side}
        sides.append({rank: in_days[low:high] for rank, (low, high) in bounds.items()})
    return wait_ratio(*sides)
