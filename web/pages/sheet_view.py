"""A sheet of the guidelines as a radiologist reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pertimage.guidelines.base import Flag, GuidelineBase, Position, Rule, Sheet
from pertimage.guidelines.schema import Source, Verdict, Vignette
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
    sources: tuple[Source, ...]
    by_exam: dict[str, PositionShown]


@dataclass(frozen=True, slots=True)
class SheetShown:
    """A sheet in words, with the table exam × rule."""

    sheet: Sheet
    chapter: str
    state: str
    opens_on: list[str]
    population: str
    condition: list[str]
    refines: list[tuple[str, str]]
    emergency_flags: list[str]
    imaging_flags: list[str]
    rules: list[RuleShown]
    exams: list[tuple[str, str]]
    vignettes: list[tuple[int, Vignette]]


def shown(sheet: Sheet, base: GuidelineBase) -> SheetShown:
    """Return a sheet ready for its page."""
    words = ConditionWords(base.lexicon, lambda exam: base.catalogue.exams[exam].label)
    form = sheet.form
    return SheetShown(
        sheet=sheet, chapter=chapter_words(sheet.chapter), state=STATES[sheet.state],
        opens_on=[*(words.label(fact) for fact in form.triggers.facts), *form.triggers.terms], population=_population(sheet),
        condition=words.alternatives(sheet.trigger_condition) if sheet.trigger_condition else [],
        refines=[(name, base.sheets[name].title) for name in sorted(sheet.refines) if name in base.sheets],
        emergency_flags=_flags(sheet, words, emergency=True), imaging_flags=_flags(sheet, words, emergency=False),
        rules=[_rule(rule, rank, words, base) for rank, rule in enumerate(sheet.rules, 1)],
        exams=_by_support(sheet, base), vignettes=list(enumerate(form.vignettes, 1)),
    )  # fmt: skip


def chapter_words(chapter: str) -> str:
    """Return a chapter's name in words."""
    return CHAPTERS.get(chapter, chapter.replace("-", " ").capitalize())


def _population(sheet: Sheet) -> str:
    said = {"female": ["femme"], "male": ["homme"]}.get(sheet.sex or "", [])
    if sheet.age_min is not None:
        said.append(f"à partir de {_years(sheet.age_min)}")
    if sheet.age_max is not None:
        said.append(f"jusqu'à {_years(sheet.age_max)}")
    return ", ".join(said) or "tout âge"


def _years(age: float) -> str:
    return f"{round(age * 12)} mois" if age < 2 and age % 1 else f"{age:g} an{'s' if age >= 2 else ''}"


def _flags(sheet: Sheet, words: ConditionWords, *, emergency: bool) -> list[str]:
    return [_flag(flag, words) for flag in sheet.flags if flag.emergency is emergency]


def _flag(flag: Flag, words: ConditionWords) -> str:
    condition = " ; ou ".join(words.alternatives(flag.condition))
    return flag.label if condition == flag.label else f"{flag.label} ({condition})"


def _rule(rule: Rule, rank: int, words: ConditionWords, base: GuidelineBase) -> RuleShown:
    positions = [_position(position, words, base) for position in rule.positions.values()]
    order = list(VERDICTS)
    positions.sort(key=lambda one: order.index(one.verdict))
    return RuleShown(
        id=rule.id, rank=rank, conditions=words.alternatives(rule.condition), emergency=rule.emergency, priority=rule.priority, why=rule.why,
        instead=rule.instead, first=rule.first, supported=[one for one in positions if one.verdict is not Verdict.NOT_INDICATED],
        unsupported=[one for one in positions if one.verdict is Verdict.NOT_INDICATED], sources=rule.sources,
        by_exam={one.exam: one for one in positions},
    )  # fmt: skip


def _position(position: Position, words: ConditionWords, base: GuidelineBase) -> PositionShown:
    when = position.when or (" ; ou ".join(words.alternatives(position.condition)) if position.condition else "")
    return PositionShown(position.exam, base.catalogue.exams[position.exam].label, position.verdict, when)


def _by_support(sheet: Sheet, base: GuidelineBase) -> list[tuple[str, str]]:
    """Return the exams of a sheet with their labels, those it supports most often first."""

    def support(exam: str) -> int:
        return -sum(rule.positions[exam].verdict is Verdict.INDICATED for rule in sheet.rules if exam in rule.positions)

    return [(exam, base.catalogue.exams[exam].label) for exam in sorted(sheet.exams, key=support)]


def chapters(sheets: list[Sheet]) -> Iterator[tuple[str, list[Sheet]]]:
    """Yield the sheets by chapter, both in the order of the French alphabet."""
    found: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        found.setdefault(chapter_words(sheet.chapter), []).append(sheet)
    for name in sorted(found, key=fold):
        yield name, sorted(found[name], key=lambda sheet: fold(sheet.title))
