import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from sqlalchemy import event, func, select

from pertimage.audit.chain import GENESIS, digest, records
from pertimage.audit.journal import Entry, Journal, Refused, verify
from pertimage.audit.tables import feedback
from pertimage.audit.tables import journal as journal_table

APPEND = Path(__file__).parent / "programs" / "append.py"


def _count(store) -> int:
    with store.reader.connect() as connection:
        return connection.execute(select(func.count()).select_from(journal_table)).scalar_one()


def test_records_are_numbered_and_chained(journal, now):
    """Each record holds the hash of the one before, the first that of nothing."""
    first = journal.append("note", {"b": "é", "a": 1}, now)
    second = journal.append("note", {}, now, tenant="chu")
    assert (first.seq, first.prev_hash, first.payload) == (1, GENESIS, '{"a":1,"b":"é"}')
    assert (second.seq, second.prev_hash, second.tenant) == (2, first.hash, "chu")
    assert journal.head().hash == second.hash


def test_a_hash_can_be_computed_again_by_anyone(journal, now):
    """The hash is the documented one, whatever code computes it."""
    record = journal.append("note", {"text": "« pas de fièvre »\n\0"}, now)
    assert record.hash == digest(1, record.at, "note", "", record.payload, GENESIS)
    assert orjson.loads(record.payload) == {"text": "« pas de fièvre »\n\0"}


def test_an_acknowledged_record_is_visible_to_others(store, journal, now):
    """When append returns, another connection reads the record as it was returned."""
    record = journal.append("note", {"x": [1, None, 2.5]}, now)
    with store.reader.connect() as connection:
        assert list(records(connection)) == [record]


def test_concurrent_appends_share_commits_and_lose_nothing(store, journal, now):
    """Sixteen threads append at once: every record is there once, in fewer transactions than records."""
    commits = []
    event.listen(store.writer, "commit", lambda connection: commits.append(1))
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda n: journal.append("note", {"n": n}, now), range(400)))
    assert sorted(record.seq for record in done) == list(range(1, 401))
    assert len(commits) < 400
    with store.reader.connect() as connection:
        assert sorted(record.data["n"] for record in records(connection)) == list(range(400))
    assert verify(store.reader) == []


def test_a_refused_record_does_not_disturb_its_batch(store, journal, now):
    """A guard that refuses stops its own record only, and leaves no hole in the chain."""

    def refuse(connection):
        raise Refused("non")

    futures = [journal.submit(Entry("note", {"n": n}, now, guard=refuse if n % 3 == 0 else None)) for n in range(30)]
    outcomes = [future.exception() for future in futures]
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [n % 3 == 0 for n in range(30)]
    assert (_count(store), verify(store.reader)) == (20, [])


def test_a_record_that_cannot_be_projected_fails_alone(store, journal, now):
    """A record that breaks a register is refused with its error; those queued with it are written."""
    block = threading.Event()
    held = journal.submit(Entry("note", {}, now, guard=lambda connection: block.wait()))
    good = {"card": "c", "outcome": "accepted", "reason": "", "request_id": None}
    futures = [journal.submit(Entry("feedback", good | ({"card": None} if n == 2 else {}), now)) for n in range(5)]
    bad_reference = journal.submit(Entry("answer", {"request_id": "unknown", "text": "x", "author": "a"}, now))
    block.set()
    assert held.result().seq == 1
    assert [future.exception() is None for future in futures] == [True, True, False, True, True]
    assert bad_reference.exception() is not None
    assert (_count(store), verify(store.reader)) == (5, [])
    with store.reader.connect() as connection:
        assert connection.execute(select(func.count()).select_from(feedback)).scalar_one() == 4


def test_several_processes_append_to_one_chain(store_url, store):
    """Three processes append at once: no record is refused and the chain does not fork."""
    command = [sys.executable, str(APPEND), store_url, "2", "40"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    lines = [line.split()[0] for process in processes for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(map(int, lines)) == list(range(1, 241))
    assert verify(store.reader) == []


def test_the_web_layer_can_await_an_append(journal, now):
    """Appending from a coroutine does not block the loop, and gives the same record."""

    async def append_twice():
        return await asyncio.gather(journal.append_async("note", {"n": 1}, now), journal.append_async("note", {"n": 2}, now))

    assert sorted(record.data["n"] for record in asyncio.run(append_twice())) == [1, 2]


def test_a_cancelled_record_is_not_written(store, journal, now):
    """A caller that gives up before its record is taken leaves nothing behind."""
    block = threading.Event()
    started = threading.Event()

    def hold(connection):
        started.set()
        block.wait()

    held = journal.submit(Entry("note", {}, now, guard=hold))
    started.wait()
    waiting = journal.submit(Entry("note", {}, now))
    assert waiting.cancel()
    block.set()
    held.result()
    journal.append("note", {}, now)
    assert _count(store) == 2


def test_what_json_cannot_say_is_refused_to_its_caller(store, journal, now):
    """A payload that JSON cannot hold raises at once and writes nothing."""
    with pytest.raises(TypeError):
        journal.append("note", {"x": "\ud800"}, now)
    with pytest.raises(ValueError, match="time zone"):
        journal.append("note", {}, now.replace(tzinfo=None))
    assert _count(store) == 0


def test_closing_writes_what_is_queued_and_refuses_the_rest(store, now):
    """Nothing submitted before the end is lost, nothing is accepted after it."""
    journal = Journal(store)
    futures = [journal.submit(Entry("note", {}, now)) for _ in range(50)]
    journal.close()
    assert [future.result(timeout=0).seq for future in futures] == list(range(1, 51))
    with pytest.raises(RuntimeError, match="closed"):
        journal.append("note", {}, now)


def test_a_chain_without_head_accepts_nothing(store, journal, now):
    """When the head row has been removed, an append fails instead of starting a second chain."""
    journal.append("note", {}, now)
    with store.writer.begin() as connection:
        connection.exec_driver_sql("DELETE FROM journal_head")
    with pytest.raises(RuntimeError, match="head"):
        journal.append("note", {}, now)
    assert _count(store) == 1
