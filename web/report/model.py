"""A report as words, tables and figures, before any file format: the three files of a report say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

Spec = dict[str, Any]


class Tone(StrEnum):
    """How a paragraph speaks."""

    PLAIN = "plain"
    LEAD = "lead"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of French text."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: what is read, and the number behind it for a spreadsheet (None: words, or a count that is not shown)."""

    text: str
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column names the rows. ``name`` is that of its sheet in the spreadsheet (31 characters at most)."""

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse rows of another length than the header."""
        if wrong := [row for row in self.rows if len(row) != len(self.header)]:
            raise ValueError(f"table {self.name!r}: a row has {len(wrong[0])} cells instead of {len(self.header)}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: its specification, and the sentence that stands for it."""

    caption: str
    spec: Spec = field(repr=False)
    description: str


Block = Paragraph | Bullets | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A section and its parts; ``parts`` are one level lower."""

    title: str
    blocks: tuple[Block, ...] = ()
    parts: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report. ``about`` are pairs shown on the first page (period, sites, author, versions…); ``made_at`` is aware."""

    title: str
    subtitle: str
    about: tuple[tuple[str, str], ...]
    summary: tuple[Block, ...]
    sections: tuple[Section, ...]
    made_at: datetime
    fictitious: bool = False
    restricted: bool = False

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what every page must say."""
        said = ("Données fictives : démonstration.",) if self.fictitious else ()
        return said + (("Diffusion restreinte : effectifs exacts.",) if self.restricted else ())

    def tables(self) -> Iterator[Table]:
        """Yield the tables, in order."""
        for block in self._blocks():
            if isinstance(block, Table):
                yield block

    def _blocks(self) -> Iterator[Block]:
        yield from self.summary
        yield from _blocks_of(self.sections)


def _blocks_of(sections: Sequence[Section]) -> Iterator[Block]:
    for section in sections:
        yield from section.blocks
        yield from _blocks_of(section.parts)
