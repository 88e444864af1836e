"""The patient page in the store: which token opens which request, that it was read, and what the patient answered.

Of a token only a digest is kept. An answer is kept under another digest of the token: it leads to no request. The checks run
inside the journal's transaction, like those of reviews.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from pertimage.audit.chain import Record
from pertimage.audit.instants import PARIS, utc_datetime
from pertimage.audit.programme import Mode
from pertimage.audit.review import NotSigned, Refused, RequestStatus, UnknownRequest, Withdrawn
from pertimage.audit.rows import Rows
from pertimage.audit.tables import patient_answers, patient_links, requests

# An answer may be corrected, not sent without end.
MOST_CHANGES = 20
# Where the prescriber gives up an exam: such a draft has a patient page too, one that says why no exam is asked for.
_GIVEN_UP_ON = "page"


class Closed(Refused):
    """The token opens nothing: unknown, expired, or its request was withdrawn."""


class AlreadySaid(Refused):
    """The patient said exactly this before: there is nothing to write."""


class TooManyChanges(Refused):
    """The answer was changed ``MOST_CHANGES`` times."""


class Delay(StrEnum):
    """Whether the wait for the exam suits the patient."""

    SUITS = "oui"
    TOO_LONG = "non"
    NO_DATE = "pas-de-date"
    NO_EXAM = "sans-objet"


class Explained(StrEnum):
    """Who explained the result to the patient."""

    DOCTOR = "medecin"
    RADIOLOGIST = "radiologue"
    OTHER = "autre"
    NOBODY = "personne"
    NOT_YET = "pas-encore"


class Reason(StrEnum):
    """Why a patient gave up the exam."""

    COST = "cout"
    DISTANCE = "distance"
    DELAY = "delai"
    FEAR = "peur"
    ORGANISATION = "organisation"
    OTHER = "autre"


@dataclass(frozen=True, slots=True)
class PatientLink:
    """The link of a request. Instants are UTC text; ``informed_at`` is None until the patient says that the page was read."""

    request: str
    digest: str
    expires_at: str
    informed_at: str | None = None
    informed_in: str | None = None


@dataclass(frozen=True, slots=True)
class PatientAnswer:
    """What a patient answered; None where nothing was. ``understanding`` goes from 1 (not at all) to 5 (fully)."""

    understanding: int | None = None
    delay: Delay | None = None
    explained: Explained | None = None
    renounced: bool | None = None
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        if self.understanding is not None and not 1 <= self.understanding <= 5:
            raise ValueError("La compréhension se dit de 1 à 5.")
        if self.reasons and not self.renounced:
            raise ValueError("Une raison de renoncer n'a de sens que si l'on renonce.")

    @property
    def is_empty(self) -> bool:
        """Say whether no question was answered."""
        return self == PatientAnswer()

    def to_json(self) -> dict[str, Any]:
        """Return it as the journal holds it."""
        return asdict(self) | {"reasons": [str(reason) for reason in self.reasons]}


def link_of(engine: Engine, request: str) -> PatientLink | None:
    """Return the link of a request."""
    return links_of(engine, [request]).get(request)


def links_of(engine: Engine, wanted: Iterable[str]) -> dict[str, PatientLink]:
    """Return the links of requests, by request; nothing for those without."""
    with engine.connect() as connection:
        rows = connection.execute(select(patient_links).where(patient_links.c.request.in_(list(wanted)))).all()
    return {row.request: _link(row) for row in rows}


def opened_by(engine: Engine, digest: str) -> PatientLink | None:
    """Return the link that the token of a digest opens or opened; None when there never was one."""
    with engine.connect() as connection:
        row = connection.execute(select(patient_links).where(patient_links.c.digest == digest)).one_or_none()
    return _link(row) if row is not None else None


def answer_of(engine: Engine, key: str) -> PatientAnswer | None:
    """Return what was answered under a key."""
    with engine.connect() as connection:
        row = connection.execute(select(patient_answers).where(patient_answers.c.key == key)).one_or_none()
    return _answer(row) if row is not None else None


def require_page(connection: Connection, *, request: str) -> None:
    """Refuse a link to a request that is unknown, withdrawn, or neither signed nor given up on the prescription page."""
    row = connection.execute(select(requests.c.status, requests.c.hook, requests.c.mode).where(requests.c.id == request)).one_or_none()
    if row is None:
        raise UnknownRequest(f"Demande inconnue : {request}.")
    if row.status == RequestStatus.WITHDRAWN:
        raise Withdrawn("Cette demande est retirée : elle n'a plus de page pour le patient.")
    if row.mode == Mode.SILENT:
        raise Refused("Cette demande a été signée pendant la période d'observation : elle n'a pas de page pour le patient.")
    if row.status == RequestStatus.DRAFT and row.hook != _GIVEN_UP_ON:
        raise NotSigned("Cette demande n'est pas encore signée : elle n'a pas de page pour le patient.")


def require_unread(connection: Connection, *, digest: str, at: str) -> None:
    """Refuse what a closed page says, and what was said before."""
    if _open(connection, digest, at).informed_at is not None:
        raise AlreadySaid("Cette information est déjà notée comme reçue.")


def require_answerable(connection: Connection, *, digest: str, key: str, answer: PatientAnswer, at: str) -> None:
    """Refuse an answer on a closed page, the same answer again, and one changed too many times."""
    _open(connection, digest, at)
    row = connection.execute(select(patient_answers).where(patient_answers.c.key == key)).one_or_none()
    if row is None:
        return
    if _answer(row) == answer:
        raise AlreadySaid("Cette réponse est déjà enregistrée.")
    if row.changes >= MOST_CHANGES:
        raise TooManyChanges("Cette réponse a été changée trop de fois.")


def enter_link(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Enter the link of a request, which closes the one before; that the page was read stays known."""
    before = rows.execute(select(patient_links).where(patient_links.c.request == data["request_id"])).one_or_none()
    read = {"informed_at": before.informed_at, "informed_in": before.informed_in} if before else {"informed_at": None, "informed_in": None}
    rows.upsert(patient_links, [{"request": data["request_id"], "digest": data["digest"], "expires_at": data["expires_at"], **read}])


def enter_information(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Enter that the page of a request was read."""
    read = {"informed_at": record.at, "informed_in": data["language"]}
    rows.change(update(patient_links).where(patient_links.c.request == data["request_id"]).values(read))


def enter_answer(rows: Rows, record: Record, data: Mapping[str, Any]) -> None:
    """Enter an answer, or the one that replaces it."""
    key, said = data["key"], data["answer"]
    before = rows.execute(select(patient_answers.c.changes).where(patient_answers.c.key == key)).scalar_one_or_none()
    rows.upsert(patient_answers, [{
        "key": key, "site": data["site"], "month": utc_datetime(record.at).astimezone(PARIS).strftime("%Y-%m"), "language": data["language"],
        "understanding": said["understanding"], "delay": said["delay"], "explained": said["explained"], "renounced": said["renounced"],
        "reasons": ",".join(said["reasons"]), "changes": (before or 0) + 1,
    }])  # fmt: skip


def _open(connection: Connection, digest: str, at: str) -> Row[Any]:
    """Return the link of a page that is open at an instant (UTC text)."""
    query = select(patient_links, requests.c.status).join(requests, requests.c.id == patient_links.c.request)
    row = connection.execute(query.where(patient_links.c.digest == digest)).one_or_none()
    if row is None or row.expires_at <= at or row.status == RequestStatus.WITHDRAWN:
        raise Closed("Cette page n'est plus ouverte.")
    return row


def _link(row: Row[Any]) -> PatientLink:
    return PatientLink(row.request, row.digest, row.expires_at, row.informed_at, row.informed_in)


def _answer(row: Row[Any]) -> PatientAnswer:
    return PatientAnswer(
        row.understanding, Delay(row.delay) if row.delay else None, Explained(row.explained) if row.explained else None, row.renounced,
        tuple(Reason(reason) for reason in row.reasons.split(",") if reason),
    )  # fmt: skip
