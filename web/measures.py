"""What the evaluation page measures: weekly series, changes at the go-live, advice and decisions, read once per state of the data."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import func, select

from pertimage.audit.comparison import Metric, SiteChange, before_after
from pertimage.audit.indicators import ExamWeek, Outcomes, RequestWeek, exam_weeks, request_weeks
from pertimage.audit.review import Decision
from pertimage.audit.store import Store
from pertimage.audit.summary.reading import region_rows, regions, spans
from pertimage.audit.tables import journal, requests, reviews, sites
from pertimage.audit.worklist import Site
from pertimage.cds.model import Outcome
from pertimage.web.alignment import WEEK, Counts, Pooled, first_monday, pooled
from pertimage.web.service import Service

_FRIDAY = timedelta(days=4)
_KINDS = ("activity", "site", "programme")
_STATES_KEPT = 2  # the latest, and the one that a page being drawn still asks charts of
_CHARTS_KEPT = 300
# Site, Monday, technique, then exams, irradiating exams, exams whose technique says whether it irradiates.
RegionWeek = tuple[str, date, str, tuple[int, int, int]]


class Measures:
    """The measures of one state of the exams; everything is read when first asked for, then kept.

    ``version`` is the place in the journal of the last record that changed them. A ``site`` or ``modality`` of None means all of them.
    """

    def __init__(self, store: Store, register_sites: Iterable[Site], *, fictitious: bool, version: int) -> None:
        self.version, self.fictitious = version, fictitious
        self._store = store
        self._registered = {site.id: site for site in register_sites}
        self._merged: dict[tuple[str | None, str | None], dict[date, ExamWeek]] = {}
        self._regions: dict[str, list[RegionWeek]] = {}
        self._changes: dict[tuple[Metric, bool], list[SiteChange]] = {}
        self._charts: OrderedDict[tuple[str, ...], bytes] = OrderedDict()

    @cached_property
    def sites(self) -> list[Site]:
        """Return the sites that have exams or a go-live, by name."""
        unknown = {week.site for week in self._detailed if week.site} - set(self._registered)
        known = [*self._registered.values(), *(Site(name, name, None, self.fictitious) for name in unknown)]
        return sorted(known, key=lambda site: site.name)

    @property
    def go_lives(self) -> dict[str, date]:
        """Return the go-live of each site where the service was switched on."""
        return {site.id: site.go_live for site in self.sites if site.go_live}

    @property
    def median_go_live(self) -> date | None:
        """Return the median of the go-lives, None when there are none."""
        days = sorted(self.go_lives.values())
        return days[len(days) // 2] if days else None

    @cached_property
    def modalities(self) -> list[str]:
        """Return the DICOM codes of the techniques, the most frequent first."""
        counts: Counter[str] = Counter()
        for week in self._detailed:
            counts[week.modality or ""] += week.exams
        return [modality for modality, _ in counts.most_common() if modality]

    @property
    def longest(self) -> str | None:
        """Return the technique whose waits are told when none is chosen: MRI, else the most frequent.

        A median over several techniques would move with their mix: fewer radiographs, done the next day, would lengthen it.
        """
        return "MR" if "MR" in self.modalities else next(iter(self.modalities), None)

    def modalities_of(self, site: str | None) -> list[str]:
        """Return the techniques that a site has, in the same order."""
        own = {modality for place, modality in self._judged if site in (None, place)}
        return [modality for modality in self.modalities if modality in own]

    @cached_property
    def span(self) -> tuple[date, date] | None:
        """Return the first and last day with exams, None when there are no exams."""
        ends = spans(self._store, fictitious=self.fictitious).values()
        return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None

    @cached_property
    def weeks(self) -> list[date]:
        """Return the Mondays of the weeks that the data cover, to Friday at least, in order."""
        if self.span is None:
            return []
        monday, last = first_monday(self.span[0]), self.span[1]
        return [monday + WEEK * rank for rank in range(max(0, (last - _FRIDAY - monday).days // 7 + 1))]

    def series(self, site: str | None, modality: str | None) -> list[ExamWeek | None]:
        """Return one value per week of ``weeks``; None for a week without exams."""
        found = self._of(site, modality)
        return [found.get(monday) for monday in self.weeks]

    def changes(self, metric: Metric, *, by_modality: bool) -> list[SiteChange]:
        """Return the change of a metric at each site; sites never equipped are witnesses around the median go-live."""
        key = (metric, by_modality)
        if key not in self._changes:
            weeks = self._detailed if by_modality else self._by_site
            about = {"fictitious": self.fictitious, "by_modality": by_modality}
            self._changes[key] = before_after(self._store, metric, weeks=weeks, witness_from=self.median_go_live, **about)
        return self._changes[key]

    def together(self, site: str | None, modality: str | None) -> Pooled:
        """Return the change at one site, or at all equipped sites added, weeks being counted from each one's go-live."""
        weeks = self._by_site if modality is None else [week for week in self._detailed if week.modality == modality]
        counts = {(week.site or "", week.week): (week.exams, week.irradiating, week.irradiation_known) for week in weeks}
        return pooled(self._equipped(site), self.weeks, counts, modality)

    def substitution(self, site: str | None, region: str) -> list[Pooled]:
        """Return the same for one region of the body: all techniques together, then each of them."""
        where, rows = self._equipped(site), self._region(region)
        present: Counter[str] = Counter()
        for one, _, modality, (exams, _, _) in rows:
            present[modality] += exams if one in where else 0
        wanted: list[str | None] = [None, *(modality for modality, exams in present.most_common() if exams)]
        return [pooled(where, self.weeks, _region_counts(rows, modality), modality) for modality in wanted]

    @cached_property
    def regions(self) -> list[str]:
        """Return the regions of the body that were imaged, the most frequent first."""
        return regions(self._store, fictitious=self.fictitious)

    def outcomes(self, site: str | None, modality: str | None) -> Outcomes:
        """Return how many exams got each advice, over the whole period."""
        counts: Counter[Outcome] = Counter()
        for (place, technique), judged in self._judged.items():
            if site in (None, place) and modality in (None, technique):
                counts.update(judged)
        return Outcomes(counts)

    @cached_property
    def _judged(self) -> dict[tuple[str | None, str | None], Counter[Outcome]]:
        """Return how many exams of each site and technique got each advice; those that have exams and no advice are there too."""
        found: dict[tuple[str | None, str | None], Counter[Outcome]] = {}
        for week in self._detailed:
            counts = found.setdefault((week.site, week.modality), Counter())
            if week.outcomes.judged:
                counts.update(week.outcomes.counts)
        return found

    def chart(self, key: tuple[str, ...], draw: Callable[[], bytes]) -> bytes:
        """Return a chart of these measures, drawn when first asked for."""
        if key not in self._charts:
            self._charts[key] = draw()
            while len(self._charts) > _CHARTS_KEPT:
                self._charts.popitem(last=False)
        return self._charts[key]

    @cached_property
    def _detailed(self) -> list[ExamWeek]:
        return exam_weeks(self._store, fictitious=self.fictitious)

    @cached_property
    def _by_site(self) -> list[ExamWeek]:
        return exam_weeks(self._store, by=("site",), fictitious=self.fictitious)

    def _of(self, site: str | None, modality: str | None) -> Mapping[date, ExamWeek]:
        """Return the weeks of a site and technique, by Monday."""
        if None not in (site, modality):
            return self._details.get((site, modality), {})
        if (site, modality) not in self._merged:
            self._merged[site, modality] = {week.week: week for week in self._levels(site, modality)}
        return self._merged[site, modality]

    def _levels(self, site: str | None, modality: str | None) -> Iterable[ExamWeek]:
        if site is not None:
            return (week for week in self._by_site if week.site == site)
        by = () if modality is None else ("modality",)
        return exam_weeks(self._store, by=by, modality=modality, fictitious=self.fictitious)

    @cached_property
    def _details(self) -> dict[tuple[str | None, str | None], dict[date, ExamWeek]]:
        found: dict[tuple[str | None, str | None], dict[date, ExamWeek]] = {}
        for week in self._detailed:
            found.setdefault((week.site, week.modality), {})[week.week] = week
        return found

    def _equipped(self, site: str | None) -> dict[str, date]:
        return {name: day for name, day in self.go_lives.items() if site in (None, name)}

    def _region(self, region: str) -> list[RegionWeek]:
        if region not in self._regions:
            self._regions[region] = self._read_region(region)
        return self._regions[region]

    def _read_region(self, region: str) -> list[RegionWeek]:
        rows = region_rows(self._store, region, fictitious=self.fictitious)
        return [(row.site, date.fromisoformat(row.week), row.modality, (row.exams, row.irradiating, row.irradiation_known)) for row in rows]


def _region_counts(rows: list[RegionWeek], modality: str | None) -> Counts:
    found: dict[tuple[str, date], tuple[int, int, int]] = {}
    for site, monday, own, (exams, irradiating, known) in rows:
        if modality in (None, own):
            earlier = found.get((site, monday), (0, 0, 0))
            found[site, monday] = (earlier[0] + exams, earlier[1] + irradiating, earlier[2] + known)
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What was signed in the service itself, per week and site, and the radiologists' decisions, by site."""

    weeks: tuple[RequestWeek, ...]
    decisions: Mapping[str, Mapping[Decision, int]]


def asked(service: Service) -> Asked:
    """Return what was asked through the service, read again when the journal has grown."""
    known = _known(service)
    head = service.journal.head().seq
    if known.asked is None or known.asked[0] != head:
        fictitious = service.settings.demo
        weeks = tuple(request_weeks(service.store, by=("site",), fictitious=fictitious))
        known.asked = head, Asked(weeks, _decisions(service.store, fictitious))
    return known.asked[1]


def measures(service: Service, version: int | None = None) -> Measures:
    """Return the measures of the data as they are, or as they were at ``version`` when that is still at hand.

    A demonstration measures its fictitious data, any other service the real data; the two never mix.
    """
    known, fictitious = _known(service), service.settings.demo
    if version is not None and (kept := known.states.get(version)) is not None:
        return kept
    head = service.journal.head().seq
    with _lock:
        if known.seen != head:
            known.latest = latest_change(service.store, known.seen, head, _KINDS) or known.latest
            known.seen = head
        if known.latest not in known.states:
            sites_known = service.register.sites(fictitious=fictitious)
            known.states[known.latest] = Measures(service.store, sites_known, fictitious=fictitious, version=known.latest)
        while len(known.states) > _STATES_KEPT:
            known.states.popitem(last=False)
        return known.states[known.latest]


@dataclass(slots=True)
class _Known:
    """What is kept of a service: the head of its journal when last looked at, and the last record that changed the measures."""

    seen: int = -1
    latest: int = 0
    states: OrderedDict[int, Measures] = field(default_factory=OrderedDict)
    asked: tuple[int, Asked] | None = None


_services: WeakKeyDictionary[Service, _Known] = WeakKeyDictionary()
_lock = Lock()


def _known(service: Service) -> _Known:
    with _lock:
        return _services.setdefault(service, _Known())


def latest_change(store: Store, seen: int, head: int, kinds: Collection[str]) -> int | None:
    """Return the last record since ``seen`` of some kinds, None without one; ``head`` when nothing was seen yet.

    Requests and reviews, far more frequent than exams, sites or the calendar, change no measure of those.
    """
    if seen < 0:
        return head
    query = select(func.max(journal.c.seq)).where(journal.c.seq > seen, journal.c.kind.in_(kinds))
    with store.reader.connect() as connection:
        found: int | None = connection.execute(query).scalar_one()
    return found


def _decisions(store: Store, fictitious: bool) -> Mapping[str, Mapping[Decision, int]]:
    demonstration = requests.c.site.in_(select(sites.c.id).where(sites.c.fictitious.is_(True)))
    query = select(requests.c.site, reviews.c.decision, func.count()).join(requests, requests.c.id == reviews.c.request)
    query = query.where(reviews.c.decision.is_not(None), demonstration if fictitious else ~demonstration)
    found: dict[str, dict[Decision, int]] = {}
    with store.reader.connect() as connection:
        for site, decision, count in connection.execute(query.group_by(requests.c.site, reviews.c.decision)):
            found.setdefault(site, {})[Decision(decision)] = count
    return found
