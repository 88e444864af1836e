"""What a sheet of an indicator may say: a closed vocabulary of what is counted (``POPULATIONS``) and how (``Measure``): no expression, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from pertimage.guidelines.schema import Form, Modality, Slug, YesNo
from pertimage.guidelines.tables import BasisWord


class Population(StrEnum):
    """What is counted, one by one."""

    EXAMS = "examens"
    REQUESTS = "demandes"
    REVIEWS = "relectures"
    OPINIONS = "accords"
    CARDS = "avis-suivis"
    REPLACEMENTS = "remplacements"
    PATIENTS = "patients"
    SECOND_OPINIONS = "seconds-avis"
    PRESCRIBERS = "prescripteurs"

    @property
    def french(self) -> str:
        """Return what one unit of it is."""
        return _POPULATION_WORDS[self]


class Measure(StrEnum):
    """What is computed."""

    COUNT = "nombre"
    SHARE = "part"
    MEDIAN = "mediane"
    P90 = "p90"
    SHARE_WITHIN = "part_sous"
    SHARE_OVER = "part_au_dela"
    DOSE = "dose"
    DOSE_PER_EXAM = "dose_par_examen"
    DOSE_AVOIDED = "dose_evitee"

    @property
    def is_share(self) -> bool:
        """Say whether the value is a share, 0 to 1."""
        return self in (Measure.SHARE, Measure.SHARE_WITHIN, Measure.SHARE_OVER)

    @property
    def is_quantile(self) -> bool:
        """Say whether the value is a quantile of delays, in days."""
        return self in (Measure.MEDIAN, Measure.P90)

    @property
    def is_dose(self) -> bool:
        """Say whether the value is made of doses of the catalogue, in mSv."""
        return self in (Measure.DOSE, Measure.DOSE_PER_EXAM, Measure.DOSE_AVOIDED)

    @property
    def is_timed(self) -> bool:
        """Say whether it is made of delays."""
        return self.is_quantile or self in (Measure.SHARE_WITHIN, Measure.SHARE_OVER)


class Cadence(StrEnum):
    """The periods that an indicator is computed over."""

    MONTH = "mois"
    QUARTER = "trimestre"
    YEAR = "annee"


class Reference(StrEnum):
    """The period that another is held against."""

    BEFORE = "periode_precedente"
    YEAR_BEFORE = "annee_precedente"


class Direction(StrEnum):
    """Which way is the better one."""

    DOWN = "baisse"
    UP = "hausse"
    STABLE = "stable"
    NONE = "informatif"


class Delay(StrEnum):
    """Between which two instants a delay runs."""

    REQUEST_EXAM = "demande-examen"
    EXAM_REPORT = "examen-compte-rendu"
    REPORT_PATIENT = "compte-rendu-patient"
    REQUEST_PATIENT = "demande-patient"
    SIGNATURE_DECISION = "signature-decision"


class Split(StrEnum):
    """What values can be broken down by."""

    SITE = "site"
    TECHNIQUE = "technique"
    EXAM = "examen"
    REGION = "region"
    IRRADIATING = "irradiant"
    AGE = "age"
    SEX = "sexe"
    RURAL = "rural"
    ACCESS = "acces"
    OUTCOME = "avis"
    PATHWAY = "parcours"
    MODE = "mode"
    DECISION = "decision"
    RULE = "regle"
    REASON = "motif"
    LANGUAGE = "langue"
    BY = "par"


OutcomeWord = Literal["pertinent", "autre_examen", "pas_d_imagerie", "a_completer", "hors_referentiel"]
OUTCOMES: Mapping[str, str] = {
    "pertinent": "appropriate", "autre_examen": "alternative", "pas_d_imagerie": "not-indicated", "a_completer": "incomplete",
    "hors_referentiel": "no-guidance",
}  # fmt: skip
MODES = {"silencieux": "silent", "en_service": "on"}
ANSWERS = {"suivi": "accepted", "maintenu": "overridden"}
_POPULATION_WORDS = {
    Population.EXAMS: "un examen réalisé, d'après l'activité importée",
    Population.REQUESTS: "un examen demandé dans une demande signée",
    Population.REVIEWS: "une demande signalée, relue par un radiologue",
    Population.OPINIONS: "ce qu'un radiologue a dit d'une règle",
    Population.CARDS: "la suite donnée à un avis défavorable ou à une proposition",
    Population.REPLACEMENTS: "un examen remplacé par celui qui était proposé",
    Population.PATIENTS: "un patient qui a répondu",
    Population.SECOND_OPINIONS: "un second avis rendu",
    Population.PRESCRIBERS: "un prescripteur qui a signé une demande",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a sheet may say of a population: filters (French keys), measures, delays and splits."""

    filters: frozenset[str]
    measures: frozenset[Measure]
    splits: frozenset[Split]
    delays: frozenset[Delay] = frozenset()


_COUNTED = frozenset((Measure.COUNT, Measure.SHARE))
_TIMED = _COUNTED | {Measure.MEDIAN, Measure.P90, Measure.SHARE_WITHIN, Measure.SHARE_OVER}
_WHICH = frozenset(("techniques", "examens", "ccam", "regions", "irradiant"))
_WHERE = frozenset((Split.SITE, Split.ACCESS))
POPULATIONS: Mapping[Population, Vocabulary] = {
    Population.EXAMS: Vocabulary(
        _WHICH | {"avis", "ages", "repete_jours"}, _TIMED | {Measure.DOSE, Measure.DOSE_PER_EXAM},
        _WHERE | {Split.TECHNIQUE, Split.EXAM, Split.REGION, Split.IRRADIATING, Split.AGE, Split.SEX, Split.RURAL, Split.OUTCOME},
        frozenset((Delay.REQUEST_EXAM, Delay.EXAM_REPORT, Delay.REPORT_PATIENT, Delay.REQUEST_PATIENT)),
    ),
    Population.REQUESTS: Vocabulary(
        _WHICH - {"regions"} | {"avis", "urgences", "signalee", "parcours_rapide", "mode"}, _TIMED,
        _WHERE | {Split.TECHNIQUE, Split.EXAM, Split.IRRADIATING, Split.OUTCOME, Split.PATHWAY, Split.MODE}, frozenset((Delay.REQUEST_EXAM,)),
    ),
    Population.REVIEWS: Vocabulary(
        frozenset(("techniques", "decisions")), _TIMED, _WHERE | {Split.TECHNIQUE, Split.DECISION}, frozenset((Delay.SIGNATURE_DECISION,)),
    ),
    Population.OPINIONS: Vocabulary(frozenset(("opinions",)), _COUNTED, _WHERE | {Split.RULE}),
    Population.CARDS: Vocabulary(frozenset(("suite", "motifs")), _COUNTED, _WHERE | {Split.REASON}),
    Population.REPLACEMENTS: Vocabulary(frozenset(("par",)), frozenset((Measure.COUNT, Measure.DOSE_AVOIDED)), _WHERE | {Split.BY}),
    Population.PATIENTS: Vocabulary(
        frozenset(("comprehension_au_moins", "delai_convient", "explique", "renonce", "raisons")), _COUNTED, _WHERE | {Split.LANGUAGE}
    ),
    Population.SECOND_OPINIONS: Vocabulary(frozenset(("techniques",)), _COUNTED, _WHERE | {Split.TECHNIQUE}),
    Population.PRESCRIBERS: Vocabulary(frozenset(("formes",)), _COUNTED, _WHERE),
}  # fmt: skip


class FilterForm(Form):
    """What is kept of a population: every key given must hold, one of its values."""

    modalities: list[Modality] = Field(default=[], alias="techniques", description="Techniques, par leur code DICOM (DX, CT, MR, US…).")
    exams: list[Slug] = Field(default=[], alias="examens", description="Ids d'examens du catalogue ; leurs variantes comptent avec eux.")
    ccam: list[str] = Field(
        default=[], description="Codes de la CCAM ; sans colonne CCAM dans l'activité, les examens du catalogue qui les portent."
    )
    regions: list[Slug] = Field(default=[], description="Régions du corps, avec celles qu'elles contiennent.")
    irradiating: YesNo | None = Field(default=None, alias="irradiant", description="oui : examens à rayons.")
    outcomes: list[OutcomeWord] = Field(default=[], alias="avis", description="Avis rendus sur l'examen.")
    ages: list[str] = Field(default=[], description="Tranches d'âge, comme dans l'activité (« 18-29 »).")
    repeated: int | None = Field(
        default=None, alias="repete_jours", ge=1, le=3660, description="Le même patient a eu le même examen dans ce nombre de jours, avant."
    )
    emergency: YesNo | None = Field(default=None, alias="urgences", description="oui : patients orientés vers les urgences.")
    flagged: YesNo | None = Field(default=None, alias="signalee", description="oui : demandes signalées au radiologue.")
    fast_track: YesNo | None = Field(
        default=None, alias="parcours_rapide", description="oui : parcours sensibles au délai (parcours.yaml)."
    )
    mode: list[Literal["silencieux", "en_service"]] = Field(default=[], description="Ce que faisait le service au moment de la demande.")
    decisions: list[Literal["valider", "valider-avec-protocole", "substituer", "refuser", "reporter"]] = Field(
        default=[], description="Décisions du radiologue."
    )
    opinions: list[Literal["accord", "desaccord", "sans-objet"]] = Field(default=[], description="Ce que le radiologue dit de la règle.")
    answers: list[Literal["suivi", "maintenu"]] = Field(
        default=[], alias="suite", description="suivi : la proposition a été prise ; maintenu : la demande a été gardée malgré l'avis."
    )
    reasons: list[Slug] = Field(default=[], alias="motifs", description="Motifs codés donnés par le prescripteur.")
    by: list[Literal["prescripteur", "radiologue"]] = Field(default=[], alias="par", description="Qui a remplacé l'examen.")
    understanding: int | None = Field(
        default=None, alias="comprehension_au_moins", ge=1, le=5, description="De 1 (rien compris) à 5 (tout compris) ; 1 : a répondu."
    )
    delay_suits: list[Literal["oui", "non", "pas-de-date", "sans-objet"]] = Field(
        default=[], alias="delai_convient", description="Réponses des patients sur le délai."
    )
    explained: list[Literal["medecin", "radiologue", "autre", "personne", "pas-encore"]] = Field(
        default=[], alias="explique", description="Qui a expliqué le résultat."
    )
    renounced: Literal["oui", "non", "repondu"] | None = Field(
        default=None, alias="renonce", description="oui, non, ou repondu : l'un des deux."
    )
    why_renounced: list[Literal["cout", "distance", "delai", "peur", "organisation", "autre"]] = Field(
        default=[], alias="raisons", description="Raisons de renoncer, l'une au moins."
    )
    trained: YesNo | None = Field(default=None, alias="formes", description="oui : ont répondu à une série de questions entière.")


class CountedForm(Form):
    """A numerator or a denominator: in words, and what is kept of the population."""

    say: str = Field(alias="dit", min_length=1, description="Ce qui est compté, en une phrase.")
    keep: FilterForm = Field(default=FilterForm(), alias="filtre", description="Ce qui est gardé de la population ; rien : tout.")


class TargetForm(Form):
    """What is aimed at: a value, a yearly progression, or a comparison with the reference period."""

    value: float | None = Field(default=None, alias="valeur", description="Valeur à atteindre, dans l'unité (une part s'écrit de 0 à 1).")
    growth: dict[int | Literal["ensuite"], float] | None = Field(
        default=None, alias="progression_pourcent",
        description="Par année, la progression visée sur l'année d'avant, en % ; « ensuite » vaut pour les années suivantes.",
    )  # fmt: skip
    compared: Literal["au_dessus", "au_dessous", "stable"] | None = Field(
        default=None, alias="face_a_la_reference", description="Au-dessus, au-dessous de la période de référence, ou stable."
    )
    tolerance: float | None = Field(default=None, alias="tolerance_pourcent", ge=0, le=100, description="Écart admis de « stable », en %.")


class IndicatorForm(Form):
    """One indicator."""

    title: str = Field(min_length=1, description="Le titre, tel qu'il paraît dans les tableaux.")
    theme: Literal["volumes", "substitution", "delais", "pertinence", "relecture", "dose", "patients", "territoire", "formation", "regional"] = Field(
        description="Le chapitre où il paraît."
    )  # fmt: skip
    question: str = Field(min_length=1, description="La question à laquelle il répond.")
    population: Population = Field(description="Ce qui est compté, un par un.")
    measure: Measure = Field(alias="mesure", description="Ce qui est calculé.")
    delay: Delay | None = Field(default=None, alias="delai", description="Entre quels instants court le délai.")
    limit: float | Literal["parcours"] | None = Field(
        default=None, alias="seuil_jours", description="Le seuil, en jours ; « parcours » : le délai visé du parcours de chaque demande."
    )
    numerator: CountedForm = Field(alias="numerateur", description="Ce qui est compté.")
    denominator: CountedForm | None = Field(default=None, alias="denominateur", description="Parmi quoi, pour une part.")
    unit: str = Field(alias="unite", min_length=1, description="L'unité de la valeur.")
    cadence: Cadence = Field(alias="periode", description="mois, trimestre ou annee.")
    reference: Reference = Field(alias="periode_de_reference", description="La période à laquelle chaque période est comparée.")
    target: TargetForm | None = Field(default=None, alias="cible", description="Ce qui est visé ; rien : l'indicateur informe.")
    direction: Direction = Field(alias="sens", description="Le sens souhaité : baisse, hausse, stable, ou informatif.")
    splits: list[Split] = Field(default=[], alias="ventilations", description="Selon quoi les valeurs peuvent être réparties.")
    data: str = Field(alias="donnees", min_length=1, description="D'où viennent les données.")
    basis: BasisWord = Field(
        alias="fonde", description="Sur quoi la définition et la cible reposent : texte_lu, connaissance ou proposition."
    )
    source: str = Field(default="", description="Le texte qui le définit, s'il a été lu.")
    limits: str = Field(alias="limites", min_length=1, description="Ce que la valeur ne dit pas.")
    beside: list[Slug] = Field(default=[], alias="lire_avec", description="Indicateurs à regarder en même temps.")
    example: YesNo = Field(
        default=False, alias="exemple", description="oui : un exemple, à remplacer par la fiche signée avec l'agence régionale."
    )
