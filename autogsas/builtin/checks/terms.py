"""Whether fewer background terms are enough, by the Bayesian information criterion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.builtin.checks.limits import LIMITS
from autogsas.builtin.checks.lookup import of_histogram
from autogsas.engine.background_peaks import background_peaks
from autogsas.engine.backgrounds import basis
from autogsas.engine.objective import weighted_solution
from autogsas.model.metrics import effective_points
from autogsas.model.project import Histogram
from autogsas.model.recipe import BACKGROUNDS, BackgroundFunction
from autogsas.model.result import Curves, Finding, Result, Severity

__all__ = ["Terms", "check_terms", "compare_terms"]

Array = npt.NDArray[np.float64]

# The largest root mean square difference, in standard uncertainties of the data, between the background and the one
# that function and coefficients give; not measured.
_KNOWN = 0.3


@dataclass(frozen=True)
class Terms:
    """The number of terms that is enough, by how much its BIC is lower, and the effective number of points."""

    present: int
    enough: int
    gain: float
    points: float


def compare_terms(
    function: BackgroundFunction,
    present: int,
    x: Array,
    target: Array,
    weights: Array,
    limits: tuple[float, float],
    wavelength: float,
) -> Terms:
    """Return which number of terms up to ``present`` has the lowest BIC.

    ``target`` (n,) is the observed pattern less all but the background. BIC = N ln(chi^2/N) + k ln N (Schwarz, Ann.
    Stat. 6, 461 (1978), for Gaussian errors of unknown common scale, since models are rarely as good as counting
    statistics). N is the effective number of points, since a misfit of a peak extends over several points in a row.
    """
    counted = weights > 0
    root = np.sqrt(weights[counted])

    def residuals(terms: int) -> Array:
        design = basis(function, terms, x, limits, wavelength)[counted]
        missed = target[counted] - design @ weighted_solution(design, target[counted], weights[counted])
        return np.asarray(root * missed)

    full = residuals(present)
    points = effective_points(full)
    chi2 = [float(np.sum(residuals(terms) ** 2)) for terms in range(1, present)] + [float(np.sum(full**2))]
    if min(chi2) <= 0 or points <= present:
        return Terms(present, present, 0.0, points)
    criterion = points * np.log(chi2) + np.arange(1, present + 1) * np.log(points)
    best = int(np.argmin(criterion))
    return Terms(present, best + 1, float(criterion[-1] - criterion[best]), points)


def check_terms(histogram: Histogram, curves: Curves, result: Result) -> Iterator[Finding]:
    """Report a refined background with more terms than it needs, all other parameters fixed.

    No finding where the engine does not report the function, or where function and coefficients over the project's
    limits do not give the background: then it has other parts, or was last refined in other limits.
    """
    if curves.background_function not in BACKGROUNDS:
        return
    function = curves.background_function
    own = of_histogram(result, histogram.name, "background")
    if len(own) < 2 or all(parameter.esd is None for parameter in own):
        return
    x, weights = curves.x, curves.weights
    counted = weights > 0
    wavelength = histogram.instrument.wavelengths[0]
    axial = of_histogram(result, histogram.name, "SH/L")
    broad = background_peaks(x, histogram, axial[0].value if axial else histogram.instrument.SH_L)
    drawn = basis(function, len(own), x, histogram.limits, wavelength) @ np.array([p.value for p in own]) + broad
    off = weights[counted] * (drawn - curves.background)[counted] ** 2
    if not counted.any() or float(np.sqrt(np.mean(off))) > _KNOWN:
        return
    target = curves.observed - (curves.calculated - curves.background) - broad
    terms = compare_terms(function, len(own), x, target, weights, histogram.limits, wavelength)
    if terms.enough < terms.present and terms.gain > LIMITS.bic:
        yield Finding(
            "background-terms",
            Severity.INFO,
            f"the background of {histogram.name} has {terms.present} terms ({function}), but {terms.enough} "
            f"{'is' if terms.enough == 1 else 'are'} enough: with {terms.enough}, BIC is {terms.gain:.0f} lower",
            {"terms": float(terms.present), "enough": float(terms.enough), "gain": terms.gain, "points": terms.points},
        )
