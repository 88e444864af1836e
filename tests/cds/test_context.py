"""How mentions stand for the patient: negation, hypothesis, past, family."""

from __future__ import annotations

from datetime import date

import pytest

from pertimage.cds.model import ImagingRequest, Status, TextPart
from pertimage.cds.text.reading import Reading, read
from pertimage.guidelines.loader import load_base


def reading(text: str) -> Reading:
    """Read a text as of 22 November 2026 with the shipped lexicon."""
    request = ImagingRequest("r", texts=(TextPart("reasonCode", text),), authored=date(2026, 11, 22))
    return read(request, load_base().lexicon)


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("pas de fièvre", ["fievre"]),
        ("apyrétique, sans AEG", ["fievre", "aeg"]),
        ("ni fièvre ni amaigrissement", ["fievre", "aeg"]),
        ("pas de fièvre, AEG ou déficit", ["fievre", "aeg", "deficit-moteur"]),
        ("pas de fièvre, d'AEG ni de déficit", ["fievre", "aeg", "deficit-moteur"]),
        ("fièvre : non, AEG: non, déficit -", ["fievre", "aeg", "deficit-moteur"]),
        ("fièvre (-)", ["fievre"]),
        ("Pas de signe d'alerte (fièvre, AEG, déficit)", ["fievre", "aeg", "deficit-moteur"]),
        ("absence de déficit sensitivo-moteur", ["deficit-moteur"]),
        ("n'a pas de déficit ni de trouble sphinctérien", ["deficit-moteur", "queue-de-cheval"]),
        ("pas enceinte", ["grossesse"]),
        ("test de grossesse négatif", ["grossesse"]),
        ("PAS DE FIEVRE NI AEG", ["fievre", "aeg"]),
        ("déficit moteur exclu", ["deficit-moteur"]),
        ("aucun deficit, aucun tb sphincterien", ["deficit-moteur", "queue-de-cheval"]),
        ("Rx genou F+P. luxation du genou : non", ["luxation-genou"]),
        ("pas de dissection carotidienne", ["dissection-aortique"]),
        ("T° 37,2", ["fievre"]),
    ],
)
def test_negation_is_read_with_its_scope(text: str, absent: list[str]) -> None:
    """A fact denied in any of the usual ways is absent."""
    truth = reading(text).truth
    assert {fact: truth.get(fact) for fact in absent} == dict.fromkeys(absent, False)


@pytest.mark.parametrize(
    ("text", "present"),
    [
        ("pas de fièvre, déficit moteur", ["deficit-moteur"]),
        ("ni fièvre ni amaigrissement, mais déficit", ["deficit-moteur"]),
        ("sans traumatisme avec déficit", ["deficit-moteur"]),
        ("pas d'amélioration, fièvre à 39", ["fievre"]),
        ("pas soulagé par paracétamol fièvre à 39", ["fievre"]),
        ("douleur non soulagée, fièvre depuis 3 jours", ["fievre"]),
        ("ne peut plus uriner depuis hier", ["queue-de-cheval"]),
        ("releveurs 3/5", ["deficit-moteur", "deficit-moteur-severe"]),
        ("T38.5", ["fievre"]),
        ("38°5 ce matin", ["fievre"]),
        ("Kardégic + Plavix", ["double-antiagregation"]),
        ("déficit moteru", ["deficit-moteur"]),
        ("fièvre hier, apyrétique ce jour", ["fievre"]),
        ("pas de fièvre. Déficit moteur", ["deficit-moteur"]),
        ("sans fièvre et déficit moteur du pied", ["deficit-moteur"]),
        ("suspicion de queue de cheval", ["queue-de-cheval"]),
        ("ATCD K sein 2012", ["antecedent-cancer"]),
        ("éliminer une fracture chez patiente suivie pour K sein", ["antecedent-cancer"]),
        ("24 SA", ["grossesse"]),
        ("pas d'autre signe que incontinence anale", ["queue-de-cheval"]),
        ("rien d'autre à signaler, pas de signe si ce n'est un déficit moteur", ["deficit-moteur"]),
        ("pas de signe associé à part une fièvre", ["fievre"]),
        ("sonde posée ce jour pour rétention", ["queue-de-cheval"]),
        ("père décédé d'un AVC, patient fébrile", ["fievre"]),
        ("pas de TC. Fièvre", ["fievre"]),
        ("n'a plus ni gaz ni selles", ["arret-matieres-gaz"]),
        ("pas de TVP. fièvre", ["fievre"]),
        ("amené par sa mère avec fièvre", ["fievre"]),
        ("poignet gonflé, rouge, chaud", ["arthrite-septique"]),
        ("ne contrôle plus ni les gaz ni les selles", ["queue-de-cheval"]),
        ("céphalée survenue d'un coup", ["debut-brutal"]),
    ],
)
def test_a_red_flag_is_not_hidden_by_what_surrounds_it(text: str, present: list[str]) -> None:
    """A negation, a comma, a typo or a treatment's failure beside a red flag leaves it standing."""
    truth = reading(text).truth
    assert {fact: truth.get(fact) for fact in present} == dict.fromkeys(present, True)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("mère : K sein", "antecedent-cancer"),
        ("fièvre ?", "fievre"),
        ("désir de grossesse", "grossesse"),
        ("ATCD de déficit moteur", "deficit-moteur"),
        ("sa douleur", "grossesse"),
        ("AVC chez le père", "avc-suspecte"),
        ("mère avec cancer du sein", "antecedent-cancer-sein"),
        ("genou ni rouge ni chaud", "arthrite-septique"),
        ("a pris un coup sur la main", "debut-brutal"),
    ],
)
def test_family_question_and_past_are_not_the_patients_present(text: str, fact: str) -> None:
    """What is a relative's, a question or over is not known of the patient today."""
    assert fact not in reading(text).truth


def test_evidence_is_the_words_themselves() -> None:
    """Every fact's span, cut from the text, is its evidence."""
    text = "Œdème ; pas de déficit, T° 38,7, CRP 120, releveurs 3/5"
    for fact in reading(text).found:
        if fact.start >= 0:
            assert text[fact.start : fact.end] == fact.evidence


def test_what_is_said_and_denied_is_told() -> None:
    """A fact both affirmed and denied counts as present and is reported as a contradiction."""
    assert reading("fièvre à 39 hier, pas de fièvre ce jour").contradictions == ("fievre",)


def test_a_sign_affirmed_and_another_denied_contradict_nothing() -> None:
    """Palpitations and syncope make the same accompanying sign, each by itself: one there and the other not is no contradiction."""
    assert reading("palpitations depuis 2 mois, pas de syncope").contradictions == ()
    assert "palpitations" in reading("palpitations depuis 2 mois, pas de palpitations").contradictions


@pytest.mark.parametrize("text", ["maman opérée d'un cancer du sein", "mère cancer sein opérée", "cancer du sein chez sa mère"])
def test_a_cancer_of_the_mother_is_not_the_patient_s(text: str) -> None:
    """Words that begin within a word of the family, or run over what it reaches, are the family's too."""
    assert reading(text).truth.get("antecedent-cancer-sein") is not True


@pytest.mark.parametrize(
    ("text", "fact", "status"),
    [
        ("pneumonie suspectée fébrile", "pneumonie", Status.HYPOTHETICAL),
        ("pneumonie suspectée fébrile", "fievre", Status.PRESENT),
        ("hernie inguinale opérée fièvre", "hernie-paroi", Status.PAST),
        ("hernie inguinale opérée fièvre", "fievre", Status.PRESENT),
        ("lombalgie guérie sciatique", "lomboradiculalgie", Status.PRESENT),
        ("probable pneumonie", "pneumonie", Status.HYPOTHETICAL),
        ("cruralgie ? non : douleur de l'aine", "lomboradiculalgie", Status.ABSENT),
        ("cruralgie ? non : douleur de l'aine", "douleur-aine", Status.PRESENT),
        ("a maigri tant il souffre", "aeg", Status.PRESENT),
    ],
)
def test_a_word_after_a_sign_speaks_of_that_sign_only(text: str, fact: str, status: Status) -> None:
    """« Suspectée », « opérée », « ? non » say something of what they follow, and nothing of what comes next."""
    assert {found.status for found in reading(text).found if found.fact == fact} == {status}


@pytest.mark.parametrize(("age", "present"), [(84.0, True), (45.0, False)])
def test_who_is_told_of_as_a_mother_is_the_patient_when_old_enough(age: float, present: bool) -> None:
    """« Ma mère » is the words of a daughter about an old patient, and of the patient about her mother when younger."""
    request = ImagingRequest("r", texts=(TextPart("reasonCode", "ma mère ne sait plus où elle est depuis hier"),), age=age)
    assert (read(request, load_base().lexicon).truth.get("confusion-aigue") is True) is present
