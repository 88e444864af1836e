"""What changed, between sites, power: what the pages say, draw and refuse."""

from __future__ import annotations

import re
from datetime import date

import pytest
from starlette.testclient import TestClient

from pertimage.audit.evaluation import current
from pertimage.audit.evaluation.current import NotEvaluatedError
from pertimage.audit.programme import EventKind
from pertimage.audit.programme_register import Programme
from pertimage.web.app import create_app
from pertimage.web.effect import effect
from pertimage.web.effect_words import percent, sentences, verdict
from pertimage.web.pages.effect import COMING
from tests.web.demonstration import demonstration
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person, plain, service_at

ADDRESSES = ("/evaluation/effet", "/evaluation/effet/resultat.json", "/evaluation/sites", "/evaluation/puissance")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Give a client of the demonstration, whose evaluation is made."""
    service = demonstration(tmp_path_factory.mktemp("effet"))
    with TestClient(create_app(service=service)) as opened:
        assert effect(service, patience=120).effect is not None
        yield opened
    service.close()


def read(client, address, status=200):
    """Return the text of a page."""
    answer = client.get(address)
    assert answer.status_code == status, plain(answer.text)
    return plain(answer.text)


def test_the_page_says_what_changed_and_what_it_rests_on(client):
    """All sites: three sentences with their interval, a chart per site, a line per exam; the basis and the method are told."""
    text = read(client, "/evaluation/effet")
    for name in ("Volume à la mise en service, tous les examens", "Tendance ensuite, par mois", "Délai médian"):
        assert re.search(rf"{name} : (pas d'effet démontré|baisse|hausse), [^.]*intervalle à 95", text), name
    assert "comptés à la date de la demande" in text
    assert "ne démontre rien, ni un effet ni son absence" in text
    assert client.get("/evaluation/effet").text.count("serie.svg?site=") == 5
    assert "Radiographie du rachis lombaire" in text


def test_one_exam_at_one_site_has_its_series_its_control_chart_and_its_runs(client):
    """The charts are drawn with what they show said in words; the runs that change one choice are there."""
    address = "/evaluation/effet?site=ch-valbrune"
    text = read(client, address)
    assert "Carte de contrôle" in text
    assert "Et si l'on avait fait un autre choix ?" in text
    for name in ("serie", "controle"):
        drawn = client.get(f"/evaluation/effet/{name}.svg?site=ch-valbrune")
        assert drawn.status_code == 200
        assert drawn.headers["content-type"] == "image/svg+xml"
        assert "aria-label" in drawn.text
        assert "Données fictives" in drawn.text


def test_small_counts_are_neither_written_nor_in_the_data(client):
    """No count from 1 to 7 in the JSON, and all others are multiples of 5."""
    found = client.get("/evaluation/effet/resultat.json").json()
    assert found["fictitious"] is True
    counts = [count for exam in found["per_exam"].values() for one in exam["per_site"].values() for count in one["n"].values()]
    assert None in counts
    assert all(count is None or count % 5 == 0 for count in counts)


def test_limits_are_reckoned_again_only_by_a_decision_of_the_calendar(client):
    """A decision noted in the calendar, with its reason, moves the limits; it is no event that explains the volumes."""
    service = client.app.state.service
    before = client.get("/evaluation/effet/controle.svg?site=ch-valbrune").text
    Programme(service.journal).note(
        EventKind.LIMITS, "Deuxième scanner stabilisé.", site="ch-valbrune", since=date(2026, 5, 4), author="Équipe", at=service.now()
    )
    assert effect(service, patience=120).effect is not None
    assert client.get("/evaluation/effet/controle.svg?site=ch-valbrune").text != before
    assert "Deuxième scanner stabilisé" not in read(client, "/evaluation/effet?site=ch-valbrune")


@pytest.mark.parametrize(
    "address",
    [
        "/evaluation/effet?site=ailleurs",
        "/evaluation/effet?examen=%00",
        "/evaluation/effet/autre.svg?site=ch-valbrune",
        "/evaluation/effet/serie.svg",
        "/evaluation/effet/serie.svg?site=ch-brumeval",
        "/evaluation/sites/autre.svg",
    ],
)
def test_what_is_not_there_is_not_found(client, address):
    """A site, an exam or a chart without data is a 404 in French."""
    assert "introuvable" in read(client, address, 404).lower()


def test_a_comparator_says_that_it_is_one(client):
    """A site that was never live has nothing to compare."""
    assert "n'a pas de mise en service" in read(client, "/evaluation/effet?site=ch-brumeval")


def test_sites_are_on_a_funnel_not_in_a_ranking(client):
    """Each share with the site's place; charts drawn; counts rounded."""
    text = read(client, "/evaluation/sites")
    assert "Ce n'est pas un classement" in text
    assert "dans ce que le hasard explique" in text.lower()
    drawn = client.get("/evaluation/sites/pertinents.svg").text
    assert "Centre hospitalier de Valbrune" in drawn


def test_power_promises_nothing_that_is_not_there(client):
    """Months needed and smallest effect for both methods; a number that cannot be is refused where it was typed."""
    asked = "/evaluation/puissance?examens=100&avant=24&apres=12&effet=%E2%88%9220&dispersion=1&correlation=0"
    text = read(client, asked)
    assert re.search(r"Avec 100 examens par mois et 24 mois de recul, il faut au moins \d+ mois .* pour voir −20", text)
    assert "Série interrompue" in text
    assert "un nombre de 1 à" in read(client, "/evaluation/puissance?examens=beaucoup", 422)
    assert "autre que 0" in read(client, "/evaluation/puissance?effet=0", 422)
    assert read(client, "/evaluation/puissance?examens=1e400", 422)


def test_a_page_waits_then_tells_that_figures_are_coming(tmp_path, monkeypatch):
    """Slow figures: the page comes back by itself; figures that cannot be made are said, and tried again on new data."""
    service = service_at(tmp_path)
    team = person(service)
    monkeypatch.setattr(effect, "__defaults__", (0.0,))
    answer = team.client.get("/evaluation/effet")
    assert "Calcul en cours" in answer.text
    assert answer.headers["refresh"] == COMING
    assert effect(service, patience=120).effect is not None
    assert "Pas encore d'activité" in team.read("/evaluation/effet")
    service.close()


def test_figures_that_cannot_be_made_are_said(tmp_path, monkeypatch):
    """The page does not fail, and does not say that nothing changed."""

    def fails(url, *, fictitious):
        raise NotEvaluatedError("essai")

    monkeypatch.setattr(current, "evaluated_apart", fails)
    service = service_at(tmp_path)
    assert "n'ont pas pu être calculés" in person(service).read("/evaluation/effet")
    assert person(service).client.get("/evaluation/effet/resultat.json").status_code == 503
    service.close()


def test_only_the_project_team_reads_them(tmp_path):
    """A prescriber is refused, somebody unknown is sent to sign in."""
    service = closed_service(tmp_path)
    prescriber = person(service)
    prescriber.enter(PRESCRIBER_TOKEN)
    for address in ADDRESSES:
        assert prescriber.client.get(address).status_code == 403
        assert TestClient(create_app(service=service)).get(address, follow_redirects=False).status_code in (303, 401)
    service.close()


def test_words_never_say_more_than_the_interval():
    """An interval that holds 1 shows nothing, whatever its middle; a refusal is said as such."""
    assert verdict({"ratio": 0.5, "low": 0.2, "high": 1.0}) == "pas d'effet démontré"
    assert verdict({"ratio": 0.5, "low": 0.2, "high": 0.99}) == "baisse"
    assert (percent(0.82), percent(1.0), percent(1.021, 1)) == ("−18 %", "0 %", "+2,1 %")
    result = {
        "level_rate_ratio": None,
        "slope_rate_ratio_per_month": None,
        "wait_ratio": None,
        "refusals": {"level": "Trop peu.", "wait": "Aucun."},
    }
    assert [look for look, _ in sentences(result, "tous")] == ["refused"] * 3
    assert sentences(result, "tous")[0][1].endswith("pas de résultat. Trop peu.")
