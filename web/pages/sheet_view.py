"""A sheet of the guidelines, today's or a former version, as a radiologist reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pertimage.guidelines.base import Sheet
from pertimage.guidelines.conditions import parse
from pertimage.guidelines.edition import Edition
from pertimage.guidelines.schema import (
    FRENCH_VERDICTS,
    Condition,
    FlagForm,
    PositionForm,
    RuleForm,
    SheetForm,
    Source,
    Verdict,
    VerdictWord,
    Vignette,
)
from pertimage.guidelines.words import fold
from pertimage.web.pages.condition_words import ConditionWords

# Verdict → words, look and short mark of the table.
VERDICTS = {
    Verdict.INDICATED: ("Indiqué", "pertinent", "coche"),
    Verdict.SPECIFIC_CASES: ("Cas particuliers", "autre", "losange"),
    Verdict.SPECIALIST: ("Avis spécialisé d'abord", "completer", "stethoscope"),
    Verdict.NOT_INDICATED: ("Non indiqué", "sans", "pause"),
}
CHAPTERS = {
    "abdomen": "Abdomen et digestif", "cardiovasculaire": "Cœur et vaisseaux", "cardio-vasculaire": "Cœur et vaisseaux", "gyneco-obstetrique": "Gynécologie et obstétrique",
    "neuro": "Neurologie", "neuro-orl": "Neurologie et ORL", "orl": "ORL", "oncologie": "Cancérologie", "osteo-articulaire": "Os et articulations",
    "pediatrie": "Enfant", "rachis": "Rachis", "respiratoire": "Poumon et respiration", "uro-nephrologie": "Urologie et néphrologie",
    "endocrinologie": "Endocrinologie", "sein": "Sein", "thyroide": "Thyroïde",
}  # fmt: skip
STATES = {"brouillon": "Brouillon", "relu": "Relue", "publie": "Publiée", "retire": "Retirée"}


@dataclass(frozen=True, slots=True)
class PositionShown:
    """One exam in one rule: what the guidance says of it and under which condition."""

    exam: str
    label: str
    verdict: Verdict
    when: str

    @property
    def words(self) -> str:
        """Return the verdict in words."""
        return VERDICTS[self.verdict][0]

    @property
    def look(self) -> str:
        """Return the look of the verdict in the style sheet."""
        return VERDICTS[self.verdict][1]

    @property
    def icon(self) -> str:
        """Return the icon of the verdict."""
        return VERDICTS[self.verdict][2]


@dataclass(frozen=True, slots=True)
class RuleShown:
    """One rule in words. ``supported`` holds every position but « non indiqué », which ``unsupported`` names."""

    id: str
    rank: int
    conditions: list[str]
    emergency: bool
    priority: int | None
    why: str
    instead: tuple[str, ...]
    first: tuple[str, ...]
    supported: list[PositionShown]
    unsupported: list[PositionShown]
    sources: dict[str, Source]
    by_exam: dict[str, PositionShown]

    def following(self, exams: Sequence[tuple[str, str]]) -> list[str]:
        """Return the labels of the sheet's exams without a position of their own here: they take their parent's."""
        return [label for exam, label in exams if exam not in self.by_exam]


@dataclass(frozen=True, slots=True)
class SheetShown:
    """A sheet in words, with the table exam × rule. ``digest`` names its version."""

    form: SheetForm
    digest: str
    chapter: str
    state: str
    opens_on: list[str]
    population: str
    condition: list[str]
    refines: list[tuple[str, str]]
    questions: list[str]
    emergency_flags: list[str]
    imaging_flags: list[str]
    rules: list[RuleShown]
    exams: list[tuple[str, str]]
    vignettes: list[tuple[int, Vignette]]


def shown(edition: Edition) -> SheetShown:
    """Return a version of a sheet ready for its page; raises ConditionError when its conditions can no longer be read."""
    return _Reading(edition).sheet()


class _Reading:
    """Puts one edition into words, with the names that it kept."""

    def __init__(self, edition: Edition) -> None:
        self._edition, self._form, self._names = edition, edition.form, edition.names
        self._words = ConditionWords(edition, edition.exams.__getitem__)

    def sheet(self) -> SheetShown:
        form, words = self._form, self._words
        rules = [self._rule(rule, rank) for rank, rule in enumerate(form.rules, 1)]
        return SheetShown(
            form=form, digest=self._edition.digest, chapter=chapter_words(self._edition.chapter), state=STATES[form.state],
            opens_on=[*(words.label(fact) for fact in form.triggers.facts), *form.triggers.terms], population=_population(form),
            condition=self._alternatives(form.triggers.when) if form.triggers.when else [], refines=list(self._edition.titles.items()),
            questions=[text or self._question(fact) for fact, text in form.questions.items()], emergency_flags=list(map(self._flag, form.red_flags.emergency)),
            imaging_flags=list(map(self._flag, form.red_flags.imaging)), rules=rules, exams=self._by_support(rules),
            vignettes=list(enumerate(form.vignettes, 1)),
        )  # fmt: skip

    def _alternatives(self, condition: Condition) -> list[str]:
        return self._words.alternatives(parse(condition, self._names))

    def _question(self, fact: str) -> str:
        asked = {"duree": "Depuis combien de temps ?", "age": "Quel est l'âge du patient ?"}.get(fact, self._words.label(fact))
        found = self._edition.facts.get(fact)
        return found.question if found and found.question else asked

    def _flag(self, flag: str | FlagForm) -> str:
        if isinstance(flag, str):
            return self._words.label(flag)
        condition = " ; ou ".join(self._alternatives(flag.when))
        return flag.label if condition == flag.label else f"{flag.label} ({condition})"

    def _rule(self, rule: RuleForm, rank: int) -> RuleShown:
        every = {**rule.positions, **{exam: one for exam, one in self._form.common_positions.items() if exam not in rule.positions}}
        order = list(VERDICTS)
        positions = sorted((self._position(exam, one) for exam, one in every.items()), key=lambda one: order.index(one.verdict))
        sources = [rule.source] if isinstance(rule.source, str) else rule.source
        return RuleShown(
            id=rule.id, rank=rank, conditions=self._alternatives(rule.when), emergency=rule.pathway == "urgences", priority=rule.priority, why=rule.why,
            instead=tuple(rule.instead), first=tuple(rule.first), supported=[one for one in positions if one.verdict is not Verdict.NOT_INDICATED],
            unsupported=[one for one in positions if one.verdict is Verdict.NOT_INDICATED],
            sources={name: self._form.sources[name] for name in sources if name in self._form.sources}, by_exam={one.exam: one for one in positions},
        )  # fmt: skip

    def _position(self, exam: str, position: VerdictWord | PositionForm) -> PositionShown:
        label = self._edition.exams[exam]
        if not isinstance(position, PositionForm):
            return PositionShown(exam, label, FRENCH_VERDICTS[position], "")
        when = position.condition_text or (" ; ou ".join(self._alternatives(position.when)) if position.when else "")
        return PositionShown(exam, label, FRENCH_VERDICTS[position.verdict], when)

    def _by_support(self, rules: Sequence[RuleShown]) -> list[tuple[str, str]]:
        """Return the exams of the sheet with their labels, those it supports most often first."""

        def support(exam: str) -> int:
            return -sum(rule.by_exam[exam].verdict is Verdict.INDICATED for rule in rules if exam in rule.by_exam)

        positioned = dict.fromkeys(exam for rule in self._form.rules for exam in (*rule.positions, *self._form.common_positions))
        return [(exam, self._edition.exams[exam]) for exam in sorted(positioned, key=support)]


def chapter_words(chapter: str) -> str:
    """Return a chapter's name in words."""
    return CHAPTERS.get(chapter, chapter.replace("-", " ").capitalize())


def _population(form: SheetForm) -> str:
    opens = form.triggers
    said: list[str] = [opens.sex] if opens.sex else []
    if opens.age.min is not None:
        said.append(f"à partir de {_years(opens.age.min)}")
    if opens.age.max is not None:
        said.append(f"jusqu'à {_years(opens.age.max)}")
    return ", ".join(said) or "tout âge"


def _years(age: float) -> str:
    return f"{round(age * 12)} mois" if age < 2 and age % 1 else f"{age:g} an{'s' if age >= 2 else ''}"


def chapters(sheets: list[Sheet]) -> Iterator[tuple[str, list[Sheet]]]:
    """Yield the sheets by chapter, both in the order of the French alphabet."""
    found: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        found.setdefault(chapter_words(sheet.chapter), []).append(sheet)
    for name in sorted(found, key=fold):
        yield name, sorted(found[name], key=lambda sheet: fold(sheet.title))
