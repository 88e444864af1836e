"""What prescribers are still to be told, and what became of the mails made, on each engine."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from pertimage.audit.notifications import AlreadySettled, AlreadyTold, How, Notifications, State
from pertimage.audit.tables import journal
from tests.audit.scenes import record


@pytest.fixture
def told(register, now):
    """Give the notifications of a store where p1 wants a mail for each answer."""
    found = Notifications(register.journal)
    found.choose("p1", How.EACH, at=now)
    return found


def asked(register, at, prescriber="p1", **line):
    """Return a signed request on which a question was asked."""
    request = record(register, at, prescriber=prescriber, flagged=True, signed=True, **line)
    register.decide(request, "demander-complement", reason="Depuis quand ?", radiologist="r", at=at)
    return request


def events(told, before=None):
    """Return (urgent, reminder) of what awaits the only prescriber concerned; nothing when nobody is."""
    return [(event.urgent, event.reminder) for one in told.awaiting(before) for event in one.events]


def sent(told, at, before=None):
    """Make the mail of the only prescriber concerned leave."""
    (one,) = told.awaiting(before)
    seq = told.leave(one, at=at)
    told.settle(seq, State.SENT, at=at)
    return seq


@pytest.mark.parametrize(
    ("decision", "about", "count"),
    [
        ("valider", {}, 0),
        ("valider-avec-protocole", {"reason": "sans injection"}, 1),
        ("substituer", {"reason": "moins irradiant", "exam": "irm-genou"}, 1),
        ("refuser", {"reason": "inutile"}, 1),
        ("reporter", {"reason": "après la kiné", "until": date(2027, 1, 5)}, 1),
        ("demander-complement", {"reason": "Depuis quand ?"}, 1),
    ],
)
def test_what_changes_something_is_told(register, told, now, decision, about, count):
    """Every decision but a plain approval."""
    request = record(register, now, flagged=True, signed=True)
    register.decide(request, decision, radiologist="r", at=now, **about)
    assert len(events(told)) == count


def test_what_goes_on_between_radiologists_is_not_told(register, told, now):
    """Taking a request, giving it to a colleague, a second opinion: nothing waits for the prescriber."""
    request = record(register, now, flagged=True, signed=True)
    register.claim(request, radiologist="r", at=now)
    register.ask_opinion(request, "Avec injection ?", radiologist="r", to="r2", at=now)
    register.give_opinion(request, "Sans", radiologist="r2", at=now)
    register.hand_over(request, radiologist="r", to="r2", at=now)
    assert events(told) == []


def test_requests_received_from_a_colleague_are_told(register, told, now):
    """Who takes over the requests of a prescriber who left is told, at once when an urgent question waits there."""
    asked(register, now, "p0", priority="urgent")
    register.succeed("p0", "p1", author="x", at=now)
    assert (True, False) in events(told)


@pytest.mark.parametrize(("line", "urgent"), [({}, False), ({"priority": "urgent"}, True), ({"pathway": "emergency"}, True)])
def test_a_question_on_an_urgent_request_is_pressing(register, told, now, line, urgent):
    """By its priority or its pathway; a decision on it is not."""
    asked(register, now, **line)
    assert events(told) == [(urgent, False)]
    decided = record(register, now, flagged=True, signed=True, **line)
    register.decide(decided, "refuser", reason="inutile", radiologist="r", at=now)
    assert events(told)[1] == (False, False)


def test_what_no_longer_waits_is_not_told(register, told, now):
    """A question answered, a request withdrawn, before any mail left."""
    register.answer(asked(register, now), "hier", author="p1", at=now)
    register.withdraw(asked(register, now), author="p1", at=now)
    assert events(told) == []


def test_nothing_before_the_first_wish_nor_after_the_last(register, told, now):
    """Wishing starts with what comes next; changing when keeps what waits; wishing no more ends all."""
    asked(register, now, "p2")
    told.choose("p2", How.EACH, at=now)
    assert events(told) == []
    asked(register, now, "p2")
    told.choose("p2", How.DAILY, at=now)
    assert [one.how for one in told.awaiting()] == [How.DAILY]
    told.choose("p2", How.NEVER, at=now)
    told.choose("p2", How.EACH, at=now)
    assert events(told) == []
    assert told.choice("p3").how is How.NEVER
    with pytest.raises(ValueError, match="parfois"):
        told.choose("p2", "parfois", at=now)


def test_one_mail_tells_all_and_only_once(register, told, now):
    """Of two runs that saw the same, one makes a mail; a third sees nothing."""
    asked(register, now)
    asked(register, now)
    (seen,) = told.awaiting()
    told.settle(told.leave(seen, at=now), State.SENT, at=now)
    with pytest.raises(AlreadyTold):
        told.leave(seen, at=now)
    assert events(told) == []
    asked(register, now)
    assert len(events(told)) == 1


def test_no_second_mail_while_the_fate_of_the_first_is_unknown(register, told, now):
    """What happens meanwhile waits."""
    asked(register, now)
    told.leave(told.awaiting()[0], at=now)
    asked(register, now)
    with pytest.raises(AlreadyTold):
        told.leave(told.awaiting()[0], at=now)


def test_a_mail_refused_is_to_be_made_again_with_what_came_since(register, told, now):
    """Nothing of a failure is lost; a doubt is not told again."""
    asked(register, now)
    seq = told.leave(told.awaiting()[0], at=now)
    asked(register, now)
    told.settle(seq, State.FAILED, at=now, why="SMTPDataError 451")
    assert len(events(told)) == 2
    told.settle(told.leave(told.awaiting()[0], at=now), State.UNSURE, at=now)
    assert events(told) == []
    assert [mail.state for mail in told.mails("p1")] == [State.UNSURE, State.FAILED]
    with pytest.raises(AlreadySettled):
        told.settle(seq, State.SENT, at=now)


def test_a_failure_does_not_bring_back_what_a_prescriber_gave_up(register, told, now):
    """Wishing no more, then again, while a mail fails: what came before stays untold."""
    asked(register, now)
    seq = told.leave(told.awaiting()[0], at=now)
    told.choose("p1", How.NEVER, at=now)
    told.choose("p1", How.EACH, at=now)
    told.settle(seq, State.FAILED, at=now)
    assert events(told) == []


def test_a_question_is_reminded_of_once_counted_from_when_it_was_told(register, told, now):
    """Not before; not after an answer; not twice; again when the reminder was refused."""
    request = asked(register, now)
    sent(told, now + timedelta(days=2))
    assert events(told, now + timedelta(days=1)) == []
    after = now + timedelta(days=3)
    assert events(told, after) == [(False, True)]
    told.settle(told.leave(told.awaiting(after)[0], at=after), State.FAILED, at=after)
    assert events(told, after) == [(False, True)]
    sent(told, after, after)
    assert events(told, after) == []
    register.answer(request, "hier", author="p1", at=after)
    register.decide(request, "demander-complement", reason="Et la fièvre ?", radiologist="r", at=after)
    assert events(told, after) == [(False, False)]
    sent(told, after)
    register.answer(request, "non", author="p1", at=after)
    assert events(told, after + timedelta(days=9)) == []


def test_no_address_nor_name_enters_the_journal(register, told, now):
    """The records of a mail hold a pseudonym and numbers."""
    asked(register, now)
    sent(told, now)
    query = select(journal.c.payload).where(journal.c.kind.startswith("notification")).order_by(journal.c.seq)
    with register.journal.store.reader.connect() as connection:
        kept = connection.execute(query).scalars().all()
    assert kept[0] == '{"how":"chaque","prescriber":"p1"}'
    assert kept[1].startswith('{"after":1,"prescriber":"p1","reminders":[],"through":')
    assert kept[2].endswith('"state":"parti","why":""}')
