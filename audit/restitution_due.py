"""Where the result of a request stands, and since when somebody should have spoken: pure functions of entries, rules and the day.

An explanation counts for the report that was there when it was given: a report amended, added or taken back since is to be explained again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from pertimage.audit.restitution import SPEAK_AT_ONCE, Kind, Noted, Side, Unneeded, day_of
from pertimage.audit.review import Decision, RequestStatus, ReviewState
from pertimage.audit.working_days import after
from pertimage.guidelines.restitution import Asked, Awaited, RestitutionTable, first

# Reasons that a report contradicts.
_CONTRADICTED = (Unneeded.NOT_DONE, Unneeded.OTHER)
_NOT_AWAITED = (Decision.REFUSE, Decision.POSTPONE)


class Stage(StrEnum):
    """What is awaited for a request."""

    NOTHING = "rien"
    REPORT = "compte-rendu"
    EXPLANATION = "explication"
    RETRACTED = "annule"
    EXPLAINED = "explique"
    NOT_NEEDED = "sans-objet"


@dataclass(frozen=True)
class Followed:
    """A request with what was noted of its result. Instants are UTC text; ``target_days`` is that of its pathway sensitive to delay.

    ``site_since`` is when the imaging side of its site began to say that reports are there; None when it never did.
    """

    id: str
    site: str
    prescriber: str
    status: RequestStatus
    signed_at: str | None
    pathway: str | None = None
    priority: str = "routine"
    modality: str | None = None
    target_days: int | None = None
    state: ReviewState | None = None
    decision: Decision | None = None
    decided_at: str | None = None
    site_since: str | None = None
    entries: tuple[Noted, ...] = ()

    @cached_property
    def live(self) -> tuple[Noted, ...]:
        """Return the entries that hold."""
        return tuple(entry for entry in self.entries if entry.is_live)

    def of_kind(self, kind: Kind) -> tuple[Noted, ...]:
        """Return the entries of a kind that hold, by the instant of what they say."""
        return tuple(sorted((entry for entry in self.live if entry.kind is kind), key=lambda entry: (entry.happened_at, entry.seq)))

    @cached_property
    def reports(self) -> tuple[Noted, ...]:
        """Return the reports that hold, the earliest first."""
        return self.of_kind(Kind.REPORT)

    @property
    def reported_at(self) -> str | None:
        """Return when the first report was there."""
        return self.reports[0].happened_at if self.reports else None

    @property
    def sent_at(self) -> str | None:
        """Return when the report was first sent to somebody."""
        sent = self.of_kind(Kind.SENT)
        return sent[0].happened_at if sent else None

    @cached_property
    def changed_at(self) -> str | None:
        """Return when what is to be explained last changed after the first report: amended, or another report."""
        numbered = [entry for entry in self.reports if entry.source]
        news = [entry for entry in self.reports if entry.amended] + numbered[1:]
        return max((entry.happened_at for entry in news), default=None)

    @cached_property
    def retracted_at(self) -> str | None:
        """Return when a report said by a software was last taken back, by it or by a radiologist; one noted by hand was a slip of the pen."""
        taken = [entry.cancelled_at for entry in self.entries if entry.kind is Kind.REPORT and entry.side is Side.SOFTWARE]
        return max(filter(None, taken), default=None)

    @cached_property
    def explanation(self) -> Noted | None:
        """Return the last explanation given of what is known today."""
        bound = max(self.changed_at or "", self.retracted_at or "")
        valid = [entry for entry in self.of_kind(Kind.EXPLAINED) if entry.happened_at >= bound]
        return valid[-1] if valid else None

    @cached_property
    def unneeded(self) -> Noted | None:
        """Return the last entry that says that there is nothing to explain, unless a report came since and contradicts it."""
        said = self.of_kind(Kind.NOT_NEEDED)
        if not said or (said[-1].reason in _CONTRADICTED and any(report.seq > said[-1].seq for report in self.reports)):
            return None
        return said[-1]

    @cached_property
    def start(self) -> str | None:
        """Return from when the report is awaited: the decision, or the signature of what nobody reviews; None when none is awaited."""
        if self.state is None:
            return self.signed_at
        awaited = self.state is ReviewState.DECIDED and self.decision not in _NOT_AWAITED
        return self.decided_at if awaited else None

    @cached_property
    def stage(self) -> Stage:
        """Return what is awaited."""
        if self.status is not RequestStatus.SIGNED:
            return Stage.NOTHING
        if self.explanation and (self.reports or self.explanation.who not in SPEAK_AT_ONCE):
            return Stage.EXPLAINED
        if self.unneeded:
            return Stage.NOT_NEEDED
        if self.reports:
            return Stage.EXPLANATION
        if self.retracted_at and (self.of_kind(Kind.EXPLAINED) or self.of_kind(Kind.SENT)):
            return Stage.RETRACTED
        return Stage.REPORT if self.start else Stage.NOTHING


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is awaited ``since`` a day and was ``due`` on another, by which row of the rules (None: at once)."""

    followed: Followed
    stage: Stage
    since: date
    due: date
    row: Awaited | None = None

    def is_overdue(self, today: date) -> bool:
        """Say whether it should have been done before today; a report taken back is said at once."""
        return today > self.due or self.stage is Stage.RETRACTED

    def late_days(self, today: date) -> int:
        """Return how many days it is late, at least 0."""
        return max(0, (today - self.due).days)


def waiting(followed: Followed, table: RestitutionTable) -> Waiting | None:
    """Return what is awaited for a request and by when; None when nothing is, or when no rule speaks of it."""
    stage = followed.stage
    if stage is Stage.RETRACTED and followed.retracted_at:
        day = day_of(followed.retracted_at)
        return Waiting(followed, stage, day, day)
    if stage is Stage.REPORT and followed.start:
        return _by(table.report, followed, stage, day_of(max(followed.start, followed.retracted_at or "")))
    if stage is Stage.EXPLANATION and followed.reported_at:
        return _by(table.explanation, followed, stage, day_of(followed.changed_at or followed.reported_at))
    return None


def recalled(followed: Followed, table: RestitutionTable, today: date) -> Waiting | None:
    """Return what the prescriber is reminded of today; None when nothing is overdue.

    A report that does not come is recalled only where the imaging side says when its reports are there, from that day on, and not for
    ever: elsewhere its silence means nothing.
    """
    found = waiting(followed, table)
    if found is None or not found.is_overdue(today):
        return None
    if found.stage is Stage.REPORT:
        speaks = followed.site_since is not None and found.due >= day_of(followed.site_since)
        return found if speaks and is_recent(followed, table, today) else None
    return found


def is_recent(followed: Followed, table: RestitutionTable, today: date) -> bool:
    """Say whether a request was signed within the time during which it is recalled."""
    return bool(followed.signed_at) and today - day_of(followed.signed_at or "") <= timedelta(days=table.recalled_days)


def all_recalled(those: Iterable[Followed], table: RestitutionTable, today: date) -> list[Waiting]:
    """Return what the prescriber is reminded of: a report taken back first, then a result that is there, then the latest ones first."""
    found = [one for one in (recalled(followed, table, today) for followed in those) if one is not None]
    ranks = {Stage.RETRACTED: 0, Stage.EXPLANATION: 1, Stage.REPORT: 2}
    return sorted(found, key=lambda one: (ranks[one.stage], one.due, one.followed.id))


def _by(rows: tuple[Awaited, ...], followed: Followed, stage: Stage, since: date) -> Waiting | None:
    asked = Asked(followed.pathway, followed.priority, followed.modality, followed.target_days is not None, followed.changed_at is not None)
    row = first(rows, asked)
    if row is None:
        return None
    start = since + timedelta(days=followed.target_days or 0) if row.after_target else since
    return Waiting(followed, stage, since, after(start, row.days, working=row.working), row)
