"""A small base to change: the catalogue whole, the sheet of low back pain alone, and the part of the lexicon that it needs."""

from __future__ import annotations

import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.loader import DATA
from pertimage.web.archive import read_folder

SHEET = "fiches/rachis/lombalgie-commune.yaml"


def small_base(folder: Path) -> Path:
    """Copy the base into a folder, with one sheet and the facts that it needs: compiling the others is what takes time."""
    shutil.copytree(
        DATA,
        folder,
        ignore=lambda place, names: names if "fiches" in Path(place).parts or Path(place).name in ("lexique", "transversal") else [],
    )
    (folder / SHEET).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA / SHEET, folder / SHEET)
    kept = {name: _lexicon()[name] for name in sorted(_needed((DATA / SHEET).read_text(encoding="utf-8")))}
    (folder / "lexique" / "faits.yaml").write_text(yaml.safe_dump(kept, allow_unicode=True), encoding="utf-8")
    return folder


@cache
def _lexicon() -> dict[str, dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = (yaml.load(path.read_text(encoding="utf-8"), Loader=loader) for path in (DATA / "lexique").glob("*.yaml"))
    return {name: fact for facts in files for name, fact in facts.items()}


def _needed(text: str) -> set[str]:
    """Return the facts that a text names, with those from which they are derived."""
    found: set[str] = set()
    waiting = {name for name in re.findall(r"[a-z0-9-]+", text) if name in _lexicon()} | {
        "grossesse",
        "contre-indication-irm",
        "allergie-contraste",
    }
    while waiting:
        name = waiting.pop()
        if name in _lexicon() and name not in found:
            found.add(name)
            fact = _lexicon()[name]
            waiting.update(key for when in (*fact.get("si", ()), *fact.get("sauf_si", ())) for key in when)
    return found


@cache
def untouched() -> tuple[Path, GuidelineBase]:
    """Return the small base and its folder, made once for all the tests of a session: nobody changes them."""
    folder = small_base(Path(tempfile.mkdtemp(prefix="pertimage-base-")) / "base")
    return folder, read_folder(folder)


def rewritten(base: Path, old: str, new: str, name: str = SHEET) -> Path:
    """Replace, in a file of the base, words that must be there."""
    path = base / name
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return base


def without_emergencies(base: Path) -> Path:
    """Forget every emergency of the sheet: its red flags and its pathway."""
    path = base / SHEET
    text = path.read_text(encoding="utf-8").replace("    circuit: urgences\n", "").replace(", circuit: urgences}", "}")
    start = text.index("  urgence:")
    path.write_text(text[:start] + "  urgence: []\n" + text[text.index("  imagerie:", start) :], encoding="utf-8")
    return base
