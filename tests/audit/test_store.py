import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from pertimage.audit.chain import GENESIS, canonical, digest
from pertimage.audit.evaluation_tables import survey_answers, surveys
from pertimage.audit.store import MIGRATIONS, monday, open_store, upgrade, utc_datetime, utc_text
from pertimage.audit.tables import alerts, journal, journal_head, metadata, missing_items, sites
from pertimage.audit.verification import verify
from tests.audit.scenes import record

FIRST, LAST = datetime(1900, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zones
INSTANTS = st.datetimes(timezones=st.timezones(), allow_imaginary=False, min_value=FIRST, max_value=LAST)


def test_migrations_and_tables_describe_the_same_schema(store):
    """The migrated database is the one that the code describes."""
    with store.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_keeps_the_data(store_url, journal, now):
    """An up-to-date store is left as it is."""
    journal.append("note", {"x": 1}, now)
    upgrade(store_url)
    assert journal.head().seq == 1


def test_a_store_of_the_first_schema_gets_its_registers_from_the_journal(store_url, now):
    """Upgrading keeps the journal, and computes the registers again from it."""
    old = open_store(store_url, migrate=False)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    at, payload = utc_text(now), canonical({"id": "chu", "name": "CHU", "go_live": None, "fictitious": False})
    record = {"seq": 1, "at": at, "kind": "site", "tenant": "", "payload": payload, "prev_hash": GENESIS}
    with old.writer.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        value = digest(1, at, "site", "", payload, GENESIS)
        connection.execute(journal.insert(), record | {"hash": value})
        connection.execute(journal_head.update(), {"seq": 1, "hash": value})
        connection.execute(sites.insert(), {"id": "ancien", "name": "Ancien", "fictitious": False})
    old.close()
    new = open_store(store_url)
    with new.reader.connect() as connection:
        assert connection.execute(select(sites.c.id)).scalars().all() == ["chu"]
    assert verify(new.reader) == []
    new.close()


def test_requests_there_before_get_what_they_lack_and_their_alerts(store, register, now):
    """The registers of missing items and alerts are filled, from the journal, as if they had always been there."""
    record(register, now, request_id="d", missing=["duree"])
    record(register, now, request_id="d", missing=["motif!", "grossesse"], alerts=[("redundancy", "warning")] * 2, signed=True)
    record(register, now)
    register.set_site("chu", "CHU", at=now)

    def rows():
        with store.reader.connect() as connection:
            return [sorted(map(tuple, connection.execute(select(table)))) for table in (missing_items, alerts)]

    before = rows()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    earlier = ScriptDirectory.from_config(config).get_revision("0015").down_revision
    with store.writer.begin() as connection:
        for table in (missing_items, alerts, survey_answers, surveys):
            table.drop(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = :earlier"), {"earlier": earlier})
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
    assert [len(found) for found in before] == [2, 1]
    assert rows() == before


def test_several_processes_may_create_the_store_at_once(store_url):
    """Of processes that start together on an empty place, one creates the schema and all go on."""
    program = "import sys; from pertimage.audit.store import open_store; open_store(sys.argv[1]).close()"
    processes = [subprocess.Popen([sys.executable, "-c", program, store_url], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 3
    opened = open_store(store_url, migrate=False)
    assert inspect(opened.writer).has_table("journal")
    opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET payload = '{}' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM journal",
    ],
)
def test_the_database_refuses_to_change_the_journal(store, journal, now, statement):
    """A record can be neither changed nor deleted, even by SQL."""
    journal.append("note", {"x": 1}, now)
    with pytest.raises(DBAPIError, match="append-only"), store.writer.begin() as connection:
        connection.execute(text(statement))


def test_sqlite_refuses_to_replace_a_record(tmp_path, now):
    """REPLACE, which deletes without firing the DELETE trigger, is refused too."""
    opened = open_store(f"sqlite:///{tmp_path / 's.db'}")
    row = {"seq": 1, "at": utc_text(now), "kind": "note", "tenant": "", "payload": "{}", "prev_hash": "", "hash": ""}
    with opened.writer.begin() as connection:
        connection.execute(journal.insert(), row)
    with pytest.raises(DBAPIError, match="append-only"), opened.writer.begin() as connection:
        connection.execute(journal.insert().prefix_with("OR REPLACE"), row)
    opened.close()


@pytest.mark.postgres
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_truncate_the_journal(store):
    """TRUNCATE, which fires no row trigger, is refused too."""
    with pytest.raises(DBAPIError, match="append-only"), store.writer.begin() as connection:
        connection.execute(text("TRUNCATE journal"))


def test_the_reader_cannot_write(store):
    """Reading code cannot change the store by mistake."""
    with pytest.raises(DBAPIError), store.reader.begin() as connection:
        connection.execute(text("INSERT INTO settings VALUES ('a', 'b', 'c')"))


def test_the_reader_does_not_wait_for_the_writer(store):
    """A page can be read while a transaction writes."""
    with store.writer.begin() as writing:
        writing.execute(text("INSERT INTO settings VALUES ('a', 'b', 'c')"))
        with store.reader.connect() as reading:
            assert reading.execute(text("SELECT count(*) FROM settings")).scalar_one() == 0


def test_sqlite_commits_are_durable_and_the_file_private(tmp_path):
    """SQLite runs in WAL mode with full synchronisation, in a file that only its owner reads."""
    path = tmp_path / "new folder" / "s.db"
    opened = open_store(f"sqlite:///{path}")
    with opened.writer.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened.close()


@pytest.mark.postgres
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_postgresql_commits_are_durable_whatever_the_server_says(store_url):
    """A server that acknowledges before it writes is told to wait for the disk."""
    opened = open_store(store_url.replace("-csearch_path", "-csynchronous_commit%3Doff%20-csearch_path"))
    with opened.writer.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    opened.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/base"])
def test_a_store_that_could_lose_data_is_refused(url):
    """A store in memory, or on an engine never tried, is an error and not a surprise."""
    with pytest.raises(ValueError, match="store"):
        open_store(url)


def test_a_naive_instant_is_refused():
    """A date and time without a zone has no place in the store."""
    with pytest.raises(ValueError, match="time zone"):
        utc_text(datetime(2026, 1, 1))  # noqa: DTZ001 - what is tested


@given(INSTANTS, INSTANTS)
def test_the_order_of_stored_instants_is_their_order_in_time(first, second):
    """Stored instants sort as text, whatever zone they came from."""
    assert (utc_text(first) < utc_text(second)) == (first.astimezone(UTC) < second.astimezone(UTC))
    assert utc_datetime(utc_text(first)) == first.astimezone(UTC)
    assert len(utc_text(first)) == 27


def test_a_week_starts_on_monday_at_midnight_in_paris():
    """A Monday given without time belongs to its own week, though it is still Sunday in UTC."""
    paris = timezone(timedelta(hours=1))
    assert monday(utc_text(datetime(2026, 3, 2, 0, 0, tzinfo=paris))) == "2026-03-02"
    assert monday(utc_text(datetime(2026, 3, 1, 23, 59, tzinfo=paris))) == "2026-02-23"
