"""The cards of patient-view: what a radiologist answered to the prescriber's requests and what results wait, nothing when there is nothing to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pertimage.fhir.card_text import in_sentence, quoted, shorten
from pertimage.fhir.cards import INFO, WARNING
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.values import BadRequest, mapping, tail, text

ANSWERS_ID = "imagerie-reponses"
PATIENT_VIEW = "patient-view"
_WORDS_LIMIT = 400
_UNKNOWN_HERE = (
    "Votre compte n'est pas relié à ce logiciel : la page de la demande ne s'ouvrira pas. L'exploitant de pertimage peut le relier ; "
    "d'ici là, répondez au service d'imagerie."
)
_NOTED = "C'est noté, ne plus me le rappeler"


@dataclass(frozen=True, slots=True)
class PatientView:
    """A patient-view call: who opens the record of whom. ``patients`` are the ways in which an order may have named the patient."""

    user: str
    patients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a radiologist answered to a request: ``said`` in a few words of ours, ``words`` in theirs.

    ``version`` names what was said: an answer that was noted is told again once it has changed. ``awaited`` when the
    prescriber is asked something; ``reachable`` when they have an account that can open the request.
    """

    request: str
    version: str
    exam: str
    asked_on: date
    said: str
    words: str = ""
    awaited: bool = False
    told_as: str = INFO
    reachable: bool = True


def read_patient_view(body: Any) -> PatientView:
    """Return a patient-view call; raises BadRequest for another hook, and without a patient or a user."""
    if not isinstance(body, dict):
        raise BadRequest("", "Le corps de la requête n'est pas un objet JSON.")
    hook, context = text(body.get("hook")), mapping(body.get("context"))
    if hook != PATIENT_VIEW:
        raise BadRequest("hook", f"Ce service répond à {PATIENT_VIEW}.")
    user, patient = text(context.get("userId")), tail(text(context.get("patientId")))
    for place, value in (("context.userId", user), ("context.patientId", patient)):
        if not value:
            raise BadRequest(place, "Une valeur est attendue.")
    server = text(body.get("fhirServer")).rstrip("/")
    local = f"Patient/{patient}"
    return PatientView(user, (local, f"{server}/{local}") if server else (local,))


def card_id(publisher: Publisher, request: str, version: str) -> str:
    """Return the identifier of the card of an answer: the same at each call, until something else is to be said."""
    return str(uuid5(NAMESPACE_URL, publisher.page("mes-demandes", request, version)))


def answer_cards(answers: Iterable[Answer], publisher: Publisher) -> dict[str, Any]:
    """Return the body of a patient-view answer: what is asked of the prescriber first."""
    cards = [_card(answer, publisher) for answer in answers]
    return {"cards": sorted(cards, key=lambda card: card["indicator"] != WARNING)}


def _card(answer: Answer, publisher: Publisher) -> dict[str, Any]:
    identifier = card_id(publisher, answer.request, answer.version)
    said = f"**Votre demande du {answer.asked_on:%d/%m/%Y}**, {quoted(in_sentence(answer.exam))} : {answer.said}."
    parts = [said, f"> {quoted(answer.words, _WORDS_LIMIT)}" if answer.words else "", "" if answer.reachable else _UNKNOWN_HERE]
    card: dict[str, Any] = {
        "uuid": identifier,
        "summary": shorten(f"{shorten(answer.exam, 70)} : {answer.said}"),
        "detail": "\n\n".join(filter(None, parts)),
        "indicator": answer.told_as,
        "source": {"label": "Réponse du radiologue, par pertimage", "url": publisher.page("mes-demandes")},
    }
    if answer.reachable:
        label = "Répondre au radiologue" if answer.awaited else "Lire la réponse"
        card["links"] = [{"label": label, "url": publisher.page("mes-demandes", answer.request), "type": "absolute"}]
    if not answer.awaited:
        card["suggestions"] = [{"label": _NOTED, "uuid": str(uuid5(NAMESPACE_URL, f"{identifier}/note"))}]
        card["selectionBehavior"] = "at-most-one"
    return card
