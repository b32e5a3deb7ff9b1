"""Axial divergence after Finger, Cox & Jephcoat, J. Appl. Cryst. 27, 892 (1994), as a sum over shifted copies.

With S/L = H/L = s the profile of a peak at 2theta is the convolution (their eq. 6, 7) of the symmetric peak with the
density D(delta) = (2s/h - 1)/cos(delta) on the angles delta seen by the detector slit, where
h = sqrt(cos^2 delta/cos^2 2theta - 1) is the axial height over L (eq. 3). Changing the variable from delta to h takes
the singularity at delta = 2theta away: cos delta = cos 2theta sqrt(1 + h^2) gives

    D d(delta) = (2s - h) / ((1 + h^2) sin delta) dh,    0 <= h <= 2s = SH/L,

a smooth function times the weight 2s - h, for which Gauss-Jacobi quadrature converges with very few nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import roots_jacobi

__all__ = ["Nodes", "extent", "nodes"]

Array = npt.NDArray[np.float64]

_DEGREE = np.pi / 180.0
_LEAST_SINE = 1e-4  # within 0.006 degrees of the beam the geometry has no meaning


@dataclass(frozen=True)
class Nodes:
    """The copies of n peaks, m each: ``shift`` in degrees to add to 2theta and ``weight`` (sum 1), both (n, m).

    ``shift_by_position`` and ``weight_by_position`` are derivatives by 2theta (degrees), ``shift_by_shl`` and
    ``weight_by_shl`` by SH/L.
    """

    shift: Array
    weight: Array
    shift_by_position: Array
    weight_by_position: Array
    shift_by_shl: Array
    weight_by_shl: Array


@cache
def _rule(count: int) -> tuple[Array, Array]:
    """Return nodes u in (0, 1) and weights of the Gauss rule for the weight 1 - u."""
    points, weights = roots_jacobi(count, 1.0, 0.0)
    return (np.asarray(points) + 1.0) / 2.0, np.asarray(weights) / 4.0


def extent(two_theta: Array, shl: float) -> Array:
    """Return the largest distance of the copies from each peak, in degrees, shape of ``two_theta`` (degrees)."""
    position = two_theta * _DEGREE
    edge = np.clip(np.cos(position) * np.sqrt(1.0 + shl * shl), -1.0, 1.0)
    return np.asarray(np.abs(np.arccos(edge) / _DEGREE - two_theta))


def nodes(two_theta: Array, shl: float, count: int) -> Nodes:
    """Return the copies of peaks at ``two_theta`` (n,) in degrees for axial divergence ``shl`` = S/L + H/L > 0."""
    u, rule = _rule(count)
    position = (two_theta * _DEGREE)[:, None]
    cosine, sine = np.cos(position), np.sin(position)
    # Near 0 and 180 degrees the slit sees the whole cone: h ends where delta reaches 0 or 180 degrees.
    reach = np.abs(sine) / np.maximum(np.abs(cosine), 1e-12)
    whole = reach < shl
    top = np.where(whole, reach, shl)
    h = top * u
    root = np.sqrt(1.0 + h * h)
    cos_delta = cosine * root
    sin_delta = np.sqrt(np.maximum(1.0 - cos_delta**2, _LEAST_SINE**2))
    delta = np.arctan2(sin_delta, cos_delta)
    # (2s - h) is the rule's own weight 1 - u where the whole interval is used.
    remaining = np.where(whole, (shl - h) / np.maximum(1.0 - u, 1e-12), 1.0)
    raw = rule * remaining / (root**2 * sin_delta)
    total = raw.sum(axis=1, keepdims=True)
    weight = raw / total

    # Along 2theta h is fixed, except where the whole cone is seen; the few peaks below SH/L radians keep it fixed too.
    delta_by_position = sine * root / sin_delta
    log_by_position = -cos_delta / sin_delta * delta_by_position
    weight_by_position = weight * (log_by_position - np.sum(weight * log_by_position, axis=1, keepdims=True))
    h_by_shl = np.where(whole, 0.0, u)
    delta_by_shl = -cosine * h / (root * sin_delta) * h_by_shl
    log_by_shl = -2.0 * h / root**2 * h_by_shl - cos_delta / sin_delta * delta_by_shl
    log_by_shl = log_by_shl + np.where(whole, 1.0 / np.maximum(shl - h, 1e-12), 0.0)
    weight_by_shl = weight * (log_by_shl - np.sum(weight * log_by_shl, axis=1, keepdims=True))
    return Nodes(
        shift=(delta - position) / _DEGREE,
        weight=weight,
        shift_by_position=delta_by_position - 1.0,
        weight_by_position=weight_by_position * _DEGREE,
        shift_by_shl=delta_by_shl / _DEGREE,
        weight_by_shl=weight_by_shl,
    )
