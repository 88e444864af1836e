"""Two people at once: what one does shows on the other's screen without reloading."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire"
CERVICAL = "cervicalgie depuis 10 j, pas de traumatisme, pas de déficit. Radio rachis cervical"


def sign(page, text):
    """Sign a request against the advice."""
    page.get_by_label("Décrivez la demande").press_sequentially(text, delay=2)
    expect(page.locator(".verdict-word").first).to_have_text(re.compile("Pas d'imagerie"))
    page.get_by_role("button", name="Signer la demande").click()
    expect(page.get_by_text("En attente de relecture").first).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def validate(page):
    """Approve by the keyboard, once the page and its script are there."""
    expect(page.locator("html.scripted [data-decision]")).to_be_visible()
    page.keyboard.press("v")


def test_the_worklist_follows_without_reloading(open_page):
    """A request signed elsewhere appears, one decided elsewhere leaves; what was ticked and typed stays."""
    first = sign(open_page("/prescrire"), LUMBAGO)
    radiologist, colleague = open_page("/relecture"), open_page("/relecture")
    radiologist.locator(f"#c-{first}").check()
    second = sign(open_page("/prescrire"), CERVICAL)
    expect(radiologist.locator(f"#c-{second}")).to_be_visible()
    expect(radiologist.locator(f"#c-{first}")).to_be_checked()
    colleague.get_by_role("link", name="Radiographie du rachis cervical").click()
    validate(colleague)
    expect(colleague.get_by_text("Décision enregistrée")).to_be_visible()
    expect(radiologist.locator(f"#c-{second}")).to_have_count(0)
    expect(radiologist.locator(f"#c-{first}")).to_be_checked()


def test_a_case_decided_elsewhere_says_so(open_page, server):
    """The radiologist who still has it open reads it on the screen, before deciding."""
    identifier = sign(open_page("/prescrire"), LUMBAGO)
    mine, other = open_page(f"/relecture/{identifier}"), open_page(f"/relecture/{identifier}")
    mine.get_by_text("Refuser", exact=False).first.click()
    mine.get_by_label("Motif du refus").fill("inutile")
    validate(other)
    expect(mine.get_by_text("vient de décider cette demande")).to_be_visible()
    expect(mine.get_by_label("Motif du refus")).to_have_value("inutile")
    server.service.register.withdraw(sign(open_page("/prescrire"), CERVICAL), author="p", at=server.service.now())


def test_enter_in_a_field_decides_nothing(open_page):
    """Without JavaScript, Enter in the field of an exam sends the form's first button, which is no decision."""
    identifier = sign(open_page("/prescrire"), LUMBAGO)
    page = open_page(f"/relecture/{identifier}", java_script_enabled=False)
    page.get_by_text("Substituer un autre examen").click()
    page.locator("#autre_examen").fill("IRM du rachis lombaire")
    page.locator("#autre_examen").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Choisissez une décision")
    expect(page.get_by_role("heading", name="Décider")).to_be_visible()


def test_several_at_once_by_the_keyboard(open_page):
    """X ticks, and one button decides what is ticked."""
    identifier = sign(open_page("/prescrire"), LUMBAGO)
    page = open_page("/relecture?q=apyrétique")
    page.locator(f'[href^="/relecture/{identifier}"]').focus()
    page.keyboard.press("x")
    expect(page.locator(f"#c-{identifier}")).to_be_checked()
    page.get_by_label("Pourquoi").fill("Voir la fiche.")
    page.get_by_role("button", name="Refuser").click()
    expect(page.get_by_text("décision enregistrée")).to_be_visible()
