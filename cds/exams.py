"""Recognising the exam a prescriber asks for, from a code or from words (« irm lomabire », « rx bassin et genoux »).

Pure: built once from the catalogue's data, then text in, mentions out. The grammar is small. Techniques open a group; the
regions that follow attach to every technique of the group (« radio + écho épaule gauche »); each pair is looked up among the
signatures that the catalogue's own labels and names give. What cannot be decided is said so: a mention without exam keeps
its modality and regions, for the judge to resolve by the clinical situation.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from pertimage.cds.exam_citations import cited
from pertimage.cds.exam_codes import CodedOrder, CodeReader
from pertimage.cds.exam_groups import Grammar, Group, Site
from pertimage.cds.exam_words import Atom, Lexer, Meaning, meanings
from pertimage.guidelines.catalogue import wider
from pertimage.guidelines.codes import NationalCodes
from pertimage.guidelines.schema import ExamForm, Modality, WordsForm
from pertimage.guidelines.words import fold

_PARENTHESIS = re.compile(r"\s*\([^)]*\)")
_MOST_BESIDE = 30  # of the exams said beside a bare technique, those that may lend it their region
_TITLE = 200  # characters: the same exams are asked for in the same few words, so their reading is remembered
# Regions of exams that look at the whole body: any site named with them is inside.
_WHOLE_BODY = frozenset(["squelette", "corps-entier"])


@dataclass(frozen=True, slots=True)
class ExamMention:
    """An exam asked for in a text, with its place in it (characters).

    ``exam`` is None when the words do not settle on one; ``modality`` and ``regions`` then say what is known. ``laterality`` is
    ``left``, ``right``, ``bilateral`` or "". ``contrast`` is None when nothing is said of it.
    """

    exam: str | None
    modality: Modality | None
    regions: tuple[str, ...]
    laterality: str
    contrast: bool | None
    start: int
    end: int
    phrase: str


@dataclass(frozen=True, slots=True)
class _Signature:
    """One way the catalogue names an exam: the precisions it takes and the contrast it demands (None: any)."""

    exam: str
    qualities: frozenset[str] = frozenset()
    contrast: bool | None = None
    loose: bool = False


# A region asked for, and the exams it resolves to.
Found = tuple[Site, tuple[str, ...]]


class ExamRecogniser:
    """Names the catalogue's exam behind a code or a prescriber's words. Build once; reading changes nothing."""

    def __init__(
        self,
        exams: Iterable[ExamForm],
        regions: Mapping[str, WordsForm],
        techniques: Mapping[str, WordsForm],
        abbreviations: Mapping[str, str] | None = None,
        codes: NationalCodes | None = None,
    ) -> None:
        self._exams = {exam.id: exam for exam in exams}
        self._techniques = techniques
        self._wider_regions = {slug: wider(slug, regions) for slug in regions}
        self._wider_techniques = {slug: tuple(entry.inside) for slug, entry in techniques.items() if entry.modality}
        self._ids = {id_: Meaning(exams=(id_,)) for id_ in self._exams if "-" in id_}
        self._codes = CodeReader(self._exams, codes)
        self._singulars = frozenset(fold(term) for entry in regions.values() for term in entry.terms)
        self._lexer = Lexer(abbreviations)
        self._terms: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for term, meaning in meanings(regions, techniques):
            self._lexer.add(term, meaning)
            if meaning.technique:
                self._terms[meaning.technique].append(self._lexer.forms(term.removeprefix("=")))
        self._signatures: dict[tuple[str, str], list[_Signature]] = defaultdict(list)
        self._defaults: dict[tuple[str, str], list[_Signature]] = defaultdict(list)
        for name in [*self._names()]:
            self._register(*name)
        self._titles = lru_cache(maxsize=2048)(self._in_text)

    # -- codes

    def by_code(self, system: str, code: str) -> str | None:
        """Return the exam of a code: CCAM or LOINC (URI or OID), our own catalogue, or a bare code known by its shape.

        A code that several exams share gives the first of the catalogue; ``all_by_code`` gives them all.
        """
        return next(iter(self.all_by_code(system, code)), None)

    def all_by_code(self, system: str, code: str) -> tuple[str, ...]:
        """Return every exam that carries a code, preferred first, for the words or the body site to choose from."""
        return self._codes.exams_of(system, code)

    def by_codes(self, codes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Return the exams that several codes of one request agree on, preferred first: a precise code narrows a shared one."""
        return self._codes.order(codes).exams

    def coded(self, codes: Iterable[tuple[str, str]]) -> CodedOrder:
        """Return all that the codes of one request say: exams, side, contrast, and the codes out of scope or unknown."""
        return self._codes.order(codes)

    def settled(self, exams: tuple[str, ...]) -> bool:
        """Say whether the first of several exams of a shared code stands for all: they are its variants, or lie within its region."""
        first = self._exams[exams[0]]
        return all(self._inside(self._exams[exam].region, first.region) or self._exams[exam].parent == first.id for exam in exams[1:])

    # -- words

    def in_text(self, text: str, narrative: bool = False) -> tuple[ExamMention, ...]:
        """Return the exams asked for in a text, in order.

        ``narrative`` is for the story of a request rather than its title: exams that are only cited (done before, dated, with
        their result, refused) are left out, and acronyms count in capitals only. In a title they are left out beside another.
        """
        return self._titles(text) if len(text) < _TITLE and not narrative else self._in_text(text, narrative)

    def done_in(self, text: str) -> tuple[ExamMention, ...]:
        """Return the exams that a story only cites (done before, dated, with their result, ruled out), in order, each mention."""
        text = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        mentions, atoms = self._mentions(text, narrative=False)
        return tuple(mention for mention in mentions if cited(mention.start, mention.end, atoms, text))

    def regions_in(self, text: str) -> frozenset[str]:
        """Return the regions that a story names."""
        atoms = self._lexer.atoms(text, self._ids, True)
        return frozenset(region for atom in atoms for region in atom.meaning.regions)

    def near(self, exam: str, regions: frozenset[str]) -> bool:
        """Say whether the region of an exam is one of those, holds one, or is part of one."""
        own = self._exams[exam].region
        return any(self._inside(own, region) or self._inside(region, own) for region in regions)

    def _in_text(self, text: str, narrative: bool = False) -> tuple[ExamMention, ...]:
        text = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        mentions, atoms = self._mentions(text, narrative)
        if narrative or len(mentions) > 1:
            asked = [mention for mention in mentions if not cited(mention.start, mention.end, atoms, text)]
            mentions = asked if narrative or asked else mentions
        return _distinct(mentions)

    def _mentions(self, text: str, narrative: bool) -> tuple[list[ExamMention], list[Atom]]:
        """Return all the exams that a text names, and the words they are made of."""
        atoms = self._lexer.atoms(text, self._ids, narrative)
        groups = Grammar(narrative, self._singulars).groups(atoms, self._plainest(Modality.RADIOGRAPHY))
        mentions: list[ExamMention] = []
        previous: list[ExamMention] = []
        for group in groups:
            found = self._resolve(group, text, previous)
            mentions += found
            previous = found
        return mentions, atoms

    def candidates(self, mention: ExamMention) -> tuple[str, ...]:
        """Return the exams that an undecided mention may mean: same modality, and a region that fits when one is said."""
        if mention.exam is not None:
            return (mention.exam,)
        alike = [exam for exam in self._exams.values() if exam.modality is mention.modality]
        if mention.regions:
            alike = [exam for exam in alike if any(self._inside(exam.region, region) for region in mention.regions)]
        return tuple(exam.id for exam in alike)

    # -- building

    def _names(self) -> Iterator[tuple[ExamForm, str, bool]]:
        for exam in self._exams.values():
            yield exam, exam.label, True
            if " " not in exam.id and "-" not in exam.id:
                yield exam, exam.id, False
            yield from ((exam, name, False) for name in exam.names)

    def _register(self, exam: ExamForm, name: str, is_label: bool) -> None:
        signature, technique, regions = self._read_name(exam.id, _PARENTHESIS.sub("", name))
        if is_label:
            self._defaults[self._plainest(exam.modality), exam.region].append(_Signature(exam.id))
        if signature is None:
            self._add_literal(exam, name, technique)
            return
        for region in regions or ("",):
            self._signatures[technique, region].append(replace(signature, loose=len(regions) > 1))
        if len(regions) > 1:
            self._add_literal(exam, _PARENTHESIS.sub("", name), technique)

    def _read_name(self, exam: str, name: str) -> tuple[_Signature | None, str, tuple[str, ...]]:
        """Return a name as technique, regions and precisions; no signature when it holds a word of its own."""
        atoms = self._lexer.atoms(unicodedata.normalize("NFC", name))
        techniques = [atom.meaning.technique for atom in atoms if atom.meaning.technique]
        technique = techniques[0] if techniques and atoms[0].meaning.technique else ""
        covered = sum(len(self._lexer.forms(atom.surface)) for atom in atoms) + sum(atom.gap.linked for atom in atoms)
        plain = len(techniques) == 1 and technique and covered >= len(self._lexer.forms(name))
        if not plain or any(atom.gap.words or atom.meaning.exams or "motif" in atom.meaning.cues for atom in atoms):
            return None, technique, ()
        regions = tuple(dict.fromkeys(region for atom in atoms for region in atom.meaning.regions))
        qualities = frozenset().union(*(atom.meaning.qualities for atom in atoms))
        contrasts = [atom.meaning.contrast for atom in atoms if atom.meaning.contrast is not None]
        if len(atoms) > 1 and not (regions or qualities or contrasts):
            return None, technique, ()  # « IRM de la face »: its other words alone must not make every IRM one
        return _Signature(exam, qualities, any(contrasts) if contrasts else None), technique, regions

    def _add_literal(self, exam: ExamForm, name: str, technique: str) -> None:
        """Let a name be recognised word for word, whatever the word used for its technique."""
        exact, name = (name[1:], name[1:]) if name.startswith("=") else ("", name)
        forms = self._lexer.forms(unicodedata.normalize("NFC", name))
        meaning = Meaning(technique=technique, exams=(exam.id,), exact=exact)
        self._lexer.add_forms(forms, meaning)
        for own in self._terms[technique] if technique else ():
            if forms[: len(own)] == own:
                for other in self._terms[technique]:
                    self._lexer.add_forms(other + forms[len(own) :], meaning)

    def _plainest(self, modality: Modality) -> str:
        return next(slug for slug, entry in self._techniques.items() if entry.modality is modality)

    # -- resolving

    def _resolve(self, group: Group, text: str, previous: list[ExamMention]) -> list[ExamMention]:
        found = [self._mention(exam, "", None, group, atom.start, atom.end, text) for exam, atom in group.named]
        bare: list[tuple[str, Atom]] = []
        for technique, atom in group.techniques:
            mentions = [*self._at_sites(technique, atom, group, group.sites, text)]
            mentions = mentions or self._anywhere(technique, atom, group, text)
            found += mentions
            if not mentions:
                bare.append((technique, atom))
        for technique, atom in bare:
            found += self._bare(technique, atom, group, (found or (previous if group.linked else []))[:_MOST_BESIDE], text)
        return sorted(found, key=lambda mention: mention.start)

    def _at_sites(self, technique: str, atom: Atom, group: Group, sites: list[Site], text: str) -> Iterator[ExamMention]:
        kept: list[Found] = []
        for site in sites:
            exams = self._lookup(technique, site.region, group)
            last = kept[-1] if kept else None
            if site.bracketed and any(settled for before, settled in kept if not before.bracketed):
                continue  # « écho abdo (foie, reins) »: the details of an exam already named
            if last and not site.linked and self._settled_by(last, site, exams, kept):
                continue
            kept.append((site, exams))
        decided = any(exams for _, exams in kept)
        for place, (site, exams) in enumerate(kept):
            if not exams and decided and (not site.linked or site.doubtful):
                continue
            side = self._side(site, kept[place + 1 :], exams)
            for exam in exams or (None,):
                start, end = min(atom.start, site.start), max(atom.end, site.end)
                yield self._mention(exam, technique, site, group, start, end, text, side)

    def _settled_by(self, last: Found, site: Site, exams: tuple[str, ...], kept: list[Found]) -> bool:
        """Decide between two regions said in a row: the narrower wins."""
        before, settled = last
        if settled and settled == exams:
            before.end, before.side = max(before.end, site.end), before.side or site.side
            return True
        if self._inside(before.region, site.region):
            before.end, before.side = max(before.end, site.end), before.side or site.side
            return bool(settled)
        if self._inside(site.region, before.region) and exams:
            site.side, site.linked = site.side or before.side, before.linked
            kept.pop()
        return False

    def _side(self, site: Site, later: list[Found], exams: tuple[str, ...]) -> str:
        if site.side:
            return site.side
        lateral = any(self._exams[exam].lateral for exam in exams)
        after = next((other.side for other, _ in later if other.side), "")
        return (after or ("bilateral" if site.plural else "")) if lateral else ""

    def _anywhere(self, technique: str, atom: Atom, group: Group, text: str) -> list[ExamMention]:
        """Read a technique that needs no region (« mammo »), or the regions said before it (« genou droit : radio + écho »)."""
        if group.sites:
            return []
        before = [*self._at_sites(technique, atom, group, group.before, text)]
        if any(mention.exam for mention in before):
            return before
        exams = self._choose(self._signatures.get((technique, ""), ()), group)
        return [self._mention(exam, technique, None, group, atom.start, atom.end, text) for exam in exams] or before

    def _bare(self, technique: str, atom: Atom, group: Group, others: list[ExamMention], text: str) -> list[ExamMention]:
        """Read a technique without region beside others that have one: « radio épaule + écho », « mammo + écho »."""
        found: list[ExamMention] = []
        for other in others:
            for region in other.regions or ((self._exams[other.exam].region,) if other.exam else ()):
                exams = self._exact(technique, region, group)
                site = Site(region, atom.start, atom.end, other.laterality)
                found += [self._mention(exam, technique, site, group, atom.start, atom.end, text, other.laterality) for exam in exams]
        if found:
            return found
        modality = self._techniques[technique].modality
        if self._wider_techniques[technique] and any(other.modality is modality for other in others):
            return []  # « écho rénale + doppler » where the catalogue has no such Doppler: the ultrasound says it all
        return [self._mention(None, technique, None, group, atom.start, atom.end, text)]

    def _mention(
        self, exam: str | None, technique: str, site: Site | None, group: Group, start: int, end: int, text: str, side: str = ""
    ) -> ExamMention:  # fmt: skip
        entry = self._techniques.get(technique)
        modality = self._exams[exam].modality if exam else entry.modality if entry else None
        contrast = group.contrast if group.contrast is not None else entry.contrast if entry else None
        if site is None or (group.sites and site is group.sites[-1]):
            end = max(end, group.end)
        regions = (site.region,) if site else ()
        return ExamMention(exam, modality, regions, side or ("" if site else group.side), contrast, start, end, text[start:end])

    # -- looking up

    def _lookup(self, technique: str, region: str, group: Group) -> tuple[str, ...]:
        """Return the exams of a technique on a region: exactly, then on a wider region, then by a plainer technique."""
        exact = self._exact(technique, region, group)
        if exact:
            return exact
        for container in self._wider_regions[region]:
            exams = self._choose(self._signatures.get((technique, container), ()), group)
            if exams:
                return exams
        for plainer in self._wider_techniques[technique]:
            exams = self._exact(plainer, region, group)
            if exams:
                return exams
        everywhere = self._choose(self._signatures.get((technique, ""), ()), group)
        return tuple(exam for exam in everywhere if self._covers(self._exams[exam].region, region))

    def _exact(self, technique: str, region: str, group: Group) -> tuple[str, ...]:
        exams = self._choose(self._signatures.get((technique, region), ()), group)
        if exams or any(not signature.qualities for signature in self._signatures.get((technique, ""), ())):
            return exams  # « mammographie » is an exam by itself: its own names say more than its region
        return self._choose(self._defaults.get((technique, region), ())[:1], group)

    def _choose(self, signatures: Iterable[_Signature], group: Group) -> tuple[str, ...]:
        """Return the exams whose precisions are all said, the most precise ones, with the contrast asked for."""
        fitting = [signature for signature in signatures if signature.qualities <= group.qualities]
        if len(fitting) > 1:
            fitting = [one for one in fitting if not any(one.qualities < other.qualities for other in fitting)]
        chosen: dict[frozenset[str], _Signature] = {}
        for signature in fitting:
            if self._contrast_fits(signature, group.contrast):
                best = chosen.get(signature.qualities)
                if best is None or self._rank(signature, group.contrast) < self._rank(best, group.contrast):
                    chosen[signature.qualities] = signature
        if not chosen and fitting and group.contrast is not None:
            return (fitting[0].exam,)
        return tuple(dict.fromkeys(signature.exam for signature in chosen.values()))

    @staticmethod
    def _contrast_fits(signature: _Signature, asked: bool | None) -> bool:
        return signature.contrast is None or signature.contrast is asked or (asked is None and signature.contrast is False)

    def _rank(self, signature: _Signature, asked: bool | None) -> tuple[bool, bool, bool]:
        """Order equals: own name first, then the contrast asked for (none when nothing is said)."""
        if asked is None:
            return signature.loose, signature.contrast is not None, self._exams[signature.exam].contrast
        return signature.loose, signature.contrast is not asked, self._exams[signature.exam].contrast is not asked

    def _inside(self, region: str, container: str) -> bool:
        return region == container or container in self._wider_regions[region]

    def _covers(self, whole: str, region: str) -> bool:
        return whole in _WHOLE_BODY or self._inside(region, whole) or self._inside(whole, region)


def _distinct(mentions: list[ExamMention]) -> tuple[ExamMention, ...]:
    """Drop repeats (one exam twice counts once, unless each says its side) and bare techniques beside a decided exam of theirs."""
    kept: list[ExamMention] = []
    for mention in mentions:
        place = next((place for place, other in enumerate(kept) if _same(other, mention)), None)
        if place is None:
            kept.append(mention)
        else:
            kept[place] = _merged(kept[place], mention)
    decided = {mention.modality for mention in kept if mention.exam}
    return tuple(mention for mention in kept if mention.exam or mention.regions or mention.modality not in decided)


def _same(first: ExamMention, second: ExamMention) -> bool:
    if first.exam is None or second.exam is None:
        return (first.exam, first.modality, first.regions) == (second.exam, second.modality, second.regions)
    return first.exam == second.exam and (first.laterality == second.laterality or not (first.laterality and second.laterality))


def _merged(first: ExamMention, second: ExamMention) -> ExamMention:
    contrast = first.contrast if first.contrast is not None else second.contrast
    return replace(first, laterality=first.laterality or second.laterality, contrast=contrast)
