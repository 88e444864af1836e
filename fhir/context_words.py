"""The words of an entry of the record read through the lexicon, for what no code states (« Pacemaker Medtronic », « AVK »).

An entry is plain data, never a letter: only lasting facts (``TERRAIN`` and what they are derived from) and a pregnancy are
looked for, and only present, past or doubted ones. A denial tells nothing here, since it may be years old; only a hysterectomy,
which lasts, excludes something.
"""

from __future__ import annotations

from hashlib import blake2b

from pertimage.cds.model import Status
from pertimage.cds.text.context import qualify
from pertimage.cds.text.mentions import scene
from pertimage.fhir.history import FALSE_IODINE, TERRAIN, FactsOf
from pertimage.guidelines.lexicon import Lexicon
from pertimage.guidelines.words import fold

PREGNANCY = "grossesse"
LONGEST = 200  # characters of an entry that are read
REMEMBERED = 4096  # entries whose reading is kept, under a digest: their words are not
_NOT_DONE = ("envisag", "prevu", "program", "refus", "propos", "discut", "partielle")
_KEPT = (Status.PRESENT, Status.PAST, Status.HYPOTHETICAL)
Stated = tuple[tuple[str, Status], ...]


def record_facts(lexicon: Lexicon) -> FactsOf:
    """Return the reading of codes and words of the record with a lexicon."""
    return FactsOf(lexicon.facts, lexicon.atc, _Words(lexicon))


class _Words:
    """Reads words, and remembers what the last ones state: records repeat themselves."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._wanted = lexicon.with_origins((*TERRAIN, FALSE_IODINE)) | {PREGNANCY}
        self._known: dict[bytes, Stated] = {}

    def __call__(self, words: str) -> Stated:
        """Return the facts that words state, each once."""
        key = blake2b(words.encode("utf-8", "replace"), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._stated(words[:LONGEST])
            if len(self._known) > REMEMBERED:
                self._known.pop(next(iter(self._known)), None)
        return known

    def _stated(self, words: str) -> Stated:
        found: dict[str, Status] = {}
        for mention, status, _, _ in qualify(scene(words, self._lexicon)):
            affirmed = status in _KEPT and not mention.denies  # « pas d'hystérectomie » tells no pregnancy
            if mention.fact in self._wanted and (affirmed or _lasting_denial(mention.fact, status, words)):
                found.setdefault(mention.fact, status)
        return tuple(found.items())


def _lasting_denial(fact: str, status: Status, words: str) -> bool:
    return status is Status.ABSENT and fact == PREGNANCY and tells_hysterectomy(words)


def tells_hysterectomy(words: str) -> bool:
    """Say whether words tell a hysterectomy that was done, as far as they go."""
    folded = fold(words)
    return "hysterectomi" in folded and not any(word in folded for word in _NOT_DONE)
