"""The French words of the pages: numbers, dates, doses, conditions, evidence."""

from datetime import UTC, datetime

import pytest

from pertimage.cds.model import FactFound, Status
from pertimage.guidelines.conditions import parse
from pertimage.guidelines.loader import load_base
from pertimage.web.pages import french
from pertimage.web.pages.condition_words import ConditionWords
from pertimage.web.pages.highlight import segments


@pytest.mark.parametrize(
    ("msv", "said"),
    [
        (0.0, "sans rayons"),
        (1.2, "≈ 1,2 mSv, environ 5 mois d'exposition naturelle"),
        (0.03, "≈ 0,03 mSv, environ 4 jours d'exposition naturelle"),
        (0.005, "≈ 0,005 mSv, environ 1 jour d'exposition naturelle, ou moins"),
        (8.5, "≈ 8,5 mSv, environ 3 ans d'exposition naturelle"),
        (None, "dose non renseignée"),
    ],
)
def test_dose_is_said_in_natural_radioactivity(msv, said):
    """A dose is given in mSv and in the time that natural radioactivity (2.9 mSv a year) takes to give as much."""
    assert french.dose(msv).replace("\u00a0", " ") == said


def test_exam_without_rays_says_so_whatever_its_dose_field():
    """An MRI whose dose is not filled in is « sans rayons », not « non renseignée »."""
    assert french.dose(None, irradiating=False) == "sans rayons"


def test_tariff_of_heavy_equipment_says_the_technical_fee():
    """The tariff of a CT, an MRI, a PET or a scintigraphy says that the technical fee comes on top; an X-ray's does not."""
    assert french.tariff(69.0, "MR").replace("\u00a0", " ") == "69 € hors forfait technique"
    assert french.tariff(40.6, "DX").replace("\u00a0", " ") == "40,60 €"
    assert french.tariff(None, "CT") == ""


def test_instants_are_in_paris_time():
    """An instant kept in UTC is shown at the time of the reader's clock."""
    assert french.instant("2026-07-01T22:30:00+00:00").replace("\u00a0", " ") == "2 juillet 2026 à 0 h 30"
    assert french.day("2026-12-01") == "1er décembre 2026"


def test_elapsed_time_is_coarse():
    """A lapse of time is said in the largest sensible unit."""
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    said = [
        french.elapsed(at, now).replace("\u00a0", " ")
        for at in ("2026-11-22T11:59:40Z", "2026-11-22T11:30:00Z", "2026-11-21T20:00:00Z", "2026-11-10T12:00:00Z")
    ]
    assert said == ["moins d'une minute", "30 min", "16 h", "12 jours"]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("fièvre", "pas de fièvre"),
        ("antécédent de cancer", "pas d'antécédent de cancer"),
        ("hématurie", "pas d'hématurie"),
        ("hernie discale", "pas de hernie discale"),
    ],
)
def test_denial_elides(label, said):
    """A denial elides before a vowel or a silent h, and nowhere else."""
    assert french.denial(label) == said


def test_conditions_read_as_sentences():
    """A condition of a sheet is said with labels and plain durations, its alternatives apart."""
    base = load_base()
    words = ConditionWords(base.lexicon, lambda exam: base.catalogue.exams[exam].label)
    condition = parse([{"fievre": "oui", "duree": {"moins_de": "3 mois"}}, {"age": {"au_moins": 55}}], base.lexicon.names)
    assert words.alternatives(condition) == ["fièvre et durée : moins de 3 mois", "âge : au moins 55 ans"]
    assert words.alternatives(parse("toujours", base.lexicon.names)) == ["dans tous les autres cas"]


def test_every_condition_of_the_base_can_be_said():
    """No rule of the guidelines has a condition that the page cannot put into words."""
    base = load_base()
    words = ConditionWords(base.lexicon, lambda exam: base.catalogue.exams[exam].label)
    said = [words.alternatives(rule.condition) for sheet in base.sheets.values() for rule in sheet.rules]
    assert all(all(part.strip() for part in alternatives) for alternatives in said)


def test_evidence_cuts_the_text_without_losing_a_letter():
    """Segments put end to end are the text, overlapping evidences are one segment that names both."""
    text = "lombalgie fébrile, pas de déficit"
    facts = [
        FactFound("a", Status.PRESENT, "", 0, 17),
        FactFound("b", Status.PRESENT, "", 10, 17),
        FactFound("c", Status.ABSENT, "", 19, 33),
    ]
    cut = segments(text, facts, str.upper)
    assert "".join(part.text for part in cut) == text
    assert [part.said for part in cut if part.status] == ["A : présent ; B : présent", "C : nié"]


def test_evidence_out_of_the_text_is_not_shown():
    """A fact that came from data, or whose offsets lie outside the text, marks nothing."""
    cut = segments("genou", [FactFound("a", Status.PRESENT, "dfg"), FactFound("b", Status.PRESENT, "", 2, 99)], str)
    assert [part.status for part in cut] == [None]
