"""One line: the Thompson-Cox-Hastings pseudo-Voigt, and the sum of its copies that axial divergence makes."""

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
_TCH = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)


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

    ``variance`` is the Gaussian variance, ``gamma`` the Lorentzian full width, in x^2 and x; ``variance`` > 0.
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
    """The copies of l lines, one row a copy (c, l), so that each row is gathered from contiguous numbers.

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
    distance: Array, line: Ints, fwhm: Array, eta: Array, copies: Copies, *, gaussian: bool, kinds: frozenset[str]
) -> dict[str, Array]:
    """Return the sum over a line's copies of weighted pseudo-Voigts, and its derivatives, at each pair.

    ``distance`` (m,) is from the pair's point to its ``line`` (m,), of l lines with ``fwhm`` and ``eta`` (l,). Without
    ``gaussian`` only the Lorentzian part. ``kinds`` says which derivatives to give besides the value: "position",
    "fwhm" with "eta", "shl".
    """
    inverse = np.take(1.0 / fwhm, line)
    scaled = distance * inverse
    mix = np.take(eta, line)
    rest = 1.0 - mix if gaussian else mix
    moves, widens, leans = "position" in kinds, "fwhm" in kinds, "shl" in kinds
    count = len(copies.shift)
    sums = {kind: np.zeros(distance.size) for kind in ("value", *kinds)}
    for j in range(count):
        z = scaled - np.take(copies.shift[j], line)
        z2 = z * z
        lorentz = 4.0 * z2
        lorentz += 1.0
        np.divide(2.0 / np.pi, lorentz, out=lorentz)
        v = mix * lorentz
        steep = v * lorentz if moves or widens or leans else v
        difference = lorentz
        if gaussian:
            z2 *= -_FOUR_LN2
            gauss = np.exp(z2, out=z2)
            gauss *= _GAUSS
            difference = lorentz - gauss
            gauss *= rest
            v += gauss
        if moves or widens or leans:
            steep *= 2.0 * np.pi
            if gaussian:
                gauss *= _FOUR_LN2
                steep += gauss
            steep *= z
            steep *= -2.0
        if count > 1:
            # One copy alone has all the weight, whatever moves.
            w = np.take(copies.weight[j], line)
            if widens:
                sums["eta"] += w * difference
            if moves:
                sums["position"] += np.take(copies.tilt[j], line) * v
            if leans:
                sums["shl"] += np.take(copies.lean[j], line) * v
            v *= w
            if moves or widens or leans:
                steep *= w
        elif widens:
            sums["eta"] += difference
        sums["value"] += v
        if widens:
            z *= steep
            sums["fwhm"] += z
        if moves or leans:
            steep *= inverse
        if leans:
            sums["shl"] -= np.take(copies.spread[j], line) * steep
        if moves:
            steep *= np.take(copies.stretch[j], line)
            sums["position"] -= steep
    if widens:
        sums["fwhm"] += sums["value"]
        sums["fwhm"] *= inverse
        np.negative(sums["fwhm"], out=sums["fwhm"])
    for total in sums.values():
        total *= inverse
    return sums
