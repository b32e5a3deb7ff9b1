"""Fixed broad peaks of the background, with the histogram's axial divergence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autogsas.engine import axial_terms
from autogsas.engine.lineshape import pseudo_voigt_mix
from autogsas.engine.pattern_model import cut_offs
from autogsas.engine.profile import Plan
from autogsas.model.project import Histogram

__all__ = ["background_peaks"]

Array = npt.NDArray[np.float64]


def background_peaks(x: Array, histogram: Histogram, shl: float) -> Array:
    """Return the sum of a histogram's background peaks at ``x`` (n,) in degrees, with axial divergence ``shl``.

    The smallest widths and intensity are GSAS-II's (getBackground): 0.01 centidegree^2, 0.1 centidegree, 0.1.
    """
    if not histogram.background_peaks:
        return np.zeros_like(x)
    table = np.array([(peak.position, peak.intensity, peak.sig, peak.gam) for peak in histogram.background_peaks])
    position, intensity = table[:, 0].copy(), 0.01 * np.maximum(table[:, 1], 0.1)
    variance, gamma = 1e-4 * np.maximum(table[:, 2], 0.01), 1e-2 * np.maximum(table[:, 3], 0.1)
    mix = pseudo_voigt_mix(variance, gamma)
    below, above = cut_offs(position, variance, gamma, shl)
    terms = axial_terms.terms(position, shl, gamma) if histogram.axial_sum == "GSAS-II" else None
    plan = Plan(x, position, mix.fwhm, shl, below, above, terms)
    return plan.shapes(position, mix.fwhm, mix.eta, shl).combine({"value": intensity})
