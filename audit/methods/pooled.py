"""One ratio from those of several sites, each with its own series: a meta-analysis with random effects.

Between-site variance τ² by R. C. Paule and J. Mandel (J. Res. Natl. Bur. Stand. 1982;87:377-385); interval of J. Hartung, G. Knapp, K. Sidik
and J. N. Jonkman, Student's law with k − 1 degrees of freedom (J. IntHout, J. P. A. Ioannidis and G. F. Borm, BMC Med. Res. Methodol.
2014;14:25). Now and then it is narrower, by luck, than that of a single common effect (A. Wiksten, G. Rücker and G. Schwarzer, Statistics
in Medicine 2016;35:2503-2515): from 5 sites the common one is then given; under 5, where Student's law is wide enough on average, a warning
gives it. I² by J. P. T. Higgins and S. G. Thompson (Statistics in Medicine 2002;21:1539-1558). Estimated by statsmodels (combine_effects).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pertimage.audit.methods.result import Estimate, Refusal

# Sites under which a warning says that the interval is wide by construction; share of I² that is worth a word.
FEW_SITES, VARIED = 5, 0.5
# Under this part of the interval of a common effect, that of sites that all agree has no width: the common one is given.
_NULL = 0.01


@dataclass(frozen=True, slots=True)
class SiteEffect:
    """The ratio of a site; ``freedom``: degrees of freedom of its interval, None for the normal law."""

    name: str
    ratio: Estimate
    freedom: float | None = None

    @property
    def error(self) -> float:
        """Return the standard error of the logarithm of the ratio, read on the interval."""
        from scipy.stats import norm, t

        quantile = norm.ppf(0.975) if self.freedom is None else t.ppf(0.975, self.freedom)
        return math.log(self.ratio.high / self.ratio.low) / (2 * float(quantile))


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean ratio; ``tau`` is the standard deviation of the logarithms of the sites' true ratios, ``heterogeneity`` I², 0 to 1."""

    ratio: Estimate
    sites: int
    tau: float
    heterogeneity: float
    warnings: tuple[str, ...]
    method: str = "ensemble des sites : effets aléatoires (Paule-Mandel), intervalle de Hartung-Knapp-Sidik-Jonkman"


def pooled(effects: Sequence[SiteEffect]) -> Pooled | Refusal:
    """Return the mean of the ratios of at least two sites; raises ValueError when an interval has no width."""
    if len(effects) < 2:
        return Refusal("Un seul site : il n’y a rien à réunir.")
    if any(not effect.error > 0 for effect in effects):
        raise ValueError("an interval has no width")
    import numpy as np
    from scipy.stats import norm, t
    from statsmodels.stats.meta_analysis import combine_effects

    logs = np.array([math.log(effect.ratio.value) for effect in effects])
    with np.errstate(divide="ignore"):  # I² of ratios that are all equal is minus infinity before it is brought to 0
        found = combine_effects(logs, np.array([effect.error**2 for effect in effects]), method_re="pm", use_t=True)
    half, common = t.ppf(0.975, len(effects) - 1) * found.sd_eff_w_re_hksj, norm.ppf(0.975) * found.sd_eff_w_fe
    lucky = Estimate.of_log(float(found.mean_effect_fe), float(common), 1.0) if half < common else None
    if half < common and (len(effects) >= FEW_SITES or half < _NULL * common):
        half = common
    ratio = Estimate.of_log(float(found.mean_effect_re), float(half), 1.0)
    heterogeneity = max(float(found.i2), 0.0)
    return Pooled(
        ratio, len(effects), math.sqrt(max(float(found.tau2), 0.0)), heterogeneity, tuple(_warnings(effects, heterogeneity, lucky))
    )


def _warnings(effects: Sequence[SiteEffect], heterogeneity: float, lucky: Estimate | None) -> Iterator[str]:
    if len(effects) < FEW_SITES:
        yield f"{len(effects)} sites seulement : ce qui varie de l’un à l’autre est mal connu."
    if heterogeneity >= VARIED:
        yield f"Les sites diffèrent plus que le hasard ne l’explique (I² de {100 * heterogeneity:.0f} %) : lire aussi chaque site."
    if lucky:
        low, high = (f"{end:.2f}".replace(".", ",") for end in (lucky.low, lucky.high))
        yield f"Les sites s’accordent mieux que le hasard ne le voudrait, l’intervalle peut être trop étroit : de {low} à {high} si leur effet est le même."
