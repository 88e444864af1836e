"""An evaluation as JSON: per exam, per site and pooled; docs/evaluer.md says each key.

Ratios are after/before (1: no change), each with its 95 % interval. Counts follow the disclosure rule unless ``exact``: those from 1 to 7,
and what would give them, are null; the others are rounded to 5. A result that rests on 1 to 7 exams on a side is hidden with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pertimage.audit.disclosure import Cell, Mask, protect_table, quantile_is_shown
from pertimage.audit.evaluation.evaluate import Change, Evaluation, Site
from pertimage.audit.evaluation.together import Together, against, together
from pertimage.audit.methods.before_after import BeforeAfter, Median, WaitRatio
from pertimage.audit.methods.controlled import Controlled
from pertimage.audit.methods.interrupted import Interrupted
from pertimage.audit.methods.pooled import Pooled
from pertimage.audit.methods.result import LEVEL, Estimate, Refusal
from pertimage.audit.methods.stepped import Stepped
from pertimage.audit.programme import Entry

FORMAT = "pertimage-evaluation/1"
Json = dict[str, Any]
_HIDDEN = "Effectif trop petit pour être publié."
_DIGITS = 6


def document(evaluation: Evaluation, entries: Sequence[Entry], *, exact: bool = False, fictitious: bool = False) -> Json:
    """Return an evaluation as JSON values."""
    shown = _Counts(evaluation, exact)
    kinds = [kind for kind in evaluation.kinds if any(one.kind == kind for one in evaluation.changes)]
    served = [site for site in evaluation.sites if site.on is not None]
    per_exam = {}
    for kind in kinds:
        sites = {one.site.code: _change(evaluation, one, shown) for one in evaluation.across(kind)}
        per_exam[kind] = _together(together(evaluation, kind), shown) | {"per_site": sites}
    return {
        "format": FORMAT,
        "fictitious": fictitious,
        "counted_by": evaluation.basis.value,
        "confidence_level": LEVEL,
        "counts": "exacts, diffusion restreinte" if exact else "arrondis à 5 ; de 1 à 7, masqués (null)",
        "calendar": [_entry(entry) for entry in entries],
        "sites": [_site(site) for site in evaluation.sites],
        "warnings": list(evaluation.warnings),
        "pooled": _together(together(evaluation, None), shown),
        "per_site": {site.code: _change(evaluation, one, shown) for site in served if (one := evaluation.of(site.code, None))},
        "per_exam": per_exam,
    }


class _Counts:
    """The counts of exams before and after, by site and exam, with their totals, as they may be published."""

    def __init__(self, evaluation: Evaluation, exact: bool) -> None:
        self._sites = {site.code: rank for rank, site in enumerate(evaluation.sites)}
        self._kinds = {kind: rank for rank, kind in enumerate(evaluation.kinds)}
        self._tables = []
        for side in ("before", "after"):
            counts = [[0] * max(len(self._kinds), 1) for _ in self._sites]
            for one in evaluation.changes:
                if one.kind is not None:
                    counts[self._sites[one.site.code]][self._kinds[one.kind]] = getattr(one, side)
            self._tables.append(protect_table(counts or [[0]], restricted=exact))
        self.exact = exact

    def of(self, site: str | None, kind: str | None) -> tuple[Cell, Cell]:
        """Return the counts before and after; None stands for all sites, or all exams."""
        row, column = self._sites.get(site or "", None), self._kinds.get(kind or "", None)
        found = []
        for table in self._tables:
            if row is not None and column is not None:
                found.append(table.cells[row][column])
            elif row is not None:
                found.append(table.rows[row])
            else:
                found.append(table.columns[column] if column is not None else table.total)
        return found[0], found[1]


def _change(evaluation: Evaluation, change: Change, shown: _Counts) -> Json:
    counts = shown.of(change.site.code, change.kind)
    found = change.interrupted
    level, slope = (found, found) if isinstance(found, Refusal) else (found.level, found.slope)
    beyond = against(evaluation, change)
    return _result(
        {"exam": change.kind, "site": change.site.code, "on_from": _day(change.site.on), "off_from": _day(change.site.until)},
        counts,
        {
            "method": _method(found, change.simple),
            "unit": change.unit.value,
            "periods": {"before": change.periods_before, "after": change.periods_after},
            "level_rate_ratio": _ratio(level),
            "slope_rate_ratio_per_month": _ratio(slope),
            "before_after_rate_ratio": _ratio(change.simple if isinstance(change.simple, Refusal) else change.simple.ratio),
            "wait_ratio": _wait(change.wait, shown.exact),
            "controlled": _controlled(beyond),
            **_diagnostics(found),
        },
        (*change.site.warnings, *(() if isinstance(found, Refusal) else found.warnings)),
        {"level": level, "before_after": change.simple, "wait": change.wait},
    )


def _together(found: Together, shown: _Counts) -> Json:
    method = found.simple if isinstance(found.level, Refusal) else found.level
    warnings = [] if isinstance(found.level, Refusal) else [*found.level.warnings]
    return _result(
        {"exam": found.kind, "site": None, "sites": [one.site.code for one in found.changes]},
        shown.of(None, found.kind),
        {
            "method": None if isinstance(method, Refusal) else method.method,
            "level_rate_ratio": _pooled(found.level),
            "slope_rate_ratio_per_month": _pooled(found.slope),
            "before_after_rate_ratio": _pooled(found.simple),
            "wait_ratio": _pooled(found.wait),
            "stepped": _stepped(found.stepped),
        },
        warnings,
        {"level": found.level, "before_after": found.simple, "wait": found.wait},
    )


def _result(about: Json, counts: tuple[Cell, Cell], figures: Json, warnings: Sequence[str], given: dict[str, object]) -> Json:
    """Return a result; nothing but its refusals when its counts are hidden."""
    before, after = counts
    hidden = Mask.SMALL in (before.masked, after.masked)
    refusals = {name: one.why for name, one in given.items() if isinstance(one, Refusal)}
    return about | {
        "n": {"before": before.value, "after": after.value},
        **(dict.fromkeys(figures) if hidden else figures),
        "refusals": dict.fromkeys(given, _HIDDEN) if hidden else refusals,
        "warnings": list(dict.fromkeys(warnings)),
    }


def _method(found: Interrupted | Refusal, simple: BeforeAfter | Refusal) -> str | None:
    return next((one.method for one in (found, simple) if not isinstance(one, Refusal)), None)


def _diagnostics(found: Interrupted | Refusal) -> Json:
    if isinstance(found, Refusal):
        return {"observed_to_expected": None, "exams_avoided": None, "diagnostics": None, "sensitivity": []}
    return {
        "observed_to_expected": _ratio(found.overall),
        "exams_avoided": _ends(found.avoided, "value", 1),
        "diagnostics": {
            "dispersion": round(found.dispersion, 3), "autocorrelation": round(found.correlation, 3), "season_pairs": found.harmonics,
        },
        "sensitivity": [
            {"run": run.choice, "level_rate_ratio": _ratio(run.level), "slope_rate_ratio_per_month": _ratio(run.slope), "note": run.note}
            for run in found.sensitivity
        ],
    }  # fmt: skip


def _controlled(found: Controlled | Refusal) -> Json:
    if isinstance(found, Refusal):
        return {"level_rate_ratio": None, "slope_rate_ratio_per_month": None, "why": found.why}
    return {"method": found.method, "level_rate_ratio": _ratio(found.level), "slope_rate_ratio_per_month": _ratio(found.slope)}


def _stepped(found: Stepped | Refusal) -> Json:
    if isinstance(found, Refusal):
        return {"rate_ratio": None, "why": found.why}
    return {"method": found.method, "rate_ratio": _ratio(found.ratio), "sites": found.sites, "warnings": list(found.warnings)}


def _wait(found: WaitRatio | Refusal, exact: bool) -> Json | None:
    if isinstance(found, Refusal):
        return None
    shown = exact or all(quantile_is_shown(side.waits) for side in (found.before, found.after))
    return _ends(found.ratio) | {
        "method": found.method, "median_days": {"before": _median(found.before, shown), "after": _median(found.after, shown)},
    }  # fmt: skip


def _median(side: Median, shown: bool) -> float | None:
    return round(side.days, 2) if shown else None


def _pooled(found: Pooled | Refusal) -> Json | None:
    if isinstance(found, Refusal):
        return None
    return _ends(found.ratio) | {"sites": found.sites, "heterogeneity": round(found.heterogeneity, 3)}


def _ratio(found: Estimate | Refusal | None) -> Json | None:
    return None if found is None or isinstance(found, Refusal) else _ends(found)


def _ends(found: Estimate, name: str = "ratio", digits: int = _DIGITS) -> Json:
    return {name: round(found.value, digits), "low": round(found.low, digits), "high": round(found.high, digits)}


def _site(site: Site) -> Json:
    covered = site.window
    return {
        "site": site.code, "on_from": _day(site.on), "off_from": _day(site.until), "data_from": _day(covered.first if covered else None),
        "data_to": _day(covered.last if covered else None), "warnings": list(site.warnings),
    }  # fmt: skip


def _entry(entry: Entry) -> Json:
    group = {"group": entry.group} if entry.group else {}
    return {"site": entry.site} | group | dict(zip(("silent_from", "on_from", "off_from"), map(_day, entry.dates), strict=True))


def _day(day: Any) -> str | None:
    return day.isoformat() if day is not None else None
