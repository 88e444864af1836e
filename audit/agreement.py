"""Whether radiologists agree with each rule, over all sites and at each, and what the committee decided of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import func, select

from pertimage.audit.intervals import Share
from pertimage.audit.review import RuleVerdict
from pertimage.audit.store import Store
from pertimage.audit.tables import rule_decisions, rule_opinions

# Parameters of ours: fewer opinions propose nothing, and a rule is proposed for silence when agreement is surely under this share.
LEAST, SILENT_BELOW = 10, 0.7
WORDS_KEPT = 20


class Verdict(StrEnum):
    """What the committee decides of a rule."""

    SILENCE = "silence"
    KEEP = "garder"
    REWRITE = "reecrire"

    @property
    def french(self) -> str:
        """Return the words a user reads."""
        return {"silence": "mise en silence", "garder": "gardée", "reecrire": "à réécrire"}[self]


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """A decision of the committee on a rule (``<sheet>/<rule>``): by whom, when (UTC text) and why."""

    rule: str
    verdict: Verdict
    author: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What radiologists said of a rule since the committee last decided of it: the last word of each on each request.

    ``sites`` are the shares of agreement by site, out of those who agreed or not; ``words`` the latest comments, as typed.
    """

    rule: str
    agreed: Share
    not_applicable: int = 0
    sites: Mapping[str, Share] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    @property
    def doubted(self) -> bool:
        """Say whether agreement is surely low: the whole interval is under ``SILENT_BELOW``, on ``LEAST`` opinions or more."""
        interval = self.agreed.interval
        return interval is not None and self.agreed.whole >= LEAST and interval[1] < SILENT_BELOW

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Return the sites whose agreement is surely not that of the others: intervals apart, ``LEAST`` opinions on each side."""
        return tuple(sorted(site for site, own in self.sites.items() if _apart(own, self._others(site))))

    def _others(self, site: str) -> Share:
        total = Share(0, 0)
        for name, share in self.sites.items():
            total = total if name == site else total.plus(share)
        return total


def _apart(own: Share, others: Share) -> bool:
    if min(own.whole, others.whole) < LEAST or own.interval is None or others.interval is None:
        return False
    return own.interval[1] < others.interval[0] or others.interval[1] < own.interval[0]


def agreements(store: Store, since: date | None) -> list[Agreement]:
    """Return what is said of each rule, the least agreed first, from a day on and since the last decision on it."""
    decided = select(rule_decisions.c.rule, func.max(rule_decisions.c.seq).label("seq")).group_by(rule_decisions.c.rule).subquery("decided")
    columns = (rule_opinions.c.rule, rule_opinions.c.site, rule_opinions.c.opinion, rule_opinions.c.words)
    last = select(func.max(rule_opinions.c.seq)).group_by(rule_opinions.c.request, rule_opinions.c.rule, rule_opinions.c.radiologist)
    query = (
        select(*columns)
        .outerjoin(decided, decided.c.rule == rule_opinions.c.rule)
        .where(rule_opinions.c.seq.in_(last), rule_opinions.c.seq > func.coalesce(decided.c.seq, 0))
        .order_by(rule_opinions.c.rule, rule_opinions.c.seq.desc())
    )
    if since is not None:
        query = query.where(rule_opinions.c.at >= since.isoformat())
    found: dict[str, list[tuple[str, str, str]]] = {}
    with store.reader.connect() as connection:
        for rule, site, opinion, words in connection.execute(query):
            found.setdefault(rule, []).append((site, opinion, words))
    return sorted((_agreement(rule, said) for rule, said in found.items()), key=_least_agreed)


def _least_agreed(one: Agreement) -> tuple[float, int, str]:
    interval = one.agreed.interval
    return (interval[1] if interval else 1.0, -one.agreed.whole, one.rule)


def _agreement(rule: str, said: Iterable[tuple[str, str, str]]) -> Agreement:
    sites: dict[str, Share] = {}
    aside, words = 0, []
    for site, opinion, comment in said:
        if comment:
            words.append(comment)
        if opinion == RuleVerdict.NOT_APPLICABLE:
            aside += 1
            continue
        sites[site] = sites.get(site, Share(0, 0)).plus(Share(int(opinion == RuleVerdict.AGREE), 1))
    total = Share(sum(share.part for share in sites.values()), sum(share.whole for share in sites.values()))
    return Agreement(rule, total, aside, sites, tuple(words[:WORDS_KEPT]))


def rule_decisions_of(store: Store, *, limit: int = 100) -> list[RuleDecision]:
    """Return the decisions of the committee, the latest first."""
    columns = (rule_decisions.c.rule, rule_decisions.c.verdict, rule_decisions.c.author, rule_decisions.c.reason, rule_decisions.c.at)
    with store.reader.connect() as connection:
        rows = connection.execute(select(*columns).order_by(rule_decisions.c.seq.desc()).limit(limit)).all()
    return [RuleDecision(row.rule, Verdict(row.verdict), row.author, row.reason, row.at) for row in rows]
