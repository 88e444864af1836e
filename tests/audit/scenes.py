"""Requests and assessments to fill registers with."""

from pertimage.audit.activity import ActivityRow

MODALITIES = {"irm-rachis-lombaire": "MR", "radio-bassin": "DX", "scanner-cerebral": "CT"}
REQUEST = {
    "id": "ServiceRequest/sr-1",
    "exam_text": "IRM rachis lombaire",
    "texts": [{"place": "reasonCode", "text": "lumbago depuis 5 j"}],
    "priority": "routine",
}


def assessment(outcome="appropriate", *, exam="irm-rachis-lombaire", flagged=False, pathway=None):
    """Return one line of assessment."""
    return {
        "request": "ServiceRequest/sr-1", "outcome": outcome, "pathway": pathway, "exam": exam, "rule": "lombalgie-commune/recente",
        "reason": "Sans signe d'alerte…", "flagged": flagged, "guidelines": "2026.11.0",
    }  # fmt: skip


def record(register, at, *, priority="routine", site="cabinet", prescriber="p1", request_id=None, signed=False, **line):
    """Record a request with one line of assessment and return its id."""
    request = REQUEST | {"priority": priority}
    about = {"site": site, "prescriber": prescriber, "request_id": request_id, "signed": signed, "modalities": MODALITIES}
    return register.record_assessment(request, [assessment(**line)], at=at, **about)


def exam(number, *, site="chu", modality="CT", **more):
    """Return one exam of activity."""
    return ActivityRow(site=site, accession=f"A{number}", modality=modality, **more)
