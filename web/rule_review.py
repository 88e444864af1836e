"""Rules that radiologists doubt: what is proposed to the committee, and what becomes of its decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pertimage.audit.agreement import Agreement, Verdict, agreements
from pertimage.audit.intervals import Interval
from pertimage.guidelines.policy import SilenceForm, read_policy
from pertimage.guidelines.policy_text import with_silence
from pertimage.web.anonymous import Anonymiser, phrases
from pertimage.web.service import Service

COMMENTS_SHOWN, LEAST_TOLD = 3, 3


class UndecidableError(ValueError):
    """A decision that cannot be taken, and why, in French."""


@dataclass(frozen=True, slots=True)
class ReviewedRule:
    """A rule with what radiologists say of it. ``emergency`` rules are never put to silence; ``silenced`` ones are already."""

    said: Agreement
    sheet: str
    title: str
    why: str
    emergency: bool
    silenced: bool
    comments: tuple[str, ...]

    @property
    def interval(self) -> Interval | None:
        """Return the 95 % interval of agreement."""
        return self.said.agreed.interval

    @property
    def told(self) -> bool:
        """Say whether enough was said of it to be shown in the table."""
        return self.said.agreed.whole + self.said.not_applicable >= LEAST_TOLD

    @property
    def proposed(self) -> bool:
        """Say whether the committee is asked to decide."""
        return self.said.doubted and not self.silenced


def reviewed_rules(service: Service, since: datetime | None) -> list[ReviewedRule]:
    """Return the rules on which radiologists said something, the least agreed first."""
    masked = Anonymiser(service.base)
    return [_reviewed(one, service, masked) for one in agreements(service.store, since.date() if since else None)]


def _reviewed(said: Agreement, service: Service, masked: Anonymiser) -> ReviewedRule:
    name, _, rule = said.rule.partition("/")
    sheet = service.base.sheets.get(name)
    found = next((one for one in sheet.rules if one.id == rule), None) if sheet else None
    return ReviewedRule(
        said, name, sheet.title if sheet else name, found.why if found else "", bool(found and found.emergency),
        said.rule in service.policy.silenced_rules, tuple(_comments(said.words, masked)),
    )  # fmt: skip


def _comments(words: Iterable[str], masked: Anonymiser) -> list[str]:
    """Return a few comments where only the words that the guidelines know are left: they are free text."""
    shown = (masked.masked(phrase) for comment in words for phrase in phrases(comment))
    return list(dict.fromkeys(phrase for phrase in shown if masked.says_something(phrase)))[:COMMENTS_SHOWN]


def decide(service: Service, rule: str, verdict: Verdict, *, author: str, reason: str) -> None:
    """Record the committee's decision; a silence enters the policy in force. Raises UndecidableError, AnotherInForce or ValueError."""
    at = service.now()
    if not author.strip() or not reason.strip():
        raise UndecidableError("Une décision a un auteur et un motif.")
    name, _, own = rule.partition("/")
    sheet = service.base.sheets.get(name)
    if sheet is None or own not in {one.id for one in sheet.rules}:
        raise UndecidableError(f"La règle « {rule} » n'existe pas dans le référentiel en vigueur.")
    if verdict is Verdict.SILENCE and rule not in service.policy.silenced_rules:
        _silence(service, SilenceForm(regle=rule, auteur=author.strip(), date=at.date(), motif=reason.strip()), at)
    service.register.decide_rule(rule, verdict, author=author, reason=reason, at=at)


def _silence(service: Service, silence: SilenceForm, at: datetime) -> None:
    service.local.look()
    row = service.local.row
    text = with_silence(row.text if row else "", silence)
    form, faults = read_policy(text, service.base)
    if form is None:
        raise UndecidableError(" ".join(fault.message for fault in faults))
    reason = f"Règle {silence.rule} mise en silence : {silence.reason}"
    service.register.put_in_force(form, text, author=silence.author, reason=reason, at=at, after=row.seq if row else 0)
    service.local.look()
