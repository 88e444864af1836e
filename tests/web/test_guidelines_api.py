"""The guidelines for programs: JSON and FHIR."""

import orjson
import pytest
from typer.testing import CliRunner

from pertimage.fhir.checks import problems
from pertimage.guidelines.loader import load_base
from pertimage.guidelines.schema import SheetForm
from pertimage.web.cli import app
from tests.web.service_fixture import client_of

NAME = "lombalgie-commune"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Give a client of a service whose visitors are anonymous."""
    about = {"demo": False, "secret": "s" * 40, "tokens": f"api:a:{'a' * 24}"}
    yield from client_of(tmp_path_factory.mktemp("api"), **about)


def test_whole_base_is_public_and_complete(client):
    """One address gives the version, each sheet as its authors write it, and the names of the facts and exams."""
    body = client.get("/referentiel.json").json()
    base = load_base()
    assert list(body) == ["version", "etat", "fiches", "faits", "examens"]
    assert body["version"] == base.version
    assert body["etat"] == "brouillon"
    assert {name: SheetForm.model_validate(one["fiche"]) for name, one in body["fiches"].items()} == {
        name: sheet.form for name, sheet in base.sheets.items()
    }
    assert body["faits"].keys() == base.lexicon.facts.keys()
    assert body["examens"].keys() == base.catalogue.exams.keys()


def test_one_sheet_has_its_version_and_names(client):
    """A sheet's JSON can be read alone."""
    body = client.get(f"/referentiel/{NAME}.json").json()
    assert list(body) == ["version", "chapitre", "fiche", "referentiel", "faits", "examens"]
    assert body["fiche"]["id"] == NAME
    assert body["examens"]["irm-rachis-lombaire"]
    assert client.get(f"/referentiel/{NAME}/versions/{body['version']}.json").json() == body


@pytest.mark.parametrize("address", ["/referentiel/inconnue.json", f"/referentiel/{NAME}/versions/inconnue.json"])
def test_unknown_json_is_a_json_404(client, address):
    """A program gets an error that it can read."""
    answer = client.get(address)
    assert (answer.status_code, answer.json()) == (404, {"erreur": "Fiche inconnue."})


def test_plan_is_public_and_valid(client):
    """A sheet's PlanDefinition is FHIR R4 and says its version."""
    answer = client.get(f"/fhir/PlanDefinition/{NAME}")
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert problems(answer.json()) == []
    assert answer.json()["version"] == client.get(f"/referentiel/{NAME}.json").json()["version"]


def test_unknown_plan_is_an_operation_outcome(client):
    """An id that names no sheet is a 404 with a reason in French."""
    answer = client.get("/fhir/PlanDefinition/inconnue")
    assert answer.status_code == 404
    assert problems(answer.json()) == []
    assert answer.json()["issue"][0]["code"] == "not-found"


def test_plans_are_searched_by_url_id_and_title(client):
    """Canonical address (with its version or without), ids and titles narrow the search; no criterion lists all."""
    plan = client.get(f"/fhir/PlanDefinition/{NAME}").json()

    def found(**criteria):
        body = client.get("/fhir/PlanDefinition", params=criteria).json()
        assert (body["type"], body["total"]) == ("searchset", len(body.get("entry", [])))
        return [entry["resource"]["id"] for entry in body.get("entry", [])]

    assert found(url=plan["url"]) == found(url=f"{plan['url']}|{plan['version']}") == found(_id=NAME) == [NAME]
    assert found(url=f"{plan['url']}|autre") == found(url=plan["url"], _id="migraine-typique") == found(_id="") == []
    assert set(found(_id=f"{NAME},migraine-typique")) == {NAME, "migraine-typique"}
    assert NAME in found(title="lombalgie commune")
    assert len(found()) == len(load_base().sheets)


def test_capability_statement_says_it(client):
    """The CapabilityStatement offers the PlanDefinitions."""
    rest = client.get("/fhir/metadata").json()["rest"][0]["resource"]
    assert {"read", "search-type"} == {one["code"] for kind in rest if kind["type"] == "PlanDefinition" for one in kind["interaction"]}


def test_export_writes_what_the_service_serves(tmp_path):
    """The command writes one valid resource per sheet, and the whole base."""
    done = CliRunner().invoke(app, ["guidelines", "export", "--fhir", str(tmp_path / "plans"), "--json", str(tmp_path / "base.json")])
    assert done.exit_code == 0, done.output
    written = {path.stem: orjson.loads(path.read_bytes()) for path in (tmp_path / "plans").glob("*.json")}
    assert written.keys() == load_base().sheets.keys()
    assert problems(written[NAME]) == []
    assert orjson.loads((tmp_path / "base.json").read_bytes())["version"] == load_base().version


@pytest.mark.parametrize("arguments", [["export"], ["schema", "chapitre"]])
def test_commands_say_what_is_lacking(arguments):
    """A command that cannot know what to do says so and fails."""
    done = CliRunner().invoke(app, ["guidelines", *arguments])
    assert done.exit_code == 2
    assert "écrire" in done.stderr or "donner" in done.stderr
