"""Measures as GPs write them: « T° 38,5 », « CRP120 », « 24 SA », « -6 kg », « 24/13 »."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pertimage.cds.text.mentions import Scene
from pertimage.guidelines.lexicon import FactDef, Lexicon
from pertimage.guidelines.words import stem

_FILLERS = frozenset(
    ": = > < ~ environ est mesure mesuree max maxi maximum jusqu calcule calculee ( autour vers aa + superieur superieure inferieur".split()
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measure read in the text, with its offsets; ``rank`` orders competing readings, lowest first."""

    fact: str
    value: float
    start: int
    end: int
    rank: int = 0


def measures(scene: Scene, lexicon: Lexicon) -> Iterator[Quantity]:
    """Yield the measures of the lexicon that the text gives: a lead then a number, or a number then its unit."""
    numbers = [index for index, token in enumerate(scene.words) if token.folded[0].isdigit()]
    units = frozenset((lead.entry.name, lead.first) for lead in scene.leads if lead.entry.kind == "after")
    if numbers:
        for lead in scene.leads:
            if lead.entry.kind == "before":
                yield from _after_lead(scene, lexicon.facts[lead.entry.name], lead.first, lead.last, units)
    yield from _glued(scene, lexicon)
    for lead in scene.leads:
        fact = lexicon.facts.get(lead.entry.name) if lead.entry.kind == "after" else None
        if fact and fact.minus_leads:
            yield from _after_minus(scene, fact, lead.first, lead.last)
        if fact and not fact.needs_unit:
            yield from _before_unit(scene, fact, lead.first, lead.last)
    if numbers:
        yield from _bare(scene, lexicon, numbers)


def _after_lead(scene: Scene, fact: FactDef, first: int, last: int, units: frozenset[tuple[str, int]]) -> Iterator[Quantity]:
    words = scene.words
    index = last + 1
    while (
        index < len(words)
        and index - last <= 5
        and (words[index].is_stop or words[index].folded in _FILLERS or words[index].folded in ("°", "c", "%"))
    ):
        index += 1
    if index < len(words) and words[index].folded[0].isdigit() and (not fact.needs_unit or (fact.id, index + 1) in units):
        yield from _bounded(fact, *_value(scene, index), scene.words[first].start)


def _value(scene: Scene, index: int) -> tuple[float, int]:
    """Return the number at a token and the offset of its end; « 38°5 » is 38.5, « 1 200 » is 1200."""
    words = scene.words
    value, end = float(words[index].folded.replace(",", ".")), words[index].end
    if (
        index + 2 < len(words)
        and words[index + 1].folded == "°"
        and re.fullmatch(r"\d", words[index + 2].folded)
        and words[index + 2].start == words[index + 1].end
    ):
        return value + int(words[index + 2].folded) / 10, words[index + 2].end
    following = words[index + 1] if index + 1 < len(words) else None
    if following and re.fullmatch(r"\d{3}", following.folded) and following.start == end + 1 and 1 <= value < 1000 and value.is_integer():
        return value * 1000 + int(following.folded), following.end
    return value, end


def _bounded(fact: FactDef, value: float, end: int, start: int) -> Iterator[Quantity]:
    if (fact.low is None or value >= fact.low) and (fact.high is None or value <= fact.high):
        yield Quantity(fact.id, value, start, end)


def _glued(scene: Scene, lexicon: Lexicon) -> Iterator[Quantity]:
    """Read « T38 », « CRP120 », « FC110 »: a lead and its number in one token."""
    for token in scene.words:
        if len(token.folded) > 1 and token.folded[0].isalpha() and token.folded[-1].isdigit():
            lead = token.folded.rstrip("0123456789")
            for name in lexicon.glued_leads.get(lead, ()):
                yield from _bounded(lexicon.facts[name], float(token.folded[len(lead) :]), token.end, token.start)


def _before_unit(scene: Scene, fact: FactDef, first: int, last: int) -> Iterator[Quantity]:
    words = scene.words
    index = first - 1
    ratio = words[first].folded[0].isdigit()  # « /5 »: a rating, unless it is a pain's
    if ratio and (
        index < 0
        or words[index].folded != "/"
        or any(token.folded in ("eva", "en", "douleur", "intensite") for token in words[max(0, index - 4) : index])
    ):
        return
    if words[first].folded == "°" and any(token.form in _MOVEMENTS for token in words[max(0, index - 4) : index]):
        return  # « abduction 40° » is an angle
    while index >= 0 and (words[index].is_stop or (ratio and words[index].folded == "/")) and index >= first - 1:
        index -= 1
    if index >= 0 and words[index].folded[0].isdigit():
        value, _ = _value(scene, index)
        yield from _bounded(fact, value, words[last].end, words[index].start)


def _after_minus(scene: Scene, fact: FactDef, first: int, last: int) -> Iterator[Quantity]:
    """Read « -6 kg »: a minus that is no range, a number, its unit."""
    words = scene.words
    if (
        first >= 2
        and words[first - 2].folded == "-"
        and words[first - 1].folded[0].isdigit()
        and not (first >= 3 and words[first - 3].folded[0].isdigit())
    ):
        yield from _bounded(fact, _value(scene, first - 1)[0], words[last].end, words[first - 2].start)


def _bare(scene: Scene, lexicon: Lexicon, numbers: list[int]) -> Iterator[Quantity]:
    """Read a number that can only be one measure, when nothing beside makes it another.

    It is a decimal (« genou gonflé, 38.9 »), a whole number of some moment (« toux, 39 depuis hier ») or a pair (« 24/13 »).
    """
    words = scene.words
    for index in numbers:
        written = words[index].folded
        if index + 2 < len(words) and words[index + 1].folded == "/" and words[index + 2].folded.isdigit():
            yield from _pair(scene, lexicon, index)
            continue
        if not ("." in written or "," in written or _of_a_moment(scene, index)):
            continue
        follower = words[index + 1].folded if index + 1 < len(words) else "."
        before = words[index - 1] if index else None
        preceded = before is not None and before.folded in ("/", "x", "-", "+", "<", ">") and before.end == words[index].start
        if follower in _OTHER_UNITS or preceded:
            continue
        value = float(written.replace(",", "."))
        for fact in lexicon.bare_measures:
            if fact.bare and not fact.over and fact.bare[0] <= value <= fact.bare[1]:
                yield Quantity(fact.id, value, words[index].start, words[index].end, 1)


def _of_a_moment(scene: Scene, index: int) -> bool:
    """Say whether a whole number opens an item and is dated: « lombalgie, 39 depuis hier »."""
    words = scene.words
    opens = index == 0 or words[index - 1].folded in (",", ";", ".", "\n", "+", "(")
    return opens and index + 1 < len(words) and words[index + 1].folded in _MOMENTS and words[index].folded.isdigit()


def _pair(scene: Scene, lexicon: Lexicon, index: int) -> Iterator[Quantity]:
    """Read a measure in two numbers, which no date nor fraction can be: « 24/13 »."""
    words = scene.words
    first, slash, second = words[index : index + 3]
    beyond = words[index + 3].folded if index + 3 < len(words) else ""
    joined = first.end == slash.start and slash.end == second.start
    if not joined or not first.folded.isdigit() or beyond in ("/", *_OTHER_UNITS) or (index and words[index - 1].folded in ("/", "-")):
        return
    high, low = int(first.folded[:4]), int(second.folded[:4])
    for fact in lexicon.bare_measures:
        if fact.bare and fact.over and fact.bare[0] <= high <= fact.bare[1] and fact.over[0] <= low <= fact.over[1]:
            yield Quantity(fact.id, float(high), first.start, second.end, 1)


_MOMENTS = frozenset("depuis dps hier ce cette aujourd'hui aujourd matin soir nuit tous".split())


_OTHER_UNITS = frozenset("ans an a mois m j jours jour sem semaines sa mm cm kg g mg ml l % / x kgs h min ng ui u".split())


_MOVEMENTS = frozenset(
    stem(word)
    for word in "abduction elevation antepulsion flexion extension rotation active actif passive passif limite limitee "
    "amplitude angle cobb flessum flexum valgus varus bloque".split()
)
