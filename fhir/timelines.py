"""The timeline of exams told by FHIR resources: requests, appointments, studies and reports that speak of the same exam, joined.

The reader is tolerant: a resource that lacks something still says the rest. Resources come in any order and any number; what is
being joined waits in a temporary SQLite file, which vanishes with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

KINDS = ("ServiceRequest", "ImagingStudy", "Appointment", "DiagnosticReport")
FIELDS = (
    "numero",
    "patient",
    "site",
    "modalite",
    "examen",
    "code",
    "demande",
    "rendez_vous",
    "realisation",
    "compte_rendu",
    "naissance",
    "sexe",
    "statut",
)
_ACCESSION = "ACSN"
_CCAM_MARKS = ("ccam", "1.2.250.1.215.300.1")
_GENDERS = {"female": "F", "male": "M"}
_VOID = frozenset(["cancelled", "entered-in-error", "revoked", "noshow"])
_REPORTED = frozenset(["final", "amended", "corrected", "appended", "preliminary", "partial"])


@dataclass(frozen=True, slots=True)
class Part:
    """What one resource says of an exam: the names it goes by, those it refers to, and its values by field."""

    line: int
    kind: str
    names: tuple[str, ...]
    links: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)


def parts(document: Any, line: int, address: str = "") -> Iterator[Part]:
    """Yield what a resource, or those of a Bundle or of a list, say; what is of another type says nothing."""
    if isinstance(document, list):
        for one in document:
            yield from parts(one, line)
    elif not isinstance(document, dict):
        return
    elif document.get("resourceType") == "Bundle":
        for entry in _list(document.get("entry")):
            if isinstance(entry, dict):
                yield from parts(entry.get("resource"), line, _text(entry.get("fullUrl")))
    elif document.get("resourceType") in (*KINDS, "Patient"):
        yield _part(document, line, address)


def _part(resource: Mapping[str, Any], line: int, address: str) -> Part:
    kind, identity = str(resource["resourceType"]), _text(resource.get("id"))
    names = [f"{kind}/{identity}"] if identity else []
    if address:
        names.append(_reference(address))
    if kind == "Patient":
        about = {"naissance": _text(resource.get("birthDate")), "sexe": _GENDERS.get(_text(resource.get("gender")), "")}
        return Part(line, kind, tuple(names), (), _said(about))
    identifiers = [one for one in _list(resource.get("identifier")) if isinstance(one, dict) and _text(one.get("value"))]
    names += [f"{'acc' if _is_accession(one) else 'id'}|{_text(one['value'])}" for one in identifiers]
    links = [name for key in ("basedOn", "imagingStudy", "study") for one in _list(resource.get(key)) for name in _links(one)]
    if kind == "Appointment":
        links += [
            name for one in _list(resource.get("supportingInformation")) for name in _links(one) if name.startswith("ServiceRequest/")
        ]
    values = _READERS[kind](resource) | {"patient": _patient(resource), "site": _site(resource)}
    return Part(line, kind, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(links)), _said(values))


def _request(resource: Mapping[str, Any]) -> dict[str, str]:
    code, label = _coding(resource.get("code"))
    return {
        "code": code, "examen": label, "demande": _text(resource.get("authoredOn")),
        "statut": _text(resource.get("status")) if resource.get("status") in _VOID else "",
    }  # fmt: skip


def _appointment(resource: Mapping[str, Any]) -> dict[str, str]:
    return {"rendez_vous": "" if resource.get("status") in _VOID else _text(resource.get("start"))}


def _study(resource: Mapping[str, Any]) -> dict[str, str]:
    if resource.get("status") in _VOID:
        return {}
    series = [one.get("modality") for one in _list(resource.get("series")) if isinstance(one, dict)]
    codes = [_coding(one)[0] for one in [*_list(resource.get("modality")), *series]]
    procedure = next(iter(_list(resource.get("procedureCode"))), None) or next(iter(_list(resource.get("procedure"))), None)
    code, label = _coding(procedure)
    technique = next((one for one in codes if one and one not in ("SR", "KO", "PR", "OT", "SEG")), "")
    return {
        "realisation": _text(resource.get("started")),
        "modalite": technique,
        "code": code,
        "examen": label or _text(resource.get("description")),
    }


def _report(resource: Mapping[str, Any]) -> dict[str, str]:
    if resource.get("status") not in _REPORTED:
        return {}
    code, label = _coding(resource.get("code"))
    period = resource.get("effectivePeriod")
    done = _text(resource.get("effectiveDateTime")) or (_text(period.get("start")) if isinstance(period, dict) else "")
    return {"compte_rendu": _text(resource.get("issued")), "realisation": done, "code": code, "examen": label}


_READERS = {"ServiceRequest": _request, "Appointment": _appointment, "ImagingStudy": _study, "DiagnosticReport": _report}


def _said(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    return value.strip()[:400] if isinstance(value, str) else ""


def _reference(reference: str) -> str:
    """Return a reference without its server and its version (``ServiceRequest/1``)."""
    segments = reference.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(segments[-2:]) if len(segments) > 1 else reference


def _links(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    reference, identifier = _text(value.get("reference")), value.get("identifier")
    if reference and not reference.startswith("#"):
        yield _reference(reference)
    if isinstance(identifier, dict) and _text(identifier.get("value")):
        yield f"{'acc' if _is_accession(identifier) else 'id'}|{_text(identifier['value'])}"


def _is_accession(identifier: Mapping[str, Any]) -> bool:
    kind = identifier.get("type")
    return isinstance(kind, dict) and any(isinstance(one, dict) and one.get("code") == _ACCESSION for one in _list(kind.get("coding")))


def _coding(value: Any) -> tuple[str, str]:
    """Return code and label of a Coding or of a CodeableConcept, a CCAM code before any other."""
    if not isinstance(value, dict):
        return "", ""
    if isinstance(value.get("concept"), dict):  # R5: CodeableReference
        return _coding(value["concept"])
    codings = [one for one in _list(value.get("coding")) if isinstance(one, dict)] or [value]
    first = next((one for one in codings if any(mark in _text(one.get("system")).lower() for mark in _CCAM_MARKS)), codings[0])
    label = _text(value.get("text")) or next((_text(one.get("display")) for one in codings if _text(one.get("display"))), "")
    return _text(first.get("code")), label


def _patient(resource: Mapping[str, Any]) -> str:
    subject = resource.get("subject")
    return next((name for name in _links(subject) if name), "") if isinstance(subject, dict) else ""


def _site(resource: Mapping[str, Any]) -> str:
    """Return the place that a resource names, if it is one and not a person."""
    for key in ("locationReference", "location", "performer"):
        for one in _list(resource.get(key)):
            name = next(_links(one), "") if isinstance(one, dict) else ""
            if name.startswith(("Location/", "Organization/")):
                return name.partition("/")[2]
    return ""


class Timelines:
    """Joins parts into exams. ``add`` them all, then read ``exams``; ``close`` at the end."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", check_same_thread=False)  # a temporary file, deleted when closed
        self._base.executescript(
            "CREATE TABLE part (id INTEGER PRIMARY KEY, line INT, rank INT, names TEXT, links TEXT, said TEXT, root TEXT);"
            "CREATE TABLE name (name TEXT PRIMARY KEY, root TEXT) WITHOUT ROWID;"
            "CREATE TABLE person (name TEXT PRIMARY KEY, said TEXT) WITHOUT ROWID;"
            "PRAGMA journal_mode=off; PRAGMA synchronous=off;"
        )

    def close(self) -> None:
        """Forget everything."""
        self._base.close()

    def add(self, part: Part) -> None:
        """Keep what a resource says until all are there."""
        if part.kind == "Patient":
            about = orjson.dumps(dict(part.values))
            self._base.executemany("INSERT OR REPLACE INTO person VALUES (?, ?)", [(name, about) for name in part.names])
            return
        texts = (orjson.dumps(list(part.names)), orjson.dumps(list(part.links)), orjson.dumps(dict(part.values)))
        self._base.execute("INSERT INTO part VALUES (NULL, ?, ?, ?, ?, ?, NULL)", (part.line, KINDS.index(part.kind), *texts))

    def join(self) -> None:
        """Find which parts speak of the same exam: by the request they are based on, by their study, by their accession number."""
        for identity, names, links in self._base.execute("SELECT id, names, links FROM part ORDER BY rank, id"):
            root = self._root(orjson.loads(names), orjson.loads(links)) or f"part|{identity}"
            self._base.executemany("INSERT OR IGNORE INTO name VALUES (?, ?)", [(name, root) for name in orjson.loads(names)])
            self._base.execute("UPDATE part SET root = ? WHERE id = ?", (root, identity))
        self._base.execute("CREATE INDEX by_root ON part (root, rank, id)")

    def _root(self, names: list[str], links: list[str]) -> str:
        accessions = [name for name in names if name.startswith("acc|")]
        for name in (*links, *accessions):
            found = self._base.execute("SELECT root FROM name WHERE name = ?", (name,)).fetchone()
            if found:
                return str(found[0])
        requests = [name for name in links if name.startswith(("ServiceRequest/", "urn:", "acc|", "id|"))]
        return next(iter((*requests, *(name for name in names if name.startswith("ServiceRequest/")), *accessions, *names)), "")

    def exams(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield each exam: the line of its first part, and its values by field; of two resources, the request is believed first."""
        exam: dict[str, str] = {}
        last, line = None, 0
        for root, at, said in self._base.execute("SELECT root, line, said FROM part ORDER BY root, rank, id"):
            if root != last:
                if last is not None:
                    yield line, self._whole(last, exam)
                exam, last, line = {}, root, at
            exam = orjson.loads(said) | exam
        if last is not None:
            yield line, self._whole(last, exam)

    def _whole(self, root: str, exam: dict[str, str]) -> dict[str, str]:
        patient = exam.get("patient", "")
        about = self._base.execute("SELECT said FROM person WHERE name = ?", (patient,)).fetchone() if patient else None
        number = root.partition("|")[2] or root.rpartition("/")[2]
        return (
            exam
            | {"numero": number, "patient": patient.partition("|")[2] or patient.rpartition("/")[2]}
            | (orjson.loads(about[0]) if about else {})
        )
