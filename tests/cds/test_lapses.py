"""How long ago an exam was done, in the words of GPs."""

from __future__ import annotations

from datetime import date

import pytest

from pertimage.cds.text.lapses import ahead, lapse
from pertimage.guidelines.words import fold

ON = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("il y a 5 semaines", 35), ("il y a environ deux mois", 61), ("il y a un an", 365), ("hier", 1), ("avant-hier", 2), ("ce matin", 0), ("la semaine dernière", 7),
        ("le mois dernier", 30), ("l'an dernier", 365), ("du 12/10", 41), ("le 12/10/2025", 406), ("du 12.10.26", 41), ("en mars 2026", 266), ("en mars", 266),
        ("de décembre", 356),
        ("10/2026", 52), ("en 2024", 874), ("datant de 3 jours", 3), ("dans 3 semaines", None), ("le 12/12/2026", None), ("31/02/2026", None), ("décès du père", None),
    ],
)  # fmt: skip
def test_a_lapse_is_read_in_days(words, days):
    """Lapses count calendar days; a date still to come is none."""
    found = lapse(fold(words), ON)
    assert (round(found[0]) if found else None) == days


def test_a_date_needs_the_day_of_the_request():
    """Without it only what is told as a lapse is known."""
    assert lapse("du 12/10", None) is None
    assert lapse("il y a 3 jours", None) is not None


@pytest.mark.parametrize(
    ("report", "days"),
    [("Contrôle à 3 mois recommandé.", 91), ("Surveillance échographique conseillée dans 6 semaines", 42), ("Contrôle souhaitable.", None), ("Évolue depuis 3 mois", None)],
)  # fmt: skip
def test_the_delay_that_a_report_advises_is_read(report, days):
    """« Contrôle à 3 mois » is a delay; the age of the illness is not."""
    found = ahead(report)
    assert (round(found) if found is not None else None) == days
