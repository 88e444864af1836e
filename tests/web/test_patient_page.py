"""The patient page: what opens it, what it says and keeps silent, what patients answer."""

import logging
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from pertimage.audit.instants import utc_text
from pertimage.audit.patient_links import MOST_CHANGES
from pertimage.web.app import create_app
from pertimage.web.masking import MaskTokens, mask_addresses, masked
from pertimage.web.patient.languages import languages
from pertimage.web.patient.tokens import answer_key, is_token, link_digest, token_of
from pertimage.web.settings import Settings, UnsafeSettingsError
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, closed_service, person, plain, service_at

LUMBAGO = "lumbago depuis 5 j, pas de déficit, Mme Zyxwvut née le 03/04/1961"
EMERGENCY = "lombalgie, anesthésie en selle, rétention d'urine"
CLOSED = "Cette page n'est pas ouverte"


@pytest.fixture
def gp(tmp_path):
    """Give a general practitioner of the demonstration."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


@pytest.fixture
def patient(gp):
    """Give a patient's browser: another one, that knows nothing but addresses."""
    return TestClient(create_app(service=gp.service), follow_redirects=False)


def address_of(gp, request):
    """Return the address that the prescriber reads, without the name of the service."""
    shown = gp.client.get(f"/mes-demandes/{request}").text
    found = re.search(r'id="adresse-patient" value="http://127\.0\.0\.1:8000(/patient/[^"]+)"', shown)
    return found.group(1) if found else None


def signed(gp, text=LUMBAGO, exam="radio rachis lombaire", **fields):
    """Sign a request; return its id and the address of its patient page."""
    request = gp.sign(text, exam, **fields)
    return request, address_of(gp, request)


def read(client, address):
    """Return the text of a page that opens."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return plain(answer.text)


def decide(gp, request, decision, **about):
    """Decide as a radiologist."""
    gp.service.register.decide(request, decision, radiologist="r1", at=gp.service.now(), **({"reason": "Vu avec Mme Zyxwvut"} | about))


# — What opens it —


def test_signing_gives_an_address_and_its_code(gp, patient):
    """The receipt has the address and a QR code; the page opens without signing in."""
    request, address = signed(gp)
    assert is_token(address.removeprefix("/patient/"))
    assert re.search(r'role="img" aria-label="Code QR[^>]*><svg', gp.client.get(f"/mes-demandes/{request}").text)
    assert "Pourquoi cet examen ?" in read(patient, address)


def test_the_code_holds_the_address(gp):
    """The QR code drawn is that of the address shown, as the library draws it."""
    import segno

    request, address = signed(gp)
    drawn = segno.make(f"http://127.0.0.1:8000{address}", error="m", micro=False).svg_inline(
        border=4, light="#fff", dark="#000", omitsize=True
    )
    assert drawn in gp.client.get(f"/mes-demandes/{request}").text


def test_a_token_cannot_be_made_without_the_secret(gp, patient):
    """Knowing the request, its end and the way tokens are made is not enough; nor is a token changed by one letter, or its digest."""
    request, address = signed(gp)
    token = address.removeprefix("/patient/")
    link = gp.service.patients.link_of(request)
    assert token == token_of(gp.service.settings.key, request, link.expires_at)
    forged = token_of("another secret, long enough to be one", request, link.expires_at)
    near = ("A" if token[0] != "A" else "B") + token[1:]
    for false in (forged, near, link.digest[:43], request, token[:-1], token + "A", "x" * 5000, "é" * 43, "%00" * 43):
        answer = patient.get(f"/patient/{false}")
        assert (answer.status_code, CLOSED in plain(answer.text)) == (404, True), false


def test_the_store_does_not_hold_the_token(gp):
    """Whoever reads the database, journal included, cannot open the page."""
    _, address = signed(gp)
    token = address.removeprefix("/patient/")
    with gp.service.store.reader.connect() as connection:
        held = "".join(str(row) for table in ("journal", "patient_links") for row in connection.exec_driver_sql(f"SELECT * FROM {table}"))
    assert token not in held
    assert link_digest(token) in held
    assert link_digest(token) != answer_key(token)


def test_an_expired_page_is_closed(gp, patient, monkeypatch):
    """After its time the page is closed with the same words as an unknown one, and the prescriber can open another."""
    request, address = signed(gp)
    later = gp.service.now() + timedelta(days=gp.service.settings.patient_days, seconds=1)
    monkeypatch.setattr(gp.service, "now", lambda: later)
    unknown, expired = patient.get("/patient/" + "A" * 43), patient.get(address)
    assert (unknown.status_code, expired.status_code) == (404, 410)
    assert plain(unknown.text) == plain(expired.text)
    assert patient.post(f"{address}/information", data={}).status_code == 410
    assert address_of(gp, request) is None
    gp.post(f"/mes-demandes/{request}/lien-patient")
    assert "Pourquoi cet examen ?" in read(patient, address_of(gp, request))


@pytest.mark.parametrize("days", [0, 731])
def test_the_time_of_a_page_is_bounded(days):
    """A page that never opens, or for years, is a setting refused by name."""
    with pytest.raises(UnsafeSettingsError, match="PERTIMAGE_PATIENT_DAYS"):
        Settings(demo=True, patient_days=days).checked()


def test_withdrawing_the_request_closes_its_page(gp, patient):
    """A request taken back has no page any more, for the patient nor for the prescriber."""
    request, address = signed(gp)
    gp.post(f"/mes-demandes/{request}/retirer")
    assert patient.get(address).status_code == 410
    assert CLOSED in plain(patient.get(address).text)
    assert patient.post(f"{address}/reponses", data={"compris": "4"}).status_code == 410
    assert "Page pour le patient" not in gp.read(f"/mes-demandes/{request}")
    assert gp.post(f"/mes-demandes/{request}/lien-patient").status_code == 409


def test_a_new_address_closes_the_old_one(gp, patient, monkeypatch):
    """The prescriber who gave the address to the wrong person makes another."""
    request, address = signed(gp)
    at = gp.service.now() + timedelta(seconds=5)
    monkeypatch.setattr(gp.service, "now", lambda: at)
    gp.post(f"/mes-demandes/{request}/lien-patient")
    assert address_of(gp, request) != address
    assert patient.get(address).status_code == 404


def test_signing_twice_keeps_the_address(gp):
    """A form sent twice is one request, and its address does not change."""
    first, second = (signed(gp, demande="1" * 32) for _ in range(2))
    assert first == second


def test_another_prescriber_does_not_see_the_address(tmp_path):
    """The address is for the author of the request; another prescriber finds no such request."""
    service = closed_service(tmp_path)
    try:
        author, other = person(service), person(service)
        author.enter(PRESCRIBER_TOKEN)
        other.enter(OTHER_TOKEN)
        request = author.sign(LUMBAGO, "radio rachis lombaire")
        assert other.client.get(f"/mes-demandes/{request}").status_code == 404
        assert other.post(f"/mes-demandes/{request}/lien-patient").status_code == 404
    finally:
        service.close()


# — What goes around it —


def test_the_address_goes_nowhere(gp, patient):
    """No referrer, no cache, no index, no cookie; whatever the answer."""
    _, address = signed(gp)
    for path in (address, f"{address}?langue=ar", "/patient/inconnu"):
        answer = patient.get(path)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "set-cookie" not in answer.headers
    assert not re.search(r"https?://|<script|\sstyle=", patient.get(address).text.replace("http-equiv", ""))


SERVE = """
import logging, sys, threading, time, urllib.request, urllib.error, uvicorn
from pertimage.web.app import create_app
from pertimage.web.settings import Settings
config = uvicorn.Config(create_app(Settings(demo=True, database=sys.argv[1])), port=int(sys.argv[2]), access_log=True, log_level="debug")
server = uvicorn.Server(config)
threading.Thread(target=server.run, daemon=True).start()
while not server.started: time.sleep(0.05)
for path in ("/patient/SECRETSECRET?langue=ar", "/patient/SECRETSECRET/information"):
    try: urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[2]}{path}")
    except urllib.error.HTTPError: pass
server.should_exit = True
time.sleep(1)
"""


@pytest.mark.slow
def test_an_access_log_does_not_hold_the_token(tmp_path):
    """Even a server told to log every address writes « … » for the token."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = subprocess.run([sys.executable, "-c", SERVE, str(tmp_path / "t.db"), str(port)], capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert "/patient/…?langue=ar" in said, said
    assert "SECRET" not in said


def test_masking_leaves_the_rest():
    """Only what follows /patient/ is hidden, in the message and in its arguments."""
    assert masked('GET /patient/abc_-9?langue=ar "x" /prescrire') == 'GET /patient/…?langue=ar "x" /prescrire'
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, "%s %d", ("/patient/abc", 200), None)
    assert MaskTokens().filter(record)
    assert record.getMessage() == "/patient/… 200"
    mask_addresses()
    mask_addresses()
    assert sum(isinstance(one, MaskTokens) for one in logging.getLogger("uvicorn.access").filters) == 1


def test_our_own_logs_do_not_hold_the_token(gp, patient, caplog, monkeypatch):
    """A page that fails is logged without its address."""
    _, address = signed(gp)
    monkeypatch.setattr(gp.service.patients, "opened_by", lambda digest: 1 / 0)
    with caplog.at_level(logging.DEBUG, logger="pertimage"):
        answer = patient.get(address)
    assert answer.status_code == 500
    assert "unhandled" in caplog.text
    assert address.removeprefix("/patient/") not in caplog.text
    assert answer.headers["referrer-policy"] == "no-referrer"


# — What it says —


def test_no_identity_and_no_free_text(gp, patient):
    """Neither the words of the prescriber, nor those of the radiologist, nor any number of the request or name is on the page."""
    request, address = signed(gp, age="65", sex="female")
    for step in (None, "valider-avec-protocole"):
        if step:
            decide(gp, request, step)
        shown = patient.get(address).text
        for word in ("Zyxwvut", "1961", "lumbago", "Dr Démo", "Dr Radio", request, gp.service.patients.link_of(request).digest):
            assert word not in shown.replace(address.removeprefix("/patient/"), ""), word


def test_an_exam_against_advice_is_not_said_to_be_advised(gp, patient):
    """The page does not approve what the guidance does not, nor reassure a patient who has an exam to do."""
    _, address = signed(gp)
    said = read(patient, address)
    assert "Votre médecin a choisi cet examen pour vous" in said
    assert "Le guide médical conseille cet examen" not in said
    assert "Un radiologue peut encore relire la demande" in said
    words = gp.service.base.sheets["lombalgie-commune"].form.patient_words
    assert words[:40] not in said
    assert "Reconsultez vite en cas de fièvre" in said


def test_an_advised_exam_is_said_so(gp, patient):
    """When the guidance supports the exam, the page says it, and that an exam does not show everything."""
    _, address = signed(gp, "lombalgie depuis 4 mois malgré kiné, pas de signe d'alerte", "IRM rachis lombaire", age="45")
    said = read(patient, address)
    assert "Le guide médical conseille cet examen" in said
    assert "Un examen ne voit pas tout" in said


def test_an_emergency_comes_first(gp, patient):
    """An emergency is the first thing read, in each language; nothing tells to wait, to prepare or to see one's own doctor later."""
    _, address = signed(gp, EMERGENCY, "IRM rachis lombaire")
    for code, language in languages().items():
        shown = patient.get(f"{address}?langue={code}").text
        assert 0 < shown.index('id="urgence"') < shown.index('id="pourquoi"')
        assert 'id="preparation"' not in shown
        assert plain(str(language.say("alerte.revoir"))) not in plain(shown)


@pytest.mark.parametrize(
    ("decision", "about", "expected"),
    [
        ("valider", {}, "Le radiologue est d'accord avec cet examen"),
        ("demander-complement", {}, "Le radiologue a posé une question à votre médecin"),
        ("reporter", {}, "Le radiologue propose d'attendre"),
        ("substituer", {"exam": "irm-rachis-lombaire"}, "Le radiologue propose un autre examen. IRM du bas du dos"),
    ],
)
def test_what_the_radiologist_decided_is_told(gp, patient, decision, about, expected):
    """Each decision has its sentence, without the radiologist's words."""
    request, address = signed(gp)
    decide(gp, request, decision, **about)
    assert expected in read(patient, address)


def test_a_postponed_exam_says_until_when(gp, patient):
    """The day on which the request is looked at again is told."""
    request, address = signed(gp)
    day = gp.service.today() + timedelta(days=40)
    decide(gp, request, "reporter", until=day)
    assert f'datetime="{day.isoformat()}"' in patient.get(address).text


def test_a_substituted_exam_brings_its_own_preparation(gp, patient):
    """Dose, technique and preparation are those of the exam to do, not of the one asked for."""
    request, address = signed(gp)
    decide(gp, request, "substituer", exam="irm-rachis-lombaire")
    said = read(patient, address)
    assert "un gros aimant" in said
    assert "Cet examen n'utilise pas de rayons X" in said
    assert "La dose de rayons est" not in said


def test_a_refused_exam_says_why_none(gp, patient):
    """A refusal becomes « no exam »: no preparation, no dose, the sheet's words for the patient, and when to come back."""
    request, address = signed(gp)
    decide(gp, request, "refuser")
    said = read(patient, address)
    assert "Pourquoi pas d'examen ?" in said
    assert "Le radiologue pense que cet examen n'est pas utile maintenant" in said
    assert "Avant l'examen" not in said
    assert gp.service.base.sheets["lombalgie-commune"].form.patient_words[:40] in said
    assert "Revoyez vite votre médecin si" in said


def test_an_exam_given_up_has_its_page(gp, patient):
    """The patient who leaves without an exam gets a page that says why."""
    answer = gp.post("/prescrire/renoncer", texte="lumbago depuis 5 j, pas de déficit", examen="radio rachis lombaire")
    said = read(patient, address_of(gp, answer.headers["location"].rsplit("/", 1)[1]))
    assert "Votre médecin ne demande pas d'examen pour le moment" in said
    assert "Le guide médical ne conseille pas cet examen" in said
    assert "Quand s'inquiéter ?" in said


def test_suspected_violence_is_kept_silent(gp, patient):
    """A page that the author of blows may open says nothing of what is feared."""
    _, address = signed(gp, "bébé 5 mois, bleus suspects, suspicion de maltraitance, squelette complet", "squelette complet", age="5 mois")
    said = read(patient, address)
    assert not re.search("maltrait|protégé|récit|bleus|Les signes graves que les médecins", said)


def test_the_dose_is_drawn_and_said(gp, patient):
    """The drawing has a text, the words a comparison with nature, said to be the project's."""
    _, address = signed(gp, age="30")
    shown = patient.get(address).text
    assert 'role="img" aria-label="Dessin de la dose' in shown.replace("\u00a0", " ").replace("\u202f", " ")
    assert "rayons de la nature" in plain(shown)
    assert "Cette comparaison est proposée par le projet" in plain(shown)


def test_the_dose_of_a_child_is_not_that_of_an_adult(gp, patient):
    """The catalogue gives adults' doses: the page of a child says so."""
    _, address = signed(gp, "chute, douleur du poignet", "radio poignet", age="9")
    assert "Cette dose est celle d'un adulte" in read(patient, address)


@pytest.mark.parametrize("code", list(languages()))
def test_each_language_is_marked_and_says_its_direction(gp, patient, code):
    """The page has its language and direction, says that it is not reviewed, and says what stays in French."""
    _, address = signed(gp)
    shown = patient.get(f"{address}?langue={code}").text
    language = languages()[code]
    assert f'<html lang="{code}" dir="{language.direction}">' in shown
    assert plain(str(language.say("page.non_relue"))) in plain(shown)
    inside = re.findall(r'<ul class="simple" lang="fr" dir="ltr">', shown)
    assert inside
    assert (plain(str(language.say("page.en_francais"))) in plain(shown)) is (code != "fr")


def test_large_print_and_language_stay_together(gp, patient):
    """Choosing a language keeps the size, and the other way round; an unknown language is French."""
    _, address = signed(gp)
    shown = patient.get(f"{address}?langue=tr&grand=oui").text
    assert 'class="big-print"' in shown
    assert f'href="{address}?langue=uk&amp;grand=oui"' in shown
    assert f'href="{address}?langue=tr"' in shown
    assert '<html lang="fr"' in patient.get(f"{address}?langue=zz").text


# — What patients say —


def test_information_is_told_to_the_prescriber(gp, patient):
    """The button leaves a date on the page, on the request and in the list; pressed again it changes nothing."""
    request, address = signed(gp)
    for _ in range(2):
        answer = patient.post(f"{address}/information", data={"langue": "ar"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?langue=ar#information")
    assert "Vous avez dit le" in read(patient, address)
    assert "Information reçue, dit le patient, le" in gp.read(f"/mes-demandes/{request}")
    assert "patient informé le" in gp.read("/mes-demandes")


ANSWERS = {"compris": "4", "delai": "non", "explique": "pas-encore", "renonce": "oui", "raisons": ["cout", "peur"]}


def test_answers_are_kept_and_can_be_changed(gp, patient):
    """The form comes back filled; sent again it replaces, it does not add."""
    request, address = signed(gp)
    for answers in (ANSWERS, ANSWERS, ANSWERS | {"compris": "2"}):
        assert patient.post(f"{address}/reponses", data=answers).status_code == 303
    shown = patient.get(f"{address}?merci=oui").text
    assert set(re.findall(r'value="([^"]+)" checked', shown)) == {"2", "non", "pas-encore", "oui", "cout", "peur"}
    assert "Vos réponses sont enregistrées" in plain(shown)
    kept = gp.service.patients.answer_of(answer_key(address.removeprefix("/patient/")))
    assert (kept.understanding, [str(reason) for reason in kept.reasons]) == (2, ["cout", "peur"])
    assert "peur" not in gp.read(f"/mes-demandes/{request}")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Répondez à une question au moins"),
        ({"compris": "9"}, "n'a pas pu être lue"),
        ({"compris": "x"}, "n'a pas pu être lue"),
        ({"delai": "jamais"}, "n'a pas pu être lue"),
        ({"renonce": "oui", "raisons": "<script>"}, "n'a pas pu être lue"),
        ({"compris": "4", "autre": "x" * 5000}, "n'a pas pu être lue"),
        ({f"c{number}": "1" for number in range(40)}, "n'a pas pu être lue"),
    ],
)
def test_a_form_that_is_not_ours_is_refused(gp, patient, fields, said):
    """Nothing chosen, a choice that is not offered, too large or too many fields: the page says so and keeps nothing."""
    _, address = signed(gp)
    answer = patient.post(f"{address}/reponses", data=fields)
    assert (answer.status_code, said in plain(answer.text)) == (422, True)
    assert gp.service.patients.answer_of(answer_key(address.removeprefix("/patient/"))) is None


def test_bytes_that_are_no_text_are_refused(gp, patient):
    """A body that is no form is an error of the sender, in words."""
    _, address = signed(gp)
    assert patient.post(f"{address}/reponses", content=b"\xff\xfe=\x00").status_code == 422
    assert patient.post(f"{address}/information", content=b"\xff" * 9000).status_code == 422


def test_answers_cannot_be_sent_without_end(gp, patient):
    """After many changes the page says that it keeps the last."""
    _, address = signed(gp)
    sent = [patient.post(f"{address}/reponses", data={"compris": str(1 + turn % 2)}).status_code for turn in range(MOST_CHANGES + 1)]
    assert sent == [303] * MOST_CHANGES + [429]


def test_reasons_without_giving_up_are_dropped(gp, patient):
    """Without JavaScript the reasons stay visible: ticked with « non », they are not kept."""
    _, address = signed(gp)
    patient.post(f"{address}/reponses", data={"renonce": "non", "raisons": "peur"})
    assert gp.service.patients.answer_of(answer_key(address.removeprefix("/patient/"))).reasons == ()


def test_looking_changes_nothing(gp, patient):
    """A preview of the address by a messaging service is no proof that the patient read it."""
    request, address = signed(gp)
    before = gp.service.journal.head()
    patient.get(address)
    patient.head(address)
    assert gp.service.journal.head() == before
    assert gp.service.patients.link_of(request).informed_at is None
    assert gp.service.patients.link_of(request).expires_at > utc_text(gp.service.now())
