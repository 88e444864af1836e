"""Load and compile the base from its folder; every error names its file and line and says what to write instead."""

from __future__ import annotations

import difflib
import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pertimage.guidelines.base import Flag, GuidelineBase, Position, Rule, Sheet
from pertimage.guidelines.catalogue import Catalogue, load_catalogue
from pertimage.guidelines.compiled import opened
from pertimage.guidelines.conditions import SEXES, Condition, ConditionError, FactTest, Wanted, facts_of, parse
from pertimage.guidelines.lexicon import Lexicon, bare_code
from pertimage.guidelines.schema import FRENCH_VERDICTS, Fact, FlagForm, PositionForm, RuleForm, SheetForm, Verdict
from pertimage.guidelines.source import Document, Fault, GuidelineError
from pertimage.guidelines.tables import read_tables

DATA = Path(__file__).with_name("data")
MEASURES = "indicateurs"


@lru_cache(maxsize=4)
def load_base(directory: Path = DATA) -> GuidelineBase:
    """Return the compiled base of a folder, from the copy on the disk when nothing changed; raises GuidelineError with every fault."""
    with _collector_paused():
        return opened(directory, lambda: _compiled(directory))


def _compiled(directory: Path) -> GuidelineBase:
    base, faults = read_base(directory)
    if faults or base is None:
        raise GuidelineError(faults)
    return base


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Leave the garbage collector out of the load: it would look again and again through values that all stay, half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Written:
    """The base as its authors wrote it, each piece with its document, beside what was compiled from it.

    ``base`` is None when lexicon or catalogue cannot be read; ``cues`` is the document of the words of the context.
    """

    base: GuidelineBase | None
    faults: list[Fault]
    sheets: Mapping[str, tuple[Document, SheetForm]] = field(default_factory=dict)
    facts: Mapping[str, tuple[Document, Fact]] = field(default_factory=dict)
    cues: Document | None = None


def read_base(directory: Path = DATA) -> tuple[GuidelineBase | None, list[Fault]]:
    """Return the base compiled from what is right, and the faults; no base when lexicon or catalogue cannot be read."""
    written = read_written(directory)
    return written.base, written.faults


def read_written(directory: Path = DATA) -> Written:
    """Read and compile a folder, keeping what its authors wrote for those who check it."""
    with _collector_paused():
        return _written(directory)


def _written(directory: Path) -> Written:
    faults: list[Fault] = []
    try:
        catalogue = load_catalogue(directory)
    except (ValueError, OSError) as error:
        return Written(None, [Fault("examens.yaml", 0, str(error))])
    words = _Words(directory, faults)
    sheets = _Sheets(directory, faults)
    facts = {name: (words.places[name], fact) for name, fact in words.facts.items()}
    exams = frozenset(catalogue.exams)
    for name, (_, sheet) in sheets.forms.items():
        if sheet.triggers.terms:
            words.facts[_own_fact(name)] = Fact.model_validate(
                {"libelle": sheet.title, "termes": sheet.triggers.terms, "hypothese": "compte"}
            )
    lexicon = words.compile(exams)
    if lexicon is None:
        return Written(None, faults, sheets.forms, facts, words.cues_document)
    compiled: dict[str, Sheet] = {}
    for name, (document, sheet) in sheets.forms.items():
        done = _SheetCompiler(document, sheet, lexicon, catalogue, sheets.chapters[name]).compile()
        faults.extend(document.faults)
        if done is not None:
            compiled[name] = done
    faults.extend(_unknown_refinements(sheets.forms, compiled))
    tables, wrong = read_tables(directory, lexicon.names, catalogue, frozenset(compiled))
    faults.extend(wrong)
    return Written(
        GuidelineBase(compiled, lexicon, catalogue, _version(directory), tables), faults, sheets.forms, facts, words.cues_document
    )


def _own_fact(sheet: str) -> str:
    return f"fiche-{sheet}"


def _shown(path: Path, directory: Path) -> str:
    return path.relative_to(directory).as_posix()


class _Words:
    """The lexicon's files: facts, cues, abbreviations."""

    def __init__(self, directory: Path, faults: list[Fault]) -> None:
        self._faults = faults
        self.facts: dict[str, Fact] = {}
        self.places: dict[str, Document] = {}
        for path in sorted((directory / "lexique").glob("*.yaml")):
            self._read(Document(path, _shown(path, directory)))
        self.cues_document = Document(directory / "indices.yaml", "indices.yaml")
        self.cues = self._plain(self.cues_document)
        self.abbreviations = self._plain(Document(directory / "abreviations.yaml", "abreviations.yaml"))

        self.equivalents = self._classes(directory / "mots-equivalents.yaml")

    def _classes(self, path: Path) -> dict[str, dict[str, list[str]]]:
        """Read the classes of equivalent words; a base may have none."""
        if not path.exists():
            return {}
        document = Document(path, path.name)
        classes = self._plain(document)
        for name, one in classes.items():
            words = [*one.get("mots", ()), *one.get("aussi", ())] if isinstance(one, dict) and set(one) <= {"mots", "aussi"} else []
            if not words or not all(isinstance(word, str) and word for word in words):
                self._faults.append(
                    document.fault(f"la classe « {name} » s'écrit « {name}: {{mots: [jambe, …], aussi: [guibole, …]}} »", name)
                )
        return {} if self._faults else classes

    def _plain(self, document: Document) -> dict[str, Any]:
        self._faults.extend(document.faults)
        return document.value if isinstance(document.value, dict) else {}

    def _read(self, document: Document) -> None:
        for name, form in (document.value or {}).items():
            if name in self.facts:
                document.faults.append(document.fault(f"fait « {name} » déjà défini dans {self.places[name].shown}", name))
                continue
            fact = document.read(Fact, form, name)
            if fact is not None:
                self.facts[name] = fact
                self.places[name] = document
        self._faults.extend(document.faults)

    def compile(self, exams: frozenset[str]) -> Lexicon | None:
        try:
            lexicon = Lexicon(self.facts, self.cues, self.abbreviations, exams, self.equivalents)
        except ConditionError as error:
            self._faults.append(Fault("lexique", 0, str(error)))
            return None
        for name, term in lexicon.unusable:
            place = self.places.get(name)
            message = f"« {term} » ne peut pas être reconnu seul (petit mot ou nombre nu) : écrire un terme plus long"
            self._faults.append(place.fault(message, name) if place else Fault("indices.yaml", 0, message))
        return lexicon


class _Sheets:
    """The sheets' files, validated one by one."""

    def __init__(self, directory: Path, faults: list[Fault]) -> None:
        self.forms: dict[str, tuple[Document, SheetForm]] = {}
        self.chapters: dict[str, str] = {}
        for path in sorted((directory / "fiches").glob("*/*.yaml")):
            document = Document(path, _shown(path, directory))
            sheet = document.read(SheetForm, document.value) if document.value is not None else None
            if sheet is None:
                faults.extend(document.faults)
            elif sheet.id != path.stem:
                faults.append(
                    document.fault(f"la fiche s'appelle « {sheet.id} » et son fichier « {path.stem} » : leur donner le même nom", "id")
                )
            elif sheet.id in self.forms:
                faults.append(document.fault(f"fiche « {sheet.id} » déjà définie dans {self.forms[sheet.id][0].shown}", "id"))
            else:
                self.forms[sheet.id] = (document, sheet)
                self.chapters[sheet.id] = path.parent.name


class _SheetCompiler:
    """Turn one validated sheet into its compiled form, collecting faults in its document."""

    def __init__(self, document: Document, form: SheetForm, lexicon: Lexicon, catalogue: Catalogue, chapter: str) -> None:
        self._document, self._form, self._lexicon, self._catalogue, self._chapter = document, form, lexicon, catalogue, chapter

    def compile(self) -> Sheet | None:
        form = self._form
        before = len(self._document.faults)
        common = dict(self._positions(form.common_positions, "positions_communes"))
        rules = tuple(self._rule(rule, index, common) for index, rule in enumerate(form.rules))
        facts = {fact for fact in form.triggers.facts if self._known(fact, "declencheurs", "faits")}
        if form.triggers.terms:
            facts.add(_own_fact(form.id))
        flags = (*self._flags("urgence", True), *self._flags("imagerie", False))
        questions = {fact: text or self._question(fact) for fact, text in form.questions.items() if self._known(fact, "questions", fact)}
        condition = self._condition(form.triggers.when, "declencheurs", "si") if form.triggers.when else None
        self._check_holes(rules)
        if len(self._document.faults) > before:
            return None
        return Sheet(
            id=form.id, title=form.title, state=form.state, since=form.validity.since, until=form.validity.until,
            trigger_facts=frozenset(facts), trigger_icd10=tuple(map(bare_code, form.triggers.icd10)), trigger_icpc2=tuple(map(bare_code, form.triggers.icpc2)),
            trigger_condition=condition, age_min=form.triggers.age.min, age_max=form.triggers.age.max,
            sex=SEXES.get(form.triggers.sex or ""), refines=frozenset(form.refines), questions=MappingProxyType(questions),
            flags=flags, rules=rules, exams=tuple(dict.fromkeys(exam for rule in rules for exam in rule.positions)),
            vocabulary=self._vocabulary(facts, questions, flags, rules, condition or ()), chapter=self._chapter, form=form,
        )  # fmt: skip

    def _vocabulary(
        self, facts: Iterable[str], questions: Iterable[str], flags: Iterable[Flag], rules: Iterable[Rule], condition: Condition
    ) -> frozenset[str]:
        named = {*facts, *questions, *facts_of(condition)}
        for flag in flags:
            named |= facts_of(flag.condition)
        for rule in rules:
            named |= facts_of(rule.condition)
            named.update(*(facts_of(position.condition) for position in rule.positions.values() if position.condition))
        return frozenset(self._lexicon.with_origins(named))

    def _question(self, fact: str) -> str:
        found = self._lexicon.facts.get(fact)
        return found.question if found else {"duree": "Depuis combien de temps ?", "age": "Quel est l'âge du patient ?"}.get(fact, fact)

    def _known(self, fact: str, *path: str) -> bool:
        units = self._lexicon.names.units
        if fact in units:
            return True
        near = difflib.get_close_matches(fact, units, n=1)
        hint = f" : vouliez-vous écrire « {near[0]} » ?" if near else " : l'ajouter au lexique"
        self._document.faults.append(self._document.fault(f"fait inconnu « {fact} »{hint}", *path))
        return False

    def _condition(self, form: Any, *path: str | int) -> Condition:
        try:
            return parse(form, self._lexicon.names)
        except ConditionError as error:
            self._document.faults.append(self._document.fault(str(error), *path))
            return ()

    def _flags(self, level: str, emergency: bool) -> Iterator[Flag]:
        entries = self._form.red_flags.emergency if emergency else self._form.red_flags.imaging
        for index, entry in enumerate(entries):
            path = ("drapeaux_rouges", level, index)
            if isinstance(entry, FlagForm):
                yield Flag(entry.id, entry.label, emergency, self._condition(entry.when, *path))
            elif self._known(entry, *path):  # type: ignore[arg-type]
                yield Flag(entry, self._lexicon.facts[entry].label, emergency, ((FactTest(entry, Wanted.YES),),))

    def _rule(self, rule: RuleForm, index: int, common: Mapping[str, Position]) -> Rule:
        path = ("regles", index)
        own = dict(self._positions(rule.positions, *path, "positions"))
        sources = [rule.source] if isinstance(rule.source, str) else rule.source
        for source in sources:
            if source not in self._form.sources:
                known = ", ".join(self._form.sources)
                self._document.faults.append(
                    self._document.fault(f"source inconnue « {source} » : la fiche connaît {known}", *path, "source")
                )
        return Rule(
            id=rule.id, condition=self._condition(rule.when, *path, "si"), emergency=rule.pathway == "urgences", priority=rule.priority,
            positions=MappingProxyType(own | {exam: position for exam, position in common.items() if exam not in own}),
            why=rule.why, instead=tuple(rule.instead), first=tuple(rule.first),
            sources=tuple(self._form.sources[name] for name in sources if name in self._form.sources),
        )  # fmt: skip

    def _positions(self, forms: Mapping[str, Any], *path: str | int) -> Iterator[tuple[str, Position]]:
        for exam, form in forms.items():
            if exam not in self._catalogue.exams:
                near = difflib.get_close_matches(exam, self._catalogue.exams, n=1)
                hint = f" : vouliez-vous écrire « {near[0]} » ?" if near else " : l'ajouter au catalogue (examens.yaml)"
                self._document.faults.append(self._document.fault(f"examen inconnu « {exam} »{hint}", *path, exam))
            elif isinstance(form, PositionForm):
                condition = self._condition(form.when, *path, exam, "si") if form.when else None
                yield exam, Position(exam, FRENCH_VERDICTS[form.verdict], condition, form.condition_text)
            else:
                yield exam, Position(exam, FRENCH_VERDICTS[form])

    def _check_holes(self, rules: tuple[Rule, ...]) -> None:
        everything = dict.fromkeys(exam for rule in rules for exam in rule.positions)
        for index, rule in enumerate(rules):
            holes = [exam for exam in everything if rule.positions.keys().isdisjoint((exam, *self._catalogue.parents(exam)))]
            if holes:
                message = f"la règle « {rule.id} » ne dit rien de : {', '.join(holes)} ; lui donner une position, ou l'écrire dans positions_communes"
                self._document.faults.append(self._document.fault(message, "regles", index, "positions"))


def _unknown_refinements(forms: Mapping[str, tuple[Document, SheetForm]], compiled: Mapping[str, Sheet]) -> Iterator[Fault]:
    for document, form in forms.values():
        for other in form.refines:
            if other not in forms:
                near = difflib.get_close_matches(other, compiled, n=1)
                yield document.fault(
                    f"« precise » nomme une fiche inconnue « {other} »" + (f" : « {near[0]} » ?" if near else ""), "precise"
                )


def _version(directory: Path) -> str:
    """Return the calendar version with a digest of every file of the base that judges: sheets of indicators only measure."""
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.yaml", "*.csv") for path in directory.rglob(kind) if path.parent.name != MEASURES):
        digest.update(_shown(path, directory).encode() + b"\0" + path.read_bytes() + b"\0")
    calendar = (directory / "version.txt").read_text(encoding="utf-8").strip()
    return f"{calendar}+{digest.hexdigest()[:12]}"


__all__ = ["DATA", "Verdict", "Written", "facts_of", "load_base", "read_base", "read_written"]
