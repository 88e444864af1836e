"""The exam catalogue as a value: exams, regions and techniques, read once from YAML and checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from pertimage.guidelines.codes import NationalCodes, load_codes
from pertimage.guidelines.schema import ExamForm, WordsForm


class CatalogueError(ValueError):
    """The catalogue contradicts itself; the message lists every fault found."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Exams by id (in file order), the words of regions and techniques, and what the national codes ask for. Immutable."""

    exams: Mapping[str, ExamForm]
    regions: Mapping[str, WordsForm]
    techniques: Mapping[str, WordsForm]
    abbreviations: Mapping[str, str]
    children: Mapping[str, tuple[str, ...]]
    codes: NationalCodes

    def parents(self, exam: str) -> tuple[str, ...]:
        """Return the exam's parents, nearest first; empty for an exam without parent."""
        chain: list[str] = []
        parent = self.exams[exam].parent
        while parent is not None and parent not in chain:
            chain.append(parent)
            parent = self.exams[parent].parent
        return tuple(chain)

    def variants(self, exam: str) -> tuple[str, ...]:
        """Return the exams of which this one is the parent, in file order."""
        return self.children.get(exam, ())

    def wider_regions(self, region: str) -> tuple[str, ...]:
        """Return the regions that contain this one, nearest first."""
        return wider(region, self.regions)

    def by_ccam(self, code: str) -> str | None:
        """Return the exam of a CCAM act; of several, the first of the file (its order is the preference)."""
        coded = self.codes.exams.get(code)
        if coded and coded.together:
            return coded.exams[0]
        return next((exam.id for exam in self.exams.values() if code in exam.ccam), None) or self._by_code(code)

    def by_loinc(self, code: str) -> str | None:
        """Return the exam of a LOINC code of the national imaging list; of several asked for together, the first."""
        return self._by_code(code)

    def _by_code(self, code: str) -> str | None:
        coded = self.codes.exams.get(code)
        return coded.exams[0] if coded and coded.exams else None


def wider(slug: str, words: Mapping[str, WordsForm]) -> tuple[str, ...]:
    """Return what contains an entry (``dans``), nearest first, each once."""
    found: list[str] = []
    queue = list(words[slug].inside)
    while queue:
        container = queue.pop(0)
        if container not in found:
            found.append(container)
            queue.extend(words[container].inside)
    return tuple(found)


def load_catalogue(directory: Path) -> Catalogue:
    """Read ``examens.yaml``, ``regions.yaml``, ``techniques.yaml``, ``abreviations.yaml`` and ``codes/`` of a directory.

    Raises CatalogueError on a duplicate, an unknown parent or region, or a circle; CodesError on a code that leads nowhere;
    pydantic's ValidationError on a malformed entry.
    """
    exams = [ExamForm.model_validate(entry) for entry in _read(directory / "examens.yaml")]
    regions = _words(directory / "regions.yaml")
    techniques = _words(directory / "techniques.yaml")
    faults = [*_exam_faults(exams, regions), *_words_faults(regions), *_words_faults(techniques)]
    if faults:
        raise CatalogueError("\n".join(faults))
    codes = load_codes(directory, {exam.id for exam in exams})
    return Catalogue(
        MappingProxyType({exam.id: _with_codes(exam, codes) for exam in exams}),
        MappingProxyType(regions),
        MappingProxyType(techniques),
        MappingProxyType(dict(_read(directory / "abreviations.yaml"))),
        MappingProxyType(
            {parent: tuple(exam.id for exam in exams if exam.parent == parent) for parent in {exam.parent for exam in exams if exam.parent}}
        ),
        codes,
    )


def _with_codes(exam: ExamForm, codes: NationalCodes) -> ExamForm:
    """Return the exam with its usual LOINC codes, those that an order for it may carry."""
    return exam.model_copy(update={"loinc": list(codes.usual[exam.id])}) if exam.id in codes.usual else exam


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader


class _UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that refuses a key written twice, which YAML would silently let win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            raise CatalogueError(f"{node.start_mark}: written twice: {', '.join(repeated)}")
        return dict(super().construct_mapping(node, deep=deep))


def _words(path: Path) -> dict[str, WordsForm]:
    return {slug: WordsForm.model_validate(entry) for slug, entry in _read(path).items()}


def _exam_faults(exams: Iterable[ExamForm], regions: Mapping[str, WordsForm]) -> Iterator[str]:
    known: dict[str, ExamForm] = {}
    for exam in exams:
        if exam.id in known:
            yield f"exam {exam.id}: written twice"
        known[exam.id] = exam
    for exam in known.values():
        if exam.region not in regions:
            yield f"exam {exam.id}: unknown region {exam.region}"
        if exam.parent is not None and exam.parent not in known:
            yield f"exam {exam.id}: unknown parent {exam.parent}"
        elif _in_circle(exam, known):
            yield f"exam {exam.id}: is its own parent"


def _in_circle(exam: ExamForm, known: Mapping[str, ExamForm]) -> bool:
    seen: set[str] = set()
    parent = exam.parent
    while parent is not None and parent in known and parent not in seen:
        if parent == exam.id:
            return True
        seen.add(parent)
        parent = known[parent].parent
    return False


def _words_faults(words: Mapping[str, WordsForm]) -> Iterator[str]:
    for slug, entry in words.items():
        for container in entry.inside:
            if container not in words:
                yield f"{slug}: unknown « dans » {container}"
    if all(container in words for entry in words.values() for container in entry.inside):
        yield from (f"{slug}: is inside itself" for slug in words if slug in wider(slug, words))
