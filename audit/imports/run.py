"""Importing tables: line after line, in batches, with progress; what is done is durable, what is not can be done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pertimage.audit.activity import BATCH, ActivityWriter, Import
from pertimage.audit.imports.columns import Field, vocabulary
from pertimage.audit.imports.exam_names import ExamNames
from pertimage.audit.imports.history import check_key, known_sites, note_import
from pertimage.audit.imports.lines import CANCELLED, LineReader, Sites, Unnumbered
from pertimage.audit.imports.mapping import FileMapping
from pertimage.audit.imports.quality import Quality
from pertimage.audit.imports.refusal import FileRefused, LineFault
from pertimage.audit.imports.rejects import Rejects
from pertimage.audit.imports.table import Table
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.register import Register
from pertimage.cds.assess import recogniser
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.words import fold

_PROGRESS_EVERY = 2_000
_SITES_JUDGED, _MOST_VARIED = 20, 0.3


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports into which registers, and when; ``batch`` is the number of exams of a journal record."""

    register: Register
    catalogue: Catalogue
    pseudonyms: Pseudonyms
    author: str
    at: datetime
    fictitious: bool = False
    batch: int = BATCH
    dry: bool = False

    def run(
        self, work: Sequence[tuple[Table, FileMapping]], rejects: Rejects, progress: Callable[[int, int], None] = lambda done, lines: None
    ) -> tuple[Import, dict[str, Any]]:
        """Import tables, each by its mapping; return what was done and the quality report, with the words not recognised.

        ``progress`` is told the bytes and the lines read. With ``dry`` nothing is written. Raises FileRefused.
        """
        for table, mapping in work:
            _check_sites(table, mapping)
        check_key(self.register, self.pseudonyms, self.at, note=not self.dry)
        sites, unnumbered = Sites(known_sites(self.register), ""), Unnumbered()
        quality = Quality(
            sorted({name for _, mapping in work for name in mapping.headers if not name.startswith("heure_")} - {Field.STATUS})
        )
        writer = ActivityWriter(self.register.journal, self.at, Import(), self.batch)
        used: set[str] = set()
        before = 0
        for table, mapping in work:
            used |= self._one(table, mapping, rejects, quality, writer, sites, unnumbered, _after(progress, before, table))
            before += table.size
        if self.dry:
            return Import(), quality.report(words=True)
        done = writer.finish()
        self._name_sites(sites, used)
        rejected = sum(count for reason, count in quality.rejected.items() if reason != CANCELLED)
        counts = {"lines": quality.lines, "rejected": rejected}
        note_import(self.register, done, author=self.author, sites=sorted(used), report=quality.report(), at=self.at, **counts)
        return done, quality.report(words=True)

    def _one(
        self, table: Table, mapping: FileMapping, rejects: Rejects, quality: Quality, writer: ActivityWriter, sites: Sites,
        unnumbered: Unnumbered, progress: Callable[[int], None],
    ) -> set[str]:  # fmt: skip
        own = {_hashed(self.pseudonyms, word): exam for word, exam in mapping.exams.items()}
        names = ExamNames(
            self.catalogue,
            recogniser(self.catalogue),
            vocabulary(),
            (lambda word: own.get(self.pseudonyms.word(word))) if own else lambda word: None,
        )
        reader = LineReader(
            table, mapping, names=names, vocabulary=vocabulary(), pseudonyms=self.pseudonyms, sites=sites, unnumbered=unnumbered,
            quality=quality, now=self.at, fictitious=self.fictitious,
        )  # fmt: skip
        rejects.start(table.columns)
        used: set[str] = set()
        for line in table.lines():
            try:
                if line.fault:
                    raise LineFault(line.fault)
                row = reader.read(line.cells)
            except LineFault as fault:
                quality.reject(str(fault))
                rejects.add(line, str(fault))
            else:
                used.add(row[0])
                if not self.dry:
                    writer.add(row)
            if quality.lines % _PROGRESS_EVERY == 0:
                progress(quality.lines)
        progress(quality.lines)
        return used

    def _name_sites(self, sites: Sites, used: set[str]) -> None:
        """Enter the sites that the registers did not know, under the name that the file gives them."""
        known = {site.id for site in self.register.sites()} | {place["id"] for place in self.register.places()}
        for site in sorted(used - known):
            self.register.set_site(site, sites.new.get(site, site), at=self.at, fictitious=self.fictitious)


def _check_sites(table: Table, mapping: FileMapping) -> None:
    """Refuse a column of sites with almost as many values as lines: the codes of sites are kept, and it could be one of names."""
    place = mapping.places(table.columns).get(Field.SITE)
    if place is None or mapping.site:
        return
    said = [row[place].strip() for row in table.sample if place < len(row)]
    if len(said) >= _SITES_JUDGED and len(set(said)) > _MOST_VARIED * len(said):
        raise FileRefused(
            f"{table.name} : la colonne « {table.columns[place]} », lue comme le site, change presque à chaque ligne. Donnez le site (--site)."
        )


def _after(progress: Callable[[int, int], None], before: int, table: Table) -> Callable[[int], None]:
    """Return what tells the progress of one table, after those that were read before it."""
    return lambda lines: progress(before + table.read(), lines)


def _hashed(pseudonyms: Pseudonyms, word: str) -> str:
    """Return the keyed hash of a word of a site; those of a saved mapping are hashed already."""
    return word if _is_hash(word) else pseudonyms.word(fold(word.strip()))


def _is_hash(word: str) -> bool:
    return len(word) == 32 and all(char in "0123456789abcdef" for char in word)
