"""Doses: sums of the known exams with their uncertainty, thresholds by age, and what they change."""

from __future__ import annotations

import pytest

from pertimage.cds.model import AlertKind
from tests.context.history_cases import cases, problems

CASES = cases("dose")


@pytest.mark.parametrize("case", CASES, ids=[f"{rank}-{case['texte'][:40]}" for rank, case in enumerate(CASES)])
def test_doses_are_summed_and_told_as_expected(case):
    """The sums, the alert, its words, and the alternatives are those expected."""
    assert problems(case, AlertKind.CUMULATIVE_DOSE) == []
