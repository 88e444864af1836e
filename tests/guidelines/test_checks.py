"""What an author is refused, or warned of: each fault names its file, its line and what to write instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pertimage.guidelines.checks import READ_BY_THE_ENGINE, checked, untried
from pertimage.guidelines.loader import read_written
from pertimage.guidelines.source import Fault
from pertimage.web.vignettes import replay
from tests.guidelines.small_base import CUES, FACTS, SHEET, line_of, write_base
from tests.project import project_files, read_text

AWAITING = Path(__file__).with_name("awaiting_vignettes.txt")
SHEET_FILE, FACTS_FILE = "fiches/membres/genou.yaml", "lexique/membres.yaml"


def found(folder: Path) -> list[Fault]:
    """Return what is said of a base that loads."""
    written = read_written(folder)
    assert [str(fault) for fault in written.faults] == []
    return checked(written)


def only(folder: Path) -> Fault:
    """Return the one thing said of a base."""
    (fault,) = found(folder)
    return fault


def rule(name: str, condition: str, positions: str = "radio-genou: indique, irm-genou: non_indique") -> str:
    """Return a rule as an author writes it."""
    return f"  - {{id: {name}, si: {condition}, positions: {{{positions}}}, pourquoi: Essai., source: has}}\n"


def with_rule(text: str, before: str = "reste") -> str:
    """Return the sheet with one more rule before one of its own (« vignettes »: after them all)."""
    anchor = "vignettes:\n" if before == "vignettes" else f"  - id: {before}\n"
    return SHEET.replace(anchor, text + anchor)


def test_nothing_is_said_of_a_sound_base(tmp_path: Path) -> None:
    """The little base on which the tests below lean is right."""
    assert found(write_base(tmp_path)) == []


def test_a_rule_after_always_is_refused(tmp_path: Path) -> None:
    """« si: toujours » leaves nothing to the rules that follow."""
    sheet = with_rule(rule("tardive", "{epanchement: oui}"), "vignettes")
    fault = only(write_base(tmp_path, sheet=sheet))
    assert (fault.file, fault.line, fault.level) == (SHEET_FILE, line_of(sheet, "id: tardive"), "erreur")
    assert (
        f"la règle « tardive » ne conclut jamais : quand sa condition est vraie, la règle « reste » (ligne {line_of(sheet, 'id: reste')})"
        in fault.message
    )
    assert "la placer avant, changer sa condition ou la retirer" in fault.message


@pytest.mark.parametrize(
    "condition",
    [
        "{blocage: oui, epanchement: oui}",  # asks for more than « bloquee »
        "{duree: {moins_de: 3 semaines}, blocage: non}",  # an interval within another
        "{fievre: oui, epanchement: oui}",  # what raises the flag
        "[{blocage: oui, fievre: oui}, {arthrite-septique: oui}]",  # each way taken by another rule
    ],
)
def test_a_rule_that_earlier_ones_leave_nothing_is_refused(tmp_path: Path, condition: str) -> None:
    """A condition that implies an earlier one never concludes, whether by a fact, an interval, a red flag or a deduction."""
    fault = only(write_base(tmp_path, sheet=with_rule(rule("vaine", condition))))
    assert "« vaine » ne conclut jamais" in fault.message


@pytest.mark.parametrize(
    "condition",
    [
        "{blocage: non}",  # without duration
        "{blocage: inconnu}",
        "{duree: {moins_de: 8 semaines}, blocage: non}",  # wider
        "{duree: {au_plus: 6 semaines}, blocage: non}",  # six weeks sharp
        "{duree: {moins_de: 3 semaines}}",  # « blocage » may be unknown
        "{fievre: oui}",
        "{epanchement: oui, fievre: non}",
        "{drapeau_rouge: imagerie}",
        "[{blocage: oui, fievre: oui}, {epanchement: oui}]",  # one way is its own
        "{examen: {parmi: [irm-genou]}}",
        "{sexe: femme}",
    ],
)
def test_a_rule_that_may_conclude_raises_no_alarm(tmp_path: Path, condition: str) -> None:
    """What an earlier rule does not surely take is left alone."""
    assert found(write_base(tmp_path, sheet=with_rule(rule("utile", condition)))) == []


def test_a_rule_that_makes_the_sheet_ask_raises_no_alarm(tmp_path: Path) -> None:
    """A fact asked and not said raises no flag: the rule that names it after the flag's is what asks for it."""
    sheet = with_rule(rule("demande", "{arthrite-septique: oui}")).replace("questions: {", "questions: {arthrite-septique: null, ")
    assert found(write_base(tmp_path, sheet=sheet)) == []


def test_the_same_condition_with_other_positions_is_a_contradiction(tmp_path: Path) -> None:
    """Two rules that hold together and answer differently are named with the exam they disagree on."""
    sheet = with_rule(rule("inverse", "{blocage: oui}", "radio-genou: non_indique, irm-genou: indique"))
    fault = only(write_base(tmp_path, sheet=sheet))
    assert fault.line == line_of(sheet, "id: inverse")
    assert f"la règle « inverse » contredit « bloquee » (ligne {line_of(sheet, 'id: bloquee')})" in fault.message
    assert "positions différentes pour radio-genou" in fault.message


def test_the_same_rule_twice_is_refused(tmp_path: Path) -> None:
    """A rule that repeats an earlier one is named as such."""
    sheet = with_rule(rule("urgence-bis", "{arthrite-septique: oui}"))
    assert "la règle « urgence-bis » répète « urgence »" in only(write_base(tmp_path, sheet=sheet)).message


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("{duree: {au_moins: 6 mois, moins_de: 3 mois}}", "aucune valeur de « duree » ne convient"),
        ("{temperature: {au_moins: 45 °C}}", "au plus 43"),
        ("{age: {moins_de: 15}}", "au moins 18"),
        ("{fievre: oui, epanchement: oui, arthrite-septique: non}", "« arthrite-septique » se déduit de"),
        ("{drapeau_rouge: non, fievre: oui}", "« drapeau_rouge: non » exclut « fievre »"),
        ("{duree: {moins_de: 3 mois}, examen: {parmi: [irm-genou]}, temperature: inconnu, arthrite-septique: inconnu, fievre: oui, epanchement: oui}", "se déduit"),
    ],
)  # fmt: skip
def test_a_condition_that_nothing_can_meet_is_a_contradiction(tmp_path: Path, condition: str, reason: str) -> None:
    """An empty interval, a value out of bounds, an age out of the sheet, a fact wanted and excluded: refused with the reason."""
    sheet = with_rule(rule("absurde", condition), "recente")
    fault = only(write_base(tmp_path, sheet=sheet))
    assert fault.line == line_of(sheet, "id: absurde")
    assert "la condition de la règle « absurde » ne peut jamais être vraie" in fault.message
    assert reason in fault.message


def test_a_fact_that_the_triggers_want_and_the_rule_denies_is_a_contradiction(tmp_path: Path) -> None:
    """A sheet opened only by a fact cannot have a rule for its absence."""
    sheet = with_rule(rule("absurde", "{epanchement: non}"), "recente").replace(
        "faits: [gonalgie],", "faits: [gonalgie], si: {epanchement: oui},"
    )
    message = only(write_base(tmp_path, sheet=sheet)).message
    assert "la règle veut « epanchement: non », mais les déclencheurs veulent « epanchement: oui »" in message


def test_a_rule_for_the_other_sex_is_a_contradiction(tmp_path: Path) -> None:
    """A sheet for women has no rule for men."""
    sheet = with_rule(rule("absurde", "{sexe: homme}"), "recente").replace("faits: [gonalgie],", "faits: [gonalgie], sexe: femme,")
    assert "elle veut un autre sexe que celui de la fiche" in only(write_base(tmp_path, sheet=sheet)).message


def test_a_flag_level_that_the_sheet_lacks_is_a_contradiction(tmp_path: Path) -> None:
    """A rule on imaging flags needs one."""
    sheet = with_rule(rule("absurde", "{drapeau_rouge: imagerie}")).replace("  imagerie: [fievre]\n", "")
    assert "la fiche n'a aucun drapeau rouge « imagerie »" in only(write_base(tmp_path, sheet=sheet)).message


def test_one_impossible_way_of_several_is_named_at_its_line(tmp_path: Path) -> None:
    """Of « l'une suffit », only the one that cannot hold is refused."""
    ways = "\n      - {fievre: oui}\n      - {arthrite-septique: non, fievre: oui, epanchement: oui}\n"
    text = f"  - id: deux\n    si:{ways}    positions: {{radio-genou: indique, irm-genou: non_indique}}\n    pourquoi: Essai.\n    source: has\n"
    sheet = with_rule(text)
    assert only(write_base(tmp_path, sheet=sheet)).line == line_of(sheet, "{arthrite-septique: non")


def test_a_red_flag_that_nothing_raises_is_refused(tmp_path: Path) -> None:
    """A flag whose condition contradicts itself protects nobody."""
    flag = "{id: sepsis, libelle: sepsis, si: {arthrite-septique: non, fievre: oui, epanchement: oui}}"
    sheet = SHEET.replace("imagerie: [fievre]", f"imagerie: [fievre, {flag}]")
    fault = only(write_base(tmp_path, sheet=sheet))
    assert fault.line == line_of(sheet, "imagerie: [fievre")
    assert "le drapeau rouge « sepsis » ne peut jamais être levé" in fault.message


def test_a_position_that_never_opens_is_a_warning(tmp_path: Path) -> None:
    """A position held to what its own rule excludes always says no: its author should say so."""
    sheet = SHEET.replace(
        "{position: cas_particuliers, si: {epanchement: oui}, quand: épanchement}", "{position: cas_particuliers, si: {blocage: non}}"
    )
    fault = only(write_base(tmp_path, sheet=sheet))
    assert (fault.level, fault.line) == ("avertissement", line_of(sheet, "si: {blocage: non}"))
    assert "la condition de « irm-genou » ne peut jamais être vraie dans la règle « bloquee »" in fault.message


def test_a_position_may_differ_from_the_common_one(tmp_path: Path) -> None:
    """« positions_communes » holds where a rule says nothing else: a rule that says more is no contradiction."""
    sheet = SHEET.replace("regles:\n", "positions_communes: {irm-genou: non_indique}\nregles:\n").replace(
        "pourquoi: Un blocage", "priorite: 2\n    pourquoi: Un blocage"
    )
    assert (
        found(
            write_base(
                tmp_path,
                sheet=sheet.replace("{radio-genou: non_indique, irm-genou: non_indique}", "{radio-genou: non_indique, irm-genou: indique}"),
            )
        )
        == []
    )


def test_a_rule_without_vignette_is_refused(tmp_path: Path) -> None:
    """The rules that the vignettes conclude are compared with those of the sheet."""
    written = read_written(write_base(tmp_path))
    (fault,) = untried(written, {"genou": {"urgence", "recente", "reste"}})
    assert (fault.file, fault.line) == (SHEET_FILE, line_of(SHEET, "id: bloquee"))
    assert "aucune vignette ne fait conclure la règle « bloquee » : en ajouter une" in fault.message


def test_a_source_without_date_is_refused(tmp_path: Path) -> None:
    """A source says its year, or the day it was read."""
    sheet = SHEET.replace(", annee: 2020", "")
    fault = only(write_base(tmp_path / "a", sheet=sheet))
    assert (fault.line, fault.level) == (line_of(SHEET, "has: {organisme"), "erreur")
    assert "source « has » sans date : écrire « annee: … »" in fault.message
    assert found(write_base(tmp_path / "b", sheet=SHEET.replace("annee: 2020", "consultee_le: 2026-11-22"))) == []


def test_the_same_request_with_two_answers_is_refused(tmp_path: Path) -> None:
    """Two vignettes that differ only by case and expect different answers cannot both be right."""
    twin = '  - {texte: "Gonalgie, blocage depuis 3 mois", age: 40, examen: RADIO GENOU, attendu: {avis: not-indicated}}\n'
    sheet = SHEET + twin
    fault = only(write_base(tmp_path, sheet=sheet))
    assert fault.line == len(sheet.splitlines())
    assert f"{SHEET_FILE}, ligne {line_of(SHEET, 'blocage depuis 3 mois')}" in fault.message


def test_the_same_words_of_another_patient_are_no_contradiction(tmp_path: Path) -> None:
    """Age, sex, exam distinguish two requests; a list of outcomes that holds the other one agrees with it."""
    twins = "".join(
        f'  - {{texte: "gonalgie, blocage depuis 3 mois", {rest}}}\n'
        for rest in (
            "age: 70, examen: radio genou, attendu: {avis: not-indicated}",
            "age: 40, examen: IRM genou, attendu: {avis: not-indicated}",
            "age: 40, examen: radio genou, attendu: {avis: [appropriate, alternative]}",
        )
    )
    assert found(write_base(tmp_path, sheet=SHEET + twins)) == []


def test_sheets_that_make_way_for_one_another_are_refused(tmp_path: Path) -> None:
    """« precise » in a ring would leave no sheet to answer."""
    other = SHEET.replace("id: genou", "id: menisque\nprecise: [genou]", 1).replace("gonalgie", "douleur du genou", 0)
    fault = next(
        f
        for f in found(write_base(tmp_path, sheet=SHEET.replace("titre:", "precise: [menisque]\ntitre:", 1), others={"menisque": other}))
        if "rond" in f.message
    )
    assert fault.level == "erreur"
    assert "genou → menisque → genou" in fault.message


def test_facts_deduced_in_a_ring_through_a_denial_are_refused(tmp_path: Path) -> None:
    """Where a denial closes the ring, the order of deduction would decide."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", "termes: [blocage], si: [{gonalgie: oui, epanchement: non}]").replace(
        "termes: [épanchement, gros genou]", "termes: [épanchement, gros genou], si: [{blocage: oui}]"
    )
    fault = only(write_base(tmp_path, facts=facts))
    assert (fault.file, fault.line, fault.level) == (FACTS_FILE, line_of(facts, "epanchement:"), "erreur")
    assert "faits déduits en rond : epanchement ← blocage ← epanchement" in fault.message


def test_a_ring_that_no_request_goes_round_raises_no_alarm(tmp_path: Path) -> None:
    """Deductions that exclude one another (men, women) never meet."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", "termes: [blocage], si: [{epanchement: non, sexe: homme}]").replace(
        "termes: [épanchement, gros genou]", "termes: [épanchement, gros genou], si: [{blocage: oui, sexe: femme}]"
    )
    assert found(write_base(tmp_path, facts=facts)) == []


def test_a_deduction_that_nothing_can_meet_is_refused(tmp_path: Path) -> None:
    """A fact deduced from an empty interval is never deduced."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", "termes: [blocage], si: [{temperature: {plus_de: 39, moins_de: 38}}]")
    fault = only(write_base(tmp_path, facts=facts))
    assert fault.line == line_of(facts, "blocage:")
    assert "cette condition de « blocage » ne peut jamais être vraie" in fault.message


def test_a_fact_that_serves_nothing_is_a_warning(tmp_path: Path) -> None:
    """Neither a sheet nor another fact names it."""
    facts = FACTS + "rotule: {libelle: rotule, termes: [rotule]}\n"
    fault = only(write_base(tmp_path, facts=facts))
    assert (fault.level, fault.line) == ("avertissement", line_of(facts, "rotule:"))
    assert "le fait « rotule » ne sert à aucune fiche" in fault.message


def test_the_facts_read_by_the_engine_are_named_in_its_code() -> None:
    """The list of facts that need no sheet holds none that the code has forgotten."""
    code = "".join(read_text(name) or "" for name in project_files() if name.startswith(("cds/", "fhir/")) and name.endswith(".py"))
    assert [fact for fact in READ_BY_THE_ENGINE if f'"{fact}"' not in code] == []


def test_a_word_that_says_a_sign_and_its_absence_is_refused(tmp_path: Path) -> None:
    """« fièvre - » is read as « fièvre »: it would state and deny the sign at once."""
    facts = FACTS.replace("termes_absent: [apyrétique]", 'termes_absent: [apyrétique, "fièvre -"]')
    faults = found(write_base(tmp_path, facts=facts))
    assert [fault.level for fault in faults] == ["erreur", "avertissement"]
    assert faults[0].line == line_of(facts, "fièvre -")
    assert "« fièvre - » (termes_absent) se lit comme « fièvre » (termes)" in faults[0].message


_JOURS = "".join(f"f{n}: {{libelle: f{n}, termes: [jour {n}z, rein {n}z], si: [{{gonalgie: oui}}]}}\n" for n in ("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("term", "read", "lost"),
    [
        ("de jour", "jour", "« de »"),
        ("inhalation d'un", "inhalation", "« un »"),
        ("bHCG -", "bHCG", "« - »"),
        ("douleur lombaire D", "douleur lombaire", "« D »"),
    ],
)
def test_a_term_that_shrinks_is_a_warning(tmp_path: Path, term: str, read: str, lost: str) -> None:
    """Small words, marks and letters that carry the meaning are not read: the author learns what is recognised."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", f'termes: [blocage, "{term}"]') + _JOURS
    fault = next(fault for fault in found(write_base(tmp_path, facts=facts)) if "est reconnu comme" in fault.message)
    assert (fault.file, fault.line, fault.level) == (FACTS_FILE, line_of(facts, "blocage:"), "avertissement")
    assert f"« {term} » est reconnu comme « {read} » : {lost} " in fault.message


@pytest.mark.parametrize(
    "term",
    ["la rotule", "en éternuant", "douleur de la rotule", "tiroir antéro-externe", "t. crânien", "ce jour", "ACR4a", "a cédé", "l'appui"],
)
def test_a_term_that_loses_nothing_raises_no_alarm(tmp_path: Path, term: str) -> None:
    """Articles, and small words beside a word that says enough, may go."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", f'termes: [blocage, "{term}"]')
    assert found(write_base(tmp_path, facts=facts)) == []


def test_a_term_never_found_in_its_own_words_is_a_warning(tmp_path: Path) -> None:
    """An exact term whose small words are compared by case alone is never met."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", 'termes: [blocage, "=LS A"]')
    assert any("« =LS A » n'est pas reconnu quand on l'écrit ainsi" in fault.message for fault in found(write_base(tmp_path, facts=facts)))


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("épanchement guéri", "fait taire l'indice « guéri » (passe-apres) : « épanchement » y est lu comme présent"),
        ("fièvre à confirmer", "fait taire l'indice « à confirmer » (hypothese-apres) : « fièvre » y est lu comme présent"),
        ("fièvre familiale", "fait taire l'indice « familiale » (famille)"),
        ("guérie", "est aussi un indice du contexte (passe-apres)"),
    ],
)
def test_a_term_that_hides_a_cue_is_a_warning(tmp_path: Path, term: str, words: str) -> None:
    """A cue inside a term qualifies nothing any more: the other fact named there would be read as present today."""
    facts = FACTS.replace("termes: [blocage, genou bloqué]", f"termes: [blocage, {term}]")
    fault = only(write_base(tmp_path, facts=facts))
    assert (fault.level, fault.line) == ("avertissement", line_of(facts, "blocage:"))
    assert words in fault.message


def test_a_cue_that_shrinks_is_a_warning(tmp_path: Path) -> None:
    """The words of the context are checked too, at their line."""
    cues = CUES.replace("rupture: [mais]", "rupture: [mais, de jour]")
    fault = next(fault for fault in found(write_base(tmp_path, facts=FACTS + _JOURS, cues=cues)) if fault.file == "indices.yaml")
    assert fault.line == line_of(cues, "de jour")


def test_an_acronym_of_two_diagnoses_is_a_warning(tmp_path: Path) -> None:
    """« PM » cannot be two things that no deduction links."""
    facts = FACTS + "stimulateur: {libelle: stimulateur, termes: [PM], cim10: [Z95.0], si: [{fievre: oui}]}\n"
    facts += "marche: {libelle: périmètre de marche, termes: [PM], cim10: [I70], si: [{fievre: oui}]}\n"
    shared = [fault for fault in found(write_base(tmp_path, facts=facts)) if "à la fois" in fault.message]
    assert [(fault.level, fault.line) for fault in shared] == [("avertissement", line_of(facts, "marche:"))]
    assert "« PM » dit à la fois « marche » et « stimulateur »" in shared[0].message


def check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run « guidelines check » on a folder, in a process of its own."""
    command = [sys.executable, "-m", "pertimage.web", "guidelines", "check", "--dossier", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_refuses_errors_and_prints_warnings(tmp_path: Path) -> None:
    """A warning alone is printed and passes, unless « --strict »; an error is refused."""
    facts = FACTS + "rotule: {libelle: rotule, termes: [rotule]}\n"
    warned = write_base(tmp_path / "a", facts=facts)
    done = check(warned)
    assert (done.returncode, "0 erreur, 1 avertissement ;" in done.stdout) == (0, True)
    assert f"avertissement : {FACTS_FILE}, ligne {line_of(facts, 'rotule')} :" in done.stderr
    assert check(warned, "--strict").returncode == 1
    refused = check(write_base(tmp_path / "b", sheet=SHEET.replace(", annee: 2020", "")))
    assert refused.returncode == 1
    assert f"erreur : {SHEET_FILE}, ligne {line_of(SHEET, 'has: {organisme')} : source « has » sans date" in refused.stderr


def test_no_fault_is_shipped() -> None:
    """The base holds no error: neither a rule that never concludes, nor a contradiction, nor a source without date."""
    written = read_written()
    assert [str(fault) for fault in (*written.faults, *checked(written)) if not fault.warning] == []


def test_the_rules_shipped_without_vignette_are_those_listed() -> None:
    """Every rule is shown by a vignette of its sheet, but those of a list that can only shrink."""
    base = read_written().base
    assert base is not None
    missing = set()
    for sheet in base.sheets.values():
        shown = {rule for result in replay(sheet, base) for rule in result.shown}
        missing |= {f"{sheet.chapter}/{sheet.id}/{rule.id}" for rule in sheet.rules if rule.id not in shown}
    listed = {line for line in AWAITING.read_text(encoding="utf-8").splitlines() if not line.startswith("#")}
    assert sorted(missing) == sorted(listed)


def test_the_command_names_the_rules_that_no_vignette_shows(tmp_path: Path) -> None:
    """The vignettes are replayed: a rule that none of them concludes is an error at its line."""
    sheet = SHEET.replace('"gonalgie, blocage depuis 3 mois"', '"gonalgie depuis 3 mois, pas de blocage, marche"').replace(
        "regle: bloquee", "regle: reste"
    )
    done = check(write_base(tmp_path, sheet=sheet))
    assert done.returncode == 1
    assert (
        f"erreur : {SHEET_FILE}, ligne {line_of(sheet, 'id: bloquee')} : aucune vignette ne fait conclure la règle « bloquee »"
        in done.stderr
    )
