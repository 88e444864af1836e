"""Fill an empty database with the demonstration; everything in it is fictitious and says so."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random

from pertimage.audit.activity import add_activity
from pertimage.audit.programme import Entry, EventKind
from pertimage.audit.programme_register import Programme
from pertimage.audit.store import PARIS
from pertimage.web.demo.exams import activity
from pertimage.web.demo.orders import Order, orders
from pertimage.web.demo.practices import history, lessons
from pertimage.web.demo.restitutions import restitutions
from pertimage.web.demo.reviews import Act, acts, record
from pertimage.web.demo.satisfaction import patients, satisfaction
from pertimage.web.demo.sites import PLACES, SITES
from pertimage.web.pages.french import number
from pertimage.web.service import Service

MARKER = "demonstration"


class RealDataError(ValueError):
    """The database holds real sites, or half a demonstration: nothing is added. The message is French, for the user."""


def populate(service: Service, last_day: date) -> str:
    """Write the demonstration that ends on ``last_day`` and return a sentence in French; the same day gives the same data.

    A database already populated is left as it is. Raises RealDataError rather than mix fictitious data with other data.
    """
    done = service.register.setting(MARKER)
    if done is not None:
        return f"déjà là ({done}), rien n'a été changé."
    if service.journal.head().seq:
        raise RealDataError("Cette base contient déjà d'autres données : donnez à la démonstration une base neuve.")
    closing = datetime.combine(last_day, time(23, 59), PARIS)
    programme(service, last_day)
    for site in SITES:
        service.register.set_site(site.id, site.name, at=closing, go_live=site.go_live(last_day), fictitious=True)
    service.register.set_places([place.document() for place in PLACES], at=closing)
    imported = add_activity(service.journal, activity(service.base.catalogue, last_day), service.pseudonyms, at=closing)
    written = orders(service, last_day)
    _play(service, written, last_day)
    lessons(service, last_day)
    restitutions(service, last_day)
    satisfaction(service, last_day)
    patients(service, written, last_day)
    waiting = service.register.count()
    said = f"{number(imported.added)} examens sur {len(SITES)} sites, {len(written)} demandes signées, dont {waiting} à relire"
    service.register.set_setting(MARKER, said, at=closing)
    return f"{said}."


def programme(service: Service, last_day: date) -> None:
    """Write the calendar of the sites in service, decided a month before the first, and something else that happened at one of them."""
    starts = [(site.id, start) for site in SITES if (start := site.go_live(last_day))]
    calendar = Programme(service.journal)
    at = datetime.combine(min(start for _, start in starts) - timedelta(days=30), time(9), PARIS)
    entries = [Entry(site, on_from=start) for site, start in starts]
    calendar.put(entries, author="Équipe projet", reason="Mise en service par vagues", at=at)
    site, start = starts[0]
    since = start - timedelta(weeks=9)
    calendar.note(
        EventKind.STRIKE, "Grève des manipulateurs", site=site, since=since, until=since + timedelta(days=4), author="Équipe projet", at=at
    )


def _play(service: Service, written: list[Order], last_day: date) -> None:
    """Record the requests and what was done of them, in order of time, as a journal would have."""
    chance = Random(f"relectures {last_day}")  # noqa: S311 - a demonstration, not a secret
    told = [Act(order.at, partial(record, service, order)) for order in written]
    told += acts(service, written, chance)
    told += history(service, written, last_day)
    for act in sorted(told, key=lambda act: act.at):
        act.do()
