"""The table of pathways sensitive to delay: which situations are to be imaged fast, and within how many days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from pertimage.guidelines.conditions import Condition
from pertimage.guidelines.schema import Form, Slug, YesNo
from pertimage.guidelines.tables import FRENCH_BASES, Basis, BasisWord, TableReader


class PathwayForm(Form):
    """One row."""

    label: str = Field(alias="libelle", description="Le nom du parcours, lu par le prescripteur.")
    sheets: list[Slug] = Field(default=[], alias="fiches", description="Les situations : ids de fiches.")
    rules: list[str] = Field(
        default=[], alias="regles", description="Des règles, écrites « fiche/règle », quand une fiche entière serait trop."
    )
    but: list[str] = Field(
        default=[], alias="sauf_regles", description="Des règles de ces fiches qui n'en sont pas : surveillance, contrôle…"
    )
    flagged: YesNo = Field(default=False, alias="drapeau", description="oui : seulement si un signe d'alerte de la fiche est présent.")
    when: Any = Field(default=None, alias="si")
    days: int = Field(alias="delai_jours", ge=1, le=365, description="Le délai visé entre la demande et l'examen, en jours.")
    basis: BasisWord = Field(alias="fonde", description="Sur quoi la ligne repose : texte_lu, connaissance ou proposition.")
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PathwayRow:
    """One row compiled; ``days`` is the target between the request and the exam."""

    id: str
    label: str
    sheets: frozenset[str]
    rules: frozenset[str]
    but: frozenset[str]
    flagged: bool
    condition: Condition
    days: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Pathways:
    """The table compiled, in the order of the file: the first row that holds is the one."""

    rows: tuple[PathwayRow, ...] = ()


def read_pathways(reader: TableReader) -> Pathways:
    """Compile ``parcours.yaml``; what is wrong goes to the reader's faults."""
    written = reader.document.value
    if not isinstance(written, dict):
        reader.faults.append(reader.document.fault("le fichier s'écrit « parcours: {libelle: …, fiches: …} », un parcours par clé"))
        return Pathways()
    rows = [_row(str(name), reader.document.read(PathwayForm, written[name], name), reader) for name in written]
    return Pathways(tuple(row for row in rows if row is not None))


def _row(name: str, form: PathwayForm | None, reader: TableReader) -> PathwayRow | None:
    if form is None:
        return None
    for rank, sheet in enumerate(form.sheets):
        reader.known(sheet, reader.sheets, "fiche", name, "fiches", rank)
    for key, rules in (("regles", form.rules), ("sauf_regles", form.but)):
        for rank, rule in enumerate(rules):
            reader.known(rule.partition("/")[0], reader.sheets, "fiche", name, key, rank)
    if not form.sheets and not form.rules:
        reader.faults.append(reader.document.fault(f"« {name} » : écrire « fiches » ou « regles »", name))
    if form.basis == "texte_lu" and not form.source:
        reader.faults.append(reader.document.fault(f"« {name} » repose sur un texte lu : dire lequel (source)", name))
    condition = reader.condition(form.when, name, "si")
    return PathwayRow(
        name,
        form.label,
        frozenset(form.sheets),
        frozenset(form.rules),
        frozenset(form.but),
        form.flagged,
        condition,
        form.days,
        FRENCH_BASES[form.basis],
    )
