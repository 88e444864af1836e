"""The form of the guideline base: what a sheet, a fact and an exam may say, in French keys.

Authors write French; code reads English. ``FRENCH`` is the one table between the two.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FRENCH = {
    "title": "titre", "state": "statut", "validity": "validite", "since": "depuis", "until": "jusqu_a", "checked": "verifiee_le",
    "reviewers": "relecteurs", "organisation": "organisme", "year": "annee", "consulted": "consultee_le", "where": "ou", "triggers": "declencheurs",
    "facts": "faits", "terms": "termes", "absent_terms": "termes_absent", "icd10": "cim10", "icpc2": "cisp2", "sex": "sexe",
    "when": "si", "refines": "precise", "questions": "questions", "red_flags": "drapeaux_rouges", "emergency": "urgence",
    "imaging": "imagerie", "common_positions": "positions_communes", "rules": "regles", "pathway": "circuit",
    "priority": "priorite", "why": "pourquoi", "instead": "a_la_place", "first": "d_abord", "patient_words": "patient",
    "text": "texte", "exam": "examen", "expected": "attendu", "outcome": "avis", "rule": "regle", "label": "libelle",
    "verdict": "position", "condition_text": "quand", "unless": "sauf_si", "past": "passe", "family": "famille",
    "hypothesis": "hypothese", "kind": "type", "unit": "unite", "needs_unit": "unite_exigee", "bare": "nombre_nu", "over": "sur", "keeps": "retient",
    "bounds": "bornes", "before": "avant", "after": "apres",
    "modality": "modalite", "contrast": "contraste", "lateral": "lateralise", "uterus_in_field": "uterus_dans_le_champ",
    "names": "noms", "dose": "dose", "dose_class": "classe", "tariff_eur": "tarif_eur", "patient_name": "patient",
}  # fmt: skip


def french(name: str) -> str:
    """Return the French key of an English field name (itself when they are the same word)."""
    return FRENCH.get(name, name)


class Verdict(StrEnum):
    """The guidance's position on one exam (« position du référentiel »)."""

    INDICATED = "indicated"
    SPECIFIC_CASES = "specific-cases"
    SPECIALIST = "specialist"
    NOT_INDICATED = "not-indicated"


FRENCH_VERDICTS = {
    "indique": Verdict.INDICATED,
    "cas_particuliers": Verdict.SPECIFIC_CASES,
    "specialiste": Verdict.SPECIALIST,
    "non_indique": Verdict.NOT_INDICATED,
}


class Modality(StrEnum):
    """Technique of an exam, by its DICOM code (BMD: bone densitometry)."""

    RADIOGRAPHY = "DX"
    FLUOROSCOPY = "RF"
    MAMMOGRAPHY = "MG"
    DENSITOMETRY = "BMD"
    CT = "CT"
    MRI = "MR"
    ULTRASOUND = "US"
    SCINTIGRAPHY = "NM"
    PET = "PT"
    ANGIOGRAPHY = "XA"

    @property
    def irradiating(self) -> bool:
        """Say whether the technique uses ionising radiation."""
        return self not in (Modality.MRI, Modality.ULTRASOUND)


def _yes_no(value: Any) -> Any:
    return {"oui": True, "non": False}.get(value, value) if isinstance(value, str) else value


YesNo = Annotated[bool, BeforeValidator(_yes_no)]
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
Slug = Annotated[str, Field(pattern=SLUG)]
# A condition is kept as written here; ``conditions`` turns it into predicates and says what is wrong with it.
Condition = dict[str, Any] | list[dict[str, Any]] | Literal["toujours"]


class Form(BaseModel):
    """A closed, frozen piece of the base, read with French keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=french, populate_by_name=False)


class Bounds(Form):
    """Inclusive limits; the unit is that of the quantity they bound."""

    min: float | None = None
    max: float | None = None


class Fact(Form):
    """A clinical fact and the French words, codes and measures that state it."""

    label: str
    question: str | None = None
    kind: Literal["oui-non", "nombre"] = "oui-non"
    terms: list[str] = []
    absent_terms: list[str] = []
    icd10: list[str] = []
    icpc2: list[str] = []
    snomed: list[str] = []
    loinc: list[str] = []
    atc: list[str] = []
    when: list[dict[str, Any]] = []
    unless: list[dict[str, Any]] = []
    past: Literal["compte", "ignore"] = "ignore"
    family: Literal["compte", "ignore"] = "ignore"
    hypothesis: Literal["compte", "ignore"] = "ignore"
    unit: str | None = None
    needs_unit: YesNo = False
    bare: Bounds | None = None
    over: Bounds | None = None
    keeps: Literal["premier", "min", "max"] = "premier"
    bounds: Bounds = Bounds()
    before: list[str] = []
    after: list[str] = []


class DoseForm(Form):
    """Typical effective dose in mSv with its range, and the class given by the source named."""

    dose_class: str | None = None
    msv: float | None = None
    min: float | None = None
    max: float | None = None
    source: str = ""


class ExamForm(Form):
    """An exam of the catalogue. ``tariff_eur`` is the act's tariff in €, without technical fee."""

    id: Slug
    label: str
    patient_name: str = ""
    modality: Modality
    region: Slug
    contrast: YesNo = False
    lateral: YesNo = False
    uterus_in_field: YesNo = False
    parent: Slug | None = None
    names: list[str] = []
    ccam: list[str] = []
    loinc: list[str] = []
    dose: DoseForm = DoseForm()
    tariff_eur: float | None = None


class WordsForm(Form):
    """A region or a technique and the words that name it."""

    label: str
    terms: list[str] = []
    modality: Modality | None = None
    contrast: YesNo | None = None
    snomed: list[str] = []
    inside: list[Slug] = Field(default=[], alias="dans")


class Source(Form):
    """A verified source and where in it the statement stands.

    ``consulted`` is the day it was read, for a document that bears no date.
    """

    organisation: str
    title: str
    year: int | None = None
    consulted: date | None = None
    where: str = ""


class Validity(Form):
    """Dates between which a sheet judges, and the day a human last held it against its sources."""

    since: date
    until: date | None = None
    checked: date
    reviewers: list[str] = []


class Triggers(Form):
    """What opens a sheet: facts, words or codes (any of them), and who it is for."""

    facts: list[Slug] = []
    terms: list[str] = []
    icd10: list[str] = []
    icpc2: list[str] = []
    age: Bounds = Bounds()
    sex: Literal["femme", "homme"] | None = None
    when: Condition | None = None


class FlagForm(Form):
    """A red flag written as a condition with its label."""

    id: Slug
    label: str
    when: Condition


class RedFlags(Form):
    """Red flags by level: to the emergency department, or making imaging legitimate."""

    emergency: list[Slug | FlagForm] = []
    imaging: list[Slug | FlagForm] = []


class PositionForm(Form):
    """A position with its condition, in predicates (``si``) or in words (``quand``)."""

    verdict: Literal["indique", "cas_particuliers", "specialiste", "non_indique"]
    when: Condition | None = None
    condition_text: str = ""


VerdictWord = Literal["indique", "cas_particuliers", "specialiste", "non_indique"]
Positions = dict[Slug, VerdictWord | PositionForm]


class RuleForm(Form):
    """One rule: when it holds, what it says of each exam, why, and what to do instead."""

    id: Slug
    when: Condition
    pathway: Literal["urgences"] | None = None
    priority: Literal[1, 2, 3] | None = None
    positions: Positions
    why: str
    instead: list[str] = []
    first: list[str] = []
    source: str | list[str]


class Expected(Form):
    """What a vignette must be answered."""

    outcome: Literal["appropriate", "alternative", "not-indicated", "incomplete", "no-guidance"] | list[
        Literal["appropriate", "alternative", "not-indicated", "incomplete", "no-guidance"]
    ]  # fmt: skip
    pathway: Literal["urgences"] | None = None
    rule: Slug | None = None

    @property
    def outcomes(self) -> list[str]:
        """Return the outcomes accepted, always as a list."""
        return list(self.outcome) if isinstance(self.outcome, list) else [self.outcome]


class Vignette(Form):
    """An example in the prescriber's words, with the answer expected. ``age`` in years."""

    text: str
    exam: str
    age: float | None = None
    sex: Literal["femme", "homme"] | None = None
    expected: Expected


class SheetForm(Form):
    """One clinical situation."""

    id: Slug
    title: str
    state: Literal["brouillon", "relu", "publie", "retire"]
    validity: Validity
    sources: dict[str, Source]
    triggers: Triggers
    refines: list[Slug] = []
    questions: dict[Slug, str | None] = {}
    red_flags: RedFlags = RedFlags()
    common_positions: Positions = {}
    rules: Annotated[list[RuleForm], Field(min_length=1)]
    note: str = ""
    patient_words: str = ""
    vignettes: list[Vignette] = []
