"""Eighteen months of fictitious exams: volumes, waits, reports, and the advice given once the service was there.

The effects are small on purpose, none at one site, and some weeks are better or worse than others for no reason: a page that
finds an effect everywhere would be lying.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random

from pertimage.audit.activity import ActivityRow
from pertimage.audit.store import PARIS
from pertimage.cds.model import Outcome
from pertimage.guidelines.catalogue import Catalogue
from pertimage.web.demo import season
from pertimage.web.demo.sites import SITES, WEEKS, DemoSite, monday

# Share of each exam within its modality.
MIX: Mapping[str, Mapping[str, float]] = {
    "DX": {
        "radio-thorax": 0.24, "radio-rachis-lombaire": 0.15, "radio-genou": 0.14, "radio-epaule": 0.09, "radio-cheville": 0.08,
        "radio-bassin": 0.08, "radio-poignet": 0.07, "radio-pied": 0.07, "radio-rachis-cervical": 0.05, "radio-sinus": 0.01, "asp": 0.02,
    },
    "US": {
        "echo-abdominale": 0.28, "echo-thyroide": 0.14, "echo-epaule": 0.13, "echo-pelvienne": 0.13, "echodoppler-veineux-mi": 0.12,
        "echo-renale": 0.08, "echo-parties-molles": 0.07, "echodoppler-tsa": 0.05,
    },
    "CT": {
        "scanner-rachis-lombaire": 0.2, "scanner-cerebral": 0.17, "scanner-thorax": 0.18, "scanner-abdomino-pelvien-injecte": 0.2,
        "scanner-tap": 0.1, "scanner-sinus": 0.08, "scanner-colique-nephretique": 0.07,
    },
    "MR": {
        "irm-rachis-lombaire": 0.27, "irm-genou": 0.2, "irm-cerebrale": 0.2, "irm-epaule": 0.12, "irm-rachis-cervical": 0.08,
        "irm-prostate": 0.07, "irm-pelvienne": 0.06,
    },
    "MG": {"mammographie": 0.92, "mammographie-unilaterale": 0.08},
    "NM": {"scintigraphie-osseuse": 0.6, "scintigraphie-myocardique": 0.3, "scintigraphie-pulmonaire": 0.1},
}  # fmt: skip
# What is left of an exam's volume where the effect is full: less of what is rarely useful, a little more of what replaces it.
EFFECT: Mapping[str, float] = {
    "radio-rachis-lombaire": 0.6, "scanner-rachis-lombaire": 0.6, "radio-sinus": 0.55, "scanner-sinus": 0.85, "asp": 0.6,
    "radio-rachis-cervical": 0.85, "radio-genou": 0.94, "radio-thorax": 0.96, "scanner-cerebral": 0.92, "irm-genou": 0.92,
    "irm-rachis-lombaire": 1.05, "irm-cerebrale": 1.03, "echo-epaule": 1.05,
}  # fmt: skip
_RAMP_WEEKS = 6
_SPREADS = {"DX": 0.75, "US": 0.5, "CT": 0.5, "MR": 0.42, "MG": 0.45, "NM": 0.4}
_REPORT_DAYS = {"DX": 0.35, "US": 0.1, "CT": 0.7, "MR": 1.3, "MG": 0.5, "NM": 1.8}
_AGES = {"DX": (52, 22), "US": (50, 18), "CT": (62, 15), "MR": (51, 16), "MG": (59, 8), "NM": (66, 12)}
_BOOKED_DAYS = 45  # appointments already given after the last day
# Advice by exam: pertinent, other exam, none, to complete, and the rest outside the guidance.
_ADVICE = {
    "": (0.6, 0.08, 0.05, 0.1), "lombaire": (0.44, 0.13, 0.2, 0.14), "sinus": (0.38, 0.12, 0.34, 0.08), "asp": (0.14, 0.38, 0.34, 0.06),
    "genou": (0.58, 0.13, 0.1, 0.1), "thorax": (0.66, 0.06, 0.1, 0.09), "cerebral": (0.6, 0.14, 0.09, 0.1),
    "echo": (0.55, 0.04, 0.03, 0.06), "mammographie": (0.86, 0.03, 0.02, 0.05),
}  # fmt: skip


def activity(catalogue: Catalogue, last_day: date) -> Iterator[ActivityRow]:
    """Yield the exams of every site: those done in the 78 weeks that end on ``last_day``, and the appointments given by then."""
    for site in SITES:
        yield from _SiteYear(site, last_day, catalogue).rows()


class _SiteYear:
    """The eighteen months of one site; its own random numbers, so that changing one site leaves the others."""

    def __init__(self, site: DemoSite, last_day: date, catalogue: Catalogue) -> None:
        self._site, self._last, self._catalogue = site, last_day, catalogue
        self._go_live = site.go_live(last_day)
        self._chance = Random(f"activité {last_day} {site.id}")  # noqa: S311 - a demonstration, not a secret
        self._number = 0
        self._patients = max(300, round(sum(site.volumes.values()) * 32))

    def rows(self) -> Iterator[ActivityRow]:
        first = monday(self._last) - timedelta(weeks=WEEKS)
        for modality, volume in self._site.volumes.items():
            busy = backlog = 0.0
            for week in range(WEEKS + 1 + _BOOKED_DAYS // 7):
                start = first + timedelta(weeks=week)
                busy = 0.4 * busy + self._chance.gauss(0, 0.05)
                backlog = 0.85 * backlog + self._chance.gauss(0, 0.02)
                yield from self._week(modality, volume * math.exp(busy), start, math.exp(backlog))

    def _week(self, modality: str, volume: float, start: date, backlog: float) -> Iterator[ActivityRow]:
        wait = self._site.waits[modality]
        for day in (start + timedelta(days=offset) for offset in range(7)):
            share = season.share_of_week(day, hospital=self._site.hospital, modality=modality)
            asked = day - timedelta(days=wait)
            for exam, part in MIX[modality].items() if share else ():
                rate = volume * share * part * season.of_exam(exam, day) * self._effect(EFFECT.get(exam, 1.0), asked)
                for _ in range(self._count(rate)):
                    if (row := self._exam(modality, exam, day, wait * backlog)) is not None:
                        yield row

    def _effect(self, full: float, asked: date) -> float:
        return 1 - (1 - full) * self._site.effect * self._ramp(asked)

    def _ramp(self, day: date) -> float:
        """Return how far the change has come on a day, 0 to 1: habits take six weeks."""
        weeks = (day - self._go_live).days / 7 if self._go_live else 0.0
        return min(max(weeks / _RAMP_WEEKS, 0.0), 1.0)

    def _count(self, rate: float) -> int:
        """Draw a number of exams from a Poisson law (Knuth's method; rates here are small)."""
        limit, product, count = math.exp(-rate), self._chance.random(), 0
        while product > limit:
            product *= self._chance.random()
            count += 1
        return count

    def _exam(self, modality: str, exam: str, day: date, wait: float) -> ActivityRow | None:
        requested, performed = self._instants(modality, day, wait)
        self._number += 1
        if requested.date() > self._last:
            return None
        patient = f"démonstration|{self._site.id}|{self._chance.randrange(self._patients)}"
        age = min(max(self._chance.gauss(*_AGES[modality]), 1), 99)
        row = ActivityRow(
            self._site.id, f"{self._number:06d}", modality, patient=patient, age=age, exam=exam, region=self._catalogue.exams[exam].region,
            requested_at=requested, scheduled_at=performed, fictitious=True, outcome=self._outcome(exam, requested.date()),
        )  # fmt: skip
        if day > self._last:
            return row
        return replace(row, performed_at=performed, reported_at=self._reported(modality, performed))

    def _instants(self, modality: str, day: date, wait: float) -> tuple[datetime, datetime]:
        """Return when an exam was asked and when it was done; the wait is skewed to the right."""
        performed = datetime.combine(day, time(8), PARIS) + timedelta(minutes=self._chance.randrange(10 * 60))
        if modality == "MR":
            wait *= 1 - (1 - self._site.mri_wait) * self._ramp(day - timedelta(days=wait))
        requested = performed - timedelta(days=wait * math.exp(self._chance.gauss(0, _SPREADS[modality])))
        requested = requested.replace(hour=8 + requested.hour * 11 // 24)  # a surgery's hours
        if requested.weekday() == 6:
            requested -= timedelta(days=1)
        return min(requested, performed - timedelta(hours=1)), performed

    def _reported(self, modality: str, performed: datetime) -> datetime | None:
        reported = performed + timedelta(minutes=25, days=min(self._chance.expovariate(1 / _REPORT_DAYS[modality]), 5))
        return reported if reported.date() <= self._last else None

    def _outcome(self, exam: str, asked: date) -> str | None:
        """Return the advice given; None before the go-live, and for the exams that hospital doctors ask for."""
        if self._go_live is None or asked < self._go_live or self._chance.random() > self._site.judged:
            return None
        pertinent, other, none, complete = next((shares for word, shares in _ADVICE.items() if word and word in exam), _ADVICE[""])
        learnt = complete * 0.45 * min((asked - self._go_live).days / 180, 1)  # requests are better written after a few months
        rest = 1 - pertinent - other - none - complete
        weights = (pertinent + learnt, other, none, complete - learnt, rest)
        return self._chance.choices(tuple(Outcome), weights)[0].value
