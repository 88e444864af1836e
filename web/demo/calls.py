"""Calls to the CDS service to try, one for each kind of alert (``appels.yaml``): what an integrator sends, on a fictitious patient."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pertimage.cds.model import AlertKind

CALLS = Path(__file__).with_name("appels.yaml")
PATIENT = "demo-1"
_DAYS_AGO = re.compile(r"^J-(\d+)$")


@dataclass(frozen=True, slots=True)
class Case:
    """A call to try: the kind of alert it shows, and its title. ``form`` is the case as written."""

    kind: AlertKind
    title: str
    form: dict[str, Any]

    @property
    def words(self) -> str:
        """Return the case as somebody would type it, when no record comes with it."""
        return f"{'. '.join(filter(None, (self.form['motif'], self.form.get('dit', ''))))}. {self.form['examen']}"

    def body(self, hook: str, today: date) -> dict[str, Any]:
        """Return the call, dated of that day."""
        patient = {
            "resourceType": "Patient", "id": PATIENT, "gender": self.form["sexe"], "birthDate": today.replace(year=today.year - self.form["age"], day=1).isoformat(),
        }  # fmt: skip
        order = {
            "resourceType": "ServiceRequest", "id": f"demande-{self.kind}", "status": "draft", "intent": "order",
            "subject": {"reference": f"Patient/{PATIENT}"}, "authoredOn": today.isoformat(), "code": {"text": self.form["examen"]},
            "reasonCode": [{"text": self.form["motif"]}],
        }  # fmt: skip
        sent = {name: _searched(resources, today) for name, resources in self.form.get("donnees", {}).items()}
        return {
            "hook": hook, "hookInstance": f"essai-{self.kind}", "context": {
                "userId": "Practitioner/essai", "patientId": PATIENT, "selections": [f"ServiceRequest/demande-{self.kind}"],
                "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
            },
            "prefetch": {"patient": patient} | sent,
        }  # fmt: skip


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    """Return the cases, in the order of the file."""
    return tuple(Case(AlertKind(form["alerte"]), form["titre"], form) for form in yaml.safe_load(CALLS.read_text(encoding="utf-8")))


def _searched(resources: list[dict[str, Any]], today: date) -> dict[str, Any]:
    found = [_dated(resource, today) | {"subject": {"reference": f"Patient/{PATIENT}"}} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in found]}


def _dated(value: Any, today: date) -> Any:
    """Return a value with its days of before written as dates."""
    if isinstance(value, dict):
        return {key: _dated(part, today) for key, part in value.items()}
    if isinstance(value, list):
        return [_dated(part, today) for part in value]
    ago = _DAYS_AGO.match(value) if isinstance(value, str) else None
    return (today - timedelta(days=int(ago.group(1)))).isoformat() if ago else value
