"""What signed requests lack, and their alerts, as the evaluation page tells them: silent beside in service, small counts hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pertimage.audit.completeness import Found
from pertimage.audit.disclosure import MASKED, SMALL, share_is_shown
from pertimage.audit.intervals import wilson
from pertimage.audit.programme import Mode
from pertimage.cds.model import AlertKind
from pertimage.guidelines.policy import KIND_WORDS
from pertimage.web.findings import percent
from pertimage.web.lacking import Lacking
from pertimage.web.pages import french
from pertimage.web.service import Service

MODES = (Mode.SILENT, Mode.ON)
ITEM_SHOWN = SMALL + 1  # an item that fewer exams lack has no line of its own


@dataclass(frozen=True, slots=True)
class Cell:
    """A share of the exams signed as published, and its 95 % interval; empty when it is not."""

    share: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An item, or a kind of alert, and its share in each of the modes shown."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Shortfalls:
    """What the page tells: ``columns`` are the modes that have exams with their number; ``rare`` counts the items without a line."""

    columns: tuple[tuple[str, str], ...]
    items: tuple[Line, ...]
    rare: int
    alerts: tuple[Line, ...]
    silent: bool


def completeness(service: Service, found: Lacking, site: str | None) -> Shortfalls | None:
    """Return what was lacking at a site, or at all of them; None when nothing was signed."""
    exams: Counter[Mode] = Counter()
    for (mode, where), count in found.exams.items():
        exams[mode] += count if site in (None, where) else 0
    modes = [mode for mode in MODES if exams[mode]]
    if not modes:
        return None
    lacking, raised = _counts(found.missing, site), _counts(found.alerts, site, loud=True)
    told = [name for name in lacking if max(lacking[name].values()) >= ITEM_SHOWN]
    told.sort(key=lambda name: (-sum(lacking[name].values()), name))
    items = tuple(_line(item_words(service, name), lacking[name], modes, exams) for name in told)
    others = (kind for kind, counts in raised.items() if kind != AlertKind.REDUNDANCY and any(counts.values()))
    kinds = [str(AlertKind.REDUNDANCY), *sorted(others, key=KIND_WORDS.__getitem__)]
    alerts = tuple(_line(french.capital(KIND_WORDS[kind]), raised.get(kind, {}), modes, exams) for kind in kinds)
    columns = tuple((mode.french, _number(exams[mode])) for mode in modes)
    return Shortfalls(columns, items, len(lacking) - len(told), alerts, Mode.SILENT in modes)


def item_words(service: Service, item: str) -> str:
    """Return the words of an item: the question that the table of completeness asks, else the label of the fact."""
    row = service.base.tables.completeness.items.get(item)
    return row.question if row else french.capital(service.label(item))


def _counts(found: Iterable[Found], site: str | None, *, loud: bool = False) -> dict[str, dict[Mode, int]]:
    counts: dict[str, dict[Mode, int]] = {}
    for one in found:
        if site in (None, one.site):
            of = counts.setdefault(one.name, dict.fromkeys(MODES, 0))
            of[one.mode] += one.weighty if loud else one.found
    return counts


def _line(label: str, counts: Mapping[Mode, int], modes: Iterable[Mode], exams: Mapping[Mode, int]) -> Line:
    return Line(label, tuple(_cell(counts.get(mode, 0), exams[mode]) for mode in modes))


def _cell(part: int, whole: int) -> Cell:
    if not share_is_shown(part, whole):
        return Cell(MASKED)
    low, high = wilson(part, whole)
    return Cell(percent(part / whole), f"{french.number(100 * low, 0)} à {french.number(100 * high, 0)}")


def _number(count: int) -> str:
    return french.number(count, 0) if count > SMALL else f"≤ {SMALL}"
