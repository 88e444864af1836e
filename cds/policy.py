"""Local parameters of judgement: frozen values, the same as no policy at all unless a document says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pertimage.guidelines.local_rules import LocalRule
from pertimage.guidelines.policy import ALERT_KINDS, AUDIENCES, DEFAULT_QUIET_DAYS, PLACES, SAFETY, SEVERITIES, PolicyForm, VoiceForm


@dataclass(frozen=True, slots=True)
class Voice:
    """How one kind of alert speaks: to whom (``prescripteur``, ``radiologue``), where (``order-select``, ``order-sign``, ``page``).

    ``at_least`` and ``at_most`` bound its severity (``info``, ``warning``, ``critical``).
    """

    speaks: bool = True
    to: frozenset[str] = frozenset(AUDIENCES)
    at: frozenset[str] = frozenset(PLACES)
    at_least: str | None = None
    at_most: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Local parameters of judgement. Thresholds of dose in mSv, over months; ``quiet_days``: 0 for never quieter.

    ``dose_thresholds`` replaces values of the table of doses, by id: pairs of an id and a value (mSv, or a number of exams).
    ``thresholds`` are the others of the document, in days (names of ``guidelines.policy.THRESHOLDS``, « name.row » for a row).
    ``digest`` names the document they come from (see ``guidelines.policy``); empty for the service's own settings.
    """

    dose_warning_msv: float = 50.0
    dose_window_months: int = 60
    dose_thresholds: tuple[tuple[str, float], ...] = ()
    exams_unavailable: frozenset[str] = frozenset()
    silenced_rules: frozenset[str] = frozenset()
    voices: tuple[tuple[str, Voice], ...] = ()
    thresholds: tuple[tuple[str, float], ...] = ()
    local_rules: tuple[LocalRule, ...] = ()
    quiet_days: int = DEFAULT_QUIET_DAYS
    digest: str = ""

    @property
    def record(self) -> dict[str, Any]:
        """Return what the journal keeps beside an assessment: the digest of the document, else the settings themselves."""
        if self.digest:
            return {"digest": self.digest}
        return {
            "dose_warning_msv": self.dose_warning_msv, "dose_window_months": self.dose_window_months, "dose_thresholds": self.dose_thresholds,
            "exams_unavailable": sorted(self.exams_unavailable), "silenced_rules": sorted(self.silenced_rules),
        }  # fmt: skip

    def voice(self, kind: str) -> Voice:
        """Return how a kind of alert speaks."""
        return next((voice for known, voice in self.voices if known == kind), _USUAL)

    def hears(self, kind: str, who: str, where: str) -> bool:
        """Say whether somebody is told of a kind of alert; ``where`` (a hook or ``page``) matters to the prescriber only."""
        voice = self.voice(kind)
        return voice.speaks and who in voice.to and (who != AUDIENCES[0] or where in voice.at)


_USUAL = Voice()
_DOSE = "dose."


def policy_of(form: PolicyForm) -> Policy:
    """Return the parameters that a document gives."""
    limits, usual = form.flat_thresholds(), Policy()
    doses = tuple((name.removeprefix(_DOSE), value) for name, value in limits.items() if name.startswith(_DOSE))
    return Policy(
        dose_window_months=int(limits.pop("dose_fenetre_mois", usual.dose_window_months)), dose_thresholds=doses,
        exams_unavailable=frozenset(form.unavailable), silenced_rules=frozenset(one.rule for one in form.silenced),
        voices=tuple((ALERT_KINDS[kind], _voice(ALERT_KINDS[kind], voice)) for kind, voice in form.alerts.items()),
        thresholds=tuple((name, value) for name, value in limits.items() if not name.startswith(_DOSE)),
        local_rules=tuple(rule.value() for rule in form.local_rules), quiet_days=form.quiet_days, digest=form.digest,
    )  # fmt: skip


def _voice(kind: str, form: VoiceForm) -> Voice:
    """Return how a kind speaks; one of safety is only ever louder, whatever the document says (it may be older than this list)."""
    low, high = form.severity.min, form.severity.max
    at_least = SEVERITIES[low] if low else None
    if kind in SAFETY:
        return Voice(at_least=at_least)
    return Voice(form.speaks, frozenset(form.to), frozenset(form.at), at_least, SEVERITIES[high] if high else None)
