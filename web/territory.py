"""The territory in force: what sites offer and how long exams wait, learnt again every hour and kept in the journal when it changes."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from threading import Lock, Thread

from pertimage.audit.register import Register
from pertimage.audit.waits import SiteWait, current_waits
from pertimage.cds.territory import Territory, Wait

LEARNT_EVERY = 3600.0  # seconds between two looks at the activity

log = logging.getLogger("pertimage")


class TerritoryInForce:
    """Knows the territory. Learning takes a look at months of activity: it is done aside, and never makes a request wait."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._territory = Territory()
        self._learnt_at = float("-inf")
        self._learning = Lock()

    @property
    def territory(self) -> Territory:
        """Return what is known now; what is too old is learnt again, for the next requests."""
        if time.monotonic() - self._learnt_at > LEARNT_EVERY and self._learning.acquire(blocking=False):
            self._learnt_at = time.monotonic()
            Thread(target=self._learn_aside, name="territory", daemon=True).start()
        return self._territory

    def _learn_aside(self) -> None:
        try:
            self.learn()
        except Exception as failure:  # whatever the driver raises: what was known stays
            log.error("the territory could not be learnt: %s", type(failure).__name__)
        finally:
            self._learning.release()

    def learn(self) -> Territory:
        """Learn the territory now and return it; a state that judges is in the journal first."""
        now = datetime.now(UTC)
        places = {one["id"]: one for one in self._register.places()}
        names = {site.id: site.name for site in self._register.sites()} | {name: one["name"] for name, one in places.items()}
        waits = current_waits(self._register.journal.store.reader, now.date())
        offered = frozenset(modality for one in places.values() for modality in one.get("techniques", ())) if places else None
        learnt = Territory(tuple(_named(wait, names) for wait in waits), offered)
        if learnt != Territory():
            learnt = self._register.keep_territory(learnt, at=now)
        self._learnt_at = time.monotonic()
        self._territory = learnt
        return learnt


def _named(wait: SiteWait, names: dict[str, str]) -> Wait:
    return Wait(wait.site, names.get(wait.site, wait.site), wait.modality, wait.median, wait.p90, wait.exams)
