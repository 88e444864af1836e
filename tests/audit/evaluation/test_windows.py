from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pertimage.audit.evaluation.exams import UNKNOWN
from pertimage.audit.evaluation.windows import Basis, basis_of, window
from tests.audit.evaluation.drawn import LAST, drawn

ALL = drawn({"chu": None}, {"irm-genou": (3.0, 1.0)}, wait=20)


def test_exams_are_counted_by_their_request_when_nearly_all_have_one():
    """Under 95 % of requests dated, by the day they were done."""
    assert basis_of(ALL) is Basis.REQUESTED
    hidden = np.where(np.arange(len(ALL)) % 10 == 0, UNKNOWN, ALL.requested)
    assert basis_of(replace(ALL, requested=hidden)) is Basis.PERFORMED


def test_an_export_of_requests_is_used_whole():
    """Exams asked until the last day are there, done later: nothing is left out."""
    found = window(ALL, Basis.REQUESTED)
    assert (found.first, found.cut, found.stray) == (date(2024, 1, 2), 0, 0)
    assert (LAST - found.last).days < 3


def test_an_export_of_exams_done_loses_both_ends():
    """What was done between two days lacks the last requests, and has of the earlier ones those that waited long."""
    first, last = date(2024, 7, 1).toordinal(), date(2026, 3, 31).toordinal()
    done = ALL.only((ALL.performed >= first) & (ALL.performed <= last))
    found = window(done, Basis.REQUESTED)
    assert 40 <= found.cut <= 70
    assert window(done, Basis.REQUESTED, done.wait * 2).cut == pytest.approx(2 * found.cut, abs=1)
    assert window(done, Basis.REQUESTED, done.wait[:5] * 2).cut == found.cut, "too few waits to tell"
    assert abs((found.first - date(2024, 7, 1)).days) <= 2
    assert (date.fromordinal(last) - found.last).days >= found.cut
    assert window(done, Basis.PERFORMED).cut == 0


def test_a_mistaken_date_does_not_stretch_the_series():
    """An exam of 2011 among those of three years is left out and counted."""
    requested = ALL.requested.copy()
    requested[0] = date(2011, 1, 1).toordinal()
    found = window(replace(ALL, requested=requested), Basis.REQUESTED)
    assert (found.first.year, found.stray) == (2024, 1)


def test_no_day_is_no_window():
    """A site without any dated exam covers nothing."""
    assert window(replace(ALL, performed=np.full(len(ALL), UNKNOWN)), Basis.PERFORMED) is None
