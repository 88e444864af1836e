"""Compare each site before and after its go-live, on the weeks that lie wholly on one side.

The week of the go-live itself is on neither side, unless it starts on that day. Weeks at the ends of the data that are not
complete (first exam after Monday, last before Friday) are left out, and a week without any exam of a modality counts as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from pertimage.audit.change import Change, compare
from pertimage.audit.indicators import ExamWeek, exam_weeks
from pertimage.audit.programme_register import go_lives
from pertimage.audit.store import Store
from pertimage.audit.summary.reading import spans
from pertimage.cds.model import Outcome

_WEEK = timedelta(days=7)
_FRIDAY = 4


class Metric(StrEnum):
    """What can be compared: exams per week, waits in days, shares from 0 to 1."""

    VOLUME = "volume"
    WAIT_MEDIAN = "wait-median"
    WAIT_P90 = "wait-p90"
    IRRADIATING = "irradiating-share"
    APPROPRIATE = "appropriate-share"
    INCOMPLETE = "incomplete-share"
    UNSCORED = "no-guidance-share"


@dataclass(frozen=True, slots=True)
class SiteChange:
    """The change of one metric at one site, all modalities together when ``modality`` is None."""

    site: str
    modality: str | None
    metric: Metric
    go_live: date | None
    change: Change


def before_after(
    store: Store,
    metric: Metric,
    *,
    by_modality: bool = False,
    fictitious: bool = False,
    weeks: Iterable[ExamWeek] | None = None,
    witness_from: date | None = None,
) -> list[SiteChange]:
    """Return the change at go-live of one metric, for each site that has activity; each says why when it cannot be given.

    ``weeks`` are those of ``exam_weeks`` for the same groups, when the caller already has them. ``witness_from`` is the day
    that sites without a go-live are compared around: what changed there changed without the service.
    """
    by = ("site", "modality") if by_modality else ("site",)
    series: dict[tuple[str, str | None], dict[date, ExamWeek]] = {}
    for week in weeks if weeks is not None else exam_weeks(store, by=by, fictitious=fictitious):
        series.setdefault((week.site or "", week.modality), {})[week.week] = week
    starts = go_lives(store.reader)
    windows = {site: _complete(*ends) for site, ends in spans(store, fictitious=fictitious).items()}
    changes = []
    for (site, modality), of_site in sorted(series.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        go_live = starts.get(site)
        change = _change(of_site, windows[site], go_live or witness_from, metric)
        changes.append(SiteChange(site, modality, metric, go_live, change))
    return changes


def _change(weeks: Mapping[date, ExamWeek], complete: list[date], go_live: date | None, metric: Metric) -> Change:
    if go_live is None:
        return Change(0, 0, None, None, None, None, None, None, "La date de mise en service du site n'est pas renseignée.")
    before = [_value(weeks.get(monday), metric) for monday in complete if monday + _WEEK <= go_live]
    after = [_value(weeks.get(monday), metric) for monday in complete if monday >= go_live]
    return compare([value for value in before if value is not None], [value for value in after if value is not None])


def _value(week: ExamWeek | None, metric: Metric) -> float | None:
    if week is None:
        return 0.0 if metric is Metric.VOLUME else None
    return _VALUES[metric](week)


_VALUES: dict[Metric, Callable[[ExamWeek], float | None]] = {
    Metric.VOLUME: lambda week: float(week.exams),
    Metric.WAIT_MEDIAN: lambda week: week.wait_median,
    Metric.WAIT_P90: lambda week: week.wait_p90,
    Metric.IRRADIATING: lambda week: week.irradiating_share,
    Metric.APPROPRIATE: lambda week: week.outcomes.share(Outcome.APPROPRIATE),
    Metric.INCOMPLETE: lambda week: week.outcomes.share(Outcome.INCOMPLETE),
    Metric.UNSCORED: lambda week: week.outcomes.share(Outcome.NO_GUIDANCE),
}


def _complete(first: date, last: date) -> list[date]:
    """Return the Mondays of the weeks that the data cover from Monday to Friday at least."""
    monday = first + timedelta(days=-first.weekday() % 7)  # the Monday on or after
    found = []
    while monday + timedelta(days=_FRIDAY) <= last:
        found.append(monday)
        monday += _WEEK
    return found
