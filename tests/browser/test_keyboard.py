"""The whole review by keyboard alone: each decision by its letter, the second opinion, and the prescriber's answer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire"
MOST_STOPS = 60


@pytest.fixture
def signed(open_page):
    """Return the page of a request just typed and signed against the advice, without a mouse, and its number."""
    page = open_page("/prescrire")
    expect(page.get_by_label("Décrivez la demande")).to_be_focused()
    page.keyboard.type(LUMBAGO)
    expect(page.locator(".verdict-word").first).to_have_text(re.compile("Pas d'imagerie"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("En attente de relecture").first).to_be_visible()
    return page, page.url.rsplit("/", 1)[1]


def tab_to(page, locator):
    """Press Tab until something has the keyboard; each stop on the way is where the eye can see it."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        seen = page.evaluate("""() => { const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
            return at === document.body || (box.width > 0 && box.height > 0 && style.visibility === "visible") }""")
        assert seen, page.evaluate("document.activeElement.outerHTML")
        if locator.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"Tab does not reach {locator}")


@pytest.mark.parametrize(
    ("letter", "field", "button", "said"),
    [
        ("p", "Protocole", "Valider avec ce protocole", "Validée, avec un protocole"),
        ("s", "Pourquoi, pour le prescripteur", "Substituer", "Remplacée par un autre examen"),
        ("c", "Votre question au prescripteur", "Poser la question", "Le radiologue vous pose une question"),
        ("r", "Motif du refus", "Refuser la demande", "Refusée par le radiologue"),
        ("t", "Pourquoi, et ce que vous attendez", "Reporter", "Reportée"),
    ],
)
def test_a_decision(open_page, signed, server, letter, field, button, said):
    """The letter opens the decision, Tab goes to its words then to its button, and the prescriber reads what was decided."""
    gp, identifier = signed
    page = open_page(f"/relecture/{identifier}")
    expect(page.locator("html.scripted [data-decision]")).to_be_visible()
    page.keyboard.press(letter)
    if letter == "s":
        page.keyboard.press("Tab")
        tab_to_or_here(page, page.get_by_label("Ou un autre examen").or_(page.get_by_label("Examen", exact=True)))
        page.keyboard.type("IRM du rachis lombaire")
    tab_to_or_here(page, page.get_by_label(field, exact=True))
    page.keyboard.type("Une raison écrite au clavier.")
    tab_to(page, page.get_by_role("button", name=button, exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("enregistrée" if letter != "r" else "refusée par le radiologue")
    gp.reload()
    expect(gp.get_by_text(said).first).to_be_visible()


def tab_to_or_here(page, locator):
    """Go to a field, unless the keyboard is already in it."""
    if not locator.evaluate("element => element === document.activeElement"):
        tab_to(page, locator)


def test_a_second_opinion_and_an_answer(open_page, signed, server):
    """A pool is asked; then the radiologist asks the prescriber, who answers."""
    gp, identifier = signed
    page = open_page(f"/relecture/{identifier}")
    expect(page.locator("html.scripted [data-decision]")).to_be_visible()
    page.keyboard.press("a")
    tab_to_or_here(page, page.locator("#question-avis"))
    page.keyboard.type("Faut-il une IRM ?")
    tab_to(page, page.get_by_role("button", name="Demander", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Second avis demandé", exact=True)).to_be_visible()

    server.service.register.hand_over(identifier, radiologist=_me(server), to=_me(server), at=server.service.now())
    page.reload()
    page.keyboard.press("c")
    tab_to_or_here(page, page.locator("#raison-demander-complement"))
    page.keyboard.type("Un traumatisme ?")
    tab_to(page, page.get_by_role("button", name="Poser la question"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("enregistrée")

    gp.reload()
    tab_to(gp, gp.get_by_label("Votre réponse"))
    gp.keyboard.type("Aucun.")
    tab_to(gp, gp.get_by_role("button", name="Répondre", exact=True))
    gp.keyboard.press("Enter")
    expect(gp.get_by_text("transmise au radiologue")).to_be_visible()


def _me(server):
    return server.service.pseudonyms.prescriber("Dr Radio")
