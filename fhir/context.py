"""What the record says of the patient, beyond the prescriber's words: age, sex, safety facts, antecedents, exams already done.

Antecedents never become the reason of the request: they are facts with a status, never text. A result too old to rely on is
unknown rather than reassuring. Each kind of resource is read by its own module (``context_observations``, ``context_entries``,
``context_exams``); this one puts them together and weighs them against one another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pertimage.cds.model import KnownFact, PriorExam, Sex, Status
from pertimage.fhir.context_entries import DEVICES, ENTRIES, read_device, read_entry, read_procedure
from pertimage.fhir.context_exams import DOSE_SUMMARY, read_exams
from pertimage.fhir.context_facts import Facts, Resolver
from pertimage.fhir.context_observations import CREATININE, GFR, PREGNANCY, WEIGHT, read_observations
from pertimage.fhir.history import TERRAIN, FactsOf
from pertimage.fhir.values import age_in_years, day, text, whole

OLDEST = 125  # years
FERTILE = (10.0, 60.0)  # years outside of which a pregnancy is doubted, yet kept (parameter of the project)
_SEXES = {
    "female": Sex.FEMALE, "f": Sex.FEMALE, "femme": Sex.FEMALE, "féminin": Sex.FEMALE,
    "male": Sex.MALE, "m": Sex.MALE, "h": Sex.MALE, "homme": Sex.MALE, "masculin": Sex.MALE,
}  # fmt: skip
_DENIABLE = {
    "allergie-contraste": "réaction à un produit de contraste", "dispositif-implante": "dispositif implanté",
    "anticoagulant": "traitement anticoagulant", "metformine": "metformine",
}  # fmt: skip
_NO_AGE = "âge du patient"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the patient on the day of the request; ``unknown`` says in French what is not."""

    age: float | None = None
    sex: Sex | None = None
    known: tuple[KnownFact, ...] = ()
    prior_exams: tuple[PriorExam, ...] = ()
    unknown: tuple[str, ...] = ()


def _nowhere(reference: Any, contained: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return contained.get(text(reference).removeprefix("#"), {})


def read_context(
    patient: dict[str, Any], resources: Iterable[dict[str, Any]], on: date | None, facts_of: FactsOf,
    resolve: Resolver = _nowhere, drafts: frozenset[str] = frozenset(),
) -> Context:  # fmt: skip
    """Return the context of a request written on a day (None: unknown, then ages and freshness are unknown too).

    ``resolve`` finds the resources that others refer to; ``drafts`` are the ids of the orders being written.
    """
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        by_kind.setdefault(text(resource.get("resourceType")), []).append(resource)
    sex = read_sex(patient)
    age, unknown = read_age(patient, on)
    facts = Facts(on, age, sex, facts_of, resolve)
    read_observations(by_kind.get("Observation", ()), facts)
    for kind in ENTRIES:
        for resource in by_kind.get(kind, ()):
            read_entry(kind, resource, facts)
    for kind in DEVICES:
        for resource in by_kind.get(kind, ()):
            read_device(kind, resource, facts)
    for resource in by_kind.get("Procedure", ()):
        read_procedure(resource, facts)
    exams = read_exams(by_kind, facts, drafts)
    _settle_pregnancy(facts)
    _say_denied(facts)
    return Context(age, sex, tuple(facts.found.values()), exams, (*unknown, *_of_patient(patient), *facts.remarks))


def read_sex(patient: dict[str, Any]) -> Sex | None:
    """Return the administrative sex, French words accepted; other and unknown are unknown."""
    return _SEXES.get(text(patient.get("gender")).casefold())


def read_age(patient: dict[str, Any], on: date | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the age in years on a day, and what is missing to know it."""
    if not patient:
        return None, ("âge et sexe du patient",)
    birth = day(patient.get("birthDate"))
    age = age_in_years(birth, on) if birth and on else None
    if age is None:
        return None, (_NO_AGE, *_why_no_age(patient.get("birthDate"), birth, on))
    return age, () if whole(patient.get("birthDate")) else ("date de naissance incomplète : âge approché",)


def _why_no_age(written: Any, birth: date | None, on: date | None) -> tuple[str, ...]:
    if birth is None:
        return ("date de naissance illisible : non retenue",) if written else ()
    if on is None:
        return ()
    return (
        ("date de naissance postérieure à la demande : non retenue",)
        if birth > on
        else (f"date de naissance donnant plus de {OLDEST} ans : non retenue",)
    )


def _of_patient(patient: dict[str, Any]) -> tuple[str, ...]:
    """Return what contradicts the request in the Patient itself."""
    dead = patient.get("deceasedBoolean") is True or bool(text(patient.get("deceasedDateTime")))
    return ("patient noté décédé dans le dossier : identité à vérifier",) if dead else ()


def _settle_pregnancy(facts: Facts) -> None:
    """Leave out a pregnancy of a man, and say it; say a pregnancy that the rest of the record contradicts."""
    pregnancy = facts.found.get("grossesse")
    if pregnancy is None or pregnancy.status is not Status.PRESENT:
        return
    if facts.sex is Sex.MALE:
        del facts.found["grossesse"]
        facts.say("grossesse notée chez un homme : non retenue, sexe et dossier à vérifier")
    elif facts.age is not None and not FERTILE[0] <= facts.age < FERTILE[1]:
        facts.say(f"grossesse notée à {facts.age:g} ans : tenue pour en cours, à vérifier")
    elif "grossesse" in facts.denied:
        facts.say("grossesse à la fois affirmée et exclue par le dossier : tenue pour en cours")


def _say_denied(facts: Facts) -> None:
    """Say what the record both affirms and denies: what warns was kept."""
    for fact, words in _DENIABLE.items():
        if fact in facts.denied and facts.found[fact].status is not Status.ABSENT:
            facts.say(f"{words} : à la fois noté et nié par le dossier, tenu pour présent")


__all__ = ["CREATININE", "DOSE_SUMMARY", "GFR", "PREGNANCY", "TERRAIN", "WEIGHT", "Context", "read_age", "read_context", "read_sex"]
