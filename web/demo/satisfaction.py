"""What professionals and patients of the demonstration say: a campaign before, one after, one under way; patients' answers of the last months.

Nobody said any of this; the second campaign is a little better than the first, not everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from random import Random

from pertimage.audit.patient_links import Delay, Explained, PatientAnswer
from pertimage.audit.patient_links import Reason as GivenUp
from pertimage.audit.review import RequestStatus
from pertimage.audit.store import PARIS, utc_text
from pertimage.audit.survey import NEVER_PAST, QUESTIONS, Answer, Overriding, Reason, Role, Subject, Surveys
from pertimage.web.demo.orders import Order
from pertimage.web.demo.sites import SITES
from pertimage.web.patient.tokens import answer_key, link_digest, token_of
from pertimage.web.service import Service

_AUTHOR = "Équipe projet"
_ROLES = (Role.PRESCRIBER,) * 11 + (Role.RADIOLOGIST,) * 5 + (Role.TECHNOLOGIST,) * 3 + (Role.SECRETARY,) * 2
_FORTNIGHT = timedelta(days=13)
_ANSWERING, _RENOUNCING = 2 / 3, 0.12


def satisfaction(service: Service, last_day: date) -> None:
    """Record the campaigns: one before the first site is in service, one that ended lately, one under way."""
    surveys, first = Surveys(service.journal), min(start for site in SITES if (start := site.go_live(last_day)))
    before, after = first - timedelta(weeks=6), last_day - timedelta(weeks=4)
    held = (
        ("avant", "Avant l'ouverture", Subject.USUAL, before, 41, 3.2),
        ("apres", "Huit mois après l'ouverture", Subject.SERVICE, after, 58, 3.75),
    )
    for name, title, subject, opens, count, mood in held:
        at = datetime.combine(opens, time(7, 0), PARIS)
        surveys.open(title, subject, opens=opens, closes=opens + _FORTNIGHT, author=_AUTHOR, at=at, name=f"demo-{name}")
        chance = Random(f"satisfaction {name} {last_day}")  # noqa: S311 - a demonstration, not a secret
        days = sorted(opens + timedelta(days=chance.randrange(_FORTNIGHT.days + 1)) for _ in range(count))
        for rank, day in enumerate(days):
            at = datetime.combine(day, time(8, 0), PARIS) + timedelta(minutes=chance.randrange(600))
            key = sha256(f"démonstration {name} {rank}".encode()).hexdigest()
            surveys.answer(f"demo-{name}", key, _answer(chance, subject, mood), day=day, at=at)
    title, closes, at = "Neuf mois après l'ouverture", last_day + timedelta(days=30), datetime.combine(last_day, time(7, 0), PARIS)
    surveys.open(title, Subject.SERVICE, opens=last_day, closes=closes, author=_AUTHOR, at=at, name="demo-en-cours")


def _answer(chance: Random, subject: Subject, mood: float) -> Answer:
    """Return an answer whose marks turn around ``mood`` (1 to 5), each person having their own."""
    person = chance.gauss(mood, 0.55)

    def mark(shift: float = 0.0) -> int:
        return min(max(round(chance.gauss(person + shift, 0.7)), 1), 5)

    sus = tuple(mark() if rank % 2 == 0 else 6 - mark() for rank in range(len(QUESTIONS)))
    role, site = chance.choice(_ROLES), chance.choice((*(site.id for site in SITES), ""))
    own = mark(0.3), mark(), mark(-0.2)
    if subject is Subject.USUAL or role is not Role.PRESCRIBER:
        return Answer(role, site, sus, *own)
    overriding = chance.choice((Overriding.NEVER, *[Overriding.RARELY] * 3, *[Overriding.SOMETIMES] * 3, Overriding.OFTEN))
    reasons = tuple(chance.sample(tuple(Reason), k=chance.randint(1, 3))) if overriding not in NEVER_PAST else ()
    return Answer(role, site, sus, *own, overriding=overriding, reasons=reasons)


def patients(service: Service, written: Sequence[Order], last_day: date) -> None:
    """Open the patient page of two requests in three, and record what the patient answers some days later."""
    chance = Random(f"réponses {last_day}")  # noqa: S311 - a demonstration, not a secret
    end = datetime.combine(last_day, time(12, 0), PARIS)
    for order in written:
        at = min(order.at + timedelta(days=chance.randint(2, 16), minutes=chance.randrange(600)), end)
        if order.emergency or chance.random() > _ANSWERING or service.register.request(order.id).status is not RequestStatus.SIGNED:
            continue
        expires = order.at + timedelta(days=service.settings.patient_days)
        token = token_of(service.settings.key, order.id, utc_text(expires))
        author = service.pseudonyms.prescriber(order.prescriber)
        service.patients.open(order.id, link_digest(token), expires=expires, author=author, at=order.at)
        link = service.patients.opened_by(link_digest(token))
        if link is not None:
            service.patients.answer(link, answer_key(token), _of_patient(chance), site=order.site, language="fr", at=at)


def _of_patient(chance: Random) -> PatientAnswer:
    understanding = min(max(round(chance.gauss(4.1, 0.9)), 1), 5)
    delay = chance.choice((Delay.SUITS, Delay.SUITS, Delay.TOO_LONG, Delay.NO_DATE))
    explained = chance.choice((Explained.DOCTOR, Explained.DOCTOR, Explained.RADIOLOGIST, Explained.NOBODY, Explained.NOT_YET, None))
    renounced = chance.random() < _RENOUNCING
    reasons = tuple(sorted(chance.sample(tuple(GivenUp), k=chance.randint(1, 2)))) if renounced else ()
    return PatientAnswer(understanding, delay, explained, renounced, reasons)
