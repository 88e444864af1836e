"""Which sheets a request opens, and what each concludes on the exam requested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pertimage.cds.logic import Facts, holds, unknowns
from pertimage.cds.model import Outcome
from pertimage.cds.text.reading import Reading
from pertimage.guidelines.base import Flag, GuidelineBase, Position, Rule, Sheet
from pertimage.guidelines.schema import Verdict


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What one sheet says of one exam. ``outcome`` is None when the sheet does not position that exam.

    ``rule`` is the rule that concludes (the first possible one when the request is incomplete); ``asked`` the facts whose
    absence keeps it from concluding; ``raised`` the red flags found.
    """

    sheet: Sheet
    rule: Rule
    outcome: Outcome | None
    emergency: bool
    asked: tuple[str, ...]
    raised: tuple[Flag, ...]
    facts: Facts
    position: Position | None
    place: int


def opened(base: GuidelineBase, reading: Reading, exam: str | None) -> list[tuple[Sheet, int]]:
    """Return the sheets that the request opens with the place of the words that open them.

    A complaint only told of the past opens a sheet when nothing else does.
    """
    return _opened_by(base, reading, reading.named, exam) or _opened_by(base, reading, reading.past, exam)


def _opened_by(base: GuidelineBase, reading: Reading, named: Iterable[str], exam: str | None) -> list[tuple[Sheet, int]]:
    places: dict[str, int] = {}
    for fact in named:
        place = reading.named.get(fact, 10_000)
        for sheet in base.by_fact.get(fact, ()):
            places[sheet.id] = min(place, places.get(sheet.id, place))
    for prefixes, codes in ((base.by_icd10, reading.icd10), (base.by_icpc2, reading.icpc2)):
        for prefix, sheet in prefixes if codes else ():
            if any(code.startswith(prefix) for code in codes):
                places.setdefault(sheet.id, 0)
    return [(base.sheets[name], place) for name, place in sorted(places.items()) if _fits(base.sheets[name], reading, exam)]


def _fits(sheet: Sheet, reading: Reading, exam: str | None) -> bool:
    """Say whether the patient belongs to the sheet's population; an age or sex not known excludes nobody."""
    age = reading.values.get("age")
    if age is not None and (
        (sheet.age_min is not None and age < sheet.age_min) or (sheet.age_max is not None and age >= sheet.age_max + 1)
    ):
        return False
    if age is None and sheet.age_max is not None and sheet.age_max < 18 and not _child(reading):
        return False
    if sheet.sex and reading.sex and sheet.sex != reading.sex:
        return False
    if sheet.trigger_condition is None:
        return True
    return holds(sheet.trigger_condition, Facts(reading.truth, reading.values, reading.sex, exam)) is True


def _child(reading: Reading) -> bool:
    """Say whether the words speak of a child when the age is not given."""
    return reading.truth.get("enfant") is True


def conclude(sheet: Sheet, place: int, exam: str | None, lineage: tuple[str, ...], reading: Reading) -> Conclusion | None:
    """Return what a sheet concludes on an exam (``lineage``: the exam then its parents); None when no rule can hold."""
    stated = reading.facts
    raised = tuple(flag for flag in sheet.flags if holds(flag.condition, stated) is True)
    levels = {"emergency" if flag.emergency else "imaging" for flag in raised}
    facts = Facts(
        stated.truth, stated.values, stated.sex, exam, frozenset(levels | {"any"} if levels else levels), frozenset(sheet.questions)
    )
    possible: list[Rule] = []
    for rule in sheet.rules:
        truth = holds(rule.condition, facts)
        if truth is not False:
            possible.append(rule)
        if truth is True:
            break
    if not possible:
        return None
    resolved = [(_position(rule, lineage), rule) for rule in possible]
    answers = [resolve(position, rule, facts) if position else None for position, rule in resolved]
    outcome, asked = _combine(answers, possible, [position for position, _ in resolved], facts)
    chosen = possible[-1] if outcome is not Outcome.INCOMPLETE and len(possible) == 1 else possible[0]
    if outcome is not Outcome.INCOMPLETE:
        chosen = possible[-1]
    emergency = any(flag.emergency for flag in raised) or all(rule.emergency for rule in possible)
    return Conclusion(sheet, chosen, outcome, emergency, asked, raised, facts, _position(chosen, lineage), place)


def _position(rule: Rule, lineage: tuple[str, ...]) -> Position | None:
    return next((rule.positions[exam] for exam in lineage if exam in rule.positions), None)


def _combine(
    answers: list[Outcome | None], rules: list[Rule], positions: list[Position | None], facts: Facts
) -> tuple[Outcome | None, tuple[str, ...]]:
    """Return the outcome that all possible rules share, or ``incomplete`` with the facts to ask for."""
    if all(answer is None for answer in answers):
        return None, ()
    if len(set(answers)) == 1 and answers[0] is not Outcome.INCOMPLETE:
        return answers[0], ()
    asked: dict[str, None] = {}
    for rule, position in zip(rules, positions, strict=True):
        asked |= dict.fromkeys(unknowns(rule.condition, facts))
        if position and position.condition:
            asked |= dict.fromkeys(unknowns(position.condition, facts))
    return (Outcome.INCOMPLETE, tuple(asked)) if asked else (answers[-1], ())


def resolve(position: Position, rule: Rule, facts: Facts) -> Outcome:
    """Return the outcome of a position: the table « Positions et avis rendus » of the authors' guide."""
    if position.condition is not None:
        truth = holds(position.condition, facts)
        if truth is None:
            return Outcome.INCOMPLETE
        return Outcome.APPROPRIATE if truth else _instead(position, rule)
    if position.verdict is Verdict.INDICATED:
        return Outcome.APPROPRIATE
    if position.verdict is Verdict.SPECIALIST:
        return Outcome.ALTERNATIVE
    if position.verdict is Verdict.SPECIFIC_CASES and _instead(position, rule) is Outcome.NOT_INDICATED:
        return Outcome.APPROPRIATE
    return _instead(position, rule)


def _instead(position: Position, rule: Rule) -> Outcome:
    better = any(other.verdict is Verdict.INDICATED for exam, other in rule.positions.items() if exam != position.exam)
    return Outcome.ALTERNATIVE if better or rule.first else Outcome.NOT_INDICATED


def without_general(conclusions: list[Conclusion]) -> list[Conclusion]:
    """Leave out the sheets that a more specific one, which speaks of the exam, refines."""
    speaking = [c for c in conclusions if c.outcome is not None]
    refined = {name for conclusion in speaking for name in conclusion.sheet.refines}
    return [c for c in conclusions if c.sheet.id not in refined or c.sheet.id in _mutual(c, speaking)]


def _mutual(conclusion: Conclusion, others: list[Conclusion]) -> Iterator[str]:
    """Yield the sheet's own name when it refines back one that refines it (neither is the more general)."""
    for other in others:
        if conclusion.sheet.id in other.sheet.refines and other.sheet.id in conclusion.sheet.refines:
            yield conclusion.sheet.id


_PREFERENCE = {Outcome.APPROPRIATE: 0, Outcome.ALTERNATIVE: 1, Outcome.INCOMPLETE: 2, Outcome.NOT_INDICATED: 3, None: 9}


def preferred(conclusions: list[Conclusion]) -> Conclusion:
    """Return the conclusion that answers: the one that makes the exam appropriate, else an emergency's, else the first named."""
    return min(
        conclusions,
        key=lambda c: (c.outcome is None, _PREFERENCE[c.outcome] != 0, not c.emergency, _PREFERENCE[c.outcome], c.place, c.sheet.id),
    )
