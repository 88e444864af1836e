"""The result of a request on the pages of both sides: its steps in words, what is late, and what a form notes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from starlette.datastructures import FormData

from pertimage.audit.instants import PARIS
from pertimage.audit.restitution import MAY_CANCEL, By, Channel, Explainer, Kind, Noted, Recipient, Said, Side, Unneeded
from pertimage.audit.restitution_due import Followed, Stage, Waiting, all_recalled, recalled, waiting
from pertimage.audit.restitution_reading import followed, followed_of
from pertimage.audit.review import RequestStatus, ReviewState
from pertimage.audit.worklist import RequestRow
from pertimage.web.pages import french
from pertimage.web.pages.csrf import text
from pertimage.web.pages.recorded import state_words
from pertimage.web.service import Service

T = TypeVar("T", bound=StrEnum)
DONE, AWAITED, LATE, NONE = "fait", "attendu", "retard", "rien"
_ICONS = {DONE: "coche", AWAITED: "horloge", LATE: "alerte", NONE: "pause"}
_TO = {
    Recipient.PRESCRIBER: "au médecin demandeur", Recipient.PATIENT: "au patient", Recipient.OTHER: "à un autre professionnel",
}  # fmt: skip
_NOTED = {
    Kind.REPORT: "compte rendu disponible",
    Kind.SENT: "transmis",
    Kind.EXPLAINED: "expliqué au patient",
    Kind.NOT_NEEDED: "rien à expliquer",
}
SAID = {
    Kind.REPORT: "Compte rendu noté comme disponible.", Kind.SENT: "Transmission notée.", Kind.EXPLAINED: "Noté : le résultat a été expliqué au patient.",
    Kind.NOT_NEEDED: "Noté : il n'y a rien à expliquer.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from the request to its explanation: a title, where it stands, and sentences."""

    title: str
    state: str
    words: tuple[str, ...]

    @property
    def icon(self) -> str:
        """Return the icon that stands beside the words."""
        return _ICONS[self.state]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words; ``mine`` when this side may cancel it."""

    seq: int
    words: str
    mine: bool
    cancelled_at: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a page shows of the result of a request. ``act`` names the next entry, should its form be sent twice."""

    one: Followed
    steps: tuple[Step, ...]
    lines: tuple[Line, ...]
    is_late: bool
    act: str
    today: date

    @property
    def is_open(self) -> bool:
        """Say whether something is still to be noted."""
        return self.one.stage in (Stage.REPORT, Stage.EXPLANATION, Stage.RETRACTED)

    @property
    def has_report(self) -> bool:
        """Say whether a report is known."""
        return bool(self.one.reports)

    @property
    def first_day(self) -> date:
        """Return the day of the signature, before which nothing can be noted."""
        return _paris(self.one.signed_at or "")


def paris_today(service: Service) -> date:
    """Return the day in Paris."""
    return service.now().astimezone(PARIS).date()


def result_of(service: Service, row: RequestRow, side: Side) -> Result | None:
    """Return the result of a request for a side; None for a request that is not signed."""
    if row.status is not RequestStatus.SIGNED:
        return None
    one, today = followed(service.store.reader, row.id), paris_today(service)
    table = service.base.tables.restitution
    steps = _Steps(one, row, waiting(one, table), recalled(one, table, today) is not None, today)
    lines = tuple(_line(entry, side) for entry in one.entries)
    return Result(one, tuple(steps.all()), lines, steps.late, secrets.token_urlsafe(12), today)


def recalls(service: Service, prescriber: str) -> list[Waiting]:
    """Return what a prescriber (a pseudonym) is reminded of today, the most pressing first."""
    return all_recalled(_followed_of(service, prescriber), service.base.tables.restitution, paris_today(service))


def awaited_of(service: Service, prescriber: str) -> list[str]:
    """Return the ids of a prescriber's requests whose result is still awaited or to be explained, overdue or not."""
    table = service.base.tables.restitution
    return [one.id for one in _followed_of(service, prescriber) if waiting(one, table) is not None]


def _followed_of(service: Service, prescriber: str) -> list[Followed]:
    days = timedelta(days=service.base.tables.restitution.recalled_days)
    return followed_of(service.store.reader, prescriber, paris_today(service) - days) if days else []


def recall_words(one: Waiting, today: date) -> str:
    """Return what a list says of something overdue."""
    if one.stage is Stage.RETRACTED:
        return "Compte rendu annulé par le service d'imagerie"
    late = f"{french.number(one.late_days(today), 0)}\u00a0jour{'s' if one.late_days(today) > 1 else ''} de retard"
    return f"{'Résultat à expliquer au patient' if one.stage is Stage.EXPLANATION else 'Compte rendu attendu'}, {late}"


class _Steps:
    def __init__(self, one: Followed, row: RequestRow, awaited: Waiting | None, late: bool, today: date) -> None:
        self._one, self._row, self._awaited, self.late, self._today = one, row, awaited, late, today

    def all(self) -> Iterable[Step]:
        yield Step("Demande", DONE, (f"Signée le {french.day(self._one.signed_at)}",))
        yield self._review()
        yield self._exam()
        yield self._report()
        yield self._sent()
        yield self._explained()

    def _review(self) -> Step:
        if self._row.state is None:
            return Step("Avis du radiologue", NONE, ("Pas de relecture demandée",))
        if self._row.state is ReviewState.DECIDED:
            return Step("Avis du radiologue", DONE, (f"{state_words(self._row)}, le {french.day(self._row.decided_at)}",))
        return Step("Avis du radiologue", AWAITED, (state_words(self._row),))

    def _exam(self) -> Step:
        days = [entry.performed_on for entry in self._one.reports if entry.performed_on]
        if days:
            return Step("Examen", DONE, (f"Fait le {french.day(days[-1])}",))
        if self._one.reports:
            return Step("Examen", DONE, ("Fait, date non notée",))
        if self._one.unneeded and self._one.unneeded.reason == Unneeded.NOT_DONE:
            return Step("Examen", NONE, ("Non réalisé",))
        return Step(
            "Examen",
            AWAITED if self._one.start else NONE,
            ("Date non connue du service" if self._one.start else "Pas d'examen prévu à ce jour",),
        )

    def _report(self) -> Step:
        if self._one.reports:
            words = [f"Disponible le {french.day(self._one.reported_at)}"]
            words += [f"Modifié ou complété le {french.day(self._one.changed_at)}"] if self._one.changed_at else []
            return Step("Compte rendu", DONE, tuple(words))
        if self._one.stage is Stage.RETRACTED:
            return Step(
                "Compte rendu",
                LATE,
                (f"Annulé par le service d'imagerie le {french.day(self._one.retracted_at)} : demandez-lui ce qui le remplace.",),
            )
        if self._one.stage is not Stage.REPORT or self._awaited is None:
            return Step("Compte rendu", NONE, ("Aucun n'est attendu" if self._one.stage is not Stage.EXPLAINED else "Non noté",))
        if self._one.site_since is None:
            return Step(
                "Compte rendu", AWAITED, ("Le service d'imagerie ne dit pas encore ici quand ses comptes rendus sont disponibles.",)
            )
        return self._due("Compte rendu", "Attendu au plus tard")

    def _sent(self) -> Step:
        sent = self._one.of_kind(Kind.SENT)
        words = tuple(
            f"{french.capital(_TO[Recipient(entry.who)])} ({Channel(entry.channel).french}), le {french.day(entry.happened_at)}"
            for entry in sent
        )
        return Step("Transmis", DONE if sent else NONE, words or ("Non noté",))

    def _explained(self) -> Step:
        title = "Expliqué au patient"
        if self._one.explanation:
            told = self._one.explanation
            return Step(title, DONE, (f"Par {Explainer(told.who).french}, le {french.day(told.happened_at)}",))
        if self._one.unneeded:
            return Step(title, NONE, (f"Sans objet : {Unneeded(self._one.unneeded.reason).french}",))
        before = self._one.of_kind(Kind.EXPLAINED)
        again = (
            (f"Expliqué le {french.day(before[-1].happened_at)}, avant que le compte rendu ne change : à reprendre avec le patient.",)
            if before
            else ()
        )
        if self._one.stage is Stage.EXPLANATION and self._awaited:
            step = self._due(title, "À expliquer au plus tard")
            return Step(title, step.state, (*again, *step.words))
        return Step(title, LATE if self._one.stage is Stage.RETRACTED else NONE, again or ("Pas encore",))

    def _due(self, title: str, words: str) -> Step:
        assert self._awaited is not None
        said = [f"{words} le {french.day(self._awaited.due)}"]
        if self.late:
            days = self._awaited.late_days(self._today)
            said[0] += f" : {days}\u00a0jour{'s' if days > 1 else ''} de retard"
        if self._awaited.row:
            said.append(f"Délai : {self._awaited.row.french}.")
        return Step(title, LATE if self.late else AWAITED, tuple(said))


def _line(entry: Noted, side: Side) -> Line:
    who = {Side.PRESCRIBER: "le prescripteur", Side.RADIOLOGIST: "le radiologue", Side.SOFTWARE: "le logiciel d'imagerie"}[entry.side]
    words = f"{french.capital(_NOTED[entry.kind])}{_about(entry)}, le {french.day(entry.happened_at)} ; noté par {who}"
    return Line(entry.seq, words, entry.is_live and entry.side in MAY_CANCEL[side], entry.cancelled_at)


def _about(entry: Noted) -> str:
    if entry.kind is Kind.SENT:
        return f" {_TO[Recipient(entry.who)]} ({Channel(entry.channel).french})"
    if entry.kind is Kind.EXPLAINED:
        return f" par {Explainer(entry.who).french}"
    if entry.kind is Kind.NOT_NEEDED:
        return f" : {Unneeded(entry.reason).french}"
    return ", modifié" if entry.amended else ""


def note(service: Service, identifier: str, form: FormData, author: str, side: Side) -> Kind:
    """Note what a form says and return its kind; raises ValueError (in French) on what cannot be read, ``Refused`` on what cannot be."""
    said, by = read_said(form, service.now()), By(author, side, act=text(form, "acte", 40))
    if side is Side.PRESCRIBER and (said.kind is Kind.SENT or said.amended):
        raise ValueError("C'est le service d'imagerie qui note ce qu'il transmet ou modifie.")
    service.results.note(identifier, said, by, at=service.now())
    return said.kind


def cancel(service: Service, identifier: str, form: FormData, author: str, side: Side) -> None:
    """Cancel the entry that a form names; raises ValueError or ``Refused``."""
    seq = text(form, "saisie", 20)
    if not seq.isascii() or not seq.isdecimal() or len(seq) > 15:
        raise ValueError("Cette saisie n'existe pas.")
    service.results.cancel(identifier, int(seq), By(author, side), at=service.now())


def read_said(form: FormData, now: datetime) -> Said:
    """Return what a form says; raises ValueError in French. A day given without time is its noon, today is now."""
    kind = _choice(Kind, text(form, "dit"), "Choisissez ce que vous notez.")
    happened, performed = _moment(text(form, "le"), now), text(form, "examen_le")
    if kind is Kind.REPORT:
        return Said(kind, happened, amended=text(form, "modifie") == "oui", performed=_day(performed) if performed else None)
    if kind is Kind.SENT:
        to = _choice(Recipient, text(form, "a"), "Choisissez à qui le compte rendu a été transmis.")
        return Said(kind, happened, to, _choice(Channel, text(form, "voie"), "Choisissez comment le compte rendu a été transmis."))
    if kind is Kind.EXPLAINED:
        return Said(kind, happened, _choice(Explainer, text(form, "par"), "Choisissez qui a expliqué le résultat."))
    return Said(kind, happened, reason=_choice(Unneeded, text(form, "raison"), "Choisissez pourquoi il n'y a rien à expliquer."))


def _choice(vocabulary: type[T], word: str, fault: str) -> T:
    try:
        return vocabulary(word)
    except ValueError:
        raise ValueError(fault) from None


def _moment(given: str, now: datetime) -> datetime:
    day = _day(given) if given else None
    if day is None or day == now.astimezone(PARIS).date():
        return now
    return datetime.combine(day, time(12), PARIS)


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ValueError(f"« {given[:40]} » n'est pas une date.") from None


def _paris(instant: str) -> date:
    return datetime.fromisoformat(instant).astimezone(PARIS).date()


def choices() -> dict[str, Any]:
    """Return the choices of the forms, code and words."""
    worded: dict[str, tuple[type[StrEnum], Callable[[Any], str]]] = {
        "recipients": (Recipient, lambda one: french.capital(_TO[one])), "channels": (Channel, lambda one: french.capital(one.french)),
        "explainers": (Explainer, lambda one: french.capital(one.french)), "unneeded": (Unneeded, lambda one: french.capital(one.french)),
    }  # fmt: skip
    return {name: [(str(one), words(one)) for one in vocabulary] for name, (vocabulary, words) in worded.items()}
