"""The languages of the patient page: complete, marked as reviewed or not, refused with a clear message when they are not usable."""

import re

import pytest

from pertimage.audit.patient_links import Delay, Explained, Reason
from pertimage.cds.model import Sex
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.schema import Modality
from pertimage.web.patient.languages import FOLDER, FRENCH, LanguageError, differences, languages, placeholders, read_language
from pertimage.web.patient.preparations import LEVELS, PreparationError, read_preparations

MODEL = read_language(FOLDER / "fr.yaml")
EXPECTED = ["fr", "ar", "en", "pt", "tr", "uk"]


def test_the_six_languages_are_there_french_first():
    """The reader chooses among six languages; French is what the others translate."""
    assert list(languages()) == EXPECTED
    assert [one.direction for one in languages().values()] == ["ltr", "rtl", "ltr", "ltr", "ltr", "ltr"]


@pytest.mark.parametrize("code", EXPECTED)
def test_every_language_says_what_french_says(code):
    """The same keys, as many sentences in each list, the same placeholders."""
    assert differences(MODEL, read_language(FOLDER / f"{code}.yaml")) == []


@pytest.mark.parametrize("code", EXPECTED)
def test_no_translation_is_called_reviewed(code):
    """None was reviewed by a person yet: the files say draft, and the page tells the reader."""
    assert not languages()[code].reviewed


@pytest.mark.parametrize("code", EXPECTED[1:])
def test_nothing_is_left_in_french(code):
    """No sentence of a translation is the French one, and Arabic and Ukrainian are written in their own letters."""
    same = [key for key, text in languages()[code].texts.items() if text == MODEL.texts[key]]
    assert same == []
    script = {"ar": r"[\u0600-\u06ff]", "uk": r"[\u0400-\u04ff]"}.get(code, r"\w")
    said = [" ".join(text) if isinstance(text, tuple) else text for text in languages()[code].texts.values()]
    assert all(re.search(script, text) for text in said)


def test_french_is_easy_to_read():
    """One idea a sentence: none is longer than 25 words."""
    said = [
        part for text in MODEL.texts.values() for one in ((text,) if isinstance(text, str) else text) for part in re.split(r"[.?!] ", one)
    ]
    assert [part for part in said if len(part.split()) > 25] == []


def test_every_word_that_the_page_may_need_exists():
    """Each technique, dose and choice of the questionnaire has its sentences."""
    needed = [f"technique.{code}.{part}" for code in Modality for part in ("nom", "texte")]
    needed += [f"dose.{word}" for word in (*LEVELS, "aucune", "inconnue")]
    groups = {"delai": Delay, "explique": Explained, "raisons": Reason}
    needed += [f"questions.{group}.{one}" for group, vocabulary in groups.items() for one in vocabulary]
    assert [key for key in needed if key not in MODEL.texts] == []


def _altered(tmp_path, old, new, name="pt.yaml"):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return tmp_path / name


def test_a_translation_that_lacks_something_is_told_in_french(tmp_path):
    """What is missing, too many, or lost its placeholder is named."""
    lacking = _altered(tmp_path, "    titre_sans: Sem exame de imagem por agora\n", "    titre_a_mais: Sem exame\n")
    assert differences(MODEL, read_language(lacking)) == ["« page.titre_a_mais » est de trop", "« page.titre_sans » manque"]
    lost = _altered(tmp_path, "Pode ler esta página até {date}.", "Pode ler esta página.")
    assert differences(MODEL, read_language(lost)) == ["« page.jusquau » : une phrase avec {date} attendu, une phrase trouvé"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("review: draft", "review: reviewed", "relu_par"),
        ("review: draft", "review: presque", "review"),
        ("langue: pt", "langue: es", "n'est pas le nom du fichier"),
        ("      oui: Sim", "      oui: yes", "questions.delai.oui"),
        ("langue: pt", "langue: [pt", "YAML illisible"),
        ("sens: ltr", "sens: droite", "sens"),
    ],
)
def test_a_file_that_cannot_be_shown_is_refused(tmp_path, old, new, said):
    """The message names the file and the place."""
    with pytest.raises(LanguageError, match=said) as refused:
        read_language(_altered(tmp_path, old, new))
    assert "pt.yaml" in str(refused.value)


def test_a_reviewed_translation_is_signed(tmp_path):
    """Once reviewed, a file says by whom and when."""
    signed = _altered(tmp_path, "review: draft", "review: reviewed\nrelu_par: Dr A\nrelu_le: 2026-11-23")
    assert read_language(signed).reviewed


def test_values_are_escaped():
    """What is put in a sentence cannot be markup."""
    assert "&lt;b&gt;" in languages()[FRENCH].say("page.jusquau", date="<b>")
    assert placeholders("{a} et {b}") == ["a", "b"]


PREPARATIONS = (FOLDER.parent / "preparations.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: sein", "id: inconnu", "preparation.inconnu"),
        ("techniques: [MG]", "techniques: [ZZ]", "preparations.yaml"),
        ("sauf_sexe: homme", "sauf_sexe: garçon", "garçon"),
        ("fiches: [maltraitance-suspectee", "fiches: [nulle-part", "nulle-part"),
        ("faits: [maltraitance-enfant", "faits: [nulle-part", "nulle-part"),
        ("faible: 1\n", "faible: 9\n", "croissant"),
        ("fonde: proposition", "fonde: peut-être", "preparations.yaml:.*peut-être"),
    ],
)
def test_a_wrong_preparation_is_refused(old, new, said):
    """What the file names must exist; the message says what and where, in French."""
    assert old in PREPARATIONS
    with pytest.raises(PreparationError, match=said):
        read_preparations(load_base(), PREPARATIONS.replace(old, new, 1))


def test_every_exam_has_a_preparation():
    """No exam of the catalogue is without advice; each technique has at least what one has to bring."""
    base = load_base()
    table = read_preparations(base)
    assert all("commun" in table.advice([exam], None) for exam in base.catalogue.exams.values())
    assert table.advice([], None) == ()


def test_preparation_is_that_of_the_technique():
    """A scanner with injection asks for allergies and kidneys, an MRI for metal, an ultrasound for neither."""
    base = load_base()
    table, exams = read_preparations(base), base.catalogue.exams
    scanner = table.advice([exams["angioscanner-thoracique"]], None)
    assert {"injection", "diabete", "grossesse"} <= set(scanner)
    assert "aimant" in table.advice([exams["irm-genou"]], None)
    assert not {"aimant", "injection", "grossesse"} & set(table.advice([exams["echo-thyroide"]], None))


def test_men_are_not_asked_whether_they_are_pregnant():
    """The question is left out for a man only: an unknown sex is asked."""
    base = load_base()
    table, exam = read_preparations(base), base.catalogue.exams["scanner-cerebral"]
    assert "grossesse" not in table.advice([exam], Sex.MALE)
    assert "grossesse" in table.advice([exam], None)


def test_no_sign_shown_names_violence():
    """A link opened by somebody else must not say that violence, suicide or a termination of pregnancy is thought of."""
    base = load_base()
    table = read_preparations(base)
    shown = [sign for sheet in base.sheets for sign in table.emergency_signs(sheet, base)]
    assert len(shown) > 500
    assert [
        sign for sign in shown if re.search(r"maltrait|suicid|inflig|violences?$|agress|\bIVG\b|interruption|toxico", sign, re.IGNORECASE)
    ] == []


def test_facts_about_violence_are_kept_silent():
    """Every fact of the lexicon whose label speaks of ill-treatment is in the list of what the page keeps silent."""
    base = load_base()
    named = {name for name, fact in base.lexicon.facts.items() if re.search(r"maltrait|inflig|agress", f"{name} {fact.label}")}
    assert named <= read_preparations(base).silent_facts
