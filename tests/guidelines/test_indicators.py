"""The sheets of indicators: what ships is whole, and each fault is named with its file, its line and the key."""

from __future__ import annotations

import pytest

from pertimage.guidelines.indicator_forms import POPULATIONS, Measure, Population
from pertimage.guidelines.indicators import FOLDER, CcamTest, load_indicators, read_indicators
from pertimage.guidelines.loader import load_base

GOOD = """essai:
  titre: Essai
  theme: volumes
  question: Combien ?
  population: examens
  mesure: nombre
  numerateur: {dit: Examens, filtre: {techniques: [CT]}}
  unite: examens
  periode: mois
  periode_de_reference: annee_precedente
  cible: {face_a_la_reference: au_dessous}
  sens: baisse
  ventilations: [site]
  donnees: Activité.
  fonde: proposition
  limites: Rien.
"""


def read(folder, text):
    """Return what a file of sheets gives, and its faults as text."""
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / "essai.yaml").write_text(text, encoding="utf-8")
    found, faults = read_indicators(folder, load_base().catalogue)
    return found, [str(fault) for fault in faults]


def test_a_good_sheet_is_read(tmp_path):
    """Its words become tests of code, its target a comparison."""
    found, faults = read(tmp_path, GOOD)
    assert faults == []
    one = found["essai"]
    assert (one.measure, one.numerator[0].name, one.numerator[0].values, one.target.compared) == (
        Measure.COUNT,
        "modality",
        ("CT",),
        "au_dessous",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("theme: volumes", "theme: autre", "« autre » n'est pas permis ici"),
        ("mesure: nombre", "mesure: moyenne", "« moyenne » n'est pas permis ici"),
        ("mesure: nombre", "mesure: mediane", "demande un « delai »"),
        ("mesure: nombre", "mesure: part", "« denominateur » s'écrit avec « part »"),
        ("techniques: [CT]", "examens: [scanner-inconnu]", "examen inconnu(e) « scanner-inconnu »"),
        ("techniques: [CT]", "ccam: [ZZZZ999]", "code CCAM inconnu du catalogue « ZZZZ999 »"),
        ("techniques: [CT]", "signalee: oui", "« signalee » ne vaut pas pour « examens »"),
        ("[site]", "[site, motif]", "ne se répartit pas par « motif »"),
        ("face_a_la_reference: au_dessous", "progression_pourcent: {2025: 3}", "demande « periode: annee »"),
        ("face_a_la_reference: au_dessous", "face_a_la_reference: stable", "tolerance_pourcent"),
        ("face_a_la_reference: au_dessous", "valeur: 3, face_a_la_reference: au_dessous", "et une seule"),
        ("sens: baisse", "sens: informatif", "n'a pas de cible"),
        ("fonde: proposition", "fonde: texte_lu", "dire lequel (source)"),
        ("limites: Rien.", "limites: Rien.\n  lire_avec: [absent]", "indicateur inconnu « absent »"),
        ("limites: Rien.", "limites: Rien.\n  calcul: 1/0", "calcul"),
    ],
)
def test_each_fault_names_its_place(tmp_path, old, new, said):
    """Nothing is read, and the message says where: file, line, key."""
    found, faults = read(tmp_path, GOOD.replace(old, new))
    assert not found
    assert any(said in fault and "essai.yaml" in fault for fault in faults), faults
    assert all("ligne" in fault for fault in faults)


def test_what_ships_is_read_and_covers_every_population_and_measure():
    """No fault; each thing that can be counted is, each measure serves; nothing claims a text that is not named."""
    found = load_indicators()
    assert {one.population for one in found.values()} == set(Population)
    assert {one.measure for one in found.values()} == {measure for words in POPULATIONS.values() for measure in words.measures} - {
        Measure.SHARE_WITHIN
    }
    assert all(one.form.source for one in found.values() if one.form.basis == "texte_lu")


def test_the_regional_example_is_the_signed_form():
    """Three acts of mammography with +3 % in 2025 then +5 % a year, and breast ultrasound above the year before; by site."""
    found = load_indicators()
    mammography, ultrasound = found["regional-mammographies"], found["regional-echographies-mammaires"]
    (test,) = mammography.numerator
    assert isinstance(test, CcamTest)
    assert test.codes == ("QEQK001", "QEQK004", "QEQK005")
    assert [mammography.target.growth_in(year) for year in (2024, 2025, 2026, 2031)] == [None, 3, 5, 5]
    assert (ultrasound.numerator[0].codes, ultrasound.target.compared) == (("QEQM001",), "au_dessus")
    assert all("site" in one.splits and one.form.example for one in (mammography, ultrasound))
