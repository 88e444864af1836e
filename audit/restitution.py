"""Restitution of results: the report of a request is there, was sent, was explained to the patient; or there is nothing to explain.

Entries are added, never changed: a wrong one is cancelled by another, dated. They say roles and channels, never a name, and hold no
word of the report. The checks run inside the journal's transaction, like those of reviews.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from pertimage.audit.instants import PARIS, utc_datetime, utc_text
from pertimage.audit.review import NotSigned, Refused, RequestStatus, UnknownRequest, Withdrawn
from pertimage.audit.tables import requests, restitutions

_CHUNK = 500


class TooEarly(Refused):
    """What is said to have happened could not have, before what comes first."""


class InFuture(Refused):
    """What is said to have happened has not yet."""


class NoReport(Refused):
    """No report is known that could have been sent."""


class ReportKnown(Refused):
    """A report is there: the exam was done."""


class NotCancellable(Refused):
    """No such entry is to be cancelled, or not by this side."""


class AlreadyNoted(Refused):
    """The same was noted before: there is nothing to write."""


class Kind(StrEnum):
    """What an entry says."""

    REPORT = "compte-rendu"
    SENT = "transmis"
    EXPLAINED = "explique"
    NOT_NEEDED = "sans-objet"


class Recipient(StrEnum):
    """To whom a report was sent."""

    PRESCRIBER = "prescripteur"
    PATIENT = "patient"
    OTHER = "autre-professionnel"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {"prescripteur": "le médecin demandeur", "patient": "le patient", "autre-professionnel": "un autre professionnel"}[self]


class Channel(StrEnum):
    """How a report was sent."""

    MSSANTE = "mssante"
    DMP = "dmp"
    PORTAL = "portail"
    HAND = "main-propre"
    LETTER = "courrier"
    PHONE = "telephone"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _CHANNELS[self]


class Explainer(StrEnum):
    """Who explained the result to the patient."""

    REQUESTER = "medecin-demandeur"
    RADIOLOGIST = "radiologue"
    TECHNOLOGIST = "manipulateur"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words that follow « par »."""
        return _EXPLAINERS[self]


class Unneeded(StrEnum):
    """Why there is nothing to explain."""

    NOT_DONE = "non-realise"
    ELSEWHERE = "ailleurs"
    DECLINED = "refus"
    DECEASED = "deces"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _UNNEEDED[self]


class Side(StrEnum):
    """Where an entry comes from."""

    PRESCRIBER = "prescripteur"
    RADIOLOGIST = "radiologue"
    SOFTWARE = "logiciel"


_CHANNELS = {
    Channel.MSSANTE: "messagerie sécurisée de santé", Channel.DMP: "Mon espace santé (DMP)", Channel.PORTAL: "portail du service d'imagerie",
    Channel.HAND: "en main propre", Channel.LETTER: "courrier postal", Channel.PHONE: "téléphone", Channel.OTHER: "autre moyen",
}  # fmt: skip
_EXPLAINERS = {
    Explainer.REQUESTER: "le médecin demandeur", Explainer.RADIOLOGIST: "le radiologue", Explainer.TECHNOLOGIST: "le manipulateur",
    Explainer.OTHER: "un autre professionnel",
}  # fmt: skip
_UNNEEDED = {
    Unneeded.NOT_DONE: "l'examen n'a pas été fait", Unneeded.ELSEWHERE: "une autre équipe suit le patient et le résultat",
    Unneeded.DECLINED: "le patient ne souhaite pas d'explication", Unneeded.DECEASED: "le patient est décédé", Unneeded.OTHER: "autre raison",
}  # fmt: skip
IMAGING_SIDES = (Side.RADIOLOGIST, Side.SOFTWARE)
# They speak to the patient when the exam is done, before the report is written.
SPEAK_AT_ONCE = (Explainer.RADIOLOGIST, Explainer.TECHNOLOGIST)
# Whose entries each side may cancel.
MAY_CANCEL = {Side.PRESCRIBER: (Side.PRESCRIBER,), Side.RADIOLOGIST: IMAGING_SIDES, Side.SOFTWARE: (Side.SOFTWARE,)}


@dataclass(frozen=True, slots=True)
class Said:
    """Something said to have happened at an instant; ``who`` is a ``Recipient`` or an ``Explainer``, ``performed`` the day of the exam."""

    kind: Kind
    happened: datetime
    who: Recipient | Explainer | None = None
    channel: Channel | None = None
    reason: Unneeded | None = None
    amended: bool = False
    performed: date | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the journal holds it."""
        return {
            "kind": str(self.kind), "happened_at": utc_text(self.happened), "who": str(self.who or ""), "channel": str(self.channel or ""),
            "reason": str(self.reason or ""), "amended": self.amended, "performed_on": self.performed.isoformat() if self.performed else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class By:
    """Who says it: a pseudonym and the side it acts for; ``source`` names a report of a software, ``act`` an entry that may be sent twice."""

    author: str
    side: Side
    source: str = ""
    act: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry of the register. Instants are UTC text; ``cancelled_at`` is None while it holds."""

    seq: int
    request: str
    kind: Kind
    happened_at: str
    who: str
    channel: str
    reason: str
    amended: bool
    performed_on: str | None
    side: Side
    author: str
    source: str
    at: str
    cancelled_at: str | None
    cancelled_side: str | None

    @property
    def is_live(self) -> bool:
        """Say whether nobody cancelled it."""
        return self.cancelled_at is None


def noted(engine: Engine, wanted: Iterable[str]) -> dict[str, tuple[Noted, ...]]:
    """Return the entries of requests by request, in the order in which they were noted."""
    names, found = list(wanted), dict[str, list[Noted]]()
    with engine.connect() as connection:
        for start in range(0, len(names), _CHUNK):
            query = select(restitutions).where(restitutions.c.request.in_(names[start : start + _CHUNK]))
            for row in connection.execute(query.order_by(restitutions.c.seq)):
                found.setdefault(row.request, []).append(_noted(row))
    return {request: tuple(entries) for request, entries in found.items()}


def require_possible(connection: Connection, *, request: str, said: Said, by: By, at: datetime) -> None:
    """Refuse what comes too early, from the future, on what is no signed request, or was noted before."""
    row = connection.execute(select(requests.c.status, requests.c.signed_at).where(requests.c.id == request)).one_or_none()
    if row is None:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    if row.status == RequestStatus.WITHDRAWN:
        raise Withdrawn("Cette demande est retirée : il n'y a pas de résultat à suivre.")
    if row.status != RequestStatus.SIGNED:
        raise NotSigned("Cette demande n'est pas signée : il n'y a pas de résultat à suivre.")
    if said.happened > at or (said.performed and said.performed > day_of(utc_text(at))):
        raise InFuture("Cette date est à venir : notez ce qui est fait.")
    entries = _entries(connection, request)
    if any(_is_same(entry, said, by, entries) for entry in entries):
        raise AlreadyNoted("C'est déjà noté.")
    _require_order(said, row.signed_at, [_noted(entry) for entry in entries if entry.cancelled_at is None])


def require_cancellable(connection: Connection, *, request: str, seq: int, side: Side) -> None:
    """Refuse to cancel what was never noted, was cancelled, or comes from another side."""
    entry = next((entry for entry in _entries(connection, request) if entry.seq == seq), None)
    if entry is None:
        raise NotCancellable("Cette saisie n'existe pas.")
    if entry.side not in MAY_CANCEL[side]:
        raise NotCancellable("Cette saisie vient d'ailleurs : seul celui qui l'a faite peut l'annuler.")
    if entry.cancelled_at is not None:
        raise AlreadyNoted("Cette saisie est déjà annulée.")


def require_known_source(connection: Connection, *, request: str, source: str) -> None:
    """Refuse to take back a report of which nothing is held."""
    if not any(entry.source == source and entry.cancelled_at is None for entry in _entries(connection, request)):
        raise AlreadyNoted("Rien n'est noté de ce compte rendu.")


def day_of(instant: str) -> date:
    """Return the day in Paris of a stored instant."""
    return utc_datetime(instant).astimezone(PARIS).date()


def _require_order(said: Said, signed_at: str, live: list[Noted]) -> None:
    day = day_of(utc_text(said.happened))
    reports = [entry.happened_at for entry in live if entry.kind is Kind.REPORT]
    reported = day_of(min(reports)) if reports else None
    if day < day_of(signed_at):
        raise TooEarly("Cette date précède la signature de la demande.")
    if said.performed and day < said.performed:
        raise TooEarly("Le compte rendu ne peut pas précéder l'examen.")
    if said.kind is Kind.REPORT and reported is None and any(day_of(entry.happened_at) < day for entry in live if entry.kind is Kind.SENT):
        raise TooEarly("Le compte rendu est noté comme transmis avant cette date.")
    if said.kind is Kind.SENT and reported is None:
        raise NoReport("Notez d'abord que le compte rendu est disponible.")
    waits = said.kind is Kind.SENT or (said.kind is Kind.EXPLAINED and said.who not in SPEAK_AT_ONCE)
    if waits and reported is not None and day < reported:
        raise TooEarly("Cette date précède le compte rendu.")
    if said.kind is Kind.NOT_NEEDED and said.reason is Unneeded.NOT_DONE and reported is not None:
        raise ReportKnown("Un compte rendu est disponible : l'examen a été fait.")


def _is_same(entry: Row[Any], said: Said, by: By, entries: list[Row[Any]]) -> bool:
    """Say whether an entry is this very one sent again, or says the same.

    A report of a software is known by its number: again as « final » it is the same, amended at the same instant too, cancelled or not.
    """
    if by.act and entry.act == by.act:
        return True
    if by.source:
        again = entry.source == by.source and entry.amended == said.amended
        return bool(again and (entry.happened_at == utc_text(said.happened) or (entry.cancelled_at is None and not said.amended)))
    if entry.cancelled_at is not None or entry.kind != said.kind or said.amended:
        return False
    if said.kind is Kind.REPORT:
        return True
    about = said.to_json()
    same = (entry.who, entry.channel, entry.reason) == (about["who"], about["channel"], about["reason"])
    same_day = entry.author == by.author and day_of(entry.happened_at) == day_of(about["happened_at"])
    return same and same_day and not any(_is_news(report, entry) for report in entries)


def _is_news(report: Row[Any], entry: Row[Any]) -> bool:
    """Say whether a report came, or was cancelled, after an entry: the same said again is then said of something else."""
    return bool(report.kind == Kind.REPORT and (report.seq > entry.seq or (report.cancelled_at or "") > entry.at))


def _entries(connection: Connection, request: str) -> list[Row[Any]]:
    query = select(restitutions).where(restitutions.c.request == request).order_by(restitutions.c.seq)
    return list(connection.execute(query).all())


def _noted(row: Row[Any]) -> Noted:
    return Noted(
        row.seq, row.request, Kind(row.kind), row.happened_at, row.who, row.channel, row.reason, row.amended, row.performed_on, Side(row.side),
        row.author, row.source, row.at, row.cancelled_at, row.cancelled_side,
    )  # fmt: skip
