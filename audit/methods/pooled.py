"""One ratio from those of several sites, each with its own series: a meta-analysis, by a rule set before any data.

From five sites, random effects: between-site variance τ² by R. C. Paule and J. Mandel (J. Res. Natl. Bur. Stand. 1982;87:377-385); interval
of J. Hartung, G. Knapp, K. Sidik and J. N. Jonkman, Student's law with k − 1 degrees of freedom (J. IntHout, J. P. A. Ioannidis and
G. F. Borm, BMC Med. Res. Methodol. 2014;14:25), never narrower than that of a single common effect: sites that agree by chance would make
it far too narrow (A. Wiksten, G. Rücker and G. Schwarzer, Statistics in Medicine 2016;35:2503-2515).

From two to four, nobody can tell how much sites differ, and Student's law on one to three degrees of freedom says next to nothing: the mean is
that of these sites and of no others, each weighted by the inverse of its variance; its interval then supposes nothing of how they differ
(K. Rice, J. P. T. Higgins and T. Lumley, J. R. Stat. Soc. A 2018;181:205-227), and allows for weights that are themselves estimated
(P. Meier, Biometrics 1953;9:59-73). A warning gives the interval of the random effects, that of
other sites. I² by J. P. T. Higgins and S. G. Thompson (Statistics in Medicine 2002;21:1539-1558). statsmodels (combine_effects) does the
estimating.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pertimage.audit.methods.result import Estimate, Refusal

# Sites from which effects are random; share of I² that is worth a word.
RANDOM_FROM, VARIED = 5, 0.5
RANDOM = "ensemble des sites : effets aléatoires (Paule-Mandel), intervalle de Hartung-Knapp-Sidik-Jonkman"
THESE = "moyenne de ces sites, pondérée par l’inverse des variances"


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
    method: str


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
    with np.errstate(divide="ignore"):  # sites exactly alike: Q is zero
        found = combine_effects(logs, np.array([effect.error**2 for effect in effects]), method_re="pm", use_t=True)
    heterogeneity, k = max(float(found.i2), 0.0), len(effects)
    tau = math.sqrt(max(float(found.tau2), 0.0))
    half = max(t.ppf(0.975, k - 1) * found.sd_eff_w_re_hksj, norm.ppf(0.975) * found.sd_eff_w_fe)
    any_site = Estimate.of_log(float(found.mean_effect_re), float(half), 1.0)
    told = tuple(_warnings(k, heterogeneity, any_site))
    if k >= RANDOM_FROM:
        return Pooled(any_site, k, tau, heterogeneity, told, RANDOM)
    error, quantile = _of_these(effects)
    ratio = Estimate.of_log(float(found.mean_effect_fe), error, quantile)
    return Pooled(ratio, k, tau, heterogeneity, told, THESE)


def _of_these(effects: Sequence[SiteEffect]) -> tuple[float, float]:
    """Return the standard error of the weighted mean of some sites, and the quantile of its law, allowing for weights that are estimated."""
    from scipy.stats import norm, t

    weights = [effect.error**-2 for effect in effects]
    whole = sum(weights)
    known = [(weight, effect.freedom) for weight, effect in zip(weights, effects, strict=True) if effect.freedom is not None]
    if not known:
        return whole**-0.5, float(norm.ppf(0.975))
    more = sum(weight * (whole - weight) / freedom for weight, freedom in known)
    freedom = whole**2 / sum(weight**2 / freedom for weight, freedom in known)
    return ((1 + 4 * more / whole**2) / whole) ** 0.5, float(t.ppf(0.975, freedom))


def _warnings(sites: int, heterogeneity: float, any_site: Estimate) -> Iterator[str]:
    if sites < RANDOM_FROM:
        low, high = (f"{end:.2f}".replace(".", ",") for end in (any_site.low, any_site.high))
        yield f"{sites} sites seulement : la moyenne ne vaut que pour eux ; pour d’autres, le rapport irait de {low} à {high}."
    if heterogeneity >= VARIED:
        yield f"Les sites diffèrent plus que le hasard ne l’explique (I² de {100 * heterogeneity:.0f} %) : lire aussi chaque site."
