"""What to do instead: the exams that the rule supports, non-irradiating first, then the rest of its advice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pertimage.cds.dose import spared
from pertimage.cds.logic import holds
from pertimage.cds.model import Alternative, Outcome, Policy
from pertimage.cds.safety import Safeguard
from pertimage.cds.situations import Conclusion
from pertimage.cds.territory import Territory, by_wait
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.safety import SafetyRow
from pertimage.guidelines.schema import Verdict

WAIT_AND_SEE = "surveiller, et réévaluer si un signe nouveau apparaît"


def alternatives(
    conclusion: Conclusion,
    exam: str | None,
    catalogue: Catalogue,
    policy: Policy,
    safeguard: Safeguard,
    territory: Territory,
    spare: bool = False,
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
    supported = _exams(conclusion, exam, catalogue, policy, territory)
    offers = safeguard.guarded(supported, conclusion.rule.positions, partial(offer_of, catalogue=catalogue))
    found.extend(spared(offers) if spare else offers)
    if conclusion.outcome is Outcome.APPROPRIATE:
        return tuple(one for one in found if one.msv == 0 and not _is_free(exam, catalogue) and (spare or not one.when))
    if not found and supported:
        return (_barred(supported),)
    if not found:
        advice = conclusion.rule.instead or (conclusion.position.when,) if conclusion.position else conclusion.rule.instead
        found = [Alternative("none", "; ".join(part for part in advice if part) or "Demander d'abord un avis spécialisé")]
    return tuple(found)


def instead_of_excluded(
    conclusion: Conclusion,
    exam: str,
    catalogue: Catalogue,
    policy: Policy,
    safeguard: Safeguard,
    territory: Territory,
    excluding: Sequence[SafetyRow],
) -> tuple[Alternative, ...]:
    """Return what suits the patient in place of an exam that the rule supports and that these rows exclude; nothing when nothing does.

    What the rule foresaw for that very case comes first, then what replaces the exam, then what the rule supports as well,
    without the same technique elsewhere: a film of the thigh replaces none of the pelvis.
    """
    offer, positions = partial(offer_of, catalogue=catalogue), conclusion.rule.positions
    sure = [
        one for one in _exams(conclusion, exam, catalogue, policy, territory) if not one.when and not _elsewhere(one.exam, exam, catalogue)
    ]
    suited = {one.exam: one for one in safeguard.guarded(sure, positions, offer)}
    foreseen = [one for name, one in suited.items() if name in positions and safeguard.weighed_by(positions[name], excluding)]
    replacing = [one for one in safeguard.fallbacks(exam, excluding, positions, offer) if one.exam not in policy.exams_unavailable]
    found = {one.exam: one for one in (*foreseen, *replacing, *suited.values())}
    others = [Alternative("none", row.otherwise) for row in excluding if row.otherwise]
    return tuple(safeguard.careful_last(found.values(), offer)) or tuple(others[:1])


def _elsewhere(name: str, exam: str, catalogue: Catalogue) -> bool:
    """Say whether an exam is the same technique as another, of a region that neither contains nor is contained in its own."""
    one, other = catalogue.exams[name], catalogue.exams[exam]
    shared = {one.region, *catalogue.wider_regions(one.region)} & {other.region, *catalogue.wider_regions(other.region)}
    return one.modality is other.modality and not shared & {one.region, other.region}


def _barred(supported: Sequence[Alternative]) -> Alternative:
    """Return what to do when nothing that the rule supports suits the patient."""
    named = ", ".join(one.label for one in supported)
    return Alternative("none", f"Chez ce patient, ce que la fiche propose est contre-indiqué ({named}) : en discuter avec le radiologue")


def _no_imaging(conclusion: Conclusion) -> Alternative:
    return Alternative("none", f"Pas d'imagerie : {'; '.join(conclusion.rule.instead) or WAIT_AND_SEE}")


def _is_free(exam: str | None, catalogue: Catalogue) -> bool:
    return exam is None or not catalogue.exams[exam].modality.irradiating


def _exams(conclusion: Conclusion, exam: str | None, catalogue: Catalogue, policy: Policy, territory: Territory) -> list[Alternative]:
    """Return the exams that the rule supports beside the one asked: those surely indicated first, then by dose, then by wait."""
    own = conclusion.position.exam if conclusion.position else exam
    ranked = []
    for place, (name, position) in enumerate(conclusion.rule.positions.items()):
        if name in (own, exam) or name in policy.exams_unavailable:
            continue
        sure = position.verdict is Verdict.INDICATED or (
            position.condition is not None and holds(position.condition, conclusion.facts) is True
        )
        if sure or (position.verdict is Verdict.SPECIFIC_CASES and position.when):
            entry = catalogue.exams[name]
            ranked.append(
                (
                    (not sure, entry.modality.irradiating, entry.dose.msv or 0.0, by_wait(territory, catalogue, name), place),
                    offer_of(name, "" if sure else position.when, catalogue),
                )
            )
    return [offer for _, offer in sorted(ranked, key=lambda pair: pair[0])]


def offer_of(name: str, when: str, catalogue: Catalogue) -> Alternative:
    """Return an exam of the catalogue as an offer, under a condition."""
    entry = catalogue.exams[name]
    return Alternative(name, entry.label, when, entry.dose.dose_class, entry.dose.msv, entry.tariff_eur)
