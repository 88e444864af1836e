"""Local parameters of judgement: frozen values, the same as no policy at all unless a document says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from pertimage.guidelines.local_rules import LocalRule
from pertimage.guidelines.policy import ALERT_KINDS, AUDIENCES, DEFAULT_QUIET_DAYS, PLACES, SEVERITIES, PolicyForm, VoiceForm


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

    ``digest`` names the document they come from (see ``guidelines.policy``); empty for the service's own settings.
    """

    dose_warning_msv: float = 50.0
    dose_window_months: int = 60
    exams_unavailable: frozenset[str] = frozenset()
    silenced_rules: frozenset[str] = frozenset()
    voices: tuple[tuple[str, Voice], ...] = ()
    thresholds: tuple[tuple[str, float], ...] = ()
    local_rules: tuple[LocalRule, ...] = ()
    quiet_days: int = DEFAULT_QUIET_DAYS
    digest: str = ""

    def threshold(self, name: str, default: float, *of: str) -> float:
        """Return a threshold by its name in ``guidelines.policy.THRESHOLDS``: the one of a sheet or technique (``of``) if given, else the general one."""
        if not self.thresholds:
            return default
        given = dict(self.thresholds)
        return next((given[key] for key in (*(f"{name}.{one}" for one in of), name) if key in given), default)

    def voice(self, kind: str) -> Voice:
        """Return how a kind of alert speaks."""
        return next((voice for known, voice in self.voices if known == kind), _USUAL)

    def hears(self, kind: str, who: str, where: str) -> bool:
        """Say whether somebody is told of a kind of alert; ``where`` (a hook or ``page``) matters to the prescriber only."""
        voice = self.voice(kind)
        return voice.speaks and who in voice.to and (who != AUDIENCES[0] or where in voice.at)


_USUAL = Voice()


def policy_of(form: PolicyForm) -> Policy:
    """Return the parameters that a document gives."""
    limits, usual = form.flat_thresholds(), Policy()
    return Policy(
        dose_warning_msv=limits.get("dose_alerte_msv", usual.dose_warning_msv),
        dose_window_months=int(limits.get("dose_fenetre_mois", usual.dose_window_months)),
        exams_unavailable=frozenset(form.unavailable), silenced_rules=frozenset(one.rule for one in form.silenced),
        voices=tuple((ALERT_KINDS[kind], _voice(voice)) for kind, voice in form.alerts.items()), thresholds=tuple(limits.items()),
        local_rules=tuple(rule.value() for rule in form.local_rules), quiet_days=form.quiet_days, digest=form.digest,
    )  # fmt: skip


def _voice(form: VoiceForm) -> Voice:
    low, high = form.severity.min, form.severity.max
    return Voice(
        form.speaks, frozenset(form.to), frozenset(form.at), SEVERITIES[low] if low else None, SEVERITIES[high] if high else None
    )
