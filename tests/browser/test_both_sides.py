"""Each story from both sides at once: a prescriber and radiologists, each in their own browser, and what goes wrong between them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire"


@pytest.fixture
def signed(open_page):
    """Return the prescriber's page of a request just signed against the advice, and its number."""
    page = open_page("/prescrire")
    page.get_by_label("Décrivez la demande").press_sequentially(LUMBAGO, delay=2)
    expect(page.locator(".verdict-word").first).to_have_text(re.compile("Pas d'imagerie"))
    page.get_by_role("button", name="Signer la demande").click()
    expect(page.get_by_text("En attente de relecture").first).to_be_visible()
    return page, page.url.rsplit("/", 1)[1]


def decisions(server, identifier):
    """Return what was decided of a request, as its thread tells it."""
    return [turn.decision for turn in server.service.register.thread(identifier) if turn.kind == "decision"]


def refuse(page, why):
    """Fill the refusal and send it."""
    page.get_by_text("Refuser", exact=False).first.click()
    page.get_by_label("Motif du refus").fill(why)
    page.get_by_role("button", name="Refuser la demande").click()


def test_a_question_its_answer_and_the_new_advice(open_page, signed, server):
    """The radiologist asks; the prescriber answers with a red flag; the case is judged again, and both read it; then the decision."""
    gp, identifier = signed
    radiologist = open_page(f"/relecture/{identifier}")
    radiologist.get_by_text("Demander un complément", exact=False).first.click()
    radiologist.locator("#raison-demander-complement").fill("Y a-t-il eu un traumatisme ou un cancer ?")
    radiologist.get_by_role("button", name="Poser la question").click()
    expect(radiologist.get_by_role("status").first).to_contain_text("enregistrée")

    gp.goto(f"{server.url}/mes-demandes")
    expect(gp.locator(".request-asks")).to_have_count(1)
    gp.goto(f"{server.url}/mes-demandes/{identifier}")
    expect(gp.get_by_text("Y a-t-il eu un traumatisme ou un cancer ?").first).to_be_visible()
    gp.get_by_label("Votre réponse").fill("Cancer du sein en 2021, douleur nocturne.")
    gp.get_by_role("button", name="Répondre").click()
    expect(gp.get_by_role("heading", name="Avis après votre réponse")).to_be_visible()

    radiologist.goto(f"{server.url}/relecture/{identifier}")
    expect(radiologist.get_by_text("Cancer du sein en 2021, douleur nocturne.").first).to_be_visible()
    expect(radiologist.locator("html.scripted [data-decision]")).to_be_visible()
    radiologist.keyboard.press("v")
    expect(radiologist.get_by_text("Décision enregistrée")).to_be_visible()
    gp.reload()
    expect(gp.locator("#decision")).to_be_visible()


def test_a_request_withdrawn_while_it_is_read_is_not_decided(open_page, signed, server):
    """The prescriber takes it back: the radiologist who has it open is told, and a decision sent all the same is refused."""
    gp, identifier = signed
    radiologist = open_page(f"/relecture/{identifier}", java_script_enabled=False)
    gp.get_by_text("Retirer cette demande").click()
    gp.get_by_label("Pourquoi").fill("patient hospitalisé")
    gp.get_by_role("button", name="Retirer la demande").click()
    expect(gp.get_by_text("Vous avez retiré cette demande")).to_be_visible()
    refuse(radiologist, "Inutile à ce stade.")
    expect(radiologist.get_by_text(re.compile("retirée", re.IGNORECASE)).first).to_be_visible()
    assert decisions(server, identifier) == []


def test_of_two_radiologists_one_decides(open_page, signed, server):
    """Both had it open; the second is told who was first and what was decided, and keeps what was typed from being lost."""
    _, identifier = signed
    first, second = (open_page(f"/relecture/{identifier}", java_script_enabled=False) for _ in range(2))
    refuse(first, "Inutile à ce stade.")
    refuse(second, "Je valide plutôt.")
    expect(second.get_by_role("alert").first).to_be_visible()
    assert [str(one) for one in decisions(server, identifier)] == ["refuser"]


def test_a_form_sent_again_decides_once(open_page, signed, server):
    """Back, then the same form again: the decision is there, once."""
    _, identifier = signed
    page = open_page(f"/relecture/{identifier}", java_script_enabled=False)
    with page.expect_request(lambda request: request.method == "POST") as sent:
        refuse(page, "Inutile à ce stade.")
    request = sent.value
    again = page.context.request.post(
        request.url, data=request.post_data, headers={"content-type": request.headers["content-type"], "referer": request.url}
    )
    assert again.status < 500
    assert len(decisions(server, identifier)) == 1


def test_a_connection_lost_in_the_middle_of_a_decision(open_page, signed, server):
    """The decision does not leave; once the network is back it is sent again, and counts once."""
    _, identifier = signed
    page = open_page(f"/relecture/{identifier}")
    page.get_by_text("Refuser", exact=False).first.click()
    page.get_by_label("Motif du refus").fill("Inutile à ce stade.")
    page.context.set_offline(True)
    page.get_by_role("button", name="Refuser la demande").click()
    page.wait_for_timeout(500)
    assert decisions(server, identifier) == []
    page.context.set_offline(False)
    page.goto(f"{server.url}/relecture/{identifier}")
    refuse(page, "Inutile à ce stade.")
    expect(page.get_by_role("status").first).to_contain_text("Décision enregistrée")
    assert len(decisions(server, identifier)) == 1
