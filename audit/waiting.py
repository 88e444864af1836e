"""Callers of the journal who wait for their record: threads on a future of their own, coroutines on one of their loop.

A loop is woken once per batch, whatever the number of its coroutines that the batch serves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import Connection

from pertimage.audit.chain import Record
from pertimage.audit.projection import NewRows

Result = Record | BaseException
Guard = Callable[[Connection], None]


@dataclass(slots=True)
class Waiting:
    """A record to be, ready to be chained, and who waits for it (None: whoever writes it tells); ``rows`` are those of the registers that may follow later."""

    kind: str
    payload: str
    at: str
    tenant: str
    guard: Guard | None
    rows: NewRows | None
    future: Future[Record] | asyncio.Future[Record] | None

    def taken(self) -> bool:
        """Say whether its caller still wants it, now that it is about to be written."""
        if isinstance(self.future, Future):
            return self.future.set_running_or_notify_cancel()
        return self.future is None or not self.future.cancelled()


def deliver(batch: Sequence[Waiting], results: Sequence[Result]) -> None:
    """Give each caller its record, or what prevented it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Record], Result]]] = {}
    for waiting, result in zip(batch, results, strict=True):
        if isinstance(waiting.future, Future):
            _settle(waiting.future, result)
        elif waiting.future is not None:
            by_loop.setdefault(waiting.future.get_loop(), []).append((waiting.future, result))
    for loop, pairs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle_all, pairs)


def _settle_all(pairs: list[tuple[asyncio.Future[Record], Result]]) -> None:
    for future, result in pairs:
        if not future.done():
            _settle(future, result)


def _settle(future: Future[Record] | asyncio.Future[Record], result: Result) -> None:
    if isinstance(result, Record):
        future.set_result(result)
    else:
        future.set_exception(result)
