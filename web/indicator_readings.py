"""The indicators of the running service: read once per state of the data, and published with small counts hidden.

A count of 1 to ``SMALL`` is hidden with what would let it be found again; so are shares of them, and delays or doses of few exams.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Lock, Thread
from time import monotonic
from weakref import WeakKeyDictionary

from pertimage.audit.disclosure import MASKED, SMALL, quantile_is_shown, rounded, share, shown, shown_row
from pertimage.audit.indicator_values import Reading, Spans, Status, Value, read, spans_of
from pertimage.audit.instants import PARIS
from pertimage.audit.periods import Period
from pertimage.guidelines.indicator_forms import Measure, Population, Split
from pertimage.guidelines.indicators import Indicator, load_indicators
from pertimage.web.measures import measures
from pertimage.web.service import Service

_KEPT = 400
# How long a page that shows every indicator waits for those not read yet, in seconds; the others are read behind it.
PATIENCE = 1.5


@dataclass(frozen=True, slots=True)
class Published:
    """A value as it may be shown: numbers are None where hidden; texts are those of the tables, without unit.

    ``aimed`` is the target in the unit of the value; one that follows from the reference follows from it as shown.
    """

    value: Value
    number: float | None
    n: str
    numerator: str
    denominator: str
    reference: float | None
    status: Status
    why: str
    aimed: float | None = None

    @property
    def hidden(self) -> bool:
        """Say whether there is a value and it may not be shown."""
        return self.value.value is not None and self.number is None


@dataclass(slots=True)
class _Kept:
    """What is kept of a service: readings by indicator, splits and state of the data; spans by population and state."""

    readings: OrderedDict[tuple[str, tuple[Split, ...], int, date], Reading] = field(default_factory=OrderedDict)
    spans: dict[tuple[Population, int, date], Spans] = field(default_factory=dict)
    reader: Thread | None = None
    lock: Lock = field(default_factory=Lock)


_services: WeakKeyDictionary[Service, _Kept] = WeakKeyDictionary()
_lock = Lock()


def indicators_of(service: Service) -> Mapping[str, Indicator]:
    """Return the indicators that the service computes, by id."""
    return load_indicators()


def reading(service: Service, indicator: Indicator, by: Sequence[Split] = ()) -> Reading:
    """Return an indicator as the data are now; ``by`` must be splits of its sheet."""
    kept, version, today = _kept(service), _version(service, indicator.population), service.now().astimezone(PARIS).date()
    key = (indicator.digest + indicator.id, tuple(by), version, today)
    with kept.lock:
        found = kept.readings.get(key)
    if found is None:
        spans = _spans(service, indicator.population, version, today)
        about = {"today": today, "fictitious": service.settings.demo, "spans": spans}
        found = read(service.store, indicator, service.base.catalogue, by=by, **about)  # type: ignore[arg-type]
        with kept.lock:
            kept.readings[key] = found
            while len(kept.readings) > _KEPT:
                kept.readings.popitem(last=False)
    return found


def readings(service: Service, wanted: Sequence[Indicator], *, patience: float = PATIENCE) -> dict[str, Reading | None]:
    """Return several indicators, without split; those that could not be read in time are None, and are being read."""
    deadline = monotonic() + patience
    found = {one.id: reading(service, one) if _is_kept(service, one) or monotonic() < deadline else None for one in wanted}
    late = [one for one in wanted if found[one.id] is None]
    kept = _kept(service)
    with kept.lock:
        if late and (kept.reader is None or not kept.reader.is_alive()):
            kept.reader = Thread(target=_read_all, args=(service, late), name="indicateurs", daemon=True)
            kept.reader.start()
    return found


def published(found: Reading) -> dict[tuple[Period, tuple[str | None, ...]], Published]:
    """Return the values of a reading as they may be shown, by period and group.

    What the groups of one period rest on is hidden as the row of a table whose total is known.
    """
    counts = _counts(found)
    values = {(one.period, one.groups): one for one in found.values}
    return {key: _published(found.indicator, one, counts, found.by) for key, one in values.items()}


def _counts(found: Reading) -> dict[tuple[Period, tuple[str | None, ...]], str]:
    rows: dict[Period, list[Value]] = {}
    for one in found.values:
        rows.setdefault(one.period, []).append(one)
    texts: dict[tuple[Period, tuple[str | None, ...]], str] = {}
    for period, row in rows.items():
        written = shown_row([one.n for one in row]) if found.by else [shown(one.n) for one in row]
        texts |= {(period, one.groups): text for one, text in zip(row, written, strict=True)}
    return texts


def _published(
    indicator: Indicator, one: Value, counts: Mapping[tuple[Period, tuple[str | None, ...]], str], by: Sequence[Split]
) -> Published:
    n = counts[one.period, one.groups]
    number = _rounded(indicator, one.value, one.n, n.isdecimal(), one.numerator)
    reference = _rounded(indicator, one.reference, one.reference_n, not 1 <= one.reference_n <= SMALL, None)
    numerator, denominator = _parts(indicator, one, n, shown=number is not None)
    relative = indicator.target is not None and indicator.target.value is None
    aimed = one.target
    if relative and aimed is not None and one.reference:
        aimed = None if reference is None else aimed * reference / one.reference
    unseen = number is None or (relative and one.reference is not None and reference is None)
    if unseen and one.status in (Status.MET, Status.MISSED):
        return Published(one, number, n, numerator, denominator, reference, Status.UNKNOWN, "effectif trop petit pour être montré", aimed)
    return Published(one, number, n, numerator, denominator, reference, one.status, one.why, aimed)


def _rounded(indicator: Indicator, value: float | None, n: int, counted: bool, numerator: float | None) -> float | None:
    """Return a value as it may be shown: that of the rounded counts, so that it does not give the exact ones back; None when it may not be."""
    measure = indicator.measure
    if value is None or not counted:
        return None
    if measure is Measure.COUNT:
        return float(rounded(n))
    if measure.is_share:
        return share(round(value * n if numerator is None else numerator), n)
    if measure.is_quantile:
        return value if quantile_is_shown(n, 0.9 if measure is Measure.P90 else 0.5) else None
    if n <= SMALL:
        return None
    return value if measure is Measure.DOSE_PER_EXAM else value * rounded(n) / n


def _parts(indicator: Indicator, one: Value, n: str, *, shown: bool) -> tuple[str, str]:
    if indicator.measure is Measure.COUNT:
        return n, ""
    if indicator.measure.is_share:
        return (str(rounded(int(one.numerator or 0))) if shown else MASKED), n
    return "", ""


def _read_all(service: Service, wanted: Sequence[Indicator]) -> None:
    for one in wanted:
        reading(service, one)


def _is_kept(service: Service, indicator: Indicator) -> bool:
    key = (indicator.digest + indicator.id, (), _version(service, indicator.population), service.now().astimezone(PARIS).date())
    return key in _kept(service).readings


def _spans(service: Service, population: Population, version: int, today: date) -> Spans:
    kept, key = (
        _kept(service),
        (population if population in (Population.EXAMS, Population.PATIENTS) else Population.REQUESTS, version, today),
    )
    with kept.lock:
        found = kept.spans.get(key)
    if found is None:
        found = spans_of(service.store, population, today=today, fictitious=service.settings.demo)
        with kept.lock:
            kept.spans = {other: spans for other, spans in kept.spans.items() if other[0] is not key[0]} | {key: found}
    return found


def _version(service: Service, population: Population) -> int:
    """Return the place in the journal of the last record that may have changed a population."""
    return measures(service).version if population is Population.EXAMS else service.journal.head().seq


def _kept(service: Service) -> _Kept:
    with _lock:
        return _services.setdefault(service, _Kept())
