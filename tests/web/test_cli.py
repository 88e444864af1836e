"""The command line: assess streams and survives bad lines, guidelines check says what is wrong, audit verify sees tampering."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from pertimage.guidelines.loader import DATA
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.test_hooks import hook, order


def run(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run([sys.executable, "-m", "pertimage.web", *map(str, arguments)], capture_output=True, input=given, check=False)


def test_assess_answers_every_good_line_and_names_the_bad_ones(tmp_path: Path) -> None:
    """A broken line is reported with its place; the others are judged; the exit code says that not all was done."""
    good = order("lumbago depuis 5 j", "radio rachis lombaire")
    lines = [
        orjson.dumps(good),
        b"{pas du json",
        b"",
        orjson.dumps({"resourceType": "Patient"}),
        orjson.dumps(hook(good)),
        orjson.dumps({"resourceType": "Bundle", "entry": [{"resource": good}]}),
    ]
    path = tmp_path / "demandes.ndjson"
    path.write_bytes(b"\n".join(lines))
    done = run("assess", path)
    answers = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [one["outcome"] for one in answers] == ["not-indicated"] * 3
    assert done.returncode == 1
    errors = done.stderr.decode()
    assert f"{path}:2" in errors
    assert f"{path}:4" in errors


def test_assess_reads_standard_input_and_succeeds() -> None:
    """« - » is the standard input; all done is exit code 0."""
    done = run("assess", "-", given=orjson.dumps(order("lumbago depuis 5 j", "radio rachis lombaire")))
    assert done.returncode == 0
    assert orjson.loads(done.stdout)["rule"] == "lombalgie-commune/recente"


def test_a_missing_file_is_an_error() -> None:
    """A file that is not there is named."""
    done = run("assess", "/nulle/part.ndjson")
    assert done.returncode == 1
    assert b"/nulle/part.ndjson" in done.stderr


def test_guidelines_check_passes_on_the_shipped_base() -> None:
    """The shipped base loads and its vignettes hold."""
    done = run("guidelines", "check", "lombalgie-commune")
    assert done.returncode == 0, done.stderr.decode()


def test_guidelines_check_names_file_line_and_remedy(tmp_path: Path) -> None:
    """A misspelt key is found at its line, with the right spelling."""
    import shutil

    shutil.copytree(DATA, tmp_path / "base")
    sheet = tmp_path / "base" / "fiches" / "rachis" / "lombalgie-commune.yaml"
    lines = sheet.read_text(encoding="utf-8").splitlines()
    number = next(index for index, line in enumerate(lines) if line.startswith("regles:"))
    lines[number] = "regle:"
    sheet.write_text("\n".join(lines), encoding="utf-8")
    done = run("guidelines", "check", "lombalgie-commune", "--dossier", tmp_path / "base")
    assert done.returncode == 1
    assert f"lombalgie-commune.yaml, ligne {number + 1}" in done.stderr.decode()


def test_audit_verify_sees_an_altered_record(tmp_path: Path) -> None:
    """An intact journal passes; one changed letter does not."""
    database = tmp_path / "j.db"
    service = Service(Settings(demo=True, database=str(database)))
    for number in range(3):
        service.register.feedback(f"carte-{number}", "accepted", at=datetime.now(UTC))
    service.close()
    assert run("audit", "verify", "--database", database).returncode == 0
    connection = sqlite3.connect(database)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE journal SET payload = replace(payload, 'carte-1', 'carte-9')")
    connection.commit()
    connection.close()
    done = run("audit", "verify", "--database", database)
    assert done.returncode == 1
    assert done.stderr


@pytest.mark.parametrize("environment", [{}, {"PERTIMAGE_SECRET": "s" * 40}])
def test_serve_refuses_to_start_unauthenticated(environment: dict[str, str], tmp_path: Path) -> None:
    """Outside demo mode, no secret or no token: it says why and does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "pertimage.web", "serve", "--database", str(tmp_path / "x.db")],
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"PERTIMAGE_" in done.stderr
