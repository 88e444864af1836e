"""What an author is told before a rule is used: rules that never conclude, contradictions, sources without date, loose ends.

The loader refuses what cannot be compiled; here is looked at what compiles and yet cannot be meant. Each check yields faults with
their line and the remedy. Run by ``pertimage guidelines check`` only: a base that was checked needs not be checked when it is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import chain, product
from typing import NamedTuple

from pertimage.guidelines.base import Rule, Sheet
from pertimage.guidelines.conditions import ALWAYS, Condition, FactTest, RangeTest, Test, Wanted, facts_of, parse
from pertimage.guidelines.cycles import cycles
from pertimage.guidelines.implication import Setting, World, as_written, both, deductions, impossible, worlds
from pertimage.guidelines.lexicon import FactDef, Lexicon
from pertimage.guidelines.loader import Written
from pertimage.guidelines.schema import SheetForm, Vignette
from pertimage.guidelines.source import Document, Fault
from pertimage.guidelines.wording import wording_faults
from pertimage.guidelines.words import tokens

# Facts that the judge, the boundary or the pages read by themselves, in no sheet.
READ_BY_THE_ENGINE = frozenset(
    "grossesse allaitement dfg enfant insuffisance-renale metformine hyperthyroidie allergie-contraste dispositif-implante "
    "corps-etranger-oculaire contre-indication-irm contre-indication-contraste".split()
)


def checked(written: Written) -> list[Fault]:
    """Return what is wrong or doubtful in a base that was read, worst first, then by file and line."""
    found = [*_source_dates(written), *_refinement_cycles(written), *_repeated_vignettes(written)]
    if written.base is not None:
        lexicon = written.base.lexicon
        anywhere = Setting(lexicon, deductions(lexicon))
        for name, sheet in written.base.sheets.items():
            found.extend(_SheetCheck(written.sheets[name][0], sheet, anywhere).faults())
        found.extend(_derivations(written, anywhere))
        found.extend(_rings(written, anywhere))
        found.extend(_orphans(written, written.base.sheets.values(), lexicon))
        found.extend(wording_faults(written.facts, written.cues, lexicon, written.base.openers))
    return sorted(found, key=lambda fault: (fault.warning, fault.file, fault.line))


def untried(written: Written, shown: Mapping[str, Set[str]]) -> Iterator[Fault]:
    """Yield the rules that no vignette of their sheet shows (``shown``: by sheet, the rules that its vignettes show)."""
    for name in shown:
        document, form = written.sheets[name]
        for index, rule in enumerate(form.rules):
            if rule.id not in shown[name]:
                message = (
                    f"aucune vignette ne fait conclure la règle « {rule.id} » : en ajouter une, avec « attendu: {{…, regle: {rule.id}}} »"
                )
                yield document.fault(message, "regles", index, "id")


class _SheetCheck:
    """The rules of one sheet, held against one another, its red flags and its triggers."""

    def __init__(self, document: Document, sheet: Sheet, anywhere: Setting) -> None:
        self._document, self._sheet = document, sheet
        triggers = sheet.trigger_condition or ALWAYS
        self._patients = replace(anywhere, triggers=triggers, age=(sheet.age_min, sheet.age_max), sex=sheet.sex)
        self._setting = replace(self._patients, asked=frozenset(sheet.questions), flags=sheet.flags)

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the sheet, top to bottom."""
        if reason := impossible(ALWAYS, self._patients):
            yield self._document.fault(f"aucun patient ne peut ouvrir cette fiche : {reason} ; corriger « si »", "declencheurs", "si")
            return
        yield from self._flags()
        for index, rule in enumerate(self._sheet.rules):
            never = list(self._never(rule, index))
            yield from never
            if len(never) < len(rule.condition):
                yield from self._reached(rule, index)
                yield from self._positions(rule, index)

    def _flags(self) -> Iterator[Fault]:
        forms = {"urgence": self._sheet.form.red_flags.emergency, "imagerie": self._sheet.form.red_flags.imaging}
        places = [(level, index) for level, entries in forms.items() for index in range(len(entries))]
        for flag, place in zip(self._sheet.flags, places, strict=True):
            if reason := impossible(flag.condition, self._patients, "il veut"):
                message = f"le drapeau rouge « {flag.id} » ne peut jamais être levé : {reason} ; corriger sa condition"
                yield self._document.fault(message, "drapeaux_rouges", *place)

    def _never(self, rule: Rule, index: int) -> Iterator[Fault]:
        """Yield a fault for each alternative of a rule that no request can meet."""
        several = isinstance(self._sheet.form.rules[index].when, list)
        for number, tests in enumerate(rule.condition):
            if reason := impossible((tests,), self._setting):
                message = f"la condition de la règle « {rule.id} » ne peut jamais être vraie : {reason} ; la corriger ou retirer la règle"
                yield self._document.fault(message, "regles", index, "si", *((number,) if several else ()))

    def _reached(self, rule: Rule, index: int) -> Iterator[Fault]:
        """Yield a fault when an earlier rule has concluded each time that this one could."""
        before: dict[int, None] = {}
        for world in chain.from_iterable(map(self._worlds, rule.condition)):
            first = next((at for at in range(index) if self._implied(world, self._sheet.rules[at].condition)), None)
            if first is None:
                return
            before[first] = None
        earlier = [self._sheet.rules[at] for at in before]
        named = ", ".join(f"« {self._sheet.rules[at].id} » (ligne {self._document.line('regles', at, 'id')})" for at in before)
        if len(earlier) == 1 and all(self._implied(world, rule.condition) for world in worlds(earlier[0].condition, self._setting)):
            message = _twice(rule, earlier[0], named)
        else:
            which = f"la règle {named}, lue avant, a déjà" if len(earlier) == 1 else f"les règles {named}, lues avant, ont déjà"
            message = f"la règle « {rule.id} » ne conclut jamais : quand sa condition est vraie, {which} conclu ; la placer avant, changer sa condition ou la retirer"
        yield self._document.fault(message, "regles", index, "si")

    def _worlds(self, tests: tuple[Test, ...]) -> Iterable[World]:
        """Return where an alternative of a rule may conclude, or make its sheet ask.

        A fact asked and not said leaves a rule open but raises no red flag and deduces nothing: a rule on such a fact, after one on the
        flag it raises, is what makes the question asked. Only an earlier rule on the same fact takes its place.
        """
        if self._sheet.questions.keys().isdisjoint(facts_of((tests,))):
            return worlds((tests,), self._setting)
        return [as_written(tests, self._setting)] if not impossible((tests,), self._setting) else []

    def _implied(self, world: World, condition: Condition) -> bool:
        return any(world.implies(tests, self._setting.asked) for tests in condition)

    def _positions(self, rule: Rule, index: int) -> Iterator[Fault]:
        """Yield a warning for each position whose condition cannot be met where its rule concludes: it says « jamais »."""
        for exam in self._sheet.form.rules[index].positions:
            condition = rule.positions[exam].condition
            if condition is not None and (reason := impossible(both(rule.condition, condition), self._setting, "elle veut")):
                message = f"la condition de « {exam} » ne peut jamais être vraie dans la règle « {rule.id} » : {reason} ; écrire la position sans « si »"
                yield self._document.warning(message, "regles", index, "positions", exam, "si")


def _twice(rule: Rule, earlier: Rule, named: str) -> str:
    differing = [exam for exam, position in rule.positions.items() if earlier.positions.get(exam) != position]
    if differing:
        return f"la règle « {rule.id} » contredit {named} : même condition, positions différentes pour {', '.join(differing[:3])} ; n'en garder qu'une"
    return f"la règle « {rule.id} » répète {named} : même condition, mêmes positions ; n'en garder qu'une"


def _source_dates(written: Written) -> Iterator[Fault]:
    for document, form in written.sheets.values():
        for name, source in form.sources.items():
            if source.year is None and source.consulted is None:
                message = f"source « {name} » sans date : écrire « annee: … », ou « consultee_le: AAAA-MM-JJ » si le document ne porte pas de date"
                yield document.fault(message, "sources", name)


def _refinement_cycles(written: Written) -> Iterator[Fault]:
    """Yield the sheets that make way for one another in a ring: none would be left to answer."""
    refined = {name: [other for other in form.refines if other in written.sheets] for name, (_, form) in written.sheets.items()}
    for ring in cycles(refined):
        shown = " → ".join((*ring, ring[0]))
        message = f"« precise » tourne en rond : {shown} ; garder le sens qui va de la fiche précise à la fiche générale"
        yield written.sheets[ring[0]][0].fault(message, "precise")


def _repeated_vignettes(written: Written) -> Iterator[Fault]:
    """Yield the vignettes that ask the same thing of the same patient as an earlier one, and expect another answer."""
    seen: dict[tuple[object, ...], tuple[Document, int, SheetForm, Vignette]] = {}
    for document, form in written.sheets.values():
        for index, vignette in enumerate(form.vignettes):
            first = seen.setdefault(_request(vignette), (document, index, form, vignette))
            if _disagree(vignette, first[3], form is first[2]):
                place = f"{first[0].shown}, ligne {first[0].line('vignettes', first[1])}"
                message = f"cette vignette attend une autre réponse que la même demande, {place} : n'en garder qu'une, ou dire ce qui les distingue"
                yield document.fault(message, "vignettes", index)


def _request(vignette: Vignette) -> tuple[object, ...]:
    text, exam = (tuple(token.folded for token in tokens(part)) for part in (vignette.text, vignette.exam))
    return text, exam, vignette.age, vignette.sex


def _disagree(one: Vignette, other: Vignette, same_sheet: bool) -> bool:
    a, b = one.expected, other.expected
    rules = same_sheet and a.rule is not None and b.rule is not None and a.rule != b.rule
    return rules or a.pathway != b.pathway or set(a.outcomes).isdisjoint(b.outcomes)


def _derivations(written: Written, anywhere: Setting) -> Iterator[Fault]:
    """Yield the conditions of facts that nothing can meet."""
    for name, (document, fact) in written.facts.items():
        for key, forms in (("si", fact.when), ("sauf_si", fact.unless)):
            for index, form in enumerate(forms):
                if reason := impossible(parse(form, anywhere.lexicon.names), anywhere, "elle veut"):
                    message = f"cette condition de « {name} » ne peut jamais être vraie : {reason} ; la corriger ou la retirer"
                    yield document.fault(message, name, key, index)


def _rings(written: Written, anywhere: Setting) -> Iterator[Fault]:
    """Yield the facts deduced in a ring that one request may go round: refused when a denial is part of it, since order would then decide."""
    facts = anywhere.lexicon.facts
    origins = {name: sorted(facts_of(fact.derived) | facts_of(fact.denied)) for name, fact in facts.items()}
    for ring in cycles(origins):
        links = [_links(facts[name], other) for name, other in zip(ring, (*ring[1:], ring[0]), strict=True)]
        possible = [way for way in product(*links) if not impossible((_around(ring, way),), anywhere)]
        if possible and ring[0] in written.facts:
            shown = " ← ".join((*ring, ring[0]))
            remedy = f"faits déduits en rond : {shown} ; rompre le cercle : un fait ne se déduit pas de ce que l'on déduit de lui"
            denies = any(link.denies for way in possible for link in way)
            document = written.facts[ring[0]][0]
            yield document.fault(remedy, ring[0]) if denies else document.warning(remedy, ring[0])


class _Link(NamedTuple):
    """One way in which a fact rests on another; ``denies`` when it rests on its absence, or is denied by it."""

    tests: tuple[Test, ...]
    denies: bool


def _links(fact: FactDef, other: str) -> list[_Link]:
    found = [(tests, False) for tests in fact.derived] + [(tests, True) for tests in fact.denied]
    return [
        _Link(tests, denied or (isinstance(test, FactTest) and test.wanted is not Wanted.YES))
        for tests, denied in found
        for test in tests
        if isinstance(test, FactTest | RangeTest) and test.fact == other
    ]


def _around(ring: Iterable[str], way: Iterable[_Link]) -> tuple[Test, ...]:
    """Return what must hold beside the ring's own facts for a request to go round it."""
    names = set(ring)
    return tuple(test for link in way for test in link.tests if not (isinstance(test, FactTest | RangeTest) and test.fact in names))


def _orphans(written: Written, sheets: Iterable[Sheet], lexicon: Lexicon) -> Iterator[Fault]:
    used = set(READ_BY_THE_ENGINE).union(*(_named_by(sheet) for sheet in sheets))
    used.update(written.base.tables.facts if written.base else ())
    used.update(*(facts_of(fact.derived) | facts_of(fact.denied) for fact in lexicon.facts.values()))
    for name, (document, _) in written.facts.items():
        if name not in used:
            message = f"le fait « {name} » ne sert à aucune fiche ni à aucun autre fait : l'employer ou le retirer"
            yield document.warning(message, name)


def _named_by(sheet: Sheet) -> set[str]:
    """Return the facts that a sheet names itself."""
    conditions = [sheet.trigger_condition or (), *(flag.condition for flag in sheet.flags), *(rule.condition for rule in sheet.rules)]
    conditions += [position.condition for rule in sheet.rules for position in rule.positions.values() if position.condition]
    return set().union(sheet.trigger_facts, sheet.questions, *map(facts_of, conditions))
