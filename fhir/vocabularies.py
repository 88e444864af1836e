"""Our own French-labelled code systems, and how they map to international ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pertimage.cds.model import AlertKind, Outcome
from pertimage.fhir.publisher import ExamInfo, Publisher

NON_ADHERENCE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
CARD_TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
EXAM = "examen-imagerie"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A closed code system: its place under the canonical base, its title, its codes with their French displays."""

    slug: str
    name: str
    title: str
    description: str
    displays: Mapping[str, str]

    def coding(self, code: str, publisher: Publisher) -> dict[str, Any]:
        """Return the Coding of one of its codes; KeyError for a code it does not have."""
        return {"system": publisher.system(self.slug), "code": code, "display": self.displays[code]}


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


OUTCOMES = Vocabulary(
    "pertinence", "Pertinence", "Avis de pertinence", "Avis du référentiel sur l'examen demandé.",
    {str(outcome): _capital(outcome.french) for outcome in Outcome},
)  # fmt: skip
OVERRIDES = Vocabulary(
    "motif-derogation", "MotifDerogation", "Motif de dérogation", "Pourquoi le prescripteur maintient une demande malgré l'avis.",
    {
        "element-clinique": "Élément clinique non pris en compte par l'avis",
        "avis-specialiste": "Avis d'un spécialiste ou d'un radiologue",
        "examen-indisponible": "Examen proposé indisponible dans le délai utile",
        "contre-indication": "Contre-indication à l'examen proposé",
        "deja-fait": "Examen proposé déjà fait, non concluant",
        "refus-patient": "Refus ou préférence du patient",
        "benefice-risque": "Bénéfice jugé supérieur au risque pour ce patient",
        "desaccord": "Désaccord avec la recommandation",
    },
)  # fmt: skip
# The child codes of the CDS Hooks non-adherence reasons (AHRQ taxonomy) that say the same.
NON_ADHERENCE: Mapping[str, str] = {
    "element-clinique": "patient-ineligible",
    "avis-specialiste": "expert-contradicts",
    "examen-indisponible": "service-not-available",
    "contre-indication": "patient-contraindication",
    "deja-fait": "action-unsuccessful",
    "refus-patient": "patient-refuses",
    "benefice-risque": "risk-benefit-ratio",
    "desaccord": "recipient-does-not-trust",
}
DECISIONS = Vocabulary(
    "decision-radiologue", "DecisionRadiologue", "Décision du radiologue", "Ce que le radiologue décide d'une demande relue.",
    {
        "valider": "Valider",
        "valider-avec-protocole": "Valider avec un protocole",
        "substituer": "Substituer un autre examen",
        "demander-complement": "Demander un complément",
        "refuser": "Refuser",
        "reporter": "Reporter",
    },
)  # fmt: skip
REVIEWS = Vocabulary(
    "statut-relecture", "StatutRelecture", "Statut de relecture", "Où en est la relecture d'une demande signalée.",
    {
        "a-relire": "À relire", "en-cours": "En cours", "question": "Question posée", "avis-demande": "Second avis demandé", "reportee": "Reportée",
        "decidee": "Décidée", "retiree": "Retirée",
    },
)  # fmt: skip
ISSUES = Vocabulary(
    "anomalie-demande-imagerie", "AnomalieDemandeImagerie", "Anomalie d'une demande d'imagerie",
    "Ce qui fait signaler une demande : avis défavorable ou alerte.",
    {
        "alternative": "Autre examen préférable",
        "not-indicated": "Pas d'imagerie utile à ce stade",
        "incomplete": "Demande à compléter",
        str(AlertKind.REDUNDANCY): "Examen redondant",
        str(AlertKind.CUMULATIVE_DOSE): "Dose cumulée",
        str(AlertKind.PREGNANCY): "Grossesse",
        str(AlertKind.BREASTFEEDING): "Allaitement",
        str(AlertKind.CONTRAST_RENAL): "Produit de contraste et fonction rénale",
        str(AlertKind.CONTRAST_REACTION): "Réaction antérieure à un produit de contraste",
        str(AlertKind.MRI_DEVICE): "Dispositif implanté et IRM",
        str(AlertKind.MRI_FOREIGN_BODY): "Corps étranger métallique et IRM",
        str(AlertKind.METFORMIN): "Metformine et produit de contraste",
        str(AlertKind.THYROID): "Thyroïde et produit de contraste iodé",
        str(AlertKind.ANTICOAGULANT): "Traitement anticoagulant",
        str(AlertKind.LEGAL_ITEM): "Mention réglementaire manquante",
        str(AlertKind.LATERALITY): "Côté non précisé",
        str(AlertKind.CONTRADICTION): "Informations contradictoires",
        str(AlertKind.AVAILABILITY): "Disponibilité de l'examen",
    },
)  # fmt: skip
ALL = (OUTCOMES, OVERRIDES, DECISIONS, REVIEWS, ISSUES)


def non_adherence(code: str) -> dict[str, Any] | None:
    """Return the international Coding of one of our override reasons, None for a code that is not ours."""
    return {"system": NON_ADHERENCE_SYSTEM, "code": NON_ADHERENCE[code]} if code in NON_ADHERENCE else None


def code_systems(publisher: Publisher, version: str, exams: Iterable[ExamInfo] = ()) -> list[dict[str, Any]]:
    """Return our CodeSystem resources; the catalogue of exams is one of them when it is given."""
    catalogue = {exam.id: exam.label for exam in exams}
    described = "Examens du catalogue du référentiel."
    more = (Vocabulary(EXAM, "ExamenImagerie", "Examens d'imagerie", described, catalogue),) if catalogue else ()
    return [_code_system(vocabulary, publisher, version) for vocabulary in (*ALL, *more)]


def _code_system(vocabulary: Vocabulary, publisher: Publisher, version: str) -> dict[str, Any]:
    return {
        "resourceType": "CodeSystem",
        "id": vocabulary.slug,
        "language": "fr-FR",
        "url": publisher.system(vocabulary.slug),
        "version": version,
        "name": vocabulary.name,
        "title": vocabulary.title,
        "status": "active",
        "experimental": False,
        "publisher": publisher.name,
        "description": vocabulary.description,
        "caseSensitive": True,
        "content": "complete",
        "count": len(vocabulary.displays),
        "concept": [{"code": code, "display": display} for code, display in vocabulary.displays.items()],
    }
