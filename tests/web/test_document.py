"""The signed request as a document: what its PDF says in each state, what a hostile text becomes, who may read it, the FHIR file."""

import base64
import hashlib
import io
import logging
import re
import unicodedata
from datetime import date

import pypdf
import pytest

from pertimage.cds.model import ImagingRequest, PriorExam, TextPart
from pertimage.fhir.checks import document_problems, problems
from pertimage.web.document import pdf
from pertimage.web.document.printable import BREAK, DRAWN, UNDRAWN, printable
from pertimage.web.pages.document_content import content_of, stands_since
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, RADIOLOGIST_TOKEN, closed_service, person, plain, service_at
from tests.web.service_fixture import run_apart
from tests.web.test_hooks import order

LUMBAGO = ("lumbago depuis 5 j, pas de déficit", "radio rachis lombaire")
CHRONIC = ("lombalgie depuis 4 mois malgré traitement, porteur d'un pacemaker", "scanner rachis lombaire")
NOT_SAID = "non renseigné"


@pytest.fixture(scope="module")
def gp(tmp_path_factory):
    """Give a general practitioner of the demonstration."""
    service = service_at(tmp_path_factory.mktemp("document"))
    yield person(service)
    service.close()


@pytest.fixture
def closed(tmp_path):
    """Give the door of a service outside demo mode."""
    service = closed_service(tmp_path)
    yield person(service)
    service.close()


def paper(gp, request):
    """Return the PDF of a request, read."""
    answer = gp.client.get(f"/mes-demandes/{request}/ordonnance.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    return pypdf.PdfReader(io.BytesIO(answer.content))


def words(read):
    """Return the text of a PDF in ordinary spaces and apostrophes."""
    text = " ".join(sheet.extract_text() for sheet in read.pages).replace("’", "'").replace(BREAK, "")
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))


def text_of(gp, request):
    """Return the text of the PDF of a request."""
    return words(paper(gp, request))


def decide(gp, request, decision, reason="Vu.", **about):
    """Decide as a radiologist."""
    gp.service.register.decide(request, decision, radiologist="r1", at=gp.service.now(), reason=reason, **about)


def author_of(gp, request):
    """Return the pseudonym of a prescriber."""
    return gp.service.register.request(request).prescriber


def dossier(gp, request):
    """Return the FHIR document of a request, valid, and its resources by type."""
    answer = gp.client.get(f"/mes-demandes/{request}/dossier.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json"), answer.text
    body = answer.json()
    assert document_problems(body) == []
    held = {}
    for entry in body["entry"]:
        held.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return body, held


# — What it says —


def test_a_signed_request_has_its_document(gp):
    """Exam, urgency, reason, what the request says and does not, the advice with its rule, and no identity made up."""
    said = text_of(
        gp, gp.sign("Femme 34 ans, toux fébrile, recherche pneumopathie", "radio thorax", age="34", sexe="female", urgence="urgent")
    )
    for expected in (
        "Demande d'examen d'imagerie", "Nom : Dr Démo", "Nom, prénom :", "Né(e) le :", "INS :", "le service ne conserve aucune identité", "Âge : 34 ans", "Sexe : femme",
        "Radiographie du thorax", "Urgence : Urgent (quelques jours)", "Femme 34 ans, toux fébrile, recherche pneumopathie", "Finalité : « recherche pneumopathie »",
        f"Grossesse : {NOT_SAID}", f"Examens antérieurs : {NOT_SAID}", "R.1333-53", "mSv", "Comparaison proposée par le projet".lower()[12:], "non validée par un comité",
        "Document produit par pertimage. Il ne porte pas de signature électronique.", "Date et signature du prescripteur", "Démonstration : données fictives",
    ):  # fmt: skip
        assert expected in said, expected
    assert "/patient/" in said


def test_it_is_one_accessible_page_of_paper(gp):
    """A4, one page, tagged PDF/UA and PDF/A, titled, in French, with the picture described; the name of the file says nothing of anybody."""
    request = gp.sign(*LUMBAGO)
    read = paper(gp, request)
    assert len(read.pages) == 1
    assert [round(float(side)) for side in read.pages[0].mediabox[2:]] == [595, 842]
    root = read.trailer["/Root"]
    assert (root["/Lang"], bool(root["/MarkInfo"]["/Marked"])) == ("fr-FR", True)
    assert read.metadata.title == "Demande d’examen d’imagerie"
    described = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"pdfuaid:part[>=\"]*1", described)
    assert re.search(r"pdfaid:part[>=\"]*2", described)
    headers = gp.client.get(f"/mes-demandes/{request}/ordonnance.pdf").headers
    assert headers["cache-control"] == "no-store"
    assert headers["content-disposition"] == f'inline; filename="demande-imagerie-{request[:12]}.pdf"'


def test_the_same_state_gives_the_same_bytes(gp):
    """The clock of the reader leaves no trace; a decision changes the document and its date."""
    request = gp.sign(*LUMBAGO)
    address = f"/mes-demandes/{request}/ordonnance.pdf"
    first = gp.client.get(address).content
    assert gp.client.get(address).content == first
    created = pypdf.PdfReader(io.BytesIO(first)).metadata.creation_date
    assert int(created.timestamp()) == int(stands_since(gp.service.register.request(request)).timestamp())
    decide(gp, request, "valider")
    assert gp.client.get(address).content != first


def test_a_request_kept_against_the_advice_says_why(gp):
    """The reason and the words of the prescriber; that there are none is said too."""
    told = gp.sign(*LUMBAGO, motif="avis-specialiste", commentaire="Demandée par le rhumatologue.")
    assert "maintenue malgré l'avis : Avis d'un spécialiste ou d'un radiologue : Demandée par le rhumatologue." in text_of(gp, told)
    untold = gp.sign(*LUMBAGO)
    assert f"maintenue malgré l'avis : raison {NOT_SAID}e" in text_of(gp, untold)
    line = {
        "card": f"{untold}:0",
        "outcome": "overridden",
        "overrideReason": {"userComment": "Écrit par un autre"},
        "outcomeTimestamp": "2026-01-01T00:00:00Z",
    }
    gp.client.post("/cds-services/imagerie-pertinence/feedback", json={"feedback": [line]})
    assert "Écrit par un autre" not in text_of(gp, untold)


def test_the_exam_that_replaces_is_the_one_to_do(gp):
    """The former one is struck, with the reason; what is missing and what is dangerous is said of the new one."""
    request = gp.sign(*CHRONIC)
    decide(gp, request, "substituer", "IRM d'abord : meilleure étude du disque.", exam="irm-rachis-lombaire")
    said = text_of(gp, request)
    for expected in (
        "Examen à faire Scanner du rachis lombaire (demandé d'abord, remplacé par le radiologue) IRM du rachis lombaire", "IRM d'abord : meilleure étude du disque.",
        "Dispositif implanté, corps étranger métallique : présent (« pacemaker »)", "n'utilise pas de rayons X", "Avis reçu sur l'examen demandé d'abord",
    ):  # fmt: skip
        assert expected in said, expected
    shown = content_of(gp.service.register.request(request), gp.service)["exams"]
    assert [exam["struck"] for exam in shown] == [True, False]
    assert [alert["level"] for alert in shown[1]["alerts"]] == ["Attention"]
    assert "Date et signature du prescripteur" in said


@pytest.mark.parametrize(
    ("decision", "about", "expected", "signs"),
    [
        ("valider", {}, "Demande validée, le", True), ("valider-avec-protocole", {"reason": "Sans injection."}, "protocole du radiologue", True),
        ("refuser", {"reason": "Pas d'imagerie à 5 jours."}, "DEMANDE REFUSÉE", False), ("reporter", {"reason": "Kiné d'abord."}, "DEMANDE REPORTÉE", True),
        ("reporter", {"reason": "Kiné d'abord.", "until": date(2035, 1, 5)}, "reporté cette demande jusqu'au 5 janvier 2035", True),
        ("demander-complement", {"reason": "Depuis quand ?"}, "Question du radiologue", True),
    ],
)  # fmt: skip
def test_each_decision_is_said(gp, decision, about, expected, signs):
    """With the radiologist's words; what is not to be done is stamped, and has no place to sign when it is refused."""
    request = gp.sign(*LUMBAGO)
    decide(gp, request, decision, **about)
    said = text_of(gp, request)
    assert expected in said
    assert about.get("reason", "") in said.replace("\u202f", " ")
    assert ("Date et signature du prescripteur" in said) is signs


def test_a_question_answered_completes_the_document(gp):
    """Question and answer are read with the reason, the answer counts as said, and the advice given again is shown."""
    request = gp.sign("lumbago", "radio rachis lombaire", sexe="female")
    decide(gp, request, "demander-complement", "Depuis quand ? Grossesse ?")
    gp.service.register.answer(request, "Depuis 5 jours, pas de grossesse", author=author_of(gp, request), at=gp.service.now())
    said = text_of(gp, request)
    for expected in (
        "Depuis 5 jours, pas de grossesse",
        "Grossesse : grossesse en cours : nié (« pas de grossesse »)",
        "Avis après la réponse du prescripteur",
        "En attente de relecture",
    ):
        assert expected in said, expected


def test_a_request_withdrawn_is_stamped_and_cannot_be_signed(gp):
    """No code, no place to sign, the stamp in the title too; the reason given is there."""
    request = gp.sign(*LUMBAGO)
    gp.service.register.withdraw(request, author=author_of(gp, request), reason="Patient hospitalisé", at=gp.service.now())
    read = paper(gp, request)
    said = words(read)
    assert "DEMANDE RETIRÉE" in said
    assert "n'est plus à exécuter. Raison donnée : Patient hospitalisé" in said
    assert "RETIRÉE" in read.metadata.title
    assert "Date et signature" not in said
    assert "/patient/" not in said
    assert "Examen qui était demandé" in said


def test_nobody_reviewing_is_no_approval(gp):
    """A request that no radiologist is asked to read says so."""
    request = gp.sign("lombalgie depuis 6 mois malgré kiné, jamais d'imagerie, pas de pacemaker, recherche hernie", "IRM rachis lombaire")
    assert gp.service.register.request(request).state is None
    assert "l'absence de relecture n'est pas une validation" in text_of(gp, request)


def test_an_emergency_is_first_and_hides_nothing_missing(gp):
    """The banner is there, and so are the items that nobody asked because of the emergency."""
    said = text_of(gp, gp.sign("lombalgie, anesthésie en selle, rétention d'urine", "scanner lombaire"))
    assert said.index("Urgences ou 15 sans attendre") < said.index("Prescripteur")
    assert f"Finalité : {NOT_SAID}" in said


def test_the_codes_of_a_caller_are_read_with_its_words(gp):
    """A reason that came as a code only is a reason; an earlier exam of the record is named with its day."""
    coded = {
        "reasonCode": [
            {"coding": [{"system": "https://smt.esante.gouv.fr/terminologie-cim-10", "code": "M54.5", "display": "Lombalgie basse"}]}
        ]
    }
    request = gp.client.post("/fhir/ServiceRequest", json=order("", "radio rachis lombaire", status="active") | coded).json()["id"]
    row = gp.service.register.request(request)
    assert "M54.5" in content_of(row, gp.service)["reason"]
    earlier = (PriorExam("Scanner lombaire", performed=date(2024, 3, 5)),)
    asked = ImagingRequest("r", "radio rachis lombaire", texts=(TextPart("form", "lumbago"),), prior_exams=earlier)
    kept = run_apart(gp.service.record(asked, gp.service.judge(asked), prescriber="p" * 32, signed=True))
    items = content_of(gp.service.register.request(kept), gp.service)["exams"][0]["items"]
    assert "Scanner lombaire, 5 mars 2024" in {item["said"] for item in items}


def test_two_exams_are_both_there(gp):
    """Each with its own particulars."""
    request = gp.sign("chute, douleur du genou et de la cheville gauches", "radio genou gauche + radio cheville gauche")
    shown = content_of(gp.service.register.request(request), gp.service)["exams"]
    assert len(shown) == 2
    said = text_of(gp, request)
    assert "Examens demandés" in said
    assert all(exam["label"].replace("’", "'") in said for exam in shown)
    assert all(exam["side"] == "côté gauche" for exam in shown)


def test_who_takes_over_a_request_did_not_write_it(closed):
    """The name shown is that of who follows the request; the document says that it was taken over."""
    closed.enter(PRESCRIBER_TOKEN)
    request = closed.sign(*LUMBAGO)
    assert "Nom : Dr A" in text_of(closed, request)
    assert "Démonstration" not in text_of(closed, request)
    register, pseudonym = closed.service.register, closed.service.pseudonyms.prescriber
    register.succeed(pseudonym("Dr A"), pseudonym("Dr B"), author="x", at=closed.service.now())
    closed.enter(OTHER_TOKEN)
    assert "Demande reprise par : Dr B" in text_of(closed, request)


# — Hostile text —

HOSTILE = [
    '#import "@preview/cetz:0.1.0": *', "#read(\"/etc/passwd\")", "$ x^2 $ $", "<script>alert(1)</script>", "= titre *gras* _it_ `code` @ref <label>", "\\u{1F600} \\ \\#",
    "#panic(\"non\")", "]]}}))", "a" * 400, "https://exemple.fr/" + "x/" * 120,
]  # fmt: skip


def test_markup_in_a_text_is_only_text(gp):
    """Every sign is printed as it was typed, and no page is wider than its paper."""
    request = gp.sign("lumbago depuis 5 j\n" + "\n".join(HOSTILE), "radio rachis lombaire", commentaire="#strike[x] $", motif="desaccord")
    said = text_of(gp, request).replace(" ", "")
    for text in (*HOSTILE, "#strike[x]$"):
        assert text.replace(" ", "").replace("'", "'") in said, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("douleur 😀👩‍⚕️ fin", f"douleur {UNDRAWN} fin"), ("مرحبا bonjour", f"{UNDRAWN} bonjour"), ("a\u202eb\u2066c\u200b\u200dd\ufeff", "abcd"),
        ("1\u00a02\u202f3", "1\u00a02\u202f3"),
        ("é\u0301\u0301\u0301 e\u0301", "é é"), ("a\tb\x07c\r\nd\u2028e", "a bc\nd\ne"), ("≥ 38 °C, β-hCG, œdème, Łukasz, 5 µg → 3", "≥ 38 °C, β-hCG, œdème, Łukasz, 5 µg → 3"),
        ("中文 中", f"{UNDRAWN} {UNDRAWN}"), ("", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_printed_is_seen(text, expected):
    """Letters and pictures that no font has leave a sign; marks that hide or turn text around are dropped."""
    assert printable(text) == expected


def test_emoji_and_foreign_letters_are_said_to_be_missing(gp):
    """The document is made, and tells where the whole text is."""
    said = text_of(gp, gp.sign("lumbago 😀 مرحبا \u202eegnahc", "radio rachis lombaire"))
    assert f"lumbago {UNDRAWN} {UNDRAWN} egnahc" in said
    assert "caractère que ce document ne sait pas imprimer" in said


def test_every_sign_kept_can_be_drawn(gp):
    """The fonts of the composer have all that is let through: none of it can make a document fail."""
    kept = [chr(code) for code in range(0x20, 0x10000) if re.match(f"[{DRAWN}]", chr(code)) and unicodedata.category(chr(code)) != "Cn"]
    content = content_of(gp.service.register.request(gp.sign(*LUMBAGO)), gp.service)
    made = pdf.composed(content | {"reason": printable(" ".join(kept))}, gp.service.now().replace(microsecond=0))
    assert made.startswith(b"%PDF-1.7")
    assert len(kept) > 1500


def test_a_long_request_is_printed_to_its_end(gp):
    """More pages, nothing cut, and the place to sign on the last one."""
    read = paper(gp, gp.sign("lombalgie " + "chronique depuis des années. " * 270 + "Fin du texte.", "radio rachis lombaire"))
    assert len(read.pages) > 1
    assert "Fin du texte." in words(read)
    assert f"Page 1 sur {len(read.pages)}" in words(read)
    assert "Date et signature du prescripteur" in read.pages[-1].extract_text()


# — Who may read it, and what fails —


def test_what_is_not_signed_has_no_document(gp):
    """An exam given up has a page, no paper: a French answer says why, and its page offers none."""
    given_up = gp.post("/prescrire/renoncer", texte=LUMBAGO[0], examen=LUMBAGO[1]).headers["location"]
    for name in ("ordonnance.pdf", "dossier.json"):
        answer = gp.client.get(f"{given_up}/{name}")
        assert answer.status_code == 409
        assert "n'est pas signée : elle n'a pas de document" in plain(answer.text).replace("\u00a0", " ")
        assert name not in gp.client.get(given_up).text
    assert gp.client.get("/mes-demandes/inconnue/ordonnance.pdf").status_code == 404


def test_the_page_of_a_signed_request_offers_both(gp):
    """Two plain links, on the receipt that follows the signature."""
    page = gp.client.get(f"/mes-demandes/{(request := gp.sign(*LUMBAGO))}").text
    assert f'href="/mes-demandes/{request}/ordonnance.pdf">Ordonnance (PDF)</a>' in page
    assert f'href="/mes-demandes/{request}/dossier.json" download>Dossier FHIR</a>' in page


def test_only_its_prescriber_reads_it(closed):
    """Another prescriber gets the 404 of what does not exist, a radiologist a 403, a visitor the sign-in page."""
    closed.enter(PRESCRIBER_TOKEN)
    addresses = [f"/mes-demandes/{(request := closed.sign(*LUMBAGO))}/{name}" for name in ("ordonnance.pdf", "dossier.json")]
    for token, status in ((OTHER_TOKEN, 404), (RADIOLOGIST_TOKEN, 403)):
        closed.enter(token)
        assert [closed.client.get(address).status_code for address in addresses] == [status, status]
    stranger = person(closed.service)
    assert [stranger.client.get(address, follow_redirects=False).status_code for address in addresses] == [303, 303]
    assert [
        stranger.client.get(f"/fhir/{name}").status_code for name in (f"Binary/{request}-pdf", f"ServiceRequest/{request}/$document")
    ] == [401, 401]


def test_a_document_that_cannot_be_made_loses_nothing(gp, monkeypatch, tmp_path, caplog):
    """A page in French, an OperationOutcome for programs, the request still signed, and no word of it in the log."""
    request = gp.sign("lumbago de Mme Zyxwvut depuis 5 j", "radio rachis lombaire")
    broken = tmp_path / "broken.typ"
    broken.write_text("#panic(sys.inputs.data)")
    monkeypatch.setattr(pdf, "TEMPLATE", broken)
    with caplog.at_level(logging.DEBUG):
        for name in ("ordonnance.pdf", "dossier.json"):
            answer = gp.client.get(f"/mes-demandes/{request}/{name}")
            assert (answer.status_code, "reste signée et enregistrée" in plain(answer.text)) == (503, True)
        refused = gp.client.get(f"/fhir/Binary/{request}-pdf")
    assert (refused.status_code, problems(refused.json())) == (503, [])
    assert "a document could not be composed" in caplog.text
    assert "Zyxwvut" not in caplog.text
    assert gp.service.register.request(request).status == "signed"


def test_the_composer_is_not_loaded_with_the_service():
    """The library is looked for when the first document is asked for."""
    assert not hasattr(pdf, "typst")


# — The FHIR document —


@pytest.mark.parametrize(
    ("text", "decision", "about"),
    [
        (LUMBAGO, "", {}), (LUMBAGO, "valider", {}), (LUMBAGO, "refuser", {}), (LUMBAGO, "reporter", {}), (LUMBAGO, "demander-complement", {}),
        (CHRONIC, "substituer", {"exam": "irm-rachis-lombaire"}), (("lombalgie depuis 6 mois malgré kiné, jamais d'imagerie", "IRM rachis lombaire"), "", {}),
    ],
)  # fmt: skip
def test_the_document_is_whole_in_every_state(gp, text, decision, about):
    """Valid R4, every reference inside, the same bytes twice, nobody named, the PDF readable and without the key of the patient page."""
    request = gp.sign(*text)
    if decision:
        decide(gp, request, decision, **about)
    body, held = dossier(gp, request)
    again = gp.client.get(f"/mes-demandes/{request}/dossier.json")
    assert again.json() == body
    assert again.headers["content-disposition"] == f'attachment; filename="demande-imagerie-{request[:12]}.json"'
    assert {
        "Composition",
        "Patient",
        "ServiceRequest",
        "GuidanceResponse",
        "Provenance",
        "DocumentReference",
        "Binary",
        "Practitioner",
        "Device",
    } <= held.keys()
    assert ("Task" in held) is gp.service.register.request(request).flagged
    said = words(pypdf.PdfReader(io.BytesIO(base64.b64decode(held["Binary"][0]["data"]))))
    assert "/patient/" not in said
    assert "Dr Démo" not in said + again.text
    assert set(held["Patient"][0]) == {"resourceType", "id", "gender"}
    if decision == "substituer":
        assert held["ServiceRequest"][1]["replaces"] == [{"reference": f"ServiceRequest/{request}"}]
        assert "Remplacée par un autre examen" in str(held["Composition"])


def test_a_withdrawn_document_is_superseded(gp):
    """The order is revoked and the document is no longer current."""
    request = gp.sign(*LUMBAGO)
    gp.service.register.withdraw(request, author=author_of(gp, request), at=gp.service.now())
    _, held = dossier(gp, request)
    assert (held["ServiceRequest"][0]["status"], held["DocumentReference"][0]["status"]) == ("revoked", "superseded")
    assert held["Composition"][0]["title"].endswith("(retirée)")


def test_both_mitigations_are_told(gp):
    """First why the prescriber kept the request, then what the radiologist did."""
    request = gp.sign(*LUMBAGO, motif="refus-patient", commentaire="Patient <inquiet> & pressé")
    decide(gp, request, "refuser", "Inutile à ce stade.")
    _, held = dossier(gp, request)
    (issue,) = [one for one in held["DetectedIssue"] if one["code"]["coding"][0]["code"] == "not-indicated"]
    first, second = issue["mitigation"]
    assert first["action"]["coding"][0]["code"] == "refus-patient"
    assert first["action"]["text"] == "Patient <inquiet> & pressé"
    assert first["author"]["reference"] == f"Practitioner/{author_of(gp, request)}"
    assert second["action"]["text"] == "Inutile à ce stade."
    assert "&lt;inquiet&gt; &amp; pressé" in str(held["Composition"])


def test_what_another_program_named_stays_with_it(gp):
    """The patient, the prescriber and the earlier exam of a caller do not enter the document; characters that FHIR forbids neither."""
    sent = order("lumbago\u0001 depuis 5 j", "radio rachis lombaire", status="active") | {"subject": {"reference": "Patient/ins-1850"}}
    request = gp.client.post("/fhir/ServiceRequest", json=sent).json()["id"]
    answer = gp.client.get(f"/fhir/ServiceRequest/{request}/$document")
    assert (answer.status_code, document_problems(answer.json())) == (200, [])
    for foreign in ("ins-1850", "Dr Démo", "\\u0001"):
        assert foreign not in answer.text


def test_a_plain_client_finds_the_pdf(gp):
    """From the request to what points to its PDF, to the bytes or to the resource, as the client accepts."""
    request = gp.sign(*LUMBAGO)
    found = gp.client.get("/fhir/DocumentReference", params={"related": f"ServiceRequest/{request}"}).json()
    assert (found["total"], problems(found)) == (1, [])
    pointer = found["entry"][0]["resource"]
    assert gp.client.get(f"/fhir/DocumentReference/{pointer['id']}").json() == pointer
    attachment = pointer["content"][0]["attachment"]
    address = attachment["url"].removeprefix("http://127.0.0.1:8000")
    raw = gp.client.get(address, headers={"Accept": "application/pdf"})
    assert (raw.headers["content-type"], len(raw.content)) == ("application/pdf", attachment["size"])
    assert base64.b64encode(hashlib.sha1(raw.content, usedforsecurity=False).digest()).decode() == attachment["hash"]
    held = gp.client.get(address, headers={"Accept": "application/fhir+json"}).json()
    assert (problems(held), base64.b64decode(held["data"])) == ([], raw.content)


def test_a_client_is_told_what_it_cannot_have(gp):
    """404 for what is unknown, 409 for what is not signed, 400 for a search of nothing; always an OperationOutcome."""
    draft = gp.client.post("/fhir/ServiceRequest", json=order(*LUMBAGO)).json()["id"]
    for path, status in (
        ("ServiceRequest/inconnu/$document", 404), ("Binary/inconnu-pdf", 404), ("DocumentReference/inconnu", 404), (f"Binary/{draft}", 404), (f"Binary/{draft}-pdf", 409),
        (f"ServiceRequest/{draft}/$document", 409), (f"DocumentReference/{draft}-document", 409), ("DocumentReference", 400),
    ):  # fmt: skip
        answer = gp.client.get(f"/fhir/{path}")
        assert (answer.status_code, answer.json()["resourceType"], problems(answer.json())) == (status, "OperationOutcome", []), path
    assert gp.client.get("/fhir/DocumentReference", params={"related": f"ServiceRequest/{draft}"}).json()["total"] == 0
