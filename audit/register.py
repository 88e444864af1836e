"""What pages and the API do to the registers; every operation is one journal record, durable when the call returns.

Identifiers of people are pseudonyms (see ``pseudonym``); instants are aware datetimes given by the caller. What the state of
the request forbids raises a ``Refused`` with a French message, and records nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import date, datetime
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select

from pertimage.audit import policies, published, review
from pertimage.audit.journal import Entry, Journal, Record
from pertimage.audit.policies import PolicyRow
from pertimage.audit.published import EditionRow
from pertimage.audit.review import Decision, ReviewState
from pertimage.audit.tables import settings, sites
from pertimage.audit.worklist import RequestRow, Site, Turn, my_requests, one_request, thread, worklist
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, Policy
from pertimage.guidelines.edition import Edition
from pertimage.guidelines.policy import PolicyForm

# One exam assessed: a value of the core, or its contract object.
Line = Assessment | Mapping[str, Any]
CARD_OUTCOMES = frozenset({"accepted", "overridden"})
_LONGEST_WORD = 200


class Register:
    """The registers of a store, written through its journal."""

    def __init__(self, journal: Journal, *, tenant: str = "") -> None:
        self.journal = journal
        self._tenant = tenant
        self._reader = journal.store.reader

    def record_assessment(self, request: Any, assessments: Sequence[Line], **about: Any) -> str:
        """Record what was asked and answered; return the id of the request in the register.

        Keyword arguments are those of ``assessment_entry``.
        """
        entry = self.assessment_entry(request, assessments, **about)
        self.journal.submit(entry).result()
        return str(entry.payload["request_id"])

    async def record_assessment_async(self, request: Any, assessments: Sequence[Line], **about: Any) -> str:
        """Do as ``record_assessment`` without blocking the event loop."""
        entry = self.assessment_entry(request, assessments, **about)
        await self.journal.acknowledge(entry)
        return str(entry.payload["request_id"])

    def assessment_entry(
        self,
        request: Any,
        assessments: Sequence[Line],
        *,
        site: str,
        prescriber: str,
        at: datetime,
        hook: str = "",
        request_id: str | None = None,
        patient: str | None = None,
        subject: str = "",
        modalities: Mapping[str, str] | None = None,
        policy: Policy | Mapping[str, Any] | None = None,
        signed: bool = False,
    ) -> Entry:
        """Return the journal entry of an assessment; with ``policy`` it holds all that is needed to compute it again.

        ``request`` is an ``ImagingRequest`` or its JSON object (``id``, ``exam_text``, ``texts``, ``priority``…);
        ``assessments`` are ``Assessment`` values or contract objects; ``modalities`` gives the DICOM code of the exams named;
        ``subject`` is the caller's own reference to the patient, given back with the request; ``signed`` signs at the same time.
        The same ``request_id`` replaces the assessment of a draft; a signed one raises ``AlreadySigned``.
        """
        lines = [line.to_json() if isinstance(line, Assessment) else line for line in assessments]
        if not lines:
            raise ValueError("an assessment has at least one line")
        for line in lines:
            Outcome(line["outcome"])
        payload = {
            "request_id": request_id or _new_id(), "request": request, "assessments": lines, "site": site, "prescriber": prescriber,
            "patient": patient, "hook": hook, "modalities": modalities or {},
            "policy": policy.record if isinstance(policy, Policy) else policy, "guidelines": lines[0]["guidelines"],
            "signed": signed, "first": request_id is None,
        }  # fmt: skip
        if subject:
            payload["subject"] = subject
        if request_id:
            return Entry("assessment", payload, at, self._tenant, partial(review.require_draft, request=request_id, known=False))
        # An id drawn just now needs no look at the register; values of the core, and short words, cannot break one.
        core = isinstance(request, ImagingRequest) and all(isinstance(line, Assessment) for line in assessments)
        sure = core and all(_is_plain(word) for word in (site, prescriber, hook, patient or ""))
        return Entry("assessment", payload, at, self._tenant, deferred=sure)

    def sign(self, request: str, *, author: str, at: datetime) -> Record:
        """Sign a draft; a flagged or emergency request enters the worklist."""
        guard = partial(review.require_draft, request=request, known=True)
        return self._write("signature", {"request_id": request, "author": author}, at, guard)

    def claim(self, request: str, *, radiologist: str, at: datetime) -> Record:
        """Take a request to review it; refused while another radiologist holds it."""
        guard = partial(review.require_claimable, request=request, radiologist=radiologist, at=at)
        return self._write("claim", {"request_id": request, "radiologist": radiologist}, at, guard)

    def hand_over(self, request: str, *, radiologist: str, to: str = "", at: datetime) -> Record:
        """Give a request to another radiologist, to oneself, or (``to`` empty) back to the worklist."""
        payload = {"request_id": request, "radiologist": radiologist, "to": to}
        return self._write("handover", payload, at, partial(review.require_open, request=request))

    def decide(
        self, request: str, decision: Decision | str, *, radiologist: str, at: datetime, reason: str = "", exam: str | None = None
    ) -> Record:
        """Decide; of two decisions exactly one is recorded and the other raises ``AlreadyDecided``.

        ``reason`` (mandatory except to approve) is read by the prescriber: the protocol, the question when asking for more…
        ``exam`` is the catalogue id of the exam substituted. Raises ValueError when one is lacking.
        """
        choice = Decision(decision)
        review.check_decision(choice, reason, exam)
        payload = {"request_id": request, "decision": choice, "reason": reason, "exam": exam, "radiologist": radiologist}
        return self._write("decision", payload, at, partial(review.require_undecided, request=request, radiologist=radiologist))

    def answer(self, request: str, text: str, *, author: str, at: datetime) -> Record:
        """Answer the radiologist's question; the request returns to the worklist."""
        if not text.strip():
            raise ValueError("La réponse est vide.")
        payload = {"request_id": request, "text": text, "author": author}
        return self._write("answer", payload, at, partial(review.require_question, request=request))

    def feedback(
        self, card: str, outcome: str, *, at: datetime, reason: str = "", request: str | None = None, detail: Any = None
    ) -> Record:
        """Record what became of a card (``accepted`` or ``overridden``); ``detail`` is the client's object, kept in the journal."""
        if outcome not in CARD_OUTCOMES:
            raise ValueError(f"unknown outcome of a card: {outcome!r}")
        return self._write("feedback", {"card": card, "outcome": outcome, "reason": reason, "request_id": request, "detail": detail}, at)

    def set_site(self, site: str, name: str, *, at: datetime, go_live: date | None = None, fictitious: bool = False) -> Record:
        """Create or change a site; ``go_live`` is the day from which prescribers see the advice."""
        payload = {"id": site, "name": name, "go_live": go_live.isoformat() if go_live else None, "fictitious": fictitious}
        return self._write("site", payload, at)

    def set_setting(self, key: str, value: Any, *, at: datetime) -> Record:
        """Keep a JSON value under a key; its history stays in the journal."""
        return self._write("setting", {"key": key, "value": value}, at)

    def setting(self, key: str, default: Any = None) -> Any:
        """Return the JSON value of a key."""
        with self._reader.connect() as connection:
            value = connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar_one_or_none()
        return default if value is None else orjson.loads(value)

    def sites(self, *, fictitious: bool | None = None) -> list[Site]:
        """Return the sites, by id; ``fictitious`` keeps only the demonstration's, or only the real ones."""
        query = select(sites).order_by(sites.c.id)
        if fictitious is not None:
            query = query.where(sites.c.fictitious == fictitious)
        with self._reader.connect() as connection:
            rows = connection.execute(query).all()
        return [Site(row.id, row.name, date.fromisoformat(row.go_live) if row.go_live else None, row.fictitious) for row in rows]

    def worklist(
        self,
        *,
        states: Collection[ReviewState] = (ReviewState.TO_REVIEW, ReviewState.IN_PROGRESS),
        site: str | None = None,
        modality: str | None = None,
        radiologist: str | None = None,
        limit: int = 200,
        offset: int = 0,
    ) -> list[RequestRow]:
        """Return what radiologists have to review: emergency pathway first, then urgency, then the oldest signature."""
        return worklist(self._reader, states, site=site, modality=modality, radiologist=radiologist, limit=limit, offset=offset)

    def my_requests(self, prescriber: str, *, limit: int = 200, offset: int = 0) -> list[RequestRow]:
        """Return a prescriber's requests: those with a question to answer first, then the latest."""
        return my_requests(self._reader, prescriber, limit=limit, offset=offset)

    def request(self, request: str) -> RequestRow:
        """Return one request with its review; raise ``UnknownRequest``."""
        return one_request(self._reader, request)

    def thread(self, request: str) -> list[Turn]:
        """Return what was said on a request, in order: signature, questions, answers, handovers, decision."""
        return thread(self._reader, request)

    def keep_editions(self, editions: Iterable[Edition], *, guidelines: str, at: datetime) -> int:
        """Keep the versions of sheets not served before, ``guidelines`` being the version of their base; return how many there were.

        Of processes that start together with the same base, one writes.
        """
        known = published.known(self._reader)
        fresh = [edition for edition in editions if (edition.form.id, edition.digest) not in known]
        waiting = [self.journal.submit(self._edition_entry(edition, guidelines, at)) for edition in fresh]
        return sum(map(_was_written, waiting))

    def _edition_entry(self, edition: Edition, guidelines: str, at: datetime) -> Entry:
        guard = partial(published.require_new, sheet=edition.form.id, digest=edition.digest)
        return Entry("guideline", {"guidelines": guidelines, **edition.to_json()}, at, self._tenant, guard)

    def editions(self, sheet: str) -> list[EditionRow]:
        """Return the versions of a sheet ever served, the latest first."""
        return published.editions_of(self._reader, sheet)

    def edition(self, sheet: str, digest: str) -> dict[str, Any] | None:
        """Return a version of a sheet as it was kept; None when none has this digest."""
        return published.edition(self._reader, sheet, digest)

    def put_in_force(self, form: PolicyForm, text: str, *, author: str, reason: str, at: datetime, after: int | None = None) -> Record:
        """Put a policy in force; ``text`` is the YAML as written, ``after`` the record of the policy it replaces (0: none).

        Raises ``policies.AnotherInForce`` when another was put in force since. Raises ValueError without author or reason.
        """
        if not author.strip() or not reason.strip():
            raise ValueError("Une politique a un auteur et un motif.")
        payload = {"digest": form.digest, "document": form.document, "text": text, "author": author.strip(), "reason": reason.strip()}
        return self._write("policy", payload, at, None if after is None else partial(policies.require_in_force, seq=after))

    def policy(self, digest: str = "") -> PolicyRow | None:
        """Return the policy in force, or the last whose digest begins so; None when there is none."""
        return policies.of_digest(self._reader, digest) if digest else policies.in_force(self._reader)

    def policies(self) -> list[PolicyRow]:
        """Return the policies put in force, the latest first."""
        return policies.history(self._reader)

    def _write(self, kind: str, payload: dict[str, Any], at: datetime, guard: Any = None) -> Record:
        return self.journal.submit(Entry(kind, payload, at, self._tenant, guard)).result()


def _was_written(future: Future[Record]) -> bool:
    try:
        future.result()
    except published.AlreadyKept:
        return False
    return True


def _new_id() -> str:
    """Return an id that nobody can guess, and that follows those drawn before: what is neighbour in time is so on the disk too."""
    return f"{time.time_ns() // 1000:013x}{secrets.token_hex(10)[1:]}"


def _is_plain(word: str) -> bool:
    """Say whether every engine can store and index a word that came from outside."""
    return len(word) <= _LONGEST_WORD and "\0" not in word
