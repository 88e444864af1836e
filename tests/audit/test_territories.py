"""The territory in the journal: each state that judged is there once, and a past judgement is made again with its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from pertimage.audit.past import past_requests
from pertimage.audit.projection import rebuild
from pertimage.audit.tables import territories
from pertimage.audit.territories import RecordedTerritories, UnknownTerritoryError
from pertimage.audit.verification import verify
from pertimage.cds.territory import Territory, Wait
from tests.audit.scenes import values

WAIT = Wait("chu", "CHU", "MR", 21.0, 44.0, 120)


def test_a_state_is_kept_once(register, store, now):
    """The same waits learnt again add nothing; others add one; the chain holds."""
    first = register.keep_territory(Territory((WAIT,)), at=now)
    again = register.keep_territory(Territory((WAIT,)), at=now + timedelta(hours=1))
    other = register.keep_territory(Territory((WAIT,), frozenset({"MR"})), at=now)
    with store.reader.connect() as connection:
        assert connection.execute(select(func.count()).select_from(territories)).scalar_one() == 2
    assert first == again
    assert first.digest != other.digest
    assert verify(store.reader) == []


def test_a_past_request_has_the_territory_that_judged_it(register, store, now):
    """Read back, an assessment names its own territory though another holds since; a record without one has an empty one."""
    request, lines = values()
    first = register.keep_territory(Territory((WAIT,)), at=now)
    register.record_assessment(request, lines, site="cabinet", prescriber="p1", at=now, territory=first.digest)
    register.keep_territory(Territory((WAIT,), frozenset({"MR"})), at=now)
    register.record_assessment(request, lines, site="cabinet", prescriber="p1", at=now)
    assert [one.territory for one in past_requests(store)] == [first, Territory()]


def test_an_unknown_digest_is_said(register, store):
    """A journal that names a territory it does not hold is not read as if nothing was known."""
    with pytest.raises(UnknownTerritoryError):
        RecordedTerritories(store.reader).territory("f" * 64)


def test_places_replace_each_other_and_survive_a_rebuild(register, store, now):
    """The last catalogue holds, in the order of names, and comes back from the journal alone."""
    register.set_places([{"id": "x", "name": "Ancien"}], at=now)
    register.set_places([{"id": "b", "name": "Foix", "techniques": ["MR"]}, {"id": "a", "name": "Auch"}], at=now)
    before = register.places()
    assert [one["name"] for one in before] == ["Auch", "Foix"]
    rebuild(store.writer)
    assert register.places() == before
