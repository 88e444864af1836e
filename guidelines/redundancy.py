"""The table of repeated exams: after how long, in which situation, by what an exam is made useless, and what lifts the alert."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field

from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.conditions import Condition
from pertimage.guidelines.schema import ExamForm, Form, Modality, Slug, YesNo
from pertimage.guidelines.tables import FRENCH_BASES, Basis, RowForm, TableReader, Which, WhichForm

_UNITS = {"h": 1 / 24, "heure": 1 / 24, "j": 1, "jour": 1, "sem": 7, "semaine": 7, "mois": 30.4, "moi": 30.4, "an": 365}
_LAPSE = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*([a-z]+?)s?\s*$")
INFORMATION = "information"


class CoverForm(Form):
    """Which earlier techniques answer the question of an exam as well or better."""

    exams: WhichForm = Field(default=WhichForm(), alias="examens", description="Examens demandés concernés.")
    covered_by: list[Modality] = Field(
        default=[], alias="couvert_par", description="Techniques antérieures qui répondent aussi bien ou mieux."
    )
    same_exam: YesNo = Field(default=False, alias="meme_examen", description="oui : seul le même examen répond.")


class RepeatForm(RowForm):
    """One interval: for which exams and situations, and how loudly."""

    id: Slug
    sheets: list[Slug] = Field(default=[], alias="fiches", description="Situations concernées : ids de fiches.")
    exams: WhichForm = Field(default=WhichForm(), alias="examens", description="Examens demandés concernés.")
    when: Any = None
    after: WhichForm | None = Field(default=None, alias="apres", description="Examens antérieurs qui comptent.")
    anywhere: YesNo = Field(default=False, alias="toute_region", description="oui : l'examen antérieur compte quelle que soit sa région.")
    interval: str | None = Field(
        default=None, alias="intervalle", description="Avertissement si l'examen antérieur date de moins ; « 0 jour » : jamais."
    )
    strong: str | None = Field(default=None, alias="forte", description="Alerte forte s'il date de moins.")
    never: YesNo = Field(default=False, alias="jamais_sans_changement", description="oui : pas de répétition sans changement.")
    stands: YesNo = Field(default=False, alias="toujours_dite", description="oui : rien ne lève l'alerte.")
    say: str = Field(default="", alias="dire", description="Ce que lit le prescripteur.")


class LiftForm(RowForm):
    """What lifts an alert, or lowers it to an information."""

    id: Slug
    exams: WhichForm = Field(default=WhichForm(), alias="examens", description="Examens demandés concernés.")
    when: Any = None
    report: Any = Field(default=None, alias="compte_rendu", description="Condition sur le compte rendu antérieur.")
    since: YesNo = Field(
        default=False, alias="apparu_depuis", description="oui : seulement si le trouble est apparu après l'examen antérieur."
    )
    effect: Literal["leve", "information"] = Field(default="leve", alias="effet", description="leve, ou information.")


class RedundancyForm(Form):
    """The file."""

    forgotten: str = Field(alias="oubli", description="Au-delà, un examen est trop ancien.")
    pending: str = Field(alias="deja_demande", description="Durée pendant laquelle un examen demandé et non fait est un doublon.")
    own_regions: list[Slug] = Field(default=[], alias="regions_propres", description="Régions qu'un examen plus large ne montre pas assez.")
    alone_regions: list[Slug] = Field(
        default=[], alias="regions_sans_detail", description="Régions dont l'examen ne montre pas les parties."
    )
    wide_regions: dict[Slug, list[Slug]] = Field(default={}, alias="regions_larges", description="Régions que montre un examen large.")
    covers: Annotated[list[CoverForm], Field(min_length=1)] = Field(
        alias="techniques", description="Quelles techniques répondent à quelle demande."
    )
    repeats: list[RepeatForm] = Field(default=[], alias="intervalles", description="Intervalles, lus dans l'ordre.")
    lifts: list[LiftForm] = Field(default=[], alias="levees", description="Ce qui lève l'alerte.")


@dataclass(frozen=True, slots=True)
class Cover:
    """Which earlier techniques answer the question of these exams; ``same_exam``: only the very same exam does."""

    which: Which
    modalities: frozenset[Modality]
    same_exam: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """One interval, in days. ``interval`` None: no repeat without a change, however long ago; 0: never told.

    ``strong`` is the interval of the louder alert; ``anywhere``: whatever the region and the technique, only ``after`` counts;
    ``stands``: no lift applies.
    """

    id: str
    sheets: frozenset[str]
    which: Which
    when: Condition
    after: Which | None
    anywhere: bool
    interval: float | None
    strong: float
    stands: bool
    say: str
    basis: Basis
    source: str = ""


@dataclass(frozen=True, slots=True)
class Lift:
    """What lifts an alert: facts of the request, facts of the earlier report, or a complaint that began since (``since``).

    ``silences`` is False when the alert is only lowered to an information.
    """

    id: str
    which: Which
    when: Condition
    report: Condition | None
    since: bool
    silences: bool
    basis: Basis


@dataclass(frozen=True, slots=True)
class Redundancy:
    """The table compiled. ``seen`` gives the regions that an exam of a region shows, itself first."""

    forgotten: float = 0.0
    pending: float = 0.0
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    covers: tuple[Cover, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    lifts: tuple[Lift, ...] = ()

    def shows(self, earlier: str, region: str) -> bool:
        """Say whether an exam of a region shows another region."""
        return earlier == region or region in self.seen.get(earlier, frozenset())

    def cover(self, exam: ExamForm) -> Cover | None:
        """Return what answers the question of an exam: the first row that is about it."""
        return next((cover for cover in self.covers if cover.which.accepts(exam)), None)


def read_redundancy(reader: TableReader) -> Redundancy:
    """Compile ``redondance.yaml``; what is wrong goes to the reader's faults."""
    form = reader.document.read(RedundancyForm, reader.document.value)
    if form is None:
        return Redundancy()
    for region in (
        *form.own_regions,
        *form.alone_regions,
        *form.wide_regions,
        *(one for many in form.wide_regions.values() for one in many),
    ):
        reader.known(region, reader.catalogue.regions, "région", "regions_propres")
    if reader.faults:
        return Redundancy()
    return Redundancy(
        _days(reader, form.forgotten, "oubli"),
        _days(reader, form.pending, "deja_demande"),
        MappingProxyType(_seen(form, reader.catalogue)),
        tuple(
            Cover(reader.which(one.exams, "techniques", index), frozenset(one.covered_by), one.same_exam)
            for index, one in enumerate(form.covers)
        ),
        tuple(_repeat(reader, row, index) for index, row in enumerate(form.repeats)),
        tuple(_lift(reader, row, index) for index, row in enumerate(form.lifts)),
    )


def _repeat(reader: TableReader, row: RepeatForm, index: int) -> Repeat:
    place = ("intervalles", index)
    if row.never is (row.interval is not None):
        reader.faults.append(
            reader.document.fault(
                f"« {row.id} » : écrire soit « intervalle: 90 jours », soit « jamais_sans_changement: oui »", *place, "intervalle"
            )
        )
    if row.anywhere and row.after is None:
        reader.faults.append(reader.document.fault(f"« {row.id} » : « toute_region » demande « apres »", *place, "toute_region"))
    for sheet in row.sheets:
        reader.known(sheet, reader.sheets, "fiche", *place, "fiches")
    return Repeat(
        row.id, frozenset(row.sheets), reader.which(row.exams, *place, "examens"), reader.condition(row.when, *place, "si"),
        reader.which(row.after, *place, "apres") if row.after else None, row.anywhere,
        _days(reader, row.interval, *place, "intervalle") if row.interval else None,
        _days(reader, row.strong, *place, "forte") if row.strong else 0.0, row.stands, row.say, FRENCH_BASES[row.basis], row.source,
    )  # fmt: skip


def _lift(reader: TableReader, row: LiftForm, index: int) -> Lift:
    place = ("levees", index)
    if row.when is None and row.report is None:
        reader.faults.append(reader.document.fault(f"« {row.id} » : écrire « si » ou « compte_rendu »", *place))
    return Lift(
        row.id, reader.which(row.exams, *place, "examens"), reader.condition(row.when, *place, "si"),
        reader.condition(row.report, *place, "compte_rendu") if row.report is not None else None,
        row.since, row.effect != INFORMATION, FRENCH_BASES[row.basis],
    )  # fmt: skip


def _days(reader: TableReader, text: str, *place: str | int) -> float:
    match = _LAPSE.match(text)
    unit = _UNITS.get(match.group(2)) if match else None
    if not match or unit is None:
        reader.faults.append(
            reader.document.fault(f"« {text} » n'est pas une durée : écrire par exemple « 90 jours » ou « 6 mois »", *place)
        )
        return 0.0
    return float(match.group(1).replace(",", ".")) * unit


def _seen(form: RedundancyForm, catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """Return which regions an exam of each region shows: those inside it, but those that need an exam of their own."""
    own = _with_inner(form.own_regions, catalogue)
    inner = {region: set(_with_inner([region], catalogue)) - own for region in catalogue.regions if region not in form.alone_regions}
    for region in reversed(list(form.wide_regions)):
        for part in form.wide_regions[region]:
            inner.setdefault(region, set()).update({part} | inner.get(part, set()))
    return {region: frozenset(found - {region}) for region, found in inner.items()}


def _with_inner(regions: Iterable[str], catalogue: Catalogue) -> set[str]:
    wanted = set(regions)
    return {name for name in catalogue.regions if not wanted.isdisjoint((name, *catalogue.wider_regions(name)))}
