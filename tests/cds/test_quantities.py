"""Ages, durations and measures as GPs write them."""

from __future__ import annotations

from datetime import date

import pytest

from pertimage.cds.text.durations import durations
from pertimage.cds.text.patient import age, sex
from tests.cds.test_context import reading

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("lumbago depuis 5 j", 5), ("lombalgie dps 3 sem", 21), ("toux 3 semaines", 21), ("depuis 2 mois", 56), ("J15 d'une chute", 15), ("depuis hier", 1),
        ("douleur évoluant depuis plus de 3 mois", 84), ("12 semaines d'évolution", 84), ("depuis le 03/11", 19), ("depuis le 12/12", 345), ("depuis 2024", 1056),
        ("depuis qq jours", 3), ("depuis une semaine", 7), ("depuis 3-4 semaines", 28), ("H 52 ans lombalgie 8 j, ATCD K prostate", 8), ("lombalgie chronique", 180),
        ("chute il y a 3 jours", 3), ("depuis ce matin", 0), ("depuis longtemps", 1000), ("moins de 3 mois d'évolution", 83),
        ("ça fait 3 mois", 84), ("voilà deux semaines", 14), ("15 ans que ça dure", 5040), ("apparue la semaine dernière", 7), ("le mois dernier", 28), ("depuis le réveil", 0),
        ("sciatique de 2 mois", 56), ("1 mois et demi de toux", 42), ("depuis 2 ans et demi", 840), ("toux, dix jours", 10),
        ("lombalgie 7e semaine", 49), ("depuis une quinzaine", 15),
        ("trois bonnes semaines", 21), ("depuis une bonne dizaine de jours", 10),
    ],
)  # fmt: skip
def test_durations_are_read_in_days(text: str, days: float) -> None:
    """The duration of the complaint comes out in days, months as four weeks."""
    assert durations(text, TODAY)[0].value == pytest.approx(days)


@pytest.mark.parametrize(
    "text",
    [
        "femme de 60 ans",
        "F 47a",
        "pas de date",
        "le 31/02",
        "radio du genou normale le mois dernier",
        "DMO il y a 6 ans",
        "kiné de 2 mois",
        "nourrisson de 2 mois",
    ],
)
def test_what_is_no_duration_is_not_read_as_one(text: str) -> None:
    """Ages, impossible dates and the date of an exam already done are no durations."""
    assert durations(text, TODAY) == []


def test_an_impossible_date_is_ignored() -> None:
    """« depuis le 31/02 » gives no duration rather than an error."""
    assert durations("depuis le 31/02", TODAY) == []


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("H 38 ans", 38),
        ("F 47a", 47),
        ("F47", 47),
        ("patient de 52 ans", 52),
        ("nourrisson 3 mois", 0.25),
        ("âgé de 70 ans", 70),
        ("lombalgie depuis 10 ans", None),
        ("HTA suivie depuis 12 ans, 64 ans", 64),
        ("15 ans que ça dure", None),
    ],
)
def test_ages_are_read_in_years(text: str, years: float | None) -> None:
    """The age is the patient's, not the illness's."""
    found = age(text)
    assert (found.value if found else None) == years


@pytest.mark.parametrize(
    ("text", "expected"),
    [("H 38 ans", "male"), ("patiente de 30 ans", "female"), ("chute il y a 2 h", None), ("45 ans F", "female"), ("Mr X", "male")],
)
def test_sex_is_read_only_where_it_is_said(text: str, expected: str | None) -> None:
    """A lone letter is a sex only beside an age."""
    assert sex(text) == expected


@pytest.mark.parametrize(
    ("text", "fact", "value"),
    [
        ("T° 38,5", "temperature", 38.5), ("38°5", "temperature", 38.5), ("fièvre à 39", "temperature", 39), ("CRP 120", "crp", 120), ("CRP: 45 mg/L", "crp", 45),
        ("DFG 28 mL/min", "dfg", 28), ("SpO2 91% AA", "spo2", 91), ("sat 88%", "spo2", 88), ("FC110", "frequence-cardiaque", 110), ("D-dimères 1 200", "d-dimeres", 1200),
        ("chute de 3 m", "hauteur-chute", 3), ("a perdu 5 kg", "kilos-perdus", 5), ("24 SA", "terme-grossesse", 24),
        ("céphalées, 24/13 au cabinet", "tension-cmhg", 24), ("190/120 aux deux bras", "pression-systolique", 190), ("toux, 39 depuis hier", "temperature", 39),
        ("tabac 30 PA", "tabac-paquets-annees", 30),
    ],
)  # fmt: skip
def test_measures_are_read_in_their_unit(text: str, fact: str, value: float) -> None:
    """A lead and a number, or a number and its unit, make a measure."""
    assert reading(text).values.get(fact) == value


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("AAA 38 mm", "temperature"),
        ("poids 60 kg", "kilos-perdus"),
        ("moins de 3 mois", "kilos-perdus"),
        ("chute de 4 marches", "hauteur-chute"),
        ("sa douleur", "terme-grossesse"),
        ("vu le 24/12", "tension-cmhg"),
        ("22/13/2", "tension-cmhg"),
        ("FO 39/40", "temperature"),
        ("F, 39 ans", "temperature"),
    ],
)
def test_a_bare_number_is_no_measure(text: str, fact: str) -> None:
    """A number without its word or its unit says nothing."""
    assert fact not in reading(text).values


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("dorsalgie, spondylodiscite traitée il y a 5 ans", None),
        ("lombalgie, pas de syndrome coronaire aigu", None),
        ("appendicectomie il y a 3 ans, douleur abdominale depuis 2 jours", 2),
        ("genou chaud après infiltration il y a 6 mois", 168),
    ],
)
def test_the_date_of_what_is_over_is_not_the_complaint_s(text: str, days: float | None) -> None:
    """What is past, denied or another's dates nothing, unless the complaint came « après »."""
    assert reading(text).values.get("duree") == days


def test_a_bare_age_in_months_is_read_for_a_newborn_only() -> None:
    """« née par le siège, 1 mois, » gives an age when the record says less than a year, and none otherwise."""
    text = "née par le siège, 1 mois, asymptomatique"
    found = age(text, newborn=True)
    assert found is not None
    assert found.value == pytest.approx(1 / 12)
    assert age(text) is None
