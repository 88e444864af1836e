"""The satisfaction survey: scoring, campaigns, one answer an account, and what may be told of the answers."""

import statistics
from datetime import date, timedelta

import pytest
from scipy import stats
from sqlalchemy import select

from pertimage.audit.evaluation_tables import survey_answers
from pertimage.audit.review import Refused
from pertimage.audit.survey import (
    AlreadyAnswered,
    Answer,
    NotOpen,
    Overriding,
    Reason,
    Role,
    Subject,
    Surveys,
    answer_key,
    sus_score,
)
from pertimage.audit.survey_results import LEAST, difference, results, score_of

DAY = date(2026, 3, 10)
WEEK = timedelta(days=6)
MIDDLE = (3,) * 10


@pytest.fixture
def surveys(journal):
    """Give the surveys of a store."""
    return Surveys(journal)


@pytest.fixture
def campaign(surveys, now):
    """Open a campaign of a week."""
    return surveys.open("Avant", Subject.USUAL, opens=DAY, closes=DAY + WEEK, author="Équipe", at=now)


def marked(score):
    """Return ten marks of a score that a multiple of 2.5 can have: steps above the lowest marks, shared out."""
    steps = [min(4, max(0, round(score / 2.5) - 4 * rank)) for rank in range(10)]
    return tuple(step + 1 if rank % 2 == 0 else 5 - step for rank, step in enumerate(steps))


def given(score=50.0, role=Role.PRESCRIBER, site="chu", **more):
    """Return an answer of a score."""
    return Answer(role, site, marked(score), **more)


@pytest.mark.parametrize(
    ("marks", "score"),
    [((5, 1) * 5, 100.0), ((1, 5) * 5, 0.0), (MIDDLE, 50.0), ((4, 2) * 5, 75.0), ((4, 1, 5, 2, 3, 3, 4, 2, 5, 1), 80.0), ((5,) * 10, 50.0)],
)
def test_the_score_follows_the_published_rule(marks, score):
    """Odd questions count mark − 1, even ones 5 − mark; the sum of ten times 2.5."""
    assert sus_score(marks) == score


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"sus": (3,) * 9}, "dix questions"),
        ({"sus": (3,) * 9 + (6,)}, "de 1 à 5"),
        ({"trust": 9}, "de 1 à 5"),
        ({"reasons": (Reason.TIME,)}, "passer outre"),
        ({"reasons": (Reason.TIME,), "overriding": Overriding.NEVER}, "passer outre"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(about, said):
    """Each question has one mark, and a reason goes with going past the advice."""
    with pytest.raises(ValueError, match=said):
        Answer(**({"role": Role.OTHER, "site": "", "sus": MIDDLE} | about))


def test_an_answer_comes_back_as_it_was_given(surveys, campaign, now):
    """With all that can be said, and with the least."""
    full = given(62.5, speed=4, usefulness=2, trust=5, overriding=Overriding.OFTEN, reasons=(Reason.WISH, Reason.OTHER))
    surveys.answer(campaign, "a" * 64, full, day=DAY, at=now)
    surveys.answer(campaign, "b" * 64, given(site=""), day=DAY + WEEK, at=now)
    assert surveys.answers(campaign) == [full, given(site="")]


def test_an_account_answers_once_and_its_key_differs_from_a_campaign_to_another(surveys, campaign, now):
    """The second answer is refused; without the secret, two answers of a person do not meet."""
    key = answer_key("s" * 40, campaign, "Dr A")
    surveys.answer(campaign, key, given(), day=DAY, at=now)
    with pytest.raises(AlreadyAnswered, match="déjà répondu"):
        surveys.answer(campaign, key, given(80.0), day=DAY, at=now)
    assert [one.score for one in surveys.answers(campaign)] == [50.0]
    assert surveys.has_answered(campaign, key)
    assert not surveys.has_answered("autre", key)
    assert (
        len({key, answer_key("s" * 40, "autre", "Dr A"), answer_key("t" * 40, campaign, "Dr A"), answer_key("s" * 40, campaign, "Dr B")})
        == 4
    )


def test_the_register_holds_neither_name_nor_instant(surveys, campaign, store, now):
    """What is kept of an answer cannot be put beside who was there, nor in which order they answered."""
    surveys.answer(campaign, answer_key("s" * 40, campaign, "Dr A"), given(), day=DAY, at=now)
    with store.reader.connect() as connection:
        (row,) = connection.execute(select(survey_answers)).all()
    assert set(row._mapping) == {"survey", "key", "role", "site", "sus", "speed", "usefulness", "trust", "overriding", "reasons"}
    assert "Dr A" not in str(tuple(row))


def test_a_campaign_is_answered_on_its_days_only(surveys, campaign, now):
    """From its first day to its last; closed, no more; unknown, never."""
    for day in (DAY - timedelta(days=1), DAY + WEEK + timedelta(days=1)):
        assert surveys.current(day) is None
        with pytest.raises(NotOpen):
            surveys.answer(campaign, "a" * 64, given(), day=day, at=now)
    assert surveys.current(DAY + WEEK).id == campaign
    surveys.close(campaign, day=DAY + WEEK, author="Équipe", at=now)
    assert surveys.current(DAY + WEEK) is None
    assert surveys.current(DAY + WEEK - timedelta(days=1)).id == campaign
    with pytest.raises(NotOpen, match="déjà finie"):
        surveys.close(campaign, day=DAY + WEEK, author="Équipe", at=now)
    with pytest.raises(NotOpen):
        surveys.answer("inconnue", "a" * 64, given(), day=DAY, at=now)


def test_two_campaigns_do_not_share_a_day(surveys, campaign, now):
    """Once the first is closed its remaining days are free."""
    about = {"opens": DAY + WEEK, "closes": DAY + 2 * WEEK, "author": "Équipe", "at": now}
    with pytest.raises(Refused, match="« Avant »"):
        surveys.open("Après", Subject.SERVICE, **about)
    surveys.close(campaign, day=DAY + WEEK, author="Équipe", at=now)
    surveys.open("Après", Subject.SERVICE, **about)
    assert [(one.title, one.subject) for one in surveys.campaigns()] == [("Avant", Subject.USUAL), ("Après", Subject.SERVICE)]


@pytest.mark.parametrize(("title", "closes", "said"), [(" ", DAY, "un nom"), ("A", DAY - WEEK, "avant de commencer")])
def test_a_campaign_that_cannot_be_is_refused(surveys, now, title, closes, said):
    """Without a name, or with an end before its beginning."""
    with pytest.raises(ValueError, match=said):
        surveys.open(title, Subject.USUAL, opens=DAY, closes=closes, author="Équipe", at=now)


SCORES = [42.5, 50.0, 55.0, 60.0, 62.5, 70.0, 72.5, 80.0, 97.5]
LATER = [60.0, 62.5, 70.0, 75.0, 80.0, 82.5, 90.0, 95.0]


def test_the_mean_has_students_interval():
    """As scipy computes it; nothing under eight answers; kept within the scale."""
    score = score_of(SCORES)
    low, high = stats.t.interval(0.95, len(SCORES) - 1, statistics.fmean(SCORES), stats.sem(SCORES))
    assert (score.mean, score.low, score.high) == pytest.approx((statistics.fmean(SCORES), low, high))
    assert score_of(SCORES[: LEAST - 1]) is None
    assert score_of([100.0] * 7 + [77.5]).high == 100.0


def test_two_campaigns_compare_by_welch():
    """As scipy computes it; nothing with too few answers, nor without any spread."""
    before, after = ([given(score) for score in scores] for scores in (SCORES, LATER))
    found = difference(before, after)
    interval = stats.ttest_ind(LATER, SCORES, equal_var=False).confidence_interval(0.95)
    assert (found.points, found.low, found.high) == pytest.approx((statistics.fmean(LATER) - statistics.fmean(SCORES), *interval))
    assert difference(before, after[: LEAST - 1]) is None
    assert difference([given()] * LEAST, [given(60.0)] * LEAST) is None


def test_results_count_classes_own_questions_and_reasons():
    """Ends of the classes included; what was left without answer is in no denominator; reasons are those of who goes past the advice."""
    answers = [given(score, trust=mark) for score, mark in ((20.0, 4), (22.5, 3), (80.0, 5), (100.0, None))]
    answers += [given(overriding=Overriding.OFTEN, reasons=(Reason.TIME, Reason.WISH)), given(overriding=Overriding.NEVER), given()]
    found = results(answers)
    assert found.classes == (1, 1, 3, 1, 1)
    assert (found.trust.agreed, found.trust.answered, found.speed.answered) == (2, 3, 0)
    assert (found.overriding, found.past, found.reasons) == (
        {Overriding.OFTEN: 1, Overriding.NEVER: 1}, 1, {Reason.TIME: 1, Reason.WISH: 1},
    )  # fmt: skip
    assert found.score is None


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"a": 8, "b": 8}, {"a", "b"}),
        ({"a": 20, "b": 8, "c": 7}, {"a"}),
        ({"a": 20, "b": 9, "c": 4, "d": 4}, {"a", "b"}),
        ({"a": 8, "b": 1}, set()),
        ({"a": 7}, set()),
    ],
)
def test_a_small_group_cannot_be_had_by_subtraction(sizes, told):
    """Groups under eight answers are hidden, and the next smallest with them while those hidden are fewer than eight together."""
    found = results([given(site=site) for site, size in sizes.items() for _ in range(size)])
    assert set(found.sites) == set(sizes)
    assert {site for site, score in found.sites.items() if score is not None} == told
