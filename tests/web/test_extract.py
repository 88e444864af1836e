"""Taking an extract: on its page, which gives only the protected one, and from the command line."""

from __future__ import annotations

import io
import re
import sqlite3
import zipfile
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from pertimage.audit.activity import ActivityRow, add_activity
from pertimage.audit.extraction.register import extracts_of
from pertimage.web.cli import app
from pertimage.web.pages import extract
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person, plain, service_at

ADDRESS = "/evaluation/extrait"
RUN = CliRunner()


@pytest.fixture
def team(tmp_path):
    """Give somebody of the project team, on a demonstration with some exams."""
    service = service_at(tmp_path)
    at = datetime(2026, 3, 10, 9, tzinfo=UTC)
    rows = [ActivityRow("ch-nord", f"{number}", "CT", requested_at=at, performed_at=at, fictitious=True) for number in range(42)]
    service.register.set_site("ch-nord", "CH Nord", at=service.now(), fictitious=True)
    add_activity(service.journal, rows, service.pseudonyms, at=service.now())
    yield person(service)
    service.close()


def run(team, *words):
    """Run ``pertimage extract`` on the same database."""
    return RUN.invoke(app, ["extract", "--database", team.service.settings.database, *words])


def test_the_page_gives_the_protected_extract(team):
    """Counts as CSV in an archive or as SQLite, said fictitious; the journal keeps who took it, and the page lists it."""
    assert "Aucun extrait n'a encore été fait" in team.read(ADDRESS)
    answer = team.post(ADDRESS, format="csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="pertimage-fictif-extrait.zip"'
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "2026-03;ch-nord;40;\r\n" in archive.read("activite.csv").decode("utf-8-sig")
        assert "FICTIVES" in archive.read("_lisez_moi.csv").decode("utf-8-sig")
        assert not [name for name in archive.namelist() if "lignes" in name or name == "examens.csv"]
    assert team.post(ADDRESS, format="sqlite", depuis="2026-03").content.startswith(b"SQLite format 3")
    assert "Protégé sqlite Équipe projet 2026-03 à la fin tous les sites" in team.read(ADDRESS)


def test_the_page_never_gives_lines(team):
    """A field added to the form changes nothing: the restricted extract is not behind this address."""
    answer = team.post(ADDRESS, format="sqlite", restreint="on", restricted="true", motif="x", auteur="y")
    assert b"lignes_demandes" not in answer.content
    assert not extracts_of(team.service.store.reader, restricted=True)
    assert "pertimage extract --vers etude.db --restreint" in team.read(ADDRESS)


def test_a_month_that_is_not_one_is_refused(team):
    """The page comes back with what was asked and what is wrong."""
    answer = team.post(ADDRESS, depuis="2026-03-01")
    assert answer.status_code == 422
    assert "« 2026-03-01 » n'est pas un mois" in plain(answer.text)
    assert 'value="2026-03-01"' in answer.text


def test_two_extracts_are_not_made_at_once(team):
    """The second is told to come back; nothing is left locked."""
    with extract._turn:
        assert team.post(ADDRESS).status_code == 503
    assert team.post(ADDRESS).status_code == 200


def test_the_page_is_for_the_project_team(tmp_path, team):
    """A visitor signs in, a prescriber is refused; a form without its token takes nothing."""
    assert team.client.post(ADDRESS, data={"format": "csv"}).status_code == 403
    service = closed_service(tmp_path / "closed")
    someone = person(service)
    assert someone.client.get(ADDRESS, follow_redirects=False).status_code == 303
    someone.enter(PRESCRIBER_TOKEN)
    assert someone.client.get(ADDRESS).status_code == 403
    assert someone.post(ADDRESS).status_code == 403
    service.close()


def test_the_command_writes_and_lists(team, tmp_path):
    """The protected extract needs only a place; the restricted one says who and why, and its name says what it is."""
    protected = run(team, "--demo", "--vers", str(tmp_path / "e.db"))
    assert protected.exit_code == 0, protected.output
    (count,) = sqlite3.connect(tmp_path / "e.db").execute("SELECT examens FROM activite WHERE site = 'ch-nord'").fetchone()
    assert count == 40
    given = run(team, "--demo", "--vers", str(tmp_path / "r.zip"), "--restreint", "--auteur", "Dr A", "--motif", "étude X")
    assert "DONNÉES RESTREINTES : 42 examens" in given.output
    assert (tmp_path / "r-RESTREINT.zip").exists()
    listed = run(team, "--liste").output
    assert re.search(r"RESTREINT, fictif  r-RESTREINT.zip \(csv\) .*Dr A : étude X", listed)
    assert listed.index("r-RESTREINT.zip") < listed.index("e.db")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vers", "{}/r.db", "--restreint"], "un auteur et un motif"),
        (["--vers", "{}/e.db", "--sites", "inconnu"], "Site inconnu : inconnu. Sites déclarés : ch-nord."),
        (["--vers", "{}/e.db", "--depuis", "mars"], "« mars » n'est pas un mois"),
        (["--vers", "{}/e.csv", "--format", "csv"], "ni l'un ni l'autre"),
        (["--vers", "{}/e.zip", "--format", "sqlite"], "un fichier .db"),
        (["--vers", "{}/nulle-part/e.db"], "n'existe pas"),
        (["--vers", "{}/pages.db"], "existe déjà"),
        (["--vers", "{}/r.db", "--restreint", "--auteur", "A", "--motif", "B", "--sel", "{}/nul"], "nul"),
        ([], "--vers FICHIER"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(team, tmp_path, words, message):
    """Each refusal names what is wrong, in French."""
    before = {path.name for path in tmp_path.iterdir()}
    answer = run(team, *(word.format(tmp_path) for word in words))
    assert answer.exit_code == 2
    assert message in answer.output
    assert {path.name for path in tmp_path.iterdir()} == before


def test_the_same_salt_gives_the_same_extract(team, tmp_path):
    """With --sel an operator can make a restricted extract again."""
    (tmp_path / "sel").write_bytes(b"un sel de plus de seize octets")
    words = ["--demo", "--restreint", "--auteur", "A", "--motif", "B", "--sel", str(tmp_path / "sel")]
    for name in ("1.zip", "2.zip"):
        assert run(team, "--vers", str(tmp_path / name), *words).exit_code == 0
    assert (tmp_path / "1-RESTREINT.zip").read_bytes() == (tmp_path / "2-RESTREINT.zip").read_bytes()


def test_a_demonstration_without_its_option_has_nothing_real(team, tmp_path):
    """The fictitious exams stay out, and the message says how to have them."""
    answer = run(team, "--vers", str(tmp_path / "e.db"))
    assert "Rien à compter dans cette période. Pour les données fictives d'une démonstration : --demo." in answer.output
