"""The summary of activity says what the exams say, whatever happened to them."""

import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, text

from pertimage.audit.activity import COLUMNS, add_activity
from pertimage.audit.indicators import exam_weeks, quantile
from pertimage.audit.instants import monday, paris_day, utc_text
from pertimage.audit.projection import rebuild
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.store import open_store
from pertimage.audit.summary.cells import packed, unpacked
from pertimage.audit.summary.reading import region_rows, regions, spans
from pertimage.audit.summary.refresh import refresh
from pertimage.audit.summary_tables import SUMMARY, activity_changes, activity_summary
from pertimage.audit.tables import activity
from tests.audit.scenes import exam

REFRESH = Path(__file__).parent / "programs" / "refresh.py"
NAMES = Pseudonyms("k" * 16)
START = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)  # Saturday night in France, an hour and a half before the clocks change
LEVELS = ((), ("site",), ("modality",), ("site", "modality"))
OUTCOMES = (None, None, "appropriate", "no-guidance")


def _add(journal, exams):
    assert add_activity(journal, exams, NAMES, at=START).rejected == []


def _append(journal, *changes, **columns):
    """Write a record of exams as an import does, and leave the summary as it is."""
    blank = dict.fromkeys(COLUMNS) | {"site": "chu", "modality": "CT", "irradiating": True, "fictitious": False} | columns
    rows = [blank | change for change in changes]
    journal.append("activity", {"columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}, START)


def _drawn(draw, number):
    """Return an exam in one of many states; the same number is the same exam, which may have moved on or back."""
    performed = START + timedelta(hours=draw.randrange(24 * 30)) if draw.random() < 0.9 else None
    requested = performed - timedelta(hours=draw.randrange(-5, 200)) if performed and draw.random() < 0.8 else None
    return exam(
        number, site=draw.choice(["chu", "lac"]), modality=draw.choice(["CT", "MR", "ZZ"]), region=draw.choice([None, "genou", "rachis"]),
        outcome=draw.choice(OUTCOMES), performed_at=performed, requested_at=requested, fictitious=draw.random() < 0.2,
    )  # fmt: skip


def _shown(store, fictitious):
    """Return all that pages read of the summary."""
    found = {by: [_plain(week) for week in exam_weeks(store, by=by, fictitious=fictitious)] for by in LEVELS}
    names = regions(store, fictitious=fictitious)
    counts = {name: sorted(tuple(row)[1:] for row in region_rows(store, name, fictitious=fictitious)) for name in names}
    return found, spans(store, fictitious=fictitious), names, counts


def _plain(week):
    outcomes = {outcome.value: count for outcome, count in week.outcomes.counts.items() if count}
    counts = (week.exams, week.irradiating, week.irradiation_known, week.waits, week.wait_median, week.wait_p90)
    return week.week, week.site, week.modality, *counts, outcomes


def _truth(store, fictitious):
    """Return the same, from each exam."""
    with store.reader.connect() as connection:
        rows = [row for row in connection.execute(select(activity)) if row.performed_at and row.fictitious == fictitious]
    found = {}
    for by in LEVELS:
        groups = defaultdict(list)
        for row in rows:
            groups[row.performed_week, row.site if "site" in by else None, row.modality if "modality" in by else None].append(row)
        found[by] = [_week(key, members) for key, members in sorted(groups.items())]
    days = defaultdict(list)
    for row in rows:
        days[row.site].append(date.fromisoformat(paris_day(row.performed_at)))
    in_regions, counts = Counter(row.region for row in rows if row.region), defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.region:
            counts[row.region][row.performed_week, row.site, row.modality, row.region].append(row.irradiating)
    names = sorted(in_regions, key=lambda name: (-in_regions[name], name))
    told = {name: sorted((*key, *_rays(rays)) for key, rays in cells.items()) for name, cells in counts.items()}
    return found, {site: (min(own), max(own)) for site, own in days.items()}, names, told


def _rays(rays):
    return len(rays), rays.count(True), len(rays) - rays.count(None)


def _week(key, members):
    hours = Counter(row.wait_hours for row in members if row.wait_hours is not None)
    waits = [quantile(sorted(hours.items()), share) for share in (0.5, 0.9)]
    outcomes = Counter(row.outcome for row in members if row.outcome)
    quantiles = [None if wait is None else wait / 24 for wait in waits]
    return date.fromisoformat(key[0]), *key[1:], *_rays([row.irradiating for row in members]), hours.total(), *quantiles, dict(outcomes)


def _is_right(store):
    return all(_shown(store, fictitious) == _truth(store, fictitious) for fictitious in (False, True))


@pytest.mark.parametrize("seed", range(3))
def test_the_summary_says_what_the_exams_say(store, journal, seed):
    """Exams that come, move on, change week, technique or outcome, are told as if they were counted anew; so after a rebuild."""
    draw = random.Random(seed)
    for _ in range(6):
        _add(journal, [_drawn(draw, draw.randrange(40)) for _ in range(draw.randrange(1, 40))])
        assert _is_right(store)
    rebuild(store.writer)
    assert _is_right(store)
    _add(journal, [_drawn(draw, number) for number in range(50)])
    assert _is_right(store)


def test_quantiles_of_many_waits_are_exact(store, journal):
    """Hundreds of waits of several sites and techniques together, in no order."""
    draw, at = random.Random(9), START + timedelta(days=1)
    changes = [
        {
            "accession": str(number),
            "site": draw.choice(["chu", "lac"]),
            "modality": draw.choice(["CT", "MR"]),
            "requested_at": utc_text(at - timedelta(hours=draw.randrange(900))),
        }
        for number in range(600)
    ]
    _append(journal, *changes, performed_at=utc_text(at))
    assert _is_right(store)


def test_what_the_summary_lacks_is_merged_before_it_is_shown(store, journal):
    """A record that no import merged, of another process for example, is on the next view; one of two exams that leaves the other."""
    at = utc_text(START)
    refresh(store)
    _append(journal, {"accession": "1"}, {"accession": "2"}, performed_at=at, outcome="appropriate")
    assert [week.exams for week in exam_weeks(store)] == [2]
    _append(journal, {"accession": "1"}, performed_at=None)
    assert [week.exams for week in exam_weeks(store)] == [1]
    assert _is_right(store)


def test_a_record_that_does_not_say_all_of_an_exam_leaves_the_rest(store, journal):
    """Earlier programs wrote fewer columns: what they do not say stays as it was, in the summary too."""
    _append(journal, {"accession": "1"}, performed_at=utc_text(START), outcome="appropriate", region="genou")
    refresh(store)
    few = ["site", "accession", "modality", "fictitious", "requested_at", "performed_at"]
    at = utc_text(START + timedelta(days=9))
    journal.append("activity", {"columns": few, "rows": [["chu", "1", "CT", False, None, at]]}, START)
    (week,) = exam_weeks(store)
    assert (week.week.isoformat(), week.outcomes.judged) == (monday(at), 1)
    assert _is_right(store)


@pytest.mark.parametrize("computed", [False, True])
def test_two_processes_bring_it_up_to_date_at_once(store_url, store, journal, computed):
    """Each change is merged exactly once; so when the summary is computed."""
    if computed:
        refresh(store)
    for number in range(8):
        _append(journal, {"accession": str(number)}, {"accession": "moved"}, performed_at=utc_text(START + timedelta(days=number)))
    processes = [_refreshing(store_url) for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait() for process in processes] == [0, 0]
    with store.reader.connect() as connection:
        assert connection.execute(select(activity_changes)).all() == []
    assert _is_right(store)


@pytest.mark.parametrize("computed", [False, True])
def test_a_process_killed_in_the_middle_leaves_right_answers(store_url, store, journal, computed):
    """Nothing is merged twice nor lost, whether changes were being merged or the summary computed."""
    if computed:
        refresh(store)
    _append(journal, {"accession": "1"}, {"accession": "2"}, performed_at=utc_text(START))
    process = _refreshing(store_url, "kill")
    process.communicate("go\n")
    assert process.returncode == -signal.SIGKILL
    assert [week.exams for week in exam_weeks(store)] == [2]


def _refreshing(store_url, *how):
    process = subprocess.Popen([sys.executable, str(REFRESH), store_url, *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_summary_changed_by_hand_is_computed_again(store, journal):
    """A change that takes away what the summary does not hold shows that it is wrong: it is not shown."""
    _add(journal, [exam(n, performed_at=START, requested_at=START - timedelta(days=2)) for n in range(3)])
    with store.writer.begin() as connection:
        connection.execute(text("UPDATE activity_cells SET counts = '[[null,true,null,0]]'"))
    _add(journal, [exam(1, modality="MR", performed_at=START)])
    assert _is_right(store)


def test_exams_there_before_the_summary_are_in_it(store, journal):
    """A store of the schema before has exams and no summary: it is computed when first read."""
    _add(journal, [_drawn(random.Random(4), number) for number in range(30)])
    with store.writer.begin() as connection:
        for table in SUMMARY:
            connection.execute(table.delete())
        connection.execute(activity_summary.update().values(seq=None))
    assert _is_right(store)


@pytest.mark.parametrize("hours", [[], [0, 5, 65_535], [3, 70_000]])
def test_waits_are_kept_to_the_hour(hours):
    """However long they are."""
    assert unpacked(packed(np.array(hours, np.int64))).tolist() == hours


def test_looking_exams_up_uses_the_index(tmp_path):
    """On SQLite, five thousand numbers are looked for one by one, not the exams read through."""
    opened = open_store(f"sqlite:///{tmp_path / 's.db'}")
    query = "SELECT modality FROM activity WHERE site = 'a' AND accession IN (SELECT value FROM json_each('[1]'))"
    with opened.reader.connect() as connection:
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    opened.close()
    assert "SEARCH activity USING INDEX sqlite_autoindex_activity_1 (site=? AND accession=?)" in plan
