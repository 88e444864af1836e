"""Sentences that one click adds to an order, read back by the real reader of the real base."""

import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import Missing
from pertimage.fhir.card_text import fact_labels
from pertimage.fhir.requests import read_bundle
from pertimage.fhir.statements import answers, denial, denies, reads_with, verified
from pertimage.guidelines.loader import load_base
from tests.fhir.cases import TODAY, bundle, patient, service_request

BASE = load_base()
READS = reads_with(BASE.lexicon)
LABELS = fact_labels({name: fact.label for name, fact in BASE.lexicon.facts.items()})
TABLE = BASE.tables.completeness
# What the card offers for each item, in the words of the table.
SENTENCES = {name: found[0] for name, item in TABLE.items.items() if (found := answers(Missing(name, item.question), LABELS, READS, TABLE))}
# Requests that lack the item: an irradiating exam over the uterus, an MRI, an injected scanner.
LACKING = {
    "grossesse": "Radiographie du rachis lombaire",
    "examens-anterieurs": "Radiographie du rachis lombaire",
    "dispositif-implante": "IRM du rachis lombaire",
    "antecedents": "IRM du rachis lombaire",
    "allergie-contraste": "Scanner abdomino-pelvien injecté",
}


def missing(exam, *notes):
    """Return the items that a woman of 47's request for an exam lacks."""
    order = service_request(code={"text": exam}, note=[{"text": note} for note in notes] or None, category=None)
    (read,) = read_bundle(bundle(order, patient()), TODAY)
    return {item.item for assessment in assess(read.request, BASE) for item in assessment.missing}


@pytest.mark.parametrize("item", LACKING)
def test_a_legal_sentence_answers_its_question(item):
    """Once the sentence is in the order, the item is no longer missing."""
    assert item in missing(LACKING[item])
    assert item not in missing(LACKING[item], SENTENCES[item])


@pytest.mark.parametrize("sentence", SENTENCES.values())
def test_a_legal_sentence_affirms_nothing(sentence):
    """No legal sentence makes any fact true."""
    assert not any(READS(sentence).values())


def test_no_sentence_offered_is_misread():
    """For every fact of the lexicon, the sentences offered state that fact as meant; a denial affirms nothing."""
    offered = 0
    for name, fact in BASE.lexicon.facts.items():
        for sentence in answers(Missing(name, fact.question), LABELS, READS, TABLE) if name not in TABLE.items else ():
            offered += 1
            denied = sentence == denial([fact.label])
            assert READS(sentence).get(name) is not denied
            assert not denied or not any(READS(sentence).values())
    assert offered > 100


@pytest.mark.parametrize(
    "answer", [one for item in TABLE.items.values() for one in item.answers if one.fact and one.value is None], ids=lambda one: one.sentence
)
def test_every_answer_of_the_table_is_read_as_meant(answer):
    """The sentence of a click states its fact as the table says, and a denial affirms nothing."""
    assert READS(answer.sentence).get(answer.fact) is answer.holds
    assert answer.holds or not any(READS(answer.sentence).values())


def test_when_a_sheet_asks_every_answer_is_offered():
    """A deciding question has its yes beside its no; an item of the table has one sentence, for a card is short."""
    row = TABLE.items["anticoagulant"]
    assert len(answers(Missing("anticoagulant", row.question, True), LABELS, READS, TABLE)) == 1
    assert len(answers(Missing("anticoagulant", "Le patient prend-il un anticoagulant ?"), LABELS, READS, TABLE)) == 2


def test_ambiguous_red_flags_are_left_out():
    """A flag whose label our reader would take wrongly is not denied in one click; the others are."""

    def reads(sentence):
        return {"a": False} | ({"b": True} if "bruit" in sentence else {})

    labels = {"a": "aura", "b": "bruit"}.get
    items = [Missing("a", "?"), Missing("b", "?")]
    assert verified(items, labels, reads) == "Pas d'aura."
    assert verified(items[1:], labels, reads) == ""
    assert not denies("Pas de bruit.", ["b"], reads)


@pytest.mark.parametrize("question", ["Depuis combien de temps ?", "Quel est le DFG ?", "Précisez : score ?"])
def test_open_questions_have_no_one_click_answer(question):
    """What yes or no does not answer is asked, not offered."""
    assert answers(Missing("fievre", question), LABELS, READS, TABLE) == []


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (["fièvre"], "Pas de fièvre."),
        (["fièvre", "hémoptysie"], "Pas de fièvre, pas d'hémoptysie."),
        (["altération de l'état général"], "Pas d'altération de l'état général."),
        (["hernie"], "Pas de hernie."),
        (["IRM"], "Pas d'IRM."),
        ([], ""),
    ],
)
def test_denials_are_correct_french(said, sentence):
    """The elision follows the word, aspirated h included."""
    assert denial(said) == sentence
