import subprocess
import sys
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from pertimage.audit.chain import records
from pertimage.audit.review import (
    CLAIM_LASTS,
    AlreadyClaimed,
    AlreadyDecided,
    AlreadySigned,
    Decision,
    NoQuestion,
    NotSigned,
    Refused,
    RequestStatus,
    ReviewState,
    UnknownRequest,
)
from pertimage.audit.tables import journal as journal_table
from pertimage.cds.model import ImagingRequest, KnownFact, Policy, TextPart
from tests.audit.scenes import MODALITIES, REQUEST, assessment, record

DECIDE = Path(__file__).parent / "programs" / "decide.py"
MINUTE = timedelta(minutes=1)


def _count(register):
    with register.journal.store.reader.connect() as connection:
        return len(list(records(connection)))


def test_a_request_is_kept_as_it_was_asked_and_answered(register, now):
    """The register gives back the words, the advice and the pseudonyms recorded."""
    request = record(register, now, outcome="not-indicated", exam="irm-rachis-lombaire")
    row = register.request(request)
    assert (row.text, row.exam_text, row.outcome, row.modality) == ("lumbago depuis 5 j", "IRM rachis lombaire", "not-indicated", "MR")
    assert (row.status, row.flagged, row.state, row.signed_at) == (RequestStatus.DRAFT, False, None, None)
    assert (row.request, row.assessments[0]["reason"]) == (REQUEST, "Sans signe d'alerte…")


def test_the_journal_holds_all_that_recomputes_an_assessment(register, now):
    """The request, the local policy and the version of the guidelines come back equal to what was judged."""
    request = ImagingRequest(
        "ServiceRequest/1",
        "TDM",
        texts=(TextPart("note", "fièvre"),),
        age=0.5,
        authored=date(2026, 11, 20),
        known=(KnownFact("dfg", value=28.5),),
    )
    policy = Policy(exams_unavailable=frozenset({"b", "a"}))
    register.record_assessment(request, [assessment()], site="cabinet", prescriber="p1", at=now, policy=policy)
    with register.journal.store.reader.connect() as connection:
        kept = next(iter(records(connection))).data
    assert kept["guidelines"] == "2026.11.0"
    known = kept["request"].pop("known")
    assert (known[0]["fact"], known[0]["value"]) == ("dfg", 28.5)
    expected = asdict(request) | {"authored": "2026-11-20"}
    for name in kept["request"]:
        value = expected[name]
        assert kept["request"][name] == (list(value) if isinstance(value, tuple) else value), name
    usual = {"dose_warning_msv": 50.0, "dose_window_months": 60, "silenced_rules": [], "dose_thresholds": []}
    assert kept["policy"] == usual | {"exams_unavailable": ["a", "b"]}


def test_a_draft_can_be_assessed_again_until_it_is_signed(register, now):
    """A new assessment replaces that of a draft; after the signature, the advice given can no longer change."""
    request = record(register, now, request_id="d1", outcome="incomplete", exam=None)
    record(register, now + MINUTE, request_id="d1", outcome="appropriate")
    row = register.request(request)
    assert (row.outcome, row.created_at) == ("appropriate", "2026-11-23T12:00:00.000000Z")
    register.sign("d1", author="p1", at=now + 2 * MINUTE)
    with pytest.raises(AlreadySigned):
        record(register, now, request_id="d1")
    with pytest.raises(AlreadySigned):
        register.sign("d1", author="p1", at=now)
    assert (register.request("d1").signed_at, _count(register)) == ("2026-11-23T12:02:00.000000Z", 3)


@pytest.mark.parametrize(("flagged", "pathway", "listed"), [(True, None, 1), (False, "emergency", 1), (False, None, 0)])
def test_only_flagged_and_emergency_requests_enter_the_worklist(register, now, flagged, pathway, listed):
    """A signature opens a review when the advice flagged the request, or sends the patient to the emergency department."""
    request = record(register, now, flagged=flagged, pathway=pathway)
    assert register.worklist() == []
    register.sign(request, author="p1", at=now)
    assert [row.id for row in register.worklist()] == [request] * listed


def test_the_worklist_puts_emergencies_first_then_urgency_then_age(register, now):
    """Order: emergency pathway, priority of the request, oldest signature."""
    wanted = [
        record(register, now + 3 * MINUTE, flagged=True, pathway="emergency", signed=True),
        record(register, now + 4 * MINUTE, flagged=True, priority="stat", signed=True),
        record(register, now + 5 * MINUTE, flagged=True, priority="asap", signed=True),
        record(register, now + 2 * MINUTE, flagged=True, priority="urgent", signed=True),
        record(register, now, flagged=True, signed=True),
        record(register, now + MINUTE, flagged=True, priority="inconnue", signed=True),
    ]
    assert [row.id for row in register.worklist()] == wanted
    assert [row.id for row in register.worklist(limit=2, offset=1)] == wanted[1:3]


def test_of_several_exams_the_emergency_is_the_one_shown(register, now):
    """A request with several lines is listed under the line that matters most, and keeps all of them."""
    lines = [assessment(), assessment(flagged=True, exam="radio-bassin"), assessment(pathway="emergency", exam="irm-rachis-lombaire")]
    register.record_assessment(REQUEST, lines, site="cabinet", prescriber="p1", at=now, modalities=MODALITIES, signed=True)
    (row,) = register.worklist()
    assert (row.exam, row.pathway, row.flagged, len(row.assessments)) == ("irm-rachis-lombaire", "emergency", True, 3)


def test_the_worklist_can_be_filtered(register, now):
    """By site, modality, radiologist and state."""
    mine = record(register, now, flagged=True, signed=True, exam="irm-rachis-lombaire")
    other = record(register, now, flagged=True, signed=True, site="hopital", exam="radio-bassin")
    register.claim(mine, radiologist="r1", at=now)
    assert [row.id for row in register.worklist(site="hopital")] == [other]
    assert [row.id for row in register.worklist(modality="MR")] == [mine]
    assert [row.id for row in register.worklist(radiologist="r1")] == [mine]
    assert [row.id for row in register.worklist(states=[ReviewState.TO_REVIEW])] == [other]


@pytest.fixture
def flagged(register, now):
    """Record one request to review."""
    return record(register, now, flagged=True, signed=True)


def test_a_claimed_request_is_left_to_its_radiologist_for_a_while(register, flagged, now):
    """A second claim is refused, until the first is too old."""
    register.claim(flagged, radiologist="r1", at=now)
    register.claim(flagged, radiologist="r1", at=now)
    with pytest.raises(AlreadyClaimed):
        register.claim(flagged, radiologist="r2", at=now + CLAIM_LASTS - MINUTE)
    register.claim(flagged, radiologist="r2", at=now + CLAIM_LASTS)
    assert register.request(flagged).radiologist == "r2"


def test_a_claim_never_prevents_a_decision(register, flagged, now):
    """An emergency does not wait for the radiologist who opened it and left."""
    register.claim(flagged, radiologist="r1", at=now)
    register.decide(flagged, Decision.APPROVE, radiologist="r2", at=now)
    assert register.request(flagged).state is ReviewState.DECIDED


def test_a_request_can_be_handed_over_or_given_back(register, flagged, now):
    """A second opinion takes the request; giving it back frees it at once."""
    register.claim(flagged, radiologist="r1", at=now)
    register.hand_over(flagged, radiologist="r1", to="r2", at=now)
    assert (register.request(flagged).radiologist, register.request(flagged).state) == ("r2", ReviewState.IN_PROGRESS)
    register.hand_over(flagged, radiologist="r2", at=now)
    assert (register.request(flagged).radiologist, register.request(flagged).state) == (None, ReviewState.TO_REVIEW)


@pytest.mark.parametrize("decision", [choice for choice in Decision if choice is not Decision.ASK])
def test_a_decision_is_final(register, flagged, now, decision):
    """Deciding twice is refused and writes nothing, whoever tries."""
    exam = "radio-bassin" if decision is Decision.SUBSTITUTE else None
    register.decide(flagged, decision, reason="motif", exam=exam, radiologist="r1", at=now)
    before = _count(register)
    for radiologist in ("r1", "r2"):
        with pytest.raises(AlreadyDecided, match=decision.french):
            register.decide(flagged, "refuser", reason="non", radiologist=radiologist, at=now)
    with pytest.raises(AlreadyDecided):
        register.hand_over(flagged, radiologist="r2", to="r3", at=now)
    row = register.request(flagged)
    assert (row.decision, row.substituted_exam, row.radiologist, _count(register)) == (decision, exam, "r1", before)
    assert register.worklist() == []


@pytest.mark.parametrize(
    ("decision", "reason", "exam"),
    [("refuser", " ", None), ("substituer", "x", None), ("valider", "", "x"), ("demander-complement", "", None)],
)
def test_a_decision_must_be_complete(register, flagged, now, decision, reason, exam):
    """A refusal without a reason, or a substitution without an exam, is not recorded."""
    with pytest.raises(ValueError, match=r"motivée|substitu"):
        register.decide(flagged, decision, reason=reason, exam=exam, radiologist="r1", at=now)
    assert register.request(flagged).state is ReviewState.TO_REVIEW


def test_a_question_goes_to_the_prescriber_and_comes_back_answered(register, flagged, now):
    """Asking takes the request off the worklist, answering puts it back; the thread keeps every turn."""
    register.decide(flagged, "demander-complement", reason="Depuis quand ?", radiologist="r1", at=now)
    assert register.worklist() == []
    (mine,) = register.my_requests("p1")
    assert (mine.state, mine.question, mine.answer) == (ReviewState.QUESTION, "Depuis quand ?", None)
    register.answer(flagged, "6 semaines", author="p1", at=now + MINUTE)
    (listed,) = register.worklist()
    assert (listed.answer, listed.radiologist) == ("6 semaines", "r1")
    register.decide(flagged, "valider", radiologist="r2", at=now + 2 * MINUTE)
    turns = [(turn.kind, turn.author, turn.text) for turn in register.thread(flagged)]
    assert turns == [("signature", "p1", ""), ("question", "r1", "Depuis quand ?"), ("answer", "p1", "6 semaines"), ("decision", "r2", "")]


def test_while_a_question_waits_only_its_author_decides(register, flagged, now):
    """Another radiologist neither asks again nor decides unseen, unless the request is handed over."""
    register.decide(flagged, "demander-complement", reason="?", radiologist="r1", at=now)
    with pytest.raises(AlreadyDecided):
        register.decide(flagged, "valider", radiologist="r2", at=now)
    with pytest.raises(AlreadyClaimed):
        register.claim(flagged, radiologist="r2", at=now)
    register.hand_over(flagged, radiologist="r2", to="r2", at=now)
    assert register.request(flagged).state is ReviewState.QUESTION
    register.decide(flagged, "valider", radiologist="r2", at=now)


def test_an_answer_needs_a_question(register, flagged, now):
    """Answering what nobody asked is refused; so is an empty answer."""
    with pytest.raises(NoQuestion):
        register.answer(flagged, "6 semaines", author="p1", at=now)
    register.decide(flagged, "demander-complement", reason="?", radiologist="r1", at=now)
    with pytest.raises(ValueError, match="vide"):
        register.answer(flagged, "  ", author="p1", at=now)


def test_a_radiologist_may_decide_on_a_request_that_was_not_flagged(register, now):
    """The first act opens the review."""
    request = record(register, now, signed=True)
    register.decide(request, "refuser", reason="redondant", radiologist="r1", at=now)
    assert register.request(request).decision is Decision.REFUSE


def test_drafts_and_unknown_requests_are_not_reviewed(register, now):
    """What is not signed, or does not exist, can be neither claimed nor decided."""
    draft = record(register, now, flagged=True)
    for act in (register.claim, register.hand_over):
        with pytest.raises(NotSigned):
            act(draft, radiologist="r1", at=now)
        with pytest.raises(UnknownRequest):
            act("nulle-part", radiologist="r1", at=now)
    with pytest.raises(UnknownRequest):
        register.sign("nulle-part", author="p1", at=now)
    with pytest.raises(UnknownRequest):
        register.request("nulle-part")


def test_every_refusal_speaks_french_to_the_user(register, now):
    """A page can show the message as it is."""
    with pytest.raises(Refused, match=r"^Demande inconnue : x\.$"):
        register.claim("x", radiologist="r1", at=now)


def test_my_requests_shows_only_mine_questions_first_then_the_latest(register, now):
    """A prescriber sees what waits for an answer, then the most recent."""
    asked = record(register, now, flagged=True, signed=True)
    old = record(register, now + MINUTE)
    new = record(register, now + 2 * MINUTE)
    record(register, now, prescriber="p2")
    register.decide(asked, "demander-complement", reason="?", radiologist="r1", at=now)
    assert [row.id for row in register.my_requests("p1")] == [asked, new, old]
    assert register.my_requests("personne") == []


def test_two_processes_deciding_at_once_one_wins(store_url, register, now):
    """Of two radiologists on two machines, exactly one decides each request, and the register agrees with them."""
    requests = [record(register, now, flagged=True, signed=True) for _ in range(25)]
    command = [sys.executable, str(DECIDE), store_url]
    processes = [
        subprocess.Popen([*command, name, *requests], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in ("r1", "r2")
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    won = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(won[0] + won[1]) == sorted(requests)
    assert {row.id: row.radiologist for row in map(register.request, requests)} == dict.fromkeys(won[0], "r1") | dict.fromkeys(won[1], "r2")


def test_nul_characters_do_not_lose_a_request(register, now):
    """A NUL in the prescriber's text, which PostgreSQL cannot store, neither fails nor disappears from the journal."""
    request = REQUEST | {"texts": [{"place": "note", "text": "lum\0bago"}], "priority": "stat\0"}
    made = register.record_assessment(request, [assessment(flagged=True)], site="c", prescriber="p1", at=now, signed=True)
    row = register.request(made)
    assert (row.text, row.priority, row.request["texts"][0]["text"]) == ("lumbago", "stat", "lum\0bago")
    register.decide(made, "refuser", reason="n\0on", radiologist="r1", at=now)
    assert register.thread(made)[-1].text == "non"


def test_an_assessment_must_have_a_known_outcome(register, now):
    """An unknown outcome, or no line at all, is refused before anything is written."""
    with pytest.raises(ValueError, match="parfait"):
        record(register, now, outcome="parfait")
    with pytest.raises(ValueError, match="line"):
        register.record_assessment(REQUEST, [], site="c", prescriber="p", at=now)
    assert _count(register) == 0


def test_feedback_on_a_card_is_kept(register, now):
    """What became of a card is in the journal with the client's object; an unknown outcome is refused."""
    kept = register.feedback("carte", "overridden", reason="désaccord", at=now, detail={"overrideReason": {"reason": {"code": "x"}}})
    assert (kept.kind, kept.data["detail"]["overrideReason"]["reason"]["code"]) == ("feedback", "x")
    with pytest.raises(ValueError, match="ignored"):
        register.feedback("carte", "ignored", at=now)


def test_sites_and_settings_are_read_back(register, now):
    """A site and a setting can be changed; the last value is the one read, the journal keeps them all."""
    register.set_site("chu", "CHU", at=now)
    register.set_site("chu", "CHU de Lyon", go_live=date(2026, 12, 1), at=now)
    register.set_site("demo", "Démonstration", fictitious=True, at=now)
    assert [(site.id, site.name, site.go_live) for site in register.sites(fictitious=False)] == [("chu", "CHU de Lyon", date(2026, 12, 1))]
    assert [site.id for site in register.sites()] == ["chu", "demo"]
    register.set_setting("seuil", {"msv": 50}, at=now)
    register.set_setting("seuil", {"msv": 40}, at=now)
    assert (register.setting("seuil"), register.setting("absent", "défaut")) == ({"msv": 40}, "défaut")
    assert _count(register) == 5


def test_every_operation_is_one_record(register, now):
    """The journal tells each act by its kind, in order."""
    request = record(register, now, flagged=True)
    register.sign(request, author="p1", at=now)
    register.claim(request, radiologist="r1", at=now)
    register.decide(request, "demander-complement", reason="?", radiologist="r1", at=now)
    register.answer(request, "oui", author="p1", at=now)
    register.decide(request, "valider", radiologist="r1", at=now)
    with register.journal.store.reader.connect() as connection:
        kinds = [row.kind for row in connection.execute(journal_table.select().order_by(journal_table.c.seq))]
    assert kinds == ["assessment", "signature", "claim", "decision", "answer", "decision"]
