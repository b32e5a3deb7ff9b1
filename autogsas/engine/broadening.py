"""Widths of the peaks from the sample: crystallite size and microstrain, isotropic or by direction.

GSAS-II's conventions: widths are Scherrer's and Stokes & Wilson's with its constants, 1.8 lambda/(pi S cos theta) and
0.018 M tan(theta)/pi in centidegree for S in micrometre and M in 1e-6. Along a direction at an angle a to the unique
axis 1/S is the root of sin^2 a/Si^2 + cos^2 a/Sa^2, and so is 1/M; generalised strain is d^2 sqrt(sum S_i c_i(hkl))
(see `autogsas.crystal.strain`). A share ``mix`` of each width is Lorentzian, the
rest Gaussian: gamma = mix S + mix' M, variance = ((1 - mix)^2 S^2 + (1 - mix')^2 M^2)/(8 ln 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.crystal.symmetry import quadratic_form
from autogsas.engine.alignment import squared_cosine
from autogsas.model.sample import Broadening, Specimen

__all__ = ["DirectionalWidth", "SampleWidths", "sample_widths"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EIGHT_LN2 = 8.0 * np.log(2.0)
# The square of a generalised strain below which its root is bent to a finite slope, in 1e-12: far below what any
# instrument sees. Not measured.
_BEND = 100.0


@dataclass(frozen=True)
class SampleWidths:
    """Gaussian variance (k,) in centidegree^2 and Lorentzian width (k,) in centidegree of k reflections.

    Derivatives of each: by theta in radians (k,), by A0..A5 (k, 6), and by the sample's parameters by name (k,).
    ``strain`` is the width by a generalised strain alone, which is negative where the square of the strain is; None for
    other models.
    """

    variance: Array
    gamma: Array
    variance_by_theta: Array
    gamma_by_theta: Array
    variance_by_metric: Array
    gamma_by_metric: Array
    variance_by: Mapping[str, Array]
    gamma_by: Mapping[str, Array]
    strain: DirectionalWidth | None = None


@dataclass(frozen=True)
class DirectionalWidth:
    """The full width (k,) in centidegree by size or strain, and its ``square``, both with their derivatives."""

    width: Array
    square: Array
    width_by: Mapping[str, Array]
    square_by: Mapping[str, Array]
    width_by_metric: Array
    square_by_metric: Array
    width_by_theta: Array

    @classmethod
    def positive(cls, width: Array, by: Mapping[str, Array], by_metric: Array, by_theta: Array) -> DirectionalWidth:
        """Return a width that is never negative, with the derivatives of its square from its own."""
        twice = 2.0 * width
        squares = {name: twice * one for name, one in by.items()}
        return cls(width, width**2, by, squares, by_metric, twice[:, None] * by_metric, by_theta)


def sample_widths(
    specimen: Specimen,
    values: Mapping[str, float],
    hkl: Ints,
    metric: Array,
    theta: Array,
    wavelength: float,
    terms: Array | None = None,
) -> SampleWidths:
    """Return the sample's widths of reflections ``hkl`` (k, 3) at Bragg angles ``theta`` (k,) in radians.

    ``values`` are "size", "size axial", "size mix" and the same of "strain", and "strain 1" to "strain t" for a
    generalised strain with its ``terms`` (k, t); ``wavelength`` in Angstrom.
    """
    cosine, tangent = np.cos(theta), np.tan(theta)
    by_size, by_strain = 1.8 * wavelength / np.pi / cosine, 0.018 / np.pi * tangent
    slope_of_strain = 1.0 / np.maximum(np.sin(theta) * cosine, 1e-12)
    size = _ellipsoid("size", specimen.size, values, hkl, metric, (by_size, tangent), -1.0)
    if specimen.strain.model == "generalized" and terms is not None:
        strain = _generalised(values, hkl, metric, (by_strain, slope_of_strain), terms)
    else:
        strain = _ellipsoid("strain", specimen.strain, values, hkl, metric, (by_strain, slope_of_strain), 1.0)
    k = theta.size
    variance, gamma, variance_theta, gamma_theta = (np.zeros(k) for _ in range(4))
    variance_metric, gamma_metric = np.zeros((k, 6)), np.zeros((k, 6))
    variance_by: dict[str, Array] = {}
    gamma_by: dict[str, Array] = {}
    for name, one, log_slope in (("size", size, tangent), ("strain", strain, slope_of_strain)):
        mix = values[f"{name} mix"]
        share = (1.0 - mix) ** 2 / _EIGHT_LN2
        variance += share * one.square
        gamma += mix * one.width
        variance_theta += 2.0 * share * one.square * log_slope
        gamma_theta += mix * one.width_by_theta
        variance_metric += share * one.square_by_metric
        gamma_metric += mix * one.width_by_metric
        variance_by |= {key: share * by for key, by in one.square_by.items()}
        gamma_by |= {key: mix * by for key, by in one.width_by.items()}
        variance_by[f"{name} mix"] = -2.0 * (1.0 - mix) / _EIGHT_LN2 * one.square
        gamma_by[f"{name} mix"] = one.width
    return SampleWidths(
        variance,
        gamma,
        variance_theta,
        gamma_theta,
        variance_metric,
        gamma_metric,
        variance_by,
        gamma_by,
        strain if specimen.strain.model == "generalized" else None,
    )


def _ellipsoid(
    name: str,
    model: Broadening,
    values: Mapping[str, float],
    hkl: Ints,
    metric: Array,
    factor: tuple[Array, Array],
    power: float,
) -> DirectionalWidth:
    """Return an isotropic or uniaxial width: ``factor`` (its value, its logarithmic slope by theta) times 1/S or M.

    Size divides and strain multiplies: ``power`` is -1 or 1.
    """
    k = len(hkl)
    along = max(values[name], 1e-9)
    by_metric = np.zeros((k, 6))
    if model.model == "isotropic":
        width = factor[0] * along**power
        by_value, by_axial = power * width / along, np.zeros(k)
    else:
        axial = max(values[f"{name} axial"], 1e-9)
        cos2, cos2_by = squared_cosine(hkl, model.axis, metric)
        inverse2 = cos2 / axial**2 + (1.0 - cos2) / along**2
        width = factor[0] * inverse2 ** (-0.5 * power)
        slope = -0.5 * power * width / inverse2
        by_value = slope * -2.0 * (1.0 - cos2) / along**3
        by_axial = slope * -2.0 * cos2 / axial**3
        by_metric = (slope * (1.0 / axial**2 - 1.0 / along**2))[:, None] * cos2_by
    by = {name: by_value, f"{name} axial": by_axial}
    return DirectionalWidth.positive(width, by, by_metric, width * factor[1])


def _generalised(
    values: Mapping[str, float], hkl: Ints, metric: Array, factor: tuple[Array, Array], terms: Array
) -> DirectionalWidth:
    """Return the width by a generalised strain.

    With s = d^4 sum S_i c_i the width is proportional to s/(s^2 + b^2)^(1/4), which is sqrt(s), and -sqrt(-s) where s
    is negative, but for a bend at 0; its square is proportional to s. GSAS-II has no width where s is negative.
    """
    names = [f"strain {i + 1}" for i in range(terms.shape[1])]
    form = quadratic_form(hkl)
    q = form @ metric
    per_coefficient = terms / (q**2)[:, None]
    s = per_coefficient @ np.array([values[name] for name in names])
    s_by_metric = (-2.0 * s / q)[:, None] * form
    root = (s**2 + _BEND**2) ** -0.25
    width = factor[0] * s * root
    slope = factor[0] * root * (1.0 - 0.5 * s**2 * root**4)
    square = factor[0] ** 2
    return DirectionalWidth(
        width=width,
        square=square * s,
        width_by={name: slope * by for name, by in zip(names, per_coefficient.T, strict=True)},
        square_by={name: square * by for name, by in zip(names, per_coefficient.T, strict=True)},
        width_by_metric=slope[:, None] * s_by_metric,
        square_by_metric=square[:, None] * s_by_metric,
        width_by_theta=width * factor[1],
    )
