"""Import activity: exams requested and performed, from a RIS export or the demonstration.

Identity stops here: numbers of exams and patients become keyed hashes, the age a band, and every word must be a code.
Batches go through the journal, so an imported line is durable when it is counted, and the register can be rebuilt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pertimage.audit.instants import utc_text
from pertimage.audit.journal import Entry, Journal, Record
from pertimage.audit.projection import irradiating
from pertimage.audit.pseudonym import Pseudonyms, age_band
from pertimage.audit.summary.changes import ExamKey, exams_known
from pertimage.audit.summary.refresh import AT_ONCE, refresh
from pertimage.cds.model import Outcome

# Exams per journal record: each costs a synchronisation of the disk, and is held in memory as a whole.
BATCH = 5_000
_SLUG = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", re.IGNORECASE)
_MODALITY = re.compile(r"[A-Z]{2,4}")
_CCAM = re.compile(r"[A-Z]{4}[0-9]{3}")
COLUMNS = (
    "site", "accession", "patient", "age_band", "modality", "exam", "region", "irradiating", "requested_at", "scheduled_at",
    "performed_at", "reported_at", "fictitious", "outcome", "given_at", "sex", "rural", "ccam",
)  # fmt: skip
# The values of an exam as the register holds them, in the order of COLUMNS.
StoredRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One exam. ``accession`` and ``patient`` are hashed before anything is stored; ``age`` is in years.

    ``modality`` is a DICOM code; ``exam`` a catalogue id; ``irradiating`` is deduced from the modality unless given; instants
    are aware datetimes (a day without time: noon, so that its week is right everywhere); ``outcome`` when it was judged; ``sex`` is F or M,
    ``rural`` says where the patient lives, ``ccam`` is the code of the act (seven characters).
    """

    site: str
    accession: str
    modality: str
    patient: str | None = None
    age: float | None = None
    exam: str | None = None
    region: str | None = None
    irradiating: bool | None = None
    requested_at: datetime | None = None
    scheduled_at: datetime | None = None
    performed_at: datetime | None = None
    reported_at: datetime | None = None
    fictitious: bool = False
    outcome: str | None = None
    given_at: datetime | None = None
    sex: str | None = None
    rural: bool | None = None
    ccam: str | None = None


@dataclass(slots=True)
class Import:
    """What an import did. ``rejected`` pairs the place of a row in the iterable, from 1, with the reason in French."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


class ActivityWriter:
    """Writes exams to the journal in batches, the next one being made ready while one is on its way to the disk.

    An exam is the same when site and accession number are. One that is known is updated: what a line does not say erases
    nothing. ``done`` counts; call ``finish`` at the end.
    """

    def __init__(self, journal: Journal, at: datetime, done: Import, batch: int = BATCH) -> None:
        self._journal, self._at, self._batch = journal, at, batch
        self.done = done
        self._rows: dict[tuple[str, str], StoredRow] = {}
        self._written: Future[Record] | None = None
        self._records = 0

    def add(self, row: StoredRow) -> None:
        """Add an exam; of the same exam twice, the last line tells."""
        key = (row[0], row[1])
        earlier = self._rows.get(key)
        if earlier is not None:
            self.done.unchanged += 1
            row = _completed(earlier, row)
        self._rows[key] = row
        if len(self._rows) >= self._batch:
            self.flush()

    def flush(self) -> None:
        """Send what waits to the journal."""
        self._wait()
        known = _known(self._journal, self._rows.keys())
        changed = []
        for key, row in self._rows.items():
            earlier = known.get(key)
            whole = row if earlier is None else _completed(earlier, row)
            if whole != earlier:
                changed.append(whole)
                self.done.updated += earlier is not None
                self.done.added += earlier is None
        self.done.unchanged += len(self._rows) - len(changed)
        self._rows = {}
        if changed:
            self._written = self._journal.submit(Entry("activity", {"columns": COLUMNS, "rows": changed}, self._at))
            self._records += 1

    def finish(self) -> Import:
        """Return what was done, once all of it is on disk."""
        if self._rows:
            self.flush()
        self._wait()
        refresh(self._journal.store)
        return self.done

    def _wait(self) -> None:
        """Wait for the record on its way, and see from time to time to the summary, so that no page has much to do."""
        if self._written:
            self._written.result()
            self._written = None
            if self._records % AT_ONCE == 0:
                refresh(self._journal.store)


def add_activity(journal: Journal, rows: Iterable[ActivityRow], pseudonyms: Pseudonyms, *, at: datetime) -> Import:
    """Add exams, in batches; importing them again changes nothing, and an exam that has moved on is updated.

    Faulty rows are left out and reported; the others are kept.
    """
    writer = ActivityWriter(journal, at, Import())
    for row in _readable(enumerate(rows, start=1), pseudonyms, writer.done):
        writer.add(row)
    return writer.finish()


def _readable(numbered: Iterable[tuple[int, ActivityRow]], pseudonyms: Pseudonyms, done: Import) -> Iterator[StoredRow]:
    for place, row in numbered:
        try:
            yield _stored(row, pseudonyms)
        except ValueError as error:
            done.rejected.append((place, str(error)))


def _stored(row: ActivityRow, pseudonyms: Pseudonyms) -> StoredRow:
    if not row.accession.strip():
        raise ValueError("numéro d'examen absent")
    return (
        _code("site", row.site), pseudonyms.accession(row.site, row.accession),
        pseudonyms.patient(row.patient) if row.patient and row.patient.strip() else None, _band(row.age),
        _modality(row.modality), _code("examen", row.exam), _code("région", row.region),
        irradiating(row.modality) if row.irradiating is None else row.irradiating,
        _instant("demande", row.requested_at), _instant("rendez-vous", row.scheduled_at),
        _instant("réalisation", row.performed_at), _instant("compte rendu", row.reported_at),
        row.fictitious, _outcome(row.outcome), _instant("remise", row.given_at), _sex(row.sex), row.rural, _ccam(row.ccam),
    )  # fmt: skip


def _completed(earlier: StoredRow, row: StoredRow) -> StoredRow:
    """Return a row with what it does not say taken from an earlier one; the irradiation goes with the technique."""
    if earlier == row or None not in row:
        return row
    irradiation = COLUMNS.index("irradiating")
    return tuple(
        before if value is None and place != irradiation else value for place, (value, before) in enumerate(zip(row, earlier, strict=True))
    )


def _known(journal: Journal, keys: Collection[ExamKey]) -> dict[ExamKey, StoredRow]:
    with journal.store.reader.connect() as connection:
        return {(row[0], row[1]): tuple(row) for row in exams_known(connection, COLUMNS, keys)}


def _code(what: str, value: str | None) -> str | None:
    """Accept only codes: free text could name the patient."""
    if value is not None and not _SLUG.fullmatch(value):
        raise ValueError(f"{what} : un code est attendu, sans espace ni accent")
    return value


def _modality(value: str) -> str:
    if not _MODALITY.fullmatch(value):
        raise ValueError("modalité : un code DICOM est attendu (CT, MR, DX, US…)")
    return value


def _sex(value: str | None) -> str | None:
    if value not in (None, "F", "M"):
        raise ValueError("sexe : F ou M est attendu")
    return value


def _ccam(value: str | None) -> str | None:
    if value is not None and not _CCAM.fullmatch(value):
        raise ValueError("code CCAM : quatre lettres et trois chiffres sont attendus")
    return value


def _band(age: float | None) -> str | None:
    try:
        return age_band(age)
    except ValueError:
        raise ValueError("âge impossible") from None


def _instant(what: str, moment: datetime | None) -> str | None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"date de {what} sans fuseau horaire")
    return utc_text(moment) if moment else None


def _outcome(value: str | None) -> str | None:
    if value is not None and value not in set(Outcome):
        raise ValueError("avis inconnu")
    return value
