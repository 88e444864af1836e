"""Axe-core on each page, light and dark, computer and telephone: no violation."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pertimage.audit.programme import Entry
from pertimage.audit.programme_register import Programme
from pertimage.audit.restitution import By, Side
from pertimage.audit.survey import Answer, Overriding, Reason, Role, Subject, Surveys
from pertimage.web.access import DEMO_USERS
from pertimage.web.pages.draft import Draft
from tests.project import ROOT
from tests.web.former import NOW, changed, earlier

AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.accessibility,
    pytest.mark.skipif(not AXE.exists(), reason="axe-core n'est pas installé (npm ci dans tests/browser)"),
]

LUMBAGO = "lumbago depuis 5 j, pas de déficit, ATCD K sein, mère : K ovaire, suspicion de fracture. Radio rachis lombaire"
SILENCE = "regles_en_silence:\n  - {regle: lombalgie-commune/recente, auteur: Dr A, date: 2026-10-01, motif: essai}\n"
LIGHT = {"color_scheme": "light"}
DARK = {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}
# Without an example: an empty form. The others go through each outcome, an emergency, one exam without reason.
PAGES = {
    "front door": "/",
    "sign in": "/connexion",
    "empty form": "/prescrire",
    "exam first": "/prescrire?ordre=examen",
    "not indicated": "/prescrire?exemple=lombalgie-commune.1",
    "incomplete": "/prescrire?exemple=lombalgie-commune.2",
    "appropriate": "/prescrire?exemple=lombalgie-commune.4",
    "emergency": "/prescrire?exemple=lombalgie-commune.7",
    "alternative": "/prescrire?exemple=lombalgie-commune.12",
    "requests": "/mes-demandes",
    "notifications": "/mes-notifications",
    "worklist": "/relecture",
    "guidelines": "/referentiel",
    "nothing found": "/referentiel?q=zzzyx",
    "nothing found with filters": "/referentiel?q=genou+zzzyx&chapitre=Rachis",
    "found by exam and citing": "/referentiel?q=irm+genou",
    "sheet": "/referentiel/lombalgie-commune",
    "follow-up": "/referentiel/suivi",
    "versions of a sheet": "/referentiel/lombalgie-commune/versions",
    "former version": "/referentiel/lombalgie-commune/versions/{former}",
    "authors' guide": "/referentiel/guide",
    "policy": "/politique",
    "calendar": "/evaluation/calendrier",
    "extract": "/evaluation/extrait",
    "satisfaction": "/evaluation/satisfaction",
    "survey": "/satisfaction",
    "territory": "/territoire?examen=irm-genou&pres_de=Valbrune&acces=fauteuil",
    "error": "/nulle-part",
    "receipt": "/mes-demandes/{signed}",
    "question": "/mes-demandes/{asked}",
    "decided": "/mes-demandes/{decided}",
    "review": "/relecture/{signed}",
    "review decided": "/relecture/{decided}",
    "result to explain": "/mes-demandes/{reported}",
    "result to announce": "/relecture/{reported}",
    "reports to announce": "/relecture/restitutions",
    "figures of restitution": "/evaluation/restitution",
}


@pytest.fixture(scope="module")
def known(server):
    """Sign four requests (one to review, one with a question, one refused, one with its report); serve a sheet in two versions."""
    service = server.service
    me, radiologist = (service.pseudonyms.prescriber(DEMO_USERS[role].name) for role in ("prescripteur", "radiologue"))
    former = changed(earlier)
    service.register.keep_editions([former, NOW], guidelines="2025.1", at=service.now())
    found = {"former": former.digest}
    for name in ("signed", "asked", "decided", "reported"):
        draft = replace(Draft(text=LUMBAGO, age="67", sex="female", priority="urgent"), id=f"{len(found) - 1:032x}")
        request = draft.request(service.base.lexicon, service.today())
        judged = service.judge(request)
        about = {
            "site": service.settings.site,
            "prescriber": me,
            "at": service.now(),
            "modalities": service.modalities(judged),
            "signed": True,
        }
        found[name] = service.register.record_assessment(request, [one.to_json() for one in judged], request_id=draft.id, **about)
    programme = Programme(service.journal)
    programme.put([Entry("ch-nord", on_from=service.today())], author="Équipe projet", reason="Ouverture", at=service.now())
    programme.note("greve", "Grève", since=service.today(), author="Équipe projet", at=service.now())
    surveys, day = Surveys(service.journal), service.today()
    for title, start, end in (("Avant", 60, 50), ("Après", 40, 30), ("En cours", 2, -30)):
        opens, closes = day - timedelta(days=start), day - timedelta(days=end)
        campaign = surveys.open(title, Subject.SERVICE, opens=opens, closes=closes, author="Équipe projet", at=service.now())
        for rank in range(20 if end > 0 else 0):
            answer = Answer(Role.PRESCRIBER, "", (1 + rank % 5, 3) * 5, overriding=Overriding.OFTEN, reasons=(Reason.TIME,))
            surveys.answer(campaign, f"{rank:064x}", answer, day=opens, at=service.now())
    service.register.decide(found["asked"], "demander-complement", radiologist=radiologist, at=service.now(), reason="Depuis quand ?")
    service.register.decide(found["decided"], "refuser", radiologist=radiologist, at=service.now(), reason="Imagerie inutile.")
    service.register.decide(found["reported"], "valider", radiologist=radiologist, at=service.now())
    service.results.report_available(found["reported"], By(radiologist, Side.RADIOLOGIST), happened=service.now(), at=service.now())
    return found


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark-telephone"])
@pytest.mark.parametrize("name", PAGES)
def test_no_violation(open_page, known, name, look):
    """Axe finds nothing to say of the page, its folded parts open."""
    assert violations(open_page(PAGES[name].format(**known), **look)) == []


def test_no_violation_when_answers_are_missing(open_page, known):
    """Axe finds nothing to say of the survey sent with questions left aside."""
    page = open_page("/satisfaction")
    page.evaluate("document.querySelectorAll('[required]').forEach(field => field.removeAttribute('required'))")
    page.click("text=Envoyer mes réponses")
    assert page.locator("text=Il manque 12 réponses").count() == 1
    assert violations(page) == []


@pytest.mark.parametrize("text", [SILENCE, "titre: x\nalertes:\n  grossesse: {parle: non}\n"], ids=["right", "wrong"])
def test_no_violation_once_a_policy_is_tried(open_page, known, text):
    """Axe finds nothing to say of the effects of a policy, nor of its faults."""
    page = open_page("/politique")
    page.fill("#texte", text)
    page.click("text=Essayer sur les")
    assert page.locator("#t-effet").count() == (text == SILENCE)
    assert violations(page) == []


def violations(page):
    """Return what axe finds, with the folded parts of the page open."""
    page.evaluate("document.querySelectorAll('details:not([name])').forEach(details => details.open = true)")
    page.evaluate("document.querySelector('details[name]')?.setAttribute('open', '')")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})")
    return [(one["id"], one["help"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]]
