"""The national codes as shipped: every one of them names an exam of the catalogue or says why not; none is guessed."""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from pertimage.guidelines import catalogue as module
from pertimage.guidelines.catalogue import load_catalogue
from pertimage.guidelines.codes import IMPRECISE, CodedExam, CodesError, coded_sides, load_codes
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.schema import Modality

DATA = Path(module.__file__).with_name("data")
CATALOGUE = load_catalogue(DATA)
CODES = CATALOGUE.codes
LOINC = {code: coded for code, coded in CODES.exams.items() if "-" in code}
CCAM = {code: coded for code, coded in CODES.exams.items() if "-" not in code}
HEADING = "code,examens,lateralite,contraste,qualificatif,motif,usuel\n"

# Code | exams, side, contrast. One line per modality and region at least; the comment is the label of the national list.
SAMPLES = """
24627-2 | scanner-thorax                               # CT thorax
24628-0 | scanner-thorax-injecte + avec                # CT thorax avec contraste IV
24727-0 | scanner-cerebral-injecte + avec              # CT tête avec contraste IV
24587-8 | irm-cerebrale-injectee + sans-et-avec        # RM cerveau sans et avec contraste IV
24590-2 | irm-cerebrale                                # RM cerveau
28565-0 | radio-genou                                  # RX genou ; incidences
36126-1 | arthro-irm-genou G avec                      # RM genou - gauche avec contraste intraarticulaire
36368-9 | irm-bras G sans-et-avec                      # RM bras - gauche sans et avec contraste IV
37708-5 | radio-avant-bras D                           # RX radius et ulna - droits ; incidences antéropostérieures et latérales
37517-0 | radio-doigt GD                               # RX cinquième doigt - bilatéral ; incidences
37564-2 | radio-doigt G                                # RX pouce - gauche ; incidences avec stress manuel
37522-0 | radio-doigt G                                # RX deuxième doigt - gauche ; incidences
37134-4 | radio-cheville GD                            # RX cheville bilatérale ; incidences latérales et mortaise
37559-2 | radio-pied G                                 # RX pied - gauche ; incidences avec stress manuel
36849-8 | hors-perimetre sans-equivalent               # angioIRM veines du membre inférieur - gauche sans et avec contraste IV
37507-1 | hors-perimetre specialise                    # angioIRM vaisseaux du rachis lombaire sans et avec contraste IV
79077-4 | angioscanner-thoracique avec                 # CTA artères pulmonaires pour embolie pulmonaire avec contraste IV
37539-4 | mammographie                                 # MG sein ; incidences avec grille
37554-3 | mammographie GD                              # MG sein bilatéral ; incidences avec agrandissement et localisé
80871-7 | echo-pelvienne                               # échographie ovaire ; pour torsion
81572-0 | hors-perimetre specialise                    # MN glande salivaire ; incidences pour fonction avec radionucléide IV
38835-5 | scanner-rochers G avec                       # CT os temporal - gauche avec contraste IV
87899-1 | scanner-face sans                            # CT dents.mandibule sans contraste
87874-4 | scanner-thorax-injecte avec                  # CT médiastin avec contraste IV
83308-7 | scanner-cervico-thoracique sans              # CT cou et médiastin supérieur sans contraste
80499-7 | irm-corps-entier sans-et-avec                # RM corps entier sans et avec contraste IV
39865-1 | scintigraphie-cavites-cardiaques             # MN ventricule gauche ; incidences de premier passage avec radionucléide IV
69229-3 | hors-perimetre specialise                    # MN SPECT foie avec sulfocolloïde de technétium 99 IV
37569-1 | hors-perimetre specialise                    # RF vessie urinaire ; incidences avec contraste via sonde suprapubique
39449-4 | hors-perimetre imprecis                      # échographie Doppler veine d'extrémité
87152-5 | hors-perimetre geste                         # uretère ; guidage pour échange d'urétérostomie à travers un conduit iléal
89702-5 | hors-perimetre geste                         # CT épaule - bilatérale ; guidage pour injection
18746-8 | hors-perimetre endoscopie                    # étude colonoscopique
37512-1 | hors-perimetre specialise                    # angioIRM vaisseaux du rachis dorsal sans contraste
83016-6 | asp                                          # RX abdomen ; plus de 2 incidences antéropostérieures et 3/4 et cône
11525-3 | echo-obstetricale                            # échographie pour la grossesse
"""
_FRENCH_SIDES = {"left": "G", "right": "D", "bilateral": "GD", "": ""}
_SAMPLES = [re.split(r"\s*[|#]\s*", line)[:2] for line in SAMPLES.strip().splitlines()]


def small(tmp_path: Path, loinc: str, reasons: str = "geste,un geste\n") -> Path:
    """Write a base that has only codes and return its folder."""
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "motifs.csv").write_text("motif,phrase\n" + reasons, encoding="utf-8")
    (tmp_path / "codes" / "loinc.csv").write_text("# commentaire\n" + HEADING + loinc, encoding="utf-8")
    return tmp_path


def share(codes: dict[str, CodedExam]) -> float:
    """Return the share of codes that name an exam."""
    return sum(bool(coded.exams) for coded in codes.values()) / len(codes)


def modalities(coded: CodedExam) -> set[Modality]:
    """Return the techniques of the exams of a code."""
    return {CATALOGUE.exams[exam].modality for exam in coded.exams}


def test_the_two_national_tables_are_there_whole() -> None:
    """6 343 LOINC exams and 261 CCAM acts, each once."""
    assert (len(LOINC), len(CCAM)) == (6343, 261)


def test_every_code_names_an_exam_or_says_why_not() -> None:
    """No code is left without an answer, and none has both an exam and a reason to have none."""
    for code, coded in CODES.exams.items():
        assert all(exam in CATALOGUE.exams for exam in coded.exams), code
        assert bool(coded.exams) is not (coded.reason in CODES.reasons), code


def test_the_shares_mapped_are_those_announced() -> None:
    """Two LOINC codes in three and nine acts in ten name an exam; guided gestures are most of the rest (docs/fiches.md gives the table)."""
    assert share(LOINC) == pytest.approx(0.649, abs=0.002)
    assert share(CCAM) == pytest.approx(0.889, abs=0.004)
    reasons = Counter(coded.reason for coded in LOINC.values())
    assert reasons["geste"] == pytest.approx(1035, abs=10)
    assert reasons["sans-equivalent"] < 100


def test_what_a_general_practitioner_asks_for_is_mapped() -> None:
    """Without the gestures, the obsolete, the specialists' exams and the codes that name no region, 98 % of the list is mapped."""
    aside = {"geste", "obsolete", "specialise", IMPRECISE, "peroperatoire", "piece-operatoire", "post-mortem", "endoscopie", "dentaire"}
    asked = {code: coded for code, coded in LOINC.items() if coded.reason not in aside | {"therapie", "post-traitement"}}
    assert share(asked) > 0.975


def test_every_reason_has_its_french_words_and_serves() -> None:
    """A reason is read by the prescriber after « Le code transmis désigne… »."""
    assert set(CODES.reasons) == {coded.reason for coded in CODES.exams.values() if coded.reason}
    assert all(re.match(r"une? |l'", phrase) and not phrase.endswith(".") for phrase in CODES.reasons.values())


@pytest.mark.parametrize(("code", "expected"), _SAMPLES)
def test_a_code_asks_for_what_its_label_says(code: str, expected: str) -> None:
    """Modality, region, side and contrast of the national label, neither more nor less."""
    coded = CODES.exams[code]
    wanted = [word for word in expected.split() if word != "+"]
    if wanted[0] == "hors-perimetre":
        assert (coded.exams, coded.reason) == ((), wanted[1])
        return
    contrast = {True: "avec", False: "sans", None: ""}[coded.contrast]
    said = [word.removeprefix("sans-et-") for word in wanted[1:]]
    assert coded.exams == (wanted[0],)
    assert [word for word in (_FRENCH_SIDES[coded.laterality], contrast) if word] == said


@pytest.mark.parametrize("modality", [modality for modality in Modality if modality is not Modality.DENSITOMETRY])
def test_every_modality_is_covered(modality: Modality) -> None:
    """No technique of the catalogue is without codes, and exams asked for together are all of one technique."""
    assert sum(modality in modalities(coded) for coded in LOINC.values()) >= 10


def test_exams_asked_for_together_are_of_one_technique() -> None:
    """A code never crosses from a technique to another."""
    assert {code: coded.exams for code, coded in CODES.exams.items() if coded.together and len(modalities(coded)) > 1} == {}


def test_the_injected_sibling_is_chosen_by_the_contrast() -> None:
    """An exam that the catalogue has with and without injection is never taken for the other."""
    plain = {"scanner-cerebral", "scanner-thorax", "scanner-abdominal", "scanner-abdomino-pelvien"}
    for code, coded in LOINC.items():
        for exam in coded.exams:
            if exam in plain:
                assert not coded.contrast, code
            if exam.endswith(("-injecte", "-injectee")) and coded.contrast is False:
                pytest.fail(f"{code}: {exam} without contrast")


def test_a_side_is_kept_and_only_where_there_is_one() -> None:
    """Sixteen hundred codes say a side; the lateral exams of the others leave it to be asked."""
    sides = Counter(coded.laterality for coded in LOINC.values() if coded.exams)
    assert sides["left"] > 450
    assert sides["right"] > 450
    assert sides["bilateral"] > 350
    assert coded_sides()["36126-1"] == "left"
    assert coded_sides()["NFQK002"] == "bilateral"
    assert "28565-0" not in coded_sides()


def test_acts_follow_the_catalogue() -> None:
    """codes/ccam.csv and the acts written in examens.yaml say the same: run tools/national_codes.py after adding an exam."""
    for exam in CATALOGUE.exams.values():
        for act in exam.ccam:
            assert exam.id in CCAM[act].exams, (act, exam.id)


def test_loinc_codes_are_written_in_one_place() -> None:
    """examens.yaml holds no LOINC code: the usual ones come from the file of codes."""
    assert "loinc:" not in (DATA / "examens.yaml").read_text(encoding="utf-8")
    assert CATALOGUE.exams["irm-genou"].loinc == list(CODES.usual["irm-genou"]) != []


def test_the_usual_code_of_an_exam_says_that_exam_alone() -> None:
    """A corrected order must not carry a side or a precision that nobody asked for."""
    for exam, codes in CODES.usual.items():
        for code in codes:
            assert CODES.exams[code].exams == (exam,)
            assert CODES.exams[code].laterality == "" or exam == "tomosynthese-sein"


def test_the_files_say_what_they_hold_and_whose_it_is() -> None:
    """Name of the list, publisher and licence stand at the head of each file."""
    loinc, ccam = ((DATA / "codes" / name).read_text(encoding="utf-8").splitlines() for name in ("loinc.csv", "ccam.csv"))
    assert "JDV_CodesDocumentImagerie_CISIS" in loinc[0]
    assert "Regenstrief" in loinc[1]
    assert "CCAM" in ccam[0]


def test_rows_are_in_order_and_unique() -> None:
    """A review reads the difference line by line: the order never changes."""
    for name in ("loinc.csv", "ccam.csv"):
        with (DATA / "codes" / name).open(encoding="utf-8", newline="") as lines:
            codes = [line[0] for line in csv.reader(lines) if not line[0].startswith("#")][1:]
        assert codes == sorted(set(codes), key=lambda code: (int(code.partition("-")[0]) if "-" in code else 0, code))


def test_the_codes_load_fast() -> None:
    """Seven thousand lines cost a few hundredths of a second: the base is read at every start."""
    known = set(CATALOGUE.exams)
    started = time.perf_counter()
    load_codes(DATA, known)
    assert time.perf_counter() - started < 0.2


def test_the_base_version_follows_the_codes() -> None:
    """A code that changes its exam changes what is judged: the version says so."""
    assert load_base().catalogue.codes == CODES


@pytest.mark.parametrize(
    "line",
    [
        "1-8,radio-inconnue,,,,,", "1-8,hors-perimetre,,,,inconnu,", "1-8,radio-genou,nord,,,,", "1-8,radio-genou,,peut-etre,,,",
        "1-8,radio-genou,,,,geste,", "1-8,radio-genou,,,,,\n1-8,radio-genou,,,,,",
    ],
)  # fmt: skip
def test_a_line_that_leads_nowhere_is_refused(tmp_path: Path, line: str) -> None:
    """Unknown exam, reason, side or contrast, an exam with a reason, a code written twice: the file and the line are named."""
    with pytest.raises(CodesError, match=r"codes/loinc\.csv, ligne [34]"):
        load_codes(small(tmp_path, line + "\n"), {"radio-genou"})


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    """A spreadsheet that moved a column must not shift every code."""
    with pytest.raises(CodesError, match="colonnes attendues"):
        load_codes(small(tmp_path, "1-8,radio-genou\n"), {"radio-genou"})


def test_a_base_without_codes_is_a_base(tmp_path: Path) -> None:
    """The folder of codes is optional."""
    assert load_codes(tmp_path, set()).exams == {}


def test_a_line_is_read_whole(tmp_path: Path) -> None:
    """What the line says is what the value holds."""
    read = load_codes(
        small(tmp_path, "1-8,radio-genou+radio-hanche,gauche,sans-et-avec,au-lit,,\n2-6,hors-perimetre,,,,geste,\n"),
        {"radio-genou", "radio-hanche"},
    )
    assert read.exams["1-8"] == CodedExam(("radio-genou", "radio-hanche"), True, "left", True, "au-lit")
    assert read.exams["2-6"].reason == "geste"
    assert read.reasons == {"geste": "un geste"}
