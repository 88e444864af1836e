"""Requests, assessments and sheets to fill registers with."""

from pertimage.audit.activity import ActivityRow
from pertimage.audit.programme import Mode
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, TextPart
from pertimage.guidelines.edition import Edition, digest_of
from pertimage.guidelines.schema import SheetForm

MODALITIES = {"irm-rachis-lombaire": "MR", "radio-bassin": "DX", "scanner-cerebral": "CT"}
REQUEST = {
    "id": "ServiceRequest/sr-1",
    "exam_text": "IRM rachis lombaire",
    "texts": [{"place": "reasonCode", "text": "lumbago depuis 5 j"}],
    "priority": "routine",
}


def assessment(outcome="appropriate", *, exam="irm-rachis-lombaire", flagged=False, pathway=None, missing=(), alerts=()):
    """Return one line of assessment; ``missing`` are items, the blocking ones with a « ! », ``alerts`` pairs of a kind and a severity."""
    return {
        "missing": [{"item": item.rstrip("!"), "question": "?", "blocking": item.endswith("!"), "level": "legal"} for item in missing],
        "alerts": [{"kind": kind, "severity": severity, "message": "…", "refers_to": None} for kind, severity in alerts],
        "request": "ServiceRequest/sr-1", "outcome": outcome, "pathway": pathway, "exam": exam, "rule": "lombalgie-commune/recente",
        "reason": "Sans signe d'alerte…", "flagged": flagged, "guidelines": "2026.11.0",
    }  # fmt: skip


def record(register, at, *, priority="routine", site="cabinet", prescriber="p1", request_id=None, signed=False, mode=Mode.ON, **line):
    """Record a request with one line of assessment and return its id."""
    request = REQUEST | {"priority": priority}
    about = {"site": site, "prescriber": prescriber, "request_id": request_id, "signed": signed, "modalities": MODALITIES, "mode": mode}
    return register.record_assessment(request, [assessment(**line)], at=at, **about)


def judge(register, at, *, prescriber="p1", **line):
    """Record a signed judgement on a new request, made of values of the core as the service does, and return its id."""
    about = {"site": "cabinet", "prescriber": prescriber, "hook": "order-sign", "signed": True, "modalities": MODALITIES}
    return register.record_assessment(*values(**line), at=at, **about)


def values(**line):
    """Return a request and one line of assessment, flagged unless said otherwise, as values of the core."""
    request = ImagingRequest("ServiceRequest/sr-1", "IRM rachis lombaire", texts=(TextPart("reasonCode", "lumbago depuis 5 j"),))
    shown = {"exam": "irm-rachis-lombaire", "guidelines": "2026.11.0", "reason": "Sans signe d'alerte…", "flagged": True}
    return request, [Assessment(request.id, Outcome.NOT_INDICATED, **shown | line)]


def exam(number, *, site="chu", modality="CT", **more):
    """Return one exam of activity."""
    return ActivityRow(site=site, accession=f"A{number}", modality=modality, **more)


def edition(title: str) -> Edition:
    """Return a version of a small sheet."""
    form = SheetForm.model_validate(
        {
            "id": "essai", "titre": title, "statut": "brouillon", "validite": {"depuis": "2026-01-01", "verifiee_le": "2026-01-01"},
            "sources": {"has": {"organisme": "HAS", "titre": "Essai"}}, "declencheurs": {"termes": ["essai"]},
            "regles": [{"id": "seule", "si": "toujours", "positions": {"z": "indique", "a": "non_indique"}, "pourquoi": "Essai.", "source": "has"}],
        }
    )  # fmt: skip
    return Edition(form, "essais", digest_of(form), {}, {"z": "Z", "a": "A"}, {})
