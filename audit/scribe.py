"""The scribe: a process of its own that writes the judgements of one server process to the journal.

Judging and writing share no interpreter: a prescriber does not wait for another's record to be hashed, inserted and projected.
A line of JSON goes each way: a record to write; then, once they are on disk, how many were written, or why one was not. The
scribe stops when its server does, however it does, after writing what it was sent. It serves only the records that need
nothing but to be written (``Entry.deferred``); when it is not there, the journal's own thread does its work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any, cast

import orjson

from pertimage.audit.chain import Record, as_json, canonical
from pertimage.audit.projection import new_request
from pertimage.audit.store import open_store
from pertimage.audit.waiting import Waiting
from pertimage.audit.writer import BATCH, IDLE_SECONDS, Writer

START_SECONDS, STOP_SECONDS = 30, 20
_CHUNK = 1 << 20

log = logging.getLogger("pertimage")


class NotWrittenError(Exception):
    """A record that is not on disk, or not known to be."""


class Scribe(asyncio.Protocol):
    """A server's end: hands records over and waits for them to be on disk. Used by one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turn: list[bytes] = []
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @classmethod
    async def start(cls, url: str) -> Scribe:
        """Start a scribe that writes to the store at ``url``, whose schema is up to date; raises OSError or TimeoutError."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen([sys.executable, "-m", "pertimage.audit.scribe"], stdin=theirs.fileno())  # noqa: ASYNC220
        _, scribe = await asyncio.get_running_loop().create_unix_connection(cls, sock=ours)
        scribe._process = process
        try:
            await asyncio.wait_for(scribe._sent(orjson.dumps({"url": url})), START_SECONDS)
        except NotWrittenError as failure:
            raise OSError(str(failure)) from None
        return scribe

    @property
    def alive(self) -> bool:
        """Say whether records can be handed over."""
        return self._transport is not None and not self._transport.is_closing() and not self._stopping

    async def write(self, kind: str, payload: Any, at: str, tenant: str) -> None:
        """Return once the record is on disk; raise NotWrittenError when it is not, or when nobody can tell."""
        await self._sent(as_json((kind, payload, at, tenant)))

    async def stop(self) -> None:
        """Let the scribe write what it was sent, and wait for its end."""
        self._end_turn()
        if self.alive and self._transport:
            self._transport.write_eof()
        self._stopping = True
        if self._process:
            try:
                await asyncio.to_thread(self._process.wait, STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _sent(self, line: bytes) -> asyncio.Future[None]:
        if not self.alive:
            raise NotWrittenError("the scribe is gone")
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(future)
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append(line)
        return future

    def _end_turn(self) -> None:
        """Send together what the coroutines of one turn of the loop wrote."""
        lines, self._turn = self._turn, []
        if lines and self._transport and not self._transport.is_closing():
            self._transport.write(b"\n".join(lines) + b"\n")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the scribe."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        """Wake those whose records the scribe speaks of, in the order they were sent."""
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = bytearray(rest)
        for line in lines:
            told = orjson.loads(line)
            for _ in range(told if isinstance(told, int) else 1):
                future = self._waiting.popleft()
                if future.done():  # its caller did not wait
                    continue
                if isinstance(told, int):
                    future.set_result(None)
                else:
                    future.set_exception(NotWrittenError(told))

    def connection_lost(self, failure: Exception | None) -> None:
        """Tell those who wait that nobody knows; the journal's own thread writes what comes next."""
        if self._waiting:
            log.error("the scribe stopped with %d records in hand", len(self._waiting))
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(NotWrittenError("the scribe is gone"))


def main() -> None:
    """Write what comes on the standard input, a socket, until its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the server too, whose end is ours
    with socket.socket(fileno=0) as line_to_server:
        received = _lines(line_to_server)
        start = next(filter(None, received), None)
        if start is None:
            return
        store = open_store(orjson.loads(start[0])["url"], migrate=False)
        store.writer.connect().close()  # a store out of reach is known at the start
        line_to_server.sendall(b"1\n")
        writer = Writer(store.writer)
        try:
            for lines in received:
                if lines:
                    told = _write(writer, lines)
                    with contextlib.suppress(OSError):  # the server is gone; what it sent is written all the same
                        line_to_server.sendall(told)
                if writer.behind and (not lines or writer.far_behind):
                    writer.catch_up()
            if writer.behind:
                writer.catch_up()
        finally:
            store.close()


def _lines(line_to_server: socket.socket) -> Iterator[list[bytes]]:
    """Yield the lines as they come, at most a batch at a time; an empty list when none came for a while."""
    rest = b""
    while True:
        if not select.select([line_to_server], [], [], IDLE_SECONDS)[0]:
            yield []
            select.select([line_to_server], [], [])
        try:
            received = line_to_server.recv(_CHUNK)
        except ConnectionError:
            return
        if not received:
            return
        *lines, rest = (rest + received).split(b"\n")
        for start in range(0, len(lines), BATCH):
            yield lines[start : start + BATCH]


def _write(writer: Writer, lines: list[bytes]) -> bytes:
    """Write records and return what to tell the server: how many in a row are on disk, or the kind of a failure."""
    told: list[int | str] = []
    for result in writer.write([_waiting(*orjson.loads(line)) for line in lines]):
        if not isinstance(result, Record):
            told.append(type(result).__name__)
        elif told and isinstance(told[-1], int):
            told[-1] += 1
        else:
            told.append(1)
    return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in told)


def _waiting(kind: str, payload: Any, at: str, tenant: str) -> Waiting:
    return Waiting(kind, canonical(payload), at, tenant, None, new_request(payload, at), None)


if __name__ == "__main__":
    main()
