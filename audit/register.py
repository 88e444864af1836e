"""What pages and the API do to the registers; every operation is one journal record, durable when the call returns.

Identifiers of people are pseudonyms (see ``pseudonym``); instants are aware datetimes given by the caller. What the state of
the request forbids raises a ``Refused`` with a French message, and records nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select

from pertimage.audit import policies, published, review, territories
from pertimage.audit.agreement import Verdict
from pertimage.audit.journal import Entry, Journal, Record
from pertimage.audit.policies import PolicyRow
from pertimage.audit.programme import Mode
from pertimage.audit.programme_register import go_lives
from pertimage.audit.published import EditionRow
from pertimage.audit.review import ALIVE, Decision, RequestStatus, RuleOpinion
from pertimage.audit.tables import settings, sites
from pertimage.audit.worklist import (
    RequestRow,
    Site,
    Turn,
    Wanted,
    count,
    latest_change,
    my_requests,
    one_request,
    requests_named,
    thread,
    worklist,
)
from pertimage.cds.model import Assessment, ImagingRequest, Outcome, Policy
from pertimage.cds.territory import Territory
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
        territory: str = "",
        signed: bool = False,
        mode: Mode = Mode.ON,
        client: str = "",
    ) -> Entry:
        """Return the journal entry of an assessment; with ``policy`` it holds all that is needed to compute it again.

        ``request`` is an ``ImagingRequest`` or its JSON object (``id``, ``exam_text``, ``texts``, ``priority``…);
        ``assessments`` are ``Assessment`` values or contract objects; ``modalities`` gives the DICOM code of the exams named;
        ``mode`` is that of the calendar: what is judged in silence is reviewed by nobody; ``client`` is the program that sent it (a
        pseudonym); ``territory`` is the digest of the one that judged (see ``keep_territory``);
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
        if territory:
            payload["territory"] = territory
        if mode is not Mode.ON:
            payload["mode"] = mode.value
        if client:
            payload["client"] = client
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

    def withdraw(self, request: str, *, author: str, at: datetime, reason: str = "") -> Record:
        """Take a signed request back, until it is decided; whoever reviews it is told."""
        payload = {"request_id": request, "author": author, "reason": reason}
        return self._act("withdrawal", payload, review.require_open, review.Act(request, author, at))

    def succeed(self, prescriber: str, to: str, *, author: str, at: datetime, also: Iterable[str] = ()) -> int:
        """Give the requests of a prescriber who left to another, those that nothing is awaited of aside; return how many.

        ``also`` are the ids of the prescriber's requests of which something else than a review is awaited, such as a result.
        """
        waiting = [
            row.id for row in self.my_requests(prescriber, limit=100_000) if row.status is RequestStatus.SIGNED and row.state in ALIVE
        ]
        waiting = list(dict.fromkeys((*waiting, *also)))
        for request in waiting:
            self._write("succession", {"request_id": request, "to": to, "author": author}, at)
        return len(waiting)

    def claim(self, request: str, *, radiologist: str, at: datetime, version: int | None = None) -> Record:
        """Take a request to review it, or hold it longer; refused while another radiologist holds it.

        With ``version`` (that of the row looked at), here and below, an act on what has changed since raises ``Changed``.
        """
        act = review.Act(request, radiologist, at, version)
        return self._act("claim", {"request_id": request, "radiologist": radiologist}, review.require_claimable, act)

    def hand_over(self, request: str, *, radiologist: str, to: str = "", at: datetime, version: int | None = None) -> Record:
        """Give a request to another radiologist, to oneself, or (``to`` empty) back to the worklist."""
        payload = {"request_id": request, "radiologist": radiologist, "to": to}
        return self._act("handover", payload, review.require_open, review.Act(request, radiologist, at, version))

    def ask_opinion(self, request: str, question: str, *, radiologist: str, at: datetime, to: str = "", pool: str = "") -> Record:
        """Ask a named colleague (``to``) or a pool for a second opinion; ValueError without a question or without one of them."""
        if not question.strip():
            raise ValueError("Écrivez votre question : c'est elle que lira votre confrère.")
        if bool(to) is bool(pool):
            raise ValueError("Choisissez à qui demander : un confrère ou un groupe.")
        if to == radiologist:
            raise ValueError("Un second avis se demande à quelqu'un d'autre.")
        payload = {"request_id": request, "radiologist": radiologist, "to": to, "pool": pool, "question": question}
        return self._act("opinion-request", payload, review.require_undecided, review.Act(request, radiologist, at))

    def give_opinion(self, request: str, text: str, *, radiologist: str, at: datetime) -> Record:
        """Give the second opinion asked for; the request goes back to the radiologist who asked."""
        if not text.strip():
            raise ValueError("L'avis est vide.")
        payload = {"request_id": request, "radiologist": radiologist, "text": text}
        return self._act("opinion", payload, review.require_consulted, review.Act(request, radiologist, at))

    def decide(
        self, request: str, decision: Decision | str, *, radiologist: str, at: datetime, reason: str = "", exam: str | None = None,
        until: date | None = None, rule: RuleOpinion | None = None, act: str = "", version: int | None = None,
    ) -> Record:  # fmt: skip
        """Decide; of two decisions exactly one is recorded and the other raises ``AlreadyDecided``.

        ``reason`` (mandatory except to approve) is read by the prescriber: the protocol, the question when asking for more…
        ``exam`` is the catalogue id of the exam substituted; a request postponed ``until`` a day comes back on that day; ``rule`` is
        what the radiologist says of the rule. Raises ValueError when something is lacking. ``act`` names this very decision: see
        ``is_recorded``.
        """
        choice = Decision(decision)
        review.check_decision(choice, reason, exam, until)
        payload = {
            "request_id": request, "decision": choice, "reason": reason, "exam": exam, "radiologist": radiologist,
            "until": until.isoformat() if until else None, "rule": rule.to_json() if rule else None, "act": act or None,
        }  # fmt: skip
        return self._act("decision", payload, review.require_undecided, review.Act(request, radiologist, at, version))

    def is_recorded(self, request: str, act: str) -> bool:
        """Say whether the last decision on a request is the one so named: sent again after a lost answer, it need not be made again."""
        return bool(act) and self.request(request).act == act

    def answer(self, request: str, text: str, *, author: str, at: datetime) -> Record:
        """Answer the radiologist's question; the request returns to the worklist."""
        if not text.strip():
            raise ValueError("La réponse est vide.")
        payload = {"request_id": request, "text": text, "author": author}
        return self._act("answer", payload, review.require_question, review.Act(request, author, at))

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
        starts = go_lives(self._reader)
        return [Site(row.id, row.name, starts.get(row.id), row.fictitious) for row in rows]

    def worklist(self, wanted: Wanted = Wanted(), *, limit: int = 200, offset: int = 0) -> list[RequestRow]:  # noqa: B008 - a frozen value
        """Return what radiologists have to review: emergency pathway first, then urgency, then the oldest signature."""
        return worklist(self._reader, wanted, limit=limit, offset=offset)

    def count(self, wanted: Wanted = Wanted()) -> int:  # noqa: B008 - a frozen value
        """Return how many requests the worklist holds."""
        return count(self._reader, wanted)

    def latest_change(self) -> str:
        """Return when a review last changed (an instant, UTC text): while it stays the same, so does the worklist."""
        return latest_change(self._reader)

    def my_requests(self, prescriber: str, *, limit: int = 200, offset: int = 0) -> list[RequestRow]:
        """Return a prescriber's requests: those with a question to answer first, then the latest."""
        return my_requests(self._reader, prescriber, limit=limit, offset=offset)

    def request(self, request: str) -> RequestRow:
        """Return one request with its review; raise ``UnknownRequest``."""
        return one_request(self._reader, request)

    def requests(self, names: Sequence[str]) -> list[RequestRow]:
        """Return requests by their ids, in that order; those that do not exist are left out."""
        return requests_named(self._reader, names)

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

    def decide_rule(self, rule: str, verdict: Verdict, *, author: str, reason: str, at: datetime) -> Record:
        """Record what the committee decides of a rule (``<sheet>/<rule>``). Raises ValueError without author or reason."""
        if not author.strip() or not reason.strip():
            raise ValueError("Une décision a un auteur et un motif.")
        return self._write("rule-decision", {"rule": rule, "verdict": str(verdict), "author": author.strip(), "reason": reason.strip()}, at)

    def set_places(self, described: Sequence[Mapping[str, Any]], *, at: datetime) -> Record:
        """Replace the catalogue of places; each has at least ``id`` and ``name``."""
        return self._write("places", {"places": [dict(one) for one in described]}, at)

    def places(self) -> list[dict[str, Any]]:
        """Return the places of the catalogue, by name."""
        return territories.all_places(self._reader)

    def keep_territory(self, territory: Territory, *, at: datetime) -> Territory:
        """Keep a state of the territory that is about to judge, once; return it with the digest that names it."""
        digest = territories.digest_of(territory)
        guard = partial(territories.require_new, digest=digest)
        with suppress(territories.AlreadyKnown):
            self._write("territory", {"digest": digest, "territory": territory.to_json()}, at, guard)
        return replace(territory, digest=digest)

    def _act(self, kind: str, payload: dict[str, Any], guard: Callable[..., None], act: review.Act) -> Record:
        return self._write(kind, payload, act.at, partial(guard, act=act))

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
