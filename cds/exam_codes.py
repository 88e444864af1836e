"""The exams behind the codes of a request: CCAM, LOINC, our own catalogue. A code is known, out of scope or unknown; never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pertimage.guidelines.codes import IMPRECISE, CodedExam, NationalCodes
from pertimage.guidelines.schema import ExamForm

CCAM = ("https://smt.esante.gouv.fr/terminologie-ccam", "1.2.250.1.215.300.1")
LOINC = ("http://loinc.org", "2.16.840.1.113883.6.1")
OWN_SYSTEM = "/CodeSystem/examen"
_CCAM_SHAPE = re.compile(r"[A-Z]{4}\d{3}")
_LOINC_SHAPE = re.compile(r"\d{1,5}-\d")
_NONE = NationalCodes({}, {}, {})
_Said = TypeVar("_Said")


@dataclass(frozen=True, slots=True)
class CodedOrder:
    """What the codes of one request say together.

    ``exams`` are those they agree on, preferred first; ``together`` when all of them are asked for. ``laterality`` and
    ``contrast`` are what the codes say without contradiction. ``outside`` says in French what a code out of scope designates,
    ``vague`` what a code designates that leaves the exam to the words; ``unknown`` holds the codes that no table knows.
    """

    exams: tuple[str, ...] = ()
    together: bool = False
    laterality: str = ""
    contrast: bool | None = None
    outside: str = ""
    vague: str = ""
    unknown: tuple[str, ...] = ()


class CodeReader:
    """Names the exams of codes. Build once; reading changes nothing."""

    def __init__(self, exams: Mapping[str, ExamForm], codes: NationalCodes | None = None) -> None:
        self._known = frozenset(exams)
        self._national = codes or _NONE
        self._own: dict[str, tuple[str, ...]] = {}
        for exam in exams.values():
            for code in dict.fromkeys([*exam.ccam, *exam.loinc]):
                self._own[code] = (*self._own.get(code, ()), exam.id)

    def exams_of(self, system: str, code: str) -> tuple[str, ...]:
        """Return every exam that carries a code, preferred first; empty when it is unknown or out of scope."""
        code = self._normal(system, code)
        if code in self._known:
            return (code,)
        entry = self._national.exams.get(code, CodedExam())
        if entry.together:
            return entry.exams
        return tuple(dict.fromkeys((*self._own.get(code, ()), *entry.exams)))

    def order(self, codes: Iterable[tuple[str, str]]) -> CodedOrder:
        """Return what several codes of one request say together: a precise code narrows a shared one."""
        given = [(self._normal(system, code), code.strip(), self.exams_of(system, code)) for system, code in codes]
        entries = [self._national.exams[code] for code, _, _ in given if code in self._national.exams]
        found = [exams for _, _, exams in given if exams]
        agreed = [exam for exam in dict.fromkeys(exam for exams in found for exam in exams) if all(exam in exams for exams in found)]
        exams = tuple(agreed or dict.fromkeys(exam for exams in sorted(found, key=len) for exam in exams))
        naming = [entry for entry in entries if entry.exams]
        reasons = () if found else tuple(entry.reason for entry in entries if entry.reason)
        return CodedOrder(
            exams,
            len(agreed) > 1 and len(naming) == len(found) and all(entry.together for entry in naming),
            _only({entry.laterality for entry in entries} - {""}) or "",
            _only({entry.contrast for entry in entries} - {None}),
            next((self._national.reasons[reason] for reason in reasons if reason != IMPRECISE), ""),
            self._national.reasons[IMPRECISE] if IMPRECISE in reasons else "",
            tuple(written for code, written, exams in given if not exams and code not in self._national.exams),
        )

    def _normal(self, system: str, code: str) -> str:
        """Return the code as the tables write it; "" when its system and its shape are none of ours."""
        code, system = code.strip(), system.strip().removeprefix("urn:oid:").rstrip("/")
        if system.endswith(OWN_SYSTEM) or (not system and code in self._known):
            return code if code in self._known else ""
        act = _CCAM_SHAPE.match(code.upper())
        if act and (system in CCAM or (not system and len(code) == len(act.group()))):
            return act.group()
        return code if _LOINC_SHAPE.fullmatch(code) and (system in LOINC or not system) else ""


def _only(said: set[_Said]) -> _Said | None:
    return next(iter(said)) if len(said) == 1 else None
