"""Agreement factors, computed by the host from the curves with the same code for every engine.

Definitions: Young (ed.), The Rietveld Method (1993), table 1.3; Toby, Powder Diffr. 21, 67 (2006), eqs 1-6.
All R factors are in per cent. ``w`` is 1/sigma^2; a weight of zero leaves a point out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Metrics", "bic", "effective_points", "measure", "r_bragg", "rexp", "rwp"]

Array = npt.NDArray[np.float64]


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


def bic(chi2: float, n_observations: int, n_variables: int) -> float:
    """Return the Bayesian information criterion with the error scale estimated from the fit itself.

    N ln(chi^2/N) + P ln N (Schwarz, Ann. Stat. 6, 461 (1978), for Gaussian errors of unknown common scale): powder
    residuals are rarely on the scale of counting statistics, and with that scale any further term would seem
    significant.
    """
    if n_observations <= 0 or chi2 <= 0:
        return float("nan")
    return n_observations * float(np.log(chi2 / n_observations)) + n_variables * float(np.log(n_observations))


def effective_points(residuals: Array) -> float:
    """Return how many independent residuals have the information of serially correlated ones (n,).

    The correlation r of neighbours from the weighted Durbin-Watson statistic, r = 1 - d/2 (Hill & Flack, J. Appl.
    Cryst. 20, 356 (1987), eq. 1), and n (1 - r)/(1 + r) as for the mean of a first-order autoregression (Bayley &
    Hammersley, Suppl. J. R. Stat. Soc. 8, 184 (1946)). Negatively correlated neighbours count as independent.
    """
    total = float(np.sum(residuals**2))
    if residuals.size < 2 or total <= 0:
        return float(residuals.size)
    correlation = 1.0 - 0.5 * float(np.sum(np.diff(residuals) ** 2)) / total
    correlation = min(max(correlation, 0.0), 1.0)
    return residuals.size * (1.0 - correlation) / (1.0 + correlation)
