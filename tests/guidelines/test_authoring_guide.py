"""The authors' guide does what it says: its sheet, its rule in twenty minutes, and each error with the message it gives."""

import re
import shutil

import pytest

from pertimage.guidelines.loader import DATA, read_base
from pertimage.web.vignettes import replay
from tests.project import ROOT

GUIDE = (ROOT / "docs" / "fiches.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
SHEET = next(block for block in BLOCKS if block.startswith("id: lombalgie-commune"))
EXAMPLES = next(block for block in BLOCKS if block.startswith("  - {texte:"))
RULE = next(block for block in BLOCKS if block.startswith("  - id: geste-envisage"))
WITH_EXAMPLES = SHEET + EXAMPLES
DONE = WITH_EXAMPLES.replace("  - id: recente\n", f"{RULE}  - id: recente\n")
TABLE = [line for line in GUIDE.split("## Erreurs fréquentes")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
MISTAKES = [[cell.strip() for cell in row.split("|")[1:4]] for row in TABLE[2:]]


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Return a function that checks a base holding one sheet: its faults, and what is wrong with its vignettes."""
    folder = tmp_path_factory.mktemp("guide") / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("fiches", "transversal"))
    sheet = folder / "fiches" / "rachis" / "lombalgie-commune.yaml"
    sheet.parent.mkdir(parents=True)

    def checked(text):
        sheet.write_text(text, encoding="utf-8")
        base, faults = read_base(folder)
        wrong = [problem for one in base.sheets.values() for result in replay(one, base) for problem in result.problems]
        return [fault.message for fault in faults], wrong

    return checked


def test_the_sheet_of_the_guide_is_right(check):
    """The sheet shown passes the check, and its vignettes are right."""
    assert check(SHEET) == ([], [])


def test_the_examples_are_wrong_before_the_rule(check):
    """Written first, the examples fail with the very words that the guide shows."""
    faults, wrong = check(WITH_EXAMPLES)
    assert faults == []
    shown = re.findall(r"^✗ (.*)$", GUIDE, re.MULTILINE)
    assert len(shown) == 2
    assert wrong[:2] == shown


def test_the_rule_of_the_guide_makes_them_right(check):
    """With the rule where the guide puts it, nothing is wrong any more."""
    assert check(DONE) == ([], [])


def wrong_sheet(written, meant):
    """Return the sheet with one mistake of the table."""
    right = re.search(r"`([^`]+)`", meant)
    mistake = re.fullmatch(r"`([^`]+)`", written)
    if mistake and right:
        start = DONE.index(right.group(1), DONE.index("- id: geste-envisage") if right.group(1) in RULE else 0)
        return DONE[:start] + mistake.group(1) + DONE[start + len(right.group(1)) :]
    if right:  # nothing was written
        return DONE.replace(RULE, RULE.replace(f"      {right.group(1)}\n", ""))
    return DONE.replace("    priorite: 3\n", "\tpriorite: 3\n")


@pytest.mark.parametrize(("written", "answer", "meant"), MISTAKES, ids=[row[0].strip("`") for row in MISTAKES])
def test_each_mistake_gives_the_message_of_the_table(check, written, answer, meant):
    """The table of common mistakes says what the check really answers."""
    assert wrong_sheet(written, meant) != DONE
    assert answer in check(wrong_sheet(written, meant))[0]


def test_the_table_of_mistakes_is_read():
    """The mistakes above are those of the guide."""
    assert len(MISTAKES) >= 15
