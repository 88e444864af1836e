"""Describing the sites where exams are done: read from YAML or CSV with French keys, checked line by line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pertimage.guidelines.schema import Modality
from pertimage.guidelines.source import Document, Fault
from pertimage.guidelines.words import fold

LARGEST, MOST = 2_000_000, 5_000  # bytes of a file, places in it
EARTH_KM = 6371.0088  # mean radius (IUGG)
_LIST, _PHRASES = re.compile(r"\s*[;|,\n]\s*"), re.compile(r"\s*[;|\n]\s*")
_SLUG = r"^[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*$"
TECHNIQUES: Mapping[str, Modality] = {
    "radiographie": Modality.RADIOGRAPHY, "radio": Modality.RADIOGRAPHY, "radiologie": Modality.RADIOGRAPHY, "scopie": Modality.FLUOROSCOPY,
    "mammographie": Modality.MAMMOGRAPHY, "osteodensitometrie": Modality.DENSITOMETRY, "scanner": Modality.CT, "tdm": Modality.CT,
    "irm": Modality.MRI, "echographie": Modality.ULTRASOUND, "scintigraphie": Modality.SCINTIGRAPHY, "medecine nucleaire": Modality.SCINTIGRAPHY,
    "tep": Modality.PET, "arteriographie": Modality.ANGIOGRAPHY, "angiographie": Modality.ANGIOGRAPHY,
} | {modality.value.lower(): modality for modality in Modality}  # fmt: skip
ACCESS: Mapping[str, str] = {
    "fauteuil": "accessible en fauteuil roulant", "stationnement-pmr": "stationnement PMR", "table-variable": "table à hauteur variable",
    "transfert": "aide au transfert, lève-personne", "brancard": "accueil en brancard", "boucle-magnetique": "boucle magnétique",
    "lsf": "accueil en langue des signes (LSF)",
    "falc": "explications faciles à lire (FALC)", "accompagnant": "accompagnant admis",
    "signaletique": "signalétique pour malvoyants", "calme": "accueil au calme (autisme, anxiété)",
}  # fmt: skip
LANGUAGES: Mapping[str, str] = {
    "fr": "français", "en": "anglais", "ar": "arabe", "pt": "portugais", "tr": "turc", "uk": "ukrainien", "es": "espagnol", "de": "allemand", "it": "italien",
    "ro": "roumain", "ru": "russe", "pl": "polonais", "zh": "chinois", "nl": "néerlandais", "eu": "basque", "oc": "occitan", "br": "breton",
}  # fmt: skip


def _words(value: Any) -> Any:
    """Return the words of a list written in one cell."""
    return [part for part in _LIST.split(value) if part] if isinstance(value, str) else value


def _phrases(value: Any) -> Any:
    """Return the parts of a list written in one cell; a comma is part of « IRM 1,5 T »."""
    return [part for part in _PHRASES.split(value) if part] if isinstance(value, str) else value


def _one_of(known: Mapping[str, str], what: str) -> Any:
    names = {fold(name).replace("-", " "): code for code, name in known.items()} | {fold(code).replace("-", " "): code for code in known}

    def read(value: Any) -> list[str]:
        found = []
        for part in _words(value) or []:
            code = names.get(fold(str(part)).replace("-", " "))
            if code is None:
                raise ValueError(f"{what} inconnu(e) « {part} » ; écrire : {', '.join(known)}")
            found.append(code)
        return list(dict.fromkeys(found))

    return read


def _modalities(value: Any) -> list[Modality]:
    found = []
    for part in _words(value) or []:
        modality = TECHNIQUES.get(fold(str(part)).replace("-", " "))
        if modality is None:
            raise ValueError(f"technique inconnue « {part} » ; écrire par exemple : radiographie, échographie, scanner, IRM, mammographie")
        found.append(modality)
    return list(dict.fromkeys(found))


def _text(value: Any) -> Any:
    return "" if value is None else str(value).strip() if isinstance(value, str | int) else value


Line = Annotated[str, BeforeValidator(_text)]


class Place(BaseModel):
    """A site as its catalogue describes it. Coordinates are in degrees (WGS 84); ``techniques`` are DICOM codes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(pattern=_SLUG, max_length=64)
    name: Line = Field(alias="nom", min_length=1, max_length=200)
    town: Line = Field(alias="commune", min_length=1, max_length=100)
    postcode: Line = Field(alias="code_postal", pattern=r"^(?:0[1-9]|[1-8]\d|9[0-8]|2[ABab])\d{3}$")
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    techniques: Annotated[list[Modality], BeforeValidator(_modalities)] = Field(min_length=1)
    equipment: Annotated[list[Line], BeforeValidator(_phrases)] = Field(default=[], alias="equipements", max_length=50)
    hours: Line = Field(default="", alias="horaires", max_length=500)
    access: Annotated[list[str], BeforeValidator(_one_of(ACCESS, "accès"))] = Field(default=[], alias="acces")
    languages: Annotated[list[str], BeforeValidator(_one_of(LANGUAGES, "langue"))] = Field(default=[], alias="langues")
    phone: Line = Field(default="", alias="telephone", pattern=r"^(?:\+?[\d .\-()]{4,25})?$")

    def document(self) -> dict[str, Any]:
        """Return what the register keeps."""
        return self.model_dump(mode="json")

    def distance_to(self, other: Place) -> float | None:
        """Return the distance as the crow flies, in km (haversine, on a sphere of ``EARTH_KM``); None without coordinates."""
        if None in (self.latitude, self.longitude, other.latitude, other.longitude):
            return None
        here, there = math.radians(self.latitude or 0.0), math.radians(other.latitude or 0.0)
        turn = math.radians((other.longitude or 0.0) - (self.longitude or 0.0))
        chord = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(turn / 2) ** 2
        return 2 * EARTH_KM * math.asin(math.sqrt(min(chord, 1.0)))


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    form: Mapping[str, Any]


def read_places(content: bytes, shown: str) -> tuple[list[Place], list[Fault]]:
    """Return the places of a file (CSV with a header, else a YAML list), and every fault with its line; no place when there is one."""
    if len(content) > LARGEST:
        return [], [Fault(shown, 0, f"fichier de plus de {LARGEST // 1_000_000} Mo")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        return [], [Fault(shown, 0, "ce n'est pas un fichier de texte (octet nul) : l'enregistrer en CSV ou en YAML")]
    rows, faults = _csv_rows(text, shown) if shown.lower().endswith((".csv", ".txt", ".tsv")) else _yaml_rows(text, shown)
    if len(rows) > MOST:
        return [], [Fault(shown, 0, f"plus de {MOST} sites")]
    if not rows and not faults:
        faults = [Fault(shown, 0, "aucun site")]
    places = list(_read(rows, shown, faults))
    return ([] if faults else places), faults


def _csv_rows(text: str, shown: str) -> tuple[list[_Row], list[Fault]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    header = lines.partition("\n")[0]
    delimiter = max(";\t,", key=header.count)
    reader = csv.reader(io.StringIO(lines), delimiter=delimiter, strict=True)
    try:
        columns = [fold(name).strip().replace(" ", "_").replace("-", "_") for name in next(reader, [])]
        faults = list(_columns(columns, shown))
        return ([], faults) if faults else _cells(reader, columns, delimiter, shown)
    except csv.Error as error:
        return [], [Fault(shown, reader.line_num, f"ligne illisible ({error}) : fermer les guillemets")]


def _columns(columns: list[str], shown: str) -> Iterator[Fault]:
    known = sorted(field.alias or name for name, field in Place.model_fields.items())
    yield from (
        Fault(shown, 1, f"colonne inconnue « {name} » ; les colonnes sont : {', '.join(known)}") for name in columns if name not in known
    )
    yield from (
        Fault(shown, 1, f"colonne écrite deux fois : « {name} »") for name in sorted({name for name in columns if columns.count(name) > 1})
    )


def _cells(reader: Any, columns: list[str], delimiter: str, shown: str) -> tuple[list[_Row], list[Fault]]:
    """Return the rows by the names of their columns; an empty cell is not given."""
    rows, faults = [], []
    for written in reader:
        if len(written) > len(columns):
            faults.append(Fault(shown, reader.line_num, f"plus de cellules que de colonnes : le séparateur lu est « {delimiter} »"))
            continue
        cells = {name: value.strip() for name, value in zip(columns, written, strict=False) if value.strip()}
        if cells:
            rows.append(
                _Row(reader.line_num, cells | {key: cells[key].replace(",", ".") for key in ("latitude", "longitude") if key in cells})
            )
    return rows, faults


def _yaml_rows(text: str, shown: str) -> tuple[list[_Row], list[Fault]]:
    try:
        document = Document(text, shown)
    except RecursionError:
        return [], [Fault(shown, 1, "texte trop imbriqué : une liste de sites tient en deux niveaux")]
    if document.faults:
        return [], document.faults
    if not isinstance(document.value, list):
        return [], [Fault(shown, 1, "écrire une liste de sites : « - id: … », un tiret par site")]
    rows, faults = [], []
    for rank, form in enumerate(document.value):
        if isinstance(form, dict):
            rows.append(_Row(document.line(rank), form))
        else:
            faults.append(document.fault("un site s'écrit « id: …, nom: … »", rank))
    return rows, faults


def _read(rows: Iterable[_Row], shown: str, faults: list[Fault]) -> Iterator[Place]:
    from pydantic import ValidationError

    seen: dict[str, int] = {}
    for row in rows:
        try:
            place = Place.model_validate(dict(row.form), by_alias=True, by_name=False)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                key = ".".join(str(part) for part in item["loc"][:1])
                faults.append(Fault(shown, row.line, _french(key, item)))
            continue
        if place.id in seen:
            faults.append(Fault(shown, row.line, f"id « {place.id} » déjà donné ligne {seen[place.id]}"))
            continue
        seen[place.id] = row.line
        yield place


_SAID = {
    "id": "id : lettres sans accent, chiffres et tirets, comme dans l'export d'activité", "code_postal": "code_postal : cinq caractères (09000, 2A000)",
    "latitude": "latitude : un nombre de degrés entre -90 et 90", "longitude": "longitude : un nombre de degrés entre -180 et 180",
    "telephone": "telephone : chiffres, espaces, points et « + »", "techniques": "techniques : au moins une",
}  # fmt: skip


def _french(key: str, item: Mapping[str, Any]) -> str:
    """Return a fault of pydantic in words."""
    kind = item["type"]
    if kind == "missing":
        return f"« {key} » manque"
    if kind == "extra_forbidden":
        return f"clé inconnue « {key} »"
    if kind == "value_error":
        return f"{key} : {str(item['msg']).removeprefix('Value error, ')}"
    if kind in ("string_too_long", "too_long"):
        return f"« {key} » est trop long"
    if kind == "string_too_short":
        return f"« {key} » est vide"
    return _SAID.get(key, f"« {key} » n'est pas lisible")
