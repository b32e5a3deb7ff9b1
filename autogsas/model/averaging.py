"""Uncertainty that includes the choice of a model: several models of the same data, weighed by their evidence.

Hoeting, Madigan, Raftery & Volinsky, Stat. Sci. 14, 382 (1999); Buckland, Burnham & Augustin, Biometrics 53, 603
(1997).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["LARGEST_DELTA", "averaged_esd", "bic_differences", "relative_bic", "weights"]

LARGEST_DELTA = 10.0
"""A model whose BIC is higher by this is left out: odds of 150 to 1, "very strong" evidence against it (Kass & Raftery,
J. Am. Stat. Assoc. 90, 773 (1995), section 3.2); all that is left out could change little, and many such models would
add up to something only because a search tries many."""


def relative_bic(chi2: float, n_variables: int, n_points: float) -> float:
    """Return BIC = N ln chi^2 + P ln N, but for a constant of the data.

    Schwarz, Ann. Stat. 6, 461 (1978), for errors of unknown common scale. ``n_points`` is the effective number of
    points (see `autogsas.model.metrics.effective_points`): if all points of a pattern with correlated residuals counted
    as independent, the lowest chi^2 would always win. Infinite where chi^2 is not positive and finite, or where there
    are as many variables as points.
    """
    if not (math.isfinite(chi2) and chi2 > 0 and n_points > max(n_variables, 1)):
        return math.inf
    return n_points * math.log(chi2) + n_variables * math.log(n_points)


def bic_differences(bics: Sequence[float]) -> list[float]:
    """Return by how much each BIC is above the lowest; infinite where it is infinite itself. Shape (n,)."""
    lowest = min(bics, default=math.inf)
    return [value - lowest if math.isfinite(value) else math.inf for value in bics]


def weights(differences: Sequence[float]) -> list[float]:
    """Return the weight of each model, exp(-delta/2) over their sum; zero from `LARGEST_DELTA` on. Shape (n,).

    All are zero where no model has a difference below it.
    """
    raw = [math.exp(-0.5 * delta) if delta < LARGEST_DELTA else 0.0 for delta in differences]
    total = sum(raw)
    return [value / total for value in raw] if total > 0 else raw


def averaged_esd(
    value: float,
    esd: float,
    others: Sequence[tuple[float, float, float]],
    factor: float = 1.0,
) -> float:
    """Return the esd of ``value`` that includes the choice of the model.

    ``others`` are (weight, value, esd) of each model that counts, the chosen one included; weights need not be
    normalised. The variance is sum w (esd_m^2 + (v_m - v)^2)/sum w, about the chosen value, since that is printed, and
    not about the mean (Buckland et al. (1997), eq. 9). It is never smaller than the chosen model's own: models that
    keep a parameter fixed would make it certain. ``factor`` widens all esds, but not the spread of the values (see
    `autogsas.model.metrics.esd_factor`).
    """
    total = sum(weight for weight, _, _ in others)
    own = factor * esd  # not squared, so that it does not vanish where its square does
    if not total > 0:
        return own
    moment = sum(weight * ((factor * sigma) ** 2 + (other - value) ** 2) for weight, other, sigma in others) / total
    return max(own, math.sqrt(moment))
