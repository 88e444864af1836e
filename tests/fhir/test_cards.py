"""CDS Hooks cards."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.model import Alert, AlertKind, Alternative, FactFound, Missing, Outcome, Severity, Status
from pertimage.fhir.annotation import RATING, annotated
from pertimage.fhir.card_text import french_number, in_sentence, quoted, shorten
from pertimage.fhir.cards import indicator, topic
from pertimage.fhir.checks import call_problems, problems, response_problems
from pertimage.fhir.requests import read_service_request
from tests.fhir.cases import (
    ALTERNATIVE,
    APPROPRIATE,
    ASSESSMENTS,
    EMERGENCY,
    INCOMPLETE,
    NO_GUIDANCE,
    NOT_INDICATED,
    PUBLISHER,
    TODAY,
    assert_golden,
    card_maker,
    counter,
    hook_call,
    service_request,
)


def order(**changes):
    """Return the shared order, read."""
    return read_service_request(service_request(**changes), TODAY)


def card(assessment, hook="order-sign", **changes):
    """Return the card of an assessment of the shared order."""
    return card_maker(hook).card(order(**changes), assessment)


def labels(found):
    """Return the labels of a card's suggestions."""
    return [suggestion["label"] for suggestion in found.get("suggestions", [])]


@pytest.mark.parametrize("name", ASSESSMENTS)
def test_cards_as_reviewed(name):
    """Each outcome gives the card that was read and approved."""
    assert_golden(f"card-{name}", card(ASSESSMENTS[name]))


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize("name", ASSESSMENTS)
def test_every_card_is_a_valid_answer(name, hook):
    """Every card keeps the mandatory fields and the seven response invariants of CDS Hooks."""
    assert response_problems(card_maker(hook).response([(order(), (ASSESSMENTS[name],))])) == []


@pytest.mark.parametrize("name", ASSESSMENTS)
def test_every_resource_of_a_suggestion_is_valid(name):
    """The order that one click would save is valid FHIR R4."""
    actions = [action for suggestion in card(ASSESSMENTS[name]).get("suggestions", []) for action in suggestion["actions"]]
    assert [problems(action["resource"]) for action in actions if "resource" in action] == [
        [] for action in actions if "resource" in action
    ]


@pytest.mark.parametrize(
    ("assessment", "on_select", "on_sign"),
    [
        (EMERGENCY, "critical", "critical"),
        (APPROPRIATE, "info", "info"),
        (ALTERNATIVE, "warning", "warning"),
        (replace(NOT_INDICATED, missing=()), "warning", "warning"),
        (INCOMPLETE, "info", "warning"),
        (NO_GUIDANCE, "info", "info"),
        (replace(APPROPRIATE, missing=(Missing("grossesse", "Enceinte ?", True),)), "info", "warning"),
        (replace(APPROPRIATE, alerts=(Alert(AlertKind.PREGNANCY, Severity.CRITICAL, "Enceinte."),)), "critical", "critical"),
        (replace(APPROPRIATE, alerts=(Alert(AlertKind.REDUNDANCY, Severity.WARNING, "Déjà fait."),)), "warning", "warning"),
        (
            replace(
                APPROPRIATE,
                missing=(Missing("lateralite", "Côté ?", True),),
                alerts=(Alert(AlertKind.LATERALITY, Severity.WARNING, "Côté."),),
            ),
            "info",
            "warning",
        ),
    ],
)
def test_how_loudly_a_card_speaks(assessment, on_select, on_sign):
    """An emergency is critical; what is merely not yet written is quiet while the order is being composed."""
    assert (indicator(assessment, "order-select"), indicator(assessment, "order-sign")) == (on_select, on_sign)


def test_a_good_request_gets_one_discreet_card():
    """An appropriate, complete request is told so without suggestion nor override."""
    found = card(APPROPRIATE)
    assert found["indicator"] == "info"
    assert found["summary"] == "IRM du rachis lombaire : pertinent"
    assert not {"suggestions", "overrideReasons"} & found.keys()


def test_no_guidance_is_said_in_words():
    """A request outside the base is never shown as approved."""
    found = card(NO_GUIDANCE)
    assert "hors référentiel" in found["summary"]
    assert "pas une approbation" in found["summary"]


def test_a_better_exam_is_named_in_the_summary():
    """The summary names the better exam before the one requested."""
    assert card(ALTERNATIVE)["summary"] == "Échographie de l'épaule plutôt que radiographie de l'épaule"


def test_a_measure_is_shown_in_the_words_that_state_it():
    """« 10 jours » is shown as written, not as a bare number."""
    assert "durée : « 10 jours »" in card(NOT_INDICATED)["detail"]


def test_what_was_deduced_is_not_shown_as_read():
    """Facts of the record are shown as such; facts implied by others are not « lus »."""
    known = FactFound("grossesse", Status.PRESENT, "Observation")
    implied = FactFound("aeg", Status.PRESENT, "kilos-perdus")
    detail = card(replace(NOT_INDICATED, facts=(known, implied, FactFound("age", Status.PRESENT, "", value=47.0))))["detail"]
    assert "- grossesse : présent (dossier)\n- âge : 47 (dossier)\n" in detail
    assert "aeg" not in detail


def test_what_the_service_could_not_know_is_said():
    """An advice given without age nor antecedents says so."""
    assert "Non disponible, tenu pour inconnu : âge et sexe du patient." in card(NOT_INDICATED)["detail"]


def test_an_emergency_is_said_first():
    """Summary and detail of an emergency begin with the emergency department or the 15."""
    found = card(EMERGENCY)
    assert found["summary"].startswith("Urgence : adresser aux urgences ou appeler le 15")
    assert found["detail"].startswith("**Urgences ou appel du 15")
    assert found["indicator"] == "critical"


def test_the_detail_says_what_it_supposes_reads_and_cites():
    """The detail holds the reason, « en l'absence de… », what was read, the questions, the source, the version and the draft state."""
    detail = card(NOT_INDICATED)["detail"]
    for words in (
        NOT_INDICATED.reason,
        "**en l'absence de** : fièvre, antécédent de cancer",
        "déficit moteur : absent (« Pas de déficit »)",
        "La patiente est-elle enceinte ou peut-elle l'être ? *(exigé)*",
        "HAS, *Prise en charge du patient présentant une lombalgie commune*, 2019",
        "Brouillon non relu",
        "Référentiel 2026.11.0, règle lombalgie-commune/recente",
        "environ 1,5 mSv",
    ):
        assert words in detail


def test_a_reviewed_rule_is_not_called_a_draft():
    """The draft notice disappears once a committee has signed the sheet."""
    assert "Brouillon" not in card(APPROPRIATE)["detail"]


def test_foreign_words_are_quoted_and_inert():
    """Markup in the prescriber's words is shown, not rendered."""
    detail = card(NO_GUIDANCE)["detail"]
    assert "<b>" not in detail
    assert "&lt;b&gt;du&lt;/b&gt; \\_genou\\_" in detail


def test_a_better_exam_is_one_click_away():
    """The update carries the entire order, with the better exam's codes and its own id and status."""
    first = card(ALTERNATIVE)["suggestions"][0]
    assert first["isRecommended"] is True
    (action,) = first["actions"]
    corrected = action["resource"]
    assert (action["type"], corrected["id"], corrected["status"]) == ("update", "sr1", "draft")
    assert corrected["code"] == {
        "coding": [
            {
                "system": "https://imagerie.exemple.fr/fhir/CodeSystem/examen-imagerie",
                "code": "echo-epaule",
                "display": "Échographie de l'épaule",
            }
        ],
        "text": "Échographie de l'épaule",
    }
    assert {key: value for key, value in corrected.items() if key != "code"} == {
        key: value for key, value in service_request().items() if key != "code"
    }


def test_ccam_and_loinc_codes_of_the_better_exam_are_given():
    """The corrected order can be billed and recognised: CCAM and LOINC beside our own code."""
    only = replace(ALTERNATIVE, alternatives=(Alternative("irm-rachis-lombaire", "IRM du rachis lombaire"),))
    coding = card(only)["suggestions"][0]["actions"][0]["resource"]["code"]["coding"]
    assert [(item["system"], item["code"]) for item in coding[1:]] == [
        ("https://smt.esante.gouv.fr/terminologie-ccam", "LHQN001"),
        ("http://loinc.org", "24968-0"),
    ]


def test_the_side_survives_a_replacement():
    """When only words carried the side, the corrected exam says it too."""
    corrected = card(ALTERNATIVE, code={"text": "Radio de l'épaule gauche"})["suggestions"][0]["actions"][0]["resource"]
    assert corrected["code"]["text"] == "Échographie de l'épaule, côté gauche"


def test_details_of_the_former_exam_go_with_it():
    """« Face et profil » does not follow an X-ray that becomes an MRI."""
    assert "orderDetail" not in card(ALTERNATIVE, orderDetail=[{"text": "face et profil"}])["suggestions"][0]["actions"][0]["resource"]


def test_an_r5_order_is_corrected_in_r5():
    """The corrected order keeps the shape in which it came."""
    corrected = card(ALTERNATIVE, code={"concept": {"text": "radio"}})["suggestions"][0]["actions"][0]["resource"]
    assert corrected["code"]["concept"]["text"] == "Échographie de l'épaule"


def test_the_original_order_is_never_changed():
    """Making cards leaves the client's order as it was."""
    asked = order()
    before = copy.deepcopy(asked.resource)
    for assessment in ASSESSMENTS.values():
        card_maker().card(asked, assessment)
    assert asked.resource == before


def test_giving_up_is_one_click_away():
    """A not-indicated exam can be deleted in one click, by its reference; that is what is recommended."""
    first = card(NOT_INDICATED)["suggestions"][0]
    assert (first["label"], first["isRecommended"]) == ("Renoncer à l'examen", True)
    assert first["actions"] == [{"type": "delete", "description": "Renoncer à l'examen", "resourceId": "ServiceRequest/sr1"}]


def test_giving_up_in_an_emergency_sends_to_the_emergency_department():
    """Nobody in danger is merely sent home."""
    assert labels(card(replace(NOT_INDICATED, pathway="emergency")))[0] == "Renoncer à l'examen et adresser aux urgences"


def test_something_else_first_is_one_click_away():
    """When an ECG or a specialist comes first, the click gives the exam up for now and says what for."""
    first = replace(ALTERNATIVE, alternatives=(Alternative("none", "D'abord : ECG"), Alternative("irm-epaule", "IRM de l'épaule")))
    found = card(first)
    assert found["summary"] == "Radiographie de l'épaule : autre examen préférable. D'abord : ECG"
    assert "Renoncer à l'examen pour l'instant. D'abord : ECG" in labels(found)
    assert sum(bool(one.get("isRecommended")) for one in found["suggestions"]) == 1


def test_what_is_missing_can_be_stated_in_one_click_but_is_never_recommended():
    """The button shows the very sentence that is added to the notes; only the prescriber can vouch for it."""
    suggestions = card(NOT_INDICATED)["suggestions"][1:]
    assert [one["label"] for one in suggestions] == [
        "Ajouter : « Patiente non enceinte. »",
        "Ajouter : « Pas de fièvre, pas d'antécédent de cancer. »",
    ]
    for one, sentence in zip(suggestions, ("Patiente non enceinte.", "Pas de fièvre, pas d'antécédent de cancer."), strict=True):
        assert "isRecommended" not in one
        assert one["actions"][0]["resource"]["note"] == [{"text": "Pas de déficit neurologique."}, {"text": sentence}]


def test_a_clinical_question_is_answered_yes_or_no_in_one_click():
    """A question of fact offers both answers; « depuis combien de temps » offers none."""
    assert labels(card(INCOMPLETE)) == ["Ajouter : « Déficit moteur. »", "Ajouter : « Pas de déficit moteur. »"]


def test_a_missing_side_offers_both_sides():
    """The side is added as a SNOMED body site, which the reader reads back."""
    found = card(replace(APPROPRIATE, missing=(Missing("lateralite", "De quel côté : droit, gauche ou les deux ?", True),)))
    assert labels(found) == ["Ajouter : côté droit", "Ajouter : côté gauche"]
    corrected = [one["actions"][0]["resource"] for one in found["suggestions"]]
    assert [read_service_request(resource, TODAY).request.laterality for resource in corrected] == ["right", "left"]


def test_an_order_without_id_gets_no_suggestion():
    """What the client could not apply is not offered; the advice stays."""
    found = card(ALTERNATIVE, id=None)
    assert "suggestions" not in found
    assert "Échographie de l'épaule" in found["detail"]


def test_at_most_three_suggestions():
    """However much there is to say, three clicks at most."""
    everything = replace(ALTERNATIVE, missing=NOT_INDICATED.missing, absent_flags=NOT_INDICATED.absent_flags)
    assert len(card(everything)["suggestions"]) == 3


def test_warnings_can_be_overridden_with_a_coded_reason():
    """Every override reason is ours, with its French display."""
    reasons = card(ALTERNATIVE)["overrideReasons"]
    assert {reason["system"] for reason in reasons} == {"https://imagerie.exemple.fr/fhir/CodeSystem/motif-derogation"}
    assert all(reason["display"][0].isupper() for reason in reasons)


def test_the_source_and_the_links_open_the_sheet():
    """The source and the links are absolute addresses of the sheet's public page; without rule, of the whole base."""
    found = card(NOT_INDICATED)
    assert found["source"]["url"] == found["links"][0]["url"] == "https://imagerie.exemple.fr/referentiel/lombalgie-commune"
    assert card(NO_GUIDANCE)["source"]["url"] == "https://imagerie.exemple.fr/referentiel"


def test_the_card_names_its_order():
    """In a call with several orders each card points to its own."""
    assert card(NOT_INDICATED)["extension"] == {"davinci-crd.associated-resource": [{"reference": "ServiceRequest/sr1"}]}


def test_the_most_serious_card_comes_first():
    """Cards are sorted by how loudly they speak."""
    response = card_maker().response([(order(), (APPROPRIATE, NOT_INDICATED)), (order(id="sr2"), (EMERGENCY,))])
    assert [found["indicator"] for found in response["cards"]] == ["critical", "warning", "info"]


@pytest.mark.parametrize(
    ("assessment", "code"),
    [
        (APPROPRIATE, "guideline"),
        (ALTERNATIVE, "therapy-alternatives-opt"),
        (NOT_INDICATED, "off-guideline"),
        (INCOMPLETE, "clinical-reminder"),
        (NO_GUIDANCE, "guideline"),
        (replace(APPROPRIATE, alerts=(Alert(AlertKind.REDUNDANCY, Severity.WARNING, "x"),)), "duplicate-therapy"),
        (replace(APPROPRIATE, alerts=(Alert(AlertKind.CONTRAST_RENAL, Severity.CRITICAL, "x"),)), "contraindication"),
    ],
)
def test_the_topic_of_a_card(assessment, code):
    """The topic is a code of the CDS Hooks card types."""
    assert topic(assessment)[0] == code


# The twelve invariants of CDS Hooks 3.0: each fault is seen by our checks (cds-fb-1 to 3 are in test_feedback).
GOOD = {"uuid": "u", "summary": "s", "indicator": "info", "source": {"label": "l"}}
SUGGESTION = {"label": "l", "actions": [{"type": "delete", "description": "d", "resourceId": "ServiceRequest/1"}]}


@pytest.mark.parametrize(
    ("fault", "invariant"),
    [
        ({"suggestions": [SUGGESTION | {"isRecommended": True}] * 2, "selectionBehavior": "at-most-one"}, "cds-resp-1"),
        ({"suggestions": [{"label": "l", "actions": [{"type": "delete", "description": "d"}]}], "selectionBehavior": "any"}, "cds-resp-2"),
        ({"links": [{"label": "l", "url": "https://x", "type": "absolute", "appContext": "c"}]}, "cds-resp-3"),
        ({"overrideReasons": [{"code": "c"}]}, "cds-resp-4"),
        ({"suggestions": [{"label": "l", "actions": [{"type": "delete", "resourceId": "x"}]}], "selectionBehavior": "any"}, "cds-resp-5"),
        ({"suggestions": [SUGGESTION]}, "cds-resp-6"),
        ({"suggestions": [SUGGESTION | {"actionSelectionBehavior": "some"}], "selectionBehavior": "any"}, "cds-resp-7"),
    ],
)
def test_each_response_invariant_can_fail(fault, invariant):
    """The check behind the tests above does see a breach of each invariant."""
    assert response_problems({"cards": [GOOD]}) == []
    assert any(invariant in problem for problem in response_problems({"cards": [GOOD | fault]}))


@pytest.mark.parametrize(
    ("fault", "invariant"),
    [
        ({"fhirAuthorization": {"scope": "user/*.rs"}}, "cds-r-1"),
        ({"fhirServer": "https://x", "fhirAuthorization": {"scope": "patient/*.rs"}}, "cds-r-2"),
    ],
)
def test_each_request_invariant_is_seen(fault, invariant):
    """A call that breaks a request invariant is seen, though it can still be read."""
    assert call_problems(hook_call(service_request())) == []
    assert any(invariant in problem for problem in call_problems(hook_call(service_request()) | fault))


@pytest.mark.parametrize(
    "fault", [{"summary": "x" * 140}, {"summary": ""}, {"indicator": "danger"}, {"source": {}}, {"uuid": ""}, {"links": []}]
)
def test_each_mandatory_field_is_checked(fault):
    """A card without its mandatory fields, too long or with an empty array is seen."""
    assert response_problems({"cards": [GOOD | fault]}) != []


@given(st.text(max_size=400), st.text(max_size=300))
def test_no_label_nor_reason_breaks_a_card(label, reason):
    """Whatever the exam is called, the summary keeps to one line of less than 140 characters."""
    for outcome in Outcome:
        assessment = replace(
            NOT_INDICATED, outcome=outcome, exam_label=label, reason=reason, alternatives=(Alternative("irm-epaule", label or "x"),)
        )
        assert response_problems({"cards": [card(assessment)]}) == []


@given(st.text(max_size=300))
def test_shortening_keeps_the_limit(words):
    """A shortened sentence is one line within its limit, and a short one keeps all its words."""
    assert len(shorten(words, 60)) <= 60
    if len(" ".join(words.split())) <= 60:
        assert shorten(words, 60) == " ".join(words.split())


def test_quotes_have_no_live_markdown():
    """Every mark of Markdown in a quote is escaped."""
    assert quoted("[a](javascript:x) *b* `c`") == r"\[a\](javascript:x) \*b\* \`c\`"


@pytest.mark.parametrize(
    ("label", "words"),
    [("IRM du genou", "IRM du genou"), ("Échographie", "échographie"), ("D'abord : ECG", "d'abord : ECG"), ("TEP", "TEP"), ("", "")],
)
def test_labels_inside_a_sentence(label, words):
    """Acronyms keep their capital, common nouns lose it."""
    assert in_sentence(label) == words


def test_numbers_are_written_in_french():
    """Decimal comma, no useless decimals, two for euros."""
    assert [french_number(1.5), french_number(4.0), french_number(37.8, 2)] == ["1,5", "4", "37,80"]


def test_the_rating_is_attached_when_asked_for():
    """An Argonaut client finds the rating at both places; it adds extensions and changes nothing else."""
    asked = order()
    response = annotated({"cards": []}, asked, NOT_INDICATED, "urn:uuid:1", PUBLISHER)
    assert response["systemActions"] == response["extension"]["systemActions"]
    resource = response["systemActions"][0]["resource"]
    assert resource["extension"][0]["url"] == RATING
    assert resource["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "not-appropriate"
    assert {key: value for key, value in resource.items() if key != "extension"} == asked.resource
    assert problems(resource) == response_problems(response) == []


def test_an_incomplete_request_has_no_rating():
    """Not enough information means no rating at all, and no empty array."""
    assert annotated({"cards": []}, order(), INCOMPLETE, "urn:uuid:1", PUBLISHER) == {"cards": []}


def test_identifiers_are_never_reused():
    """Every card and suggestion has its own identifier, so that feedback can name it."""
    response = card_maker().response([(order(), tuple(ASSESSMENTS.values()))])
    uuids = [one["uuid"] for found in response["cards"] for one in (found, *found.get("suggestions", []))]
    assert len(uuids) == len(set(uuids))
    assert uuids[0] != counter()()


def test_a_repeated_exam_is_given_up_in_one_click_and_never_recommended_against_the_guidance():
    """The earlier exam is told; giving this one up is offered, not recommended, since the guidance supports it."""
    repeat = Alert(AlertKind.REDUNDANCY, Severity.WARNING, "IRM du rachis lombaire il y a 5 semaines (CH de Foix).", "ImagingStudy/12")
    made = card(replace(APPROPRIATE, alerts=(repeat,)))
    (offered,) = [one for one in made["suggestions"] if one["actions"][0]["type"] == "delete"]
    assert offered["label"] == "Renoncer à l'examen et consulter le précédent"
    assert "isRecommended" not in offered
    assert "il y a 5 semaines (CH de Foix)" in made["detail"]
    quiet = card(replace(APPROPRIATE, alerts=(replace(repeat, severity=Severity.INFO),)))
    assert not any(one["actions"][0]["type"] == "delete" for one in quiet.get("suggestions", ()))


def test_a_card_tells_what_was_received_with_its_uncertainty():
    """Sums with their bounds, and what could not be counted; nothing when nothing is known."""
    known = replace(
        APPROPRIATE.dose, cumulative_12m_msv=4.5, cumulative_60m_msv=13.0, cumulative_range_msv=(8.0, 19.0), exams_without_dose=2
    )
    made = card(replace(APPROPRIATE, dose=known))
    assert "environ 13 mSv (entre 8 et 19) en 5 ans" in made["detail"]
    assert "2 examens de dose ou de date inconnue ne sont pas comptés" in made["detail"]
    assert "Déjà reçu" not in card(APPROPRIATE)["detail"]
