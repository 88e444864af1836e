"""How results reach patients, for the evaluation: counts and waits of a group of requests. Pure functions of what was noted and the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pertimage.audit.disclosure import MASKED, SMALL, SMALL_SHOWN, share, share_is_shown, shown, shown_row
from pertimage.audit.indicators import quantile
from pertimage.audit.instants import utc_datetime
from pertimage.audit.restitution import Explainer, Kind
from pertimage.audit.restitution_due import Followed, Stage, recalled
from pertimage.guidelines.restitution import RestitutionTable

_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Delay:
    """Waits between two steps: how many are known, their median and 90th percentile in days; None when there are none."""

    known: int
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Restituted:
    """What became of the results of a group of requests.

    ``expected`` are the requests whose exam was to be done (or whose report came) and of which there is something to explain; of these,
    ``reported``, ``sent``, ``explained`` and ``overdue`` today (what prescribers are reminded of).
    ``unneeded`` are those with nothing to explain. ``reporting`` is from decision or signature to report, ``sending`` and
    ``explaining`` from report to the first sending and to the first explanation (0 when it came before).
    """

    expected: int
    reported: int
    sent: int
    explained: int
    overdue: int
    unneeded: int
    explainers: Mapping[Explainer, int]
    reporting: Delay
    sending: Delay
    explaining: Delay


def by_site(those: Iterable[Followed], table: RestitutionTable, today: date) -> dict[str, Restituted]:
    """Return the measures of each site, by its id."""
    groups: dict[str, list[Followed]] = {}
    for one in those:
        groups.setdefault(one.site, []).append(one)
    return {site: measured(group, table, today) for site, group in sorted(groups.items())}


def measured(those: Sequence[Followed], table: RestitutionTable, today: date) -> Restituted:
    """Return the measures of a group of requests."""
    followed = [one for one in those if one.stage not in (Stage.NOTHING, Stage.NOT_NEEDED)]
    told = [one for one in followed if one.stage is Stage.EXPLAINED and one.explanation]
    late = [one for one in followed if recalled(one, table, today) is not None]
    return Restituted(
        len(followed), sum(bool(one.reports) for one in followed), sum(one.sent_at is not None for one in followed), len(told), len(late),
        sum(one.stage is Stage.NOT_NEEDED for one in those), Counter(Explainer(one.explanation.who) for one in told if one.explanation),
        _delay((one.start, one.reported_at) for one in followed), _delay((one.reported_at, one.sent_at) for one in followed),
        _delay((one.reported_at, _first_told(one)) for one in told),
    )  # fmt: skip


def _first_told(one: Followed) -> str | None:
    told = one.of_kind(Kind.EXPLAINED)
    return max(told[0].happened_at, one.reported_at or "") if told else None


def _delay(pairs: Iterable[tuple[str | None, str | None]]) -> Delay:
    hours = sorted(_hours(first, last) for first, last in pairs if first and last and first <= last)
    counted = sorted(Counter(hours).items())
    median, p90 = (quantile(counted, share) for share in (0.5, 0.9))
    return Delay(len(hours), None if median is None else median / _HOURS, None if p90 is None else p90 / _HOURS)


def _hours(first: str, last: str) -> int:
    return round((utc_datetime(last) - utc_datetime(first)).total_seconds() / 3600)


def published(measures: Restituted) -> dict[str, object]:
    """Return measures as they may be published: small counts hidden, and what would give them back.

    Counts are text (« ≤ 7 », « n.c. »), shares numbers from 0 to 1 or None, waits days to the tenth or None.
    """
    steps = (measures.reported, measures.sent, measures.explained, measures.overdue)
    names = ("reported", "sent", "explained", "overdue")
    texts = [_step(count, measures.expected) for count in steps]
    by = shown_row([measures.explainers.get(explainer, 0) for explainer in Explainer])
    if texts[2] in (MASKED, SMALL_SHOWN):
        by = [MASKED] * len(by)
    shares = {f"{name}_share": _share(count, measures.expected) for name, count in zip(names, steps, strict=True)}
    return {
        "expected": shown(measures.expected), **dict(zip(names, texts, strict=True)), **shares, "unneeded": shown(measures.unneeded),
        "explainers": dict(zip(map(str, Explainer), by, strict=True)),
        **{name: _days(getattr(measures, name)) for name in ("reporting", "sending", "explaining")},
    }  # fmt: skip


def _step(count: int, whole: int) -> str:
    """Return a count of a known whole: neither it nor what is left may be small."""
    if 1 <= count <= SMALL or whole <= SMALL:
        return shown(count)
    return shown(count) if count in (0, whole) or share_is_shown(count, whole) else MASKED


def _share(count: int, whole: int) -> float | None:
    value = share(count, whole) if whole > SMALL else None
    return None if value is None else round(value, 3)


def _days(delay: Delay) -> dict[str, float | None]:
    if delay.known <= SMALL or delay.median is None or delay.p90 is None:
        return {"median_days": None, "p90_days": None}
    return {"median_days": round(delay.median, 1), "p90_days": round(delay.p90, 1)}
