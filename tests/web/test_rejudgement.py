"""Dated rules, and what a draft would change on past requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import orjson
import pytest

from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, Outcome, TextPart
from pertimage.web.archive import read_folder
from pertimage.web.rejudgement import Rejudgement
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.drafts import SHEET, rewritten, small_base, untouched, without_emergencies
from tests.web.test_cli import run

LAST_YEAR, TODAY = date(2025, 6, 1), date(2026, 11, 22)
SAID = "lumbago depuis 5 j, pas de déficit, apyrétique"
REQUEST = ImagingRequest("r1", "IRM rachis lombaire", texts=(TextPart("reasonCode", SAID),), age=38, authored=LAST_YEAR)
GRAVE = replace(REQUEST, id="r2", texts=(TextPart("reasonCode", "lombalgie depuis 5 j, ne peut plus uriner"),))
MRI_NOT_INDICATED = "si: {duree: {moins_de: 3 mois}}\n    positions: {irm-rachis-lombaire: non_indique"
MRI_INDICATED = MRI_NOT_INDICATED.replace("non_indique", "indique")


@pytest.fixture(scope="module")
def old_folder():
    """Give the folder of a small base."""
    return untouched()[0]


@pytest.fixture(scope="module")
def new_folder(tmp_path_factory):
    """Give a draft where MRI of a recent low back pain is indicated."""
    return rewritten(small_base(tmp_path_factory.mktemp("brouillon") / "base"), MRI_NOT_INDICATED, MRI_INDICATED)


@pytest.fixture(scope="module")
def old():
    """Give the small base."""
    return untouched()[1]


@pytest.fixture(scope="module")
def new(new_folder):
    """Give its draft."""
    return read_folder(new_folder)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    """Give a base whose sheet is replaced by another on the first of January 2026."""
    folder = small_base(tmp_path_factory.mktemp("date") / "base")
    rewritten(folder, "jusqu_a: null", "jusqu_a: 2026-01-01")
    text = (folder / SHEET).read_text(encoding="utf-8")
    next_one = text.replace("id: lombalgie-commune", "id: lombalgie-commune-2026", 1).replace(
        "depuis: 2019-04-04, jusqu_a: 2026-01-01", "depuis: 2026-01-01, jusqu_a: null", 1
    )
    next_one = next_one.replace(MRI_NOT_INDICATED, MRI_INDICATED, 1)
    (folder / SHEET.replace("lombalgie-commune", "lombalgie-commune-2026")).write_text(next_one, encoding="utf-8")
    return read_folder(folder)


def test_the_rules_of_last_year_give_last_years_answer(dated, old):
    """A request of last year is judged as it was then, byte for byte but the version; the same words today by today's sheet."""
    (then,) = assess(REQUEST, dated)
    (before,) = assess(REQUEST, old)
    assert replace(then, guidelines="") == replace(before, guidelines="")
    assert (then.outcome, then.rule) == (Outcome.NOT_INDICATED, "lombalgie-commune/recente")
    (now,) = assess(replace(REQUEST, authored=TODAY), dated)
    assert (now.outcome, now.rule) == (Outcome.APPROPRIATE, "lombalgie-commune-2026/recente")
    assert assess(REQUEST, dated, on=TODAY)[0].rule == now.rule


def test_the_last_day_of_a_sheet_is_the_eve_of_its_end(dated):
    """On the day written as its end, a sheet no longer judges, and the next one does."""
    assert assess(REQUEST, dated, on=date(2025, 12, 31))[0].rule == "lombalgie-commune/recente"
    assert assess(REQUEST, dated, on=date(2026, 1, 1))[0].rule == "lombalgie-commune-2026/recente"


def test_what_changes_is_counted_by_rule(old, new):
    """From → to, how often, by which rule, with a few ids and no word of the request."""
    found = Rejudgement(old, new)
    for number in range(8):
        found.add(f"demande-{number}", REQUEST)
    found.add("autre", GRAVE)
    told = found.to_json()
    assert (told["requests"], told["requests_changed"]) == (9, 8)
    (change,) = told["changes"]
    assert (change["rule_before"], change["rule_after"], change["count"]) == ("lombalgie-commune/recente", "lombalgie-commune/recente", 8)
    assert (change["from"]["outcome"], change["to"]["outcome"]) == ("not-indicated", "appropriate")
    assert change["examples"] == [f"demande-{number}" for number in range(5)]
    assert "lumbago" not in "\n".join(found.report())


def test_an_emergency_no_longer_told_comes_first(old, tmp_path):
    """A draft that forgets a red flag is denounced before anything else."""
    folder = without_emergencies(small_base(tmp_path / "base"))
    found = Rejudgement(old, read_folder(rewritten(folder, MRI_NOT_INDICATED, MRI_INDICATED)))
    for _ in range(3):
        found.add("calme", REQUEST)
    found.add("grave", GRAVE)
    assert found.changes()[0][0].gravity == 0
    assert "1 urgence ne serait plus dite" in "\n".join(found.report())


def test_the_same_base_changes_nothing(old):
    """A draft equal to the base changes nothing."""
    found = Rejudgement(old, old)
    found.add("r", REQUEST)
    assert (found.moved, found.changes()) == (0, [])


def test_the_command_replays_the_requests_of_a_database(old, old_folder, new_folder, tmp_path):
    """The requests recorded are judged again, by the rules of their day, and only their ids are told."""
    database = tmp_path / "j.db"
    service = Service(Settings(demo=True, database=str(database)), old)
    kept = service.register.record_assessment(
        REQUEST, service.judge(REQUEST), site="s", prescriber="p", at=datetime(2025, 6, 1, 9, tzinfo=UTC), policy=service.policy
    )
    service.close()
    done = run("guidelines", "replay", "--dossier", old_folder, "--brouillon", new_folder, "--database", database, "--json")
    assert done.returncode == 0, done.stderr.decode()
    told = orjson.loads(done.stdout)
    assert [(one["count"], one["examples"]) for one in told["changes"]] == [(1, [kept])]


def test_the_command_replays_a_file(new_folder, old_folder, tmp_path):
    """A table of requests will do."""
    path = tmp_path / "demandes.csv"
    path.write_text(f"texte;examen;age\n{SAID};IRM rachis lombaire;38\n".replace("déficit, ", "déficit "), encoding="utf-8")
    done = run("guidelines", "replay", "--dossier", old_folder, "--brouillon", new_folder, path)
    assert done.returncode == 0, done.stderr.decode()
    assert "pas d'imagerie utile à ce stade → pertinent" in done.stdout.decode()
    assert "demandes.csv:2" in done.stdout.decode()


def test_a_draft_that_cannot_be_read_is_refused_with_its_fault(tmp_path, old_folder):
    """File, line and remedy on the error output; nothing is replayed."""
    draft = rewritten(small_base(tmp_path / "base"), "regles:", "regle:")
    done = run("guidelines", "replay", "--dossier", old_folder, "--brouillon", draft, "--database", tmp_path / "x.db")
    assert done.returncode == 2
    assert "lombalgie-commune.yaml, ligne" in done.stderr.decode()
