"""From the sheets' vignettes as FHIR to the command line's answers: what a pilot site would try first."""

from __future__ import annotations

from pathlib import Path

import orjson

from pertimage.guidelines.loader import load_base
from tests.web.test_cli import run


def test_assess_answers_every_vignette_as_its_sheet_announces(tmp_path: Path) -> None:
    """Each vignette, written as a Bundle and read back by `assess`, gets an expected outcome and pathway."""
    written = run("guidelines", "vignettes")
    assert written.returncode == 0
    path = tmp_path / "vignettes.ndjson"
    path.write_bytes(written.stdout)
    done = run("assess", path)
    assert done.returncode == 0
    answers: dict[str, list[tuple[str, str | None]]] = {}
    for line in done.stdout.splitlines():
        one = orjson.loads(line)
        answers.setdefault(one["request"].removeprefix("ServiceRequest/"), []).append((one["outcome"], one["pathway"]))
    wrong = []
    for sheet in load_base().sheets.values():
        for number, vignette in enumerate(sheet.form.vignettes, 1):
            found = answers[f"{sheet.id}-{number}"]
            pathway = "emergency" if vignette.expected.pathway else None
            if not any(outcome in vignette.expected.outcomes and given == pathway for outcome, given in found):
                wrong.append((sheet.id, number, vignette.text, found))
    assert wrong == []
