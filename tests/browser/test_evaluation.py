"""The evaluation as the project team uses it, on the demonstration: readable, drawn, printable, and nothing that axe finds to say."""

from __future__ import annotations

import pytest

from pertimage.web.effect import effect
from tests.browser.conftest import serving
from tests.browser.test_accessibility import AXE, DARK, LIGHT, violations
from tests.web.demonstration import demonstration

pytestmark = [pytest.mark.browser]
PAGES = (
    "/evaluation",
    "/evaluation/effet",
    "/evaluation/effet?site=ch-valbrune&examen=irm-rachis-lombaire",
    "/evaluation/indicateurs",
    "/evaluation/indicateurs/irm?par=site",
    "/evaluation/sites",
    "/evaluation/puissance?examens=100",
    "/evaluation/import",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the demonstration, its evaluation made."""
    service = demonstration(tmp_path_factory.mktemp("evaluation"))
    assert effect(service, patience=120).effect is not None
    yield from serving(service)


@pytest.mark.accessibility
@pytest.mark.skipif(not AXE.exists(), reason="axe-core n'est pas installé (npm ci dans tests/browser)")
@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark-telephone"])
@pytest.mark.parametrize("address", PAGES)
def test_no_violation(open_page, address, look):
    """Axe finds nothing to say, and nothing overflows the screen."""
    page = open_page(address, **look)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_from_the_whole_to_one_exam_at_one_site(open_page):
    """Choose a site, then an exam by its line; the drawings are there, and their words say what they show."""
    page = open_page("/evaluation/effet")
    page.get_by_label("Site", exact=True).select_option(label="Centre hospitalier de Valbrune")
    page.get_by_role("button", name="Afficher").click()
    page.get_by_role("link", name="Mammographie", exact=True).click()
    assert page.locator("h1 + .count").inner_text() == "Mammographie, Centre hospitalier de Valbrune"
    drawn = page.locator("figure img")
    assert drawn.count() == 2
    for rank in range(2):
        drawn.nth(rank).scroll_into_view_if_needed()
        page.wait_for_function("rank => document.querySelectorAll('figure img')[rank].naturalWidth > 0", arg=rank)
    assert "intervalle à 95" in drawn.first.get_attribute("alt")


def test_power_is_asked_by_keyboard(open_page):
    """Type, press Enter, read; a word in the place of a number is said beside its field."""
    page = open_page("/evaluation/puissance")
    page.get_by_label("Examens par mois").fill("200")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Série interrompue")
    page.get_by_label("Examens par mois").fill("beaucoup")
    page.keyboard.press("Enter")
    page.wait_for_selector("[aria-invalid=true]")
