"""The cross-cutting tables: what is wrong in them is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pertimage.guidelines.conditions import Names
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.tables import READERS, read_tables

BASE = load_base()
ROWS = "oubli: 3 ans\ndeja_demande: 6 mois\ntechniques: [{couvert_par: [CT]}]\nintervalles:\n"
ASKED = "niveau: legal, rang: 1, question: q, fonde: connaissance"
SAFE = "lignes:\n  - {id: a, type: mri-device, gravite: info, message: m, fonde: connaissance"
AWAITED = (
    "rappel_jusqu_a_jours: 180\nattente_explication: [{{id: z, libelle: l, jours: 1, fonde: proposition}}]\n"
    "attente_compte_rendu: [{{id: a, libelle: l, fonde: proposition, jours: 3, {}}}]\n"
)
DOSES = "naturel: {msv_par_an: 2.9, fonde: connaissance}\nseuils:\n"


def faults(folder: Path, name: str, content: str) -> list[str]:
    """Return the faults of one table, read with the names of the whole base."""
    (folder / "transversal").mkdir(exist_ok=True)
    (folder / "transversal" / f"{name}.yaml").write_text(content, encoding="utf-8")
    names: Names = BASE.lexicon.names
    return [str(fault) for fault in read_tables(folder, names, BASE.catalogue, frozenset(BASE.sheets))[1]]


@pytest.mark.parametrize(
    ("table", "content", "said"),
    [
        ("redondance", ROWS + "  - {id: a, intervalle: trois mois, fonde: proposition}\n", "ligne 5 : « trois mois » n'est pas une durée : écrire par exemple « 90 jours »"),
        ("redondance", ROWS + "  - {id: a, fonde: proposition}\n", "« a » : écrire soit « intervalle: 90 jours », soit « jamais_sans_changement: oui »"),
        ("redondance", ROWS + "  - {id: a, intervalle: 2 jours, toute_region: oui, fonde: proposition}\n", "« toute_region » demande « apres »"),
        ("redondance", ROWS + "  - {id: a, fiches: [lombalgi], intervalle: 2 jours, fonde: proposition}\n", "fiche inconnu(e) « lombalgi »"),
        ("redondance", ROWS + "  - {id: a, examens: {parmi: [irm-lombaire]}, intervalle: 2 jours, fonde: proposition}\n", "examen inconnu(e) « irm-lombaire »"),
        ("redondance", ROWS + "  - {id: a, intervalle: 2 jours, fonde: avis}\n", "« avis » n'est pas permis ici"),
        ("redondance", ROWS + "  - {id: a, intervalle: 2 jours, si: {fievrre: oui}, fonde: proposition}\n", "fait inconnu « fievrre »"),
        ("redondance", ROWS + "  []\nlevees:\n  - {id: a, fonde: proposition}\n", "« a » : écrire « si » ou « compte_rendu »"),
        ("redondance", ROWS + "  []\nregions_propres: [cœur]\n", "« cœur » n'est pas un identifiant"),
        ("dose", DOSES + "  - {id: a, groupe: g, niveau: attention, dire: d, fonde: proposition}\n", "« a » : écrire soit « cumul_msv », soit « nombre »"),
        ("dose", DOSES + "  - {id: a, groupe: g, cumul_msv: 5, niveau: grave, dire: d, fonde: proposition}\n", "« grave » n'est pas permis ici"),
        ("completude", "a: {niveau: legal}\n", "question"),
        ("completude", f"a: {{{ASKED}, dit: {{faits: [grossese]}}}}\n", "fait inconnu(e) « grossese »"),
        ("completude", f"a: {{{ASKED}, dit: {{mots: ['(ouvert']}}}}\n", "motif illisible « (ouvert »"),
        ("completude", f"a: {{{ASKED}, si: {{agee: oui}}}}\n", "fait inconnu « agee »"),
        ("completude", "- a\n", "le fichier s'écrit « élément: … »"),
        ("parcours", "a: {libelle: l, delai_jours: 7, fonde: proposition}\n", "écrire « fiches » ou « regles »"),
        ("parcours", "a: {libelle: l, fiches: [lombalgi], delai_jours: 7, fonde: proposition}\n", "fiche inconnu(e) « lombalgi »"),
        ("parcours", "a: {libelle: l, fiches: [lombalgie-commune], delai_jours: 0, fonde: proposition}\n", "delai_jours"),
        ("parcours", "a: {libelle: l, fiches: [lombalgie-commune], delai_jours: 7, fonde: texte_lu}\n", "dire lequel (source)"),
        ("restitution", AWAITED.format("urgent: 1"), "urgent"),
        ("restitution", AWAITED.format("degres: [vite]"), "« vite » n'est pas permis ici"),
        ("restitution", AWAITED.format("degres: [urgent]"), "la dernière ligne doit convenir à toutes"),
        ("restitution", AWAITED.format("apres_delai_vise: oui"), "« apres_delai_vise » demande « sensible_au_delai: oui »"),
        ("restitution", AWAITED.format("ouvres: oui}, {id: b, libelle: l, jours: 2, fonde: proposition"), "« a » convient à toutes"),
        ("restitution", AWAITED.format("ouvres: oui").replace("proposition", "texte_lu"), "dire lequel (source)"),
        ("securite", f"{SAFE}}}\n  - {{id: a, type: thyroid, gravite: info, message: m, fonde: connaissance}}\n", "deux lignes s'appellent « a »"),
        ("securite", f"{SAFE}, effet: prudence}}\n", "« quand » dit la condition d'un examen proposé avec prudence"),
        ("securite", f"{SAFE}, replis: {{irm-epaule: [echo-epaule]}}}}\n", "« replis » et « a_defaut » ne valent que pour un examen écarté"),
        ("securite", f"{SAFE}, examens: irms}}\n", "groupe d'examens inconnu « irms »"),
        ("securite", f"{SAFE}, si: {{examen: {{parmi: [irm-epaule]}}}}}}\n", "les examens s'écrivent sous « examens »"),
        ("securite", SAFE.replace("message: m", 'message: "{poidss}"') + "}\n", "« {poidss} » n'est ni un paramètre ni une mesure"),
        ("securite", SAFE.replace("connaissance", "proposition") + "}\n", "son message doit dire « proposé par le projet »"),
        ("securite", SAFE.replace("connaissance", "texte_lu") + "}\n", "repose sur un texte lu : dire lequel (source)"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(tmp_path, table, content, said):
    """The message names the file, the row and what to write."""
    found = faults(tmp_path, table, content)
    assert any(said in fault and f"transversal/{table}.yaml" in fault for fault in found), found


def test_an_unknown_table_is_a_fault(tmp_path):
    """A file with a mistaken name would else be silently ignored."""
    assert any("table inconnue" in fault for fault in faults(tmp_path, "redondances", "{}"))


def test_the_tables_of_the_base_are_right():
    """They compile, and every row says what it rests on."""
    assert BASE.tables.redundancy.repeats
    assert BASE.tables.doses.values()["cumul-vigilance"] == 50
    assert BASE.tables.completeness.items
    assert BASE.tables.safety.rows
    assert {"completude", "securite", "redondance", "dose"} <= set(READERS)


def test_every_exam_has_a_technique_that_answers_it_and_an_interval():
    """No exam falls through the table: a first row about techniques, and a default."""
    table = BASE.tables.redundancy
    exams = BASE.catalogue.exams.values()
    assert [exam.id for exam in exams if table.cover(exam) is None] == []
    defaults = [row for row in table.repeats if row.id.startswith("defaut-")]
    assert [exam.id for exam in exams if not any(row.which.accepts(exam) for row in defaults)] == []


def test_a_wide_exam_shows_what_it_contains_but_not_what_needs_its_own():
    """TAP shows abdomen and kidneys, a chest CT shows no coronary arteries, a long-leg film no knee."""
    shows = BASE.tables.redundancy.shows
    assert shows("thorax-abdomen-pelvis", "voies-urinaires")
    assert shows("rachis-entier", "rachis-lombaire")
    assert not shows("thorax", "coeur")
    assert not shows("membres-inferieurs", "genou")
    assert not shows("foie", "abdomen")
