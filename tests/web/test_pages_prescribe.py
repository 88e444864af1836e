"""The prescription page: advice, one-click answers, replacement, signature."""

import re

import pytest

from pertimage.audit.tables import feedback
from pertimage.cds.model import ImagingRequest, Missing, Outcome, TextPart
from pertimage.guidelines.loader import load_base
from pertimage.web.pages.draft import Draft
from pertimage.web.pages.replies import appended, known_facts, question, yes_no
from tests.web.pages import person, plain, service_at

LUMBAGO = "lumbago depuis 5 j, pas de déficit, apyrétique. Radio rachis lombaire"
CHRONIC = "lombalgie depuis 4 mois, jamais d'imagerie. Radio rachis lombaire"
CAUDA_EQUINA = "lombalgie depuis hier, ne peut plus uriner. IRM lombaire"


@pytest.fixture
def gp(tmp_path):
    """Give a prescriber in demo mode."""
    service = service_at(tmp_path)
    yield person(service)
    service.close()


def answers(page, kind="data-reply"):
    """Return the one-click answers of a page, as the form values they post."""
    return re.findall(rf'name="ajout" value="([^"]*)"[^>]*{kind}', page)


def kept_feedback(service):
    """Return the rows of the feedback register."""
    with service.store.reader.connect() as connection:
        return connection.execute(feedback.select()).all()


def test_advice_says_outcome_reason_and_what_to_do_instead(gp):
    """A recent back pain is told that no imaging is useful, why, and what to do instead, with dose and source."""
    said = plain(gp.advice(LUMBAGO))
    for words in (
        "Pas d'imagerie utile à ce stade",
        "ne change pas la prise en charge",
        "À la place",
        "Rester actif",
        "mSv",
        "HAS",
        "Brouillon",
    ):
        assert words in said


def test_emergency_comes_first(gp):
    """A cauda equina syndrome is sent to the emergency department before anything else is said."""
    said = plain(gp.advice(CAUDA_EQUINA))
    assert said.index("Urgences ou 15 sans attendre") < said.index("IRM du rachis lombaire :") + 200
    assert 'role="alert"' in gp.advice(CAUDA_EQUINA)


def test_emergency_is_seen_without_exam(gp):
    """The emergency pathway does not wait for an exam to be named."""
    assert "Urgences ou 15 sans attendre" in plain(gp.advice("lombalgie depuis hier, ne peut plus uriner"))


def test_outside_the_guidelines_is_said_in_words(gp):
    """An exam that the guidelines do not know is never shown as approved."""
    said = plain(gp.advice("pied bot", "télémétrie lunaire"))
    assert "Hors référentiel" in said
    assert "Pertinent" not in said


def test_empty_form_gives_no_advice(gp):
    """Nothing written, nothing said."""
    assert "L'avis apparaîtra ici" in plain(gp.advice(""))


def test_one_click_answer_is_written_and_changes_the_advice(gp):
    """The answer « oui » to a red flag writes its sentence into the text, and the patient is sent to the emergency department."""
    yes = next(token for token in answers(gp.advice(LUMBAGO)) if "queue-de-cheval|present" in token)
    answer = gp.post("/prescrire", texte=LUMBAGO, ajout=yes)
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", answer.text, re.DOTALL).group(1)
    assert yes.rsplit("|", 1)[1] in text
    assert "Urgences ou 15 sans attendre" in plain(answer.text)


def test_denied_red_flag_is_no_longer_asked(gp):
    """The answer « non » to a red flag is read as a denial, and the flag leaves « en l'absence de »."""
    no = next(token for token in answers(gp.advice(LUMBAGO)) if "queue-de-cheval|absent" in token)
    again = answers(gp.advice(appended(LUMBAGO, no.rsplit("|", 1)[1]), reponse=no))
    assert not any(token.startswith("queue-de-cheval|") for token in again)


def test_duration_in_one_click_answers_the_question(gp):
    """A back pain of unknown duration is incomplete; one click on a duration gives the advice."""
    page = gp.advice("lombalgie", "Radiographie du rachis lombaire")
    assert "À compléter" in plain(page)
    days = next(token for token in answers(page) if token.startswith("duree|present|3|"))
    said = plain(gp.post("/prescrire", texte="lombalgie", examen="Radiographie du rachis lombaire", ajout=days).text)
    assert "Pas d'imagerie utile à ce stade" in said


def test_blank_filled_without_script(gp):
    """Without JavaScript, a field filled beside a question writes its sentence into the text."""
    answer = gp.post("/prescrire", texte=LUMBAGO, **{"complement-finalite": "fracture", "completer": "finalite"})
    assert "Recherche : fracture." in answer.text


def test_answer_counts_only_while_it_is_written(gp):
    """A fact answered in one click is forgotten once its sentence has been deleted from the text."""
    token = "queue-de-cheval|present||Syndrome de la queue de cheval."
    assert "Urgences ou 15" not in plain(gp.advice(LUMBAGO, reponse=token))


def test_replacing_the_exam_makes_the_request_appropriate(gp):
    """The better exam is one click away, and once taken the guidelines support it."""
    page = gp.advice(CHRONIC)
    assert "Autre examen préférable" in plain(page)
    assert 'name="remplacer" value="IRM du rachis lombaire"' in page
    said = plain(gp.post("/prescrire", texte=CHRONIC, remplacer="IRM du rachis lombaire").text)
    assert "IRM du rachis lombaire : Pertinent" in said


def test_alternative_shows_dose_and_tariff_in_words(gp):
    """An MRI offered instead is « sans rayons », its tariff « hors forfait technique »."""
    offers = plain(gp.advice(CHRONIC).split('class="offers"', 1)[1])
    assert "sans rayons" in offers
    assert "€ hors forfait technique" in offers


def test_reason_without_exam_is_offered_the_exams_supported(gp):
    """Whoever starts with the reason is offered the exams that the guidelines support for it."""
    page = gp.advice("lombalgie depuis 4 mois malgré kinésithérapie, pas de déficit, jamais d'imagerie")
    assert "Ce que le référentiel soutient" in plain(page)
    assert 'data-replace="IRM du rachis lombaire"' in page


def test_exam_without_reason_is_offered_usual_reasons(gp):
    """Whoever starts with the exam is offered its usual reasons, in one click."""
    page = gp.advice("", "IRM du genou")
    assert "Pour quel motif ?" in plain(page)
    assert any("|present|" in token for token in answers(page))


def test_signature_leads_to_a_receipt(gp):
    """A signed request is on the register, with its advice, and its receipt says so."""
    identifier = gp.sign(CHRONIC, "IRM du rachis lombaire", age="47", sexe="female", urgence="urgent")
    row = gp.service.register.request(identifier)
    assert (row.status, row.outcome, row.priority, row.request["age"]) == ("signed", "appropriate", "urgent", 47.0)
    assert "Reçu IRM du rachis lombaire" in gp.read(f"/mes-demandes/{identifier}")


def test_flagged_request_enters_the_worklist(gp):
    """A request signed against the advice waits for a radiologist."""
    identifier = gp.sign(LUMBAGO)
    assert [row.id for row in gp.service.register.worklist()] == [identifier]


def test_keeping_an_exam_records_why(gp):
    """The reason chosen to keep an exam is kept as feedback, with the request it is about."""
    identifier = gp.sign(LUMBAGO, motif="refus-patient", commentaire="insiste")
    rows = kept_feedback(gp.service)
    assert [(row.outcome, row.reason, row.request) for row in rows] == [("overridden", "refus-patient", identifier)]


def test_keeping_an_exam_without_a_reason_is_not_blocked(gp):
    """No reason is needed to sign: the service advises, it does not forbid."""
    gp.sign(LUMBAGO)
    assert [(row.outcome, row.reason) for row in kept_feedback(gp.service)] == [("overridden", "")]


def test_taking_the_better_exam_is_kept_as_accepted(gp):
    """Signing the exam offered instead of the first one records that the advice was followed."""
    gp.sign(CHRONIC, "IRM du rachis lombaire", examen_initial="dans le texte")
    assert [row.outcome for row in kept_feedback(gp.service)] == ["accepted"]


def test_following_the_advice_not_to_image_signs_nothing(gp):
    """Giving up an exam keeps the advice as accepted and sends nothing to the radiologist."""
    answer = gp.post("/prescrire/renoncer", follow=True, texte=LUMBAGO)
    assert "demande non signée" in plain(answer.text)
    assert "À dire au patient" in plain(answer.text)
    assert [row.outcome for row in kept_feedback(gp.service)] == ["accepted"]
    assert gp.service.register.worklist() == []


def test_double_click_signs_once(gp):
    """The same form sent twice is one request; a form changed after it was signed is another."""
    form = {"demande": "a" * 32, "texte": LUMBAGO}
    first, second = (gp.post("/prescrire/signer", **form).headers["location"] for _ in range(2))
    third = gp.post("/prescrire/signer", **form | {"texte": CHRONIC}).headers["location"]
    assert first == second != third
    assert len(gp.service.register.my_requests(gp.service.pseudonyms.prescriber("Dr Démo"))) == 2


def test_empty_request_is_not_signed(gp):
    """An empty form comes back with a sentence, and nothing is recorded."""
    answer = gp.post("/prescrire/signer", texte="  ")
    assert answer.status_code == 422
    assert "Écrivez d'abord" in plain(answer.text)


@pytest.mark.parametrize(
    ("typed", "years"), [("38", 38.0), ("8 mois", 8 / 12), ("2 ans", 2.0), ("0,5", 0.5), ("", None), ("beaucoup", None), ("200", None)]
)
def test_age_is_read_in_years_or_months(typed, years):
    """The age is read as a doctor types it; what is not an age is unknown, never zero."""
    assert Draft(age=typed).years == years


def test_unreadable_age_is_said(gp):
    """An age that cannot be read comes back with a sentence instead of being dropped."""
    answer = gp.post("/prescrire/signer", texte=LUMBAGO, age="beaucoup")
    assert answer.status_code == 422
    assert "Âge non compris" in plain(answer.text)


def test_foreign_text_is_escaped(gp):
    """What the prescriber types is shown, never run."""
    page = gp.advice("<script>alert(1)</script> lombalgie", "<b>IRM</b>")
    assert "<script>" not in page
    assert "<b>IRM" not in page


def test_text_stays_out_of_addresses(gp):
    """The request travels in bodies only: the receipt's address holds nothing of it."""
    assert "lumbago" not in gp.post("/prescrire/signer", texte=LUMBAGO).headers["location"]


def test_example_of_a_sheet_fills_the_form(gp):
    """A vignette of the guidelines opens as a form, named by its sheet and number."""
    assert "port de charge" in gp.read("/prescrire?exemple=lombalgie-commune.1")
    assert gp.client.get("/prescrire?exemple=inconnue.1").status_code == 404


def test_every_red_flag_can_be_denied_in_one_click():
    """Whatever red flag a sheet has, the click « non » makes the engine read it as absent, and « oui » as present."""
    base = load_base()
    named = {
        test.fact
        for sheet in base.sheets.values()
        for flag in sheet.flags
        for tests in flag.condition
        for test in tests
        if hasattr(test, "wanted") and hasattr(test, "fact")
    }
    facts = [base.lexicon.facts[name] for name in sorted(named) if name in base.lexicon.facts and not base.lexicon.facts[name].is_number]
    assert facts
    for fact in facts:
        for option, status in zip(yes_no(fact), ("absent", "present"), strict=True):
            text = appended("lombalgie", option.sentence)
            known = list(known_facts([option.token], text, base.lexicon.names.units.__contains__))
            assert [(one.fact, str(one.status)) for one in known] == [(fact.id, status)]


def test_every_clinical_question_can_be_answered():
    """Each question of each sheet has a chip or a field to answer it."""
    base = load_base()
    for sheet in base.sheets.values():
        for fact, words in sheet.questions.items():
            asked = question(Missing(fact, words), base)
            assert asked.options or asked.blank, f"{sheet.id}: {fact}"


def test_taking_any_exam_offered_names_that_exam(gp):
    """The label that « Remplacer » writes into the exam field is read as that very exam, whatever the exam of the catalogue."""
    service = gp.service
    wrong = []
    for exam in service.base.catalogue.exams.values():
        judged = service.judge(ImagingRequest("x", exam.label, texts=(TextPart("form", "douleur"),)))
        if [one.exam for one in judged] != [exam.id]:
            wrong.append((exam.id, [one.exam for one in judged]))
    assert wrong == []


def test_advice_of_every_vignette_can_be_shown(gp):
    """No example of the guidelines breaks the page, and none that is not indicated lacks something to do instead."""
    from pertimage.web.pages.advice import advices
    from pertimage.web.vignettes import as_request

    for sheet in gp.service.base.sheets.values():
        for number, vignette in enumerate(sheet.form.vignettes, 1):
            for one in advices(gp.service.judge(as_request(vignette, sheet.id, number)), gp.service):
                if one.assessment.outcome in (Outcome.NOT_INDICATED, Outcome.ALTERNATIVE):
                    assert one.offers, f"{sheet.id}.{number}"
