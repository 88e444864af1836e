"""The calendar obeyed: by the cards, by the pages, by the FHIR API; and the page where the project team changes it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from io import BytesIO

import orjson
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from pertimage.audit.programme import Calendar, Entry, Event, EventKind
from pertimage.audit.programme_register import Programme
from pertimage.web.cli import app
from pertimage.web.pages.calendar import drawn
from tests.web.pages import person, plain, service_at
from tests.web.test_hooks import hook, order

CAUDA = "sciatique depuis hier, ne peut plus uriner"
SPRAIN = "entorse de cheville droite hier, homme de 30 ans, Ottawa négatif"
LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique"
RUN = CliRunner()


@pytest.fixture
def gp(tmp_path):
    """Return somebody with a browser, on a service of the site « cabinet »."""
    service = service_at(tmp_path, site="cabinet")
    yield person(service)
    service.close()


def programme(gp, **steps):
    """Put the site in a mode: each step is a number of days from today."""
    service = gp.service
    dates = {f"{name}_from": service.today() + timedelta(days=days) for name, days in steps.items()}
    Programme(service.journal).put([Entry("cabinet", **dates)], author="Dr A", reason="essai", at=service.now())
    service.programme.look()


def cards(gp, text=CAUDA, name="order-sign", *, exam="IRM lombaire", identifier="sr1"):
    """Return the cards of a call."""
    body = hook(order(text, exam, id=identifier), name=name)
    answer = gp.client.post("/cds-services/imagerie-pertinence", content=orjson.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


def kept(gp):
    """Return the requests that the store keeps, whoever made them."""
    with gp.service.store.reader.connect() as connection:
        return connection.exec_driver_sql("SELECT mode, status, pathway, site FROM requests").all()


def test_a_silent_site_judges_keeps_and_shows_nothing(gp):
    """Not even an emergency: it is kept with its pathway, and no radiologist sees it."""
    programme(gp, silent=-10, on=10)
    assert cards(gp) == []
    assert [tuple(row) for row in kept(gp)] == [("silent", "signed", "emergency", "cabinet")]
    assert gp.service.register.worklist() == []


def test_a_site_in_service_shows_and_one_put_out_neither_judges_nor_keeps(gp):
    """From the first day in service on; then nothing at all."""
    programme(gp, silent=-10, on=0)
    assert [card["indicator"] for card in cards(gp)] == ["critical"]
    assert len(kept(gp)) == 1
    programme(gp, on=-10, off=0)
    assert cards(gp) == []
    programme(gp, silent=1)
    assert cards(gp) == cards(gp, name="order-select") == []
    assert len(kept(gp)) == 1


def test_what_was_judged_in_silence_was_told_to_nobody(gp):
    """The first advice shown after the silence is as loud as a first one, and does not say that it was given before."""
    programme(gp, silent=-10, on=10)
    assert cards(gp, SPRAIN, exam="radio de cheville") == []
    assert len(kept(gp)) == 1
    programme(gp, silent=-10, on=0)
    (card,) = cards(gp, SPRAIN, exam="radio de cheville", identifier="2")
    assert card["indicator"] == "warning"
    assert "Même avis" not in card["detail"]
    gp.service.register.worklist()
    (again,) = cards(gp, SPRAIN, exam="radio de cheville", identifier="3")
    assert "Même avis" in again["detail"], "what was shown is told once"


def test_the_site_is_that_of_the_account(tmp_path):
    """Another account of the same service, at another site, is not hushed."""
    service = service_at(tmp_path, site="ailleurs", sites="Dr Démo=cabinet")
    gp = person(service)
    programme(gp, silent=-10)
    assert cards(gp) == []
    Programme(service.journal).put([Entry("ailleurs", silent_from=service.today())], author="Dr A", reason="essai", at=service.now())
    service.programme.look()
    assert len(cards(gp)) == 1
    service.close()


def test_a_group_follows_its_own_dates(gp):
    """The site is in service, the prescriber's wave is still silent."""
    service, today = gp.service, gp.service.today()
    who = service.prescriber("Dr Démo", "Practitioner/mg")
    entries = [Entry("cabinet", on_from=today), Entry("cabinet", "vague-2", silent_from=today)]
    Programme(service.journal).put(entries, groups={who: "vague-2"}, author="Dr A", reason="essai", at=service.now())
    service.programme.look()
    assert cards(gp) == []


def test_the_pages_of_a_silent_site_say_that_silence_is_no_approval(gp):
    """No advice while typing nor afterwards, no page for the patient; the request is signed all the same."""
    programme(gp, silent=-10)
    said = plain(gp.advice(CAUDA, "IRM lombaire"))
    assert "n'est pas une approbation" in said
    assert "une urgence n'est pas signalée" in said
    assert not re.search(r"Pertinent\b|appeler le 15|Remplacer", said)
    identifier = gp.sign(LUMBAGO, "radio rachis lombaire")
    page = gp.read(f"/mes-demandes/{identifier}")
    assert "Avis non montré" in page
    assert "Pas d'imagerie" not in page
    assert "page du patient" not in page.lower()
    assert "Pas d'imagerie" not in gp.read("/mes-demandes")
    assert gp.service.patients.link_of(identifier) is None
    pdf = "".join(
        page.extract_text() for page in PdfReader(BytesIO(gp.client.get(f"/mes-demandes/{identifier}/ordonnance.pdf").content)).pages
    )
    assert "aucun avis n’est montré" in pdf
    assert "imagerie utile" not in pdf
    dossier = gp.client.get(f"/mes-demandes/{identifier}/dossier.json").json()
    kinds = {entry["resource"]["resourceType"] for entry in dossier["entry"]}
    assert "ServiceRequest" in kinds
    assert not kinds & {"GuidanceResponse", "DetectedIssue", "Task"}
    assert gp.post("/prescrire/renoncer", texte=LUMBAGO, examen="radio rachis lombaire").status_code == 409
    assert gp.service.register.worklist() == []


def test_the_pages_of_a_site_put_out_keep_nothing(gp):
    """Signing is refused with the reason, and the words typed are still there."""
    programme(gp, on=-10, off=-1)
    answer = gp.post("/prescrire/signer", texte=LUMBAGO, examen="radio rachis lombaire")
    assert answer.status_code == 409
    assert "rien n'a été jugé ni enregistré" in plain(answer.text)
    assert "lumbago depuis 5 j" in answer.text
    assert kept(gp) == []


def test_the_fhir_api_follows_the_calendar(gp):
    """Silent: kept, without guidance, and no advice without keeping either; out: refused, nothing kept."""
    programme(gp, silent=-1)
    resource = orjson.dumps(order(CAUDA, "IRM lombaire", status="active"))
    hushed = gp.client.post("/fhir/$assess", content=resource)
    assert (hushed.status_code, hushed.json()["resourceType"]) == (422, "OperationOutcome")
    assert "pas une approbation" in hushed.text
    made = gp.client.post("/fhir/ServiceRequest", content=resource)
    assert made.status_code == 201
    name = made.headers["location"].rsplit("/", 1)[1]
    assert gp.client.get(f"/fhir/GuidanceResponse?request=ServiceRequest/{name}").json()["total"] == 0
    assert gp.client.get(f"/fhir/Task?focus=ServiceRequest/{name}").json()["total"] == 0
    programme(gp, on=-9, off=-1)
    refused = gp.client.post("/fhir/ServiceRequest", content=resource)
    assert refused.status_code == 422
    assert "rien n'a été jugé" in refused.text
    programme(gp, on=0)
    assert gp.client.post("/fhir/$assess", content=resource).status_code == 200


def test_the_team_changes_the_dates_on_the_page(gp):
    """By the form, then by a file pasted; the history says who and why."""
    gp.service.register.set_site("cabinet", "Cabinet du Port", at=gp.service.now(), fictitious=True)
    form = {
        "ligne": "0",
        "site-0": "cabinet",
        "silent-0": "2026-01-05",
        "on-0": "2026-04-06",
        "auteur": "Cheffe de projet",
        "motif": "Ouverture",
    }
    assert gp.post("/evaluation/calendrier", **form, apres="0").status_code == 303
    page = gp.read("/evaluation/calendrier")
    assert "Cabinet du Port" in page
    assert "6 avril 2026" in page
    assert "Cheffe de projet : Ouverture" in page
    assert gp.client.get("/evaluation/calendrier.csv").text == "site,silent_from,on_from,off_from\ncabinet,2026-01-05,2026-04-06,\n"
    late = gp.post("/evaluation/calendrier", **form, apres="0")
    assert late.status_code == 409
    assert "changé entre-temps" in plain(late.text)
    (version,) = Programme(gp.service.journal).versions()
    pasted = "site;silent_from;on_from;off_from\ncabinet;;06/05/2026;\n"
    assert gp.post("/evaluation/calendrier", csv=pasted, auteur="A", motif="Report", apres=str(version.seq)).status_code == 303
    assert "6 mai 2026" in gp.read("/evaluation/calendrier")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"ligne": "0", "site-0": "cabinet", "silent-0": "2026-04-06", "on-0": "2026-01-05"},
            "« En service dès le » (05/01/2026) doit suivre",
        ),
        ({"ligne": "0", "site-0": "Le Cabinet", "on-0": "2026-01-05"}, "Site : un code est attendu"),
        ({"ligne": "0", "site-0": "", "on-0": "2026-01-05"}, "un code est attendu"),
        ({"csv": "site,on_from\n"}, "Colonne absente"),
        ({"ligne": "0", "site-0": "cabinet", "on-0": "2026-01-05", "motif": ""}, "Dites qui change le calendrier"),
    ],
)
def test_what_cannot_be_is_told_at_its_place(gp, form, said):
    """Nothing is in force after it, and what was typed is still there."""
    answer = gp.post("/evaluation/calendrier", **({"auteur": "A", "motif": "essai", "apres": "0"} | form))
    assert answer.status_code == 422
    assert said in plain(answer.text)
    assert Programme(gp.service.journal).versions() == []


def test_the_drawing_puts_each_event_on_its_day():
    """An event before the first date widens the drawing; one of another time is in the list only, not at the edge."""
    calendar = Calendar((Entry("a", on_from=date(2026, 3, 2)), Entry("b", on_from=date(2026, 4, 6))))
    near, far = (Event("e", EventKind.STRIKE, "", day, None, "Grève", "x", "") for day in (date(2025, 12, 1), date(2021, 12, 1)))
    drawing = drawn(calendar, (near, far), {}, date(2026, 5, 1))
    assert drawing is not None
    ((place, words),) = drawing.marks
    months = {words: place for place, words in drawing.months}
    assert "01/12/2025" in words
    assert place == months["12/25"]


def test_events_are_noted_and_taken_back(gp):
    """With a site or for all; an end before the beginning is refused."""
    wrong = gp.post("/evaluation/calendrier/evenement", sorte="greve", debut="2026-03-08", fin="2026-03-01", mots="grève")
    assert (wrong.status_code, "finit avant" in plain(wrong.text)) == (422, True)
    assert gp.post("/evaluation/calendrier/evenement", sorte="nouvel-appareil", debut="2026-03-08", mots="Deuxième IRM").status_code == 303
    (event,) = Programme(gp.service.journal).events()
    assert (event.kind, event.site) == (EventKind.SCANNER, "")
    assert "Deuxième IRM" in gp.read("/evaluation/calendrier")
    assert gp.post(f"/evaluation/calendrier/evenement/{event.id}/annuler").status_code == 303
    assert gp.post(f"/evaluation/calendrier/evenement/{event.id}/annuler").status_code == 409


def test_the_command_line(tmp_path):
    """A file and its groups are put in force, and shown again; faults name file and line."""
    base = f"sqlite:///{tmp_path}/c.db"
    calendar, groups = tmp_path / "c.csv", tmp_path / "g.csv"
    calendar.write_text("site,group,silent_from,on_from,off_from\nchu,,2026-01-05,2026-04-06,\nchu,vague-2,2026-01-05,,\n")
    groups.write_text("prescripteur,groupe\nDr A,vague-2\nlogiciel|Practitioner/12,vague-2\n")
    about = ["--auteur", "Dr A", "--motif", "essai", "--demo", "--database", base]
    done = RUN.invoke(app, ["calendar", "import", str(calendar), "--groupes", str(groups), *about])
    assert (done.exit_code, "2 lignes" in done.output) == (0, True), done.output
    assert RUN.invoke(app, ["calendar", "show", "--database", base]).output == calendar.read_text()
    groups.write_text("Dr A,vague-3\nDr B\n")
    wrong = RUN.invoke(app, ["calendar", "import", str(calendar), "--groupes", str(groups), *about])
    assert wrong.exit_code == 1
    assert f"{groups}:1 : le groupe « vague-3 » n'est pas au calendrier." in wrong.output
    assert f"{groups}:2" in wrong.output
