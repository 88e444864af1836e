"""The committee's page: what was not judged, without anybody's name."""

import pytest

from pertimage.audit.agreement import rule_decisions_of
from pertimage.audit.review import Decision, RuleOpinion, RuleVerdict
from pertimage.cds.model import ImagingRequest, Outcome, TextPart
from pertimage.web.follow_up import first_week
from pertimage.web.service import Service
from pertimage.web.settings import Settings
from tests.web.drafts import untouched
from tests.web.pages import PRESCRIBER_TOKEN, closed_service, person

TEXT = "zorglubite de Mme Dupont Jeanne née le 12/03/1950, tél 06 12 34 56 78, fièvre et frissons"


@pytest.fixture
def team(tmp_path):
    """Give somebody of the project team on an empty demonstration, whose guidelines have one sheet."""
    service = Service(Settings(demo=True, database=str(tmp_path / "t.db")), untouched()[1])
    yield person(service)
    service.close()


def test_an_empty_register_says_so(team):
    """Nothing asked, nothing to write: the page says it."""
    assert "Aucune demande sur cette période" in team.read("/referentiel/suivi")


def test_unscored_requests_are_grouped_without_identity(team):
    """Exam, reason and count; known words alone; an unknown word from three patients on; nobody named."""
    for _ in range(3):
        team.sign(TEXT, "radio du pied")
    team.sign("lumbago depuis 5 j", "mammographie")
    team.sign("lumbago depuis 5 j", "radio rachis lombaire")
    said = team.read("/referentiel/suivi")
    assert "Radiographie du pied Aucune fiche pour ce motif 3" in said
    assert "fiche muette sur cet examen" in said.lower()
    assert "fièvre et frissons" in said
    assert "zorglubite · 3" in said
    assert [word for word in ("Dupont", "dupont", "Jeanne", "jeanne", "1950", "12/03", "06 12", "34") if word in said] == []
    assert "80,0 %" in said


def test_what_to_write_leads_to_the_sheet(team):
    """A sheet silent on an exam is a link; an advice set aside leads to its rule, with its reason."""
    team.sign("lumbago depuis 5 j", "mammographie")
    team.sign("lumbago depuis 5 j, pas de déficit", "radio rachis lombaire", motif="desaccord")
    page = team.client.get("/referentiel/suivi").text
    assert 'href="/referentiel/lombalgie-commune"' in page
    assert 'href="/referentiel/lombalgie-commune#recente"' in page
    assert "Désaccord avec la recommandation" in page


def test_only_the_project_team_may_look(tmp_path):
    """Outside demo mode, a visitor is sent to sign in and a prescriber is refused."""
    service = closed_service(tmp_path)
    visitor = person(service)
    assert visitor.client.get("/referentiel/suivi", follow_redirects=False).status_code == 303
    visitor.enter(PRESCRIBER_TOKEN)
    assert visitor.client.get("/referentiel/suivi").status_code == 403
    service.close()


@pytest.mark.parametrize(("period", "status"), [("mois", 200), ("annee", 200), ("tout", 200), ("siecle", 404)])
def test_periods_are_those_of_the_list(team, period, status):
    """Each period opens; any other is not found."""
    assert team.client.get("/referentiel/suivi", params={"periode": period}).status_code == status


def test_a_period_is_whole_weeks(team):
    """Four weeks are this one and the three before, from their Monday."""
    today = team.service.today()
    first = first_week(today, 4)
    assert first.weekday() == 0
    assert 21 <= (today - first).days <= 27
    assert first_week(today, None) is None


RULE = "lombalgie-commune/recente"


def doubt(team, count=12, verdict=RuleVerdict.DISAGREE):
    """Have a radiologist disagree with the rule of requests."""
    for number in range(count):
        team.sign(f"lumbago depuis 5 j, pas de déficit, {number}", "radio rachis lombaire", motif="desaccord")
    register, at = team.service.register, team.service.now()
    for row in register.worklist(limit=count):
        said = RuleOpinion(RULE, verdict, "Fièvre chez Mme Dupont")
        register.decide(row.id, Decision.APPROVE, radiologist="r1", at=at, reason="", rule=said)


def test_a_doubted_rule_is_put_to_the_committee(team):
    """Twelve disagreements: the rule is shown with its interval, its comments without names, and three decisions to take."""
    doubt(team)
    said = team.read("/referentiel/suivi")
    assert "Accord : 0,0 % (intervalle à 95 % : 0 à 24 %, 12 avis)" in said
    assert "La mettre en silence" in said
    assert "Dupont" not in said


def test_silence_accepted_by_the_committee_is_in_force_and_dated(team):
    """The decision enters the policy with its author, day and reason; the rule then tells nothing, and that is no approval."""
    doubt(team)
    answer = team.post("/referentiel/suivi/decision", regle=RULE, verdict="silence", auteur="Dr C, comité", motif="Accord insuffisant")
    assert answer.status_code in (200, 303)
    assert RULE in team.service.policy.silenced_rules
    row = team.service.register.policy()
    assert (row.author, row.reason) == ("Dr C, comité", f"Règle {RULE} mise en silence : Accord insuffisant")
    (judged,) = team.service.judge(
        ImagingRequest("r", exam_text="radio rachis lombaire", texts=(TextPart("t", "lumbago depuis 5 j, pas de déficit"),))
    )
    assert (judged.outcome, judged.silenced) == (Outcome.NO_GUIDANCE, Outcome.NOT_INDICATED)
    said = team.read("/referentiel/suivi")
    assert f"{RULE} : mise en silence" in said
    assert "La mettre en silence" not in said


def test_a_rule_kept_is_no_longer_proposed(team):
    """The committee keeps it: it goes on judging, and is proposed again only by what is said since."""
    doubt(team)
    team.post("/referentiel/suivi/decision", regle=RULE, verdict="garder", auteur="Comité", motif="HAS inchangée")
    assert RULE not in team.service.policy.silenced_rules
    said = team.read("/referentiel/suivi")
    assert "La mettre en silence" not in said
    assert f"{RULE} : gardée" in said


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"motif": ""}, "un auteur et un motif"),
        ({"verdict": "approuver"}, "Choisissez une décision"),
        ({"regle": "lombalgie-commune/inconnue"}, "n'existe pas"),
    ],
)
def test_a_decision_that_is_not_one_is_refused(team, sent, wrong):
    """What is missing is said, and nothing is recorded."""
    doubt(team)
    form = {"regle": RULE, "verdict": "silence", "auteur": "Comité", "motif": "essai"} | sent
    answer = team.post("/referentiel/suivi/decision", **form)
    assert answer.status_code == 422
    assert wrong in answer.text.replace("’", "'").replace("&#39;", "'")
    assert team.service.register.policy() is None
    assert rule_decisions_of(team.service.store) == []
