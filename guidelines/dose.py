"""The table of doses: natural exposure, by which a dose is told in plain words, and the thresholds of vigilance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from pertimage.guidelines.conditions import Condition
from pertimage.guidelines.schema import Form, Slug
from pertimage.guidelines.tables import FRENCH_BASES, Basis, RowForm, TableReader, Which, WhichForm

NATURAL_MSV_A_YEAR = 2.9


class NaturalForm(RowForm):
    """Average natural exposure."""

    msv_a_year: float = Field(alias="msv_par_an", description="Exposition naturelle, en mSv par an.", gt=0)


class ThresholdForm(RowForm):
    """One threshold: of a sum of doses (``cumul_msv``) or of a number of exams (``nombre``), over months."""

    id: Slug
    group: Slug = Field(alias="groupe", description="D'un même groupe, le premier seuil atteint parle seul.")
    when: Any = None
    exams: WhichForm = Field(default=WhichForm(), alias="examens", description="Quels examens comptent.")
    msv: float | None = Field(default=None, alias="cumul_msv", description="Somme à atteindre, en mSv, examen demandé compris.", gt=0)
    count: int | None = Field(default=None, alias="nombre", description="Nombre d'examens à atteindre, examen demandé compris.", ge=1)
    months: int | None = Field(default=None, alias="sur_mois", description="En combien de mois.", ge=1)
    level: Literal["information", "attention", "importante"] = Field(alias="niveau", description="information, attention ou importante.")
    say: str = Field(alias="dire", description="Ce que lit le prescripteur.")


class DoseTableForm(Form):
    """The file."""

    natural: NaturalForm = Field(alias="naturel", description="L'exposition naturelle en France.")
    thresholds: list[ThresholdForm] = Field(default=[], alias="seuils", description="Seuils, lus dans l'ordre.")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One threshold of vigilance: in mSv, or in exams of a kind (the one asked included), over months (None: ever).

    ``level`` is ``info``, ``warning`` or ``critical``; of a ``group``, the first that is reached speaks.
    """

    id: str
    group: str
    when: Condition
    which: Which
    msv: float | None
    count: int | None
    months: int | None
    level: str
    say: str
    basis: Basis

    @property
    def value(self) -> float:
        """Return the figure that local parameters may replace: mSv, or a number of exams."""
        return self.msv if self.msv is not None else float(self.count or 0)


@dataclass(frozen=True, slots=True)
class DoseTable:
    """The table compiled; ``natural_msv`` is the natural exposure of a year in France, in mSv."""

    natural_msv: float = NATURAL_MSV_A_YEAR
    thresholds: tuple[Threshold, ...] = ()

    def values(self) -> Mapping[str, float]:
        """Return the thresholds by id, for those who write local parameters."""
        return MappingProxyType({one.id: one.value for one in self.thresholds})


_LEVELS = {"information": "info", "attention": "warning", "importante": "critical"}


def read_doses(reader: TableReader) -> DoseTable:
    """Compile ``dose.yaml``; what is wrong goes to the reader's faults."""
    form = reader.document.read(DoseTableForm, reader.document.value)
    if form is None:
        return DoseTable()
    return DoseTable(form.natural.msv_a_year, tuple(_threshold(reader, row, index) for index, row in enumerate(form.thresholds)))


def _threshold(reader: TableReader, row: ThresholdForm, index: int) -> Threshold:
    place = ("seuils", index)
    if (row.msv is None) is (row.count is None):
        reader.faults.append(reader.document.fault(f"« {row.id} » : écrire soit « cumul_msv », soit « nombre »", *place))
    return Threshold(
        row.id, row.group, reader.condition(row.when, *place, "si"), reader.which(row.exams, *place, "examens"),
        row.msv, row.count, row.months, _LEVELS[row.level], row.say, FRENCH_BASES[row.basis],
    )  # fmt: skip
