"""The guidelines as anybody reads them."""

import re

import pytest

from pertimage.guidelines.loader import load_base
from pertimage.web.pages.reference import search
from tests.web.pages import person, plain, service_at


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Give somebody who reads the guidelines."""
    service = service_at(tmp_path_factory.mktemp("referentiel"))
    yield person(service)
    service.close()


@pytest.mark.parametrize("query", ["lumbago", "LOMBALGIE", "lombalgies", "radio rachis lombaire", "mal au dos"])
def test_search_finds_by_title_term_or_exam(query):
    """A sheet is found by its title, by the words doctors use, by its exams, whatever the case, accents and plural."""
    assert "lombalgie-commune" in {sheet.id for sheet in search(load_base(), query)}


def test_search_narrows():
    """A word that no sheet has finds nothing; no word finds everything."""
    base = load_base()
    assert search(base, "zzzyx") == []
    assert len(search(base, "")) == len(base.sheets)
    assert 0 < len(search(base, "genou")) < len(base.sheets) / 2


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
