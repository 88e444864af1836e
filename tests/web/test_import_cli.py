import json

import pytest
from typer.testing import CliRunner

from pertimage.audit.activity import COLUMNS
from pertimage.web.cli import app
from tests.audit.imports.files import HEADER, ROWS, text_of, workbook_of
from tests.fhir.test_timelines import APPOINTMENT, REPORT, REQUEST, STUDY

RUN = CliRunner()


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """Give a function that runs the command on a database of the folder and returns its outcome."""
    monkeypatch.delenv("PERTIMAGE_SECRET", raising=False)
    monkeypatch.setenv("PERTIMAGE_DATABASE", str(tmp_path / "a.db"))
    return lambda *words: RUN.invoke(app, ["import-activity", *map(str, words)])


def _file(folder, name="export.csv", content=None):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else (content or text_of()).encode())
    return path


def test_an_import_runs_unattended_and_twice(tmp_path, launched):
    """With --yes nothing is asked; the second time nothing changes; JSON says what was done."""
    path = _file(tmp_path)
    first = launched(path, "--site", "chu", "--yes", "--json")
    assert first.exit_code == 0, first.output
    found = json.loads(first.stdout)
    assert (found["added"], found["rejected"], found["quality"]["recognised"]["libelle"]) == (3, 0, 3)
    again = json.loads(launched(path, "--site", "chu", "--yes", "--json").stdout)
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 3)


def test_rejects_and_report_are_written_and_the_exit_code_says_it(tmp_path, launched):
    """A rejected line ends the command with 1, its reason in the file of rejects; the report is JSON."""
    path = _file(tmp_path, content=text_of((HEADER, *ROWS, ("", *ROWS[0][1:]))))
    done = launched(path, "--site", "chu", "--yes", "--rejects", tmp_path / "r.csv", "--report", tmp_path / "q.json")
    assert done.exit_code == 1
    assert "numéro d'examen absent" in (tmp_path / "r.csv").read_text()
    assert json.loads((tmp_path / "q.json").read_text())["rejected"] == 1
    assert "3 examens ajoutés" in done.output
    assert "contient les lignes de l'export" in done.output
    assert "DURAND" not in done.output


def test_a_dry_run_writes_nothing(tmp_path, launched):
    """A trial reads everything, shows the mapping and keeps nothing."""
    done = launched(_file(tmp_path), "--site", "chu", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "« Date examen » → Réalisation" in done.output
    assert "rien n'est enregistré" in done.output
    assert json.loads(launched(_file(tmp_path), "--site", "chu", "--yes", "--json").stdout)["added"] == 3


def test_a_mapping_is_used_again(tmp_path, launched):
    """A mapping given once serves the next export of the site, whose headers no word list knows."""
    odd = (("A", "B", "Date examen", "C"), ("E1", "IRM", "12/01/2026", "x"))
    path, mapping = (
        _file(tmp_path, content=text_of(odd)),
        _file(tmp_path, "m.yaml", "colonnes: {numero: A, modalite: B, realisation: Date examen}\n"),
    )
    refused = launched(path, "--site", "chu", "--yes")
    assert refused.exit_code == 2
    more = (("N° examen", "Modalité", "Date examen", "A", "B"), ("E1", "CT", "12/01/2026", "F1", "IRM"))
    path = _file(tmp_path, content=text_of(more))
    assert launched(path, "--site", "chu", "--yes", "--mapping", mapping).exit_code == 0
    done = json.loads(launched(path, "--site", "chu", "--yes", "--json").stdout)
    assert done["unchanged"] == 1


def test_fhir_exports_are_imported(tmp_path, launched):
    """NDJSON and Bundles become the same timelines; a line that is not JSON is rejected, not the file."""
    lines = [json.dumps(one) for one in (REQUEST, APPOINTMENT, STUDY, REPORT)]
    done = launched(_file(tmp_path, "e.ndjson", "\n".join([*lines, '{"resourceType": "ImagingStudy", oups}'])), "--yes", "--json")
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    assert (found["added"], found["quality"]["rejected"]) == (1, {"JSON illisible (colonne 34)": 1})
    bundle = json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in (STUDY, REQUEST, REPORT, APPOINTMENT)]}, indent=1)
    again = launched(_file(tmp_path, "b.json", bundle), "--yes", "--json")
    assert (again.exit_code, json.loads(again.stdout)["unchanged"]) == (0, 1)


@pytest.mark.parametrize(
    ("name", "content", "more", "words"),
    [
        ("vide.csv", b" ", (), "fichier vide"),
        ("sans.csv", None, (), "aucune colonne pour le site"),
        ("x.csv", None, ("--site", "mon site"), "un code est attendu"),
        ("x.csv", None, ("--site", "chu", "--sheet", "A"), "pas un classeur"),
        ("x.xlsx", workbook_of({"A": [["x"]]}), ("--site", "chu"), "aucune ligne d'en-tête"),
        ("x.json", b'{"resourceType": "Bundle", "entry": []}', (), "aucune ressource"),
    ],
)
def test_what_cannot_be_imported_is_refused(tmp_path, launched, name, content, more, words):
    """A refusal names the place, in French, and ends with 2."""
    done = launched(_file(tmp_path, name, content), "--yes", *more)
    assert done.exit_code == 2, done.output
    assert words in done.output.replace("\n", " ")


def test_a_file_that_is_not_there_is_said(tmp_path, launched):
    """A wrong path is a sentence."""
    done = launched(tmp_path / "absent.csv", "--yes")
    assert (done.exit_code, "absent.csv" in done.output) == (2, True)


def test_the_key_is_kept_beside_the_database_or_asked_for(tmp_path, launched, monkeypatch):
    """Without a secret, a SQLite file has its key beside it, readable by its owner alone; another key is refused."""
    path = _file(tmp_path)
    assert launched(path, "--site", "chu", "--yes").exit_code == 0
    assert (tmp_path / "a.db.cle").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("PERTIMAGE_SECRET", "z" * 32)
    done = launched(path, "--site", "chu", "--yes")
    assert (done.exit_code, "PERTIMAGE_SECRET" in done.output) == (2, True)


def test_the_last_step_is_a_column_of_the_register():
    """The timeline goes to the patient."""
    assert "given_at" in COLUMNS
