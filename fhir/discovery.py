"""The CDS Hooks discovery document: one service on two hooks, and the prefetch it reads, no more.

The same id on both hooks tells the client that the cards of order-sign replace those of order-select. Templates keep to the
CDS Hooks 2.0 subset; each asks only for what the reader uses.
"""

from __future__ import annotations

from typing import Any

from pertimage.fhir.context import CREATININE, GFR, PREGNANCY
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.requests import HOOKS
from pertimage.fhir.systems import LOINC

SERVICE_ID = "imagerie-pertinence"
TITLE = "Pertinence des demandes d'imagerie"
DESCRIPTION = (
    "Dit si une demande d'imagerie est complète et si le référentiel français (HAS, ADERIM) soutient l'examen demandé, "
    "propose en un clic l'examen préférable, non irradiant d'abord, et signale au radiologue ce qui mérite d'être relu. "
    "Ne bloque jamais une prescription."
)


def _any_of(codes: frozenset[str]) -> str:
    return ",".join(f"{LOINC}|{code}" for code in sorted(codes))


PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "grossesse": f"Observation?patient={{{{context.patientId}}}}&code={LOINC}|{PREGNANCY}&_sort=-date&_count=1",
    "creatinine": f"Observation?patient={{{{context.patientId}}}}&code={_any_of(CREATININE)}&_sort=-date&_count=1",
    "dfg": f"Observation?patient={{{{context.patientId}}}}&code={_any_of(GFR)}&_sort=-date&_count=1",
    "imagerie": "ImagingStudy?patient={{context.patientId}}&_sort=-started&_count=50",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
    "traitements": "MedicationRequest?patient={{context.patientId}}&status=active",
}


def services(publisher: Publisher, version: str) -> dict[str, Any]:
    """Return the body of ``GET /cds-services``; ``version`` is that of the guideline base."""
    return {"services": [_service(hook, publisher, version) for hook in HOOKS]}


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
