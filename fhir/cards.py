"""CDS Hooks 2.0 cards made from assessments: short, quiet when all is well, and never without what to click.

One card per exam assessed. A service that is happy says so in one discreet card, so that silence is never taken for an approval
nor for a failure. Nothing blocks: every warning can be overridden with a coded reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from pertimage.cds.model import Alert, AlertKind, Alternative, Assessment, Missing, Outcome, Severity
from pertimage.fhir.card_text import WordsOf, exam_label_quoted, in_sentence, shorten, words
from pertimage.fhir.corrections import SIDE_WORDS, with_exam, with_note, with_side
from pertimage.fhir.publisher import ExamOf, LabelOf, NewId, Publisher
from pertimage.fhir.requests import Order
from pertimage.fhir.statements import ReadsAs, answers, verified
from pertimage.fhir.systems import LEFT, RIGHT
from pertimage.fhir.values import text
from pertimage.fhir.vocabularies import CARD_TYPE_SYSTEM, OVERRIDES
from pertimage.guidelines.completeness import Completeness

ORDER_SIGN = "order-sign"
MAX_SUGGESTIONS = 3
INFO, WARNING, CRITICAL = "info", "warning", "critical"
_LOUDNESS = (INFO, WARNING, CRITICAL)
_OF_SEVERITY = {Severity.INFO: INFO, Severity.WARNING: WARNING, Severity.CRITICAL: CRITICAL}
_UNFAVOURABLE = frozenset((Outcome.ALTERNATIVE, Outcome.NOT_INDICATED))
_CONTRAINDICATIONS = frozenset((
    AlertKind.PREGNANCY, AlertKind.BREASTFEEDING, AlertKind.CONTRAST_RENAL, AlertKind.CONTRAST_REACTION, AlertKind.MRI_DEVICE,
    AlertKind.MRI_FOREIGN_BODY, AlertKind.METFORMIN, AlertKind.THYROID,
))  # fmt: skip
_TOPICS = {
    Outcome.APPROPRIATE: ("guideline", "Examen pertinent"),
    Outcome.ALTERNATIVE: ("therapy-alternatives-opt", "Autre examen préférable"),
    Outcome.NOT_INDICATED: ("off-guideline", "Pas d'imagerie utile à ce stade"),
    Outcome.INCOMPLETE: ("clinical-reminder", "Demande à compléter"),
    Outcome.NO_GUIDANCE: ("guideline", "Hors référentiel"),
}
_ALERT_OF_ITEM = {
    AlertKind.PREGNANCY: "grossesse", AlertKind.LATERALITY: "lateralite", AlertKind.MRI_DEVICE: "dispositif-implante",
    AlertKind.CONTRAST_RENAL: "dfg", AlertKind.CONTRAST_REACTION: "allergie-contraste",
}  # fmt: skip

_ALREADY_TOLD = "Même avis que le {:%d/%m/%Y}, pour une autre demande : il est redit ici sans interrompre."
ToldOn = Callable[[Order, Assessment], date | None]


def never(order: Order, assessment: Assessment) -> date | None:
    """Say that no advice was ever read."""
    return None


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes cards: who speaks, for which hook, with the catalogue, the French names of facts, our reader and identifiers.

    ``words_of`` writes the words of a card, or remembers them; ``completeness`` holds the answers in a click.
    """

    publisher: Publisher
    hook: str
    exam_of: ExamOf
    label_of: LabelOf
    reads_as: ReadsAs
    new_id: NewId
    words_of: WordsOf = words
    completeness: Completeness = field(default_factory=Completeness)

    def response(self, judged: Iterable[tuple[Order, Sequence[Assessment]]], told_on: ToldOn = never) -> dict[str, Any]:
        """Return the body of a CDS Hooks answer, the most serious cards first.

        ``told_on`` gives the day on which the prescriber read the same advice, about another request: it then interrupts no more.
        """
        cards = [card for order, assessments in judged for card in self._of_order(order, assessments, told_on)]
        return {"cards": sorted(cards, key=lambda card: -_LOUDNESS.index(card["indicator"]))}

    def _of_order(self, order: Order, assessments: Sequence[Assessment], told_on: ToldOn) -> list[dict[str, Any]]:
        """Return the cards of one order, one for each exam; only the most serious may interrupt, and it tells of the others."""
        levels = [indicator(one, self.hook) for one in assessments]
        days = [told_on(order, one) if may_be_quieter(one, self.hook) else None for one in assessments]
        loud = [rank for rank, level in enumerate(levels) if level != INFO and days[rank] is None]
        if len(assessments) == 1 or not loud:
            return [self.card(order, one, day) for one, day in zip(assessments, days, strict=True)]
        first = min(loud, key=lambda rank: (assessments[rank].pathway != "emergency", -_LOUDNESS.index(levels[rank])))
        cards = [
            self.card(order, one) if rank == first else self._beside(order, one, days[rank], assessments[first], rank in loud)
            for rank, one in enumerate(assessments)
        ]
        if told := [f"- {cards[rank]['summary']}" for rank in loud if rank != first]:
            cards[first]["detail"] = "\n\n".join((cards[first]["detail"], "\n".join(("**Aussi dans cette demande**", "", *told))))
        return cards

    def _beside(self, order: Order, one: Assessment, day: date | None, main: Assessment, folded: bool) -> dict[str, Any]:
        """Return the card of an exam beside the main card of its order: it does not interrupt, nor say the same alerts again."""
        said = {(alert.kind, alert.message) for alert in main.alerts}
        fresh = tuple(alert for alert in one.alerts if (alert.kind, alert.message) not in said)
        same = len(fresh) < len(one.alerts)
        card = self.card(order, replace(one, alerts=fresh) if same else one, day)
        notes = ["Regroupé avec la carte principale de cette demande, qui le signale."] if folded else []
        notes += [f"Mêmes alertes que pour : {exam_label_quoted(main)}."] if same else []
        card.pop("overrideReasons", None)
        return card | {"indicator": INFO, "detail": "\n\n".join((*notes, card["detail"]))}

    def card(self, order: Order, assessment: Assessment, told: date | None = None) -> dict[str, Any]:
        """Return the card of one exam assessed; ``told`` is the day on which the prescriber read the same advice."""
        said = self.words_of(assessment, self.label_of, order.request.unknown_context)
        card: dict[str, Any] = {
            "uuid": self.new_id(),
            "summary": said.summary,
            "detail": f"{_ALREADY_TOLD.format(told)}\n\n{said.detail}" if told else said.detail,
            "indicator": INFO if told else indicator(assessment, self.hook),
            "source": self._source(assessment),
        }
        if suggestions := self._suggestions(order, assessment):
            card |= {"suggestions": suggestions, "selectionBehavior": "at-most-one"}
        if card["indicator"] != INFO:
            card["overrideReasons"] = _override_reasons(self.publisher)
        links = [self._link(sheet) for sheet in assessment.situations[:MAX_SUGGESTIONS]]
        if links:
            card["links"] = links
        return card | {"extension": {"davinci-crd.associated-resource": [{"reference": assessment.request}]}}

    def _source(self, assessment: Assessment) -> dict[str, Any]:
        code, display = topic(assessment)
        return {
            "label": f"Référentiel {self.publisher.name} {assessment.guidelines}",
            "url": self.publisher.sheet_page(assessment.rule.split("/")[0] if assessment.rule else ""),
            "topic": {"system": CARD_TYPE_SYSTEM, "code": code, "display": display},
        }

    def _link(self, sheet: str) -> dict[str, Any]:
        return {"label": f"Ouvrir la fiche « {sheet.replace('-', ' ')} »", "url": self.publisher.sheet_page(sheet), "type": "absolute"}

    def _suggestions(self, order: Order, assessment: Assessment) -> list[dict[str, Any]]:
        """Return at most three suggestions, better exams first; an order without id can be neither updated nor deleted."""
        if not text(order.resource.get("id")):
            return []
        offered = chain(self._replacements(order, assessment), self._renunciation(order, assessment), self._statements(order, assessment))
        return list(islice(offered, MAX_SUGGESTIONS))

    def _replacements(self, order: Order, assessment: Assessment) -> Iterator[dict[str, Any]]:
        """Yield one suggestion per better exam; the first is recommended, except beside an exam that is appropriate."""
        recommended = assessment.outcome in _UNFAVOURABLE and assessment.alternatives[:1] and assessment.alternatives[0].exam != "none"
        room = MAX_SUGGESTIONS - (assessment.outcome is Outcome.NOT_INDICATED) - bool(assessment.missing)
        for alternative in [offer for offer in assessment.alternatives if offer.exam != "none"][: max(room, 1)]:
            exam = self.exam_of(alternative.exam)
            if exam is None:
                continue
            corrected = with_exam(order.resource, exam, self.publisher, order.request.laterality)
            yield self._suggestion(f"Remplacer par : {_offer(alternative)}", "update", bool(recommended), resource=corrected)
            recommended = False

    def _renunciation(self, order: Order, assessment: Assessment) -> Iterator[dict[str, Any]]:
        """Yield the one click that gives the exam up: no imaging is useful, something else comes first, or it was already done."""
        first = assessment.alternatives[:1]
        elsewhere = assessment.outcome is Outcome.ALTERNATIVE and bool(first) and first[0].exam == "none"
        repeated = any(alert.kind is AlertKind.REDUNDANCY and alert.severity is not Severity.INFO for alert in assessment.alerts)
        against = assessment.outcome is Outcome.NOT_INDICATED or elsewhere
        if not against and not repeated:
            return
        label = "Renoncer à l'examen" if against else "Renoncer à l'examen et consulter le précédent"
        if assessment.pathway == "emergency":
            label = "Renoncer à l'examen et adresser aux urgences"
        elif elsewhere:
            label = f"Renoncer à l'examen pour l'instant. {first[0].label}"
        reference = f"ServiceRequest/{order.resource['id']}"
        yield self._suggestion(shorten(label, 100), "delete", against and not (first and first[0].exam != "none"), resourceId=reference)

    def _statements(self, order: Order, assessment: Assessment) -> Iterator[dict[str, Any]]:
        """Yield one-click statements for what is missing; never recommended: only the prescriber can vouch for them."""
        for item in assessment.missing:
            if not item.blocking and assessment.outcome is not Outcome.INCOMPLETE:
                continue
            if item.item == "lateralite":
                for side in (RIGHT, LEFT):
                    yield self._statement(SIDE_WORDS[side], with_side(order.resource, side))
            for sentence in answers(item, self.label_of, self.reads_as, self.completeness):
                yield self._statement(f"« {sentence} »", with_note(order.resource, sentence))
        if sentence := verified(assessment.absent_flags, self.label_of, self.reads_as):
            yield self._statement(f"« {sentence} »", with_note(order.resource, sentence))

    def _statement(self, words: str, corrected: dict[str, Any]) -> dict[str, Any]:
        return self._suggestion(f"Ajouter : {words}", "update", False, resource=corrected)

    def _suggestion(self, label: str, kind: str, recommended: bool, **what: Any) -> dict[str, Any]:
        suggestion: dict[str, Any] = {"label": label, "uuid": self.new_id()}
        if recommended:
            suggestion["isRecommended"] = True
        return suggestion | {"actions": [{"type": kind, "description": label, **what}]}


@lru_cache(maxsize=16)
def _override_reasons(publisher: Publisher) -> list[dict[str, Any]]:
    return [OVERRIDES.coding(code, publisher) for code in OVERRIDES.displays]


def indicator(assessment: Assessment, hook: str) -> str:
    """Return how loudly the card speaks: an emergency is critical; what is missing warns only when the order is signed."""
    levels = [CRITICAL] if assessment.pathway == "emergency" else []
    levels.append(WARNING if assessment.outcome in _UNFAVOURABLE else INFO)
    lacking = assessment.outcome is Outcome.INCOMPLETE or any(item.blocking for item in assessment.missing)
    if lacking and hook == ORDER_SIGN:
        levels.append(WARNING)
    levels += [_OF_SEVERITY[alert.severity] for alert in _loud_at(hook, assessment)]
    return max(levels, key=_LOUDNESS.index)


def may_be_quieter(assessment: Assessment, hook: str) -> bool:
    """Say whether the card interrupts only for the advice of a rule, or for what the law wants written.

    An emergency, an alert or what safety wants to know never gets quieter.
    """
    if assessment.outcome not in _UNFAVOURABLE or assessment.rule is None or assessment.pathway == "emergency":
        return False
    if hook == ORDER_SIGN and any(item.blocking and _is_safety(item) for item in assessment.missing):
        return False
    return all(alert.severity is Severity.INFO or alert.kind is AlertKind.LEGAL_ITEM for alert in _loud_at(hook, assessment))


def _is_safety(item: Missing) -> bool:
    return item.level == "safety" or item.item in _ALERT_OF_ITEM.values()


def _loud_at(hook: str, assessment: Assessment) -> Iterator[Alert]:
    """Yield the alerts that count at a hook: those about something not yet written wait for the signature."""
    return (alert for alert in assessment.alerts if hook == ORDER_SIGN or not _of_missing(alert, assessment))


def _of_missing(alert: Alert, assessment: Assessment) -> bool:
    """Say whether an alert is only about something not yet written."""
    missing = {item.item for item in assessment.missing}
    return alert.kind is AlertKind.LEGAL_ITEM or _ALERT_OF_ITEM.get(alert.kind) in missing


def topic(assessment: Assessment) -> tuple[str, str]:
    """Return the card type (CDS Hooks card types) and its French words; a serious alert speaks before the outcome."""
    kinds = {alert.kind for alert in assessment.alerts if alert.severity is not Severity.INFO}
    if any(alert.kind in _CONTRAINDICATIONS and alert.severity is Severity.CRITICAL for alert in assessment.alerts):
        return "contraindication", "Contre-indication possible"
    if AlertKind.REDUNDANCY in kinds and assessment.outcome is Outcome.APPROPRIATE:
        return "duplicate-therapy", "Examen redondant"
    return _TOPICS[assessment.outcome]


def _offer(alternative: Alternative) -> str:
    free = " (sans rayons)" if alternative.msv == 0 else ""
    return shorten(f"{in_sentence(alternative.label)}{free}{f' — {alternative.when}' if alternative.when else ''}", 110)
