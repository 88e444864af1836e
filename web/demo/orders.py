"""Six weeks of fictitious requests, judged by the guidelines of the day like any other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random

from pertimage.audit.store import PARIS
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, PriorExam, Sex, TextPart
from pertimage.guidelines.conditions import SEXES
from pertimage.web.access import DEMO_USERS
from pertimage.web.demo.sites import SITES, DemoSite
from pertimage.web.demo.texts import COMMON, UNCOVERED, Written, dressed, fill
from pertimage.web.service import Service

DAYS = 42
EMERGENCY = "urgences"
EMERGENCIES_LAST = 3
# How many requests of each kind: what a surgery sends, not what the sheets' examples hold.
QUOTAS = {Outcome.APPROPRIATE: 38, Outcome.ALTERNATIVE: 19, Outcome.NOT_INDICATED: 16, Outcome.INCOMPLETE: 10, EMERGENCY: 7}
FROM_TEMPLATES = 38
UNCOVERED_COUNT = 24
DEMO_PRESCRIBER = DEMO_USERS["prescripteur"].name
_NAMES = "Aubrelin Castelmoy Dorvance Estrivier Fontalon Grésiac Lavernac Montorel Pasquelin Rivoire".split()
PRESCRIBERS = tuple(f"Dr {name}" for name in _NAMES)
_DEMO_SHARE = 0.16


@dataclass(frozen=True, slots=True)
class Order:
    """A signed request with its assessments; ``prescriber`` and ``patient`` are the words that pseudonyms are made of."""

    id: str
    at: datetime
    site: str
    prescriber: str
    patient: str
    request: ImagingRequest
    assessments: tuple[Assessment, ...]

    @property
    def main(self) -> Assessment:
        """Return the assessment to look at first: the emergency, else the one flagged, else the first."""
        return min(self.assessments, key=lambda one: (one.pathway != "emergency", not one.flagged))

    @property
    def emergency(self) -> bool:
        """Say whether the patient belongs in the emergency department."""
        return any(one.pathway == "emergency" for one in self.assessments)

    @property
    def flagged(self) -> bool:
        """Say whether a radiologist has to look at it."""
        return any(one.flagged for one in self.assessments)


def orders(service: Service, last_day: date) -> list[Order]:
    """Return the requests of the six weeks that end on the morning of ``last_day``, in order of time."""
    service.places.learn()  # one state of the territory judges them all: learnt aside, it would change in their midst
    chance = Random(f"demandes {last_day}")  # noqa: S311 - a demonstration, not a secret
    emergencies, texts = _from_sheets(service, last_day, chance)
    texts += [fill(COMMON[rank % len(COMMON)], chance) for rank in range(FROM_TEMPLATES)]
    texts += [fill(UNCOVERED[rank % len(UNCOVERED)], chance) for rank in range(UNCOVERED_COUNT)]
    texts += emergencies[EMERGENCIES_LAST:]
    chance.shuffle(texts)
    texts += emergencies[:EMERGENCIES_LAST]  # of this morning: an emergency that waits for days would be no example
    return [_order(service, written, at, chance) for written, at in zip(texts, _instants(last_day, len(texts), chance), strict=True)]


def _from_sheets(service: Service, last_day: date, chance: Random) -> tuple[list[Written], list[Written]]:
    """Return texts taken from the sheets' vignettes, from as many sheets as possible: emergencies, and the others."""
    kinds: dict[str, dict[str, list[Written]]] = defaultdict(lambda: defaultdict(list))
    for name, sheet in sorted(service.base.sheets.items()):
        for vignette in sheet.form.vignettes:
            written = Written(vignette.exam, vignette.text, vignette.age, vignette.sex)
            kinds[_kind(service.judge(_request("essai", written, last_day)))][name].append(written)
    drawn = {kind: [*_drawn(kinds[kind], count, chance)] for kind, count in QUOTAS.items()}
    return drawn.pop(EMERGENCY), [written for texts in drawn.values() for written in texts]


def _drawn(sheets: Mapping[str, list[Written]], count: int, chance: Random) -> Iterator[Written]:
    for name in chance.sample(sorted(sheets), min(count, len(sheets))):
        written = chance.choice(sheets[name])
        yield replace(written, text=dressed(written.text, chance))


def _kind(assessments: tuple[Assessment, ...]) -> str:
    return EMERGENCY if any(one.pathway for one in assessments) else assessments[0].outcome


def _order(service: Service, written: Written, at: datetime, chance: Random) -> Order:
    identifier = f"{chance.getrandbits(128):032x}"
    request = _request(identifier, written, at.date())
    assessments = service.judge(request)
    if any(one.pathway for one in assessments) and chance.random() < 0.6:
        request = replace(request, priority="urgent")
    prescriber = DEMO_PRESCRIBER if chance.random() < _DEMO_SHARE else chance.choice(PRESCRIBERS)
    site = chance.choice(_sites_with(service.modalities(assessments[:1]).get(assessments[0].exam or "")))
    return Order(identifier, at, site.id, prescriber, f"démonstration|{chance.randrange(400)}", request, assessments)


def _sites_with(modality: str | None) -> list[DemoSite]:
    """Return the sites whose prescribers see the advice and that do the exam."""
    live = [site for site in SITES if site.shift is not None]
    return [site for site in live if modality in site.volumes] or [site for site in live if len(site.volumes) > 3]


def _request(identifier: str, written: Written, day: date) -> ImagingRequest:
    earlier: tuple[PriorExam, ...] = ()
    if written.earlier:
        text, modality, days = written.earlier
        earlier = (PriorExam(text, modality=modality, performed=day - timedelta(days=days)),)
    return ImagingRequest(
        f"ServiceRequest/{identifier}", exam_text=written.exam, texts=(TextPart("reasonCode", written.text),), age=written.age,
        sex=Sex(SEXES[written.sex]) if written.sex else None, authored=day, prior_exams=earlier,
    )  # fmt: skip


def _instants(last_day: date, count: int, chance: Random) -> list[datetime]:
    """Return so many instants of a surgery's hours, more of them lately, the last ones on the morning of the last day."""
    end = datetime.combine(last_day, time(7, 55), PARIS)
    found: list[datetime] = []
    while len(found) < count - EMERGENCIES_LAST:
        day = last_day - timedelta(days=1 + int(DAYS * chance.random() ** 1.35))
        if day.weekday() < 5 or (day.weekday() == 5 and chance.random() < 0.3):
            found.append(datetime.combine(day, time(8, 15), PARIS) + timedelta(seconds=chance.randrange(11 * 3600)))
    return [*sorted(found), *(end - timedelta(minutes=minutes) for minutes in (52, 38, 9))]
