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
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from pertimage.cds.exam_words import NO_GAP, Atom, Lexer, Meaning, meanings
from pertimage.guidelines.catalogue import wider
from pertimage.guidelines.schema import ExamForm, Modality, WordsForm
from pertimage.guidelines.words import fold

CCAM = ("https://smt.esante.gouv.fr/terminologie-ccam", "1.2.250.1.215.300.1")
LOINC = ("http://loinc.org", "2.16.840.1.113883.6.1")
OWN_SYSTEM = "/CodeSystem/examen"
_CCAM_SHAPE = re.compile(r"[A-Z]{4}\d{3}")
_LOINC_SHAPE = re.compile(r"\d{1,5}-\d")
_PARENTHESIS = re.compile(r"\s*\([^)]*\)")
_MONTHS = "janv|fevr|mars|avril|mai|juin|juil|aout|sept|octo|nove|dece"
_DATE = re.compile(
    rf"[\s(,]*(?:(?:du|de|le|en|d'|des|depuis|fait|faite|date|datant|au)\s*)*"
    rf"(?:\d{{1,2}}[/.-]\d{{1,2}}(?:[/.-]\d{{2,4}})?\b|(?:19|20)\d\d\b|(?:\d{{1,2}}\s*)?(?:{_MONTHS})[a-z]*\b)"
)
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


@dataclass(slots=True)
class _Site:
    """A region asked for within a group."""

    region: str
    start: int
    end: int
    side: str = ""
    linked: bool = False
    bracketed: bool = False
    plural: bool = False
    doubtful: bool = False


_Found = tuple[_Site, tuple[str, ...]]


@dataclass(slots=True)
class _Group:
    """Techniques and the regions, precisions and contrast said of them."""

    techniques: list[tuple[str, Atom]] = field(default_factory=list)
    named: list[tuple[str, Atom]] = field(default_factory=list)
    sites: list[_Site] = field(default_factory=list)
    qualities: set[str] = field(default_factory=set)
    contrast: bool | None = None
    side: str = ""
    sealed: bool = False
    linked: bool = False
    before: list[_Site] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def awaits_technique(self) -> bool:
        """Say whether another technique may join (« radio + écho épaule »)."""
        return not self.sites and not self.named and not self.sealed


class ExamRecogniser:
    """Names the catalogue's exam behind a code or a prescriber's words. Build once; reading changes nothing."""

    def __init__(
        self,
        exams: Iterable[ExamForm],
        regions: Mapping[str, WordsForm],
        techniques: Mapping[str, WordsForm],
        abbreviations: Mapping[str, str] | None = None,
    ) -> None:
        self._exams = {exam.id: exam for exam in exams}
        self._techniques = techniques
        self._wider_regions = {slug: wider(slug, regions) for slug in regions}
        self._wider_techniques = {slug: tuple(entry.inside) for slug, entry in techniques.items() if entry.modality}
        self._ids = {id_: Meaning(exams=(id_,)) for id_ in self._exams if "-" in id_}
        self._codes = _codes(self._exams.values())
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

    # -- codes

    def by_code(self, system: str, code: str) -> str | None:
        """Return the exam of a code: CCAM or LOINC (URI or OID), our own catalogue, or a bare code known by its shape.

        A code that several exams share gives the first of the catalogue; ``all_by_code`` gives them all.
        """
        return next(iter(self.all_by_code(system, code)), None)

    def all_by_code(self, system: str, code: str) -> tuple[str, ...]:
        """Return every exam that carries a code, preferred first, for the words or the body site to choose from."""
        code, system = code.strip(), system.strip().removeprefix("urn:oid:").rstrip("/")
        if system.endswith(OWN_SYSTEM) or (not system and code in self._exams):
            return (code,) if code in self._exams else ()
        act = _CCAM_SHAPE.match(code.upper())
        if act and (system in CCAM or (not system and len(code) == len(act.group()))):
            return self._codes.get(act.group(), ())
        if system in LOINC or (not system and _LOINC_SHAPE.fullmatch(code)):
            return self._codes.get(code, ())
        return ()

    def by_codes(self, codes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Return the exams that several codes of one request agree on, preferred first: a precise code narrows a shared one."""
        found = [exams for system, code in codes if (exams := self.all_by_code(system, code))]
        agreed = [exam for exam in dict.fromkeys(exam for exams in found for exam in exams) if all(exam in exams for exams in found)]
        return tuple(agreed or dict.fromkeys(exam for exams in sorted(found, key=len) for exam in exams))

    # -- words

    def in_text(self, text: str, narrative: bool = False) -> tuple[ExamMention, ...]:
        """Return the exams asked for in a text, in order.

        ``narrative`` is for the story of a request rather than its title: exams that are only cited (done before, dated, with
        their result, refused) are left out, and acronyms count in capitals only. In a title they are left out beside another.
        """
        text = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        atoms = self._lexer.atoms(text, self._ids, narrative)
        groups = _Grammar(narrative, self._singulars).groups(atoms)
        mentions: list[ExamMention] = []
        previous: list[ExamMention] = []
        for group in groups:
            found = self._resolve(group, text, previous)
            mentions += found
            previous = found
        if narrative or len(mentions) > 1:
            asked = [mention for mention in mentions if not _cited(mention, atoms, text)]
            mentions = asked if narrative or asked else mentions
        return _distinct(mentions)

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
        forms = self._lexer.forms(unicodedata.normalize("NFC", name))
        meaning = Meaning(technique=technique, exams=(exam.id,))
        self._lexer.add_forms(forms, meaning)
        for own in self._terms[technique] if technique else ():
            if forms[: len(own)] == own:
                for other in self._terms[technique]:
                    self._lexer.add_forms(other + forms[len(own) :], meaning)

    def _plainest(self, modality: Modality) -> str:
        return next(slug for slug, entry in self._techniques.items() if entry.modality is modality)

    # -- resolving

    def _resolve(self, group: _Group, text: str, previous: list[ExamMention]) -> list[ExamMention]:
        found = [self._mention(exam, "", None, group, atom.start, atom.end, text) for exam, atom in group.named]
        bare: list[tuple[str, Atom]] = []
        for technique, atom in group.techniques:
            mentions = [*self._at_sites(technique, atom, group, group.sites, text)]
            mentions = mentions or self._anywhere(technique, atom, group, text)
            found += mentions
            if not mentions:
                bare.append((technique, atom))
        for technique, atom in bare:
            found += self._bare(technique, atom, group, found or (previous if group.linked else []), text)
        return sorted(found, key=lambda mention: mention.start)

    def _at_sites(self, technique: str, atom: Atom, group: _Group, sites: list[_Site], text: str) -> Iterator[ExamMention]:
        kept: list[_Found] = []
        for site in sites:
            exams = self._lookup(technique, site.region, group)
            last = kept[-1] if kept else None
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

    def _settled_by(self, last: _Found, site: _Site, exams: tuple[str, ...], kept: list[_Found]) -> bool:
        """Decide between two regions said in a row: the narrower wins, unless it only details in brackets a region already settled."""
        before, settled = last
        if site.bracketed and settled and self._inside(site.region, before.region):
            return True
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

    def _side(self, site: _Site, later: list[_Found], exams: tuple[str, ...]) -> str:
        if site.side:
            return site.side
        lateral = any(self._exams[exam].lateral for exam in exams)
        after = next((other.side for other, _ in later if other.side), "")
        return (after or ("bilateral" if site.plural else "")) if lateral else ""

    def _anywhere(self, technique: str, atom: Atom, group: _Group, text: str) -> list[ExamMention]:
        """Read a technique that needs no region (« mammo »), or the regions said before it (« genou droit : radio + écho »)."""
        if group.sites:
            return []
        before = [*self._at_sites(technique, atom, group, group.before, text)]
        if any(mention.exam for mention in before):
            return before
        exams = self._choose(self._signatures.get((technique, ""), ()), group)
        return [self._mention(exam, technique, None, group, atom.start, atom.end, text) for exam in exams] or before

    def _bare(self, technique: str, atom: Atom, group: _Group, others: list[ExamMention], text: str) -> list[ExamMention]:
        """Read a technique without region beside others that have one: « radio épaule + écho », « mammo + écho »."""
        found: list[ExamMention] = []
        for other in others:
            for region in other.regions or ((self._exams[other.exam].region,) if other.exam else ()):
                exams = self._exact(technique, region, group)
                site = _Site(region, atom.start, atom.end, other.laterality)
                found += [self._mention(exam, technique, site, group, atom.start, atom.end, text, other.laterality) for exam in exams]
        if found:
            return found
        modality = self._techniques[technique].modality
        if self._wider_techniques[technique] and any(other.modality is modality for other in others):
            return []  # « écho rénale + doppler » where the catalogue has no such Doppler: the ultrasound says it all
        return [self._mention(None, technique, None, group, atom.start, atom.end, text)]

    def _mention(
        self, exam: str | None, technique: str, site: _Site | None, group: _Group, start: int, end: int, text: str, side: str = ""
    ) -> ExamMention:  # fmt: skip
        entry = self._techniques.get(technique)
        modality = self._exams[exam].modality if exam else entry.modality if entry else None
        contrast = group.contrast if group.contrast is not None else entry.contrast if entry else None
        if site is None or (group.sites and site is group.sites[-1]):
            end = max(end, group.end)
        regions = (site.region,) if site else ()
        return ExamMention(exam, modality, regions, side or ("" if site else group.side), contrast, start, end, text[start:end])

    # -- looking up

    def _lookup(self, technique: str, region: str, group: _Group) -> tuple[str, ...]:
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

    def _exact(self, technique: str, region: str, group: _Group) -> tuple[str, ...]:
        exams = self._choose(self._signatures.get((technique, region), ()), group)
        if exams or any(not signature.qualities for signature in self._signatures.get((technique, ""), ())):
            return exams  # « mammographie » is an exam by itself: its own names say more than its region
        return self._choose(self._defaults.get((technique, region), ())[:1], group)

    def _choose(self, signatures: Iterable[_Signature], group: _Group) -> tuple[str, ...]:
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


class _Grammar:
    """Cuts the terms of a text into groups of techniques and what is said of them."""

    def __init__(self, narrative: bool, singulars: Set[str]) -> None:
        self._narrative = narrative
        self._singulars = singulars
        self._groups: list[_Group] = []
        self._group: _Group | None = None
        self._loose: list[_Site] = []
        self._side = ""
        self._last: _Site | None = None
        self._joined = False

    def groups(self, atoms: list[Atom]) -> list[_Group]:
        """Return the groups in the order of the text."""
        for atom in atoms:
            self._read(atom)
        return self._groups

    def _read(self, atom: Atom) -> None:
        meaning = atom.meaning
        if atom.gap.ended and self._group is not None and (self._group.sites or self._group.named or self._narrative):
            self._close()
        self._joined = self._joined or atom.gap.linked
        if meaning.technique or (meaning.exams and not self._wants_region(atom)):
            self._open(atom)
        elif meaning.regions:
            self._add_sites(atom)
        if meaning.side:
            self._add_side(atom)
        if self._group is not None:
            self._precise(atom)

    def _close(self) -> None:
        self._group, self._last, self._joined = None, None, False

    def _wants_region(self, atom: Atom) -> bool:
        """Say whether a name that is also a region (« TAP ») is one here: after a technique, it is."""
        return bool(atom.meaning.regions) and self._group is not None and not self._group.sealed and not self._group.named

    def _open(self, atom: Atom) -> None:
        group = self._group
        joins = group is not None and group.awaits_technique() and not atom.meaning.exams and atom.gap.words <= 1
        if group is None or not joins:
            linked = self._joined and atom.gap.words <= 1 and group is not None
            group = _Group(start=atom.start, linked=linked, before=[] if self._narrative else self._loose)
            self._groups.append(group)
            self._group, self._loose, self._last = group, [], None
        if atom.meaning.exams:
            group.named.append((atom.meaning.exams[0], atom))
        if atom.meaning.technique and not atom.meaning.exams:
            group.techniques.append((atom.meaning.technique, atom))
        group.end, self._joined = max(group.end, atom.end), False

    def _add_sites(self, atom: Atom) -> None:
        group = self._group
        if group is None or not self._attaches(group, atom):
            if group is None:
                self._loose += self._sites(atom)
                self._last = self._loose[-1]
            return
        if group.named and not group.techniques:
            self._extend_name(group, atom)
            return
        group.sites += self._sites(atom)
        self._last = group.sites[-1]

    def _extend_name(self, group: _Group, atom: Atom) -> None:
        """Let a name that holds a technique take further regions: « IRM du rachis entier et de la moelle et genou »."""
        technique = group.named[-1][1].meaning.technique
        if technique and self._joined:
            group.techniques.append((technique, group.named[-1][1]))
            group.sites += self._sites(atom)
            self._last = group.sites[-1]

    def _attaches(self, group: _Group, atom: Atom) -> bool:
        if group.sealed:
            return False
        if not group.sites:
            return atom.gap.words <= (1 if self._narrative else 3) and not (atom.gap.colon and atom.gap.words)
        if self._narrative and atom.gap.comma:
            return False
        return atom.gap.words == 0 or (atom.gap.words == 1 and self._joined)

    def _sites(self, atom: Atom) -> list[_Site]:
        side, self._side = self._side, ""
        linked, self._joined = self._joined, False
        plural = atom.surface[-1:] in "sxSX" and fold(atom.surface)[:-1] in self._singulars
        # « AP », « axillaire » name a region or a view: only what they resolve to tells.
        doubtful = len(atom.surface) <= 2 or "incidences" in atom.meaning.cues
        return [
            _Site(region, atom.start, atom.end, side, linked or place > 0, atom.gap.opened, plural, doubtful)
            for place, region in enumerate(atom.meaning.regions)
        ]

    def _add_side(self, atom: Atom) -> None:
        side, close = atom.meaning.side, atom.gap == NO_GAP
        weak = len(atom.surface) <= 2 or atom.surface.casefold() == "deux"
        if atom.meaning.regions and self._last is not None:
            self._last.side = side
        elif weak and (side == "bilateral" or not close or self._last is None):
            self._side = side if side == "bilateral" else ""
        elif self._last is not None and atom.gap.words == 0 and not (self._group and self._group.sealed):
            self._last.side = side if self._last.side in ("", side) else "bilateral"
            self._last.end = atom.end
        elif self._group is not None and not self._group.sealed and not self._group.sites:
            self._group.side = self._side = side

    def _precise(self, atom: Atom) -> None:
        group, meaning = self._group, atom.meaning
        assert group is not None
        if meaning.contrast is not None:
            group.contrast = meaning.contrast or bool(group.contrast)
        group.qualities |= meaning.qualities
        if meaning.side in ("left", "right"):
            group.qualities.add("unilateral")
        if "motif" in meaning.cues:
            group.sealed = True
        elif "hors-imagerie" in meaning.cues or (self._narrative and meaning.cues & _DONE):
            self._close()
        elif not group.sealed and not meaning.cues & _CITING and atom.gap.words == 0:
            group.end = max(group.end, atom.end)


_DONE = frozenset(["anterieur-apres", "refus-apres"])
_CITING = _DONE | {"anterieur-avant", "anterieurs-liste", "refus-avant"}


def _codes(exams: Iterable[ExamForm]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for exam in exams:
        for code in dict.fromkeys([*exam.ccam, *exam.loinc]):
            found[code] = (*found.get(code, ()), exam.id)
    return found


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


def _cited(mention: ExamMention, atoms: list[Atom], text: str) -> bool:
    """Say whether an exam of a story is only cited: done, dated, with its result, or ruled out."""
    inside = [place for place, atom in enumerate(atoms) if mention.start <= atom.start < mention.end]
    if not inside:
        return False
    first, last = inside[0], inside[-1]
    return _announced(atoms, first) or _listed(atoms, first, text) or _concluded(mention, atoms, last, text)


def _announced(atoms: list[Atom], first: int) -> bool:
    if first == 0:
        return False
    before, gap = atoms[first - 1], atoms[first].gap
    if gap.ended or gap.comma:
        return False
    cues = before.meaning.cues
    return ("anterieur-avant" in cues and gap.words <= 1) or ("refus-avant" in cues and gap.words == 0 and not gap.linked)


def _listed(atoms: list[Atom], first: int, text: str) -> bool:
    """Say whether the sentence announced exams already done (« Examens antérieurs : RX genou, IRM »)."""
    for atom in reversed(atoms[:first]):
        if "anterieurs-liste" in atom.meaning.cues:
            return not re.search(r"[\n;]|\.\s", text[atom.end : atoms[first].start])
    return False


def _concluded(mention: ExamMention, atoms: list[Atom], last: int, text: str) -> bool:
    rest = text[mention.end :]
    if _DATE.match(fold(rest)):
        return True
    if rest.lstrip().startswith(":") and text[: mention.start].rpartition("\n")[2].strip():
        return True
    for atom in atoms[last + 1 : last + 3]:
        if atom.gap.ended or atom.gap.words > 2 or atom.meaning.technique or "motif" in atom.meaning.cues:
            return False
        if atom.meaning.cues & _DONE:
            return True
    return False
