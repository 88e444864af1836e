"""What to do instead: the exams that the rule supports, non-irradiating first, then the rest of its advice."""

from __future__ import annotations

from pertimage.cds.dose import spared
from pertimage.cds.logic import holds
from pertimage.cds.model import Alternative, Outcome, Policy
from pertimage.cds.situations import Conclusion
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.schema import Modality, Verdict

WAIT_AND_SEE = "surveiller, et réévaluer si un signe nouveau apparaît"


def alternatives(
    conclusion: Conclusion, exam: str | None, catalogue: Catalogue, policy: Policy, spare: bool = False
) -> tuple[Alternative, ...]:
    """Return what the rule proposes instead of the exam; never empty for an exam that it does not support.

    ``spare``: the patient's dose calls for vigilance, what has no rays comes first, even where it holds in some cases only.
    """
    if conclusion.outcome is Outcome.INCOMPLETE:
        return ()
    if conclusion.outcome is Outcome.NOT_INDICATED:
        return (_no_imaging(conclusion),)
    found = (
        [Alternative("none", f"D'abord : {first}") for first in conclusion.rule.first] if conclusion.outcome is Outcome.ALTERNATIVE else []
    )
    offers = _exams(conclusion, exam, catalogue, policy)
    found.extend(spared(offers) if spare else offers)
    if conclusion.outcome is Outcome.APPROPRIATE:
        return tuple(one for one in found if one.msv == 0 and not _is_free(exam, catalogue) and (spare or not one.when))
    if not found:
        advice = conclusion.rule.instead or (conclusion.position.when,) if conclusion.position else conclusion.rule.instead
        found = [Alternative("none", "; ".join(part for part in advice if part) or "Demander d'abord un avis spécialisé")]
    return tuple(found)


def _no_imaging(conclusion: Conclusion) -> Alternative:
    return Alternative("none", f"Pas d'imagerie : {'; '.join(conclusion.rule.instead) or WAIT_AND_SEE}")


def _is_free(exam: str | None, catalogue: Catalogue) -> bool:
    return exam is None or not catalogue.exams[exam].modality.irradiating


def _exams(conclusion: Conclusion, exam: str | None, catalogue: Catalogue, policy: Policy) -> list[Alternative]:
    own = conclusion.position.exam if conclusion.position else exam
    ranked = []
    for place, (name, position) in enumerate(conclusion.rule.positions.items()):
        if name in (own, exam) or name in policy.exams_unavailable or not _safe(name, conclusion, catalogue):
            continue
        sure = position.verdict is Verdict.INDICATED or (
            position.condition is not None and holds(position.condition, conclusion.facts) is True
        )
        if sure or (position.verdict is Verdict.SPECIFIC_CASES and position.when):
            entry = catalogue.exams[name]
            ranked.append(
                (
                    (not sure, entry.modality.irradiating, entry.dose.msv or 0.0, place),
                    _offer(name, "" if sure else position.when, catalogue),
                )
            )
    return [offer for _, offer in sorted(ranked, key=lambda pair: pair[0])]


def _safe(name: str, conclusion: Conclusion, catalogue: Catalogue) -> bool:
    """Say whether nothing known of the patient rules the exam out."""
    entry, truth = catalogue.exams[name], conclusion.facts.truth
    if entry.modality is Modality.MRI and truth.get("contre-indication-irm"):
        return False
    if entry.contrast and entry.modality is Modality.CT and truth.get("contre-indication-contraste"):
        return False
    return not (entry.modality.irradiating and entry.uterus_in_field and truth.get("grossesse"))


def _offer(name: str, when: str, catalogue: Catalogue) -> Alternative:
    entry = catalogue.exams[name]
    return Alternative(name, entry.label, when, entry.dose.dose_class, entry.dose.msv, entry.tariff_eur)
