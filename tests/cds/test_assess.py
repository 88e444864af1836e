"""Judging: situations, incomplete requests, what is outside the guidance, what is missing."""

from __future__ import annotations

from datetime import date

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import AlertKind, Assessment, Code, ImagingRequest, KnownFact, Outcome, PriorExam, Sex, Status, TextPart
from pertimage.guidelines.loader import load_base

DAY = date(2026, 11, 22)


def judged(text: str, exam: str, **about: object) -> Assessment:
    """Return the only assessment of a request."""
    request = ImagingRequest("ServiceRequest/1", exam_text=exam, texts=(TextPart("reasonCode", text),), authored=DAY, **about)  # type: ignore[arg-type]
    (one,) = assess(request, load_base())
    return one


def items(one: Assessment) -> dict[str, bool]:
    """Return the missing items with whether they block."""
    return {item.item: item.blocking for item in one.missing}


def test_a_request_without_reason_is_incomplete_and_asks_for_it() -> None:
    """No motive: the question is asked, nothing is approved."""
    one = judged("", "IRM du genou droit")
    assert one.outcome is Outcome.INCOMPLETE
    assert items(one)["motif"]


@pytest.mark.parametrize("text", ["svp", "bilan", "F 52a", "IRM genou svp merci"])
def test_words_that_give_no_reason_are_no_reason(text: str) -> None:
    """Politeness, an age or the exam's own name is not a motive."""
    assert judged(text, "IRM du genou droit").outcome is Outcome.INCOMPLETE


def test_what_no_sheet_covers_is_said_and_not_approved() -> None:
    """Outside the guidance is said in words."""
    one = judged("suivi de greffe de cornée", "échographie oculaire")
    assert one.outcome is Outcome.NO_GUIDANCE
    assert "pas une approbation" in one.reason


def test_an_unknown_exam_is_not_approved() -> None:
    """An exam the catalogue does not know is outside the guidance."""
    assert judged("lombalgie depuis 5 jours", "zorglubographie").outcome is Outcome.NO_GUIDANCE


def test_an_unknown_duration_that_matters_is_asked() -> None:
    """« lombalgie. Rx » hinges on its duration: the exact question is asked."""
    one = judged("lombalgie", "radio du rachis lombaire")
    assert one.outcome is Outcome.INCOMPLETE
    assert "duree" in items(one)


def test_a_pregnancy_possible_blocks_nothing_but_is_asked() -> None:
    """A woman of childbearing age and the uterus in the field: the outcome stands, the item is missing with its alert."""
    one = judged("lombalgie depuis 5 jours, pas de déficit", "radio du rachis lombaire", age=30, sex=Sex.FEMALE)
    assert one.outcome is Outcome.NOT_INDICATED
    assert items(one)["grossesse"]
    assert AlertKind.PREGNANCY in {alert.kind for alert in one.alerts}


def test_a_pregnancy_stated_is_not_asked_again() -> None:
    """« non enceinte », or structured data, answers the item."""
    said = judged("lombalgie depuis 5 jours, non enceinte", "radio du rachis lombaire", age=30, sex=Sex.FEMALE)
    known = judged(
        "lombalgie depuis 5 jours", "radio du rachis lombaire", age=30, sex=Sex.FEMALE, known=(KnownFact("grossesse", Status.ABSENT),)
    )
    assert "grossesse" not in items(said) | items(known)


def test_the_side_of_a_paired_organ_is_asked() -> None:
    """A knee has a side."""
    assert items(judged("gonalgie depuis 2 mois", "radio du genou"))["lateralite"]
    assert "lateralite" not in items(judged("gonalgie droite depuis 2 mois", "radio du genou"))


def test_a_device_is_asked_before_an_mri() -> None:
    """An MRI asks for implanted devices, unless they are denied."""
    assert items(judged("lombalgie depuis 6 mois", "IRM lombaire"))["dispositif-implante"]
    assert "dispositif-implante" not in items(judged("lombalgie depuis 6 mois, pas de pacemaker", "IRM lombaire"))


def test_none_counts_as_stated() -> None:
    """« examens antérieurs : aucun » and « sans antécédent » are answers."""
    one = judged("lombalgie depuis 6 mois, examens antérieurs : aucun, sans antécédent, bilan avant infiltration", "IRM lombaire")
    assert not {"examens-anterieurs", "antecedents", "finalite"} & set(items(one))


def test_a_contraindicated_alternative_is_not_proposed() -> None:
    """No MRI is offered to whom it is forbidden."""
    one = judged("lombalgie depuis 6 mois, défibrillateur non IRM compatible", "radio du rachis lombaire")
    assert not [offer for offer in one.alternatives if offer.exam.startswith("irm")]


def test_non_irradiating_alternatives_come_first() -> None:
    """Among the exams proposed, those without radiation lead."""
    one = judged("lombalgie depuis 6 mois malgré kiné, jamais d'imagerie", "radio du rachis lombaire")
    doses = [offer.msv or 0 for offer in one.alternatives if offer.exam != "none" and not offer.when]
    assert doses
    assert doses == sorted(doses)


def test_codes_name_exam_and_reason() -> None:
    """A CCAM or LOINC exam and a CIM-10 reason need no words."""
    request = ImagingRequest(
        "r", exam_codes=(Code("https://smt.esante.gouv.fr/terminologie-ccam", "LFQK002"),), reason_codes=(Code("http://hl7.org/fhir/sid/icd-10", "M54.5"),), authored=DAY,
        known=(KnownFact("duree", value=5.0),), age=40,
    )  # fmt: skip
    (one,) = assess(request, load_base())
    assert (one.exam, one.outcome) == ("radio-rachis-lombaire", Outcome.NOT_INDICATED)


def test_several_exams_get_an_assessment_each() -> None:
    """« radio + écho de l'épaule » is two exams of one request."""
    request = ImagingRequest(
        "r", exam_text="radio + échographie épaule droite", texts=(TextPart("note", "épaule douloureuse depuis 2 mois"),), authored=DAY
    )
    found = assess(request, load_base())
    assert {one.exam for one in found} == {"radio-epaule", "echo-epaule"}
    assert {one.request for one in found} == {"r"}


def test_a_repeated_exam_is_told() -> None:
    """The same exam five weeks ago is shown as a reason."""
    earlier = PriorExam("IRM du rachis lombaire", performed=date(2026, 10, 18), place="CH de Vallombre", reference="ImagingStudy/12")
    one = judged("lombalgie depuis 6 mois", "IRM lombaire", prior_exams=(earlier,))
    (alert,) = [alert for alert in one.alerts if alert.kind is AlertKind.REDUNDANCY]
    assert "5 semaines (CH de Vallombre)" in alert.message
    assert alert.refers_to == "ImagingStudy/12"


def test_a_request_is_judged_by_the_rules_of_its_day() -> None:
    """Before any sheet held, the guidance said nothing."""
    request = ImagingRequest(
        "r", exam_text="radio rachis lombaire", texts=(TextPart("note", "lumbago depuis 5 jours"),), authored=date(1999, 1, 1)
    )
    (one,) = assess(request, load_base())
    assert one.outcome is Outcome.NO_GUIDANCE


def test_context_is_no_reason() -> None:
    """A condition of the record does not open a sheet: the reason is the prescriber's."""
    one = judged("", "IRM du genou droit", known=(KnownFact("lombalgie", Status.PRESENT, origin="Condition"),))
    assert one.outcome is Outcome.INCOMPLETE
    assert one.situations == ()


@pytest.mark.parametrize(
    ("text", "technique", "exam"),
    [
        ("entorse du genou il y a 3 semaines", "IRM", "irm-genou"),
        ("entorse genou", "radio", "radio-genou"),
        ("douleur mollet gauche, jambe gonflée", "doppler", "echodoppler-veineux-mi"),
        ("lombalgie 8 semaines", "IRM", "irm-rachis-lombaire"),
    ],
)
def test_a_bare_technique_is_that_of_the_situation(text: str, technique: str, exam: str) -> None:
    """Without a region, the exam meant is one of the sheet that the words open most plainly, and that speaks of them."""
    assert judged(text, technique).exam == exam
