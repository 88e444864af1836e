"""The six sites of the demonstration. Their towns do not exist; neither do their exams, their waits and their effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

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
