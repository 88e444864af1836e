"""The guidelines in a browser: live search, a sheet on paper, what changed between two versions."""

import re

import pytest

from pertimage.guidelines.loader import load_base
from tests.web.former import NAME, NOW, changed, earlier

pytestmark = pytest.mark.browser


def pages_of(pdf: bytes) -> int:
    """Return the number of pages of a PDF that Chromium printed."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


@pytest.fixture(scope="module")
def former(server):
    """Have the service serve a sheet in two versions; return the digest of the first."""
    old = changed(earlier)
    server.service.register.keep_editions([old, NOW], guidelines="2025.1", at=server.service.now())
    return old.digest


def test_search_answers_while_one_types(open_page):
    """The list follows the words typed and the filters chosen, without leaving the page nor losing the keyboard."""
    page = open_page("/referentiel")
    page.locator("#q").press_sequentially("siatique", delay=20)
    page.locator("a[href='/referentiel/migraine-typique']").wait_for(state="detached")
    assert page.locator("a[href='/referentiel/lomboradiculalgie-commune']").count() == 1
    assert page.evaluate("document.activeElement.id") == "q"
    page.locator("#q").fill("")
    page.locator("a[href='/referentiel/migraine-typique']").wait_for()
    page.select_option("#chapitre", "Rachis")
    page.locator("a[href='/referentiel/migraine-typique']").wait_for(state="detached")
    assert page.locator("a[href='/referentiel/lombalgie-commune']").count() == 1
    page.locator("#q").fill("zzzyx")
    page.get_by_text("Aucune fiche trouvée").wait_for()
    page.get_by_role("link", name="Chercher sans les filtres").wait_for()


def test_a_search_can_be_sent_by_its_button(open_page):
    """The address after a search can be kept and shared."""
    page = open_page("/referentiel")
    page.locator("#q").fill("IRM genou")
    page.get_by_role("button", name="Chercher").click()
    page.wait_for_url(re.compile(r"q=IRM\+genou"))
    assert page.locator("#resultats a[href='/referentiel/gonalgie-non-traumatique']").count() == 1


def test_a_sheet_is_printed_on_one_or_two_pages(open_page):
    """On paper: no menu nor example, the draft warning, the version, every rule and every source; two A4 pages at most."""
    page = open_page(f"/referentiel/{NAME}")
    page.emulate_media(media="print")
    assert not page.locator("header.site").is_visible()
    assert not page.locator("#section-exemples").is_visible()
    assert page.get_by_text("Ne pas s'en servir pour soigner").is_visible()
    assert f"/referentiel/{NAME}/versions/{NOW.digest}" in page.locator(".print-note").inner_text()
    for rule in NOW.form.rules:
        assert page.locator(f"[id='{rule.id}']").is_visible()
    for source in NOW.form.sources.values():
        assert source.title[:30] in page.locator("body").inner_text().replace("\u202f", " ").replace("\u00a0", " ")
    lengths = {}
    for sheet in [NAME, *sorted(load_base().sheets)[::12]]:
        page.goto(page.url.rsplit("/", 1)[0] + f"/{sheet}")
        lengths[sheet] = pages_of(page.pdf(prefer_css_page_size=True))
    assert {name: length for name, length in lengths.items() if not 1 <= length <= 2} == {}


def test_what_changed_is_read_from_the_sheet(open_page, former):
    """From a sheet, two clicks lead to what changed, and a choice compares the other way round."""
    page = open_page(f"/referentiel/{NAME}")
    page.get_by_role("link", name="Versions et changements").click()
    page.get_by_role("heading", name="Ce qui change").wait_for()
    assert page.locator("del", has_text="moins de 6 semaines").count() == 1
    page.select_option("#avant", NOW.digest)
    page.select_option("#apres", former)
    page.get_by_role("button", name="Comparer").click()
    page.locator("ins", has_text="moins de 6 semaines").wait_for()
    page.locator(f"a[href$='{former}']").first.click()
    page.get_by_text("Version ancienne").wait_for()
