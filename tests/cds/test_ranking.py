"""How alternatives are ranked and told: guidance, dose, wait, region named; the territory never changes what the guidance says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.cds.records import assessment_of
from pertimage.cds.territory import Territory, Wait, territory_of
from pertimage.guidelines.loader import load_base

BASE = load_base()
NEAR, FAR = Wait("a", "Cabinet du Parc", "MR", 12.0, 30.0, 40), Wait("b", "CH de Foix", "MR", 25.0, 40.0, 80)


def judged(text, exam, territory=None, age=45):
    """Return the answer to a request on a territory."""
    return assess(ImagingRequest("r", exam_text=exam, texts=(TextPart("reasonCode", text),), age=age), BASE, territory=territory)[0]


def test_the_shortest_wait_is_told_with_its_place():
    """Among the sites of a technique the shortest median is the one proposed, by name."""
    answer = judged("lombalgie depuis 4 mois malgré kiné", "radio rachis lombaire", Territory((FAR, NEAR), digest="x"))
    (offer,) = [one for one in answer.alternatives if one.exam == "irm-rachis-lombaire"]
    assert (offer.wait_days, offer.wait_site) == (12.0, "Cabinet du Parc")
    assert assessment_of(answer.to_json()).alternatives == answer.alternatives
    assert answer.territory == "x"


def test_what_is_not_known_is_not_told():
    """A technique without wait has none, and no place: the JSON keeps the key, empty."""
    answer = judged("lombalgie depuis 4 mois malgré kiné", "radio rachis lombaire", Territory((replace(NEAR, modality="CT"),)))
    shown = next(one.to_json() for one in answer.alternatives if one.exam == "irm-rachis-lombaire")
    assert shown["wait_days"] is None
    assert "wait_site" not in shown


@pytest.mark.parametrize(("mr", "us"), [(3.0, 40.0), (40.0, 3.0)])
def test_exams_of_the_same_dose_are_ranked_by_wait(mr, us):
    """Two exams without rays that the rule supports alike: the sooner comes first."""
    waits = (replace(NEAR, median=mr), replace(NEAR, modality="US", median=us))
    answer = judged(
        "suspicion d'endométriose, dysménorrhées malgré pilule, échographie faite normale", "scanner pelvien", Territory(waits), age=30
    )
    ranked = [BASE.catalogue.exams[one.exam].modality for one in answer.alternatives if one.exam != "none" and not one.when]
    assert {"MR", "US"} <= {str(one) for one in ranked}
    assert str(ranked[0]) == ("MR" if mr < us else "US")


def test_no_wait_makes_an_irradiating_exam_come_before_one_without_rays():
    """The dose ranks before the wait, however long."""
    soon, late = replace(NEAR, modality="CT", median=0.5), replace(NEAR, median=300.0)
    with_waits = judged(
        "douleur FID, suspicion d'appendicite depuis 24 h, pas de défense", "ASP", Territory((soon, late, replace(late, modality="US"))), 24
    )
    doses = [one.msv or 0.0 for one in with_waits.alternatives if one.exam != "none" and not one.when]
    assert doses == sorted(doses)


def test_the_territory_never_changes_the_outcome():
    """Every vignette of the base has the same outcome, rule and flags wherever it is judged."""
    from pertimage.web.vignettes import as_request

    nowhere = Territory((FAR,), frozenset({"DX"}), "x")
    for sheet in BASE.sheets.values():
        for number, vignette in enumerate(sheet.form.vignettes):
            request = as_request(vignette, sheet.id, number)
            here, there = assess(request, BASE), assess(request, BASE, territory=nowhere)
            assert [(one.outcome, one.rule, one.pathway, one.flagged) for one in here] == [
                (one.outcome, one.rule, one.pathway, one.flagged) for one in there
            ], f"{sheet.id}, {number}"


def test_a_territory_is_read_back_from_its_record():
    """What the journal keeps gives the same territory."""
    territory = Territory((NEAR, FAR), frozenset({"MR", "CT"}), "d")
    assert territory_of(territory.to_json(), "d") == territory
    assert territory_of(Territory().to_json()) == Territory()


@pytest.mark.parametrize(
    ("words", "first"), [("du pied droit", "radio-pied"), ("de la main gauche", "radio-main"), ("du genou", "radio-genou")]
)
def test_among_alike_exams_the_region_named_comes_first(words, first):
    """A sheet about any limb supports films of each segment: the one of the words is the one in a click."""
    answer = judged(f"suspicion d'algodystrophie {words} depuis 2 mois", "scintigraphie osseuse")
    assert answer.alternatives[0].exam == first
