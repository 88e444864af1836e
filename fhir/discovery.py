"""The CDS Hooks discovery document: one service on two hooks with the prefetch it reads, no more; another that tells answers.

The same id on both hooks tells the client that the cards of order-sign replace those of order-select. Templates keep to the
CDS Hooks 2.0 subset; each asks only for what the reader uses.
"""

from __future__ import annotations

from typing import Any

from pertimage.fhir.answer_cards import ANSWERS_ID, PATIENT_VIEW
from pertimage.fhir.context import CREATININE, DOSE_SUMMARY, GFR, PREGNANCY, WEIGHT
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.requests import HOOKS
from pertimage.fhir.systems import IMAGING_CATEGORY, LOINC, SNOMED

SERVICE_ID = "imagerie-pertinence"
TITLE = "Pertinence des demandes d'imagerie"
DESCRIPTION = (
    "Dit si une demande d'imagerie est complète et si le référentiel français (HAS, ADERIM) soutient l'examen demandé, "
    "propose en un clic l'examen préférable, non irradiant d'abord, et signale au radiologue ce qui mérite d'être relu. "
    "Ne bloque jamais une prescription."
)

_ANSWERS = {
    "hook": PATIENT_VIEW,
    "id": ANSWERS_ID,
    "title": "Réponses du radiologue",
    "description": (
        "À l'ouverture d'un dossier, dit au prescripteur ce que le radiologue a répondu à ses demandes d'imagerie pour ce patient : "
        "question posée, examen remplacé, refus, report. Rien quand il n'y a rien à dire."
    ),
    "usageRequirements": "L'utilisateur et le patient portent les mêmes références qu'à la signature de la demande.",
}


def _any_of(codes: frozenset[str]) -> str:
    return ",".join(f"{LOINC}|{code}" for code in sorted(codes))


_OF = "patient={{context.patientId}}"
_SECTIONS = "http://terminology.hl7.org/CodeSystem/v2-0074"
PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": f"Condition?{_OF}",
    "grossesse": f"Observation?{_OF}&code={LOINC}|{PREGNANCY}&_sort=-date&_count=1",
    "creatinine": f"Observation?{_OF}&code={_any_of(CREATININE)}&_sort=-date&_count=2",
    "dfg": f"Observation?{_OF}&code={_any_of(GFR)}&_sort=-date&_count=2",
    "poids": f"Observation?{_OF}&code={_any_of(WEIGHT)}&_sort=-date&_count=1",
    "imagerie": f"ImagingStudy?{_OF}&_sort=-started&_count=50",
    "comptes-rendus": f"DiagnosticReport?{_OF}&category={_SECTIONS}|RAD,{LOINC}|LP29684-5&_sort=-date&_count=50",
    "doses": f"Observation?{_OF}&code={LOINC}|{DOSE_SUMMARY}&_sort=-date&_count=50",
    "demandes": f"ServiceRequest?{_OF}&category={SNOMED}|{IMAGING_CATEGORY}&_sort=-authored&_count=50",
    "allergies": f"AllergyIntolerance?{_OF}",
    "traitements": f"MedicationRequest?{_OF}&status=active",
    "declarations": f"MedicationStatement?{_OF}&status=active",
    "dispositifs": f"DeviceUseStatement?{_OF}",
    "implants": f"Device?{_OF}",
    "actes": f"Procedure?{_OF}&_sort=-date&_count=100",
}


def services(publisher: Publisher, version: str) -> dict[str, Any]:
    """Return the body of ``GET /cds-services``; ``version`` is that of the guideline base."""
    return {"services": [*(_service(hook, publisher, version) for hook in HOOKS), _ANSWERS]}


def _service(hook: str, publisher: Publisher, version: str) -> dict[str, Any]:
    return {
        "hook": hook,
        "id": SERVICE_ID,
        "title": TITLE,
        "description": DESCRIPTION,
        "usageRequirements": "Toutes les données de prefetch sont facultatives : ce qui manque est tenu pour inconnu et l'avis le dit.",
        "prefetch": dict(PREFETCH),
        "extension": {f"{_reverse(publisher.canonical)}.referentiel": {"version": version, "url": publisher.sheet_page("")}},
    }


def _reverse(url: str) -> str:
    """Return the host of a URL in reverse order, the form of extension keys: https://exemple.fr/fhir → fr.exemple."""
    host = url.split("://")[-1].split("/")[0].split(":")[0]
    return ".".join(reversed(host.split(".")))
