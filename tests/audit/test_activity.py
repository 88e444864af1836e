from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from pertimage.audit.activity import BATCH, add_activity
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.tables import activity
from tests.audit.scenes import exam

NAMES = Pseudonyms("k" * 16)
DAY = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def _stored(journal):
    with journal.store.reader.connect() as connection:
        return [row._asdict() for row in connection.execute(select(activity).order_by(activity.c.accession))]


def test_identity_does_not_enter_the_store(store, journal, now):
    """Neither the register nor the journal holds the exam number, the patient's number or the age."""
    add_activity(journal, [exam("CC-998877", patient="INS 184127645108946", age=37.5, performed_at=DAY)], NAMES, at=now)
    (row,) = _stored(journal)
    assert (row["age_band"], row["patient"]) == ("30-39", NAMES.patient("INS 184127645108946"))
    with store.reader.connect() as connection:
        everything = str(row) + str(connection.exec_driver_sql("SELECT payload FROM journal").all())
    for secret in ("998877", "184127645108946", "37.5"):
        assert secret not in everything


def test_importing_again_changes_nothing(journal, now):
    """The same lines again add neither rows nor journal records."""
    rows = [exam(n, performed_at=DAY) for n in range(BATCH + 10)]
    assert add_activity(journal, rows, NAMES, at=now).added == BATCH + 10
    head = journal.head()
    again = add_activity(journal, iter(rows), NAMES, at=now + timedelta(days=1))
    assert (again.added, again.updated, again.unchanged) == (0, 0, BATCH + 10)
    assert (journal.head(), len(_stored(journal))) == (head, BATCH + 10)


def test_an_exam_that_has_moved_on_is_updated(journal, now):
    """An exam imported when it was scheduled gets its date and its wait once it is performed."""
    add_activity(journal, [exam(1, requested_at=DAY)], NAMES, at=now)
    assert _stored(journal)[0]["performed_week"] is None
    done = add_activity(journal, [exam(1, requested_at=DAY, performed_at=DAY + timedelta(days=9, hours=5))], NAMES, at=now)
    (row,) = _stored(journal)
    assert (done.updated, done.added, row["performed_week"], row["wait_hours"]) == (1, 0, "2026-03-09", 221)


def test_the_same_number_at_two_sites_is_two_exams(journal, now):
    """Exam numbers mean something only within their site."""
    done = add_activity(journal, [exam(1), exam(1, site="clinique"), exam(1)], NAMES, at=now)
    assert (done.added, done.unchanged) == (2, 1)


def test_a_performance_before_its_request_gives_no_wait(journal, now):
    """A negative delay is an error of data: the exam counts, its wait does not."""
    add_activity(journal, [exam(1, requested_at=DAY, performed_at=DAY - timedelta(hours=1))], NAMES, at=now)
    assert _stored(journal)[0]["wait_hours"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"exam": "IRM de Mme Durand"}, "examen"),
        ({"region": "épaule"}, "région"),
        ({"modality": "scanner"}, "modalité"),
        ({"age": 200}, "âge"),
        ({"performed_at": datetime(2026, 1, 1)}, "fuseau"),  # noqa: DTZ001 - what is tested
        ({"outcome": "parfait"}, "avis"),
        ({"site": "mon site"}, "site"),
    ],
)
def test_a_faulty_line_is_reported_and_the_others_kept(journal, now, change, reason):
    """Free text, impossible values and unknown words are left out, with their place and why."""
    faulty = {"site": "chu", "modality": "CT"} | change
    done = add_activity(journal, [exam(1), exam(2, **faulty), exam(3)], NAMES, at=now)
    assert done.added == 2
    ((place, message),) = done.rejected
    assert place == 2
    assert reason in message


def test_an_exam_without_number_is_reported(journal, now):
    """Without a number an exam could be counted twice."""
    done = add_activity(journal, [exam(1), *[exam(2).__class__(site="chu", accession=" ", modality="CT")]], NAMES, at=now)
    assert done.rejected == [(2, "numéro d'examen absent")]


def test_irradiation_follows_the_modality_unless_given(journal, now):
    """A hybrid technique can say what its code does not."""
    add_activity(
        journal,
        [exam(1, modality="CT"), exam(2, modality="MR"), exam(3, modality="ZZ"), exam(4, modality="ZZ", irradiating=True)],
        NAMES,
        at=now,
    )
    found = {row["accession"]: row["irradiating"] for row in _stored(journal)}
    assert [found[NAMES.accession("chu", f"A{n}")] for n in (1, 2, 3, 4)] == [True, False, None, True]
