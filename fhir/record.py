"""The patient's record as it came with the request: resources found by reference and by subject, in one pass.

Prefetch, Bundle entries and contained resources all end here. Nothing is judged; what could not be had is remarked on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pertimage.fhir.values import items, mapping, tail, text

_MAX_DEPTH = 4
_SUBJECT_KEYS = ("subject", "patient", "for")


class Record:
    """Resources by reference and by subject. ``remarks`` says in French what is missing, without any identity."""

    def __init__(self) -> None:
        self.patients: list[dict[str, Any]] = []
        self.remarks: list[str] = []
        self._patient_by_reference: dict[str, dict[str, Any]] = {}
        self._filed: list[tuple[str, dict[str, Any]]] = []
        self._by_reference: dict[str, dict[str, Any]] = {}
        self._by_subject: dict[str, list[dict[str, Any]]] = {}
        self._aliases: dict[str, str] = {}
        self._full_names: dict[str, list[str]] = {}

    def add(self, resource: dict[str, Any], full_url: str = "") -> None:
        """File one resource under its references and its subject."""
        self._filed.append((full_url, resource))
        if text(resource.get("resourceType")) == "Patient":
            name = text(resource.get("id"))
            self.patients.append(resource)
            for reference in (full_url, f"Patient/{name}"):
                self._patient_by_reference.setdefault(reference, resource)
            if full_url and name and tail(full_url) != name:
                self._aliases[tail(full_url)] = name
                self._full_names.setdefault(name, []).append(tail(full_url))
        else:
            self._by_subject.setdefault(subject_of(resource), []).append(resource)

    def add_all(self, value: Any, label: str, depth: int = 0) -> None:
        """File what a prefetch value or a Bundle holds; an error or a further page becomes a remark."""
        resource = mapping(value)
        kind = resource.get("resourceType")
        if kind == "OperationOutcome":
            self.remarks.append(f"données « {label[:40]} » non obtenues")
        elif kind == "Bundle" or (kind is None and "entry" in resource):
            if any(text(mapping(link).get("relation")) == "next" for link in items(resource.get("link"))):
                self.remarks.append(f"liste « {label[:40]} » incomplète (suite non transmise)")
            for full_url, inner in entries(resource):
                if depth < _MAX_DEPTH:
                    nested = inner.get("resourceType") in ("Bundle", "OperationOutcome")
                    self.add_all(inner, label, depth + 1) if nested else self.add(inner, full_url)
        elif isinstance(kind, str):
            self.add(resource)

    def resolve(self, reference: Any, contained: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Return the resource that a reference points to, here or in ``contained``; an empty one when it is not here."""
        wanted = text(reference)
        if not wanted:
            return {}
        if wanted.startswith("#"):
            return contained.get(wanted[1:], {})
        short = "/".join(wanted.split("/_history/")[0].split("/")[-2:])
        return self._found(wanted) or self._found(short)

    def _found(self, reference: str) -> dict[str, Any]:
        """Return the first resource filed under a reference, or an empty one; the index is made when it is first needed."""
        for full_url, resource in self._filed:
            name = text(resource.get("id"))
            for known in (full_url, f"{text(resource.get('resourceType'))}/{name}" if name else ""):
                if known:
                    self._by_reference.setdefault(known, resource)
        self._filed.clear()
        return self._by_reference.get(reference, {})

    def patient(self, subject: str) -> dict[str, Any]:
        """Return the Patient of that id; when no subject is named, the only Patient there is."""
        if not subject:
            return self.patients[0] if len(self.patients) == 1 else {}
        known = self._patient_by_reference
        return known.get(f"Patient/{subject}") or known.get(f"Patient/{self._aliases.get(subject)}") or known.get(subject) or {}

    def about(self, subject: str) -> Iterator[dict[str, Any]]:
        """Yield the resources about a patient: those that name the subject, and those that name nobody.

        Without a subject, everything is about the patient if the record speaks of one patient only, else nothing is.
        """
        if subject:
            name = self._aliases.get(subject, subject)
            subjects = list(dict.fromkeys((subject, name, *self._full_names.get(name, ()))))
        else:
            named = [name for name in self._by_subject if name]
            subjects = named if len({self._aliases.get(name, name) for name in named}) <= 1 else []
        for name in ["", *subjects]:
            yield from self._by_subject.get(name, ())

    def speaks_of_others(self, subject: str) -> bool:
        """Say whether part of the record is about somebody else than the subject."""
        alias = self._aliases.get(subject, subject)
        return bool(subject) and any(self._aliases.get(name, name) != alias for name in self._by_subject if name)


def entries(bundle: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (fullUrl, resource) of a Bundle's entries; a bare resource in place of an entry is accepted."""
    for entry in items(bundle.get("entry")):
        found = mapping(entry)
        resource = found if isinstance(found.get("resourceType"), str) else mapping(found.get("resource"))
        if resource:
            yield text(found.get("fullUrl")), resource


def contained_in(resource: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the contained resources by id."""
    return {text(mapping(inner).get("id")): mapping(inner) for inner in items(resource.get("contained")) if mapping(inner)}


def subject_of(resource: dict[str, Any]) -> str:
    """Return the id of the patient that a resource is about; empty when it names none."""
    for key in _SUBJECT_KEYS:
        subject = resource.get(key)
        if isinstance(subject, dict) and (name := tail(subject.get("reference"))):
            return name
    return ""
