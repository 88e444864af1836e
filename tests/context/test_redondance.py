"""Repeated exams: every row of the table, every lift, every exception, told by the record or by the prescriber's words."""

from __future__ import annotations

import pytest

from pertimage.cds.model import AlertKind
from tests.context.history_cases import BASE, cases, problems

CASES = cases("redondance")


@pytest.mark.parametrize("case", CASES, ids=[f"{rank}-{case['texte'][:40]}" for rank, case in enumerate(CASES)])
def test_a_repeated_exam_is_told_as_expected(case):
    """The alert, its level, its words and what it rests on are those expected."""
    assert problems(case, AlertKind.REDUNDANCY) == []


def test_no_row_is_without_an_example():
    """Each row that says something of its own is heard in a vignette."""
    heard = {words for case in CASES for words in case["attendu"].get("dit", ())}
    assert [row.id for row in BASE.tables.redundancy.repeats if row.say and not any(words in row.say for words in heard)] == []
