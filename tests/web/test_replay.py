"""A past period judged again: what the service would have said, month by month, and what differs from then."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from pertimage.cds.model import ImagingRequest, Outcome, TextPart
from pertimage.web.archive import read_folder
from pertimage.web.cli import app
from pertimage.web.replay import Given, Replay
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.drafts import rewritten, small_base, untouched

RUN = CliRunner()
SAID = "lumbago depuis 5 j, pas de déficit, apyrétique"
REQUEST = ImagingRequest("r1", "IRM rachis lombaire", texts=(TextPart("reasonCode", SAID),), age=38, authored=date(2026, 6, 1))
GRAVE = replace(REQUEST, id="r2", texts=(TextPart("reasonCode", "lombalgie depuis 5 j, ne peut plus uriner"),), authored=date(2026, 7, 3))
NOT_INDICATED = "si: {duree: {moins_de: 3 mois}}\n    positions: {irm-rachis-lombaire: non_indique"


@pytest.fixture(scope="module")
def draft(tmp_path_factory):
    """Give the folder of a draft where MRI of a recent low back pain is indicated."""
    return rewritten(
        small_base(tmp_path_factory.mktemp("brouillon") / "base"), NOT_INDICATED, NOT_INDICATED.replace("non_indique", "indique")
    )


@pytest.fixture
def database(tmp_path):
    """Give a store with three requests: two at one site in June and July, one at another."""
    service = Service(Settings(demo=True, database=str(tmp_path / "j.db")), untouched()[1])
    for request, site, day in ((REQUEST, "nord", 1), (GRAVE, "nord", 3), (replace(REQUEST, id="r3"), "sud", 5)):
        at = datetime(2026, 6 if request is REQUEST else 7, day, 9, tzinfo=UTC)
        service.register.record_assessment(request, service.judge(request), site=site, prescriber="p", at=at, policy=service.policy)
    service.close()
    return str(tmp_path / "j.db")


def told(*words):
    """Return what a replay tells as JSON."""
    done = RUN.invoke(app, ["replay", *map(str, words), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_answers_are_counted_by_month_and_exam(draft):
    """Emergencies and flags apart; what was answered then is compared, the emergency no longer told first."""
    old, new = untouched()[1], read_folder(draft)
    service = Replay(old)
    for request in (REQUEST, GRAVE):
        service.add(Given(request, request.authored))
    assert (service.exams, service.emergencies, service.compared) == (2, 1, 0)
    assert service.to_json()["months"]["2026-06"]["not-indicated"] == 1
    assert list(service.to_json()["per_exam"]) == ["irm-rachis-lombaire"]
    again = Replay(new)
    from pertimage.cds.assess import assess

    again.add(Given(REQUEST, REQUEST.authored, answers=assess(REQUEST, old)))
    again.add(Given(GRAVE, GRAVE.authored, answers=assess(GRAVE, old)))
    assert (again.compared, again.changed, again.outcomes[Outcome.APPROPRIATE] >= 1) == (2, 1, True)
    assert "pas d'imagerie utile à ce stade → pertinent" in "\n".join(again.report())
    assert "référentiel en brouillon" in next(again.report())


def test_a_period_and_a_site_are_chosen(database, draft):
    """Days included at both ends; today's guidelines, or a draft."""
    assert told("--database", database)["requests"] == 3
    assert told("--database", database, "--depuis", "2026-06-01", "--jusqu-a", "01/06/2026")["requests"] == 1
    assert told("--database", database, "--site", "sud")["requests"] == 1
    drafted = told("--database", database, "--brouillon", draft, "--site", "nord")
    assert (drafted["requests"], drafted["compared"]) == (2, 2)
    assert drafted["changed"] == 1


def test_files_are_replayed_before_any_go_live(tmp_path):
    """A table of requests, without any store; a day that cannot be known is left out of a period."""
    path = tmp_path / "demandes.csv"
    path.write_text(f"texte;examen;age\n{SAID};IRM rachis lombaire;38\n".replace("déficit, ", "déficit "), encoding="utf-8")
    assert told(path)["requests"] == 1
    none = RUN.invoke(app, ["replay", str(path), "--jusqu-a", "1999-01-01"])
    assert (none.exit_code, "Aucune demande dans cette période" in none.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [([], "fichiers de demandes ou --database"), (["x.csv", "--depuis", "2026-02-01", "--jusqu-a", "2026-01-01"], "précède")],
)
def test_an_order_without_sense_is_refused(words, why, monkeypatch):
    """In French, with exit code 2."""
    monkeypatch.delenv("PERTIMAGE_DATABASE", raising=False)
    done = RUN.invoke(app, ["replay", *words])
    assert (done.exit_code, why in done.stderr) == (2, True)
