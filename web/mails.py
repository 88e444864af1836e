"""What every mail of the service is: a link in plain text, nothing that is anybody's health; and how it leaves.

Mail addresses come from the settings: the store has none.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from pertimage.audit.pseudonym import Pseudonyms
from pertimage.web.settings import Settings, UnsafeSettingsError

_TIMEOUT = 20.0  # seconds to answer, for the mail server
Send = Callable[[EmailMessage], object]


def addresses_of(settings: Settings, pseudonyms: Pseudonyms) -> dict[str, str]:
    """Return the mail addresses of the settings, by pseudonym."""
    return {pseudonyms.prescriber(name): address for name, address in settings.addresses}


def link_mail(settings: Settings, address: str, subject: str, body: str, *, kind: str, stop: str, now: datetime) -> EmailMessage:
    """Return a mail in plain text; ``stop`` is the page where it is no longer asked for, ``kind`` begins its Message-ID."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, address, subject
    mail["Date"], mail["Auto-Submitted"] = format_datetime(now), "auto-generated"
    mail["Message-ID"] = make_msgid(kind, settings.mail_from.rpartition("@")[2].rstrip(">"))
    mail["List-Unsubscribe"] = f"<{stop}>"
    mail.set_content(body)
    return mail


def page_address(settings: Settings, path: str) -> str:
    """Return the public address of a page."""
    return f"{settings.base_url.rstrip('/')}{path}"


@contextmanager
def mail_server(url: str) -> Iterator[Send | None]:
    """Yield a function that sends a mail (None when no server is named) through ``smtps://…`` or ``smtp://…`` (STARTTLS, except to this very machine).

    Raises UnsafeSettingsError for another address; SMTPException or OSError when the server does not answer.
    """
    if not url:
        yield None
        return
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise UnsafeSettingsError(
            "PERTIMAGE_SMTP : une adresse « smtps://utilisateur:motdepasse@hôte:465 » ou « smtp://hôte:587 » est attendue."
        )
    with _opened(parts.scheme, parts.hostname, parts.port) as server:
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server.send_message


def _opened(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=_TIMEOUT, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port or 587, timeout=_TIMEOUT)
    if host not in ("localhost", "127.0.0.1", "::1"):
        server.starttls(context=ssl.create_default_context())
    return server
