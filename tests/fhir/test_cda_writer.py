"""Requests written as a CDA document, and read back."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.model import Code, ImagingRequest, KnownFact, Sex, Status, TextPart
from pertimage.fhir.cda import NS, read_document
from pertimage.fhir.cda_writer import Handover, write_document
from pertimage.fhir.systems import CCAM, CISIS, DICOM, ICD10, LOINC, SNOMED, oid_of, uri_of
from tests.project import ROOT

SIGNED = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
READ = read_document((ROOT / "tests" / "data" / "fhir" / "demande-imagerie.xml").read_bytes())


def written(request, **about):
    """Return the document of a request."""
    return write_document(Handover(request, "DEM-42", SIGNED, "Dr A", **about))


def back(request, **about):
    """Return a request written, then read."""
    (found,) = read_document(written(request, **about))
    return found


@pytest.mark.parametrize("request_", READ, ids=["mri", "radiograph"])
def test_a_request_is_read_back(request_):
    """Exam, side, reasons, words in their places, urgency, day: as they were; the age, which has no date of birth, is not."""
    bare = replace(request_, known=())
    assert back(bare) == replace(bare, id="ServiceRequest/DEM-42", age=None, unknown_context=("âge du patient",))


def test_pregnancy_stays_a_fact_and_a_looser_fact_is_not_given_a_code():
    """A code is written only when it says exactly what the fact says; an absent fact has none."""
    facts = (KnownFact("grossesse"), KnownFact("contre-indication-irm"), KnownFact("allaitement", Status.ABSENT))
    read = back(ImagingRequest("r", "IRM du genou", known=facts))
    assert [known.fact for known in read.known] == ["grossesse"]
    assert b"MED-1" not in written(ImagingRequest("r", "IRM", known=facts))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ImagingRequest("r", "scanner du genou G", laterality="left"), {"exam_text": "scanner du genou G, gauche", "laterality": "left"}),
        (ImagingRequest("r", "radio du thorax", priority="stat"), {"exam_text": "radio du thorax", "priority": "urgent"}),
        (ImagingRequest("r", ""), {"exam_text": "", "exam_codes": ()}),
        (ImagingRequest("r", "IRM", sex=Sex.MALE), {"sex": Sex.MALE}),
        (
            ImagingRequest("r", "IRM", exam_codes=(Code(CCAM, "NFQN001", "IRM genou"), Code(DICOM, "MR"))),
            {"exam_text": "IRM", "exam_codes": (Code(DICOM, "MR"),)},
        ),
    ],
    ids=["side without place", "urgency", "nothing", "sex", "technique first"],
)
def test_what_little_is_known_is_read_back(request_, expected):
    """Each part alone."""
    read = back(request_)
    assert {name: getattr(read, name) for name in expected} == expected


def test_the_patient_is_nobody_and_no_template_is_claimed():
    """Identity is absent on purpose; the document does not pass for one of the national framework."""
    root = ElementTree.fromstring(written(READ[0]))
    role = root.find(f"{NS}recordTarget/{NS}patientRole")
    assert [role.find(path).get("nullFlavor") for path in (f"{NS}id", f"{NS}patient/{NS}name", f"{NS}patient/{NS}birthTime")] == ["NI"] * 3
    assert list(root.iter(f"{NS}templateId")) == []


def test_the_answer_is_not_read_as_words_of_the_request():
    """What the radiologist says is in the document, and never in a request read from it."""
    document = written(READ[0], answer=("Décision du radiologue : refusée, suspicion de fracture écartée",))
    assert "suspicion de fracture écartée".encode() in document
    assert "fracture" not in read_document(document)[0].narrative


HOSTILE = '</td></tr></table>]]><!DOCTYPE x [<!ENTITY a "b">]>&a;<script>\x00\x0b\ufffe\ud800 Grossesse ? « é » 😀'


def test_hostile_words_are_words():
    """Markup, entities, control characters: read back as text, or dropped when XML cannot hold them."""
    request = ImagingRequest(
        "r", HOSTILE, texts=(TextPart("reasonCode", HOSTILE), TextPart("antecedents", HOSTILE), TextPart("orderDetail", HOSTILE))
    )
    document = write_document(Handover(request, "DEM<42>&", SIGNED, HOSTILE, (HOSTILE,), (HOSTILE,)))
    (read,) = read_document(document)
    said = '</td></tr></table>]]><!DOCTYPE x [<!ENTITY a "b">]>&a;<script>'
    assert read.exam_text.startswith(said)
    assert [part.text.startswith(said) for part in read.texts if part.place in ("justification", "orderDetail")] == [True, True, True]
    assert read.exam_text.endswith("« é » 😀")


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Cf"]), max_size=40)
PLACES = st.sampled_from(["reasonCode", "note", "finalite", "antecedents", "contre-indications", "examens-anterieurs", "orderDetail"])
CODES = st.builds(Code, st.sampled_from([SNOMED, LOINC, CCAM, ICD10, CISIS, DICOM, "https://exemple.fr/codes", ""]), WORDS, WORDS)
REQUESTS = st.builds(
    ImagingRequest,
    st.just("r"),
    WORDS,
    st.lists(CODES, max_size=2).map(tuple),
    st.lists(st.builds(TextPart, PLACES, WORDS), max_size=4).map(tuple),
    st.lists(CODES, max_size=2).map(tuple),
    st.lists(CODES, max_size=2).map(tuple),
    st.sampled_from(["", "left", "right", "bilateral"]),
)


def dense(text):
    """Return a text without what does not count: spaces, ways to write the same letter, the marks between antecedents."""
    return "".join(unicodedata.normalize("NFC", text).replace(";", "").split())


@given(REQUESTS)
def test_any_request_makes_one_document_that_loses_no_word(request_):
    """Whatever the words, the places and the codes: one request is read back, with all that was said."""
    read = back(request_)
    said = dense(read.narrative)
    assert all(dense(part.text) in said.replace("ATCD:", "") for part in request_.texts)
    assert dense(request_.exam_text) in dense(read.exam_text)


@pytest.mark.parametrize("system", [SNOMED, LOINC, CCAM, ICD10, CISIS, DICOM])
def test_systems_have_an_oid(system):
    """An OID and a URI name the same system, both ways; others have none."""
    assert uri_of(oid_of(system)) == system
    assert oid_of(f"urn:oid:{oid_of(system)}") == oid_of(system)
    assert oid_of("https://exemple.fr/codes") == ""
