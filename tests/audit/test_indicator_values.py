"""Indicators computed in SQL, against the same thing counted in Python; both engines."""

from __future__ import annotations

import random
import statistics
from datetime import UTC, date, datetime, timedelta

import pytest

from pertimage.audit.activity import add_activity
from pertimage.audit.indicator_values import Status, read
from pertimage.audit.instants import PARIS
from pertimage.audit.periods import Period
from pertimage.audit.programme import Mode
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.guidelines.indicator_forms import Cadence, Split
from pertimage.guidelines.indicators import load_indicators
from pertimage.guidelines.loader import load_base
from tests.audit.scenes import record
from tests.audit.test_activity import exam

NAMES = Pseudonyms("k" * 16)
TODAY = date(2026, 11, 23)
ALL = load_indicators()
CATALOGUE = load_base().catalogue


def values(register, name, *by, **more):
    """Return the values of an indicator that ships, by label of period and groups."""
    found = read(register.journal.store, ALL[name], CATALOGUE, by=by, today=TODAY, **more)
    assert not found.absent, found.absent
    return {(one.period.label, *one.groups): one for one in found.values}


def fill(register, now, exams):
    """Put exams in the register."""
    done = add_activity(register.journal, exams, NAMES, at=now)
    assert not done.rejected


def noon(day):
    """Return the noon of a day in France."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=PARIS)


def drawn(count=400, seed=3):
    """Return exams over sixteen months, of two sites and three techniques, whose waits are drawn."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        done = noon(date(2025, 6, 1) + timedelta(days=chance.randrange(480)))
        asked = done - timedelta(hours=chance.randrange(1, 1500))
        modality, name = chance.choice((("CT", "scanner-cerebral"), ("MR", "irm-genou"), ("DX", "radio-thorax")))
        about = {
            "site": chance.choice("ab"),
            "modality": modality,
            "exam": name,
            "age": chance.randrange(1, 95),
            "sex": chance.choice("FM"),
        }
        rows.append(exam(number, performed_at=done, requested_at=asked, rural=chance.choice((True, False)), **about))
    rows += [exam(f"end-{site}-{day}", site=site, performed_at=noon(day)) for site in "ab" for day in (date(2025, 6, 2), date(2026, 9, 30))]
    return rows


def month(row):
    """Return the month of an exam in France."""
    return f"{row.performed_at.astimezone(PARIS):%Y-%m}"


def test_counts_shares_and_quantiles_are_those_counted_by_hand(register, now):
    """By month, alone and by site, sex and rural life: the same as in Python."""
    rows = drawn()
    fill(register, now, rows)
    totals, irradiating = values(register, "total-imagerie"), values(register, "part-irradiante")
    medians, p90 = values(register, "delai-irm-median"), values(register, "delai-irm-p90")
    by_sex, by_rural = values(register, "total-imagerie", Split.SEX), values(register, "total-imagerie", Split.RURAL)
    for label in ("2025-07", "2026-01", "2026-08"):
        own = [row for row in rows if month(row) == label]
        assert totals[label,].value == len(own)
        assert irradiating[label,].value == pytest.approx(sum(row.modality in ("CT", "DX") for row in own) / len(own))
        waits = [(row.performed_at - row.requested_at).total_seconds() / 3600 // 1 / 24 for row in own if row.modality == "MR"]
        assert medians[label,].value == pytest.approx(statistics.median(waits))
        assert p90[label,].value == pytest.approx(statistics.quantiles(waits, n=10, method="inclusive")[8])
        assert by_sex[label, "F"].value == sum(row.sex == "F" for row in own)
        assert by_rural[label, "oui"].value == sum(row.rural is True for row in own)


def test_the_dose_is_that_of_the_catalogue_and_says_what_it_lacks(register, now):
    """Sum and mean of the doses known; exams without one are counted apart."""
    day = noon(date(2026, 3, 4))
    rows = [exam(n, modality="CT", exam="scanner-cerebral", performed_at=day) for n in range(3)]
    rows += [exam(9, modality="CT", performed_at=day), *(exam(f"e{n}", performed_at=noon(date(2026, n, 2))) for n in (2, 5))]
    fill(register, now, rows)
    one = values(register, "dose-estimee")["2026-03",]
    known = values(register, "dose-par-examen")["2026-03",]
    assert one.value == pytest.approx(3 * known.value)
    assert (one.n, one.unknown) == (3, 1)


def test_periods_are_those_of_france_and_partial_ones_are_not_compared(register, now):
    """The last hours in UTC of a month are the next month; a period that the data do not cover says so."""
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    fill(
        register,
        now,
        [exam(1, performed_at=late), exam(2, performed_at=noon(date(2026, 2, 2))), exam(3, performed_at=noon(date(2026, 5, 20)))],
    )
    found = values(register, "total-imagerie")
    assert (found["2026-03",].value, found["2026-04",].value) == (0, 1)
    assert (found["2026-04",].complete, found["2026-05",].complete) == (True, False)
    assert found["2026-05",].reference is None


def acts(year, site, counts):
    """Return exams of a year at a site: so many of each CCAM act."""
    rows = []
    for act, count in counts.items():
        modality, name = ("US", "echo-mammaire") if act == "QEQM001" else ("MG", "mammographie")
        for rank in range(count):
            day = noon(date(year, 1, 2) + timedelta(days=rank * 350 // max(count, 1)))
            rows.append(exam(f"{year}-{site}-{act}-{rank}", site=site, modality=modality, exam=name, ccam=act, performed_at=day))
    return rows + [
        exam(f"{year}-{site}-{end}", site=site, modality="CT", performed_at=noon(end)) for end in (date(year, 1, 2), date(year, 12, 31))
    ]


def test_the_regional_sheet_is_calculated_site_by_site(register, now):
    """+3 % in 2025 over 2024, then +5 %: each site against its own year before; ultrasound above the year before."""
    plan = {
        ("nord", 2023): (90, 50), ("nord", 2024): (100, 60), ("nord", 2025): (103, 60),
        ("sud", 2023): (190, 20), ("sud", 2024): (200, 20), ("sud", 2025): (205, 21),
    }  # fmt: skip
    for (site, year), (mammographies, ultrasounds) in plan.items():
        parts = {"QEQK001": mammographies // 2, "QEQK004": mammographies // 4}
        fill(register, now, acts(year, site, parts | {"QEQK005": mammographies - sum(parts.values()), "QEQM001": ultrasounds}))
    mammography, ultrasound = (values(register, name, Split.SITE) for name in ("regional-mammographies", "regional-echographies-mammaires"))
    nord, sud = (mammography["2025", site] for site in ("nord", "sud"))
    assert (nord.value, nord.reference, nord.target, nord.status) == (103, 100, pytest.approx(103), Status.MET)
    assert (sud.value, sud.target, sud.status) == (205, pytest.approx(206), Status.MISSED)
    assert mammography["2024", "nord"].status is Status.NONE
    assert [ultrasound["2025", site].status for site in ("nord", "sud")] == [Status.MISSED, Status.MET]


def test_without_codes_an_act_is_its_exam_of_the_catalogue(register, now):
    """An export without CCAM counts by the exam; one that bears another act is not that act."""
    day = noon(date(2024, 3, 3))
    rows = [
        exam(1, modality="MG", exam="mammographie", performed_at=day),
        exam(2, modality="MG", exam="mammographie", ccam="QEQK001", performed_at=day),
    ]
    rows += [exam(3, modality="MG", exam="mammographie", ccam="QEHB001", performed_at=day), exam(4, performed_at=noon(date(2025, 12, 31)))]
    fill(register, now, rows)
    assert values(register, "regional-mammographies")["2024",].value == 2
    assert values(register, "regional-echographies-mammaires")["2024",].value == 0


def test_silence_is_a_split_and_never_mixed_unseen(register, now):
    """Requests judged in silence and in service are told apart."""
    for rank in range(5):
        record(register, now - timedelta(days=40), request_id=f"s{rank}", signed=True, mode=Mode.SILENT)
    for rank in range(3):
        record(register, now - timedelta(days=40), request_id=f"o{rank}", signed=True)
    name = next(one.id for one in ALL.values() if Split.MODE in one.splits and str(one.measure) == "nombre")
    found = values(register, name, Split.MODE)
    assert {groups[1]: one.value for groups, one in found.items() if groups[0] == "2026-10"} == {"silent": 5, "on": 3}


def test_periods_have_names_that_come_back():
    """A label gives its period again; what is no label is refused."""
    for label, cadence in (("2026-03", Cadence.MONTH), ("2026-T4", Cadence.QUARTER), ("2026", Cadence.YEAR)):
        assert Period.named(label, cadence).label == label
    for label in ("2026-13", "2026-3", "T1-2026", "", "2026-T5"):
        with pytest.raises(ValueError, match=r".*"):
            Period.named(label, Cadence.QUARTER if "T" in label else Cadence.MONTH)
    assert Period.named("2026-01", Cadence.MONTH).year_before.label == "2025-01"
    assert Period.named("2026-T1", Cadence.QUARTER).previous.label == "2025-T4"


def test_every_indicator_can_be_read_on_an_empty_store(register):
    """Nothing to count is said, for each sheet and each split."""
    for one in ALL.values():
        for by in ((), *((split,) for split in one.splits)):
            found = read(register.journal.store, one, CATALOGUE, by=by, today=TODAY)
            assert found.absent or all(value.value in (None, 0) for value in found.values)
