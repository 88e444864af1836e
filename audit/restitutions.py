"""What pages and programs do to the restitution of results; every act is one journal record, durable when the call returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from pertimage.audit.journal import Entry, Journal
from pertimage.audit.restitution import (
    AlreadyNoted,
    By,
    Channel,
    Explainer,
    Kind,
    Noted,
    Recipient,
    Said,
    Unneeded,
    noted,
    require_cancellable,
    require_known_source,
    require_possible,
)


class Restitutions:
    """The restitutions of a store, written through its journal. Instants are aware datetimes; what cannot be raises ``Refused``.

    Each writing method says whether something was written: what was noted before is not noted twice.
    """

    def __init__(self, journal: Journal, *, tenant: str = "") -> None:
        self._journal = journal
        self._tenant = tenant
        self._reader = journal.store.reader

    def report_available(
        self, request: str, by: By, *, happened: datetime, at: datetime, amended: bool = False, performed: date | None = None
    ) -> bool:
        """Note that the report is there, or that it was ``amended``; ``performed`` is the day of the exam."""
        return self.note(request, Said(Kind.REPORT, happened, amended=amended, performed=performed), by, at=at)

    def report_sent(self, request: str, to: Recipient, channel: Channel, by: By, *, happened: datetime, at: datetime) -> bool:
        """Note to whom the report was sent, and how."""
        return self.note(request, Said(Kind.SENT, happened, to, channel), by, at=at)

    def explained(self, request: str, explainer: Explainer, by: By, *, happened: datetime, at: datetime) -> bool:
        """Note who explained the result to the patient."""
        return self.note(request, Said(Kind.EXPLAINED, happened, explainer), by, at=at)

    def not_needed(self, request: str, reason: Unneeded, by: By, *, happened: datetime, at: datetime) -> bool:
        """Note that there is nothing to explain, and why."""
        return self.note(request, Said(Kind.NOT_NEEDED, happened, reason=reason), by, at=at)

    def note(self, request: str, said: Said, by: By, *, at: datetime) -> bool:
        """Note anything said."""
        payload = {"request_id": request, **said.to_json(), "author": by.author, "side": str(by.side), "source": by.source, "act": by.act}
        return self._write("restitution", payload, at, partial(require_possible, request=request, said=said, by=by, at=at))

    def cancel(self, request: str, seq: int, by: By, *, at: datetime) -> bool:
        """Cancel an entry noted by mistake; cancelled before, nothing is written."""
        payload = {"request_id": request, "seq": seq, "source": "", "author": by.author, "side": str(by.side)}
        return self._write("restitution-cancelled", payload, at, partial(require_cancellable, request=request, seq=seq, side=by.side))

    def retract(self, request: str, by: By, *, at: datetime) -> bool:
        """Cancel what a software said of a report (``by.source``) that it takes back; taken back before, or never noted, nothing is written."""
        payload = {"request_id": request, "seq": 0, "source": by.source, "author": by.author, "side": str(by.side)}
        return self._write("restitution-cancelled", payload, at, partial(require_known_source, request=request, source=by.source))

    def entries_of(self, wanted: Iterable[str]) -> dict[str, tuple[Noted, ...]]:
        """Return the entries of requests, cancelled ones included, in the order in which they were noted."""
        return noted(self._reader, wanted)

    def _write(self, kind: str, payload: dict[str, Any], at: datetime, guard: Callable[[Connection], None]) -> bool:
        with suppress(AlreadyNoted):
            self._journal.submit(Entry(kind, payload, at, self._tenant, guard)).result()
            return True
        return False
