import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from pertimage.audit.chain import PAGE, Head, digest
from pertimage.audit.journal import Entry, Journal, verify
from pertimage.audit.store import open_store
from pertimage.audit.tables import journal as table
from pertimage.audit.tables import journal_head

SIZE = 12


@pytest.fixture
def chain(store, journal, now):
    """Twelve records, on a store whose triggers have been removed, as someone with all rights could."""
    for future in [journal.submit(Entry("note", {"n": n}, now)) for n in range(1, SIZE + 1)]:
        future.result()
    with store.writer.begin() as connection:
        _disarm(connection)
    return store


def _disarm(connection):
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE journal DISABLE TRIGGER USER"))
        return
    for name in ("journal_no_update", "journal_no_delete", "journal_next_only"):
        connection.execute(text(f"DROP TRIGGER {name}"))


def _faults(store, **options):
    return [(fault.kind, fault.seq, fault.last) for fault in verify(store.reader, **options)]


def _run(store, *statements):
    with store.writer.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def _row(store, seq):
    with store.reader.connect() as connection:
        return dict(connection.execute(select(table).where(table.c.seq == seq)).one()._mapping)


def _renumber(store, pairs):
    """Move records to other numbers, through negative ones so that none collides."""
    moves = [update(table).where(table.c.seq == old).values(seq=-new) for old, new in pairs]
    _run(store, *moves, update(table).where(table.c.seq < 0).values(seq=-table.c.seq))


def test_a_whole_chain_has_no_fault(chain, journal):
    """A journal that nobody touched verifies, with or without the head noted earlier."""
    assert _faults(chain) == []
    assert _faults(chain, anchor=journal.head()) == []


def test_an_empty_journal_has_no_fault(store):
    """There is nothing to find in a new store."""
    assert _faults(store) == []


@pytest.mark.parametrize("column", ["payload", "at", "kind", "tenant", "prev_hash", "hash"])
def test_an_altered_record_is_found(chain, column):
    """Any column changed is found, at the record where it was."""
    _run(chain, update(table).where(table.c.seq == 5).values({column: "altered"}))
    assert ("altered", 5, 5) in _faults(chain)


def test_spaces_added_to_a_payload_are_an_alteration(chain):
    """The text itself is hashed, not only what it means."""
    _run(chain, update(table).where(table.c.seq == 5).values(payload='{"n": 5}'))
    assert _faults(chain) == [("altered", 5, 5)]


def test_an_altered_record_with_its_hash_recomputed_is_found(chain):
    """Recomputing the hash of the altered record betrays it at the next one."""
    row = _row(chain, 5) | {"payload": '{"n":500}'}
    row["hash"] = digest(*(row[name] for name in ("seq", "at", "kind", "tenant", "payload", "prev_hash")))
    _run(chain, update(table).where(table.c.seq == 5).values(row))
    assert _faults(chain) == [("unlinked", 6, 6)]


def test_removed_records_are_found(chain):
    """A hole is reported with its bounds."""
    _run(chain, delete(table).where(table.c.seq.in_([5, 6])))
    assert _faults(chain) == [("removed", 5, 6)]


def test_a_removal_hidden_by_renumbering_is_found(chain):
    """Closing the hole does not hide it."""
    _run(chain, delete(table).where(table.c.seq == 5))
    _renumber(chain, [(seq, seq - 1) for seq in range(6, SIZE + 1)])
    assert _faults(chain) == [("removed", 5, 5)]


@pytest.mark.parametrize("pair", [(5, 6), (11, 12), (1, 2), (2, 11)])
def test_reordered_records_are_found(chain, pair):
    """Two records exchanged are both reported as moved, near or far."""
    _renumber(chain, [pair, pair[::-1]])
    assert [(kind, seq) for kind, seq, _ in _faults(chain)] == [("reordered", pair[0]), ("reordered", pair[1])]


def test_an_inserted_record_is_found(chain):
    """A forged record slipped in the middle is named, though it is coherent and the others were renumbered."""
    _renumber(chain, [(seq, seq + 1) for seq in range(5, SIZE + 1)])
    forged = _row(chain, 4) | {"seq": 5, "prev_hash": _row(chain, 4)["hash"], "payload": "{}"}
    forged["hash"] = digest(*(forged[name] for name in ("seq", "at", "kind", "tenant", "payload", "prev_hash")))
    _run(chain, insert(table).values(forged))
    assert _faults(chain) == [("inserted", 5, 5)]


def test_a_record_added_behind_the_back_of_the_head_is_found(chain):
    """A forged record at the end goes beyond the stored head."""
    forged = _row(chain, SIZE) | {"seq": SIZE + 1, "prev_hash": _row(chain, SIZE)["hash"]}
    forged["hash"] = digest(*(forged[name] for name in ("seq", "at", "kind", "tenant", "payload", "prev_hash")))
    _run(chain, insert(table).values(forged))
    assert _faults(chain) == [("inserted", SIZE + 1, SIZE + 1)]


def test_a_truncated_journal_is_found(chain):
    """Records missing at the end are found against the stored head."""
    _run(chain, delete(table).where(table.c.seq > 9))
    assert _faults(chain) == [("truncated", 10, 12)]


def test_an_emptied_journal_is_found(chain):
    """Removing everything is not a way to start afresh."""
    _run(chain, delete(table))
    assert _faults(chain) == [("truncated", 1, SIZE)]


def test_a_truncation_hidden_by_moving_the_head_is_found_by_the_anchor(chain, journal):
    """A head noted outside the store convicts whoever cut the end and moved the head."""
    anchor = journal.head()
    _run(chain, delete(table).where(table.c.seq > 9), update(journal_head).values(seq=9, hash=_row(chain, 9)["hash"]))
    assert _faults(chain) == []
    assert _faults(chain, anchor=anchor) == [("truncated", 10, 12)]


def test_a_rewritten_chain_is_found_by_the_anchor(chain, journal):
    """Recomputing every hash leaves a coherent chain, but not the one that was noted."""
    anchor = journal.head()
    before = Head(4, _row(chain, 4)["hash"])
    for seq in range(5, SIZE + 1):
        row = _row(chain, seq) | {"prev_hash": before.hash, "tenant": "autre"}
        row["hash"] = digest(*(row[name] for name in ("seq", "at", "kind", "tenant", "payload", "prev_hash")))
        _run(chain, update(table).where(table.c.seq == seq).values(row))
        before = Head(seq, row["hash"])
    _run(chain, update(journal_head).values(hash=before.hash))
    assert _faults(chain) == []
    assert _faults(chain, anchor=anchor) == [("rewritten", SIZE, SIZE)]


def test_a_changed_head_is_found(chain):
    """A head that does not match the last record is a fault."""
    _run(chain, update(journal_head).values(hash="0" * 64))
    assert _faults(chain) == [("head", SIZE, SIZE)]


def test_the_list_of_faults_is_bounded(chain):
    """A journal altered everywhere gives no more faults than asked."""
    _run(chain, update(table).values(payload="{}"))
    assert len(_faults(chain, limit=3)) == 3


def test_faults_are_told_in_french(chain):
    """The operator reads where and what, in words."""
    _run(chain, delete(table).where(table.c.seq.in_([5, 6])))
    assert verify(chain.reader)[0].message == "enregistrements 5 à 6 : absent du journal"


def test_a_journal_longer_than_a_page_is_read_to_the_end(store, journal, now):
    """A fault after the first page is found."""
    futures = [journal.submit(Entry("note", {"n": n}, now)) for n in range(PAGE + 20)]
    futures[-1].result()
    with store.writer.begin() as connection:
        _disarm(connection)
    _run(store, update(table).where(table.c.seq == PAGE + 10).values(payload="{}"))
    assert _faults(store) == [("altered", PAGE + 10, PAGE + 10)]


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_set_of_changes_goes_unnoticed(tmp_path_factory, now, data):
    """Whatever numbers are removed, exchanged or overwritten, the chain that results is not whole."""
    original = _SEALED.setdefault("rows", None) or _seal(tmp_path_factory, now)
    rows = [dict(row) for row in original]
    for _ in range(data.draw(st.integers(1, 3))):
        _tamper(rows, data)
    if rows == original:
        return
    store = _SEALED["store"]
    _run(store, delete(table), *([insert(table).values(rows)] if rows else []))
    assert verify(store.reader) != []


_SEALED = {}


def _seal(tmp_path_factory, now):
    """Keep one chain of eight records, without triggers, for all the examples of a property."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('sealed') / 's.db'}")
    journal = Journal(store)
    for future in [journal.submit(Entry("note", {"n": n % 3}, now)) for n in range(8)]:
        future.result()
    journal.close()
    with store.writer.begin() as connection:
        _disarm(connection)
    _SEALED["store"] = store
    _SEALED["rows"] = [_row(store, seq) for seq in range(1, 9)]
    return _SEALED["rows"]


def _tamper(rows, data):
    if not rows:
        return
    place = st.integers(0, len(rows) - 1)
    first, second = data.draw(place), data.draw(place)
    match data.draw(st.sampled_from(["remove", "exchange", "copy", "overwrite"])):
        case "remove":
            del rows[first]
        case "exchange":
            rows[first], rows[second] = rows[second] | {"seq": rows[first]["seq"]}, rows[first] | {"seq": rows[second]["seq"]}
        case "copy":
            rows[first] = rows[second] | {"seq": rows[first]["seq"]}
        case "overwrite":
            column = data.draw(st.sampled_from(["at", "kind", "tenant", "payload", "prev_hash", "hash"]))
            rows[first][column] = data.draw(st.text(max_size=5))


def test_a_journal_that_grows_while_it_is_verified_has_no_fault(store, journal, now):
    """Verification judges one moment: records appended meanwhile are not taken for faults."""
    stop = threading.Event()

    def append():
        while not stop.is_set():
            journal.append("note", {}, now)

    appender = threading.Thread(target=append)
    appender.start()
    try:
        found = [verify(store.reader) for _ in range(30)]
    finally:
        stop.set()
        appender.join()
    assert found == [[]] * 30
