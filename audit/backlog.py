"""The backlog: records acknowledged whose effect the registers do not show yet.

A judgement is acknowledged once its journal record is on disk; its register rows may follow, many in one transaction. Whoever
reads the registers first brings them up to date, whatever process wrote the journal: nobody sees the delay.
"""

from __future__ import annotations

import threading

from sqlalchemy import Connection, Engine, event, select

from pertimage.audit.projection import catch_up
from pertimage.audit.tables import journal_head, projection

_AHEAD = select(journal_head.c.seq - projection.c.seq).join(projection, projection.c.id == journal_head.c.id)
_AS_IT_IS = "registers_as_they_are"


def keep_up(reader: Engine, writer: Engine) -> None:
    """Make every connection of ``reader`` show the registers as of the last record acknowledged when it is taken."""
    turn = threading.Lock()  # of the readers of a process, one does the work and the others wait for it

    def bring_up_to_date(connection: Connection) -> None:
        if connection.get_execution_options().get(_AS_IT_IS) or not _behind(connection):
            return
        with turn:
            if _behind(connection):
                with writer.begin() as writing:
                    catch_up(writing)

    event.listen(reader, "engine_connect", bring_up_to_date)


def as_it_is(reader: Engine) -> Engine:
    """Return the reader for who only reads the journal: it does not touch the registers, nor need them sound."""
    return reader.execution_options(**{_AS_IT_IS: True})


def _behind(connection: Connection) -> bool:
    ahead = connection.execute(_AHEAD).scalar_one_or_none()
    connection.rollback()  # what follows must see what is projected meanwhile
    return ahead != 0
