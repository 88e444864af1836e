"""What changes from one version of a sheet to another, in French, part by part: what a radiologist reads before agreeing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pertimage.guidelines.schema import Source
from pertimage.web.pages.french import day
from pertimage.web.pages.sheet_view import PositionShown, RuleShown, SheetShown

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_PRIORITIES = {
    None: "sans priorité",
    1: "priorité 1 : urgence",
    2: "priorité 2 : dans les jours qui viennent",
    3: "priorité 3 : dans les semaines qui viennent",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a text that stay (``kept``), go (``gone``) or come (``new``)."""

    look: str
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change: ``look`` is ``new``, ``gone`` or ``changed``; ``pieces`` show the words of a text that was rewritten."""

    look: str
    label: str
    before: str = ""
    after: str = ""
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the sheet and what changes in it."""

    title: str
    changes: list[Change]


def revision(before: SheetShown, after: SheetShown) -> list[Part]:
    """Return the parts that differ, those that can change an answer first; none when the two say the same."""
    parts = [
        Part("Signes d'alerte : urgences", [*_items("Signe", before.emergency_flags, after.emergency_flags)]),
        Part("Signes d'alerte : imagerie légitime", [*_items("Signe", before.imaging_flags, after.imaging_flags)]),
        Part("Quand la fiche s'applique", [*_opening(before, after)]),
        *_rules(before, after),
        Part("Sources", [*_items("Source", _sources(before), _sources(after))]),
        Part("Textes", [*_texts(before, after)]),
        Part("État et dates", [*_validity(before, after)]),
        Part("Exemples", [*_items("Exemple", _vignettes(before), _vignettes(after))]),
    ]
    return [part for part in parts if part.changes]


def _items(label: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    """Yield what goes and what comes; an item reworded in its place is one change."""
    gone, new = [one for one in before if one not in after], [one for one in after if one not in before]
    for one in gone:
        near = difflib.get_close_matches(one, new, n=1, cutoff=0.7)
        if near:
            new.remove(near[0])
            yield _reworded(label, one, near[0])
        else:
            yield Change("gone", f"{label} retiré{_agreement(label)}", before=one)
    yield from (Change("new", f"{label} ajouté{_agreement(label)}", after=one) for one in new)


def _agreement(label: str) -> str:
    return "e" if label in ("Source", "Question", "Fiche précisée", "Règle", "Conduite", "Condition") else ""


def _value(label: str, before: str, after: str) -> Iterator[Change]:
    if before != after:
        yield Change("changed", label, before, after)


def _text(label: str, before: str, after: str) -> Iterator[Change]:
    """Yield a text written, taken away, or rewritten with its words compared."""
    if before == after:
        return
    if not before or not after:
        yield Change("new" if after else "gone", label, before, after)
    else:
        yield _reworded(label, before, after)


def _reworded(label: str, before: str, after: str) -> Change:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    pieces: list[Piece] = []
    for what, start, end, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            pieces.append(Piece("kept", "".join(old[start:end])))
            continue
        pieces += [Piece(look, said) for look, said in (("gone", "".join(old[start:end])), ("new", "".join(new[first:last]))) if said]
    return Change("changed", label, before, after, tuple(pieces))


def _opening(before: SheetShown, after: SheetShown) -> Iterator[Change]:
    yield from _items("Motif", before.opens_on, after.opens_on)
    yield from _items("Code", _codes(before), _codes(after))
    yield from _value("Patient", before.population, after.population)
    yield from _items("Condition", before.condition, after.condition)
    yield from _items("Fiche précisée", [title for _, title in before.refines], [title for _, title in after.refines])
    yield from _items("Question", before.questions, after.questions)


def _codes(sheet: SheetShown) -> list[str]:
    opens = sheet.form.triggers
    return [*(f"CIM-10 {code}" for code in opens.icd10), *(f"CISP-2 {code}" for code in opens.icpc2)]


def _rules(before: SheetShown, after: SheetShown) -> Iterator[Part]:
    """Yield a part per rule that differs, in the order of the later version, then the rules taken away."""
    old, new = {rule.id: rule for rule in before.rules}, {rule.id: rule for rule in after.rules}
    common = [name for name in old if name in new]
    moved = [name for name in new if name in old] != common
    for rule in after.rules:
        title = f"Règle {rule.rank} : {rule.id.replace('-', ' ')}"
        if rule.id in old:
            yield Part(title, [*_rule(old[rule.id], rule, moved=moved)])
        else:
            yield Part(title, [Change("new", "Règle ajoutée", after=_summary(rule)), *_positions({}, rule.by_exam)])
    gone = [
        Change("gone", f"Règle {rule.rank} retirée : {rule.id.replace('-', ' ')}", before=_summary(rule))
        for rule in before.rules
        if rule.id not in new
    ]
    yield Part("Règles retirées", gone)


def _summary(rule: RuleShown) -> str:
    return f"{' ; ou '.join(rule.conditions)} : {rule.why}"


def _rule(before: RuleShown, after: RuleShown, *, moved: bool) -> Iterator[Change]:
    if moved:
        yield from _value("Rang (les règles sont lues dans l'ordre)", str(before.rank), str(after.rank))
    yield from _value("Condition", " ; ou ".join(before.conditions), " ; ou ".join(after.conditions))
    yield from _value("Circuit", _circuit(before), _circuit(after))
    yield from _value("Priorité", _PRIORITIES[before.priority], _PRIORITIES[after.priority])
    yield from _positions(before.by_exam, after.by_exam)
    yield from _text("Pourquoi", before.why, after.why)
    yield from _items("D'abord :", before.first, after.first)
    yield from _items("Conduite", before.instead, after.instead)
    yield from (
        Change("gone", "Source retirée", before=_said(source)) for name, source in before.sources.items() if name not in after.sources
    )
    yield from (
        Change("new", "Source ajoutée", after=_said(source)) for name, source in after.sources.items() if name not in before.sources
    )


def _circuit(rule: RuleShown) -> str:
    return "urgences ou 15, sans attendre" if rule.emergency else "ordinaire"


def _positions(before: dict[str, PositionShown], after: dict[str, PositionShown]) -> Iterator[Change]:
    for exam in {**after, **before}:
        old, new = before.get(exam), after.get(exam)
        if old and new:
            yield from _value(new.label, _position(old), _position(new))
        elif new:
            yield Change("new", new.label, after=_position(new))
        elif old:
            yield Change("gone", old.label, before=_position(old))


def _position(one: PositionShown) -> str:
    return f"{one.words} ({one.when})" if one.when else one.words


def _sources(sheet: SheetShown) -> list[str]:
    return [_said(source) for source in sheet.form.sources.values()]


def _said(source: Source) -> str:
    parts = [source.organisation, source.title, str(source.year or "")]
    return ", ".join(filter(None, parts)) + (f" ({source.where})" if source.where else "")


def _texts(before: SheetShown, after: SheetShown) -> Iterator[Change]:
    yield from _text("Titre", before.form.title, after.form.title)
    yield from _text("Note", before.form.note, after.form.note)
    yield from _text("À dire au patient", before.form.patient_words, after.form.patient_words)


def _validity(before: SheetShown, after: SheetShown) -> Iterator[Change]:
    old, new = before.form.validity, after.form.validity
    yield from _value("État", before.state, after.state)
    yield from _value("Chapitre", before.chapter, after.chapter)
    yield from _value("En vigueur depuis", day(old.since), day(new.since))
    yield from _value("En vigueur jusqu'au", day(old.until) or "sans terme", day(new.until) or "sans terme")
    yield from _value("Vérifiée contre ses sources", day(old.checked), day(new.checked))
    yield from _items("Relecteur", old.reviewers, new.reviewers)


def _vignettes(sheet: SheetShown) -> list[str]:
    return [f"{one.text} [{one.exam}]" for _, one in sheet.vignettes]
