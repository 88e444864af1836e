"""Repeated exams: an earlier one of the same region, by a technique at least as good, in the same situation, with nothing new.

The table ``transversal/redondance.yaml`` says after how long, and what lifts the alert. An alert never changes the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from pertimage.cds.earlier import Earlier
from pertimage.cds.logic import Facts, holds
from pertimage.cds.model import Alert, AlertKind, Policy, PriorExam, Severity
from pertimage.cds.text.lapses import ahead
from pertimage.guidelines.base import Sheet
from pertimage.guidelines.redundancy import Lift, Redundancy, Repeat
from pertimage.guidelines.schema import ExamForm
from pertimage.guidelines.tables import Basis

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_NEARLY = 0.8  # of the delay that a report advises: « contrôle à 3 mois » is not early after ten weeks
_CLEARLY = 0.85  # a duration shorter than that share of a lapse is shorter, not the same told otherwise
_TWO_WEEKS, _TEN_WEEKS, _TWO_YEARS = 14, 70, 730


@dataclass(frozen=True, slots=True)
class Report:
    """What an earlier report says: its facts, and the sheets that its words open."""

    facts: Facts
    sheets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Now:
    """What is asked today: the exam, its side, the sheets opened, what is known, and whether a red flag or an emergency is.

    ``report`` reads an earlier exam's report; ``refines`` gives, by sheet, those that are more general than it.
    """

    exam: ExamForm
    laterality: str
    sheets: frozenset[str]
    facts: Facts
    urgent: bool
    report: Callable[[PriorExam], Report]
    refines: Mapping[str, Sheet] = field(default_factory=dict)


def localised(table: Redundancy, policy: Policy) -> Redundancy:
    """Return the table with the local values of a site, in days."""
    given = dict(policy.thresholds)
    if not given:
        return table
    rows = tuple(
        replace(
            row,
            interval=given.get(f"redondance_jours.{row.id}", row.interval),
            strong=given.get(f"redondance_forte_jours.{row.id}", row.strong),
            basis=Basis.PROPOSED if f"redondance_jours.{row.id}" in given else row.basis,
        )
        for row in table.repeats
    )
    return replace(
        table,
        forgotten=given.get("redondance_oubli_jours", table.forgotten),
        pending=given.get("redondance_deja_demande_jours", table.pending),
        repeats=rows,
    )


def repeats(earlier: tuple[Earlier, ...], now: Now, table: Redundancy) -> Iterator[Alert]:
    """Yield one alert for each exam of the catalogue that makes the one asked a repeat: its most recent time."""
    told: set[tuple[str, bool]] = set()
    for one in earlier:
        if one.exam is None or (one.exam.id, one.prior.ordered) in told:
            continue
        alert = _duplicate(one, now, table) if one.prior.ordered else _repeat(one, now, table)
        if alert is not None:
            told.add((one.exam.id, one.prior.ordered))
            yield replace(alert, severity=Severity.INFO) if now.urgent else alert


def _duplicate(one: Earlier, now: Now, table: Redundancy) -> Alert | None:
    """Return the alert of an exam ordered and not done yet."""
    if one.exam is None or not _answers(one, now, table) or not (one.days is None or one.days < table.pending):
        return None
    on = f" le {in_words(one.prior.performed)}" if one.prior.performed else ""
    message = f"{one.exam.label} : déjà demandé{on}{_place(one)}, pas encore fait. Doublon possible : vérifier avant d'en demander un autre (délai proposé par le projet)."
    lifted = any(_lifts(lift, one, now) for lift in table.lifts)
    return Alert(
        AlertKind.REDUNDANCY, Severity.INFO if lifted else Severity.WARNING, message, one.prior.reference or None, str(Basis.PROPOSED)
    )


def _repeat(one: Earlier, now: Now, table: Redundancy) -> Alert | None:
    if one.days is not None and one.days >= table.forgotten:
        return None
    rows = [row for row in table.repeats if _concerns(row, one, now, table)]
    if one.exam is None or not rows:
        return None
    row = rows[0]
    # Where no interval is published, the defaults still say what is far too early.
    spoken = [_severity(other, one.days) for other in (rows if row.interval is None else rows[:1])]
    severity = max((one for one in spoken if one is not None), key=list(Severity).index, default=None)
    if severity is None:
        return None
    silencing = [] if row.stands else [lift for lift in table.lifts if _lifts(lift, one, now)]
    if any(lift.silences for lift in silencing):
        return None
    other = not row.stands and _other_situation(one, now, row)
    if silencing or other or _poorer(one.exam, now.exam):
        severity = Severity.INFO
    return Alert(AlertKind.REDUNDANCY, severity, _message(row, one, one.exam, now, other), one.prior.reference or None, str(row.basis))


def _concerns(row: Repeat, one: Earlier, now: Now, table: Redundancy) -> bool:
    """Say whether a row is about the exam asked, after this one."""
    if one.exam is None or not row.which.accepts(now.exam) or (row.sheets and row.sheets.isdisjoint(now.sheets)):
        return False
    if row.anywhere:
        near = one.days is not None and row.interval is not None and one.days < row.interval
        return near and row.after is not None and row.after.accepts(one.exam)
    if row.after is not None:
        if not (row.after.accepts(one.exam) and _sides_meet(one, now)):
            return False
    elif not _answers(one, now, table):
        return False
    return holds(row.when, now.facts) is True


def _answers(one: Earlier, now: Now, table: Redundancy) -> bool:
    """Say whether an earlier exam shows the region asked, on that side, by a technique at least as good."""
    cover = table.cover(now.exam)
    if one.exam is None or cover is None or not _sides_meet(one, now):
        return False
    if cover.same_exam:
        return one.exam.id == now.exam.id
    if one.exam.id == now.exam.id:
        return True
    alone = table.cover(one.exam)  # an exam that answers one question only (an arthro-CT, a DaTscan) answers no other
    if alone is not None and alone.same_exam:
        return False
    return one.exam.modality in cover.modalities and table.shows(one.exam.region, now.exam.region)


def _sides_meet(one: Earlier, now: Now) -> bool:
    sides = {one.laterality, now.laterality}
    return not now.exam.lateral or "" in sides or "bilateral" in sides or len(sides) == 1


def _severity(row: Repeat, days: int | None) -> Severity | None:
    """Return how loudly a row speaks after so many days; None: not at all. Of an unknown date, only an information."""
    if row.interval == 0:
        return None
    if days is None:
        return Severity.INFO
    if days < row.strong:
        return Severity.CRITICAL
    return Severity.WARNING if row.interval is None or days < row.interval else None


def _lifts(lift: Lift, one: Earlier, now: Now) -> bool:
    """Say whether a lift applies to this exam."""
    if not lift.which.accepts(now.exam):
        return False
    if lift.report is None:
        return holds(lift.when, now.facts) is True and (not lift.since or _began_since(one, now))
    if holds(lift.when, now.facts) is not True or not one.prior.conclusion:
        return False
    if holds(lift.report, now.report(one.prior).facts) is not True:
        return False
    advised = ahead(one.prior.conclusion)
    return advised is None or one.days is None or one.days >= _NEARLY * advised


def _began_since(one: Earlier, now: Now) -> bool:
    """Say whether the complaint is known to have begun after the earlier exam, clearly: months of illness count four weeks."""
    duration = now.facts.values.get("duree")
    return duration is not None and one.days is not None and duration < _CLEARLY * one.days


def _poorer(done: ExamForm, asked: ExamForm) -> bool:
    """Say whether the earlier exam was done without the contrast that this one needs."""
    return done.id != asked.id and asked.contrast and not done.contrast and done.modality is asked.modality


def _situation(one: Earlier, now: Now, row: Repeat) -> bool | None:
    """Say whether the earlier exam was done in the same situation; None when nothing tells."""
    if one.told:
        return True
    theirs = now.report(one.prior).sheets if one.prior.conclusion else frozenset()
    if not theirs or not now.sheets:
        return None
    wider = {name for sheet in (*theirs, *now.sheets) if sheet in now.refines for name in now.refines[sheet].refines}
    both = theirs | now.sheets
    return bool(theirs & now.sheets) or bool(wider & both) or (bool(row.sheets & theirs) and bool(row.sheets & now.sheets))


def _other_situation(one: Earlier, now: Now, row: Repeat) -> bool:
    return _situation(one, now, row) is False


def _message(row: Repeat, one: Earlier, done: ExamForm, now: Now, other: bool) -> str:
    same = "même examen" if done.id == now.exam.id else "même région, technique au moins équivalente"
    why = row.say or ("région déjà explorée sans injection" if _poorer(done, now.exam) else same)
    told = f"{done.label} {since(one.days)}{_place(one)} : {why[:1].lower() + why[1:] if why[1:2].islower() else why}."
    parts = [told, *_doubts(one, now, row, other), _consult(one)]
    if row.basis is Basis.PROPOSED:
        parts.append("Délai proposé par le projet, sans recommandation publiée.")
    return " ".join(part for part in parts if part)


def _doubts(one: Earlier, now: Now, row: Repeat, other: bool) -> Iterator[str]:
    """Yield what is not sure of the earlier exam: its reason, its side."""
    if other:
        yield "Il semble avoir été fait pour un autre motif."
    elif _situation(one, now, row) is None and not row.anywhere:
        yield "Son motif n'est pas connu : peut-être le même."
    if now.exam.lateral and not one.laterality and now.laterality:
        yield "Son côté n'est pas connu."


def _consult(one: Earlier) -> str:
    """Return the invitation to look at the earlier exam first."""
    if one.told or not one.prior.performed:
        return "Consulter cet examen avant d'en demander un autre."
    return f"Consulter l'examen du {in_words(one.prior.performed)} avant d'en demander un autre."


def _place(one: Earlier) -> str:
    return f" ({one.prior.place})" if one.prior.place else ""


def since(days: int | None) -> str:
    """Return a lapse as it follows an exam: « il y a 5 semaines », « hier », « à une date non précisée »."""
    if days is None:
        return "à une date non précisée"
    return {0: "aujourd'hui", 1: "hier"}.get(days) or f"il y a {ago(days)}"


def ago(days: int) -> str:
    """Return a lapse of time in plain French: « 12 jours », « 5 semaines », « 8 mois », « 3 ans »."""
    if days < _TWO_WEEKS:
        return f"{days} jour{'s' if days > 1 else ''}"
    if days < _TEN_WEEKS:
        return f"{round(days / 7)} semaines"
    return f"{round(days / 30.4)} mois" if days < _TWO_YEARS else f"{round(days / 365.25)} ans"


def in_words(day: date) -> str:
    """Return a day in French: « 18 octobre 2026 »."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"
