"""Sheets of the guidelines as FHIR R4 PlanDefinition: readable by any FHIR tool, executable by none.

A rule is an action with its condition in words. The condition language of the sheets is neither CQL nor FHIRPath, and a
translation could be wrong without anybody seeing it: ``Expression.language`` is ``text/plain`` (its binding is extensible, any
media type is allowed), so that no engine mistakes the sentence for an expression. What is executable is ``$assess``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pertimage.fhir.corrections import exam_concept
from pertimage.fhir.publisher import ExamOf, Publisher
from pertimage.fhir.systems import ICD10, ICPC2
from pertimage.guidelines.base import Flag, Position, Rule, Sheet
from pertimage.guidelines.conditions import Condition, FlagTest
from pertimage.guidelines.schema import Source, Verdict

# Says a condition in French.
Say = Callable[[Condition], str]

_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
_USAGE = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_UCUM = "http://unitsofmeasure.org"
_STATUS = {"brouillon": "draft", "relu": "draft", "publie": "active", "retire": "retired"}
_PRIORITY = {1: "asap", 2: "urgent", 3: "routine"}
_SEX: Mapping[str, str] = {"female": "Femme", "male": "Homme"}
_WARNING = (
    "Règles de pertinence rédigées en langage clair, à lire par un humain : leurs conditions ne sont pas exécutables. Elles se lisent dans l'ordre et "
    "la première qui est vraie conclut. Dispositif non marqué CE."
)
_DRAFT = " Brouillon : aucun comité n'a relu cette fiche."
_VERDICTS = {Verdict.INDICATED: "Indiqué", Verdict.SPECIFIC_CASES: "Cas particuliers", Verdict.SPECIALIST: "Avis spécialisé d'abord"}


@dataclass(frozen=True, slots=True)
class PlanWriter:
    """Writes sheets as PlanDefinitions: who publishes, what exams are, how conditions are said."""

    publisher: Publisher
    exam_of: ExamOf
    say: Say

    def url(self, sheet: str) -> str:
        """Return the canonical address of a sheet's PlanDefinition."""
        return f"{self.publisher.canonical.rstrip('/')}/PlanDefinition/{sheet}"

    def plan(self, sheet: Sheet, version: str) -> dict[str, Any]:
        """Return the PlanDefinition of a sheet; ``version`` names what it says today (its digest)."""
        form, validity = sheet.form, sheet.form.validity
        period = {"start": sheet.since.isoformat()} | ({"end": sheet.until.isoformat()} if sheet.until else {})
        about: dict[str, Any] = {
            "resourceType": "PlanDefinition", "id": sheet.id, "language": "fr", "url": self.url(sheet.id), "version": version, "name": _name(sheet.id),
            "title": sheet.title, "type": {"coding": [{"system": _TYPE, "code": "eca-rule"}]}, "status": _STATUS[sheet.state],
            "experimental": sheet.state != "publie", "date": validity.checked.isoformat(), "publisher": self.publisher.name,
            "description": self._description(sheet), "useContext": list(_contexts(sheet)),
            "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "FR", "display": "France"}]}],
            "purpose": "Dire si un examen d'imagerie demandé est soutenu par le référentiel, et lequel vaudrait mieux.",
            "usage": _WARNING + ("" if sheet.state == "publie" else _DRAFT), "lastReviewDate": validity.checked.isoformat(), "effectivePeriod": period,
            "reviewer": [{"name": name} for name in validity.reviewers], "relatedArtifact": [*self._pages(sheet), *map(citation, form.sources.values())],
            "action": [self._rules(sheet)],
        }  # fmt: skip
        return {key: value for key, value in about.items() if value not in ([], "")}

    def _pages(self, sheet: Sheet) -> list[dict[str, Any]]:
        page = self.publisher.sheet_page(sheet.id)
        return [
            {"type": "documentation", "display": "La fiche", "url": page},
            {"type": "documentation", "display": "La fiche en JSON, conditions comprises", "url": f"{page}.json"},
        ]

    def _rules(self, sheet: Sheet) -> dict[str, Any]:
        return {
            "id": "regles", "title": sheet.title, "textEquivalent": "La première règle vraie conclut.",
            "trigger": [{"type": "named-event", "name": name} for name in ("order-select", "order-sign")],
            "groupingBehavior": "logical-group", "selectionBehavior": "at-most-one",
            "action": [self._rule(rule, rank, sheet) for rank, rule in enumerate(sheet.rules, 1)],
        }  # fmt: skip

    def _rule(self, rule: Rule, rank: int, sheet: Sheet) -> dict[str, Any]:
        exams = [self._exam(position, sheet) for position in rule.positions.values() if position.verdict is not Verdict.NOT_INDICATED]
        priority = "stat" if rule.emergency else _PRIORITY.get(rule.priority or 0)
        return {
            "id": rule.id, "prefix": str(rank), "title": rule.id.replace("-", " "), "description": rule.why, "textEquivalent": self._text(rule),
            **({"priority": priority} if priority else {}), "documentation": [citation(source) for source in rule.sources],
            "condition": [self._condition(rule.condition, sheet)],
            **({"groupingBehavior": "logical-group", "selectionBehavior": "any", "action": exams} if exams else {}),
        }  # fmt: skip

    def _text(self, rule: Rule) -> str:
        """Return what the rule says that no element of an action says: the pathway, what is not indicated, what to do instead."""
        avoided = [self._label(position.exam) for position in rule.positions.values() if position.verdict is Verdict.NOT_INDICATED]
        parts = [
            "Urgences ou 15, sans attendre." if rule.emergency else "", f"D'abord : {' ; '.join(rule.first)}." if rule.first else "",
            f"Non indiqué : {', '.join(avoided)}." if avoided else "", f"À la place : {' ; '.join(rule.instead)}." if rule.instead else "",
        ]  # fmt: skip
        return " ".join(filter(None, parts)) or rule.why

    def _exam(self, position: Position, sheet: Sheet) -> dict[str, Any]:
        """Return an exam as an action; its position is in its title, for it is not an order to do it."""
        exam = self.exam_of(position.exam)
        action: dict[str, Any] = {"title": f"{self._label(position.exam)} : {_VERDICTS[position.verdict].lower()}"}
        if exam is not None:
            action["code"] = [exam_concept(exam, self.publisher)]
        if position.when:
            action["textEquivalent"] = position.when
        if position.condition:
            action["condition"] = [self._condition(position.condition, sheet)]
        return action

    def _label(self, exam: str) -> str:
        found = self.exam_of(exam)
        return found.label if found else exam

    def _condition(self, condition: Condition, sheet: Sheet) -> dict[str, Any]:
        """Return a condition in words; one on « a red flag » is described by the red flags that it means."""
        expression = {"language": "text/plain", "expression": self.say(condition)}
        levels = {test.level for tests in condition for test in tests if isinstance(test, FlagTest)}
        meant = [flag for flag in sheet.flags if levels & {"any", "emergency" if flag.emergency else "imaging"}]
        if meant:
            expression["description"] = f"Signes d'alerte : {' ; '.join(map(self._flag, meant))}"
        return {"kind": "applicability", "expression": expression}

    def _flag(self, flag: Flag) -> str:
        said = self.say(flag.condition)
        return flag.label if said == flag.label else f"{flag.label} ({said})"

    def _description(self, sheet: Sheet) -> str:
        """Return what a reader must know beyond the rules: note, red flags by level, questions, words for the patient."""
        levels = {
            "Urgences ou 15, sans attendre": [flag for flag in sheet.flags if flag.emergency],
            "Signes qui rendent l'imagerie légitime": [flag for flag in sheet.flags if not flag.emergency],
        }
        flags = [f"{words} : {' ; '.join(map(self._flag, found))}" for words, found in levels.items() if found]
        questions = " ".join(sheet.questions.values())
        asked = f"Questions posées si la réponse manque : {questions}" if questions else ""
        patient = f"Au patient : {sheet.form.patient_words}" if sheet.form.patient_words else ""
        return "\n\n".join(filter(None, [sheet.form.note, *flags, asked, patient]))


def citation(source: Source) -> dict[str, Any]:
    """Return a verified source as a citation."""
    parts = [source.organisation, source.title, str(source.year or "")]
    said = ", ".join(filter(None, parts)) + (f" ({source.where})" if source.where else "")
    return {"type": "citation", "label": source.organisation, "citation": said}


def _name(sheet: str) -> str:
    """Return a name that programs may use: « LombalgieCommune »."""
    words = "".join(part.capitalize() for part in sheet.split("-"))
    return words if words[:1].isalpha() else f"Fiche{words}"


def _contexts(sheet: Sheet) -> Iterator[dict[str, Any]]:
    """Yield what the sheet is about and whom it is for."""
    opens = sheet.form.triggers
    coding = [{"system": ICD10, "code": code} for code in opens.icd10] + [{"system": ICPC2, "code": code} for code in opens.icpc2]
    yield {
        "code": _usage("focus", "Clinical Focus"),
        "valueCodeableConcept": ({"coding": coding} if coding else {}) | {"text": sheet.title},
    }
    bounds = {"low": sheet.age_min, "high": sheet.age_max}
    limits = {name: {"value": value, "unit": "ans", "system": _UCUM, "code": "a"} for name, value in bounds.items() if value is not None}
    if limits:
        yield {"code": _usage("age", "Age Range"), "valueRange": limits}
    if sheet.sex:
        gender = {"system": "http://hl7.org/fhir/administrative-gender", "code": sheet.sex}
        yield {"code": _usage("gender", "Gender"), "valueCodeableConcept": {"coding": [gender], "text": _SEX[sheet.sex]}}


def _usage(code: str, display: str) -> dict[str, str]:
    return {"system": _USAGE, "code": code, "display": display}
