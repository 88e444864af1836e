"""What fictitious radiologists and prescribers did of the requests: decisions, questions, answers, feedback on the cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson

from pertimage.audit.review import Decision, RuleOpinion, RuleVerdict
from pertimage.cds.model import Alternative, Missing, Outcome
from pertimage.web.access import DEMO_USERS
from pertimage.web.demo.orders import DEMO_PRESCRIBER, EMERGENCIES_LAST, Order
from pertimage.web.pages.replies import filled, question
from pertimage.web.service import Service

TO_REVIEW = 22
QUESTIONS_WAITING = 4
_RADIOLOGISTS = (DEMO_USERS["radiologue"].name, "Dr Lenormont", "Dr Vasselin")
_MAINTAINED = ("Contexte connu du service, examen maintenu.", "Vu avec le prescripteur : la gêne justifie l'examen.")
_PROTOCOLS = ("Sans injection. Apporter les clichés antérieurs.", "Protocole habituel, comparer à l'examen précédent.")
_ON_THE_SPOT = "Prescripteur appelé : patient adressé aux urgences, l'imagerie utile y sera faite."
_ASKED = "L'injection te paraît-elle utile ici ?"
_TOLD = "Sans injection d'abord ; on complétera si la lésion est confirmée."
# A rule that the demonstration's radiologists contest, so that the committee has something to decide.
_CONTESTED, _CONTESTED_WORDS = "hernie-paroi/evidente", "Échographie demandée par le chirurgien avant l'intervention."
_OVERRIDES = ("benefice-risque", "refus-patient", "element-clinique", "desaccord")


@dataclass(frozen=True, slots=True)
class Act:
    """Something done at an instant."""

    at: datetime
    do: Callable[[], object]


def record(service: Service, order: Order) -> None:
    """Record a signed request at its instant."""
    service.register.record_assessment(
        orjson.loads(orjson.dumps(order.request)), [one.to_json() for one in order.assessments], site=order.site,
        prescriber=service.pseudonyms.prescriber(order.prescriber), patient=service.pseudonyms.patient(order.patient), at=order.at,
        hook="order-sign", request_id=order.id, modalities=service.modalities(order.assessments), policy=service.policy, signed=True,
        territory=order.main.territory,
    )  # fmt: skip


def acts(service: Service, written: Sequence[Order], chance: Random) -> list[Act]:
    """Return what happened to the requests after their signature."""
    end = written[-1].at
    play = _Play(service, chance, end)
    waiting = _waiting(written)
    asked = _asked(written, waiting)
    done: list[Act] = []
    for rank, order in enumerate(waiting):
        done += play.taken(order) if rank in (5, 11) and not order.emergency else []
        done += play.consulted(order) if rank == 8 and not order.emergency else []
    for order in written:
        done += play.feedback(order)
        if order in asked:
            done += play.asked(order)
        elif order.flagged and order not in waiting:
            done += play.reviewed(order)
    return [act for act in done if act.at <= end]


def closed(service: Service, written: Sequence[Order], chance: Random) -> list[Act]:
    """Return what happened to requests of the past: all those flagged were decided."""
    play = _Play(service, chance, max(order.at for order in written))
    told = [act for order in written for act in play.feedback(order)]
    return told + [act for order in written if order.flagged for act in play.reviewed(order)]


def _waiting(written: Sequence[Order]) -> list[Order]:
    """Return the latest flagged requests, among which a few emergencies, that nobody has decided."""
    flagged = [order for order in written if order.flagged]
    emergencies = [order for order in flagged if order.emergency][-EMERGENCIES_LAST:]
    others = [order for order in flagged if not order.emergency][-(TO_REVIEW + QUESTIONS_WAITING) :]
    return sorted([*emergencies, *others], key=lambda order: order.at)


def _asked(written: Sequence[Order], waiting: list[Order]) -> list[Order]:
    """Take out of the list the requests on which a question waits for its answer; the demonstration's prescriber has one."""
    others = [order for order in waiting if not order.emergency and _open_question(order)]
    mine = [order for order in others if order.prescriber == DEMO_PRESCRIBER]
    chosen = [*mine[:1], *(order for order in others if order not in mine)][:QUESTIONS_WAITING]
    for order in chosen:
        waiting.remove(order)
    return chosen


def _open_question(order: Order) -> Missing | None:
    """Return what a radiologist would ask of a request."""
    wanted = [item for item in order.main.missing if item.question]
    return wanted[0] if wanted else None


class _Play:
    def __init__(self, service: Service, chance: Random, end: datetime) -> None:
        self._service, self._chance, self._end = service, chance, end

    def consulted(self, order: Order) -> list[Act]:
        """Return the question of a colleague to the demonstration's radiologist."""
        asker, me = self._name(_RADIOLOGISTS[2]), self._name(_RADIOLOGISTS[0])
        at = self._end - timedelta(minutes=self._chance.randint(30, 90))
        return [Act(at, lambda: self._service.register.ask_opinion(order.id, _ASKED, radiologist=asker, to=me, at=at))]

    def taken(self, order: Order) -> list[Act]:
        """Return the claim of a colleague who was called away."""
        radiologist = self._name(_RADIOLOGISTS[1])
        at = self._end - timedelta(minutes=self._chance.randint(4, 20))
        return [Act(at, lambda: self._service.register.claim(order.id, radiologist=radiologist, at=at))]

    def asked(self, order: Order) -> list[Act]:
        """Return a question that waits for its answer."""
        wanted = _open_question(order)
        return [self._decision(order, self._later(order.at), Decision.ASK, wanted.question)] if wanted else []

    def reviewed(self, order: Order) -> list[Act]:
        """Return the review of a request, with the question and the answer when there was one."""
        at = self._later(order.at, minutes=25 if order.emergency else 7 * 60)
        wanted = _open_question(order)
        if order.main.outcome is not Outcome.INCOMPLETE or wanted is None or order.emergency:
            return list(self._decided(order, at, order.at))
        answered = self._later(at)
        words = self._answer(wanted)
        author = self._name(order.prescriber)
        reply = Act(answered, lambda: self._service.register.answer(order.id, words, author=author, at=answered))
        return [self._decision(order, at, Decision.ASK, wanted.question), reply, *self._decided(order, self._later(answered), answered)]

    def feedback(self, order: Order) -> list[Act]:
        """Return what the prescriber did of the card: most went against it, with a reason, as they do everywhere."""
        if order.main.outcome not in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED) or self._chance.random() < 0.35:
            return []
        card, reason = f"{self._chance.getrandbits(128):032x}", self._chance.choice(_OVERRIDES)
        outcome = "accepted" if self._chance.random() < 0.2 else "overridden"
        why = "" if outcome == "accepted" else reason
        return [Act(order.at, lambda: self._service.register.feedback(card, outcome, at=order.at, reason=why, request=order.id))]

    def _decided(self, order: Order, at: datetime, since: datetime) -> Iterator[Act]:
        decision, reason, exam = self._choice(order)
        by = ""
        if self._chance.random() < 0.05:
            first, by = self._name(_RADIOLOGISTS[0]), self._name(_RADIOLOGISTS[2])
            moment = at - timedelta(minutes=3)
            yield Act(moment, lambda: self._service.register.hand_over(order.id, radiologist=first, to=by, at=moment))
        elif self._chance.random() < 0.06:
            first, second = self._name(_RADIOLOGISTS[0]), self._name(_RADIOLOGISTS[1])
            by, asked, told = first, since + 0.4 * (at - since), since + 0.8 * (at - since)
            pool = self._chance.choice(self._service.settings.pool_names)
            yield Act(asked, lambda: self._service.register.ask_opinion(order.id, _ASKED, radiologist=first, pool=pool, at=asked))
            yield Act(told, lambda: self._service.register.give_opinion(order.id, _TOLD, radiologist=second, at=told))
        yield self._decision(order, at, decision, reason, exam, by)

    def _choice(self, order: Order) -> tuple[Decision, str, str | None]:
        if order.emergency:
            return Decision.APPROVE_WITH_PROTOCOL, _ON_THE_SPOT, None
        drawn, main = self._chance.random(), order.main
        offered = next((offer for offer in main.alternatives if offer.exam in self._service.base.catalogue.exams), None)
        if main.outcome is Outcome.ALTERNATIVE and offered and drawn < 0.72:
            return Decision.SUBSTITUTE, _substituted(offered, main.reason), offered.exam
        if main.outcome is Outcome.NOT_INDICATED and drawn < 0.68:
            return Decision.REFUSE, f"{main.reason} Je reste joignable si un signe d'alerte apparaît.", None
        if main.outcome is Outcome.NOT_INDICATED and drawn < 0.76:
            return Decision.POSTPONE, "À reprogrammer si les symptômes persistent après le traitement.", None
        if main.outcome in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED):
            return Decision.APPROVE, self._chance.choice(_MAINTAINED), None
        if drawn < 0.5:
            return Decision.APPROVE_WITH_PROTOCOL, self._chance.choice(_PROTOCOLS), None
        return Decision.APPROVE, "", None

    def _decision(self, order: Order, at: datetime, decision: Decision, reason: str, exam: str | None = None, by: str = "") -> Act:
        radiologist = by or self._name(self._chance.choice(_RADIOLOGISTS))
        if decision is Decision.ASK:
            radiologist = self._name(_RADIOLOGISTS[0])  # who asked is who may decide while the answer is awaited
        about: dict[str, Any] = {
            "radiologist": radiologist,
            "at": at,
            "reason": reason,
            "exam": exam,
            "rule": self._rule_opinion(order, decision),
        }
        return Act(at, lambda: self._service.register.decide(order.id, decision, **about))

    def _rule_opinion(self, order: Order, decision: Decision) -> RuleOpinion | None:
        """Return what a radiologist in four says of the rule: mostly what the decision already tells."""
        if order.main.rule == _CONTESTED:
            disagrees = self._chance.random() < 0.85
            return (
                RuleOpinion(_CONTESTED, RuleVerdict.DISAGREE, _CONTESTED_WORDS) if disagrees else RuleOpinion(_CONTESTED, RuleVerdict.AGREE)
            )
        if order.main.rule is None or self._chance.random() > 0.25:
            return None
        against = order.main.outcome in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED) and decision is Decision.APPROVE
        verdicts = (RuleVerdict.DISAGREE, RuleVerdict.NOT_APPLICABLE) if against else (RuleVerdict.AGREE,) * 9 + (RuleVerdict.DISAGREE,)
        verdict = self._chance.choice(verdicts)
        return RuleOpinion(order.main.rule, verdict, "Contexte que le texte ne dit pas." if verdict is RuleVerdict.NOT_APPLICABLE else "")

    def _answer(self, wanted: Missing) -> str:
        asked = question(wanted, self._service.base)
        if asked.options:
            return self._chance.choice(asked.options[:3]).sentence
        return filled(asked.blank, asked.blank.placeholder or "non mesuré") if asked.blank else "Non."

    def _later(self, at: datetime, *, minutes: int = 5 * 60) -> datetime:
        return at + timedelta(minutes=minutes * (0.3 + self._chance.expovariate(1)))

    def _name(self, person: str) -> str:
        return self._service.pseudonyms.prescriber(person)


def _substituted(offer: Alternative, reason: str) -> str:
    return f"Je propose plutôt : {offer.label[:1].lower() + offer.label[1:] if offer.label[1:2].islower() else offer.label}. {reason}"
