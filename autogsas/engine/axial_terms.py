"""GSAS-II's sum for axial divergence: a few terms of the Finger-Cox-Jephcoat integral.

GSAS-II (psvfcjo, after Finger, Cox & Jephcoat, J. Appl. Cryst. 27, 892 (1994), eqs 4 and 7, coded by B. H. Toby) sums
the upper half of a Gauss-Legendre rule on the angles between 2phi_min and 2theta. The rule's size is the smallest of a
table that is at least int(300 |2theta - 2phi_min|/gamma), angles in degrees and gamma in centidegree: for peaks of
usual width that is one term or a few, which differ from the integral by several per cent of a peak's height. Widths
and SH/L of a fit depend on the sum it is made with, so a recipe ends at GSAS-II's result only with GSAS-II's sum.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import roots_jacobi, roots_legendre

from autogsas.engine.axial import Nodes, extent

__all__ = ["nodes", "terms"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEGREE = np.pi / 180.0
_SIZES = np.array(
    [
        2,
        4,
        6,
        8,
        10,
        12,
        14,
        16,
        18,
        20,
        22,
        24,
        26,
        28,
        30,
        40,
        50,
        60,
        70,
        80,
        90,
        100,
        110,
        120,
        140,
        160,
        180,
        200,
        220,
        240,
        260,
        280,
        300,
        400,
    ]
)
_LEAST = 1e-9  # keeps quotients finite at 2theta of 0, 90 and 180 degrees


def terms(two_theta: Array, shl: float, gamma: Array) -> Ints:
    """Return how many terms GSAS-II takes for peaks at ``two_theta`` (n,) in degrees; ``gamma`` (n,) in degrees."""
    wanted = np.floor(3.0 * extent(two_theta, shl) / np.maximum(gamma, 1e-5))
    return np.asarray(_SIZES[np.minimum(np.searchsorted(_SIZES, wanted), _SIZES.size - 1)] // 2, dtype=np.int64)


@cache
def _rule(count: int) -> tuple[Array, Array]:
    """Return the upper half of the Gauss-Legendre rule of 2 ``count`` points: abscissas in (0, 1), and weights."""
    points, weights = roots_legendre(2 * count)
    return np.asarray(points[count:]), np.asarray(weights[count:])


@cache
def _compression(count: int, fewer: int) -> tuple[Array, Array]:
    """Return ``fewer`` abscissas, and the matrix (count, fewer) that transfers a sum's weights to them.

    Lagrange interpolation of the summed function: exact for polynomials up to degree ``fewer`` - 1. The abscissas are
    Those of Gauss for the density at both ends, (1 - u)^-1/2 and u, which makes it exact to almost twice that.
    """
    points, _ = _rule(count)
    chosen = (np.asarray(roots_jacobi(fewer, -0.5, 1.0)[0]) + 1.0) / 2.0
    gaps = chosen[:, None] - chosen + np.eye(fewer)
    barycentric = 1.0 / np.prod(gaps / np.max(np.abs(gaps)), axis=1)
    away = points[:, None] - chosen
    away = np.where(np.abs(away) < 1e-14, 1e-14, away)
    share = barycentric / away
    return chosen, share / share.sum(axis=1, keepdims=True)


def nodes(two_theta: Array, shl: float, counts: Ints, copies: int) -> Nodes:
    """Return the copies (n, ``copies``) of peaks at ``two_theta`` (n,) in degrees that replace GSAS-II's sum.

    ``counts`` (n,) is each peak's number of terms. Where it is at most ``copies`` they are GSAS-II's own terms, filled
    up with copies of zero weight; where it is larger, ``copies`` terms with the same moments; one copy is the centroid.
    """
    shape = (two_theta.size, copies)
    u = np.full(shape, 0.5)
    u_by_position, u_by_shl = np.zeros(shape), np.zeros(shape)
    parts = [np.zeros(shape) for _ in range(3)]
    exact = counts <= copies
    if np.any(exact):
        at = np.flatnonzero(exact)
        table_u, table_w = _padded(copies)
        u[at] = table_u[counts[at]]
        for out, found in zip(parts, _weights(two_theta[at], shl, u[at], table_w[counts[at]]), strict=True):
            out[at] = found
    for count in np.unique(counts[~exact]):
        at = np.flatnonzero(counts == count)
        points, rule = _rule(int(count))
        full = _weights(two_theta[at], shl, np.broadcast_to(points, (at.size, points.size)), rule)
        if copies == 1:
            # The single abscissa, the centroid, moves with the peak.
            for out, found in zip((u, u_by_position, u_by_shl), full, strict=True):
                out[at, 0] = found @ points
            parts[0][at] = 1.0
        else:
            u[at], matrix = _compression(int(count), copies)
            for out, found in zip(parts, full, strict=True):
                out[at] = found @ matrix
    gap, gap_by_position, gap_by_shl = (values[:, None] for values in _gap(two_theta, shl))
    weight, weight_by_position, weight_by_shl = parts
    return Nodes(
        shift=gap * (1.0 - u) / _DEGREE,
        weight=weight,
        shift_by_position=gap_by_position * (1.0 - u) - gap * u_by_position,
        weight_by_position=weight_by_position * _DEGREE,
        shift_by_shl=(gap_by_shl * (1.0 - u) - gap * u_by_shl) / _DEGREE,
        weight_by_shl=weight_by_shl,
    )


@cache
def _padded(copies: int) -> tuple[Array, Array]:
    """Return the abscissas and weights of all rules up to ``copies`` terms, one a row, filled up with zero weights."""
    u, w = np.full((copies + 1, copies), 0.5), np.zeros((copies + 1, copies))
    for count in range(1, copies + 1):
        u[count, :count], w[count, :count] = _rule(count)
    return u, w


def _gap(two_theta: Array, shl: float) -> tuple[Array, Array, Array]:
    """Return 2phi_min - 2theta in radians (FCJ eq. 4), and its derivatives by 2theta (radians) and SH/L; all (n,)."""
    position = two_theta * _DEGREE
    root = np.sqrt(1.0 + shl * shl)
    edge = root * np.cos(position)
    inside = np.abs(edge) < 1.0
    smallest = np.arccos(np.clip(edge, -1.0, 1.0))
    sine = np.maximum(np.sin(smallest), _LEAST)
    by_position = np.where(inside, root * np.sin(position) / sine, 0.0) - 1.0
    by_shl = np.where(inside, -shl / root * np.cos(position) / sine, 0.0)
    return smallest - position, by_position, by_shl


def _weights(two_theta: Array, shl: float, u: Array, rule: Array) -> tuple[Array, Array, Array]:
    """Return normalised weights (n, m) at abscissas ``u`` (n, m), and their derivatives by 2theta (radians) and SH/L.

    FCJ eq. 7 for S = H: G = (SH/L F - 1)/cos(delta) with F = |cos 2theta|/sqrt(cos^2 delta - cos^2 2theta).
    """
    position = (two_theta * _DEGREE)[:, None]
    gap, gap_by_position, gap_by_shl = (values[:, None] for values in _gap(two_theta, shl))
    delta = position + gap * (1.0 - u)
    delta_by_position = 1.0 + gap_by_position * (1.0 - u)
    delta_by_shl = gap_by_shl * (1.0 - u)
    cosine, sine = np.cos(position), np.sin(position)
    cosine = np.where(np.abs(cosine) < _LEAST, _LEAST, cosine)
    cos_delta, sin_delta = np.cos(delta), np.sin(delta)
    cos_delta = np.where(np.abs(cos_delta) < _LEAST, np.copysign(_LEAST, cos_delta), cos_delta)
    # cos^2 delta - cos^2 2theta without the cancellation of nearly equal numbers.
    squares = np.maximum(np.sin(position + delta) * np.sin(position - delta), _LEAST**2)
    f = np.abs(cosine) / np.sqrt(squares)
    density = np.maximum(shl * f - 1.0, _LEAST)
    raw = rule * density / np.abs(cos_delta)
    raw = np.where(rule > 0, raw, 0.0)
    weight = raw / raw.sum(axis=1, keepdims=True)
    tangent = sin_delta / cos_delta
    f_by_delta = f * cos_delta * sin_delta / squares
    f_by_position = -f * (sine / cosine + cosine * sine / squares)
    log_by_delta = shl * f_by_delta / density + tangent
    log_by_position = shl * f_by_position / density + log_by_delta * delta_by_position
    log_by_shl = f / density + log_by_delta * delta_by_shl

    def normalised(log_slope: Array) -> Array:
        return np.asarray(weight * (log_slope - np.sum(weight * log_slope, axis=1, keepdims=True)))

    return weight, normalised(log_by_position), normalised(log_by_shl)
