"""Tell prescribers that an answer waits for them: one mail that is always the same, and says nothing of any request.

What could fail is done first (the file written under another name, the mail server greeted); the journal then says that the mail
leaves; only then does it leave, and the journal says what became of it. A refusal is told again at a later run; after a failure
that leaves a doubt (a connection lost in the middle, a run that was killed) the mail is named to the operator and never made
again: none rather than two. The answer itself waits on the page in any case, and a question is reminded of.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path

from pertimage.audit.notifications import AlreadySettled, AlreadyTold, Awaiting, Notifications, State
from pertimage.web.mails import addresses_of, link_mail, mail_server, page_address
from pertimage.web.notification_times import LOST_AFTER, is_due
from pertimage.web.service import Service
from pertimage.web.settings import Settings, UnsafeSettingsError

SUBJECT = "Une réponse vous attend dans pertimage"
SETTINGS_PAGE = "/mes-notifications"
# More than the failures in a row after which patience no longer grows.
_LAST_MAILS = 20
# Does all that can fail before a mail leaves, and yields what makes it leave.
Way = Callable[[EmailMessage, str], AbstractContextManager[Callable[[], object]]]
# The server said no: nothing left.
_REFUSALS = (
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
)
_FAILURES = (smtplib.SMTPException, OSError)


@dataclass(slots=True)
class Told:
    """What a run did: mails made, told by another run, waiting for their time, without address; and what failed, in French."""

    made: int = 0
    before: int = 0
    later: int = 0
    without_address: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def answer_mail(settings: Settings, address: str, now: datetime) -> EmailMessage:
    """Return the mail: that an answer waits, where, and how to be told no more. It knows of no request."""
    stop = page_address(settings, SETTINGS_PAGE)
    body = (
        f"Bonjour,\n\nUne réponse vous attend dans pertimage :\n{page_address(settings, '/mes-demandes')}\n\n"
        f"Pour choisir quand être prévenu, ou ne plus l'être :\n{stop}\n\n"
        "Ce message ne contient aucune donnée de santé. Merci de ne pas y répondre.\n"
    )
    return link_mail(settings, address, SUBJECT, body, kind="reponse", stop=stop, now=now)


def notify(service: Service, way: Way | None) -> Told:
    """Tell who is to be told now, by a way (None: only count); what fails is in the result, and the others are told all the same."""
    notifications, done, now, names = Notifications(service.journal), Told(), service.now(), names_of(service)
    addresses, rules = addresses_of(service.settings, service.pseudonyms), service.settings.notify_rules
    if way is not None:
        _name_lost(notifications, names, now, done)
    for one in notifications.awaiting(now - rules.reminder if rules.reminder else None):
        name = names.get(one.prescriber, one.prescriber[:12])
        if one.prescriber not in addresses:
            done.without_address.append(name)
        elif not is_due(one.how, one.events, notifications.mails(one.prescriber, limit=_LAST_MAILS), now, rules):
            done.later += 1
        elif way is None:
            done.made += 1
        elif not _tell(service, notifications, one, answer_mail(service.settings, addresses[one.prescriber], now), way, name, done):
            break
    return done


def names_of(service: Service) -> dict[str, str]:
    """Return the names of the accounts that have an address, by pseudonym: for the operator's eyes."""
    return {service.pseudonyms.prescriber(name): name for name, _ in service.settings.addresses}


def _name_lost(notifications: Notifications, names: dict[str, str], now: datetime, done: Told) -> None:
    """Name the mails of which a run that was killed left no news."""
    for mail in notifications.mails(states=[State.LEAVING], limit=1000):
        if now - mail.at >= LOST_AFTER:
            with suppress(AlreadySettled):
                notifications.settle(mail.seq, State.UNSURE, at=now, why="interrompu")
                done.failures.append(f"{names.get(mail.prescriber, mail.prescriber[:12])} : {_doubt('envoi interrompu')}")


def _tell(service: Service, notifications: Notifications, one: Awaiting, mail: EmailMessage, way: Way, name: str, done: Told) -> bool:
    """Make one mail leave; return False when there is no use in trying others."""
    with _closing_quietly() as stack:
        try:
            leave = stack.enter_context(way(mail, f"{service.now():%Y%m%d-%H%M%S}-{one.prescriber[:12]}.eml"))
        except _FAILURES as failure:
            done.failures.append(f"Envoi impossible ({_words(failure)}) : rien n'est perdu, ce sera refait à la prochaine exécution.")
            return False
        try:
            seq = notifications.leave(one, at=service.now())
        except AlreadyTold:
            done.before += 1
            return True
        state, why = _left(leave)
        with suppress(AlreadySettled):  # another run gave this one up for lost
            notifications.settle(seq, state, at=service.now(), why=why)
        if state is State.SENT:
            done.made += 1
        else:
            said = f"refusé ({why}), sera refait à une prochaine exécution" if state is State.FAILED else _doubt(why)
            done.failures.append(f"{name} : {said}")
    return True


def _left(leave: Callable[[], object]) -> tuple[State, str]:
    try:
        leave()
    except _REFUSALS as refusal:
        return State.FAILED, _words(refusal)
    except _FAILURES as failure:
        return State.UNSURE, _words(failure)
    return State.SENT, ""


def _doubt(why: str) -> str:
    return f"peut-être pas parti ({why}) ; il ne sera pas refait, la réponse reste sur « Mes demandes »"


def _words(failure: Exception) -> str:
    """Return the kind of a failure and the server's code; not its words, where an address may stand."""
    code = getattr(failure, "smtp_code", None)
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        code = next(iter(failure.recipients.values()), (None,))[0]
    return f"{type(failure).__name__}{f' {code}' if code else ''}"


@contextmanager
def _closing_quietly() -> Iterator[ExitStack]:
    """Yield a stack whose end may fail without harm: a server that ends badly has taken the mail all the same."""
    stack = ExitStack()
    try:
        yield stack
    finally:
        with suppress(*_FAILURES):
            stack.close()


def by_smtp(url: str) -> Way:
    """Return the way through a mail server, greeted anew for each mail."""

    @contextmanager
    def way(mail: EmailMessage, name: str) -> Iterator[Callable[[], object]]:
        with mail_server(url) as send:
            if send is None:
                raise UnsafeSettingsError("PERTIMAGE_SMTP manque.")
            yield partial(send, mail)

    return way


def into(folder: Path, then: Way | None = None) -> Way:
    """Return the way to a folder of ``.eml`` files; with another way, the file stays when the mail left by it."""

    @contextmanager
    def way(mail: EmailMessage, name: str) -> Iterator[Callable[[], object]]:
        folder.mkdir(parents=True, exist_ok=True)
        waiting = folder / f".{name}.part"
        waiting.write_bytes(bytes(mail))
        try:
            with ExitStack() as stack:
                steps: list[Callable[[], object]] = [partial(waiting.replace, folder / name)]
                if then is not None:
                    steps.insert(0, stack.enter_context(then(mail, name)))
                yield lambda: [step() for step in steps]
        finally:
            waiting.unlink(missing_ok=True)

    return way
