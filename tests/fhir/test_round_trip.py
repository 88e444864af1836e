"""From an order to its card and back: what one click saves, read and judged again by the real core."""

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import Outcome
from pertimage.fhir.card_text import fact_labels
from pertimage.fhir.cards import CardMaker
from pertimage.fhir.checks import problems, response_problems
from pertimage.fhir.corrections import with_exam
from pertimage.fhir.requests import read_hook, read_service_request
from pertimage.fhir.statements import reads_with
from pertimage.guidelines.loader import load_base
from tests.fhir.cases import PUBLISHER, TODAY, counter, hook_call, patient, service_request

BASE = load_base()
LABELS = fact_labels({name: fact.label for name, fact in BASE.lexicon.facts.items()})
VIGNETTES = [(sheet.id, vignette) for sheet in BASE.sheets.values() for vignette in sheet.form.vignettes]


def answer(order):
    """Return the order read and the service's whole answer to it."""
    call = read_hook(hook_call(order, prefetch={"patient": patient()}), TODAY)
    maker = CardMaker(
        PUBLISHER,
        "order-sign",
        BASE.catalogue.exams.get,
        LABELS,
        reads_with(BASE.lexicon),
        counter(),
        completeness=BASE.tables.completeness,
    )
    judged = [(read, assess(read.request, BASE)) for read in call.orders]
    return judged, maker.response(judged)


def test_every_exam_of_the_catalogue_is_recognised_when_it_comes_back():
    """An order corrected by one click names, when it returns, the very exam that was proposed."""
    lost = []
    for exam in BASE.catalogue.exams.values():
        request = read_service_request(with_exam(service_request(), exam, PUBLISHER), TODAY).request
        found = {assessment.exam for assessment in assess(request, BASE)}
        if found != {exam.id}:
            lost.append((exam.id, found))
    assert lost == []


@pytest.mark.parametrize("rank", range(0, len(VIGNETTES), 7))
def test_answers_to_real_vignettes_are_valid(rank):
    """Cards of the base's own vignettes keep every invariant, and what they would save is valid FHIR."""
    _, vignette = VIGNETTES[rank]
    _, response = answer(service_request(code={"text": vignette.exam}, reasonCode=[{"text": vignette.text}], note=None))
    assert response["cards"]
    assert response_problems(response) == []
    actions = [action for card in response["cards"] for one in card.get("suggestions", []) for action in one["actions"]]
    assert [problems(action["resource"]) for action in actions if "resource" in action] == [
        [] for action in actions if "resource" in action
    ]


def test_an_alternative_or_not_indicated_exam_always_has_a_click():
    """Over all the vignettes, no unfavourable answer comes without a suggestion."""
    bare = []
    for name, vignette in VIGNETTES:
        judged, response = answer(service_request(code={"text": vignette.exam}, reasonCode=[{"text": vignette.text}], note=None))
        unfavourable = any(one.outcome in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED) for _, found in judged for one in found)
        if unfavourable and not any(card.get("suggestions") for card in response["cards"]):
            bare.append((name, vignette.text))
    assert bare == []
