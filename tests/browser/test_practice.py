"""« Mon bilan » and « Se former » in Chromium: axe finds nothing, a telephone is enough, and so is a keyboard."""

import pytest

from pertimage.audit.consents import Consents, Setting
from pertimage.audit.lessons import Lessons
from pertimage.web.access import DEMO_USERS
from pertimage.web.questions import bank, sheets_of
from tests.audit.scenes import record
from tests.browser.test_accessibility import AXE, DARK, LIGHT, violations

pytestmark = [pytest.mark.browser, pytest.mark.accessibility]
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core n'est pas installé (npm ci dans tests/browser)")
PHONE = {"viewport": {"width": 320, "height": 700}, "color_scheme": "dark"}
PAGES = {
    "report": "/mon-bilan",
    "agreement": "/mon-bilan/accord",
    "learning": "/se-former",
    "answered": "/se-former/fini?question=1",
    "to answer": "/se-former/debut",
    "result": "/se-former/fini",
    "certificate": "/se-former/fini/attestation",
    "sessions": "/se-former/animer",
    "session counted": "/se-former/animer/ABCDEF",
    "join": "/seance",
    "no such session": "/seance?code=ZZZZZZ",
    "participant": "/seance/ABCDEF",
}


@pytest.fixture(scope="module")
def practised(server):
    """Give the demonstration's prescriber a report with peers, a series done, one begun; the project a session."""
    service, now = server.service, server.service.now()
    me, team = (service.pseudonyms.prescriber(DEMO_USERS[role].name) for role in ("prescripteur", "equipe-projet"))
    for who in (me, *(f"pair-{rank}" for rank in range(6))):
        Consents(service.journal).give(who, Setting.SURGERY, mail=True, at=now)
        for rank in range(30):
            record(service.register, now, prescriber=who, signed=True, outcome="appropriate" if rank % 3 else "alternative")
    lessons, questions = Lessons(service.journal), bank(service.base).draw("navigateur", sheets_of(service.base, "rachis"))
    names, about = tuple(one.name for one in questions), {"scope": "rachis", "guidelines": service.base.version, "at": now}
    for name, owner in (("fini", me), ("debut", me), ("clavier", me), ("ABCDEF", team)):
        lessons.open(name, names, owner=owner, group=owner == team, **about)
    answerers = [("fini", me), *(("ABCDEF", f"participant-{rank}") for rank in range(4))]
    for name, who in answerers:
        for rank, question in enumerate(questions):
            choice = question.options[rank % 2].value
            lessons.answer(name, rank, choice, right=choice in question.right, who=who, at=now)
    return questions


@needs_axe
@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark-telephone"])
@pytest.mark.parametrize("name", PAGES)
def test_no_violation(open_page, practised, name, look):
    """Axe finds nothing to say of the page."""
    assert violations(open_page(PAGES[name], **look)) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_small_telephone(open_page, practised, name):
    """At 320 pixels the page does not scroll sideways."""
    page = open_page(PAGES[name], **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def focused(page):
    """Return the words of what has the focus."""
    return page.evaluate("(document.activeElement.closest('label') || document.activeElement).innerText.trim()")


def tab_to(page, words, most=40):
    """Press Tab until something that says these words has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if words in focused(page):
            return
    raise AssertionError(f"« {words} » ne s'atteint pas au clavier")


def test_a_series_by_keyboard_alone(open_page, practised):
    """Tab, arrows, space and Enter: five letters answered, the result read."""
    page = open_page("/se-former/clavier")
    for rank, question in enumerate(practised):
        tab_to(page, question.options[0].label)
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        tab_to(page, "Répondre")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        tab_to(page, "Lettre suivante" if rank < len(practised) - 1 else "Voir le résultat")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert "comme la fiche" in page.inner_text("h1")
    assert page.locator(".lesson-list li").count() == len(practised)


def test_the_agreement_is_withdrawn_and_given_again_by_keyboard(open_page, practised):
    """From the report to the consent page, out and back in."""
    page = open_page("/mon-bilan")
    assert page.locator(".figure img").first.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    tab_to(page, "Votre accord")
    page.keyboard.press("Enter")
    page.wait_for_url("**/mon-bilan/accord")
    tab_to(page, "Retirer mon accord")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("h2", has_text="Qui voit quoi").count() == 1
    tab_to(page, "Cabinet")
    page.keyboard.press("Space")
    tab_to(page, "J'ai lu qui voit quoi")
    page.keyboard.press("Space")
    tab_to(page, "Demander mon bilan")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("h2", has_text="Mois par mois").count() == 1


def test_the_counts_follow_without_reload(open_page, practised, server):
    """What a participant has just answered reaches the facilitator's page by itself."""
    page = open_page("/se-former/animer/ABCDEF")
    page.locator("text=4 participants").wait_for()
    choice = practised[0].options[0].value
    Lessons(server.service.journal).answer("ABCDEF", 0, choice, right=False, who="participant-9", at=server.service.now())
    page.locator("text=5 participants").wait_for(timeout=8000)
