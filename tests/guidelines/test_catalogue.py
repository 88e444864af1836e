"""The catalogue as shipped, and what its reader refuses."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pertimage.guidelines import catalogue as module
from pertimage.guidelines.catalogue import Catalogue, CatalogueError, load_catalogue

DATA = Path(module.__file__).with_name("data")
CATALOGUE = load_catalogue(DATA)
EXAMS = tuple(CATALOGUE.exams.values())
CLASS_BOUNDS = {"0": (0, 0), "I": (0, 1), "II": (1, 5), "III": (5, 10), "IV": (10, 100)}
# Irradiating exams for which no typical dose is known: nothing is shown rather than a guess.
DOSE_UNKNOWN = frozenset(
    """
    radio-os-propres-du-nez radio-cavum radio-cou radio-rachis-lombaire-dynamique radio-sacro-iliaques radio-sacrum-coccyx
    radio-clavicule radio-squelette radio-sternum transit-grele galactographie scanner-orbites scanner-cervico-thoracique
    scanner-rachis-dorsal scanner-rachis-entier scanner-sacro-iliaques scanner-bassin arthroscanner-genou arthroscanner-hanche
    arthroscanner-cheville arthroscanner-coude arthroscanner-poignet scanner-abdominal scanner-abdominal-injecte scanner-pelvien
    scanner-pancreas enteroscanner angioscanner-abdomino-pelvien tep-cerebrale radio-orbites radio-atm defecographie arthrographie-epaule arthrographie-hanche
    arthrographie-genou angioscanner-membres-superieurs scintigraphie-cavites-cardiaques scintigraphie-cerebrale scintigraphie-mibg
    scintigraphie-iode-corps-entier lymphoscintigraphie
    """.split()
)


def small(tmp_path: Path, exams: str, regions: str = "genou: {libelle: genou, termes: [genou]}\n") -> Path:
    """Write a catalogue of a few lines and return its folder."""
    (tmp_path / "examens.yaml").write_text(exams, encoding="utf-8")
    (tmp_path / "regions.yaml").write_text(regions, encoding="utf-8")
    (tmp_path / "techniques.yaml").write_text("radiographie: {libelle: radiographie, modalite: DX, termes: [radio]}\n", encoding="utf-8")
    (tmp_path / "abreviations.yaml").write_text("gche: gauche\n", encoding="utf-8")
    return tmp_path


KNEE = "- {id: radio-genou, libelle: Radiographie du genou, modalite: DX, region: genou"


def test_every_exam_has_a_name_for_the_patient() -> None:
    """A patient reads a plain name, never only the technical label."""
    assert [exam.id for exam in EXAMS if not exam.patient_name] == []


def test_the_catalogue_is_frozen() -> None:
    """Nothing that judges a request can change the catalogue."""
    with pytest.raises(TypeError):
        CATALOGUE.exams["radio-genou"] = CATALOGUE.exams["asp"]  # type: ignore[index]


def test_parents_are_of_the_same_technique() -> None:
    """A parent lends its positions: it must be the same kind of exam."""
    for exam in EXAMS:
        for parent in CATALOGUE.parents(exam.id):
            assert CATALOGUE.exams[parent].modality is exam.modality, exam.id


def test_parents_are_named_nearest_first() -> None:
    """The injected abdominal CT borrows first from the injected, then from the plain abdomen and pelvis."""
    assert CATALOGUE.parents("scanner-abdominal-injecte") == ("scanner-abdomino-pelvien-injecte", "scanner-abdomino-pelvien")
    assert CATALOGUE.parents("radio-genou") == ()


def test_wider_regions_climb_to_the_limb() -> None:
    """A finger is in the hand, the upper limb, a limb."""
    assert CATALOGUE.wider_regions("doigt") == ("main", "membre-superieur", "membre")


def test_codes_have_their_official_shape() -> None:
    """A mistyped code would silently match nothing."""
    for exam in EXAMS:
        assert all(re.fullmatch(r"[A-Z]{4}\d{3}", code) for code in exam.ccam), exam.id
        assert all(re.fullmatch(r"\d{4,5}-\d", code) for code in exam.loinc), exam.id


def test_loinc_check_digits_are_right() -> None:
    """The last digit of a LOINC code is computed from the others (mod 10, double alternate)."""
    for exam in EXAMS:
        for code in exam.loinc:
            number, _, check = code.partition("-")
            doubled = str(int(number[::-1][::2][::-1]) * 2)
            total = sum(map(int, doubled)) + sum(map(int, number[::-1][1::2]))
            assert (10 - total % 10) % 10 == int(check), (exam.id, code)


def test_a_loinc_code_belongs_to_one_exam() -> None:
    """The usual code of an exam, the one that a corrected order carries, is never that of another; codes/loinc.csv has them all."""
    counts = Counter(code for exam in EXAMS for code in exam.loinc)
    assert [code for code, count in counts.items() if count > 1] == []
    assert len(counts) > 200


@pytest.mark.parametrize(
    ("code", "exam"),
    [
        ("NZQN001", "irm-genou"), ("MZQN001", "irm-epaule"), ("LHQN001", "irm-rachis-lombaire"), ("LHQK001", "scanner-rachis-lombaire"),
        ("NZQK002", "scanner-membre"), ("MZQK002", "scanner-membre"), ("ZZQL016", "tep"), ("ZBQK001", "scanner-thorax"),
        ("ECQH010", "angioscanner-thoracique"), ("LAQK003", "radio-crane"), ("ZCQN002", "irm-abdominale"), ("PBQM002", "echo-epaule"),
        ("MDQK001", "radio-main"), ("ZCQH001", "scanner-abdomino-pelvien-injecte"), ("ACQJ002", "irm-cerebrale-injectee"),
        ("LAQK013", "scanner-sinus"), ("MAQK003", "radio-epaule"), ("NZQH002", "arthroscanner-genou"), ("MZQH001", "arthroscanner-epaule"),
    ],
)  # fmt: skip
def test_a_shared_act_means_the_first_exam_of_the_file(code: str, exam: str) -> None:
    """The order of the file is the preference, and these are the ones it must keep."""
    assert CATALOGUE.by_ccam(code) == exam


def test_codes_find_their_exam() -> None:
    """A code of the national lists leads to its exam, an unknown one to none."""
    assert CATALOGUE.by_loinc("24587-8") == "irm-cerebrale-injectee"
    assert CATALOGUE.by_loinc("24627-2") == "scanner-thorax"
    assert CATALOGUE.by_ccam("AAAA000") is None
    assert CATALOGUE.by_loinc("0000-0") is None


def test_a_dose_class_never_contradicts_its_dose() -> None:
    """Class and mSv of one source agree; where they come from two, the source says which is whose."""
    for exam in EXAMS:
        dose = exam.dose
        if dose.msv is None or dose.dose_class is None:
            continue
        low, high = CLASS_BOUNDS[dose.dose_class]
        assert low <= dose.msv <= high or dose.source.startswith("classe "), exam.id


def test_the_typical_dose_is_within_its_range_and_sourced() -> None:
    """A dose is never shown without its range and its source."""
    for exam in EXAMS:
        dose = exam.dose
        if dose.msv is not None:
            assert dose.min is not None, exam.id
            assert dose.max is not None, exam.id
            assert dose.min <= dose.msv <= dose.max, exam.id
            assert dose.source, exam.id
            assert dose.dose_class, exam.id


def test_ultrasound_and_mri_do_not_irradiate() -> None:
    """Class 0 and 0 mSv, so that they are offered first."""
    for exam in EXAMS:
        if not exam.modality.irradiating:
            assert (exam.dose.dose_class, exam.dose.msv) == ("0", 0), exam.id


def test_a_dose_is_missing_only_where_none_is_known() -> None:
    """An irradiating exam without dose is a known gap, not an oversight."""
    missing = {exam.id for exam in EXAMS if exam.modality.irradiating and exam.dose.dose_class is None}
    assert missing == DOSE_UNKNOWN


def test_an_exam_with_an_act_has_its_tariff() -> None:
    """The price shown beside an alternative is that of its main act."""
    assert [exam.id for exam in EXAMS if bool(exam.ccam) != (exam.tariff_eur is not None)] == []
    assert CATALOGUE.exams["irm-genou"].tariff_eur == 55.00
    assert CATALOGUE.exams["radio-thorax"].tariff_eur == 21.28


def test_the_uterus_is_asked_about_in_pelvic_irradiation() -> None:
    """Abdomen, pelvis, lumbar spine and hips irradiate the uterus; chest, head, limbs do not; MRI and ultrasound never."""
    field = {exam.id for exam in EXAMS if exam.uterus_in_field}
    assert {"asp", "radio-bassin", "radio-hanche", "radio-rachis-lombaire", "scanner-tap", "scanner-abdominal-injecte", "tep"} <= field
    assert not field & {"radio-thorax", "scanner-cerebral", "radio-genou", "mammographie", "scanner-thorax", "panoramique-dentaire"}
    assert all(CATALOGUE.exams[id_].modality.irradiating for id_ in field)


def test_paired_organs_have_a_side() -> None:
    """Limbs, breasts alone and groins are lateral; midline organs are not."""
    lateral = {exam.id for exam in EXAMS if exam.lateral}
    assert {"radio-genou", "irm-epaule", "scanner-cheville", "echo-mammaire", "echo-aine", "mammographie-unilaterale"} <= lateral
    assert not lateral & {"radio-thorax", "asp", "irm-cerebrale", "radio-bassin", "mammographie", "radio-age-osseux"}


def test_a_repeated_exam_is_refused(tmp_path: Path) -> None:
    """Two entries of one id would hide one another."""
    with pytest.raises(CatalogueError, match="radio-genou: written twice"):
        load_catalogue(small(tmp_path, f"{KNEE}}}\n{KNEE}}}\n"))


def test_a_repeated_key_is_refused(tmp_path: Path) -> None:
    """YAML lets the second key win in silence; the catalogue does not."""
    with pytest.raises(CatalogueError, match="written twice: libelle"):
        load_catalogue(small(tmp_path, f"{KNEE}, libelle: Autre}}\n"))


def test_an_unknown_parent_or_region_is_refused_with_every_fault(tmp_path: Path) -> None:
    """The author sees all that is wrong at once."""
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(
            small(tmp_path, f"{KNEE}, parent: radio-membre}}\n- {{id: radio-pied, libelle: Pied, modalite: DX, region: pied}}\n")
        )
    assert str(caught.value).splitlines() == ["exam radio-genou: unknown parent radio-membre", "exam radio-pied: unknown region pied"]


def test_a_circle_of_parents_is_refused(tmp_path: Path) -> None:
    """A circle would make the parents endless."""
    with pytest.raises(CatalogueError, match="radio-genou: is its own parent"):
        load_catalogue(small(tmp_path, f"{KNEE}, parent: radio-genou}}\n"))


def test_a_region_inside_nothing_known_or_inside_itself_is_refused(tmp_path: Path) -> None:
    """The chain of wider regions must end."""
    with pytest.raises(CatalogueError, match="genou: unknown « dans » jambe"):
        load_catalogue(small(tmp_path, f"{KNEE}}}\n", "genou: {libelle: genou, dans: [jambe]}\n"))
    with pytest.raises(CatalogueError, match="genou: is inside itself"):
        load_catalogue(small(tmp_path, f"{KNEE}}}\n", "genou: {libelle: genou, dans: [genou]}\n"))


def test_a_small_catalogue_is_read_whole(tmp_path: Path) -> None:
    """What the files say is what the value holds."""
    read = load_catalogue(small(tmp_path, f"{KNEE}, lateralise: oui, ccam: [NFQK001]}}\n"))
    assert isinstance(read, Catalogue)
    assert read.exams["radio-genou"].lateral
    assert read.by_ccam("NFQK001") == "radio-genou"
    assert read.abbreviations == {"gche": "gauche"}
