"""All sites together: one ratio from those of the sites, and what the order of the go-lives and the comparators add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pertimage.audit.evaluation.evaluate import Change, Evaluation
from pertimage.audit.methods.controlled import Controlled, controlled
from pertimage.audit.methods.pooled import Pooled, SiteEffect, pooled
from pertimage.audit.methods.result import Estimate, Refusal
from pertimage.audit.methods.series import Series, Unit
from pertimage.audit.methods.stepped import Site, Stepped, stepped

_TRENDS = 4  # intercept, trend, level and slope


@dataclass(frozen=True, slots=True)
class Together:
    """An exam (None: all of them) at all the sites where the service was on.

    ``level``, ``slope`` and ``wait`` are those of the sites put together, ``simple`` the ratio after/before; ``stepped`` compares, in the
    same weeks or months, the sites already live with those that are not yet.
    """

    kind: str | None
    changes: tuple[Change, ...]
    level: Pooled | Refusal
    slope: Pooled | Refusal
    simple: Pooled | Refusal
    wait: Pooled | Refusal
    stepped: Stepped | Refusal

    @property
    def before(self) -> int:
        """Return the exams before, all sites together."""
        return sum(one.before for one in self.changes)

    @property
    def after(self) -> int:
        """Return the exams after, all sites together."""
        return sum(one.after for one in self.changes)


def together(evaluation: Evaluation, kind: str | None) -> Together:
    """Return an exam at all sites."""
    changes = evaluation.across(kind)
    return Together(
        kind, changes,
        _put(changes, lambda one: _interrupted(one, "level")), _put(changes, lambda one: _interrupted(one, "slope")),
        _put(changes, lambda one: one.simple if isinstance(one.simple, Refusal) else (one.simple.ratio, None)),
        _put(changes, lambda one: one.wait if isinstance(one.wait, Refusal) else (one.wait.ratio, None)),
        _stepped(evaluation, kind),
    )  # fmt: skip


def against(evaluation: Evaluation, change: Change) -> Controlled | Refusal:
    """Return what changed for an exam at a site beyond the same exam at the sites where the service was never on, put together."""
    site = change.site
    if site.on is None or change.series is None:
        return Refusal("Aucune mise en service à ce site.")
    others = [
        found
        for one in evaluation.changes
        if one.kind == change.kind and one.site.on is None and (found := one.counted_by(change.unit)) is not None
    ]
    return controlled(change.series, _sum(others), site.on, site.until)


def _sum(series: Sequence[Series]) -> Series | None:
    """Return series added up over the periods that all of them have."""
    if not series:
        return None
    shared = set(series[0].starts).intersection(*(one.starts for one in series[1:]))
    kept = [index for index, start in enumerate(series[0].starts) if start in shared]
    totals = {start: sum(one.counts[one.starts.index(start)] for one in series) for start in shared}
    first = series[0]
    starts = tuple(first.starts[index] for index in kept)
    return replace(
        first, starts=starts, counts=tuple(totals[start] for start in starts), working_days=tuple(first.working_days[i] for i in kept)
    )


Found = tuple[Estimate, float | None] | Refusal


def _interrupted(change: Change, name: str) -> Found:
    found = change.interrupted
    if isinstance(found, Refusal):
        return found
    freedom = found.before.periods + found.after.periods - _TRENDS - 2 * found.harmonics
    return getattr(found, name), float(freedom)


def _put(changes: Sequence[Change], read: Callable[[Change], Found]) -> Pooled | Refusal:
    """Return the mean of what can be had of the sites; the only one there is, as it is."""
    given = [(one, read(one)) for one in changes]
    effects = [SiteEffect(one.site.code, *found) for one, found in given if not isinstance(found, Refusal)]
    lost = [f"Sans le site « {one.site.code} » : {found.why}" for one, found in given if isinstance(found, Refusal)]
    usable = [effect for effect in effects if effect.ratio.low < effect.ratio.high]
    lost += [f"Sans le site « {one.name} » : son intervalle n'a pas de largeur." for one in effects if one not in usable]
    if not usable:
        return Refusal(" ".join(lost) or "Aucun site où le service est en service.")
    if len(usable) == 1:
        return Pooled(usable[0].ratio, 1, 0.0, 0.0, (*lost, "Un seul site : ce résultat est le sien."), "un seul site")
    found = pooled(usable)
    return found if isinstance(found, Refusal) else replace(found, warnings=(*lost, *found.warnings))


def _stepped(evaluation: Evaluation, kind: str | None) -> Stepped | Refusal:
    changes = [one for one in evaluation.changes if one.kind == kind and one.site.until is None]
    unit = Unit.MONTH if any(one.unit is Unit.MONTH for one in changes if one.series) else Unit.WEEK
    series = ((one.site, one.counted_by(unit)) for one in changes)
    return stepped([Site(site.code, found, site.on) for site, found in series if found is not None])
