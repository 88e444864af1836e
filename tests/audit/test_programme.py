"""The calendar: which mode on which day, what a file may say, and what the store keeps of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.audit.programme import Calendar, Entry, EventKind, Mode, problems, read_calendar, to_csv
from pertimage.audit.programme_register import AnotherCalendar, Programme, go_lives
from pertimage.audit.review import Refused
from tests.audit.scenes import record

STEPPED = Entry("chu", "", date(2026, 1, 5), date(2026, 4, 6), date(2026, 12, 1))
DAYS = st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2030, 1, 1)))


@pytest.mark.parametrize(
    ("day", "mode"),
    [
        (date(2026, 1, 4), Mode.BEFORE), (date(2026, 1, 5), Mode.SILENT), (date(2026, 4, 5), Mode.SILENT), (date(2026, 4, 6), Mode.ON),
        (date(2026, 11, 30), Mode.ON), (date(2026, 12, 1), Mode.OFF),
    ],
)  # fmt: skip
def test_each_day_has_its_mode(day, mode):
    """The first day of a step belongs to it."""
    assert STEPPED.mode(day) is mode


def test_a_group_has_its_own_dates_and_the_others_those_of_the_site():
    """Somebody without a group, or whose group has no line at that site, follows the site; a site without a line is on."""
    calendar = Calendar((STEPPED, Entry("chu", "vague-2", None, date(2026, 6, 1))), {"p2": "vague-2", "p3": "vague-9"})
    day = date(2026, 5, 1)
    assert [calendar.mode("chu", who, day) for who in ("p1", "p2", "p3")] == [Mode.ON, Mode.BEFORE, Mode.ON]
    assert calendar.mode("ailleurs", "p2", day) is Mode.ON


def test_steps_may_be_left_out():
    """Without a silent period, on from its day; without anything but silence, silent for good."""
    assert Entry("a", on_from=date(2026, 1, 1)).mode(date(2025, 1, 1)) is Mode.BEFORE
    assert Entry("a", silent_from=date(2026, 1, 1)).mode(date(2030, 1, 1)) is Mode.SILENT


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "vide"),
        ("site,silent_from,on_from\na,,", 1, "Colonne absente : off_from"),
        ("site,silent_from,on_from,off_from,couleur\n", 1, "Colonne inconnue : « couleur »"),
        ("site,silent_from,on_from,off_from\n", 1, "n'a pas de ligne"),
        ("site,silent_from,on_from,off_from\na,hier,,", 2, "silent_from : « hier »"),
        ("site,silent_from,on_from,off_from\na,2026-02-30,,", 2, "n'est pas un jour"),
        ("site,silent_from,on_from,off_from\na,2026-05-01,2026-04-01,", 2, "doit suivre silent_from"),
        ("site,silent_from,on_from,off_from\nCHU de Lyon,,2026-04-01,", 2, "sans espace"),
        ("site,silent_from,on_from,off_from\na,,,", 2, "Aucune date"),
        ("site,silent_from,on_from,off_from\na,,2026-04-01", 2, "3 cellules au lieu de 4"),
        ("site,silent_from,on_from,off_from\na,,2026-04-01,\na,,2026-04-02,", 3, "déjà à la ligne 2"),
    ],
)
def test_a_faulty_calendar_names_the_line(text, line, said):
    """And nothing of it is good."""
    entries, faults = read_calendar(text)
    assert entries == ()
    assert any(fault.line == line and said in fault.message for fault in faults), faults


def test_a_french_spreadsheet_is_read():
    """Semicolons, French dates, a mark at the start, an empty line."""
    entries, faults = read_calendar("\ufeffsite;silent_from;on_from;off_from\r\nchu;05/01/2026;6/4/2026;\r\n\r\n")
    assert faults == ()
    assert entries == (Entry("chu", "", date(2026, 1, 5), date(2026, 4, 6)),)


@given(st.lists(st.builds(Entry, st.sampled_from("abc"), st.sampled_from(["", "g1"]), DAYS, DAYS, DAYS), max_size=6))
def test_what_is_written_is_read_again(entries):
    """A calendar without fault survives its file; one with a fault is refused whole."""
    again, faults = read_calendar(to_csv(entries))
    good = bool(entries) and not any(list(problems(entry)) for entry in entries)
    good = good and len({(entry.site, entry.group) for entry in entries}) == len(entries)
    assert (again, bool(faults)) == (tuple(entries) if good else (), not good)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    """Nothing breaks the reader."""
    entries, faults = read_calendar(text)
    assert bool(entries) != bool(faults)


def test_the_store_keeps_calendar_groups_versions_and_events(register, now):
    """A second calendar replaces the first; the groups stay unless given; an event is cancelled, never erased."""
    programme = Programme(register.journal)
    programme.put([STEPPED], groups={"p2": "vague-2"}, author="Dr A", reason="début", at=now)
    programme.put([Entry("ch", on_from=date(2026, 3, 1))], author="Dr A", reason="correction", at=now + timedelta(minutes=1))
    calendar = programme.calendar()
    assert calendar.entries == (Entry("ch", on_from=date(2026, 3, 1)),)
    assert calendar.groups == {"p2": "vague-2"}
    assert [version.reason for version in programme.versions()] == ["correction", "début"]
    first = programme.note(EventKind.STRIKE, "grève", since=date(2026, 2, 1), until=date(2026, 2, 8), author="Dr A", at=now)
    programme.cancel(first, author="Dr A", at=now)
    programme.note("panne", "IRM", site="ch", since=date(2026, 3, 1), author="Dr A", at=now)
    assert [event.words for event in programme.events()] == ["IRM"]
    assert [event.cancelled for event in programme.events(cancelled=True)] == [True, False]
    with pytest.raises(Refused):
        programme.cancel(first, author="Dr A", at=now)


def test_what_cannot_be_is_refused(register, now):
    """Dates out of order, nobody who decides, an event that ends first; and a calendar changed meanwhile."""
    programme = Programme(register.journal)
    wrong = Entry("chu", "", date(2026, 4, 6), date(2026, 1, 5))
    for entries, author in (([wrong], "Dr A"), ([STEPPED], " ")):
        with pytest.raises(ValueError, match=r"doit suivre|Dites qui"):
            programme.put(entries, author=author, reason="essai", at=now)
    with pytest.raises(ValueError, match="finit avant"):
        programme.note("greve", "grève", since=date(2026, 2, 8), until=date(2026, 2, 1), author="a", at=now)
    programme.put([STEPPED], author="Dr A", reason="début", at=now, after=0)
    with pytest.raises(AnotherCalendar):
        programme.put([], author="Dr B", reason="fin", at=now, after=0)


def test_the_calendar_says_the_go_live_before_the_site_does(register, now):
    """The first group counts for its site; a site that the calendar keeps silent has none."""
    for site in ("a", "b", "c"):
        register.set_site(site, site, go_live=date(2026, 1, 1), at=now)
    entries = [
        Entry("a", "g2", on_from=date(2026, 6, 1)),
        Entry("a", "g1", on_from=date(2026, 5, 1)),
        Entry("b", silent_from=date(2026, 5, 1)),
    ]
    Programme(register.journal).put(entries, author="Dr A", reason="début", at=now)
    assert go_lives(register.journal.store.reader) == {"a": date(2026, 5, 1), "c": date(2026, 1, 1)}
    assert [site.go_live for site in register.sites()] == [date(2026, 5, 1), None, date(2026, 1, 1)]


def test_what_is_judged_in_silence_is_reviewed_by_nobody(register, now):
    """It is kept and counted, an emergency included; signed later or at once."""
    record(register, now, request_id="s1", flagged=True, signed=True, mode=Mode.SILENT)
    record(register, now, request_id="s2", pathway="emergency", mode=Mode.SILENT)
    register.sign("s2", author="p1", at=now)
    assert register.worklist() == []
    assert all(register.request(name).silent for name in ("s1", "s2"))
    record(register, now, request_id="a1", flagged=True, signed=True)
    assert [row.id for row in register.worklist()] == ["a1"]
