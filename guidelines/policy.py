"""The policy of a project or a site, as its team writes it: a YAML document with French keys, read, checked and put in canonical form.

It says which alerts speak, to whom, at which hook and how loudly; the thresholds; the exams that cannot be had; the rules put to
silence; the local rules. ``digest`` names what it says: two documents with the same digest judge alike.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import Field

from pertimage.guidelines.base import GuidelineBase
from pertimage.guidelines.local_rules import PREFIX, LocalBody, LocalRule, overlaid, refusals
from pertimage.guidelines.schema import Form, Slug, YesNo
from pertimage.guidelines.source import Document, Fault

# What a document calls each kind of alert → the kind, as the contract writes it.
ALERT_KINDS: Mapping[str, str] = {
    "redondance": "redundancy", "dose-cumulee": "cumulative-dose", "grossesse": "pregnancy", "allaitement": "breastfeeding", "contraste-rein": "contrast-renal",
    "contraste-reaction": "contrast-reaction", "irm-dispositif": "mri-device", "irm-corps-etranger": "mri-foreign-body", "metformine": "metformin",
    "thyroide": "thyroid", "anticoagulant": "anticoagulant", "mention-legale": "legal-item", "lateralite": "laterality", "contradiction": "contradiction",
    "disponibilite": "availability",
}  # fmt: skip
KIND_WORDS: Mapping[str, str] = {
    "redundancy": "examen redondant", "cumulative-dose": "dose cumulée", "pregnancy": "grossesse", "breastfeeding": "allaitement",
    "contrast-renal": "produit de contraste et rein", "contrast-reaction": "réaction à un produit de contraste", "mri-device": "IRM et dispositif implanté",
    "mri-foreign-body": "IRM et corps étranger", "metformin": "metformine", "thyroid": "thyroïde", "anticoagulant": "anticoagulant", "legal-item": "mention légale",
    "laterality": "côté", "contradiction": "contradiction dans le texte", "availability": "disponibilité",
}  # fmt: skip
# The safety of the patient: these may be made louder, never silent nor softer.
SAFETY = frozenset((
    "pregnancy", "breastfeeding", "contrast-renal", "contrast-reaction", "mri-device", "mri-foreign-body", "metformin", "thyroid", "anticoagulant", "laterality",
))  # fmt: skip
AUDIENCES = ("prescripteur", "radiologue")
PLACES = ("order-select", "order-sign", "page")
SEVERITIES: Mapping[str, str] = {"information": "info", "attention": "warning", "critique": "critical"}
DEFAULT_QUIET_DAYS = 30

Audience = Literal["prescripteur", "radiologue"]
Place = Literal["order-select", "order-sign", "page"]
Loudness = Literal["information", "attention", "critique"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A parameter that the code reads by name: its value when no document gives one, its unit, its meaning, its limits."""

    default: float
    unit: str
    french: str
    low: float
    high: float


# Each is read by ``Policy.threshold(name, default, *of)``; ``of`` are the techniques (CT, MR…) or sheets for which it may differ.
THRESHOLDS: Mapping[str, Threshold] = {
    "dose_alerte_msv": Threshold(50.0, "mSv", "dose cumulée à partir de laquelle on le signale", 1, 500),
    "dose_fenetre_mois": Threshold(60, "mois", "durée sur laquelle la dose est cumulée", 1, 240),
    "redondance_jours": Threshold(90, "jours", "en deçà, le même examen de la même région est signalé", 0, 3650),
    "redondance_forte_jours": Threshold(30, "jours", "en deçà, ce signalement demande attention", 0, 3650),
    "dfg_iode": Threshold(30, "mL/min", "DFG au-dessous duquel l'injection iodée se discute", 15, 60),
    "age_grossesse_min": Threshold(15, "ans", "âge à partir duquel la grossesse est demandée", 8, 18),
    "age_grossesse_max": Threshold(50, "ans", "âge jusqu'auquel la grossesse est demandée", 45, 60),
}


class SeverityForm(Form):
    """The least and the most that an alert may be."""

    min: Loudness | None = None
    max: Loudness | None = None


class VoiceForm(Form):
    """How one kind of alert speaks."""

    speaks: YesNo = Field(default=True, alias="parle")
    to: list[Audience] = Field(default=["prescripteur", "radiologue"], alias="a_qui")
    at: list[Place] = Field(default=["order-select", "order-sign", "page"], alias="quand")
    severity: SeverityForm = Field(default=SeverityForm(), alias="gravite")


class SilenceForm(Form):
    """A rule put to silence, by whom, when and why."""

    rule: str = Field(alias="regle")
    author: str = Field(alias="auteur", min_length=1)
    day: date = Field(alias="date")
    reason: str = Field(alias="motif", min_length=1)


class LocalRuleForm(Form):
    """A local rule, by whom, when and why."""

    sheet: Slug = Field(alias="fiche")
    author: str = Field(alias="auteur", min_length=1)
    day: date = Field(alias="date")
    reason: str = Field(alias="motif", min_length=1)
    start: str = Field(default="", alias="a_partir_de")
    rule: LocalBody = Field(alias="regle")

    def value(self) -> LocalRule:
        """Return the rule as the base takes it."""
        body = self.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return LocalRule(self.sheet, self.author, self.day, self.reason, _json(body), self.start)


class PolicyForm(Form):
    """A policy. What is not written keeps the service's own setting."""

    title: str = ""
    alerts: dict[str, VoiceForm] = Field(default={}, alias="alertes")
    thresholds: dict[str, float | dict[str, float]] = Field(default={}, alias="seuils")
    unavailable: list[Slug] = Field(default=[], alias="examens_indisponibles")
    silenced: list[SilenceForm] = Field(default=[], alias="regles_en_silence")
    quiet_days: int = Field(default=DEFAULT_QUIET_DAYS, alias="repetition_jours", ge=0, le=365)
    local_rules: list[LocalRuleForm] = Field(default=[], alias="regles_locales")

    @property
    def document(self) -> str:
        """Return the canonical text: the JSON of what is written, the order of its authors kept."""
        return _json(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    @property
    def digest(self) -> str:
        """Return the digest of the canonical text."""
        return hashlib.sha256(self.document.encode()).hexdigest()

    def flat_thresholds(self) -> dict[str, float]:
        """Return the thresholds by name; those of a technique or a sheet as « name.CT »."""
        flat: dict[str, float] = {}
        for name, given in self.thresholds.items():
            if isinstance(given, dict):
                flat |= {name if of == "defaut" else f"{name}.{of}": value for of, value in given.items()}
            else:
                flat[name] = given
        return flat


def read_policy(text: str, base: GuidelineBase, shown: str = "politique.yaml") -> tuple[PolicyForm | None, list[Fault]]:
    """Return the policy that a YAML text holds, and its faults with their lines; no policy when there is any fault."""
    document = Document(text, shown)
    if document.faults:
        return None, document.faults
    form = document.read(PolicyForm, {} if document.value is None else document.value)
    if form is None:
        return None, document.faults
    faults = list(_Checks(form, base, document).faults())
    return (None if faults else form), faults


def form_of(document: str) -> PolicyForm:
    """Return the policy whose canonical text this is."""
    return PolicyForm.model_validate(json.loads(document))


@dataclass(frozen=True, slots=True)
class _Checks:
    """What a policy may not say, given the base."""

    form: PolicyForm
    base: GuidelineBase
    document: Document

    def faults(self) -> Iterator[Fault]:
        yield from self._alerts()
        yield from self._thresholds()
        for exam in self.form.unavailable:
            if exam not in self.base.catalogue.exams:
                yield self.document.fault(f"examen inconnu « {exam} »{_near(exam, self.base.catalogue.exams)}", "examens_indisponibles")
        rules = tuple(rule.value() for rule in self.form.local_rules)
        for rank, why in refusals(self.base, rules).items():
            yield self.document.fault(f"règle locale « {self.form.local_rules[rank].rule.id} » refusée : {why}", "regles_locales", rank)
        yield from self._silences(overlaid(self.base, rules))

    def _alerts(self) -> Iterator[Fault]:
        for kind, voice in self.form.alerts.items():
            if kind not in ALERT_KINDS:
                yield self.document.fault(f"alerte inconnue « {kind} »{_near(kind, ALERT_KINDS)}", "alertes", kind)
                continue
            low, high = voice.severity.min, voice.severity.max
            if low and high and list(SEVERITIES).index(low) > list(SEVERITIES).index(high):
                yield self.document.fault(f"« {kind} » : la gravité min ({low}) dépasse la gravité max ({high})", "alertes", kind, "gravite")
            hushed = not voice.speaks or high is not None or set(AUDIENCES) - set(voice.to) or set(PLACES) - set(voice.at)
            if ALERT_KINDS[kind] in SAFETY and hushed:
                said = "une alerte de sécurité ne se tait pas et ne s'adoucit pas ; seule « gravite: {min: …} » est permise"
                yield self.document.fault(f"« {kind} » : {said}", "alertes", kind)

    def _thresholds(self) -> Iterator[Fault]:
        for name, value in self.form.flat_thresholds().items():
            known, _, of = name.partition(".")
            if known not in THRESHOLDS:
                yield self.document.fault(f"seuil inconnu « {known} »{_near(known, THRESHOLDS)}", "seuils", known)
                continue
            limits = THRESHOLDS[known]
            if not limits.low <= value <= limits.high:
                said = f"{value:g} est hors des bornes ({limits.low:g} à {limits.high:g} {limits.unit})"
                yield self.document.fault(f"« {name} » : {said}", "seuils", known)
            if of and of not in {str(exam.modality) for exam in self.base.catalogue.exams.values()} and of not in self.base.sheets:
                yield self.document.fault(f"« {known} » : « {of} » n'est ni une technique (CT, MR, DX…) ni une fiche", "seuils", known, of)

    def _silences(self, base: GuidelineBase) -> Iterator[Fault]:
        for rank, one in enumerate(self.form.silenced):
            sheet, _, name = one.rule.partition("/")
            rules = [rule for rule in base.sheets[sheet].rules if rule.id == name] if sheet in base.sheets else []
            if not rules:
                names = [f"{known.id}/{rule.id}" for known in base.sheets.values() for rule in known.rules]
                yield self.document.fault(f"règle inconnue « {one.rule} »{_near(one.rule, names)}", "regles_en_silence", rank)
            elif any(rule.emergency for rule in rules):
                yield self.document.fault(f"« {one.rule} » envoie aux urgences : une règle d'urgence ne se met jamais en silence", "regles_en_silence", rank)


def _near(name: str, names: object) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)  # type: ignore[call-overload]
    return f" : vouliez-vous écrire « {close[0]} » ?" if close else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


__all__ = ["ALERT_KINDS", "PREFIX", "THRESHOLDS", "PolicyForm", "Threshold", "form_of", "read_policy"]
