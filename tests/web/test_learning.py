"""« Se former » : the questions and their answers, self-assessments of one's own, and group sessions without names."""

import re
from datetime import timedelta

import pytest

from pertimage.audit.consents import Consents, Setting
from pertimage.audit.lessons import Lessons
from pertimage.cds.assess import assess
from pertimage.cds.model import Outcome
from pertimage.web.questions import EMERGENCY, NONE, QUESTIONS, bank, digest_of, sheets_of
from pertimage.web.service import Service
from pertimage.web.vignettes import as_request
from tests.audit.scenes import record
from tests.web.pages import OTHER_TOKEN, PRESCRIBER_TOKEN, closed_service, person, service_at


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Give a service with accounts, kept for the module."""
    opened = closed_service(tmp_path_factory.mktemp("lecons"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def drawn(shared):
    """Give the questions of many draws in all the chapters."""
    questions, base = bank(shared.base), shared.base
    chapters = sorted({sheet.chapter for sheet in base.sheets.values()})
    return [one for chapter in chapters for one in questions.draw("essai", sheets_of(base, chapter), 8)]


def vignette_of(base, question):
    """Return the vignette of a question with its number."""
    form = base.sheets[question.sheet].form
    return next((number, one) for number, one in enumerate(form.vignettes, 1) if digest_of(one) == question.digest)


def test_the_right_answer_is_the_one_of_the_rules(shared, drawn):
    """The exam asked is right when it is appropriate, none when nothing helps, the emergency department when a flag is there."""
    assert len(drawn) > 60
    for question in drawn:
        number, vignette = vignette_of(shared.base, question)
        (asked,) = assess(as_request(vignette, question.sheet, number), shared.base)
        if asked.pathway == "emergency":
            assert question.right == {EMERGENCY}
        elif asked.outcome is Outcome.APPROPRIATE:
            assert question.right == {asked.exam}
        elif asked.outcome is Outcome.NOT_INDICATED:
            assert question.right == {NONE}
        else:
            assert asked.exam not in question.right


def test_an_option_that_is_not_right_is_judged_wrong(shared, drawn):
    """No exam that the rules support is proposed as a wrong answer."""
    for question in drawn:
        values = [one.value for one in question.options]
        assert question.right <= set(values)
        assert values[-2:] == [NONE, EMERGENCY]
        assert len(values) == len(set(values)) <= 6
        assert question.reason
        assert question.sources
        if EMERGENCY in question.right:
            continue
        number, vignette = vignette_of(shared.base, question)
        for exam in set(values[:-2]) - question.right:
            changed = vignette.model_copy(update={"exam": shared.base.catalogue.exams[exam].label})
            judged = assess(as_request(changed, question.sheet, number), shared.base)
            assert all(one.outcome in (Outcome.ALTERNATIVE, Outcome.NOT_INDICATED) for one in judged if one.exam == exam)


def test_the_same_seed_gives_the_same_questions(shared):
    """Another seed gives others; five of as many sheets, at most two emergencies."""
    weights = sheets_of(shared.base, "rachis")
    first, again, other = (bank(shared.base).draw(seed, weights) for seed in ("a", "a", "b"))
    assert first == again != other
    assert len({one.sheet for one in first}) == QUESTIONS
    assert all(sum(EMERGENCY in one.right for one in bank(shared.base).draw(str(seed), weights)) <= 2 for seed in range(12))
    assert bank(shared.base).question(("lombalgie-commune", "inconnue")) is None
    assert bank(shared.base).draw("a", {}) == ()


def test_the_most_frequent_situations_come_most_often(shared):
    """A sheet asked a hundred times is drawn before one asked once."""
    weights = dict.fromkeys(sheets_of(shared.base, "neuro"), 1) | {"lombalgie-commune": 300}
    firsts = [bank(shared.base).draw(str(seed), weights)[0].sheet for seed in range(20)]
    assert firsts.count("lombalgie-commune") >= 15


@pytest.fixture
def service(tmp_path):
    """Give a service with accounts."""
    opened = closed_service(tmp_path)
    yield opened
    opened.close()


def entered(service, token=PRESCRIBER_TOKEN):
    """Return somebody signed in."""
    somebody = person(service)
    somebody.enter(token)
    return somebody


def begun(somebody, themes="rachis"):
    """Begin a series and return its name."""
    answer = somebody.post("/se-former/commencer", themes=themes)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def questions_of(service, name):
    """Return the questions of a lesson."""
    return [bank(service.base).question(one) for one in Lessons(service.journal).lesson(name).questions]


def wrong(question):
    """Return an option that is not right."""
    return next(one.value for one in question.options if one.value not in question.right)


def test_a_series_from_the_letter_to_the_certificate(service):
    """Each answer is told at once what the sheet says and why; the score and the certificate come at the end, without any claim."""
    me = entered(service)
    name = begun(me)
    questions = questions_of(service, name)
    assert len(questions) == QUESTIONS
    assert me.client.get(f"/se-former/{name}/attestation").status_code == 404
    assert me.client.get(f"/se-former/{name}?question=3").status_code == 404
    for rank, question in enumerate(questions, 1):
        assert me.read(f"/se-former/{name}") == me.read(f"/se-former/{name}"), "a reload changes nothing"
        choice = wrong(question) if rank == 2 else min(question.right)
        told = me.post(f"/se-former/{name}/{rank}", follow=True, choix=choice).text
        assert ("La fiche dit autre chose" in told) is (rank == 2)
        assert f"/referentiel/{question.sheet}" in told
        assert "brouillon" in told
    assert "4 sur 5 comme la fiche" in me.read(f"/se-former/{name}")
    certificate = me.read(f"/se-former/{name}/attestation")
    assert "Dr A a répondu à 5 lettres" in certificate
    assert "4 sur 5" in certificate
    assert "Il ne vaut pas action de DPC" in certificate
    assert all(question.title.split()[0] in certificate for question in questions)


def test_the_first_answer_counts(service):
    """A better answer sent afterwards changes nothing; no answer, or one that is no option, is asked again."""
    me = entered(service)
    name = begun(me)
    question = questions_of(service, name)[0]
    assert me.post(f"/se-former/{name}/1").status_code == 422
    assert me.post(f"/se-former/{name}/1", choix="autre-chose").status_code == 422
    me.post(f"/se-former/{name}/1", choix=wrong(question))
    me.post(f"/se-former/{name}/1", choix=min(question.right))
    (answer,) = Lessons(service.journal).answers(name, service.pseudonyms.prescriber("Dr A")).values()
    assert answer.right is False
    assert me.post(f"/se-former/{name}/9", choix=NONE).status_code == 404


@pytest.mark.parametrize("address", ["/se-former/commencer", "/se-former/x/1", "/se-former/animer", "/seance/x/1"])
def test_every_form_needs_its_token(service, address):
    """Another site cannot answer, nor open a session, in somebody's name."""
    somebody = entered(service)
    assert somebody.client.post(address, data={"themes": "rachis", "choix": NONE}).status_code == 403


def test_a_series_belongs_to_one_person(service):
    """Another prescriber can neither read nor answer it, nor print its certificate."""
    name = begun(entered(service))
    other = entered(service, OTHER_TOKEN)
    for address in (f"/se-former/{name}", f"/se-former/{name}/attestation", f"/seance/{name}"):
        assert other.client.get(address).status_code == 404
    assert other.post(f"/se-former/{name}/1", choix=NONE).status_code == 404
    assert person(service).client.get("/se-former", follow_redirects=False).status_code == 303


def test_my_situations_need_my_agreement(service):
    """Without it the series come from chapters; with it, from what was asked most, completed from the same chapter."""
    me, pseudonym = entered(service), service.pseudonyms.prescriber("Dr A")
    for _ in range(4):
        record(service.register, service.now(), prescriber=pseudonym, signed=True)
    assert "il faut votre accord" in me.read("/se-former")
    assert me.post("/se-former/commencer", themes="mes-situations").status_code == 404
    Consents(service.journal).give(pseudonym, Setting.SURGERY, mail=False, at=service.now())
    assert "Lombalgie commune" in me.read("/se-former")
    questions = questions_of(service, begun(me, "mes-situations"))
    assert len(questions) == QUESTIONS
    assert {one.sheet for one in questions} == {"lombalgie-commune"}
    assert me.post("/se-former/commencer", themes="astrologie").status_code == 404


def test_a_letter_that_left_the_guidelines_is_not_counted(service):
    """The others are; the page says so."""
    me, pseudonym = entered(service), service.pseudonyms.prescriber("Dr A")
    kept = bank(service.base).draw("x", sheets_of(service.base, "rachis"), 1)[0]
    about = {"owner": pseudonym, "scope": "rachis", "guidelines": service.base.version, "at": service.now()}
    Lessons(service.journal).open("ancienne", (("fiche-partie", "0" * 16), kept.name), **about)
    assert "Lettre 1 sur 1" in me.read("/se-former/ancienne")
    me.post("/se-former/ancienne/2", choix=min(kept.right))
    result = me.read("/se-former/ancienne")
    assert "1 sur 1 comme la fiche" in result
    assert "elle ne compte pas" in result


class Later(Service):
    """A service whose clock can be moved."""

    ahead = timedelta()

    def now(self):
        """Return the present instant, moved."""
        return super().now() + self.ahead


@pytest.fixture
def session(tmp_path):
    """Open a session on a demonstration service; give the service and the code."""
    service = service_at(tmp_path)
    service.__class__ = Later
    answer = person(service).post("/se-former/animer", themes="rachis")
    yield service, answer.headers["location"].rsplit("/", 1)[1]
    service.close()


def test_a_group_answers_without_account_nor_name(session):
    """The facilitator sees how many chose each option from three answers on, and nothing of who did."""
    service, code = session
    team = person(service)
    question = questions_of(service, code)[0]
    seen = []
    for rank in range(4):
        participant = person(service)
        assert participant.client.get(f"/seance?code={code[:3].lower()} {code[3:]}", follow_redirects=False).status_code == 303
        told = participant.post(f"/seance/{code}/1", follow=True, choix=min(question.right) if rank else wrong(question)).text
        assert ("La fiche dit autre chose" in told) is (rank == 0)
        participant.post(f"/seance/{code}/1", choix=wrong(question))
        seen.append(team.client.get(f"/se-former/animer/{code}").text)
    assert "la répartition s'affiche à partir de 3" in seen[1]
    assert "<meter" not in seen[1]
    label = re.escape(question.label(min(question.right)))
    assert re.search(f'aria-label="{label} : 3 sur 4"', seen[3].replace("&#39;", "'"))
    assert "4 participants" in seen[3]
    fragment = team.client.get(f"/se-former/animer/{code}", headers={"hx-request": "true"}).text
    assert "<html" not in fragment


def test_a_session_ends_after_a_day(session):
    """The code no longer opens it, an answer is refused, and the facilitator still reads what was said."""
    service, code = session
    early = person(service)
    question = questions_of(service, code)[0]
    early.post(f"/seance/{code}/1", choix=min(question.right))
    service.ahead = timedelta(days=1, seconds=1)
    late = person(service)
    assert late.client.get(f"/seance?code={code}").status_code == 422
    assert late.post(f"/seance/{code}/2", choix=NONE).status_code == 409
    assert "Séance terminée" in late.read(f"/seance/{code}")
    assert "1 réponse sur 5 comme la fiche" in early.read(f"/seance/{code}")
    assert "Elle ne reçoit plus de réponse" in person(service).read(f"/se-former/animer/{code}")
    assert Lessons(service.journal).participants(code) == 1


def test_a_session_is_counted_only_by_whoever_opened_it(tmp_path):
    """A prescriber, or another member of the project, cannot see the counts; an unknown code is said."""
    tokens = ",".join(
        f"{role}:{name}:{letter * 24}"
        for role, name, letter in (("equipe-projet", "E1", "e"), ("equipe-projet", "E2", "f"), ("prescripteur", "Dr A", "p"))
    )
    service = service_at(tmp_path, demo=False, secret="s" * 40, tokens=tokens)
    code = entered(service, "e" * 24).post("/se-former/animer", themes="rachis").headers["location"].rsplit("/", 1)[1]
    assert entered(service, "e" * 24).client.get(f"/se-former/animer/{code}").status_code == 200
    assert entered(service, "f" * 24).client.get(f"/se-former/animer/{code}").status_code == 404
    assert entered(service, "p" * 24).client.get(f"/se-former/animer/{code}").status_code == 403
    passer_by = person(service)
    assert passer_by.client.get(f"/seance/{code}").status_code == 200
    unknown = passer_by.client.get("/seance?code=ZZZZZZ")
    assert unknown.status_code == 422
    assert "Aucune séance en cours" in unknown.text
    assert passer_by.client.get("/seance/ZZZZZZ").status_code == 404
    service.close()
