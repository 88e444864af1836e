"""Safety: what the patient's state says of an exam, and the exams that are not proposed to this patient.

The table (``guidelines/data/transversal/securite.yaml``) says which rows hold; this module speaks them and applies their effects:
an excluded exam gives its place to what replaces it, one to be done with care goes behind the others with its condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pertimage.cds.logic import Facts, holds
from pertimage.cds.model import Alert, AlertKind, Alternative, Severity
from pertimage.cds.situations import Conclusion
from pertimage.guidelines.base import GuidelineBase, Position
from pertimage.guidelines.conditions import FactTest, RangeTest, Wanted, facts_of
from pertimage.guidelines.safety import PLACEHOLDER, Effect, Safety, SafetyRow
from pertimage.guidelines.schema import ExamForm, Verdict

# An exam id and the condition under which it is offered → the offer.
Offer = Callable[[str, str], Alternative]
_INJECTED = re.compile(r"\binjectée?s?\b|\bavec injection\b")
NEVER_DELAYED = "Urgence vitale : ne pas retarder l'examen ; l'équipe qui prend en charge décide."


class Safeguard:
    """The rows that hold for one patient, asked about exams."""

    def __init__(self, base: GuidelineBase, facts: Facts) -> None:
        table = base.tables.safety or Safety()
        self._catalogue, self._lexicon, self._values = base.catalogue, base.lexicon, facts.values
        self._rows = tuple(row for row in table.rows if holds(row.condition, facts) is True)

    def rows(self, exam: ExamForm | None) -> tuple[SafetyRow, ...]:
        """Return the rows about an exam; without one, those about any."""
        return tuple(row for row in self._rows if (row.group.everything if exam is None else row.group.accepts(exam)))

    def facts(self, exam: ExamForm | None) -> frozenset[str]:
        """Return the facts on which the rows about an exam stand."""
        return frozenset().union(*(facts_of(row.condition) for row in self.rows(exam)))

    def alerts(self, exam: ExamForm | None, emergency: bool) -> Iterator[Alert]:
        """Yield the alerts about an exam; in an emergency, those that exclude it say that it is not to be delayed."""
        for row in self.rows(exam):
            message = _filled(row.message, self._values)
            if emergency and row.effect is Effect.EXCLUDED:
                message = f"{message} {NEVER_DELAYED}"
            yield Alert(AlertKind(row.kind), Severity(row.severity), message, basis=str(row.basis))

    def excluding(self, exam: ExamForm | None) -> tuple[SafetyRow, ...]:
        """Return the rows by which an exam is not proposed to this patient."""
        return tuple(row for row in self.rows(exam) if row.effect is Effect.EXCLUDED) if exam else ()

    def unknown_to(self, conclusion: Conclusion, rows: Iterable[SafetyRow]) -> list[SafetyRow]:
        """Return the rows whose facts the rule did not weigh: a rule about pregnancy has said what it thinks of its exams."""
        position = conclusion.position.condition if conclusion.position else None
        weighed = self._lexicon.with_origins(facts_of(conclusion.rule.condition) | facts_of(position or ()))
        return [row for row in rows if weighed.isdisjoint(_grounds(row))]

    def weighed_by(self, position: Position, rows: Iterable[SafetyRow]) -> bool:
        """Say whether a position was written for what these rows say: « si l'injection est contre-indiquée »."""
        named = self._lexicon.with_origins(facts_of(position.condition or ()))
        return any(not named.isdisjoint(_grounds(row)) for row in rows)

    def guarded(self, offers: Sequence[Alternative], positions: Mapping[str, Position], offer: Offer) -> list[Alternative]:
        """Return the offers that suit the patient: excluded exams give their place to their fall-backs, those to be done with care go last.

        ``positions`` are the rule's; ``offer`` makes an offer of an exam id and a condition.
        """
        named = {one.exam for one in offers}
        kept: dict[str, Alternative] = {}
        for one in offers:
            excluding = self.excluding(self._as_offered(one))
            instead = self.fallbacks(one.exam, excluding, positions, offer) if excluding and not one.when else []
            for new in instead if excluding else [one]:
                if new is one or new.exam not in named:
                    kept.setdefault(new.exam, new)
        return self.careful_last(kept.values(), offer)

    def careful_last(self, offers: Iterable[Alternative], offer: Offer) -> list[Alternative]:
        """Return offers with those to be done with care behind the others, their condition said."""
        told = [(one, self._cautions(self._as_offered(one))) for one in offers]
        careful = [offer(one.exam, "; ".join(filter(None, (one.when, *cautions)))) for one, cautions in told if cautions]
        return [*(one for one, cautions in told if not cautions), *careful]

    def _cautions(self, exam: ExamForm) -> tuple[str, ...]:
        return tuple(row.caution for row in self.rows(exam) if row.effect is Effect.CARE)

    def _as_offered(self, offer: Alternative) -> ExamForm:
        """Return the exam of an offer, with contrast when its condition says so: « injecté, si l'IRM est indisponible »."""
        exam = self._catalogue.exams[offer.exam]
        return exam.model_copy(update={"contrast": True}) if not exam.contrast and _INJECTED.search(offer.when) else exam

    def fallbacks(self, exam: str, excluding: Iterable[SafetyRow], positions: Mapping[str, Position], offer: Offer) -> list[Alternative]:
        """Return what replaces an excluded exam: what no row excludes, and the rule does not rule out.

        A rule that rules out an exam of the same technique only meant that the injection was needed: it stays.
        """
        exams = self._catalogue.exams
        found: dict[str, Alternative] = {}
        for row in excluding:
            for name in row.fallbacks.get(exam, ()):
                refused = name in positions and positions[name].verdict is Verdict.NOT_INDICATED
                if not self.excluding(exams[name]) and not (refused and exams[name].modality is not exams[exam].modality):
                    found.setdefault(name, offer(name, row.fallback_text))
        return list(found.values())


def _grounds(row: SafetyRow) -> set[str]:
    """Return the facts by which a row holds, without those that must be absent."""
    tests = (test for tests in row.condition for test in tests)
    return {test.fact for test in tests if isinstance(test, RangeTest) or (isinstance(test, FactTest) and test.wanted is Wanted.YES)}


def _filled(message: str, values: Mapping[str, float]) -> str:
    """Return a message with the patient's values, in French: « DFG à 27,5 »."""

    def value(match: re.Match[str]) -> str:
        known = values.get(match.group(1))
        return "valeur inconnue" if known is None else f"{known:g}".replace(".", ",")

    return PLACEHOLDER.sub(value, message)
