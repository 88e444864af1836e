"""A request of the register made ready for a page: what was asked, what was answered, where its review stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.worklist import RequestRow
from pertimage.cds.model import Assessment, ImagingRequest, TextPart
from pertimage.cds.records import assessment_of, request_of
from pertimage.web.local_policy import PAGE
from pertimage.web.pages import french
from pertimage.web.pages.advice import LOOKS, Advice, advices
from pertimage.web.service import Service

PRIORITY_WORDS = {"routine": "", "urgent": "urgent", "asap": "très urgent", "stat": "immédiat"}
# What the prescriber reads of each decision; the radiologist's own words follow.
DECIDED = {
    Decision.APPROVE: "Validée par le radiologue",
    Decision.APPROVE_WITH_PROTOCOL: "Validée, avec un protocole",
    Decision.SUBSTITUTE: "Remplacée par un autre examen",
    Decision.ASK: "Complément demandé",
    Decision.REFUSE: "Refusée par le radiologue",
    Decision.POSTPONE: "Reportée",
}
REVIEWED = {
    ReviewState.TO_REVIEW: "En attente de relecture",
    ReviewState.IN_PROGRESS: "En cours de relecture",
    ReviewState.QUESTION: "Le radiologue vous pose une question",
    ReviewState.OPINION: "En cours de relecture",
    ReviewState.POSTPONED: "Reportée",
    ReviewState.DECIDED: "Décidée",
    ReviewState.WITHDRAWN: "Retirée",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A register's row with its request and assessments as values. ``exam`` names the exam in words."""

    row: RequestRow
    request: ImagingRequest
    assessments: tuple[Assessment, ...]
    exam: str
    state: str
    look: str
    icon: str
    outcome: str
    priority: str

    @property
    def emergency(self) -> bool:
        """Say whether the patient belongs in the emergency department; nobody is told of a request judged in silence."""
        return self.row.pathway == "emergency" and not self.row.silent

    @property
    def main(self) -> Assessment:
        """Return the assessment to look at first: the emergency, else the one flagged, else the first."""
        return min(self.assessments, key=lambda one: (one.pathway != "emergency", not one.flagged))


def recorded(row: RequestRow, service: Service) -> Recorded:
    """Return a row of the register ready for a page."""
    assessments = tuple(assessment_of(line) for line in row.assessments)
    first = min(assessments, key=lambda one: (one.pathway != "emergency", not one.flagged))
    look, icon = LOOKS[first.outcome]
    exam = exam_label(row.exam, service) or french.capital(first.exam_label or row.exam_text) or "Examen non précisé"
    return Recorded(
        row, request_of(row.request), assessments, exam, state_words(row), look, icon, french.capital(first.outcome.french),
        PRIORITY_WORDS.get(row.priority, row.priority),
    )  # fmt: skip


def exam_label(exam: str | None, service: Service) -> str:
    """Return an exam's label; empty when it is not in the catalogue."""
    found = service.base.catalogue.exams.get(exam or "")
    return found.label if found else ""


def state_words(row: RequestRow) -> str:
    """Return where the request stands, as its prescriber reads it."""
    if row.status is RequestStatus.DRAFT:
        return "Non signée"
    if row.status is RequestStatus.WITHDRAWN:
        return "Retirée"
    if row.state is None:
        return "Transmise"
    if row.state is ReviewState.DECIDED and row.decision:
        return DECIDED[row.decision]
    return REVIEWED[row.state]


def shown_advices(one: Recorded, service: Service, who: str) -> list[Advice]:
    """Return the advice as it was given when the request was recorded."""
    return advices(service.told(one.assessments, PAGE, who), service)


def completed(one: Recorded, answers: list[str]) -> ImagingRequest:
    """Return the request with the prescriber's answers after its text."""
    return replace(one.request, texts=(*one.request.texts, *(TextPart("answer", answer) for answer in answers)))
