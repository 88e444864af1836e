from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import select

from pertimage.audit.activity import Import, add_activity
from pertimage.audit.agreement import Verdict
from pertimage.audit.consents import Consents, Setting
from pertimage.audit.extraction.build import Order
from pertimage.audit.extraction.files import Form
from pertimage.audit.extraction.register import make
from pertimage.audit.extraction.source import Wanted
from pertimage.audit.imports.columns import Field
from pertimage.audit.imports.history import note_import, save_mapping
from pertimage.audit.imports.mapping import FileMapping
from pertimage.audit.lessons import Lessons
from pertimage.audit.notifications import How, Notifications, State
from pertimage.audit.patient_links import PatientAnswer, Reason
from pertimage.audit.patients import PatientRegister
from pertimage.audit.programme import Entry, Mode
from pertimage.audit.programme_register import Programme
from pertimage.audit.projection import irradiating, rebuild
from pertimage.audit.pseudonym import Pseudonyms
from pertimage.audit.restitution import By, Channel, Explainer, Recipient, Side
from pertimage.audit.restitutions import Restitutions
from pertimage.audit.review import AlreadyDecided, RuleOpinion, RuleVerdict
from pertimage.audit.subscriptions import Status as SubscriptionStatus
from pertimage.audit.subscriptions import Subscriptions
from pertimage.audit.survey import Answer, Overriding, Role, Subject, Surveys
from pertimage.audit.survey import Reason as Why
from pertimage.audit.tables import REGISTERS, SUMMARY, metadata
from pertimage.cds.territory import Territory, Wait
from pertimage.guidelines.policy import PolicyForm
from tests.audit.scenes import edition, exam, record


def _rows(store):
    with store.reader.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=lambda row: [str(value) for value in row])
            for table in REGISTERS
        }


def _live(register, now):
    """Do everything that can be done once, refusals included."""
    at = iter(now + timedelta(minutes=minute) for minute in range(100))
    draft = record(register, next(at), request_id="d", outcome="incomplete")
    lacking = {"missing": ["motif!", "grossesse"], "alerts": [("redundancy", "warning"), ("redundancy", "warning"), ("laterality", "info")]}
    record(register, next(at), request_id="d", outcome="alternative", flagged=True, **lacking)
    register.sign(draft, author="p1", at=next(at))
    register.claim(draft, radiologist="r1", at=next(at))
    register.decide(draft, "demander-complement", reason="Depuis quand ?", radiologist="r1", at=next(at))
    register.hand_over(draft, radiologist="r2", to="r2", at=next(at))
    register.answer(draft, "hier", author="p1", at=next(at))
    register.ask_opinion(draft, "Avec injection ?", radiologist="r2", pool="Abdomen", at=next(at))
    register.give_opinion(draft, "Sans", radiologist="r3", at=next(at))
    register.decide(draft, "reporter", reason="après la kiné", until=date(2027, 1, 5), radiologist="r2", at=next(at))
    said = RuleOpinion("lombalgie-commune/recente", RuleVerdict.DISAGREE)
    about = {"reason": "moins irradiant", "exam": "radio-bassin", "rule": said, "act": "acte-1"}
    register.decide(draft, "substituer", radiologist="r2", at=next(at), **about)
    with pytest.raises(AlreadyDecided):
        register.decide(draft, "valider", radiologist="r1", at=next(at))
    record(register, next(at), flagged=True, signed=True)
    quiet = record(register, next(at), signed=True)
    register.hand_over(quiet, radiologist="r1", at=next(at))
    record(register, next(at), request_id="e", pathway="emergency")
    record(register, next(at), request_id="e", pathway="emergency", signed=True)
    register.succeed("p1", "p2", author="exploitant", at=next(at))
    register.withdraw("e", author="p2", at=next(at))
    register.feedback("carte", "accepted", at=next(at), request=draft)
    register.set_site("chu", "CHU", go_live=date(2026, 11, 1), at=next(at))
    register.set_site("chu", "CHU 2", at=next(at))
    register.set_setting("k", [1], at=next(at))
    register.set_places([{"id": "a", "name": "A"}, {"id": "b", "name": "B"}], at=next(at))
    register.set_places([{"id": "b", "name": "B 2", "techniques": ["MR"]}], at=next(at))
    for _ in range(2):
        register.keep_territory(Territory((Wait("b", "B 2", "MR", 12.0, 20.0, 30),)), at=next(at))
    register.keep_editions([edition("Un"), edition("Deux")], guidelines="2026.1", at=next(at))
    register.put_in_force(PolicyForm(), "", author="Dr A", reason="essai", at=next(at))
    register.decide_rule("lombalgie-commune/recente", Verdict.KEEP, author="Comité", reason="essai", at=next(at))
    consents, lessons = Consents(register.journal), Lessons(register.journal)
    for prescriber in ("p1", "p2"):
        consents.give(prescriber, Setting.SURGERY, mail=True, at=next(at))
    consents.note_mail("p1", "2026-10", at=next(at))
    consents.withdraw("p1", at=next(at))
    lessons.open("s", (("lombalgie-commune", "a"),), owner="p2", scope="rachis", guidelines="2026.1", at=next(at))
    lessons.answer("s", 0, "aucun", right=True, who="p2", at=next(at))
    _notified(register, at)
    patients = PatientRegister(register.journal)
    for digest in ("a" * 64, "b" * 64):
        patients.open(draft, digest, expires=now + timedelta(days=90), author="p1", at=next(at))
        patients.inform(patients.link_of(draft), language="ar", at=next(at))
    for answer in (PatientAnswer(4), PatientAnswer(5, renounced=True, reasons=(Reason.COST, Reason.FEAR))):
        patients.answer(patients.link_of(draft), "c" * 64, answer, site="chu", language="ar", at=next(at))
    programme = Programme(register.journal)
    programme.put([Entry("chu", on_from=date(2026, 11, 1))], groups={"p1": "g"}, author="a", reason="r", at=next(at))
    programme.cancel(programme.note("greve", "grève", since=date(2026, 11, 1), author="a", at=next(at)), author="a", at=next(at))
    surveys = Surveys(register.journal)
    about = {"opens": now.date(), "closes": now.date(), "author": "a", "at": next(at)}
    campaign = surveys.open("Avant", Subject.USUAL, **about)
    answer = Answer(Role.PRESCRIBER, "chu", (3,) * 10, trust=4, overriding=Overriding.OFTEN, reasons=(Why.TIME, Why.OTHER))
    surveys.answer(campaign, "d" * 64, answer, day=now.date(), at=next(at))
    surveys.close(campaign, day=now.date(), author="a", at=next(at))
    record(register, next(at), flagged=True, signed=True, mode=Mode.SILENT)
    told = Subscriptions(register.journal)
    name = told.create("c", {"resourceType": "Subscription"}, requesters=["p1"], headers=[("A", "b")], at=next(at))
    told.mark(name, SubscriptionStatus.ACTIVE, why="", at=next(at))
    told.note_told(told.one(name), told.one(name).cursor + 5, 2, at=next(at))
    told.change(name, {"resourceType": "Subscription", "status": "requested"}, requesters=[], headers=[], at=next(at))
    results, radiologist, software = Restitutions(register.journal), By("r1", Side.RADIOLOGIST), By("ris", Side.SOFTWARE, source="d" * 64)
    for instant in (next(at), next(at)):
        results.report_available(draft, software, happened=instant, at=instant, amended=True)
    instant = next(at)
    results.report_sent(draft, Recipient.PATIENT, Channel.PORTAL, radiologist, happened=instant, at=instant)
    results.cancel(draft, register.journal.head().seq, radiologist, at=next(at))
    results.explained(draft, Explainer.OTHER, radiologist, happened=instant, at=next(at))
    results.retract(draft, software, at=next(at))
    with TemporaryDirectory() as folder:
        make(register.journal, Path(folder) / "extrait.db", Form.SQLITE, Order(Wanted()), at=next(at))
    exams = [exam(n, performed_at=now, requested_at=now - timedelta(days=n), patient="x", age=40) for n in range(3)]
    add_activity(register.journal, exams, Pseudonyms("k" * 16), at=next(at))
    add_activity(register.journal, [exam(1, performed_at=now)], Pseudonyms("k" * 16), at=next(at))
    for header in ("N° examen", "Accession"):
        mapping = FileMapping({Field.NUMBER: header, Field.PERFORMED: "Date", Field.CODE: "CCAM"}, "chu")
        save_mapping(register, mapping, author="p1", pseudonyms=Pseudonyms("k" * 16), at=next(at))
    note_import(register, Import(added=3), author="p1", sites=["chu"], lines=3, rejected=0, report={}, at=next(at))


def _notified(register, at):
    """Tell three prescribers of a question, of which one mail fails and one is a reminder; another withdraws."""
    told = Notifications(register.journal)
    for prescriber, how in (("p7", How.EACH), ("p8", How.DAILY), ("p9", How.EACH), ("p9", How.NEVER)):
        told.choose(prescriber, how, at=next(at))
    for prescriber in ("p7", "p8"):
        asked = record(register, next(at), prescriber=prescriber, flagged=True, signed=True)
        register.decide(asked, "demander-complement", reason="Depuis quand ?", radiologist="r1", at=next(at))
    for one, state in zip(told.awaiting(), (State.SENT, State.FAILED), strict=True):
        told.settle(told.leave(one, at=next(at)), state, at=next(at), why="essai")
    reminder = next(one for one in told.awaiting(next(at)) if one.prescriber == "p7")
    told.leave(reminder, at=next(at))


def test_the_registers_can_be_rebuilt_from_the_journal(store, register, now):
    """Recomputing every register from the journal gives the same rows."""
    _live(register, now)
    before = _rows(store)
    assert all(before.values())
    count = rebuild(store.writer)
    assert _rows(store) == before
    assert count == register.journal.head().seq


def test_rebuilding_repairs_a_register_changed_by_hand(store, register, now):
    """A register row altered, added or removed behind the journal's back is put right."""
    _live(register, now)
    before = _rows(store)
    with store.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE reviews SET decision = 'valider'")
        connection.exec_driver_sql("DELETE FROM activity")
        connection.exec_driver_sql("INSERT INTO settings VALUES ('pirate', '1', '')")
    assert _rows(store) != before
    rebuild(store.writer)
    assert _rows(store) == before


def test_appends_go_on_after_a_rebuild(store, register, now):
    """Rebuilding does not disturb the chain."""
    _live(register, now)
    rebuild(store.writer)
    request = record(register, now, flagged=True, signed=True)
    assert request in [row.id for row in register.worklist()]


def test_every_table_but_the_journal_is_a_register():
    """A table that a rebuild would forget is noticed; what is operational of subscriptions, their secrets included, is no register.

    The summary of activity is none either: it is computed from the exams when it is read.
    """
    others = {"journal", "journal_head", "projection", "subscription_channels", "activity_summary", *(table.name for table in SUMMARY)}
    assert {table.name for table in REGISTERS} | others == set(metadata.tables)


@pytest.mark.parametrize(("modality", "expected"), [("CT", True), ("DX", True), ("MR", False), ("US", False), ("XX", None), (None, None)])
def test_irradiation_is_said_only_of_known_techniques(modality, expected):
    """An unknown modality is neither irradiating nor harmless."""
    assert irradiating(modality) is expected
