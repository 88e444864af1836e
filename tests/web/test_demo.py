"""The demonstration: fictitious everywhere, the same for the same day, and with something to see on every page."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from pertimage.audit.indicators import exam_weeks
from pertimage.audit.patient_answers import answers_by_quarter
from pertimage.audit.restitution_due import all_recalled
from pertimage.audit.restitution_measures import by_site
from pertimage.audit.restitution_reading import followed_of, signed_between, unannounced
from pertimage.audit.review import Decision, ReviewState
from pertimage.audit.store import PARIS, utc_datetime
from pertimage.audit.survey import Surveys
from pertimage.audit.survey_results import difference
from pertimage.audit.tables import activity as exams
from pertimage.audit.tables import feedback, requests, reviews
from pertimage.audit.tables import restitutions as restitution_entries
from pertimage.audit.verification import verify
from pertimage.web.demo import RealDataError, populate
from pertimage.web.demo.exams import EFFECT, MIX, activity
from pertimage.web.demo.orders import orders
from pertimage.web.demo.restitutions import SILENT_SITE
from pertimage.web.demo.sites import SITES
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.demonstration import LAST_DAY, demonstration


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Give the demonstration."""
    opened = demonstration(tmp_path_factory.mktemp("demo"))
    yield opened
    opened.close()


@pytest.fixture
def empty(tmp_path):
    """Give a service on an empty database."""
    opened = Service(Settings(demo=True, database=str(tmp_path / "empty.db")))
    yield opened
    opened.close()


def rows(service, *columns, where=()):
    """Return the rows of a query."""
    with service.store.reader.connect() as connection:
        return connection.execute(select(*columns).where(*where)).all()


def test_a_second_run_changes_nothing(service):
    """Populating again says so and writes no record, whatever the day."""
    head = service.journal.head()
    assert populate(service, date(2027, 3, 1)).startswith("déjà là")
    assert service.journal.head() == head


def test_real_data_is_never_mixed_with_the_demonstration(empty):
    """A database that holds anything else is left as it is."""
    empty.register.set_site("vrai", "Cabinet réel", at=empty.now())
    head = empty.journal.head()
    with pytest.raises(RealDataError, match="base neuve"):
        populate(empty, LAST_DAY)
    assert empty.journal.head() == head


def test_everything_is_fictitious(service):
    """No exam and no site passes for real, and the indicators of real data see nothing."""
    assert rows(service, func.count(), where=[exams.c.fictitious.is_(False)])[0][0] == 0
    assert len(service.register.sites(fictitious=True)) == 6
    assert service.register.sites(fictitious=False) == []
    assert exam_weeks(service.store, fictitious=False) == []


def test_the_same_day_gives_the_same_data(service):
    """Exams and requests depend on the last day alone."""
    catalogue = service.base.catalogue
    assert list(activity(catalogue, LAST_DAY)) == list(activity(catalogue, LAST_DAY))
    assert orders(service, LAST_DAY) == orders(service, LAST_DAY)
    assert [order.id for order in orders(service, date(2026, 11, 19))] != [order.id for order in orders(service, LAST_DAY)]


def test_exams_are_those_of_the_catalogue():
    """Each fictitious exam exists, under its own technique, and an effect only touches exams that are done."""
    from pertimage.guidelines.loader import load_base

    known = load_base().catalogue.exams
    assert {(exam, modality) for modality, mix in MIX.items() for exam in mix} <= {(exam.id, str(exam.modality)) for exam in known.values()}
    assert all(sum(mix.values()) == pytest.approx(1) for mix in MIX.values())
    assert set(EFFECT) <= {exam for mix in MIX.values() for exam in mix}


def test_the_volume_is_that_of_eighteen_months(service):
    """25 000 to 45 000 exams over 78 weeks, each technique present, nothing done after the last day."""
    ((count, first, last),) = rows(service, func.count(), func.min(exams.c.performed_at), func.max(exams.c.performed_at))
    assert 25_000 <= count <= 45_000
    assert 540 <= (utc_datetime(last) - utc_datetime(first)).days <= 556
    assert utc_datetime(last).astimezone(PARIS).date() <= LAST_DAY
    assert {row[0] for row in rows(service, exams.c.modality)} == set(MIX)


@pytest.mark.parametrize(("modality", "low", "high"), [("MR", 25, 48), ("CT", 8, 20), ("US", 6, 16), ("DX", 1, 4)])
def test_waits_are_plausible(service, modality, low, high):
    """Each site's median wait is that of its technique in France, and the mean is above it: waits are skewed."""
    for site in SITES:
        waits = sorted(
            row[0] for row in rows(service, exams.c.wait_hours, where=[exams.c.site == site.id, exams.c.modality == modality]) if row[0]
        )
        if waits:
            median = waits[len(waits) // 2]
            assert low * 24 <= median <= high * 24
            assert sum(waits) / len(waits) > median


def test_no_exam_is_judged_before_the_go_live(service):
    """Advice exists only for exams asked from the go-live on, and the witness has none."""
    go_lives = {site.id: site.go_live for site in service.register.sites()}
    judged = rows(
        service, exams.c.site, func.min(exams.c.requested_at), where=[exams.c.outcome.is_not(None), exams.c.site == "ch-valbrune"]
    )
    assert utc_datetime(judged[0][1]).astimezone(PARIS).date() >= go_lives["ch-valbrune"]
    (witness,) = [site for site, day in go_lives.items() if day is None]
    assert rows(service, func.count(), where=[exams.c.site == witness, exams.c.outcome.is_not(None)])[0][0] == 0


def test_the_worklist_has_work_and_emergencies_first(service):
    """About twenty-five requests wait, led by two or three emergencies of the last morning."""
    waiting = service.register.worklist()
    assert 18 <= len(waiting) <= 30
    emergencies = [row for row in waiting if row.pathway == "emergency"]
    assert 2 <= len(emergencies) <= 3
    assert waiting[: len(emergencies)] == emergencies
    assert all(utc_datetime(row.signed_at).astimezone(PARIS).date() == LAST_DAY for row in emergencies)


def test_every_kind_of_decision_is_there_and_motivated(service):
    """Validated, substituted, refused and asked requests exist; the prescriber reads why."""
    found = rows(service, reviews.c.state, reviews.c.decision, reviews.c.reason, reviews.c.question)
    decisions = Counter(decision for _, decision, _, _ in found if decision)
    assert {Decision.APPROVE.value, Decision.APPROVE_WITH_PROTOCOL.value, Decision.SUBSTITUTE.value, Decision.REFUSE.value} <= set(
        decisions
    )
    assert all(reason for _, decision, reason, _ in found if decision and decision != Decision.APPROVE)
    asked = [question for state, _, _, question in found if state == ReviewState.QUESTION]
    assert 2 <= len(asked) <= 6
    assert all(question.strip().endswith("?") for question in asked)
    assert any(state == ReviewState.DECIDED and question for state, _, _, question in found), "a question was answered, then decided"
    assert rows(service, func.count(), where=[feedback.c.outcome == "overridden"])[0][0] > 10


def test_the_demonstration_prescriber_has_requests(service):
    """« Mes demandes » is not empty, and holds an answer of the radiologist."""
    mine = service.register.my_requests(service.pseudonyms.prescriber("Dr Démo"))
    assert len(mine) >= 8
    assert any(row.state is ReviewState.DECIDED for row in mine)


def test_results_are_followed_and_some_are_late(service):
    """Most results are explained; the demonstration's prescriber has a few that are late, and one site says nothing of its reports."""
    table, today = service.base.tables.restitution, LAST_DAY
    mine = followed_of(service.store.reader, service.pseudonyms.prescriber("Dr Démo"), today - timedelta(days=180))
    assert 1 <= len(all_recalled(mine, table, today)) <= 8
    figures = by_site(signed_between(service.store.reader, today - timedelta(days=180), today, fictitious=True), table, today)
    assert [site for site, one in figures.items() if not one.reported] == [SILENT_SITE]
    assert sum(one.explained for one in figures.values()) > 0.6 * sum(one.reported for one in figures.values()) > 100
    assert unannounced(service.store.reader)
    latest = rows(service, func.max(restitution_entries.c.happened_at), func.max(restitution_entries.c.at))[0]
    assert max(map(utc_datetime, latest)) < datetime.combine(LAST_DAY, time(8), PARIS)


def test_requests_are_judged_like_any_other(service):
    """Each recorded answer is the one that the guidelines give of the request, and all outcomes occur."""
    found = service.register.my_requests(service.pseudonyms.prescriber("Dr Démo"))
    for order in orders(service, LAST_DAY)[::9]:
        row = service.register.request(order.id)
        assert row.assessments == [one.to_json() for one in service.judge(order.request)]
    assert found
    assert {row[0] for row in rows(service, requests.c.outcome)} == {
        "appropriate",
        "alternative",
        "not-indicated",
        "incomplete",
        "no-guidance",
    }


def test_nothing_comes_from_the_future(service):
    """Requests and decisions stop on the morning of the last day."""
    limit = datetime.combine(LAST_DAY, time(8), PARIS)
    ((signed,),) = rows(service, func.max(requests.c.signed_at))
    ((decided,),) = rows(service, func.max(reviews.c.decided_at))
    assert utc_datetime(signed) < limit
    assert utc_datetime(decided) < limit


def test_the_journal_of_the_demonstration_is_whole(service):
    """The chain has no fault."""
    assert verify(service.store.reader) == []


def test_the_demonstration_has_one_key_and_real_services_their_own():
    """Two processes of the demonstration make the same pseudonyms; outside of it the public key is never used."""
    first, second, real = Settings(demo=True, secret=""), Settings(demo=True, secret=""), Settings(demo=False, secret="")
    assert first.key == second.key
    assert real.key not in (first.key, Settings(demo=False, secret="").key)
    assert Settings(demo=True, secret="s" * 40).key == "s" * 40


def test_professionals_and_patients_answered(service):
    """A campaign before the first go-live, one after, both with results, one that can be answered; patients' answers enough to be counted."""
    surveys = Surveys(service.journal)
    before, after, current = surveys.campaigns()
    assert before.closes < min(start for site in SITES if (start := site.go_live(LAST_DAY))) < after.opens < after.closes < LAST_DAY
    assert current.is_open(LAST_DAY)
    change = difference(surveys.answers(before.id), surveys.answers(after.id))
    assert change.low > 0
    assert answers_by_quarter(service.store.reader)[-1].answers > 50
