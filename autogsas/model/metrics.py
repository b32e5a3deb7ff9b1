"""Agreement factors, and what the residuals tell about esds, computed with the same code for every engine.

Definitions: Young (ed.), The Rietveld Method (1993), table 1.3; Toby, Powder Diffr. 21, 67 (2006), eqs 1-6.
All R factors are in per cent. ``w`` is 1/sigma^2; a weight of zero leaves a point out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Metrics",
    "bic",
    "bic_fall",
    "counted_points",
    "durbin_watson",
    "effective_points",
    "esd_factor",
    "least_durbin_watson",
    "measure",
    "r_bragg",
    "r_f",
    "rexp",
    "rwp",
    "rwp_background_subtracted",
]

Array = npt.NDArray[np.float64]

_LEAST_SHARE = 0.15  # of all points that count as independent in any case; not measured


@dataclass(frozen=True)
class Metrics:
    """Agreement factors of one refinement over all its histograms; R factors in per cent."""

    rwp: float
    rexp: float
    gof: float
    chi2: float
    n_observations: int
    n_variables: int

    @property
    def bic(self) -> float:
        """Bayesian information criterion of this refinement (see `bic`)."""
        return bic(self.chi2, self.n_observations, self.n_variables)


def rwp(observed: Array, calculated: Array, weights: Array) -> float:
    """Return the weighted profile R factor, sqrt(sum w (yo-yc)^2 / sum w yo^2), in per cent.

    The three arrays have one shape (n,). NaN if no point has weight or all observed counts are zero.
    """
    total = float(np.sum(weights * observed**2))
    if total <= 0:
        return float("nan")
    return 100.0 * float(np.sqrt(np.sum(weights * (observed - calculated) ** 2) / total))


def rwp_background_subtracted(observed: Array, calculated: Array, background: Array, weights: Array) -> float:
    """Return the background-subtracted Rwp, sqrt(sum w (yo-yc)^2 / sum w (yo-yb)^2), in per cent.

    The four arrays have one shape (n,). The background yb is the refined one; it cancels in the numerator, so only the
    denominator differs from Rwp (McCusker et al., J. Appl. Cryst. 32, 36 (1999), section 7; Toby, Powder Diffr. 21, 67
    (2006)). A high background makes Rwp low, but not this one. NaN if nothing is above the background.
    """
    total = float(np.sum(weights * (observed - background) ** 2))
    if total <= 0:
        return float("nan")
    return 100.0 * float(np.sqrt(np.sum(weights * (observed - calculated) ** 2) / total))


def rexp(observed: Array, weights: Array, n_variables: int) -> float:
    """Return the expected R factor, sqrt((N - P) / sum w yo^2), in per cent; N counts points of non-zero weight."""
    total = float(np.sum(weights * observed**2))
    free = int(np.count_nonzero(weights > 0)) - n_variables
    if total <= 0 or free <= 0:
        return float("nan")
    return 100.0 * float(np.sqrt(free / total))


def measure(observed: Array, calculated: Array, weights: Array, n_variables: int) -> Metrics:
    """Return Rwp, Rexp, GoF = Rwp/Rexp and chi^2 of curves of one shape (n,).

    Several histograms are measured together by concatenating their curves, as GSAS-II's total wR.
    """
    expected = rexp(observed, weights, n_variables)
    found = rwp(observed, calculated, weights)
    return Metrics(
        rwp=found,
        rexp=expected,
        gof=found / expected if expected == expected else float("nan"),
        chi2=float(np.sum(weights * (observed - calculated) ** 2)),
        n_observations=int(np.count_nonzero(weights > 0)),
        n_variables=n_variables,
    )


def r_bragg(i_observed: Array, i_calculated: Array) -> float:
    """Return R_Bragg, sum |Io - Ic| / sum Io over reflections, in per cent; NaN if sum Io is not positive."""
    total = float(np.sum(i_observed))
    if total <= 0:
        return float("nan")
    return 100.0 * float(np.sum(np.abs(i_observed - i_calculated))) / total


def r_f(i_observed: Array, i_calculated: Array) -> float:
    """Return R_F, sum |sqrt(Io) - sqrt(Ic)| / sum sqrt(Io) over reflections, in per cent; NaN if nothing is observed.

    I = multiplicity F^2, as in R_Bragg (Young (ed.), The Rietveld Method (1993), table 1.3); a program that sums |F| of
    unique reflections reports a slightly different number. Negative observed intensities count as zero.
    """
    observed, calculated = np.sqrt(np.maximum(i_observed, 0.0)), np.sqrt(np.maximum(i_calculated, 0.0))
    total = float(np.sum(observed))
    if total <= 0:
        return float("nan")
    return 100.0 * float(np.sum(np.abs(observed - calculated))) / total


def bic(chi2: float, n_observations: int, n_variables: int) -> float:
    """Return the Bayesian information criterion with the error scale estimated from the fit itself.

    N ln(chi^2/N) + P ln N (Schwarz, Ann. Stat. 6, 461 (1978), for Gaussian errors of unknown common scale): powder
    residuals are rarely on the scale of counting statistics, and with that scale any further term would seem
    significant.
    """
    if n_observations <= 0 or chi2 <= 0:
        return float("nan")
    return n_observations * float(np.log(chi2 / n_observations)) + n_variables * float(np.log(n_observations))


def bic_fall(before: float, after: float, more: int, points: float) -> float:
    """Return by how much BIC falls from chi^2 ``before`` to ``after`` for ``more`` variables, in ``points`` points.

    N ln(before/after) - k ln N, the difference of two `bic` of the same data. Above 2 it is positive evidence, above 10
    very strong (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995)). ``points`` may be the effective number; below 2 it
    counts as 2. Raises ValueError for a chi^2 that is not positive.
    """
    if before <= 0 or after <= 0:
        raise ValueError("chi^2 must be positive")
    n = max(points, 2.0)
    return n * math.log(before / after) - more * math.log(n)


def durbin_watson(residuals: Array) -> float:
    """Return the weighted Durbin-Watson statistic d of residuals sqrt(w) (yo-yc), (n,), in the order of 2theta.

    d = sum (r_i - r_(i-1))^2 / sum r_i^2 (Hill & Flack, J. Appl. Cryst. 20, 356 (1987), eq. 1): 2 for independent
    residuals, near 0 where neighbours have the same sign. NaN for fewer than two points, or if all residuals are zero.
    """
    total = float(np.sum(residuals**2))
    if residuals.size < 2 or total <= 0:
        return float("nan")
    return float(np.sum(np.diff(residuals) ** 2)) / total


def least_durbin_watson(n_points: int, n_variables: int) -> float:
    """Return the d below which neighbouring residuals are positively correlated, with 99.9 % confidence.

    Q = 2 [(N - 1)/(N - P) - 3.0902/sqrt(N + 2)] (Hill & Flack, J. Appl. Cryst. 20, 356 (1987), eq. 3). NaN unless
    N > P.
    """
    if n_points <= n_variables:
        return float("nan")
    return 2.0 * ((n_points - 1) / (n_points - n_variables) - 3.0902 / float(np.sqrt(n_points + 2)))


def effective_points(residuals: Array) -> float:
    """Return how many independent residuals have the information of serially correlated ones (n,).

    The correlation r of neighbours from the weighted Durbin-Watson statistic, r = 1 - d/2 (see `durbin_watson`), and
    n (1 - r)/(1 + r) as for the mean of a first-order autoregression (Bayley & Hammersley, Suppl. J. R. Stat. Soc. 8,
    184 (1946)). Negatively correlated neighbours count as independent.
    """
    statistic = durbin_watson(residuals)
    if not np.isfinite(statistic):
        return float(residuals.size)
    correlation = min(max(1.0 - 0.5 * statistic, 0.0), 1.0)
    return residuals.size * (1.0 - correlation) / (1.0 + correlation)


def counted_points(effective: float, points: int) -> float:
    """Return the number of points that evidence counts: the effective one, but not below a share of all ``points``.

    While a model is far from the pattern its residuals follow each other, and by their correlation alone hardly any
    group would seem worth its parameters. All points where ``effective`` is not known.
    """
    return max(effective, _LEAST_SHARE * points) if effective > 0 else float(points)


# Mean of the squared sum of a run of one sign over the sum of squares, for independent normal residuals: runs of k
# have probability 2^-k, so mean length 2 and mean k (k - 1) of 4, and two of one sign a mean product of 2/pi.
_BY_CHANCE = 1.0 + 4.0 / float(np.pi)


def esd_factor(residuals: Array, n_variables: int) -> float:
    """Return by how much the serial correlation of residuals sqrt(w) (yo-yc), (n,), widens the esds; at least 1.

    Berar & Lelann (J. Appl. Cryst. 24, 1 (1991)) add residuals of one sign that follow each other before they square
    them, since what they have in common is one error: the factor is sqrt(sum over runs (sum r)^2 / sum r^2). For
    independent residuals this is not 1 but sqrt(1 + 4/pi) = 1.51, because of runs by chance; here it is divided by
    that. It is 1 where Hill & Flack's test finds no positive correlation (see `least_durbin_watson`), so that noise
    widens nothing. For an autoregression of order one it lies between the true factors of a smooth parameter
    and of one that moves a peak of three points' width.
    """
    statistic = durbin_watson(residuals)
    # Not "above": without points or variables to tell from, nothing is known to be correlated.
    if not statistic < least_durbin_watson(residuals.size, n_variables):
        return 1.0
    signs = np.sign(residuals)
    begins = np.concatenate(([0], np.flatnonzero(signs[1:] != signs[:-1]) + 1))
    runs = float(np.sum(np.add.reduceat(residuals, begins) ** 2)) / float(np.sum(residuals**2))
    return max(1.0, float(np.sqrt(runs / _BY_CHANCE)))
