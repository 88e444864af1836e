"""The table of fall-backs: what is proposed when an exam cannot be had in time, and what it loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from pertimage.guidelines.conditions import Condition
from pertimage.guidelines.schema import Form, Modality, Slug
from pertimage.guidelines.tables import FRENCH_BASES, Basis, RowForm, TableReader, Which, WhichForm

WindowWord = Literal["priorite_2", "priorite_3", "sans_priorite"]
_PRIORITIES: Mapping[str, int | None] = {"priorite_2": 2, "priorite_3": 3, "sans_priorite": None}


class WindowsForm(RowForm):
    """Beyond which median wait an exam is too late, by the priority of the rule that supports it."""

    days: dict[WindowWord, int] = Field(
        alias="jours",
        description="Délai médian, en jours : priorite_2, priorite_3, sans_priorite. En priorité 1, le délai mesuré ne dit rien.",
    )


class FallbackForm(RowForm):
    """One row."""

    exams: WhichForm = Field(alias="examens", description="L'examen que l'on ne peut pas obtenir.")
    sheets: list[Slug] = Field(default=[], alias="fiches", description="Dans quelles situations ; rien d'écrit : toutes.")
    when: Any = Field(default=None, alias="si")
    instead: list[Slug] = Field(default=[], alias="replis", description="Ce que l'on propose à la place, dans l'ordre ; rien : attendre.")
    last: list[Slug] = Field(default=[], alias="replis_urgence", description="Proposés, après les autres, seulement en urgence.")
    loses: str | dict[Slug, str] = Field(
        default="", alias="perd", description="Ce que le repli perd, lu par le prescripteur : pour tous, ou pour chacun."
    )
    advice: str = Field(default="", alias="conseil", description="Ce qui est dit, en plus ou à la place d'un repli.")


class FallbacksForm(Form):
    """The file."""

    said: dict[Modality, Slug] = Field(
        default={}, alias="dites", description="Pour une technique (code DICOM), le fait par lequel une demande la dit indisponible."
    )
    impossible: dict[Modality, Slug] = Field(
        default={}, alias="impossibles", description="Pour une technique, le fait par lequel les fiches disent ce qui la remplace."
    )
    windows: WindowsForm | None = Field(
        default=None, alias="fenetres", description="Au-delà de quel délai médian un examen vient trop tard."
    )
    rows: dict[Slug, FallbackForm] = Field(default={}, alias="lignes", description="Les lignes ; la première qui convient vaut.")


@dataclass(frozen=True, slots=True)
class FallbackRow:
    """One row compiled: ``instead`` in order, ``last`` only in an emergency.

    ``loses`` is what each exam loses, under its id, or under an empty one for those not named.
    """

    id: str
    which: Which
    sheets: frozenset[str]
    condition: Condition
    instead: tuple[str, ...]
    last: tuple[str, ...]
    loses: Mapping[str, str]
    advice: str
    basis: Basis

    def loss(self, exam: str) -> str:
        """Return what an exam loses; empty when it is not written."""
        return self.loses.get(exam) or self.loses.get("", "")


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """The table compiled. ``said`` maps a technique to the fact by which words call it unavailable.

    ``impossible`` maps it to the fact under which the sheets position what replaces it; ``windows`` are median waits in days by ADERIM priority (None: a rule without one).
    """

    said: Mapping[Modality, str] = field(default_factory=dict)
    impossible: Mapping[Modality, str] = field(default_factory=dict)
    windows: Mapping[int | None, int] = field(default_factory=dict)
    rows: tuple[FallbackRow, ...] = ()


def read_fallbacks(reader: TableReader) -> Fallbacks:
    """Compile ``replis.yaml``; what is wrong goes to the reader's faults."""
    form = reader.document.read(FallbacksForm, reader.document.value)
    if form is None:
        return Fallbacks()
    for key, named in (("dites", form.said), ("impossibles", form.impossible)):
        for modality, fact in named.items():
            if reader.known(fact, reader.names.units, "fait", key, str(modality)):
                reader.facts.add(fact)
    windows = {_PRIORITIES[name]: days for name, days in form.windows.days.items()} if form.windows else {}
    return Fallbacks(form.said, form.impossible, windows, tuple(_row(name, row, reader) for name, row in form.rows.items()))


def _row(name: str, form: FallbackForm, reader: TableReader) -> FallbackRow:
    place = ("lignes", name)
    for key, exams in (("replis", form.instead), ("replis_urgence", form.last)):
        for rank, exam in enumerate(exams):
            reader.known(exam, reader.catalogue.exams, "examen", *place, key, rank)
    for rank, sheet in enumerate(form.sheets):
        reader.known(sheet, reader.sheets, "fiche", *place, "fiches", rank)
    loses = form.loses if isinstance(form.loses, dict) else {"": form.loses} if form.loses else {}
    for exam in (*form.instead, *form.last):
        if not (loses.get(exam) or loses.get("")):
            reader.faults.append(reader.document.fault(f"« {name} » : dire ce que « {exam} » perd (« perd »)", *place))
    if not (form.instead or form.last or form.advice):
        reader.faults.append(reader.document.fault(f"« {name} » ne propose rien : écrire « replis » ou « conseil »", *place))
    if form.basis == "texte_lu" and not form.source:
        reader.faults.append(reader.document.fault(f"« {name} » repose sur un texte lu : dire lequel (source)", *place))
    which, condition = reader.which(form.exams, *place, "examens"), reader.condition(form.when, *place, "si")
    return FallbackRow(
        name, which, frozenset(form.sheets), condition, tuple(form.instead), tuple(form.last), loses, form.advice, FRENCH_BASES[form.basis],
    )  # fmt: skip
