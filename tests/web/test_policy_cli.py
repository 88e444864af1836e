"""``pertimage policy``: check, apply, show; what a replay judges by."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from pertimage.audit.chain import canonical
from pertimage.audit.past import past_requests
from pertimage.cds.assess import assess
from pertimage.cds.model import ImagingRequest, TextPart
from pertimage.web.cli import app
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.service_fixture import run_apart

SILENCE = "regles_en_silence:\n  - {regle: lombalgie-commune/recente, auteur: Dr A, date: 2026-10-01, motif: essai}\n"
RUN = CliRunner()


@pytest.fixture
def run(tmp_path):
    """Run a command on a database of its own; files are written beside it."""

    def call(*words, text=None, code=0):
        if text is not None:
            (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
        found = RUN.invoke(app, ["policy", *(str(tmp_path / word) if word == "p.yaml" else word for word in words)])
        assert found.exit_code == code, found.output
        return found

    call.database = ("--database", str(tmp_path / "t.db"))
    return call


def test_check_names_the_lines(run):
    """A right text has a digest; a wrong one has its lines on the error output, and code 1."""
    assert "empreinte" in run("check", "p.yaml", text=SILENCE).stdout
    found = run("check", "p.yaml", text="titre: x\nalertes:\n  grossesse: {parle: non}\n", code=1)
    assert "p.yaml, ligne 3 : « grossesse »" in found.stderr
    run("check", "/nulle/part.yaml", code=2)


def test_apply_then_show(run):
    """What is put in force is shown as it was written; the same again is not written twice."""
    assert "base introuvable" in run("show", *run.database, code=2).stderr
    assert "En vigueur" in run("apply", "p.yaml", "--author", "Dr A", "--reason", "essai", *run.database, text=SILENCE).stdout
    found = run("show", *run.database)
    assert found.stdout == SILENCE
    assert "par Dr A : essai" in found.stderr
    assert "Déjà en vigueur" in run("apply", "p.yaml", *run.database, text=f"# autre\n{SILENCE}").stdout


def test_a_bad_policy_never_replaces_the_one_in_force(run):
    """Refused with its lines; the former one stays, and can be named by its digest."""
    run("apply", "p.yaml", *run.database, text=SILENCE)
    run("apply", "p.yaml", *run.database, text="seuils: {dfg: 3}", code=1)
    assert run("show", *run.database).stdout == SILENCE
    run("apply", "p.yaml", *run.database, text="repetition_jours: 0\n")
    assert run("show", *run.database).stdout == "repetition_jours: 0\n"
    run("show", "0000", *run.database, code=1)


def test_a_request_is_replayed_under_the_policy_of_its_record(run, tmp_path):
    """A request judged under a policy is judged again under it, though another is in force: the same bytes, nothing moves."""
    run("apply", "p.yaml", *run.database, text=SILENCE)
    service = Service(Settings(demo=True, database=str(tmp_path / "t.db")))
    request = ImagingRequest(
        "ServiceRequest/1", "radio rachis lombaire", texts=(TextPart("reasonCode", "lumbago depuis 5 j"),), authored=date(2026, 11, 20)
    )
    judged = service.judge(request)
    run_apart(service.record(request, judged, prescriber="p", signed=True))
    run("apply", "p.yaml", *run.database, text="repetition_jours: 0\n")
    (past,) = past_requests(service.store)
    again = assess(past.request, service.base, past.policy, past.request.authored)
    assert canonical([one.to_json() for one in again]) == canonical([one.to_json() for one in judged])
    assert again[0].silenced == "not-indicated"
    service.close()
    (tmp_path / "base.json").write_bytes(RUN.invoke(app, ["guidelines", "archive"]).stdout_bytes)
    found = RUN.invoke(app, ["guidelines", "replay", "--brouillon", str(tmp_path / "base.json"), *run.database, "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["requests_changed"] == 0
