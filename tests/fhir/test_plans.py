"""Sheets as FHIR PlanDefinitions."""

from copy import deepcopy

import pytest

from pertimage.fhir.checks import problems
from pertimage.fhir.publisher import Publisher
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.schema import Verdict
from pertimage.web.guidelines_api import plans

PUBLISHER = Publisher("https://exemple.fr", "https://exemple.fr/fhir")
PLANS = plans(load_base(), PUBLISHER)


def actions(plan):
    """Return the actions of the rules, by id."""
    return {action["id"]: action for action in plan["action"][0]["action"]}


@pytest.mark.parametrize("name", PLANS)
def test_every_sheet_is_a_valid_plan(name):
    """Each sheet passes R4 validation with its required codes."""
    assert problems(PLANS[name]) == []


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_says_every_rule_in_order(name):
    """Rules keep their order, their ids, their reason and a condition in words that no engine takes for an expression."""
    rules = load_base().sheets[name].rules
    found = PLANS[name]["action"][0]["action"]
    assert [(action["id"], action["description"]) for action in found] == [(rule.id, rule.why) for rule in rules]
    conditions = [condition for action in found for condition in action["condition"]]
    assert {condition["expression"]["language"] for condition in conditions} == {"text/plain"}


@pytest.mark.parametrize("name", PLANS)
def test_an_exam_that_is_not_indicated_is_never_an_action(name):
    """What a rule advises against is said in words, not as something to do."""
    base = load_base()
    for rule in base.sheets[name].rules:
        action = actions(PLANS[name])[rule.id]
        codes = {exam["code"][0]["coding"][0]["code"] for exam in action.get("action", [])}
        avoided = {exam for exam, position in rule.positions.items() if position.verdict is Verdict.NOT_INDICATED}
        assert codes == rule.positions.keys() - avoided
        assert [exam for exam in avoided if base.catalogue.exams[exam].label not in action["textEquivalent"]] == []


@pytest.mark.parametrize("name", PLANS)
def test_only_shown_sources_are_cited(name):
    """The citations are the sources of the sheet's page, no more and no less."""
    cited = [artifact["citation"] for artifact in PLANS[name]["relatedArtifact"] if artifact["type"] == "citation"]
    sources = load_base().sheets[name].form.sources.values()
    assert len(cited) == len(sources)
    assert all(source.title in citation for source, citation in zip(sources, cited, strict=True))


def test_a_draft_says_that_it_is_one():
    """Status, experimental flag and usage say draft; whom the sheet is for is in its contexts; red flags are all named."""
    plan, sheet = PLANS["lombalgie-commune"], load_base().sheets["lombalgie-commune"]
    assert (plan["status"], plan["experimental"]) == ("draft", True)
    assert "aucun comité n'a relu" in plan["usage"]
    assert plan["useContext"][1]["valueRange"]["low"]["value"] == 18
    assert "goal" not in plan
    assert [flag.label for flag in sheet.flags if flag.label not in plan["description"]] == []


def test_a_condition_on_red_flags_names_them():
    """« Un signe d'alerte » alone would tell nobody which: the condition lists those it means, and only those."""
    sheet = load_base().sheets["lombalgie-commune"]
    said = actions(PLANS["lombalgie-commune"])["urgence"]["condition"][0]["expression"]["description"]
    assert all((flag.label in said) for flag in sheet.flags if flag.emergency)
    assert "Corticothérapie" not in said


def test_an_emergency_is_the_first_priority():
    """A rule that sends to the emergency department is « stat »."""
    assert actions(PLANS["lombalgie-commune"])["urgence"]["priority"] == "stat"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "brouillon"),
        (("relatedArtifact", 0, "type"), "source"),
        (("action", 0, "selectionBehavior"), "first"),
        (("action", 0, "action", 0, "priority"), "high"),
        (("action", 0, "action", 0, "condition", 0, "kind"), "if"),
        (("action", 0, "trigger", 0, "type"), "order-sign"),
        (("action", 0, "action", 0, "condition", 0, "expression"), {"language": "text/plain"}),
    ],
)
def test_a_wrong_plan_is_seen(path, value):
    """The check itself sees a code out of its binding, at any depth, and an expression that says nothing."""
    wrong = deepcopy(PLANS["lombalgie-commune"])
    place = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert len(problems(wrong)) == 1
