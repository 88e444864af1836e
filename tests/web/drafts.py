"""A small base to change: the lexicon and the catalogue whole, the sheet of low back pain alone."""

from __future__ import annotations

import shutil
from pathlib import Path

from pertimage.guidelines.loader import DATA

SHEET = "fiches/rachis/lombalgie-commune.yaml"


def small_base(folder: Path) -> Path:
    """Copy the base into a folder, with one sheet."""
    shutil.copytree(DATA, folder, ignore=lambda place, names: names if Path(place).parent.name == "fiches" else [])
    shutil.copy(DATA / SHEET, folder / SHEET)
    return folder


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
