"""The requests on which properties are tried: every vignette of the sheets and every letter."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, Outcome, Sex, TextPart
from pertimage.guidelines.loader import load_base
from pertimage.web.vignettes import WRITTEN, as_request

BASE = load_base()
LETTERS = Path(__file__).parent.parent / "vignettes"
SEXES = {"femme": Sex.FEMALE, "homme": Sex.MALE}
# `make fuzz` tries everything; `make test` draws what would take too long, always the same.
EVERYTHING = "FUZZ_EXAMPLES" in os.environ

Answers = list[tuple[Outcome, str | None]]


class Example(NamedTuple):
    """A request with the sheet it illustrates (none for a letter)."""

    id: str
    sheet: str | None
    request: ImagingRequest


def _of_sheets() -> list[Example]:
    return [
        Example(f"{sheet.id}-{number}", sheet.id, as_request(vignette, sheet.id, number))
        for sheet in BASE.sheets.values()
        for number, vignette in enumerate(sheet.form.vignettes, 1)
    ]


def _of_letters() -> list[Example]:
    return [
        Example(f"{path.stem}-{number}", None, _written(letter, f"{path.stem}-{number}"))
        for path in sorted(LETTERS.glob("courrier-*.yaml"))
        for number, letter in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1)
    ]


def _written(letter: dict[str, Any], name: str) -> ImagingRequest:
    return ImagingRequest(
        id=f"ServiceRequest/{name}", exam_text=letter.get("examen") or "", texts=(TextPart("reasonCode", letter["texte"]),),
        age=letter.get("age"), sex=SEXES[letter["sexe"]] if letter.get("sexe") else None, authored=WRITTEN,
    )  # fmt: skip


EXAMPLES = _of_sheets() + _of_letters()


def answers(request: ImagingRequest) -> Answers:
    """Return what matters of the answers to a request."""
    return [(one.outcome, one.pathway) for one in assess(request, BASE)]


@cache
def answers_as_written(example: Example) -> Answers:
    """Return what matters of the answers to an example, judged once."""
    return answers(example.request)


def with_text(request: ImagingRequest, text: str) -> ImagingRequest:
    """Return the request with other words."""
    return replace(request, texts=(TextPart("reasonCode", text),))
