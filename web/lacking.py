"""What signed requests lack and their alerts, read again at most once a minute: on a busy service every second brings a request."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

from pertimage.audit.completeness import Found, Wanted, alert_shares, exams_signed, missing_shares
from pertimage.audit.programme import Mode
from pertimage.web.service import Service

KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Lacking:
    """What lacks, the alerts, by site, silent and in service apart; ``exams`` are their denominators, by mode and site."""

    missing: tuple[Found, ...]
    alerts: tuple[Found, ...]
    exams: Mapping[tuple[Mode, str], int]


def lacking(service: Service) -> Lacking:
    """Return what signed requests lack, as it was at most a minute ago; a demonstration counts its fictitious sites, others the real ones."""
    with _lock:
        known = _services.get(service)
    now, head = time.monotonic(), service.journal.head().seq
    if known is not None and (known.head == head or now < known.until):
        return known.found
    found = _read(service)
    with _lock:
        _services[service] = _Known(head, now + KEPT_SECONDS, found)
    return found


def _read(service: Service) -> Lacking:
    wanted, by = Wanted(fictitious=service.settings.demo), ("site",)
    with service.store.reader.connect() as connection:
        exams = {(mode, site or ""): count for (mode, site, _), count in exams_signed(connection, wanted, by=by).items()}
        return Lacking(tuple(missing_shares(connection, wanted, by=by)), tuple(alert_shares(connection, wanted, by=by)), exams)


@dataclass(frozen=True, slots=True)
class _Known:
    head: int
    until: float
    found: Lacking


_services: WeakKeyDictionary[Service, _Known] = WeakKeyDictionary()
_lock = Lock()
