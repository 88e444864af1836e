import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pertimage.web.app import create_app
from tests.audit.imports.files import HEADER, ROWS, text_of, workbook_of
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person, plain, service_at

PLACE = "/evaluation/import"


@pytest.fixture
def team(tmp_path):
    """Give somebody of the team, on an empty database, files being kept in the folder of the test."""
    service = service_at(tmp_path, imports=str(tmp_path / "imports"), max_import=300_000)
    yield person(service)
    service.close()


def _send(team, content=None, name="export.csv", **fields):
    files = {"fichier": (name, (content if isinstance(content, bytes) else (content or text_of()).encode()), "text/csv")}
    return team.client.post(PLACE, data={"_jeton": team.token(), "site": "chu", **fields}, files=files, follow_redirects=False)


def _sent(team, **more):
    answer = _send(team, **more)
    assert answer.status_code == 303, plain(answer.text)
    return answer.headers["location"]


def _ended(team, address):
    team.post(f"{address}/lancer")
    for _ in range(200):
        text = team.read(address)
        if "Import en cours" not in text:
            return text
        time.sleep(0.02)
    raise AssertionError("the import does not end")


def test_a_file_is_sent_looked_at_imported_and_told(team):
    """The columns are shown before anything is imported, then what was done; the past import keeps its quality report."""
    address = _sent(team)
    text = team.read(address)
    assert "UTF-8, séparateur : point-virgule, en-tête ligne 1" in text
    assert "Date examen dates" in text
    assert "DURAND" not in team.client.get(address).text
    assert "3 ajoutés" in _ended(team, address)
    listed = team.client.get(PLACE).text
    assert "importé" in plain(listed)
    report = re.search(r"/evaluation/import/rapport/\d+", listed).group()
    assert "3 examens ajoutés" in team.read(report)
    assert "reconnus par leur libellé : ≤ 7" in team.read(report)


def test_importing_the_same_file_again_changes_nothing(team):
    """Sent twice, counted once."""
    _ended(team, _sent(team))
    assert "0 ajoutés 0 mis à jour 3 inchangés" in _ended(team, _sent(team))


def test_columns_are_put_right_and_kept_for_the_site(team):
    """A column given to another field is read so, for this file and, when asked, for the next of the site."""
    address = _sent(team, content=text_of((("N° examen", "Modalité", "Date", "Jour X"), ("E1", "IRM", "12/01/2026", "02/01/2026"))))
    chosen = {
        "colonne-0": "numero",
        "colonne-1": "modalite",
        "colonne-2": "realisation",
        "colonne-3": "demande",
        "site": "chu",
        "garder": "oui",
    }
    assert team.post(f"{address}/correspondance", **chosen).status_code == 303
    assert "1 ajoutés" in _ended(team, address)
    row = team.service.store.reader.connect().exec_driver_sql("SELECT wait_hours FROM activity").scalar_one()
    assert row == 240
    again = _sent(team, content=text_of((("N° examen", "Modalité", "Date", "Jour X"), ("E2", "IRM", "12/01/2026", "02/01/2026"))))
    assert "Correspondance enregistrée pour ce site" in team.read(again)


def test_a_mapping_that_cannot_work_is_explained(team):
    """Two columns for one field, or none for the exam, is a sentence and starts nothing."""
    address = _sent(team)
    double = team.post(f"{address}/correspondance", **{"colonne-0": "numero", "colonne-1": "numero", "site": "chu"})
    assert (double.status_code, "donné à deux colonnes" in plain(double.text)) == (422, True)
    none = team.post(f"{address}/correspondance", **{"colonne-6": "realisation", "site": "chu"})
    assert (none.status_code, "aucune colonne ne dit l'examen" in plain(none.text)) == (422, True)


def test_rejected_lines_can_be_had_then_destroyed(team, tmp_path):
    """The rejected lines are there while the import is, then nothing of the export is left on the disk."""
    address = _sent(team, content=text_of((HEADER, *ROWS, ("", *ROWS[0][1:]))))
    assert "1 rejetées" in _ended(team, address)
    got = team.client.get(f"{address}/rejets.csv")
    assert (got.headers["content-disposition"], "numéro d'examen absent" in got.text) == (
        'attachment; filename="pertimage-rejets.csv"',
        True,
    )
    assert team.client.get(f"{address}/rapport.json").json()["lines"] == 4
    assert team.post(f"{address}/supprimer").status_code == 303
    assert team.client.get(f"{address}/rejets.csv").status_code == 404
    assert list((tmp_path / "imports").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "v.csv", "v.csv : fichier vide"),
        (b"\x89PNG....", "i.png", "une image"),
        (text_of((HEADER,)), "t.csv", "aucune ligne de données"),
        (";".join(["N° examen", "Date examen", *(f"c{n}" for n in range(298))]) + "\n1;2\n", "l.csv", "300 colonnes"),
        (workbook_of({"A": [["x"]]}), "x.xlsx", "aucune ligne d'en-tête reconnue"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_not_kept(team, tmp_path, content, name, words):
    """The page says what is wrong and where, and keeps nothing."""
    answer = _send(team, content=content, name=name)
    assert (answer.status_code, words in plain(answer.text)) == (422, True)
    assert list((tmp_path / "imports").iterdir()) == []


def test_no_file_and_too_large_a_file_are_said(team):
    """Without a file, or with one over the size allowed, the page says so."""
    assert team.post(PLACE, site="chu").status_code == 422
    answer = _send(team, content=b"x" * 400_000)
    assert answer.status_code == 413


def test_a_stopped_import_can_be_started_again(team, tmp_path, monkeypatch):
    """An import whose process died is said to be interrupted, and starting it again completes it."""
    address = _sent(team)
    (state,) = (tmp_path / "imports").glob("*/etat.json")
    state.write_text(state.read_text().replace('"pret"', '"en-cours"'))
    assert "arrêté en route" in team.read(address)
    assert "3 ajoutés" in _ended(team, address)


def test_files_expire(team, tmp_path, monkeypatch):
    """Past its time, what was sent is destroyed by whoever opens the list."""
    _sent(team)
    monkeypatch.setattr("pertimage.web.import_workspace.time.time", lambda: Path(tmp_path).stat().st_mtime + 25 * 3600)
    assert "Fichiers présents" not in team.read(PLACE)
    assert list((tmp_path / "imports").iterdir()) == []


@pytest.mark.parametrize("end", ["", "/x" * 11, "/..%2f..%2fetc", "/rapport/99"])
def test_unknown_imports_are_not_found(team, end):
    """An address that is not that of an import leads nowhere."""
    assert team.client.get(f"{PLACE}{end}").status_code == (200 if not end else 404)


@pytest.mark.parametrize("end", ["", "/x/correspondance", "/x/lancer", "/x/supprimer"])
def test_every_form_needs_its_token(team, end):
    """A page of another site cannot send, start or destroy an import."""
    team.token()
    assert team.client.post(f"{PLACE}{end}", data={"site": "chu"}).status_code == 403


def test_the_page_is_for_the_project_team(tmp_path):
    """A prescriber has no business there; nobody has before signing in."""
    service = closed_service(tmp_path)
    visitor = person(service)
    with TestClient(create_app(service=service), base_url="https://testserver") as client:
        assert client.get(PLACE, follow_redirects=False).status_code == 303
    visitor.enter(PRESCRIBER_TOKEN)
    assert visitor.client.get(PLACE).status_code == 403
    service.close()
