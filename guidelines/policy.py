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
from typing import Any, Literal

from pydantic import Field, field_validator

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
    """A parameter that the code reads by name: its unit, its meaning, its limits, and the cross-cutting table whose rows it names, if any."""

    unit: str
    french: str
    low: float
    high: float
    table: str = ""


# Written ``name: value``, or ``name: {row: value}`` for those of the rows of a table.
THRESHOLDS: Mapping[str, Threshold] = {
    "dose": Threshold("mSv ou examens", "valeur d'un seuil de la table des doses", 1, 500, "dose"),
    "dose_fenetre_mois": Threshold("mois", "durée sur laquelle le seuil « cumul-vigilance » cumule la dose", 1, 240),
    "redondance_jours": Threshold("jours", "en deçà de cet intervalle, l'examen antérieur est signalé", 1, 3650, "redondance"),
    "redondance_forte_jours": Threshold("jours", "en deçà, il est signalé comme important", 0, 3650, "redondance"),
    "redondance_oubli_jours": Threshold("jours", "au-delà, un examen est trop ancien pour que l'on en parle", 30, 7300),
    "redondance_deja_demande_jours": Threshold("jours", "durée pendant laquelle un examen demandé et non fait est un doublon", 1, 730),
}


class SeverityForm(Form):
    """The least and the most that an alert may be."""

    min: Loudness | None = Field(default=None, description="La gravité, au moins.")
    max: Loudness | None = Field(default=None, description="La gravité, au plus.")


class VoiceForm(Form):
    """How one kind of alert speaks."""

    speaks: YesNo = Field(default=True, alias="parle", description="non : cette alerte n'est dite à personne.")
    to: list[Audience] = Field(
        default=["prescripteur", "radiologue"], alias="a_qui", min_length=1, description="Qui la lit : prescripteur, radiologue."
    )
    at: list[Place] = Field(
        default=["order-select", "order-sign", "page"],
        alias="quand",
        min_length=1,
        description="Quand le prescripteur la lit : order-select, order-sign, page.",
    )
    severity: SeverityForm = Field(default=SeverityForm(), alias="gravite", description="Bornes de sa gravité.")


class SilenceForm(Form):
    """A rule put to silence, by whom, when and why."""

    rule: str = Field(alias="regle", description="La règle : fiche/règle.")
    author: str = Field(alias="auteur", min_length=1, description="Qui l'a décidé.")
    day: date = Field(alias="date", description="Quand (AAAA-MM-JJ).")
    reason: str = Field(alias="motif", min_length=1, description="Pourquoi.")


class LocalRuleForm(Form):
    """A local rule, by whom, when and why."""

    sheet: Slug = Field(alias="fiche", description="La fiche à laquelle elle s'ajoute.")
    author: str = Field(alias="auteur", min_length=1, description="Qui l'a décidé.")
    day: date = Field(alias="date", description="Quand (AAAA-MM-JJ).")
    reason: str = Field(alias="motif", min_length=1, description="Pourquoi.")
    start: str = Field(default="", alias="a_partir_de", description="La règle de la fiche à partir de laquelle elle joue.")
    rule: LocalBody = Field(alias="regle", description="La règle, écrite comme dans une fiche.")

    def value(self) -> LocalRule:
        """Return the rule as the base takes it."""
        body = self.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return LocalRule(self.sheet, self.author, self.day, self.reason, _json(body), self.start)


class PolicyForm(Form):
    """A policy. What is not written keeps the service's own setting."""

    title: str = Field(default="", alias="titre", description="Nom de la politique.")
    alerts: dict[str, VoiceForm] = Field(
        default={}, alias="alertes", description="Par sorte d'alerte : si elle parle, à qui, quand, avec quelle gravité."
    )
    thresholds: dict[str, Any] = Field(default={}, alias="seuils", description="Seuils du projet, par nom.")
    unavailable: list[Slug] = Field(
        default=[], alias="examens_indisponibles", description="Examens à ne pas proposer à la place d'un autre."
    )
    silenced: list[SilenceForm] = Field(default=[], alias="regles_en_silence", description="Règles qui ne disent plus rien.")
    quiet_days: int = Field(
        default=DEFAULT_QUIET_DAYS,
        alias="repetition_jours",
        ge=0,
        le=365,
        description="Jours pendant lesquels un même avis n'interrompt qu'une fois.",
    )
    local_rules: list[LocalRuleForm] = Field(
        default=[], alias="regles_locales", description="Règles qui ajoutent à une fiche ou la resserrent."
    )

    @field_validator("thresholds", mode="after")
    @classmethod
    def _as_numbers(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Write 30 and 30.0 alike; what is no number stays, to be refused where it stands."""
        return {
            name: _number({row: _number(one) for row, one in value.items()} if isinstance(value, dict) else value)
            for name, value in given.items()
        }

    @property
    def document(self) -> str:
        """Return the canonical text: the JSON of what is written, the order of its authors kept."""
        return _json(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    @property
    def digest(self) -> str:
        """Return the digest of the canonical text."""
        return hashlib.sha256(self.document.encode()).hexdigest()

    def flat_thresholds(self) -> dict[str, float]:
        """Return the thresholds by name; those of the row of a table as « name.row »."""
        flat: dict[str, float] = {}
        for name, given in self.thresholds.items():
            flat |= {f"{name}.{row}": value for row, value in given.items()} if isinstance(given, dict) else {name: given}
        return flat


def read_policy(text: str, base: GuidelineBase, shown: str = "politique.yaml") -> tuple[PolicyForm | None, list[Fault]]:
    """Return the policy that a YAML text holds, and its faults with their lines; no policy when there is any fault."""
    try:
        document = Document(text, shown)
    except RecursionError:
        return None, [Fault(shown, 1, "texte trop imbriqué : une politique tient en quelques niveaux")]
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
                yield self.document.fault(
                    f"« {kind} » : la gravité min ({low}) dépasse la gravité max ({high})", "alertes", kind, "gravite"
                )
            hushed = not voice.speaks or high is not None or set(AUDIENCES) - set(voice.to) or set(PLACES) - set(voice.at)
            if ALERT_KINDS[kind] in SAFETY and hushed:
                said = "une alerte de sécurité ne se tait pas et ne s'adoucit pas ; seule « gravite: {min: …} » est permise"
                yield self.document.fault(f"« {kind} » : {said}", "alertes", kind)

    def _thresholds(self) -> Iterator[Fault]:
        for name, given in self.form.thresholds.items():
            if name not in THRESHOLDS:
                yield self.document.fault(f"seuil inconnu « {name} »{_near(name, THRESHOLDS)}", "seuils", name)
            elif isinstance(given, dict) is not bool(THRESHOLDS[name].table):
                wanted = "{ligne de la table: valeur}" if THRESHOLDS[name].table else "une valeur"
                yield self.document.fault(f"« {name} » attend {wanted}", "seuils", name)
            elif isinstance(given, dict):
                yield from (fault for row, value in given.items() for fault in self._of_row(name, row, value))
            else:
                yield from self._bounded(name, given, "seuils", name)

    def _of_row(self, name: str, row: str, value: object) -> Iterator[Fault]:
        """Yield what is wrong with the threshold of a row of a table."""
        rows = self._rows(name)
        if row not in rows:
            yield self.document.fault(f"« {name} » : ligne inconnue « {row} »{_near(row, rows)}", "seuils", name, row)
        elif rows[row] and isinstance(value, float) and not value.is_integer():
            yield self.document.fault(
                f"« {name} » : « {row} » compte des examens, {value:g} n'est pas un nombre entier", "seuils", name, row
            )
        else:
            yield from self._bounded(name, value, "seuils", name, row)

    def _rows(self, name: str) -> dict[str, bool]:
        """Return the rows whose threshold may be set, and whether it counts exams; « never without a change » is not an interval."""
        tables = self.base.tables
        if name == "dose":
            return {row.id: row.count is not None for row in tables.doses.thresholds} if tables.doses else {}
        rows = tables.redundancy.repeats if tables.redundancy else ()
        return {row.id: False for row in rows if row.interval or (row.interval is None and name == "redondance_forte_jours")}

    def _bounded(self, name: str, value: object, *place: str) -> Iterator[Fault]:
        limits = THRESHOLDS[name]
        if not isinstance(value, float):
            yield self.document.fault(f"« {place[-1]} » : « {value} » n'est pas un nombre", *place)
        elif not limits.low <= value <= limits.high:
            yield self.document.fault(
                f"« {name} » : {value:g} est hors des bornes ({limits.low:g} à {limits.high:g} {limits.unit})", *place
            )

    def _silences(self, base: GuidelineBase) -> Iterator[Fault]:
        for rank, one in enumerate(self.form.silenced):
            sheet, _, name = one.rule.partition("/")
            rules = [rule for rule in base.sheets[sheet].rules if rule.id == name] if sheet in base.sheets else []
            if not rules:
                names = [f"{known.id}/{rule.id}" for known in base.sheets.values() for rule in known.rules]
                yield self.document.fault(f"règle inconnue « {one.rule} »{_near(one.rule, names)}", "regles_en_silence", rank)
            elif any(rule.emergency for rule in rules):
                yield self.document.fault(
                    f"« {one.rule} » envoie aux urgences : une règle d'urgence ne se met jamais en silence", "regles_en_silence", rank
                )


def _near(name: str, names: object) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)  # type: ignore[call-overload]
    return f" : vouliez-vous écrire « {close[0]} » ?" if close else ""


def _number(value: object) -> object:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


__all__ = ["ALERT_KINDS", "PREFIX", "THRESHOLDS", "PolicyForm", "Threshold", "form_of", "read_policy"]
