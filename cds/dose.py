"""Dose: of the exam asked, and the sum of the known exams with its uncertainty; thresholds of vigilance.

A dose received never forbids an exam: it changes the technique proposed, not the indication.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pertimage.cds.earlier import Earlier
from pertimage.cds.logic import Facts, holds
from pertimage.cds.model import Alert, AlertKind, Alternative, Dose, Policy, Severity
from pertimage.guidelines.catalogue import Catalogue
from pertimage.guidelines.dose import NATURAL_MSV_A_YEAR, DoseTable, Threshold
from pertimage.guidelines.schema import ExamForm
from pertimage.guidelines.tables import Basis

YEAR, FIVE_YEARS = 12, 60
_DAYS_A_MONTH = 365.25 / 12
_STATED = re.compile(r"(\d{1,3}(?:[.,]\d{1,3})?)\s*mSv\b", re.IGNORECASE)
_USUAL = Policy()
# The row that the two older parameters of a site stand for.
_OF_POLICY = "cumul-vigilance"


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effective dose in mSv: typical, and between which bounds."""

    msv: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def plus(self, other: Estimate) -> Estimate:
        """Return the sum; the bounds add up, which is the widest that they can be."""
        return Estimate(self.msv + other.msv, self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the known exams gave: the sum over a window, and how many exams have no known dose."""

    total: Estimate
    unknown: int


def dose_of(exam: ExamForm | None, catalogue: Catalogue) -> Estimate | None:
    """Return the dose of an exam: its own, the middle of its range, or that of the wider exam of which it is a variant; else None."""
    if exam is None:
        return None
    if not exam.modality.irradiating:
        return Estimate()
    form = exam.dose
    if form.msv is not None:
        return Estimate(form.msv, form.min if form.min is not None else form.msv, form.max if form.max is not None else form.msv)
    if form.min is not None and form.max is not None:
        return Estimate((form.min + form.max) / 2, form.min, form.max)
    for name in catalogue.parents(exam.id):
        parent = catalogue.exams[name]
        if exam.region == parent.region or parent.region in catalogue.wider_regions(exam.region):
            return dose_of(parent, catalogue)
    return None


def received(one: Earlier, catalogue: Catalogue) -> Estimate | None:
    """Return the dose of an exam done: the one that its report states, else the typical one; None when unknown."""
    stated = one.prior.msv
    if stated is None and (found := _STATED.search(one.prior.conclusion)):
        stated = float(found.group(1).replace(",", "."))
    if stated is not None:
        return Estimate(stated, stated, stated)
    return dose_of(one.exam, catalogue) if one.exam else (None if one.irradiating else Estimate())


def exposure(earlier: Iterable[Earlier], months: int | None, catalogue: Catalogue) -> Exposure:
    """Return what the exams done in the last months gave (None: ever); an exam without date counts as one without dose."""
    total, unknown = Estimate(), 0
    for one in earlier:
        if one.prior.ordered or (one.days is not None and months is not None and one.days >= months * _DAYS_A_MONTH):
            continue
        dose = received(one, catalogue)
        if dose is None or (one.days is None and months is not None and dose.high > 0):
            unknown += 1
        else:
            total = total.plus(dose)
    return Exposure(total, unknown)


def dose(exam: ExamForm | None, earlier: Sequence[Earlier], catalogue: Catalogue) -> Dose:
    """Return the dose of the exam asked, and the sums of the known exams done before it; without any, the sums are unknown (None)."""
    own = Dose(exam.dose.dose_class, exam.dose.msv) if exam else Dose()
    if not any(not one.prior.ordered for one in earlier):
        return own
    year, years = exposure(earlier, YEAR, catalogue), exposure(earlier, FIVE_YEARS, catalogue)
    return Dose(
        own.dose_class, own.msv, _rounded(year.total.msv), _rounded(years.total.msv),
        (_rounded(year.total.low), _rounded(year.total.high)), (_rounded(years.total.low), _rounded(years.total.high)), years.unknown,
    )  # fmt: skip


def _rounded(msv: float) -> float:
    return round(msv, 3)


def reached(
    exam: ExamForm | None, earlier: Sequence[Earlier], facts: Facts, table: DoseTable, policy: Policy, catalogue: Catalogue
) -> tuple[Threshold, ...]:
    """Return the thresholds that the exam asked reaches with those already done, one for each group."""
    if exam is None or not exam.modality.irradiating:
        return ()
    found: dict[str, Threshold] = {}
    for row in thresholds(table, policy):
        if (
            row.group not in found
            and row.which.accepts(exam)
            and holds(row.when, facts) is True
            and _is_reached(row, exam, earlier, catalogue)
        ):
            found[row.group] = row
    return tuple(found.values())


def thresholds(table: DoseTable, policy: Policy) -> Iterator[Threshold]:
    """Yield the thresholds with the local values of a site: ``dose_thresholds`` by id, and the two older parameters of vigilance."""
    local = dict(policy.dose_thresholds)
    for row in table.thresholds:
        months = row.months
        value: float | None = local.get(row.id)
        if row.id == _OF_POLICY:
            months = policy.dose_window_months if policy.dose_window_months != _USUAL.dose_window_months else months
            if value is None and policy.dose_warning_msv != _USUAL.dose_warning_msv:
                value = policy.dose_warning_msv
        yield _with_value(row, value if value is not None else row.value, months)


def _with_value(row: Threshold, value: float, months: int | None) -> Threshold:
    msv, count = (value, None) if row.msv is not None else (None, int(value))
    return Threshold(row.id, row.group, row.when, row.which, msv, count, months, row.level, row.say, row.basis)


def _is_reached(row: Threshold, exam: ExamForm, earlier: Sequence[Earlier], catalogue: Catalogue) -> bool:
    if row.msv is not None:
        asked = dose_of(exam, catalogue) or Estimate()
        before = exposure(earlier, row.months, catalogue).total
        return before.msv > 0 and before.plus(asked).msv >= row.msv
    within = [one for one in earlier if _counts(one, row)]
    return len(within) + 1 >= (row.count or 1)


def _counts(one: Earlier, row: Threshold) -> bool:
    if one.exam is None or one.prior.ordered or not row.which.accepts(one.exam):
        return False
    return row.months is None or (one.days is not None and one.days < row.months * _DAYS_A_MONTH)


def dose_alerts(
    found: Sequence[Threshold], exam: ExamForm | None, earlier: Sequence[Earlier], catalogue: Catalogue, urgent: bool
) -> Iterator[Alert]:
    """Yield one alert for each threshold reached; before a red flag or an emergency they only inform."""
    for row in found:
        severity = Severity.INFO if urgent else Severity(row.level)
        yield Alert(AlertKind.CUMULATIVE_DOSE, severity, _message(row, exam, earlier, catalogue), basis=str(row.basis))


def _message(row: Threshold, exam: ExamForm | None, earlier: Sequence[Earlier], catalogue: Catalogue) -> str:
    parts = [f"{row.say}."]
    if row.msv is not None:
        before = exposure(earlier, row.months, catalogue)
        window = f" sur {_months(row.months)}" if row.months else ""
        after = before.total.plus(dose_of(exam, catalogue) or Estimate())
        parts.insert(0, f"Dose cumulée estimée{window} : {_estimate(before.total)}, {_figure(after.msv)} mSv avec cet examen.")
        parts += [
            _without(before.unknown),
            f"Repère de {_figure(row.msv)} mSv{' proposé par le projet' if row.basis is Basis.PROPOSED else ''}.",
        ]
    elif row.basis is Basis.PROPOSED:
        parts.append("Repère proposé par le projet.")
    return " ".join(part for part in (*parts, "Ce repère change la technique à proposer, jamais l'indication.") if part)


def _without(unknown: int) -> str:
    if not unknown:
        return ""
    return (
        "Un examen de dose ou de date inconnue n'est pas compté."
        if unknown == 1
        else f"{unknown} examens de dose ou de date inconnue ne sont pas comptés."
    )


def _months(months: int) -> str:
    return f"{months // 12} ans" if months % 12 == 0 and months > 12 else f"{months} mois"


def _estimate(total: Estimate) -> str:
    low, high = _figure(total.low), _figure(total.high)
    return f"environ {_figure(total.msv)} mSv" + (f" (entre {low} et {high})" if low != high else "")


def _figure(msv: float) -> str:
    """Return mSv as the French write them: no decimal from 10, one from 0.1, else up to three."""
    decimals = 0 if msv >= 10 else 1 if msv >= 0.1 else 3
    written = f"{msv:.{decimals}f}"
    return (written.rstrip("0").rstrip(".") if "." in written else written).replace(".", ",") or "0"


def spared(offers: Iterable[Alternative]) -> list[Alternative]:
    """Return alternatives for a patient whose dose calls for vigilance: those without rays first, then by dose; the rule's order within."""
    return sorted(offers, key=lambda offer: offer.exam != "none" and (offer.msv is None or offer.msv > 0))


def natural_words(msv: float, a_year: float = NATURAL_MSV_A_YEAR) -> str:
    """Return a dose as the time of natural exposure that gives as much; ``a_year`` is that exposure in mSv (France: 2.9)."""
    days = msv / a_year * 365
    if days < 1.5:
        return "environ 1 jour d'exposition naturelle, ou moins"
    if days < 45:
        return f"environ {round(days)} jours d'exposition naturelle"
    months = days / 365 * 12
    return (
        f"environ {round(months)} mois d'exposition naturelle"
        if months < 23.5
        else f"environ {round(days / 365)} ans d'exposition naturelle"
    )


def cumulated_words(known: Dose) -> str:
    """Return what is known of the doses already received, with its uncertainty; empty when nothing is."""
    if known.cumulative_60m_msv is None:
        return ""
    parts = [
        f"{_sum(known.cumulative_12m_msv, known.cumulative_12m_range_msv)} en 12 mois, {_sum(known.cumulative_60m_msv, known.cumulative_range_msv)} en 5 ans"
    ]
    if known.exams_without_dose:
        parts.append(_without(known.exams_without_dose))
    return f"Déjà reçu, d'après les examens connus (estimation à partir de doses moyennes d'adulte) : {'. '.join(part.rstrip('.') for part in parts)}."


def _sum(msv: float | None, bounds: tuple[float, float] | None) -> str:
    low, high = bounds or (msv or 0.0, msv or 0.0)
    return _estimate(Estimate(msv or 0.0, low, high))
