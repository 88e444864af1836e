import csv
import json
from datetime import date, timedelta

import pytest
from typer.testing import CliRunner

from pertimage.audit.working_days import is_working
from pertimage.web.cli import app

RUN = CliRunner()
HEADER = ("Site", "N° examen", "Examen", "Date de demande", "Date de réalisation")
CALENDAR = "site,silent_from,on_from,off_from\nCH du Nord,2025-05-05,2025-07-07,\nCabinet du Port,,,\n"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Import a raw export where one exam falls from 5 to 4 a working day at the go-live of one site; return the database."""
    folder = tmp_path_factory.mktemp("evaluation")
    rows = []
    for site in ("CH du Nord", "Cabinet du Port"):
        days = [date(2024, 7, 1) + timedelta(n) for n in range(670)]
        for rank, day in enumerate(filter(is_working, days)):
            live = site == "CH du Nord" and day >= date(2025, 7, 7)
            for _ in range((4 if live else 5) + (rank * 7) % 3 - 1):
                done = day + timedelta(14 if live else 20)
                rows.append((site, f"E{len(rows)}", "IRM du genou", f"{day:%d/%m/%Y}", f"{done:%d/%m/%Y}"))
    with (folder / "export.csv").open("w", encoding="cp1252", newline="") as file:
        csv.writer(file, delimiter=";").writerows([HEADER, *rows])
    database = f"sqlite:///{folder}/a.db"
    done = RUN.invoke(app, ["import-activity", str(folder / "export.csv"), "--yes", "--database", database])
    assert done.exit_code == 0, done.output
    return database


def _run(folder, database, *words, calendar=CALENDAR):
    path = folder / "calendrier.csv"
    path.write_text(calendar)
    return RUN.invoke(app, ["evaluate", "--calendar", str(path), "--database", database, *words])


def test_from_the_raw_export_to_the_ratios(tmp_path, imported):
    """Unattended: sites named as in the export, the fall found with its interval, the wait too, the comparator told."""
    done = _run(tmp_path, imported, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    one = found["per_exam"]["irm-genou"]["per_site"]["ch-du-nord"]
    assert one["level_rate_ratio"]["low"] < 0.8 < one["level_rate_ratio"]["high"]
    assert one["level_rate_ratio"]["ratio"] == pytest.approx(0.8, abs=0.05)
    assert one["wait_ratio"]["ratio"] == pytest.approx(0.7, abs=1e-4)
    assert one["controlled"]["level_rate_ratio"]["ratio"] == pytest.approx(0.8, abs=0.05)
    assert one["sensitivity"]
    assert found["calendar"][0] == {"site": "ch-du-nord", "silent_from": "2025-05-05", "on_from": "2025-07-07", "off_from": None}
    assert list(found["per_site"]) == ["ch-du-nord"]


def test_a_person_reads_a_table(tmp_path, imported):
    """The same on a terminal, without the runs of sensitivity."""
    done = _run(tmp_path, imported, "--rapide")
    assert done.exit_code == 0, done.output
    assert "irm-genou" in done.stdout
    assert "0,70" in done.stdout


def test_faults_of_the_calendar_name_their_line(tmp_path, imported):
    """Nothing is evaluated with a faulty calendar."""
    done = _run(tmp_path, imported, "--json", calendar=CALENDAR + "CH du Sud,2025-05-32,,\n")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "calendrier.csv:4 : silent_from : « 2025-05-32 »" in done.stderr


def test_without_activity_or_calendar_it_says_what_to_do(tmp_path, imported):
    """Exit code 2, and the next thing to do."""
    RUN.invoke(app, ["calendar", "show", "--database", f"sqlite:///{tmp_path}/new.db"])
    absent = _run(tmp_path, f"sqlite:///{tmp_path}/absent.db", "--json")
    assert (absent.exit_code, "base introuvable" in absent.stderr) == (2, True)
    none = RUN.invoke(app, ["evaluate", "--json", "--database", imported])
    assert (none.exit_code, "Aucun calendrier en vigueur" in none.stderr) == (2, True)
