"""The satisfaction survey in a browser without scripts: answering, opening, closing, reading the results; and who may do which."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from pertimage.audit.patient_links import PatientAnswer
from pertimage.audit.survey import Answer, Overriding, Reason, Role, Subject, Surveys
from pertimage.web.pages.satisfaction import today
from tests.web.pages import PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, person, plain, service_at

TEAM_TOKEN = "e" * 24
TOKENS = f"prescripteur:Dr A:{PRESCRIBER_TOKEN},radiologue:Dr R:{RADIOLOGIST_TOKEN},equipe-projet:Équipe:{TEAM_TOKEN}"
FORM = {"metier": "prescripteur", "site": "chu"} | {f"q{rank}": "4" if rank % 2 else "2" for rank in range(1, 11)}
DOORS = ("/satisfaction", "/evaluation/satisfaction", "/evaluation/satisfaction/x/fermer")


@pytest.fixture
def service(tmp_path):
    """Give a service with accounts, a site, and no campaign."""
    opened = service_at(tmp_path, demo=False, secret="s" * 40, tokens=TOKENS)
    opened.register.set_site("chu", "CHU de Valbrune", at=opened.now())
    yield opened
    opened.close()


@pytest.fixture
def gp(service):
    """Give a prescriber, signed in."""
    somebody = person(service)
    somebody.enter(PRESCRIBER_TOKEN)
    return somebody


@pytest.fixture
def team(service):
    """Give somebody of the project team, signed in."""
    somebody = person(service)
    somebody.enter(TEAM_TOKEN)
    return somebody


def under_way(service, subject=Subject.SERVICE):
    """Open a campaign for today."""
    day = today(service)
    return Surveys(service.journal).open("Six mois", subject, opens=day, closes=day, author="Équipe", at=service.now())


def ended(service, title, start, scores, **more):
    """Write a campaign that ended, with answers of these marks."""
    surveys, day = Surveys(service.journal), today(service) - timedelta(days=start)
    subject = more.pop("subject", Subject.SERVICE)
    name = surveys.open(title, subject, opens=day, closes=day, author="Équipe", at=service.now())
    for rank, marks in enumerate(scores):
        surveys.answer(name, f"{rank:064x}", Answer(Role.PRESCRIBER, "chu", marks, **more), day=day, at=service.now())


def marks(step):
    """Return ten marks of a score of 25 times ``step``."""
    return (1 + step, 5 - step) * 5


def test_a_prescriber_answers_once(service, gp):
    """What was chosen is kept, without a name; the page then says that this account answered."""
    campaign = under_way(service)
    form = FORM | {"campagne": campaign, "confiance": "5", "outre": "parfois", "raison": ["temps", "patient"]}
    assert gp.post("/satisfaction", **form).headers["location"] == "/satisfaction"
    assert "Ce compte a répondu" in gp.read("/satisfaction")
    assert gp.post("/satisfaction", **form).status_code == 409
    (kept,) = Surveys(service.journal).answers(campaign)
    expected = Answer(Role.PRESCRIBER, "chu", (4, 2) * 5, trust=5, overriding=Overriding.SOMETIMES, reasons=(Reason.WISH, Reason.TIME))
    assert kept == expected
    other = person(service)
    other.enter(RADIOLOGIST_TOKEN)
    assert "Ce compte a répondu" not in other.read("/satisfaction")


def test_questions_left_aside_are_named_and_nothing_is_lost(service, gp):
    """The summary leads to each of them; the answers given are still chosen."""
    campaign = under_way(service)
    answer = gp.post("/satisfaction", **(FORM | {"campagne": campaign, "q3": "", "site": ""}))
    assert answer.status_code == 422
    assert "Il manque 2 réponses" in plain(answer.text)
    assert re.findall(r'<a href="#(f-[^"]+)"', answer.text) == ["f-site", "f-q3"]
    assert re.search(r'name="q4" value="2"[^>]* checked', answer.text)
    assert Surveys(service.journal).answers(campaign) == []


@pytest.mark.parametrize(("field", "value"), [("site", "ailleurs"), ("metier", "roi"), ("q1", "9"), ("q1", "12")])
def test_what_no_button_gives_is_refused(service, gp, field, value):
    """In French, and nothing is kept."""
    campaign = under_way(service)
    assert gp.post("/satisfaction", **(FORM | {"campagne": campaign, field: value})).status_code == 422
    assert Surveys(service.journal).answers(campaign) == []


def test_reasons_need_going_past_the_advice(service, gp):
    """Boxes ticked by somebody who never goes past the advice say nothing."""
    campaign = under_way(service)
    assert gp.post("/satisfaction", **(FORM | {"campagne": campaign, "outre": "jamais", "raison": "temps"})).status_code == 303
    assert Surveys(service.journal).answers(campaign)[0].reasons == ()


def test_without_a_campaign_there_is_nothing_to_answer(service, gp):
    """The page says so, a late form is refused; the usual tool is not asked about advice."""
    assert "Aucune campagne n'est ouverte" in gp.read("/satisfaction")
    assert gp.post("/satisfaction", **(FORM | {"campagne": "x"})).status_code == 409
    under_way(service, Subject.USUAL)
    page = gp.read("/satisfaction")
    assert "votre façon habituelle" in page
    assert "passer outre" not in page


def test_the_team_reads_and_does_not_answer_professionals_answer_and_do_not_read(service, gp, team):
    """Nor does a visitor do either; forms need their token."""
    assert team.client.get("/satisfaction").status_code == 403
    assert gp.client.get("/evaluation/satisfaction").status_code == 403
    assert person(service).client.get("/satisfaction", follow_redirects=False).headers["location"] == "/connexion?vers=/satisfaction"
    for address in DOORS:
        assert (gp if address == "/satisfaction" else team).client.post(address, data=FORM).status_code == 403


def test_the_team_opens_a_campaign_and_closes_it(service, team):
    """Meanwhile it sees how many answered, and nothing else."""
    day = today(service)
    form = {"nom": "Six mois", "objet": "pertimage", "debut": day.isoformat(), "fin": (day + timedelta(days=13)).isoformat()}
    assert team.post("/evaluation/satisfaction", **form).status_code == 303
    (campaign,) = Surveys(service.journal).campaigns()
    assert (campaign.title, campaign.subject, campaign.author) == ("Six mois", Subject.SERVICE, "Équipe")
    for rank in range(9):
        answer = Answer(Role.PRESCRIBER, "chu", marks(rank % 5))
        Surveys(service.journal).answer(campaign.id, f"{rank:064x}", answer, day=day, at=service.now())
    page = team.read("/evaluation/satisfaction")
    assert "Réponses : 10 ." in page
    assert "sur 100 en moyenne" not in page
    assert team.post("/evaluation/satisfaction", **form).status_code == 409
    assert team.post(f"/evaluation/satisfaction/{campaign.id}/fermer").status_code == 303
    assert team.post(f"/evaluation/satisfaction/{campaign.id}/fermer").status_code == 409
    assert Surveys(service.journal).current(day) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nom": ""}, "Donnez un nom"),
        ({"objet": ""}, "Dites ce que la campagne juge"),
        ({"debut": "2026-02-30"}, "Premier jour"),
        ({"fin": "2020-01-02"}, "déjà finie"),
    ],
)
def test_a_campaign_that_cannot_be_is_told(team, service, change, said):
    """In French, with what was typed; nothing is opened."""
    day = today(service).isoformat()
    answer = team.post("/evaluation/satisfaction", **({"nom": "A", "objet": "pertimage", "debut": "2020-01-01", "fin": day} | change))
    assert answer.status_code == 422
    assert said in plain(answer.text)
    assert Surveys(service.journal).campaigns() == []


def test_results_are_told_with_their_interval_and_compared(service, team):
    """Means, intervals, difference and what each campaign judges; a campaign of seven answers shows nothing."""
    ended(service, "Avant", 90, [marks(step) for step in (1, 1, 2, 2, 2, 2, 3, 3)], subject=Subject.USUAL)
    ended(service, "Après", 30, [marks(step) for step in (2, 3, 3, 3, 3, 3, 4, 4)], overriding=Overriding.OFTEN, reasons=(Reason.WISH,))
    ended(service, "Trop peu", 10, [marks(4)] * 7)
    page = team.read("/evaluation/satisfaction")
    assert "50 sur 100 en moyenne (SUS) intervalle à 95 % : 34,2 à 65,8 ; n = 10" in page
    assert "78,1 sur 100" in page
    assert "monte de 28,1 points (intervalle à 95 % : 9,3 à 47)." in page
    assert "La première juge votre façon habituelle" in page
    assert "« Après », puis « Trop peu » : trop peu de réponses" in page
    assert "Réponses : ≤ 7 ." in page
    assert "Le patient tient à l'examen demandé 10" in page


def test_what_patients_say_is_there_without_small_counts(service, team):
    """By quarter, all sites together."""
    assert "Aucune réponse de patient" in team.read("/evaluation/satisfaction")
    answers = [PatientAnswer(5, renounced=False)] * 12 + [PatientAnswer(1, renounced=False)] * 9 + [PatientAnswer(2, renounced=True)]
    for rank, answer in enumerate(answers):
        payload = {"key": f"{rank:064x}", "site": "chu", "language": "fr", "answer": answer.to_json()}
        service.journal.append("patient-answer", payload, service.now())
    page = team.read("/evaluation/satisfaction")
    assert "(n = 20)" in page
    assert "Ont compris pourquoi, de 1 à 5 5 (tout à fait) : 10 Résultat" in page
    assert "oui :" not in page
