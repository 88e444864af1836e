"""The radiologists' worklist, and what the prescriber then reads."""

import pytest

from pertimage.audit.review import Decision
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, closed_service, person, plain, service_at

LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire"
CHRONIC = "lombalgie depuis 4 mois, jamais d'imagerie. Radio rachis lombaire"
CAUDA_EQUINA = "lombalgie depuis hier, ne peut plus uriner. IRM lombaire"


@pytest.fixture
def both(tmp_path):
    """Give a browser in demo mode, which is both the prescriber's and the radiologist's."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


@pytest.fixture
def closed(tmp_path):
    """Give a service outside demo mode."""
    service = closed_service(tmp_path)
    yield service
    service.close()


def decide(who, identifier, decision, **fields):
    """Post a decision."""
    return who.post(f"/relecture/{identifier}/decision", decision=decision, **fields)


def test_worklist_shows_emergencies_first(both):
    """Whatever the order of signature, the emergency pathway is at the top."""
    both.sign(LUMBAGO)
    both.sign(CAUDA_EQUINA)
    said = both.read("/relecture")
    assert said.index("ne peut plus uriner") < said.index("apyrétique")
    assert "2 demandes" in said


def test_filters_keep_what_they_say(both):
    """The worklist is filtered by technique, by site and by state."""
    both.sign(LUMBAGO)
    both.sign(CAUDA_EQUINA)
    assert "1 demande" in both.read("/relecture?modalite=MR")
    assert "Rien ne correspond" in both.read("/relecture?site=ailleurs")
    assert "Rien ne correspond" in both.read("/relecture?etat=decidee")
    assert "2 demandes" in both.read("/relecture?etat=inconnu&modalite=XX")


def test_request_shows_what_a_decision_needs(both):
    """The radiologist reads the text with its evidence, the advice with its source, and what is missing."""
    said = both.read(f"/relecture/{both.sign(LUMBAGO)}")
    for words in ("pas de déficit (déficit moteur", "Pas d'imagerie utile à ce stade", "HAS", "Ce qui manque", "lombalgie-commune/recente"):
        assert words in said


@pytest.mark.parametrize(
    ("decision", "reason", "told"),
    [
        ("valider", "", "Validée par le radiologue"),
        ("valider-avec-protocole", "Deux incidences", "Validée, avec un protocole"),
        ("refuser", "Imagerie inutile", "Refusée par le radiologue"),
        ("reporter", "À 6 semaines", "Reportée"),
    ],
)
def test_decision_reaches_the_prescriber(both, decision, reason, told):
    """Each decision is recorded and read by the prescriber in words, with the reason."""
    identifier = both.sign(LUMBAGO)
    assert decide(both, identifier, decision, raison=reason).status_code == 303
    assert both.service.register.request(identifier).decision == Decision(decision)
    said = both.read(f"/mes-demandes/{identifier}")
    assert told in said
    assert reason in said


def test_substitution_takes_an_exam_offered_or_any_other(both):
    """A radiologist substitutes an exam that the guidelines offer, or any exam of the catalogue by its label."""
    first, second = both.sign(CHRONIC), both.sign(LUMBAGO)
    decide(both, first, "substituer", examen_propose="irm-rachis-lombaire", raison="IRM d'emblée")
    decide(both, second, "substituer", autre_examen="scanner du rachis lombaire", raison="pacemaker")
    exams = [both.service.register.request(one).substituted_exam for one in (first, second)]
    assert exams == ["irm-rachis-lombaire", "scanner-rachis-lombaire"]
    assert "Scanner du rachis lombaire" in both.read(f"/mes-demandes/{second}")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"decision": "refuser", "raison": " "}, "doit être motivée"),
        ({"decision": "substituer", "raison": "mieux"}, "Indiquez l'examen de substitution"),
        ({"decision": "substituer", "raison": "mieux", "autre_examen": "télémétrie lunaire"}, "n'est pas un examen du catalogue"),
        ({"decision": "inventer"}, "Choisissez une décision"),
    ],
)
def test_incomplete_decision_is_explained(both, fields, said):
    """A decision that lacks its reason or its exam comes back with a sentence, and nothing is recorded."""
    identifier = both.sign(LUMBAGO)
    answer = both.post(f"/relecture/{identifier}/decision", **fields)
    assert answer.status_code == 422
    assert said in plain(answer.text)
    assert both.service.register.request(identifier).decision is None


def test_two_windows_decide_once(both):
    """The second window is told that the request was already decided, and changes nothing."""
    identifier = both.sign(LUMBAGO)
    decide(both, identifier, "refuser", raison="inutile")
    again = decide(both, identifier, "valider")
    assert again.status_code == 409
    assert "déjà été décidée : refuser" in plain(again.text)
    assert both.service.register.request(identifier).decision == Decision.REFUSE


def test_after_deciding_comes_the_next_request(both):
    """A decision leads to the request that follows with the same filters, then to the list when none is left."""
    first, second = both.sign(LUMBAGO), both.sign(CHRONIC)
    answer = both.post(f"/relecture/{first}/decision?modalite=DX", decision="valider")
    assert answer.headers["location"] == f"/relecture/{second}?modalite=DX"
    assert decide(both, second, "valider").headers["location"] == "/relecture"
    assert "Décision enregistrée : validée par le radiologue" in both.read("/relecture")


def test_question_is_answered_and_judged_again(both):
    """A question reaches the prescriber; the answer is judged with the request and the request returns to the worklist."""
    identifier = both.sign("lombalgie. Radio rachis lombaire")
    decide(both, identifier, "demander-complement", raison="Depuis quand ?")
    assert "Le radiologue vous demande Depuis quand ?" in both.read(f"/mes-demandes/{identifier}")
    assert "Le radiologue vous pose une question" in both.read("/mes-demandes")
    answer = both.post(f"/mes-demandes/{identifier}/reponse", follow=True, reponse="Depuis 5 jours, pas de déficit.")
    said = plain(answer.text).split("Avis après votre réponse", 1)[1]
    assert "Pas d'imagerie utile à ce stade" in said
    assert [row.id for row in both.service.register.worklist()] == [identifier]
    assert "Avis après la réponse du prescripteur" in both.read(f"/relecture/{identifier}")


def test_answer_without_question_is_refused(both):
    """No answer is recorded when no question waits, or when it is empty."""
    identifier = both.sign(LUMBAGO)
    assert both.post(f"/mes-demandes/{identifier}/reponse", reponse="voilà").status_code == 409
    decide(both, identifier, "demander-complement", raison="Depuis quand ?")
    assert both.post(f"/mes-demandes/{identifier}/reponse", reponse=" ").status_code == 422


def test_claim_and_release(both):
    """A radiologist takes a request and puts it back."""
    identifier = both.sign(LUMBAGO)
    both.post(f"/relecture/{identifier}/prendre")
    assert both.service.register.request(identifier).state == "en-cours"
    assert "Vous relisez cette demande" in both.read(f"/relecture/{identifier}")
    both.post(f"/relecture/{identifier}/confier")
    assert both.service.register.request(identifier).state == "a-relire"


def test_claim_of_a_colleague_is_respected(both):
    """What a colleague is reviewing cannot be taken, and the page says so."""
    identifier = both.sign(LUMBAGO)
    both.service.register.claim(identifier, radiologist="collègue", at=both.service.now())
    answer = both.post(f"/relecture/{identifier}/prendre")
    assert answer.status_code == 409
    assert "Un autre radiologue relit déjà cette demande" in plain(answer.text)


def test_unknown_request_is_not_found(both):
    """An address that names no request is a 404, for everyone."""
    assert both.client.get("/relecture/inconnue").status_code == 404
    assert both.client.get("/mes-demandes/inconnue").status_code == 404


def test_prescribers_see_their_own_requests_only(closed):
    """Another prescriber's request does not exist, neither in the list nor by its address."""
    first, other, radiologist = person(closed), person(closed), person(closed)
    first.enter(PRESCRIBER_TOKEN)
    other.enter(OTHER_TOKEN)
    radiologist.enter(RADIOLOGIST_TOKEN)
    identifier = first.sign(LUMBAGO)
    assert "Radiographie du rachis lombaire" in first.read("/mes-demandes")
    assert "Aucune demande" in other.read("/mes-demandes")
    assert other.client.get(f"/mes-demandes/{identifier}").status_code == 404
    assert radiologist.client.get(f"/relecture/{identifier}").status_code == 200


def test_no_name_reaches_the_register(closed):
    """The register knows people by pseudonyms."""
    gp, radiologist = person(closed), person(closed)
    gp.enter(PRESCRIBER_TOKEN)
    radiologist.enter(RADIOLOGIST_TOKEN)
    identifier = gp.sign(LUMBAGO)
    decide(radiologist, identifier, "valider")
    row = closed.register.request(identifier)
    assert "Dr" not in f"{row.prescriber} {row.radiologist}"
    assert row.prescriber != row.radiologist
