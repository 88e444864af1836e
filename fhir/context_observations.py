"""Results of the record: pregnancy status, glomerular filtration rate, weight. What cannot be true is not retained, and said.

A result too old to rely on, not dated, or dated after the request is unknown rather than reassuring; what warns is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pertimage.cds.model import Status
from pertimage.fhir.context_facts import DISCARDED, Facts, code_set, first_day, french, shown
from pertimage.fhir.renal import ADULT, ckd_epi_2021, creatinine_mg_per_dl, is_creatinine_unit
from pertimage.fhir.values import mapping, number, text

PREGNANCY = "82810-3"
CREATININE = frozenset(("14682-9", "2160-0"))
GFR = frozenset(("62238-1", "98979-8", "33914-3", "69405-9", "77147-7"))
WEIGHT = frozenset(("29463-7", "3141-9"))
# An absent pregnancy is not carried forward beyond a cycle, nor a present one beyond a term; a GFR beyond three months is
# kept only when it warns (SFR-CIRTACI: creatinine of less than three months). A weight: parameters of the project.
PREGNANCY_ABSENT_DAYS, PREGNANCY_PRESENT_DAYS, GFR_DAYS, GFR_WARNS_BELOW = 31, 300, 92, 60.0
WEIGHT_DAYS, WEIGHT_DAYS_OF_CHILD = 366, 92
GFR_POSSIBLE, WEIGHT_POSSIBLE, WEIGHT_OF_ADULT = (0.0, 200.0), (0.3, 400.0), (20.0, 400.0)
# Two results of one day that differ by more, relative to the higher, contradict one another (parameter of the project).
GFR_AGREE = 0.1
_KILOGRAMS = {"kg": 1.0, "kilogramme": 1.0, "kilogrammes": 1.0, "kilos": 1.0, "g": 0.001, "grammes": 0.001, "lb": 0.45359237, "lbs": 0.45359237, "[lb_av]": 0.45359237}  # fmt: skip
_PREGNANT = {"77386006": Status.PRESENT, "LA15173-0": Status.PRESENT, "60001007": Status.ABSENT, "LA26683-5": Status.ABSENT}
_YES, _NO = ("oui", "enceinte", "y", "yes", "true", "pregnant"), ("non", "non enceinte", "pas enceinte", "n", "no", "false", "not pregnant")
_WRITTEN = re.compile(r"([<>]?)\s*(\d{1,6}(?:[.,]\d{1,6})?)\s*([^\s\d].{0,20})?")
_WHEN = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued")
_RESULTS = {PREGNANCY: "pregnancy", **dict.fromkeys(CREATININE | GFR, "renal"), **dict.fromkeys(WEIGHT, "weight")}


@dataclass(frozen=True, slots=True)
class _Result:
    """A value with its day and how long before the request it was measured (None: unknown)."""

    value: float
    when: date | None
    days: int | None


def read_observations(observations: Iterable[dict[str, Any]], facts: Facts) -> None:
    """Read the results into facts, in one pass."""
    kinds: dict[str, list[tuple[set[str], dict[str, Any]]]] = {}
    for observation in observations:
        codes = code_set(observation.get("code"))
        kind = next((_RESULTS[code] for code in codes if code in _RESULTS), None)
        if kind and text(observation.get("status")) not in DISCARDED:
            kinds.setdefault(kind, []).append((codes, observation))
    _pregnancy([observation for _, observation in kinds.get("pregnancy", ())], facts)
    _renal(kinds.get("renal", ()), facts)
    _weight([observation for _, observation in kinds.get("weight", ())], facts)


def _pregnancy(observations: Iterable[dict[str, Any]], facts: Facts) -> None:
    """Keep the latest pregnancy status; a day that says both counts as pregnant."""
    stated = [(first_day(one, *_WHEN), status) for one in observations if (status := pregnancy_status(one))]
    fresh = [(when or date.min, status) for when, status in stated if _is_fresh(status, when, facts)]
    if not fresh:
        return
    latest = max(when for when, _ in fresh)
    last = {status for when, status in fresh if when == latest}
    if len(last) > 1:
        facts.say("statuts de grossesse contradictoires le même jour : tenue pour enceinte")
    facts.keep("grossesse", Status.PRESENT if Status.PRESENT in last else Status.ABSENT, "Observation")


def _is_fresh(status: Status, when: date | None, facts: Facts) -> bool:
    days = facts.days_since(when)
    if status is Status.PRESENT and (days is None or days <= PREGNANCY_PRESENT_DAYS):
        return True
    if status is Status.ABSENT and days is not None and -1 <= days <= PREGNANCY_ABSENT_DAYS:
        return True
    if days is None:
        facts.say("statut de grossesse non daté : non retenu")
    elif days < 0:
        facts.say("statut de grossesse postérieur à la demande : non retenu")
    else:
        facts.say("statut de grossesse trop ancien pour être retenu")
    return False


def pregnancy_status(observation: dict[str, Any]) -> Status | None:
    """Return present or absent as an Observation 82810-3 states it; None when it says neither."""
    for code in code_set(observation.get("valueCodeableConcept")):
        if code in _PREGNANT:
            return _PREGNANT[code]
    value = observation.get("valueBoolean")
    if isinstance(value, bool):
        return Status.PRESENT if value else Status.ABSENT
    said = (text(observation.get("valueString")) or text(mapping(observation.get("valueCodeableConcept")).get("text"))).casefold()
    return Status.PRESENT if said in _YES else Status.ABSENT if said in _NO else None


def _renal(observations: Iterable[tuple[set[str], dict[str, Any]]], facts: Facts) -> None:
    """Keep the latest glomerular filtration rate, measured or estimated from the creatinine; of one day, the lowest."""
    found = [result for codes, one in observations if (result := _dated(_rate(codes, one, facts), one, facts, "DFG"))]
    if not found:
        return
    latest = max(result.when or date.min for result in found)
    rates = [result.value for result in found if (result.when or date.min) == latest]
    rate, days = min(rates), next(result.days for result in found if (result.when or date.min) == latest)
    if max(rates) - rate > GFR_AGREE * max(rates):
        facts.say(f"résultats rénaux différents le même jour : le DFG le plus bas ({french(rate)}) est retenu")
    if rate < GFR_WARNS_BELOW or (days is not None and days <= GFR_DAYS):
        facts.keep("dfg", Status.PRESENT, "Observation", rate)
    else:
        facts.say("DFG non daté : non retenu" if days is None else "DFG de plus de trois mois : non retenu")


def _rate(codes: set[str], observation: dict[str, Any], facts: Facts) -> float | None:
    """Return the GFR in mL/min(/1.73 m²) that a result states, or that its creatinine gives by CKD-EPI 2021."""
    value, unit = quantity(observation)
    if value is None:
        return None
    if codes & GFR:
        return _measured_rate(value, unit, facts)
    if not is_creatinine_unit(unit):
        facts.say(
            f"créatininémie en « {shown(unit)} » : unité non reconnue, non retenue" if unit else "créatininémie sans unité : non retenue"
        )
        return None
    creatinine = creatinine_mg_per_dl(value, unit)
    if creatinine is None:
        facts.say(f"créatininémie de {french(value)} {shown(unit)} : impossible, non retenue")
    elif facts.age is None or facts.sex is None:
        facts.say("DFG non calculé : âge ou sexe inconnu")
    elif facts.age < ADULT:
        facts.say("DFG non calculé avant 18 ans")
    else:
        return ckd_epi_2021(creatinine, facts.age, facts.sex)
    return None


def _measured_rate(value: float, unit: str, facts: Facts) -> float | None:
    bare = unit.lower().replace(" ", "")
    if not bare.startswith(("ml/min", "ml/mn")):
        facts.say(f"DFG en « {shown(unit)} » : unité non reconnue, non retenu" if unit else "DFG sans unité : non retenu")
    elif not GFR_POSSIBLE[0] < value <= GFR_POSSIBLE[1]:
        facts.say(f"DFG de {french(value)} mL/min : impossible, non retenu")
    else:
        return value
    return None


def _weight(observations: Iterable[dict[str, Any]], facts: Facts) -> None:
    """Keep the latest weight, in kilograms."""
    found = [result for one in observations if (result := _dated(_kilograms(one, facts), one, facts, "poids"))]
    if not found:
        return
    last = max(found, key=lambda result: result.when or date.min)
    child = facts.age is not None and facts.age < ADULT
    if last.days is None:
        facts.say("poids non daté : non retenu")
    elif last.days > (WEIGHT_DAYS_OF_CHILD if child else WEIGHT_DAYS):
        facts.say("poids de plus de trois mois chez un enfant : non retenu" if child else "poids de plus d'un an : non retenu")
    else:
        facts.keep("poids", Status.PRESENT, "Observation", last.value)


def _kilograms(observation: dict[str, Any], facts: Facts) -> float | None:
    value, unit = quantity(observation)
    if value is None:
        return None
    factor = _KILOGRAMS.get(unit.lower())
    if factor is None:
        facts.say(f"poids en « {shown(unit)} » : unité non reconnue, non retenu" if unit else "poids sans unité : non retenu")
        return None
    weight = round(value * factor, 2)
    low, high = WEIGHT_OF_ADULT if facts.age is not None and facts.age >= ADULT else WEIGHT_POSSIBLE
    if not low <= weight <= high:
        facts.say(f"poids de {french(weight)} kg : impossible, non retenu")
        return None
    return weight


def _dated(value: float | None, observation: dict[str, Any], facts: Facts, name: str) -> _Result | None:
    """Return a result with its day; one dated after the request (beyond a day, for time zones) is not retained."""
    if value is None:
        return None
    when = first_day(observation, *_WHEN)
    days = facts.days_since(when)
    if days is not None and days < -1:
        facts.say(f"{name} postérieur à la demande : non retenu")
        return None
    return _Result(value, when, days)


def quantity(observation: dict[str, Any]) -> tuple[float | None, str]:
    """Return the value of a result and its unit as written, from a quantity or from words (« 9,5 mg/L »).

    « < 30 » is read as just below 30, so that it stays under a threshold of 30.
    """
    given = mapping(observation.get("valueQuantity"))
    value, unit, comparator = number(given.get("value")), text(given.get("code")) or text(given.get("unit")), text(given.get("comparator"))
    if value is None and (written := _WRITTEN.fullmatch(text(observation.get("valueString")))):
        comparator, value, unit = written[1], number(written[2]), text(written[3])
    return (value * 0.99 if value is not None and comparator == "<" else value), unit
