"""The table of restitution: after how long a report that does not come, or that nobody explained, is recalled to the prescriber."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from pertimage.guidelines.schema import Form, Modality, Slug, YesNo
from pertimage.guidelines.tables import FRENCH_BASES, Basis, RowForm, TableReader

# Words of the file → FHIR request priorities.
DEGREES: Mapping[str, str] = {"immediat": "stat", "tres_urgent": "asap", "urgent": "urgent", "programme": "routine"}
Degree = Literal["immediat", "tres_urgent", "urgent", "programme"]


class AwaitedForm(RowForm):
    """One row: of which requests, and how long."""

    id: Slug
    label: str = Field(alias="libelle", description="De quelles demandes il s'agit, en mots lus par le prescripteur.")
    pathway: Literal["urgences"] | None = Field(default=None, alias="circuit", description="urgences : le patient relevait des urgences.")
    fast_track: YesNo = Field(default=False, alias="sensible_au_delai", description="oui : la demande est d'un parcours sensible au délai.")
    degrees: list[Degree] = Field(default=[], alias="degres", description="Urgences écrites sur la demande.")
    modalities: list[Modality] = Field(default=[], alias="techniques", description="Techniques, par leur code DICOM.")
    amended: YesNo = Field(default=False, alias="modifie", description="oui : le compte rendu a été modifié.")
    days: int = Field(alias="jours", ge=0, le=365, description="Combien de jours attendre ; 0 : le jour même.")
    working: YesNo = Field(default=False, alias="ouvres", description="oui : jours ouvrés.")
    after_target: YesNo = Field(default=False, alias="apres_delai_vise", description="oui : comptés après le délai visé par le parcours.")


class RestitutionForm(Form):
    """The file."""

    recalled_days: int = Field(
        alias="rappel_jusqu_a_jours", ge=1, le=3650, description="Au-delà, un compte rendu qui n'arrive pas n'est plus rappelé."
    )
    report: Annotated[list[AwaitedForm], Field(min_length=1)] = Field(
        alias="attente_compte_rendu", description="Combien de temps attendre le compte rendu."
    )
    explanation: Annotated[list[AwaitedForm], Field(min_length=1)] = Field(
        alias="attente_explication", description="Combien de temps après lui le patient doit en avoir l'explication."
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a row looks at in a request: its pathway, FHIR priority, technique, fast track, and whether its report was amended."""

    pathway: str | None = None
    priority: str = "routine"
    modality: str | None = None
    fast_track: bool = False
    amended: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """One row compiled: ``days`` to wait, ``working`` ones or not; what is empty or False accepts every request."""

    id: str
    label: str
    days: int
    working: bool = False
    after_target: bool = False
    pathway: str = ""
    fast_track: bool = False
    priorities: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    amended: bool = False
    basis: Basis = Basis.PROPOSED

    @property
    def chooses(self) -> bool:
        """Say whether some requests are not of this row."""
        return bool(self.pathway or self.fast_track or self.priorities or self.modalities or self.amended)

    def accepts(self, asked: Asked) -> bool:
        """Say whether a request is of this row."""
        return (
            (not self.pathway or self.pathway == asked.pathway)
            and (not self.priorities or asked.priority in self.priorities)
            and (not self.modalities or asked.modality in self.modalities)
            and self.fast_track <= asked.fast_track
            and self.amended <= asked.amended
        )

    @property
    def french(self) -> str:
        """Return the delay in words, with whose proposal it is."""
        count = "le jour même" if self.days == 0 else f"{self.days} {self._unit}"
        after = " après le délai visé" if self.after_target else ""
        ours = ", délai proposé par le projet" if self.basis is Basis.PROPOSED else ""
        return f"{self.label} : {count}{after}{ours}"

    @property
    def _unit(self) -> str:
        plural = "s" if self.days > 1 else ""
        return f"jour{plural} ouvré{plural}" if self.working else f"jour{plural}"


@dataclass(frozen=True, slots=True)
class RestitutionTable:
    """The table compiled, rows in the order of the file; a base without the file recalls nothing."""

    recalled_days: int = 0
    report: tuple[Awaited, ...] = ()
    explanation: tuple[Awaited, ...] = ()


def first(rows: Iterable[Awaited], asked: Asked) -> Awaited | None:
    """Return the first row that a request is of."""
    return next((row for row in rows if row.accepts(asked)), None)


def read_restitution(reader: TableReader) -> RestitutionTable:
    """Compile ``restitution.yaml``; what is wrong goes to the reader's faults."""
    form = reader.document.read(RestitutionForm, reader.document.value)
    if form is None:
        return RestitutionTable()
    seen: set[str] = set()
    for key, rows in (("attente_compte_rendu", form.report), ("attente_explication", form.explanation)):
        for rank, row in enumerate(rows):
            for message in _faults(row, last=rank == len(rows) - 1, seen=seen):
                reader.faults.append(reader.document.fault(message, key, rank))
            seen.add(row.id)
    return RestitutionTable(form.recalled_days, tuple(map(_row, form.report)), tuple(map(_row, form.explanation)))


def _faults(row: AwaitedForm, *, last: bool, seen: set[str]) -> Iterable[str]:
    if row.id in seen:
        yield f"deux lignes s'appellent « {row.id} »"
    if last is _row(row).chooses:
        yield (
            "la dernière ligne doit convenir à toutes les demandes"
            if last
            else f"« {row.id} » convient à toutes : les lignes qui suivent ne servent pas"
        )
    if row.after_target and not row.fast_track:
        yield f"« {row.id} » : « apres_delai_vise » demande « sensible_au_delai: oui »"
    if row.basis == "texte_lu" and not row.source:
        yield f"« {row.id} » repose sur un texte lu : dire lequel (source)"


def _row(form: AwaitedForm) -> Awaited:
    return Awaited(
        form.id, form.label, form.days, form.working, form.after_target, "emergency" if form.pathway else "", form.fast_track,
        frozenset(DEGREES[degree] for degree in form.degrees), frozenset(map(str, form.modalities)), form.amended, FRENCH_BASES[form.basis],
    )  # fmt: skip
