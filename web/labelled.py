"""Requests with the answer that a human expects: letters in YAML, NDJSON, tables, and the vignettes of the sheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from pertimage.cds.model import ImagingRequest, Outcome, Sex, TextPart
from pertimage.fhir import requests
from pertimage.fhir.values import BadRequest
from pertimage.guidelines.base import Sheet
from pertimage.guidelines.conditions import SEXES
from pertimage.web.prescriptions import request_of_row, table_delimiter, table_rows
from pertimage.web.vignettes import WRITTEN, as_request

EITHER = "libre"
_FRENCH = {outcome.french: str(outcome) for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A request, where it is written, and what it must be answered.

    ``emergency`` is None when both pathways can be defended; ``rule`` is ``<sheet>/<rule>`` when that matters;
    ``doubt`` is the clinical reason for which the answer is known to differ (``xfail``).
    """

    place: str
    request: ImagingRequest
    outcomes: tuple[str, ...]
    emergency: bool | None
    rule: str | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A labelled request that cannot be read, and why."""

    place: str
    error: str


def of_sheet(sheet: Sheet) -> Iterator[Labelled]:
    """Yield the vignettes of a sheet."""
    for number, vignette in enumerate(sheet.form.vignettes, 1):
        expected = vignette.expected
        rule = f"{sheet.id}/{expected.rule}" if expected.rule else None
        request = as_request(vignette, sheet.id, number)
        yield Labelled(f"{sheet.id} n° {number}", request, tuple(expected.outcomes), expected.pathway == "urgences", rule)


def of_file(path: Path) -> Iterator[Labelled | Unreadable]:
    """Yield what a file holds: YAML (a list of letters), NDJSON, or a table with the columns ``avis`` and ``circuit``."""
    if path.suffix in (".yaml", ".yml"):
        yield from _letters(path)
    elif path.suffix in (".json", ".ndjson", ".jsonl"):
        yield from _lines(path)
    else:
        yield from _table(path)


def _letters(path: Path) -> Iterator[Labelled | Unreadable]:
    try:
        letters = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        yield Unreadable(path.name, f"YAML illisible : {error}")
        return
    if not isinstance(letters, list):
        yield Unreadable(path.name, "une liste de demandes est attendue")
        return
    for number, letter in enumerate(letters, 1):
        yield _checked(f"{path.stem}-{number}", letter)


def _lines(path: Path) -> Iterator[Labelled | Unreadable]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                place = f"{path.stem}-{number}"
                try:
                    yield _checked(place, orjson.loads(line))
                except orjson.JSONDecodeError as error:
                    yield Unreadable(place, f"JSON illisible : {error.msg}")


def _table(path: Path) -> Iterator[Labelled | Unreadable]:
    with path.open("rb") as stream:
        delimiter = table_delimiter(stream.peek(4096))
        if not delimiter:
            yield Unreadable(path.name, "un tableau avec les colonnes texte, examen, avis et circuit est attendu")
            return
        for number, _, row, error in table_rows(stream, delimiter):
            place = f"{path.stem}-{number}"
            if row is None:
                yield Unreadable(place, error)
                continue
            try:
                expected = {
                    "avis": row.get("outcome", "").replace("|", " ").split(),
                    "circuit": row.get("pathway") or None,
                    "regle": row.get("rule"),
                }
                yield _labelled(place, request_of_row(row, place, WRITTEN), expected, row.get("xfail", ""))
            except ValueError as fault:
                yield Unreadable(place, str(fault))


def _checked(place: str, entry: Any) -> Labelled | Unreadable:
    try:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("attendu"), Mapping):
            raise ValueError("« attendu: {avis, circuit} » manque")
        return _labelled(place, _request(place, entry), entry["attendu"], str(entry.get("xfail", "")))
    except (ValueError, KeyError, TypeError, BadRequest) as error:
        return Unreadable(place, str(error))


def _request(place: str, entry: Mapping[str, Any]) -> ImagingRequest:
    """Return the request of an entry: a FHIR resource, or ``texte``, ``examen``, ``age``, ``sexe``."""
    if "resourceType" in entry:
        orders = requests.read({key: value for key, value in entry.items() if key not in ("attendu", "xfail")}, WRITTEN)
        if not orders:
            raise ValueError("aucune demande d'imagerie")
        return orders[0].request
    sex = entry.get("sexe")
    return ImagingRequest(
        id=place, exam_text=entry.get("examen") or "", texts=(TextPart("reasonCode", entry["texte"]),), age=entry.get("age"),
        sex=Sex(SEXES[sex]) if sex else None, authored=WRITTEN,
    )  # fmt: skip


def _labelled(place: str, request: ImagingRequest, expected: Mapping[str, Any], doubt: str) -> Labelled:
    given = expected.get("avis") or ()
    wanted = [_FRENCH.get(word, word) for word in ([given] if isinstance(given, str) else given)]
    outcomes = tuple(str(Outcome(word)) for word in wanted)
    if not outcomes:
        raise ValueError("« avis » manque : appropriate, alternative, not-indicated, incomplete ou no-guidance")
    pathway = expected.get("circuit")
    if pathway not in (None, "urgences", EITHER):
        raise ValueError(f"circuit « {pathway} » : écrire urgences, {EITHER}, ou rien")
    return Labelled(place, request, outcomes, None if pathway == EITHER else pathway == "urgences", expected.get("regle") or None, doubt)
