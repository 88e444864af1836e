"""Pathways sensitive to delay: which requests are marked, with which target, and which are not."""

from __future__ import annotations

import pytest

from pertimage.cds.model import FastTrack
from pertimage.cds.records import assessment_of
from pertimage.fhir.card_text import detail
from tests.context.history_cases import BASE, cases, judged

CASES = cases("parcours")


@pytest.mark.parametrize("case", CASES, ids=[f"{rank}-{case['texte'][:40]}" for rank, case in enumerate(CASES)])
def test_a_request_is_marked_when_it_cannot_wait(case):
    """The mark is that expected; the answer read back from the journal has it; an emergency never has one."""
    answer = judged(case)
    mark = answer.fast_track
    assert (mark.pathway if mark else None) == case["parcours"]
    assert mark is None or (answer.pathway is None and mark.days == case.get("jours", mark.days))
    assert assessment_of(answer.to_json()).fast_track == mark


def test_every_row_is_tried():
    """Each pathway has a vignette that it marks."""
    assert {row.id for row in BASE.tables.pathways.rows} == {case["parcours"] for case in CASES} - {None}


def test_every_rule_named_exists():
    """A rule renamed in its sheet would silently leave its pathway."""
    known = {f"{sheet.id}/{rule.id}" for sheet in BASE.sheets.values() for rule in sheet.rules}
    assert {rule for row in BASE.tables.pathways.rows for rule in row.rules | row.but} <= known


def test_a_target_of_ours_is_said_to_be_ours():
    """The card says the pathway, the target, and that the project proposes it."""
    marked = judged(CASES[0])
    assert "Parcours prioritaire, cancérologie (suspicion) : examen visé sous 14 jours, délai proposé par le projet." in detail(marked, str)
    assert "proposé" not in FastTrack("p", "essai", 1, "verified").french
    assert "fast_track" not in judged({"texte": "toux depuis 4 jours, rhinite", "examen": "radio du thorax"}).to_json()
