"""Hold the journal against its hash chain and say what was done to it, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Engine, select

from pertimage.audit.backlog import as_it_is
from pertimage.audit.chain import GENESIS, Head, Record, read_head, records
from pertimage.audit.tables import journal

_NEIGHBOURS = (1, -1, 2, -2, 3, -3)
_LOOKUPS = 20  # searches of a far origin: each reads the journal once


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the chain over the records ``seq`` to ``last``; ``message`` says it in French.

    ``kind``: ``altered`` (content), ``removed``, ``reordered``, ``inserted``, ``unlinked`` (coherent in itself but does not
    follow the record before), ``truncated`` (the end is missing), ``head`` (the stored head was changed), ``rewritten`` (the
    record of the anchor is not the one that was noted).
    """

    kind: str
    seq: int
    last: int
    message: str


def verify(engine: Engine, *, anchor: Head | None = None, limit: int = 1000) -> list[Fault]:
    """Return the faults of the chain, in order, at most ``limit``; an empty list means that it is whole.

    ``anchor`` is a head noted earlier outside the store: its record must still be there, unchanged. Memory is constant.
    """
    with as_it_is(engine).connect() as connection:
        return list(islice(_faults(connection, anchor), limit))


def _faults(connection: Connection, anchor: Head | None) -> Iterator[Fault]:
    head = read_head(connection)  # before the records: on a snapshot, both are of one moment
    scan = _Scan(connection, anchor)
    for record in records(connection):
        yield from scan.see(record)
    yield from scan.close(head)


@dataclass(slots=True)
class _Run:
    """Consecutive records found ``shift`` places after the one they were written at."""

    shift: int
    first: int
    last: int
    after_another: bool


class _Scan:
    def __init__(self, connection: Connection, anchor: Head | None) -> None:
        self._connection = connection
        self._anchor = anchor
        self._last = Head(0, GENESIS)
        self._run: _Run | None = None
        self._lookups = _LOOKUPS

    def see(self, record: Record) -> Iterator[Fault]:
        gap = record.seq != self._last.seq + 1
        if gap:
            yield from self._end_run()
            yield _fault("removed", self._last.seq + 1, record.seq - 1, "absent du journal")
        shift = None if record.digest(record.seq) == record.hash else self._shift(record)
        ended = self._run if self._run and self._run.shift != shift else None
        if ended:
            yield from self._end_run()
        if shift:
            self._extend(shift, record.seq, after_another=ended is not None)
        elif shift == 0:
            yield _fault("altered", record.seq, record.seq, "contenu modifié, il ne correspond plus à son empreinte")
        elif not gap and not ended and record.prev_hash != self._last.hash:  # after a moved record, the link says nothing more
            yield _fault("unlinked", record.seq, record.seq, "ne suit pas l'enregistrement précédent, qui a été remplacé ou inséré")
        if self._anchor and record.seq == self._anchor.seq and record.hash != self._anchor.hash:
            yield _fault("rewritten", record.seq, record.seq, "différent de celui qui avait été relevé hors de la base")
        self._last = Head(record.seq, record.hash)

    def close(self, head: Head) -> Iterator[Fault]:
        moved = self._run is not None and self._run.after_another
        shift = self._run.shift if self._run and not moved else 0
        yield from self._end_run(at_end=True)
        end = Head(self._last.seq - shift, self._last.hash)
        if end.seq < head.seq:
            yield _fault("truncated", end.seq + 1, head.seq, "absent de la fin du journal")
        elif end.seq > head.seq:
            yield _fault("inserted", head.seq + 1, end.seq, "ajouté au-delà de la tête de chaîne")
        elif end.hash != head.hash and not moved:
            yield _fault("head", head.seq, head.seq, "la tête de chaîne enregistrée ne correspond pas au dernier enregistrement")
        if self._anchor and self._last.seq < self._anchor.seq:
            yield _fault("truncated", self._last.seq + 1, self._anchor.seq, "existait lors du relevé fait hors de la base")

    def _extend(self, shift: int, seq: int, *, after_another: bool) -> None:
        if self._run:
            self._run.last = seq
        else:
            self._run = _Run(shift, seq, seq, after_another)

    def _end_run(self, *, at_end: bool = False) -> Iterator[Fault]:
        run, self._run = self._run, None
        if run is None:
            return
        if not at_end or run.after_another:
            yield _fault("reordered", run.first, run.last, f"déplacé de {run.shift:+d}")
        elif run.shift > 0:
            yield _fault("inserted", run.first - run.shift, run.first - 1, "inséré : tous les suivants sont décalés")
        else:
            yield _fault("removed", run.first, run.first - run.shift - 1, "retiré (ancienne numérotation) : les suivants sont décalés")

    def _shift(self, record: Record) -> int:
        """Return by how many places an incoherent record was moved, 0 when its content itself was changed."""
        for shift in _NEIGHBOURS:
            if record.digest(record.seq - shift) == record.hash:
                return shift
        if self._lookups == 0:
            return 0
        self._lookups -= 1
        query = select(journal.c.seq).where(journal.c.hash == record.prev_hash).limit(1)
        before = self._connection.execute(query).scalar_one_or_none()
        if before is None or record.digest(before + 1) != record.hash:
            return 0
        return record.seq - int(before) - 1


def _fault(kind: str, seq: int, last: int, what: str) -> Fault:
    where = f"enregistrement {seq}" if seq == last else f"enregistrements {seq} à {last}"
    return Fault(kind, seq, last, f"{where} : {what}")
