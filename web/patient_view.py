"""Patient-view: when a prescriber opens a patient's record, what radiologists answered to the requests made for that patient, and what results wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.restitution_due import Stage
from pertimage.audit.review import Decision, ReviewState
from pertimage.audit.worklist import RequestRow, about_patient, answered, noted
from pertimage.fhir.answer_cards import Answer, PatientView, answer_cards, card_id
from pertimage.fhir.card_text import in_sentence
from pertimage.fhir.cards import INFO, WARNING
from pertimage.web.pages.recorded import exam_label
from pertimage.web.pages.restitution import paris_today, recall_words, recalls
from pertimage.web.service import Service

# A decision that nobody noted is told for this long; a question, until it is answered.
TOLD_FOR = timedelta(days=30)


def cards_of_view(service: Service, view: PatientView, account: str) -> dict[str, Any]:
    """Return the cards of a call: one for each answer that waits or that the prescriber has not noted yet, one for each result overdue."""
    prescriber = service.prescriber(account, view.user)
    patients = [service.pseudonyms.patient(name) for name in view.patients]
    known = bool(service.settings.practitioner(account, view.user))
    found = [*_answers(service, prescriber, patients, known), *_results(service, prescriber, patients, known)]
    cards = {card_id(service.publisher, one.request, one.version): one for one in found}
    done = noted(service.store.reader, cards)
    return answer_cards((one for card, one in cards.items() if card not in done), service.publisher)


def _answers(service: Service, prescriber: str, patients: list[str], known: bool) -> Iterator[Answer]:
    """Yield what radiologists answered."""
    for row in answered(service.store.reader, prescriber, patients, since=service.now() - TOLD_FOR):
        awaited = row.state is ReviewState.QUESTION
        loud = awaited or row.decision is Decision.REFUSE
        words = (row.question if awaited else row.reason) or ""
        told_as = WARNING if loud else INFO
        yield Answer(
            row.id, str(row.version or 0), _exam(row, service), _asked_on(row), _said(row, service), words, awaited, told_as, known
        )


def _results(service: Service, prescriber: str, patients: list[str], known: bool) -> Iterator[Answer]:
    """Yield the results that are overdue: a report that does not come, a result to explain, a report taken back."""
    late = {one.followed.id: one for one in recalls(service, prescriber)}
    rows = about_patient(service.store.reader, prescriber, patients, late) if late else []
    today = paris_today(service)
    for row in rows:
        one = late[row.id]
        words, told_as = recall_words(one, today), WARNING if one.stage is Stage.RETRACTED else INFO
        version = f"resultat-{one.stage}-{one.since}"
        yield Answer(row.id, version, _exam(row, service), _asked_on(row), words[:1].lower() + words[1:], told_as=told_as, reachable=known)


def _asked_on(row: RequestRow) -> date:
    return utc_datetime(row.signed_at or row.created_at).astimezone(PARIS).date()


def _exam(row: RequestRow, service: Service) -> str:
    return exam_label(row.exam, service) or row.exam_text or "Examen non précisé"


def _said(row: RequestRow, service: Service) -> str:
    if row.state is ReviewState.QUESTION:
        return "le radiologue vous pose une question"
    if row.state is ReviewState.POSTPONED:
        return f"reportée par le radiologue au {date.fromisoformat(row.until):%d/%m/%Y}" if row.until else "reportée par le radiologue"
    if row.decision is Decision.SUBSTITUTE:
        other = exam_label(row.substituted_exam, service)
        return f"remplacée par le radiologue : {in_sentence(other)}" if other else "remplacée par le radiologue par un autre examen"
    return "refusée par le radiologue" if row.decision is Decision.REFUSE else "validée par le radiologue, avec un protocole"
