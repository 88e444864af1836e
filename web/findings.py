"""A before/after change said in French, and never more than it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pertimage.audit.change import Change
from pertimage.audit.comparison import Metric
from pertimage.web.pages.french import capital, number

NO_EFFECT = "pas d'effet démontré"
_FIXED, _MINUS = "\u00a0", "\u2212"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a metric is said: its name, its unit after a difference, the factor and decimals of its numbers."""

    name: str
    unit: str
    value_unit: str
    factor: float = 1.0
    decimals: int = 1


SCALES: Mapping[Metric, Scale] = {
    Metric.VOLUME: Scale("Volume", "examens par semaine", "examens par semaine"),
    Metric.WAIT_MEDIAN: Scale("Délai médian", "jours", "jours"),
    Metric.WAIT_P90: Scale("Délai P90", "jours", "jours"),
    Metric.IRRADIATING: Scale("Part irradiante", "points", "%", 100.0),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A change ready to be read. ``tone`` is ``none`` (no effect shown), ``down``, ``up`` or ``refused``.

    ``relative`` is the difference with its interval as shares of the value before, None when that means nothing.
    """

    metric: Metric
    verdict: str
    tone: str
    before: str = ""
    after: str = ""
    difference: str = ""
    interval: str = ""
    relative: tuple[float, float, float] | None = None
    change: Change | None = None

    def sentence(self, about: str = "") -> str:
        """Return the finding as one sentence; ``about`` says of what, when it is not of all exams."""
        scale = SCALES[self.metric]
        name = f"{scale.name} ({about})" if about else scale.name
        if self.tone == "refused":
            return f"{name} : comparaison impossible. {self.verdict}"
        sides = f"{self.before} avant, {self.after} après"
        gap = f"différence {self.difference}{_FIXED}{scale.unit} (intervalle à 95{_FIXED}% : {self.interval})"
        return f"{name} : {self.verdict}. {capital(sides)}, {gap}."


def finding(metric: Metric, change: Change) -> Finding:
    """Return what a change shows: a rise, a fall, or no effect as long as its interval holds zero."""
    scale = SCALES[metric]
    before, after = said(change.before, scale), said(change.after, scale)
    if change.difference is None or change.low is None or change.high is None:
        return Finding(metric, change.refusal or "", "refused", before, after)
    tone = "none" if change.low <= 0 <= change.high else "down" if change.high < 0 else "up"
    verdict = {"none": NO_EFFECT, "down": "baisse", "up": "hausse"}[tone]
    interval = f"de {signed(change.low, scale)} à {signed(change.high, scale)}"
    base = change.before
    relative = (change.difference / base, change.low / base, change.high / base) if base else None
    return Finding(metric, verdict, tone, before, after, signed(change.difference, scale), interval, relative, change)


def said(value: float | None, scale: Scale) -> str:
    """Return a value in the words of its scale; empty when unknown."""
    if value is None:
        return ""
    words = fixed(value * scale.factor, scale.decimals)
    return f"{words}{_FIXED}%" if scale.value_unit == "%" else words


def signed(value: float, scale: Scale) -> str:
    """Return a difference with its sign, as typography writes it."""
    words = fixed(abs(value) * scale.factor, scale.decimals)
    if not words.strip("0,"):
        return "0"
    return f"{_MINUS if value < 0 else '+'}{words}"


def fixed(value: float, decimals: int) -> str:
    """Return a number with all its decimals, so that those of a column compare at a glance."""
    whole, _, rest = f"{value:.{decimals}f}".partition(".")
    return f"{number(int(whole), 0)},{rest}" if rest else number(int(whole), 0)


def percent(share: float | None, decimals: int = 0) -> str:
    """Return a share (0 to 1) as a percentage; « n.c. » when it is not published."""
    return "n.c." if share is None else f"{number(share * 100, decimals)}{_FIXED}%"
