"""Facts stated by the codes of the record."""

import pytest
import yaml

from pertimage.cds.model import Code
from pertimage.fhir.context import TERRAIN
from pertimage.fhir.history import CONTRAINDICATIONS, coded_facts, contraindications
from tests.fhir.cases import ICD10, Coded
from tests.project import ROOT

SHEETS = (ROOT / "guidelines" / "data" / "lexique").glob("*.yaml")
LEXICON = {name: fact for path in SHEETS for name, fact in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).items()}


def test_every_fact_named_here_is_in_the_lexicon():
    """No contraindication nor lasting state names a fact that the lexicon does not have."""
    named = {fact for facts in CONTRAINDICATIONS.values() for fact in facts} | TERRAIN | {"grossesse", "dfg"}
    assert named - LEXICON.keys() == set()


def test_the_gfr_is_in_the_unit_of_the_lexicon():
    """The GFR that the reader gives is in the lexicon's unit."""
    assert LEXICON["dfg"]["unite"] == "mL/min"


def test_the_national_value_set_is_read():
    """A code of the French value set of contraindications states its facts."""
    assert list(contraindications([Code("x", "MED-1117")])) == ["dispositif-implante", "contre-indication-irm"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (Code(ICD10, "C50.9"), ["cancer"]),
        (Code("http://hl7.org/fhir/sid/icd-10", "C509"), ["cancer"]),
        (Code(ICD10, "D50"), []),
        (Code("urn:oid:1.2.3", "C50.9"), []),
        (Code("http://snomed.info/sct", "77386006"), ["grossesse"]),
        (Code("http://snomed.info/sct", "7738600"), []),
        (Code("https://smt.esante.gouv.fr/terminologie-atc", "A10BA02"), ["metformine"]),
        (Code("http://hl7.org/fhir/sid/icpc-2", "L03"), ["lombalgie"]),
    ],
)
def test_codes_are_looked_up_in_their_own_system(code, found):
    """ICD-10 and ATC are read by prefix, SNOMED and ICPC-2 whole, and only in their own systems."""
    facts = {"cancer": Coded(["C"]), "lombalgie": Coded(icpc2=["L03"]), "metformine": Coded()}
    assert list(coded_facts(facts, {"metformine": ["A10BA02"]})([code])) == found
