"""Every row of the table of completeness, through the service's own door: an order and its record in FHIR, what is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment
from pertimage.fhir.history import coded_facts
from pertimage.fhir.requests import read_bundle
from pertimage.guidelines.completeness import FRENCH_LEVELS
from pertimage.guidelines.loader import load_base
from tests.fhir.cases import ICD10, TODAY, bundle, condition, observation, patient, service_request

BASE = load_base()
CODED = coded_facts(BASE.lexicon.facts, BASE.lexicon.atc)
TABLE = BASE.tables.completeness
CASES = yaml.safe_load((Path(__file__).parent / "completude.yaml").read_text(encoding="utf-8"))
SEXES = {"femme": "female", "homme": "male", None: "unknown"}


def resource(said: dict[str, Any]) -> dict[str, Any]:
    """Return the FHIR resource of a short form."""
    when = {"effectiveDateTime": said["date"]} if "date" in said else {}
    if "observation" in said:
        value = said["valeur"]
        return observation(said["observation"], tuple(value) if isinstance(value, list) else value, **when)
    if "imagerie" in said:
        report = {"resourceType": "DiagnosticReport", "id": "d1", "status": "final", "subject": {"reference": "Patient/p1"}}
        return report | {"category": [{"coding": [{"code": "RAD"}]}], "code": {"text": said["imagerie"]}} | when
    return condition(ICD10, said["maladie"])


def judged(case: dict[str, Any]) -> Assessment:
    """Return the assessment of a case."""
    text = case["texte"]
    order = service_request(
        code={"text": case["examen"]}, reasonCode=[{"text": text}] if text else None, note=None, category=None, priority=case.get("priorite", "routine")
    )  # fmt: skip
    birth = f"{TODAY.year - case['age']}-03-14" if "age" in case else None
    who = patient(gender=SEXES[case.get("sexe")], birthDate=birth)
    (read,) = read_bundle(bundle(order, who, *map(resource, case.get("dossier", ()))), TODAY, facts_of=CODED)
    (one,) = assess(read.request, BASE)
    return one


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['texte']} | {case['examen']}")
def test_what_is_asked_and_what_is_not(case: dict[str, Any]) -> None:
    """An item is asked when it lacks and is of concern; not when it is said, « aucun » and « non connu » included."""
    one = judged(case)
    asked = {item.item: item for item in one.missing}
    assert set(case.get("manque", ())) <= set(asked)
    assert set(case.get("dit", ())).isdisjoint(asked)
    if "bloquant" in case:
        assert {name for name in case["manque"] if asked[name].blocking} == set(case["bloquant"])
    assert {name: asked[name].level for name in case.get("niveau", ())} == case.get("niveau", {})
    assert one.pathway == case.get("circuit")


def test_every_row_is_shown_both_ways() -> None:
    """Each row has a case that asks it and one that does not."""
    for name in TABLE.items:
        assert any(name in case.get("manque", ()) for case in CASES), name
        assert any(name in case.get("dit", ()) for case in CASES), name


def test_what_matters_most_comes_first() -> None:
    """The deciding question, then the law, then safety, then the rest; what blocks before what does not."""
    case = {"texte": "lombalgie", "examen": "radio du rachis lombaire", "age": 30, "sexe": "femme"}
    assert [item.item for item in judged(case).missing] == ["duree", "finalite", "grossesse", "examens-anterieurs"]
    case = {"texte": "céphalée depuis 3 mois, soudeur, phobie", "examen": "IRM cérébrale injectée", "age": 30, "sexe": "femme"}
    items = [item for item in judged(case).missing if item.level != "clinical"]
    assert [item.blocking for item in items] == sorted((item.blocking for item in items), reverse=True)
    assert items[-1].item == "claustrophobie"


def test_an_item_that_a_sheet_asks_is_asked_once() -> None:
    """A sheet's question and the table's make one item, that blocks when the table says so."""
    for case in CASES:
        items = [item.item for item in judged(case).missing]
        assert len(items) == len(set(items))


@pytest.mark.parametrize(
    ("name", "sentence"), [(name, answer.sentence) for name, item in TABLE.items.items() for answer in item.answers], ids=lambda one: one
)
def test_a_click_answers_its_question(name: str, sentence: str) -> None:
    """Once the sentence of a click is in the request, its question is not asked again, without the fact that travels beside it."""
    case = next(case for case in CASES if name in case.get("manque", ()) and "ne sait pas" not in case["texte"])
    assert name not in {item.item for item in judged(case | {"texte": f"{case['texte']}. {sentence}"}).missing}


def test_a_blank_filled_answers_its_question() -> None:
    """What is typed in a field answers its question too."""
    for name, item in TABLE.items.items():
        if item.blank is not None:
            case = next(case for case in CASES if name in case.get("manque", ()))
            unit = f" {item.blank.units[0]}." if item.blank.units else item.blank.tail
            said = f"{case['texte']}. {item.blank.lead}{item.blank.placeholder}{unit}"
            assert name not in {one.item for one in judged(case | {"texte": said}).missing}, said


def test_levels_are_those_of_the_contract() -> None:
    """The levels that an assessment may give."""
    assert set(map(str, FRENCH_LEVELS.values())) == {"legal", "clinical", "safety", "logistics"}
