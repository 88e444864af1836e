"""What an extract counts, read from the store month by month: at most one month of counts is in memory."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, or_, select

from pertimage.audit.extraction.aggregates import Month, Split
from pertimage.audit.instants import PARIS, monday, utc_datetime, utc_text
from pertimage.audit.review import RequestStatus
from pertimage.audit.tables import activity, feedback, patient_answers, requests, reviews, sites

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_TO_THE_HOUR = len("YYYY-MM-DDTHH")
_FETCHED = 5000
# Days, and the words of the band that ends there.
_BANDS = ((7, "0-7"), (30, "8-30"), (90, "31-90"))
# A code of the catalogue, of a sheet's rule, of a local nomenclature: whatever else is free text.
_CODE = re.compile(r"[A-Za-z0-9]+(?:[-_./][A-Za-z0-9]+)*")
OTHER, NO_REASON = "autre", "sans-motif"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an extract holds: whole months (``YYYY-MM``; None: no bound), sites (None: all), fictitious data or real data.

    ``reasons`` are the override codes known; another is « autre ». Raises ValueError, in French.
    """

    since: str | None = None
    until: str | None = None
    sites: frozenset[str] | None = None
    fictitious: bool = False
    reasons: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for month in (self.since, self.until):
            if month is not None and not _MONTH.fullmatch(month):
                raise ValueError(f"« {month} » n'est pas un mois : écrivez AAAA-MM. L'extrait est fait de mois entiers.")
        if self.since and self.until and self.until < self.since:
            raise ValueError("La période finit avant de commencer.")

    def keeps(self, month: str) -> bool:
        """Say whether a month is in the period."""
        return (self.since or "") <= month and (self.until is None or month <= self.until)


@lru_cache(maxsize=20_000)
def code(value: str | None, otherwise: str = "") -> str:
    """Return a code as it is, ``otherwise`` for none, « autre » for anything that is not a code."""
    if not value:
        return otherwise
    return value if len(value) <= 80 and _CODE.fullmatch(value) else OTHER


def day(instant: str | None) -> str | None:
    """Return the day, in Paris, of a stored instant."""
    return _day_of_hour(instant[:_TO_THE_HOUR]) if instant else None


@lru_cache(maxsize=200_000)
def _day_of_hour(hour: str) -> str:
    return utc_datetime(f"{hour}:00:00Z").astimezone(PARIS).date().isoformat()


def stream(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    """Run a query whose lines need not all be in memory, on either engine."""
    return iter(connection.execution_options(stream_results=True, yield_per=_FETCHED).execute(query))


def demonstration_sites(fictitious: bool, column: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that keeps the sites of the demonstration, or all others."""
    inside = column.in_(select(sites.c.id).where(sites.c.fictitious.is_(True)))
    return inside if fictitious else ~inside


def months(connection: Connection, wanted: Wanted) -> Iterator[Month]:
    """Yield the months of every population, one population after the other; the sites are all those of the store."""
    for population in (_activity, _requests, _feedback, _answers):
        yield from population(connection, wanted)


def _activity(connection: Connection, wanted: Wanted) -> Iterator[Month]:
    columns = (activity.c.site, activity.c.modality, activity.c.exam, activity.c.age_band, activity.c.outcome, activity.c.wait_hours)
    for month in _activity_months(connection, wanted):
        start, end = bounds(month)
        within = (activity.c.performed_week >= monday(start), activity.c.performed_week <= monday(end))
        exact = (activity.c.performed_at >= start, activity.c.performed_at < end, activity.c.fictitious == wanted.fictitious)
        query = select(*columns, func.count()).where(*within, *exact).group_by(*columns)
        yield _exams(month, stream(connection, query))


def _exams(month: str, rows: Iterator[Any]) -> Month:
    totals: Counter[str] = Counter()
    technique, age, outcome, exam, wait = (Counter[tuple[str, str, str]]() for _ in range(5))
    hours: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for site, modality, name, band, judged, waited, count in rows:
        totals[site] += count
        technique[site, modality, ""] += count
        age[site, band or "inconnu", ""] += count
        outcome[site, judged or "non-juge", ""] += count
        exam[site, modality, code(name, "non-precise")] += count
        wait[site, modality, _band(waited)] += count
        if waited is not None:
            hours[site, modality][waited] += count
    finer = {"activite_examen": exam, "activite_delai": wait}
    splits = (Split("activite_technique", technique, finer), Split("activite_age", age), Split("activite_avis", outcome))
    return Month(month, "activite", totals, splits, hours)


def _band(hours: int | None) -> str:
    if hours is None:
        return "inconnu"
    return next((words for days, words in _BANDS if hours < (days + 1) * 24), "91+")


def _activity_months(connection: Connection, wanted: Wanted) -> list[str]:
    ends = select(func.min(activity.c.performed_at), func.max(activity.c.performed_at)).where(activity.c.fictitious == wanted.fictitious)
    first, last = connection.execute(ends).one()
    if first is None:
        return []
    start, end = (utc_datetime(instant).astimezone(PARIS) for instant in (first, last))
    every = [f"{rank // 12:04d}-{rank % 12 + 1:02d}" for rank in range(start.year * 12 + start.month - 1, end.year * 12 + end.month)]
    return [month for month in every if wanted.keeps(month)]


def bounds(month: str) -> tuple[str, str]:
    """Return the instants (UTC text) at which a month begins and ends in Paris."""
    year, number = map(int, month.split("-"))
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return utc_text(datetime(year, number, 1, tzinfo=PARIS)), utc_text(datetime(*following, 1, tzinfo=PARIS))


def _requests(connection: Connection, wanted: Wanted) -> Iterator[Month]:
    columns = (requests.c.site, requests.c.signed_at, requests.c.outcome, requests.c.modality, requests.c.flagged, reviews.c.decision)
    query = select(*columns).outerjoin(reviews, reviews.c.request == requests.c.id)
    query = query.where(requests.c.status != RequestStatus.DRAFT.value, demonstration_sites(wanted.fictitious, requests.c.site))
    found: Counter[tuple[str, ...]] = Counter()
    for site, signed, judged, modality, flagged, decision in stream(connection, query):
        review = f"{'signalee' if flagged else 'non-signalee'}{f'/{decision}' if decision else '/sans-decision' if flagged else ''}"
        found[(day(signed) or "")[:7], site, judged, modality or "inconnue", review] += 1
    for month, lines in _by_month(found, wanted):
        reviewed = {"demandes_relecture": _counted(lines, 1, 3)}
        splits = (Split("demandes_avis", _counted(lines, 1), reviewed), Split("demandes_technique", _counted(lines, 2)))
        yield Month(month, "demandes", _sites(lines), splits)


def _feedback(connection: Connection, wanted: Wanted) -> Iterator[Month]:
    found: Counter[tuple[str, ...]] = Counter()
    for row in stream(connection, feedback_query(connection, wanted)):
        reason = reason_of(row.reason, wanted.reasons) or NO_REASON
        found[(day(row.at) or "")[:7], row.site or "", code(row.outcome, OTHER), reason] += 1
    for month, lines in _by_month(found, wanted):
        splits = (Split("retours_suite", _counted(lines, 1), {"retours_motif": _counted(lines, 1, 2)}),)
        yield Month(month, "retours", _sites(lines), splits)


def reason_of(reason: str, known: Collection[str]) -> str:
    """Return an override code, « autre » for what is not one: a program may send words."""
    return reason if not reason or reason in known else OTHER


def feedback_query(connection: Connection, wanted: Wanted) -> Select[Any]:
    """Return the feedback on cards with the site of its request; one without a request is real, unless the store has a demonstration."""
    query = select(feedback, requests.c.site).outerjoin(requests, requests.c.id == feedback.c.request)
    inside = demonstration_sites(wanted.fictitious, requests.c.site)
    mixed = connection.execute(select(sites.c.id).where(sites.c.fictitious.is_(True)).limit(1)).first()
    return query.where(inside if wanted.fictitious or mixed else or_(inside, requests.c.site.is_(None)))


def _answers(connection: Connection, wanted: Wanted) -> Iterator[Month]:
    table = patient_answers.c
    columns = (table.month, table.site, table.understanding, table.delay, table.explained, table.renounced)
    query = select(*columns, func.count()).where(demonstration_sites(wanted.fictitious, table.site)).group_by(*columns)
    found: Counter[tuple[str, ...]] = Counter()
    for month, site, understanding, delay, explained, renounced, count in stream(connection, query):
        gave_up = "sans-reponse" if renounced is None else "oui" if renounced else "non"
        said = ("sans-reponse" if one is None else str(one) for one in (understanding, delay, explained))
        found[month, site, *said, gave_up] += count
    for month, lines in _by_month(found, wanted):
        questions = ("comprehension", "delai", "explication", "renoncement")
        splits = [Split("reponses_patients_question", _counted(lines, at), {}, (name,)) for at, name in enumerate(questions, start=1)]
        yield Month(month, "reponses_patients", _sites(lines), splits)


def _by_month(found: Counter[tuple[str, ...]], wanted: Wanted) -> Iterator[tuple[str, Counter[tuple[str, ...]]]]:
    of_months: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for (month, *rest), count in found.items():
        of_months[month][tuple(rest)] += count
    return ((month, of_months[month]) for month in sorted(of_months) if month and wanted.keeps(month))


def _sites(lines: Counter[tuple[str, ...]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for key, count in lines.items():
        found[key[0]] += count
    return found


def _counted(lines: Counter[tuple[str, ...]], at: int, finer: int | None = None) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for key, count in lines.items():
        found[key[0], key[at], "" if finer is None else key[finer]] += count
    return found


def known_sites(engine: Engine, names: Iterable[str]) -> frozenset[str]:
    """Return those of ``names`` that the store knows: declared, or with an exam or a request."""
    columns = (sites.c.id, activity.c.site, requests.c.site)
    with engine.connect() as connection:
        return frozenset(
            name for name in names if any(connection.execute(select(column).where(column == name).limit(1)).first() for column in columns)
        )
