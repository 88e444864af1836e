"""What the store keeps of imports: the mappings saved per site, the imports made, the fingerprint of the key they were hashed with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import func, select

from pertimage.audit.activity import Import
from pertimage.audit.evaluation_tables import import_mappings, imports
from pertimage.audit.imports.lines import site_code
from pertimage.audit.imports.mapping import FileMapping, mapping_of
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.journal import Record
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.register import Register
from pertimage.audit.tables import activity
from pertimage.guidelines.words import fold

_KEY_SETTING = "empreinte-cle-import"


@dataclass(frozen=True, slots=True)
class PastImport:
    """An import that changed something: who, when (an instant), what it counted, its quality report."""

    seq: int
    author: str
    at: str
    sites: str
    lines: int
    added: int
    updated: int
    unchanged: int
    rejected: int
    report: dict[str, Any]


def save_mapping(register: Register, mapping: FileMapping, *, author: str, pseudonyms: Pseudonyms, at: datetime) -> Record | None:
    """Keep a mapping for its site, once; words of the site are kept as keyed hashes. Raises FileRefused."""
    document = mapping.checked().savable().document()
    document["examens"] = {pseudonyms.word(fold(word)): exam for word, exam in mapping.exams.items() if word.strip()}
    if saved_document(register, mapping.site) == document:
        return None
    payload = {"site": mapping.site, "document": document, "author": author}
    return register.journal.append("import-mapping", payload, at)


def saved_document(register: Register, site: str) -> dict[str, Any] | None:
    """Return the mapping saved for a site ("": files that name their sites), as a document; None when there is none."""
    query = select(import_mappings.c.document).where(import_mappings.c.site == site)
    with register.journal.store.reader.connect() as connection:
        found = connection.execute(query).scalar_one_or_none()
    document: dict[str, Any] | None = orjson.loads(found) if found else None
    return document


def saved_mapping(register: Register, site: str) -> FileMapping | None:
    """Return the mapping saved for a site; the words of ``exams`` are hashed."""
    document = saved_document(register, site)
    return mapping_of(document) if document else None


def note_import(
    register: Register, done: Import, *, author: str, sites: Sequence[str], lines: int, rejected: int, report: Any, at: datetime
) -> Record | None:
    """Write that an import was made, unless it changed nothing."""
    if not done.added + done.updated:
        return None
    counts = {"lines": lines, "added": done.added, "updated": done.updated, "unchanged": done.unchanged, "rejected": rejected}
    return register.journal.append("import", {**counts, "author": author, "sites": sorted(sites), "report": report}, at)


def past_imports(register: Register, limit: int = 50) -> list[PastImport]:
    """Return the imports made, the latest first."""
    query = select(imports).order_by(imports.c.seq.desc()).limit(limit)
    with register.journal.store.reader.connect() as connection:
        rows = connection.execute(query).all()
    return [
        PastImport(row.seq, row.author, row.at, row.sites, row.lines, row.added, row.updated, row.unchanged, row.rejected, orjson.loads(row.report))
        for row in rows
    ]  # fmt: skip


def check_key(register: Register, pseudonyms: Pseudonyms, at: datetime, *, note: bool = True) -> None:
    """Hold the key to that of the first import: with another, each exam would be counted twice. Raises FileRefused."""
    known, own = register.setting(_KEY_SETTING), pseudonyms.fingerprint()
    if known is None and note:
        register.set_setting(_KEY_SETTING, own, at=at)
    elif known not in (None, own):
        raise FileRefused("la clé (PERTIMAGE_SECRET) n'est pas celle des imports précédents : les mêmes examens seraient comptés deux fois")


def site_codes(register: Register) -> Callable[[str], str]:
    """Return what gives the code of a site as people write it: its code, its name, else the code that an import would give it."""
    codes = {fold(word): site for site, name in known_sites(register) for word in (site, name)}
    return lambda written: codes.get(fold(" ".join(written.split()))) or site_code(written)


def known_sites(register: Register) -> list[tuple[str, str]]:
    """Return the sites of the registers and of the catalogue of places, id and name, those of the exams imported too."""
    with register.journal.store.reader.connect() as connection:
        used = connection.execute(select(activity.c.site, func.min(activity.c.site)).group_by(activity.c.site)).all()
    found = {site: str(name) for site, name in used}
    found |= {place["id"]: str(place["name"]) for place in register.places()}
    return list((found | {site.id: site.name for site in register.sites()}).items())
