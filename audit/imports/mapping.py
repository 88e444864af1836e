"""The mapping of a file: which column is which field, for which site, on which clock. Guessed, written by hand, or saved per site."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from pertimage.audit.imports.columns import STEPS, TIME_OF, Field, Guess, Vocabulary, guessed
from pertimage.audit.imports.moments import Clock, checked_zone, clock_of
from pertimage.audit.imports.refusal import FileRefused
from pertimage.audit.imports.table import Table

_SITE = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", re.IGNORECASE)
_ORDERS = {"jour-mois": False, "mois-jour": True, "": None}
_KEYS = ("site", "fuseau", "dates", "colonnes", "examens")
_VALUE_LIKE = re.compile(r"\d{5}|\d{1,2}/\d{1,2}/\d{2}")


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Headers by field. ``site`` stands for a file without that column; ``exams`` gives the exam of words of the site.

    ``month_first`` of None: judged by the dates themselves.
    """

    headers: Mapping[Field, str]
    site: str = ""
    zone: str = "Europe/Paris"
    month_first: bool | None = None
    exams: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the mapping as its file says it, without what is usual."""
        said = {"site": self.site, "fuseau": self.zone if self.zone != "Europe/Paris" else "", "dates": _order(self.month_first)}
        return {key: value for key, value in said.items() if value} | {
            "colonnes": {str(name): header for name, header in self.headers.items()},
            **({"examens": dict(self.exams)} if self.exams else {}),
        }

    def places(self, columns: Sequence[str]) -> dict[Field, int]:
        """Return the index of each field's column; raises FileRefused for a header that the file lacks."""
        found = {}
        for name, header in self.headers.items():
            if header not in columns:
                raise FileRefused(f"colonne « {header} » ({name}) absente du fichier ; colonnes présentes : {', '.join(columns[:40])}")
            found[name] = columns.index(header)
        return found

    def fits(self, columns: Sequence[str]) -> bool:
        """Say whether a file has all the columns of the mapping."""
        return all(header in columns for header in self.headers.values())

    def checked(self) -> FileMapping:
        """Return the mapping if it can import something; raises FileRefused."""
        if not any(step in self.headers for step in STEPS):
            raise FileRefused("aucune colonne de date reconnue (demande, rendez-vous, réalisation, compte rendu ou remise)")
        if not {Field.MODALITY, Field.LABEL, Field.CODE} & set(self.headers):
            raise FileRefused("aucune colonne ne dit l'examen : il faut une modalité, un code ou un libellé")
        if not self.site and Field.SITE not in self.headers:
            raise FileRefused("aucune colonne pour le site : donnez-le (--site en ligne de commande)")
        if self.site and not _SITE.fullmatch(self.site):
            raise FileRefused(f"site « {self.site[:40]} » : un code est attendu, lettres sans accent, chiffres et tirets")
        for name, time in TIME_OF.items():
            if time in self.headers and name not in self.headers:
                raise FileRefused(f"l'heure « {self.headers[time]} » n'a pas de date : nommez aussi la colonne « {name} »")
        return self

    def savable(self) -> FileMapping:
        """Return the mapping if its headers may be kept: a value in the place of a header could name a patient. Raises FileRefused."""
        odd = next((header for header in self.headers.values() if _VALUE_LIKE.search(header)), None)
        if odd is not None:
            raise FileRefused("un en-tête ressemble à une valeur (numéro ou date) : cette correspondance n'est pas enregistrée")
        return self

    def clocks(self, table: Table) -> dict[Field, Clock]:
        """Return how each date column is written, judging by the sample of a table."""
        places = self.places(table.columns)
        found = {}
        for name in (*STEPS, Field.BIRTH):
            if name in places:
                clock = clock_of((row[places[name]] for row in table.sample if places[name] < len(row)), self.zone)
                found[name] = clock if self.month_first is None else replace(clock, month_first=self.month_first)
        return found


def guess_mapping(table: Table, vocabulary: Vocabulary, site: str = "") -> tuple[FileMapping, tuple[Guess, ...]]:
    """Return the likely mapping of a table, and the guesses that it is made of."""
    guesses = guessed(table.columns, table.sample, vocabulary)
    headers = {guess.field: table.columns[guess.column] for guess in guesses}
    if site:
        headers.pop(Field.SITE, None)
    return FileMapping(headers, site), guesses


def read_mapping(text: str, name: str) -> FileMapping:
    """Return the mapping that a YAML file says; raises FileRefused naming what is wrong."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FileRefused(f"{name}{f', ligne {mark.line + 1}' if mark else ''} : YAML illisible") from None
    if not isinstance(data, dict) or not isinstance(data.get("colonnes"), dict):
        raise FileRefused(f"{name} : « colonnes: » est attendu, avec un en-tête par champ")
    return mapping_of(data, name)


def mapping_of(data: Mapping[str, Any], name: str = "correspondance") -> FileMapping:
    """Return the mapping of a document; raises FileRefused naming what is wrong."""
    unknown = [str(key) for key in data if key not in _KEYS]
    fields = {str(one): Field(one) for one in Field}
    wrong = [str(key) for key in data["colonnes"] if str(key) not in fields]
    if unknown or wrong:
        raise FileRefused(f"{name} : « {(unknown or wrong)[0][:40]} » est inconnu ; attendu : {', '.join(_KEYS if unknown else fields)}")
    order = str(data.get("dates") or "")
    if order not in _ORDERS:
        raise FileRefused(f"{name} : dates: « {order[:40]} » est inconnu ; jour-mois ou mois-jour est attendu")
    headers = {fields[str(key)]: str(header) for key, header in data["colonnes"].items() if header not in (None, "")}
    double = next((header for header in headers.values() if list(headers.values()).count(header) > 1), None)
    if double is not None:
        raise FileRefused(f"{name} : la colonne « {double[:60]} » est donnée à deux champs")
    exams = data.get("examens") or {}
    if not isinstance(exams, dict):
        raise FileRefused(f"{name} : « examens: » attend un mot du site et l'id d'un examen par ligne")
    return FileMapping(
        headers,
        str(data.get("site") or ""),
        checked_zone(str(data.get("fuseau") or "Europe/Paris")),
        _ORDERS[order],
        {str(word): str(exam) for word, exam in exams.items()},
    )


def _order(month_first: bool | None) -> str:
    return next(word for word, value in _ORDERS.items() if value is month_first)
