"""Waits learnt from activity: what the last weeks say, and when they say nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pertimage.audit.activity import add_activity
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.waits import SiteWait, current_waits
from tests.audit.scenes import exam

DAY = timedelta(days=1)


def done(number, now, waited, **more):
    """Return an exam done yesterday that had waited so many days."""
    return exam(number, performed_at=now - DAY, requested_at=now - DAY - waited * DAY, **more)


@pytest.fixture
def learnt(register, now):
    """Record exams and return the waits of that day."""

    def learn(rows, **about):
        add_activity(register.journal, rows, Pseudonyms("k" * 16), at=now)
        return current_waits(register.journal.store.reader, now.date(), **about)

    return learn


def test_median_and_ninetieth_percentile_by_site_and_technique(learnt, now):
    """Each site and technique has its own; sites are not mixed."""
    rows = [done(n, now, n, modality="MR") for n in range(1, 11)] + [
        done(100 + n, now, 2, site="cabinet", modality="US") for n in range(12)
    ]
    assert learnt(rows) == [SiteWait("cabinet", "US", 2.0, 2.0, 12), SiteWait("chu", "MR", 5.0, 9.0, 10)]


def test_few_exams_say_nothing(learnt, now):
    """Nine exams give no wait: it is not known."""
    assert learnt([done(n, now, 3) for n in range(9)]) == []


def test_old_exams_and_those_without_request_do_not_count(learnt, now):
    """Only the last months, and only what says when it was asked for."""
    old = [exam(n, performed_at=now - 200 * DAY, requested_at=now - 220 * DAY) for n in range(20)]
    unknown = [exam(100 + n, performed_at=now - DAY) for n in range(20)]
    assert learnt(old + unknown) == []
    assert learnt([], window=400) == [SiteWait("chu", "CT", 20.0, 20.0, 20)]
