"""The six sites of the demonstration. Their towns do not exist; neither do their exams, their waits and their effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pertimage.audit.places import Place

WEEKS = 78
_MIDDLE = 39  # weeks between the median go-live and the last day: nine months


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


@dataclass(frozen=True, slots=True)
class DemoSite:
    """A site: exams per ordinary week and median wait in days, by DICOM modality.

    ``shift`` is the go-live in weeks from the median one (None: the service was never switched on). ``effect`` is how much of
    the change in volumes happens here, 0 to 1; ``mri_wait`` what becomes of its waits for MRI. ``judged`` is the share of its
    exams that general practitioners ask for, the only ones that the service sees.
    """

    id: str
    name: str
    volumes: Mapping[str, float]
    waits: Mapping[str, float]
    shift: int | None
    effect: float
    mri_wait: float
    hospital: bool
    judged: float

    def go_live(self, last_day: date) -> date | None:
        """Return the Monday on which prescribers began to see the advice."""
        return None if self.shift is None else monday(last_day) + timedelta(weeks=self.shift - _MIDDLE)


SITES = (
    DemoSite(
        "ch-valbrune", "Centre hospitalier de Valbrune", {"DX": 38, "US": 20, "CT": 25, "MR": 15, "MG": 12, "NM": 15},
        {"DX": 1.8, "US": 11, "CT": 14, "MR": 38, "MG": 21, "NM": 15}, shift=-4, effect=1.0, mri_wait=0.85, hospital=True, judged=0.62,
    ),
    DemoSite(
        "hopital-haute-sourcelle", "Hôpital de Haute-Sourcelle", {"DX": 32, "US": 17, "CT": 17, "MR": 10},
        {"DX": 2.4, "US": 14, "CT": 18, "MR": 43}, shift=2, effect=0.0, mri_wait=1.0, hospital=True, judged=0.66,
    ),
    DemoSite(
        "clinique-ormeaux-bleus", "Clinique des Ormeaux-Bleus", {"DX": 28, "US": 18, "CT": 18, "MR": 18, "MG": 11},
        {"DX": 1.5, "US": 9, "CT": 10, "MR": 31, "MG": 17}, shift=0, effect=0.7, mri_wait=1.0, hospital=False, judged=0.78,
    ),
    DemoSite(
        "imagerie-port-alizon", "Centre d'imagerie de Port-Alizon", {"DX": 25, "US": 25, "CT": 13, "MR": 17, "MG": 12},
        {"DX": 1.2, "US": 7, "CT": 9, "MR": 31, "MG": 14}, shift=-2, effect=1.0, mri_wait=0.8, hospital=False, judged=0.84,
    ),
    DemoSite(
        "cabinet-rochevigne", "Cabinet de radiologie de Rochevigne", {"DX": 30, "US": 25, "MG": 10},
        {"DX": 1.1, "US": 8, "MG": 16}, shift=5, effect=0.6, mri_wait=1.0, hospital=False, judged=0.88,
    ),
    DemoSite(
        "ch-brumeval", "Centre hospitalier de Brumeval", {"DX": 34, "US": 18, "CT": 19, "MR": 12},
        {"DX": 2.1, "US": 12, "CT": 16, "MR": 40}, shift=None, effect=0.0, mri_wait=1.0, hospital=True, judged=0.64,
    ),
)  # fmt: skip


# What the catalogue says of each site: as invented as the rest. Towns, places and telephone numbers do not exist.
PLACES = tuple(
    Place.model_validate(form)
    for form in (
        {
            "id": "ch-valbrune", "nom": "Centre hospitalier de Valbrune", "commune": "Valbrune", "code_postal": "09990", "latitude": 43.02, "longitude": 1.58,
            "techniques": "DX;US;CT;MR;MG;NM", "equipements": "IRM 1,5 T à tunnel large; scanner 128 barrettes; gamma-caméra",
            "horaires": "lundi au samedi 7 h 30 – 20 h ; urgences jour et nuit",
            "acces": "fauteuil;stationnement-pmr;table-variable;transfert;brancard;boucle-magnetique;accompagnant", "langues": "fr;en;pt;ar", "telephone": "05 00 00 00 01",
        },
        {
            "id": "hopital-haute-sourcelle", "nom": "Hôpital de Haute-Sourcelle", "commune": "Haute-Sourcelle", "code_postal": "09991", "latitude": 42.79, "longitude": 1.86,
            "techniques": "DX;US;CT;MR", "equipements": "IRM 1,5 T; scanner 64 barrettes", "horaires": "lundi au vendredi 8 h – 18 h ; urgences jour et nuit",
            "acces": "fauteuil;stationnement-pmr;brancard;accompagnant", "langues": "fr;es", "telephone": "05 00 00 00 02",
        },
        {
            "id": "clinique-ormeaux-bleus", "nom": "Clinique des Ormeaux-Bleus", "commune": "Ormeaux", "code_postal": "31990", "latitude": 43.31, "longitude": 1.49,
            "techniques": "DX;US;CT;MR;MG", "equipements": "IRM 3 T; scanner 128 barrettes; mammographe avec tomosynthèse", "horaires": "lundi au samedi 8 h – 19 h",
            "acces": "fauteuil;stationnement-pmr;table-variable;lsf;calme", "langues": "fr;en", "telephone": "05 00 00 00 03",
        },
        {
            "id": "imagerie-port-alizon", "nom": "Centre d'imagerie de Port-Alizon", "commune": "Port-Alizon", "code_postal": "11990", "latitude": 43.08, "longitude": 2.21,
            "techniques": "DX;US;CT;MR;MG;BMD", "equipements": "IRM 1,5 T; scanner 64 barrettes", "horaires": "lundi au vendredi 7 h – 21 h ; samedi matin",
            "acces": "fauteuil;stationnement-pmr;falc;signaletique;accompagnant", "langues": "fr;en;uk;tr", "telephone": "05 00 00 00 04",
        },
        {
            "id": "cabinet-rochevigne", "nom": "Cabinet de radiologie de Rochevigne", "commune": "Rochevigne", "code_postal": "09992", "latitude": 43.11, "longitude": 1.72,
            "techniques": "DX;US;MG", "horaires": "lundi au vendredi 8 h – 12 h et 14 h – 18 h", "acces": "fauteuil", "langues": "fr;oc", "telephone": "05 00 00 00 05",
        },
        {
            "id": "ch-brumeval", "nom": "Centre hospitalier de Brumeval", "commune": "Brumeval", "code_postal": "65990", "latitude": 43.21, "longitude": 0.31,
            "techniques": "DX;US;CT;MR", "equipements": "IRM 1,5 T; scanner 64 barrettes", "horaires": "lundi au vendredi 8 h – 19 h ; urgences jour et nuit",
            "acces": "fauteuil;stationnement-pmr;table-variable;transfert;brancard", "langues": "fr;es;pt", "telephone": "05 00 00 00 06",
        },
    )
)  # fmt: skip
