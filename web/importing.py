"""What is to be imported: the tables of a file, whatever it is, and the mapping of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pertimage.audit.imports.columns import Field, Guess, vocabulary
from pertimage.audit.imports.delimited import read_delimited
from pertimage.audit.imports.mapping import FileMapping, guess_mapping
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.source import Kind, source
from pertimage.audit.imports.table import Table
from pertimage.audit.imports.workbook import read_workbook
from pertimage.fhir.timelines import FIELDS
from pertimage.web.importing_fhir import fhir_table


@dataclass(frozen=True, slots=True)
class Planned:
    """A table, how it is read, what that rests on, and where the mapping comes from (``guessed``, ``saved`` or ``given``)."""

    table: Table
    mapping: FileMapping
    guesses: tuple[Guess, ...]
    origin: str

    def checked(self) -> Planned:
        """Return it if it can be imported; raises FileRefused, naming the file."""
        try:
            self.mapping.checked().places(self.table.columns)
        except FileRefused as refusal:
            raise FileRefused(f"{self.table.name} : {refusal}") from None
        return self


def tables_of(path: Path, name: str = "", sheet: str = "") -> list[Table]:
    """Return the tables of a file; raises FileRefused, or OSError when it cannot be read."""
    found = source(path, name)
    if found.kind is Kind.WORKBOOK:
        return read_workbook(found, vocabulary(), sheet)
    if sheet:
        raise FileRefused(f"{found.name} : une feuille est demandée, mais ce n'est pas un classeur")
    if found.kind is Kind.JSON:
        return [fhir_table(found)]
    return [read_delimited(found, vocabulary())]


def plan(table: Table, site: str, given: FileMapping | None, saved: Sequence[FileMapping]) -> Planned:
    """Return how a table is read: as given, else as saved when its columns are all there, else as guessed."""
    guessed, guesses = guess_mapping(table, vocabulary(), site)
    if table.columns == FIELDS:  # resources joined: their columns are the fields, those that say something
        full = [any(row[place].strip() for row in table.sample) for place in range(len(FIELDS))]
        headers = {Field(name): name for name, said in zip(FIELDS, full, strict=True) if said and not (site and name == Field.SITE)}
        return Planned(table, FileMapping(headers, site), (), "guessed")
    if given is not None:
        return Planned(table, _for_site(given, site), guesses, "given")
    known = next((one for one in saved if one.fits(table.columns)), None)
    if known is not None:
        return Planned(table, _for_site(known, site), guesses, "saved")
    return Planned(table, guessed, guesses, "guessed")


def _for_site(mapping: FileMapping, site: str) -> FileMapping:
    if not site:
        return mapping
    return replace(mapping, site=site, headers={name: header for name, header in mapping.headers.items() if name is not Field.SITE})
