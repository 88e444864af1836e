"""Self-assessments and group sessions in the journal, on each engine."""

from collections import Counter
from datetime import timedelta

import pytest

from pertimage.audit import lessons as module
from pertimage.audit.lessons import AlreadyAnswered, Lessons, NameTaken, SessionClosed, UnknownLesson
from pertimage.audit.projection import rebuild

QUESTIONS = (("lombalgie-commune", "a1"), ("cephalee", "b2"))


@pytest.fixture
def lessons(journal, now):
    """Return the lessons with a self-assessment of p1 and a session opened at noon."""
    found = Lessons(journal)
    found.open("seule", QUESTIONS, owner="p1", scope="rachis", guidelines="2026.11.0", at=now)
    found.open("ABCDEF", QUESTIONS, owner="equipe", scope="rachis", guidelines="2026.11.0", at=now, group=True)
    return found


def test_the_questions_stay_those_drawn(lessons, journal, now):
    """A reload, or a register rebuilt, gives the same questions."""
    assert lessons.lesson("seule").questions == QUESTIONS
    assert not lessons.lesson("seule").is_session
    rebuild(journal.store.writer)
    assert lessons.lesson("seule").questions == QUESTIONS
    assert [one.id for one in lessons.done_by("p1")] == ["seule"]
    with pytest.raises(NameTaken):
        lessons.open("seule", QUESTIONS, owner="p2", scope="rachis", guidelines="2026.11.0", at=now)
    with pytest.raises(UnknownLesson):
        lessons.lesson("autre")


def test_the_first_answer_counts(lessons, now):
    """Going back and answering better changes nothing; each person has their own answers."""
    lessons.answer("seule", 0, "aucun", right=False, who="p1", at=now)
    with pytest.raises(AlreadyAnswered):
        lessons.answer("seule", 0, "irm", right=True, who="p1", at=now)
    assert lessons.answers("seule", "p1")[0].right is False
    assert lessons.answers("seule", "p2") == {}


@pytest.mark.parametrize("rank", [-1, 2])
def test_a_question_that_is_not_there_is_refused(lessons, now, rank):
    """Only the questions drawn take answers."""
    with pytest.raises(UnknownLesson):
        lessons.answer("seule", rank, "aucun", right=True, who="p1", at=now)


def test_a_session_counts_without_names_and_ends_after_a_day(lessons, now):
    """The distribution says how many chose what; after a day nobody answers any more."""
    for who, choice in (("x", "aucun"), ("y", "aucun"), ("z", "irm")):
        lessons.answer("ABCDEF", 0, choice, right=choice == "aucun", who=who, at=now + timedelta(hours=23, minutes=59))
    assert lessons.distribution("ABCDEF") == {0: Counter({"aucun": 2, "irm": 1})}
    assert lessons.participants("ABCDEF") == 3
    later = now + timedelta(days=1)
    assert [lessons.lesson("ABCDEF").is_over(at) for at in (now, later)] == [False, True]
    with pytest.raises(SessionClosed):
        lessons.answer("ABCDEF", 1, "irm", right=False, who="x", at=later)
    assert [one.id for one in lessons.sessions_of("equipe", now)] == ["ABCDEF"]
    assert lessons.sessions_of("equipe", later) == []


def test_a_full_session_takes_nobody_else(lessons, now, monkeypatch):
    """Those who are in go on; one more is refused."""
    monkeypatch.setattr(module, "MOST_PARTICIPANTS", 2)
    for who in ("x", "y"):
        lessons.answer("ABCDEF", 0, "aucun", right=True, who=who, at=now)
    with pytest.raises(SessionClosed):
        lessons.answer("ABCDEF", 0, "aucun", right=True, who="z", at=now)
    lessons.answer("ABCDEF", 1, "aucun", right=True, who="x", at=now)
