"""Requests read from the CDA document « demande d'actes d'imagerie »."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pertimage.cds.model import KnownFact, Sex, Status, TextPart
from pertimage.fhir.cda import read_document
from pertimage.fhir.values import BadRequest
from tests.fhir.cases import TODAY
from tests.project import ROOT

DOCUMENT = (ROOT / "tests" / "data" / "fhir" / "demande-imagerie.xml").read_text(encoding="utf-8")


def test_each_exam_asked_is_a_request():
    """Two exams of one document make two requests with their technique, place and side, and the same words."""
    mri, radiograph = read_document(DOCUMENT)
    assert (mri.id, radiograph.id) == ("ServiceRequest/DEM-42-1", "ServiceRequest/DEM-42-2")
    assert mri.exam_text == "IRM, région entière du genou, gauche"
    assert [code.code for code in mri.exam_codes] == ["MR"]
    assert [code.code for code in radiograph.exam_codes] == ["MED-1126"]
    assert [code.code for code in mri.body_sites] == ["361291001"]
    assert (mri.laterality, radiograph.laterality) == ("left", "")
    assert mri.texts[:-1] == radiograph.texts


def test_the_words_keep_their_place():
    """Justification, purpose, antecedents marked as past, earlier results and comments all reach the core."""
    mri = read_document(DOCUMENT)[0]
    assert mri.texts == (
        TextPart("documentationOf", "Atteinte d'un ménisque"),
        TextPart("justification", "Douleur du genou depuis 3 semaines, blocage"),
        TextPart("finalite", "Éliminer une lésion méniscale"),
        TextPart("antecedents", "ATCD : cancer du sein 2012"),
        TextPart("contre-indications", "patiente actuellement enceinte"),
        TextPart("examens-anterieurs", "Examens antérieurs : radiographie du genou en octobre, normale"),
        TextPart("orderDetail", "séquences cartilage"),
    )
    assert [code.code for code in mri.reason_codes] == ["M23.3"]


def test_patient_day_priority_and_contraindications():
    """Age on the day of the document, sex, urgency and coded contraindications are read."""
    mri = read_document(DOCUMENT)[0]
    assert (mri.age, mri.sex, mri.authored, mri.priority) == (47.0, Sex.FEMALE, date(2026, 11, 20), "urgent")
    assert mri.known == (KnownFact("grossesse", Status.PRESENT, origin="64100-1"),)


def test_a_document_is_read_from_bytes_in_its_own_encoding():
    """Bytes in the encoding that the document declares give the same requests."""
    latin = DOCUMENT.replace('encoding="utf-8"', 'encoding="iso-8859-1"').encode("iso-8859-1")
    assert read_document(latin) == read_document(DOCUMENT.encode()) == read_document(DOCUMENT)


def test_a_document_without_age_says_so():
    """Without birth date the age is unknown, and listed as such; without date the day is the caller's."""
    bare = DOCUMENT.replace('<birthTime value="19790328"/>', "").replace('<effectiveTime value="20261120101500+0100"/>', "")
    mri = read_document(bare, TODAY)[0]
    assert (mri.age, mri.authored, mri.unknown_context) == (None, TODAY, ("âge du patient",))


def test_the_placeholder_of_the_templates_is_not_a_reason():
    """« (texte libre) » left by a software is nothing."""
    empty = DOCUMENT.replace("Douleur du genou depuis 3 semaines, blocage", "(texte libre)")
    assert "justification" not in [part.place for part in read_document(empty)[0].texts]


ENTITY = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><d>&b;</d>'


@pytest.mark.parametrize(
    "document",
    [
        ENTITY,
        ENTITY.encode("utf-16"),
        '<?xml version="1.0"?><!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>',
        "<a>" * 500 + "</a>" * 500,
        "",
        "pas du XML",
        "<a><b></a>",
        b'<?xml version="1.0" encoding="inconnu"?><a/>',
        "<ClinicalDocument/>",
        '<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
        "<a>\x00</a>",
    ],
)
def test_unsafe_or_foreign_documents_are_refused(document):
    """A DOCTYPE in any encoding, deep nesting, broken XML, another document: refused, nothing expanded."""
    with pytest.raises(BadRequest):
        read_document(document)


@given(st.integers(0, len(DOCUMENT)), st.integers(0, 60), st.text(max_size=10))
def test_no_damage_breaks_the_reader(start, length, junk):
    """A document with a piece replaced is read or refused: no other error."""
    with suppress(BadRequest):
        assert read_document(DOCUMENT[:start] + junk + DOCUMENT[start + length :])
