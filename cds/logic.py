"""Truth in three values: True, False, or None for what is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pertimage.guidelines.conditions import Condition, ExamTest, FactTest, FlagTest, RangeTest, SexTest, Test, Wanted

_NOTHING: frozenset[str] = frozenset()
_YES, _NO, _UNKNOWN = Wanted.YES, Wanted.NO, Wanted.UNKNOWN


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions are tested against.

    ``asked`` are the facts whose silence means unknown; the silence of any other yes/no fact means absent.
    """

    truth: Mapping[str, bool]
    values: Mapping[str, float]
    sex: str | None = None
    exam: str | None = None
    flags: frozenset[str] = field(default=_NOTHING)
    asked: frozenset[str] = field(default=_NOTHING)


def holds(condition: Condition, facts: Facts) -> bool | None:
    """Evaluate a condition: *or* of *and*s, by Kleene's three-valued logic."""
    result: bool | None = False
    for tests in condition:
        truth = all_hold(tests, facts)
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def unknowns(condition: Condition, facts: Facts) -> list[str]:
    """Return the facts that keep a condition from being known, in the order written."""
    open_tests = (test for tests in condition if all_hold(tests, facts) is None for test in tests)
    return list(dict.fromkeys(test.fact for test in open_tests if isinstance(test, FactTest | RangeTest) and _test(test, facts) is None))


def all_hold(tests: tuple[Test, ...], facts: Facts) -> bool | None:
    """Evaluate an *and*."""
    result: bool | None = True
    for test in tests:
        truth = _TESTS[type(test)](test, facts)
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def _test(test: Test, facts: Facts) -> bool | None:
    return _TESTS[type(test)](test, facts)


def _flag(test: FlagTest, facts: Facts) -> bool | None:
    return (test.level in facts.flags) is test.wanted


def _exam(test: ExamTest, facts: Facts) -> bool | None:
    return facts.exam in test.exams


def _fact(test: FactTest, facts: Facts) -> bool | None:
    fact, wanted = test.fact, test.wanted
    truth = facts.truth.get(fact)
    if truth is None and fact not in facts.values:
        if wanted is _UNKNOWN:
            return True
        return None if fact in facts.asked else wanted is _NO
    return wanted is _YES if truth is not False else wanted is _NO


def _range(test: RangeTest, facts: Facts) -> bool | None:
    value = facts.values.get(test.fact)
    if value is None:
        return None if test.fact in facts.asked else False
    above = test.low is None or (value >= test.low if test.low_included else value > test.low)
    below = test.high is None or (value <= test.high if test.high_included else value < test.high)
    return above and below


def _sex(test: SexTest, facts: Facts) -> bool | None:
    return None if facts.sex is None else facts.sex == test.sex


_TESTS: Mapping[type, Callable[[Any, Facts], bool | None]] = {
    FactTest: _fact,
    RangeTest: _range,
    FlagTest: _flag,
    ExamTest: _exam,
    SexTest: _sex,
}
