"""Which exam a line is about: by an id of the catalogue, a code, a correspondence of the site, or its French label."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pertimage.audit.imports.columns import Vocabulary
from pertimage.audit.imports.moments import is_nothing
from pertimage.cds.exams import ExamRecogniser
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.words import fold

_DICOM = re.compile(r"[A-Z]{2,4}")
_DICOM_KNOWN = frozenset("CT MR DX CR DR US MG BMD NM PT XA RF OT PX IO ES".split())
_ALIKE = {"CR": "DX", "DR": "DX", "PX": "DX", "IO": "DX"}
_MOST_KEPT = 50_000
_LONGEST_LABEL = 200


class How(StrEnum):
    """What the exam was known by; the technique alone, or nothing."""

    CODE = "code"
    SITE = "correspondance"
    LABEL = "libelle"
    MODALITY = "modalite"
    NOTHING = "rien"


@dataclass(frozen=True, slots=True)
class Named:
    """An exam of the catalogue (None: not recognised), its region, and its technique (a DICOM code; None: not known).

    ``other`` says that the label names several exams (the first is kept) or that the technique of the file is another.
    """

    exam: str | None
    modality: str | None
    region: str | None
    how: How
    several: bool = False
    other: bool = False


class ExamNames:
    """Names the exams of lines; what was read once is remembered. ``own`` gives the exam of a word of the site, if it has one."""

    def __init__(
        self, catalogue: Catalogue, recogniser: ExamRecogniser, vocabulary: Vocabulary, own: Callable[[str], str | None] = lambda word: None
    ) -> None:
        self._exams, self._recogniser, self._words, self._own = catalogue.exams, recogniser, vocabulary, own
        self._known: dict[tuple[str, str, str], Named] = {}
        self._modalities: Mapping[str, str] = vocabulary.modalities

    def read(self, code: str, label: str, modality: str) -> Named:
        """Return the exam of the cells of a line; those that the file lacks are empty."""
        key = (code, label, modality)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            found = self._known[key] = self._read(*("" if is_nothing(cell) else cell.strip()[:_LONGEST_LABEL] for cell in key))
        return found

    def _read(self, code: str, label: str, modality: str) -> Named:
        said = self._modality(modality)
        several = False
        for word, how in ((code, How.CODE), (label, How.CODE), (code, How.SITE), (label, How.SITE), (label, How.LABEL), (code, How.LABEL)):
            if not word:
                continue
            if how is How.LABEL:
                mentions = self._recogniser.in_text(word)
                exams = tuple(dict.fromkeys(one.exam for one in mentions if one.exam))
                several = len(exams) > 1
                said = said or next((str(one.modality) for one in mentions if one.modality), None)
                exam = exams[0] if exams else None
            else:
                exam = self._coded(word) if how is How.CODE else self._own(fold(word))
            if exam is not None and exam in self._exams:
                form = self._exams[exam]
                return Named(exam, str(form.modality), form.region, how, several, other=said not in (None, "OT", str(form.modality)))
        return Named(None, said, None, How.MODALITY if said else How.NOTHING)

    def _coded(self, word: str) -> str | None:
        if len(word) > 60 or " " in word:
            return None
        exams = self._recogniser.all_by_code("", word.lower() if word.lower() in self._exams else word)
        return exams[0] if exams else None

    def _modality(self, written: str) -> str | None:
        if not written:
            return None
        known = self._modalities.get(" ".join(fold(written).split()))
        if known:
            return known
        code = written.upper()
        if _DICOM.fullmatch(code) and code in _DICOM_KNOWN:
            return _ALIKE.get(code, code)
        return next((str(one.modality) for one in self._recogniser.in_text(written) if one.modality), None)
