"""The profile of one peak: the Thompson-Cox-Hastings pseudo-Voigt, and the sum of copies for axial divergence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autogsas.engine import axial

__all__ = ["SIGMA_TO_FWHM", "Copies", "Mix", "pseudo_voigt_mix", "sum_copies"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIGMA_TO_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
_FOUR_LN2 = 4.0 * np.log(2.0)
_GAUSS = np.sqrt(_FOUR_LN2 / np.pi)
_TCH = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)  # the coefficients of eq. 9 of Thompson, Cox & Hastings


@dataclass(frozen=True)
class Mix:
    """Width and mixing of pseudo-Voigts from their Gaussian and Lorentzian parts; all arrays of one shape.

    ``fwhm`` and ``eta``, and their derivatives by the Gaussian variance and the Lorentzian width.
    """

    fwhm: Array
    eta: Array
    fwhm_by_variance: Array
    fwhm_by_gamma: Array
    eta_by_variance: Array
    eta_by_gamma: Array


def pseudo_voigt_mix(variance: Array, gamma: Array) -> Mix:
    """Return width and mixing after Thompson, Cox & Hastings, J. Appl. Cryst. 20, 79 (1987), eqs 9 and 10.

    H^5 = sum_i c_i G^(5-i) L^i with G = sqrt(8 ln 2 variance) and L = gamma; with q = L/H the mixing is
    eta = 1.36603 q - 0.47719 q^2 + 0.11116 q^3. ``variance`` > 0 is the Gaussian variance in x^2, ``gamma`` the
    Lorentzian full width in x.
    """
    gauss = SIGMA_TO_FWHM * np.sqrt(variance)
    total = np.zeros_like(gauss)
    by_gauss = np.zeros_like(gauss)
    by_gamma = np.zeros_like(gauss)
    for power, coefficient in enumerate(_TCH):
        total += coefficient * gauss ** (5 - power) * gamma**power
        if power < 5:
            by_gauss += coefficient * (5 - power) * gauss ** (4 - power) * gamma**power
        if power > 0:
            by_gamma += coefficient * power * gauss ** (5 - power) * gamma ** (power - 1)
    fwhm = total**0.2
    slope = 0.2 * fwhm / total
    fwhm_by_gauss, fwhm_by_gamma = slope * by_gauss, slope * by_gamma
    q = gamma / fwhm
    eta = q * (1.36603 + q * (-0.47719 + 0.11116 * q))
    eta_by_q = 1.36603 + q * (-0.95438 + 0.33348 * q)
    gauss_by_variance = 0.5 * gauss / variance
    return Mix(
        fwhm,
        eta,
        fwhm_by_gauss * gauss_by_variance,
        fwhm_by_gamma,
        -eta_by_q * q / fwhm * fwhm_by_gauss * gauss_by_variance,
        eta_by_q * (1.0 - q * fwhm_by_gamma) / fwhm,
    )


@dataclass(frozen=True)
class Copies:
    """The copies of l peaks, one row a copy (c, l), so that each row is gathered from contiguous numbers.

    ``shift`` in widths, ``weight``; ``tilt`` and ``stretch`` are the derivatives of weight and place by 2theta,
    ``lean`` and ``spread`` those by SH/L.
    """

    shift: Array
    weight: Array
    tilt: Array
    stretch: Array
    lean: Array
    spread: Array

    @classmethod
    def of(cls, nodes: axial.Nodes, fwhm: Array) -> Copies:
        """Return the copies of peaks with ``fwhm`` (l,)."""
        rows = (
            nodes.shift / fwhm[:, None],
            nodes.weight,
            nodes.weight_by_position,
            1.0 + nodes.shift_by_position,
            nodes.weight_by_shl,
            nodes.shift_by_shl,
        )
        return cls(*(np.ascontiguousarray(row.T) for row in rows))


def sum_copies(
    distance: Array, peak: Ints, fwhm: Array, eta: Array, copies: Copies, *, gaussian: bool, kinds: frozenset[str]
) -> dict[str, Array]:
    """Return the sum over a peak's copies of weighted pseudo-Voigts, and its derivatives, at each pair.

    ``distance`` (m,) is from the pair's point to its ``peak`` (m,), of l peaks with ``fwhm`` H and ``eta`` (l,).
    ``kinds`` are the derivatives to return besides the value: "position", "fwhm" with "eta", "shl". Without
    ``gaussian`` only the Lorentzian part. With z_j = distance/H - shift_j, s = sum_j w_j p(z_j)/H, p as in
    `_pseudo_voigt`:

    ds/dH = -(s + sum_j w_j z_j p'(z_j)/H)/H;
    ds/deta = sum_j w_j (L - G)/H;
    ds/dx = sum_j (tilt_j p - w_j p' stretch_j/H)/H, and the same with lean and spread for SH/L.
    """
    inverse = np.take(1.0 / fwhm, peak)
    scaled = distance * inverse
    mix = np.take(eta, peak)
    rest = 1.0 - mix if gaussian else mix
    count = len(copies.shift)
    sums = {kind: np.zeros(distance.size) for kind in ("value", *kinds)}
    for j in range(count):
        z = scaled - np.take(copies.shift[j], peak)
        value, slope, difference = _pseudo_voigt(z, mix, rest, gaussian=gaussian, slopes=bool(kinds))
        if count > 1:
            _add_weighted(sums, value, slope, difference, copies, j, peak)
        elif "eta" in sums:
            # One copy alone has all the weight, whatever moves.
            sums["eta"] += difference
        sums["value"] += value
        if "fwhm" in sums:
            z *= slope
            sums["fwhm"] += z
        if "position" in sums or "shl" in sums:
            slope *= inverse
        if "shl" in sums:
            sums["shl"] -= np.take(copies.spread[j], peak) * slope
        if "position" in sums:
            slope *= np.take(copies.stretch[j], peak)
            sums["position"] -= slope
    if "fwhm" in sums:
        sums["fwhm"] += sums["value"]
        sums["fwhm"] *= inverse
        np.negative(sums["fwhm"], out=sums["fwhm"])
    for total in sums.values():
        total *= inverse
    return sums


def _pseudo_voigt(z: Array, mix: Array, rest: Array, *, gaussian: bool, slopes: bool) -> tuple[Array, Array, Array]:
    """Return p = eta L + (1 - eta) G at ``z`` (m,) in widths, dp/dz where ``slopes``, and dp/deta = L - G.

    L = (2/pi)/(1 + 4 z^2) and G = sqrt(4 ln 2/pi) exp(-4 ln 2 z^2), both of unit area and width; ``mix`` is eta,
    ``rest`` 1 - eta. L' = -4 pi z L^2 and G' = -8 ln 2 z G. Without ``gaussian`` G is left out. Arrays are reused,
    since most of the time is spent here; without ``slopes`` the second array is the first.
    """
    z2 = z * z
    lorentz = 4.0 * z2
    lorentz += 1.0
    np.divide(2.0 / np.pi, lorentz, out=lorentz)
    value = mix * lorentz
    slope = value * lorentz if slopes else value
    difference = lorentz
    if gaussian:
        z2 *= -_FOUR_LN2
        gauss = np.exp(z2, out=z2)
        gauss *= _GAUSS
        difference = lorentz - gauss
        gauss *= rest
        value += gauss
    if slopes:
        slope *= 2.0 * np.pi
        if gaussian:
            gauss *= _FOUR_LN2
            slope += gauss
        slope *= z
        slope *= -2.0
    return value, slope, difference


def _add_weighted(
    sums: dict[str, Array], value: Array, slope: Array, difference: Array, copies: Copies, j: int, peak: Ints
) -> None:
    """Add what copy ``j`` brings through its weight, and multiply its ``value`` and ``slope`` by the weight."""
    weight = np.take(copies.weight[j], peak)
    if "eta" in sums:
        sums["eta"] += weight * difference
    if "position" in sums:
        sums["position"] += np.take(copies.tilt[j], peak) * value
    if "shl" in sums:
        sums["shl"] += np.take(copies.lean[j], peak) * value
    value *= weight
    if len(sums) > 1:
        slope *= weight
