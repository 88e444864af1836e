"""Grouping the words of an exam request: which regions, sides and contrast go with which techniques."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from pertimage.cds.exam_citations import CITING, DONE
from pertimage.cds.exam_words import NO_GAP, Atom
from pertimage.guidelines.words import fold


@dataclass(slots=True)
class Site:
    """A region asked for within a group."""

    region: str
    start: int
    end: int
    side: str = ""
    linked: bool = False
    bracketed: bool = False
    plural: bool = False
    doubtful: bool = False


@dataclass(slots=True)
class Group:
    """Techniques and the regions, precisions and contrast said of them."""

    techniques: list[tuple[str, Atom]] = field(default_factory=list)
    named: list[tuple[str, Atom]] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    qualities: set[str] = field(default_factory=set)
    contrast: bool | None = None
    side: str = ""
    sealed: bool = False
    linked: bool = False
    before: list[Site] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def awaits_technique(self) -> bool:
        """Say whether another technique may join (« radio + écho épaule »)."""
        return not self.sites and not self.named and not self.sealed


class Grammar:
    """Cuts the terms of a text into groups of techniques and what is said of them."""

    def __init__(self, narrative: bool, singulars: Set[str]) -> None:
        self._narrative = narrative
        self._singulars = singulars
        self._groups: list[Group] = []
        self._group: Group | None = None
        self._loose: list[Site] = []
        self._side = ""
        self._last: Site | None = None
        self._joined = False
        self._bracketed = False

    def groups(self, atoms: list[Atom], plain_film: str) -> list[Group]:
        """Return the groups in the order of the text. Two views alone mean a plain film (« Genou G F+P »), in a title."""
        for atom in atoms:
            self._read(atom)
        views = next((atom for atom in atoms if "face-et-profil" in atom.meaning.cues), None)
        if not self._groups and views is not None and self._loose and not self._narrative:
            return [Group([(plain_film, views)], before=self._loose, start=views.start, end=views.end)]
        return self._groups

    def _read(self, atom: Atom) -> None:
        meaning = atom.meaning
        if atom.gap.ended and self._group is not None and (self._group.sites or self._group.named or self._narrative):
            self._close()
        elif atom.gap.colon and atom.gap.words and self._group is not None and (self._group.sites or self._group.named):
            self._group.sealed = True  # « IRM lombaire : sciatique avec pied droit… »: what follows is the reason
        self._joined = self._joined or atom.gap.linked
        if not (meaning.side or meaning.regions):
            self._side = ""  # « depuis 2 mois. TDM des sinus »: a number counts for the very next region only
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
            group = Group(start=atom.start, linked=linked, before=[] if self._narrative else self._loose)
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
            self._last = None
            if group is None:
                self._loose += self._sites(atom)
                self._last = self._loose[-1]
            return
        if group.named and not group.techniques:
            self._extend_name(group, atom)
            return
        group.sites += self._sites(atom)
        self._last = group.sites[-1]

    def _extend_name(self, group: Group, atom: Atom) -> None:
        """Let a name that holds a technique take further regions: « IRM du rachis entier et de la moelle et genou »."""
        technique = group.named[-1][1].meaning.technique
        if technique and self._joined:
            group.techniques.append((technique, group.named[-1][1]))
            group.sites += self._sites(atom)
            self._last = group.sites[-1]

    def _attaches(self, group: Group, atom: Atom) -> bool:
        if group.sealed:
            return False
        if not group.sites:
            return atom.gap.words <= (1 if self._narrative else 3) and not (atom.gap.colon and atom.gap.words)
        if self._narrative and atom.gap.comma:
            return False
        return atom.gap.words == 0 or (atom.gap.words == 1 and self._joined)

    def _sites(self, atom: Atom) -> list[Site]:
        side, self._side = self._side if atom.gap.words == 0 else "", ""
        linked, self._joined = self._joined, False
        # « (± thorax) » adds an exam, « (foie, reins) » only details one.
        opens = atom.gap.opened and not linked
        self._bracketed = opens or (self._bracketed and not atom.gap.closed and not atom.gap.opened)
        plural = atom.surface[-1:] in "sxSX" and fold(atom.surface)[:-1] in self._singulars
        # « AP », « axillaire » name a region or a view: only what they resolve to tells.
        doubtful = len(atom.surface) <= 2 or "incidences" in atom.meaning.cues
        return [
            Site(region, atom.start, atom.end, side, linked or place > 0, self._bracketed, plural, doubtful)
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
        elif "hors-imagerie" in meaning.cues or (self._narrative and meaning.cues & DONE):
            self._close()
        elif not group.sealed and not meaning.cues & CITING and atom.gap.words == 0:
            group.end = max(group.end, atom.end)
