"""The policies of the project: each one put in force, by whom, when and why; its text is in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import orjson
from sqlalchemy import Connection, Engine, Select, select

from pertimage.audit.backlog import as_it_is
from pertimage.audit.review import Refused
from pertimage.audit.tables import journal, policies
from pertimage.cds.policy import Policy, policy_of
from pertimage.guidelines.policy import form_of


class AnotherInForce(Refused):
    """The policy in force is no longer the one that its author saw."""


class UnknownPolicyError(LookupError):
    """The journal names a policy that it does not hold."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy put in force: ``seq`` is its record, ``at`` the instant (UTC text).

    ``text`` is the YAML as its author wrote it, ``document`` its canonical form.
    """

    seq: int
    digest: str
    author: str
    reason: str
    at: str
    text: str
    document: str

    @property
    def policy(self) -> Policy:
        """Return its parameters of judgement."""
        return _policy(self.document)


def require_in_force(connection: Connection, *, seq: int) -> None:
    """Raise ``AnotherInForce`` unless the last policy put in force is that one (0: none yet); a guard of the journal."""
    last = connection.execute(select(policies.c.seq).order_by(policies.c.seq.desc()).limit(1)).scalar_one_or_none()
    if (last or 0) != seq:
        raise AnotherInForce("Une autre politique a été mise en vigueur entre-temps : relisez-la, puis recommencez.")


def last_seq(engine: Engine) -> int:
    """Return the record of the policy in force, 0 when there is none; the registers are read as they are, without waiting."""
    with as_it_is(engine).connect() as connection:
        return connection.execute(select(policies.c.seq).order_by(policies.c.seq.desc()).limit(1)).scalar_one_or_none() or 0


def in_force(engine: Engine) -> PolicyRow | None:
    """Return the policy in force; None when none ever was."""
    return next(iter(history(engine, limit=1)), None)


def history(engine: Engine, *, limit: int = 100) -> list[PolicyRow]:
    """Return the policies put in force, the latest first."""
    return _rows(engine, _read().order_by(policies.c.seq.desc()).limit(limit))


def of_digest(engine: Engine, digest: str) -> PolicyRow | None:
    """Return the last policy put in force whose digest begins so; None when there is none."""
    known = policies.c.digest.startswith(digest.replace("\0", ""), autoescape=True)
    return next(iter(_rows(engine, _read().where(known).order_by(policies.c.seq.desc()).limit(1))), None)


class Recorded:
    """Gives the policy that a record of the journal names by its digest, each read once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Policy] = {}

    def policy(self, digest: str) -> Policy:
        """Return the policy of a digest; raises UnknownPolicyError."""
        if digest not in self._known:
            found = of_digest(self._engine, digest)
            if found is None or found.digest != digest:
                raise UnknownPolicyError(digest)
            self._known[digest] = found.policy
        return self._known[digest]


def _read() -> Select[tuple[int, str, str, str, str, str]]:
    columns = (policies.c.seq, policies.c.digest, policies.c.author, policies.c.reason, policies.c.at, journal.c.payload)
    return select(*columns).join(journal, journal.c.seq == policies.c.seq)


def _rows(engine: Engine, query: Select[tuple[int, str, str, str, str, str]]) -> list[PolicyRow]:
    with engine.connect() as connection:
        found = connection.execute(query).all()
    read = [(row, orjson.loads(row.payload)) for row in found]
    return [PolicyRow(row.seq, row.digest, row.author, row.reason, row.at, data["text"], data["document"]) for row, data in read]


@lru_cache(maxsize=8)
def _policy(document: str) -> Policy:
    return policy_of(form_of(document))
