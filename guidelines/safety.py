"""The table of safety: what a patient's state says of an exam, whatever the situation (device, contrast, pregnancy, contradiction)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from pertimage.guidelines.conditions import Condition, ExamTest
from pertimage.guidelines.schema import ExamForm, Form, Slug
from pertimage.guidelines.tables import FRENCH_BASES, Basis, BasisWord, RowForm, TableReader, Which, WhichForm

KindWord = Literal[
    "pregnancy", "breastfeeding", "contrast-renal", "contrast-reaction", "mri-device", "mri-foreign-body", "metformin", "thyroid",
    "anticoagulant", "availability", "contradiction",
]  # fmt: skip
PLACEHOLDER = re.compile(r"\{([a-z0-9-]+)\}")


class Effect(StrEnum):
    """What a row does to an exam: nothing, said with care, or not proposed to this patient."""

    NONE = "none"
    CARE = "care"
    EXCLUDED = "excluded"


EFFECTS: Mapping[str, Effect] = {"aucun": Effect.NONE, "prudence": Effect.CARE, "ecarte": Effect.EXCLUDED}


class ParameterForm(Form):
    """A threshold that several rows share, with what it rests on."""

    label: str = Field(alias="libelle", description="Ce que c'est, en quelques mots.")
    value: str | float = Field(alias="valeur", description="La valeur, avec son unité : « 30 mL/min ».")
    basis: BasisWord = Field(alias="fonde", description="Sur quoi la valeur repose : texte_lu, connaissance ou proposition.")
    source: str = ""


class GroupForm(WhichForm):
    """A named group of exams."""

    label: str = Field(default="", alias="libelle", description="Comment on le nomme au lecteur.")
    but: list[Slug] = Field(default=[], alias="sauf", description="Examens que le groupe ne comprend pas.")


class SafetyRowForm(RowForm):
    """One row: for which patients and exams, what is said, and what it does."""

    id: Slug
    label: str = Field(default="", alias="libelle", description="Comment on la nomme au lecteur ; sans lui, son id.")
    kind: KindWord = Field(alias="type", description="La sorte d'alerte.")
    exams: Slug | GroupForm = Field(
        default=GroupForm(), alias="examens", description="Un groupe du fichier, ou des critères ; rien : tous les examens."
    )
    when: Any = None
    severity: Literal["info", "warning", "critical"] = Field(alias="gravite", description="info, warning ou critical.")
    message: str = Field(description="Ce que lit le prescripteur ; « {dfg} » y est remplacé par la valeur du patient.")
    effect: Literal["aucun", "prudence", "ecarte"] = Field(default="aucun", alias="effet", description="aucun, prudence ou ecarte.")
    condition_text: str = ""
    fallbacks: dict[Slug, list[Slug]] = Field(
        default={}, alias="replis", description="Pour un examen écarté : ce que l'on propose à sa place, dans l'ordre."
    )
    fallback_text: str = Field(default="", alias="repli_quand", description="La condition dite avec un repli.")
    otherwise: str = Field(default="", alias="a_defaut", description="Ce que l'on propose quand aucun autre examen ne convient.")


class SafetyForm(Form):
    """The file."""

    parameters: dict[Slug, ParameterForm] = Field(
        default={}, alias="parametres", description="Seuils nommés, employés dans « si » et « message »."
    )
    groups: dict[Slug, GroupForm] = Field(default={}, alias="groupes", description="Groupes d'examens nommés.")
    rows: list[SafetyRowForm] = Field(default=[], alias="lignes", description="Les lignes ; toutes celles qui valent parlent.")


@dataclass(frozen=True, slots=True)
class Group:
    """The exams of a row: those of ``which``, save ``but``."""

    which: Which
    but: frozenset[str] = frozenset()

    def accepts(self, exam: ExamForm) -> bool:
        """Say whether the row is about an exam."""
        return exam.id not in self.but and self.which.accepts(exam)

    @property
    def everything(self) -> bool:
        """Say whether no criterion is given: then the row holds even when no exam is known."""
        return self.which == Which() and not self.but


@dataclass(frozen=True, slots=True)
class SafetyRow:
    """One row compiled.

    ``message`` keeps ``{fact}`` where the patient's value goes. ``caution`` is the condition said of an exam that stays proposed;
    ``fallbacks`` map an excluded exam to those proposed in its place, said with ``fallback_text``; ``otherwise`` is proposed when
    no exam suits.
    """

    id: str
    kind: str
    group: Group
    condition: Condition
    severity: str
    message: str
    effect: Effect
    caution: str
    fallbacks: Mapping[str, tuple[str, ...]]
    fallback_text: str
    otherwise: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Safety:
    """The table compiled."""

    rows: tuple[SafetyRow, ...] = ()


def read_safety(reader: TableReader) -> Safety:
    """Compile ``securite.yaml``; what is wrong goes to the reader's faults."""
    form = reader.document.read(SafetyForm, reader.document.value)
    return _Compiler(reader, form).table() if form else Safety()


class _Compiler:
    """Turn the validated file into rows, gathering faults in the reader."""

    def __init__(self, reader: TableReader, form: SafetyForm) -> None:
        self._reader, self._form = reader, form
        self._groups = {name: self._group(group, "groupes", name) for name, group in form.groups.items()}

    def table(self) -> Safety:
        """Return the rows in the order of the file."""
        for name, parameter in self._form.parameters.items():
            if parameter.basis == "texte_lu" and not parameter.source:
                self._fault(f"« {name} » repose sur un texte lu : dire lequel (source)", "parametres", name)
        seen: set[str] = set()
        rows = []
        for index, row in enumerate(self._form.rows):
            if row.id in seen:
                self._fault(f"deux lignes s'appellent « {row.id} »", "lignes", index)
            seen.add(row.id)
            rows.append(self._row(row, "lignes", index))
        return Safety(tuple(rows))

    def _row(self, row: SafetyRowForm, *path: str | int) -> SafetyRow:
        for message in _inconsistencies(row):
            self._fault(message, *path)
        condition = self._reader.condition(self._with_parameters(row.when), *path, "si")
        if any(isinstance(test, ExamTest) for tests in condition for test in tests):
            self._fault(f"« {row.id} » : les examens s'écrivent sous « examens », pas dans « si »", *path, "si")
        for excluded, fallbacks in row.fallbacks.items():
            for name in (excluded, *fallbacks):
                self._reader.known(name, self._reader.catalogue.exams, "examen", *path, "replis", excluded)
        return SafetyRow(
            row.id, row.kind, self._exams(row.exams, *path, "examens"), condition, row.severity, self._message(row, *path), EFFECTS[row.effect],
            row.condition_text, MappingProxyType({name: tuple(exams) for name, exams in row.fallbacks.items()}), row.fallback_text, row.otherwise,
            FRENCH_BASES[row.basis], row.source,
        )  # fmt: skip

    def _exams(self, exams: str | GroupForm, *path: str | int) -> Group:
        if isinstance(exams, GroupForm):
            return self._group(exams, *path)
        if exams not in self._groups:
            self._fault(f"groupe d'examens inconnu « {exams} » : le définir sous « groupes »", *path)
        return self._groups.get(exams, Group(Which()))

    def _group(self, group: GroupForm, *path: str | int) -> Group:
        for exam in group.but:
            self._reader.known(exam, self._reader.catalogue.exams, "examen", *path, "sauf")
        return Group(self._reader.which(group, *path), frozenset(group.but))

    def _with_parameters(self, form: Any) -> Any:
        """Return a condition as written with the names of thresholds replaced by their values."""
        if isinstance(form, list):
            return [self._with_parameters(one) for one in form]
        if isinstance(form, Mapping):
            return {key: self._with_parameters(value) for key, value in form.items()}
        return self._form.parameters[form].value if isinstance(form, str) and form in self._form.parameters else form

    def _message(self, row: SafetyRowForm, *path: str | int) -> str:
        """Return the message with the thresholds written in, the patient's values left to be."""

        def written(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in self._form.parameters:
                return str(self._form.parameters[name].value)
            if not self._reader.names.units.get(name):
                self._fault(f"« {{{name}}} » n'est ni un paramètre ni une mesure du lexique", *path, "message")
            return match.group(0)

        return PLACEHOLDER.sub(written, row.message)

    def _fault(self, message: str, *path: str | int) -> None:
        self._reader.faults.append(self._reader.document.fault(message, *path))


def _inconsistencies(row: SafetyRowForm) -> Iterator[str]:
    """Yield what a row says and does not mean, in French."""
    if (row.effect == "prudence") is not bool(row.condition_text):
        yield f"« {row.id} » : « quand » dit la condition d'un examen proposé avec prudence ; l'un ne va pas sans l'autre"
    if row.effect != "ecarte" and (row.fallbacks or row.otherwise):
        yield f"« {row.id} » : « replis » et « a_defaut » ne valent que pour un examen écarté"
    if bool(row.fallbacks) is not bool(row.fallback_text):
        yield f"« {row.id} » : « replis » et « repli_quand » vont ensemble"
    if row.basis == "texte_lu" and not row.source:
        yield f"« {row.id} » repose sur un texte lu : dire lequel (source)"
    if row.basis == "proposition" and "proposé" not in row.message:
        yield f"« {row.id} » est une proposition du projet : son message doit dire « proposé par le projet »"
