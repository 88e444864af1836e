"""What changes, and for whom, between two versions of the guidelines, in French."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pertimage.cds.assess import assess
from pertimage.cds.logic import Facts
from pertimage.cds.model import Outcome
from pertimage.cds.situations import resolve
from pertimage.guidelines.base import Flag, GuidelineBase, Position, Rule, Sheet
from pertimage.guidelines.schema import Source, Verdict
from pertimage.web.pages.condition_words import ConditionWords
from pertimage.web.pages.french import day
from pertimage.web.pages.sheet_view import STATES
from pertimage.web.plain_table import counted
from pertimage.web.vignettes import as_request

# A position may hold under a condition: both answers are then said.
_NO_FACTS = Facts({}, {}, None)
_POPULATION = ("age_min", "age_max", "sex", "trigger_facts", "trigger_icd10", "trigger_icpc2", "trigger_condition")
_LEXICON_LISTS = ("termes", "termes_absent", "avant", "apres")


@dataclass(frozen=True, slots=True)
class Section:
    """A kind of change, and its sentences."""

    title: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Moved:
    """A vignette that is not answered as before."""

    sheet: str
    text: str
    exam: str
    before: str
    after: str
    gravity: int

    @property
    def sentence(self) -> str:
        """Return the change in one line."""
        return f"« {self.text} » [{self.exam}] ({self.sheet}) : {self.before} → {self.after}"


class Differences:
    """Two versions side by side: ``old`` then ``new``, each with the folder that it was read from."""

    def __init__(self, old: GuidelineBase, new: GuidelineBase, old_folder: Path, new_folder: Path) -> None:
        self._old, self._new = old, new
        self._folders = old_folder, new_folder
        self._words = tuple(ConditionWords(base.lexicon, lambda exam, base=base: _exam(base, exam)) for base in (old, new))  # type: ignore[misc]

    def sections(self) -> list[Section]:
        """Return every kind of change that there is, what touches emergencies first."""
        both = [(self._old.sheets[name], self._new.sheets[name]) for name in self._old.sheets if name in self._new.sheets]
        found = [
            Section("Circuit des urgences", [line for pair in both for line in self._pathways(*pair)]),
            Section("Signes d'alerte", [line for pair in both for line in self._flags(*pair)]),
            Section("Fiches ajoutées", [_introduced(self._new.sheets[name]) for name in self._new.sheets if name not in self._old.sheets]),
            Section(
                "Fiches retirées du référentiel",
                [self._old.sheets[name].title for name in self._old.sheets if name not in self._new.sheets],
            ),
            Section("Fiches fermées, ouvertes ou relues", [line for pair in both for line in _life(*pair)]),
            Section("Avis", [line for pair in both for line in self._rules(*pair)]),
            Section("À qui les fiches s'appliquent", [line for pair in both for line in self._population(*pair)]),
            Section("Sources", [line for pair in both for line in _sources(*pair)]),
            Section("Lexique", [*_lexicon(*self._folders)]),
            Section("Catalogue d'examens", [*_catalogue(self._old, self._new)]),
            Section("Vignettes qui ne reçoivent plus le même avis", [one.sentence for one in self.moved()]),
        ]
        return [section for section in found if section.lines]

    def moved(self) -> list[Moved]:
        """Return the vignettes of both versions whose answer changes, emergencies no longer told first."""
        seen: dict[tuple[object, ...], Moved | None] = {}
        for base in (self._old, self._new):
            for sheet in base.sheets.values():
                for number, vignette in enumerate(sheet.form.vignettes, 1):
                    key = (vignette.text, vignette.exam, vignette.age, vignette.sex)
                    if key not in seen:
                        seen[key] = self._moved(sheet, number)
        return sorted((one for one in seen.values() if one), key=lambda one: one.gravity)

    def _moved(self, sheet: Sheet, number: int) -> Moved | None:
        vignette = sheet.form.vignettes[number - 1]
        request = as_request(vignette, sheet.id, number)
        (before, urgent), (after, still) = (_answered(assess(request, base)) for base in (self._old, self._new))
        gravity = 0 if urgent and not still else 1 if still and not urgent else 2
        return Moved(sheet.id, vignette.text, vignette.exam, before, after, gravity) if before != after else None

    def _flags(self, old: Sheet, new: Sheet) -> Iterator[str]:
        before, after = ({flag.id: flag for flag in sheet.flags} for sheet in (old, new))
        for name in dict.fromkeys((*before, *after)):
            if name not in after:
                yield f"{new.title} : « {before[name].label} » n'est plus un signe d'alerte ({_level(before[name])})"
            elif name not in before:
                yield f"{new.title} : « {after[name].label} » devient un signe d'alerte ({_level(after[name])})"
            elif before[name].emergency is not after[name].emergency:
                yield f"{new.title} : « {after[name].label} » passe de {_level(before[name])} à {_level(after[name])}"
            elif before[name].condition != after[name].condition:
                yield f"{new.title} : « {after[name].label} » se reconnaît désormais à : {self._when(after[name].condition, 1)} (avant : {self._when(before[name].condition, 0)})"

    def _when(self, condition: Any, side: int) -> str:
        return " ; ou ".join(self._words[side].alternatives(condition))

    def _rules(self, old: Sheet, new: Sheet) -> Iterator[str]:
        before, after = ({rule.id: rule for rule in sheet.rules} for sheet in (old, new))
        for name, rule in before.items():
            if name not in after:
                yield f"{new.title} : la règle « {name} » disparaît ({self._when(rule.condition, 0)}) ; elle disait : {self._all(rule, 0)}"
        for name, rule in after.items():
            if name not in before:
                yield f"{new.title} : nouvelle règle « {name} » ({self._when(rule.condition, 1)}) : {self._all(rule, 1)}"
            else:
                yield from self._rule(new, before[name], rule)
        shared = [[name for name in names if name in before and name in after] for names in (before, after)]
        if shared[0] != shared[1]:
            yield f"{new.title} : les règles sont lues dans un autre ordre : {', '.join(shared[1])}"

    def _pathways(self, old: Sheet, new: Sheet) -> Iterator[str]:
        before = {rule.id: rule.emergency for rule in old.rules}
        for rule in new.rules:
            if before.get(rule.id, rule.emergency) is not rule.emergency:
                verb = "envoie désormais aux urgences" if rule.emergency else "n'envoie plus aux urgences"
                yield f"{new.title}, {self._when(rule.condition, 1)} : {verb}"

    def _rule(self, sheet: Sheet, old: Rule, new: Rule) -> Iterator[str]:
        whom = f"{sheet.title}, {self._when(new.condition, 1)}"
        if old.condition != new.condition:
            yield f"{sheet.title} : la règle « {new.id} » vaut désormais pour : {self._when(new.condition, 1)} (avant : {self._when(old.condition, 0)})"
        moved: dict[str, list[str]] = {}
        for exam in dict.fromkeys((*old.positions, *new.positions)):
            before, after = self._said(old, exam, 0), self._said(new, exam, 1)
            if before != after:
                moved.setdefault(f"de {before} à {after}", []).append(_exam(self._new, exam))
        for change, exams in moved.items():
            yield f"{whom} : {', '.join(exams)} {'passe' if len(exams) == 1 else 'passent'} {change}"
        if old.priority != new.priority:
            yield f"{whom} : priorité {old.priority or 'aucune'} → {new.priority or 'aucune'}"
        for words, first, second in (("à faire d'abord", old.first, new.first), ("à la place", old.instead, new.instead)):
            if first != second:
                yield f"{whom} : {words} : {' ; '.join(second) or 'rien'} (avant : {' ; '.join(first) or 'rien'})"

    def _said(self, rule: Rule, exam: str, side: int) -> str:
        """Return the answer that a rule gives to an exam, with its condition."""
        position = rule.positions.get(exam)
        if position is None:
            return "« hors référentiel »"
        if position.condition is None:
            return f"« {resolve(position, rule, _NO_FACTS).french} »"
        otherwise = resolve(Position(exam, Verdict.NOT_INDICATED), rule, _NO_FACTS)
        return f"« {Outcome.APPROPRIATE.french} » si {self._when(position.condition, side)}, « {otherwise.french} » sinon"

    def _all(self, rule: Rule, side: int) -> str:
        said: dict[str, list[str]] = {}
        base = (self._old, self._new)[side]
        for exam in rule.positions:
            said.setdefault(self._said(rule, exam, side), []).append(_exam(base, exam))
        emergency = "urgences ; " if rule.emergency else ""
        return emergency + " ; ".join(f"{words} pour {', '.join(exams)}" for words, exams in said.items())

    def _population(self, old: Sheet, new: Sheet) -> Iterator[str]:
        changed = [name for name in _POPULATION if getattr(old, name) != getattr(new, name)]
        if {"age_min", "age_max", "sex"} & set(changed):
            yield f"{new.title} : {_people(old)} → {_people(new)}"
        gained = [self._words[1].label(fact) for fact in sorted(new.trigger_facts - old.trigger_facts)]
        lost = [self._words[0].label(fact) for fact in sorted(old.trigger_facts - new.trigger_facts)]
        codes = {*new.trigger_icd10, *new.trigger_icpc2} ^ {*old.trigger_icd10, *old.trigger_icpc2}
        if gained or lost or codes:
            said = [f"s'ouvre désormais sur {', '.join(gained)}"] if gained else []
            said += [f"ne s'ouvre plus sur {', '.join(lost)}"] if lost else []
            said += [f"codes changés : {', '.join(sorted(codes))}"] if codes else []
            yield f"{new.title} : {' ; '.join(said)}"
        if "trigger_condition" in changed:
            conditions = [
                self._when(sheet.trigger_condition, side) if sheet.trigger_condition else "sans condition"
                for side, sheet in enumerate((old, new))
            ]
            yield f"{new.title} : condition d'ouverture : {conditions[1]} (avant : {conditions[0]})"
        if old.refines != new.refines:
            yield f"{new.title} : précise désormais {', '.join(sorted(new.refines)) or 'aucune fiche'} (avant : {', '.join(sorted(old.refines)) or 'aucune'})"


def _answered(answers: tuple[Any, ...]) -> tuple[str, bool]:
    said = [f"{one.outcome.french}{' + urgences' if one.pathway == 'emergency' else ''}" for one in answers]
    return ", ".join(said), any(one.pathway == "emergency" for one in answers)


def _exam(base: GuidelineBase, exam: str) -> str:
    found = base.catalogue.exams.get(exam)
    return found.label if found else exam


def _introduced(sheet: Sheet) -> str:
    return f"{sheet.title} ({len(sheet.rules)} règles, {len(sheet.exams)} examens, {STATES[sheet.state].lower()}, depuis le {day(sheet.since)})"


def _life(old: Sheet, new: Sheet) -> Iterator[str]:
    if old.title != new.title:
        yield f"{old.title} s'appelle désormais « {new.title} »"
    if old.state != new.state:
        yield f"{new.title} : {STATES[old.state].lower()} → {STATES[new.state].lower()}"
    if old.until != new.until:
        yield f"{new.title} : ne juge plus à partir du {day(new.until)}" if new.until else f"{new.title} : n'a plus de date de fin"
    if old.since != new.since:
        yield f"{new.title} : juge depuis le {day(new.since)} (avant : le {day(old.since)})"


def _level(flag: Flag) -> str:
    return "urgences" if flag.emergency else "imagerie légitime"


def _people(sheet: Sheet) -> str:
    bounds = [
        f"dès {sheet.age_min:g} ans" if sheet.age_min is not None else "",
        f"jusqu'à {sheet.age_max:g} ans" if sheet.age_max is not None else "",
    ]
    return ", ".join(filter(None, ({"female": "femmes", "male": "hommes"}.get(sheet.sex or "", ""), *bounds))) or "tous"


def _sources(old: Sheet, new: Sheet) -> Iterator[str]:
    before, after = old.form.sources, new.form.sources
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield f"{new.title} : ne s'appuie plus sur {_source(before[name])}"
        elif name not in before:
            yield f"{new.title} : s'appuie désormais sur {_source(after[name])}"
        elif before[name] != after[name]:
            yield f"{new.title} : {_source(before[name])} devient {_source(after[name])}"
    if old.form.validity.checked != new.form.validity.checked:
        yield f"{new.title} : relue contre ses sources le {day(new.form.validity.checked)} (avant : le {day(old.form.validity.checked)})"


def _source(source: Source) -> str:
    return ", ".join(filter(None, (source.organisation, source.title, str(source.year or ""), source.where)))


def _lexicon(old: Path, new: Path) -> Iterator[str]:
    before, after = (_facts(folder) for folder in (old, new))
    for word, names in (("ajouté", after.keys() - before.keys()), ("retiré", before.keys() - after.keys())):
        if names:
            yield f"{counted(len(names), f'fait {word}', f'faits {word}s')} : {', '.join(sorted(names))}"
    terms = [{(name, term) for name, fact in facts.items() for term in _terms(fact)} for facts in (before, after)]
    gained, lost = len(terms[1] - terms[0]), len(terms[0] - terms[1])
    if gained or lost:
        yield f"{counted(gained, 'mot ajouté', 'mots ajoutés')}, {counted(lost, 'retiré', 'retirés')}"
    changed = [name for name in before.keys() & after.keys() if _without_terms(before[name]) != _without_terms(after[name])]
    if changed:
        yield f"{counted(len(changed), 'fait lu', 'faits lus')} autrement (question, déduction, codes, bornes) : {', '.join(sorted(changed))}"


def _facts(folder: Path) -> dict[str, Mapping[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read = (yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {} for path in sorted((folder / "lexique").glob("*.yaml")))  # noqa: S506 - a safe loader
    return {name: fact for facts in read for name, fact in facts.items()}


def _terms(fact: Mapping[str, Any]) -> list[str]:
    return [str(term) for key in _LEXICON_LISTS for term in fact.get(key) or ()]


def _without_terms(fact: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fact.items() if key not in _LEXICON_LISTS}


def _catalogue(old: GuidelineBase, new: GuidelineBase) -> Iterator[str]:
    before, after = old.catalogue.exams, new.catalogue.exams
    gained = [exam.label for name, exam in after.items() if name not in before]
    lost = [exam.label for name, exam in before.items() if name not in after]
    for word, labels in (("ajouté", gained), ("retiré", lost)):
        if labels:
            yield f"{counted(len(labels), f'examen {word}', f'examens {word}s')} : {', '.join(labels)}"
    doses = [new_one.label for name, new_one in after.items() if name in before and before[name].dose != new_one.dose]
    if doses:
        yield f"dose revue : {', '.join(doses)}"


__all__ = ["Differences", "Moved", "Section"]
