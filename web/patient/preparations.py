"""What the patient is told before an exam, how a dose is called, and what the page keeps silent (``preparations.yaml``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from pertimage.cds.model import Assessment, Sex, Status
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.conditions import facts_of
from pertimage.guidelines.dose import DoseTable
from pertimage.guidelines.schema import ExamForm, Form, Slug
from pertimage.guidelines.source import Document
from pertimage.guidelines.tables import RowForm, TableReader, Which, WhichForm
from pertimage.web.patient.languages import FRENCH, languages

FILE = Path(__file__).with_name("preparations.yaml")
LEVELS = ("tres_faible", "faible", "moyenne", "forte")
_SEX_WORDS = {"femme": Sex.FEMALE, "homme": Sex.MALE}


class PreparationError(ValueError):
    """The file cannot be used: what is wrong and where, in French."""


class AdviceForm(RowForm):
    """Sentences, and the exams before which they are said."""

    id: Slug
    exams: WhichForm = Field(alias="examens")
    not_for: str = Field("", alias="sauf_sexe", description="homme ou femme : ces patients ne lisent pas la ligne.")


class LevelsForm(RowForm):
    """How far each word of the dose goes, in years of natural exposure."""

    very_low: float = Field(alias="tres_faible", gt=0, description="Limite de « très faible », en années d'exposition naturelle.")
    low: float = Field(alias="faible", gt=0, description="Limite de « faible », en années d'exposition naturelle.")
    medium: float = Field(alias="moyenne", gt=0, description="Limite de « moyenne », en années d'exposition naturelle.")


class SilenceForm(Form):
    """What is never shown to a patient."""

    sheets: list[Slug] = Field(alias="fiches", description="Situations dont aucune phrase n'est montrée au patient.")
    facts: list[Slug] = Field(alias="faits", description="Faits tus, et qui font taire les phrases de la demande où ils sont écrits.")


class PreparationsForm(Form):
    """The file as written."""

    rows: list[AdviceForm] = Field(alias="preparations", description="Les conseils, et les examens avant lesquels ils sont donnés.")
    doses: LevelsForm = Field(description="Jusqu'où va chaque mot de la dose.")
    silence: SilenceForm = Field(alias="discretion", description="Ce que la page ne dit jamais.")


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    exams: Which
    not_for: Sex | None


@dataclass(frozen=True, slots=True)
class Preparations:
    """The file compiled for a base. ``limits`` are those of the words of the dose, in mSv, in the order of ``LEVELS``."""

    rows: tuple[_Row, ...]
    limits: tuple[float, ...]
    silent_sheets: frozenset[str]
    silent_facts: frozenset[str]

    def advice(self, exams: Iterable[ExamForm], sex: Sex | None) -> tuple[str, ...]:
        """Return the ids of the sentences said before exams, each once, in the order of the file; none without exam."""
        asked = list(exams)
        found = (row.id for row in self.rows if (row.not_for is None or row.not_for != sex) and any(map(row.exams.accepts, asked)))
        return tuple(dict.fromkeys(found))

    def level(self, msv: float) -> str:
        """Return the word of a dose in mSv (a key of ``dose`` in the languages)."""
        return next((word for word, limit in zip(LEVELS, self.limits, strict=False) if msv <= limit), LEVELS[-1])

    def is_silent(self, assessments: Iterable[Assessment]) -> bool:
        """Say whether a request speaks of what its patient page keeps silent; a doubt is enough."""
        given = list(assessments)
        facts = {found.fact for one in given for found in one.facts if found.status is not Status.ABSENT}
        return bool(facts & self.silent_facts) or any(not self.silent_sheets.isdisjoint(one.situations) for one in given)

    def emergency_signs(self, sheet: str, base: GuidelineBase) -> tuple[str, ...]:
        """Return the emergency red flags of a sheet as its authors named them, those to keep silent left out."""
        flags = base.sheets[sheet].flags if sheet in base.sheets and sheet not in self.silent_sheets else ()
        told = (flag for flag in flags if flag.emergency and self.silent_facts.isdisjoint({flag.id, *facts_of(flag.condition)}))
        return tuple(dict.fromkeys(flag.label for flag in told))


def read_preparations(base: GuidelineBase, source: Path | str = FILE) -> Preparations:
    """Return the file compiled; raises PreparationError. ``source`` is a path or the text itself."""
    document = Document(source, FILE.name)
    reader = TableReader(document, base.lexicon.names, base.catalogue, frozenset(base.sheets))
    form = document.read(PreparationsForm, document.value) if not document.faults else None
    if form is None:
        raise PreparationError(_said(document, reader))
    rows = tuple(_row(reader, row, index) for index, row in enumerate(form.rows))
    for name in form.silence.sheets:
        reader.known(name, reader.sheets, "fiche", "discretion", "fiches")
    for name in form.silence.facts:
        reader.known(name, frozenset(base.lexicon.facts), "fait", "discretion", "faits")
    years = (form.doses.very_low, form.doses.low, form.doses.medium)
    if list(years) != sorted(years):
        reader.faults.append(document.fault("les limites des doses doivent aller en croissant", "doses"))
    if document.faults or reader.faults:
        raise PreparationError(_said(document, reader))
    natural = (base.tables.doses or DoseTable()).natural_msv
    return Preparations(rows, tuple(natural * one for one in years), frozenset(form.silence.sheets), frozenset(form.silence.facts))


def _row(reader: TableReader, row: AdviceForm, index: int) -> _Row:
    place = ("preparations", index)
    if f"preparation.{row.id}" not in languages()[FRENCH].texts:
        reader.faults.append(reader.document.fault(f"« preparation.{row.id} » n'a pas de phrases dans langues/{FRENCH}.yaml", *place))
    if row.not_for and row.not_for not in _SEX_WORDS:
        reader.faults.append(reader.document.fault(f"« sauf_sexe: {row.not_for} » : {' ou '.join(_SEX_WORDS)} attendu", *place))
    return _Row(row.id, reader.which(row.exams, *place, "examens"), _SEX_WORDS.get(row.not_for))


def _said(document: Document, reader: TableReader) -> str:
    return "\n".join(f"{fault.file}:{fault.line} : {fault.message}" for fault in [*document.faults, *reader.faults])
