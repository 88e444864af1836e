"""« Être prévenu » and the file for MSSanté: who may, what is chosen, what is given."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import select

from pertimage.audit.notifications import How, Notifications, State
from pertimage.audit.tables import journal
from pertimage.fhir.cda import read_document
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, closed_service, person, service_at

LUMBAGO = "lumbago depuis 5 j, suspicion de fracture. <script>alert(1)</script>"


@pytest.fixture
def service(tmp_path, monkeypatch):
    """Give a service with accounts, the address of Dr A, and the file for MSSanté offered."""
    monkeypatch.setenv("PERTIMAGE_MAILS", "Dr A <a@exemple.fr>")
    monkeypatch.setenv("PERTIMAGE_MSSANTE_EXPORT", "true")
    opened = closed_service(tmp_path)
    yield opened
    opened.close()


def entered(service, token=PRESCRIBER_TOKEN):
    """Return somebody signed in."""
    somebody = person(service)
    somebody.enter(token)
    return somebody


def test_a_prescriber_chooses_and_the_journal_has_no_address(service):
    """None at first; chosen, then given up, under a pseudonym."""
    me, notifications, mine = entered(service), Notifications(service.journal), service.pseudonyms.prescriber("Dr A")
    shown = me.read("/mes-notifications")
    assert "a@exemple.fr" in shown
    assert "Aucun courriel de 20 h à 7 h, ni le samedi et le dimanche" in shown.replace("\u202f", " ").replace("\xa0", " ")
    assert notifications.choice(mine).how is How.NEVER
    assert me.post("/mes-notifications", quand="jour").status_code == 303
    assert "Votre choix est enregistré" in me.read("/mes-notifications")
    assert notifications.choice(mine).how is How.DAILY
    me.post("/mes-notifications", quand="jamais")
    assert "Vous ne recevrez plus de courriel" in me.read("/mes-notifications")
    with service.store.reader.connect() as connection:
        kept = connection.execute(select(journal.c.payload).where(journal.c.kind == "notification-choice")).scalars().all()
    assert len(kept) == 2
    assert not any("@" in payload or "Dr" in payload for payload in kept)


@pytest.mark.parametrize("quand", ["", "parfois"])
def test_another_choice_is_refused(service, quand):
    """The page says what to do, and nothing is recorded."""
    answer = entered(service).post("/mes-notifications", quand=quand)
    assert answer.status_code == 422
    assert "Choisissez quand être prévenu" in answer.text


def test_only_prescribers_choose(service):
    """A radiologist may not; a passer-by must sign in; a prescriber without address is told so."""
    assert entered(service, RADIOLOGIST_TOKEN).client.get("/mes-notifications").status_code == 403
    assert person(service).client.get("/mes-notifications", follow_redirects=False).status_code == 303
    assert "Aucune adresse n'est connue" in entered(service, OTHER_TOKEN).read("/mes-notifications")


@pytest.mark.parametrize(
    ("state", "said"), [(State.SENT, "Dernier courriel parti"), (State.FAILED, "a été refusé"), (State.UNSURE, "peut-être pas parti")]
)
def test_a_prescriber_sees_what_became_of_the_last_mail(service, state, said):
    """A mail that failed is not silent."""
    me, notifications = entered(service), Notifications(service.journal)
    me.post("/mes-notifications", quand="chaque")
    request = me.sign(LUMBAGO, exam="radio-rachis-lombaire")
    service.register.decide(request, "refuser", reason="inutile", radiologist="r", at=service.now())
    notifications.settle(notifications.leave(notifications.awaiting()[0], at=service.now()), state, at=service.now())
    assert said in me.read("/mes-notifications")


def unpacked(answer):
    """Return the files of an archive."""
    with ZipFile(BytesIO(answer.content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_the_file_holds_the_request_and_the_answer_and_nobody(service):
    """Words kept as words, read back from the CDA; the decision; no identity; the same bytes each time."""
    me = entered(service)
    request = me.sign(LUMBAGO, exam="radio-rachis-lombaire", age="67", sexe="female")
    assert f"/mes-demandes/{request}/mssante.zip" in me.client.get(f"/mes-demandes/{request}").text
    waiting = unpacked(me.client.get(f"/mes-demandes/{request}/mssante.zip"))["DEMANDE.TXT"].decode()
    assert "Pas encore de décision du radiologue" in waiting
    service.register.decide(request, "substituer", exam="irm-rachis-lombaire", reason="moins irradiant", radiologist="r", at=service.now())
    answer = me.client.get(f"/mes-demandes/{request}/mssante.zip")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/zip", "no-store")
    assert answer.headers["content-disposition"] == 'attachment; filename="demande-mssante.zip"'
    assert answer.content == me.client.get(f"/mes-demandes/{request}/mssante.zip").content
    files = unpacked(answer)
    assert sorted(files) == ["DEMANDE.TXT", "DEMANDE.XML", "LISEZ-MOI.TXT", "ORDONNANCE.PDF"]
    assert files["ORDONNANCE.PDF"].startswith(b"%PDF-")
    (read,) = read_document(files["DEMANDE.XML"])
    assert LUMBAGO in read.narrative
    assert read.id == f"ServiceRequest/{request}"
    for name in ("DEMANDE.TXT", "DEMANDE.XML"):
        said = files[name].decode()
        assert "moins irradiant" in said
        assert "IRM du rachis lombaire" in said
    assert files["DEMANDE.TXT"].decode().startswith("Examen demandé : Radiographie du rachis lombaire")
    assert "Patient : à compléter" in files["DEMANDE.TXT"].decode()


def test_an_emergency_is_said_first(service):
    """Nobody waits for a radiologist because a file says « pas encore »."""
    me = entered(service)
    request = me.sign("lombalgie avec rétention d'urine et anesthésie en selle", exam="irm-rachis-lombaire")
    said = unpacked(me.client.get(f"/mes-demandes/{request}/mssante.zip"))["DEMANDE.TXT"].decode()
    assert said.index("Urgences ou 15") < said.index("Pas encore")


def test_the_file_is_for_the_author_of_a_signed_request_where_it_is_offered(service, tmp_path, monkeypatch):
    """Not for another prescriber, nor once withdrawn; nowhere when the settings do not offer it."""
    me = entered(service)
    request = me.sign(LUMBAGO, exam="radio-rachis-lombaire")
    address = f"/mes-demandes/{request}/mssante.zip"
    assert entered(service, OTHER_TOKEN).client.get(address).status_code == 404
    assert entered(service, RADIOLOGIST_TOKEN).client.get(address).status_code == 403
    me.post(f"/mes-demandes/{request}/retirer")
    assert me.client.get(address).status_code == 404
    monkeypatch.delenv("PERTIMAGE_MSSANTE_EXPORT")
    (tmp_path / "b").mkdir()
    plain = service_at(tmp_path / "b")
    anyone = person(plain)
    other = anyone.sign(LUMBAGO, exam="radio-rachis-lombaire")
    assert anyone.client.get(f"/mes-demandes/{other}/mssante.zip").status_code == 404
    assert "mssante.zip" not in anyone.client.get(f"/mes-demandes/{other}").text
    plain.close()
