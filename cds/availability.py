"""Availability: an exam that cannot be had in time, what is proposed in its place, and what that loses.

The guidance is not changed by what is at hand: an exam it supports stays supported. Waiting is the rule when it has no consequence:
rays are not taken to save time (table ``guidelines/data/transversal/replis.yaml``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pertimage.cds.logic import Facts, holds
from pertimage.cds.model import Alert, AlertKind, Alternative, Outcome, Policy, Severity
from pertimage.cds.safety import Safeguard
from pertimage.cds.situations import Conclusion
from pertimage.cds.territory import Territory
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.conditions import facts_of
from pertimage.guidelines.fallbacks import FallbackRow, Fallbacks
from pertimage.guidelines.schema import ExamForm, Modality, Verdict
from pertimage.guidelines.tables import Basis

# An exam id and the condition under which it is offered → the offer.
Offer = Callable[[str, str], Alternative]
_SAID = "indisponible d'après la demande"
_LOCAL = "indisponible localement (politique du projet)"
_NOWHERE = "aucun site décrit du territoire ne fait cet examen"
MOST = 2  # fall-backs proposed at once
ELSEWHERE = "si l'examen est obtenu à temps, ou hors du territoire"


@dataclass(frozen=True, slots=True)
class _Lack:
    """Why an exam cannot be had in time, in French; ``measured`` when it is only its wait, of ``days``."""

    words: str
    measured: bool = False
    days: float = 0.0


class Availability:
    """What can be had for one patient. ``urgent``: so the prescriber says; ``fast``: the pathway is sensitive to delay."""

    def __init__(
        self, base: GuidelineBase, policy: Policy, territory: Territory, facts: Facts, safeguard: Safeguard, *, urgent: bool, fast: bool
    ) -> None:
        self._table = base.tables.fallbacks or Fallbacks()
        self._exams, self._policy, self._territory = base.catalogue.exams, policy, territory
        self._safeguard, self._said_urgent, self._fast = safeguard, urgent, fast
        self._said = frozenset(modality for modality, fact in self._table.said.items() if facts.truth.get(fact) is True)
        self._known = bool(self._said or policy.exams_unavailable or territory.waits or territory.offered is not None)

    def weighed(
        self, exam: str | None, conclusion: Conclusion, outcome: Outcome, offers: tuple[Alternative, ...], offer: Offer
    ) -> tuple[tuple[Alternative, ...], Alert | None]:
        """Return the offers with the fall-backs of what cannot be had, and the alert that says so; the same and None when all is well."""
        if not self._known or exam is None:
            return offers, None
        if outcome is Outcome.APPROPRIATE:
            lack = self._lack(exam, conclusion)
            return self._replaced(exam, exam, lack, conclusion, offers, offer) if lack else (offers, self._standing_in(exam, conclusion))
        if outcome is Outcome.ALTERNATIVE:
            return self._within(exam, conclusion, offers, offer)
        return offers, None

    def _lack(self, exam: str, conclusion: Conclusion) -> _Lack | None:
        """Return why an exam that is supported cannot be had in time."""
        return self._absent(exam) or self._late(exam, conclusion)

    def _absent(self, exam: str) -> _Lack | None:
        modality = self._exams[exam].modality
        if modality in self._said:
            return _Lack(_SAID)
        if exam in self._policy.exams_unavailable:
            return _Lack(_LOCAL)
        return _Lack(_NOWHERE) if self._territory.lacks(str(modality)) else None

    def _late(self, exam: str, conclusion: Conclusion) -> _Lack | None:
        """Return that an exam comes too late. For what cannot wait a day the usual wait says nothing: it is asked for at once."""
        window = self._table.windows.get(conclusion.rule.priority)
        wait = self._territory.soonest(str(self._exams[exam].modality))
        if window is None or wait is None or wait.median <= window:
            return None
        return _Lack(f"délai médian le plus court {round(wait.median)} jours ({wait.name}), pour {window} jours visés", True, wait.median)

    def _replaced(
        self, exam: str, asked: str, lack: _Lack, conclusion: Conclusion, offers: tuple[Alternative, ...], offer: Offer
    ) -> tuple[tuple[Alternative, ...], Alert | None]:
        """Return the offers with what may be done in place of an exam that is supported, and the alert; the exam asked for is no offer."""
        row = self._row(exam, conclusion)
        found, refused = self._fallbacks(exam, row, lack, conclusion)
        advice = row.advice if row and not refused else ""
        if found:
            sooner = "Demander d'abord un rendez-vous plus proche. " if lack.measured else ""
            told = f"{sooner}Repli possible : {' ; '.join(f'{self._exams[name].label} ({_loss(row, name)})' for name in found)}"
        elif lack.measured:
            return offers, None
        elif refused:
            told = f"Rien ne presse ici : attendre, plutôt qu'un examen irradiant pour gagner du temps ({_listed(self._exams[name].label for name in refused)})"
        else:
            told = advice or "En parler au radiologue : autre site, ou autre examen"
        named = {asked, *(one.exam for one in offers)}
        more = tuple(offer(name, f"à défaut de mieux ; {_loss(row, name)}") for name in found if name not in named)
        basis = row.basis if row and (found or advice) else Basis.PROPOSED
        severity = Severity.WARNING if self._urgent(conclusion) and not lack.measured else Severity.INFO
        return (*offers, *more), Alert(
            AlertKind.AVAILABILITY,
            severity,
            f"{self._exams[exam].label} : {lack.words}. {self._first(conclusion, found)}{told}.",
            basis=str(basis),
        )

    def _first(self, conclusion: Conclusion, found: list[str]) -> str:
        """Return where to send what cannot wait."""
        if not self._urgent(conclusion):
            return ""
        return f"Situation qui n'attend pas : adresser aux urgences{', ou prendre le repli' if found else ''}. "

    def _urgent(self, conclusion: Conclusion) -> bool:
        return self._said_urgent or conclusion.rule.priority == 1

    def _consequent(self, conclusion: Conclusion) -> bool:
        """Say whether waiting has a consequence: ADERIM's priorities 1 (emergency) and 2 (within days)."""
        return self._said_urgent or self._fast or conclusion.rule.priority in (1, 2)

    def _row(self, exam: str, conclusion: Conclusion) -> FallbackRow | None:
        entry = self._exams[exam]
        return next((row for row in self._table.rows if self._about(row, entry, conclusion)), None)

    def _about(self, row: FallbackRow, exam: ExamForm, conclusion: Conclusion) -> bool:
        return (
            row.which.accepts(exam)
            and (not row.sheets or conclusion.sheet.id in row.sheets)
            and holds(row.condition, conclusion.facts) is True
        )

    def _fallbacks(self, exam: str, row: FallbackRow | None, lack: _Lack, conclusion: Conclusion) -> tuple[list[str], list[str]]:
        """Return what replaces an exam, in order, and what would if waiting had a consequence."""
        instead = (*(row.instead if row else ()), *self._foreseen(self._exams[exam].modality, conclusion))
        last = row.last if row else ()
        free = not self._exams[exam].modality.irradiating
        consequent = self._consequent(conclusion)
        found: list[str] = []
        refused: list[str] = []
        for name in dict.fromkeys((*instead, *last)):
            written = row is not None and bool(row.sheets) and name in (*row.instead, *row.last)
            if name == exam or not self._fits(name, lack, conclusion, written):
                continue
            waits = not self._urgent(conclusion) if name in last else not consequent and free and self._exams[name].modality.irradiating
            (refused if waits else found).append(name)
        return found[:MOST], refused[:MOST]

    def _foreseen(self, modality: Modality, conclusion: Conclusion) -> tuple[str, ...]:
        """Return the exams that the rule itself positions for when a technique is impossible."""
        impossible = self._table.impossible.get(modality)
        return tuple(
            name
            for name, position in conclusion.rule.positions.items()
            if position.condition and impossible in facts_of(position.condition) and self._exams[name].modality is not modality
        )

    def _fits(self, name: str, lack: _Lack, conclusion: Conclusion, written: bool) -> bool:
        """Say whether a fall-back suits the patient and the rule, can be had, and comes before what it replaces.

        ``written``: the row was written for this very situation, where the rule only thought of the exam that lacks.
        """
        position = conclusion.rule.positions.get(name)
        if self._absent(name) or self._safeguard.excluding(self._exams[name]):
            return False
        if position is not None and position.verdict is Verdict.NOT_INDICATED and not written:
            return False
        if not lack.measured:
            return True
        wait = self._territory.soonest(str(self._exams[name].modality))
        return wait is not None and wait.median < lack.days and self._late(name, conclusion) is None

    def _standing_in(self, exam: str, conclusion: Conclusion) -> Alert | None:
        """Return what the exam asked for loses, when it stands in for one that the request says it could not have."""
        for modality in self._said - {self._exams[exam].modality}:
            meant = self._meant(modality, conclusion)
            row = self._row(meant, conclusion) if meant else None
            standing = (*(row.instead + row.last if row else ()), *self._foreseen(modality, conclusion))
            if meant is None or exam not in standing:
                continue
            wait = "" if self._consequent(conclusion) else " Si rien ne presse, l'attendre reste préférable."
            told = f"{self._exams[meant].label} : {_SAID}. L'examen demandé en est un repli ({_loss(row, exam)}).{wait}"
            return Alert(AlertKind.AVAILABILITY, Severity.INFO, told, basis=str(row.basis if row else Basis.PROPOSED))
        return None

    def _meant(self, modality: Modality, conclusion: Conclusion) -> str | None:
        """Return the exam of a technique that the rule supports first."""
        return next((name for name in self._supported(conclusion) if self._exams[name].modality is modality), None)

    def _supported(self, conclusion: Conclusion) -> list[str]:
        return [name for name, position in conclusion.rule.positions.items() if position.verdict is Verdict.INDICATED]

    def _within(
        self, asked: str, conclusion: Conclusion, offers: tuple[Alternative, ...], offer: Offer
    ) -> tuple[tuple[Alternative, ...], Alert | None]:
        """Return the offers with those that cannot be had behind, and the fall-backs of the first when nothing else is supported."""
        absent = {one.exam for one in offers if one.exam in self._exams and self._absent(one.exam)}
        ready = [one for one in offers if one.exam not in absent]
        behind = [one if one.when else replace(one, when=ELSEWHERE) for one in offers if one.exam in absent]
        wanted = next((name for name in self._supported(conclusion) if self._absent(name)), None)
        lack = self._absent(wanted) if wanted else None
        if wanted is None or lack is None or any(one.exam in self._exams and not one.when for one in ready):
            return (*ready, *behind), None
        return self._replaced(wanted, asked, lack, conclusion, (*ready, *behind), offer)


def _loss(row: FallbackRow | None, exam: str) -> str:
    written = row.loss(exam) if row else ""
    return f"on y perd {written}" if written else "ce qu'on y perd n'est pas écrit au référentiel : le radiologue le dira"


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(labels)
