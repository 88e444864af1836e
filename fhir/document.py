"""A signed request as a FHIR document: a Composition and all that it names, the PDF among it. Every reference resolves inside.

Identity was never kept: the patient is a resource without name nor number, people are the register's pseudonyms. What the prescriber
wrote is there as written.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pertimage.fhir.publisher import Publisher
from pertimage.fhir.resources import bundle, instant, kept, reference_to
from pertimage.fhir.systems import LOINC, URI
from pertimage.fhir.traces import provenance
from pertimage.fhir.vocabularies import OVERRIDES

DOCUMENT, PDF = "-document", "-pdf"
# The request of imaging acts of the CI-SIS (« Demande d'actes d'imagerie »).
_TYPE = {"coding": [{"system": LOINC, "code": "55115-0"}], "text": "Demande d'examen d'imagerie"}
_TITLE = "Demande d'examen d'imagerie"
_LANGUAGE = "fr-FR"
_OUTSIDE = {"display": "Ressource du dossier de l'appelant, hors de ce document"}
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# Where each resource says whom it is about.
_PATIENT = {"ServiceRequest": "subject", "GuidanceResponse": "subject", "DetectedIssue": "patient", "Task": "for"}
_SECTIONS = (
    ("Demande", ("ServiceRequest",)), ("Avis reçu", ("GuidanceResponse", "DetectedIssue")), ("Relecture et traces", ("Task", "Provenance")),
    ("Document imprimable", ("DocumentReference",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Maintained:
    """Why the exam of a rank was kept against the advice: a code of the reasons (empty: none), words, when."""

    rank: int
    reason: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Filed:
    """A request with all that was made of it. ``at`` is when it became what it is, ``author`` the prescriber's pseudonym.

    ``resources`` are its ServiceRequest, then those of its judgement and of its review; ``state`` says in French where it stands.
    """

    request: str
    version: int
    at: datetime
    signed_at: datetime
    author: str
    state: str
    resources: Sequence[dict[str, Any]]
    pdf: bytes
    gender: str = ""
    withdrawn: bool = False
    maintained: Sequence[Maintained] = field(default=())


def document(filed: Filed, publisher: Publisher) -> dict[str, Any]:
    """Return the Bundle, the same for the same state of the request."""
    own = [_completed(one, filed, publisher) for one in filed.resources]
    signed = provenance(
        f"ServiceRequest/{filed.request}", filed.signed_at, publisher, author=_author(filed), activity="CREATE", role="author"
    )
    clinical = [*own, signed | {"id": f"{filed.request}-signature"}, document_reference(filed, publisher)]
    people = list(_people([*clinical, composition(filed, clinical)], publisher))
    made = [composition(filed, clinical), _patient(filed), *people, *clinical, binary(filed)]
    known = {f"{one['resourceType']}/{one['id']}" for one in made}
    closed = [_closed(one, known) for one in made]
    body = bundle(closed, filed.at, publisher)
    version = f"{publisher.page('fhir', 'Composition', filed.request + DOCUMENT)}/{filed.version}"
    return {**body, "type": "document", "identifier": {"system": URI, "value": f"urn:uuid:{uuid5(NAMESPACE_URL, version)}"}}


def composition(filed: Filed, clinical: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the table of contents of the document; nobody attests it, for it bears no signature."""
    return kept({
        "resourceType": "Composition",
        "id": f"{filed.request}{DOCUMENT}",
        "language": _LANGUAGE,
        "status": "final",
        "type": _TYPE,
        "subject": reference_to(_subject(filed)),
        "date": instant(filed.at),
        "author": [reference_to(_author(filed))],
        "title": f"{_TITLE} (retirée)" if filed.withdrawn else _TITLE,
        "section": list(_sections(filed, clinical)),
    })  # fmt: skip


def document_reference(filed: Filed, publisher: Publisher) -> dict[str, Any]:
    """Return what points to the PDF of a request; that of a request withdrawn is no longer to be used."""
    return kept({
        "resourceType": "DocumentReference",
        "id": f"{filed.request}{DOCUMENT}",
        "language": _LANGUAGE,
        "status": "superseded" if filed.withdrawn else "current",
        "type": _TYPE,
        "subject": reference_to(_subject(filed)),
        "date": instant(filed.at),
        "author": [reference_to(_author(filed)), reference_to(publisher.device)],
        "description": filed.state,
        "content": [{"attachment": _attachment(filed, publisher)}],
        "context": {"related": [{"reference": f"ServiceRequest/{filed.request}"}]},
    })  # fmt: skip


def _attachment(filed: Filed, publisher: Publisher) -> dict[str, Any]:
    return {
        "contentType": "application/pdf", "language": _LANGUAGE, "url": publisher.page("fhir", "Binary", f"{filed.request}{PDF}"),
        "size": len(filed.pdf), "hash": base64.b64encode(hashlib.sha1(filed.pdf, usedforsecurity=False).digest()).decode(),
        "title": _TITLE, "creation": instant(filed.at),
    }  # fmt: skip


def binary(filed: Filed) -> dict[str, Any]:
    """Return the PDF as a resource."""
    data = base64.b64encode(filed.pdf).decode()
    return {"resourceType": "Binary", "id": f"{filed.request}{PDF}", "contentType": "application/pdf", "data": data}


def _author(filed: Filed) -> str:
    return f"Practitioner/{filed.author}"


def _subject(filed: Filed) -> str:
    return f"Patient/{filed.request}-patient"


def _patient(filed: Filed) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": f"{filed.request}-patient", "gender": filed.gender or "unknown"}


def _completed(resource: dict[str, Any], filed: Filed, publisher: Publisher) -> dict[str, Any]:
    """Return a resource with its patient and what its prescriber did: asked for the exam, kept it against the advice."""
    kind = resource["resourceType"]
    about: dict[str, Any] = {_PATIENT[kind]: reference_to(_subject(filed))} if kind in _PATIENT else {}
    if kind == "ServiceRequest":
        about["requester"] = resource.get("requester") or reference_to(_author(filed))
    if kind == "DetectedIssue":
        why = [_mitigation(one, filed, publisher) for one in filed.maintained if _is_against(resource, one.rank, filed)]
        about["mitigation"] = [*why, *resource.get("mitigation", ())]
    return kept({**resource, **about})


def _is_against(issue: Mapping[str, Any], rank: int, filed: Filed) -> bool:
    """Say whether an issue is the advice itself on the exam of a rank."""
    codes = {coding["code"] for coding in issue["code"]["coding"]}
    names = {detail["reference"] for evidence in issue.get("evidence", ()) for detail in evidence["detail"]}
    return f"GuidanceResponse/{filed.request}-{rank}" in names and not codes.isdisjoint(("alternative", "not-indicated"))


def _mitigation(one: Maintained, filed: Filed, publisher: Publisher) -> dict[str, Any]:
    coding = [OVERRIDES.coding(one.reason, publisher)] if one.reason in OVERRIDES.displays else []
    words = one.words or ("" if coding else "Demande maintenue malgré l'avis, raison non renseignée")
    return {"action": kept({"coding": coding, "text": words}), "date": instant(one.at), "author": reference_to(_author(filed))}


def _sections(filed: Filed, clinical: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for title, kinds in _SECTIONS:
        within = [one for one in clinical if one["resourceType"] in kinds]
        if within:
            entries = [{"reference": f"{one['resourceType']}/{one['id']}"} for one in within]
            yield {"title": title, "text": _narrative(_words(title, filed, within)), "entry": entries}


def _words(title: str, filed: Filed, within: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a section's narrative."""
    if title == "Document imprimable":
        return ["Le document PDF de la demande."]
    said = [filed.state] if title == "Demande" else []
    for one in within:
        notes = [note["text"] for note in one.get("note", ())]
        actions = [_text(done["action"]) for done in one.get("mitigation", ())]
        said += [
            _text(one.get("code")),
            *notes,
            one.get("detail", ""),
            one.get("description", ""),
            _text(one.get("statusReason")),
            *actions,
        ]
    return list(dict.fromkeys(filter(None, said))) or [title]


def _text(concept: Any) -> str:
    """Return the words of a concept; nothing for what is none."""
    if not isinstance(concept, dict):
        return ""
    displays = [coding.get("display", "") for coding in concept.get("coding", ())]
    return " : ".join(filter(None, dict.fromkeys((*displays[:1], concept.get("text", "")))))


def _narrative(lines: Iterable[str]) -> dict[str, str]:
    said = "".join(f"<p>{escape(_CONTROLS.sub('', line))}</p>" for line in lines)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr" lang="fr">{said}</div>'}


def _people(resources: Iterable[Mapping[str, Any]], publisher: Publisher) -> Iterator[dict[str, Any]]:
    """Yield the professionals that resources name, and the service itself."""
    names = sorted({name for one in resources for name in _references(one)})
    for name in names:
        kind, _, identifier = name.partition("/")
        if kind == "Practitioner":
            pseudonym = {"system": f"{publisher.canonical.rstrip('/')}/NamingSystem/pseudonyme", "value": identifier}
            yield {"resourceType": "Practitioner", "id": identifier, "identifier": [pseudonym]}
    _, _, device = publisher.device.partition("/")
    yield {"resourceType": "Device", "id": device, "deviceName": [{"name": publisher.name, "type": "user-friendly-name"}]}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(named := value.get("reference"), str):
            yield named
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _closed(value: Any, known: set[str]) -> Any:
    """Return a value whose references stay within the document, without the characters that FHIR forbids."""
    if isinstance(value, str):
        return _CONTROLS.sub("", value)
    if isinstance(value, list):
        return [_closed(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    named = value.get("reference")
    if isinstance(named, str) and "resourceType" not in value and not named.startswith("#") and named not in known:
        return dict(_OUTSIDE)
    return {key: _closed(item, known) for key, item in value.items()}
