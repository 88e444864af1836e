"""The scribe: a process that writes for a server, and whose absence changes nothing but speed."""

import asyncio
import os
import signal

import orjson
import pytest
from sqlalchemy import select

from pertimage.audit.chain import as_json, canonical
from pertimage.audit.journal import Journal, verify
from pertimage.audit.register import Register
from pertimage.audit.scribe import NotWrittenError, Scribe
from pertimage.audit.tables import journal as journal_table
from tests.audit.scenes import MODALITIES, judge, values

ABOUT = {"site": "cabinet", "prescriber": "p1", "hook": "order-sign", "signed": True, "modalities": MODALITIES}


async def _judged(register, now, count):
    """Record judgements as coroutines of one loop do, and return their ids."""
    return await asyncio.gather(*(register.record_assessment_async(*values(), at=now, **ABOUT) for _ in range(count)))


async def _with_scribe(register, url, work):
    register.journal.scribe = await Scribe.start(url)
    try:
        return await work()
    finally:
        await register.journal.scribe.stop()


def test_what_the_scribe_acknowledges_is_on_disk(store, register, store_url, now):
    """Every judgement acknowledged is in the journal at once, in one whole chain, and in the registers for whoever looks."""

    async def work():
        made = await _judged(register, now, 200)
        with store.reader.connect() as connection:
            payloads = "".join(connection.execute(select(journal_table.c.payload)).scalars())
        return made, payloads

    made, payloads = asyncio.run(_with_scribe(register, store_url, work))
    assert all(request in payloads for request in made)
    assert verify(store.reader) == []
    assert {row.id for row in register.worklist(limit=500)} == set(made)


def test_a_record_says_the_same_whoever_writes_it(store, register, store_url, now):
    """The record that the scribe writes tells what the server's own thread would have told, and follows it in the chain."""
    judge(register, now)
    asyncio.run(_with_scribe(register, store_url, lambda: _judged(register, now, 1)))
    with store.reader.connect() as connection:
        ours, theirs = connection.execute(select(journal_table).order_by(journal_table.c.seq)).all()
    told = [orjson.loads(row.payload) | {"request_id": ""} for row in (ours, theirs)]
    assert told[0] == told[1]
    assert (ours.at, ours.kind, ours.hash) == (theirs.at, theirs.kind, theirs.prev_hash)


def test_a_record_written_by_the_server_follows_those_of_the_scribe(store, register, store_url, now):
    """A radiologist decides, through the server's own journal, on a request that the scribe has just written."""

    async def work():
        (request,) = await _judged(register, now, 1)
        await asyncio.to_thread(register.decide, request, "valider", radiologist="r1", at=now)
        return request

    request = asyncio.run(_with_scribe(register, store_url, work))
    assert register.request(request).decision == "valider"
    assert verify(store.reader) == []


def test_a_server_whose_scribe_dies_writes_by_itself(store, register, store_url, now):
    """The scribe killed in the middle of its work, no record acknowledged is lost, and the next ones are written all the same."""

    async def work():
        before = await _judged(register, now, 20)
        sent = [asyncio.ensure_future(register.record_assessment_async(*values(), at=now, **ABOUT)) for _ in range(50)]
        await asyncio.sleep(0)
        os.kill(register.journal.scribe._process.pid, signal.SIGKILL)
        told = await asyncio.gather(*sent, return_exceptions=True)
        while register.journal.scribe.alive:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        return before + [request for request in told if isinstance(request, str)], told, await _judged(register, now, 20)

    acknowledged, told, after = asyncio.run(_with_scribe(register, store_url, work))
    assert all(isinstance(one, (str, NotWrittenError)) for one in told)
    assert set(acknowledged + after) <= {row.id for row in register.worklist(limit=500)}
    assert verify(store.reader) == []


def test_a_scribe_that_cannot_open_its_store_does_not_start():
    """A scribe that dies at once says so within its start, and nobody waits for it later."""
    with pytest.raises(OSError, match="scribe"):
        asyncio.run(Scribe.start("postgresql://nobody@127.0.0.1:1/nothing"))


def test_a_stopped_scribe_has_written_all_it_was_sent(store, store_url, now):
    """Stopping waits for the records in hand and for their register rows."""
    journal = Journal(store)
    register = Register(journal)

    async def work():
        sent = [asyncio.ensure_future(register.record_assessment_async(*values(), at=now, **ABOUT)) for _ in range(100)]
        await asyncio.sleep(0)
        await register.journal.scribe.stop()
        return await asyncio.gather(*sent)

    made = asyncio.run(_with_scribe(register, store_url, work))
    journal.close()
    assert {row.id for row in register.worklist(limit=500)} == set(made)


def test_the_json_sent_says_what_the_payload_says():
    """Sets, dataclasses and keys in any order come to the scribe as they would to the journal."""
    payload = {"b": {"z", "a"}, "a": values()[0], "c": [1.5, None, "é"]}
    assert orjson.loads(as_json(payload)) == orjson.loads(canonical(payload))
