"""CDS Hooks feedback: what the prescriber did with a card. Read strictly: these lines are counted.

Repeated and later outcomes for one card are legal; the store keeps them all and the last one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pertimage.cds.model import Code
from pertimage.fhir.values import BadRequest, text
from pertimage.fhir.vocabularies import NON_ADHERENCE, NON_ADHERENCE_SYSTEM

MAX_COMMENT = 4000


class CardOutcome(StrEnum):
    """What became of a card."""

    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One line of feedback. ``standard_reason`` is the international code of an override reason of ours, when there is one."""

    card: str
    outcome: CardOutcome
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason: Code | None = None
    standard_reason: Code | None = None
    comment: str = ""


def read_feedback(body: Any) -> tuple[FeedbackItem, ...]:
    """Return the lines of a feedback body; ``BadRequest`` names the first one that breaks the contract."""
    if not isinstance(body, dict):
        raise BadRequest("", "Le corps de la requête n'est pas un objet JSON.")
    lines = body.get("feedback")
    if not isinstance(lines, list) or not lines:
        raise BadRequest("feedback", "Une liste non vide de retours est attendue.")
    return tuple(_item(line, f"feedback[{rank}]") for rank, line in enumerate(lines))


def _item(line: Any, place: str) -> FeedbackItem:
    if not isinstance(line, dict):
        raise BadRequest(place, "Un objet JSON est attendu.")
    written = line.get("outcome")
    if written not in tuple(CardOutcome):
        raise BadRequest(f"{place}.outcome", "« accepted » ou « overridden » est attendu.")
    outcome = CardOutcome(written)
    suggestions = _suggestions(line.get("acceptedSuggestions"), f"{place}.acceptedSuggestions")
    if outcome is CardOutcome.ACCEPTED and not suggestions:
        raise BadRequest(f"{place}.acceptedSuggestions", "Une carte acceptée nomme les suggestions retenues.")
    reason, comment = _override(line.get("overrideReason"), f"{place}.overrideReason")
    return FeedbackItem(
        card=_required(line, "card", place),
        outcome=outcome,
        at=_instant(line.get("outcomeTimestamp"), f"{place}.outcomeTimestamp"),
        suggestions=suggestions,
        reason=reason,
        standard_reason=_standard(reason),
        comment=comment,
    )


def _required(line: dict[str, Any], key: str, place: str) -> str:
    value = text(line.get(key))
    if not value or len(value) > 128:
        raise BadRequest(f"{place}.{key}", "Un identifiant est attendu.")
    return value


def _suggestions(value: Any, place: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequest(place, "Une liste d'objets {id} est attendue.")
    return tuple(_required(item, "id", f"{place}[{rank}]") for rank, item in enumerate(value))


def _override(value: Any, place: str) -> tuple[Code | None, str]:
    """Return the coded reason and the comment of an override; one of them at least when the object is there."""
    if value is None:
        return None, ""
    if not isinstance(value, dict):
        raise BadRequest(place, "Un objet {reason, userComment} est attendu.")
    coding, comment = value.get("reason"), text(value.get("userComment"))[:MAX_COMMENT]
    if coding is not None and not (isinstance(coding, dict) and text(coding.get("code"))):
        raise BadRequest(f"{place}.reason", "Un Coding (system, code) est attendu.")
    reason = Code(text(coding.get("system")), text(coding["code"]), text(coding.get("display"))) if coding else None
    if reason is None and not comment:
        raise BadRequest(place, "Un motif codé ou un commentaire est attendu.")
    return reason, comment


def _standard(reason: Code | None) -> Code | None:
    if reason is None or reason.system == NON_ADHERENCE_SYSTEM:
        return reason
    return Code(NON_ADHERENCE_SYSTEM, NON_ADHERENCE[reason.code]) if reason.code in NON_ADHERENCE else None


def _instant(value: Any, place: str) -> datetime:
    """Return an RFC 3339 instant in UTC; a time without zone is refused."""
    try:
        found = datetime.fromisoformat(text(value))
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequest(place, "Une date et heure RFC 3339 avec fuseau est attendue.") from error
