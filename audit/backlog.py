"""The backlog: records acknowledged whose effect the registers do not show yet.

A judgement is acknowledged once its journal record is on disk; its register rows may follow, many in one transaction. Whoever
reads the registers first brings them up to date, whatever process wrote the journal: nobody sees the delay.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, event, select

from pertimage.audit.projection import Prepared, catch_up
from pertimage.audit.tables import journal_head, projection

_AHEAD = select(journal_head.c.seq - projection.c.seq).join(projection, projection.c.id == journal_head.c.id)
_AS_IT_IS = "registers_as_they_are"

log = logging.getLogger("pertimage")


class Backlog:
    """What one process wrote to the journal and the registers may not show yet; used by one thread.

    ``waits`` says whether there may be something: at first, what a process that was killed may have left.
    """

    def __init__(self, writer: Engine, limit: int) -> None:
        self.waits = True
        self._writer, self._limit = writer, limit
        self._known: list[Prepared] = []

    @property
    def full(self) -> bool:
        """Say whether it is time to project, however busy the journal is."""
        return len(self._known) >= self._limit

    def add(self, written: Iterable[Prepared]) -> None:
        """Note records just written alone."""
        self.waits = True
        self._known += written

    def project(self, connection: Connection) -> None:
        """Bring the registers up to date, in the caller's transaction; call ``clear`` once it is committed."""
        catch_up(connection, self._known)

    def clear(self) -> None:
        """Forget what was noted: the registers show it, or a reader will see to it."""
        self.waits = False
        self._known.clear()

    def catch_up(self) -> None:
        """Bring the registers up to date; after a failure, the next record written or the next reader tries again."""
        try:
            with self._writer.begin() as connection:
                self.project(connection)
        except Exception as failure:
            log.error("the registers could not follow the journal: %s", type(failure).__name__)
        self.clear()


def keep_up(reader: Engine, writer: Engine) -> None:
    """Make every connection of ``reader`` show the registers as of the last record acknowledged when it is taken."""
    turn = threading.Lock()  # of the readers of a process, one does the work and the others wait for it

    def bring_up_to_date(connection: Connection) -> None:
        if connection.get_execution_options().get(_AS_IT_IS):
            return
        try:
            if _behind(connection):
                with turn:
                    if _behind(connection):
                        with writer.begin() as writing:
                            catch_up(writing)
        except BaseException:
            connection.close()  # nobody else will: its caller does not have it yet
            raise

    event.listen(reader, "engine_connect", bring_up_to_date)


def as_it_is(reader: Engine) -> Engine:
    """Return the reader for who only reads the journal: it does not touch the registers, nor need them sound."""
    return reader.execution_options(**{_AS_IT_IS: True})


def _behind(connection: Connection) -> bool:
    ahead = connection.execute(_AHEAD).scalar_one_or_none()
    connection.rollback()  # what follows must see what is projected meanwhile
    return ahead != 0
