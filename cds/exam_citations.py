"""Telling the exams that a text only cites (done, dated, with their result, ruled out) from those it asks for."""

from __future__ import annotations

import re
from bisect import bisect_left

from pertimage.cds.exam_words import Atom
from pertimage.guidelines.words import fold

DONE = frozenset(["anterieur-apres", "refus-apres"])
CITING = DONE | {"anterieur-avant", "anterieurs-liste", "refus-avant"}
# « doute à la radio », « visible au scanner »: the exam by which something was found.
_FOUND_BY = re.compile(r"\b(?:a l'|a la |au |aux )$")
# « Merci de faire une IRM du genou : gonalgie… »: what follows the colon is the reason, not a result.
_ASKING = re.compile(
    r"\b(?:merci|svp|faire|souhait\w*|demand\w*|prevoir|realiser|effectuer|pratiquer|prescri\w*|besoin|prie|indication)\b[^.;]*$"
)
_MONTHS = "janv|fevr|mars|avril|mai|juin|juil|aout|sept|octo|nove|dece"
_DATE = re.compile(
    rf"[\s(,]*(?:(?:du|de|le|en|d'|des|depuis|fait|faite|date|datant|au)\s*)*"
    rf"(?:(?!3/4\b)\d{{1,2}}[/.]\d{{1,2}}\b|\d{{1,2}}-\d{{1,2}}-\d{{2,4}}\b|(?:19|20)\d\d\b|(?:\d{{1,2}}\s*)?(?:{_MONTHS})[a-z]*\b)"
)


# How far to look around an exam, in characters, and back in a list of exams: reading stays linear in the length of the text.
_AROUND = 400
_LONGEST_LIST = 40


def cited(start: int, end: int, atoms: list[Atom], text: str) -> bool:
    """Say whether an exam of a story is only cited: done, dated, with its result, or ruled out."""
    first, last = (bisect_left(atoms, place, key=lambda atom: atom.start) for place in (start, end))
    last -= 1
    if last < first:
        return False
    if _FOUND_BY.search(fold(text[max(0, start - 5) : start])):
        return True
    return _announced(atoms, first) or _listed(atoms, first, text) or _concluded(start, end, atoms, last, text)


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
    for atom in reversed(atoms[max(0, first - _LONGEST_LIST) : first]):
        if "anterieurs-liste" in atom.meaning.cues:
            return not re.search(r"[\n;]|\.\s", text[atom.end : atoms[first].start])
    return False


def _concluded(start: int, end: int, atoms: list[Atom], last: int, text: str) -> bool:
    rest = text[end : end + _AROUND]
    if _DATE.match(fold(rest)):
        return True
    lead = fold(text[max(0, start - _AROUND) : start].rpartition("\n")[2])
    if rest.lstrip().startswith(":") and lead.strip() and not _ASKING.search(lead):
        return True
    for atom in atoms[last + 1 : last + 3]:
        if atom.gap.ended or atom.gap.words > 2 or atom.meaning.technique or "motif" in atom.meaning.cues:
            return False
        if atom.meaning.cues & DONE:
            return True
    return False
