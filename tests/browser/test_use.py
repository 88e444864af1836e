"""The pages in a real browser: typing, clicking, the keyboard alone, a telephone, no JavaScript."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

CHRONIC = "lombalgie depuis 4 mois, jamais d'imagerie. Radio rachis lombaire"
LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire"
CAUDA_EQUINA = "lombalgie depuis hier, ne peut plus uriner. IRM lombaire"


def typed(page, text):
    """Type into the request."""
    page.get_by_label("Décrivez la demande").press_sequentially(text, delay=2)


def verdict(page):
    """Return the place of the outcome."""
    return page.locator(".verdict-word").first


def test_from_the_request_to_the_answer(open_page, server):
    """A prescriber types, takes the better exam in one click, signs; the radiologist decides; the prescriber reads it."""
    gp = open_page("/prescrire")
    typed(gp, CHRONIC)
    expect(verdict(gp)).to_have_text(re.compile("Autre examen préférable"))
    gp.get_by_role("button", name="Remplacer par IRM du rachis lombaire").click()
    expect(verdict(gp)).to_have_text(re.compile("Pertinent"))
    expect(gp.get_by_label("Examen", exact=False).first).to_have_value("IRM du rachis lombaire")
    gp.get_by_role("button", name="Signer la demande").click()
    expect(gp.get_by_role("heading", level=1)).to_have_text("IRM du rachis lombaire")
    receipt = gp.url

    against = open_page("/prescrire")
    typed(against, LUMBAGO)
    expect(verdict(against)).to_have_text(re.compile("Pas d'imagerie"))
    against.get_by_text("Garder cet examen").click()
    against.get_by_label("Motif, en un clic").select_option("refus-patient")
    against.get_by_role("button", name="Signer la demande").click()
    expect(against.get_by_text("En attente de relecture").first).to_be_visible()

    radiologist = open_page("/relecture")
    radiologist.get_by_role("link", name="Radiographie du rachis lombaire").first.click()
    radiologist.get_by_text("Refuser", exact=False).first.click()
    radiologist.get_by_role("button", name="Imagerie inutile à ce stade selon le référentiel.").click()
    radiologist.get_by_role("button", name="Refuser la demande").click()
    expect(radiologist.get_by_role("status").first).to_contain_text("Décision enregistrée")

    against.reload()
    expect(against.get_by_role("heading", name="Refusée par le radiologue")).to_be_visible()
    expect(against.get_by_text("Imagerie inutile à ce stade selon le référentiel.").first).to_be_visible()
    gp.goto(receipt)
    expect(gp.get_by_text("Transmise")).to_be_visible()


def test_chip_writes_its_sentence_and_the_advice_follows(open_page):
    """One click on « oui » beside a red flag writes the sentence, and the emergency appears without a reload."""
    page = open_page("/prescrire")
    typed(page, LUMBAGO)
    page.get_by_role("group", name="syndrome de la queue de cheval").get_by_role("button", name="Oui").click()
    expect(page.get_by_label("Décrivez la demande")).to_have_value(re.compile("queue de cheval", re.IGNORECASE))
    expect(page.get_by_role("alert")).to_contain_text("Urgences ou 15 sans attendre")


def test_field_beside_a_question_is_written_once(open_page):
    """A field filled beside a question goes into the text when « Ajouter » is pressed, not before."""
    page = open_page("/prescrire")
    typed(page, LUMBAGO)
    field = page.locator("#complement-finalite")
    field.fill("fracture")
    page.wait_for_timeout(700)
    expect(field).to_have_value("fracture")
    field.press("Enter")
    expect(page.get_by_label("Décrivez la demande")).to_have_value(re.compile(r"Recherche : fracture\.$"))


def test_advice_keeps_up_with_the_typing(open_page):
    """The advice shown is that of the last words typed, whatever came before."""
    page = open_page("/prescrire")
    typed(page, LUMBAGO)
    expect(verdict(page)).to_have_text(re.compile("Pas d'imagerie"))
    page.get_by_label("Décrivez la demande").fill(CAUDA_EQUINA)
    expect(page.get_by_role("alert")).to_contain_text("Urgences ou 15")
    page.get_by_label("Décrivez la demande").fill("")
    expect(page.get_by_text("L'avis apparaîtra ici")).to_be_visible()


def test_keyboard_alone(open_page):
    """Without a mouse: skip link, request, better exam, signature; then the worklist by letters, and one decision."""
    page = open_page("/prescrire")
    expect(page.get_by_label("Décrivez la demande")).to_be_focused()
    page.keyboard.type(CHRONIC)
    button = page.get_by_role("button", name="Remplacer par IRM du rachis lombaire")
    expect(button).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(verdict(page)).to_have_text(re.compile("Pertinent"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Reçu")).to_be_visible()

    page.goto(page.url.split("/mes-demandes")[0] + "/prescrire")
    expect(page.get_by_label("Décrivez la demande")).to_be_focused()
    page.keyboard.type(LUMBAGO)
    expect(verdict(page)).to_have_text(re.compile("Pas d'imagerie"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Reçu")).to_be_visible()

    page.goto(page.url.split("/mes-demandes")[0] + "/relecture")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Décider")).to_be_visible()
    page.keyboard.press("r")
    page.keyboard.type("Inutile à ce stade.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("refusée par le radiologue")


def test_letters_can_be_switched_off(open_page):
    """The one-letter shortcuts are off once the reader says so, and stay off."""
    page = open_page("/prescrire")
    typed(page, LUMBAGO)
    expect(verdict(page)).to_have_text(re.compile("Pas d'imagerie"))
    page.get_by_role("button", name="Signer la demande").click()
    identifier = page.url.rsplit("/", 1)[1]
    page.goto(page.url.replace("/mes-demandes/", "/relecture/"))
    page.get_by_label("Raccourcis clavier").uncheck()
    page.reload()
    page.keyboard.press("v")
    page.wait_for_timeout(300)
    assert page.url.endswith(f"/relecture/{identifier}")


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/prescrire?exemple=lombalgie-commune.1",
        "/prescrire?exemple=lombalgie-commune.7",
        "/mes-demandes",
        "/relecture",
        "/referentiel",
        "/referentiel/lombalgie-commune",
        "/connexion",
        "/nulle-part",
    ],
)
@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_sideways_scroll(open_page, address, width):
    """On a telephone or a tablet no page is wider than the screen."""
    page = open_page(address, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_telephone_shows_the_emergency_without_scrolling(open_page):
    """On a telephone the emergency is on the screen while the prescriber types."""
    page = open_page("/prescrire", viewport={"width": 390, "height": 700}, has_touch=True)
    typed(page, CAUDA_EQUINA)
    banner = page.locator(".sign-bar").get_by_text("Urgences ou 15 sans attendre")
    expect(banner).to_be_in_viewport()


def test_without_javascript(open_page):
    """With JavaScript off the same form gives the advice, takes a one-click answer, and signs."""
    page = open_page("/prescrire", java_script_enabled=False)
    page.get_by_label("Décrivez la demande").fill(CHRONIC)
    page.get_by_role("button", name="Voir l'avis").click()
    expect(verdict(page)).to_have_text(re.compile("Autre examen préférable"))
    page.get_by_role("button", name="Remplacer par IRM du rachis lombaire").click()
    expect(verdict(page)).to_have_text(re.compile("Pertinent"))
    page.get_by_role("button", name="Aucun", exact=True).first.click()
    expect(page.get_by_label("Décrivez la demande")).to_have_value(re.compile("dispositif implanté"))
    page.get_by_role("button", name="Signer la demande").click()
    expect(page.get_by_text("Reçu")).to_be_visible()


def test_search_while_typing(open_page):
    """The list of the guidelines narrows while the reader types."""
    page = open_page("/referentiel")
    page.get_by_label("Chercher une situation").press_sequentially("lumbago", delay=10)
    expect(page.get_by_role("status")).to_contain_text("pour « lumbago »")
    expect(page.get_by_role("link", name="Lombalgie commune")).to_be_visible()
    expect(page.get_by_role("link", name="Migraine typique")).to_have_count(0)


def test_rule_link_shows_the_rule(open_page):
    """The address of a rule shows it on the screen."""
    page = open_page("/referentiel/lombalgie-commune#recente")
    expect(page.locator("#recente")).to_be_in_viewport()
