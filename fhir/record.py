"""The patient's record as it came with the request: resources found by reference and by subject, in one pass.

Prefetch, Bundle entries and contained resources all end here. Nothing is judged; what could not be had is remarked on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pertimage.fhir.values import items, mapping, tail, text

_MAX_DEPTH = 4
# Searches of which the last results are wanted, not all: that others exist is no loss.
LATEST_ONLY = frozenset(("grossesse", "creatinine", "dfg", "poids"))
# What a hook call is expected to send: name, keys of the prefetch, kinds of resources. What is not sent is said.
_EXPECTED = (
    ("antécédents", {"conditions"}, {"Condition"}),
    ("allergies", {"allergies"}, {"AllergyIntolerance"}),
    ("traitements", {"traitements", "declarations"}, {"MedicationRequest", "MedicationStatement", "MedicationUsage"}),
    ("dispositifs implantés", {"dispositifs", "implants"}, {"Device", "DeviceUseStatement", "DeviceUsage", "DeviceAssociation"}),
    ("fonction rénale", {"creatinine", "dfg"}, {"Observation"}),
    ("examens antérieurs", {"imagerie", "comptes-rendus"}, {"ImagingStudy", "DiagnosticReport"}),
)  # fmt: skip
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
        self._places: dict[tuple[str, str], tuple[list[dict[str, Any]], int]] = {}

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
            self._file(resource)

    def _file(self, resource: dict[str, Any]) -> None:
        """File a resource under its subject, once: of two versions the later is kept, and what was sent twice is read once."""
        filed = self._by_subject.setdefault(subject_of(resource), [])
        key = (text(resource.get("resourceType")), text(resource.get("id")))
        known = self._places.get(key) if key[1] else None
        if known is None:
            self._places[key] = filed, len(filed)
            filed.append(resource)
            return
        place, rank = known
        earlier, later = _version(place[rank]), _version(resource)
        if earlier != later and "" not in (earlier[1], later[1]) and place is filed:
            place[rank] = resource if later > earlier else place[rank]
        elif (earlier != later or not later[1]) and place[rank] != resource:
            filed.append(resource)

    def add_all(self, value: Any, label: str, depth: int = 0) -> None:
        """File what a prefetch value, a list or a Bundle holds; an error, a further page or an unreadable value becomes a remark."""
        if isinstance(value, list) and depth < _MAX_DEPTH:
            for item in value:
                self.add_all(item, label, depth + 1)
            return
        resource = mapping(value)
        kind = resource.get("resourceType")
        if value not in (None, {}, "", []) and not isinstance(kind, str) and "entry" not in resource:
            self._remark(f"données « {label[:40]} » illisibles")
        elif kind == "OperationOutcome":
            self._remark(f"données « {label[:40]} » non obtenues")
        elif kind == "Bundle" or (kind is None and "entry" in resource):
            self._remark_what_lacks(resource, label)
            if depth >= _MAX_DEPTH:
                self._remark(f"données « {label[:40]} » trop imbriquées : non lues")
            for full_url, inner in entries(resource):
                if depth < _MAX_DEPTH:
                    nested = inner.get("resourceType") in ("Bundle", "OperationOutcome")
                    self.add_all(inner, label, depth + 1) if nested else self.add(inner, full_url)
        elif isinstance(kind, str):
            self.add(resource)

    def _remark_what_lacks(self, bundle: dict[str, Any], label: str) -> None:
        """Say that a list is partial: it has a further page, or fewer entries than it announces."""
        if label in LATEST_ONLY:
            return
        sent, total = len(items(bundle.get("entry"))), bundle.get("total")
        if has_next(bundle):
            self._remark(f"liste « {label[:40]} » incomplète (suite non transmise)")
        elif isinstance(total, int) and not isinstance(total, bool) and total > sent:
            self._remark(f"liste « {label[:40]} » incomplète ({sent} sur {total})")

    def _remark(self, said: str) -> None:
        if said not in self.remarks:
            self.remarks.append(said)

    def kinds(self) -> set[str]:
        """Return the kinds of resources that are here."""
        return {text(resource.get("resourceType")) for filed in self._by_subject.values() for resource in filed}

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


def has_next(bundle: dict[str, Any]) -> bool:
    """Say whether a Bundle announces a further page."""
    return any(text(mapping(link).get("relation")) == "next" for link in items(bundle.get("link")))


def _version(resource: dict[str, Any]) -> tuple[int, str]:
    """Return what orders the versions of a resource: by number where they have one, else as written; empty when unsaid."""
    meta = resource.get("meta")
    version = text(mapping(meta).get("versionId")) if meta else ""
    return (int(version) if version.isascii() and version.isdigit() and len(version) < 19 else 0), version


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


def not_sent(prefetch: dict[str, Any], record: Record) -> list[str]:
    """Return what the call does not send, in one remark; a null is an answer: nothing was found."""
    kinds = record.kinds()
    lacking = [name for name, keys, holds in _EXPECTED if keys.isdisjoint(prefetch) and holds.isdisjoint(kinds)]
    return [f"{', '.join(lacking)} (non transmis)"] if lacking else []
