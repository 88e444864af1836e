"""Who asked for a practice report, in which setting they practise, and which monthly mails were made; all through the journal.

A prescriber is a pseudonym here; mail addresses are never stored. Withdrawing erases the consent from the register: nothing of
a prescriber who withdrew enters the figures of others any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from sqlalchemy import Connection, select

from pertimage.audit.journal import Entry, Journal, Record
from pertimage.audit.review import Refused
from pertimage.audit.tables import practices, report_mails

# The text that was agreed to: a new number when what others see changes.
TERMS = "2026-11"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Setting(StrEnum):
    """Where a prescriber practises, as they declare it: peers are those of the same setting."""

    SURGERY = "cabinet"
    HEALTH_HOUSE = "maison-de-sante"
    HEALTH_CENTRE = "centre-de-sante"
    HOSPITAL = "hopital"
    OTHER = "autre"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return _SETTING_WORDS[self]


_SETTING_WORDS = {
    Setting.SURGERY: "cabinet (seul ou en groupe)",
    Setting.HEALTH_HOUSE: "maison de santé pluriprofessionnelle",
    Setting.HEALTH_CENTRE: "centre de santé",
    Setting.HOSPITAL: "hôpital ou clinique",
    Setting.OTHER: "autre exercice",
}


@dataclass(frozen=True, slots=True)
class Consent:
    """A prescriber's agreement to be measured; ``mail`` when they asked to be told each month; ``since`` is an instant (UTC text)."""

    prescriber: str
    setting: Setting
    mail: bool
    terms: str
    since: str


class AlreadyMailed(Refused):
    """This prescriber's mail of this month was made already, or is not wished any more."""


class Consents:
    """The consents of a store, written through its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = journal.store.reader

    def give(self, prescriber: str, setting: Setting | str, *, mail: bool, at: datetime) -> Record:
        """Record that a prescriber wants a report, or declares another setting; ValueError for an unknown setting."""
        payload = {"prescriber": prescriber, "setting": Setting(setting), "mail": mail, "terms": TERMS}
        return self._journal.append("practice-consent", payload, at)

    def withdraw(self, prescriber: str, *, at: datetime) -> Record:
        """Record that a prescriber no longer wants one."""
        return self._journal.append("practice-withdrawal", {"prescriber": prescriber}, at)

    def of(self, prescriber: str) -> Consent | None:
        """Return a prescriber's consent; None when they gave none, or withdrew it."""
        with self._reader.connect() as connection:
            row = connection.execute(select(practices).where(practices.c.prescriber == prescriber)).first()
        return Consent(row.prescriber, Setting(row.setting), row.mail, row.terms, row.since) if row else None

    def of_setting(self, setting: Setting) -> list[str]:
        """Return the prescribers of a setting whose consent is in force, by pseudonym."""
        query = select(practices.c.prescriber).where(practices.c.setting == setting.value).order_by(practices.c.prescriber)
        with self._reader.connect() as connection:
            return list(connection.execute(query).scalars())

    def wishing_mail(self) -> list[str]:
        """Return the prescribers who wish the monthly mail, by pseudonym."""
        query = select(practices.c.prescriber).where(practices.c.mail.is_(True)).order_by(practices.c.prescriber)
        with self._reader.connect() as connection:
            return list(connection.execute(query).scalars())

    def note_mail(self, prescriber: str, month: str, *, at: datetime) -> Record:
        """Record that the mail of a month (``2026-10``) is about to leave; raises ``AlreadyMailed``, or ValueError for no month."""
        if not _MONTH.fullmatch(month):
            raise ValueError(f"« {month} » n'est pas un mois : écrire AAAA-MM.")
        guard = partial(_require_unsent, prescriber=prescriber, month=month)
        entry = Entry("report-mail", {"prescriber": prescriber, "month": month}, at, guard=guard)
        return self._journal.submit(entry).result()

    def mailed(self, month: str) -> frozenset[str]:
        """Return the prescribers whose mail of a month was made."""
        query = select(report_mails.c.prescriber).where(report_mails.c.month == month)
        with self._reader.connect() as connection:
            return frozenset(connection.execute(query).scalars())


def _require_unsent(connection: Connection, *, prescriber: str, month: str) -> None:
    """Raise ``AlreadyMailed`` unless the mail is wished and was never made; a guard of the journal."""
    wished = select(practices.c.prescriber).where(practices.c.prescriber == prescriber, practices.c.mail.is_(True))
    if connection.execute(wished).first() is None:
        raise AlreadyMailed("Ce prescripteur ne souhaite plus de courriel.")
    made = select(report_mails.c.month).where(report_mails.c.prescriber == prescriber, report_mails.c.month == month)
    if connection.execute(made).first() is not None:
        raise AlreadyMailed("Le courriel de ce mois a déjà été fait.")
