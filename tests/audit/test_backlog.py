import asyncio
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from pertimage.audit.indicators import request_weeks
from pertimage.audit.journal import Journal, verify
from pertimage.audit.projection import rebuild
from pertimage.audit.register import Register
from pertimage.audit.review import AlreadySigned, ReviewState
from pertimage.audit.store import open_store
from pertimage.audit.tables import REGISTERS, journal_head, projection, requests
from tests.audit.scenes import MODALITIES, judge, record, values

PROGRAMS = Path(__file__).parent / "programs"
JUDGE = [sys.executable, str(PROGRAMS / "judge.py")]
NEVER = 3600


@pytest.fixture
def late(store):
    """Return registers that follow the journal only when somebody reads or guards them."""
    journal = Journal(store, idle=NEVER, backlog=1_000_000)
    yield Register(journal)
    journal.close()


def _shown(store):
    """Return how many requests the registers show as they are, and how many records they lack."""
    with store.writer.connect() as connection:
        count = connection.execute(select(func.count()).select_from(requests)).scalar_one()
        head = connection.execute(select(journal_head.c.seq)).scalar_one()
        return count, head - connection.execute(select(projection.c.seq)).scalar_one()


def _rows(store):
    with store.reader.connect() as connection:
        return {table.name: sorted(map(str, connection.execute(select(table)))) for table in REGISTERS}


def test_whoever_reads_sees_what_was_acknowledged(store, late, now):
    """A judgement acknowledged before its register rows exist is in every list as soon as it is looked for."""
    reads = [
        lambda request: late.request(request).id == request,
        lambda request: request in [row.id for row in late.worklist()],
        lambda request: request in [row.id for row in late.my_requests("p1")],
        lambda request: [turn.kind for turn in late.thread(request)] == ["signature"],
        lambda request: request_weeks(store)[0].requests == len(late.my_requests("p1")),
    ]
    for done, read in enumerate(reads):
        request = judge(late, now)
        assert _shown(store) == (done, 1)
        assert read(request)
        assert _shown(store) == (done + 1, 0)


def test_whoever_acts_acts_on_what_was_acknowledged(store, late, now):
    """The checks before a signature, a claim or a decision see a judgement acknowledged just before."""
    with pytest.raises(AlreadySigned):
        late.sign(judge(late, now), author="p1", at=now)
    request = judge(late, now)
    late.claim(request, radiologist="r1", at=now)
    late.decide(request, "valider", radiologist="r1", at=now)
    assert (late.request(request).state, _shown(store)) == (ReviewState.DECIDED, (2, 0))


def test_another_process_sees_it_too(store, store_url, late, now):
    """A reader that did not write the journal brings the registers up to date as well."""
    request = judge(late, now)
    other = open_store(store_url)
    journal = Journal(other)
    assert Register(journal).request(request).id == request
    journal.close()
    other.close()


def test_the_registers_follow_when_the_journal_is_idle(store, now):
    """Without anybody reading, the rows come by themselves."""
    journal = Journal(store, idle=0.005)
    judge(Register(journal), now)
    assert _eventually(lambda: _shown(store) == (1, 0))
    journal.close()


def test_the_backlog_is_bounded(store, now):
    """A journal that is never idle lets the registers lack a limited number of records."""
    journal = Journal(store, idle=NEVER, backlog=10)
    register = Register(journal)
    for _ in range(35):
        judge(register, now)
    assert _eventually(lambda: _shown(store)[1] < 10)
    journal.close()
    assert _shown(store) == (35, 0)


def _eventually(holds):
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()


def test_rows_prepared_in_memory_are_those_of_the_journal(store, late, now):
    """What was projected without reading the journal again is what a rebuild computes from it."""
    judge(late, now)
    judge(late, now, flagged=False, pathway="emergency")
    judge(late, now, flagged=False, exam=None, rule="a/b")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: judge(late, now + timedelta(minutes=n)), range(80)))
    record(late, now, request_id="d", signed=True)
    late.journal.close()
    before = _rows(store)
    assert (_shown(store), len(before["requests"])) == ((84, 0), 84)
    rebuild(store.writer)
    assert _rows(store) == before


def _killed(store_url, count):
    """Return the ids acknowledged by a process killed before its registers followed."""
    process = subprocess.run([*JUDGE, store_url, str(count), "1000000"], stdout=subprocess.PIPE, text=True)
    assert process.returncode == -9
    return process.stdout.split()


def test_a_process_killed_before_its_registers_followed_loses_nothing(store, store_url, now):
    """After kill -9 between acknowledgement and projection, each request is listed once, and so it stays."""
    killed = _killed(store_url, 20)
    assert len(set(killed)) == 20
    assert _shown(store)[0] < 20
    for _ in range(2):
        journal = Journal(store)
        assert sorted(row.id for row in Register(journal).worklist()) == sorted(killed)
        journal.close()
    assert _shown(store) == (20, 0)
    assert verify(store.reader) == []


@pytest.mark.parametrize("round_", range(3))
def test_killed_at_any_moment_the_registers_show_what_the_journal_holds(store, store_url, round_):
    """Killed while it writes and projects by small lots, a process leaves each acknowledged request once, and nothing else twice."""
    process = subprocess.Popen([*JUDGE, store_url, "100000", "5"], stdout=subprocess.PIPE)
    first = process.stdout.readline()
    time.sleep(random.uniform(0.02, 0.3))
    process.send_signal(signal.SIGKILL)
    acknowledged = (first + process.communicate()[0]).decode().split("\n")[:-1]  # the last line may be cut
    journal = Journal(store)
    journal.append("note", {}, datetime.now(UTC))  # waits for a commit that may still be on its way in the server
    listed = [row.id for row in Register(journal).worklist(limit=100_000)]
    assert set(acknowledged) <= set(listed)
    assert (len(listed), _shown(store)) == (journal.head().seq - 1, (len(listed), 0))
    journal.close()
    assert verify(store.reader) == []


def test_opening_the_journal_is_enough_to_catch_up(store, store_url):
    """What a killed process left is projected without anybody reading."""
    killed = _killed(store_url, 5)
    journal = Journal(store, idle=0.005)
    assert _eventually(lambda: _shown(store) == (len(killed), 0))
    journal.close()


def test_two_processes_catching_up_at_once_project_once(store, store_url, now):
    """Several processes and threads that find the same backlog all see all of it, and none projects a record twice."""
    killed = _killed(store_url, 300)
    command = [sys.executable, str(PROGRAMS / "read.py"), store_url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    journal = Journal(store)
    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(lambda _: Register(journal).worklist(limit=1000), range(4)))
    assert [process.communicate()[0] for process in processes] == ["300\n", "300\n"]
    assert [len(found) for found in lists] == [300] * 4
    assert {row.id for row in lists[0]} == set(killed)
    journal.close()
    assert _shown(store) == (300, 0)


def test_appending_goes_on_while_others_read(store, now):
    """Readers that bring the registers up to date and a writer in full flow neither fail nor lose a record."""
    journal = Journal(store, backlog=16)
    register = Register(journal)
    with ThreadPoolExecutor(6) as pool:
        written = [pool.submit(judge, register, now) for _ in range(150)]
        read = [pool.submit(register.worklist, limit=1000) for _ in range(30)]
        ids = {future.result() for future in written}
        assert all(row.id for future in read for row in future.result())
    assert {row.id for row in register.worklist(limit=1000)} == ids
    assert verify(store.reader) == []
    journal.close()


def test_the_coroutines_of_one_turn_are_written_together(store, late, now):
    """Judgements submitted in the same turn of the event loop are all on disk when their coroutines go on."""
    about = {"site": "cabinet", "prescriber": "p1", "at": now, "signed": True, "modalities": MODALITIES}

    async def many():
        return await asyncio.gather(*(late.record_assessment_async(*values(), **about) for _ in range(40)))

    ids = asyncio.run(many())
    assert _shown(store) == (0, 40)
    assert {row.id for row in late.worklist()} == set(ids)


def test_a_coroutine_that_gave_up_leaves_nothing(store, late, now):
    """A judgement cancelled in the turn that submitted it is not written; those beside it are."""
    about = {"site": "cabinet", "prescriber": "p1", "at": now}

    async def one_of_two():
        first, second = (late.journal.submit_async(late.assessment_entry(*values(), **about)) for _ in range(2))
        first.cancel()
        return (await second).seq

    assert asyncio.run(one_of_two()) == 1
    assert len(late.my_requests("p1")) == 1


def test_a_closed_journal_says_so_to_coroutines(store, now):
    """A coroutine that submits to a closed journal gets the error, at once or when its turn ends."""
    journal = Journal(store)

    async def late_submission():
        waiting = journal.append_async("note", {}, now)
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        journal.close()
        await task

    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(late_submission())
    assert verify(store.reader) == []


@pytest.mark.parametrize("prescriber", ["p\0", "x" * 5000])
def test_only_what_cannot_fail_may_wait(late, now, prescriber):
    """A judgement whose words an engine could refuse, or that is not made of values of the core, is projected before it is acknowledged."""
    about = {"site": "cabinet", "at": now}
    assert late.assessment_entry(*values(), prescriber="p1", **about).deferred
    assert not late.assessment_entry(*values(), prescriber=prescriber, **about).deferred
    assert not late.assessment_entry(*values(), prescriber="p1", request_id="d", **about).deferred
    request, lines = values()
    assert not late.assessment_entry({"id": request.id}, lines, prescriber="p1", **about).deferred


def test_the_journal_can_be_read_when_the_registers_cannot(store, late, now):
    """When the position of the registers is lost, reading them fails loudly, the chain still verifies, and a rebuild repairs."""
    request = judge(late, now)
    with store.writer.begin() as connection:
        connection.execute(delete(projection))
    with pytest.raises(RuntimeError, match="rebuild"):
        late.worklist()
    assert verify(store.reader) == []
    assert late.journal.head().seq == 1
    rebuild(store.writer)
    assert [row.id for row in late.worklist()] == [request]
