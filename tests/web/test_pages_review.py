"""The radiologists' worklist, and what the prescriber then reads."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from pertimage.audit.review import Decision
from pertimage.audit.tables import rule_opinions
from pertimage.cds.model import ImagingRequest, KnownFact, PriorExam, TextPart
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


def asyncio_run(coroutine: Coroutine):
    """Run a coroutine in a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, coroutine).result()


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


COLLEAGUE_TOKEN = "s" * 24


@pytest.fixture
def two_radiologists(tmp_path):
    """Give a prescriber and two radiologists, each with a browser, outside demo mode."""
    tokens = f"prescripteur:Dr A:{PRESCRIBER_TOKEN},radiologue:Dr R:{RADIOLOGIST_TOKEN},radiologue:Dr S:{COLLEAGUE_TOKEN}"
    service = service_at(tmp_path, demo=False, secret="s" * 40, tokens=tokens, pools="Neuroradiologie; Abdomen")
    people = []
    for token in (PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, COLLEAGUE_TOKEN):
        people.append(person(service))
        people[-1].enter(token)
    yield people
    service.close()


def test_what_a_colleague_holds_is_taken_over_by_name(two_radiologists):
    """The page says who has the request; deciding is refused until it is taken over, and the words typed are kept."""
    gp, radiologist, colleague = two_radiologists
    identifier = gp.sign(LUMBAGO)
    radiologist.post(f"/relecture/{identifier}/prendre")
    assert "Dr R relit cette demande" in colleague.read(f"/relecture/{identifier}")
    assert "Dr R" in colleague.read("/relecture")
    refused = decide(colleague, identifier, "refuser", **{"raison-refuser": "Pas d'indication"})
    assert refused.status_code == 409
    assert "reprenez-la pour décider" in plain(refused.text)
    assert "Pas d'indication" in plain(refused.text)
    colleague.post(f"/relecture/{identifier}/confier", a="moi")
    assert decide(colleague, identifier, "refuser", **{"raison-refuser": "Pas d'indication"}).status_code == 303
    assert "Dr S vient de décider" in radiologist.read(f"/relecture/{identifier}/etat?version=2")


def test_a_second_opinion_is_asked_read_and_given(two_radiologists):
    """The colleague finds the question, answers; the asker reads the answer and decides; the prescriber sees the thread."""
    gp, radiologist, colleague = two_radiologists
    identifier = gp.sign(LUMBAGO)
    radiologist.post(f"/relecture/{identifier}/prendre")
    lacking = radiologist.post(f"/relecture/{identifier}/second-avis", a="Dr S", question=" ")
    assert (lacking.status_code, "Écrivez votre question" in plain(lacking.text)) == (422, True)
    assert "à qui demander" in plain(radiologist.post(f"/relecture/{identifier}/second-avis", a="Dr X", question="Injection ?").text)
    radiologist.post(f"/relecture/{identifier}/second-avis", a="Dr S", question="Une incidence suffit ?")
    assert "1 demande" in colleague.read("/relecture?etat=avis-demande&moi=1")
    assert "0 demande" in radiologist.read("/relecture")
    said = colleague.read(f"/relecture/{identifier}")
    assert "par Dr R" in said
    assert "Une incidence suffit ?" in said
    assert radiologist.post(f"/relecture/{identifier}/donner-avis", avis_donne="Oui").status_code == 409
    colleague.post(f"/relecture/{identifier}/donner-avis", avis_donne="Oui, de face")
    assert "Oui, de face" in radiologist.read(f"/relecture/{identifier}")
    assert decide(radiologist, identifier, "valider").status_code == 303
    assert "Oui, de face" in gp.read(f"/mes-demandes/{identifier}")


def test_a_group_is_asked_for_a_second_opinion(two_radiologists):
    """Any radiologist but the one who asked may answer for a group."""
    gp, radiologist, colleague = two_radiologists
    identifier = gp.sign(LUMBAGO)
    radiologist.post(f"/relecture/{identifier}/second-avis", a="Abdomen", question="Lésion ?")
    assert "Abdomen" in colleague.read(f"/relecture/{identifier}")
    colleague.post(f"/relecture/{identifier}/donner-avis", avis_donne="Non")
    assert gp.service.register.request(identifier).state == "en-cours"


def test_a_decision_sent_again_is_recorded_once_and_not_refused(both):
    """The browser that lost the answer sends the form again: it goes on to the next request."""
    identifier = both.sign(LUMBAGO)
    fields = {"decision": "refuser", "raison-refuser": "inutile", "acte": "acte-123"}
    for _ in range(2):
        assert both.post(f"/relecture/{identifier}/decision", **fields).status_code == 303
    assert [turn.kind for turn in both.service.register.thread(identifier)] == ["signature", "decision"]
    assert both.post(f"/relecture/{identifier}/decision", **fields | {"acte": "acte-124"}).status_code == 409


def test_a_decision_on_what_changed_since_keeps_the_words(both):
    """The request was answered meanwhile: the radiologist reads it again, with what was typed."""
    identifier = both.sign(LUMBAGO)
    seen = both.service.register.request(identifier).version
    both.post(f"/relecture/{identifier}/prendre")
    late = both.post(f"/relecture/{identifier}/decision", version=seen, decision="refuser", **{"raison-refuser": "inutile à ce stade"})
    assert late.status_code == 409
    assert "a changé depuis" in plain(late.text)
    assert "inutile à ce stade" in late.text
    assert both.service.register.request(identifier).decision is None


def test_a_withdrawn_request_says_so_to_the_radiologist(both):
    """The prescriber takes the request back while it is being reviewed."""
    identifier = both.sign(LUMBAGO)
    both.post(f"/relecture/{identifier}/prendre")
    assert "Demande retirée" in plain(both.post(f"/mes-demandes/{identifier}/retirer", follow=True, raison_retrait="hospitalisé").text)
    assert both.post(f"/mes-demandes/{identifier}/retirer").status_code == 409
    assert "Le prescripteur a retiré cette demande" in plain(decide(both, identifier, "valider").text)
    assert "Retirée par le prescripteur" in both.read(f"/relecture/{identifier}")


def test_what_is_postponed_with_a_date_comes_back(both):
    """The list shows it again on its day only; a date that is none, or past, is explained."""
    identifier = both.sign(LUMBAGO)
    for given, said in (("demain", "n'est pas une date"), ("2020-01-01", "entre demain et")):
        answer = both.post(f"/relecture/{identifier}/decision", decision="reporter", raison="kiné", jusqu_au=given)
        assert (answer.status_code, said in plain(answer.text)) == (422, True)
    day = (both.service.today() + timedelta(days=30)).isoformat()
    both.post(f"/relecture/{identifier}/decision", decision="reporter", raison="kiné", jusqu_au=day)
    assert "0 demande" in both.read("/relecture")
    assert "1 demande" in both.read("/relecture?etat=reportee")


def test_several_are_decided_at_once_each_for_itself(both):
    """One reason for several requests; an emergency, or one that has no exam to offer, is said and left."""
    first, second, urgent = both.sign(LUMBAGO), both.sign(CHRONIC), both.sign(CAUDA_EQUINA)
    assert "Cochez des demandes" in plain(both.post("/relecture/lot", follow=True, lot="valider").text)
    answer = both.post("/relecture/lot", lot="refuser", raison="Voir la fiche", demande=[first, urgent])
    assert answer.status_code == 409
    assert "relève des urgences" in plain(answer.text)
    assert both.service.register.request(first).decision == Decision.REFUSE
    assert both.service.register.request(urgent).decision is None
    assert both.post("/relecture/lot", lot="proposer", raison="IRM d'abord", demande=[second]).status_code == 303
    assert both.service.register.request(second).substituted_exam == "irm-rachis-lombaire"
    lacking = both.post("/relecture/lot", lot="refuser", raison=" ", demande=[urgent, both.sign(LUMBAGO)])
    assert "doit être motivée" in plain(lacking.text)


def test_views_are_kept_for_oneself(two_radiologists):
    """A view keeps the filters under a name, for its author alone, until it is forgotten."""
    _, radiologist, colleague = two_radiologists
    radiologist.post("/relecture/vues", nom="IRM du rachis", filtres="modalite=MR&q=rachis&etat=nimporte")
    assert "IRM du rachis" in radiologist.read("/relecture")
    assert "IRM du rachis" not in colleague.read("/relecture")
    assert 'href="/relecture?modalite=MR&amp;q=rachis"' in radiologist.client.get("/relecture").text
    radiologist.post("/relecture/vues", oublier="IRM du rachis")
    assert "IRM du rachis" not in radiologist.read("/relecture")
    assert "Donnez un nom" in plain(radiologist.post("/relecture/vues", follow=True, nom="Urgences", filtres="modalite=MR").text)


def test_words_and_advice_narrow_the_list(both):
    """The list is searched by words, outcome and pathway."""
    both.sign(LUMBAGO)
    both.sign(CAUDA_EQUINA)
    for address, count in (
        ("q=uriner", 1),
        ("q=URINER+lombalgie", 1),
        ("q=genou", 0),
        ("avis=not-indicated", 1),
        ("circuit=urgences", 1),
        ("moi=1", 0),
    ):
        assert f"{count} demande" in both.read(f"/relecture?{address}")


def test_the_opinion_on_the_rule_goes_with_the_decision(both):
    """One click says whether the rule was right; it is kept with its rule."""
    identifier = both.sign(LUMBAGO)
    decide(both, identifier, "valider", regle="desaccord", regle_mots="déjà traité")
    with both.service.store.reader.connect() as connection:
        (row,) = connection.execute(rule_opinions.select())
    assert (row.rule, row.opinion, row.words) == ("lombalgie-commune/recente", "desaccord", "déjà traité")


def test_the_list_alone_is_given_to_who_refreshes_it(both):
    """A page that listens fetches the list without the page around it."""
    both.sign(LUMBAGO)
    fragment = both.client.get("/relecture", headers={"HX-Request": "true"}).text
    assert fragment.lstrip().startswith('<div id="liste"')
    assert "<html" not in fragment


def test_the_radiologist_reads_the_record_beside_the_words(both):
    """Facts of the record, earlier exams with their conclusions, and what could not be had are on the same screen."""
    known = KnownFact("dfg", value=45.0, origin="Observation")
    prior = PriorExam("IRM lombaire", performed=date(2026, 9, 1), place="CH de Foix", conclusion="Discopathie L5-S1.")
    asked = ImagingRequest(
        "sr", "IRM lombaire", texts=(TextPart("note", "lombalgie depuis 4 mois"),), known=(known,), prior_exams=(prior,),
        unknown_context=("allergies",),
    )  # fmt: skip
    assessments = both.service.judge(asked)
    identifier = asyncio_run(both.service.record(asked, assessments, prescriber="p", signed=True))
    said = both.read(f"/relecture/{identifier}")
    for words in ("45", "le 1er septembre 2026, CH de Foix", "Discopathie L5-S1.", "Non connu : allergies"):
        assert words in said
