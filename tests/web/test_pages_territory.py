"""The territory: sites that do an exam, in the order asked; the command that describes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from pertimage.audit.activity import ActivityRow, add_activity
from pertimage.web.cli import app
from pertimage.web.demo.sites import PLACES
from tests.web.pages import closed_service, person, service_at

RUN = CliRunner()
HEAD = "id;nom;commune;code_postal;techniques"


@pytest.fixture(scope="module")
def visitor(tmp_path_factory):
    """Give a visitor of a territory: six sites, MRI waits at two of them."""
    service = service_at(tmp_path_factory.mktemp("territoire"))
    service.register.set_places([place.document() for place in PLACES], at=service.now())
    waits = {"ch-valbrune": 30, "imagerie-port-alizon": 12, "site-inconnu": 5}
    done = service.now() - timedelta(days=3)
    rows = [
        ActivityRow(site=site, accession=f"{site}-{rank}", modality="MR", requested_at=done - timedelta(days=days), performed_at=done)
        for site, days in waits.items()
        for rank in range(12)
    ]
    add_activity(service.journal, rows, service.pseudonyms, at=service.now())
    service.places.learn()
    yield person(service)
    service.close()


def names(visitor, **asked) -> list[str]:
    """Return the sites found, in order."""
    return [one["id"] for one in visitor.client.get("/territoire.json", params=asked).json()["sites"]]


def test_the_soonest_comes_first(visitor):
    """Sites that do the exam, by median wait; those whose wait is unknown come last; those without the technique do not come."""
    found = names(visitor, examen="irm-genou")
    assert found[:2] == ["imagerie-port-alizon", "ch-valbrune"]
    assert "cabinet-rochevigne" not in found
    assert len(found) == 5


def test_the_nearest_comes_first_when_asked(visitor):
    """From a town, by distance as the crow flies; without a town there is no distance to go by."""
    assert names(visitor, technique="MR", pres_de="Brumeval", tri="distance")[0] == "ch-brumeval"
    assert names(visitor, technique="MR", tri="distance") == names(visitor, technique="MR")


def test_needs_are_all_met(visitor):
    """Every access asked for, and the language."""
    assert names(visitor, acces=["fauteuil", "brancard"], langue="ar") == ["ch-valbrune"]
    assert names(visitor, acces="lsf", langue="uk") == []
    assert "Aucun site ne répond à tout" in visitor.read("/territoire?acces=lsf&langue=uk")


def test_the_page_says_waits_tariff_and_what_they_are_not(visitor):
    """Median, 90th percentile, how many exams, tariff; sites with activity but no description are named."""
    said = visitor.read("/territoire?examen=irm-genou&pres_de=Valbrune")
    assert "12 j médiane ; neuf sur dix en 12 j (12 examens)" in said.replace("\u202f", " ").replace("\xa0", " ")
    assert "hors forfait technique" in said
    assert "Délai inconnu" in said
    assert "Font aussi cet examen, sans être décrits : site-inconnu" in said


@pytest.mark.parametrize("query", ["examen=%3Cscript%3E", "technique=ZZ&tri=prix&langue=xx&acces=x", f"pres_de={'a' * 5000}"])
def test_what_is_unknown_is_left_out(visitor, query):
    """A wrong address shows everything, and nothing of what was typed."""
    answer = visitor.client.get(f"/territoire?{query}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert "6 sites" in answer.text


def test_without_sites_the_page_says_so(tmp_path):
    """An installation that has described nothing says how to; nobody needs to sign in."""
    service = closed_service(tmp_path)
    assert "Aucun site n'est encore décrit" in person(service).read("/territoire")
    service.close()


def test_importing_replaces_the_catalogue(tmp_path):
    """Faults: nothing is kept and the exit code says so; the same file twice writes once."""
    base, good, bad = f"{tmp_path}/t.db", tmp_path / "sites.csv", tmp_path / "faux.csv"
    good.write_text(f"{HEAD}\na;Site A;Foix;09000;IRM\n", encoding="utf-8")
    bad.write_text(f"{HEAD}\na;Site A;Foix;9;IRM\nb;;Foix;09000;IRM\n", encoding="utf-8")
    checked = RUN.invoke(app, ["sites", "import", str(good), "--verifier", "--database", base])
    assert (checked.exit_code, "rien n'est enregistré" in checked.output) == (0, True)
    done = RUN.invoke(app, ["sites", "import", str(good), "--database", base])
    assert (done.exit_code, "1 sites enregistrés" in done.output) == (0, True)
    assert "déjà enregistrés ainsi" in RUN.invoke(app, ["sites", "import", str(good), "--database", base]).output
    refused = RUN.invoke(app, ["sites", "import", str(bad), "--database", base])
    assert refused.exit_code == 1
    assert "ligne 2" in refused.output
    assert "ligne 3" in refused.output
    assert "a : Site A, Foix (09000) — MR" in RUN.invoke(app, ["sites", "show", "--database", base]).output
    assert '"postcode": "09000"' in RUN.invoke(app, ["sites", "show", "--json", "--database", base]).output
    assert RUN.invoke(app, ["sites", "import", str(tmp_path / "absent.csv"), "--database", base]).exit_code == 2
