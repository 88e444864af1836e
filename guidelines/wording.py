"""What the words of the lexicon really recognise: terms that shrink, that are never found, that two facts share, that hide a cue."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations

from pertimage.guidelines.lexicon import Entry, FactDef, Lexicon, Match
from pertimage.guidelines.schema import Fact
from pertimage.guidelines.source import Document, Fault
from pertimage.guidelines.words import Token, fold, term_forms, tokens

# A term loses nothing with these: « la fièvre » is « fièvre ».
_ARTICLES = frozenset(("le", "la", "les", "l", "du", "des"))
_ACRONYM = re.compile("=?[A-ZÉ]{2,4}")
ORDINARY = 3  # entries of the lexicon beside its own in which an ordinary word is found
_AFTER = frozenset(("passe-apres", "hypothese-apres"))
_BEFORE = frozenset(("passe-avant", "hypothese-avant"))
_FAMILY = "famille"


def wording_faults(
    facts: Mapping[str, tuple[Document, Fact]], cues: Document | None, lexicon: Lexicon, openers: frozenset[str]
) -> Iterator[Fault]:
    """Yield the terms that are not read as they are written (``openers``: the facts that open sheets)."""
    common = _ordinary(facts, cues, lexicon)
    for name, (document, fact) in facts.items():
        for key, kind, written in (("termes", "fact", fact.terms), ("termes_absent", "denied", fact.absent_terms)):
            terms = [_Term(term, Entry(kind, name, _exact(term)), lexicon, common) for term in written]
            for index, message in (*_shrunk(terms), *_unheard(terms)):
                yield document.warning(message, name, key, index)
        yield from _affirmed_and_denied(name, document, fact, lexicon)
    yield from _shared(facts, lexicon, openers)
    for cue, written in _entries(cues).items():
        for index, message in _shrunk([_Term(term, Entry("cue", cue, _exact(term)), lexicon, common) for term in written]):
            yield cues.warning(message, cue, index)  # type: ignore[union-attr]


def _entries(cues: Document | None) -> dict[str, list[str]]:
    content = cues.value if cues is not None and isinstance(cues.value, dict) else {}
    return {cue: [str(term) for term in terms] for cue, terms in content.items()}


def _exact(term: str) -> tuple[str, ...]:
    return tuple(term[1:].split()) if term.startswith("=") else ()


class _Term:
    """A term as the reader meets it: its tokens, those that are compared, those that are lost and should not be."""

    def __init__(self, written: str, entry: Entry, lexicon: Lexicon, common: frozenset[str]) -> None:
        self.written, self.entry, self.lexicon = written, entry, lexicon
        self.text = unicodedata.normalize("NFC", written.removeprefix("="))
        self.tokens = tokens(self.text, lexicon.abbreviations)
        self.forms = term_forms(self.text, lexicon.abbreviations)
        self.kept = _aligned(self.tokens, self.forms)
        self._alone, self._ordinary = len(self.kept) == 1, self.forms[:1] != () and self.forms[0] in common
        self.lost = [token for index, token in enumerate(self.tokens) if self.kept and self._matters(index, token)]

    def shown(self, found: list[Token]) -> list[str]:
        """Return words of the term as they are written."""
        return [self.text[token.start : token.end] for token in found]

    def _matters(self, index: int, token: Token) -> bool:
        """Say whether a token that is not compared changed the meaning of the term."""
        if any(token is kept for kept in self.kept) or token.folded in "\"()'.":
            return False
        last = index == len(self.tokens) - 1
        if token.is_joiner:
            return last or index == 0
        written = self.text[token.start : token.end]
        before = self.tokens[index - 1].folded[-1] if index else ""
        if before.isdigit():
            return self.tokens[index - 1].end == token.start  # « ACR4a », but « 3 L »
        if written.isupper() and not self.text.isupper() and (last or len(written) > 1):
            return True  # « douleur lombaire D », « CE bronchique »
        if last and self.entry.kind == "cue":
            return False  # « guéri de » is « guéri »
        auxiliary = written == "a" and not last  # « a cédé »
        return self._alone and (last or (self._ordinary and token.folded not in _ARTICLES and not auxiliary))


def _aligned(found: list[Token], forms: tuple[str, ...]) -> list[Token]:
    """Return the tokens that are compared: those that the forms of the term follow, in order."""
    kept: list[Token] = []
    for token in found:
        if len(kept) < len(forms) and forms[len(kept)] in (token.form, token.folded):
            kept.append(token)
    return kept


def _ordinary(facts: Mapping[str, tuple[Document, Fact]], cues: Document | None, lexicon: Lexicon) -> frozenset[str]:
    """Return the words that many entries of the lexicon hold among others: alone, such a word says none of them."""
    entries = [[*fact.terms, *fact.absent_terms] for _, fact in facts.values()] + list(_entries(cues).values())
    phrases = [[term_forms(term, lexicon.abbreviations) for term in terms] for terms in entries]
    count = Counter(form for found in phrases for form in {form for forms in found if len(forms) > 1 for form in forms})
    return frozenset(form for form, found in count.items() if found > ORDINARY)


def _shrunk(terms: list[_Term]) -> Iterator[tuple[int, str]]:
    """Yield the terms whose small words or marks carry the meaning and are not read, unless what is left is one of the terms too."""
    accepted = {term.forms for term in terms if not term.lost}
    for index, term in enumerate(terms):
        if term.lost and term.forms not in accepted:
            read, missing = " ".join(term.shown(term.kept)), " et ".join(f"« {word} »" for word in term.shown(term.lost))
            unread = "n'est pas lu" if len(term.lost) == 1 else "ne sont pas lus"
            yield (
                index,
                f"« {term.written} » est reconnu comme « {read} » : {missing} {unread} ; ajouter un mot qui précise, ou écrire « {read} » si c'est bien lui",
            )


def _unheard(terms: list[_Term]) -> Iterator[tuple[int, str]]:
    """Yield the terms that are not found in their own words, or that hide a cue of the context."""
    for index, term in enumerate(terms):
        if "…" in term.forms:
            continue
        matches = term.lexicon.automaton.find(term.tokens, term.text)
        if not any(match.entry == term.entry for match in matches):
            yield (
                index,
                f"« {term.written} » n'est pas reconnu quand on l'écrit ainsi : retirer la ponctuation, ou n'exiger la casse (« = ») que des mots comparés",
            )
        yield from ((index, message) for message in _hidden_cues(term, matches))


def _hidden_cues(term: _Term, matches: list[Match]) -> Iterator[str]:
    """Yield the cues of the context that this term takes for itself, and the fact that they would have qualified."""
    words = [index for index, token in enumerate(term.tokens) if any(token is kept for kept in term.kept)]
    decoys = [match for match in matches if match.entry.name == "fausse-famille"]
    for cue in (match for match in matches if match.entry.kind == "cue"):
        name = cue.entry.name
        if any(decoy.first <= cue.first and cue.last <= decoy.last for decoy in decoys):
            continue
        shown = term.text[term.tokens[cue.first].start : term.tokens[cue.last].end]
        if words and cue.first <= words[0] and words[-1] <= cue.last and name in _AFTER | _BEFORE | {_FAMILY, "rupture"}:
            yield f"« {term.written} » est aussi un indice du contexte ({name}), qu'il fait taire : écrire un terme plus long"
            return
        for other in matches:
            if other.entry.kind == "fact" and other.entry.name != term.entry.name and _governs(cue, other, term):
                fact = term.lexicon.facts[other.entry.name].label
                yield f"« {term.written} » fait taire l'indice « {shown} » ({name}) : « {fact} » y est lu comme présent ; arrêter le terme avant l'indice"
                return


def _governs(cue: Match, other: Match, term: _Term) -> bool:
    name, fact = cue.entry.name, term.lexicon.facts.get(other.entry.name)
    if fact is None:
        return False
    opens = cue.first == 0  # the reader keeps the cues that open a mention
    before = other.last < cue.first
    if name in _AFTER:
        return before and not _counts(name, fact)
    if name in _BEFORE:
        return other.first > cue.last and not opens and not _counts(name, fact)
    return name == _FAMILY and not opens and not fact.family_counts and (before or other.first > cue.last)


def _counts(cue: str, fact: FactDef) -> bool:
    return fact.past_counts if cue.startswith("passe") else fact.hypothesis_counts


def _affirmed_and_denied(name: str, document: Document, fact: Fact, lexicon: Lexicon) -> Iterator[Fault]:
    affirmed = {term_forms(term, lexicon.abbreviations): term for term in fact.terms}
    for index, term in enumerate(fact.absent_terms):
        if (other := affirmed.get(term_forms(term, lexicon.abbreviations))) is not None:
            message = f"« {term} » (termes_absent) se lit comme « {other} » (termes) : le même mot ne peut dire le signe et son absence ; retirer l'un des deux"
            yield document.fault(message, name, "termes_absent", index)


def _shared(facts: Mapping[str, tuple[Document, Fact]], lexicon: Lexicon, openers: frozenset[str]) -> Iterator[Fault]:
    """Yield the pairs of facts of different meaning that a same word states: their diagnoses (CIM-10) have nothing in common.

    Facts often share words on purpose; those that misread a request are acronyms, and complaints that open two unrelated sheets.
    """
    owners: dict[tuple[str, ...], dict[str, str]] = {}
    for name, (_, fact) in facts.items():
        for term in fact.terms if fact.icd10 else ():
            owners.setdefault((*term_forms(term, lexicon.abbreviations), *map(fold, _exact(term))), {}).setdefault(name, term)
    shared: dict[tuple[str, str], list[str]] = {}
    for names in owners.values():
        for one, other in combinations(names, 2):
            if openers.issuperset((one, other)) or _ACRONYM.fullmatch(names[one]):
                shared.setdefault((one, other), []).append(names[one])
    for (one, other), terms in shared.items():
        if _categories(facts[one][1]).isdisjoint(_categories(facts[other][1])) and not _related(one, other, lexicon):
            words = ", ".join(f"« {term} »" for term in terms[:3]) + (" …" if len(terms) > 3 else "")
            message = f"{words} dit à la fois « {other} » et « {one} » ({facts[one][0].shown}), de sens différents : préciser les mots, ou déduire l'un de l'autre (« si »)"
            place = facts[other][0]
            yield place.warning(message, other, "termes")


def _categories(fact: Fact) -> frozenset[str]:
    return frozenset(code[:3] for code in fact.icd10)


def _related(one: str, other: str, lexicon: Lexicon) -> bool:
    """Say whether one of two facts is deduced from the other."""
    return one in lexicon.with_origins((other,)) or other in lexicon.with_origins((one,))
