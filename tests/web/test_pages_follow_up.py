"""The committee's page: what was not judged, without anybody's name."""

import pytest

from pertimage.web.follow_up import first_week
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.drafts import untouched
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person

TEXT = "zorglubite de Mme Dupont Jeanne née le 12/03/1950, tél 06 12 34 56 78, fièvre et frissons"


@pytest.fixture
def team(tmp_path):
    """Give somebody of the project team on an empty demonstration, whose guidelines have one sheet."""
    service = Service(Settings(demo=True, database=str(tmp_path / "t.db")), untouched()[1])
    yield person(service)
    service.close()


def test_an_empty_register_says_so(team):
    """Nothing asked, nothing to write: the page says it."""
    assert "Aucune demande sur cette période" in team.read("/referentiel/suivi")


def test_unscored_requests_are_grouped_without_identity(team):
    """Exam, reason and count; known words alone; an unknown word from three patients on; nobody named."""
    for _ in range(3):
        team.sign(TEXT, "radio du pied")
    team.sign("lumbago depuis 5 j", "mammographie")
    team.sign("lumbago depuis 5 j", "radio rachis lombaire")
    said = team.read("/referentiel/suivi")
    assert "Radiographie du pied Aucune fiche pour ce motif 3" in said
    assert "fiche muette sur cet examen" in said.lower()
    assert "fièvre et frissons" in said
    assert "zorglubite · 3" in said
    assert [word for word in ("Dupont", "dupont", "Jeanne", "jeanne", "1950", "12/03", "06 12", "34") if word in said] == []
    assert "80,0 %" in said


def test_what_to_write_leads_to_the_sheet(team):
    """A sheet silent on an exam is a link; an advice set aside leads to its rule, with its reason."""
    team.sign("lumbago depuis 5 j", "mammographie")
    team.sign("lumbago depuis 5 j, pas de déficit", "radio rachis lombaire", motif="desaccord")
    page = team.client.get("/referentiel/suivi").text
    assert 'href="/referentiel/lombalgie-commune"' in page
    assert 'href="/referentiel/lombalgie-commune#recente"' in page
    assert "Désaccord avec la recommandation" in page


def test_only_the_project_team_may_look(tmp_path):
    """Outside demo mode, a visitor is sent to sign in and a prescriber is refused."""
    service = closed_service(tmp_path)
    visitor = person(service)
    assert visitor.client.get("/referentiel/suivi", follow_redirects=False).status_code == 303
    visitor.enter(PRESCRIBER_TOKEN)
    assert visitor.client.get("/referentiel/suivi").status_code == 403
    service.close()


@pytest.mark.parametrize(("period", "status"), [("mois", 200), ("annee", 200), ("tout", 200), ("siecle", 404)])
def test_periods_are_those_of_the_list(team, period, status):
    """Each period opens; any other is not found."""
    assert team.client.get("/referentiel/suivi", params={"periode": period}).status_code == status


def test_a_period_is_whole_weeks(team):
    """Four weeks are this one and the three before, from their Monday."""
    today = team.service.today()
    first = first_week(today, 4)
    assert first.weekday() == 0
    assert 21 <= (today - first).days <= 27
    assert first_week(today, None) is None
