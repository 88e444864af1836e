"""The national codes of imaging exams (LOINC list of the ANS, CCAM): which exam of the catalogue each one asks for, or why none.

Written by ``tools/national_codes.py``; read here from CSV, since seven thousand lines of YAML would double the time to load the base.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

DATA = Path(__file__).with_name("data")
FILES = ("loinc.csv", "ccam.csv")
OUT_OF_SCOPE = "hors-perimetre"
# The code says neither exam nor gesture, only a technique or a limb: the words of the request decide.
IMPRECISE = "imprecis"
_COLUMNS = ["code", "examens", "lateralite", "contraste", "qualificatif", "motif", "usuel"]
_SIDES = {"": "", "gauche": "left", "droite": "right", "bilateral": "bilateral"}
_CONTRASTS = {"": None, "sans": False, "avec": True, "sans-et-avec": True, "intra-articulaire": True}


class CodesError(ValueError):
    """A file of codes contradicts itself or the catalogue; the message lists every fault with its line."""


@dataclass(frozen=True, slots=True)
class CodedExam:
    """What one national code asks for.

    ``exams`` are alternatives, preferred first, or exams asked for together when ``together``; empty when the code is out of
    scope, and ``reason`` then says why. ``laterality`` is ``left``, ``right``, ``bilateral`` or ""; ``contrast`` None when not said.
    """

    exams: tuple[str, ...] = ()
    together: bool = False
    laterality: str = ""
    contrast: bool | None = None
    qualifier: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NationalCodes:
    """Every known code, the usual LOINC codes of each exam, and the French words of each reason. Immutable."""

    exams: Mapping[str, CodedExam]
    usual: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, str]


def load_codes(directory: Path, known: Collection[str]) -> NationalCodes:
    """Read ``codes/*.csv`` of a base whose exams are ``known``; empty when the base has no such folder.

    Raises CodesError on an unknown exam, reason, side or contrast, and on a code written twice.
    """
    folder = directory / "codes"
    reasons = {line[0]: line[1] for _, line in _lines(folder / "motifs.csv", ["motif", "phrase"])}
    exams: dict[str, CodedExam] = {}
    usual: dict[str, tuple[str, ...]] = {}
    faults: list[str] = []
    for name in FILES:
        for number, line in _lines(folder / name, _COLUMNS):
            code, _, side, contrast, _, reason, preferred = line
            read = _coded(tuple(line[1:6]))
            if code in exams or side not in _SIDES or contrast not in _CONTRASTS or not _sound(read, reason, known, reasons):
                faults.append(f"codes/{name}, ligne {number} : {','.join(line)}")
            exams[code] = read
            if preferred:
                usual[read.exams[0]] = (*usual.get(read.exams[0], ()), code)
    if faults:
        raise CodesError("\n".join(["code écrit deux fois, examen, côté, contraste ou motif inconnu :", *faults]))
    return NationalCodes(MappingProxyType(exams), MappingProxyType(usual), MappingProxyType(reasons))


@lru_cache(maxsize=4096)
def _coded(cells: tuple[str, ...]) -> CodedExam:
    """Return the reading of a line; the same cells give the same value, so that seven thousand codes hold in a few hundred."""
    exams, side, contrast, qualifier, reason = cells
    named = () if exams == OUT_OF_SCOPE else tuple(exams.replace("+", " ").split())
    return CodedExam(named, "+" in exams, _SIDES.get(side, ""), _CONTRASTS.get(contrast), qualifier, reason)


@lru_cache(maxsize=1)
def coded_sides(directory: Path = DATA) -> Mapping[str, str]:
    """Return the side (``left``, ``right``, ``bilateral``) of each national code that says one."""
    found = (line for name in FILES for _, line in _lines(directory / "codes" / name, _COLUMNS))
    return MappingProxyType({line[0]: _SIDES[line[2]] for line in found if line[2]})


def _sound(read: CodedExam, reason: str, known: Collection[str], reasons: Collection[str]) -> bool:
    if not read.exams:
        return reason in reasons
    return not reason and all(exam in known for exam in read.exams)


def _lines(path: Path, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) below the heading, comments left out; nothing when there is no such file."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as text:
        rows = ((number, line) for number, line in enumerate(csv.reader(text), 1) if line and not line[0].startswith("#"))
        heading = next(rows, (0, []))[1]
        for number, line in rows:
            if heading != columns or len(line) != len(columns):
                raise CodesError(f"codes/{path.name}, ligne {number} : colonnes attendues {', '.join(columns)}")
            yield number, line
