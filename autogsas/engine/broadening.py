"""Widths of the peaks from the sample: crystallite size and microstrain, isotropic or uniaxial.

GSAS-II's conventions: widths are Scherrer's and Stokes & Wilson's with its constants, 1.8 lambda/(pi S cos theta) and
0.018 M tan(theta)/pi in centidegree for S in micrometre and M in 1e-6. Along a direction at an angle a to the unique
axis 1/S is the root of sin^2 a/Si^2 + cos^2 a/Sa^2, and so is 1/M. A share ``mix`` of each width is Lorentzian, the
rest Gaussian: gamma = mix S + mix' M, variance = ((1 - mix)^2 S^2 + (1 - mix')^2 M^2)/(8 ln 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine.alignment import squared_cosine
from autogsas.model.sample import Specimen

__all__ = ["SampleWidths", "sample_widths"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EIGHT_LN2 = 8.0 * np.log(2.0)


@dataclass(frozen=True)
class SampleWidths:
    """Gaussian variance (k,) in centidegree^2 and Lorentzian width (k,) in centidegree of k reflections.

    Derivatives of each: by theta in radians (k,), by A0..A5 (k, 6), and by the sample's parameters by name (k,).
    """

    variance: Array
    gamma: Array
    variance_by_theta: Array
    gamma_by_theta: Array
    variance_by_metric: Array
    gamma_by_metric: Array
    variance_by: Mapping[str, Array]
    gamma_by: Mapping[str, Array]


def sample_widths(
    specimen: Specimen, values: Mapping[str, float], hkl: Ints, metric: Array, theta: Array, wavelength: float
) -> SampleWidths:
    """Return the sample's widths of reflections ``hkl`` (k, 3) at Bragg angles ``theta`` (k,) in radians.

    ``values`` are "size", "size axial", "size mix" and the same of "strain"; ``wavelength`` in Angstrom.
    """
    k = theta.size
    variance, gamma, variance_theta, gamma_theta = (np.zeros(k) for _ in range(4))
    variance_metric, gamma_metric = np.zeros((k, 6)), np.zeros((k, 6))
    variance_by: dict[str, Array] = {}
    gamma_by: dict[str, Array] = {}
    cosine, tangent = np.cos(theta), np.tan(theta)
    kinds = (
        ("size", specimen.size, 1.8 * wavelength / np.pi / cosine, tangent, -1.0),
        ("strain", specimen.strain, 0.018 / np.pi * tangent, 1.0 / np.maximum(np.sin(theta) * cosine, 1e-12), 1.0),
    )
    for name, model, factor, log_slope, power in kinds:
        along = max(values[name], 1e-9)
        mix = values[f"{name} mix"]
        by_metric = np.zeros((k, 6))
        if model.model == "isotropic":
            width = factor * along**power
            by_value, by_axial = power * width / along, np.zeros(k)
        else:
            axial = max(values[f"{name} axial"], 1e-9)
            cos2, cos2_by = squared_cosine(hkl, model.axis, metric)
            inverse2 = cos2 / axial**2 + (1.0 - cos2) / along**2
            # Size divides and strain multiplies: the width goes with 1/S and with M.
            width = factor * inverse2 ** (-0.5 * power)
            slope = -0.5 * power * width / inverse2
            by_value = slope * -2.0 * (1.0 - cos2) / along**3
            by_axial = slope * -2.0 * cos2 / axial**3
            by_metric = (slope * (1.0 / axial**2 - 1.0 / along**2))[:, None] * cos2_by
        share = (1.0 - mix) ** 2 / _EIGHT_LN2
        to_variance = 2.0 * share * width
        variance += share * width**2
        gamma += mix * width
        variance_theta += to_variance * width * log_slope
        gamma_theta += mix * width * log_slope
        variance_metric += to_variance[:, None] * by_metric
        gamma_metric += mix * by_metric
        variance_by |= {name: to_variance * by_value, f"{name} axial": to_variance * by_axial}
        gamma_by |= {name: mix * by_value, f"{name} axial": mix * by_axial}
        variance_by[f"{name} mix"] = -2.0 * (1.0 - mix) / _EIGHT_LN2 * width**2
        gamma_by[f"{name} mix"] = width
    return SampleWidths(
        variance, gamma, variance_theta, gamma_theta, variance_metric, gamma_metric, variance_by, gamma_by
    )
