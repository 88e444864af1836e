"""How each mention stands for the patient: present, absent, hypothetical, past or in the family.

The rules lean to the side that misses no red flag: a negation stops at the first doubt, and a comma ends it unless the list
plainly goes on (« pas de fièvre, d'AEG ni de déficit »).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pertimage.cds.model import Status
from pertimage.cds.text.mentions import Mention, Scene

_OF = frozenset(("de", "d", "des", "du"))
_ENDS = frozenset(",;.)!?\n/")
_DENYING = frozenset(("non", "aucun", "aucune", "0", "ø", "-"))
# No list of signs is longer, in words: beyond, a cue is not followed, so that reading stays linear in the length of the text.
_LONGEST_LIST = 120
_AMOUNTS = frozenset("j jour jours jr jrs sem semaine semaines mois an ans h min kg g mg m cm mm l ml sur".split())
_STOPPERS = frozenset("chez devant sur dans pour car suite avec depuis malgre sous apres avant".split())


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a cue reaches: unknown words it crosses, and the relay cues that cost nothing."""

    unknown: int
    comma_list: bool
    needs_link: bool


OLD_PARENT = 70.0  # years; from there on, who is told of as « ma mère » is the patient
_UNKNOWN = (
    ("ne", "sait", "pas"),
    ("ne", "sais", "pas"),
    ("sait", "pas"),
    ("nsp",),
    ("inconnu",),
    ("inconnue",),
    ("incertain",),
    ("incertaine",),
)
_NEGATIONS = frozenset(("negation-avant", "double-negation"))
# Leaving a red flag out costs more than keeping one too many: short reaches.
_REACH = {
    "negation-avant": Reach(2, True, True),
    "double-negation": Reach(2, True, True),
    "hypothese-avant": Reach(1, True, True),
    "passe-avant": Reach(1, False, True),
    "famille": Reach(2, False, True),
}
_STATUS = {
    "negation-avant": Status.ABSENT, "double-negation": Status.HYPOTHETICAL, "hypothese-avant": Status.HYPOTHETICAL,
    "passe-avant": Status.PAST, "famille": Status.FAMILY,
}  # fmt: skip
_TODAY = frozenset(("depuis", "dps", "actuel", "actuelle", "actuellement", "ce", "nouveau", "nouvelle"))
_STRENGTH = {Status.PRESENT: 0, Status.PAST: 1, Status.HYPOTHETICAL: 2, Status.ABSENT: 3, Status.FAMILY: 4}


def qualify(
    scene: Scene, year: int | None = None, openers: frozenset[str] = frozenset(), age: float | None = None
) -> list[tuple[Mention, Status, int, int]]:
    """Return each mention with its status and the tokens (first, last) that show it, cue included.

    ``year`` is the year of the request: an earlier year beside a mention puts it in the past. ``openers`` are complaints: one
    of them ends a list of antecedents (« ATCD : HTA, lombalgie fébrile »). ``age`` of the patient in years: « ma mère ne sait plus où
    elle est » is told of a patient old enough to be a mother.
    """
    if age is not None and age >= OLD_PARENT:
        scene = replace(scene, cues={start: cue for start, cue in scene.cues.items() if not _own_parent(scene, start, cue[0])})
    status: dict[Mention, tuple[Status, int, int]] = {m: (Status.PRESENT, m.first, m.last) for m in scene.mentions}

    def mark(mention: Mention, new: Status, first: int, last: int) -> None:
        if _STRENGTH[new] > _STRENGTH[status[mention][0]]:
            status[mention] = (new, min(first, mention.first), max(last, mention.last))

    ends = {last: (first, name) for first, (name, last) in scene.cues.items()}
    for start, (name, end) in scene.cues.items():
        if name == "negation-avant" and start and scene.words[start].folded == "non" and scene.words[start - 1].folded == "?":
            continue  # the answer to the question before, not a denial of what follows
        if name == "famille" and _denied_before(scene, start, ends):
            name = "negation-avant"  # « aucun antécédent familial de cancer »
        if name in _STATUS:
            for mention in _reached(scene, name, start, end, openers):
                distant = mention.denies and any(not token.is_stop for token in scene.words[end + 1 : mention.first])
                whole = name in _NEGATIONS and scene.words[mention.first].folded == "ni"  # « n'a plus ni gaz ni selles »
                if not distant and not whole and (name != "passe-avant" or not _goes_on(scene, mention)):
                    mark(mention, _STATUS[name], start, mention.last)
    wholes = _wholes(scene)
    for mention in scene.mentions:
        for new, last in _after(scene, mention, year):
            mark(mention, new, mention.first, last)
        if (outer := wholes.get(mention)) is not None and (denied := _denied_after(scene, outer)) is not None:
            mark(mention, Status.ABSENT, mention.first, denied)  # « déficit du bras : non » states no deficit either
        for new, last in _after(scene, outer, year) if outer is not None else ():
            if new in (Status.PAST, Status.FAMILY):  # « choc anaphylactique au scanner en 2018 » is no shock of today
                mark(mention, new, mention.first, last)
    _question_marks(scene, mark)
    return [(mention, *_flip(mention, *found)) for mention, found in status.items()]


def _own_parent(scene: Scene, start: int, name: str) -> bool:
    """Say whether a cue names the parent of whoever tells: « ma mère », « mon père »."""
    return name == "famille" and any(token.folded in ("ma", "mon") for token in scene.words[max(start - 1, 0) : start + 1])


def _denied_before(scene: Scene, start: int, ends: dict[int, tuple[int, str]]) -> bool:
    """Say whether a negation governs the cue that starts here, over small words and « antécédent » alone; ``ends``: cues by last token."""
    index = start - 1
    while index >= 0:
        if index in ends:
            index, name = ends[index]
            if name == "negation-avant":
                return True
            if name not in ("passe-avant", "relais"):
                return False
        elif not (scene.words[index].is_stop or scene.words[index].is_joiner):
            return False
        index -= 1
    return False


def _wholes(scene: Scene) -> dict[Mention, Mention]:
    """Return, for each mention that opens a longer one, the longest of these."""
    longest = {first: max(here, key=lambda mention: mention.last) for first, here in scene.starts.items()}
    return {mention: longest[mention.first] for mention in scene.mentions if longest[mention.first].last > mention.last}


def _denied_after(scene: Scene, mention: Mention) -> int | None:
    """Return where the words right after a mention deny it, None when they do not."""
    index = mention.last + 1
    if index >= len(scene.words) or scene.clause[index] != scene.clause[mention.last]:
        return None
    denied = _denies_after(scene, index)
    cue = scene.cues.get(index)
    return cue[1] if denied is None and cue and cue[0] == "negation-apres" else denied


def _flip(mention: Mention, status: Status, first: int, last: int) -> tuple[Status, int, int]:
    """Turn a term that states absence around: « apyrétique » denies, « pas apyrétique » affirms (« pas de dissection carotidienne » does not)."""
    if not mention.denies or (mention.narrows and status is Status.ABSENT):
        return status, first, last
    return (Status.PRESENT if status is Status.ABSENT else Status.ABSENT), first, last


def _reached(scene: Scene, name: str, start: int, end: int, openers: frozenset[str]) -> Iterator[Mention]:
    """Yield the mentions that a forward cue reaches."""
    reach = _REACH[name]
    words = scene.words
    allowance = reach.unknown
    if name == "negation-avant" and words[start].folded in ("pas", "non", "plus", "jamais") and not _followed_by_of(scene, end):
        allowance = 0
    unknown, done, listing, loose = 0, False, False, False
    if name == "famille":  # « maman opérée d'un cancer »: a sign may begin within the cue
        yield from (m for at in range(start + 1, end + 1) for m in scene.starts.get(at, ()) if m.last > end)
    index = end + 1
    if name == "famille" and index < len(words) and words[index].folded == "avec" and _opens_item(scene, start):
        index += 1  # « mère avec cancer du sein », but « amené par sa mère avec fièvre »
    furthest = min(len(words), index + _LONGEST_LIST)
    while index < furthest and scene.clause[index] == scene.clause[start]:
        token = words[index]
        here = scene.starts.get(index)
        if here:
            if loose or (done and reach.needs_link and not listing):
                return
            if listing and name == "passe-avant" and words[index - 1].folded == "," and any(m.fact in openers for m in here):
                return
            last = max(mention.last for mention in here)
            family = name == "famille"  # « mère cancer sein opérée »: what overlaps is the mother's too
            yield from (m for at in range(index, last + 1) for m in scene.starts.get(at, ()) if family or m.last <= last)
            index, done, unknown = last + 1, True, 0
            continue
        if name in _NEGATIONS and token.folded in ("que", "qu"):
            return  # « pas d'autre signe que… » affirms what follows
        cue = scene.cues.get(index)
        if cue and cue[0] in ("relais", "hypothese-avant", "passe-avant") and name.endswith("n-avant"):
            index = cue[1] + 1
            continue
        if cue and cue[0] not in ("relais", "suite", "hypothese-apres", "passe-apres", "negation-apres"):
            return
        step = _step(scene, index, done, listing, reach)
        if step == "stop":
            return
        if step == "link":
            done, unknown, loose = False, 0, False
        elif step == "list":
            if token.folded == ":" and unknown:
                return  # « pas de suivi : fièvre »
            done, unknown, listing, loose = False, 0, True, False
        elif step == "close":
            return
        elif step == "pass" and token.folded in _OF:
            loose, done = False, done and name != "famille"  # « père opéré d'un cancer »
        elif step == "word" and name == "famille" and token.folded == "pour":
            done = False  # « sa sœur suivie pour un cancer »
        elif step == "word":
            unknown += 1
            loose = name in _NEGATIONS  # « pas de rhinorrhée céphalée brutale »: without « de » the sign that follows stands alone
            if unknown > allowance or (done and reach.needs_link and not listing) or token.folded in _STOPPERS:
                return
        index += 1


def _opens_item(scene: Scene, index: int) -> bool:
    """Say whether the word at a place begins an item of the text."""
    return index == 0 or scene.clause[index - 1] != scene.clause[index] or scene.words[index - 1].folded in ",:;(\n"


def _goes_on(scene: Scene, mention: Mention) -> bool:
    """Say whether a mention among antecedents is of today: « …, fièvre depuis 3 jours »."""
    following = [token.folded for token in scene.words[mention.last + 1 : mention.last + 4]]
    return bool(_TODAY.intersection(following[:2])) or following[:2] == ["ce", "jour"] or "depuis" in following


def _followed_by_of(scene: Scene, end: int) -> bool:
    return (end + 1 < len(scene.words) and scene.words[end + 1].folded in _OF) or scene.words[end].folded in _OF


def _step(scene: Scene, index: int, done: bool, listing: bool, reach: Reach) -> str:
    """Say what a token that is neither mention nor cue does to the scope."""
    token = scene.words[index]
    folded = token.folded
    if folded in ("ou", "ni", "/"):
        return "link"
    if folded == "et":
        following = scene.words[index + 1].folded if index + 1 < len(scene.words) else ""
        return "link" if following in _OF or following == "ni" or listing else "stop"
    if folded == ",":
        return "link" if listing or (reach.comma_list and _list_goes_on(scene, index)) else "stop"
    if folded in ("(", ":"):
        return "list" if not (folded == ":" and done) else "stop"
    if folded == ")":
        return "close"
    if token.is_stop or token.is_joiner or folded in "\"'°":
        return "pass"
    return "word" if token.is_word and not folded[0].isdigit() else "stop"


def _list_goes_on(scene: Scene, comma: int) -> bool:
    """Say whether, after a comma, the list under a negation plainly continues: « , de y », « , y ou z », « , y ni z »."""
    words = scene.words
    index = comma + 1
    if index < len(words) and words[index].folded in _OF and words[min(index + 1, len(words) - 1)].folded != "-":
        return True  # « , d'AEG », but not « , D-dimères »
    furthest = min(len(words), index + _LONGEST_LIST)
    while index < furthest and scene.clause[index] == scene.clause[comma]:
        if words[index].is_stop or scene.cues.get(index, ("",))[0] == "relais":
            index += 1
            continue
        here = scene.starts.get(index)
        if not here:
            return False
        index = max(mention.last for mention in here) + 1
        if index >= len(words):
            return False
        if words[index].folded in ("ou", "ni"):
            return True
        if words[index].folded != ",":
            return False
        index += 1
    return False


def _after(scene: Scene, mention: Mention, year: int | None) -> Iterator[tuple[Status, int]]:
    """Yield what the words that follow a mention say of it: « fièvre : non », « EP exclue », « en 2019 », « chez sa mère »."""
    words, clause = scene.words, scene.clause[mention.last]
    index = mention.last + 1
    crossed = 0
    while index < len(words) and scene.clause[index] == clause and index - mention.last <= 6:
        token = words[index]
        cue = scene.trailing.get(index) or scene.cues.get(index)
        close = crossed == 0
        if close and (denied := _denies_after(scene, index)) is not None:
            yield Status.ABSENT, denied
            return
        if close and (unknown := _unknown_after(scene, index)) is not None:
            yield Status.HYPOTHETICAL, unknown
            return
        if cue and cue[0] == "negation-apres" and close:
            yield Status.ABSENT, cue[1]
            return
        if cue and cue[0] == "double-negation" and close:
            yield Status.HYPOTHETICAL, cue[1]
            return
        if cue and cue[0] == "hypothese-apres" and close:
            yield Status.HYPOTHETICAL, cue[1]
        if cue and cue[0] == "passe-apres" and crossed <= 1:
            yield Status.PAST, cue[1]
        if cue and cue[0] == "famille" and crossed <= 1:
            yield Status.FAMILY, cue[1]
            return
        if token.folded == "," or (cue and cue[0] in ("rupture", "negation-avant", "famille")) or scene.starts.get(index):
            return
        if _past_date(scene, index, year):
            yield Status.PAST, index
            return
        if token.is_word and not token.is_stop and not (cue and cue[0] == "relais"):
            crossed += 1
        index += 1


def _denies_after(scene: Scene, index: int) -> int | None:
    """Return where « non », « 0 », « - », « (-) » or « : aucune » stands, when it closes the item here."""
    words = scene.words
    marked = False
    if words[index].folded == "?" and index + 1 < len(words) and words[index + 1].folded == "non":
        return index + 1  # « Entorse ? Non, torticolis »
    while index < len(words) and words[index].folded in (":", "=", "("):
        marked, index = True, index + 1
    if index >= len(words):
        return None
    folded = words[index].folded
    following = words[index + 1].folded if index + 1 < len(words) else "."
    if folded not in _DENYING:
        return None
    closes = following in _ENDS or following == "-" or (scene.starts.get(index + 1) is not None and _alternates(scene, index))
    if marked and words[index - 1].folded != "(" and folded in ("non", "aucun", "aucune", "0", "ø"):
        return index
    if folded in ("aucun", "aucune"):
        return index if closes and marked else None
    if folded in ("0", "ø") and not marked and following.isalpha() and following not in _AMOUNTS:
        return index
    return index if closes and folded in ("non", "0", "ø", "-") else None


def _unknown_after(scene: Scene, index: int) -> int | None:
    """Return where « : ne sait pas », « = inconnu » end when they stand here; without « : », these words say it of what follows."""
    words = scene.words
    if words[index].folded not in (":", "="):
        return None
    said = [word.folded for word in words[index + 1 : index + 4]]
    return next((index + len(answer) for answer in _UNKNOWN if said[: len(answer)] == list(answer)), None)


def _alternates(scene: Scene, index: int) -> bool:
    """Say whether a list reads « fièvre non AEG non »: the last word of the clause is « non » too."""
    clause = scene.clause[index]
    last = index
    furthest = min(len(scene.words), index + _LONGEST_LIST)
    while last + 1 < furthest and scene.clause[last + 1] == clause and scene.words[last + 1].is_word:
        last += 1
    return last > index and scene.words[last].folded == "non"


def _past_date(scene: Scene, index: int, year: int | None) -> bool:
    """Say whether a year before the request's, or « il y a N ans », stands here."""
    words = scene.words
    token = words[index]
    if len(token.folded) == 4 and token.folded.isdigit() and 1930 <= int(token.folded) <= 2100:
        return year is not None and int(token.folded) < year and words[index - 1].folded not in ("depuis", "dps")
    if token.folded == "il" and [w.folded for w in words[index + 1 : index + 3]] == ["y", "a"] and index + 4 < len(words):
        number, unit = words[index + 3].folded, words[index + 4].folded
        if number.isdigit():
            return unit in ("ans", "an", "annees", "a") or (unit == "mois" and float(number) >= 6)
    return False


def _question_marks(scene: Scene, mark: object) -> None:
    """Mark as hypothetical the item before « ? » and the one after a « ? » or an « R/ » that opens an item."""
    words = scene.words
    endings: dict[int, list[Mention]] = {}
    for mention in scene.mentions:
        endings.setdefault(mention.last, []).append(mention)
    for index, token in enumerate(words):
        if token.folded == "?":
            for mention in _item_before(scene, index, endings):
                mark(mention, Status.HYPOTHETICAL, mention.first, index)  # type: ignore[operator]
            if index == 0 or words[index - 1].folded in ",;.\n":
                for mention in scene.starts.get(_skip_stops(scene, index + 1), ()):
                    mark(mention, Status.HYPOTHETICAL, index, mention.last)  # type: ignore[operator]
        elif token.folded == "r" and index + 1 < len(words) and words[index + 1].folded == "/":
            for mention in scene.starts.get(_skip_stops(scene, index + 2), ()):
                mark(mention, Status.HYPOTHETICAL, index, mention.last)  # type: ignore[operator]


def _skip_stops(scene: Scene, index: int) -> int:
    while index < len(scene.words) and scene.words[index].is_stop:
        index += 1
    return index


def _item_before(scene: Scene, mark: int, endings: Mapping[int, list[Mention]]) -> Iterator[Mention]:
    """Yield the mentions that end the item a question mark closes, with those joined to them by « ou », « vs » or « / »."""
    words = scene.words
    floor, crossed = mark - 1, 0
    while floor >= 0 and scene.clause[floor] == scene.clause[mark]:
        ending = endings.get(floor)
        if ending:
            yield from ending
            floor, crossed = min(mention.first for mention in ending) - 1, 2
            continue
        token = words[floor]
        if token.folded in ("ou", "vs", "/"):
            crossed = 0
        elif token.folded in _OF or token.folded == "'":  # « entorse du cou ? »: the whole of it
            pass
        elif not token.is_word or crossed > 1:
            return
        elif not token.is_stop:
            crossed += 1
        floor -= 1
