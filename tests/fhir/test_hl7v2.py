"""Requests read from HL7 v2 messages."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.model import KnownFact, Sex, Status, TextPart
from pertimage.fhir.hl7v2 import read_message
from pertimage.fhir.values import BadRequest
from tests.fhir.cases import TODAY

PATIENT = "PID|||1^^^X||NOM^PRENOM||19790328|F"
# The ANS teleradiology profile: the exam is in observations.
PROFILE = "\r".join((
    "MSH|^~\\&|APP|FAC|TLR|TLR|20261120134418||ORM^O01^ORM_O01|000001|P|2.5.1|||||FRA|UNICODE UTF-8",
    PATIENT,
    "ORC|NW|OPN101^^1.2.250.1.748^ISO|||||||20261120134418",
    "OBR||OPN101^^1.2.250.1.748^ISO||TRANSMISSION_DEMANDE^Transmission d’une demande^TLR|||||||||Céphalées depuis 3 jours \\T\\ fièvre",
    "NTE|||Éliminer une hémorragie|FINALITE_EXAMEN^^HL70364",
    "OBX|1|CE|MODALITE_IMAGERIE^Modalité^TLR_OBSERVATION||MR^IRM^DCM||||||O",
    "OBX|2|CE|REGION_ANATOMIQUE^Localisation^TLR_OBSERVATION|1.1|774007^tête et/ou cou^SCT||||||O",
    "OBX|3|CE|REGION_ANATOMIQUE^Localisation^TLR_OBSERVATION|1.2|24028007^côté droit^SCT||||||O",
    "OBX|4|FT|11322-5^History^LN||Cancer du sein 2012|||MAJEUR|||O",
    "OBX|5|CE|82810-3^Pregnancy status^LN||N^^expandedYes-NoIndicator||||||O",
))  # fmt: skip
# A hospital software outside the profile: OBR-4 codes the exam, OBR-31 and DG1 the reason, TQ1 the priority.
CODED = "\r".join((
    "MSH|^~\\&|RIS|H|||20261120||OMG^O19|2|P|2.5",
    PATIENT,
    "ORC|NW|A/1",
    "TQ1|||||||||S",
    "OBR|1|A/1||ACQH003^Scanner du crâne sans injection^CCAM|||||||||||||||||||||||||||^Chute sous AVK",
    "DG1|1||S06.0^Commotion^I10",
    "ORC|NW|A2",
    "OBR|2|A2||RP^Radio poignet droit^LOCAL|||||||||||||||||||||||^^^^^A|",
))  # fmt: skip


def test_a_message_of_the_french_profile():
    """Technique, region, side, justification, purpose, antecedents and pregnancy are found where the profile puts them."""
    (request,) = read_message(PROFILE)
    assert (request.id, request.exam_text, request.laterality) == ("ServiceRequest/OPN101", "IRM, tête et/ou cou, côté droit", "right")
    assert [code.code for code in (*request.exam_codes, *request.body_sites)] == ["MR", "774007"]
    assert request.texts == (
        TextPart("OBR-13", "Céphalées depuis 3 jours & fièvre"),
        TextPart("NTE", "Éliminer une hémorragie"),
        TextPart("antecedents", "ATCD : Cancer du sein 2012"),
    )
    assert (request.age, request.sex, request.authored) == (47.0, Sex.FEMALE, date(2026, 11, 20))
    assert request.known == (KnownFact("grossesse", Status.ABSENT, origin="OBX"),)


def test_a_message_outside_the_profile():
    """Coded exams, several orders, reasons, diagnoses and priorities of ordinary software are read."""
    first, second = read_message(CODED)
    assert (first.id, first.exam_text, first.priority) == ("ServiceRequest/A-1", "Scanner du crâne sans injection", "stat")
    assert first.exam_codes[0].system == "https://smt.esante.gouv.fr/terminologie-ccam"
    assert [part.text for part in first.texts] == ["Chute sous AVK", "Commotion"]
    assert [code.code for code in first.reason_codes] == ["S06.0"]
    assert (second.exam_text, second.laterality, second.priority) == ("Radio poignet droit", "right", "asap")


@pytest.mark.parametrize("control", ["CA", "OC", "DC", "SR", "OK"])
def test_orders_that_ask_for_nothing_give_no_request(control):
    """A cancellation, an answer or a status is not a request."""
    assert read_message(PROFILE.replace("ORC|NW", f"ORC|{control}")) == ()


@pytest.mark.parametrize(
    "wrap", [lambda m: "\x0b" + m + "\x1c\r", lambda m: m.replace("\r", "\n"), lambda m: m.replace("\r", "\r\n"), str.encode]
)
def test_framing_and_line_ends_do_not_matter(wrap):
    """MLLP framing, line feeds and bytes give the same request."""
    assert read_message(wrap(PROFILE)) == read_message(PROFILE)


def test_western_bytes_are_read():
    """Older software sends Windows-1252."""
    assert read_message(PROFILE.encode("cp1252")) == read_message(PROFILE)


def test_the_separators_are_those_of_the_message():
    """MSH declares the separators, whatever they are."""
    assert read_message(PROFILE.replace("^", "$")) == read_message(PROFILE)


def test_an_undated_message_is_of_the_day_given():
    """Without any date the day is the caller's."""
    undated = PROFILE.replace("20261120134418", "")
    assert read_message(undated, TODAY)[0].authored == TODAY
    assert read_message(undated)[0].age is None


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("", "MSH"),
        ("PID|1", "MSH"),
        (b"\xff\xfe", "MSH"),
        (PROFILE.replace("ORM^O01", "ORU^R01"), "MSH-9"),
        (PROFILE.replace("OBR|", "ZZZ|"), "OBR"),
    ],
)
def test_what_is_not_an_order_is_refused(message, place):
    """Another message, or one without order, is refused with its place."""
    with pytest.raises(BadRequest) as caught:
        read_message(message)
    assert caught.value.place == place


@given(st.integers(0, len(PROFILE)), st.integers(0, 40), st.text(max_size=10))
def test_no_damage_breaks_the_reader(start, length, junk):
    """A message with a piece replaced is read or refused: no other error."""
    with suppress(BadRequest):
        read_message(PROFILE[:start] + junk + PROFILE[start + length :])


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(noise):
    """Noise after a header is read or refused."""
    with suppress(BadRequest):
        read_message(b"MSH|^~\\&|||||||ORM^O01\r" + noise)
