"""Glomerular filtration rate by CKD-EPI 2021."""

import pytest

from pertimage.cds.model import Sex
from pertimage.fhir.renal import ckd_epi_2021, creatinine_mg_per_dl


@pytest.mark.parametrize(
    ("creatinine", "age", "sex", "rate"),
    [
        (0.9, 55, Sex.FEMALE, 75.5),
        (0.7, 30, Sex.FEMALE, 119.2),
        (0.9, 30, Sex.MALE, 117.8),
        (3.0, 80, Sex.MALE, 20.4),
        (0.5, 40, Sex.MALE, 132.2),
    ],
)
def test_known_values(creatinine, age, sex, rate):
    """The equation gives the published values on both sides of its hinge, for both sexes."""
    assert ckd_epi_2021(creatinine, age, sex) == pytest.approx(rate, abs=0.1)


def test_children_have_no_adult_rate():
    """Under 18 the equation does not hold and gives nothing."""
    assert ckd_epi_2021(0.5, 17, Sex.MALE) is None


@pytest.mark.parametrize("unit", ["µmol/L", "μmol/L", "umol/l", " µmol / L "])
def test_micromoles_in_any_spelling(unit):
    """88.4 µmol/L is 1 mg/dL whatever the micro sign, capitals and spaces."""
    assert creatinine_mg_per_dl(88.4, unit) == pytest.approx(1.0)
