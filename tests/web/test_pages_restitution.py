"""The result of a request on the pages of both sides: noted in a click, overdue ones first, wrong ones cancelled."""

import re
from datetime import timedelta

import pytest

from pertimage.audit.restitution import By, Side
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, closed_service, person, plain, service_at

CHRONIC = "lombalgie depuis 4 mois, jamais d'imagerie. IRM lombaire"
OTHER = "gonalgie depuis 3 mois, radio déjà faite. IRM genou"


@pytest.fixture
def both(tmp_path):
    """Give a browser in demo mode, which is both the prescriber's and the radiologist's."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


@pytest.fixture
def later(both, monkeypatch):
    """Give what moves the clock of the service by so many days."""
    start = both.service.now()
    return lambda days: monkeypatch.setattr(both.service, "now", lambda: start + timedelta(days=days))


def noted(who, identifier, side="mes-demandes", **fields):
    """Post an entry, and return the answer."""
    return who.post(f"/{side}/{identifier}/restitution", **fields)


def report(service, identifier, source="a" * 64):
    """Note that the software of the department says that the report is there."""
    at = service.now()
    service.results.report_available(identifier, By("ris", Side.SOFTWARE, source=source), happened=at, at=at)


def entries(who, identifier):
    """Return what was noted of a request: kind, role, cancelled or not."""
    return [(str(one.kind), one.who, one.is_live) for one in who.service.results.entries_of([identifier]).get(identifier, ())]


def test_from_the_report_to_the_explanation(both):
    """The radiologist notes the report and its sending, the prescriber the explanation; both read the same way."""
    one = both.sign(CHRONIC)
    assert "Avis du radiologue Pas de relecture demandée" in both.read(f"/mes-demandes/{one}")
    assert noted(both, one, "relecture", dit="compte-rendu", examen_le="").status_code == 303
    assert "Disponible le" in both.read(f"/mes-demandes/{one}")
    assert "1 compte rendu" in both.read("/relecture/restitutions")
    noted(both, one, "relecture", dit="transmis", a="prescripteur", voie="mssante")
    assert "Tout est annoncé" in both.read("/relecture/restitutions")
    assert "Au médecin demandeur (messagerie sécurisée de santé)" in both.read(f"/mes-demandes/{one}")
    answer = noted(both, one, dit="explique", par="medecin-demandeur")
    assert answer.headers["location"] == f"/mes-demandes/{one}#resultat"
    for side in ("mes-demandes", "relecture"):
        assert "Par le médecin demandeur, le" in both.read(f"/{side}/{one}")
    assert "J'ai expliqué le résultat" not in both.read(f"/mes-demandes/{one}")


def test_what_is_overdue_comes_first_and_is_closed_from_the_list(both, later):
    """After ten working days a result that nobody explained leads the list, with its own button; a click closes it."""
    late = both.sign(CHRONIC)
    report(both.service, late)
    both.sign(OTHER)
    assert "à suivre" not in both.read("/mes-demandes")
    later(25)
    both.sign("céphalée inhabituelle depuis 3 semaines. IRM cérébrale")
    page = both.client.get("/mes-demandes").text
    assert "1 résultat à suivre" in plain(page)
    assert "Délais proposés par le projet" in plain(page)
    assert re.findall(r'class="request-exam"><a href="/mes-demandes/([^"]+)"', page)[0] == late
    assert "Résultat à expliquer au patient, " in plain(page)
    assert noted(both, late, dit="explique", par="autre", retour="liste").headers["location"] == "/mes-demandes"
    assert "à suivre" not in both.read("/mes-demandes")


def test_a_question_comes_before_what_is_overdue(both, later):
    """The radiologist's question stays at the head of the list."""
    late, asked = both.sign(CHRONIC), both.sign("lumbago depuis 5 j, apyrétique. Radio rachis lombaire")
    report(both.service, late)
    both.post(f"/relecture/{asked}/decision", decision="demander-complement", raison="Depuis quand ?")
    later(25)
    found = re.findall(r'class="request-exam"><a href="/mes-demandes/([^"]+)"', both.client.get("/mes-demandes").text)
    assert found == [asked, late]


def test_a_report_awaited_where_nobody_speaks_of_reports_is_not_late(both, later):
    """A department that never says that a report is there is told as such, not as late; once it does, the next ones are recalled."""
    one = both.sign(CHRONIC)
    later(100)
    assert "ne dit pas encore ici" in both.read(f"/mes-demandes/{one}")
    assert "à suivre" not in both.read("/mes-demandes")
    other = both.sign(OTHER)
    report(both.service, other)
    awaited = both.sign("céphalée inhabituelle depuis 3 semaines. IRM cérébrale")
    later(200)
    assert "2 résultats à suivre" in both.read("/mes-demandes")
    said = both.read(f"/mes-demandes/{awaited}")
    assert "Attendu au plus tard le" in said
    assert "délai proposé par le projet" in said


def test_a_report_that_changed_or_was_taken_back_is_said(both, later):
    """What was explained before is to be taken up again; a report taken back leads the list at once."""
    one = both.sign(CHRONIC)
    by = By("ris", Side.SOFTWARE, source="a" * 64)
    report(both.service, one)
    noted(both, one, dit="explique", par="medecin-demandeur")
    later(1)
    both.service.results.report_available(one, by, happened=both.service.now(), at=both.service.now(), amended=True)
    assert "avant que le compte rendu ne change : à reprendre avec le patient" in both.read(f"/mes-demandes/{one}")
    both.service.results.retract(one, by, at=both.service.now())
    assert "Annulé par le service d'imagerie" in both.read(f"/mes-demandes/{one}")
    assert "Compte rendu annulé par le service d'imagerie" in both.read("/mes-demandes")


def test_a_radiologist_notes_that_a_report_changed(both):
    """What was explained is to be taken up again; a prescriber cannot note it."""
    one = both.sign(CHRONIC)
    noted(both, one, "relecture", dit="compte-rendu")
    noted(both, one, dit="explique", par="medecin-demandeur")
    assert noted(both, one, dit="compte-rendu", modifie="oui").status_code == 422
    assert noted(both, one, "relecture", dit="compte-rendu", modifie="oui").status_code == 303
    assert "à reprendre avec le patient" in both.read(f"/mes-demandes/{one}")
    assert "1 compte rendu" in both.read("/relecture/restitutions")


def test_a_wrong_entry_is_cancelled_by_its_own_side(both):
    """The other side may not; what is cancelled stays readable, and its form sent again does nothing."""
    one = both.sign(CHRONIC)
    noted(both, one, dit="explique", par="autre", acte="abc")
    seq = both.service.results.entries_of([one])[one][0].seq
    assert both.post(f"/relecture/{one}/restitution/annuler", saisie=seq).status_code == 409
    assert both.post(f"/mes-demandes/{one}/restitution/annuler", saisie=seq).status_code == 303
    assert "annulé le" in both.read(f"/mes-demandes/{one}")
    noted(both, one, dit="explique", par="autre", acte="abc")
    assert entries(both, one) == [("explique", "autre", False)]


@pytest.mark.parametrize(
    ("side", "fields", "status", "said"),
    [
        ("mes-demandes", {"dit": "?"}, 422, "Choisissez ce que vous notez"),
        ("mes-demandes", {"dit": "explique"}, 422, "Choisissez qui a expliqué"),
        ("mes-demandes", {"dit": "explique", "par": "autre", "le": "hier"}, 422, "n'est pas une date"),
        ("mes-demandes", {"dit": "sans-objet", "raison": "x"}, 422, "Choisissez pourquoi"),
        ("mes-demandes", {"dit": "explique", "par": "autre", "le": "2999-01-01"}, 409, "à venir"),
        ("mes-demandes", {"dit": "explique", "par": "autre", "le": "2001-01-01"}, 409, "précède la signature"),
        ("mes-demandes", {"dit": "transmis", "a": "patient", "voie": "courrier"}, 422, "service d'imagerie"),
        ("relecture", {"dit": "transmis", "a": "patient", "voie": "pigeon"}, 422, "comment"),
        ("relecture", {"dit": "transmis", "a": "patient", "voie": "courrier"}, 409, "Notez d'abord"),
    ],
)  # fmt: skip
def test_what_cannot_be_noted_is_explained_in_place(both, side, fields, status, said):
    """The page of the request comes back with a sentence; nothing is kept."""
    one = both.sign(CHRONIC)
    answer = noted(both, one, side, **fields)
    assert (answer.status_code, said in plain(answer.text)) == (status, True)
    assert entries(both, one) == []


def test_a_withdrawn_request_has_no_result(both):
    """Its page shows no way of a result, and its forms are refused."""
    one = both.sign(CHRONIC)
    both.post(f"/mes-demandes/{one}/retirer")
    assert "Suivi du résultat" not in both.read(f"/mes-demandes/{one}")
    assert noted(both, one, dit="explique", par="autre").status_code == 409


def test_each_side_has_its_own_pages(tmp_path):
    """A prescriber sees and notes on own requests only, and opens no page of radiologists; no name reaches the register."""
    service = closed_service(tmp_path)
    try:
        author, other, radiologist = (person(service) for _ in range(3))
        for who, token in ((author, PRESCRIBER_TOKEN), (other, OTHER_TOKEN), (radiologist, RADIOLOGIST_TOKEN)):
            who.enter(token)
        one = author.sign(CHRONIC)
        assert noted(other, one, dit="explique", par="autre").status_code == 404
        assert other.client.get("/relecture/restitutions").status_code == 403
        assert noted(radiologist, one, dit="explique", par="autre").status_code == 403
        assert noted(author, one, "relecture", dit="compte-rendu").status_code == 403
        assert noted(radiologist, one, "relecture", dit="compte-rendu").status_code == 303
        with service.store.reader.connect() as connection:
            held = str(connection.exec_driver_sql("SELECT * FROM restitutions").all())
        assert "Dr R" not in held
    finally:
        service.close()


def test_the_project_team_reads_counts_and_no_small_one(tmp_path):
    """The page and its JSON are for the project team; a site with few requests shows no exact count."""
    service = closed_service(tmp_path)
    try:
        author, radiologist = person(service), person(service)
        author.enter(PRESCRIBER_TOKEN)
        radiologist.enter(RADIOLOGIST_TOKEN)
        for _ in range(2):
            report(service, author.sign(CHRONIC), source="b" * 64)
        assert author.client.get("/evaluation/restitution").status_code == 403
        assert radiologist.client.get("/evaluation/restitution.json").status_code == 403
    finally:
        service.close()
    demo = person(service_at(tmp_path / "demo", base_url="http://testserver"))
    try:
        demo.service.register.set_site("site", "Site fictif", at=demo.service.now(), fictitious=True)
        for _ in range(2):
            report(demo.service, demo.sign(CHRONIC))
        said = demo.read("/evaluation/restitution?jours=90")
        assert "Site fictif ≤ 7 ≤ 7" in said
        figures = demo.client.get("/evaluation/restitution.json").json()["sites"]["site"]
        assert (figures["reported"], figures["reporting"]) == ("≤\u00a07", {"median_days": None, "p90_days": None})
        assert figures["tracked_since"]
    finally:
        demo.service.close()
