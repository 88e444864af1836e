"""Words that stand for one another: a term written once is heard in all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.cds.text.reading import read
from pertimage.guidelines.loader import read_base
from tests.guidelines.small_base import FACTS as SMALL
from tests.guidelines.small_base import write_base

CLASSES = """\
genou: {mots: [genou, articulation fémoro-tibiale]}
douleur: {mots: [douleur, algie], aussi: [mal, fait mal]}
blocage: {mots: [blocage, coincé]}
"""
FACTS = """\
gonalgie: {libelle: douleur du genou, termes: [douleur genou, "=GONALGIE genou"]}
fievre: {libelle: fièvre, termes: [fièvre], termes_absent: [genou sans douleur]}
epanchement: {libelle: épanchement, termes: [épanchement]}
arthrite-septique: {libelle: arthrite septique, termes: [mal toléré], si: [{fievre: oui, epanchement: oui}]}
blocage: {libelle: blocage, question: Le genou se bloque-t-il ?, termes: [blocage]}
temperature: {libelle: température, type: nombre, unite: °C, bornes: {min: 34, max: 43}, avant: [température]}
"""


def base_of(folder: Path, facts: str = FACTS, classes: str = CLASSES) -> Path:
    """Write the small base with classes of words; return its folder."""
    write_base(folder, facts=facts)
    (folder / "mots-equivalents.yaml").write_text(classes, encoding="utf-8")
    return folder


def heard(folder: Path, text: str) -> set[str]:
    """Return the facts that a text states, with the small base and its classes."""
    base, _ = read_base(base_of(folder))
    assert base is not None
    return {fact for fact, true in read(ImagingRequest("r", texts=(TextPart("note", text),)), base.lexicon).truth.items() if true}


@pytest.mark.parametrize("text", ["douleur du genou", "algie de l'articulation fémoro-tibiale", "ça fait mal au genou", "mal au genou D"])
def test_a_term_is_heard_in_its_equivalents(tmp_path: Path, text: str) -> None:
    """Each word of a term may be said by another of its class, in one word or several."""
    assert "gonalgie" in heard(tmp_path, text)


def test_a_lone_word_has_no_equivalent(tmp_path: Path) -> None:
    """A term of one word is not widened: alone, its equivalents say too little."""
    assert "blocage" not in heard(tmp_path, "coincé dans les bouchons")


def test_an_ambiguous_word_widens_no_term(tmp_path: Path) -> None:
    """« Mal toléré » stays what it says: « mal » is read as a pain only where a term speaks of pain."""
    assert "arthrite-septique" not in heard(tmp_path, "douleur tolérée")


def test_a_denial_is_heard_as_it_is_written(tmp_path: Path) -> None:
    """Words that state absence are not widened: a neighbouring word could affirm."""
    assert heard(tmp_path, "fièvre, genou sans algie") == {"fievre"}


def test_evidence_covers_the_words_said(tmp_path: Path) -> None:
    """What is shown to the reader is what the text says, to the last word of the equivalent."""
    base, _ = read_base(base_of(tmp_path))
    assert base is not None
    found = read(
        ImagingRequest("r", texts=(TextPart("note", "fièvre. mal à l'articulation fémoro-tibiale depuis hier"),)), base.lexicon
    ).found
    assert [fact.evidence for fact in found if fact.fact == "gonalgie"] == ["mal à l'articulation fémoro-tibiale"]


@pytest.mark.parametrize("broken", ["genou: [genou]", "genou: {mot: [genou]}", "genou: {mots: [3]}", "genou: {}"])
def test_a_class_badly_written_is_named_with_its_line(tmp_path: Path, broken: str) -> None:
    """The error names the file, the line and how to write it."""
    _, faults = read_base(base_of(tmp_path, SMALL, f"douleur: {{mots: [douleur]}}\n{broken}\n"))
    assert any(fault.file == "mots-equivalents.yaml" and fault.line == 2 and "{mots: [" in fault.message for fault in faults)
