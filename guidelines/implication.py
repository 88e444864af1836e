"""What conditions imply and exclude, by their form alone.

Sound, never complete: what is found holds for every request, and doubt finds nothing. A conjunction of tests becomes a ``World``, what
all the requests that meet it have in common: the states left to each fact, the interval left to each measure, the red flags
raised. Silence counts as in the judge: a fact asked by the sheet must be denied to be « non », any other is « non » when nothing
states it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType

from pertimage.guidelines.base import Flag
from pertimage.guidelines.conditions import ALWAYS, Condition, ExamTest, FactTest, FlagTest, RangeTest, SexTest, Test, Wanted, facts_of
from pertimage.guidelines.lexicon import Derivation, Lexicon

PRESENT, ABSENT, SILENT = "dit présent", "dit absent", "non dit"
_STATES = frozenset((PRESENT, ABSENT, SILENT))
_NOTHING: frozenset[str] = frozenset()
_LEVELS = {"emergency": "urgence", "imaging": "imagerie", "any": "oui"}
_ENDLESS = float("inf")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where conditions are read: the lexicon, and of the sheet the facts it asks for, its red flags, whom it is for.

    ``deductions`` are the lexicon's, by each fact they rest on (see ``deductions``).
    """

    lexicon: Lexicon
    deductions: Mapping[str, tuple[Derivation, ...]]
    asked: frozenset[str] = _NOTHING
    flags: tuple[Flag, ...] = ()
    triggers: Condition = ALWAYS
    age: tuple[float | None, float | None] = (None, None)
    sex: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One test with who makes it (« la règle veut », « les déclencheurs veulent »…) and the facts whose silence is unknown to it."""

    test: Test
    by: str
    asked: frozenset[str]


class ImpossibleError(Exception):
    """No request can meet these tests; the message says why, in French."""


@dataclass(slots=True)
class World:
    """What all the requests that meet some tests have in common."""

    states: dict[str, frozenset[str]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, RangeTest] = field(default_factory=dict)
    sex: str | None = None
    exams: frozenset[str] | None = None
    levels: set[str] = field(default_factory=set)
    unflagged: bool = False

    def implies(self, tests: Iterable[Test], asked: frozenset[str] = _NOTHING) -> bool:
        """Say whether all the tests hold for every request of this world."""
        return all(self._implies(test, asked) for test in tests)

    def _implies(self, test: Test, asked: frozenset[str]) -> bool:
        if isinstance(test, FactTest):
            return self.states.get(test.fact, _STATES) <= _meeting(test, asked)
        if isinstance(test, RangeTest):
            return test.fact in self.ranges and _within(self.ranges[test.fact], test)
        if isinstance(test, FlagTest):
            raised = test.level in self.levels or (test.level == "any" and bool(self.levels))
            return raised if test.wanted else self.unflagged
        if isinstance(test, ExamTest):
            return self.exams is not None and self.exams <= test.exams
        return self.sex == test.sex


RULE = "la règle veut"


def worlds(condition: Condition, setting: Setting) -> Iterator[World]:
    """Yield the worlds of a rule's condition, one for each way to meet it."""
    for claims in _ways(condition, setting, RULE):
        with suppress(ImpossibleError):
            yield _world(claims, setting)


def as_written(tests: Iterable[Test], setting: Setting) -> World:
    """Return the world of tests by themselves, nothing deduced and no red flag looked at; raises ImpossibleError."""
    world = World()
    for test in tests:
        _admit(world, Claim(test, RULE, setting.asked), replace(setting, flags=()))
    return world


def impossible(condition: Condition, setting: Setting, by: str = RULE) -> str:
    """Return why no request can meet a condition, in French; "" when one can."""
    reason = ""
    for claims in _ways(condition, setting, by):
        try:
            _world(claims, setting)
        except ImpossibleError as why:
            reason = reason or str(why)
        else:
            return ""
    return reason or _no_flag(condition)


def deductions(lexicon: Lexicon) -> Mapping[str, tuple[Derivation, ...]]:
    """Index what makes facts present by each of the facts it rests on; a denial (« sauf_si ») or a silence deduces nothing."""
    index: dict[str, list[Derivation]] = {}
    for one in {one for found in lexicon.derivations.values() for one in found}:
        if one.value and _positive(one.tests):
            for fact in facts_of((one.tests,)):
                index.setdefault(fact, []).append(one)
    return MappingProxyType({fact: tuple(sorted(found, key=lambda one: one.rank)) for fact, found in index.items()})


def both(one: Condition, other: Condition) -> Condition:
    """Return the condition that asks for two conditions at once."""
    return tuple((*a, *b) for a, b in product(one, other))


def _no_flag(condition: Condition) -> str:
    level = next((test.level for tests in condition for test in tests if isinstance(test, FlagTest)), "any")
    return f"la fiche n'a aucun drapeau rouge « {_LEVELS[level]} »"


def _ways(condition: Condition, setting: Setting, by: str) -> Iterator[list[Claim]]:
    """Yield the tests of each way to meet a condition within the sheet: a red flag raised is one of the flags."""
    for tests, entry in product(condition, setting.triggers):
        own = [Claim(test, by, setting.asked) for test in tests]
        own += [Claim(test, "les déclencheurs veulent", _NOTHING) for test in entry]
        wanted = [test for test in tests if isinstance(test, FlagTest) and test.wanted]
        for flags in product(*(_raising(test.level, setting) for test in wanted)):
            yield [*own, *(claim for claims in flags for claim in claims)]


def _raising(level: str, setting: Setting) -> Iterator[list[Claim]]:
    for flag in setting.flags:
        if level == "any" or (level == "emergency") is flag.emergency:
            for tests in flag.condition:
                yield [Claim(test, f"le drapeau rouge « {flag.id} » veut", _NOTHING) for test in tests]


def _world(claims: list[Claim], setting: Setting) -> World:
    world = World()
    for claim in claims:
        _admit(world, claim, setting)
    _derive(world, setting)
    for flag in setting.flags:
        if any(world.implies(tests) for tests in flag.condition):
            world.levels.add("emergency" if flag.emergency else "imaging")
            if world.unflagged:
                raise ImpossibleError(f"elle veut « drapeau_rouge: non » et ce qui lève le drapeau rouge « {flag.id} »")
    return world


def _admit(world: World, claim: Claim, setting: Setting) -> None:
    test = claim.test
    if isinstance(test, FactTest):
        _narrow(world, test.fact, _meeting(test, claim.asked), f"{claim.by} « {test.fact}: {test.wanted} »")
    elif isinstance(test, RangeTest):
        _narrow(world, test.fact, _STATES - {SILENT}, f"{claim.by} une valeur de « {test.fact} »")
        _bound(world, test, setting)
    elif isinstance(test, ExamTest):
        world.exams = test.exams if world.exams is None else world.exams & test.exams
        if not world.exams:
            raise ImpossibleError("elle veut deux examens différents à la fois")
    elif isinstance(test, SexTest):
        if test.sex != (world.sex or test.sex) or test.sex != (setting.sex or test.sex):
            raise ImpossibleError("elle veut un autre sexe que celui de la fiche")
        world.sex = test.sex
    elif test.wanted:
        world.levels.add(test.level)
    else:
        world.unflagged = True
        for flag in setting.flags:
            for only in (tests[0] for tests in flag.condition if len(tests) == 1):
                if isinstance(only, FactTest) and only.wanted is Wanted.YES:
                    _narrow(world, only.fact, _STATES - {PRESENT}, f"« drapeau_rouge: non » exclut « {only.fact} »")


def _narrow(world: World, fact: str, states: frozenset[str], phrase: str) -> None:
    left = world.states.get(fact, _STATES) & states
    if not left:
        raise ImpossibleError(f"{world.said[fact]}, mais {phrase}")
    if left != world.states.get(fact, _STATES):
        world.states[fact], world.said[fact] = left, phrase


def _meeting(test: FactTest, asked: frozenset[str]) -> frozenset[str]:
    """Return the states of a fact for which a test of it is true."""
    if test.wanted is Wanted.YES:
        return frozenset((PRESENT,))
    if test.wanted is Wanted.UNKNOWN:
        return frozenset((SILENT,))
    return frozenset((ABSENT,)) if test.fact in asked else frozenset((ABSENT, SILENT))


def _bound(world: World, test: RangeTest, setting: Setting) -> None:
    """Keep what two intervals share; raises ImpossibleError when nothing is left, or nothing that the lexicon or the sheet lets through."""
    known = world.ranges.get(test.fact) or _limits(test.fact, setting)
    shared = _shared(known, test)
    if _empty(shared):
        raise ImpossibleError(f"aucune valeur de « {test.fact} » ne convient : {_words(test)}, et {_words(known)}")
    world.ranges[test.fact] = shared


def _limits(fact: str, setting: Setting) -> RangeTest:
    """Return the values that a measure may have: its « bornes », or the ages of the sheet (whole years)."""
    if fact == "age":
        low, high = setting.age
        return RangeTest(fact, low, None if high is None else high + 1)
    found = setting.lexicon.facts.get(fact)
    return RangeTest(fact, found.low if found else None, found.high if found else None, high_included=True)


def _shared(one: RangeTest, other: RangeTest) -> RangeTest:
    low, low_open = max(_low(one), _low(other))
    high, high_included = min(_high(one), _high(other))
    return RangeTest(one.fact, None if low == -_ENDLESS else low, None if high == _ENDLESS else high, not low_open, high_included)


def _low(test: RangeTest) -> tuple[float, bool]:
    return (-_ENDLESS, False) if test.low is None else (test.low, not test.low_included)


def _high(test: RangeTest) -> tuple[float, bool]:
    return (_ENDLESS, False) if test.high is None else (test.high, test.high_included)


def _within(one: RangeTest, other: RangeTest) -> bool:
    return _low(one) >= _low(other) and _high(one) <= _high(other)


def _empty(test: RangeTest) -> bool:
    if test.low is None or test.high is None:
        return False
    return test.low > test.high or (test.low == test.high and not (test.low_included and test.high_included))


def _words(test: RangeTest) -> str:
    low = f"{'au moins' if test.low_included else 'plus de'} {test.low:g}" if test.low is not None else ""
    high = f"{'au plus' if test.high_included else 'moins de'} {test.high:g}" if test.high is not None else ""
    return " et ".join(part for part in (low, high) if part) or "sans borne"


def _derive(world: World, setting: Setting) -> None:
    """Add the facts that others make present."""
    waiting = [*(fact for fact, states in world.states.items() if states == {PRESENT}), *world.ranges]
    while waiting:
        for one in setting.deductions.get(waiting.pop(), ()):
            if world.states.get(one.fact, _STATES) != {PRESENT} and world.implies(one.tests):
                _narrow(world, one.fact, frozenset((PRESENT,)), f"« {one.fact} » se déduit de « {one.basis} »")
                waiting.append(one.fact)


def _positive(tests: Iterable[Test]) -> bool:
    return all(not isinstance(test, FactTest) or test.wanted is Wanted.YES for test in tests)
