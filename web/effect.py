"""The evaluation that the pages show: made once per state of the exams and of the calendar, by a process of its own."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pertimage.web.measures import latest_change
from pertimage.web.service import Service

if TYPE_CHECKING:  # numpy takes a moment that the start of the service need not wait
    from pertimage.audit.evaluation.current import Current
    from pertimage.audit.evaluation.together import Together

# How long a page waits for figures that are being made, in seconds.
PATIENCE = 8.0
_KINDS = ("activity", "site", "programme", "programme-event", "programme-event-cancelled")

log = logging.getLogger("pertimage")


@dataclass
class Effect:
    """An evaluation as the pages read it; ``version`` is the record of the journal that it goes up to."""

    version: int
    current: Current
    fictitious: bool
    _together: dict[str | None, Together] = field(default_factory=dict)

    def together(self, kind: str | None) -> Together:
        """Return an exam (None: all) at all sites."""
        from pertimage.audit.evaluation.together import together

        if kind not in self._together:
            self._together[kind] = together(self.current.evaluation, kind)
        return self._together[kind]

    @cached_property
    def document(self) -> dict[str, Any]:
        """Return the evaluation as it may be published."""
        from pertimage.audit.evaluation.document import document

        return document(self.current.evaluation, self.current.entries, fictitious=self.fictitious)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page has: an effect or None, and whether newer figures are being made; ``failed`` when they could not be."""

    effect: Effect | None
    coming: bool
    failed: bool = False


@dataclass(slots=True)
class _Known:
    latest: Effect | None = None
    seen: int = -1
    wanted: int = -1
    coming: Future[Effect] | None = None


_services: WeakKeyDictionary[Service, _Known] = WeakKeyDictionary()
_lock = Lock()
_turn = ThreadPoolExecutor(1, "evaluation")


def effect(service: Service, patience: float = PATIENCE) -> Reading:
    """Return the evaluation of the data as they are; when it takes longer than ``patience`` (seconds), the one before, if any."""
    with _lock:
        known = _services.setdefault(service, _Known())
        head = service.journal.head().seq
        if known.seen != head:
            version = latest_change(service.store, known.seen, head, _KINDS)
            if version is not None:
                address = service.settings.database_url
                known.wanted, known.coming = version, _turn.submit(_make, address, service.settings.demo, version)
            known.seen = head
        coming = known.coming
    failed = False
    if coming is not None:
        try:
            made = coming.result(timeout=patience)
        except NotYet:
            return Reading(known.latest, coming=True)
        except Exception as failure:
            log.error("the evaluation could not be made: %s", failure)
            failed = True
            made = None
        with _lock:
            if made is not None and known.wanted == made.version:
                known.latest = made
            if known.coming is coming and not failed:
                known.coming = None
    return Reading(known.latest, coming=False, failed=failed)


def _make(url: str, fictitious: bool, version: int) -> Effect:
    from pertimage.audit.evaluation.current import evaluated_apart

    started = time.monotonic()
    made = Effect(version, evaluated_apart(url, fictitious=fictitious), fictitious)
    log.info("evaluation made in %.1f s", time.monotonic() - started)
    return made
