"""Doses in plain words, sums with their uncertainty, and what local parameters change."""

from __future__ import annotations

import pytest

from pertimage.cds.dose import cumulated_words, natural_words, spared, thresholds
from pertimage.cds.model import Alternative, Dose, Policy
from pertimage.cds.records import assessment_of
from pertimage.guidelines.loader import load_base
from tests.context.history_cases import judged

BASE = load_base()
CT_BEFORE = {"texte": "toux chronique", "examen": "radio thorax", "age": 45, "avant": [{"examen": "Scanner thoracique", "jours": 100}]}


@pytest.mark.parametrize(
    ("msv", "words"),
    [
        (0.005, "environ 1 jour d'exposition naturelle, ou moins"),
        (0.03, "environ 4 jours d'exposition naturelle"),
        (1.2, "environ 5 mois d'exposition naturelle"),
        (8.5, "environ 3 ans d'exposition naturelle"),
    ],
)
def test_a_dose_is_told_in_natural_exposure(msv, words):
    """2.9 mSv a year is the measure."""
    assert natural_words(msv) == words


def test_another_natural_exposure_gives_other_words():
    """A site abroad lives under another sky."""
    assert natural_words(2.9, 5.8) == "environ 6 mois d'exposition naturelle"


def test_what_was_received_is_told_with_its_uncertainty():
    """Typical value, bounds, and the exams that could not be counted."""
    known = Dose("I", 0.03, 4.5, 13.0, (2.0, 7.0), (8.0, 19.0), 1)
    assert "environ 4,5 mSv (entre 2 et 7) en 12 mois, environ 13 mSv (entre 8 et 19) en 5 ans" in cumulated_words(known)
    assert "Un examen de dose ou de date inconnue n'est pas compté" in cumulated_words(known)
    assert cumulated_words(Dose("I", 0.03)) == ""


def test_what_has_no_rays_comes_first_and_nothing_is_lost():
    """The order of the rule is kept among equals."""
    offers = [
        Alternative("scanner", "", msv=7.0),
        Alternative("irm", "", msv=0.0),
        Alternative("inconnue", ""),
        Alternative("echo", "", msv=0.0),
    ]
    assert [one.exam for one in spared(offers)] == ["irm", "echo", "scanner", "inconnue"]


def test_local_parameters_replace_the_values_of_the_table():
    """By id, or by the two older names, which stand for one row; the others stay."""
    usual = {one.id: (one.value, one.months) for one in thresholds(BASE.tables.doses, Policy())}
    assert usual["cumul-vigilance"] == (50.0, 60)
    local = Policy(dose_warning_msv=30, dose_window_months=24, dose_thresholds=(("scanners-du-tronc", 5),))
    changed = {one.id: (one.value, one.months) for one in thresholds(BASE.tables.doses, local)}
    assert {name for name in usual if usual[name] != changed[name]} == {"cumul-vigilance", "scanners-du-tronc"}
    assert (changed["cumul-vigilance"], changed["scanners-du-tronc"]) == ((30, 24), (5.0, 12))


def test_an_assessment_comes_back_with_its_sums():
    """Written and read back, and read from a journal of before the sums."""
    one = judged(CT_BEFORE)
    written = one.to_json()
    assert assessment_of(written).dose == one.dose
    assert list(written["dose"])[:3] == ["class", "msv", "cumulative_12m_msv"]
    old = written | {"dose": {"class": "I", "msv": 0.03, "cumulative_12m_msv": None}}
    assert assessment_of(old).dose == Dose("I", 0.03)


def test_no_dose_makes_an_exam_less_indicated():
    """Whatever was received before, the outcome is the same."""
    heavy = CT_BEFORE | {"avant": [{"examen": "Scanner thoracique", "jours": 100, "msv": 300}]}
    for exam in ("radio thorax", "scanner thoracique"):
        assert judged(heavy | {"examen": exam}).outcome is judged({**CT_BEFORE, "examen": exam, "avant": []}).outcome
