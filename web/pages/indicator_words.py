"""How indicators are written: values with their units, groups by their names, the trend of a few periods as a small drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pertimage.audit.disclosure import MASKED
from pertimage.audit.places import LANGUAGES
from pertimage.audit.programme import Mode
from pertimage.audit.review import Decision
from pertimage.cds.model import Outcome
from pertimage.fhir.vocabularies import OVERRIDES
from pertimage.guidelines.indicator_forms import Cadence, Delay, Direction, Measure, Reference, Split
from pertimage.guidelines.indicators import Indicator
from pertimage.web.indicator_readings import Published
from pertimage.web.pages.filters import MODALITIES
from pertimage.web.pages.french import capital, number
from pertimage.web.service import Service

THEMES: Mapping[str, str] = {
    "volumes": "Volumes", "substitution": "Substitutions", "delais": "Délais", "pertinence": "Pertinence des demandes", "relecture": "Relecture",
    "dose": "Dose", "patients": "Patients", "territoire": "Seconds avis", "formation": "Formation", "regional": "Fiche régionale (exemple)",
}  # fmt: skip
CADENCES = {Cadence.MONTH: "mois", Cadence.QUARTER: "trimestre", Cadence.YEAR: "année"}
REFERENCES = {Reference.BEFORE: "la période précédente", Reference.YEAR_BEFORE: "la même période de l'année d'avant"}
DIRECTIONS = {
    Direction.DOWN: "baisse souhaitée",
    Direction.UP: "hausse souhaitée",
    Direction.STABLE: "stabilité souhaitée",
    Direction.NONE: "informatif",
}
MEASURES: Mapping[Measure, str] = {
    Measure.COUNT: "nombre", Measure.SHARE: "part (numérateur sur dénominateur)", Measure.MEDIAN: "médiane", Measure.P90: "neuvième décile (P90)",
    Measure.SHARE_WITHIN: "part sous un seuil", Measure.SHARE_OVER: "part au-delà d'un seuil", Measure.DOSE: "somme de doses typiques",
    Measure.DOSE_PER_EXAM: "dose typique moyenne", Measure.DOSE_AVOIDED: "différence de doses typiques",
}  # fmt: skip
DELAYS = {
    Delay.REQUEST_EXAM: "de la demande à l'examen", Delay.EXAM_REPORT: "de l'examen au compte rendu", Delay.REPORT_PATIENT: "du compte rendu à sa remise au patient",
    Delay.REQUEST_PATIENT: "de la demande à la remise au patient", Delay.SIGNATURE_DECISION: "de la signature à la décision",
}  # fmt: skip
SPLITS = {
    Split.SITE: "site", Split.TECHNIQUE: "technique", Split.EXAM: "examen", Split.REGION: "région du corps", Split.IRRADIATING: "irradiant ou non", Split.AGE: "âge",
    Split.SEX: "sexe", Split.RURAL: "rural ou urbain", Split.ACCESS: "accessibilité du site", Split.OUTCOME: "avis", Split.PATHWAY: "parcours",
    Split.MODE: "mode du service", Split.DECISION: "décision", Split.RULE: "règle", Split.REASON: "motif", Split.LANGUAGE: "langue", Split.BY: "auteur du remplacement",
}  # fmt: skip
_UNKNOWN = {Split.REASON: "sans motif", Split.EXAM: "examen non reconnu", Split.DECISION: "sans décision", Split.PATHWAY: "hors parcours"}
_LANGUAGES: Mapping[str, str] = {**LANGUAGES, "falc": "facile à lire"}
_WIDTH, _HEIGHT, _MARGIN = 108.0, 26.0, 3.0


@dataclass(frozen=True, slots=True)
class Spark:
    """The latest values as a line: the points of each unbroken stretch, and what it shows in words."""

    lines: tuple[str, ...]
    end: tuple[float, float] | None
    words: str


def written(indicator: Indicator, value: float | None, *, unit: bool = True) -> str:
    """Return a value in French with its unit; « n.c. » for None."""
    if value is None:
        return MASKED
    if indicator.measure.is_share:
        return number(value * 100, 1) + ("\u202f%" if unit else "")
    decimals = 0 if indicator.measure is Measure.COUNT else 2 if abs(value) < 10 else 1
    return number(value, decimals) + (f"\u00a0{indicator.form.unit}" if unit else "")


def counted(shown: str) -> str:
    """Return a published count with its thousands apart."""
    return number(int(shown), 0) if shown.isdecimal() else shown


def change(indicator: Indicator, one: Published) -> str:
    """Return how far a value is from its reference, signed: in points for a share, else in percent; empty when it cannot be had."""
    if one.number is None or one.reference is None:
        return ""
    if indicator.measure.is_share:
        return _signed((one.number - one.reference) * 100, "point")
    if not one.reference:
        return ""
    return _signed((one.number / one.reference - 1) * 100, "")


def _signed(value: float, unit: str) -> str:
    text = number(abs(value), 1)
    sign = "" if text == "0" else "+" if value > 0 else "−"
    if unit:
        return f"{sign}{text}\u00a0{unit}{'s' if abs(value) >= 2 else ''}"
    return f"{sign}{text}\u202f%"


def target(indicator: Indicator, one: Published) -> str:
    """Return what is aimed at in a period; empty without a target."""
    aim = indicator.target
    if aim is None:
        return ""
    if aim.value is not None:
        return f"{'au plus' if indicator.form.direction is Direction.DOWN else 'au moins'} {written(indicator, aim.value)}"
    shown = one.reference is not None and one.aimed is not None
    if aim.compared:
        words = {"au_dessus": "plus que", "au_dessous": "moins que", "stable": f"à {number(aim.tolerance)}\u202f% de"}[aim.compared]
        return f"{words} {written(indicator, one.reference)}" if shown else f"{words} la référence"
    growth = aim.growth_in(one.value.period.first.year)
    if growth is None:
        return ""
    said = _signed(growth, "")
    return f"{written(indicator, one.aimed)} ({said})" if shown else said


def spark(indicator: Indicator, values: Sequence[Published]) -> Spark:
    """Return the small drawing of values in order of time; a hidden or missing value breaks the line."""
    numbers = [one.number for one in values]
    known = [one for one in numbers if one is not None]
    if len(known) < 2:
        return Spark((), None, "")
    low, high = min(known), max(known)
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(numbers) - 1)
    places = [
        None if one is None else (round(_MARGIN + rank * step, 1), round(_HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * ((one - low) / (high - low) if high > low else 0.5), 1))
        for rank, one in enumerate(numbers)
    ]  # fmt: skip
    lines: list[list[str]] = [[]]
    for place in places:
        if place is None:
            lines.append([])
        else:
            lines[-1].append(f"{place[0]},{place[1]}")
    words = f"{len(known)} périodes, de {written(indicator, low)} à {written(indicator, high)}"
    return Spark(tuple(" ".join(line) for line in lines if len(line) > 1), next(place for place in reversed(places) if place), words)


def group_words(service: Service, split: Split, code: str | None) -> str:
    """Return the name of a group, as a user reads it."""
    if code is None:
        return _UNKNOWN.get(split, "non renseigné")
    catalogue = service.base.catalogue
    named: Mapping[Split, Callable[[str], str]] = {
        Split.SITE: lambda site: {one.id: one.name for one in service.register.sites()}.get(site, site),
        Split.TECHNIQUE: lambda name: MODALITIES.get(name, name),
        Split.EXAM: lambda name: catalogue.exams[name].label if name in catalogue.exams else name,
        Split.REGION: lambda name: capital(catalogue.regions[name].label) if name in catalogue.regions else name,
        Split.IRRADIATING: lambda name: "irradiant" if name == "oui" else "non irradiant",
        Split.AGE: lambda name: f"{name}\u00a0ans".replace("-", "–"),
        Split.ACCESS: lambda name: "accessible en fauteuil roulant" if name == "fauteuil" else "non décrit comme accessible",
        Split.OUTCOME: lambda name: Outcome(name).french if name in set(Outcome) else name,
        Split.PATHWAY: lambda name: _pathways(service).get(name, name),
        Split.MODE: lambda name: Mode(name).french,
        Split.DECISION: lambda name: Decision(name).french,
        Split.REASON: lambda name: OVERRIDES.displays.get(name, name),
        Split.LANGUAGE: lambda name: _LANGUAGES.get(name, name),
    }
    return named[split](code) if split in named else code


def _pathways(service: Service) -> dict[str, str]:
    table = service.base.tables.pathways
    return {row.id: row.label for row in table.rows} if table else {}
