"""The policy in force, followed while the service runs: another process may put one in force, and a bad one never replaces it."""

from __future__ import annotations

import logging
import time

from pertimage.audit.policies import PolicyRow, last_seq
from pertimage.audit.register import Register
from pertimage.cds.policy import Policy
from pertimage.guidelines.policy import AUDIENCES, PLACES

PRESCRIBER, RADIOLOGIST = AUDIENCES
PAGE = PLACES[-1]
LOOKED_AT_EVERY = 5.0  # seconds between two looks at the register

log = logging.getLogger("pertimage")


class PolicyInForce:
    """Knows the policy in force. ``row`` is None while the service judges by its own settings."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._row: PolicyRow | None = None
        self._policy = Policy()
        self._looked_at = 0.0
        self.look()

    @property
    def policy(self) -> Policy:
        """Return the parameters of judgement."""
        self._follow()
        return self._policy

    @property
    def row(self) -> PolicyRow | None:
        """Return the policy as it was put in force."""
        self._follow()
        return self._row

    def look(self) -> None:
        """Look at the register now; what cannot be read leaves the policy as it is."""
        self._looked_at = time.monotonic()
        try:
            if last_seq(self._register.journal.store.reader) == (self._row.seq if self._row else 0):
                return
            row = self._register.policy()
            policy = row.policy if row else Policy()
        except Exception as failure:  # whatever the driver or a document of another program raises
            log.error("the policy in force could not be read: %s", type(failure).__name__)
            return
        self._row, self._policy = row, policy

    def _follow(self) -> None:
        if time.monotonic() - self._looked_at > LOOKED_AT_EVERY:
            self.look()
