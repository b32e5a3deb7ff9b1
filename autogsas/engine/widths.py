"""Gaussian variance and Lorentzian width of reflections from instrument and sample, and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine.broadening import SampleWidths

__all__ = ["Smallest", "Widths", "WidthsAlong", "widths"]

Array = npt.NDArray[np.float64]

_DEGREE = np.pi / 180.0
# Negative widths are bent smoothly towards zero. GSAS-II cuts them off at 0.001 (centidegree^2 and centidegree), but a
# corner in chi^2 would stop the least squares; the bend begins at this share of a step of the pattern, far narrower
# than any peak that the steps resolve. Not measured.
_BEND = 0.1


@dataclass(frozen=True)
class Smallest:
    """Scales of the smallest widths, from the pattern's step: degrees^2 of variances and degrees of gammas.

    ``bends`` is where the bend towards zero begins; ``units`` a width that the pattern's steps hardly resolve, in
    which the penalty on negative widths is counted.
    """

    bends: tuple[float, float]
    units: tuple[float, float]

    @classmethod
    def of(cls, step: float) -> Smallest:
        """Return the scales for a pattern with points ``step`` degrees apart."""
        bend = _BEND * step
        return cls((bend**2, 0.2 * bend), ((0.5 * bend / _BEND) ** 2, 0.2 * bend / _BEND))


@dataclass(frozen=True)
class WidthsAlong:
    """Derivatives (k, v): of the positive variance and gamma, and of `Widths.unbent`."""

    variance: Array
    gamma: Array
    unbent: tuple[Array, ...]


@dataclass(frozen=True)
class Widths:
    """k reflections: ``variance`` (degrees^2) and ``gamma`` (degrees), positive.

    ``unbent`` are the two before they are bent to be positive, in `Smallest.units`, and with a generalised strain its
    own width in those of gammas. ``variance_by`` and ``gamma_by``
    (k,) are slopes by 2theta in degrees before the bend, ``slopes`` those of the bend.
    """

    variance: Array
    gamma: Array
    unbent: tuple[Array, ...]
    variance_by: Array
    gamma_by: Array
    slopes: tuple[Array, Array]
    tangent: Array
    cosine: Array
    sample: SampleWidths
    smallest: Smallest

    def along(
        self, position: Array, cell: Array, instrument: Mapping[str, Array], pair: Mapping[str, Array]
    ) -> WidthsAlong:
        """Return the derivatives by v variables.

        ``position`` (k, v) is d(2theta)/dv, ``cell`` (6, v) d(metric)/dv, ``instrument`` and ``pair`` d(parameter)/dv,
        each (v,).
        """
        tangent, cosine, sample = self.tangent, self.cosine, self.sample
        variance = self.variance_by[:, None] * position + 1e-4 * (
            np.outer(tangent**2, instrument["U"])
            + np.outer(tangent, instrument["V"])
            + instrument["W"]
            + sample.variance_by_metric @ cell
            + sum(np.outer(by, pair[name]) for name, by in sample.variance_by.items())
        )
        gamma = self.gamma_by[:, None] * position + 1e-2 * (
            np.outer(1.0 / cosine, instrument["X"])
            + np.outer(tangent, instrument["Y"])
            + instrument["Z"]
            + sample.gamma_by_metric @ cell
            + sum(np.outer(by, pair[name]) for name, by in sample.gamma_by.items())
        )
        units = self.smallest.units
        unbent: tuple[Array, ...] = (variance / units[0], gamma / units[1])
        if sample.strain is not None:
            strain = (0.5 * _DEGREE * sample.strain.width_by_theta)[:, None] * position
            strain = strain + sample.strain.width_by_metric @ cell
            strain = strain + sum(np.outer(by, pair[name]) for name, by in sample.strain.width_by.items())
            unbent += (1e-2 / units[1] * strain,)
        return WidthsAlong(variance * self.slopes[0][:, None], gamma * self.slopes[1][:, None], unbent)


def widths(values: Mapping[str, float], sample: SampleWidths, theta: Array, smallest: Smallest) -> Widths:
    """Return the widths of reflections at Bragg angles ``theta`` (k,) in radians.

    Gaussian variance U tan^2(theta) + V tan(theta) + W (Caglioti, Paoletti & Ricci, Nucl. Instrum. 3, 223 (1958)) and
    Lorentzian width X/cos(theta) + Y tan(theta) + Z, in centidegree^2 and centidegree as in GSAS-II, to both of which
    the sample's are added; then bent to stay positive. ``values`` are "U" to "Z".
    """
    tangent, cosine = np.tan(theta), np.cos(theta)
    tangent_by = 0.5 * _DEGREE / cosine**2
    secant_by = 0.5 * _DEGREE * tangent / cosine
    u, v, w = values["U"], values["V"], values["W"]
    half = 0.5 * _DEGREE
    variance = (u * tangent**2 + v * tangent + w + sample.variance) * 1e-4
    variance_by = ((2.0 * u * tangent + v) * tangent_by + sample.variance_by_theta * half) * 1e-4
    x, y, z = values["X"], values["Y"], values["Z"]
    gamma = (x / cosine + y * tangent + z + sample.gamma) * 1e-2
    gamma_by = (x * secant_by + y * tangent_by + sample.gamma_by_theta * half) * 1e-2
    unbent: tuple[Array, ...] = (variance / smallest.units[0], gamma / smallest.units[1])
    if sample.strain is not None:
        unbent += (1e-2 / smallest.units[1] * sample.strain.width,)
    variance, variance_slope = _bent(variance, smallest.bends[0])
    gamma, gamma_slope = _bent(gamma, smallest.bends[1])
    slopes = (variance_slope, gamma_slope)
    return Widths(variance, gamma, unbent, variance_by, gamma_by, slopes, tangent, cosine, sample, smallest)


def _bent(value: Array, bend: float) -> tuple[Array, Array]:
    """Return ``value`` bent to stay positive, (v + sqrt(v^2 + 4 b^2))/2, and the slope of the bend."""
    root = np.sqrt(value**2 + 4.0 * bend**2)
    positive = 0.5 * (value + root)
    # For large negative values the difference above cancels; b^2/(-v) is the same number without the loss.
    positive = np.where(value < 0, 2.0 * bend**2 / (root - np.minimum(value, 0.0)), positive)
    return positive, positive / root
