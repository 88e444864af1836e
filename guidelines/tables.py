"""The cross-cutting tables: what holds for every situation (completeness, safety, redundancy, dose, fall-backs, pathways).

Each table is a YAML file of ``data/transversal`` that clinicians read and sign like a sheet: every row says what it rests on
(``fonde``: a text that was read, common knowledge, or a parameter proposed by this project, shown as such to users). A row
chooses its exams with ``examens`` and its patients with ``si``, in the condition language of the sheets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.conditions import ALWAYS, Condition, ConditionError, Names, facts_of, parse
from pertimage.guidelines.schema import ExamForm, Form, Modality, Slug, YesNo
from pertimage.guidelines.source import Document, Fault

if TYPE_CHECKING:
    from pertimage.guidelines.completeness import Completeness
    from pertimage.guidelines.dose import DoseTable
    from pertimage.guidelines.fallbacks import Fallbacks
    from pertimage.guidelines.pathways import Pathways
    from pertimage.guidelines.redundancy import Redundancy
    from pertimage.guidelines.restitution import RestitutionTable
    from pertimage.guidelines.safety import Safety

FOLDER = "transversal"


class Basis(StrEnum):
    """What a row rests on."""

    VERIFIED = "verified"
    KNOWLEDGE = "knowledge"
    PROPOSED = "proposed"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _BASIS_WORDS[self]


BasisWord = Literal["texte_lu", "connaissance", "proposition"]
FRENCH_BASES: Mapping[str, Basis] = {"texte_lu": Basis.VERIFIED, "connaissance": Basis.KNOWLEDGE, "proposition": Basis.PROPOSED}
_BASIS_WORDS = {
    Basis.VERIFIED: "texte lu",
    Basis.KNOWLEDGE: "connaissance d'expert, source à vérifier",
    Basis.PROPOSED: "paramètre proposé par le projet, sans valeur réglementaire ni recommandation publiée",
}


class WhichForm(Form):
    """Which exams a row is about: those that meet every criterion given; none given: all."""

    exams: list[Slug] = Field(default=[], alias="parmi", description="Ids d'examens.")
    modalities: list[Modality] = Field(default=[], alias="techniques", description="Techniques, par leur code DICOM (DX, CT, MR, US…).")
    regions: list[Slug] = Field(default=[], description="Régions, avec celles qu'elles contiennent.")
    irradiating: YesNo | None = Field(default=None, alias="irradiant", description="oui : examens à rayons.")
    contrast: YesNo | None = None
    lateral: YesNo | None = None
    uterus_in_field: YesNo | None = None


@dataclass(frozen=True, slots=True)
class Which:
    """Which exams a row is about, compiled; ``regions`` holds also the regions inside those named."""

    exams: frozenset[str] = frozenset()
    modalities: frozenset[Modality] = frozenset()
    regions: frozenset[str] = frozenset()
    irradiating: bool | None = None
    contrast: bool | None = None
    lateral: bool | None = None
    uterus_in_field: bool | None = None

    def accepts(self, exam: ExamForm) -> bool:
        """Say whether an exam meets every criterion."""
        return (
            (not self.exams or exam.id in self.exams)
            and (not self.modalities or exam.modality in self.modalities)
            and (not self.regions or exam.region in self.regions)
            and self.irradiating in (None, exam.modality.irradiating)
            and self.contrast in (None, exam.contrast)
            and self.lateral in (None, exam.lateral)
            and self.uterus_in_field in (None, exam.uterus_in_field)
        )


class RowForm(Form):
    """What every row of every table says of itself."""

    basis: BasisWord = Field(alias="fonde", description="Sur quoi la ligne repose : texte_lu, connaissance ou proposition.")
    source: str = ""
    note: str = ""


@dataclass(slots=True)
class TableReader:
    """One file of the folder being compiled: names are checked, faults are gathered with their lines."""

    document: Document
    names: Names
    catalogue: Catalogue
    sheets: frozenset[str]
    faults: list[Fault] = field(default_factory=list)
    facts: set[str] = field(default_factory=set)

    def condition(self, form: Any, *path: str | int) -> Condition:
        """Return a condition (``si``); nothing written holds always."""
        if form is None:
            return ALWAYS
        try:
            condition = parse(form, self.names)
            self.facts |= facts_of(condition)
            return condition
        except ConditionError as error:
            self.faults.append(self.document.fault(str(error), *path))
            return ()

    def which(self, form: WhichForm, *path: str | int) -> Which:
        """Return which exams a row is about."""
        for exam in form.exams:
            self.known(exam, self.catalogue.exams, "examen", *path)
        for region in form.regions:
            self.known(region, self.catalogue.regions, "région", *path)
        inside = {name for name in self.catalogue.regions if not {name, *self.catalogue.wider_regions(name)}.isdisjoint(form.regions)}
        return Which(
            frozenset(form.exams), frozenset(form.modalities), frozenset(inside), form.irradiating, form.contrast, form.lateral, form.uterus_in_field,
        )  # fmt: skip

    def known(self, name: str, among: Mapping[str, Any] | frozenset[str], what: str, *path: str | int) -> bool:
        """Say whether a name exists; when it does not, that is a fault of the file."""
        if name in among:
            return True
        self.faults.append(self.document.fault(f"{what} inconnu(e) « {name} »", *path))
        return False


def _asks_nothing() -> Completeness:
    """Return the table of a base that has none."""
    from pertimage.guidelines.completeness import Completeness

    return Completeness()


def _recalls_nothing() -> RestitutionTable:
    """Return the table of a base that has none."""
    from pertimage.guidelines.restitution import RestitutionTable

    return RestitutionTable()


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables compiled, one field each; a base that has no file for one has an empty table.

    ``facts`` are the facts that the conditions of all tables name.
    """

    safety: Safety | None = None
    completeness: Completeness = field(default_factory=_asks_nothing)
    redundancy: Redundancy | None = None
    doses: DoseTable | None = None
    pathways: Pathways | None = None
    fallbacks: Fallbacks | None = None
    restitution: RestitutionTable = field(default_factory=_recalls_nothing)
    facts: frozenset[str] = frozenset()


def _by(module: str, name: str) -> Callable[[TableReader], Any]:
    """Return a reader of a sibling module, imported when it is called: these modules import this one."""
    return lambda reader: getattr(import_module(f"pertimage.guidelines.{module}"), name)(reader)


# File name without extension → (field of ``Tables``, how to compile what the file holds).
READERS: Mapping[str, tuple[str, Callable[[TableReader], Any]]] = {
    "securite": ("safety", _by("safety", "read_safety")),
    "completude": ("completeness", _by("completeness", "read_completeness")),
    "redondance": ("redundancy", _by("redundancy", "read_redundancy")),
    "dose": ("doses", _by("dose", "read_doses")),
    "replis": ("fallbacks", _by("fallbacks", "read_fallbacks")),
    "parcours": ("pathways", _by("pathways", "read_pathways")),
    "restitution": ("restitution", _by("restitution", "read_restitution")),
}


def read_tables(directory: Path, names: Names, catalogue: Catalogue, sheets: frozenset[str]) -> tuple[Tables, list[Fault]]:
    """Return the tables of a base's folder, and the faults of their files."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    named: set[str] = set()
    for path in sorted((directory / FOLDER).glob("*.yaml")):
        document = Document(path, f"{FOLDER}/{path.name}")
        if path.stem not in READERS:
            faults.append(Fault(document.shown, 0, f"table inconnue ; les tables sont : {', '.join(sorted(READERS)) or 'aucune'}"))
            continue
        name, compiled = READERS[path.stem]
        reader = TableReader(document, names, catalogue, sheets)
        if not document.faults:
            found[name] = compiled(reader)
        faults += [*document.faults, *reader.faults]
        named |= reader.facts
    return Tables(**found, facts=frozenset(named)) if not faults else Tables(), faults


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table as its authors wrote it: its name, the words at the head of the file, and what the file holds."""

    name: str
    heading: str
    content: Mapping[str, Any]


def written_tables(directory: Path) -> tuple[WrittenTable, ...]:
    """Return the tables of a base's folder as written, by name."""
    found = []
    for path in sorted((directory / FOLDER).glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        heading = [line.removeprefix("#").removeprefix(" ") for line in takewhile(lambda line: line.startswith("#"), lines)]
        content = Document(path, path.name).value
        found.append(WrittenTable(path.stem, "\n".join(heading), content if isinstance(content, dict) else {}))
    return tuple(found)
