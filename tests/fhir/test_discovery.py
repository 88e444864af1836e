"""The CDS Hooks discovery document."""

import re

from pertimage.fhir.discovery import PREFETCH, services
from tests.fhir.cases import PUBLISHER, assert_golden

FOUND = services(PUBLISHER, "2026.11.0")


def test_the_document_as_reviewed():
    """The document is the one that was read and approved."""
    assert_golden("discovery", FOUND)


def test_one_service_on_two_hooks_and_one_for_answers():
    """The same id on both hooks: the cards of order-sign replace those of order-select, not those that tell answers."""
    assert [(service["id"], service["hook"]) for service in FOUND["services"]] == [
        ("imagerie-pertinence", "order-select"),
        ("imagerie-pertinence", "order-sign"),
        ("imagerie-reponses", "patient-view"),
    ]


def test_templates_keep_to_the_2_0_subset():
    """Templates only use context.patientId, and the search features that every client must know."""
    for template in PREFETCH.values():
        assert re.findall(r"\{\{(.*?)\}\}", template) == ["context.patientId"]
        for parameter in template.split("?")[1].split("&") if "?" in template else []:
            assert parameter.split("=")[0] in {"patient", "category", "code", "status", "_sort", "_count"}


def test_nothing_is_empty():
    """CDS Hooks forbids null and empty attributes."""
    assert all(value for service in FOUND["services"] for value in service.values())
