"""Patient-view: when a prescriber opens a patient's record, what radiologists answered to the requests made for that patient."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.review import Decision, ReviewState
from pertimage.audit.worklist import RequestRow, answered, noted
from pertimage.fhir.answer_cards import Answer, PatientView, answer_cards, card_id
from pertimage.fhir.card_text import in_sentence
from pertimage.fhir.cards import INFO, WARNING
from pertimage.web.pages.recorded import exam_label
from pertimage.web.service import Service

# A decision that nobody noted is told for this long; a question, until it is answered.
TOLD_FOR = timedelta(days=30)


def cards_of_view(service: Service, view: PatientView, account: str) -> dict[str, Any]:
    """Return the cards of a call: one for each answer that waits, or that the prescriber has not noted yet."""
    prescriber = service.prescriber(account, view.user)
    patients = [service.pseudonyms.patient(name) for name in view.patients]
    rows = answered(service.store.reader, prescriber, patients, since=service.now() - TOLD_FOR)
    cards = {card_id(service.publisher, row.id, row.version or 0): row for row in rows}
    done = noted(service.store.reader, cards)
    known = bool(service.settings.practitioner(account, view.user))
    return answer_cards((_answer(row, service, known) for card, row in cards.items() if card not in done), service.publisher)


def _answer(row: RequestRow, service: Service, known: bool) -> Answer:
    asked = utc_datetime(row.signed_at or row.created_at).astimezone(PARIS).date()
    exam = exam_label(row.exam, service) or row.exam_text or "Examen non précisé"
    awaited = row.state is ReviewState.QUESTION
    loud = awaited or row.decision is Decision.REFUSE
    words = (row.question if awaited else row.reason) or ""
    return Answer(row.id, row.version or 0, exam, asked, _said(row, service), words, awaited, WARNING if loud else INFO, known)


def _said(row: RequestRow, service: Service) -> str:
    if row.state is ReviewState.QUESTION:
        return "le radiologue vous pose une question"
    if row.state is ReviewState.POSTPONED:
        return f"reportée par le radiologue au {date.fromisoformat(row.until):%d/%m/%Y}" if row.until else "reportée par le radiologue"
    if row.decision is Decision.SUBSTITUTE:
        other = exam_label(row.substituted_exam, service)
        return f"remplacée par le radiologue : {in_sentence(other)}" if other else "remplacée par le radiologue par un autre examen"
    return "refusée par le radiologue" if row.decision is Decision.REFUSE else "validée par le radiologue, avec un protocole"
