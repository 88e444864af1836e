"""The versions of sheets that the service has served."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pertimage.audit.journal import Journal
from pertimage.audit.projection import rebuild
from pertimage.audit.register import Register
from pertimage.audit.verification import verify
from pertimage.guidelines.edition import read_edition
from tests.audit.scenes import edition


@pytest.fixture
def other(store) -> Iterator[Register]:
    """Return the registers as another process sees them."""
    journal = Journal(store)
    yield Register(journal)
    journal.close()


def test_a_version_is_kept_once(register, now):
    """A version served again, by this process or after a restart, is not written again and keeps its date."""
    assert register.keep_editions([edition("Un")], guidelines="2026.1", at=now) == 1
    assert register.keep_editions([edition("Un")], guidelines="2026.2", at=now + timedelta(days=1)) == 0
    (row,) = register.editions("essai")
    assert (row.digest, row.guidelines, row.since) == (edition("Un").digest, "2026.1", "2026-11-23T12:00:00.000000Z")


def test_the_latest_version_comes_first(register, now):
    """The versions of a sheet are listed from the latest; those of another sheet are not among them."""
    for day, title in enumerate(("Un", "Deux")):
        register.keep_editions([edition(title)], guidelines=f"2026.{day}", at=now + timedelta(days=day))
    assert [row.guidelines for row in register.editions("essai")] == ["2026.1", "2026.0"]
    assert register.editions("autre") == []


def test_a_version_is_read_back_as_it_was_written(register, now):
    """What is kept gives the same edition, in the order of its authors."""
    one = edition("Un")
    register.keep_editions([one], guidelines="2026.1", at=now)
    back = read_edition(register.edition("essai", one.digest))
    assert back == one
    assert list(back.form.rules[0].positions) == ["z", "a"]
    assert register.edition("essai", "inconnue\0") is None


def test_versions_come_back_from_the_journal(register, store, now):
    """Rebuilding the registers finds every version again, in an intact chain."""
    register.keep_editions([edition("Un"), edition("Deux")], guidelines="2026.1", at=now)
    before = register.editions("essai")
    rebuild(store.writer)
    assert register.editions("essai") == before
    assert verify(store.reader) == []


def test_of_two_processes_one_writes(register, other, now, monkeypatch):
    """Two processes that saw the same absence write one record, whoever comes second."""
    monkeypatch.setattr("pertimage.audit.published.known", lambda _: set())
    written = [each.keep_editions([edition("Un")], guidelines="2026.1", at=now) for each in (register, other)]
    assert written == [1, 0]
    assert register.journal.head().seq == 1
