"""What the patient page does to the registers; every act is one journal record, durable when the call returns."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial

from pertimage.audit import patient_links
from pertimage.audit.instants import utc_text
from pertimage.audit.journal import Entry, Journal
from pertimage.audit.patient_links import AlreadySaid, PatientAnswer, PatientLink


class PatientRegister:
    """Links of patient pages and what patients say there, written through the journal of a store.

    ``digest`` and ``key`` are hexadecimal digests of a token; the token itself never comes here. Instants are aware datetimes.
    """

    def __init__(self, journal: Journal, *, tenant: str = "") -> None:
        self._journal = journal
        self._tenant = tenant
        self._reader = journal.store.reader

    def open(self, request: str, digest: str, *, expires: datetime, author: str, at: datetime) -> None:
        """Open the patient page of a request until ``expires``, in the place of the one it had; raises ``Refused``."""
        payload = {"request_id": request, "digest": digest, "expires_at": utc_text(expires), "author": author}
        guard = partial(patient_links.require_page, request=request)
        self._journal.submit(Entry("patient-link", payload, at, self._tenant, guard)).result()

    def inform(self, link: PatientLink, *, language: str, at: datetime) -> None:
        """Keep that the patient says to have read the page, the first time; raises ``Closed``."""
        payload = {"request_id": link.request, "language": language}
        guard = partial(patient_links.require_unread, digest=link.digest, at=utc_text(at))
        with suppress(AlreadySaid):
            self._journal.submit(Entry("patient-information", payload, at, self._tenant, guard)).result()

    def answer(self, link: PatientLink, key: str, answer: PatientAnswer, *, site: str, language: str, at: datetime) -> None:
        """Keep what the patient answers, in the place of an earlier answer; the same again writes nothing.

        Raises ``Closed`` and ``TooManyChanges``. Neither the request nor the link goes to the journal with the answer.
        """
        payload = {"key": key, "site": site, "language": language, "answer": answer.to_json()}
        guard = partial(patient_links.require_answerable, digest=link.digest, key=key, answer=answer, at=utc_text(at))
        with suppress(AlreadySaid):
            self._journal.submit(Entry("patient-answer", payload, at, self._tenant, guard)).result()

    def link_of(self, request: str) -> PatientLink | None:
        """Return the link of a request."""
        return patient_links.link_of(self._reader, request)

    def links_of(self, requests: Iterable[str]) -> dict[str, PatientLink]:
        """Return the links of requests, by request."""
        return patient_links.links_of(self._reader, requests)

    def opened_by(self, digest: str) -> PatientLink | None:
        """Return the link that a token opens or opened, expired or not."""
        return patient_links.opened_by(self._reader, digest)

    def answer_of(self, key: str) -> PatientAnswer | None:
        """Return what was answered under a key."""
        return patient_links.answer_of(self._reader, key)
