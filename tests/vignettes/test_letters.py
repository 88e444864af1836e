"""Requests written blind, in many hands and styles, are answered as the clinical rules say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, ImagingRequest, Sex, TextPart
from pertimage.guidelines.loader import load_base

BASE = load_base()
WRITTEN = date(2026, 11, 22)
SEXES = {"femme": Sex.FEMALE, "homme": Sex.MALE}
HERE = Path(__file__).parent
# Words added to a letter that say nothing of today's complaint.
HARMLESS = (
    "\nATCD : HTA, DT2 sous metformine.",
    "\nPas d'allergie connue. Examens antérieurs : aucun.",
    "\nMerci de votre aide, bien confraternellement.",
)


def _letters() -> Iterator[Any]:
    for path in sorted(HERE.glob("courrier-*.yaml")):
        for number, letter in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
            marks = [pytest.mark.xfail(strict=True, reason=letter["xfail"])] if "xfail" in letter else []
            yield pytest.param(letter, id=f"{path.stem}-{number}", marks=marks)


def _answers(letter: dict[str, Any], ending: str = "") -> list[Assessment]:
    sex = letter.get("sexe")
    return assess(
        ImagingRequest(
            id="ServiceRequest/1", exam_text=letter.get("examen") or "", texts=(TextPart("reasonCode", letter["texte"] + ending),),
            age=letter.get("age"), sex=SEXES[sex] if sex else None, authored=WRITTEN,
        ),
        BASE,
    )  # fmt: skip


def _problems(letter: dict[str, Any], answer: Assessment) -> list[str]:
    expected = letter["attendu"]
    accepted = expected["avis"] if isinstance(expected["avis"], list) else [expected["avis"]]
    problems = []
    if str(answer.outcome) not in accepted:
        problems.append(f"{answer.outcome} instead of {' or '.join(accepted)} (rule {answer.rule}, exam {answer.exam})")
    if expected.get("circuit") == "urgences" and answer.pathway != "emergency":
        problems.append(f"MISSED emergency (rule {answer.rule})")
    if expected.get("circuit") is None and answer.pathway == "emergency":
        problems.append(f"false emergency (rule {answer.rule})")
    return problems


@pytest.mark.parametrize("letter", list(_letters()))
def test_a_letter_is_answered_as_the_clinical_rules_say(letter: dict[str, Any]) -> None:
    """Outcome and emergency pathway are those expected, in whatever words the prescriber wrote."""
    best = min((_problems(letter, answer) for answer in _answers(letter)), key=len)
    assert best == [], letter["texte"]


def _gist(letter: dict[str, Any], ending: str = "") -> list[tuple[str, str | None, str | None]]:
    return [(str(answer.outcome), answer.pathway, answer.exam) for answer in _answers(letter, ending)]


@pytest.mark.parametrize("ending", HARMLESS)
@pytest.mark.parametrize("path", sorted(HERE.glob("courrier-*.yaml")), ids=lambda path: path.stem)
def test_a_harmless_ending_changes_no_answer(path: Path, ending: str) -> None:
    """An old treated disease, a word on previous exams or a polite formula leaves outcome, pathway and exam as they are (bare requests left out)."""
    letters = [letter for letter in yaml.safe_load(path.read_text(encoding="utf-8")) if "incomplete" not in letter["attendu"]["avis"]]
    moved = [letter["texte"] for letter in letters if _gist(letter, ending) != _gist(letter)]
    assert moved == []
