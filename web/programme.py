"""The calendar in force, followed while the service runs: what it does for a prescriber at a site today."""

from __future__ import annotations

import logging
import time

from pertimage.audit.journal import Journal
from pertimage.audit.programme import Calendar
from pertimage.audit.programme_register import calendar_of, last_change
from pertimage.web.local_policy import LOOKED_AT_EVERY

log = logging.getLogger("pertimage")


class ProgrammeInForce:
    """Knows the calendar. What cannot be read leaves it as it was."""

    def __init__(self, journal: Journal) -> None:
        self._reader = journal.store.reader
        self._seq = 0
        self._calendar = Calendar()
        self._looked_at = 0.0
        self.look()

    @property
    def calendar(self) -> Calendar:
        """Return the calendar in force."""
        if time.monotonic() - self._looked_at > LOOKED_AT_EVERY:
            self.look()
        return self._calendar

    def look(self) -> None:
        """Look at the register now."""
        self._looked_at = time.monotonic()
        try:
            seq = last_change(self._reader)
            if seq != self._seq:
                self._calendar, self._seq = calendar_of(self._reader), seq
        except Exception as failure:  # whatever the driver raises
            log.error("the calendar could not be read: %s", type(failure).__name__)
