"""What pages and programs do to the restitution of results; every act is one journal record, durable when the call returns."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from datetime import date, datetime
from functools import partial

from pertimage.audit.journal import Entry, Journal, Record
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
        return self._written(self._journal.submit(self._entry(request, said, by, at)))

    def note_all(self, entries: Iterable[tuple[str, Said, By, datetime]]) -> int:
        """Note many things, each a request, what is said, by whom and when, in their order; return how many were written."""
        waiting = [self._journal.submit(self._entry(*entry)) for entry in entries]
        return sum(map(self._written, waiting))

    def cancel(self, request: str, seq: int, by: By, *, at: datetime) -> bool:
        """Cancel an entry noted by mistake; cancelled before, nothing is written."""
        payload = {"request_id": request, "seq": seq, "source": "", "author": by.author, "side": str(by.side)}
        guard = partial(require_cancellable, request=request, seq=seq, side=by.side)
        return self._written(self._journal.submit(Entry("restitution-cancelled", payload, at, self._tenant, guard)))

    def retract(self, request: str, by: By, *, at: datetime) -> bool:
        """Cancel what a software said of a report (``by.source``) that it takes back; taken back before, or never noted, nothing is written."""
        payload = {"request_id": request, "seq": 0, "source": by.source, "author": by.author, "side": str(by.side)}
        guard = partial(require_known_source, request=request, source=by.source)
        return self._written(self._journal.submit(Entry("restitution-cancelled", payload, at, self._tenant, guard)))

    def entries_of(self, wanted: Iterable[str]) -> dict[str, tuple[Noted, ...]]:
        """Return the entries of requests, cancelled ones included, in the order in which they were noted."""
        return noted(self._reader, wanted)

    def _entry(self, request: str, said: Said, by: By, at: datetime) -> Entry:
        payload = {"request_id": request, **said.to_json(), "author": by.author, "side": str(by.side), "source": by.source, "act": by.act}
        return Entry("restitution", payload, at, self._tenant, partial(require_possible, request=request, said=said, by=by, at=at))

    @staticmethod
    def _written(future: Future[Record]) -> bool:
        with suppress(AlreadyNoted):
            future.result()
            return True
        return False
