"""Every vignette of every sheet is answered as its author expects."""

from __future__ import annotations

import pytest

from pertimage.guidelines.loader import load_base
from pertimage.web.vignettes import replay

BASE = load_base()


@pytest.mark.parametrize("sheet", sorted(BASE.sheets))
def test_the_vignettes_of_a_sheet_are_answered_as_expected(sheet: str) -> None:
    """Outcome, pathway and rule are those the sheet announces on its public page."""
    wrong = [
        f"n° {result.number} « {result.vignette.text} » : {'; '.join(result.problems)}"
        for result in replay(BASE.sheets[sheet], BASE)
        if result.problems
    ]
    assert wrong == []


@pytest.mark.parametrize("sheet", sorted(BASE.sheets))
def test_every_sheet_has_enough_vignettes(sheet: str) -> None:
    """A sheet without examples is a rule nobody tried."""
    assert len(BASE.sheets[sheet].form.vignettes) >= 2
