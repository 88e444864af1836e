"""Import activity: exams requested and performed, from a RIS export or the demonstration.

Identity stops here: numbers of exams and patients become keyed hashes, the age a band, and every word must be a code.
Batches go through the journal, so an imported line is durable when it is counted, and the register can be rebuilt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select

from pertimage.audit.instants import utc_text
from pertimage.audit.journal import Journal
from pertimage.audit.projection import irradiating
from pertimage.audit.pseudonym import Pseudonyms, age_band
from pertimage.audit.tables import activity
from pertimage.cds.model import Outcome

BATCH = 500
_SLUG = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", re.IGNORECASE)
_MODALITY = re.compile(r"[A-Z]{2,4}")
COLUMNS = (
    "site", "accession", "patient", "age_band", "modality", "exam", "region", "irradiating", "requested_at", "scheduled_at",
    "performed_at", "reported_at", "fictitious", "outcome",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One exam. ``accession`` and ``patient`` are hashed before anything is stored; ``age`` is in years.

    ``modality`` is a DICOM code; ``exam`` a catalogue id; ``irradiating`` is deduced from the modality unless given; instants
    are aware datetimes (a day without time: noon, so that its week is right everywhere); ``outcome`` when it was judged.
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


@dataclass(slots=True)
class Import:
    """What an import did. ``rejected`` pairs the place of a row in the iterable, from 1, with the reason in French."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


def add_activity(journal: Journal, rows: Iterable[ActivityRow], pseudonyms: Pseudonyms, *, at: datetime) -> Import:
    """Add exams, in batches; importing them again changes nothing, and an exam that has moved on is updated.

    An exam is the same when site and accession number are. Faulty rows are left out and reported; the others are kept.
    """
    done = Import()
    numbered = enumerate(rows, start=1)
    while taken := list(islice(numbered, BATCH)):
        good = list(_readable(taken, pseudonyms, done))
        batch = {(row["site"], row["accession"]): row for row in good}
        done.unchanged += len(good) - len(batch)  # the same exam twice in a batch: the last line tells
        _write(journal, batch, at, done)
    return done


def _readable(taken: list[tuple[int, ActivityRow]], pseudonyms: Pseudonyms, done: Import) -> Iterator[dict[str, Any]]:
    for place, row in taken:
        try:
            yield _stored(row, pseudonyms)
        except ValueError as error:
            done.rejected.append((place, str(error)))


def _stored(row: ActivityRow, pseudonyms: Pseudonyms) -> dict[str, Any]:
    if not row.accession.strip():
        raise ValueError("numéro d'examen absent")
    return {
        "site": _code("site", row.site), "accession": pseudonyms.accession(row.site, row.accession),
        "patient": pseudonyms.patient(row.patient) if row.patient and row.patient.strip() else None, "age_band": _band(row.age),
        "modality": _modality(row.modality), "exam": _code("examen", row.exam), "region": _code("région", row.region),
        "irradiating": irradiating(row.modality) if row.irradiating is None else row.irradiating,
        "requested_at": _instant("demande", row.requested_at), "scheduled_at": _instant("rendez-vous", row.scheduled_at),
        "performed_at": _instant("réalisation", row.performed_at), "reported_at": _instant("compte rendu", row.reported_at),
        "fictitious": row.fictitious, "outcome": _outcome(row.outcome),
    }  # fmt: skip


def _write(journal: Journal, batch: dict[tuple[str, str], dict[str, Any]], at: datetime, done: Import) -> None:
    known = _known(journal, batch)
    changed = [row for key, row in batch.items() if known.get(key) != row]
    if changed:
        payload = {"columns": COLUMNS, "rows": [[row[name] for name in COLUMNS] for row in changed]}
        journal.append("activity", payload, at)
    updated = sum((row["site"], row["accession"]) in known for row in changed)
    done.updated += updated
    done.added += len(changed) - updated
    done.unchanged += len(batch) - len(changed)


def _known(journal: Journal, batch: Collection[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    columns = [activity.c[name] for name in COLUMNS]
    query = select(*columns).where(activity.c.accession.in_([accession for _, accession in batch]))
    with journal.store.reader.connect() as connection:
        return {(row.site, row.accession): dict(row._mapping) for row in connection.execute(query)}


def _code(what: str, value: str | None) -> str | None:
    """Accept only codes: free text could name the patient."""
    if value is not None and not _SLUG.fullmatch(value):
        raise ValueError(f"{what} : un code est attendu, sans espace ni accent")
    return value


def _modality(value: str) -> str:
    if not _MODALITY.fullmatch(value):
        raise ValueError("modalité : un code DICOM est attendu (CT, MR, DX, US…)")
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
