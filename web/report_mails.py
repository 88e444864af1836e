"""The monthly mail of the practice report: a link, nothing else; once per prescriber and month.

What could fail is done first (the file written under another name, the mail server greeted); the journal then says that the mail
leaves; only then does it leave. After a failure in between, the mail of that month is not made again: none rather than two.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path

from pertimage.audit.consents import AlreadyMailed, Consents
from pertimage.audit.instants import PARIS
from pertimage.web.mails import Send, addresses_of, link_mail, page_address
from pertimage.web.pages.french import MONTHS
from pertimage.web.service import Service
from pertimage.web.settings import Settings


@dataclass(slots=True)
class Mailed:
    """What was done: how many mails were made, were made before, have no address; and the failures, in French."""

    made: int = 0
    before: int = 0
    without_address: int = 0
    failures: list[str] = field(default_factory=list)


def checked_month(month: str, now: datetime) -> str:
    """Return a month (``2026-10``) that is over; raises ValueError, in French."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise ValueError(f"« {month} » n'est pas un mois : écrire AAAA-MM, par exemple 2026-10.") from None
    if first >= now.astimezone(PARIS).date().replace(day=1):
        raise ValueError(f"Le mois {month} n'est pas terminé : son bilan n'est pas prêt.")
    return month


def make_mails(service: Service, month: str, folder: Path, send: Send | None = None) -> Mailed:
    """Write the mail of a month for each prescriber who wishes it, into a folder, and send it when asked to.

    The file bears the month and the beginning of the pseudonym. Addresses come from the settings: the store has none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    consents, done = Consents(service.journal), Mailed()
    made = consents.mailed(month)
    addresses = addresses_of(service.settings, service.pseudonyms)
    for prescriber in consents.wishing_mail():
        if prescriber in made:
            done.before += 1
        elif prescriber not in addresses:
            done.without_address += 1
        else:
            _make(
                service,
                consents,
                prescriber,
                message(service.settings, addresses[prescriber], month, service.now()),
                month,
                folder,
                send,
                done,
            )
    return done


def _make(
    service: Service, consents: Consents, prescriber: str, mail: EmailMessage, month: str, folder: Path, send: Send | None, done: Mailed
) -> None:
    name = f"{month}-{prescriber[:12]}.eml"
    waiting, final = folder / f".{name}.part", folder / name
    waiting.write_bytes(bytes(mail))
    try:
        consents.note_mail(prescriber, month, at=service.now())
    except AlreadyMailed:  # another run of the command was faster, or the prescriber has just withdrawn
        waiting.unlink()
        done.before += 1
        return
    waiting.replace(final)
    done.made += 1
    if send is not None:
        try:
            send(mail)
        except (smtplib.SMTPException, OSError) as failure:
            done.failures.append(f"{name} : non envoyé ({type(failure).__name__}) ; le fichier est dans le dossier, il ne sera pas refait")


def message(settings: Settings, address: str, month: str, now: datetime) -> EmailMessage:
    """Return the mail of a month: who writes, to whom, a link. No name, no figure, no health data."""
    said, agreement = month_of(month), page_address(settings, "/mon-bilan/accord")
    body = (
        f"Bonjour,\n\nVotre bilan de pratique {said} est prêt. Vous seul pouvez le lire, une fois connecté :\n"
        f"{page_address(settings, f'/mon-bilan?mois={month}')}\n\n"
        f"Pour ne plus recevoir ce message ou retirer votre accord :\n{agreement}\n\n"
        "Ce message ne contient aucune donnée de santé. Merci de ne pas y répondre.\n"
    )
    return link_mail(settings, address, f"Votre bilan {said} est prêt", body, kind=f"bilan-{month}", stop=agreement, now=now)


def month_of(month: str) -> str:
    """Return « d'octobre 2026 », « de mai 2026 »."""
    name = MONTHS[int(month[5:]) - 1]
    of = "d'" if name[0] in "ao" else "de "
    return f"{of}{name} {month[:4]}"
