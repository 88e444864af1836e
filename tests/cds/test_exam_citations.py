"""The exam asked for in the story of a request, among those it only cites."""

from __future__ import annotations

from pathlib import Path

import pytest

from pertimage.cds.exams import ExamRecogniser
from pertimage.guidelines import catalogue as module
from pertimage.guidelines.catalogue import load_catalogue

CATALOGUE = load_catalogue(Path(module.__file__).with_name("data"))
EXAMS = ExamRecogniser(CATALOGUE.exams.values(), CATALOGUE.regions, CATALOGUE.techniques, CATALOGUE.abbreviations, CATALOGUE.codes)

CITED = """
radio normale
IRM faite en 2024, RAS
échographie du 03/05 : lithiase vésiculaire
scanner de 2021
radio de mars 2023
ATCD K sein, découvert sur mammo
kyste rénal découvert à l'écho
pas de radio faite
IRM contre-indiquée (pacemaker)
CI IRM
Examens antérieurs : RX genou 2022, IRM lombaire
Echo abdo le 12/03/2025 : stéatose
a eu un scanner en janvier
déjà une IRM
écho T2 normale
toux, Rx thorax : normale
scanner prévu le 12/05
Radio du bassin montrant une coxarthrose
ETT normale
une radio a été faite aux urgences
écho rénale antérieure sp
scanner non fait
tassement connu sur radio
coxarthrose radiologique
IRM refusée
scanner cérébral il y a 2 mois
revient avec une radio
sous corticothérapie
radiothérapie en 2012
une écho a retrouvé un kyste
douleur lombaire, genou gauche
suite à l'IRM
résultats du scanner TAP
radios rassurantes
Rx sans fracture
doute à la radio
visible au scanner
"""


def exams(story: str) -> list[str | None]:
    """Return the exams asked for in a story."""
    return [mention.exam for mention in EXAMS.in_text(story, narrative=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lombalgie. Rx rachis lombaire F+P svp", ["radio-rachis-lombaire"]),
        ("Merci de faire une IRM lombaire", ["irm-rachis-lombaire"]),
        ("Gonalgie droite depuis 3 mois, radio normale. IRM genou droit ?", ["irm-genou"]),
        ("douleur épaule, radio normale, demande IRM épaule", ["irm-epaule"]),
        ("IRM cérébrale en 2019 normale. Céphalées nouvelles, IRM cérébrale", ["irm-cerebrale"]),
        ("dernier TDM 2019. TDM thorax low dose", ["scanner-thorax-faible-dose"]),
        ("dyspnée, radio thorax ce jour : opacité, scanner ?", [None]),
        ("Échographie mammaire récente RAS, mammographie de dépistage", ["mammographie"]),
        ("Radio thorax : toux fébrile depuis 4 j", ["radio-thorax"]),
        ("Métrorragies, TDM pelvis", ["scanner-pelvien"]),
        ("F 40 ans, dossier transmis. Indication d'ETT", ["echocardiographie"]),
    ],
)
def test_an_exam_asked_for_in_a_story_is_found(text: str, expected: list[str]) -> None:
    """The exam asked for is kept, those cited beside it are not."""
    assert exams(text) == expected


@pytest.mark.parametrize("text", CITED.strip().splitlines())
def test_an_exam_cited_in_a_story_is_not_asked_for(text: str) -> None:
    """Exams done, dated, reported, planned or ruled out are not the request."""
    assert EXAMS.in_text(text, narrative=True) == ()


def test_acronyms_count_in_capitals_only_in_a_story() -> None:
    """« ct », « us », « rm » are common letters in a story, and techniques in a title."""
    assert [mention.exam for mention in EXAMS.in_text("us abdo")] == ["echo-abdominale"]
    assert exams("us abdo") == []
    assert exams("US abdo") == ["echo-abdominale"]
