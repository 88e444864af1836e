"""Glomerular filtration rate estimated from a creatinine result.

Formula: CKD-EPI creatinine equation (2021), without race. Inker LA et al., New creatinine- and cystatin C-based equations to
estimate GFR without race, N Engl J Med 2021;385:1737-1749. Valid for adults only.
"""

from __future__ import annotations

from pertimage.cds.model import Sex

UMOL_PER_L_IN_ONE_MG_PER_DL = 88.4
ADULT = 18.0  # years: the equation holds from there
_TO_MG_PER_DL = {
    "mg/dl": 1.0,
    "mg/100ml": 1.0,
    "mg/l": 0.1,
    "umol/l": 1 / UMOL_PER_L_IN_ONE_MG_PER_DL,
    "mmol/l": 1000 / UMOL_PER_L_IN_ONE_MG_PER_DL,
}


def is_creatinine_unit(unit: str) -> bool:
    """Say whether a unit is one in which a serum creatinine is given."""
    return _factor(unit) is not None


def _factor(unit: str) -> float | None:
    return _TO_MG_PER_DL.get(unit.strip().lower().replace("µ", "u").replace("μ", "u").replace("mcmol", "umol").replace(" ", ""))


def creatinine_mg_per_dl(value: float, unit: str) -> float | None:
    """Return a serum creatinine in mg/dL; None when the unit is unknown or the value cannot be a creatinine (0.1-40 mg/dL)."""
    factor = _factor(unit)
    found = value * factor if factor else 0.0
    return found if 0.1 <= found <= 40 else None


def ckd_epi_2021(creatinine: float, age: float, sex: Sex) -> float | None:
    """Return the estimated GFR in mL/min/1.73 m², one decimal; ``creatinine`` in mg/dL, ``age`` in years; None under 18.

    142 × min(Scr/κ, 1)^α × max(Scr/κ, 1)^-1.200 × 0.9938^age × 1.012 [woman]; κ = 0.7 (woman) or 0.9 (man),
    α = -0.241 (woman) or -0.302 (man).
    """
    if age < ADULT:
        return None
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex is Sex.FEMALE else (0.9, -0.302, 1.0)
    ratio = creatinine / kappa
    rate: float = 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age * factor
    return round(rate, 1)
