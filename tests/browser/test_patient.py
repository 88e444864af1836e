"""The patient page in Chromium: axe in French and Arabic, right to left, large print, a telephone, and the whole story from both sides."""

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.browser.test_accessibility import AXE, DARK, LIGHT, violations

pytestmark = pytest.mark.browser


def accessible(test):
    """Mark a test that needs axe-core."""
    marked = pytest.mark.skipif(not AXE.exists(), reason="axe-core n'est pas installé (npm ci dans tests/browser)")(test)
    return pytest.mark.accessibility(marked)


TELEPHONE = {"viewport": {"width": 320, "height": 640}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
LUMBAGO = "lumbago depuis 5 j, pas de déficit"


@dataclass(frozen=True)
class Signed:
    """A request signed in the browser, and the address of its patient page."""

    request: str
    address: str


@pytest.fixture
def sign(open_page, server):
    """Return a function that signs a request as a prescriber does and reads the address to give."""

    def done(text=LUMBAGO, exam="radio rachis lombaire"):
        page = open_page("/prescrire")
        page.fill("[name=texte]", text)
        page.fill("[name=examen]", exam)
        page.locator("[formaction='/prescrire/signer'], form[action='/prescrire/signer'] button[type=submit]").first.click()
        page.wait_for_url(re.compile("/mes-demandes/"))
        address = page.input_value("#adresse-patient")
        return Signed(page.url.rsplit("/", 1)[1], "/patient/" + address.rsplit("/", 1)[1])

    return done


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark-telephone"])
@pytest.mark.parametrize("query", ["", "?langue=ar", "?langue=ar&grand=oui", "?langue=uk"])
@pytest.mark.parametrize("text", [LUMBAGO, "lombalgie, anesthésie en selle, rétention d'urine"], ids=["exam", "emergency"])
@accessible
def test_no_violation(open_page, sign, text, query, look):
    """Axe finds nothing to say of the page, from left to right or from right to left."""
    assert violations(open_page(sign(text).address + query, **look)) == []


@accessible
@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark-telephone"])
def test_no_violation_on_the_receipt(open_page, sign, look):
    """Nor of the receipt with its QR code."""
    assert violations(open_page(f"/mes-demandes/{sign().request}", **look)) == []


@accessible
@pytest.mark.parametrize("query", ["", "?langue=ar"])
def test_no_violation_on_a_closed_page(open_page, query):
    """Nor of the page that says that there is none."""
    assert violations(open_page("/patient/inconnu" + query)) == []


@pytest.mark.parametrize("query", ["", "?langue=ar", "?langue=ar&grand=oui", "?langue=pt&grand=oui", "?grand=oui"])
def test_nothing_overflows_a_small_telephone(open_page, sign, query):
    """At 320 pixels, even in large print, nothing is to be scrolled sideways."""
    page = open_page(sign().address + query, **TELEPHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_arabic_is_read_from_right_to_left(open_page, sign):
    """Headings and lists start on the right; French parts keep their direction."""
    page = open_page(sign().address + "?langue=ar")
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    assert page.evaluate("getComputedStyle(document.querySelector('ul[lang=fr]')).direction") == "ltr"
    box, main = page.locator("main h2").first.bounding_box(), page.locator("main").bounding_box()
    assert box["x"] + box["width"] > main["x"] + main["width"] - 80


def test_large_print_is_larger(open_page, sign):
    """The switch makes the text half as large again, and goes back."""
    page = open_page(sign().address)
    sizes = []
    for _ in range(3):
        sizes.append(page.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"))
        page.locator(".size a").click()
    assert sizes[1] > 1.35 * sizes[0]
    assert sizes[2] == sizes[0]


def test_headings_are_in_order_for_who_listens(open_page, sign):
    """One title, then sections without a level left out, each named by its heading."""
    page = open_page(sign().address)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate(
        "[...document.querySelectorAll('main section')].every(one => document.getElementById(one.getAttribute('aria-labelledby')))"
    )


def test_the_story_from_both_sides(open_page, sign):
    """The patient reads in Turkish without a mouse and without scripts, says so and answers; the prescriber sees the date, not the answers."""
    signed = sign()
    page = open_page(signed.address, java_script_enabled=False, **TELEPHONE)
    page.get_by_role("link", name="Türkçe").press("Enter")
    page.get_by_role("button", name="Bu bilgiyi aldım").press("Enter")
    page.get_by_role("status").first.wait_for()
    page.locator("[name=compris][value='4']").press("Space")
    page.locator("[name=renonce][value=oui]").press("Space")
    page.locator("[name=raisons][value=distance]").press("Space")
    page.get_by_role("button", name="Cevaplarımı gönder").press("Enter")
    page.get_by_text("Cevaplarınız kaydedildi").wait_for()
    assert page.locator("[name=raisons][value=distance]").is_checked()
    receipt = open_page(f"/mes-demandes/{signed.request}").locator("main").inner_text()
    assert "Information reçue, dit le patient, le" in receipt
    assert "distance" not in receipt
