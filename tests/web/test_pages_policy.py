"""The page of the policy: what is in force, a text tried on past requests, put in force by somebody with a reason."""

from __future__ import annotations

import pytest
import yaml

from pertimage.audit.past import past_requests
from pertimage.cds.policy import Policy
from pertimage.guidelines.policy import PolicyForm
from tests.web.pages import RADIOLOGIST_TOKEN, closed_service, person, plain, service_at

GOOD = """titre: Essai
regles_en_silence:
  - {regle: lombalgie-commune/recente, auteur: Dr A, date: 2026-10-01, motif: avis local}
"""
LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique, Mme Dupont"


@pytest.fixture
def team(tmp_path):
    """Give somebody of the project team."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


def put(team, text=GOOD, **fields):
    """Put a text in force."""
    about = {"texte": text, "auteur": "Dr Essai", "motif": "file d'attente", "apres": "0"} | fields
    return team.post("/politique/vigueur", **about)


def test_without_a_policy_the_page_says_so(team):
    """The settings of the service judge; the form holds an example that is right."""
    page = team.read("/politique")
    assert "Aucune politique n'a été mise en vigueur" in page.replace("’", "'")
    assert "une fois en 30 jours" in page
    assert "dose-cumulee" in page


def test_faults_are_shown_with_their_lines_and_nothing_changes(team):
    """A bad text is refused on trial and when put in force; the policy in force stays."""
    assert put(team).status_code == 303
    bad = "titre: x\nalertes:\n  grossesse: {parle: non}\n"
    for answer in (team.post("/politique", texte=bad), put(team, bad)):
        assert answer.status_code == 422
        assert "Ligne 3 :" in plain(answer.text)
        assert "parle: non" in answer.text
    assert len(team.service.register.policies()) == 1
    assert "lombalgie-commune/recente" in team.service.policy.silenced_rules


def test_a_trial_says_what_would_change_without_the_patients_words(team):
    """The last requests are judged again; the one that changes is listed by its exam, not by its text."""
    team.sign(LUMBAGO, "radio rachis lombaire")
    team.sign("gonalgie droite depuis 3 mois", "radio genou droit")
    answer = team.post("/politique", texte=GOOD)
    page = plain(answer.text)
    assert "2 demandes rejouées ; 1 changerait" in page
    assert "Avis : pas d'imagerie utile à ce stade → hors référentiel (règle en silence)" in page.replace("’", "'")
    assert "Dupont" not in answer.text
    assert team.service.policy == Policy()
    assert [one.policy for one in past_requests(team.service.store)] == [Policy(), Policy()]


def test_a_policy_put_in_force_judges_at_once(team):
    """The next advice names it; the one given before keeps its own; a past policy can be read again."""
    team.sign(LUMBAGO, "radio rachis lombaire")
    assert put(team).status_code == 303
    page = team.read("/politique")
    assert "par Dr Essai : file d'attente" in page.replace("’", "'")
    assert "règle « recente » : avis local (Dr A, 01/10/2026)" in page
    assert "hors référentiel" in plain(team.advice(LUMBAGO, "radio rachis lombaire")).lower()
    team.sign(LUMBAGO, "radio rachis lombaire")
    before, after = past_requests(team.service.store)
    assert (before.policy, after.policy) == (Policy(), team.service.policy)
    assert after.answers[0].silenced == "not-indicated"
    first = team.service.register.policy().digest
    put(team, "repetition_jours: 0\n", apres=str(team.service.register.policy().seq))
    assert "interrompt comme la première fois" in team.read("/politique")
    assert "avis local" in team.read(f"/politique?version={first}")
    assert team.client.get("/politique?version=zz").status_code == 404


@pytest.mark.parametrize("field", ["auteur", "motif"])
def test_a_policy_has_an_author_and_a_reason(team, field):
    """Without one or the other it is not put in force, and the text is not lost."""
    answer = put(team, **{field: " "})
    assert answer.status_code == 422
    assert "avis local" in answer.text
    assert team.service.register.policies() == []


def test_a_policy_changed_meanwhile_is_not_overwritten(team):
    """Two people who tried at the same time: the second must read what the first put in force."""
    assert put(team).status_code == 303
    answer = put(team, "repetition_jours: 0\n")
    assert answer.status_code == 409
    assert "entre-temps" in plain(answer.text)
    assert len(team.service.register.policies()) == 1


def test_a_policy_of_another_process_is_followed(team, monkeypatch):
    """A policy put in force elsewhere judges here after a few seconds; the judgements kept in memory are not used again."""
    request = next(iter([one.request for one in [_signed(team)]]))
    assert team.service.judge(request)[0].silenced is None
    other = service_like(team.service)
    put(person(other))
    monkeypatch.setattr("pertimage.web.local_policy.LOOKED_AT_EVERY", 0)
    assert team.service.judge(request)[0].silenced == "not-indicated"
    other.close()


def _signed(team):
    team.sign(LUMBAGO, "radio rachis lombaire")
    return next(past_requests(team.service.store))


def service_like(service):
    """Return another process's service on the same store."""
    return type(service)(service.settings)


def test_what_the_guidelines_no_longer_bear_is_said(team):
    """A policy in force that names a rule gone since then still judges for the rest, and the page says what is not applied."""
    lost = GOOD.replace("lombalgie-commune/recente", "lombalgie-commune/disparue")
    form = PolicyForm.model_validate(yaml.safe_load(lost))
    team.service.register.put_in_force(form, lost, author="Dr A", reason="essai", at=team.service.now())
    page = team.read("/politique")
    assert "Le référentiel a changé depuis" in page
    assert "Ligne 3 : règle inconnue « lombalgie-commune/disparue »" in page


def test_a_sheet_says_what_the_project_changes_of_it(team):
    """The public page of a sheet tells its local silences and rules, with an anchor, and names nobody; other sheets say nothing."""
    local = (
        GOOD
        + """regles_locales:
  - fiche: lombalgie-commune
    auteur: Dr Martin
    date: 2026-10-12
    motif: délai d'IRM
    regle:
      id: avis
      si: {duree: {au_moins: 3 mois}, chirurgie-envisagee: non}
      positions: {irm-rachis-lombaire: specialiste}
      pourquoi: Avis du rhumatologue avant l'IRM.
      d_abord: [avis du rhumatologue]
"""
    )
    assert put(team, local).status_code == 303
    page = team.client.get("/referentiel/lombalgie-commune").text
    assert 'id="local-avis"' in page
    assert "règle « recente » mise en silence le 01/10/2026" in plain(page)
    assert "Dr Martin" not in page
    assert "Dans ce projet" not in team.read("/referentiel/cervicalgie-commune")


def test_the_page_is_the_teams(tmp_path):
    """A radiologist may not open it, nor post to it."""
    service = closed_service(tmp_path)
    visitor = person(service)
    assert visitor.client.get("/politique", follow_redirects=False).status_code == 303
    visitor.enter(RADIOLOGIST_TOKEN)
    assert visitor.client.get("/politique").status_code == 403
    assert put(visitor).status_code == 403
    assert service.register.policies() == []
    service.close()
