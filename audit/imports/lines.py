"""Reading one line of an export: its exam, its timeline, its patient as a keyed hash; or the reason why it is rejected.

What is decided, and documented: an exam done before its request is kept, its wait alone is set aside; a date out of range (a
placeholder, a day to come for what is past) is taken for absent and counted; a date that cannot be read rejects its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from pertimage.audit.activity import StoredRow
from pertimage.audit.imports.columns import RURAL, SEXES, STEPS, TIME_OF, Field, Vocabulary
from pertimage.audit.imports.exam_names import ExamNames, How
from pertimage.audit.imports.mapping import FileMapping
from pertimage.audit.imports.moments import EARLIEST, NOTHING, DateReader, Moment, is_nothing, years_between
from pertimage.audit.imports.quality import Quality
from pertimage.audit.imports.refusal import LineFault
from pertimage.audit.imports.table import Table
from pertimage.audit.instants import utc_text
from pertimage.audit.projection import irradiating
from pertimage.audit.pseudonym import Pseudonyms, age_band
from pertimage.guidelines.words import fold

_INS = re.compile(r"[1-478]\d{5}(?:\d{2}|2[AB]|\d[AB])\d{5}(?:\d{2})?")
_CCAM = re.compile(r"([A-Z]{4}[0-9]{3})(?:[^A-Z0-9].*|[0-9]{0,3})?", re.IGNORECASE | re.DOTALL)
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_AGE = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*(a|y|m|j|d)?\w*", re.IGNORECASE)
_AGE_UNITS = {"m": 12.0, "j": 365.2425, "d": 365.2425}
MOST_SITES = 60
CANCELLED = "examen annulé ou patient absent"
NO_NUMBER = "examen sans numéro, reconnu à son patient, son libellé et sa première date"
_FUTURE_YEARS = 3
_MOST_CELLS = 400
_TOO_LONG = timedelta(days=2 * 366)
_NAMES = {
    Field.REQUESTED: "la demande", Field.SCHEDULED: "le rendez-vous", Field.PERFORMED: "la réalisation", Field.REPORTED: "le compte rendu",
    Field.GIVEN: "la remise", Field.BIRTH: "la naissance", Field.SEX: "le sexe", Field.RURAL: "le lieu de vie",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the timeline: where its date and its time are (time -1: in the same cell), and how they are written."""

    field: Field
    date: int
    time: int
    reader: DateReader
    latest: str


_LONGEST_NOTHING = max(map(len, NOTHING))


def _says_nothing(cell: str) -> bool:
    """Do as ``is_nothing``, which a million lines call ten times each."""
    return not cell or (len(cell) <= _LONGEST_NOTHING and cell.casefold() in NOTHING) or cell.isspace()


def site_code(name: str) -> str:
    """Return the code made from the name of a site, empty when no letter or digit is in it."""
    return _NOT_SLUG.sub("-", fold(" ".join(name.split()))).strip("-")[:60]


def _ccam(code: str) -> str | None:
    """Return the code of the CCAM act that a cell holds, alone or with its phase, activity or label."""
    found = _CCAM.fullmatch(code[:200])
    return found[1].upper() if found else None


class Sites:
    """The sites that lines name, as codes; at most ``MOST_SITES``: more would be another column taken for the site."""

    def __init__(self, known: Sequence[tuple[str, str]], place: str) -> None:
        self._codes = {fold(word): site for site, name in known for word in (site, name)}
        self._known = {site for site, _ in known}
        self._place = place
        self.new: dict[str, str] = {}

    def code(self, written: str) -> str:
        """Return the code of a site by its code or its name; raises LineFault."""
        found = self._codes.get(written)
        if found is None:
            name = " ".join(written.split())
            found = self._codes.get(fold(name)) or site_code(name)
            if not found or is_nothing(written):
                raise LineFault("site absent")
            if found not in self._known and found not in self.new:
                if len(self.new) >= MOST_SITES:
                    raise LineFault(f"plus de {MOST_SITES} sites différents : la colonne du site est-elle la bonne ?")
                self.new[found] = name[:120]
            if len(self._codes) < 10_000:
                self._codes[written] = found
        return found


class Unnumbered:
    """Numbers for the exams of a file that has none: their words, their patient and their first date, and their rank among those alike.

    The same file, or another that repeats its lines, gives the same numbers: importing it again counts nothing twice.
    """

    def __init__(self) -> None:
        self._met: dict[int, int] = {}

    def number(self, site: str, words: Sequence[str]) -> str:
        """Return the number of an exam of a site."""
        whole = "\x1f".join((site, *words))
        digest = int.from_bytes(blake2b(whole.encode(), digest_size=8).digest())
        rank = self._met[digest] = self._met.get(digest, 0) + 1
        return "\x1f".join((*words, str(rank)))


class LineReader:
    """Reads the lines of one table by its mapping; what it meets is counted in ``quality``."""

    def __init__(
        self, table: Table, mapping: FileMapping, *, names: ExamNames, vocabulary: Vocabulary, pseudonyms: Pseudonyms, sites: Sites,
        unnumbered: Unnumbered, quality: Quality, now: datetime, fictitious: bool = False,
    ) -> None:  # fmt: skip
        places = mapping.places(table.columns)
        clocks = mapping.clocks(table)
        soon, later = utc_text(now + timedelta(days=1)), utc_text(now + timedelta(days=366 * _FUTURE_YEARS))
        self._steps = [
            Step(step, places[step], places.get(TIME_OF[step], -1), DateReader(clocks[step]), later if step is Field.SCHEDULED else soon)
            for step in STEPS
            if step in places
        ]
        self._ranks = [STEPS.index(step.field) for step in self._steps]
        self._width = 1 + max(places.values())
        self._at = {name: places.get(name, -1) for name in Field}
        self._today = now.date().isoformat()
        self._births = DateReader(clocks[Field.BIRTH]) if Field.BIRTH in clocks else None
        self._site, self._unnumbered = mapping.site, unnumbered
        self._names, self._cancelled, self._pseudonyms = names, vocabulary.cancelled, pseudonyms
        self._sites, self._quality, self._fictitious = sites, quality, fictitious
        self._plain = [
            name
            for name in (Field.PATIENT, Field.SITE, Field.MODALITY, Field.LABEL, Field.CODE, Field.AGE, Field.BIRTH, Field.SEX, Field.RURAL)
            if places.get(name, -1) >= 0
        ]

    def read(self, cells: Sequence[str]) -> StoredRow:
        """Return the row of a line, hashed; raises LineFault with the reason of its rejection."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        elif len(cells) > _MOST_CELLS:
            raise LineFault("trop de cellules")
        number = self._number(cells)
        if self._at[Field.STATUS] >= 0 and self._is_cancelled(self._cell(cells, Field.STATUS)):
            raise LineFault(CANCELLED)
        site = self._site or self._sites.code(cells[self._at[Field.SITE]])
        code, label, technique = (self._cell(cells, name) for name in (Field.CODE, Field.LABEL, Field.MODALITY))
        named = self._names.read(code, label, technique)
        if named.modality is None:
            raise LineFault("modalité absente et examen non reconnu")
        moments = self._timeline(cells)
        day = next((one.day for one in (moments[2], moments[1], moments[0], moments[3], moments[4]) if one), "")
        if not day:
            raise LineFault("aucune date")
        if not number:
            first = next(one.instant for one in moments if one)
            number = self._unnumbered.number(site, (self._cell(cells, Field.PATIENT), code, label, technique, first))
            self._quality.notes[NO_NUMBER] += 1
        accession = self._pseudonyms.accession(site, number)
        requested, scheduled, performed, reported, given = (one.instant if one else None for one in moments)
        row: StoredRow = (
            site, accession, self._patient(site, cells), self._age_band(cells, day), named.modality, named.exam, named.region,
            irradiating(named.modality), requested, scheduled, performed, reported, self._fictitious, None, given,
            self._known(cells, Field.SEX, SEXES), self._known(cells, Field.RURAL, RURAL), _ccam(code),
        )  # fmt: skip
        quality = self._quality
        for name in self._plain:
            if _says_nothing(cells[self._at[name]]):
                quality.missing[name] += 1
        if named.other:
            quality.notes["technique du fichier différente de celle de l'examen reconnu"] += 1
        if named.several:
            quality.notes["libellé qui nomme plusieurs examens, le premier est compté"] += 1
        how = How.NOTHING if named.how is How.MODALITY and not (code or label) else named.how
        quality.keep(
            (site, accession), row, exam=named.exam, modality=named.modality, how=how, word=fold(code or label)[:120],
            day=moments[2].day if moments[2] else "",
        )  # fmt: skip
        return row

    def _number(self, cells: Sequence[str]) -> str:
        """Return the number that a line gives its exam, empty when the file has no such column."""
        if self._at[Field.NUMBER] < 0:
            return ""
        number = self._cell(cells, Field.NUMBER)
        if number.casefold() in NOTHING:
            raise LineFault("numéro d'examen absent")
        if "\0" in number or len(number) > 200:
            raise LineFault("numéro d'examen illisible")
        return number

    def _cell(self, cells: Sequence[str], name: Field) -> str:
        place = self._at[name]
        return cells[place].strip() if place >= 0 else ""

    def _is_cancelled(self, status: str) -> bool:
        said = fold(status)
        return said in self._cancelled or any(said.startswith(word) for word in ("annul", "absent", "non venu", "non honor", "cancel"))

    def _known(self, cells: Sequence[str], name: Field, words: Mapping[str, Any]) -> Any:
        """Return what a cell says among a few words; another word is taken for nothing, and counted."""
        written = self._cell(cells, name)
        if not written:
            return None
        found = words.get(fold(written))
        if found is None and written.casefold() not in NOTHING:
            self._quality.impossible[f"{_NAMES[name]} illisible"] += 1
        return found

    def _timeline(self, cells: Sequence[str]) -> list[Moment | None]:
        moments: list[Moment | None] = [None] * len(STEPS)
        for rank, step in zip(self._ranks, self._steps, strict=True):
            text = cells[step.date].strip()
            if _says_nothing(text):
                self._quality.missing[step.field] += 1
                continue
            moments[rank] = self._moment(step, text, cells[step.time].strip() if step.time >= 0 else "")
        self._in_order(moments)
        return moments

    def _moment(self, step: Step, text: str, time: str) -> Moment | None:
        try:
            moment = step.reader.read(text, "" if time.casefold() in NOTHING else time)
        except LineFault as fault:
            raise LineFault(f"{fault} pour {_NAMES[step.field]}") from None
        if not moment.day >= EARLIEST or moment.instant > step.latest:
            self._quality.impossible[f"date hors limites pour {_NAMES[step.field]}"] += 1
            return None
        if moment.note:
            self._quality.notes[f"{moment.note} au changement d'heure"] += 1
        return moment

    def _in_order(self, moments: list[Moment | None]) -> None:
        """Count the steps that precede the one before them; a day without time is no later than the hour of the same day."""
        before: int | None = None
        for place, moment in enumerate(moments):
            if moment is None:
                continue
            earlier = moments[before] if before is not None else None
            if earlier and before is not None and moment.instant < earlier.instant:
                if moment.day == earlier.day and moment.timed is not earlier.timed:
                    untimed = before if moment.timed else place
                    moments[untimed] = (earlier if not moment.timed else moment)._replace(timed=False)
                else:
                    self._quality.impossible[f"{_NAMES[STEPS[place]]} avant {_NAMES[STEPS[before]]}"] += 1
            before = place

    def _patient(self, site: str, cells: Sequence[str]) -> str | None:
        place = self._at[Field.PATIENT]
        number = cells[place].strip() if place >= 0 else ""
        if not number or number.casefold() in NOTHING:
            return None
        compact = number.replace(" ", "").upper()
        return self._pseudonyms.patient(f"INS|{compact[:13]}" if _INS.fullmatch(compact) else f"{site}|{number}")

    def _age_band(self, cells: Sequence[str], day: str) -> str | None:
        try:
            return age_band(self._age(cells, day))
        except ValueError:
            self._quality.impossible["âge impossible"] += 1
            return None

    def _age(self, cells: Sequence[str], day: str) -> float | None:
        written, born = self._cell(cells, Field.AGE), self._cell(cells, Field.BIRTH)
        if written and written.casefold() not in NOTHING - {"0"}:
            found = _AGE.fullmatch(written)
            if found is None:
                raise LineFault("âge illisible")
            return float(found[1].replace(",", ".")) / _AGE_UNITS.get((found[2] or "").lower(), 1.0)
        if not self._births or _says_nothing(born):
            return None
        birth = self._births.read(born if not re.fullmatch(r"(?:19|20)\d\d", born) else f"{born}-07-01").day
        if birth > self._today:  # « 03/02/38 »: two digits of the last century
            birth = f"{int(birth[:4]) - 100}{birth[4:]}"
        return years_between(birth, day)
