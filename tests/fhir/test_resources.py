"""FHIR resources written about a judgement."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pertimage.cds.model import AlertKind, Outcome
from pertimage.fhir.checks import problems
from pertimage.fhir.resources import (
    Evaluation,
    Issue,
    assess_output,
    bundle,
    contract,
    data_requirements,
    detected_issues,
    guidance_response,
    instant,
    operation_outcome,
    refusal,
    replacement_request,
    request_group,
    review_task,
)
from pertimage.fhir.traces import Access, audit_event, provenance
from pertimage.fhir.values import BadRequest
from pertimage.fhir.vocabularies import ISSUES, NON_ADHERENCE, OVERRIDES, code_systems, non_adherence
from tests.fhir.cases import ALTERNATIVE, ASSESSMENTS, AT, EXAMS, PUBLISHER, assert_golden, counter, service_request


def evaluation(name="alternative", subject="Patient/p1", **changes):
    """Return an evaluation of one of the shared assessments."""
    assessment = replace(ASSESSMENTS[name], **changes)
    return Evaluation(assessment, AT, "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", subject, "Encounter/e1" if subject else "")


def task(name="alternative", **changes):
    """Return the review Task of one of the shared assessments."""
    return review_task(
        evaluation(name, **changes),
        PUBLISHER,
        "task-1",
        issues=("DetectedIssue/i1",),
        guidance="GuidanceResponse/g1",
        due=AT + timedelta(days=1),
    )


def written(name="alternative", subject="Patient/p1"):
    """Return one of each resource that an assessment may give."""
    found, new_id = evaluation(name, subject), counter()
    guidance = guidance_response(found, PUBLISHER, new_id(), "RequestGroup/rg")
    issues = detected_issues(found, PUBLISHER, new_id, "GuidanceResponse/g1")
    resources = {
        "guidance-response": guidance,
        "task": task(name, subject=subject),
        "request-group": request_group(found, PUBLISHER, new_id(), EXAMS.get),
        "audit-event": audit_event(
            Access(
                "E",
                "operation",
                "client-dpi",
                "PractitionerRole/gp1",
                "ServiceRequest/sr1",
                subject,
                "10.0.0.5",
                details=(("version", "2026.11.0"),),
            ),
            AT,
            PUBLISHER,
        ),
        "audit-event-bare": audit_event(Access("R", "read", "client-dpi", outcome="8"), AT, PUBLISHER),
        "provenance": provenance(
            "ServiceRequest/sr-2",
            AT,
            PUBLISHER,
            author="PractitionerRole/r1",
            sources=("GuidanceResponse/g1",),
            policy="https://x.fr/2026.11.0",
        ),
        "assess-output": assess_output([(found, guidance, issues)]),
        "bundle": bundle([guidance, *issues], AT, PUBLISHER),
        "operation-outcome": operation_outcome([]),
    }
    return resources | {f"detected-issue-{rank}": issue for rank, issue in enumerate(issues, 1)}


@pytest.mark.parametrize("name", ASSESSMENTS)
@pytest.mark.parametrize("subject", ["Patient/p1", ""])
def test_everything_written_is_valid(name, subject):
    """Every resource of every outcome is valid R4 with its required codes, known patient or not."""
    assert {key: problems(resource) for key, resource in written(name, subject).items()} == {key: [] for key in written(name, subject)}


@pytest.mark.parametrize(
    "key",
    ["guidance-response", "detected-issue-1", "detected-issue-2", "task", "request-group", "audit-event", "provenance", "assess-output"],
)
def test_resources_as_reviewed(key):
    """Each resource is the one that was read and approved."""
    assert_golden(f"resource-{key}", written()[key])


def test_guidance_response_says_what_it_waits_for():
    """An incomplete request is « data-required » and lists its data; any other is a success."""
    statuses = {name: guidance_response(evaluation(name), PUBLISHER, "g")["status"] for name in ASSESSMENTS}
    assert {name for name, status in statuses.items() if status == "data-required"} == {"incomplete"}
    assert (
        guidance_response(evaluation("not-indicated"), PUBLISHER, "g")["dataRequirement"][0]["codeFilter"][0]["code"][0]["code"]
        == "82810-3"
    )


def test_the_contract_travels_whole():
    """The JSON contract in the output parameters is the assessment's own."""
    outputs = guidance_response(evaluation(), PUBLISHER, "g")["contained"][0]["parameter"]
    said = next(parameter["valueString"] for parameter in outputs if parameter["name"] == "assessment")
    assert json.loads(said) == ALTERNATIVE.to_json()
    assert said == contract(ALTERNATIVE)


def test_data_requirements_are_listed_once():
    """Two questions answered by the same element make one requirement."""
    assert data_requirements(ASSESSMENTS["incomplete"].missing) == [{"type": "ServiceRequest", "mustSupport": ["reasonCode", "note"]}]


def test_an_appropriate_request_raises_no_issue():
    """Nothing is detected in a request that is in order."""
    assert detected_issues(evaluation("appropriate"), PUBLISHER, counter()) == []


def test_a_redundancy_points_to_the_earlier_exam():
    """The alert's issue implicates the study it speaks of and carries the HL7 duplicate code."""
    issue = detected_issues(evaluation(), PUBLISHER, counter())[1]
    assert [item["reference"] for item in issue["implicated"]] == ["ServiceRequest/sr1", "ImagingStudy/s9"]
    assert issue["code"]["coding"][1]["code"] == "DUPTHPY"


def test_every_alert_kind_has_a_french_issue():
    """No alert of the core is without a code and a name in the issues."""
    assert {str(kind) for kind in AlertKind} <= ISSUES.displays.keys()
    assert {str(outcome) for outcome in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED, Outcome.INCOMPLETE)} <= ISSUES.displays.keys()


@pytest.mark.parametrize(
    ("name", "asked", "priority"), [("emergency", "routine", "stat"), ("alternative", "urgent", "urgent"), ("alternative", "x", "routine")]
)
def test_the_task_is_as_urgent_as_the_request(name, asked, priority):
    """An emergency passes before all; otherwise the request's own priority holds."""
    assert review_task(replace(evaluation(name), priority=asked), PUBLISHER, "t")["priority"] == priority


def test_a_replacement_is_a_new_order():
    """The radiologist's substitution keeps patient and reasons, replaces the original, and takes none of its identifiers."""
    original = service_request(identifier=[{"system": "https://x.fr", "value": "PLACER-1"}], meta={"versionId": "3"})
    found = replacement_request(
        original, EXAMS["irm-rachis-lombaire"], PUBLISHER, "sr-2", at=AT, requester="PractitionerRole/r1", side="left"
    )
    assert problems(found) == []
    assert (found["id"], found["status"], found["replaces"]) == ("sr-2", "active", [{"reference": "ServiceRequest/sr1"}])
    assert (found["reasonCode"], found["subject"]) == (original["reasonCode"], original["subject"])
    assert "PLACER-1" not in json.dumps(found)
    assert found["code"]["text"] == "IRM du rachis lombaire, côté gauche"


def test_the_request_group_offers_to_keep_the_request():
    """Alternatives are proposals, at most one of which is chosen, the last being the request itself."""
    (group,) = request_group(evaluation(), PUBLISHER, "rg", EXAMS.get)["action"]
    assert group["selectionBehavior"] == "at-most-one"
    assert group["action"][-1]["resource"]["reference"] == "ServiceRequest/sr1"


def test_no_imaging_is_proposed_as_an_order_not_to_perform():
    """« Pas d'imagerie » becomes a proposal not to do the exam requested, never an order of something."""
    (proposal,) = request_group(evaluation("not-indicated"), PUBLISHER, "rg", EXAMS.get)["contained"]
    assert (proposal["doNotPerform"], proposal["code"]["text"]) == (True, "Radiographie du rachis lombaire")


def test_an_action_without_resource_is_seen():
    """The checks know the invariant of request groups: a resource or actions, one of the two."""
    group = request_group(evaluation(), PUBLISHER, "rg", EXAMS.get)
    del group["action"][0]["action"][0]["resource"]
    assert problems(group) != []


def test_a_refusal_is_an_operation_outcome():
    """A body that could not be read is answered with its place and a French sentence."""
    found = refusal(BadRequest("context.draftOrders", "Aucune prescription transmise."))
    assert problems(found) == []
    assert found["issue"][0]["details"]["text"] == "Aucune prescription transmise."
    assert found["issue"][0]["expression"] == ["context.draftOrders"]


def test_an_outcome_may_be_a_warning():
    """Severity and code are the caller's."""
    assert operation_outcome([Issue("incomplete", "Suite non transmise.", severity="warning")])["issue"][0]["severity"] == "warning"


def test_a_time_without_zone_is_refused():
    """FHIR times carry their zone; one without is a programming error."""
    with pytest.raises(ValueError, match="zone"):
        instant(datetime(2026, 11, 22, 12, 0))  # noqa: DTZ001 (the very fault)


def test_our_code_systems_are_valid_and_french():
    """Every code system is a valid resource, with French displays, under the canonical base; exams come when given."""
    found = code_systems(PUBLISHER, "2026.11.0", EXAMS.values())
    assert [problems(system) for system in found] == [[] for _ in found]
    assert {system["url"] for system in found} == {
        f"https://imagerie.exemple.fr/fhir/CodeSystem/{slug}"
        for slug in (
            "pertinence",
            "motif-derogation",
            "decision-radiologue",
            "statut-relecture",
            "anomalie-demande-imagerie",
            "examen-imagerie",
        )
    }
    assert_golden("code-systems", code_systems(PUBLISHER, "2026.11.0"))


def test_every_override_reason_has_its_international_code():
    """No reason of ours is without a non-adherence reason."""
    assert NON_ADHERENCE.keys() == OVERRIDES.displays.keys()
    assert non_adherence("refus-patient") == {
        "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
        "code": "patient-refuses",
    }
    assert non_adherence("x") is None


@pytest.mark.parametrize(
    "fault",
    [
        {"status": "banana"},
        {"priority": "tres-urgent"},
        {"status": None},
        {"note": []},
        {"encounter": {}},
        {"authoredOn": "2026-13-45"},
        {"id": "a b"},
        {"urgence": True},
        {"contained": [{"resourceType": "Task", "id": "t", "status": "x", "intent": "order"}]},
    ],
)
def test_the_checks_see_faults(fault):
    """The check behind these tests refuses bad codes, nulls, empty elements, impossible dates, bad ids and unknown fields."""
    assert problems(service_request()) == []
    assert problems(service_request() | fault) != []


def test_the_checks_refuse_what_they_do_not_know():
    """A body without type, or of an unknown type, is not valid."""
    assert problems({}) != []
    assert problems({"resourceType": "Banana"}) != []


def test_mandatory_codes_must_be_there():
    """A Task without status is seen, though the models let it pass."""
    assert problems({key: value for key, value in task().items() if key != "status"}) != []
