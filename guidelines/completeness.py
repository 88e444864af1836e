"""What a request must say of the exam and the patient: one table for the questions, for what counts as said, for the answers in a click.

The card of a prescribing software and the page offer the same answers, those of this table. What a row means is explained to
clinicians at the head of ``data/transversal/completude.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from pertimage.guidelines import conditions
from pertimage.guidelines.conditions import ALWAYS, Condition, ConditionError, facts_of
from pertimage.guidelines.schema import Form, Slug, YesNo
from pertimage.guidelines.tables import FRENCH_BASES, Basis, BasisWord, RowForm, TableReader, Which, WhichForm
from pertimage.guidelines.words import fold


class Level(StrEnum):
    """Whose matter an item is."""

    LEGAL = "legal"
    CLINICAL = "clinical"
    SAFETY = "safety"
    LOGISTICS = "logistics"


LevelWord = Literal["legal", "clinique", "securite", "logistique"]
FRENCH_LEVELS: Mapping[str, Level] = {
    "legal": Level.LEGAL, "clinique": Level.CLINICAL, "securite": Level.SAFETY, "logistique": Level.LOGISTICS,
}  # fmt: skip
AskedWhen = Literal["urgente", "sans_examen", "sexe_inconnu", "jugement"]
RequestPart = Literal["cote", "examens_anterieurs", "hypothese", "antecedents"]
BlockingWord = Literal["oui", "non", "irradiant"]

# How a subject is said to be nothing (« allergies : aucune », « pas d'allergie »), or not known (« DDR : ne sait pas »).
_NOTHING = r"(?:aucune?s?|neant|nuls?|nulles?|ras|rien|0|negatifs?|non|(?:pas|non) connue?s?|sans particularite)"
_UNKNOWN = r"(?:inconnue?s?|ne sai[ts] pas|ne connait pas|nsp|non retrouvee?s?|non disponibles?|non precisables?|ignoree?s?)"
_NOTHING_OF = r"(?:aucune?s?|pas|sans|ni|zero|0|jamais|absence)(?: eu)? ?(?:de |d'|d' |du |des |a )?(?:autres? )?"
_BETWEEN = r"(?: (?!et\b|mais\b)[\w'-]+){0,3}[ :=(-]+"


class AnswerForm(Form):
    """An answer in a click: what the button shows, the sentence it writes, the fact that the sentence states."""

    label: str = Field(alias="bouton")
    sentence: str = Field(alias="ecrit")
    fact: Slug | None = Field(default=None, alias="fait")
    holds: YesNo = Field(default=True, alias="est")
    value: float | str | None = Field(default=None, alias="valeur")


class BlankForm(Form):
    """An answer to type: the words before and after it."""

    lead: str = Field(alias="avant")
    tail: str = Field(default=".", alias="apres")
    placeholder: str = Field(default="", alias="exemple")
    numeric: YesNo = Field(default=False, alias="nombre")
    units: list[str] = Field(default=[], alias="unites")


class StatedForm(Form):
    """What counts as said."""

    facts: list[Slug] = Field(default=[], alias="faits")
    true: list[Slug] = Field(default=[], alias="vrais")
    false: list[Slug] = Field(default=[], alias="faux")
    subjects: list[str] = Field(default=[], alias="sujets")
    unknown_suffices: YesNo = Field(default=True, alias="inconnu_suffit")
    patterns: list[str] = Field(default=[], alias="mots")
    in_exam: YesNo = Field(default=False, alias="dans_examen")
    parts: list[RequestPart] = Field(default=[], alias="demande")


class LiftForm(Form):
    """What makes a question needless."""

    label: str
    when: Any = Field(default=None, alias="si")
    patterns: list[str] = Field(default=[], alias="mots")
    dated: list[str] = Field(default=[], alias="date_de")
    within: str = Field(default="", alias="depuis_moins_de")
    basis: BasisWord = Field(alias="fonde")


class WeakForm(Form):
    """What looks like an answer and is none."""

    label: str = Field(alias="libelle", description="Ce que c'est, en quelques mots.")
    evidence: list[str] = Field(alias="preuve")
    patterns: list[str] = Field(default=[], alias="mots")
    true: list[Slug] = Field(default=[], alias="vrais")
    dated: list[str] = Field(default=[], alias="date_de")
    beyond: str = Field(default="", alias="depuis_plus_de")


class CaseForm(Form):
    """One case in which the question is asked: the exams, the patients."""

    exams: list[WhichForm] = Field(default=[], alias="examens")
    when: Any = Field(default=None, alias="si")


class ItemForm(RowForm):
    """One row of the table."""

    level: LevelWord = Field(alias="niveau")
    rank: int = Field(alias="rang")
    exams: list[WhichForm] = Field(default=[], alias="examens")
    when: Any = Field(default=None, alias="si")
    also: list[CaseForm] = Field(default=[], alias="aussi")
    asked: AskedWhen | None = Field(default=None, alias="si_demande")
    blocking: BlockingWord = Field(default="non", alias="bloquant")
    emergency: YesNo = Field(default=False, alias="en_urgence")
    question: str
    stated: StatedForm = Field(default=StatedForm(), alias="dit")
    lifts: list[LiftForm] = Field(default=[], alias="leve_par")
    weak: list[WeakForm] = Field(default=[], alias="ne_suffit_pas")
    answers: list[AnswerForm] = Field(default=[], alias="reponses")
    blank: BlankForm | None = Field(default=None, alias="a_remplir")
    on_card: YesNo = Field(default=True, alias="carte")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in a click. ``value`` is in the unit of its fact; ``holds`` says whether the sentence affirms or denies it."""

    label: str
    sentence: str
    fact: str = ""
    holds: bool = True
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Blank:
    """An answer to type: ``lead`` comes before the words, ``tail`` after; ``units`` offers a choice of them."""

    lead: str
    tail: str = "."
    placeholder: str = ""
    numeric: bool = False
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dated:
    """Something of the text with the day it dates from; ``days`` is the limit of its age."""

    subject: re.Pattern[str]
    days: float


@dataclass(frozen=True, slots=True)
class Stated:
    """What counts as said: a fact known, one that is true, one that is false, words of the text, a part of the request."""

    facts: frozenset[str] = frozenset()
    true: frozenset[str] = frozenset()
    false: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    in_exam: bool = False
    parts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lift:
    """What makes a question needless: a condition, words, or something recent enough."""

    label: str
    basis: Basis
    condition: Condition = ()
    words: re.Pattern[str] | None = None
    dated: Dated | None = None


@dataclass(frozen=True, slots=True)
class Weak:
    """A denial that proves nothing: its ``evidence``, always or beside some words, a true fact, or when it is too old."""

    evidence: re.Pattern[str]
    words: re.Pattern[str] | None = None
    true: frozenset[str] = frozenset()
    dated: Dated | None = None

    @property
    def always(self) -> bool:
        """Say whether the evidence proves nothing, whatever stands beside it."""
        return self.words is None and not self.true and self.dated is None


@dataclass(frozen=True, slots=True)
class Case:
    """One case in which a question is asked: any of these exams (none named: any exam, or none), and patients."""

    exams: tuple[Which, ...] = ()
    condition: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class Item:
    """One row, compiled. ``blocking`` is ``oui``, ``non`` or ``irradiant``; ``asked`` what of the request itself opens the question."""

    id: str
    level: Level
    rank: int
    question: str
    basis: Basis
    source: str
    cases: tuple[Case, ...]
    asked: str | None
    blocking: str
    emergency: bool
    stated: Stated
    lifts: tuple[Lift, ...]
    weak: tuple[Weak, ...]
    answers: tuple[Answer, ...]
    blank: Blank | None
    on_card: bool


@dataclass(frozen=True, slots=True)
class Completeness:
    """The table: items by id, what matters most first."""

    items: Mapping[str, Item] = field(default_factory=lambda: MappingProxyType({}))

    def rank(self, item: str) -> int:
        """Return how early an item is asked; what the table does not know comes after."""
        return self.items[item].rank if item in self.items else 1_000


def _facts(item: Item) -> Iterator[str]:
    yield from (*item.stated.facts, *item.stated.true, *item.stated.false)
    for condition in (*(case.condition for case in item.cases), *(lift.condition for lift in item.lifts)):
        yield from facts_of(condition)
    yield from (fact for weak in item.weak for fact in weak.true)
    yield from (answer.fact for answer in item.answers if answer.fact)


def read_completeness(reader: TableReader) -> Completeness:
    """Return the table of a file; what is wrong with it is left in the reader."""
    rows = reader.document.value
    if not isinstance(rows, dict):
        reader.faults.append(reader.document.fault("le fichier s'écrit « élément: … », un élément par question"))
        return Completeness()
    items = [item for name in rows if (item := _item(str(name), rows[name], reader)) is not None]
    reader.facts.update(fact for item in items for fact in _facts(item))
    return Completeness(MappingProxyType({item.id: item for item in sorted(items, key=lambda item: item.rank)}))


def _item(name: str, row: Any, reader: TableReader) -> Item | None:
    form = reader.document.read(ItemForm, row, name)
    if form is None:
        return None
    compiler = _Row(name, reader)
    return Item(
        id=name, level=FRENCH_LEVELS[form.level], rank=form.rank, question=form.question, basis=FRENCH_BASES[form.basis], source=form.source,
        cases=tuple(compiler.cases(form)), asked=form.asked, blocking=form.blocking, emergency=form.emergency, stated=compiler.stated(form.stated),
        lifts=tuple(compiler.lift(one, rank) for rank, one in enumerate(form.lifts)),
        weak=tuple(compiler.weak(one, rank) for rank, one in enumerate(form.weak)),
        answers=tuple(compiler.answer(one, rank) for rank, one in enumerate(form.answers)),
        blank=_blank(form.blank) if form.blank else None, on_card=form.on_card,
    )  # fmt: skip


def _blank(form: BlankForm) -> Blank:
    return Blank(form.lead, form.tail, form.placeholder, form.numeric, tuple(form.units))


@dataclass(frozen=True, slots=True)
class _Row:
    """One row being compiled."""

    name: str
    reader: TableReader

    def cases(self, form: ItemForm) -> Iterator[Case]:
        yield self._case(form.exams, form.when)
        for rank, also in enumerate(form.also):
            yield self._case(also.exams, also.when, "aussi", rank)

    def _case(self, exams: list[WhichForm], when: Any, *path: str | int) -> Case:
        chosen = tuple(self.reader.which(one, self.name, *path, "examens", rank) for rank, one in enumerate(exams))
        return Case(chosen, self.reader.condition(when, self.name, *path, "si"))

    def stated(self, form: StatedForm) -> Stated:
        said = [*form.patterns, *_subjects(form.subjects, form.unknown_suffices)]
        return Stated(
            self._known(form.facts, "dit", "faits"), self._known(form.true, "dit", "vrais"), self._known(form.false, "dit", "faux"),
            self._pattern(said, "dit", "mots"), form.in_exam, frozenset(form.parts),
        )  # fmt: skip

    def lift(self, form: LiftForm, rank: int) -> Lift:
        path = ("leve_par", rank)
        condition = self.reader.condition(form.when, self.name, *path, "si") if form.when is not None else ()
        return Lift(
            form.label, FRENCH_BASES[form.basis], condition, self._pattern(form.patterns, *path, "mots"), self._dated(form.dated, form.within, *path)
        )  # fmt: skip

    def weak(self, form: WeakForm, rank: int) -> Weak:
        path = ("ne_suffit_pas", rank)
        evidence = self._pattern(form.evidence, *path, "preuve") or re.compile("(?!)")
        words = self._pattern(form.patterns, *path, "mots")
        return Weak(evidence, words, self._known(form.true, *path, "vrais"), self._dated(form.dated, form.beyond, *path))

    def answer(self, form: AnswerForm, rank: int) -> Answer:
        path = ("reponses", rank, "fait")
        if form.fact:
            self._known([form.fact], *path)
        value = self._value(form, *path) if form.value is not None else None
        return Answer(form.label, form.sentence, form.fact or "", form.holds, value)

    def _value(self, form: AnswerForm, *path: str | int) -> float | None:
        try:
            return conditions.quantity(form.value, form.fact or "", self.reader.names.units.get(form.fact or ""))
        except ConditionError as error:
            self._fault(str(error), *path)
            return None

    def _known(self, facts: Iterable[str], *path: str | int) -> frozenset[str]:
        units = frozenset(self.reader.names.units)
        return frozenset(fact for fact in facts if self.reader.known(fact, units, "fait", self.name, *path))

    def _dated(self, subjects: list[str], limit: str, *path: str | int) -> Dated | None:
        if not subjects:
            return None
        pattern = self._pattern(subjects, *path, "date_de")
        try:
            days = conditions.quantity(limit, "date_de", "jours")
        except ConditionError as error:
            self._fault(str(error), *path)
            return None
        return Dated(pattern, days) if pattern else None

    def _pattern(self, patterns: list[str], *path: str | int) -> re.Pattern[str] | None:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                self._fault(f"motif illisible « {pattern} » ({error}) : l'écrire entre apostrophes, sans parenthèse ouverte", *path)
                return None
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None

    def _fault(self, message: str, *path: str | int) -> None:
        self.reader.faults.append(self.reader.document.fault(message, self.name, *path))


def _subjects(subjects: list[str], unknown: bool) -> Iterator[str]:
    """Yield the patterns that read « sujet : aucun », « pas de sujet » and, where it is enough, « sujet : ne sait pas »."""
    if not subjects:
        return
    named = "|".join(re.escape(fold(subject)) for subject in sorted(subjects, key=len, reverse=True))
    said = f"{_NOTHING}|{_UNKNOWN}" if unknown else _NOTHING
    yield rf"\b(?:{named})s?{_BETWEEN}(?:{said})\b"
    yield rf"\b{_NOTHING_OF}(?:{named})s?\b"
    if unknown:
        yield rf"\b(?:ne (?:sait|connait) pas|sans savoir)[^.;\n]{{0,30}}\b(?:{named})s?\b"
