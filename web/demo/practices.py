"""Five months of earlier requests, a report asked for by everybody, and lessons done: what « Mon bilan » and « Se former » show.

The requests are those of the last six weeks, written again on earlier days by each prescriber; some follow advice less often than
others, the demonstration's prescriber a little better each month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random

from pertimage.audit.consents import Consents, Setting
from pertimage.audit.lessons import Lessons
from pertimage.audit.store import PARIS
from pertimage.cds.model import Outcome
from pertimage.web.access import DEMO_USERS
from pertimage.web.demo.orders import DAYS, DEMO_PRESCRIBER, PRESCRIBERS, Order
from pertimage.web.demo.reviews import Act, closed, record
from pertimage.web.questions import bank, sheets_of
from pertimage.web.service import Service

MONTHS_OF_HISTORY = 5
MINE_A_MONTH, PEERS_IN_ALL = 38, (22, 58)
SURGERY_PEERS = 7
_TAKEN = 0.5  # how often an exam with a better one is replaced before signing, when its prescriber follows advice


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier request, and the exam given up for it."""

    order: Order
    before: str | None


def history(service: Service, written: Sequence[Order], last_day: date) -> list[Act]:
    """Return the requests of the months before the six weeks, with what became of them, and the consents."""
    chance = Random(f"bilans {last_day}")  # noqa: S311 - a demonstration, not a secret
    pool = [order for order in written if not order.emergency and not order.request.prior_exams]
    start = last_day - timedelta(days=DAYS + 1)
    days = [start - timedelta(days=offset) for offset in range(MONTHS_OF_HISTORY * 30) if (start - timedelta(days=offset)).weekday() < 5]
    past = [_drawn(service, pool, DEMO_PRESCRIBER, day, _habit(day, start), chance) for day in _mine(days, chance)]
    for rank, name in enumerate(PRESCRIBERS):
        follows = (0.15, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)[rank % 7]
        past += [_drawn(service, pool, name, chance.choice(days), follows, chance) for _ in range(chance.randint(*PEERS_IN_ALL))]
    done = [Act(one.order.at, partial(record, service, one.order)) for one in past]
    done += [_taken(service, one) for one in past if one.before]
    done += closed(service, [one.order for one in past], chance)
    return done + _consents(service, datetime.combine(days[-1], time(7, 0), PARIS))


def lessons(service: Service, last_day: date) -> None:
    """Record a self-assessment of the demonstration's prescriber, and a session of the project with a few participants."""
    held, questions = Lessons(service.journal), bank(service.base)
    at = datetime.combine(last_day, time(7, 0), PARIS)
    about = {"guidelines": service.base.version, "scope": "rachis"}
    drawn = questions.draw("démonstration", sheets_of(service.base, "rachis"))
    me, team = (service.pseudonyms.prescriber(DEMO_USERS[role].name) for role in ("prescripteur", "equipe-projet"))
    chance = Random(f"séance {last_day}")  # noqa: S311 - a demonstration, not a secret
    for name, owner, people in (("d3m0d3m0d3m0d3m0", me, [me]), ("DEM234", team, [f"participant-{rank}" for rank in range(14)])):
        held.open(name, tuple(one.name for one in drawn), owner=owner, at=at, group=owner == team, **about)
        for who in people:
            for rank, question in enumerate(drawn):
                choice = min(question.right) if chance.random() < 0.6 else chance.choice(question.options).value
                held.answer(name, rank, choice, right=choice in question.right, who=who, at=at + timedelta(minutes=rank))


def _mine(days: Sequence[date], chance: Random) -> list[date]:
    return [chance.choice(days) for _ in range(MINE_A_MONTH * MONTHS_OF_HISTORY)]


def _habit(day: date, start: date) -> float:
    """Return how often advice is followed: more and more, as months go by."""
    return 0.7 - 0.4 * (start - day).days / (MONTHS_OF_HISTORY * 30)


def _drawn(service: Service, pool: Sequence[Order], prescriber: str, day: date, follows: float, chance: Random) -> Past:
    """Return a request of a day; with probability ``follows``, an exam that has a better one is replaced, or another request is drawn."""
    model, before = chance.choice(pool), None
    if model.main.outcome in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED, Outcome.INCOMPLETE) and chance.random() < follows:
        model = chance.choice([order for order in pool if order.main.outcome in (Outcome.APPROPRIATE, model.main.outcome)])
    identifier = f"{chance.getrandbits(128):032x}"
    request = replace(model.request, id=f"ServiceRequest/{identifier}", authored=day)
    better = next((offer for offer in model.main.alternatives if offer.exam != "none" and not offer.when), None)
    if model.main.outcome is Outcome.ALTERNATIVE and better and chance.random() < _TAKEN * follows:
        request, before = replace(request, exam_text=better.label), model.main.exam
    at = datetime.combine(day, time(8, 15), PARIS) + timedelta(seconds=chance.randrange(10 * 3600))
    patient = f"démonstration|bilan|{chance.randrange(400)}"
    return Past(Order(identifier, at, model.site, prescriber, patient, request, service.judge(request)), before)


def _taken(service: Service, past: Past) -> Act:
    order = past.order
    detail = {"from": past.before, "to": order.main.exam}
    return Act(order.at, lambda: service.register.feedback(f"{order.id}:0", "accepted", at=order.at, request=order.id, detail=detail))


def _consents(service: Service, at: datetime) -> list[Act]:
    """Return the agreement of everybody: the demonstration's prescriber and seven peers work in a surgery, three in a health house."""
    consents = Consents(service.journal)
    settings = [Setting.SURGERY] * SURGERY_PEERS + [Setting.HEALTH_HOUSE] * (len(PRESCRIBERS) - SURGERY_PEERS)
    people = [(DEMO_PRESCRIBER, Setting.SURGERY), *zip(PRESCRIBERS, settings, strict=True)]
    named = [(service.pseudonyms.prescriber(name), setting) for name, setting in people]
    return [Act(at, partial(consents.give, who, setting, mail=True, at=at)) for who, setting in named]
