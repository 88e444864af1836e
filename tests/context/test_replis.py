"""Fall-backs: what is proposed when an exam cannot be had in time, and what never is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import AlertKind, Policy
from pertimage.cds.territory import Territory, Wait
from tests.context.history_cases import BASE, LEVELS, cases, request_of, told

CASES = cases("replis")
TABLE = BASE.tables.fallbacks


def territory_of(case) -> Territory:
    """Return the territory of a vignette: its techniques, and one site's waits."""
    waits = tuple(Wait("site", "CH de Foix", modality, days, days * 2, 50) for modality, days in case.get("delais", {}).items())
    return Territory(waits, frozenset(case["techniques"]) if "techniques" in case else None, "essai")


def judged(case):
    """Return the answer to a vignette on its territory, under its policy."""
    request = replace(request_of(case), priority=case.get("priorite", "routine"))
    policy = Policy(exams_unavailable=frozenset(case.get("indisponibles", ())))
    return assess(request, BASE, policy, territory=territory_of(case))[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["nom"])
def test_what_is_proposed_instead(case):
    """The alert, its words, and the exams proposed are those expected; what the guidance says of the exam asked for never changes."""
    expected, answer = case["attendu"], judged(case)
    alerts = told(answer, AlertKind.AVAILABILITY)
    level = LEVELS.get(expected.get("alerte", "information"))
    offered = [one.exam for one in answer.alternatives]
    said = " ".join(alert.message for alert in alerts)
    assert [str(alert.severity) for alert in alerts] == ([level] if level else [])
    assert str(answer.outcome) == expected.get("avis", answer.outcome)
    assert offered[: len(expected.get("propose", ()))] == expected.get("propose", [])
    assert not set(offered) & set(expected.get("pas_propose", ()))
    assert all(words in said for words in expected.get("dit", ())), said
    assert answer.outcome is assess(request_of(case), BASE)[0].outcome


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.id)
def test_every_row_is_tried(row):
    """Each row has a vignette, whose answer says what the row loses or advises, and what it rests on."""
    tried = [judged(case) for case in CASES if case["attendu"].get("ligne") == row.id]
    alerts = [alert for answer in tried for alert in told(answer, AlertKind.AVAILABILITY)]
    words = [*row.loses.values(), row.advice]
    assert any(word in alert.message for word in words if word for alert in alerts)
    assert {alert.basis for alert in alerts} <= {str(row.basis), "proposed"}


def test_a_row_that_does_not_say_what_it_loses_is_refused(tmp_path):
    """The author reads what to write, and where."""
    from pertimage.guidelines.fallbacks import read_fallbacks
    from pertimage.guidelines.source import Document
    from pertimage.guidelines.tables import TableReader

    path = tmp_path / "replis.yaml"
    path.write_text(
        "lignes:\n  x:\n    examens: {parmi: [irm-genou]}\n    replis: [scanner-genoux]\n    fonde: texte_lu\n", encoding="utf-8"
    )
    reader = TableReader(Document(path, "replis.yaml"), BASE.lexicon.names, BASE.catalogue, frozenset(BASE.sheets))
    read_fallbacks(reader)
    said = [str(fault.message) for fault in reader.faults]
    assert any("« scanner-genoux »" in one for one in said)
    assert any("perd" in one for one in said)
    assert any("source" in one for one in said)
    assert all(fault.line > 1 for fault in reader.faults)
