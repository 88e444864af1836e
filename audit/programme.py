"""The calendar of the programme: from when each site, or each group of its prescribers, is silent, on, then off; and what else happened.

Before ``silent_from`` and from ``off_from`` on the service judges nothing. Silent, it judges and journals, and shows nothing to
anybody: these requests are the reference that what follows is compared with. A site that the calendar does not name is on.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from io import StringIO
from itertools import pairwise

_SLUG = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*")
_LONGEST = 80
COLUMNS = ("site", "silent_from", "on_from", "off_from")
GROUP = "group"
MOST_LINES = 10_000


class Mode(StrEnum):
    """What the service does for a site on a day."""

    BEFORE = "before"
    SILENT = "silent"
    ON = "on"
    OFF = "off"

    @property
    def judges(self) -> bool:
        """Say whether requests are judged and kept."""
        return self in (Mode.SILENT, Mode.ON)

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {"before": "pas encore commencé", "silent": "silencieux", "on": "en service", "off": "éteint"}[self.value]


class EventKind(StrEnum):
    """What else changed waits and volumes."""

    SCANNER = "nouvel-appareil"
    BREAKDOWN = "panne"
    STRIKE = "greve"
    EPIDEMIC = "epidemie"
    STAFF = "effectif"
    SOFTWARE = "logiciel"
    LIMITS = "limites"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _EVENT_WORDS[self]


_EVENT_WORDS = {
    EventKind.SCANNER: "nouvel appareil",
    EventKind.BREAKDOWN: "panne ou arrêt d'un appareil",
    EventKind.STRIKE: "grève",
    EventKind.EPIDEMIC: "épidémie",
    EventKind.STAFF: "arrivée ou départ d'équipe",
    EventKind.SOFTWARE: "changement de logiciel ou de codage",
    EventKind.LIMITS: "limites de contrôle recalculées",
    EventKind.OTHER: "autre",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """The dates of a site, or of one group of its prescribers; a date that is None is a step that does not come."""

    site: str
    group: str = ""
    silent_from: date | None = None
    on_from: date | None = None
    off_from: date | None = None

    @property
    def dates(self) -> tuple[date | None, date | None, date | None]:
        """Return the three dates, in their order."""
        return self.silent_from, self.on_from, self.off_from

    def mode(self, day: date) -> Mode:
        """Return what the service does on a day (a date in France)."""
        for start, mode in ((self.off_from, Mode.OFF), (self.on_from, Mode.ON), (self.silent_from, Mode.SILENT)):
            if start is not None and day >= start:
                return mode
        return Mode.BEFORE


@dataclass(frozen=True, slots=True)
class Event:
    """Something else that happened; ``site`` is empty when it concerned them all, ``until`` None when it lasts."""

    id: str
    kind: EventKind
    site: str
    since: date
    until: date | None
    words: str
    author: str
    at: str
    cancelled: bool = False


@dataclass(frozen=True)
class Calendar:
    """What is in force. ``groups`` gives the group of prescribers, by pseudonym."""

    entries: tuple[Entry, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _known(self) -> dict[tuple[str, str], Entry]:
        return {(entry.site, entry.group): entry for entry in self.entries}

    def entry(self, site: str, prescriber: str = "") -> Entry | None:
        """Return the dates of a prescriber at a site: those of their group, else those of the whole site; None when it has none."""
        group = self.groups.get(prescriber, "")
        return (self._known.get((site, group)) if group else None) or self._known.get((site, ""))

    def mode(self, site: str, prescriber: str, day: date) -> Mode:
        """Return what the service does for a prescriber at a site on a day; a site without dates is on."""
        entry = self.entry(site, prescriber)
        return entry.mode(day) if entry else Mode.ON


@dataclass(frozen=True, slots=True)
class Misread:
    """A line of a calendar that cannot be: its number, from 1, and why, in French."""

    line: int
    message: str


def read_calendar(
    text: str, *, code: Callable[[str], str] = lambda written: written, comparators: bool = False
) -> tuple[tuple[Entry, ...], tuple[Misread, ...]]:
    """Return the entries of a calendar (CSV: ``site,silent_from,on_from,off_from`` and, when wanted, ``group``), and what is wrong with it.

    ``code`` gives the code of a site as written. With ``comparators`` a site may have no date: the service is never on there.
    The delimiter is ``,``, ``;`` or a tabulation; days are written ``2026-03-02`` or ``02/03/2026``. Nothing is good when anything is wrong.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not any(line.strip() for line in lines):
        return (), (Misread(1, f"Le calendrier est vide : l'en-tête « {','.join(COLUMNS)} » est attendu."),)
    delimiter = max(",;\t", key=lines[0].count)
    reader = csv.reader(StringIO("\n".join(lines)), delimiter=delimiter)
    try:
        names = [cell.strip().lower() for cell in next(reader)]
    except csv.Error as error:
        return (), (Misread(1, f"En-tête illisible : {error}."),)
    if faults := list(_heading(names)):
        return (), tuple(faults)
    entries: list[tuple[int, Entry]] = []
    faults = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _read_line(reader.line_num, names, cells, entries, faults, code, comparators)
            if len(entries) + len(faults) > MOST_LINES:
                raise csv.Error(f"plus de {MOST_LINES} lignes")
    except csv.Error as error:
        faults.append(Misread(reader.line_num, f"Ligne illisible : {error}."))
    faults += _twice(entries)
    if not entries and not faults:
        faults.append(Misread(1, "Le calendrier n'a pas de ligne."))
    return (() if faults else tuple(entry for _, entry in entries)), tuple(sorted(faults, key=lambda fault: fault.line))


def _heading(names: Sequence[str]) -> Iterator[Misread]:
    unknown = [name for name in names if name not in (*COLUMNS, GROUP)]
    if unknown:
        yield Misread(1, f"Colonne inconnue : « {unknown[0][:40]} » ; sont attendues {', '.join(COLUMNS)} et, au besoin, {GROUP}.")
    if lacking := [name for name in COLUMNS if name not in names]:
        yield Misread(1, f"Colonne absente : {', '.join(lacking)}.")
    if len(set(names)) < len(names):
        yield Misread(1, "Une colonne est nommée deux fois.")


def _read_line(
    number: int, names: Sequence[str], cells: Sequence[str], entries: list[tuple[int, Entry]], faults: list[Misread],
    code: Callable[[str], str], comparators: bool,
) -> None:  # fmt: skip
    if len(cells) != len(names):
        faults.append(Misread(number, f"{len(cells)} cellules au lieu de {len(names)}."))
        return
    row = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    try:
        dates = [read_day(row[name], name) for name in COLUMNS[1:]]
        entry = Entry(code(row["site"]), row.get(GROUP, ""), *dates)
    except ValueError as error:
        faults.append(Misread(number, str(error)))
        return
    faults += [Misread(number, message) for message in problems(entry, comparator=comparators)]
    entries.append((number, entry))


def _twice(entries: Iterable[tuple[int, Entry]]) -> Iterator[Misread]:
    seen: dict[tuple[str, str], int] = {}
    for number, entry in entries:
        key = (entry.site, entry.group)
        if key in seen:
            yield Misread(number, f"{_who(entry)} est déjà à la ligne {seen[key]}.")
        seen.setdefault(key, number)


def _who(entry: Entry) -> str:
    return f"Le groupe « {entry.group} » du site « {entry.site} »" if entry.group else f"Le site « {entry.site} »"


def read_day(written: str, name: str) -> date | None:
    """Return a day written ``2026-03-02`` or ``02/03/2026``, None for nothing; raises ValueError, in French, naming the column."""
    if not written:
        return None
    french = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", written)
    try:
        if french:
            return date(int(french[3]), int(french[2]), int(french[1]))
        return date.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{name} : « {written[:20]} » n'est pas un jour (2026-03-02 ou 02/03/2026).") from None


def problems(entry: Entry, *, comparator: bool = False) -> Iterator[str]:
    """Yield what is wrong with an entry, in French; with ``comparator`` it may have no date."""
    for name, value in (("site", entry.site), ("group", entry.group)):
        if (value or name == "site") and (not _SLUG.fullmatch(value) or len(value) > _LONGEST):
            yield f"{name} : un code est attendu, sans espace ni accent."
    if not any(entry.dates) and not comparator:
        yield "Aucune date : retirez la ligne, le site est alors en service."
    given = [(name, day) for name, day in zip(COLUMNS[1:], entry.dates, strict=True) if day]
    for (first, earlier), (second, later) in pairwise(given):
        if later < earlier or (later == earlier and second != "on_from"):
            yield f"{second} ({later:%d/%m/%Y}) doit suivre {first} ({earlier:%d/%m/%Y})."


def to_csv(entries: Collection[Entry]) -> str:
    """Return a calendar as it is read."""
    grouped = any(entry.group for entry in entries)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("site", *((GROUP,) if grouped else ()), *COLUMNS[1:]))
    for entry in entries:
        writer.writerow((entry.site, *((entry.group,) if grouped else ()), *(day.isoformat() if day else "" for day in entry.dates)))
    return out.getvalue()
