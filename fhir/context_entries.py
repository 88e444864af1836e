"""Entries of the record: antecedents, allergies, treatments, devices, gestures, read into the facts they state.

Codes first; the words of an entry when its codes state nothing. An allergy « to iodine » is told apart from one to a contrast
medium; « no known allergy » is an answer, not a silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pertimage.cds.model import Code, Sex, Status
from pertimage.fhir.context_facts import DISCARDED, DOUBTED, OVER, Facts, code_set, first_day, states
from pertimage.fhir.context_observations import PREGNANCY_PRESENT_DAYS
from pertimage.fhir.context_words import tells_hysterectomy
from pertimage.fhir.history import CONTRAST, FALSE_IODINE, HYSTERECTOMIES, TERRAIN, is_contrast_allergy, is_iodine_allergy
from pertimage.fhir.record import contained_in
from pertimage.fhir.systems import codings, words
from pertimage.fhir.values import items, mapping, text

# NONE_KNOWN: how long « no known device » or « no known medicine » is held (parameter of the project).
RECENT_DAYS, RECENT_SURGERY_DAYS, NONE_KNOWN_DAYS = 31, 28, 366
_SAID_ON = ("recordedDate", "recordedOn", "dateAsserted", "effectiveDateTime", "effectivePeriod", "timingDateTime", "authoredOn")
ENTRIES = ("Condition", "AllergyIntolerance", "MedicationStatement", "MedicationRequest", "MedicationUsage")
DEVICES = ("Device", "DeviceUseStatement", "DeviceUsage", "DeviceAssociation")
# SNOMED CT and the absent-unknown code system of the International Patient Summary (HL7 IPS).
_NONE_KNOWN = {
    "716186003": (CONTRAST,), "409137002": (CONTRAST,), "no-known-allergies": (CONTRAST,), "no-known-medication-allergies": (CONTRAST,),
    "787481004": ("anticoagulant", "metformine"), "no-known-medications": ("anticoagulant", "metformine"),
    "787483001": ("dispositif-implante",), "no-known-devices": ("dispositif-implante",),
}  # fmt: skip
_NO_NEWS = {
    "no-allergy-info": "allergies", "no-medication-info": "traitements", "no-problem-info": "antécédents",
    "no-device-info": "dispositifs implantés", "no-procedure-info": "actes",
}  # fmt: skip
# The whole of the words: « pas d'allergie à l'aspirine » says nothing of contrast media.
_NO_ALLERGY = re.compile(
    r"nka|nkda|no known (drug )?allerg(y|ies)|(pas|aucune|absence) (d['’]|de )?(allergies?|antécédents? allergiques?)( médicamenteuses?)?( connue?s?)?\W*",
    re.IGNORECASE,
)
# MR safety of a device (ASTM F2503): NCI Thesaurus codes of the FHIR value set device-safety, and plain words.
_UNSAFE, _SAFE = frozenset(("C106047", "mr-unsafe")), frozenset(("C106045", "C106046", "mr-safe", "mr-conditional"))
_UNSAFE_WORDS = re.compile(
    r"\bmr[ -]?unsafe\b|non (irm|mr)[ -]compatible|incompatible (avec l['’])?irm|contre-indi\w+ (à l['’])?irm", re.IGNORECASE
)
_SAFE_WORDS = re.compile(r"\bmr[ -]?(safe|conditional)\b|(irm|mr)[ -]compatible|compatible (avec l['’])?irm", re.IGNORECASE)
_REFUSES_MRI, _INCOMPATIBLE, _DEVICE = "contre-indication-irm", "dispositif-irm-incompatible", "dispositif-implante"
# Devices implanted, whether or not the lexicon names them; the national value set counts stents and caval filters among them (MED-1120).
_IMPLANTED = re.compile(
    r"implant|pompe|\bclips?\b|\bcoils?\b|stent|filtre cave|valve|dérivation ventric|électrode|neurostim|\bholter|capteur|pacemaker|defibrillator"
    r"|endoprothèse|expandeur",
    re.IGNORECASE,
)
# Not in the body: « MR unsafe » says nothing of the patient.
_BESIDE = re.compile(
    r"fauteuil|\blit\b|canne|déambulateur|béquille|audioproth|appareil auditif|prothèses? auditive|attelle|orthèse|oxyg[eè]n|\bppc\b|cpap",
    re.IGNORECASE,
)
_PLACED = re.compile(
    r"(pose|implantation|mise en place|insertion)\b.*(pompe|neurostim|électrode|\bclips?\b|\bcoils?\b|cochléaire)", re.IGNORECASE
)
_SURGERY_CATEGORY = "387713003"
_SURGERY = re.compile(
    r"chirurg|intervention|ectomie\b|plastie\b|ostéosynthèse|arthroscopie|prothèse|césarienne|laparotomie|cœlioscopie|coelioscopie|pontage",
    re.IGNORECASE,
)
_SURGERY_FACT = "geste-recent"


def read_entry(kind: str, resource: dict[str, Any], facts: Facts) -> None:
    """Read an antecedent, an allergy or a treatment."""
    concepts = _concepts(resource, facts)
    codes = [code for concept in concepts for code in codings(concept)]
    if _nothing_known(kind, resource, codes, concepts, facts) or resource.get("doNotPerform") is True:
        return
    said = " ; ".join(word for concept in concepts for word in words(concept))
    if not said and not codes and resource.get("medicationReference"):
        facts.say("traitement noté au dossier mais non transmis")
    stated = _allergy(codes, said, facts) if kind == "AllergyIntolerance" else _stated(codes, said, facts)
    if stated:  # not most of a record
        _keep(kind, resource, stated, facts)


def _concepts(resource: dict[str, Any], facts: Facts) -> list[Any]:
    """Return what an entry is about: its code, its medicine (R4, R5, referenced or contained), the substances of its reactions."""
    medication = mapping(resource.get("medication"))
    reference = mapping(resource.get("medicationReference")) or mapping(medication.get("reference"))
    found = [resource.get("code"), resource.get("medicationCodeableConcept"), medication.get("concept")]
    if reference:
        medicine = facts.resolve(reference.get("reference"), contained_in(resource))
        found += [medicine.get("code"), {"text": reference.get("display")}]
        for ingredient in items(medicine.get("ingredient")):
            item = mapping(ingredient).get("itemCodeableConcept") or mapping(mapping(ingredient).get("item")).get("concept")
            found.append(item)
    if "reaction" in resource:
        found += [mapping(reaction).get("substance") for reaction in items(resource.get("reaction"))]
    return [concept for concept in found if concept]


def _nothing_known(kind: str, resource: dict[str, Any], codes: Sequence[Code], concepts: list[Any], facts: Facts) -> bool:
    """Read an entry that says that there is nothing, or that nothing is known; say whether it is one."""
    written = {code.code for code in codes}
    if states(resource) & DISCARDED:
        return True
    none = next((_NONE_KNOWN[code] for code in written if code in _NONE_KNOWN), ())
    if kind == "AllergyIntolerance" and any(_NO_ALLERGY.fullmatch(word) for concept in concepts for word in words(concept)):
        none = (CONTRAST,)
    for fact in _still_said(none, kind, resource, facts):
        facts.keep(fact, Status.ABSENT, kind)
    for code in written & _NO_NEWS.keys():
        facts.say(f"{_NO_NEWS[code]} : le dossier dit n'en rien savoir")
    return bool(none or written & _NO_NEWS.keys())


def _still_said(none: tuple[str, ...], kind: str, resource: dict[str, Any], facts: Facts) -> tuple[str, ...]:
    """Return the facts that « nothing known » excludes: none when it is over, or too old for what may have come since."""
    if not none or states(resource) & {"inactive", "resolved", "stopped"}:
        return ()
    days = facts.days_since(first_day(resource, *_SAID_ON))
    if kind != "AllergyIntolerance" and days is not None and days > NONE_KNOWN_DAYS:
        facts.say("« aucun traitement » ou « aucun dispositif connu » de plus d'un an : non retenu")
        return ()
    return none


def _stated(codes: Sequence[Code], said: str, facts: Facts) -> dict[str, Status]:
    """Return the facts of an entry, present unless its words say otherwise."""
    found = dict.fromkeys(facts.facts_of(codes), Status.PRESENT)
    if not found and said:
        found = dict(facts.facts_of.in_words(said))
    if any(code.code in HYSTERECTOMIES for code in codes):
        found["grossesse"] = Status.ABSENT
    return found


def _allergy(codes: Sequence[Code], said: str, facts: Facts) -> dict[str, Status]:
    found = dict.fromkeys(facts.facts_of(codes), Status.PRESENT)
    if is_contrast_allergy(said, codes):
        found[CONTRAST] = Status.PRESENT
    elif is_iodine_allergy(said):
        found |= {fact: Status.PRESENT for fact in (FALSE_IODINE, CONTRAST) if facts.facts_of.knows(fact)} if not found else {}
        if FALSE_IODINE in found:
            found.pop(CONTRAST, None)
    elif not found and said:
        found = dict(facts.facts_of.in_words(said if said.casefold().startswith("allerg") else f"allergie à {said}"))
    return found


def _keep(kind: str, resource: dict[str, Any], stated: dict[str, Status], facts: Facts) -> None:
    standing = states(resource)
    over = bool(standing & OVER) or any(key.startswith("abatement") and value for key, value in resource.items())
    days = facts.days_since(first_day(resource, "onsetDateTime", "onsetPeriod", "recordedDate"))
    for fact, said in stated.items():
        if said is Status.ABSENT:
            if not standing & DOUBTED:
                facts.keep(fact, said, kind)
        elif (status := _standing(fact, over, bool(standing & DOUBTED) or said is Status.HYPOTHETICAL, days)) is not None:
            facts.keep(fact, Status.PAST if said is Status.PAST else status, kind)


def _standing(fact: str, over: bool, doubted: bool, days: int | None) -> Status | None:
    """Return how an entry of the record stands: over, doubted, lasting, recent, or merely past."""
    if fact == "grossesse" and (over or (days is not None and days > PREGNANCY_PRESENT_DAYS)):
        return None
    if over:
        return Status.PAST
    if doubted:
        return Status.HYPOTHETICAL
    lasting = fact in TERRAIN or fact in (FALSE_IODINE, "grossesse")
    return Status.PRESENT if lasting or (days is not None and days <= RECENT_DAYS) else Status.PAST


def read_device(kind: str, resource: dict[str, Any], facts: Facts) -> None:
    """Read an implanted device, or its use: what it is, and what is said of its safety in MRI."""
    standing = states(resource)
    if standing & DISCARDED or standing & DOUBTED:
        return
    device = resource if kind == "Device" else _used(resource, facts)
    concepts = [concept for one in (resource, device) for concept in _kinds_of_device(one)]
    codes = [code for concept in concepts for code in codings(concept)]
    if _nothing_known(kind, resource, codes, concepts, facts):
        return
    said = " ; ".join(dict.fromkeys([word for concept in concepts for word in words(concept)] + _names(resource) + _names(device)))
    if not said and not codes and kind != "Device":
        facts.say("dispositif noté au dossier mais non transmis")
    stated = _stated(codes, said, facts)
    if _IMPLANTED.search(said) and facts.facts_of.knows(_DEVICE):
        stated = {_DEVICE: Status.PRESENT, **stated}
    for fact in _with_mri_safety(stated, device, said):
        facts.keep(fact, Status.PAST if standing & OVER else Status.PRESENT, kind)


def _used(use: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """Return the Device that a use (R4) or usage (R5) is of."""
    device = mapping(use.get("device"))
    reference = device.get("reference")
    return facts.resolve(mapping(reference).get("reference") if isinstance(reference, dict) else reference, contained_in(use))


def _kinds_of_device(resource: dict[str, Any]) -> list[Any]:
    """Return the concepts that say what a device is; R5 has several types and a CodeableReference."""
    device = mapping(resource.get("device"))
    return [*items(resource.get("type")), device.get("concept"), {"text": device.get("display")}]


def _names(device: dict[str, Any]) -> list[str]:
    names = [*items(device.get("deviceName")), *items(device.get("name"))]
    found = [text(mapping(name).get("name")) or text(mapping(name).get("value")) for name in names]
    return [name for name in (*found, text(device.get("displayName"))) if name]


def _with_mri_safety(stated: Iterable[str], device: dict[str, Any], said: str) -> list[str]:
    """Return the facts of a device, once its safety in MRI is known; a device said to be conditional stays a device to check."""
    safety = [concept for key in ("safety", "property") for concept in items(device.get(key))]
    codes = {code for concept in safety for code in code_set(concept)}
    told = " ; ".join((said, *(word for concept in safety for word in words(concept))))
    found = list(stated) or ([_DEVICE] if codes & _UNSAFE and not _BESIDE.search(told) else [])
    if found and (codes & _UNSAFE or _UNSAFE_WORDS.search(told)):
        return list(dict.fromkeys((*found, _REFUSES_MRI, _INCOMPATIBLE)))
    if codes & _SAFE or _SAFE_WORDS.search(told):
        return [fact for fact in found if fact != _REFUSES_MRI]
    return found


def read_procedure(resource: dict[str, Any], facts: Facts) -> None:
    """Read a gesture that was done: a device implanted, a hysterectomy, a reaction to a contrast medium, a recent operation."""
    status = states(resource)
    codes = list(codings(resource.get("code")))
    if _nothing_known("Procedure", resource, codes, [resource.get("code")], facts) or status & {
        "preparation",
        "not-done",
        "intended",
        "unknown",
    }:
        return
    complications = [word for one in items(resource.get("complication")) for word in words(mapping(one).get("concept") or one)]
    name = " ; ".join(words(resource.get("code")))
    stated = _stated(codes, " ; ".join((name, *complications)), facts)
    done = text(resource.get("status")) in ("", "completed")
    if _PLACED.search(name) and facts.facts_of.knows(_DEVICE):
        stated.setdefault(_DEVICE, Status.PRESENT)
    if tells_hysterectomy(name) and facts.sex is not Sex.MALE:
        stated["grossesse"] = Status.ABSENT
    for fact, said in stated.items():
        if fact != "grossesse" or (done and said is Status.ABSENT):
            facts.keep(fact, said, "Procedure")
    if not _SURGERY.search(name) and not any(_SURGERY_CATEGORY in code_set(category) for category in items(resource.get("category"))):
        return
    days = facts.days_since(first_day(resource, "performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"))
    if days is not None and 0 <= days <= RECENT_SURGERY_DAYS and facts.facts_of.knows(_SURGERY_FACT):
        facts.keep(_SURGERY_FACT, Status.PRESENT, "Procedure")
