"""Local rules: what a project adds to a sheet, or makes stricter in it, laid over the base without touching its files.

A local rule never loosens: it cannot make an exam more acceptable than the sheet does, nor stand before a rule that sends to the
emergency department, and it is silent when a red flag is raised (unless it sends there itself). One that would is refused, with the
reason in French. Each rule of the sheet where it matters is split in two: the patients of the local rule, and the others.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from pydantic import Field

from pertimage.guidelines.base import GuidelineBase, Position, Rule, Sheet
from pertimage.guidelines.conditions import Condition, ConditionError, ExamTest, FlagTest, Test, facts_of, parse
from pertimage.guidelines.implication import Setting, both, deductions, impossible
from pertimage.guidelines.schema import FRENCH_VERDICTS, PositionForm, RuleForm, Source, Verdict

PREFIX = "local-"
_STRICTNESS = {
    verdict: rank for rank, verdict in enumerate((Verdict.INDICATED, Verdict.SPECIFIC_CASES, Verdict.SPECIALIST, Verdict.NOT_INDICATED))
}
_APPROPRIATE, _ELSEWHERE, _NOTHING = 0, 1, 2
_OUTCOMES = ("pertinent", "autre examen préférable", "pas d'imagerie utile")
_QUIET: Condition = ((FlagTest("any", False),),)
_OVERLAYS_KEPT = 8


class RuleRefusedError(ValueError):
    """A local rule that cannot be laid over its sheet; the message says why, in French."""


class LocalBody(RuleForm):
    """A local rule as written: the form of a sheet's rule, where naming a source of the sheet is optional."""

    source: str | list[str] = Field(default=[])


@dataclass(frozen=True, slots=True)
class LocalRule:
    """A local rule: its sheet, who wrote it, when and why; ``body`` is the JSON text of its form.

    ``start`` names the rule of the sheet from which it plays; empty: from the first that is not an emergency's.
    """

    sheet: str
    author: str
    day: date
    reason: str
    body: str
    start: str = ""

    @property
    def form(self) -> LocalBody:
        """Return the rule as written."""
        return LocalBody.model_validate(json.loads(self.body))

    @property
    def id(self) -> str:
        """Return the id under which it answers."""
        return f"{PREFIX}{self.form.id}"

    @property
    def signature(self) -> str:
        """Return who wrote it, when and why, in French."""
        return f"règle locale de {self.author}, {self.day:%d/%m/%Y} : {self.reason}"


_overlays: dict[tuple[int, tuple[LocalRule, ...]], tuple[GuidelineBase, GuidelineBase]] = {}


def overlaid(base: GuidelineBase, rules: tuple[LocalRule, ...]) -> GuidelineBase:
    """Return the base with local rules; those that this base refuses are left out. The same base and rules give the same object."""
    if not rules:
        return base
    key = id(base), rules
    if key not in _overlays:
        sheets = _amended_sheets(base, rules)[0]
        digest = hashlib.sha256(repr(rules).encode()).hexdigest()[:8]
        made = GuidelineBase(sheets, base.lexicon, base.catalogue, f"{base.version}.{PREFIX}{digest}", base.tables)
        if len(_overlays) >= _OVERLAYS_KEPT:
            _overlays.pop(next(iter(_overlays)))
        _overlays[key] = base, made  # it holds the base: no other takes its identity meanwhile
    return _overlays[key][1]


def refusals(base: GuidelineBase, rules: Iterable[LocalRule]) -> dict[int, str]:
    """Return why rules are refused, by their rank; empty when all can be laid over the base."""
    return _amended_sheets(base, tuple(rules))[1]


def _amended_sheets(base: GuidelineBase, rules: tuple[LocalRule, ...]) -> tuple[dict[str, Sheet], dict[int, str]]:
    sheets, refused = dict(base.sheets), {}
    for rank, rule in enumerate(rules):
        try:
            if rule.sheet not in sheets:
                near = difflib.get_close_matches(rule.sheet, sheets, n=1)
                raise RuleRefusedError(f"fiche inconnue « {rule.sheet} »" + (f" : vouliez-vous écrire « {near[0]} » ?" if near else ""))
            sheets[rule.sheet] = _Amendment(base, sheets[rule.sheet], rule).sheet()
        except RuleRefusedError as refusal:
            refused[rank] = str(refusal)
    return sheets, refused


class _Amendment:
    """One local rule on its way into one sheet."""

    def __init__(self, base: GuidelineBase, sheet: Sheet, rule: LocalRule) -> None:
        self._base, self._sheet, self._rule, self._form = base, sheet, rule, rule.form
        self._condition = self._parsed(self._form.when)
        self._positions = dict(self._read_positions())
        self._emergency = self._form.pathway == "urgences"
        self._looser: list[str] = []
        self._setting = Setting(base.lexicon, deductions(base.lexicon), frozenset(sheet.questions), sheet.flags)

    def sheet(self) -> Sheet:
        """Return the sheet with the rule; raises RuleRefusedError."""
        self._check()
        start, changed, rules = self._start(), False, []
        for index, rule in enumerate(self._sheet.rules):
            split = list(self._split(rule)) if index >= start and not rule.emergency else []
            changed = changed or bool(split)
            rules += [*split, rule]
        last = self._last()
        if not changed and last is None:
            raise RuleRefusedError(
                self._looser[0] if self._looser else "elle ne change rien : la fiche dit déjà cela, ou aucune de ses règles n'est concernée"
            )
        rules += [last] if last else []
        named = set(facts_of(self._condition)).union(*(facts_of(one.condition) for one in self._positions.values() if one.condition))
        return replace(
            self._sheet, rules=tuple(rules), exams=tuple(dict.fromkeys((*self._sheet.exams, *self._positions))),
            vocabulary=self._sheet.vocabulary | frozenset(self._base.lexicon.with_origins(named)),
        )  # fmt: skip

    def _check(self) -> None:
        if any(rule.id == self._rule.id for rule in self._sheet.rules):
            raise RuleRefusedError(f"la fiche a déjà une règle locale « {self._form.id} » : lui donner un autre id")
        unknown = [source for source in self._named_sources() if source not in self._sheet.form.sources]
        if unknown:
            raise RuleRefusedError(f"source inconnue « {unknown[0]} » : la fiche connaît {', '.join(self._sheet.form.sources)}")
        flagged = any(isinstance(test, FlagTest) and test.wanted for tests in self._condition for test in tests)
        if flagged and not self._emergency:
            raise RuleRefusedError(
                "un signe d'alerte relève des règles de la fiche : une règle locale ne retire ni une urgence ni une imagerie légitime"
            )

    def _start(self) -> int:
        if not self._rule.start:
            return 0
        names = [rule.id for rule in self._sheet.rules]
        if self._rule.start not in names:
            raise RuleRefusedError(f"« a_partir_de » nomme une règle inconnue « {self._rule.start} » : la fiche a {', '.join(names)}")
        place = names.index(self._rule.start)
        if self._sheet.rules[place].emergency:
            raise RuleRefusedError(f"elle passerait devant la règle d'urgence « {self._rule.start} » : les urgences restent les premières")
        return place

    def _split(self, rule: Rule) -> Iterator[Rule]:
        """Yield the rules to read before one of the sheet's, for the patients of the local rule; none when it changes nothing."""
        wanted = self._condition if self._emergency else both(self._condition, _QUIET)
        condition = tuple(tests for tests in both(wanted, rule.condition) if not _contradicts(tests))
        if not condition or impossible(condition, self._setting):
            return
        told = {exam: one for exam, one in self._positions.items() if self._matters(exam, one, rule)}
        merged = MappingProxyType({**rule.positions, **told})
        targets = frozenset(exam for exam in self._base.catalogue.exams if (held := self._held(exam, merged)) and held.exam in told)
        mine = self._own(rule, condition if self._emergency else both(condition, ((ExamTest(targets),),)), merged)
        others = replace(rule, condition=condition, positions=merged)
        for exam in merged:
            self._refuse_loosening(exam, rule, mine if exam in targets or self._emergency else others)
        if self._emergency:
            yield mine
        elif told:
            yield from (mine, others)

    def _matters(self, exam: str, position: Position, rule: Rule) -> bool:
        """Say whether a position makes a rule stricter on an exam; where the sheet is stricter already, it stays. « Indiqué » tightens nothing: it raises."""
        before = self._held(exam, rule.positions)
        if before is None:
            return True
        if _STRICTNESS[position.verdict] < _STRICTNESS[before.verdict]:
            self._looser.append(
                f"elle assouplit la règle « {rule.id} » sur {self._label(exam)} : une règle locale ajoute ou resserre seulement"
            )
            if position.verdict is Verdict.INDICATED:
                raise RuleRefusedError(self._looser[0])
            return False
        same = position.verdict is before.verdict and position.condition == before.condition
        if not same and position.condition and before.condition and position.condition != before.condition:
            raise RuleRefusedError(
                f"sa condition pour {self._label(exam)} remplacerait celle de la règle « {rule.id} », sans que l'on sache laquelle est la plus stricte"
            )
        return not same

    def _refuse_loosening(self, exam: str, before: Rule, after: Rule) -> None:
        held = self._held(exam, before.positions)
        now = self._held(exam, after.positions)
        if held is None or now is None:
            return
        was, becomes = _outcomes(held, before), _outcomes(now, after)
        if was == {_APPROPRIATE} or (held == now and was == becomes):
            return
        opened = _APPROPRIATE in becomes and not (_APPROPRIATE in was and held.condition is not None and held.condition == now.condition)
        if opened or min(becomes - {_APPROPRIATE}, default=_NOTHING) < min(was - {_APPROPRIATE}, default=_NOTHING):
            worst = min(becomes)
            raise RuleRefusedError(
                f"elle assouplit la règle « {before.id} » : {self._label(exam)} y passerait de « {_OUTCOMES[min(was)]} » à « {_OUTCOMES[worst]} » ; "
                "lui donner aussi une position, ou restreindre le « si »"
            )

    def _own(self, rule: Rule, condition: Condition, positions: Mapping[str, Position]) -> Rule:
        """Return the local rule where it replaces one of the sheet's."""
        return Rule(
            id=self._rule.id, condition=condition, emergency=self._emergency, priority=self._form.priority or rule.priority, positions=positions,
            why=self._why(), instead=tuple(self._form.instead) or rule.instead, first=tuple(self._form.first) or rule.first, sources=self._sources(),
        )  # fmt: skip

    def _last(self) -> Rule | None:
        """Return the rule for the patients of whom the sheet says nothing: the exams added, or the emergency alone."""
        added = {
            exam: one for exam, one in self._positions.items() if not any(self._held(exam, rule.positions) for rule in self._sheet.rules)
        }
        if not added and not self._emergency:
            return None
        narrow: Condition = self._condition if self._emergency else both(both(self._condition, _QUIET), ((ExamTest(frozenset(added)),),))
        return Rule(
            id=self._rule.id, condition=narrow, emergency=self._emergency, priority=self._form.priority, positions=MappingProxyType(added),
            why=self._why(), instead=tuple(self._form.instead), first=tuple(self._form.first), sources=self._sources(),
        )  # fmt: skip

    def _held(self, exam: str, positions: Mapping[str, Position]) -> Position | None:
        """Return the position that holds for an exam: its own, else its parents', else its variants'."""
        catalogue = self._base.catalogue
        return next((positions[name] for name in (exam, *catalogue.parents(exam), *catalogue.variants(exam)) if name in positions), None)

    def _read_positions(self) -> Iterator[tuple[str, Position]]:
        for exam, form in self._form.positions.items():
            if exam not in self._base.catalogue.exams:
                near = difflib.get_close_matches(exam, self._base.catalogue.exams, n=1)
                raise RuleRefusedError(f"examen inconnu « {exam} »" + (f" : vouliez-vous écrire « {near[0]} » ?" if near else ""))
            if isinstance(form, PositionForm):
                condition = self._parsed(form.when) if form.when else None
                yield exam, Position(exam, FRENCH_VERDICTS[form.verdict], condition, form.condition_text)
            else:
                yield exam, Position(exam, FRENCH_VERDICTS[form])

    def _parsed(self, form: object) -> Condition:
        try:
            return parse(form, self._base.lexicon.names)
        except ConditionError as error:
            raise RuleRefusedError(str(error)) from None

    def _why(self) -> str:
        return f"{self._form.why} ({self._rule.signature})"

    def _named_sources(self) -> list[str]:
        return [self._form.source] if isinstance(self._form.source, str) else list(self._form.source)

    def _sources(self) -> tuple[Source, ...]:
        rule = self._rule
        own = Source.model_validate(
            {"organisme": f"Règle locale de {rule.author}", "titre": rule.reason, "annee": rule.day.year, "ou": f"du {rule.day:%d/%m/%Y}"}
        )
        return (own, *(self._sheet.form.sources[name] for name in self._named_sources()))

    def _label(self, exam: str) -> str:
        return f"« {self._base.catalogue.exams[exam].label} »"


def _contradicts(tests: tuple[Test, ...]) -> bool:
    """Say whether tests want both a red flag and none."""
    flags = [test for test in tests if isinstance(test, FlagTest)]
    return any(test.wanted for test in flags) and any(test.level == "any" and not test.wanted for test in flags)


def _outcomes(position: Position, rule: Rule) -> frozenset[int]:
    """Return the outcomes that a position can give (the table « Positions et avis rendus » of the authors' guide)."""
    better = any(other.verdict is Verdict.INDICATED for exam, other in rule.positions.items() if exam != position.exam)
    instead = _ELSEWHERE if better or rule.first else _NOTHING
    if position.condition is not None:
        return frozenset((_APPROPRIATE, instead))
    if position.verdict is Verdict.INDICATED or (position.verdict is Verdict.SPECIFIC_CASES and instead == _NOTHING):
        return frozenset((_APPROPRIATE,))
    return frozenset((_ELSEWHERE if position.verdict is Verdict.SPECIALIST else instead,))


__all__ = ["PREFIX", "LocalBody", "LocalRule", "RuleRefusedError", "overlaid", "refusals"]
