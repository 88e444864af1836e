"""The running service: base, store and clock wired together; what every page and API call goes through."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from pertimage.audit.instants import PARIS
from pertimage.audit.journal import Journal
from pertimage.audit.patients import PatientRegister
from pertimage.audit.programme import Mode
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.register import Register
from pertimage.audit.repetition import Advice, told_before
from pertimage.audit.restitutions import Restitutions
from pertimage.audit.scribe import Scribe
from pertimage.audit.store import open_store
from pertimage.cds.assess import assess
from pertimage.cds.model import Assessment, ImagingRequest, Policy
from pertimage.cds.speech import heard
from pertimage.fhir.card_text import RecentWords
from pertimage.fhir.cards import ORDER_SIGN
from pertimage.fhir.context_words import record_facts
from pertimage.fhir.publisher import ExamInfo, Publisher
from pertimage.fhir.requests import HookCall, Order, Recent, read_hook
from pertimage.fhir.statements import reads_with
from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.edition import editions
from pertimage.guidelines.loader import load_base
from pertimage.web.fetching import Fetcher
from pertimage.web.local_policy import PRESCRIBER, PolicyInForce
from pertimage.web.patient.preparations import Preparations, read_preparations
from pertimage.web.programme import ProgrammeInForce
from pertimage.web.settings import Settings
from pertimage.web.territory import TerritoryInForce

JUDGEMENTS_KEPT = 2048

log = logging.getLogger("pertimage")


def advice_of(assessment: Assessment) -> Advice:
    """Return what makes an advice the same as another."""
    return assessment.exam, assessment.rule, str(assessment.outcome)


class Service:
    """One process's service. Public attributes: ``settings``, ``base``, ``local``, ``register``, ``pseudonyms``."""

    def __init__(self, settings: Settings, base: GuidelineBase | None = None) -> None:
        self.settings = settings
        self.base = base or load_base()
        self._assess = lru_cache(maxsize=JUDGEMENTS_KEPT)(
            lambda request, day, policy, territory: assess(request, self.base, policy, day, territory)
        )
        self._recent = Recent(JUDGEMENTS_KEPT)
        self.words_of = RecentWords(JUDGEMENTS_KEPT)
        self.fetcher = Fetcher(settings.fhir_allowed, settings.fetch_budget)
        settings.prepare()
        self.store = open_store(settings.database_url)
        self.journal = Journal(self.store)
        self.register = Register(self.journal)
        self.patients = PatientRegister(self.journal)
        self.results = Restitutions(self.journal)
        self.local = PolicyInForce(self.register)
        self.places = TerritoryInForce(self.register)
        self.programme = ProgrammeInForce(self.journal)
        self.pseudonyms = Pseudonyms(settings.key)
        self.publisher = Publisher(settings.base_url, settings.canonical)
        self.reads_as = reads_with(self.base.lexicon)
        self.coded_facts = record_facts(self.base.lexicon)

    def keep_editions(self) -> int:
        """Keep the versions of sheets that this service is the first to serve; return how many there were."""
        return self.register.keep_editions(editions(self.base).values(), guidelines=self.base.version, at=self.now())

    async def start_scribe(self) -> None:
        """Give the journal a process of its own; without it (it cannot start), the service writes by itself."""
        try:
            self.journal.scribe = await Scribe.start(self.settings.database_url)
        except (OSError, TimeoutError) as failure:
            log.error("the scribe did not start: %s", type(failure).__name__)

    async def stop_scribe(self) -> None:
        """Let the journal's process end its work."""
        if self.journal.scribe is not None:
            await self.journal.scribe.stop()

    def close(self) -> None:
        """Let waiting records reach the disk, then let the database go."""
        self.journal.close()
        self.store.close()

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """Return today's date, in UTC."""
        return self.now().date()

    @property
    def policy(self) -> Policy:
        """Return the policy in force."""
        return self.local.policy

    @cached_property
    def preparations(self) -> Preparations:
        """Return what patients are told before their exams."""
        return read_preparations(self.base)

    def exam(self, name: str) -> ExamInfo | None:
        """Return an exam of the catalogue."""
        return self.base.catalogue.exams.get(name)

    def label(self, fact: str) -> str:
        """Return the French label of a fact."""
        found = self.base.lexicon.facts.get(fact)
        return found.label if found else {"age": "âge", "duree": "durée"}.get(fact, fact)

    def read_call(self, body: Any) -> HookCall:
        """Return the orders of a CDS Hooks call; raises BadRequest. What did not change since an earlier call is not read twice."""
        return read_hook(body, self.today(), self.coded_facts, self._recent)

    def judge(self, request: ImagingRequest) -> tuple[Assessment, ...]:
        """Return the assessments of a request by the rules of its day (today's when it is not dated).

        A request is judged when it is written, again at each change, and once more when it is signed: the last answers are
        kept in memory, and a request that did not change is not judged twice.
        """
        return self._assess(request, request.authored or self.today(), self.policy, self.places.territory)

    def prescriber(self, account: str, user: str) -> str:
        """Return the pseudonym of whoever prescribes through a program: the person that the settings know under that reference.

        ``account`` is the program's, ``user`` the reference it gives (``Practitioner/12``), which means something for it alone. Somebody
        unknown has a pseudonym of their own; without a reference, it is the program's.
        """
        name = self.settings.practitioner(account, user)
        return self.pseudonyms.prescriber(name or (f"{account}|{user}" if user else account))

    def mode(self, account: str, prescriber: str) -> Mode:
        """Return what the calendar says of a prescriber (a pseudonym) who uses an account, today in France."""
        calendar = self.programme.calendar
        if not calendar.entries:
            return Mode.ON
        return calendar.mode(self.settings.site_of(account), prescriber, self.now().astimezone(PARIS).date())

    def client(self, account: str) -> str:
        """Return the pseudonym of a program, by its account."""
        return self.pseudonyms.prescriber(f"client|{account}")

    def told(self, assessments: Sequence[Assessment], where: str, who: str = PRESCRIBER) -> tuple[Assessment, ...]:
        """Return what of assessments somebody is told at a hook or on a ``page``."""
        policy = self.policy
        return tuple(heard(one, policy, who, where) for one in assessments)

    def told_before(
        self, prescriber: str, order: Order, patient: str, assessments: Sequence[Assessment], before: datetime
    ) -> dict[Advice, date]:
        """Return the day on which a prescriber was last given the same advice by cards, about another request, not too long ``before``."""
        days = self.policy.quiet_days
        advice = [advice_of(one) for one in assessments]
        if not days or not advice:
            return {}
        pseudonym = self.pseudonyms.patient(patient) if patient else None
        window = {"since": before - timedelta(days=days), "before": before}
        try:
            return told_before(
                self.store.reader, prescriber, advice, hook=ORDER_SIGN, reference=order.request.id, patient=pseudonym, **window
            )
        except Exception as failure:  # whatever the driver raises: without an answer, the advice is as loud as the first time
            log.error("what prescribers were told could not be read: %s", type(failure).__name__)
            return {}

    def modalities(self, assessments: Sequence[Assessment]) -> dict[str, str]:
        """Return the DICOM modality of each exam that assessments name or propose."""
        exams = self.base.catalogue.exams
        named = {one.exam for one in assessments if one.exam} | {offer.exam for one in assessments for offer in one.alternatives}
        return {exam: str(exams[exam].modality) for exam in sorted(named) if exam in exams}

    async def record(
        self, request: ImagingRequest, assessments: Sequence[Assessment], *, prescriber: str, site: str = "", hook: str = "", patient: str = "",
        request_id: str | None = None, signed: bool = False, external: str = "", mode: Mode = Mode.ON, client: str = "",
    ) -> str:  # fmt: skip
        """Write a request with its assessments to the journal; return its id in the register once it is on disk.

        ``prescriber`` is a pseudonym; ``patient`` is made one; ``external`` is the caller's own reference to the patient, given back to it in resources.
        """
        about: dict[str, Any] = {
            "site": site or self.settings.site, "prescriber": prescriber, "at": self.now(), "hook": hook, "request_id": request_id,
            "patient": self.pseudonyms.patient(patient) if patient else None, "modalities": self.modalities(assessments),
            "policy": self._policy_of(assessments), "territory": assessments[0].territory if assessments else "", "signed": signed,
            "subject": external, "mode": mode, "client": client,
        }  # fmt: skip
        return await self.register.record_assessment_async(request, assessments, **about)

    def _policy_of(self, assessments: Sequence[Assessment]) -> dict[str, Any]:
        """Return what the journal keeps of the policy that judged: it may no longer be the one in force."""
        digest = assessments[0].policy if assessments else ""
        return {"digest": digest} if digest else Policy().record
