"""What of an assessment the local policy lets speak: alerts bounded in severity when judged, chosen by reader and place when shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pertimage.cds.model import Alert, Assessment, Policy, Severity

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý«])")
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def bounded(alerts: tuple[Alert, ...], policy: Policy) -> tuple[Alert, ...]:
    """Return the alerts that speak, each within its local bounds of severity, the loudest first when any moved."""
    if not policy.voices:
        return alerts
    kept = [replace(alert, severity=_within(alert, policy)) for alert in alerts if policy.voice(alert.kind).speaks]
    return tuple(sorted(kept, key=lambda alert: -_RANK[alert.severity]))


def _within(alert: Alert, policy: Policy) -> Severity:
    voice, severity = policy.voice(alert.kind), alert.severity
    if voice.at_least:
        severity = max(severity, Severity(voice.at_least), key=_RANK.__getitem__)
    return min(severity, Severity(voice.at_most), key=_RANK.__getitem__) if voice.at_most else severity


def heard(assessment: Assessment, policy: Policy, who: str, where: str) -> Assessment:
    """Return an assessment with the alerts meant for a reader (``prescripteur``, ``radiologue``) at a hook or on a ``page``.

    The same object when all are.
    """
    if not policy.voices or all(policy.hears(alert.kind, who, where) for alert in assessment.alerts):
        return assessment
    return replace(assessment, alerts=tuple(alert for alert in assessment.alerts if policy.hears(alert.kind, who, where)))


def once(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return the alerts without the sentences that one before them says; those that say nothing else are left out."""
    said: set[str] = set()
    kept = []
    for alert in alerts:
        fresh = [sentence for sentence in dict.fromkeys(_SENTENCES.split(alert.message)) if sentence not in said]
        said.update(fresh)
        if fresh:
            kept.append(replace(alert, message=" ".join(fresh)))
    return tuple(kept)
