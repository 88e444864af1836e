"""Doors: the front page, signing in, tokens of forms, errors."""

import re

import pytest
from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette.testclient import TestClient

from pertimage.web.guard import Guard
from pertimage.web.pages import home, my_requests, notifications, prescribe, reference, review, router, signin, worklist
from pertimage.web.pages.errors import register_errors
from pertimage.web.pages.signin import safe_target
from tests.web.pages import PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, closed_service, person, plain, service_at

WRITES = (
    "/prescrire",
    "/prescrire/avis",
    "/prescrire/signer",
    "/prescrire/renoncer",
    "/mes-demandes/x/reponse",
    "/mes-demandes/x/lien-patient",
    "/mes-demandes/x/retirer",
    "/mes-notifications",
    "/mes-demandes/x/restitution",
    "/mes-demandes/x/restitution/annuler",
    "/relecture/x/decision",
    "/relecture/x/prendre",
    "/relecture/x/confier",
    "/relecture/x/second-avis",
    "/relecture/x/donner-avis",
    "/relecture/x/restitution",
    "/relecture/x/restitution/annuler",
    "/relecture/lot",
    "/relecture/vues",
    "/connexion",
    "/deconnexion",
)


@pytest.fixture
def demo(tmp_path):
    """Give somebody in demo mode."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


@pytest.fixture
def visitor(tmp_path):
    """Give somebody outside demo mode, not signed in."""
    service = closed_service(tmp_path)
    yield person(service)
    service.close()


@pytest.mark.parametrize(
    "address", ["/", "/prescrire", "/mes-demandes", "/relecture", "/referentiel", "/referentiel/lombalgie-commune", "/connexion"]
)
def test_every_page_says_demonstration_and_draft(demo, address):
    """In demo mode every page says that its data are fictitious, that the guidelines are a draft, and that this is no CE-marked device."""
    said = demo.read(address)
    assert "Démonstration : données fictives" in said
    assert "Référentiel en brouillon, non relu par un comité ; dispositif non marqué CE" in said


def test_front_page_has_its_doors(demo):
    """The front page leads to the three users' pages and to the guidelines."""
    page = demo.client.get("/").text
    assert all(f'href="{door}"' in page for door in ("/prescrire", "/relecture", "/evaluation", "/referentiel"))


@pytest.mark.parametrize("address", ["/prescrire", "/mes-demandes", "/relecture"])
def test_pages_ask_to_sign_in(visitor, address):
    """Outside demo mode a page of a role leads to the sign-in page, and back once signed in."""
    answer = visitor.client.get(address, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/connexion?vers={address}")


def test_real_pages_do_not_say_demonstration(visitor):
    """Outside demo mode nothing says that data are fictitious."""
    assert "Démonstration" not in visitor.read("/referentiel")


def test_signing_in_opens_the_pages_of_the_role(visitor):
    """A prescriber's token opens the prescriber's pages, not the radiologist's."""
    answer = visitor.post("/connexion", jeton_acces=PRESCRIBER_TOKEN, vers="/mes-demandes")
    assert answer.headers["location"] == "/mes-demandes"
    assert "Dr A" in visitor.read("/mes-demandes")
    assert visitor.client.get("/relecture").status_code == 403


def test_menu_shows_what_the_role_may_open(visitor):
    """The menu of a radiologist has the worklist and what everybody may read, nothing else."""
    visitor.enter(RADIOLOGIST_TOKEN)
    menu = re.search(r'<ul class="menu">(.*?)</ul>', visitor.client.get("/relecture").text, re.DOTALL).group(1)
    assert re.findall(r'href="([^"]+)"', menu) == ["/relecture", "/territoire", "/referentiel"]


def test_unknown_token_is_refused(visitor):
    """A token that is nobody's opens nothing."""
    answer = visitor.post("/connexion", jeton_acces="x" * 24)
    assert answer.status_code == 422
    assert "n'est pas reconnu" in plain(answer.text)
    assert visitor.client.get("/prescrire", follow_redirects=False).status_code == 303


def test_signing_out_closes_the_session(visitor):
    """After signing out the pages ask for a token again."""
    visitor.enter(PRESCRIBER_TOKEN)
    visitor.post("/deconnexion")
    assert visitor.client.get("/prescrire", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("address", WRITES)
def test_every_form_needs_its_token(demo, address):
    """A form posted without the session's token, or with another session's, is refused: another site cannot post for the user."""
    demo.token()
    assert demo.client.post(address, data={"texte": "lombalgie"}).status_code == 403
    assert demo.client.post(address, data={"_jeton": "x" * 43, "texte": "lombalgie"}).status_code == 403


def test_every_route_that_writes_is_known_to_that_test():
    """The list above names every form of these pages."""
    routes = [
        route
        for pages in (home, signin, prescribe, my_requests, notifications, worklist, review, reference)
        for route in pages.router.routes
    ]
    assert {re.sub(r"{[^}]*}", "x", route.path) for route in routes if "POST" in route.methods} == set(WRITES)


def test_token_changes_when_the_session_does(visitor):
    """Forms opened before signing in can post no more afterwards."""
    before = visitor.token()
    visitor.enter(PRESCRIBER_TOKEN)
    assert visitor.client.post("/prescrire/avis", data={"_jeton": before, "texte": "lombalgie"}).status_code == 403


@pytest.mark.parametrize(
    ("address", "kept"),
    [("/mes-demandes", "/mes-demandes"), ("//ailleurs.example", ""), ("https://ailleurs.example", ""), ("/\\ailleurs", ""), ("", "")],
)
def test_sign_in_leads_inside_only(address, kept):
    """The address to come back to is a page of this service or nothing."""
    assert safe_target(address) == kept


def test_pages_hold_no_inline_script_or_style(demo):
    """Every page obeys its own content security policy: no inline script, style or handler, nothing from elsewhere."""
    for address in ("/", "/prescrire?exemple=lombalgie-commune.1", "/relecture", "/referentiel/lombalgie-commune"):
        page = demo.client.get(address).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|(?:src|href)=\"(?:https?:)?//", page), address


@pytest.fixture
def failing(tmp_path):
    """Serve an application with the pages, their errors, a page that breaks and an address that programs call."""
    service = service_at(tmp_path)
    app = FastAPI()
    app.state.service = service
    app.include_router(router)

    def broken() -> None:
        raise RuntimeError("un mot de la demande")

    app.add_api_route("/cassee", broken)
    app.add_api_route("/fhir/cassee", broken)
    register_errors(app)
    app.add_middleware(SessionMiddleware, secret_key="x" * 32)
    app.add_middleware(Guard, max_body=1000)
    yield TestClient(app, raise_server_exceptions=False)
    service.close()


def test_missing_page_is_explained_in_french(failing):
    """An address that leads nowhere answers with a French page."""
    answer = failing.get("/nulle-part")
    assert answer.status_code == 404
    assert "Page introuvable" in answer.text
    assert "text/html" in answer.headers["content-type"]


def test_program_gets_json(failing):
    """The API keeps its own errors."""
    assert failing.get("/fhir/nulle-part").json()["issue"][0]["details"]["text"] == "Adresse inconnue."
    assert failing.get("/fhir/cassee").json()["resourceType"] == "OperationOutcome"


def test_broken_page_says_that_nothing_was_approved(failing, caplog):
    """A failure is a 500 in French, never an empty page; neither the page nor the log tells what the error held."""
    answer = failing.get("/cassee")
    assert answer.status_code == 500
    assert "ne prenez pas ce silence pour une approbation" in plain(answer.text)
    assert "un mot de la demande" not in answer.text + caplog.text


def test_live_advice_fails_in_place(failing):
    """When htmx asks, an error is a small alert and not a whole page."""
    answer = failing.post("/prescrire/avis", data={"texte": "x"}, headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert "<html" not in answer.text


def test_too_large_a_form_is_refused(failing):
    """A form larger than the service reads is refused before it is read."""
    assert failing.post("/prescrire/avis", data={"texte": "x" * 2000}).status_code == 413
