"""Where the prescriber's words are found."""

import pytest

from tests.fhir.cases import R5_REASON, SCT, bundle, condition, hook_call, one, service_request

FR_IMAGING = "https://interop.esante.gouv.fr/ig/fhir/document-core/StructureDefinition/fr-imaging-request-extension"


@pytest.mark.parametrize(
    "changes",
    [
        {"reasonCode": [{"text": "douleur du genou"}]},
        {"reasonCode": [{"coding": [{"display": "douleur du genou", "code": "x"}]}]},
        {
            "reasonReference": [{"reference": "#c"}],
            "contained": [{"resourceType": "Condition", "id": "c", "code": {"text": "douleur du genou"}}],
        },
        {"reasonReference": [{"reference": "Condition/c-1"}]},
        {"reasonReference": [{"display": "douleur du genou"}]},
        {"note": [{"text": "douleur du genou"}]},
        {"extension": [{"url": R5_REASON, "extension": [{"url": "concept", "valueCodeableConcept": {"text": "douleur du genou"}}]}]},
        {"extension": [{"url": R5_REASON, "valueCodeableConcept": {"text": "douleur du genou"}}]},
        {
            "extension": [
                {"url": FR_IMAGING, "extension": [{"url": "finalite", "extension": [{"url": "x", "valueString": "douleur du genou"}]}]}
            ]
        },
        {"extension": [{"url": FR_IMAGING, "extension": [{"url": "finalite", "valueMarkdown": "douleur du genou"}]}]},
        {"orderDetail": [{"text": "douleur du genou"}]},
        {"reason": [{"concept": {"text": "douleur du genou"}}]},
        {"reason": [{"reference": {"reference": "Condition/c-1"}}]},
    ],
)
def test_the_reason_is_found_wherever_the_order_carries_it(changes):
    """The five places of a French order, references, and the R5 forms all give the prescriber's words."""
    order = service_request(**({"reasonCode": None, "note": None} | changes))
    request = one(hook_call(order, prefetch={"problemes": bundle(condition(SCT, "1", "douleur du genou"))}))
    assert "douleur du genou" in request.narrative


def test_the_reason_is_not_sought_where_the_patient_is_addressed():
    """Instructions to the patient and the generated narrative are not the prescriber's reason."""
    order = service_request(
        reasonCode=None, note=None, patientInstruction="Venir à jeun", text={"status": "generated", "div": "<div>x</div>"}
    )
    assert one(order).narrative == ""


def test_words_said_twice_are_read_once():
    """A note that repeats the reason does not count twice."""
    request = one(service_request(note=[{"text": "lombalgie commune depuis 10 jours"}]))
    assert len(request.texts) == 1


def test_words_are_in_nfc():
    """Decomposed accents are composed, since the core compares words in NFC."""
    assert one(service_request(note=[{"text": "fie\u0300vre"}])).texts[-1].text == "fièvre"
