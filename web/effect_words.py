"""What an evaluation says, in French, and never more than it shows."""

from __future__ import annotations

from typing import Any

from pertimage.web.pages.french import number

NO_EFFECT = "pas d'effet démontré"
_MINUS = "\u2212"


def percent(ratio: float, decimals: int = 0) -> str:
    """Return a ratio as a change: 0.82 is « −18 % »."""
    change = round(100 * (ratio - 1), decimals)
    sign = "+" if change > 0 else _MINUS if change < 0 else ""
    return f"{sign}{number(abs(change), decimals)} %"


def verdict(found: dict[str, Any] | None) -> str:
    """Return « baisse », « hausse » or « pas d'effet démontré »; empty when there is no ratio."""
    if found is None:
        return ""
    if found["low"] <= 1 <= found["high"]:
        return NO_EFFECT
    return "baisse" if found["ratio"] < 1 else "hausse"


def tone(found: dict[str, Any] | None) -> str:
    """Return how a ratio looks: ``none``, ``down``, ``up`` or ``refused``."""
    return {"": "refused", NO_EFFECT: "none", "baisse": "down", "hausse": "up"}[verdict(found)]


def said(found: dict[str, Any], decimals: int = 0) -> str:
    """Return a ratio with its interval: « −18 % (intervalle à 95 % : −30 % à −4 %) »."""
    value, low, high = (percent(found[key], decimals) for key in ("ratio", "low", "high"))
    return f"{value} (intervalle à 95 % : {low} à {high})"


def sentences(result: dict[str, Any], about: str) -> list[tuple[str, str]]:
    """Return what a result says: its tone and a sentence for level, slope and wait; refusals are said as such."""
    told = []
    for name, key, refusal, decimals in (
        (f"Volume à la mise en service, {about}", "level_rate_ratio", "level", 0),
        ("Tendance ensuite, par mois", "slope_rate_ratio_per_month", "level", 1),
        ("Délai médian", "wait_ratio", "wait", 0),
    ):
        found = result[key]
        if found is None:
            told.append(("refused", f"{name} : pas de résultat. {result['refusals'].get(refusal, '')}".strip()))
        else:
            told.append((tone(found), f"{name} : {verdict(found)}, {said(found, decimals)}."))
    return told
