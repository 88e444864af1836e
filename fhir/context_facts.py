"""Facts of the record being gathered: one per id, the most present wins; what is not retained is said in French."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from pertimage.cds.model import KnownFact, Sex, Status
from pertimage.fhir.history import FactsOf
from pertimage.fhir.systems import code_values
from pertimage.fhir.values import day, mapping, text

DISCARDED = frozenset(("entered-in-error", "cancelled", "refuted", "not-taken", "not-done", "nullified"))
OVER = frozenset(("inactive", "remission", "resolved", "stopped", "completed"))
DOUBTED = frozenset(("unconfirmed", "provisional", "differential", "intended"))
REMARKS = 20
_RANK = {Status.PRESENT: 3, Status.HYPOTHETICAL: 2, Status.PAST: 1, Status.ABSENT: 0, Status.FAMILY: 0}
# A reference and the resources contained beside it → the resource it points to, empty when it is not here.
Resolver = Callable[[Any, dict[str, dict[str, Any]]], dict[str, Any]]


class Facts:
    """What is known of a patient on the day of a request (None: unknown, then nothing is known to be fresh)."""

    def __init__(self, on: date | None, age: float | None, sex: Sex | None, facts_of: FactsOf, resolve: Resolver) -> None:
        self.on, self.age, self.sex, self.facts_of, self.resolve = on, age, sex, facts_of, resolve
        self.found: dict[str, KnownFact] = {}
        self.denied: set[str] = set()
        self.remarks: dict[str, None] = {}

    def keep(self, fact: str, status: Status, origin: str, value: float | None = None) -> None:
        """Keep a fact, unless a more present one of that id is already known."""
        held = self.found.get(fact)
        if status is Status.ABSENT:
            self.denied.add(fact)
        if held is None or _RANK[status] > _RANK[held.status]:
            self.found[fact] = KnownFact(fact, status, value, origin)

    def say(self, remark: str) -> None:
        """Say, once, what was not retained and why; no patient has as many remarks as the limit."""
        if len(self.remarks) < REMARKS:
            self.remarks[remark] = None

    def days_since(self, when: date | None) -> int | None:
        """Return how long before the request a day was; negative after it, None when either is unknown."""
        return (self.on - when).days if self.on and when else None


def code_set(concept: Any) -> set[str]:
    """Return the codes of a concept; a code written alone is one."""
    return {concept} if isinstance(concept, str) else set(code_values(concept))


def states(resource: dict[str, Any]) -> set[str]:
    """Return how an entry says it stands: status, clinical and verification status."""
    return {text(resource.get("status"))} | code_set(resource.get("clinicalStatus")) | code_set(resource.get("verificationStatus"))


def first_day(resource: dict[str, Any], *keys: str) -> date | None:
    """Return the first readable day among elements: a date, or the period they hold (its end before its start)."""
    for key in keys:
        value = resource.get(key)
        period = mapping(value)
        found = day(period.get("end")) or day(period.get("start")) if period else day(value)
        if found:
            return found
    return None


def french(value: float) -> str:
    """Return a number as the French write it, short."""
    return f"{value:.6g}".replace(".", ",")


def shown(words: str) -> str:
    """Return foreign words fit to be quoted in a remark."""
    return words[:20] if words.isprintable() else "illisible"
