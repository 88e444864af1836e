"""Compute an indicator over the store: by period and by what it can be split by, with its reference, its target and where it stands.

The database groups and counts; what comes back is one line per period and group, whatever the number of exams. Quantiles are exact:
the ranks that they lie between are found in SQL, in a histogram of hours. Only complete periods are compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, select

from pertimage.audit.indicator_sources import NO_EXAM, Setting, Source, source_of, when_of
from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.periods import Period, midnight, period_of, periods
from pertimage.audit.store import Store
from pertimage.audit.tables import activity
from pertimage.audit.territories import all_places
from pertimage.cds.dose import dose_of
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.indicator_forms import Direction, Measure, Population, Reference, Split
from pertimage.guidelines.indicators import CcamTest, Indicator

_HOURS = 24.0
# A site whose first exam comes within a week of a period's first day was there for all of it; the same at the end.
_SLACK = timedelta(days=6)
_QUANTILES = {Measure.MEDIAN: (5, 10), Measure.P90: (9, 10)}

Groups = tuple[str | None, ...]


class Status(StrEnum):
    """Where a value stands against its target."""

    MET = "atteinte"
    MISSED = "non-atteinte"
    UNKNOWN = "non-calculable"
    NONE = "sans-cible"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {
            "atteinte": "cible atteinte",
            "non-atteinte": "cible non atteinte",
            "non-calculable": "non calculable",
            "sans-cible": "sans cible",
        }[self]


@dataclass(frozen=True, slots=True)
class Spans:
    """From which day to which the data of a population are known, by site; ``sites`` is empty without data."""

    sites: Mapping[str, tuple[date, date]] = field(default_factory=dict)

    @property
    def whole(self) -> tuple[date, date] | None:
        """Return the first and the last day of all sites together."""
        ends = self.sites.values()
        return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None

    def sites_of(self, period: Period) -> frozenset[str]:
        """Return the sites that were there in a period, even in part."""
        return frozenset(site for site, (first, last) in self.sites.items() if first <= period.last and last >= period.first)

    def holds(self, site: str, period: Period) -> bool:
        """Say whether a site was there for all of a period."""
        found = self.sites.get(site)
        return found is not None and found[0] <= period.first + _SLACK and found[1] >= period.last - _SLACK


@dataclass(frozen=True, slots=True)
class Value:
    """An indicator in one period, for one group. ``value`` is in the unit of the sheet, a share from 0 to 1, a delay in days.

    ``groups`` are the values of what it is split by, None where unknown. ``n`` is how many units the value rests on, ``unknown``
    how many could not enter it (exams without a known dose). A ``numerator`` and a ``denominator`` are given where they mean
    something. ``why`` says in French why there is no value, or why the target cannot be judged.
    """

    indicator: str
    period: Period
    groups: Groups
    numerator: float | None
    denominator: float | None
    value: float | None
    n: int
    unknown: int = 0
    complete: bool = True
    reference: float | None = None
    reference_n: int = 0
    target: float | None = None
    status: Status = Status.NONE
    why: str = ""

    @property
    def change(self) -> float | None:
        """Return the relative change from the reference (0.1: ten percent more); None when it cannot be had."""
        return self.value / self.reference - 1 if self.value is not None and self.reference else None


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of an indicator, in order of time then of group; ``absent`` says in French why there cannot be any."""

    indicator: Indicator
    by: tuple[Split, ...]
    values: tuple[Value, ...] = ()
    absent: str = ""

    def latest(self, groups: Groups = ()) -> Value | None:
        """Return the value of the last complete period of a group, None without one."""
        return next((one for one in reversed(self.values) if one.groups == groups and one.complete), None)


@dataclass(frozen=True, slots=True)
class _Cell:
    """What was counted in a period and group."""

    numerator: float | None = None
    denominator: float | None = None
    value: float | None = None
    n: int = 0
    unknown: int = 0


def read(
    store: Store,
    indicator: Indicator,
    catalogue: Catalogue,
    *,
    today: date,
    by: Collection[Split] = (),
    since: date | None = None,
    until: date | None = None,
    fictitious: bool = False,
    spans: Spans | None = None,
) -> Reading:
    """Return the values of an indicator, of the periods that hold a day between ``since`` and ``until`` (all of the data without).

    ``today`` is the day in France: what the service itself records is complete up to the day before. ``spans`` are those of
    ``spans_of``, when the caller already has them. Raises ValueError for a split that the sheet does not name.
    """
    splits = tuple(Split(one) for one in by)
    if unknown := set(splits) - set(indicator.splits):
        raise ValueError(f"« {indicator.id} » ne se répartit pas par {', '.join(sorted(unknown))}")
    if absent := _act_absent(indicator, store, fictitious=fictitious):
        return Reading(indicator, splits, absent=absent)
    spans = spans if spans is not None else spans_of(store, indicator.population, today=today, fictitious=fictitious)
    whole = spans.whole
    if whole is None:
        return Reading(indicator, splits, absent="aucune donnée")
    first, last = max(since or whole[0], whole[0]), min(until or whole[1], whole[1])
    described = {place["id"]: "fauteuil" in place["access"] for place in all_places(store.reader)} if Split.ACCESS in splits else {}
    accessible = frozenset(site for site, yes in described.items() if yes)
    cadence = indicator.form.cadence
    start, end = _reference(Period.of(first, cadence), indicator).first, Period.of(last, cadence).last
    setting = Setting(fictitious, start, end, cadence, accessible, frozenset(described))
    source = source_of(indicator, setting)
    wanted = [str(one) for one in (*splits, *([indicator.form.delay] if indicator.form.delay else []))]
    if absent := next((source.absent[one] for one in wanted if one in source.absent), ""):
        return Reading(indicator, splits, absent=absent)
    cells = _cells(store, indicator, source, setting, splits, catalogue)
    return Reading(indicator, splits, tuple(_values(indicator, splits, cells, spans, first, last)))


def spans_of(store: Store, population: Population, *, today: date, fictitious: bool = False) -> Spans:
    """Return from when to when each site's data are known: exams, from the first to the last; the rest, from the first to yesterday."""
    table, at, site, is_fictitious = when_of(population)
    query = select(site, func.min(at), func.max(at)).select_from(table).where(at.is_not(None), is_fictitious(fictitious)).group_by(site)
    with store.reader.connect() as connection:
        rows = connection.execute(query).all()
    yesterday = today - timedelta(days=1)
    ends = {row[0]: (_day(row[1]), _day(row[2]) if population is Population.EXAMS else yesterday) for row in rows}
    return Spans({name: (first, max(first, last)) for name, (first, last) in ends.items()})


def _day(instant: str) -> date:
    """Return the day of an instant, or the first day of a month."""
    return date.fromisoformat(f"{instant}-01") if len(instant) == len("2026-11") else utc_datetime(instant).astimezone(PARIS).date()


def _act_absent(indicator: Indicator, store: Store, *, fictitious: bool) -> str:
    """Return why acts cannot be told apart: without their codes, an exam of the catalogue that carries others too counts them all."""
    others = [code for test in indicator.numerator if isinstance(test, CcamTest) for code in test.others]
    if not others:
        return ""
    coded = select(activity.c.ccam).where(activity.c.ccam.is_not(None), activity.c.fictitious == fictitious).limit(1)
    with store.reader.connect() as connection:
        if connection.execute(coded).first():
            return ""
    return f"donnée absente : l'activité ne porte pas les codes CCAM, et rien d'autre ne distingue ces actes de {', '.join(others)}"


def _reference(period: Period, indicator: Indicator) -> Period:
    yearly = indicator.form.reference is Reference.YEAR_BEFORE or (indicator.target and indicator.target.growth)
    return period.year_before if yearly else period.previous


def _cells(
    store: Store, indicator: Indicator, source: Source, setting: Setting, splits: Sequence[Split], catalogue: Catalogue
) -> dict[tuple[str, Groups], _Cell]:
    keys = [
        period_of(source.month, setting.cadence).label("period"),
        *(source.splits[one].label(f"g{rank}") for rank, one in enumerate(splits)),
    ]
    where = [*source.where, *(source.condition(test) for test in indicator.denominator), *_window(source, setting)]
    measure = indicator.measure
    with store.reader.connect() as connection:
        if measure.is_dose:
            rows = connection.execute(_dose_query(source, keys, where, indicator)).all()
            return _doses(rows, len(keys), measure, catalogue)
        rows = connection.execute(_query(indicator, source, keys, where)).all()
    return {(row[0], _groups(row[1 : len(keys)])): _cell(measure, row[len(keys) :]) for row in rows}


def _window(source: Source, setting: Setting) -> list[ColumnElement[bool]]:
    """Return the condition of time."""
    if source.at is None:
        return [source.month >= f"{setting.first:%Y-%m}", source.month <= f"{setting.last:%Y-%m}"]
    return [source.at >= midnight(setting.first), source.at < midnight(setting.last + timedelta(days=1))]


def _query(indicator: Indicator, source: Source, keys: Sequence[Any], where: Sequence[Any]) -> Select[Any]:
    measure = indicator.measure
    counted = [source.condition(test) for test in indicator.numerator[len(indicator.denominator) :]]
    if measure.is_timed:
        hours = source.delays[indicator.form.delay]  # type: ignore[index]
        return _delay_query(indicator, source, hours, keys, [*where, *counted, hours.is_not(None)])
    unit = source.unit
    total = func.count() if unit is None else func.count(unit.distinct())
    if measure is Measure.COUNT:
        return select(*keys, total).select_from(source.table).where(*where, *counted).group_by(*keys)
    kept = case((and_(*counted), 1 if unit is None else unit))
    part = func.count(kept if unit is None else kept.distinct())
    return select(*keys, part, total).select_from(source.table).where(*where).group_by(*keys)


def _delay_query(indicator: Indicator, source: Source, hours: Any, keys: Sequence[Any], where: Sequence[Any]) -> Select[Any]:
    if indicator.measure.is_quantile:
        return _ranks(
            select(*keys, hours.label("hours"), func.count().label("size")).select_from(source.table).where(*where),
            indicator.measure,
            len(keys),
        )
    limit = indicator.limit_days if indicator.limit_days is not None else source.limit
    known = [] if indicator.limit_days is not None or source.limit is None else [source.limit.is_not(None)]
    side = hours > limit * 24 if indicator.measure is Measure.SHARE_OVER else hours <= limit * 24  # type: ignore[operator]
    return select(*keys, func.count(case((side, 1))), func.count()).select_from(source.table).where(*where, *known).group_by(*keys)


def _ranks(histogram: Select[Any], measure: Measure, width: int) -> Select[Any]:
    """Return the query of the two values that a quantile lies between, and of the size, from the histogram of each period and group.

    The quantile of n values lies at the rank (n − 1) × p, from 0 (Hyndman & Fan's type 7).
    """
    counted = histogram.group_by(*list(histogram.selected_columns)[: width + 1]).subquery("histogram")
    keys = list(counted.c)[:width]
    upto = func.sum(counted.c.size).over(partition_by=keys, order_by=counted.c.hours)
    total = func.sum(counted.c.size).over(partition_by=keys)
    ranked = select(*keys, counted.c.hours, cast(upto, BigInteger).label("upto"), cast(total, BigInteger).label("total")).subquery("ranked")
    part, whole = _QUANTILES[measure]
    place = (ranked.c.total - 1) * part
    low, high = place // whole, (place + whole - 1) // whole
    columns = list(ranked.c)[:width]
    lowest = (func.min(case((ranked.c.upto > rank, ranked.c.hours))) for rank in (low, high))
    return select(*columns, *lowest, ranked.c.total).group_by(*columns, ranked.c.total)


def _dose_query(source: Source, keys: Sequence[Any], where: Sequence[Any], indicator: Indicator) -> Select[Any]:
    exams = [source.before] + ([source.after] if source.after is not None else [])
    named = [one.label(f"exam{rank}") for rank, one in enumerate(exams) if one is not None]
    counted = [source.condition(test) for test in indicator.numerator]
    return select(*keys, *named, func.count()).select_from(source.table).where(*where, *counted).group_by(*keys, *named)


def _groups(values: Sequence[Any]) -> Groups:
    return tuple(None if value is None else ("oui" if value else "non") if isinstance(value, bool) else str(value) for value in values)


def _cell(measure: Measure, counts: Sequence[Any]) -> _Cell:
    if measure is Measure.COUNT:
        return _Cell(counts[0], None, counts[0], counts[0])
    if measure.is_quantile:
        low, high, total = counts
        part, whole = _QUANTILES[measure]
        between = (total - 1) * part % whole / whole
        return _Cell(None, None, (low + (high - low) * between) / _HOURS, total)
    part, total = counts
    return _Cell(part, total, part / total if total else None, total)


def _doses(rows: Sequence[Any], width: int, measure: Measure, catalogue: Catalogue) -> dict[tuple[str, Groups], _Cell]:
    """Add the doses of the catalogue up, by period and group; exams without a known dose are counted apart."""
    sums: dict[tuple[str, Groups], list[float]] = {}
    known: dict[str | None, float | None] = {}

    def msv(exam: str | None) -> float | None:
        if exam not in known:
            found = dose_of(catalogue.exams.get(exam or ""), catalogue)
            known[exam] = 0.0 if exam == NO_EXAM else found.msv if found else None
        return known[exam]

    for row in rows:
        total = sums.setdefault((row[0], _groups(row[1:width])), [0.0, 0, 0])
        doses, count = [msv(exam) for exam in row[width:-1]], row[-1]
        if None in doses:
            total[2] += count
            continue
        one = (doses[0] or 0.0) - (doses[1] or 0.0) if measure is Measure.DOSE_AVOIDED else doses[0] or 0.0
        total[0] += one * count
        total[1] += count
    return {key: _dose_cell(measure, *total) for key, total in sums.items()}


def _dose_cell(measure: Measure, msv: float, size: float, unknown: float) -> _Cell:
    total = math.fsum((msv,))
    if measure is Measure.DOSE_PER_EXAM:
        return _Cell(total, size, total / size if size else None, int(size), int(unknown))
    return _Cell(total, None, total if size else None, int(size), int(unknown))


def _values(
    indicator: Indicator, splits: tuple[Split, ...], cells: Mapping[tuple[str, Groups], _Cell], spans: Spans, first: date, last: date
) -> Iterator[Value]:
    """Yield a value for each period and group, the periods without anything included."""
    found = {groups for _, groups in cells}
    found |= {()} if not splits else {(site,) for site in spans.sites} if splits == (Split.SITE,) else set()
    place = splits.index(Split.SITE) if Split.SITE in splits else None
    ordered = sorted(found, key=lambda groups: [(one is None, one or "") for one in groups])
    for period in periods(first, last, indicator.form.cadence):
        for groups in ordered:
            site = groups[place] if place is not None else None
            if site is None or site not in spans.sites or site in spans.sites_of(period):
                yield _value(indicator, cells, spans, period, groups, site)


def _value(
    indicator: Indicator, cells: Mapping[tuple[str, Groups], _Cell], spans: Spans, period: Period, groups: Groups, site: str | None
) -> Value:
    cell = _counted(indicator, cells.get((period.label, groups)))
    before = _reference(period, indicator)
    complete = _is_complete(period, spans, site)
    past = _counted(indicator, cells.get((before.label, groups))) if _is_complete(before, spans, site) else _Cell()
    reference, why = _comparable(indicator, spans, period, before, site, past)
    target = _target(indicator, period, reference)
    status, judged = _status(indicator, cell, complete, reference, target, why, period)
    said = judged or ("" if cell.value is not None else "rien à compter")
    return Value(
        indicator.id,
        period,
        groups,
        cell.numerator,
        cell.denominator,
        cell.value,
        cell.n,
        cell.unknown,
        complete,
        reference,
        past.n,
        target,
        status,
        said,
    )


def _counted(indicator: Indicator, cell: _Cell | None) -> _Cell:
    """Return what was counted; nothing at all is zero for a number, unknown for anything else."""
    if cell is not None:
        return cell
    return _Cell(0, None, 0, 0) if indicator.measure is Measure.COUNT else _Cell()


def _is_complete(period: Period, spans: Spans, site: str | None) -> bool:
    whole = spans.whole
    if whole is None or not period.is_covered(*whole):
        return False
    return site is None or site not in spans.sites or spans.holds(site, period)


def _comparable(
    indicator: Indicator, spans: Spans, period: Period, before: Period, site: str | None, past: _Cell
) -> tuple[float | None, str]:
    """Return the value of the reference period, and why it cannot be held against: sums of different sites say nothing."""
    if past.value is None:
        return None, f"pas de période de référence complète ({before.french})"
    summed = indicator.measure in (Measure.COUNT, Measure.DOSE, Measure.DOSE_AVOIDED)
    partial = {
        one for one in spans.sites_of(period) | spans.sites_of(before) if not (spans.holds(one, period) and spans.holds(one, before))
    }
    if summed and site is None and partial:
        return past.value, f"les sites ne sont pas les mêmes qu'en {before.french} : {', '.join(sorted(partial))}"
    return past.value, ""


def _target(indicator: Indicator, period: Period, reference: float | None) -> float | None:
    target = indicator.target
    if target is None:
        return None
    if target.value is not None:
        return target.value
    if target.compared:
        return reference
    growth = target.growth_in(period.first.year)
    return reference * (1 + growth / 100) if growth is not None and reference is not None else None


def _status(
    indicator: Indicator, cell: _Cell, complete: bool, reference: float | None, target: float | None, why: str, period: Period
) -> tuple[Status, str]:
    aim = indicator.target
    if aim is None:
        return Status.NONE, ""
    if aim.growth and aim.growth_in(period.first.year) is None:
        return Status.NONE, f"pas de cible pour {period.first.year}"
    if not complete:
        return Status.UNKNOWN, "période incomplète"
    if cell.value is None:
        return Status.UNKNOWN, "rien à compter"
    if aim.value is None and (why or target is None):
        return Status.UNKNOWN, why
    return (Status.MET if _is_met(indicator, cell.value, target or 0.0) else Status.MISSED), ""


def _is_met(indicator: Indicator, value: float, target: float) -> bool:
    aim = indicator.target
    if aim is not None and aim.compared == "stable":
        return abs(value - target) <= abs(target) * aim.tolerance / 100
    if aim is not None and aim.compared:
        return value > target if aim.compared == "au_dessus" else value < target
    return value <= target if indicator.form.direction is Direction.DOWN else value >= target
