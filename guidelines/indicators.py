"""Indicators as data: what is counted, out of what, over which period, against which reference and which target.

Each file of ``data/indicateurs`` holds sheets of indicators in the form that regional agencies use (`indicator_forms`). What a sheet says is
compiled here and computed by ``audit``; it judges no request, so it is no part of the version of the base.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.indicator_forms import (
    ANSWERS,
    MODES,
    OUTCOMES,
    POPULATIONS,
    Cadence,
    CountedForm,
    Direction,
    FilterForm,
    IndicatorForm,
    Measure,
    Population,
    Split,
)
from pertimage.guidelines.loader import DATA, load_base
from pertimage.guidelines.source import Document, Fault, GuidelineError
from pertimage.guidelines.tables import FRENCH_BASES, Basis

FOLDER = "indicateurs"
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100

Value = str | bool | int


@dataclass(frozen=True, slots=True)
class Test:
    """One condition: a name of the vocabulary of code, and the values of which one must hold."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class CcamTest:
    """Exams by their CCAM acts: the acts, the catalogue's exams that carry them, and the other acts that these exams carry too."""

    codes: tuple[str, ...]
    exams: tuple[str, ...]
    others: tuple[str, ...]


Filter = tuple[Test | CcamTest, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at; one of ``value``, ``growth`` (percent over the year before, by year) and ``compared`` is given."""

    value: float | None = None
    growth: Mapping[int, float] | None = None
    afterwards: float | None = None
    compared: str = ""
    tolerance: float = 0.0

    def growth_in(self, year: int) -> float | None:
        """Return the growth aimed at in a year, in percent over the year before; None when the sheet says nothing of that year."""
        if not self.growth:
            return None
        return self.growth.get(year, self.afterwards if year > max(self.growth) else None)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator compiled. ``form`` is the sheet as written; ``numerator`` already includes the denominator's conditions.

    ``limit_days`` is None when the limit is that of each request's pathway (``form.limit`` is then ``parcours``).
    """

    id: str
    form: IndicatorForm
    numerator: Filter
    denominator: Filter
    limit_days: float | None
    target: Target | None
    basis: Basis
    digest: str

    @property
    def measure(self) -> Measure:
        """Return what is computed."""
        return self.form.measure

    @property
    def population(self) -> Population:
        """Return what is counted."""
        return self.form.population

    @property
    def splits(self) -> tuple[Split, ...]:
        """Return what values can be broken down by."""
        return tuple(self.form.splits)


def read_indicators(directory: Path, catalogue: Catalogue) -> tuple[Mapping[str, Indicator], list[Fault]]:
    """Return the indicators of a base's folder, by id in the order of the files, and the faults with their lines; none when there is one."""
    found: dict[str, Indicator] = {}
    faults: list[Fault] = []
    beside: list[tuple[Document, str, int, str]] = []
    for path in sorted((directory / FOLDER).glob("*.yaml")):
        document = Document(path, f"{FOLDER}/{path.name}")
        reader = _Reader(document, catalogue, faults)
        for indicator in reader.indicators():
            if indicator.id in found:
                faults.append(document.fault(f"l'indicateur « {indicator.id} » est déjà défini dans un autre fichier", indicator.id))
            found[indicator.id] = indicator
            beside += [(document, indicator.id, rank, name) for rank, name in enumerate(indicator.form.beside)]
        faults += document.faults
    for document, name, rank, other in beside:
        if other not in found:
            faults.append(document.fault(f"indicateur inconnu « {other} »", name, "lire_avec", rank))
    return MappingProxyType({} if faults else found), faults


@lru_cache(maxsize=4)
def load_indicators(directory: Path = DATA) -> Mapping[str, Indicator]:
    """Return the indicators of a base's folder; raises GuidelineError with every fault."""
    found, faults = read_indicators(directory, load_base(directory).catalogue)
    if faults:
        raise GuidelineError(faults)
    return found


@dataclass(slots=True)
class _Reader:
    """One file being compiled; what is wrong goes to ``faults``."""

    document: Document
    catalogue: Catalogue
    faults: list[Fault]

    def indicators(self) -> Iterator[Indicator]:
        written = self.document.value
        if self.document.faults:
            return
        if not isinstance(written, dict):
            self.faults.append(self.document.fault("le fichier s'écrit « indicateur: {titre: …, question: …} », un indicateur par clé"))
            return
        for name in written:
            form = self.document.read(IndicatorForm, written[name], name)
            if form is not None:
                yield self._indicator(str(name), form)

    def _fault(self, message: str, *path: str | int) -> None:
        self.faults.append(self.document.fault(message, *path))

    def _indicator(self, name: str, form: IndicatorForm) -> Indicator:
        self._check_words(name, form)
        kept = self._filter(form, form.denominator, name, "denominateur")
        counted = self._filter(form, form.numerator, name, "numerateur")
        if form.basis == "texte_lu" and not form.source:
            self._fault(f"« {name} » repose sur un texte lu : dire lequel (source)", name)
        digest = hashlib.sha256(form.model_dump_json().encode()).hexdigest()[:16]
        limit = form.limit if isinstance(form.limit, float | int) else None
        return Indicator(name, form, (*kept, *counted), kept, limit, self._target(name, form), FRENCH_BASES[form.basis], digest)

    def _check_words(self, name: str, form: IndicatorForm) -> None:
        """Check that measure, delay, limit and splits go together and with the population."""
        words, measure = POPULATIONS[form.population], form.measure
        if measure not in words.measures:
            self._fault(f"« {measure} » ne se calcule pas sur « {form.population} » : {_listed(words.measures)}", name, "mesure")
        if measure.is_timed and form.delay is None:
            self._fault(f"« {name} » : « {measure} » demande un « delai »", name)
        if form.delay is not None and (not measure.is_timed or form.delay not in words.delays):
            self._fault(f"le délai « {form.delay} » ne va pas avec « {measure} » sur « {form.population} »", name, "delai")
        limited = measure in (Measure.SHARE_WITHIN, Measure.SHARE_OVER)
        if limited is not (form.limit is not None):
            self._fault(f"« {name} » : « seuil_jours » s'écrit avec « part_sous » ou « part_au_dela », et seulement avec eux", name)
        if form.limit == "parcours" and form.population is not Population.REQUESTS:
            self._fault("« seuil_jours: parcours » ne vaut que pour les demandes", name, "seuil_jours")
        if (measure is Measure.SHARE) is not (form.denominator is not None):
            self._fault(f"« {name} » : « denominateur » s'écrit avec « part », et seulement avec elle", name)
        for rank, split in enumerate(form.splits):
            if split not in words.splits:
                self._fault(
                    f"« {form.population} » ne se répartit pas par « {split} » : {_listed(words.splits)}", name, "ventilations", rank
                )

    def _filter(self, form: IndicatorForm, counted: CountedForm | None, *path: str | int) -> Filter:
        if counted is None:
            return ()
        place = (*path, "filtre")
        allowed = POPULATIONS[form.population].filters
        for field, info in FilterForm.model_fields.items():
            key = info.alias or field
            if field in counted.keep.model_fields_set and key not in allowed:
                self._fault(f"« {key} » ne vaut pas pour « {form.population} » : {_listed(allowed)}", *place, key)
        return tuple(self._tests(counted.keep, *place))

    def _tests(self, keep: FilterForm, *place: str | int) -> Iterator[Test | CcamTest]:
        catalogue = self.catalogue
        if keep.modalities:
            yield Test("modality", tuple(str(one) for one in keep.modalities))
        if keep.exams and self._known(keep.exams, catalogue.exams, "examen", *place, "examens"):
            yield Test("exam", _with_variants(keep.exams, catalogue))
        if keep.regions and self._known(keep.regions, catalogue.regions, "région", *place, "regions"):
            inside = (name for name in catalogue.regions if not {name, *catalogue.wider_regions(name)}.isdisjoint(keep.regions))
            yield Test("region", tuple(inside))
        if keep.ccam:
            yield self._ccam(keep.ccam, *place, "ccam")
        for name in ("irradiating", "emergency", "flagged", "fast_track", "trained", "repeated", "understanding", "renounced"):
            value = getattr(keep, name)
            if value is not None:
                yield Test(name, (value,))
        for name, words in (("outcomes", OUTCOMES), ("mode", MODES), ("answers", ANSWERS)):
            if values := getattr(keep, name):
                yield Test(name, tuple(words[value] for value in values))
        for name in ("ages", "decisions", "opinions", "reasons", "by", "delay_suits", "explained", "why_renounced"):
            if values := getattr(keep, name):
                yield Test(name, tuple(values))

    def _known(self, names: list[str], among: Mapping[str, Any], what: str, *place: str | int) -> bool:
        unknown = [(rank, name) for rank, name in enumerate(names) if name not in among]
        for rank, name in unknown:
            self._fault(f"{what} inconnu(e) « {name} »", *place, rank)
        return not unknown

    def _ccam(self, codes: list[str], *place: str | int) -> CcamTest:
        exams: dict[str, None] = {}
        for rank, code in enumerate(codes):
            exam = self.catalogue.by_ccam(code)
            if exam is None:
                self._fault(f"code CCAM inconnu du catalogue « {code} »", *place, rank)
            else:
                exams[exam] = None
        carried = {code for exam in exams for code in _acts_of(exam, self.catalogue)}
        return CcamTest(tuple(codes), tuple(exams), tuple(sorted(carried - set(codes))))

    def _target(self, name: str, form: IndicatorForm) -> Target | None:
        target = form.target
        if target is None:
            return None
        given = [one for one in (target.value, target.growth, target.compared) if one is not None]
        if len(given) != 1:
            self._fault("une cible s'écrit « valeur », « progression_pourcent » ou « face_a_la_reference », et une seule", name, "cible")
        if form.direction is Direction.NONE:
            self._fault("un indicateur « informatif » n'a pas de cible : dire le sens souhaité", name, "cible")
        if (target.compared == "stable") is not (target.tolerance is not None):
            self._fault("« tolerance_pourcent » s'écrit avec « face_a_la_reference: stable », et seulement avec elle", name, "cible")
        if form.direction is Direction.STABLE and target.compared != "stable":
            self._fault("le sens « stable » se vise par « face_a_la_reference: stable »", name, "cible")
        if target.value is not None and form.measure.is_share and not 0 <= target.value <= 1:
            self._fault(f"une part s'écrit de 0 à 1, non {target.value:g}", name, "cible", "valeur")
        years = {key: value for key, value in (target.growth or {}).items() if isinstance(key, int)}
        if target.growth is not None and (not years or not all(EARLIEST_YEAR <= year <= LATEST_YEAR for year in years)):
            self._fault("« progression_pourcent » commence par une année : {2025: 3, ensuite: 5}", name, "cible", "progression_pourcent")
        if target.growth is not None and form.cadence is not Cadence.YEAR:
            self._fault("une progression annuelle demande « periode: annee »", name, "cible")
        afterwards = (target.growth or {}).get("ensuite")
        return Target(target.value, years or None, afterwards, target.compared or "", target.tolerance or 0.0)


def _listed(words: frozenset[Any]) -> str:
    return "écrire " + ", ".join(sorted(map(str, words)))


def _with_variants(exams: list[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Return exams with all those of which they are the parents."""
    found: dict[str, None] = {}
    queue = list(exams)
    while queue:
        exam = queue.pop(0)
        if exam not in found:
            found[exam] = None
            queue += catalogue.variants(exam)
    return tuple(found)


def _acts_of(exam: str, catalogue: Catalogue) -> Iterator[str]:
    """Yield every CCAM act that means an exam: its own, and those of the national table."""
    yield from catalogue.exams[exam].ccam
    yield from (
        code for code, coded in catalogue.codes.exams.items() if exam in coded.exams and len(code) == len("QEQK001") and code[:4].isalpha()
    )
