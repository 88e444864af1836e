"""French words for numbers, dates, doses, tariffs and waits. Pure: the day and the instant are arguments."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pertimage.cds.dose import natural_words

PARIS = ZoneInfo("Europe/Paris")
MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
# Techniques paid with a technical fee besides the act (« forfait technique »), by DICOM code.
WITH_TECHNICAL_FEE = frozenset(("CT", "MR", "PT", "NM"))
_BEFORE_MARK = re.compile(r" (?=[?!;»%€])")
_BEFORE_COLON = re.compile(r" (?=:(?:\s|$))")
_NARROW, _FIXED = "\u202f", "\u00a0"


def typography(text: str) -> str:
    """Return the text with the unbreakable spaces that French asks for around its marks."""
    spaced = _BEFORE_MARK.sub(_NARROW, text.replace("« ", f"«{_FIXED}"))
    return _BEFORE_COLON.sub(_FIXED, spaced)


def number(value: float, decimals: int = 1) -> str:
    """Return a number as the French write it: decimal comma, thousands apart, no useless zeros."""
    rounded = f"{value:,.{decimals}f}"
    whole, _, rest = rounded.partition(".")
    rest = rest.rstrip("0")
    return whole.replace(",", _NARROW) + (f",{rest}" if rest else "")


def day(value: date | datetime | str | None) -> str:
    """Return a date in words: « 22 novembre 2026 » (« 1er »); an instant is taken in Paris."""
    if value is None or value == "":
        return ""
    moment = _moment(value)
    first = "1er" if moment.day == 1 else str(moment.day)
    return f"{first} {MONTHS[moment.month - 1]} {moment.year}"


def instant(value: datetime | str | None) -> str:
    """Return an instant in words, Paris time: « 22 novembre 2026 à 14 h 05 »."""
    if value is None or value == "":
        return ""
    moment = _moment(value)
    if not isinstance(moment, datetime):
        return day(moment)
    return f"{day(moment)} à {moment.hour}{_FIXED}h{_FIXED}{moment.minute:02d}"


def _moment(value: date | datetime | str) -> date | datetime:
    if isinstance(value, str):
        value = date.fromisoformat(value) if len(value) == len("2026-11-22") else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(PARIS)
    return value


def elapsed(since: str | datetime | None, now: datetime) -> str:
    """Return how long ago an instant was, coarsely: « moins d'une minute », « 12 min », « 3 h », « 2 jours »."""
    if not since:
        return ""
    moment = datetime.fromisoformat(since) if isinstance(since, str) else since
    minutes = int((now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds() // 60)
    if minutes < 1:
        return "moins d'une minute"
    if minutes < 60:
        return f"{minutes}{_FIXED}min"
    hours = minutes // 60
    return f"{hours}{_FIXED}h" if hours < 48 else f"{hours // 24}{_FIXED}jours"


def dose(msv: float | None, *, irradiating: bool = True) -> str:
    """Return a dose for a patient: « sans rayons », or mSv and the time of natural exposure that gives as much."""
    if not irradiating or msv == 0:
        return "sans rayons"
    if msv is None:
        return "dose non renseignée"
    return f"≈{_FIXED}{number(msv, 1 if msv >= 0.1 else 3)}{_FIXED}mSv, {natural_words(msv)}"


def tariff(euros: float | None, modality: str = "") -> str:
    """Return a tariff in €, saying when the technical fee comes on top; empty when unknown."""
    if euros is None:
        return ""
    said = f"{number(euros, 2) if euros % 1 == 0 else f'{euros:.2f}'.replace('.', ',')}{_FIXED}€"
    return f"{said} hors forfait technique" if modality in WITH_TECHNICAL_FEE else said


def wait(days: float | None, site: str = "") -> str:
    """Return the shortest local wait and where: « prochain délai médian 12 j à CH de Foix »; empty when unknown."""
    if days is None:
        return ""
    return f"prochain délai médian {number(days, 0)}{_FIXED}j{f' à {site}' if site else ''}"


def age(years: float | None) -> str:
    """Return an age: « 38 ans », « 8 mois » under two years."""
    if years is None:
        return ""
    if years < 2:
        return f"{round(years * 12)}{_FIXED}mois"
    return f"{int(years)}{_FIXED}ans"


def capital(words: str) -> str:
    """Return the words with a capital."""
    return words[:1].upper() + words[1:]


def denial(label: str) -> str:
    """Return « pas de … » with its elision, for a label that begins a phrase."""
    words = label[:1].lower() + label[1:] if label[1:2].islower() or label[1:2] == "'" else label
    return f"pas d'{words}" if _elides(words) else f"pas de {words}"


def _elides(words: str) -> bool:
    return words[:1].lower() in "aàâeéèêiîoôuyœ" or (
        words.startswith("h") and not words.startswith(("hernie", "hanche", "haut", "heurt", "hoquet"))
    )
