"""The pages, the files, the FHIR resources and the command of the indicators: the same figures, protected alike."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from pertimage.web.app import create_app
from pertimage.web.cli import app
from tests.web.demonstration import demonstration
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person, plain

PLACE = "/evaluation/indicateurs"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Give a client of the demonstration."""
    service = demonstration(tmp_path_factory.mktemp("indicateurs"))
    with TestClient(create_app(service=service)) as opened:
        yield opened
    service.close()


def lines(client, name, by=""):
    """Return the lines of an indicator's file."""
    answer = client.get(f"{PLACE}/{name}.csv", params={"par": by} if by else {})
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


def test_the_list_says_each_value_with_its_period_and_target(client):
    """Every sheet is there, in its chapter; nothing proposed passes for official."""
    text = plain(client.get(PLACE).text)
    for words in ("Tous les examens d'imagerie", "Délai d'IRM, médiane", "Mammographies (QEQK001, QEQK004, QEQK005)", "exemple"):
        assert words in text
    assert "Une cible atteinte n'est pas un effet démontré" in text


def test_a_sheet_is_shown_with_its_definition_its_values_and_its_limits(client):
    """By site too; the chart is drawn."""
    text = plain(client.get(f"{PLACE}/irm?par=site").text)
    assert "Centre hospitalier de Valbrune" in text
    assert client.get(f"{PLACE}/irm.svg").headers["content-type"] == "image/svg+xml"


def test_no_exact_count_leaves(client):
    """Counts are multiples of 5 or hidden, in the file as in FHIR; shares are those of rounded counts."""
    for row in (*lines(client, "irm", "site"), *lines(client, "part-irradiante", "site")):
        for key in ("numerateur", "denominateur", "n"):
            assert not row[key].isdecimal() or int(row[key]) % 5 == 0, row
    share = next(row for row in lines(client, "part-irradiante") if row["numerateur"].isdecimal())
    whole = 100 * int(share["numerateur"]) / int(share["denominateur"])
    assert float(share["valeur"].replace(",", ".")) == pytest.approx(whole, abs=0.05)
    found = client.get("/fhir/MeasureReport?measure=irm").json()
    counts = [
        one["count"]
        for entry in found["entry"]
        for group in entry["resource"]["group"]
        for one in group.get("population", [])
        if "count" in one
    ]
    assert counts
    assert all(count % 5 == 0 for count in counts)


def test_measures_and_reports_are_valid_fhir(client):
    """Each resource of each indicator passes the models of R4."""
    kinds = {kind: getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind) for kind in ("Measure", "MeasureReport")}
    measures = [entry["resource"] for entry in client.get("/fhir/Measure").json()["entry"]]
    assert len(measures) > 40
    for name in ("irm", "delai-irm-median", "part-irradiante", "dose-estimee", "regional-mammographies"):
        reports = client.get(f"/fhir/MeasureReport?measure={name}").json().get("entry", [])
        for resource in (*measures, *(entry["resource"] for entry in reports)):
            kinds[resource["resourceType"]].model_validate_json(json.dumps(resource))
        measures = []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{PLACE}/inconnu", 404),
        (f"{PLACE}/irm?par=patient", 404),
        (f"{PLACE}/irm.csv?par=%00", 404),
        (f"{PLACE}/..%2f..%2fetc.csv", 404),
        ("/fhir/Measure/inconnu", 404),
        ("/fhir/MeasureReport", 400),
        ("/fhir/MeasureReport?measure=inconnu", 404),
        ("/fhir/MeasureReport?measure=irm&period=2026-13", 400),
    ],
)
def test_what_is_not_there_is_refused_in_words(client, address, status):
    """A page for people, an OperationOutcome for programs."""
    answer = client.get(address)
    assert answer.status_code in (status, 400, 404), answer.text
    if address.startswith("/fhir"):
        assert answer.json()["resourceType"] == "OperationOutcome"
    else:
        assert answer.status_code < 500


def test_only_the_project_team_reads_them(tmp_path):
    """A prescriber is refused, on the pages and over the API."""
    service = closed_service(tmp_path)
    prescriber = person(service)
    prescriber.enter(PRESCRIBER_TOKEN)
    assert prescriber.client.get(PLACE).status_code == 403
    answer = TestClient(create_app(service=service)).get("/fhir/Measure", headers={"Authorization": f"Bearer {PRESCRIBER_TOKEN}"})
    assert answer.status_code in (401, 403)
    service.close()


def test_the_command_writes_files(client, tmp_path):
    """CSV and FHIR, for one indicator and one period; an unknown name or period is refused."""
    database = client.app.state.service.settings.database
    words = ["measures", "--database", str(database), "--demo", "--indicateur", "irm"]
    done = CliRunner().invoke(app, [*words, "--csv", str(tmp_path / "csv"), "--fhir", str(tmp_path / "fhir"), "--periode", "2026-10"])
    assert done.exit_code == 0, done.output
    assert any(re.search("irm", path.name) for path in (tmp_path / "csv").iterdir())
    assert any(json.loads(path.read_text())["resourceType"] == "Measure" for path in (tmp_path / "fhir").iterdir())
    for wrong in (["--indicateur", "inconnu"], ["--periode", "octobre"]):
        refused = CliRunner().invoke(app, [*words, "--csv", str(tmp_path / "autre"), *wrong])
        assert refused.exit_code == 2
        assert refused.stderr.strip()
