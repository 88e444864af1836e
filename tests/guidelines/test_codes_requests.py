"""What a coded order becomes: exam, side and contrast of its national code; out of scope and unknown said, never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pertimage.cds.assess import Asked, assess, recogniser, requested
from pertimage.cds.model import AlertKind, Assessment, Code, ImagingRequest, Outcome, PriorExam, Sex, TextPart
from pertimage.fhir.requests import read_service_request
from pertimage.guidelines.loader import load_base

BASE = load_base()
EXAMS = recogniser(BASE.catalogue)
LOINC, CCAM = "http://loinc.org", "https://smt.esante.gouv.fr/terminologie-ccam"


def ordered(*codes: str, text: str = "", reason: str = "", side: str = "") -> ImagingRequest:
    """Return a request for the exam of some codes, LOINC or CCAM by their shape."""
    coded = tuple(Code(LOINC if "-" in code else CCAM, code) for code in codes)
    texts = (TextPart("reasonCode", reason),) if reason else ()
    return ImagingRequest("ServiceRequest/1", text, coded, texts, laterality=side, age=45, sex=Sex.MALE)


def asked(*codes: str, text: str = "", reason: str = "", side: str = "") -> tuple[Asked, ...]:
    """Return what such a request asks for."""
    return requested(ordered(*codes, text=text, reason=reason, side=side), EXAMS)


def judged(*codes: str, text: str = "", reason: str = "", side: str = "") -> tuple[Assessment, ...]:
    """Return its assessments."""
    return assess(ordered(*codes, text=text, reason=reason, side=side), BASE)


def test_a_code_alone_is_an_order() -> None:
    """RM bras - gauche sans et avec contraste IV: the exam, its side and its contrast, without a word."""
    (found,) = asked("36368-9")
    assert (found.exam, found.laterality, found.contrast) == ("irm-bras", "left", True)


def test_the_side_of_a_code_reaches_the_request() -> None:
    """A side said by the code alone is not asked for again, and the request that FHIR reads holds it."""
    assert asked("36126-1")[0].laterality == "left"
    order = read_service_request(
        {"resourceType": "ServiceRequest", "id": "1", "code": {"coding": [{"system": LOINC, "code": "36126-1"}]}, "subject": {}}
    )
    assert order.request.laterality == "left"
    missing = {item.item for item in judged("36126-1", reason="gonalgie chronique")[0].missing}
    assert "lateralite" not in missing


def test_the_side_written_wins_over_that_of_the_code_and_is_checked() -> None:
    """Left by the code and right by the words: a side must not be chosen in silence."""
    (found,) = asked("36126-1", side="right")
    assert (found.laterality, found.contradicted) == ("right", True)
    (answer,) = judged("36126-1", reason="gonalgie", side="right")
    assert [alert.message for alert in answer.alerts if alert.kind is AlertKind.LATERALITY] == [
        "Le côté du code et le côté écrit se contredisent : le préciser avant l'examen."
    ]
    (agreed,) = judged("36126-1", reason="gonalgie", side="left")
    assert not any(alert.kind is AlertKind.LATERALITY for alert in agreed.alerts)


def test_the_contrast_of_a_code_reaches_the_request() -> None:
    """A lumbar CT coded with injection asks about contrast media; a CT of the neck coded without does not, though it usually is injected."""
    (neck,) = judged(_code("scanner-cervical", contrast=False), reason="masse cervicale depuis 3 mois")
    assert "allergie-contraste" not in {item.item for item in neck.missing}
    (spine,) = judged(_code("scanner-rachis-lombaire", contrast=True), reason="lombalgie depuis 3 mois")
    assert "allergie-contraste" in {item.item for item in spine.missing}


def _code(exam: str, contrast: bool) -> str:
    return next(code for code, coded in BASE.catalogue.codes.exams.items() if coded.exams == (exam,) and coded.contrast is contrast)


def test_exams_asked_for_together_are_judged_one_by_one() -> None:
    """RX du bassin et d'une hanche: one answer each."""
    assert {found.exam for found in asked("NAQK071")} == {"radio-hanche", "radio-bassin"}
    assert len(judged("NAQK071", reason="douleur de hanche depuis 6 mois")) == 2


def test_a_precise_code_narrows_an_act_that_covers_several() -> None:
    """Head and trunk by its act, head alone by its LOINC code: the head alone is asked for."""
    assert [found.exam for found in asked("ACQH004", "24727-0")] == ["scanner-cerebral-injecte"]


def test_the_words_choose_among_the_exams_of_a_shared_act() -> None:
    """NZQN001 covers the whole lower limb: the title, else the story, says which joint."""
    assert asked("NZQN001", text="IRM cheville droite")[0].exam == "irm-cheville"
    assert asked("NZQN001", reason="entorse il y a 2 mois, je demande une IRM de cheville")[0].exam == "irm-cheville"


def test_a_shared_act_without_words_is_not_guessed() -> None:
    """The act of a spine segment is not taken for the lumbar spine: the situation decides, else the region is asked for."""
    (found,) = asked("LHQN001")
    assert found.exam is None
    assert "irm-rachis-cervical" in found.candidates
    (neck,) = judged("LHQN001", reason="névralgie cervico-brachiale depuis 3 mois")
    assert neck.exam == "irm-rachis-cervical"
    (silent,) = judged("NZQN001", reason="douleur")
    assert silent.exam is None
    assert "region" in {item.item for item in silent.missing}


def test_a_shared_act_of_one_region_stands_for_its_variants() -> None:
    """IRM du crâne sans injection is the brain, pituitary and petrous bones lie within."""
    assert asked("ACQN001")[0].exam == "irm-cerebrale"
    assert asked("LFQK001")[0].exam == "radio-rachis-lombaire"


def test_an_unknown_code_is_said_and_counted_as_unscored() -> None:
    """Neither approved nor guessed: « hors référentiel », with the code for the eye to check."""
    for code in ("99999-9", "ZZZZ999"):
        (answer,) = judged(code, reason="lombalgie depuis 3 jours")
        assert (answer.outcome, answer.exam, answer.exam_label) == (Outcome.NO_GUIDANCE, None, f"code {code}")
        assert "n'a pas été reconnu" in answer.reason
        assert EXAMS.coded([(LOINC if "-" in code else CCAM, code)]).unknown == (code,)


def test_an_unknown_code_leaves_the_words_their_say() -> None:
    """A local code beside a title does not hide the exam that the title names."""
    assert asked("99999-9", text="IRM genou droit")[0].exam == "irm-genou"


@pytest.mark.parametrize(
    ("code", "words"),
    [("87049-3", "geste guidé"), ("HBQK389", "intrabuccal"), ("QEHJ001", "geste guidé"), ("DEQP003", "pas de l'imagerie"), ("18746-8", "endoscopie")],
)  # fmt: skip
def test_a_code_out_of_scope_says_what_it_is(code: str, words: str) -> None:
    """A guided gesture is not an exam: the words beside it are not taken for an order either, and the answer is never an approval."""
    (answer,) = judged(code, text="échographie du rein", reason="lombalgie depuis 3 jours")
    assert (answer.outcome, answer.exam) == (Outcome.NO_GUIDANCE, None)
    assert words in answer.reason
    assert "Ce n'est pas une approbation." in answer.reason


def test_an_emergency_is_seen_whatever_the_code() -> None:
    """A code out of scope or unknown never hides a red flag."""
    story = "lombalgie depuis hier, ne peut plus uriner, anesthésie en selle"
    for code in ("87049-3", "99999-9", "35961-2", "NZQN001"):
        (answer,) = judged(code, reason=story)
        assert answer.pathway == "emergency", code


def test_a_code_without_region_leaves_the_exam_to_the_words() -> None:
    """RM membre inférieur - gauche: the joint comes from the words, the side from the code."""
    code = next(code for code, coded in BASE.catalogue.codes.exams.items() if coded.reason == "imprecis" and coded.laterality == "left")
    (found,) = asked(code, text="IRM genou")
    assert (found.exam, found.laterality) == ("irm-genou", "left")
    (answer,) = judged(code, reason="gonalgie")
    assert answer.outcome is Outcome.INCOMPLETE
    assert answer.reason == "Le code transmis désigne une technique sans dire la région ou la structure à examiner."


def test_an_earlier_exam_is_named_by_its_words_when_its_act_covers_several() -> None:
    """An ankle MRI coded with the act of the whole limb is no repeat of the knee that is asked for."""
    earlier = PriorExam("IRM de la cheville", (Code(CCAM, "NZQN001"),), performed=date(2026, 11, 1))
    for text, repeated in (("IRM genou droit", False), ("IRM cheville droite", True)):
        request = replace(ordered(text=text, reason="douleur depuis 6 mois"), authored=date(2026, 11, 20), prior_exams=(earlier,))
        (answer,) = assess(request, BASE)
        assert any(alert.kind is AlertKind.REDUNDANCY for alert in answer.alerts) is repeated, text


def test_codes_that_contradict_one_another_on_the_side_say_none() -> None:
    """Left and right knees by two codes: the side is asked for."""
    left, right = (
        next(code for code, coded in BASE.catalogue.codes.exams.items() if coded.exams == ("irm-genou",) and coded.laterality == side)
        for side in ("left", "right")
    )
    assert asked(left, right)[0].laterality == ""
    assert asked(left)[0].laterality == "left"
