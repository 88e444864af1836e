"""What a policy would change: the last requests judged under the one in force and under the one tried, without the patients' words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest

from pertimage.audit.past import Past
from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, Outcome, Policy
from pertimage.cds.speech import heard
from pertimage.fhir.cards import INFO, ORDER_SIGN, indicator
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.policy import AUDIENCES, KIND_WORDS, PLACES

LATEST = 200
LISTED = 50
_PRESCRIBER, _RADIOLOGIST = AUDIENCES
_SEVERITIES: Mapping[str, str] = {"info": "information", "warning": "attention", "critical": "critique"}
MUTE = "muette"


@dataclass(frozen=True, slots=True)
class Changed:
    """A request whose answer would change: its id in the register, its day, the exam, and what changes, in French."""

    request: str
    day: date
    exam: str
    what: tuple[str, ...]


@dataclass(slots=True)
class Preview:
    """Counts before and after: outcomes, alerts that prescribers read when they sign, cards that interrupt them."""

    requests: int = 0
    exams: int = 0
    moved: int = 0
    outcomes: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    alerts: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    interruptions: list[int] = field(default_factory=lambda: [0, 0])
    changed: list[Changed] = field(default_factory=list)

    @property
    def outcome_rows(self) -> list[tuple[str, int, int]]:
        """Return outcome, number before, number after."""
        before, after = self.outcomes
        return [(one.french, before[one], after[one]) for one in Outcome if before[one] or after[one]]

    @property
    def alert_rows(self) -> list[tuple[str, int, int]]:
        """Return kind of alert, number read before, number read after."""
        before, after = self.alerts
        return [(words, before[kind], after[kind]) for kind, words in KIND_WORDS.items() if before[kind] or after[kind]]


def preview(past: Iterable[Past], base: GuidelineBase, now: Policy, tried: Policy) -> Preview:
    """Judge past requests twice, by the rules of their day: under the policy in force and under the one tried."""
    found = Preview()
    for one in past:
        on = one.request.authored or one.day
        pair = assess(one.request, base, now, on), assess(one.request, base, tried, on)
        found.requests += 1
        what: list[str] = []
        for before, after in zip_longest(*pair):
            found.exams += 1
            for side, (judged, policy) in enumerate(((before, now), (after, tried))):
                if judged is not None:
                    _count(found, side, judged, policy)
            what += [] if before is None or after is None else _differences(before, after, now, tried)
        if what:
            found.moved += 1
            if len(found.changed) < LISTED:
                exam = " + ".join(dict.fromkeys(judged.exam_label or "examen non précisé" for judged in pair[0]))
                found.changed.append(Changed(one.id, one.day, exam, tuple(dict.fromkeys(what))))
    return found


def _count(found: Preview, side: int, judged: Assessment, policy: Policy) -> None:
    read = heard(judged, policy, _PRESCRIBER, ORDER_SIGN)
    found.outcomes[side][judged.outcome] += 1
    found.alerts[side].update(str(alert.kind) for alert in read.alerts)
    found.interruptions[side] += indicator(read, ORDER_SIGN) != INFO


def _differences(before: Assessment, after: Assessment, now: Policy, tried: Policy) -> Iterator[str]:
    """Yield what changes for whoever reads the answer."""
    if before.outcome is not after.outcome:
        yield f"avis : {before.outcome.french} → {after.outcome.french}" + (" (règle en silence)" if after.silenced else "")
    elif before.rule != after.rule:
        yield f"règle : {before.rule or 'aucune'} → {after.rule or 'aucune'}"
    elif [one.exam for one in before.alternatives] != [one.exam for one in after.alternatives]:
        yield "autres examens proposés à la place"
    if before.pathway != after.pathway:
        yield "circuit des urgences ajouté" if after.pathway else "circuit des urgences retiré"
    for who, places in ((_PRESCRIBER, PLACES), (_RADIOLOGIST, PLACES[-1:])):
        told = [(_loudest(before, now, who, place), _loudest(after, tried, who, place)) for place in places]
        for kind, words in KIND_WORDS.items():
            pairs = [(old.get(kind, MUTE), new.get(kind, MUTE)) for old, new in told]
            moved = [(old, new, place) for (old, new), place in zip(pairs, places, strict=True) if old != new]
            if moved:
                where = "" if len(moved) == len(places) else f" à {', '.join(place for _, _, place in moved)}"
                yield f"alerte {words}, {who}{where} : {moved[0][0]} → {moved[0][1]}"


def _loudest(judged: Assessment, policy: Policy, who: str, place: str) -> dict[str, str]:
    """Return the loudest severity of each kind of alert that somebody is told."""
    order = list(_SEVERITIES)
    read = heard(judged, policy, who, place).alerts
    return {str(one.kind): _SEVERITIES[one.severity] for one in sorted(read, key=lambda alert: order.index(alert.severity))}
