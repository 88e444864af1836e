"""From a request to its facts: words, codes and structured data, each with its evidence, and their truth in three values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from heapq import heapify, heappop, heappush
from types import MappingProxyType

from pertimage.cds.logic import Facts, all_hold
from pertimage.cds.model import Code, FactFound, ImagingRequest, Sex, Status
from pertimage.cds.text.context import qualify
from pertimage.cds.text.durations import durations
from pertimage.cds.text.mentions import Mention, Scene, scene
from pertimage.cds.text.patient import age, sex
from pertimage.cds.text.quantities import Quantity, measures
from pertimage.guidelines.lexicon import FactDef, Lexicon, bare_code
from pertimage.guidelines.words import fold

_CODE_SYSTEMS = {
    "cim-10": "icd10",
    "icd-10": "icd10",
    "2.16.840.1.113883.6.3": "icd10",
    "cisp": "icpc2",
    "icpc": "icpc2",
    "snomed": "snomed",
}


_UNPLACED = 5_000  # the place of a reason that no words state: behind those that words do


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the patient: facts with evidence, their truth, and in which order complaints were named.

    ``truth`` holds True, False or nothing (unknown); ``values`` the measures, in the lexicon's units; ``named`` the facts that
    open sheets (present, hypothetical or coded) with the place of their first mention; ``past`` those only in the past.
    """

    found: tuple[FactFound, ...]
    truth: Mapping[str, bool]
    values: Mapping[str, float]
    named: Mapping[str, int]
    past: Mapping[str, int]
    contradictions: tuple[str, ...]
    sex: Sex | None
    icd10: tuple[str, ...]
    icpc2: tuple[str, ...]

    @property
    def facts(self) -> Facts:
        """Return what conditions are tested against, without flags and exam."""
        return Facts(self.truth, self.values, self.sex)


def read(request: ImagingRequest, lexicon: Lexicon, openers: frozenset[str] = frozenset(), exam: str | None = None) -> Reading:
    """Read a request. ``openers`` are the facts that open sheets: a duration beside one of them is the illness's.

    ``exam`` is the exam judged: some facts are derived from it (« appui impossible » with a radiograph of the knee).
    """
    text = request.narrative
    seen = scene(text, lexicon)
    stated = list(_stated(seen, request, openers))
    found = [*stated, *_measured(seen, lexicon, request, openers, _not_his(seen, stated, lexicon)), *_known(request, lexicon)]
    codes = {
        kind: tuple(bare_code(code.code) for code in request.reason_codes if _kind(code) == kind) for kind in ("icd10", "icpc2", "snomed")
    }
    found.extend(_coded(codes, lexicon))
    values = {fact.fact: fact.value for fact in found if fact.value is not None}
    truth, contradictions = _truth(found, lexicon)
    who = request.sex or _sex(text)
    found.extend(_derive(truth, values, who, exam, lexicon))
    named: dict[str, int] = {}
    past: dict[str, int] = {}
    context = {known.fact for known in request.known}  # what the record says of the patient is no reason for the request
    for fact in found:
        opens = fact.status is Status.HYPOTHETICAL or _counts(lexicon.facts.get(fact.fact), fact.status)
        if opens and (fact.start >= 0 or fact.fact not in context):
            named.setdefault(fact.fact, fact.start if fact.start >= 0 else _UNPLACED)
        elif fact.status is Status.PAST:
            past.setdefault(fact.fact, fact.start)
    return Reading(
        tuple(_in_order(found)), MappingProxyType(truth), MappingProxyType(values), MappingProxyType(named), MappingProxyType(past),
        contradictions, who, codes["icd10"], codes["icpc2"],
    )  # fmt: skip


def _in_order(found: Iterable[FactFound]) -> list[FactFound]:
    unique = {(fact.fact, fact.status, fact.start, fact.end): fact for fact in found}
    return sorted(unique.values(), key=lambda fact: (fact.start < 0, fact.start, fact.fact))


def _stated(seen: Scene, request: ImagingRequest, openers: frozenset[str]) -> Iterable[FactFound]:
    year = request.authored.year if request.authored else None
    for mention, status, first, last in qualify(seen, year, openers, request.age):
        start, end = seen.words[first].start, seen.words[last].end
        yield FactFound(mention.fact, status, seen.text[start:end], start, end)


def _measured(
    seen: Scene, lexicon: Lexicon, request: ImagingRequest, openers: frozenset[str], elsewhere: Iterable[FactFound]
) -> Iterable[FactFound]:
    given = {known.fact for known in request.known}
    best: dict[str, Quantity] = {}
    for quantity in measures(seen, lexicon):
        if quantity.fact not in given:
            best[quantity.fact] = _kept(best.get(quantity.fact), quantity, lexicon.facts[quantity.fact].keeps)
    told = age(seen.text, newborn=request.age == 0) if not request.age else None  # 0 may be an age in whole years: « 4 mois » says more
    if told is not None and (request.age is None or told.value < 1):
        best["age"] = told
    elif request.age is not None:
        yield FactFound("age", Status.PRESENT, "", value=request.age)
    if "duree" not in given and (duration := _duration(seen, request.authored, openers, elsewhere)) is not None:
        best["duree"] = duration
    for quantity in best.values():
        yield FactFound(
            quantity.fact, Status.PRESENT, seen.text[quantity.start : quantity.end], quantity.start, quantity.end, quantity.value
        )


def _kept(known: Quantity | None, new: Quantity, keeps: str) -> Quantity:
    """Return which of two readings of a measure counts: the first, or the worst where the lexicon says so."""
    if (
        known is None
        or (keeps == "min" and new.value < known.value)
        or (keeps == "max" and new.value > known.value and new.rank <= known.rank)
    ):
        return new
    return known


def _duration(seen: Scene, on: date | None, openers: frozenset[str], elsewhere: Iterable[FactFound]) -> Quantity | None:
    """Return the duration of the complaint: of the durations stated in numbers, the one said of the complaint named first.

    A duration said of something else than a complaint (« diabète depuis 10 ans, lumbago J12 ») comes after the others; the
    word of an illness that the patient does not have (« pas de syndrome coronaire aigu ») says nothing of the complaint.
    """
    candidates = [
        quantity for quantity in durations(seen.text, on)[:_ENOUGH] if quantity.rank < _EXPLICIT or not _inside(quantity, elsewhere)
    ]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    said_of = {quantity: _said_of(seen, quantity, openers) for quantity in candidates}
    explicit = [quantity for quantity in candidates if quantity.rank < _EXPLICIT and said_of[quantity] is not None]
    if explicit:
        return min(explicit, key=lambda quantity: (said_of[quantity], quantity.rank, quantity.start))
    kept = [quantity for quantity in candidates if not _said_of_else(seen, quantity)]
    if not kept or kept[0].rank > _EXPLICIT:
        kept = candidates
    best = [quantity for quantity in kept if quantity.rank == kept[0].rank]
    return next((quantity for quantity in best if said_of[quantity] is not None), best[0])


def _not_his(seen: Scene, found: Iterable[FactFound], lexicon: Lexicon) -> list[FactFound]:
    """Return the facts whose words date no complaint of today: denied, another's, or past and over.

    « Après infiltration il y a 6 mois » does: the complaint began then.
    """
    folded = fold(seen.text)
    his = {place for fact in found if _counts(lexicon.facts[fact.fact], fact.status) for place in (fact.start, fact.end)}
    over = [fact for fact in found if fact.status in _OVER and not his.intersection((fact.start, fact.end))]
    return [fact for fact in over if fact.status is not Status.PAST or not _comes_after(folded, fact.start)]


def _comes_after(folded: str, start: int) -> bool:
    return bool(_AFTER.search(folded, max(0, start - 30), start) or _AFTER_HERE.match(folded, start))


def _inside(quantity: Quantity, facts: Iterable[FactFound]) -> bool:
    return any(fact.start <= quantity.start < fact.end for fact in facts)


def _said_of(seen: Scene, quantity: Quantity, openers: frozenset[str]) -> int | None:
    """Return where the first complaint beside a duration is named, in the same segment."""
    return next((mention.first for mention in seen.mentions if mention.fact in openers and _near(seen, mention, quantity)), None)


def _said_of_else(seen: Scene, quantity: Quantity) -> bool:
    return any(_near(seen, mention, quantity) and seen.words[mention.last].end <= quantity.start for mention in seen.mentions)


def _near(seen: Scene, mention: Mention, quantity: Quantity) -> bool:
    low, high = sorted((seen.words[mention.last].end, quantity.start))
    return high - low < 60 and not _PARTED.search(seen.text, low, high)


_ENOUGH = 40  # durations weighed: no request has as many
_EXPLICIT = 2  # the rank of durations told in numbers; « chronique » and « hier » come behind
_OVER = (Status.ABSENT, Status.FAMILY, Status.PAST)
_AFTER_HERE = re.compile(r"(?:apres|depuis|suite|post|decours)\b")
_AFTER = re.compile(rf"\b{_AFTER_HERE.pattern}[^,.;\n]*$")
_PARTED = re.compile(r"[,.;\n]")


def _known(request: ImagingRequest, lexicon: Lexicon) -> Iterable[FactFound]:
    for known in request.known:
        if known.fact in lexicon.names.units:
            yield FactFound(known.fact, known.status, known.origin, value=known.value)


def _kind(code: Code) -> str:
    system = code.system.lower()
    return next((kind for part, kind in _CODE_SYSTEMS.items() if part in system), "")


def _coded(codes: Mapping[str, tuple[str, ...]], lexicon: Lexicon) -> Iterable[FactFound]:
    if not any(codes.values()):
        return
    for fact in lexicon.facts.values():
        for kind, prefixes in (("icd10", fact.icd10), ("icpc2", fact.icpc2), ("snomed", fact.snomed)):
            for code in codes[kind]:
                if any(code == prefix if kind == "snomed" else code.startswith(prefix) for prefix in prefixes):
                    yield FactFound(fact.id, Status.PRESENT, code)


def _sex(text: str) -> Sex | None:
    stated = sex(text)
    return Sex(stated) if stated else None


def _counts(fact: FactDef | None, status: Status) -> bool:
    if status is Status.PRESENT:
        return True
    if fact is None:
        return False
    counting = {Status.PAST: fact.past_counts, Status.FAMILY: fact.family_counts, Status.HYPOTHETICAL: fact.hypothesis_counts}
    return counting.get(status, False)


def _truth(found: Iterable[FactFound], lexicon: Lexicon) -> tuple[dict[str, bool], tuple[str, ...]]:
    """Return the truth of each yes/no fact, one mention that counts making it true, whatever else denies it; and those said both ways."""
    yes: dict[str, bool] = {}
    no: dict[str, bool] = {}
    spans: dict[tuple[str, bool], set[tuple[int, int]]] = {}
    for fact in found:
        if (fact.value is not None and fact.fact in lexicon.facts and lexicon.facts[fact.fact].is_number) or fact.fact in ("age", "duree"):
            continue
        if _counts(lexicon.facts.get(fact.fact), fact.status):
            yes[fact.fact] = True
        elif fact.status is Status.ABSENT:
            no[fact.fact] = False
        else:
            continue
        spans.setdefault((fact.fact, fact.fact in yes and fact.status is not Status.ABSENT), set()).add((fact.start, fact.end))
    both = yes.keys() & no.keys()
    return no | yes, tuple(sorted(fact for fact in both if _is_contradicted(fact, both, yes, no, spans)))


def _is_contradicted(
    fact: str, both: Set[str], yes: Mapping[str, bool], no: Mapping[str, bool], spans: Mapping[tuple[str, bool], Set[tuple[int, int]]]
) -> bool:
    """Say whether the words that affirm a fact and those that deny it are of the same thing.

    « Palpitations, pas de syncope » says both ways a fact that either of them makes: each has a fact of its own that is said one way.
    """
    own_yes = {span for other in yes.keys() - both for span in spans[other, True]}
    own_no = {span for other in no.keys() - both for span in spans[other, False]}
    return not (spans[fact, True] <= own_yes and spans[fact, False] <= own_no)


def _derive(truth: dict[str, bool], values: Mapping[str, float], who: Sex | None, exam: str | None, lexicon: Lexicon) -> list[FactFound]:
    """Complete ``truth`` with the facts that others imply, and return them with their reason."""
    derived: list[FactFound] = []
    facts = Facts(truth, values, who, exam)
    watchers = lexicon.derivations
    known = (fact for fact, true in truth.items() if true)  # what is watched is a fact that must be true, or a measure
    waiting = [(one.rank, one) for fact in (None, *known, *values) for one in watchers.get(fact, ())]
    heapify(waiting)
    while waiting:
        one = heappop(waiting)[1]
        if truth.get(one.fact) is True or (not one.value and one.fact in truth) or all_hold(one.tests, facts) is not True:
            continue
        truth[one.fact] = one.value
        derived.append(FactFound(one.fact, Status.PRESENT if one.value else Status.ABSENT, one.basis))
        for more in watchers.get(one.fact, ()) if one.value else ():
            heappush(waiting, (more.rank, more))
    return derived


__all__ = ["Mention", "Reading", "read"]
