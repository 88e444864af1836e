"""The guidelines as anybody reads them."""

import re
from urllib.parse import unquote

import pytest

from tests.web.pages import person, plain, service_at


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Give somebody who reads the guidelines."""
    service = service_at(tmp_path_factory.mktemp("referentiel"))
    yield person(service)
    service.close()


def test_list_counts_sheets_and_says_their_state(reader):
    """The list says how many sheets there are and that they are drafts."""
    said = reader.read("/referentiel")
    assert f"{len(reader.service.base.sheets)} situations cliniques" in said
    assert "à l'état « brouillon »" in said


def test_search_works_without_script(reader):
    """A search is a plain address."""
    page = reader.client.get("/referentiel", params={"q": "lumbago"}).text
    assert 'href="/referentiel/lombalgie-commune"' in page
    assert 'href="/referentiel/migraine-typique"' not in page


def test_live_search_returns_the_results_alone(reader):
    """Htmx receives the results without the frame of the page."""
    page = reader.client.get("/referentiel", params={"q": "lumbago"}, headers={"HX-Request": "true"}).text
    assert "<html" not in page
    assert "lombalgie-commune" in page


def test_filters_are_plain_addresses(reader):
    """A chapter, an exam and a state can be chosen without script; a value that does not exist hides nothing."""
    page = reader.client.get("/referentiel", params={"chapitre": "Rachis", "examen": "irm-rachis-lombaire", "statut": "brouillon"}).text
    assert 'href="/referentiel/lombalgie-commune"' in page
    assert 'href="/referentiel/migraine-typique"' not in page
    assert f"{len(reader.service.base.sheets)} fiches" in reader.read("/referentiel?chapitre=Nulle+part&examen=aucun&statut=perdu")


def test_empty_result_says_what_to_do(reader):
    """When nothing is found, the page offers to drop the filters, another word, the whole list; and says what no guidance means."""
    said = reader.read("/referentiel?q=zzzyx&chapitre=Rachis")
    words = ("Aucune fiche trouvée", "Chercher sans les filtres", "mot plus court", "ni accord, ni refus", "Voir toutes les fiches")
    assert [word for word in words if word not in said] == []


def test_list_leads_to_the_authoring_guide(reader):
    """Whoever wants to write a rule finds the guide, whose inner links all lead somewhere."""
    assert 'href="/referentiel/guide"' in reader.client.get("/referentiel").text
    page = reader.client.get("/referentiel/guide").text
    anchors = set(re.findall(r'\sid="([^"]+)"', page))
    links = {unquote(link) for link in re.findall(r'href="#([^"]+)"', page)}
    assert "Ajouter une règle en vingt minutes" in plain(page)
    assert "erreurs-fréquentes" in links
    assert links <= anchors


def test_sheet_says_its_version_and_state_on_paper(reader):
    """The printed sheet carries its version, its date, its sources and that nobody has reviewed it."""
    page = reader.client.get("/referentiel/lombalgie-commune").text
    note = page.split('class="print-only print-note"', 1)[1].split("</p>", 1)[0]
    digest = reader.client.get("/referentiel/lombalgie-commune.json").json()["version"]
    assert "aucun comité n'a relu" in plain(f"<p {note}")
    assert f"/referentiel/lombalgie-commune/versions/{digest}" in note


def test_sheet_tells_all_a_radiologist_checks(reader):
    """A sheet shows when it applies, its red flags, its rules and reasons, what to do instead, its sources, its dates, its version."""
    said = reader.read("/referentiel/lombalgie-commune")
    words = (
        "À partir de 18 ans",
        "Urgences ou 15, sans attendre",
        "Imagerie légitime",
        "ne change pas la prise en charge",
        "Rester actif",
        "HAS",
        "Vérifiée contre ses sources le",
        "En vigueur depuis le 4 avril 2019",
        reader.service.base.version,
        "lumbago depuis 5 j",
    )
    assert [word for word in words if word not in said] == []


def test_every_sheet_can_be_read_and_every_rule_has_its_anchor(reader):
    """No sheet breaks the page, each rule can be linked to, and no anchor is there twice."""
    for sheet in reader.service.base.sheets.values():
        page = reader.client.get(f"/referentiel/{sheet.id}")
        assert page.status_code == 200, sheet.id
        anchors = re.findall(r'\sid="([^"]+)"', page.text)
        assert {rule.id for rule in sheet.rules} <= set(anchors), sheet.id
        assert len(anchors) == len(set(anchors)), (sheet.id, {anchor for anchor in anchors if anchors.count(anchor) > 1})


def test_every_rule_shows_a_position_for_each_exam(reader):
    """The table of a sheet holds each of its exams once, with a word in each cell of a rule that positions it."""
    sheet = reader.service.base.sheets["lombalgie-commune"]
    table = reader.client.get(f"/referentiel/{sheet.id}").text.split('class="table matrix"', 1)[1].split("</table>", 1)[0]
    assert table.count('scope="row"') == len(sheet.exams)
    assert len(re.findall(r'class="cell ', table)) == sum(len(rule.positions) for rule in sheet.rules)


def test_unknown_sheet_is_not_found(reader):
    """An address that names no sheet is a 404."""
    assert reader.client.get("/referentiel/inconnue").status_code == 404


def test_advice_links_to_its_rule(reader):
    """The advice leads to the very rule of the sheet that gave it."""
    page = reader.advice("lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire")
    assert 'href="/referentiel/lombalgie-commune#recente"' in page
    assert "Fiche" in plain(page)
