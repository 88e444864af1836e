"""What a policy changes: vignettes with their record, from the text of the policy to the cards that are shown."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, Outcome, Severity
from pertimage.cds.policy import Policy, policy_of
from pertimage.cds.speech import heard
from pertimage.fhir.card_text import fact_labels
from pertimage.fhir.cards import CardMaker
from pertimage.fhir.checks import response_problems
from pertimage.fhir.context_words import record_facts
from pertimage.fhir.publisher import Publisher
from pertimage.fhir.requests import Order, read_hook
from pertimage.fhir.statements import reads_with
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.policy import AUDIENCES, SAFETY, form_of, read_policy

BASE = load_base()
DAY = date(2026, 11, 22)
CASES = yaml.safe_load(Path(__file__).with_name("politique.yaml").read_text(encoding="utf-8"))
PRESCRIBER, RADIOLOGIST = AUDIENCES
SYSTEMS = {"snomed": "http://snomed.info/sct", "loinc": "http://loinc.org", "atc": "http://www.whocc.no/atc"}
LEVELS = {"information": "info", "attention": "warning", "critique": "critical"}
STRICTNESS = {Outcome.APPROPRIATE: 0, Outcome.INCOMPLETE: 1, Outcome.ALTERNATIVE: 1, Outcome.NOT_INDICATED: 2}
FACTS_OF, READS_AS, LABEL_OF = (
    record_facts(BASE.lexicon),
    reads_with(BASE.lexicon),
    fact_labels({n: f.label for n, f in BASE.lexicon.facts.items()}),
)


def policy_in(case: dict[str, Any]) -> Policy:
    """Return the policy of a vignette, through its text and its canonical form, as the journal would give it back."""
    if "politique" not in case:
        return Policy()
    form, faults = read_policy(yaml.safe_dump(case["politique"], allow_unicode=True), BASE)
    assert faults == []
    assert form is not None
    return policy_of(form_of(form.document))


def orders_in(case: dict[str, Any]) -> tuple[Order, ...]:
    """Return the orders of the call that a GP's software would send."""
    asked = [{key: case[key] for key in ("examen", "texte")}, *case.get("autres_demandes", ())]
    drafts = [
        {
            "resourceType": "ServiceRequest", "id": f"sr{rank}", "status": "draft", "intent": "order", "subject": {"reference": "Patient/p1"},
            "authoredOn": DAY.isoformat(), "code": {"text": one["examen"]}, "reasonCode": [{"text": one["texte"]}],
        }
        for rank, one in enumerate(asked)
    ]  # fmt: skip
    born = DAY - timedelta(days=round(case.get("age", 45) * 365.25) + 20)
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "male" if case.get("sexe") == "homme" else "female",
        "birthDate": born.isoformat(),
    }
    record = [resource(short, rank) for rank, short in enumerate(case.get("dossier", ()))]
    call = {
        "hook": case.get("hook", "order-sign"), "hookInstance": "x",
        "context": {"patientId": "p1", "draftOrders": {"entry": [{"resource": one} for one in drafts]}},
        "prefetch": {"patient": patient, "dossier": {"resourceType": "Bundle", "entry": [{"resource": one} for one in record]}},
    }  # fmt: skip
    return tuple(read_hook(call, DAY, FACTS_OF).orders)


def resource(short: dict[str, Any], rank: int) -> dict[str, Any]:
    """Return a FHIR resource from its short form: an earlier exam (``examen``, ``jours``), or a coded or written fact."""
    if "examen" in short:
        started = (DAY - timedelta(days=short["jours"])).isoformat()
        return {"resourceType": "ImagingStudy", "id": f"x{rank}", "status": "available", "description": short["examen"], "started": started}
    coding = [{"system": SYSTEMS[name], "code": code} for name, code in short.items() if name in SYSTEMS]
    concept = ({"coding": coding} if coding else {}) | ({"text": short["texte"]} if "texte" in short else {})
    found = {
        "resourceType": short["kind"],
        "id": f"x{rank}",
        "subject": {"reference": "Patient/p1"},
        "type" if short["kind"] == "Device" else "code": concept,
    }
    return found | {name: value for name, value in short.items() if name not in {"kind", "texte", *SYSTEMS}}


def cards_of(case: dict[str, Any], policy: Policy) -> tuple[list[dict[str, Any]], list[tuple[Order, tuple[Assessment, ...]]]]:
    """Return the cards of a vignette, and what was judged."""
    hook, told = case.get("hook", "order-sign"), case.get("deja_dit", {})
    judged = [(order, assess(order.request, BASE, policy)) for order in orders_in(case)]
    numbers = itertools.count(1)
    maker = CardMaker(
        Publisher("https://pertimage.example", "https://pertimage.example/fhir"), hook, BASE.catalogue.exams.get, LABEL_OF, READS_AS,
        lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
    )  # fmt: skip

    def told_on(_order: Order, one: Assessment) -> date | None:
        return (
            DAY - timedelta(days=told[one.rule])
            if policy.quiet_days and told.get(one.rule, policy.quiet_days + 1) <= policy.quiet_days
            else None
        )

    shown = [(order, tuple(heard(one, policy, PRESCRIBER, hook) for one in found)) for order, found in judged]
    response = maker.response(shown, told_on)
    assert response_problems(response) == []
    return response["cards"], judged


def levels(assessment: Assessment) -> dict[str, str]:
    """Return the loudest severity of each kind of alert."""
    order = list(Severity)
    return {str(one.kind): str(one.severity) for one in sorted(assessment.alerts, key=lambda alert: order.index(alert.severity))}


def of_answer(expected: dict[str, Any], first: Assessment, policy: Policy, hook: str) -> list[str]:
    """Return what is wrong in the judgement of the first exam."""
    got = {
        "avis": str(first.outcome),
        "regle": first.rule,
        "silence": str(first.silenced) if first.silenced else None,
        "circuit": first.pathway,
    }
    found = [f"{key}: {got[key]}, not {expected[key]}" for key in got if key in expected and got[key] != expected[key]]
    for name, who, where in (
        ("alertes", PRESCRIBER, hook),
        ("alertes_page", PRESCRIBER, "page"),
        ("alertes_radiologue", RADIOLOGIST, "page"),
    ):
        told = levels(heard(first, policy, who, where))
        for kind, level in expected.get(name, {}).items():
            if told.get(kind) != LEVELS.get(level):
                found.append(f"{name} {kind}: {told.get(kind)}, not {level}")
    offers = [one.exam for one in first.alternatives]
    found += [f"{exam} is offered" for exam in expected.get("pas_propose", ()) if exam in offers]
    found += [f"{exam} is not offered: {offers}" for exam in expected.get("propose", ()) if exam not in offers]
    return found


def of_cards(expected: dict[str, Any], cards: list[dict[str, Any]]) -> list[str]:
    """Return what is wrong in the cards, in the order in which they are shown."""
    if "cartes" not in expected:
        return []
    got = [card["indicator"] for card in cards]
    wanted = [LEVELS[one["niveau"]] for one in expected["cartes"]]
    if got != wanted:
        return [f"cards {got}, not {wanted}: {[card['summary'] for card in cards]}"]
    said = [f"{card['summary']} {card['detail']}" for card in cards]
    found = [
        f"« {words} » not in {said[rank]}"
        for rank, one in enumerate(expected["cartes"])
        for words in one.get("dit", ())
        if words not in said[rank]
    ]
    found += [
        f"« {words} » in {said[rank]}"
        for rank, one in enumerate(expected["cartes"])
        for words in one.get("ne_dit_pas", ())
        if words in said[rank]
    ]
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["nom"] for case in CASES])
def test_what_a_policy_changes(case: dict[str, Any]) -> None:
    """The advice, the alerts that each reader is told, and the cards are those expected."""
    policy = policy_in(case)
    cards, judged = cards_of(case, policy)
    expected = case["attendu"]
    assert of_answer(expected, judged[0][1][0], policy, case.get("hook", "order-sign")) + of_cards(expected, cards) == []


@pytest.mark.parametrize("case", CASES, ids=[case["nom"] for case in CASES])
def test_what_no_policy_changes(case: dict[str, Any]) -> None:
    """No emergency, no safety alert and no sheet gets milder; one interruption per request; something to click on each warning."""
    policy = policy_in(case)
    cards, judged = cards_of(case, policy)
    bare = [assess(order.request, BASE) for order, _ in judged]
    for (_, after), before in zip(judged, bare, strict=True):
        for one, was in zip(after, before, strict=True):
            assert one.pathway == was.pathway
            assert one.silenced or STRICTNESS.get(one.outcome, -1) >= STRICTNESS.get(was.outcome, -1)
            assert not (one.silenced and one.pathway)
            for kind in SAFETY & levels(was).keys():
                assert Severity(levels(one)[kind]) in list(Severity)[list(Severity).index(Severity(levels(was)[kind])) :]
                assert heard(one, policy, PRESCRIBER, "order-sign").alerts
    loud = [card for card in cards if card["indicator"] != "info"]
    by_order = Counter(card["extension"]["davinci-crd.associated-resource"][0]["reference"] for card in loud)
    assert all(count == 1 for count in by_order.values())
    assert all(card.get("suggestions") or card.get("overrideReasons") for card in loud)
    for card in cards:
        alerts = card["detail"].partition("**Alertes**")[2].partition("\n\n**")[0]
        sentences = [sentence for line in alerts.split("\n- ")[1:] for sentence in line.split(". ")]
        assert len(sentences) == len(set(sentences)), alerts
