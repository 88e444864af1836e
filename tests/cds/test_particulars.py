"""What a request must say of an exam, said or not, with the words that say it."""

import pytest

from pertimage.cds.model import ImagingRequest, PriorExam, Sex, TextPart
from pertimage.cds.particulars import particulars
from pertimage.guidelines.loader import load_base


@pytest.fixture(scope="module")
def base():
    """Give the guidelines."""
    return load_base()


def looked(base, text, exam, words="", **about):
    """Return the particulars of one exam of a request, by item."""
    request = ImagingRequest(id="r", exam_text=words, texts=(TextPart("form", text),), **about)
    found = particulars(request, base, exam)
    return found, {item.item: item for item in found.items}


def test_what_answers_is_quoted_from_the_text(base):
    """The clause that answers, not the words around it; what lifts a question is named."""
    text = "Femme de 34 ans. Dyspnée, recherche embolie, DDR il y a 5 j, radio thorax normale hier. Pas d'allergie."
    _, items = looked(base, text, "angioscanner-thoracique", "angioscanner thoracique")
    assert items["finalite"].words == "recherche embolie"
    assert items["examens-anterieurs"].words == "radio thorax normale hier"
    assert [fact.evidence for fact in items["allergie-contraste"].facts] == ["Pas d'allergie"]
    assert (items["grossesse"].stated, items["grossesse"].lifted) == (True, "règles de moins de 10 jours")


def test_what_is_not_said_is_listed_as_such(base):
    """Nothing is left out because the request is silent."""
    _, items = looked(base, "lumbago depuis 5 j", "radio-rachis-lombaire")
    assert {name for name, item in items.items() if not item.stated} >= {"finalite", "examens-anterieurs", "grossesse"}


def test_an_emergency_hides_no_question(base):
    """The judgement does not ask in an emergency; what it did not ask was not answered."""
    _, items = looked(base, "lombalgie, anesthésie en selle, rétention d'urine", "scanner-rachis-lombaire")
    assert not items["finalite"].stated
    assert not items["examens-anterieurs"].stated


@pytest.mark.parametrize(
    ("about", "asked"),
    [({"sex": Sex.FEMALE, "age": 34.0}, True), ({"sex": Sex.FEMALE}, True), ({}, True), ({"sex": Sex.MALE}, False), ({"sex": Sex.FEMALE, "age": 71.0}, False)],
)  # fmt: skip
def test_pregnancy_is_a_particular_of_any_irradiating_exam(base, about, asked):
    """Even away from the uterus, unless the patient cannot be pregnant; not of an ultrasound."""
    assert ("grossesse" in looked(base, "toux", "radio-thorax", **about)[1]) is asked
    assert "grossesse" not in looked(base, "douleur", "echo-abdominale", **about)[1]


def test_an_exam_that_the_request_does_not_name_has_its_own_questions(base):
    """An MRI that replaces a radiograph asks for implants; the side comes from the words of the request."""
    found, items = looked(base, "gonalgie", "irm-genou", "radio genou gauche")
    assert (found.laterality, found.contrast, found.exam.id) == ("left", None, "irm-genou")
    assert not items["dispositif-implante"].stated
    assert items["lateralite"].stated


def test_contrast_is_what_the_words_ask(base):
    """An injection asked for brings the questions of contrast agents."""
    found, items = looked(base, "suspicion d'abcès", "irm-rachis-lombaire", "IRM lombaire injectée")
    assert (found.contrast, found.exam.contrast, "allergie-contraste" in items) == (True, True, True)


def test_an_exam_of_no_catalogue_still_has_a_reason_to_give(base):
    """An exam that is not recognised has the questions of every request."""
    found, items = looked(base, "", None)
    assert found.exam is None
    assert not items["finalite"].stated


def test_an_earlier_exam_of_the_record_answers(base):
    """What the record says of earlier imaging counts; no word of the text is made up for it."""
    _, items = looked(base, "toux", "radio-thorax", prior_exams=(PriorExam("Scanner thoracique"),))
    assert (items["examens-anterieurs"].stated, items["examens-anterieurs"].words) == (True, "")
