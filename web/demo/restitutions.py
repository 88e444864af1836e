"""What fictitious departments and prescribers noted of the results: reports, sendings, explanations; some late, one report changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random

from pertimage.audit.instants import utc_datetime
from pertimage.audit.restitution import By, Channel, Explainer, Kind, Recipient, Said, Side, Unneeded
from pertimage.audit.restitution_due import Followed
from pertimage.audit.restitution_reading import signed_between
from pertimage.web.access import DEMO_USERS
from pertimage.web.demo.orders import DEMO_PRESCRIBER
from pertimage.web.service import Service

# Since when the departments say that reports are there, in days; one of them does not yet.
TRACKED_DAYS = 200
SILENT_SITE = "cabinet-rochevigne"
# Days between the decision and the report, on average, by technique.
_WAITS = {"DX": 2.5, "US": 8.0, "CT": 11.0, "MR": 22.0}
_USUAL_WAIT = 10.0
_EXPLAINERS = ((0.64, Explainer.REQUESTER), (0.87, Explainer.RADIOLOGIST), (0.91, Explainer.TECHNOLOGIST), (1.0, Explainer.OTHER))
# How often nobody explains a result that is there, among those of the last weeks and among the others; how often a report goes nowhere, or never comes.
_LATELY, _LEFT_LATELY, _LEFT, _UNSENT, _LOST = timedelta(days=35), 0.2, 0.006, 0.4, 0.015
Entry = tuple[datetime, str, Said, By]


def restitutions(service: Service, last_day: date) -> int:
    """Note what became of the results of the last months, in order of time; return how many entries there were."""
    first = last_day - timedelta(days=TRACKED_DAYS)
    asked = [one for one in signed_between(service.store.reader, first, last_day, fictitious=True) if one.start and one.site != SILENT_SITE]
    asked.sort(key=lambda one: (one.signed_at or "", one.id))
    chance = Random(f"restitutions {last_day}")  # noqa: S311 - a demonstration, not a secret
    play = _Play(service, chance, max((utc_datetime(one.signed_at or "") for one in asked), default=service.now()))
    entries = [entry for one in asked for entry in play.told(one)]
    entries += play.changed(asked, entries)
    done = sorted((entry for entry in entries if entry[0] <= play.end), key=lambda entry: entry[0])
    service.results.note_all((request, said, by, at) for at, request, said, by in done)
    return len(done)


class _Play:
    def __init__(self, service: Service, chance: Random, end: datetime) -> None:
        self._chance, self.end = chance, end
        self._pseudonym = service.pseudonyms.prescriber
        self._accession = service.pseudonyms.accession
        self._radiologist = By(self._pseudonym(DEMO_USERS["radiologue"].name), Side.RADIOLOGIST)

    def told(self, one: Followed) -> Iterator[Entry]:
        """Yield the way of one result: the report, to whom it was sent, who explained it."""
        chance, start = self._chance, utc_datetime(one.start or "")
        wait = 0.3 if one.pathway == "emergency" else _WAITS.get(one.modality or "", _USUAL_WAIT) * (0.5 if one.target_days else 1.0)
        reported = start + timedelta(days=wait * (0.25 + chance.expovariate(1.3)))
        drawn, explainer = chance.random(), self._explainer()
        given_up, left = chance.random() < 0.03, chance.random() < (_LEFT_LATELY if self.end - reported < _LATELY else _LEFT)
        unsent, lost = chance.random() < _UNSENT, chance.random() < _LOST
        if lost:
            return
        sent = reported + timedelta(hours=1 + 30 * chance.random())
        explained = sent + timedelta(hours=5 + 24 * chance.expovariate(0.3))
        if given_up:
            gone = start + timedelta(days=wait)
            yield gone, one.id, Said(Kind.NOT_NEEDED, gone, reason=Unneeded.NOT_DONE), By(one.prescriber, Side.PRESCRIBER)
            return
        yield (
            reported,
            one.id,
            Said(Kind.REPORT, reported, performed=max(start, reported - timedelta(hours=20)).date()),
            self._software(one),
        )
        if left and unsent:
            return
        to = Recipient.PATIENT if drawn < 0.3 else Recipient.PRESCRIBER
        yield sent, one.id, Said(Kind.SENT, sent, to, Channel.PORTAL if to is Recipient.PATIENT else Channel.MSSANTE), self._radiologist
        if left:
            return
        if explainer is Explainer.RADIOLOGIST:
            yield reported, one.id, Said(Kind.EXPLAINED, reported, explainer), self._radiologist
        else:
            yield explained, one.id, Said(Kind.EXPLAINED, explained, explainer), By(one.prescriber, Side.PRESCRIBER)

    def changed(self, asked: Sequence[Followed], entries: Sequence[Entry]) -> list[Entry]:
        """Return a report of the demonstration's prescriber that was changed, five days ago, after it was explained."""
        me, at = self._pseudonym(DEMO_PRESCRIBER), self.end - timedelta(days=5)
        told = {request for moment, request, said, _ in entries if said.kind is Kind.EXPLAINED and moment < at}
        mine = [one for one in asked if one.prescriber == me and one.id in told]
        return [(at, one.id, Said(Kind.REPORT, at, amended=True), self._software(one)) for one in mine[-1:]]

    def _software(self, one: Followed) -> By:
        return By(
            self._pseudonym("logiciel d'imagerie"), Side.SOFTWARE, source=self._accession("DiagnosticReport", f"démonstration|{one.id}")
        )

    def _explainer(self) -> Explainer:
        drawn = self._chance.random()
        return next(explainer for share, explainer in _EXPLAINERS if drawn < share)
